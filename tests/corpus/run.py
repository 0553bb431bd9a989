#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every node with `reg` of every board that Debian has a kernel for, passed through alone.

    tests/corpus/run.py [--driver FILE] [--every N] [--show CODE[,CODE]] [--refresh] [-k TEXT]

Each node must compile, or be refused by a message. The resulting tree must pass libfdt, dtc (except for messages that the
board's own node causes as well) and a walk over all references; the config must pass its reader. The statement is the
same for every device: its references are dropped, and it does no DMA.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from boards import boards  # noqa: E402
from harness import ENVIRONMENT  # noqa: E402
from harness.dtc import flags  # noqa: E402
from linux_devices import Data  # noqa: E402
from linux_tree import read  # noqa: E402
from linux_view import view  # noqa: E402

# Applies to nodes with an interrupt that Linux makes devices of. One in eighteen always stays with the host (E0383): consoles, interrupt
# controllers, IOMMUs, and the clocks and power domains that they depend on.
GOAL = 0.69
NO_DEVICE = "E1041"
SLOTS = 1 << 20
TIMEOUT = 120


def titles():
    """The first line of --explain for each message, by code."""
    names = {}
    for path in (ROOT / "compiler" / "diag").glob("messages-*.def"):
        for part in path.read_text().split("MSG(")[1:]:
            code, _, title = part.replace("\n", " ").split(",", 2)
            names[code.strip()] = title.split('"')[1]
    return names


class Run:
    """One board's result."""

    def __init__(self, driver, seen, board, more=()):
        self.name, path, platform = board
        command = [driver, *more, platform, path, seen, "dtc", *flags(), "-I", "dtb", "-O", "null", "-"]
        try:
            done = subprocess.run([str(word) for word in command], capture_output=True, timeout=TIMEOUT, env=ENVIRONMENT,
                                  check=False)
            self.status, self.err = done.returncode, done.stderr.decode("utf-8", "backslashreplace")
            out = done.stdout
        except subprocess.TimeoutExpired as late:
            self.status, self.err, out = None, "timed out", late.stdout or b""
        self.out = out.decode("utf-8", "backslashreplace")
        self.nodes = [line.split("\t") for line in self.out.splitlines() if "\t" in line]

    def crash(self):
        if self.status in (0, 1) and not self.err:
            return None
        last = self.nodes[-1][2] if self.nodes else "the first node"
        return f"exit status {self.status} behind {last}\n{self.err[-4000:]}"


def devices_all_the_same(run, path, data):
    """The nodes that machc says Linux makes no device of, but linux_view.py, which shares no code with it, that it does."""
    refused = {node[2] for node in run.nodes if NO_DEVICE in node[0].split(",")}
    if not refused:
        return []
    tree = read(path.read_bytes())
    kinds = {one.node.path: one.device for one in view(tree, data)}
    return [f"{run.name} {node}: {NO_DEVICE}, but linux_view.py: {kinds.get(node, 'no such node')}" for node in sorted(refused)
            if not kinds.get(node, "").startswith("none")]


def share(done, of):
    return f"{done} of {of}, {100 * done / of:.1f} %" if of else "none"


def table(nodes):
    """Prints the results of the nodes, and separately of those with an interrupt."""
    names = titles()
    counts = collections.Counter(what.split(",")[0] for what, _, _ in nodes)
    with_irq = collections.Counter(what.split(",")[0] for what, kind, _ in nodes if "i" in kind and "c" in kind)
    print(f"\n{'nodes':>8} {'share':>6} {'with irq':>9}")
    for code, n in sorted(counts.items(), key=lambda item: (item[0] != "ok", -item[1])):
        title = "compiled" if code == "ok" else f"{code} {names.get(code, '')}"
        print(f"{n:8} {100 * n / len(nodes):5.1f}% {with_irq[code]:9}  {title}")
    print(f"{len(nodes):8} {'':6} {sum(with_irq.values()):9}  nodes with reg\n")


def goal(nodes):
    devices = [(what, kind) for what, kind, _ in nodes if "i" in kind and "c" in kind and NO_DEVICE not in what.split(",")]
    done = sum(what == "ok" for what, _ in devices)
    reached = [what for what, kind in devices if "r" in kind]
    print(f"device nodes with an interrupt that compile: {share(done, len(devices))}")
    print(f"  of those whose registers the cpus reach:   {share(reached.count('ok'), len(reached))}")
    return bool(devices) and done >= GOAL * len(devices)


def show(driver, seen, runs, codes, count):
    """Prints some of the nodes that a message refused, with all messages."""
    chosen = [(run, node[2]) for run in runs for node in run.nodes if set(codes) & set(node[0].split(","))]
    for run, path in sorted(random.Random(len(chosen)).sample(chosen, min(count, len(chosen))), key=lambda c: c[0].name):
        print(f"\n{run.name}")
        print(Run(driver, seen, run.board, ["-v", "-n", path]).out.rstrip())


def main():
    parser = argparse.ArgumentParser(description="Compiles every device of every board that Debian has a kernel for.")
    parser.add_argument("--driver", default="build/corpus", help="build/corpus")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth board")
    parser.add_argument("--show", metavar="CODE", help="show some of the nodes that this message refuses")
    parser.add_argument("--count", type=int, default=10, help="how many of them (10)")
    parser.add_argument("--refresh", action="store_true", help="look for a newer kernel")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="boards at a time")
    parser.add_argument("-k", default="", metavar="TEXT", help="only boards whose name holds TEXT")
    args = parser.parse_args()
    driver = pathlib.Path(args.driver).resolve()
    version, found = boards(args.refresh)
    found = [board for board in found if args.k in board[0]][:: args.every]
    start = time.monotonic()
    data = Data(json.loads((ROOT / "schemas" / "linux" / "nodes.json").read_text()), "no-bus")
    failed = []
    with tempfile.TemporaryDirectory() as directory:
        seen = pathlib.Path(directory, "seen")
        seen.write_bytes(b"")
        os.truncate(seen, SLOTS * 8)

        def one(board):
            run = Run(driver, seen, board)
            run.board = board
            run.wrong = devices_all_the_same(run, board[1], data)
            return run

        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            runs = list(pool.map(one, found))
        for run in runs:
            failed += [f"{run.name} {path}: {problem}" for what, _, path, problem in
                       (node for node in run.nodes if node[0] == "FAIL")]
            failed += run.wrong
            if run.crash():
                failed.append(f"{run.name}: {run.crash()}")
        if args.show:
            show(driver, seen, runs, args.show.split(","), args.count)
    nodes = [node[:3] for run in runs for node in run.nodes]
    table(nodes)
    reached = goal(nodes)
    if not reached and not args.k and args.every == 1:
        failed.append(f"fewer than {GOAL:.0%} of the device nodes with an interrupt compile")
    for line in failed[:50]:
        print(f"FAIL {line}")
    print(f"{len(found)} boards of {version} in {time.monotonic() - start:.0f} s")
    print(f"corpus: {len(nodes) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not nodes else 0


if __name__ == "__main__":
    sys.exit(main())
