# SPDX-License-Identifier: Apache-2.0
"""The pack of Q6: a hundred rules as threat hunters write them, and what they match in the archive.

In: a World. Out: fifty Rules with `has` on company and product, the seed rule's two needles first, and fifty with
`has_any` of five terms on the command line. Most match a few rows of a hundred thousand, some match none.
`python3 bench/pack.py FOLDER` writes them, a file a rule, as those of an archive of the standard seed.
"""
import dataclasses
import os
import random
import re
import sys

from tables import PROCESS

COUNT = 100
COMPANY, PRODUCT, COMMAND = "ProcessVersionInfoCompanyName", "ProcessVersionInfoProductName", "ProcessCommandLine"
# Terms that no command line has; each tenth rule looks for one of them.
TOOLS = ["mimikatz", "sekurlsa", "lsadump", "vssadmin delete", "rclone.exe"]
FREQUENT = {"--client-id", "--user-data", "system32", "rundll32", "msedgewebview2"}  # would match a ninth of all rows
# A term can be told from the parts of a command line alone where it is not wholly hexadecimal: the token between them is.
TERM = re.compile(r"--[a-z]+-[a-z]+|[a-z]{4,}\d+|[a-z]{4,}\.(?:dll|ps1|bat)|[a-z]{4,}\.[a-z]{4,}")


@dataclasses.dataclass
class Rule:
    number: int
    company: str = ""
    product: str = ""
    terms: tuple = ()

    def condition(self):
        if self.terms:
            return f"{COMMAND} has_any ({', '.join(repr(term) for term in self.terms)})"
        return f"{COMPANY} has '{self.company}' and {PRODUCT} has '{self.product}'"

    def kql(self):
        return (f"{PROCESS} | where {self.condition()} | summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), "
                "Count=count() by DeviceId, DeviceName")


def has(text, term):
    """KQL's `has`, character by character: `term`, caseless, with no letter or digit beside its own."""
    text, term = text.lower(), term.lower()
    place = text.find(term)
    while place >= 0:
        end = place + len(term)
        before = term[0].isalnum() and place > 0 and text[place - 1].isalnum()
        after = term[-1].isalnum() and end < len(text) and text[end].isalnum()
        if not before and not after:
            return True
        place = text.find(term, place + 1)
    return False


def product_rule(world, rng, number):
    company = product = ""
    while not (company.isascii() and company.replace(" ", "").replace(".", "").isalnum()):
        place = rng.randrange(200, world.first_hit)
        company, product = world.images[COMPANY].values[place], world.images[PRODUCT].values[place]
    if number % 4 == 0:
        product = company.split()[0] + " Remote"  # of no program
    company = company.rstrip(".")
    return Rule(number, company.lower() if number % 3 == 0 else company, product.rsplit(" ", number % 2)[0])


def term_rule(world, rng, number):
    terms = []
    while len(terms) < 5:
        before, after = world.commands.parts[rng.randrange(1_000, world.first_encoded)]
        found = [term for term in TERM.findall(before + " " + after) if term not in FREQUENT and term not in terms]
        if found:
            terms.append(rng.choice(found))
    if number % 10 == 0:
        terms[0] = TOOLS[number // 10 % len(TOOLS)]
    if number % 3 == 0:
        terms[-1] = terms[-1].upper()
    return Rule(number, terms=tuple(terms))


def rules(world):
    rng = random.Random(100)
    return ([Rule(0, "Distant Software", "Distant Desktop")] +
            [product_rule(world, rng, number) for number in range(1, COUNT // 2)] +
            [term_rule(world, rng, number) for number in range(COUNT // 2, COUNT)])


def one_query_each(pack):
    """The ten rules that are also run as one query a rule: five of each kind."""
    return pack[::COUNT // 10]


def of_images(world, pack):
    """For each number of a program, the numbers of the rules that its company and product match."""
    answers = {}
    for pair in set(zip(world.images[COMPANY].values, world.images[PRODUCT].values)):
        answers[pair] = [rule.number for rule in pack if not rule.terms and has(pair[0] or "", rule.company)
                         and has(pair[1] or "", rule.product)]
    return [answers[pair] for pair in zip(world.images[COMPANY].values, world.images[PRODUCT].values)]


def of_commands(world, pack):
    """For each number of a command line, the numbers of the rules that it matches, whatever the token."""
    terms = [(term.lower(), rule.number) for rule in pack for term in rule.terms]
    result = []
    for before, after in world.commands.parts:
        text = (before + "0" * 16 + after).lower()
        result.append(sorted({number for term, number in terms if term in text and has(text, term)}))
    return result


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for rule in rules(World(1)):
        with open(os.path.join(folder, f"{rule.number:02}.kql"), "w", encoding="utf-8") as file:
            file.write(rule.kql() + "\n")


if __name__ == "__main__":
    from world import World
    main()
