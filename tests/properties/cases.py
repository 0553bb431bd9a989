# SPDX-License-Identifier: MIT
"""Runs random descriptions. The same seed and number always give the same description.

    python3 -m properties.cases [--machc build/machc] [--seed S] [--from N] [--count N] [--keep DIR]     in tests/
"""

import argparse
import collections
import functools
import itertools
import json
import multiprocessing
import pathlib
import random
import re
import sys
import tempfile
import time

from checker.all import check, read
from checker.config import form, readcfg
from checker.dtb import Tree
from harness import run

from .contest import Contest
from .holds import differences
from .hosts import Host
from .mistakes import put_mistakes
from .oracle import second_owners
from .text import Writer
from .wants import Case

CODE = re.compile(r"(error|warning|fault of machc): .*\[([EWF]\d{4})")


class Made:
    """One description with its board."""

    def __init__(self, seed, number, owners_only=False):
        self.seed, self.number = seed, number
        rng = random.Random(f"{seed}/{number}")
        self.host = Host(rng)
        self.contest = Contest(self.host, rng)
        self.case = Case(self.host, rng)
        self.contest.settle(self.case.machines)
        # Most of what is wrong in other ways is refused, and no owner is looked for.
        self.mistakes = put_mistakes(self.case, rng) if rng.random() < (0.05 if owners_only else 0.3) else []
        self.second = self.contest.second_owner() if not self.mistakes and rng.random() < 0.3 else None
        if not self.second and rng.random() < 0.3:
            self.contest.go_wild()
            self.mistakes.append(("wild claims", False))
        self.style = rng.random()

    @property
    def what(self):
        """What is wrong with it."""
        return "; ".join(text for text, _ in self.mistakes) or self.second or "no mistake in it"

    def write(self, folder):
        if self.host.tree or self.host.stub:
            (folder / "board.dts").write_text(self.host.text(), encoding="utf-8")
        if self.contest.facts():
            (folder / "facts.json").write_text(json.dumps(self.contest.facts(), indent=1), encoding="utf-8")
        (folder / "case.mach").write_text(self.text(), encoding="utf-8")

    def text(self, only=None):
        return Writer(self.case, self.contest, random.Random(self.style)).text("board.dts", "facts.json", only)


class Outcome:
    def __init__(self, accepted, codes, problems, machines, second=None, seen=False):
        self.accepted, self.codes, self.problems, self.machines = accepted, codes, problems, machines
        self.second, self.seen = second, seen  # the second owner that machc refused; the oracle has found it, too


def judge(machc, made, folder, owners_only=False):
    made.write(folder)
    out = folder / "out"
    done = run(machc, "--max-errors", "0", "case.mach", "-O", out, cwd=folder)
    codes = [code for kind, code in CODE.findall(done.err) if kind != "warning"]
    count = len(made.case.machines)
    if done.status == 1 and codes and not any(code.startswith(("F", "E01", "E00")) for code in codes):
        if any(out.glob("*")):
            return Outcome(False, codes, ["refused, and outputs were written"], count)
        if not made.mistakes and not made.second:
            return Outcome(False, codes, ["there is no mistake in it, and it was refused\n" + done.err], count)
        seen, problems = alone(machc, made, folder) if made.second else (False, [])
        return Outcome(False, codes, problems, count, made.second, seen)
    if done.status != 0 or codes:
        return Outcome(False, codes, [f"exit status {done.status}\n{done.err}"], count)
    certain = [text for text, sure in made.mistakes if sure] + [f"two owners: {made.second}"] * bool(made.second)
    pairs = read(out)
    if certain:
        said = (owners(made, folder, pairs) or ["and the oracle does not see them"]) if made.second else []
        return Outcome(True, [], ["\n".join([f"accepted with {', '.join(certain)}", *said])], count)
    if owners_only:
        return Outcome(True, [], owners(made, folder, pairs), count)
    problems, machines = check(pairs)
    problems += differences(made.case, machines) if len(machines) == count else [f"{len(machines)} machines of {count}"]
    problems += owners(made, folder, pairs)
    problems += again(machc, folder, pairs)
    if count > 1:
        done = run(machc, "--check", "--together", *files_of_machines(made, folder), cwd=folder)
        problems += [f"in several files, it was refused\n{done.err}"] if done.status != 0 else []
    return Outcome(True, [], problems, count)


def owners(made, folder, pairs):
    """What two owners have, by an oracle that reads the JSON views and the tree that dtc makes of the board."""
    tree = None
    if made.host.tree or made.host.stub:
        done = run("dtc", "-q", "-f", "-I", "dts", "-O", "dtb", folder / "board.dts")
        if done.status != 0:
            return [f"dtc refuses the board\n{done.err}"]
        tree = Tree(done.out)
    views = [json.loads(readcfg.Config(cfg, form()).json()) for _, cfg in pairs]
    return ["second owner: " + text for text in second_owners(
        views, tree, made.contest.kept_paths(), made.contest.facts())]


def files_of_machines(made, folder):
    """A file for each machine alone."""
    names = []
    for m in made.case.machines:
        names.append(f"{m.name}-alone.mach")
        (folder / names[-1]).write_text(made.text(m), encoding="utf-8")
    return names


def alone(machc, made, folder):
    """Whether the oracle finds what machc has refused: it can tell if machc accepts each machine in a file of its own. Then
    machc must refuse these files together."""
    names, pairs = files_of_machines(made, folder), []
    for name in names:
        out = folder / name.removesuffix(".mach")
        if run(machc, name, "-O", out, cwd=folder).status != 0:
            return False, []
        pairs += read(out)
    problems = [] if owners(made, folder, pairs) else [f"refused with two owners: {made.second}; the oracle does not see them"]
    if run(machc, "--check", "--together", *names, cwd=folder).status != 1:
        problems.append(f"refused with two owners in one file: {made.second}; in several files, --together has no error")
    return not problems, problems


def again(machc, folder, pairs):
    """Compiles the case again, from another directory and with other names."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    done = run(machc, folder / "case.mach", "-O", "out", cwd=elsewhere, env={"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"})
    if done.status != 0 or read(elsewhere / "out") != pairs:
        return [f"another run, from another directory, made something else\n{done.err}"]
    return []


def try_case(machc, made, owners_only=False):
    with tempfile.TemporaryDirectory() as folder:
        return judge(machc, made, pathlib.Path(folder), owners_only)


def smaller(made):
    """Ways to remove something from a description; each can restore it."""
    case = made.case
    for holder, items in [(case, case.machines)] if len(case.machines) > 1 else []:
        for item in list(items):
            yield items, item
    for thing in made.contest.things:
        for item in list(thing.claims) if thing is not made.contest.doubled else []:
            yield thing.claims, item
    for m in case.machines:
        for items in (m.wishes, m.outside, m.emulated, m.memory, m.asserts):
            for item in list(items):
                yield items, item


def shrink(machc, made, outcome):
    """Removes everything that the first problem does not need. The names in the problem must not change."""
    kind = re.sub(r"0x[0-9a-f]+|\d+", "N", outcome.problems[0].split("\n")[0])
    smaller_found = True
    while smaller_found:
        smaller_found = False
        for items, item in smaller(made):
            if item not in items:
                continue
            at = items.index(item)
            del items[at]
            found = try_case(machc, made).problems
            if found and re.sub(r"0x[0-9a-f]+|\d+", "N", found[0].split("\n")[0]) == kind:
                smaller_found = True
            else:
                items.insert(at, item)


def keep(made, folder):
    folder.mkdir(parents=True, exist_ok=True)
    made.write(folder)


class Sum:
    def __init__(self):
        self.files = self.accepted = self.machines = self.seen = 0
        self.codes, self.second = collections.Counter(), collections.Counter()

    def add(self, outcome):
        self.files += 1
        self.accepted += outcome.accepted and not outcome.problems
        self.machines += outcome.machines
        self.codes.update(set(outcome.codes))
        self.seen += outcome.seen
        self.second.update([outcome.second] if outcome.second else [])

    def few(self, least):
        """Whether less than that percentage was accepted, of those that were not given a second owner on purpose."""
        return 100 * self.accepted < least * (self.files - self.second.total())

    def text(self):
        rate = 100 * self.accepted / max(self.files, 1)
        codes = ", ".join(f"{code} {n}" for code, n in sorted(self.codes.items()))
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.second.items()))
        return (f"{self.machines} machines in {self.files} files, {rate:.0f} % accepted, {self.accepted}; "
                f"refused with {codes or 'nothing'}\n"
                f"{self.second.total()} refused with a second owner, which the oracle saw in {self.seen} whose machines are "
                f"accepted alone: {kinds or 'none'}")


def one(machc, seed, owners_only, number):
    return number, try_case(machc, Made(seed, number, owners_only), owners_only)


def outcomes(machc, args, numbers):
    """(number, outcome) in order."""
    work = functools.partial(one, machc, args.seed, args.owners)
    if args.jobs == 1:
        yield from map(work, numbers)
        return
    numbers = iter(numbers)
    with multiprocessing.Pool(args.jobs) as pool:
        while some := list(itertools.islice(numbers, 64 * args.jobs)):
            yield from pool.imap(work, some, 8)


def main():
    parser = argparse.ArgumentParser(description="Runs random descriptions.")
    parser.add_argument("--machc", default="../build/machc")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--keep", type=pathlib.Path, help="write what failed, made smaller, into this directory")
    parser.add_argument("--owners", action="store_true", help="look for second owners only")
    parser.add_argument("--accepted", type=int, help="end when that many descriptions were accepted, instead of --count")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args()
    machc = pathlib.Path(args.machc).resolve()
    total, failed, start = Sum(), 0, time.monotonic()
    numbers = itertools.count(args.first) if args.accepted else range(args.first, args.first + args.count)
    for number, outcome in outcomes(machc, args, numbers):
        total.add(outcome)
        if outcome.problems:
            failed += 1
            made = Made(args.seed, number, args.owners)
            print(f"{args.seed}/{number}: {made.what}")
            for problem in outcome.problems[:5]:
                print("    " + problem.replace("\n", "\n    "))
            if args.keep:
                shrink(machc, made, outcome)
                keep(made, args.keep / f"{args.seed}-{number}")
        if args.accepted and total.accepted >= args.accepted:
            break
    print(f"seed {args.seed}: {total.text()}")
    print(f"{total.files / (time.monotonic() - start):.0f} descriptions/s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
