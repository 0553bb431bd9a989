# SPDX-License-Identifier: MIT
"""Verdicts: what a driver does not start without, from what became of the copies of its node."""

from copies import ALL, NOTHING, losses
from memory import KNOWN, ONES, ZEROS, known_values
from trials import DEFERS, FAILS, HANGS, STARTS, UNTRIED, Trial

FATAL, HARMLESS, UNKNOWN = "fatal", "harmless", "unknown"


class Verdict:
    """Of one loss of one node: `lost` as in copies.py."""

    def __init__(self, drawn, lost, what, driver="", message=""):
        self.drawn = drawn
        self.lost = lost
        self.what = what
        self.driver = driver
        self.message = message

    def line(self):
        return "\t".join([self.drawn.compatible, str(self.lost), self.what, self.driver, self.message])


def first_trials(drawn):
    """Whole copies."""
    return [Trial(one, [(NOTHING, KNOWN if known_values(one.node.compatible()) else ZEROS)]) for one in drawn]


def other_trials(firsts):
    """Whole copies of those that did not start with zeros, with other registers."""
    return [Trial(first.drawn, [(NOTHING, ONES)]) for first in firsts
            if first.copies[0][1] == ZEROS and first.fates[0].what in (FAILS, HANGS)]


def second_trials(kinds, firsts):
    """For each node that starts whole: a whole copy, one with each loss, and a whole copy again. If the driver has a
    limit, or is disturbed by the others, the last one shows it."""
    found = []
    for first in firsts:
        if first.fates[0].what == STARTS:
            losts = [NOTHING, *losses(kinds, first.drawn.tree, first.drawn.node), NOTHING]
            found.append(Trial(first.drawn, [(lost, first.copies[0][1]) for lost in losts]))
    return found


def third_trials(seconds):
    """Of those whose last whole copy did not start after the first one did: each copy in a boot of its own."""
    found = []
    for second in seconds:
        if second.fates[0].what == STARTS and second.fates[-1].what in (FAILS, DEFERS):
            copies = [(lost, fill) for lost, fill in second.copies[1:] if lost.entry is None]
            found.append(Trial(second.drawn, copies[-1:] + copies, alone=True))
    return found


def judge(trial, is_component):
    """The verdicts of a node, of second_trials() or third_trials()."""
    whole = [trial.fates[0], trial.fates[-1]]
    rest = list(zip(trial.copies[1:-1], trial.fates[1:-1]))
    if any(fate.what != STARTS for fate in whole):
        why = next(f"whole, it {fate.what}: {fate.message}" for fate in whole if fate.what != STARTS)
        return [Verdict(trial.drawn, lost, UNKNOWN, "", why) for (lost, _), _ in rest]
    out = []
    for (lost, _), fate in rest:
        if fate.what in (HANGS, UNTRIED):
            out.append(Verdict(trial.drawn, lost, UNKNOWN, whole[0].message, fate.what))
        elif fate.what == STARTS and is_component:
            message = "starts, but works with other devices only"
            out.append(Verdict(trial.drawn, lost, UNKNOWN, whole[0].message, message))
        elif fate.what == STARTS:
            out.append(Verdict(trial.drawn, lost, HARMLESS, whole[0].message))
        else:
            out.append(Verdict(trial.drawn, lost, FATAL, whole[0].message, f"{fate.what}: {fate.message}"))
    return out


def is_pair(verdict):
    """Of a property, not of one of its entries or of all."""
    return verdict.lost.entry is None and verdict.lost.name != ALL
