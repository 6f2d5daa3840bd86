#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much faster two processes are than one at the least work that a form of files asks for, on this machine.

In: a form and its files. Out: the factor, and what was done: reading blocks (NDJSON), unpacking (compressed NDJSON),
decoding two columns (Parquet), looking up the codes of two columns that are mapped (Arrow). It says what two threads of
a scan may reach here, where memory, caches or a second core that is half of the first bound them. The process that
works waits for a line on standard input, does its part, answers with a line: starting is not counted.
"""
import functools
import math
import os
import subprocess
import sys
import time

COLUMNS = ["DeviceId", "FileName"]
BLOCK = 256 * 1024
LEAST_SECONDS = 0.1  # of a turn: shorter work is repeated
WORK = {"ndjson": "pread of 256 KiB blocks", "ndjson.gz": "unpacking", "ndjson.zst": "unpacking",
        "parquet": "decoding two columns", "snappy": "decoding two columns", "arrow": "look-ups by mapped codes",
        "arrow-plain": "hashing two mapped columns", "ingested": "look-ups by mapped codes"}


def read_blocks(paths, part, parts):
    buffer = bytearray(BLOCK)
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            place, end = size * part // parts, size * (part + 1) // parts
            while place < end and (count := os.preadv(file.fileno(), [buffer], place)):
                place += count


def unpack(paths, part, parts):
    import pyarrow
    for path in paths[part::parts]:
        with pyarrow.input_stream(path, compression="detect") as stream:
            while stream.read(1 << 20):
                pass


def decode(paths, part, parts):
    import pyarrow.parquet
    for path in paths:
        file = pyarrow.parquet.ParquetFile(path)
        for group in range(part, file.num_row_groups, parts):
            file.read_row_group(group, columns=COLUMNS, use_threads=False)


def map_columns(paths, part, parts):
    import numpy
    import pyarrow
    import pyarrow.compute
    batches = []
    for path in paths:
        file = pyarrow.ipc.open_file(pyarrow.memory_map(path))
        batches += [file.get_batch(number) for number in range(file.num_record_batches)]
    for batch in batches[part::parts]:
        for column in (batch.column(name) for name in COLUMNS):
            if pyarrow.types.is_dictionary(column.type):
                table = pyarrow.array(numpy.arange(len(column.dictionary)) % 3 == 0)
                table.take(column.indices)
            else:
                pyarrow.compute.value_counts(column)


def work_of(form):
    if form.startswith("ndjson."):
        return unpack
    return {"ndjson": read_blocks, "parquet": decode, "snappy": decode}.get(form, map_columns)


class Workers:
    """Processes that each do their part of the files when they are told to."""

    def __init__(self, form, paths, parts):
        command = [sys.executable, os.path.abspath(__file__), form]
        self.processes = [subprocess.Popen([*command, str(part), str(parts), *paths], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True) for part in range(parts)]

    def seconds(self, times):
        """Of one turn in which all of them do their part `times` times, at once. Raises OSError where one fails."""
        start = time.perf_counter()
        for process in self.processes:
            process.stdin.write(f"{times}\n")
            process.stdin.flush()
        if not all([process.stdout.readline() for process in self.processes]):
            raise OSError("the process that works has ended")
        return time.perf_counter() - start

    def end(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()


class Yardstick:
    """Processes that are ready to do the work of a form, one alone and as many as asked for. Raises OSError."""

    def __init__(self, form, paths, parts):
        self.one, self.many, self.work = Workers(form, paths, 1), Workers(form, paths, parts), WORK[form]
        try:
            self.one.seconds(1), self.many.seconds(1)  # imports and maps
            self.times = max(1, math.ceil(LEAST_SECONDS / self.one.seconds(1)))
        except OSError:
            self.end()
            raise

    def factor(self):
        """How much faster all of them are than one, in a turn of each."""
        return self.one.seconds(self.times) / self.many.seconds(self.times)

    def end(self):
        self.one.end()
        self.many.end()


def main():
    form, part, parts, paths = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    for line in sys.stdin:
        for _ in range(int(line)):
            work_of(form)(paths, part, parts)
        print("done", flush=True)


def busy_seconds():
    """CPU seconds that all processes have used since the machine started."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


MOST_WAIT = 10  # seconds before a turn


@functools.cache
def say_that_turns_wait():
    print(f"the machine is not idle: each turn waits until it is, at most {MOST_WAIT} s", file=sys.stderr,
          flush=True)


def wait_until_idle():
    """Returns once the machine does nothing, or after MOST_WAIT seconds, which is said once. An engine that gives back
    gigabytes goes on after its answer, and would slow down whoever has the next turn."""
    start = time.monotonic()
    while (waited := time.monotonic() - start) < MOST_WAIT:
        before = busy_seconds()
        time.sleep(0.1)
        if busy_seconds() - before <= 0.02:
            return
        if waited > 1:
            say_that_turns_wait()


if __name__ == "__main__":
    main()
