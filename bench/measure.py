# SPDX-License-Identifier: Apache-2.0
"""Runs the engines that were asked for over one archive, in turns, and checks every answer.

In: the options of bench/compare, an archive. Out: printed tables, the numbers as records, how many engines failed.
"""
import dataclasses
import os

import engines
import kept
import machine
import pack
import queries
import report
from tables import PROCESS, ROW_BYTES
from world import World

REFERENCE_BYTES = 20_000_000
SLOW_SECONDS = 30  # an engine that takes longer for a query is run once


class Peers:
    """The interpreters of the peers that were asked for; what is not installed is said once."""

    def __init__(self, options):
        self.pythons = {}
        for peer in [name for name in options.engines if name in engines.PEER_MODULES]:
            module = engines.PEER_MODULES[peer]
            python = engines.python_with([module, *engines.MAKER], os.path.join(options.folder, "venv"),
                                             not options.no_install)
            if python:
                self.pythons[peer] = python
            else:
                print(f"skipped: {peer}, its Python module {module} is not installed")


class Bench:
    """One size."""

    def __init__(self, options, peers, rows):
        self.options, self.peers, self.failures, self.records = options, peers, 0, []
        self.threads = len(os.sched_getaffinity(0))
        self.archive = kept.Archive(options.folder, rows, options.seed)
        self.archive.make(options.forms)
        self.small = None
        if "reference" in options.engines:
            self.small = kept.Archive(options.folder, min(REFERENCE_BYTES // ROW_BYTES, rows), options.seed)
            self.small.make(["ndjson"])
        self.pack = pack.rules(World(options.seed))

    def rules(self, query):
        choose = queries.QUERIES[query].get("rules")
        return choose(self.pack) if choose else []

    def makers(self, query, form):
        """How each engine is started, by name, of those that were asked for and can do it."""
        tables, rules, program = list(queries.QUERIES[query]["reads"]), self.rules(query), self.options.kqlc
        given = lambda archive: [archive.given(table, form) for table in tables]
        ready = lambda *more: engines.KqlcReady(program, query, given(self.archive), ["--engine", "jit", *more], rules)
        result = {"kqlc": ready, "kqlc-1": lambda: ready("--threads", "1")}
        if query != "Q6each":  # a process a rule would measure ten starts
            result["process"] = lambda: engines.Kqlc(program, query, given(self.archive), ["--engine", "jit"], rules)
            if self.small and form == "ndjson":
                result["reference"] = lambda: engines.Kqlc(
                    program, query, given(self.small), ["--engine", "reference"], rules)
        spec = {"query": query, "form": form, "threads": self.threads,
                "files": {table: self.archive.pattern(table, form) for table in tables},
                "rules": [dataclasses.asdict(rule) for rule in rules]}
        for peer, python in self.peers.pythons.items():
            result[peer] = lambda peer=peer, python=python: engines.Peer(python, peer, spec)
        return {name: result[name] for name in self.options.engines if name in result}

    def fail(self, name, query, form, problem):
        """Says what is wrong; a peer that needs more than there is fails in nothing."""
        if isinstance(problem, engines.BeyondLimits):
            print(f"left out: {name} on {query} {form}: {problem}", flush=True)
            return
        print(f"FAILED: {name} on {query} {form}: {problem}", flush=True)
        self.failures += 1

    def check(self, query, archive, rows):
        return queries.difference(query, rows, queries.answer_of(query, archive.answers, self.rules(query)))

    def start(self, query, form, size):
        """The engines that are ready, by name, each with its archive and the bytes of its files."""
        ready = {}
        for name, make in self.makers(query, form).items():
            archive, engine = self.small if name == "reference" else self.archive, None
            try:
                engine = make()
                engine.choose(lambda rows: self.check(query, archive, rows))
                tables = queries.QUERIES[query]["reads"]
                ready[name] = (engine, archive, size if archive is self.archive else archive.size(tables, form))
            except engines.EngineError as error:
                self.fail(name, query, form, error)
                if engine:
                    engine.end()
        return ready

    def measure(self, query, form):
        tables = list(queries.QUERIES[query]["reads"])
        if form == "ingested":
            try:
                self.archive.ingest(self.options.kqlc)
            except kept.ArchiveError as error:
                print(f"skipped: {query} {form}: {error}")
                return
        ready = self.start(query, form, self.archive.size(tables, form))
        runs, factors, yardstick = {name: [] for name in ready}, [], None
        for turn in range(self.options.repetitions):
            for name, (engine, archive, _) in ready.items():
                if not runs[name] or runs[name][-1].seconds < SLOW_SECONDS:
                    self.turn(query, form, name, engine, archive, runs[name])
            if turn == 0:
                yardstick = self.yardstick(form, runs)
            yardstick = yardstick and self.turn_of_machine(yardstick, factors)
        lines = [report.line_of(name, ready[name], runs[name]) for name in ready if runs[name]]
        report.print_table(query, form, self.archive.rows, lines, self.options.repetitions)
        report.add_whole_process(lines)
        if yardstick:
            report.add_scaling(lines, factors, self.threads, yardstick.work)
            yardstick.end()
        self.records += [{"query": query, "form": form, **line} for line in lines]
        for engine, _, _ in ready.values():
            engine.end()

    def yardstick(self, form, runs):
        """What shows what all cores of the machine give at this form in turns as long as those of kqlc on one thread; None
        where that is not compared."""
        if self.threads < 2 or not runs.get("kqlc") or not runs.get("kqlc-1"):
            return None
        try:
            return machine.Yardstick(form, self.archive.paths(PROCESS, form), self.threads, runs["kqlc-1"][0].seconds)
        except OSError as error:
            print(f"skipped: what the machine gives to {self.threads} processes: {error}")
            return None

    def turn_of_machine(self, yardstick, factors):
        """One turn of the yardstick; returns it, or None where it has ended."""
        try:
            factors.append(yardstick.factor())
            return yardstick
        except OSError as error:
            print(f"skipped: what the machine gives to {self.threads} processes: {error}")
            yardstick.end()
            return None

    def turn(self, query, form, name, engine, archive, runs):
        """One run of one engine; an answer that is wrong counts as a failure and keeps its time."""
        machine.wait_until_idle()
        try:
            run = engine.run()
        except engines.EngineError as error:
            self.fail(name, query, form, error)
            return
        problem = self.check(query, archive, run.rows)
        if problem:
            self.fail(name, query, form, "WRONG: " + problem)
        runs.append(run)
