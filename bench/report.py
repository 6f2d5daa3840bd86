# SPDX-License-Identifier: Apache-2.0
"""What bench/compare prints and keeps: a table for each query and form, one for all sizes, and a record.

In: the measured runs. Out: text on standard output, and a file in bench/records.
"""
import datetime
import json
import os
import platform
import statistics
import subprocess

import engines
from queries import QUERIES


def line_of(name, ready, runs):
    """The numbers of one engine, as they are recorded."""
    engine, archive, size = ready
    return {"engine": name, "way": engine.way, "version": engine.version, "rows": archive.rows, "bytes": size,
            "median_s": round(statistics.median(run.seconds for run in runs), 4),
            "least_s": round(min(run.seconds for run in runs), 4),
            "cpu_s": round(statistics.median(run.cpu for run in runs), 4),
            "memory_mb": round(max(run.memory for run in runs) / 1e6),
            "resident_mb": round(max(run.resident for run in runs) / 1e6),
            "runs_s": [round(run.seconds, 4) for run in runs]}


def print_table(query, form, rows, lines, repetitions):
    """One line an engine; ratios are to kqlc on all cores over the same rows."""
    base = next((line["median_s"] for line in lines if line["engine"] == "kqlc"), None)
    print(f"\n{query} {form}: {QUERIES[query]['title']}; {rows:,} process events, "
          f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    print(f"{'engine':<12}{'way':<18}{'median s':>10}{'least s':>10}{'x kqlc':>8}{'MB/s':>9}{'CPU s':>8}"
          f"{'memory MB':>11}{'resident MB':>13}")
    for line in lines:
        same = line["rows"] == rows
        ratio = f"{line['median_s'] / base:.2f}" if same and base else "-"
        once = "   one run" if len(line["runs_s"]) == 1 and repetitions > 1 else ""
        note = once if same else f"{once}   over {line['bytes'] / 1e6:.0f} MB, {line['rows']:,} process events"
        print(f"{line['engine']:<12}{line['way']:<18}{line['median_s']:>10.4f}{line['least_s']:>10.4f}{ratio:>8}"
              f"{line['bytes'] / 1e6 / line['median_s']:>9.0f}{line['cpu_s']:>8.2f}{line['memory_mb']:>11}"
              f"{line['resident_mb']:>13}{note}", flush=True)


def add_scaling(lines, machine, threads, work):
    """How much faster kqlc is on all cores than on one, beside what the machine gives (`machine`: a factor a turn). Both
    are medians of turns: what changes between turns changes both times of a factor."""
    runs = {line["engine"]: line["runs_s"] for line in lines}
    if not {"kqlc", "kqlc-1"} <= set(runs):
        return
    factors = [one / all_cores for one, all_cores in zip(runs["kqlc-1"], runs["kqlc"])]
    scaling = {"threads": threads, "kqlc": round(statistics.median(factors), 3),
               "machine": round(statistics.median(machine), 3), "work": work,
               "kqlc_turns": [round(factor, 3) for factor in factors],
               "machine_turns": [round(factor, 3) for factor in machine]}
    next(line for line in lines if line["engine"] == "kqlc")["scaling"] = scaling
    print(f"{threads} threads: kqlc {scaling['kqlc']:.2f} times as fast as with one; the machine {scaling['machine']:.2f} times "
          f"({threads} processes, {work}); medians of {len(factors)} turns", flush=True)


def add_whole_process(lines):
    """How much longer a whole process takes than a ready one: the median of the differences by turn."""
    runs = {line["engine"]: line["runs_s"] for line in lines}
    if not {"kqlc", "process"} <= set(runs):
        return
    more = statistics.median(whole - ready for whole, ready in zip(runs["process"], runs["kqlc"]))
    next(line for line in lines if line["engine"] == "process")["more_than_ready_s"] = round(more, 4)
    print(f"a whole process: {1000 * more:.0f} ms more than a ready one; median of {len(runs['process'])} turns", flush=True)


def print_sizes(records):
    """Time and memory of each engine over all sizes, where there are several."""
    groups = {}
    for record in records:
        groups.setdefault((record["query"], record["form"], record["engine"]), []).append(record)
    groups = {key: lines for key, lines in groups.items() if len({line["bytes"] for line in lines}) > 1}
    if not groups:
        return
    print("\nover the sizes: a line each; linear where s/GB stays, flat where memory does")
    print(f"{'query':<8}{'form':<12}{'engine':<12}{'way':<18}{'rows':>12}{'MB':>9}{'median s':>10}{'s/GB':>8}{'CPU s':>8}"
          f"{'memory MB':>11}{'resident MB':>13}")
    for (query, form, engine), lines in groups.items():
        for line in lines:
            print(f"{query:<8}{form:<12}{engine:<12}{line['way']:<18}{line['rows']:>12,}{line['bytes'] / 1e6:>9.0f}"
                  f"{line['median_s']:>10.4f}{line['median_s'] / line['bytes'] * 1e9:>8.3f}{line['cpu_s']:>8.2f}"
                  f"{line['memory_mb']:>11}{line['resident_mb']:>13}")


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) * 1024
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_gb": round(memory / 1e9),
            "kernel": platform.release()}


def write_record(options, records):
    """Writes the numbers into bench/records."""
    version = subprocess.run([options.kqlc, "--version"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "-C", engines.ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    now = datetime.datetime.now(datetime.timezone.utc)
    result = {"date": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "machine": machine(), "kqlc": version,
              "commit": commit.stdout.strip(), "load_at_end": os.getloadavg()[0],
              "options": {name: getattr(options, name) for name in
                          ("sizes", "seed", "queries", "forms", "engines", "repetitions")},
              "results": records}
    folder = os.path.join(engines.HERE, "records")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, now.strftime("%Y-%m-%dT%H%MZ") + ".json")
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(f"recorded: {os.path.relpath(path, engines.ROOT)}")
