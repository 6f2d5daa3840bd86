# SPDX-License-Identifier: Apache-2.0
"""The forms that an archive is written in, all from the same chunks: NDJSON, compressed NDJSON, Parquet, Arrow.

In: a folder, the number of rows, a seed, the forms wanted. Out: files in the folder, one a table and form (compressed
NDJSON: one for each chunk, because one such file is read by one thread), and the right answers. NDJSON has Defender's
envelope and CRLF; the columnar forms are flat, times in nanoseconds, which keep the ticks.
"""
import concurrent.futures
import os

import pyarrow
import pyarrow.compute
import pyarrow.ipc
import pyarrow.parquet

import archive
import truth
from tables import NETWORK, PROCESS
from world import World

# form -> what follows the table's name; {} is the number of the file
ENDINGS = {"ndjson": ".ndjson", "ndjson.gz": "-{}.ndjson.gz", "ndjson.zst": "-{}.ndjson.zst",
           "parquet": ".zstd.parquet", "snappy": ".snappy.parquet", "arrow": ".dictionary.arrow",
           "arrow-plain": ".plain.arrow"}
LINES_A_FILE = 25_000  # of a compressed form, so that an archive of one chunk has several files


def pattern(folder, table, form):
    """The files of a table in a form, as a glob."""
    return os.path.join(folder, table + ENDINGS[form].replace("{}", "*"))


def lines(world, chunk):
    """The rows as NDJSON, one Arrow string a line."""
    pieces = ['{"time":"', archive.time_text(chunk.received), f'Z","tenantId":"{world.tenant}","operationName":"Publish",'
              f'"category":"AdvancedHunting-{chunk.table}","properties":{{']
    for number, name in enumerate(archive.TABLES[chunk.table]):
        pieces += [f'{"," if number else ""}"{name}":', *chunk.cells[name].text()]
    pieces.append("}}\r\n")
    joined, constant = [], ""
    for piece in pieces:
        if isinstance(piece, str):
            constant += piece
        else:
            joined += [constant, piece]
            constant = ""
    return pyarrow.compute.binary_join_element_wise(*joined, constant, "")


def text_of(strings):
    """The bytes of consecutive Arrow strings, without copying."""
    first, last = pyarrow.Array.from_buffers(pyarrow.int32(), len(strings) + 1, [None, strings.buffers()[1]],
                                             offset=strings.offset).take(pyarrow.array([0, len(strings)])).to_pylist()
    return strings.buffers()[2].slice(first, last - first)


def plain(columns):
    """The same rows with strings instead of dictionaries."""
    fields = [pyarrow.field(field.name, pyarrow.string() if pyarrow.types.is_dictionary(field.type) else field.type)
              for field in columns.schema]
    return columns.cast(pyarrow.schema(fields))


class Lines:
    """NDJSON, one file."""
    textual = True

    def __init__(self, path, form):
        self.file = open(path, "wb")

    def write(self, rows):
        self.file.write(text_of(rows))

    def close(self):
        self.file.close()


class CompressedLines:
    """NDJSON in compressed files, each of some rows."""
    textual = True
    CODECS = {"ndjson.gz": ("gzip", 1), "ndjson.zst": ("zstd", 3)}

    def __init__(self, path, form):
        name, level = self.CODECS[form]
        self.path, self.number, self.codec = path, 0, pyarrow.Codec(name, compression_level=level)

    def write(self, rows):
        for first in range(0, len(rows), LINES_A_FILE):
            with open(self.path.format(self.number), "wb") as file:
                file.write(self.codec.compress(text_of(rows.slice(first, LINES_A_FILE))))
            self.number += 1

    def close(self):
        pass


class Parquet:
    """One row group a chunk."""
    textual = False

    def __init__(self, path, form):
        self.path, self.codec, self.writer = path, "zstd" if form == "parquet" else form, None

    def write(self, columns):
        columns = plain(columns)
        if self.writer is None:
            self.writer = pyarrow.parquet.ParquetWriter(self.path, columns.schema, compression=self.codec)
        self.writer.write_table(columns, row_group_size=len(columns))

    def close(self):
        self.writer.close()


class Arrow:
    """An IPC file, one batch a chunk; strings that repeat are dictionaries, or none are."""
    textual = False

    def __init__(self, path, form):
        self.path, self.plain, self.writer = path, form == "arrow-plain", None

    def write(self, columns):
        if self.plain:
            columns = plain(columns)
        if self.writer is None:
            self.writer = pyarrow.ipc.new_file(self.path, columns.schema)
        self.writer.write_table(columns)

    def close(self):
        self.writer.close()


WRITERS = {"ndjson": Lines, "ndjson.gz": CompressedLines, "ndjson.zst": CompressedLines, "parquet": Parquet,
           "snappy": Parquet, "arrow": Arrow, "arrow-plain": Arrow}


def write(world, chunks, writers, pool, learn):
    """Gives each chunk to each writer, and to `learn` meanwhile."""
    for chunk in chunks:
        text = lines(world, chunk) if any(writer.textual for writer in writers) else None
        columns = chunk.columns()
        waiting = [pool.submit(writer.write, text if writer.textual else columns) for writer in writers]
        learn(chunk)
        for one in waiting:
            one.result()
    for writer in writers:
        writer.close()


def make(folder, rows, seed, forms):
    """Writes `rows` process events and half as many connections in each of `forms`. Returns the answers."""
    if rows > archive.MOST_ROWS:
        raise ValueError(f"an archive has at most {archive.MOST_ROWS:,} process events")
    world = World(seed)
    known = truth.Truth(world)

    def writers(table):
        return [WRITERS[form](os.path.join(folder, table + ENDINGS[form]), form) for form in forms]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        write(world, (archive.process_chunk(world, seed, first, rows) for first in range(0, rows, archive.CHUNK)),
              writers(PROCESS), pool, known.process)
        connections, starts = rows // 2, known.shell_starts()
        write(world, (archive.network_chunk(world, seed, first, connections, starts)
                      for first in range(0, connections, archive.CHUNK)), writers(NETWORK), pool, known.network)
    return known.answers()
