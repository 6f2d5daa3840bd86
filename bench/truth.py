# SPDX-License-Identifier: Apache-2.0
"""The right answers of the queries, gathered while the archive is made from what its rows drew: no query is run.

In: the chunks of both tables, process events first. Out: for each query its rows as queries.canonical gives them:
sorted, datetimes as ticks since 1970, null strings as "".
"""
import numpy
import pyarrow

import pack
from tables import END, HOUR, PROCESS, SPAN, TABLES, TICKS, WINDOW_START, whole_row
from world import DEVICES

TIMES_A_MACHINE = 2 * SPAN * TICKS  # more than the archive spans with an hour: keeps machines apart in one number
FIRST = (END - SPAN) * TICKS - SPAN * TICKS // 2


class Truth:
    def __init__(self, world):
        self.world = world
        self.files, self.device_ids = world.images["FileName"], world.devices["DeviceId"].values
        self.names = world.devices["DeviceName"].values
        self.seed, self.encoded, self.last, self.last_keys = {}, [], None, None
        self.counts = numpy.zeros((len(self.files.distinct), DEVICES), numpy.int64)
        self.newest = numpy.zeros_like(self.counts)
        self.shells = numpy.array([name.lower() == "powershell.exe" for name in self.files.values])
        self.starts, self.connected = [], []
        rules = pack.rules(world)
        self.matches = {"image": pyarrow.array(pack.of_images(world, rules), pyarrow.list_(pyarrow.int32())),
                        "command": pyarrow.array(pack.of_commands(world, rules), pyarrow.list_(pyarrow.int32()))}
        self.rule_counts = numpy.zeros((len(rules), DEVICES), numpy.int64)
        self.rule_first = numpy.full((len(rules), DEVICES), numpy.iinfo(numpy.int64).max)
        self.rule_last = numpy.zeros((len(rules), DEVICES), numpy.int64)

    def process(self, chunk):
        device, image = chunk.numbers["device"], chunk.numbers["image"]
        self.add_seed(chunk)
        pairs = self.files.of(image), device
        numpy.add.at(self.counts, pairs, 1)
        numpy.maximum.at(self.newest, pairs, chunk.ticks)
        self.add_encoded(chunk)
        self.add_last(chunk)
        shell = self.shells[image]
        self.starts.append((device[shell], chunk.ticks[shell]))
        self.add_rules(chunk)

    def network(self, chunk):
        self.connected.append((chunk.numbers["device"], chunk.ticks, chunk.numbers["host"]))

    def add_seed(self, chunk):
        image, ticks = chunk.numbers["image"], chunk.ticks
        hit = (image >= self.world.first_hit) & (image < self.world.first_miss)
        report = chunk.cells["ReportId"].column
        for index in numpy.nonzero(hit & (ticks >= WINDOW_START) & (ticks <= END * TICKS))[0].tolist():
            time = int(ticks[index])
            group = self.seed.setdefault(int(chunk.numbers["device"][index]), [time, time, set(), 0])
            group[0], group[1] = min(group[0], time), max(group[1], time)
            group[2].add(report[index].as_py())
            group[3] += 1

    def add_encoded(self, chunk):
        """Q3 keeps the rows whose command line has the expression: the text is known by its number."""
        command, device = chunk.numbers["command"], chunk.numbers["device"]
        for index in numpy.nonzero(self.world.encoded_matches[command])[0].tolist():
            before, after = self.world.commands.parts[command[index]]
            self.encoded.append([int(chunk.ticks[index]), self.names[device[index]],
                                 before + chunk.tokens[index].as_py() + after])

    def add_last(self, chunk):
        """The last row of each machine so far, whole."""
        device, ticks, rows = chunk.numbers["device"], chunk.ticks, chunk.columns()
        if self.last is not None:
            device = numpy.concatenate((self.last_keys[0], device))
            ticks = numpy.concatenate((self.last_keys[1], ticks))
            rows = pyarrow.concat_tables([self.last, rows])
        order = numpy.lexsort((ticks, device))
        last = order[numpy.append(device[order][1:] != device[order][:-1], True)]
        self.last = rows.take(last).combine_chunks()
        self.last_keys = device[last], ticks[last]

    def add_rules(self, chunk):
        for name, lists in self.matches.items():
            rules = lists.take(pyarrow.array(chunk.numbers[name]))
            row = pyarrow.compute.list_parent_indices(rules).to_numpy()
            place = rules.flatten().to_numpy(), chunk.numbers["device"][row]
            numpy.add.at(self.rule_counts, place, 1)
            numpy.minimum.at(self.rule_first, place, chunk.ticks[row])
            numpy.maximum.at(self.rule_last, place, chunk.ticks[row])

    def shell_starts(self):
        """Machines and ticks of all starts of PowerShell."""
        return tuple(numpy.concatenate(parts) for parts in zip(*self.starts))

    def connections(self):
        """Q5: for each host name, how many pairs of a start of PowerShell and a connection within the hour after it."""
        keys = lambda device, ticks: device.astype(numpy.int64) * TIMES_A_MACHINE + (ticks - FIRST)
        starts = numpy.sort(keys(*self.shell_starts()))
        device, ticks, host = (numpy.concatenate(parts) for parts in zip(*self.connected))
        end = keys(device, ticks)
        pairs = numpy.searchsorted(starts, end, "right") - numpy.searchsorted(starts, end - HOUR, "left")
        counts = numpy.zeros(len(self.world.host_names.values), numpy.int64)
        numpy.add.at(counts, host, pairs)
        return sorted([self.world.host_names.values[number] or "", int(counts[number])] for number in counts.nonzero()[0])

    def programs(self):
        """Q2 keeps every file name that ties with the tenth."""
        counts, devices = self.counts.sum(axis=1), (self.counts > 0).sum(axis=1)
        names = self.files.distinct.to_pylist()
        files = sorted(([names[number], int(counts[number]), int(devices[number])] for number in counts.nonzero()[0]),
                       key=lambda entry: (-entry[1], entry[0]))
        tenth = files[min(9, len(files) - 1)][1]
        return [entry for entry in files if entry[1] >= tenth]

    def rare_pairs(self):
        """Q7: on how many machines a program ran once, and the newest of these times."""
        once, names = self.counts == 1, self.files.distinct.to_pylist()
        machines, newest = once.sum(axis=1), (self.newest * once).max(axis=1)
        return sorted([names[number], int(machines[number]), int(newest[number])] for number in machines.nonzero()[0])

    def last_rows(self):
        columns = []
        for name, kind in TABLES[PROCESS].items():
            column = self.last[name]
            if kind == "datetime":
                column = pyarrow.array(column.cast(pyarrow.int64()).to_numpy() // 100)
            columns.append(column.to_pylist())
        return sorted((whole_row(PROCESS, row) for row in zip(*columns)), key=lambda row: row[1])

    def rule_groups(self):
        return sorted([int(rule), self.device_ids[device], self.names[device], int(self.rule_first[rule, device]),
                       int(self.rule_last[rule, device]), int(self.rule_counts[rule, device])]
                      for rule, device in zip(*self.rule_counts.nonzero()))

    def answers(self):
        seed = sorted([self.device_ids[device], self.names[device], first, last, sorted(reports), count]
                      for device, (first, last, reports, count) in self.seed.items())
        return {"Q1": seed, "Q2": self.programs(), "Q3": sorted(self.encoded), "Q4": self.last_rows(),
                "Q5": self.connections(), "Q6": self.rule_groups(), "Q7": self.rare_pairs()}
