# SPDX-License-Identifier: MIT
"""Trials: copies of nodes, each with something lost, in as few boots as they take. A copy that crashes or stops the
kernel is left out of the next boot, and so costs itself only."""

import re
import time

import copies
from rig import DEFER
from stubs import MODULES, Stubs

# Source text in a tree of less than 2 MB, which is the kernel's limit.
MOST_TEXT = 2_600_000
MOST_BOOTS = 10
TELLING = re.compile(r"error|fail|can't|unable|no |not |missing|invalid|lack|bad|unsupport|timeout|only", re.I)
GENERIC = re.compile(r"probe with driver \S+ failed with error|deferred probe pending|using dummy regulator|Looking up")
# Drivers that are known to crash the kernel with whole copies, at the cost of a boot for each.
CRASHING = frozenset(("bcm2835_clk_driver_init", "qcom_geni_serial_init", "sysc_init"))
STARTS, CRASHES, DEFERS, FAILS = "starts", "crashes", "is deferred", "fails"
HANGS, UNTRIED = "hangs", "was not tried"  # which is no verdict: the machine may be slow


class Fate:
    """What became of a copy: one of the words above, and the kernel's message."""

    def __init__(self, what, message=""):
        self.what = what
        self.message = message


class Trial:
    """A node, and the copies of it: a list of (Lost, what its registers hold). `fates`: what became of each. `alone`:
    only one copy in a boot, for a driver that has but one device."""

    def __init__(self, drawn, copies, alone=False):
        self.drawn = drawn
        self.alone = alone
        self.copies = copies
        self.fates = [None] * len(copies)
        self.names = {}  # of the copies in the boot at hand

    def open(self):
        return [i for i, fate in enumerate(self.fates) if fate is None]


def reason(device, deferred):
    """The kernel's words that tell most of why a probe failed."""
    said = [line for line in [*device.said, deferred or ""] if TELLING.search(line) and not GENERIC.search(line)]
    return f"{device.driver}: error {device.result}" + (f", {said[-1]}" if said else "")


class Batch:
    """Trials that go together."""

    def __init__(self, name, rig, kinds, trials, report, deadline):
        self.name = name
        self.deadline = deadline
        self.rig = rig
        self.kinds = kinds
        self.trials = trials
        self.report = report
        self.modules, self.calls = set(), set(CRASHING)
        self.is_whole = all(len(trial.copies) == 1 for trial in trials)
        self.boots = 0
        self.seconds = 0

    def run(self):
        while (left := [trial for trial in self.trials if trial.open()]) and self.boots < MOST_BOOTS \
                and time.monotonic() < self.deadline:
            self.boots += 1
            self.boot(left)
        for trial in self.trials:
            for i in trial.open():
                trial.fates[i] = Fate(UNTRIED)
        return self

    def boot(self, left):
        stubs = Stubs()
        made, size = copies.Copies(self.kinds, stubs), 0
        inside = []
        for trial in left:
            before = len(made.texts)
            wanted = trial.open()[:1] if trial.alone else trial.open()
            trial.names = {i: made.add(trial.drawn, *trial.copies[i]) for i in wanted}
            size += sum(map(len, made.texts[before:]))
            inside.append(trial)
            if size > MOST_TEXT:
                break
        compatibles = [word for trial in inside for word in trial.drawn.node.strings("compatible")]
        name = f"{self.name}-{self.boots}"
        outcome = self.rig.boot(name, made, compatibles, self.modules, self.calls)
        self.seconds += outcome.seconds
        progress = sum(self.settle(trial, outcome) for trial in inside)
        if not progress or self.is_whole:
            # Nobody knows which copy it was, or no other of the node could show more: without the driver.
            self.modules |= outcome.modules - set(MODULES)
            self.calls |= {outcome.call} - {None}
        place = outcome.call or ", ".join(sorted(outcome.modules)) or "nothing known"
        end = "" if outcome.ended else f", which died in {place}"
        self.report(f"{self.name}, boot {self.boots}: {progress} copies in {outcome.seconds:.0f} s{end}")
        if not progress and not outcome.modules and not outcome.call:
            self.split(inside)

    def split(self, trials):
        """For a kernel that died without a word: half of the trials, and then the other half."""
        if len(trials) == 1:
            for i in trials[0].open():
                trials[0].fates[i] = Fate(UNTRIED)
            return
        for part, some in ("a", trials[:len(trials) // 2]), ("b", trials[len(trials) // 2:]):
            name = f"{self.name}-{self.boots}{part}"
            Batch(name, self.rig, self.kinds, some, self.report, self.deadline).run()

    def settle(self, trial, outcome):
        """Takes over what a boot has shown of a trial's copies; returns of how many."""
        count = 0
        drivers = self.rig.kernel.drivers
        broken = {name for word in trial.drawn.node.strings("compatible") for name in drivers.get(word, ())}
        again = not outcome.ended or not self.is_whole and not broken.isdisjoint(outcome.modules - self.modules)
        for i, name in trial.names.items():
            device = outcome.devices.get(name)
            fate = None
            if device and device.running:
                fate = Fate(CRASHES if device.crashed else HANGS, f"{device.driver} does not return")
            elif device and device.result == 0:
                fate = Fate(STARTS, device.driver)
            elif device and device.result is not None:
                what = DEFERS if device.result == DEFER else FAILS
                unsure = device.result == DEFER and (outcome.has_crashed or not outcome.ended)
                fate = None if unsure else Fate(what, reason(device, outcome.deferred.get(name)))
            elif not again:
                fate = Fate(UNTRIED)
            trial.fates[i] = fate
            count += fate is not None
        if not outcome.ended and any(trial.fates[i] and trial.fates[i].what in (CRASHES, HANGS) for i in trial.names):
            # Each of these would cost a boot: its other properties are worth it.
            for i in trial.open():
                if trial.copies[i][0].entry is not None or trial.copies[i][0].name == copies.ALL:
                    trial.fates[i] = Fate(UNTRIED)
        return count
