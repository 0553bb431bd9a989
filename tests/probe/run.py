#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which properties a driver does not start without, asked of Linux itself. README.md describes it.

    tests/probe/run.py [--count N] [--seed TEXT] [--needs FILE] [--keep DIR] [--break] [-k TEXT]
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "corpus"), str(ROOT / "tests" / "system")]

from comparison import Comparison, false_needs  # noqa: E402
from draw import draw  # noqa: E402
from kernel import Kernel  # noqa: E402
from references import SCHEMAS, Kinds  # noqa: E402
from rig import Rig  # noqa: E402
from trials import Batch  # noqa: E402
from verdicts import (  # noqa: E402
    ALL, FATAL, HARMLESS, UNKNOWN, Verdict, first_trials, is_pair, judge, other_trials, second_trials, third_trials)

BOOT_SECONDS = 400
# The last round takes a boot for each property: for fewer nodes than these it is not worth the time.
WORTH = 10
KNOWN = json.loads(pathlib.Path(__file__).with_name("known.json").read_text())


def report(text):
    print(f"probe: {text}", flush=True)


def arguments():
    about = "Asks Debian's kernel which properties its drivers do not start without."
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=600, help="how many nodes to draw (600)")
    parser.add_argument("--seed", default=None, help="of the draw; printed")
    needs = SCHEMAS / "needs" / "drivers.json"
    parser.add_argument("--needs", default=str(needs), help="the file to judge")
    parser.add_argument("--keep", metavar="DIR", help="keep consoles, trees and the verdicts there")
    parser.add_argument("--break", dest="broken", action="store_true",
                        help="judge made-up needs instead: each false one must be found")
    parser.add_argument("--minutes", type=int, default=60, help="no boot begins later (60)")
    parser.add_argument("--refresh", action="store_true", help="look for a newer kernel")
    parser.add_argument("-j", type=int, default=2, help="boots at a time (2)")
    parser.add_argument("-k", metavar="TEXT", default="", help="only compatible strings that hold TEXT")
    return parser.parse_args()


class Session:
    def __init__(self, args, work):
        self.args = args
        self.kinds = Kinds()
        self.kernel = Kernel(args.refresh)
        self.rig = Rig(self.kernel, work, BOOT_SECONDS)
        self.deadline = time.monotonic() + 60 * args.minutes

    def run(self, name, trials):
        """Carries trials out, in several boots at a time."""
        batches = [Batch(f"{name}-{i}", self.rig, self.kinds, trials[i::self.args.j], report, self.deadline)
                   for i in range(min(self.args.j, len(trials)))]
        with concurrent.futures.ThreadPoolExecutor(self.args.j) as pool:
            return list(pool.map(Batch.run, batches))

    def verdicts(self, drawn):
        firsts = first_trials(drawn)
        self.run("zeros", firsts)
        others = other_trials(firsts)
        self.run("ones", others)
        seconds = second_trials(self.kinds, firsts + others)
        report(f"{len(seconds)} of {len(drawn)} nodes start whole")
        self.run("lost", seconds)
        thirds = third_trials(seconds)
        if len(thirds) < WORTH:
            thirds = []
        self.run("alone", thirds)
        again = {trial.drawn for trial in thirds}
        started = {trial.drawn for trial in seconds}
        out = [verdict for trial in seconds + thirds if trial in thirds or trial.drawn not in again
               for verdict in judge(trial, self.kernel.is_component(trial.drawn.compatible))]
        for first in firsts:
            if first.drawn not in started:
                fate = first.fates[0]
                out.append(Verdict(first.drawn, "", UNKNOWN, "", f"whole, it {fate.what}: {fate.message}"))
        return sorted(out, key=Verdict.line)


def show(verdicts):
    """Counts by property: how many of the losses are fatal."""
    count = collections.Counter(verdict.what for verdict in verdicts if verdict.lost)
    nodes = {verdict.drawn for verdict in verdicts if verdict.what != UNKNOWN}
    print(f"{len(nodes)} nodes with verdicts: {count[FATAL]} losses are fatal, {count[HARMLESS]} harmless, "
          f"{count[UNKNOWN]} unknown")
    kinds = collections.defaultdict(collections.Counter)
    for verdict in verdicts:
        if verdict.lost and is_pair(verdict) and verdict.what != UNKNOWN:
            name = verdict.lost.name
            if name.endswith(("-supply", "-gpios", "-gpio")):
                name = "*" + name[name.rindex("-"):]
            kinds[name][verdict.what] += 1
    for name, kind in sorted(kinds.items(), key=lambda one: (-sum(one[1].values()), one[0])):
        print(f"    {name:32} {kind[FATAL]:4} fatal of {sum(kind.values())}")
    devices = collections.Counter(verdict.what for verdict in verdicts if verdict.lost and verdict.lost.name == ALL)
    print(f"    {'all of several':32} {devices[FATAL]:4} fatal of {devices[FATAL] + devices[HARMLESS]}")


def check_known(verdicts):
    """How many of the losses that were judged by hand Linux judges alike, and how many not."""
    found = {(verdict.drawn.compatible, str(verdict.lost)): verdict for verdict in verdicts}
    passed = failed = 0
    for node in KNOWN["nodes"]:
        for what in FATAL, HARMLESS:
            for lost in node.get(what, ()):
                verdict = found.get((node["compatible"], lost))
                good = verdict and verdict.what == what
                passed, failed = passed + bool(good), failed + (not good)
                if not good:
                    here = verdict.line() if verdict else "nothing"
                    print(f"FAIL {node['compatible']} {lost} is {what}, but here: {here}")
    return passed, failed


def main():
    args = arguments()
    start = time.monotonic()
    seed = args.seed or str(random.SystemRandom().randrange(10 ** 6))
    report(f"seed {seed}")
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(args.keep or directory).resolve()
        work.mkdir(parents=True, exist_ok=True)
        session = Session(args, work)
        drawn = draw(session.kernel, session.kinds, KNOWN, seed, args.count, args.k)
        places = {one.board for one in drawn}
        report(f"{len(drawn)} nodes of {len(places)} boards, after {time.monotonic() - start:.0f} s")
        verdicts = session.verdicts(drawn)
        text = "".join(verdict.line() + "\n" for verdict in verdicts)
        (work / "verdicts.txt").write_text(text)
    show(verdicts)
    known = check_known(verdicts)
    if args.broken:
        passed, failed = false_needs(verdicts, seed)
    else:
        comparison = Comparison(args.needs, verdicts)
        passed, failed = comparison.show()
    passed, failed = passed + known[0], failed + known[1]
    report(f"seed {seed}, {time.monotonic() - start:.0f} s")
    print(f"probe: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
