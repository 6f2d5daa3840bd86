# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark's archive: DeviceProcessEvents and DeviceNetworkEvents as Defender streams them.

In: a World, a seed, the number of rows. Out: Chunks of 100,000 rows: the numbers that each row drew, and its columns,
as Arrow arrays and as JSON text. The same arguments give the same rows. Numbers are drawn by Zipf rank, so that values
repeat as they do in an estate. Rare rows hold what goes wrong easily: hits of the seed rule written with escapes, in other
letter cases and beside punctuation; near misses; the needles in other columns; connections exactly at, and one tick
past, the ends of Q5's hour. No two process events have the same time, so the last row of a machine is always one.
"""
import dataclasses
import typing

import numpy
import pyarrow
import pyarrow.compute

from tables import END, HOUR, NETWORK, PROCESS, SPAN, TABLES, TICKS
from world import ARROW_TYPES, WINDOWS

CHUNK = 100_000  # rows
MOST_ROWS = 100_000_000  # beyond that two rows may have the same time
BLOCK = 65_536
LATE = 1 << 31  # ticks; an event may be late by three and a half minutes, so times do not grow from row to row
ENCODED_EVERY, BORDER_EVERY = 700, 500  # rows


@dataclasses.dataclass
class Cells:
    """One column of a chunk. `text` gives pieces of JSON text, arrays or constants, to be joined row by row."""
    column: pyarrow.Array
    text: typing.Callable


@dataclasses.dataclass
class Chunk:
    table: str
    ticks: numpy.ndarray  # of Timestamp
    received: numpy.ndarray  # ticks
    numbers: dict  # what was drawn: "device", and "image" and "command", or "host"
    tokens: typing.Any  # of ProcessCommandLine
    cells: dict

    def columns(self):
        """A pyarrow Table; strings that repeat are dictionaries."""
        return pyarrow.table({name: self.cells[name].column for name in TABLES[self.table]})


def drawn(values, numbers):
    return Cells(values.column(numbers), lambda: [values.texts.take(pyarrow.array(numbers))])


def whole(numbers, kind="long"):
    column = pyarrow.array(numbers, ARROW_TYPES[kind])
    return Cells(column, lambda: [column.cast(pyarrow.string())])


def digits(numbers):
    column = pyarrow.array(numbers).cast(pyarrow.string())
    return Cells(column, lambda: ['"', column, '"'])


def same(value, text, kind, count):
    """A column of one value."""
    if kind == "string":
        column = pyarrow.DictionaryArray.from_arrays(
            pyarrow.array(numpy.zeros(count, numpy.int32), mask=numpy.full(count, value is None)),
            pyarrow.array([value or ""]))
    else:
        column = pyarrow.repeat(pyarrow.scalar(value, ARROW_TYPES[kind]), count)
    return Cells(column, lambda: [text])


def time_text(ticks):
    """ISO 8601 without zeros at the end of its decimals and without Z."""
    text = pyarrow.array(ticks * 100, pyarrow.timestamp("ns")).cast(pyarrow.string())  # nine decimals
    text = pyarrow.compute.binary_replace_slice(text, 27, 29, "")
    text = pyarrow.compute.binary_replace_slice(text, 10, 11, "T")
    return pyarrow.compute.ascii_rtrim(pyarrow.compute.ascii_rtrim(text, "0"), ".")


def moment(ticks):
    return Cells(pyarrow.array(ticks * 100, pyarrow.timestamp("ns")), lambda: ['"', time_text(ticks), 'Z"'])


def tokens(rng, count):
    """Sixteen hexadecimal digits a row."""
    text = rng.bytes(8 * count).hex().encode()
    ends = numpy.arange(0, 16 * (count + 1), 16, dtype=numpy.int32)
    return pyarrow.StringArray.from_buffers(count, pyarrow.py_buffer(ends), pyarrow.py_buffer(text))


def command_cells(commands, numbers, token, row):
    """Command lines; each fifth row escapes its slashes."""
    column = commands.texts(numbers, token)

    def text():
        place = pyarrow.array(numbers + numpy.where(row % 5 == 0, len(commands.parts), 0))
        return ['"', commands.json[0].take(place), token, commands.json[1].take(place), '"']
    return Cells(column, text)


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


def unique_ticks(rng, row, rows):
    """Times of process events, all different: odd ones, and each seventh a whole millisecond, as some sources give them.

    The number of the row stands in the lower digits; rows that agree in it are too far apart to be in the same block.
    """
    step = SPAN * TICKS // rows
    rough = (END - SPAN) * TICKS + row * step + (rng.random(len(row)) * step).astype(numpy.int64)
    rough -= rng.integers(0, LATE, len(row))
    exact = rough // (2 * BLOCK) * (2 * BLOCK) + 2 * (row % BLOCK) + 1
    whole_milliseconds = rough // (10_000 * BLOCK) * (10_000 * BLOCK) + row % BLOCK * 10_000
    return numpy.where(row % 7 == 0, whole_milliseconds, exact)


def initiating_cells(world, rng, row, ticks, parent):
    """The columns of the initiating process that both tables have. `parent` are the numbers of its program."""
    count = len(row)
    ranks = world.ranks
    started = ticks - rng.integers(0, 1 << 39, count)
    remote = numpy.where(rng.integers(0, 64, count) == 0, 1 + row % 256, 0)
    cells = {"Initiating" + (name if name.startswith("Process") else "Process" + name): drawn(values, parent)
             for name, values in world.images.items()}
    account = world.account_ranks.draw(rng, count)
    cells |= {"InitiatingProcess" + name: drawn(values, account) for name, values in world.accounts.items()}
    bits = lambda width: rng.integers(0, 1 << width, count)
    return cells | {
        "InitiatingProcessIntegrityLevel": drawn(world.levels, ranks[4].draw(rng, count)),
        "InitiatingProcessTokenElevation": drawn(world.elevations, ranks[3].draw(rng, count)),
        "InitiatingProcessId": whole(bits(16)),
        "InitiatingProcessCommandLine": command_cells(
            world.commands, world.command_ranks.draw(rng, count), tokens(rng, count), row),
        "InitiatingProcessCreationTime": moment(started), "InitiatingProcessParentId": whole(bits(16)),
        "InitiatingProcessParentFileName": drawn(world.parent_files, rng.integers(0, len(WINDOWS), count)),
        "InitiatingProcessParentCreationTime": moment(started - rng.integers(0, 1 << 36, count)),
        "ReportId": whole(bits(22)), "AppGuardContainerId": same("", '""', "string", count),
        "AdditionalFields": drawn(world.additional, bits(2)), "InitiatingProcessSessionId": whole(bits(2)),
        "IsInitiatingProcessRemoteSession": Cells(pyarrow.array(remote > 0), lambda: [
            pyarrow.array(remote > 0).cast(pyarrow.string())]),
        "InitiatingProcessRemoteSessionDeviceName": same(None, "null", "string", count),
        "InitiatingProcessRemoteSessionIP": drawn(world.remote_addresses, remote),
        "InitiatingProcessUniqueId": digits(bits(56))}


class ProcessNumbers:
    """What the process events from row `first` on drew, rare rows put in."""

    def __init__(self, world, rng, row, rows):
        count = len(row)
        self.world, self.image = world, world.image_ranks.draw(rng, count)
        self.parent, self.device = world.image_ranks.draw(rng, count), world.device_ranks.draw(rng, count)
        self.command = world.command_ranks.draw(rng, count)
        encoded = row % ENCODED_EVERY == 13
        self.command[encoded] = world.first_encoded + row[encoded] // ENCODED_EVERY % (
            world.elsewhere - world.first_encoded)
        for place, (kind, number) in rare_rows(rows).items():
            if row[0] <= place <= row[-1]:
                self.put(place - row[0], kind, number)

    def put(self, index, kind, number):
        """Makes the row a hit, a near miss, or one with the needles in another column."""
        world = self.world
        if kind == "hit":
            self.image[index] = world.first_hit + number % (world.first_miss - world.first_hit)
            self.device[index] = number * 7 % 11
        elif kind == "miss":
            self.image[index] = world.first_miss + number % (len(world.images["FileName"].values) - world.first_miss)
        elif number % 2:
            self.parent[index] = world.first_hit
        else:
            self.command[index] = world.elsewhere


def process_chunk(world, seed, first, rows):
    """Process events from row `first` on, of `rows` in all."""
    count = min(CHUNK, rows - first)
    rng, row = numpy.random.default_rng([seed, 1, first]), numpy.arange(first, first + count)
    ticks, drew = unique_ticks(rng, row, rows), ProcessNumbers(world, rng, row, rows)
    token, ranks = tokens(rng, count), world.ranks
    bits = lambda width: rng.integers(0, 1 << width, count)
    account = world.account_ranks.draw(rng, count)
    null, no = same(None, "null", "string", count), same(False, "false", "bool", count)
    cells = {"Timestamp": moment(ticks), "ActionType": same("ProcessCreated", '"ProcessCreated"', "string", count),
             **{name: drawn(values, drew.device) for name, values in world.devices.items()},
             **{name: drawn(values, drew.image) for name, values in world.images.items()},
             **{name: drawn(values, account) for name, values in world.accounts.items()},
             **initiating_cells(world, rng, row, ticks, drew.parent),
             "ProcessId": whole(bits(16)), "ProcessCommandLine": command_cells(world.commands, drew.command, token, row),
             "ProcessIntegrityLevel": drawn(world.levels, ranks[4].draw(rng, count)),
             "ProcessTokenElevation": drawn(world.elevations, ranks[3].draw(rng, count)),
             "ProcessCreationTime": moment(ticks - bits(24)), "LogonId": whole(bits(23)),
             "InitiatingProcessLogonId": whole(bits(23)),
             "InitiatingProcessSignerType": drawn(world.signers, ranks[3].draw(rng, count)),
             "InitiatingProcessSignatureStatus": drawn(world.statuses, ranks[3].draw(rng, count)),
             "CreatedProcessSessionId": whole(bits(2)), "IsProcessRemoteSession": no,
             "ProcessRemoteSessionDeviceName": null, "ProcessRemoteSessionIP": null, "ProcessUniqueId": digits(bits(56))}
    return Chunk(PROCESS, ticks, ticks + bits(30), {"device": drew.device, "image": drew.image, "command": drew.command},
                 token, cells)


def put_borders(row, ticks, device, starts):
    """Gives some connections the machine of a start of PowerShell, and a time at, before or past the ends of its hour.

    `starts` are machines and ticks of those starts."""
    machines, times = starts
    chosen = numpy.nonzero(row % BORDER_EVERY == 7)[0]
    if not len(machines) or not len(chosen):
        return
    number = row[chosen] // BORDER_EVERY
    start = number * 7_919 % len(machines)
    device[chosen] = machines[start]
    ticks[chosen] = times[start] + numpy.array([0, HOUR, HOUR + 1, -1])[number % 4]


def network_chunk(world, seed, first, rows, starts):
    """Connections from row `first` on, of `rows` in all."""
    count = min(CHUNK, rows - first)
    rng, row = numpy.random.default_rng([seed, 2, first]), numpy.arange(first, first + count)
    step = SPAN * TICKS // rows
    ticks = (END - SPAN) * TICKS + row * step + (rng.random(count) * step).astype(numpy.int64)
    ticks -= rng.integers(0, LATE, count)
    device, host = world.device_ranks.draw(rng, count), world.host_ranks.draw(rng, count)
    put_borders(row, ticks, device, starts)
    text = lambda value: same(value, f'"{value}"', "string", count)
    cells = {"Timestamp": moment(ticks), **{name: drawn(values, device) for name, values in world.devices.items()},
             **initiating_cells(world, rng, row, ticks, world.image_ranks.draw(rng, count)),
             "ActionType": drawn(world.connections, world.ranks[4].draw(rng, count)),
             "RemoteIP": drawn(world.host_addresses, host), "RemoteUrl": drawn(world.host_names, host),
             "RemotePort": drawn(world.ports, world.ranks[len(world.ports.values)].draw(rng, count)),
             "LocalIP": drawn(world.local_addresses, device),
             "LocalPort": whole(rng.integers(49_152, 65_536, count), "int"), "Protocol": text("Tcp"),
             "LocalIPType": text("Private"), "RemoteIPType": text("Public"),
             "LogonID": whole(rng.integers(0, 1 << 23, count))}
    return Chunk(NETWORK, ticks, ticks + rng.integers(0, 1 << 30, count), {"device": device, "host": host}, None, cells)
