# SPDX-License-Identifier: Apache-2.0
"""What the rows of the archive are drawn from: programs, accounts, machines, command lines, remote hosts.

In: a seed. Out: a World, the same for the same seed, so archives of any size share it. Each value is kept as JSON text,
the way NDJSON has it, and as an Arrow value that is decoded from that text: the forms of an archive cannot differ.
"""
import json
import random

import numpy
import pyarrow

ARROW_TYPES = {"string": pyarrow.string(), "long": pyarrow.int64(), "int": pyarrow.int32(), "bool": pyarrow.bool_(),
               "datetime": pyarrow.timestamp("ns")}
IMAGES, DEVICES, ACCOUNTS, COMMANDS, HOSTS = 3_000, 2_000, 3_000, 20_000, 5_000

SYLLABLES = ("ar bel cor dan el fin gar hol in jor kel lum mar nor ost per qua ros sol tor ul ven wil xan yor zen "
             "bri cla dro fle gri plo ski tra").split()
FORMS = "Corporation Inc. Ltd. GmbH LLC Technologies Software Systems Labs S.A. AB Group".split()
KINDS = "Updater Agent Desktop Service Client Manager Player Reader Studio Monitor Viewer Sync Backup Launcher".split()
WINDOWS = ("svchost.exe cmd.exe powershell.exe conhost.exe rundll32.exe taskhostw.exe wmiprvse.exe schtasks.exe reg.exe "
           "net.exe whoami.exe explorer.exe services.exe regsvr32.exe mshta.exe msiexec.exe sc.exe dllhost.exe "
           "backgroundTaskHost.exe RuntimeBroker.exe SearchIndexer.exe PowerShell.EXE powershell_ise.exe").split()
# JSON text of a company or product for which `has` of the seed rule's needle holds.
HIT_COMPANIES = ['"Distant Software"', r'"\u0044istant Software"', '"distant software"', '"DISTANT SOFTWARE"',
                 '"Distant Software GmbH & Co. KG"', '"(c) Distant Software, Inc."', '"Distant Software_EU"',
                 r'"ACME\/Distant Software"', r'"\"Distant Software\""', '"Distant Software™"',
                 r'"Distant\u0020Software"', r'"Soci\u00e9t\u00e9 Distant Software"']
HIT_PRODUCTS = ['"Distant Desktop"', '"distant desktop"', '"Distant Desktop 5.1 (x64)"',
                '"the DISTANT DESKTOP client"', r'"Distant \u0044esktop"', r'"Distant Desktop\/Host"']
# (company, product) of which one at least does not match.
NEAR_MISSES = [("Distant Softwares", "Distant Desktop"), ("XDistant Software", "Distant Desktop"),
               ("Distant Software1", "Distant Desktop"), ("Distant  Software", "Distant Desktop"),
               ("Distant-Software", "Distant Desktop"), ("Distant Software", "Distant Desktops"),
               ("Distant Software", "2Distant Desktop"), ("Distant Software", "Remote Desktop"),
               ("Software Distant", "Distant Desktop"), ("", "Distant Desktop"), (None, "Distant Desktop")]
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Text before and after a token, around an encoded command, and whether the regular expression of Q3 matches it.
ENCODED = [("powershell.exe -NoP -W Hidden -enc {}", "", True), ("powershell -ENCODEDCOMMAND   {}", "", True),
           ("pwsh.exe -e\t{}", " -x", True), ("powershell.exe -e {}", "==", True), ("powershell.exe -ec {}", "", False),
           ('powershell.exe -enc "{}', '"', False)]
ENCODED_COUNT = 600
ELSEWHERE = ('"C:\\Distant Software\\Distant Desktop\\ddesk.exe" -start ', "")
PORTS = [443, 80, 53, 445, 3389, 8080]


def quote(value):
    return json.dumps(value, ensure_ascii=False)


class Values:
    """Values that rows draw by number, each given as JSON text; null is a value. Strings become dictionaries."""

    def __init__(self, texts, kind="string"):
        values = [json.loads(text) for text in texts]
        distinct = list(dict.fromkeys(value for value in values if value is not None))
        place = {value: number for number, value in enumerate(distinct)}
        self.values, self.kind, self.texts = values, kind, pyarrow.array(texts)
        self.distinct = pyarrow.array(distinct, ARROW_TYPES[kind])
        self.codes = pyarrow.array([place.get(value) for value in values], pyarrow.int32())

    def column(self, numbers):
        codes = self.codes.take(numbers)
        if self.kind == "string":
            return pyarrow.DictionaryArray.from_arrays(codes, self.distinct)
        return self.distinct.take(codes)

    def of(self, values):
        """The number of each value among the distinct ones, for counting; all of them have one."""
        return self.codes.to_numpy(zero_copy_only=False)[values]


class Commands:
    """Command lines in two parts; a token of sixteen hexadecimal digits that no other row has goes between them."""

    def __init__(self, parts):
        self.parts = parts
        texts = [[quote(text)[1:-1] for text in side] for side in zip(*parts)]
        slashed = [[text.replace("/", "\\/") for text in side] for side in texts]
        self.plain = [pyarrow.array(side) for side in zip(*parts)]
        # The two ways in which exports write a slash: the second half of each list has the other one.
        self.json = [pyarrow.array(one + other) for one, other in zip(texts, slashed)]

    def texts(self, numbers, tokens):
        return pyarrow.compute.binary_join_element_wise(
            self.plain[0].take(numbers), tokens, self.plain[1].take(numbers), "")


class Ranks:
    """Draws numbers from 0 to `count` - 1 by Zipf's law."""

    def __init__(self, count, exponent):
        self.sums = numpy.cumsum(numpy.arange(1, count + 1) ** -exponent)

    def draw(self, rng, count):
        return numpy.searchsorted(self.sums, rng.random(count) * self.sums[-1]).astype(numpy.int32)


def word(rng):
    return rng.choice(SYLLABLES) + rng.choice(SYLLABLES)


def hexadecimal(rng, digits):
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def guid(rng):
    text = hexadecimal(rng, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def image(rng, file, company, product):
    """The columns of a program as JSON text; `company` and `product` are JSON text already."""
    folder = rng.choice(["C:\\Windows\\System32\\", "C:\\Program Files\\", "C:\\Program Files (x86)\\",
                         "C:\\Users\\Public\\", "C:\\ProgramData\\"])
    stem = file.rsplit(".", 1)[0]
    return {"FileName": quote(file), "FolderPath": quote(folder + stem + "\\" + file),
            "SHA1": quote(hexadecimal(rng, 40)), "SHA256": quote(hexadecimal(rng, 64)),
            "MD5": quote(hexadecimal(rng, 32)), "FileSize": str(rng.randrange(20_000, 90_000_000)),
            "ProcessVersionInfoCompanyName": company, "ProcessVersionInfoProductName": product,
            "ProcessVersionInfoProductVersion": f'"{rng.randrange(130)}.{rng.randrange(20)}.{rng.randrange(9000)}"',
            "ProcessVersionInfoInternalFileName": quote(stem) if rng.random() < 0.9 else "null",
            "ProcessVersionInfoOriginalFileName": quote(file),
            "ProcessVersionInfoFileDescription": quote(f"{stem} process") if rng.random() < 0.9 else '""'}


def command_parts(rng, number):
    """The text before and after the token of a command line."""
    options = " ".join(f"--{word(rng)}-{word(rng)}={word(rng)}{rng.randrange(1000)}" for _ in range(rng.randrange(1, 9)))
    one, two = word(rng), word(rng)
    return [
        (f'"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe" --type=renderer {options} --client-id=', ""),
        (f"svchost.exe -k {one} -p -s {two} ", ""),
        (f'cmd.exe /c "{one} {two} & {one}.bat" > C:\\Temp\\', ".log 2>&1"),
        (f"powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\\ProgramData\\{one}\\{two}.ps1 -Id ", f" {options}"),
        (f"rundll32.exe C:\\Windows\\system32\\{one}.dll,{two} {{", "}"),
        (f'"C:\\Program Files (x86)\\{one} {two}\\{two}.exe" {options} /s ', ""),
        (f'msedgewebview2.exe {options} --user-data-dir="C:\\Users\\{one}.{two}\\AppData\\Local\\', '\\EBWebView"'),
        (f'schtasks /run /tn "\\{one}\\{two} ', '" /i'),
        (f'python.exe -m {one}.{two} {options} --größe 7 --name "Ünï {two}" --run ', ""),
    ][number % 9]


def encoded_parts(rng, number):
    before, after, _ = ENCODED[number % len(ENCODED)]
    return before.format("".join(rng.choices(BASE64, k=60 + rng.getrandbits(8)))), after


class World:
    """All that rows are drawn from. Numbers past IMAGES and COMMANDS are rare ones, which rows are given by place."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.make_images(rng)
        self.make_devices(rng)
        self.make_accounts(rng)
        ordinary = [command_parts(rng, number) for number in range(COMMANDS)]
        encoded = [encoded_parts(rng, number) for number in range(ENCODED_COUNT)]
        self.first_encoded, self.elsewhere = COMMANDS, COMMANDS + ENCODED_COUNT
        self.commands = Commands(ordinary + encoded + [ELSEWHERE])
        self.encoded_matches = numpy.array([False] * COMMANDS + [ENCODED[number % len(ENCODED)][2] for number in
                                                                 range(ENCODED_COUNT)] + [False])
        self.make_hosts(rng)
        self.make_small(rng)

    def make_images(self, rng):
        companies = [f"{word(rng).capitalize()} {rng.choice(FORMS)}" for _ in range(300)]
        companies[7], companies[40] = 'Kovoid "Müller & Söhne" GmbH', "株式会社サンプル"
        products = [(company, f"{word(rng).capitalize()} {rng.choice(KINDS)} {2018 + rng.randrange(8)}")
                    for company in companies for _ in range(3)]
        images = [image(rng, file, '"Microsoft Corporation"', '"Microsoft® Windows® Operating System"')
                  for file in WINDOWS]
        while len(images) < IMAGES:
            company, product = rng.choice(products)
            file = f"{product.split()[0].lower()}{rng.choice(KINDS).lower()}{len(images)}.exe"
            images.append(image(rng, file, quote(company), quote(product)))
        self.first_hit, self.first_miss = IMAGES, IMAGES + len(HIT_COMPANIES)
        images += [image(rng, "ddesk.exe", company, HIT_PRODUCTS[number % len(HIT_PRODUCTS)])
                   for number, company in enumerate(HIT_COMPANIES)]
        images += [image(rng, "ddesk.exe", quote(company), quote(product)) for company, product in NEAR_MISSES]
        self.images = {name: Values([one[name] for one in images], "long" if name == "FileSize" else "string")
                       for name in images[0]}
        self.image_ranks = Ranks(IMAGES, 1.05)

    def make_devices(self, rng):
        devices = [(hexadecimal(rng, 40), f"{rng.choice(['pc', 'lap', 'srv'])}-{number:04d}.corp.contoso.com")
                   for number in range(DEVICES)]
        rng.shuffle(devices)
        self.devices = {name: Values([quote(one[place]) for one in devices])
                        for place, name in enumerate(("DeviceId", "DeviceName"))}
        self.local_addresses = Values([f'"10.{number >> 8}.{number & 255}.{number % 250 + 1}"'
                                       for number in range(DEVICES)])
        self.device_ranks = Ranks(DEVICES, 0.5)

    def make_accounts(self, rng):
        accounts = []
        for number in range(ACCOUNTS):
            name = f"{word(rng)}.{word(rng)}{number}"
            accounts.append({"AccountDomain": "contoso", "AccountName": name, "AccountSid":
                             f"S-1-5-21-{rng.getrandbits(30)}-{rng.getrandbits(30)}-{1000 + number}",
                             "AccountUpn": name + "@contoso.com" if number % 5 else "", "AccountObjectId": guid(rng)})
        self.accounts = {name: Values([quote(one[name]) for one in accounts]) for name in accounts[0]}
        self.account_ranks = Ranks(ACCOUNTS, 1.0)
        self.command_ranks = Ranks(COMMANDS, 0.9)

    def make_hosts(self, rng):
        """Host 0 has an address and no name."""
        names = ["null"] + [quote(f"{word(rng)}-{word(rng)}{number}." + rng.choice(["com", "net", "org", "io"]) +
                                  ('/api/v1?x=1&y="z"' if number % 97 == 0 else "")) for number in range(1, HOSTS)]
        self.host_names = Values([name.replace("/", "\\/") if number % 2 else name for number, name in enumerate(names)])
        self.host_addresses = Values([f'"{20 + number % 180}.{number * 7 % 250}.{number * 13 % 250}.{number % 254}"'
                                      for number in range(HOSTS)])
        self.host_ranks = Ranks(HOSTS, 0.9)

    def make_small(self, rng):
        texts = lambda *values: Values([quote(value) for value in values])
        self.levels = texts("System", "High", "Medium", "Low")
        self.elevations = texts("TokenElevationTypeDefault", "TokenElevationTypeFull", "TokenElevationTypeLimited")
        self.signers = texts("OsVendor", "ThirdPartyVendor", "Unknown")
        self.statuses = texts("Valid", "Unsigned", "Unknown")
        self.additional = texts("", "{}", '{"InitiatingProcessPosixProcessGroupId":7}',
                                '{"DesiredAccess":2097151,"Note":"a/b"}')
        self.remote_addresses = texts(None, *(f"10.20.{number}.{number * 7 & 255}" for number in range(256)))
        self.connections = texts("ConnectionSuccess", "ConnectionFailed", "ConnectionRequest",
                                 "InboundConnectionAccepted")
        self.ports = Values([str(port) for port in PORTS], "int")
        self.parent_files = texts(*WINDOWS)
        self.ranks = {count: Ranks(count, 1.0) for count in (3, 4, len(PORTS))}
        self.tenant = guid(rng)
