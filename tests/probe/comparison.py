# SPDX-License-Identifier: MIT
"""Verdicts against schemas/needs/drivers.json."""

import json
import pathlib
import random

from verdicts import ALL, FATAL, HARMLESS, UNKNOWN, is_pair

# So many in a hundred needs may be wrong; one may in any case, since a sample for CI has not a hundred.
CEILING = 3
LEVELS = ("needs", "probably", "optional")


class Needs:
    """The records of drivers, by compatible string."""

    def __init__(self, drivers):
        self.records = {}
        for record in drivers:
            if "until" not in record:  # of older kernels than this one
                for compatible in record["compatible"]:
                    self.records.setdefault(compatible, []).append(record)

    def of(self, drawn):
        """The records of the first of a node's strings that has one."""
        return next((self.records[name] for name in drawn.node.strings("compatible") if name in self.records), [])

    def says(self, drawn, lost):
        """The strongest of LEVELS that a record has for a loss, or ""."""
        said = {self.one(record, lost) for record in self.of(drawn)}
        return next((level for level in LEVELS if level in said), "")

    @staticmethod
    def one(record, lost):
        for level in LEVELS[:2]:
            for name, entries in record.get(level, {}).items():
                if like(name) == like(lost.name) and (lost.entry is None or lost.entry in entries):
                    return level
        optional = {like(name) for name in record.get("optional", ())}
        return "optional" if lost.entry is None and like(lost.name) in optional else ""


def like(name):
    """Linux takes the one for the other."""
    return name + "s" if name.endswith("-gpio") else name


class Comparison:
    def __init__(self, path, verdicts):
        self.verdicts = [verdict for verdict in verdicts if verdict.lost and verdict.what != UNKNOWN]
        if not isinstance(path, dict):
            path = json.loads(pathlib.Path(path).read_text()) if pathlib.Path(path).exists() else None
        self.needs = Needs(path["needs"]["drivers"]) if path else None
        self.wrong = []
        self.right = 0

    def judge(self):
        """[(title, {what is said: (fatal, harmless)})] for pairs and for entries; fills `wrong` and `right`."""
        tables = []
        for title, fits in ("properties", is_pair), ("entries by name", lambda one: one.lost.entry is not None):
            table = {}
            for verdict in filter(fits, self.verdicts):
                said = self.needs.says(verdict.drawn, verdict.lost)
                table.setdefault(said, []).append(verdict)
            tables.append((title, table))
            wrong = [verdict for verdict in table.get("needs", ()) if verdict.what == HARMLESS]
            self.wrong += wrong
            self.right += len(table.get("needs", ())) - len(wrong)
        return tables

    def devices(self):
        """(nodes that do not start without any reference, those of them with a need, nodes that start and have one)."""
        dead = {verdict.drawn for verdict in self.verdicts if verdict.what == FATAL and (
            verdict.lost.name == ALL or is_pair(verdict))}
        alive = {verdict.drawn for verdict in self.verdicts} - dead
        flagged = {verdict.drawn for verdict in self.verdicts
                   if is_pair(verdict) and self.needs.says(verdict.drawn, verdict.lost) == "needs"}
        return len(dead), len(dead & flagged), len(alive & flagged)

    def show(self, lists=True):
        """Prints the comparison, with what is missed or not sure if `lists`. Returns how many needs are right, and how
        many are wrong beyond the ceiling."""
        if self.needs is None:
            print("no file of needs to judge")
            return len(self.verdicts), 0
        for title, table in self.judge():
            count = {said: [sum(one.what == what for one in found) for what in (FATAL, HARMLESS)]
                     for said, found in table.items()}
            print(f"{title:18} {'fatal':>6} {'harmless':>9}")
            for said in "needs", "probably", "optional", "":
                fatal, harmless = count.get(said, (0, 0))
                print(f"    {said or 'nothing':14} {fatal:6} {harmless:9}")
            fatal = sum(one[0] for one in count.values())
            right, bad = count.get("needs", (0, 0))
            more = count.get("probably", (0, 0))[0]
            print(f"    precision of needs {percent(right, right + bad)}, recall {percent(right, fatal)}, "
                  f"with probably {percent(right + more, fatal)}")
            for said in "needs", "optional", "probably", "":
                for one in table.get(said, ()) if lists or said == "needs" else ():
                    if one.what == (HARMLESS if said in ("needs", "probably") else FATAL):
                        print(f"    {'WRONG' if said == 'needs' else said or 'missed'}: {one.line()}")
        dead, flagged, alive = self.devices()
        print(f"devices that do not start: {flagged} of {dead} have a need ({percent(flagged, dead)}); "
              f"of those that do, {alive} have one")
        allowed = max(1, (self.right + len(self.wrong)) * CEILING // 100)
        return self.right, max(0, len(self.wrong) - allowed)


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def false_needs(verdicts, seed):
    """For --break: a file of what the verdicts say must pass; with false facts among them, just these must be found."""
    chance = random.Random(seed)
    true = [verdict for verdict in verdicts if verdict.what == FATAL and is_pair(verdict)]
    harmless = [verdict for verdict in verdicts if verdict.what == HARMLESS and is_pair(verdict)]
    false = chance.sample(harmless, min(len(harmless), 2 + len(true) // 20))
    passed = failed = 0
    for about, facts, expected in ("true needs", true, []), ("false needs", true + false, false):
        # A record for each string, so that none is judged by another's.
        drivers = {one.drawn.compatible: {"compatible": [one.drawn.compatible], "needs": {}} for one in verdicts}
        for one in facts:
            drivers[one.drawn.compatible]["needs"][one.lost.name] = []
        comparison = Comparison({"needs": {"drivers": list(drivers.values())}}, verdicts)
        _, bad = comparison.show(False)
        found = [one for one in comparison.wrong if is_pair(one)]
        good = bool(true) and found == sorted(expected, key=lambda one: one.line()) and bool(bad) == bool(expected)
        print(f"{'ok  ' if good else 'FAIL'} {about}: {len(found)} of {len(expected)} found, {bad} beyond the ceiling")
        passed, failed = passed + good, failed + (not good)
    return passed, failed
