#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Runs a GoogleTest program in as many shards as there are cores and adds up their counts. In: the program, then
# arguments for it. Out: the output of failed shards, and as the last line "N passed, N failed".
# A shard that crashes or runs out of time counts as one failure more than the cases it reported.
import json
import os
import subprocess
import sys
import tempfile

SHARD_SECONDS = 25 * 60


def start(program, arguments, shard, shards, folder):
    environment = dict(os.environ, GTEST_TOTAL_SHARDS=str(shards), GTEST_SHARD_INDEX=str(shard))
    environment.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_stack_use_after_return=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    log = open(os.path.join(folder, f"{shard}.log"), "w+b")
    command = [program, "--gtest_brief=1", f"--gtest_output=json:{folder}/{shard}.json", *arguments]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log), log


def finish(process, log):
    """Waits for a shard. Returns how it ended badly, or None."""
    try:
        status = process.wait(timeout=SHARD_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        status = f"no end after {SHARD_SECONDS} s"
    if status == 0:
        return None
    log.seek(0)
    sys.stdout.write(log.read()[-20000:].decode(errors="replace"))
    return f"exit status {status}" if isinstance(status, int) else status


def counts(path):
    """Returns passed and failed cases of a shard's report, or None where there is no whole report."""
    try:
        with open(path) as file:
            report = json.load(file)
    except (OSError, ValueError):
        return None
    cases = [case for suite in report["testsuites"] for case in suite["testsuite"]]
    ran = [case for case in cases if case["result"] == "COMPLETED"]
    failed = sum(1 for case in ran if case.get("failures"))
    return len(ran) - failed, failed


def main():
    program, arguments = os.path.abspath(sys.argv[1]), sys.argv[2:]
    shards = len(os.sched_getaffinity(0))
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        running = [start(program, arguments, shard, shards, folder) for shard in range(shards)]
        for shard, (process, log) in enumerate(running):
            trouble = finish(process, log)
            result = counts(os.path.join(folder, f"{shard}.json"))
            if result is None:
                print(f"shard {shard} of {shards}: {trouble or 'no report'}")
                result = (0, 1)
            elif trouble and result[1] == 0:
                print(f"shard {shard} of {shards}: {trouble}")
                result = (result[0], 1)
            passed += result[0]
            failed += result[1]
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
