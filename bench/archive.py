# SPDX-License-Identifier: Apache-2.0
"""The archive that bench/compare measures on: DeviceProcessEvents as Defender streams them, of any size.

In: a size in bytes and a seed. Out: an NDJSON file, the same bytes for the same arguments, and the right answers of
the queries, known because the generator put them in: no query is run to find them. A row is joined from fragments
that are JSON text already (image, account, device, command line), drawn by Zipf rank, so that the values repeat as
they do in an estate and a gigabyte takes about half a minute. Rare rows hold what goes wrong easily: hits of the seed
rule written with escapes, in other letter cases and beside punctuation; near misses; the needles in other columns.
The column LogonID is left out: it differs from LogonId by case alone, which DuckDB cannot hold.
"""
import json
import random
import time

TABLE = "DeviceProcessEvents"
TICKS = 10_000_000
END = 1_780_272_000  # 2026-06-01T00:00:00Z, the query time; seconds since 1970
SPAN = 6 * 86_400  # the seed rule looks at the last five days
NOW = "2026-06-01T00:00:00Z"
WINDOW_START = (END - 5 * 86_400) * TICKS
ROW_BYTES = 3_648  # mean bytes of a row, CRLF included: turns a size into a number of rows
CHUNK = 20_000

# Every column and its KQL type, in the order of the export.
COLUMNS = {
    "Timestamp": "datetime", "DeviceId": "string", "DeviceName": "string", "ActionType": "string",
    "FileName": "string", "FolderPath": "string", "SHA1": "string", "SHA256": "string", "MD5": "string",
    "FileSize": "long", "ProcessVersionInfoCompanyName": "string", "ProcessVersionInfoProductName": "string",
    "ProcessVersionInfoProductVersion": "string", "ProcessVersionInfoInternalFileName": "string",
    "ProcessVersionInfoOriginalFileName": "string", "ProcessVersionInfoFileDescription": "string",
    "ProcessId": "long", "ProcessCommandLine": "string", "ProcessIntegrityLevel": "string",
    "ProcessTokenElevation": "string", "ProcessCreationTime": "datetime", "AccountDomain": "string",
    "AccountName": "string", "AccountSid": "string", "AccountUpn": "string", "AccountObjectId": "string",
    "LogonId": "long", "InitiatingProcessAccountDomain": "string", "InitiatingProcessAccountName": "string",
    "InitiatingProcessAccountSid": "string", "InitiatingProcessAccountUpn": "string",
    "InitiatingProcessAccountObjectId": "string", "InitiatingProcessLogonId": "long",
    "InitiatingProcessIntegrityLevel": "string", "InitiatingProcessTokenElevation": "string",
    "InitiatingProcessFileName": "string", "InitiatingProcessFolderPath": "string",
    "InitiatingProcessSHA1": "string", "InitiatingProcessSHA256": "string", "InitiatingProcessMD5": "string",
    "InitiatingProcessFileSize": "long", "InitiatingProcessVersionInfoCompanyName": "string",
    "InitiatingProcessVersionInfoProductName": "string", "InitiatingProcessVersionInfoProductVersion": "string",
    "InitiatingProcessVersionInfoInternalFileName": "string",
    "InitiatingProcessVersionInfoOriginalFileName": "string",
    "InitiatingProcessVersionInfoFileDescription": "string", "InitiatingProcessId": "long",
    "InitiatingProcessCommandLine": "string", "InitiatingProcessCreationTime": "datetime",
    "InitiatingProcessParentId": "long", "InitiatingProcessParentFileName": "string",
    "InitiatingProcessParentCreationTime": "datetime", "InitiatingProcessSignerType": "string",
    "InitiatingProcessSignatureStatus": "string", "ReportId": "long", "AppGuardContainerId": "string",
    "AdditionalFields": "string", "InitiatingProcessSessionId": "long", "IsInitiatingProcessRemoteSession": "bool",
    "InitiatingProcessRemoteSessionDeviceName": "string", "InitiatingProcessRemoteSessionIP": "string",
    "CreatedProcessSessionId": "long", "IsProcessRemoteSession": "bool", "ProcessRemoteSessionDeviceName": "string",
    "ProcessRemoteSessionIP": "string", "ProcessUniqueId": "string", "InitiatingProcessUniqueId": "string",
}

SYLLABLES = ("ar bel cor dan el fin gar hol in jor kel lum mar nor ost per qua ros sol tor ul ven wil xan yor zen "
             "bri cla dro fle gri plo ski tra").split()
FORMS = "Corporation Inc. Ltd. GmbH LLC Technologies Software Systems Labs S.A. AB Group".split()
KINDS = "Updater Agent Desktop Service Client Manager Player Reader Studio Monitor Viewer Sync Backup Launcher".split()
WINDOWS = ("svchost.exe cmd.exe powershell.exe conhost.exe rundll32.exe taskhostw.exe wmiprvse.exe schtasks.exe reg.exe "
           "net.exe whoami.exe explorer.exe services.exe regsvr32.exe mshta.exe msiexec.exe sc.exe dllhost.exe "
           "backgroundTaskHost.exe RuntimeBroker.exe SearchIndexer.exe").split()
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
LEVELS = ["System", "High", "Medium", "Low"]
ELEVATIONS = ["TokenElevationTypeDefault", "TokenElevationTypeFull", "TokenElevationTypeLimited"]
SIGNERS = ["OsVendor", "ThirdPartyVendor", "Unknown"]
STATUSES = ["Valid", "Unsigned", "Unknown"]
ADDITIONAL = [json.dumps(text) for text in
              ("", "{}", '{"InitiatingProcessPosixProcessGroupId":7}', '{"DesiredAccess":2097151,"Note":"a/b"}')]


def quote(value):
    return json.dumps(value, ensure_ascii=False)


def zipf(count, exponent):
    """Cumulative weights of ranks 1 to `count`."""
    total, result = 0.0, []
    for rank in range(1, count + 1):
        total += rank ** -exponent
        result.append(total)
    return result


def word(rng):
    return rng.choice(SYLLABLES) + rng.choice(SYLLABLES)


def hexadecimal(rng, digits):
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def guid(rng):
    text = hexadecimal(rng, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Image:
    """A program: its columns as a process and as an initiating process, as JSON text."""

    def __init__(self, rng, file, company, product):
        self.file = file
        folder = rng.choice(["C:\\Windows\\System32\\", "C:\\Program Files\\", "C:\\Program Files (x86)\\",
                             "C:\\Users\\Public\\", "C:\\ProgramData\\"])
        stem = file.rsplit(".", 1)[0]
        text = {"FileName": quote(file), "FolderPath": quote(folder + stem + "\\" + file),
                "SHA1": quote(hexadecimal(rng, 40)), "SHA256": quote(hexadecimal(rng, 64)),
                "MD5": quote(hexadecimal(rng, 32)), "FileSize": str(rng.randrange(20_000, 90_000_000)),
                "ProcessVersionInfoCompanyName": company, "ProcessVersionInfoProductName": product,
                "ProcessVersionInfoProductVersion": f'"{rng.randrange(130)}.{rng.randrange(20)}.{rng.randrange(9000)}"',
                "ProcessVersionInfoInternalFileName": quote(stem) if rng.random() < 0.9 else "null",
                "ProcessVersionInfoOriginalFileName": quote(file),
                "ProcessVersionInfoFileDescription": quote(f"{stem} process") if rng.random() < 0.9 else '""'}
        self.process = ",".join(f'"{name}":{value}' for name, value in text.items())
        order = ["FileName", "FolderPath", "SHA1", "SHA256", "MD5", "FileSize"]
        order += [name for name in text if name.startswith("ProcessVersion")]
        self.initiating = ",".join(
            f'"Initiating{name if name.startswith("Process") else "Process" + name}":{text[name]}' for name in order)


class World:
    """All that rows are joined from. Made from the seed alone, so archives of any size share it."""

    def __init__(self, rng):
        companies = [f"{word(rng).capitalize()} {rng.choice(FORMS)}" for _ in range(300)]
        companies[7], companies[40] = 'Kovoid "Müller & Söhne" GmbH', "株式会社サンプル"
        products = [(company, f"{word(rng).capitalize()} {rng.choice(KINDS)} {2018 + rng.randrange(8)}")
                    for company in companies for _ in range(3)]
        self.images = [Image(rng, file, '"Microsoft Corporation"', '"Microsoft® Windows® Operating System"')
                       for file in WINDOWS]
        while len(self.images) < 3000:
            company, product = rng.choice(products)
            file = f"{product.split()[0].lower()}{rng.choice(KINDS).lower()}{len(self.images)}.exe"
            self.images.append(Image(rng, file, quote(company), quote(product)))
        self.hits = [Image(rng, "ddesk.exe", company, HIT_PRODUCTS[number % len(HIT_PRODUCTS)])
                     for number, company in enumerate(HIT_COMPANIES)]
        self.misses = [Image(rng, "ddesk.exe", quote(company), quote(product)) for company, product in NEAR_MISSES]
        self.devices = [(hexadecimal(rng, 40), f"{rng.choice(['pc', 'lap', 'srv'])}-{number:04d}.corp.contoso.com")
                        for number in range(2000)]
        rng.shuffle(self.devices)
        self.accounts, self.initiating_accounts = [], []
        for number in range(3000):
            name = f"{word(rng)}.{word(rng)}{number}"
            text = (f'AccountDomain":"contoso","{{0}}AccountName":"{name}","{{0}}AccountSid":"S-1-5-21-'
                    f'{rng.getrandbits(30)}-{rng.getrandbits(30)}-{1000 + number}","{{0}}AccountUpn":"'
                    f'{name + "@contoso.com" if number % 5 else ""}","{{0}}AccountObjectId":"{guid(rng)}"')
            self.accounts.append('"' + text.format(""))
            self.initiating_accounts.append('"InitiatingProcess' + text.format("InitiatingProcess"))
        self.commands = [command_template(rng, number) for number in range(20_000)]
        self.tenant = guid(rng)
        self.image_ranks = zipf(3000, 1.05)
        self.device_ranks = zipf(2000, 0.5)
        self.account_ranks = zipf(3000, 1.0)
        self.command_ranks = zipf(20_000, 0.9)
        self.small_ranks = {count: zipf(count, 1.0) for count in (3, 4)}


def command_template(rng, number):
    """The text before and after the one part of a command line that changes from row to row."""
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


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Command lines around an encoded command, and whether the regular expression of Q3 matches them.
ENCODED = [("powershell.exe -NoP -W Hidden -enc {}", True), ("powershell -ENCODEDCOMMAND   {}", True),
           ("pwsh.exe -e\t{} -x", True), ("powershell.exe -e {}==", True), ("powershell.exe -ec {}", False),
           ('powershell.exe -enc "{}"', False)]


class Clock:
    """Text of a datetime in ticks; the second is formatted once."""

    def __init__(self):
        self.seconds = {}

    def text(self, ticks):
        second, rest = divmod(ticks, TICKS)
        base = self.seconds.get(second)
        if base is None:
            base = self.seconds[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{base}.{rest:07d}".rstrip("0") + "Z" if rest else base + "Z"


class Answers:
    """The right answer of each query, gathered while rows are made."""

    def __init__(self):
        self.seed, self.files, self.encoded, self.last = {}, {}, [], {}

    def later(self, identity, ticks):
        """`ticks`, moved on where the device's last row has the same time: the last row is always one."""
        last = self.last.get(identity)
        return ticks + 1 if last and last[0] == ticks else ticks

    def add(self, ticks, device, file, line):
        identity = device[0]
        count = self.files.setdefault(file, [0, set()])
        count[0] += 1
        count[1].add(identity)
        if identity not in self.last or ticks > self.last[identity][0]:
            self.last[identity] = (ticks, line)

    def add_hit(self, ticks, device, report):
        if WINDOW_START <= ticks <= END * TICKS:
            group = self.seed.setdefault(device, [ticks, ticks, set(), 0])
            group[0], group[1] = min(group[0], ticks), max(group[1], ticks)
            group[2].add(report)
            group[3] += 1

    def result(self):
        """As JSON can hold it. Q2 keeps every file name that ties with the tenth; Q4 the whole rows."""
        files = sorted(([file, count, len(devices)] for file, (count, devices) in self.files.items()),
                       key=lambda entry: (-entry[1], entry[0]))
        tenth = files[min(9, len(files) - 1)][1]
        return {"Q1": sorted([*key, first, last, sorted(reports), count]
                             for key, (first, last, reports, count) in self.seed.items()),
                "Q2": [entry for entry in files if entry[1] >= tenth], "Q3": sorted(self.encoded),
                "Q4": [json.loads(line)["properties"] for _, line in self.last.values()]}


def rare_rows(rows):
    """Row number -> (kind, number): hits, twice as many near misses, and needles in other columns."""
    hits = max(24, rows // 20_000)
    result = {}
    for number in range(hits):
        result[(number * rows + rows // 3) // hits] = ("hit", number)
    for number in range(hits * 2):
        result.setdefault((number * rows + rows // 5) // (hits * 2), ("miss", number))
    for number in range(hits):
        result.setdefault((number * rows + rows // 7) // hits, ("elsewhere", number))
    return result


def draw(rng, ranks, count):
    return rng.choices(range(len(ranks)), cum_weights=ranks, k=count)


def command_lines(world, rng, count):
    """Command lines as text, each with a token that no other has."""
    result = []
    for index in draw(rng, world.command_ranks, count):
        before, after = world.commands[index]
        result.append(f"{before}{rng.getrandbits(64):016x}{after}")
    return result


class Chunk:
    """`count` rows from row `first` on: what is drawn by rank is drawn for all of them at once."""

    def __init__(self, world, rng, first, count):
        self.world, self.rng, self.first, self.count = world, rng, first, count
        self.images = [world.images[index] for index in draw(rng, world.image_ranks, count)]
        self.parents = [world.images[index] for index in draw(rng, world.image_ranks, count)]
        self.devices = [world.devices[index] for index in draw(rng, world.device_ranks, count)]
        self.accounts = [world.accounts[index] for index in draw(rng, world.account_ranks, count)]
        self.starters = [world.initiating_accounts[index] for index in draw(rng, world.account_ranks, count)]
        self.levels = [LEVELS[index] for index in draw(rng, world.small_ranks[4], count)]
        self.starter_levels = [LEVELS[index] for index in draw(rng, world.small_ranks[4], count)]
        self.elevations = draw(rng, world.small_ranks[3], count)
        self.signers = draw(rng, world.small_ranks[3], count)
        self.commands = command_lines(world, rng, count)
        self.starter_commands = command_lines(world, rng, count)

    def put_rare(self, index, kind, number):
        """Makes the row a hit, a near miss, or one with the needles in another column."""
        if kind == "hit":
            self.images[index] = self.world.hits[number % len(self.world.hits)]
            self.devices[index] = self.world.devices[number * 7 % 11]
        elif kind == "miss":
            self.images[index] = self.world.misses[number % len(self.world.misses)]
        elif number % 2:
            self.parents[index] = self.world.hits[0]
        else:
            self.commands[index] = '"C:\\Distant Software\\Distant Desktop\\ddesk.exe" -start'

    def put_encoded(self, index, number):
        """Gives the row an encoded command; returns whether the regular expression of Q3 matches it."""
        form, matches = ENCODED[number % len(ENCODED)]
        self.commands[index] = form.format("".join(self.rng.choices(BASE64, k=60 + self.rng.getrandbits(8))))
        return matches

    def line(self, index, ticks, report, text):
        bits, device = self.rng.getrandbits, self.devices[index]
        command = quote(self.commands[index])
        if (self.first + index) % 5 == 0:
            command = command.replace("/", "\\/")  # the two ways in which exports write a slash
        started, remote = ticks - bits(39), bits(6) == 0
        address = f'"10.20.{report & 255}.{report >> 8 & 255}"' if remote else "null"
        return (
            f'{{"time":"{text(ticks + bits(30))}","tenantId":"{self.world.tenant}","operationName":"Publish",'
            f'"category":"AdvancedHunting-DeviceProcessEvents","properties":{{"Timestamp":"{text(ticks)}",'
            f'"DeviceId":"{device[0]}","DeviceName":"{device[1]}","ActionType":"ProcessCreated",'
            f'{self.images[index].process},"ProcessId":{bits(16)},"ProcessCommandLine":{command},'
            f'"ProcessIntegrityLevel":"{self.levels[index]}",'
            f'"ProcessTokenElevation":"{ELEVATIONS[self.elevations[index]]}",'
            f'"ProcessCreationTime":"{text(ticks - bits(24))}",{self.accounts[index]},"LogonId":{bits(23)},'
            f'{self.starters[index]},"InitiatingProcessLogonId":{bits(23)},'
            f'"InitiatingProcessIntegrityLevel":"{self.starter_levels[index]}",'
            f'"InitiatingProcessTokenElevation":"{ELEVATIONS[-self.elevations[index]]}",'
            f'{self.parents[index].initiating},"InitiatingProcessId":{bits(16)},'
            f'"InitiatingProcessCommandLine":{quote(self.starter_commands[index])},'
            f'"InitiatingProcessCreationTime":"{text(started)}","InitiatingProcessParentId":{bits(16)},'
            f'"InitiatingProcessParentFileName":"{WINDOWS[report % len(WINDOWS)]}",'
            f'"InitiatingProcessParentCreationTime":"{text(started - bits(36))}",'
            f'"InitiatingProcessSignerType":"{SIGNERS[self.signers[index]]}",'
            f'"InitiatingProcessSignatureStatus":"{STATUSES[-self.signers[index]]}","ReportId":{report},'
            f'"AppGuardContainerId":"","AdditionalFields":{ADDITIONAL[report & 3]},"InitiatingProcessSessionId":{bits(2)},'
            f'"IsInitiatingProcessRemoteSession":{"true" if remote else "false"},'
            f'"InitiatingProcessRemoteSessionDeviceName":null,"InitiatingProcessRemoteSessionIP":{address},'
            f'"CreatedProcessSessionId":{bits(2)},"IsProcessRemoteSession":false,"ProcessRemoteSessionDeviceName":null,'
            f'"ProcessRemoteSessionIP":null,"ProcessUniqueId":"{bits(56)}","InitiatingProcessUniqueId":"{bits(56)}"}}}}\r\n')

    def lines(self, rows, rare, clock, answers):
        """The lines, in order; their part of the answers goes into `answers`."""
        bits, step, result = self.rng.getrandbits, SPAN * TICKS // rows, []
        for index in range(self.count):
            row, report = self.first + index, bits(22)
            # Late by up to three and a half minutes, so times do not grow from row to row.
            ticks = (END - SPAN) * TICKS + row * step + int(self.rng.random() * step) - bits(31)
            if row % 7 == 0:
                ticks -= ticks % 10_000  # some sources give milliseconds
            encoded = row % 700 == 13 and row not in rare and self.put_encoded(index, row // 700)
            kind, number = rare.get(row, (None, 0))
            if kind:
                self.put_rare(index, kind, number)
            device = self.devices[index]
            ticks = answers.later(device[0], ticks)
            line = self.line(index, ticks, report, clock.text)
            answers.add(ticks, device, self.images[index].file, line)
            if kind == "hit":
                answers.add_hit(ticks, device, report)
            if encoded:
                answers.encoded.append([ticks, device[1], self.commands[index]])
            result.append(line)
        return result


def make(path, size, seed):
    """Writes about `size` bytes (to a few percent) to `path`. Returns {"rows", "answers"}."""
    rows = max(60, size // ROW_BYTES)
    world, rng, clock, answers = World(random.Random(seed)), random.Random(seed + 1), Clock(), Answers()
    rare = rare_rows(rows)
    with open(path, "wb") as file:
        for first in range(0, rows, CHUNK):
            chunk = Chunk(world, rng, first, min(CHUNK, rows - first))
            file.write("".join(chunk.lines(rows, rare, clock, answers)).encode())
    return {"rows": rows, "answers": answers.result()}
