#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make check-growth: that machc and machrt take n log n steps, in every dimension that an input can grow in.

    tests/growth/run.py --build build [--every K] [-v] [NAME ...]

Each input is made in the sizes n, 2n and 4n, and the instructions that a command takes are counted by valgrind: no
clock is looked at, so that a busy machine changes nothing. What the command needs for any input cancels out in the
differences: from 2n to 4n, n log n takes 2.2 times as many instructions more as from n to 2n, and n squared 4 times. The limit
is 2.5: tables that double make the differences uneven.

--every K: each K-th dimension only, for CI. With NAME, those whose name contains it.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

from inputs import DIMENSIONS, MACHRT, OPTIONS, STEPS

LIMIT = 2.5
SIZE = 1000
SECONDS = 120
MEMORY = 4 << 30  # bytes of address space: valgrind's own included
# A difference that is smaller than this cannot be told from noise: the input does not cost anything.
NOISE = 400_000


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def count(command, folder):
    """The instructions that a command takes, and its exit status."""
    with tempfile.NamedTemporaryFile(mode="r") as log:
        done = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
             f"--log-file={log.name}", *command],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS,
            preexec_fn=limit_memory, check=False)
        found = re.search(r"I\s+refs:\s+([\d,]+)", log.read())
    if not found or done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ends with {done.returncode}\n{done.stderr.decode(errors='replace')[-500:]}")
    return int(found[1].replace(",", ""))


def write(folder, files):
    for name, text in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def measure(build, name):
    """[(what, counts or None, problem)] for a dimension: machc, and machrt's commands."""
    commands = {"machc": [str(build / "machc"), *OPTIONS.get(name, ["--check"]), "in.mach"]}
    for command in MACHRT[name]:
        commands[f"machrt {command}"] = [str(build / "machrt"), command, "in.cfg"]
    counts = {what: [] for what in commands}
    n = STEPS.get(name, SIZE)
    try:
        for size in (n, 2 * n, 4 * n):
            with tempfile.TemporaryDirectory() as folder:
                write(folder, DIMENSIONS[name](size))
                if MACHRT[name]:
                    subprocess.run([str(build / "machc"), "in.mach", "-c", "in.cfg", "-w"], cwd=folder, check=True,
                                   capture_output=True)
                for what, command in commands.items():
                    counts[what].append(count(command, folder))
    except (RuntimeError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or b"").decode(errors="replace")[-500:]
        return [(what, None, f"{error}\n{detail}") for what in commands]
    return [(what, counts[what], None) for what in commands]


def ratio(counts):
    low, high = counts[1] - counts[0], counts[2] - counts[1]
    return high / max(low, NOISE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default="build")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    chosen = [name for name in DIMENSIONS if not args.names or any(part in name for part in args.names)]
    chosen = chosen[::args.every]
    passed = failed = 0
    print(f"{'dimension':28} {'command':12} {'n':>6} {'steps for one':>14} {'growth':>7}")
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for name, rows in zip(chosen, pool.map(lambda name: measure(args.build, name), chosen)):
            for what, counts, problem in rows:
                n = STEPS.get(name, SIZE)
                good = counts is not None and ratio(counts) <= LIMIT
                passed, failed = passed + good, failed + (not good)
                if counts is None:
                    print(f"FAIL {name} {what}: {problem}")
                    continue
                each = (counts[2] - counts[1]) / (2 * n)
                print(f"{name:28} {what:12} {n:6} {each:14.0f} {ratio(counts):7.2f}{'' if good else '  FAIL: more than n log n'}",
                      flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
