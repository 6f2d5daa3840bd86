#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much faster two processes are than one at the least work that a form of files asks for, on this machine.

In: a form and its files. Out: the factor, and what was done: reading blocks (NDJSON), unpacking (compressed NDJSON),
decoding two columns (Parquet), looking up the codes of two columns that are mapped (Arrow). It says what two threads of
a scan may reach here, where memory, caches or a second core that is half of the first bound them. The process that
works waits for a line on standard input, does its part, answers with a line: starting is not counted. A turn takes
one process about as long as it takes one thread of kqlc, and begins after the same rest: what takes 30 ms after the
machine did nothing gains less by a second core than what takes a second.
"""
import functools
import os
import subprocess
import sys
import time

COLUMNS = ["DeviceId", "FileName"]
BLOCK = 256 * 1024
WORK = {"ndjson": "pread of 256 KiB blocks", "ndjson.gz": "unpacking", "ndjson.zst": "unpacking",
        "parquet": "decoding two columns", "snappy": "decoding two columns", "arrow": "look-ups by mapped codes",
        "arrow-plain": "hashing two mapped columns", "ingested": "look-ups by mapped codes"}


def own_units(count, part, parts, share):
    """The numbers of a part's units among the first `share` (0 to 1) of `count`; each part has as many."""
    chosen = count if share == 1 else max(parts, round(count * share / parts) * parts)
    return range(part, min(count, chosen), parts)


def read_blocks(paths, part, parts, share):
    buffer = bytearray(BLOCK)
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            size = int(os.fstat(file.fileno()).st_size * share)
            place, end = size * part // parts, size * (part + 1) // parts
            while place < end and (count := os.preadv(file.fileno(), [buffer], place)):
                place += count


def unpack(paths, part, parts, _):
    """Whole files: to unpack them is most of what kqlc does with them."""
    import pyarrow
    for path in paths[part::parts]:
        with pyarrow.input_stream(path, compression="detect") as stream:
            while stream.read(1 << 20):
                pass


@functools.cache
def parquet_file(path):
    """Opened once: to read the footer is no work that processes share."""
    import pyarrow.parquet
    return pyarrow.parquet.ParquetFile(path)


def decode(paths, part, parts, share):
    for file in map(parquet_file, paths):
        for group in own_units(file.num_row_groups, part, parts, share):
            file.read_row_group(group, columns=COLUMNS, use_threads=False)


def open_mapped(path):
    import pyarrow
    return pyarrow.ipc.open_file(pyarrow.memory_map(path))


@functools.cache
def mapped_units(paths):
    """Each record batch of files: its file and its number there."""
    return [(path, number) for path in paths for number in range(open_mapped(path).num_record_batches)]


def map_columns(paths, part, parts, share):
    """Files are mapped anew: mapped reading is what the form asks for."""
    import numpy
    import pyarrow
    import pyarrow.compute
    units, opened = mapped_units(tuple(paths)), {}
    for path, number in (units[unit] for unit in own_units(len(units), part, parts, share)):
        file = opened[path] = opened.get(path) or open_mapped(path)
        batch = file.get_batch(number)
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

    def seconds(self, times=1, share=1.0):
        """Of one turn in which all of them do their part of a share of the work `times` times, at once. Raises OSError
        where one fails."""
        start = time.perf_counter()
        for process in self.processes:
            process.stdin.write(f"{times} {share}\n")
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
    """Processes that are ready to do the work of a form, one alone and as many as asked for, which takes the one about
    `seconds`. Raises OSError."""

    def __init__(self, form, paths, parts, seconds):
        self.one, self.many, self.work = Workers(form, paths, 1), Workers(form, paths, parts), WORK[form]
        try:
            self.one.seconds(), self.many.seconds()  # imports and maps
            whole = seconds / self.one.seconds()
            self.times, self.share = max(1, round(whole)), min(1.0, whole)
        except OSError:
            self.end()
            raise

    def factor(self):
        """How much faster all of them are than one, in a turn of each."""
        wait_until_idle()
        one = self.one.seconds(self.times, self.share)
        wait_until_idle()
        return one / self.many.seconds(self.times, self.share)

    def end(self):
        self.one.end()
        self.many.end()


def main():
    form, part, parts, paths = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    for line in sys.stdin:
        times, share = line.split()
        for _ in range(int(times)):
            work_of(form)(paths, part, parts, float(share))
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
