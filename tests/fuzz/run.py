#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs libFuzzer targets, one for each processor at a time, and prints one line for each.

    run.py --build build/fuzz [--time SECONDS] [--jobs N] TARGET ...

The corpus in BUILD/corpus/TARGET is kept and continued. A finding is shown and kept as BUILD/findings/TARGET-*: first turn it
into a test (tests/errors, tests/unit; at least tests/fuzz/regressions/TARGET), then fix it.
Exit: 0, or 1 if there was a finding.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Seconds for one input (all take linear time, and the largest have 32 KB), and megabytes for one.
TIMEOUT, MEMORY, LARGEST = 10, 2048, 32768


def run(build, target, seconds):
    """(row of the table, the finding or "")"""
    corpus, findings = build / "corpus" / target, build / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = build / "dict" / f"{target}.dict"
    command = [build / "libfuzzer" / target, corpus, build / "seeds" / target, ROOT / "tests/fuzz/regressions" / target,
               f"-dict={dictionary}", f"-max_total_time={seconds}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY}",
               f"-max_len={LARGEST}", f"-artifact_prefix={findings}/{target}-", "-print_final_stats=1",
               # Entropic scheduling takes half of the time with a corpus of thousands. Comparison profiling pays
               # off where inputs are fast to read.
               f"-use_value_profile={int(target in ('cfg', 'session', 'schema'))}", "-entropic=0", "-reload=0"]
    command = [str(word) for word in command if not (isinstance(word, pathlib.Path) and not word.exists())]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    (findings / f"{target}.log").write_text(text)
    stats = dict(re.findall(r"^stat::(\w+):\s+(\d+)", text, re.M))
    cover = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text) or [("?", "?", "?")]
    took = re.findall(r"in (\d+) second", text)
    line = (target, stats.get("number_of_executed_units", "?"), took[-1] if took else "?",
            stats.get("average_exec_per_sec", "?"), cover[-1][0], cover[-1][2], stats.get("peak_rss_mb", "?"),
            "none" if done.returncode == 0 else "FOUND")
    return line, "" if done.returncode == 0 else text[-6000:]


def main():
    parser = argparse.ArgumentParser(description="Runs libFuzzer targets.")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--time", type=int, default=1800, help="seconds for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at a time")
    parser.add_argument("targets", nargs="*")
    args = parser.parse_args()
    head = ("target", "inputs", "seconds", "exec/s", "edges", "corpus", "peak MB", "findings")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for line, found in pool.map(lambda target: run(args.build.resolve(), target, args.time), args.targets):
            print("| " + " | ".join(line) + " |", flush=True)
            if found:
                failed += 1
                print(found, file=sys.stderr)
    print(f"fuzz: {len(args.targets) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
