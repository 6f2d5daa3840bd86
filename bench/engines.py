# SPDX-License-Identifier: Apache-2.0
"""Running an engine once and measuring it: kqlc and the peers as processes that stay ready, kqlc as a whole process; and
the Python interpreters that have what peers and archives need.

In: the query, the form and the file. Out: a Run: seconds, CPU seconds, peak memory and the rows. The time of a process
that is ready is that from handing over the query to the last row of the answer, compiling included; starting is not
counted (see peers.py). That of a whole process is that from its start to its last byte of output. Memory is sampled every
ten milliseconds from /proc: anonymous memory (what the engine allocated), and the whole resident set, which counts mapped
file pages too.
"""
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

from queries import QUERIES, SEED_RULE, kql
from tables import NOW

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
MAKER = ["numpy", "pyarrow"]  # what makes archives
PEER_MODULES = {"duckdb": "duckdb", "clickhouse": "chdb", "polars": "polars"}  # engine -> its module


class EngineError(Exception):
    """An engine that refused, failed or is not installed; the text says why."""


class BeyondLimits(EngineError):
    """A peer that was ended because it took too much memory or time; the text says which."""


@dataclasses.dataclass
class Run:
    seconds: float
    cpu: float
    memory: int  # bytes of anonymous memory at the peak
    resident: int  # bytes of the resident set at the peak
    rows: list


class MemorySampler(threading.Thread):
    """Watches a process until stop(), and keeps the largest values seen. Ends a process that goes beyond `limit` bytes of
    anonymous memory or `seconds`: it would take the machine down with it, or the whole run."""

    def __init__(self, process, limit=None, seconds=None):
        super().__init__(daemon=True)
        self.process, self.limit, self.last = process, limit, time.monotonic() + seconds if seconds else None
        self.memory, self.resident, self.beyond, self.ended = 0, 0, None, threading.Event()
        self.start()

    def sample(self):
        """Whether the process is still there."""
        try:
            with open(f"/proc/{self.process}/status") as file:
                sizes = dict(line.split(":", 1) for line in file)
            self.memory = max(self.memory, 1024 * int(sizes["RssAnon"].split()[0]))
            self.resident = max(self.resident, 1024 * int(sizes["VmRSS"].split()[0]))
            return True
        except (OSError, KeyError):
            return False

    def run(self):
        while not self.ended.wait(0.01) and self.sample():
            if self.limit and self.memory > self.limit:
                self.beyond = f"more than {self.limit / 1e9:.1f} GB of memory"
            elif self.last and time.monotonic() > self.last:
                self.beyond = "more time than a run may take"
            if self.beyond:
                os.kill(self.process, signal.SIGKILL)
                return

    def stop(self):
        """Ends with a last sample: a run may be shorter than ten milliseconds."""
        self.ended.set()
        self.join()
        self.sample()


def seed_rule_text():
    """The KQL of the seed rule: a block of its file that the rest of the YAML does not indent."""
    with open(os.path.join(ROOT, SEED_RULE)) as file:
        block = re.search(r"^query: *\|.*\n((?:[ \t]+.*\n|\n)+)", file.read(), re.MULTILINE).group(1)
    return textwrap.dedent(block)


def ordered(query, row):
    """A row given as an object, as a list in the order of `gives`; the schema has columns that the archive lacks."""
    return [row[name] for name in QUERIES[query]["gives"]]


def processor_seconds(process):
    """CPU seconds that a running process has used."""
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class OneWay:
    """An engine with a single way of running a query."""

    def choose(self, check):
        """Raises EngineError where the answer is wrong."""
        problem = check(self.run().rows)
        if problem:
            raise EngineError("WRONG: " + problem)


class KqlcReady(OneWay):
    """kqlc as a process that stays ready: one query a line, one answer a line. A pack of rules is one text of many
    statements, or a query a rule where that is measured."""

    def __init__(self, program, query, files, options, rules):
        self.query, self.rules, self.way, self.version = query, rules, "batch", None
        texts = kql(query, rules) if QUERIES[query]["kql"] else [seed_rule_text()]
        self.requests = [json.dumps({"id": query, "query": text}) + "\n" for text in texts]
        data = [option for file in files for option in ("--data", file)]
        # Bytes and a large buffer: as text, a line of some megabytes takes Python longer to read than kqlc to write.
        self.process = subprocess.Popen([program, "query", "--batch", *data, "--now", NOW, *options], bufsize=1 << 20,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def ask(self, request):
        self.process.stdin.write(request.encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise EngineError(f"the process ended with {self.process.wait()}")
        return line

    def rows(self, lines):
        tables = []
        for answer in map(json.loads, lines):
            if "error" in answer:
                raise EngineError(answer["error"]["message"])
            tables += answer.get("tables", [answer])
        result = []
        for number, table in enumerate(tables):
            names = [column["name"] for column in table["columns"]]
            rule = [self.rules[number].number] if self.rules else []
            result += [rule + ordered(self.query, dict(zip(names, row))) for row in table["rows"]]
        return result

    def run(self):
        sampler = MemorySampler(self.process.pid)
        cpu, start = processor_seconds(self.process.pid), time.perf_counter()
        lines = [self.ask(request) for request in self.requests]
        seconds = time.perf_counter() - start
        sampler.stop()
        cpu = processor_seconds(self.process.pid) - cpu
        return Run(seconds, cpu, sampler.memory, sampler.resident, self.rows(lines))

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Kqlc(OneWay):
    """kqlc as a whole process, which gives its rows in the form that the ready one does. `files` may be those of another archive than the
    peers' (the reference executor's)."""

    def __init__(self, program, query, files, options, rules):
        self.query, self.rules, self.way, self.version = query, rules, "scan", None
        path = os.path.join(ROOT, SEED_RULE)
        if QUERIES[query]["kql"]:
            self.folder = tempfile.TemporaryDirectory()
            path = self.folder.name
            texts = [rule.kql() for rule in rules] or kql(query, rules)
            for number, text in enumerate(texts):
                with open(os.path.join(path, f"{rules[number].number if rules else 0}.kql"), "w") as file:
                    file.write(text)
        data = [option for file in files for option in ("--data", file)]
        self.command = [program, "scan", path, *data, "--now", NOW, "--format", "json", *options]

    def rows(self, output):
        result = []
        for table in json.loads(output):
            rule = [os.path.splitext(os.path.basename(table["rule"]))[0]] if self.rules else []
            names = [column["name"] for column in table["columns"]]
            result += [rule + ordered(self.query, dict(zip(names, row))) for row in table["rows"]]
        return result

    def run(self):
        start = time.perf_counter()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=errors)
            sampler = MemorySampler(process.pid)
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.stdout.close()
            process.returncode = os.waitstatus_to_exitcode(status)
            sampler.stop()
            if process.returncode != 0:
                errors.seek(0)
                raise EngineError(f"exit code {process.returncode}: {errors.read().decode(errors='replace')[-500:]}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, sampler.memory, sampler.resident, self.rows(output))

    def end(self):
        pass


class Peer:
    """A peer's process, see peers.py. One that was ended is started again for the next run."""
    MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 5  # bytes
    SECONDS = 600

    def __init__(self, python, peer, spec):
        """`spec`: query, form, files (table to glob), threads and rules, as peers.py takes them."""
        self.python, self.spec, self.way = python, {"peer": peer, **spec}, None
        self.begin()

    def begin(self):
        self.process = subprocess.Popen([self.python, os.path.join(HERE, "peers.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            ready = self.ask(self.spec)
        except EngineError:
            self.end()
            raise
        self.ways, self.version = ready["ways"], ready["version"]

    def ask(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended with {self.process.wait()}"}
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    def run(self):
        if self.process.poll() is not None:
            self.end()
            self.begin()
        sampler = MemorySampler(self.process.pid, self.MEMORY, self.SECONDS)
        try:
            answer = self.ask({"way": self.way})
        except EngineError:
            sampler.stop()
            if sampler.beyond:
                raise BeyondLimits(sampler.beyond) from None
            raise
        sampler.stop()
        return Run(answer["seconds"], answer["cpu"], sampler.memory, sampler.resident, answer["rows"])

    def choose(self, check):
        """Tries each way, quick ones twice, and keeps the fastest right one. Raises EngineError where none is right."""
        best, problems, failed = None, [], False
        for way in self.ways:
            self.way = way
            try:
                runs = [self.run()]
                if runs[0].seconds < 2 and len(self.ways) > 1:
                    runs.append(self.run())
            except EngineError as error:
                problems.append(f"{way}: {error}")
                failed = failed or not isinstance(error, BeyondLimits)
                continue
            problem = check(runs[0].rows)
            if problem:
                problems.append(f"{way}: WRONG: {problem}")
                failed = True
                continue
            seconds = min(run.seconds for run in runs)
            if best is None or seconds < best[0]:
                best = (seconds, way)
        for problem in problems:
            print(f"  left out: {problem}", file=sys.stderr)
        if best is None and not failed:
            raise BeyondLimits("; ".join(problems))
        if best is None:
            raise EngineError("no way of writing the query is right")
        self.way = best[1]

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def python_with(modules, folder, install):
    """An interpreter that can import `modules`: that of the venv in `folder` (made where `install` allows), or this one.

    Returns None where there is none."""
    own = os.path.join(folder, "bin", "python")
    probe = ["-c", "import " + ", ".join(modules)]
    for attempt in range(2):
        for python in (own, sys.executable):
            if os.path.exists(python) and subprocess.run([python, *probe], capture_output=True).returncode == 0:
                return python
        if attempt or not install:
            return None
        print(f"installing {', '.join(modules)} into {folder}", file=sys.stderr)
        if not os.path.exists(own):
            subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True)
        if os.path.exists(own):
            subprocess.run([own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *modules],
                           stdout=sys.stderr)
    return None


def run_with_maker(folder, install):
    """Goes on in an interpreter that can make archives: returns where this one can, else starts the program again."""
    try:
        import numpy  # noqa: F401
        import pyarrow  # noqa: F401
        return
    except ImportError:
        pass
    python = python_with(MAKER, folder, install)
    if not python:
        sys.exit("no Python with numpy and pyarrow, which make the archive; they are installed without --no-install")
    os.execv(python, [python, *sys.argv])
