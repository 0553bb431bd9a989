#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which references of real boards does machc read, compared with what dtc knows of their sources?

    tests/references/run.py [--driver FILE] [--sample N] [--seed SEED] [-k TEXT] [--show N]
    tests/references/run.py --sources FOLDER [-I FOLDER ...]      another folder of sources, a vendor's for example

dtc compiles each board twice: with -L, so that it lists every reference, and without. machc reads the second blob. Recall is
the share of dtc's references that machc reads as such, with the right target; "found" adds those that it only suspects and
warns of, and those in properties that it refuses as malformed. Precision is the share of machc's references that dtc lists, or that the source writes as plain numbers.

machc also reads the first blob, in which it must miss nothing, and each source itself: the tree must be the one that dtc makes.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "references")]

import blob  # noqa: E402
import sources  # noqa: E402
from overlays import same  # noqa: E402

# Of recall in percent, by architecture; precision is 100 everywhere.
GOALS = {"arm64": 99.99, "arm": 99.5, "powerpc": 99.9}
PLAIN = re.compile(r"\bphandle\s*=\s*<\s*(0x[0-9a-fA-F]+|\d+)\s*>")


class Count:
    def __init__(self):
        self.all = self.read = self.found = self.claimed = self.right = self.alarms = 0
        self.unequal = []
        self.missed, self.wrong, self.silent, self.false, self.unread, self.untold = (collections.Counter() for _ in range(6))

    def add(self, other):
        for name, value in vars(other).items():
            if isinstance(value, (int, list)):
                setattr(self, name, getattr(self, name) + value)
            else:
                getattr(self, name).update(value)


def compare(driver, reader, board):
    """What machc reads in a board, counted."""
    tree = blob.read(board.full.read_bytes())
    truth = {(path, name, cell): to for (path, name, cell), to in blob.references(tree).items()}
    plain = {int(number, 0) for number in PLAIN.findall(board.text.read_text(errors="replace"))}
    values = {path: {name: blob.cells(value) for name, value in props.items()} for path, props in tree.items()}
    count = tally(lines(driver, board.blob), truth, lambda path, name, cell: values[path][name][cell] in plain)
    # With the list, nothing is missed. A property that has not its rule's form is refused, or dropped as a whole.
    told = tally(lines(driver, board.full), truth, lambda path, name, cell: values[path][name][cell] in plain)
    count.untold = told.missed - told.unread
    done = subprocess.run([reader, "-I", board.source.parent, board.text], capture_output=True, check=False, timeout=600)
    difference = done.stderr.decode()[:1000] if done.returncode else same(blob.read(board.blob.read_bytes()), blob.read(done.stdout))
    count.unequal = [f"{board.name}: {difference}"] if difference else []
    return count


def lines(driver, path):
    done = subprocess.run([driver, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{path}: {done.stderr.decode()[-1000:]}")
    return [line.split("\t") for line in done.stdout.decode().splitlines() if line]


def tally(output, truth, is_plain):
    count, read, maybe, interrupts, unread = Count(), {}, {}, set(), set()
    for kind, path, name, *more in output:
        place = (path if path != "/" else "", name)
        if kind == "irq":
            interrupts.add(place)
        elif kind == "unread":
            unread.add(place)
        else:
            (read if kind == "ref" else maybe)[(*place, int(more[0]))] = more[1] if more[1] != "/" else ""
    for key, to in truth.items():
        count.all += 1
        if key[:2] in interrupts or read.get(key) == to:
            count.read += 1
        elif key in maybe or key[:2] in unread:
            count.missed[key[1]] += 1
            count.unread[key[1]] += key[:2] in unread
        else:
            count.missed[key[1]] += 1
            count.silent[key[1]] += 1
            continue
        count.found += 1
    for key in read:
        count.claimed += 1
        if key in truth or is_plain(*key):
            count.right += 1
        else:
            count.wrong[key[1]] += 1
    for key in maybe:
        if key not in truth and not is_plain(*key):
            count.alarms += 1
            count.false[key[1]] += 1
    return count


def percent(part, whole):
    return 100 * part / whole if whole else 100.0


def most(counter, n):
    return ", ".join(f"{name} {count}" for name, count in counter.most_common(n)) or "none"


def main():
    parser = argparse.ArgumentParser(description="Compares the references that machc reads with those that dtc lists.")
    parser.add_argument("--driver", default="build/references", help="build/references")
    parser.add_argument("--reader", default="build/overlay", help="build/overlay")
    sources.add_options(parser)
    parser.add_argument("--sources", type=pathlib.Path, metavar="FOLDER", help="other sources than Linux's")
    parser.add_argument("-I", type=pathlib.Path, action="append", default=[], dest="includes", metavar="FOLDER")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="the N properties with most misses")
    args = parser.parse_args()
    driver, start = pathlib.Path(args.driver).resolve(), time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        if args.sources:
            chosen = sources.elsewhere(args.sources, args.includes, pathlib.Path(made))
        else:
            chosen = sources.linux()
        return judge(args, driver, start, *sources.choose(args, chosen))


def judge(args, driver, start, found, refused):
    # One odd board weighs more in a sample.
    slack = 0.1 if args.sample else 0
    reader = pathlib.Path(args.reader).resolve()
    counts, failed = collections.defaultdict(Count), []
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for board, count in zip(found, pool.map(lambda board: compare(driver, reader, board), found)):
            counts[board.arch].add(count)
    boards = collections.Counter(board.arch for board in found)
    print(f"{'':12} {'boards':>6} {'references':>10} {'recall':>9} {'found':>9} {'precision':>9} {'alarms':>7}")
    for arch, n in sorted(counts.items()):
        recall, precision = percent(n.read, n.all), percent(n.right, n.claimed)
        print(f"{arch:12} {boards[arch]:6} {n.all:10} {recall:8.3f}% {percent(n.found, n.all):8.3f}% {precision:8.3f}% {n.alarms:7}")
        if recall < GOALS.get(arch, 99) - slack:
            failed.append(f"{arch}: recall {recall:.3f} %, goal {GOALS.get(arch, 99)} %")
        if n.wrong:
            failed.append(f"{arch}: these are no references: {most(n.wrong, args.show)}")
        if n.untold:
            failed.append(f"{arch}: missed although /__local_fixups__ lists them: {most(n.untold, args.show)}")
        if n.silent:
            failed.append(f"{arch}: not even suspected: {most(n.silent, args.show)}")
        failed += [f"not the tree that dtc makes: {difference}" for difference in n.unequal[:args.show]]
        if n.missed:
            print(f"{arch}: not read: {most(n.missed, args.show)}")
        if n.false:
            print(f"{arch}: suspected in vain: {most(n.false, args.show)}")
    for name in refused:
        print(f"dtc refuses {name}")
    for line in failed:
        print(f"FAIL {line}")
    print(f"{len(found)} boards in {time.monotonic() - start:.0f} s")
    print(f"references: {5 * len(counts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
