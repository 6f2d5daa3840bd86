# SPDX-License-Identifier: Apache-2.0
"""Running an engine once and measuring it: kqlc and the peers as processes that stay ready, kqlc as a whole process.

In: the query, the form and the file. Out: a Run: seconds, CPU seconds, peak memory and the rows. The time of a process
that is ready is that from handing over the query to the last row of the answer, compiling included; starting is not
counted (see peers.py). That of a whole process is that from its start to its last byte of output. Memory is sampled every ten milliseconds from /proc: anonymous memory
(what the engine allocated), and the whole resident set, which counts mapped file pages too.
"""
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

from archive import NOW
from queries import QUERIES, SEED_RULE

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


class EngineError(Exception):
    """An engine that refused, failed or is not installed; the text says why."""


@dataclasses.dataclass
class Run:
    seconds: float
    cpu: float
    memory: int  # bytes of anonymous memory at the peak
    resident: int  # bytes of the resident set at the peak
    rows: list


class MemorySampler(threading.Thread):
    """Watches a process until stop(), and keeps the largest values seen."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.path, self.memory, self.resident, self.ended = f"/proc/{process}/status", 0, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.01):
            try:
                with open(self.path) as file:
                    sizes = dict(line.split(":", 1) for line in file)
                self.memory = max(self.memory, 1024 * int(sizes["RssAnon"].split()[0]))
                self.resident = max(self.resident, 1024 * int(sizes["VmRSS"].split()[0]))
            except (OSError, KeyError):
                return  # the process has ended

    def stop(self):
        self.ended.set()
        self.join()


def query_text(query):
    """The KQL of a query; that of the seed rule stands in its file, as a block that the rest of the YAML does not indent."""
    if QUERIES[query]["kql"]:
        return QUERIES[query]["kql"]
    with open(os.path.join(ROOT, SEED_RULE)) as file:
        block = re.search(r"^query: *\|.*\n((?:[ \t]+.*\n|\n)+)", file.read(), re.MULTILINE).group(1)
    return textwrap.dedent(block)


def ordered(query, rows):
    """Rows given as objects, as lists in the order of `gives`; a table of the schema has columns that the archive lacks."""
    return [[row[name] for name in QUERIES[query]["gives"]] for row in rows]


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
    """kqlc as a process that stays ready: one query a line, one answer a line."""

    def __init__(self, program, query, file, options):
        self.query, self.way, self.version = query, "batch", None
        self.process = subprocess.Popen([program, "query", "--batch", "--data", file, "--now", NOW, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def run(self):
        request = json.dumps({"id": self.query, "query": query_text(self.query)}) + "\n"
        sampler = MemorySampler(self.process.pid)
        cpu, start = processor_seconds(self.process.pid), time.perf_counter()
        self.process.stdin.write(request)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        seconds = time.perf_counter() - start
        sampler.stop()
        if not line:
            raise EngineError(f"the process ended with {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"]["message"])
        names = [column["name"] for column in answer["columns"]]
        rows = ordered(self.query, [dict(zip(names, row)) for row in answer["rows"]])
        return Run(seconds, processor_seconds(self.process.pid) - cpu, sampler.memory, sampler.resident, rows)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Kqlc(OneWay):
    """kqlc as a whole process. `file` may be another archive than the peers' (the reference executor's smaller one)."""

    def __init__(self, program, query, file, options):
        self.query, self.way, self.version = query, "scan", None
        rule = os.path.join(ROOT, SEED_RULE)
        if QUERIES[query]["kql"]:
            self.folder = tempfile.TemporaryDirectory()
            rule = os.path.join(self.folder.name, query + ".kql")
            with open(rule, "w") as text:
                text.write(QUERIES[query]["kql"])
        self.command = [program, "scan", rule, "--data", file, "--now", NOW, "--format", "ndjson", *options]

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
        rows = ordered(self.query, [json.loads(line)["row"] for line in output.splitlines()])
        return Run(seconds, usage.ru_utime + usage.ru_stime, sampler.memory, sampler.resident, rows)

    def end(self):
        pass


class Peer:
    """A peer's process, see peers.py."""

    def __init__(self, python, peer, query, form, file, threads):
        self.process = subprocess.Popen([python, os.path.join(HERE, "peers.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.way = None
        try:
            ready = self.ask({"peer": peer, "query": query, "form": form, "file": file, "threads": threads})
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
        sampler = MemorySampler(self.process.pid)
        answer = self.ask({"way": self.way})
        sampler.stop()
        return Run(answer["seconds"], answer["cpu"], sampler.memory, sampler.resident, answer["rows"])

    def choose(self, check):
        """Tries each way, quick ones twice, and keeps the fastest right one. Raises EngineError where none is right."""
        best, problems = None, []
        for way in self.ways:
            self.way = way
            try:
                runs = [self.run()]
                if runs[0].seconds < 2 and len(self.ways) > 1:
                    runs.append(self.run())
            except EngineError as error:
                problems.append(f"{way}: {error}")
                continue
            problem = check(runs[0].rows)
            if problem:
                problems.append(f"{way}: WRONG: {problem}")
                continue
            seconds = min(run.seconds for run in runs)
            if best is None or seconds < best[0]:
                best = (seconds, way)
        for problem in problems:
            print(f"  left out: {problem}", file=sys.stderr)
        if best is None:
            raise EngineError("no way of writing the query is right")
        self.way = best[1]

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def python_with(module, folder, install):
    """An interpreter that can import `module`: that of the venv in `folder` (made where `install` allows), or this one.

    Returns None where there is none."""
    own = os.path.join(folder, "bin", "python")
    candidates = [own, sys.executable]
    probe = ["-c", f"import {module}, pyarrow"]
    for attempt in range(2):
        for python in candidates:
            if os.path.exists(python) and subprocess.run([python, *probe], capture_output=True).returncode == 0:
                return python
        if attempt or not install:
            return None
        print(f"installing duckdb, chdb, polars and pyarrow into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True)
        subprocess.run([own, "-m", "pip", "install", "--quiet", "duckdb", "chdb", "polars", "pyarrow"],
                       stdout=sys.stderr) if os.path.exists(own) else None
    return None
