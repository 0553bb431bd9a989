#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds what is known of registers for shadows against the boards that Debian ships (boards.py).

    tests/corpus/shadows.py [-v]

- schemas/lines: every reset line that an enabled node of a board refers to, at a controller that is known, is a bit inside the
  controller's first region, or is known to be none; no bit is two lines of a board.
- schemas/classes: for every class whose device writes registers of a system controller there is a board with an enabled node of
  its, whose property leads to a system controller that has these registers; where a register is for one device, at the
  address of one.

It reads the trees without machc. -v lists what is not served, with the number of entries on all boards.
"""

import argparse
import collections
import json
import pathlib
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in "tests", "tests/corpus", "schemas/update":
    sys.path.insert(0, str(ROOT / folder))

import linux_address  # noqa: E402
import linux_tree  # noqa: E402
from boards import boards  # noqa: E402
from judges import enabled  # noqa: E402

# Of the lines that drivers do not start without: what the controllers that are known give at least.
GOAL = 0.6


def lines():
    """{compatible: function from the number of a line to (offset, bit), None, or an empty tuple for one that is none}"""
    known = {}
    for path in sorted((ROOT / "schemas/lines").glob("*.json")):
        for entry in json.loads(path.read_text())["lines"]:
            for compatible in entry["compatible"]:
                known[compatible] = entry
    return known


def place(entry, line):
    """(offset, bit) of a line; None: it is beyond all; (): it is known to be no single bit."""
    if "bits" in entry:
        if line >= len(entry["bits"]):
            return None
        text = entry["bits"][line]
        return (int(text.split(":")[0], 16), int(text.split(":")[1])) if text else ()
    width = 16 if entry.get("hiword") else 32
    if line >= entry["registers"] * width:
        return None
    return int(entry["first"], 16) + line // width * 4, line % width


def first_region(node):
    """Bytes of the first entry of `reg`."""
    count, size = node.own_address_cells(), node.own_size_cells()
    words = linux_tree.cells(node.props.get("reg", b""))
    return linux_tree.number(words[count:count + size]) if len(words) >= count + size else 0


def writers():
    """(class, fate with registers) of all classes."""
    for path in sorted((ROOT / "schemas/classes").glob("*.json")):
        data = json.loads(path.read_text())
        for each in data.get("classes", [data.get("class")]):
            for fate in each.get("fates", []):
                if fate["fate"] == "shadow":
                    yield each, fate


def needs_resets():
    """Compatible strings whose driver does not start without `resets`."""
    found = set()
    for driver in json.loads((ROOT / "schemas/needs/drivers.json").read_text())["needs"]["drivers"]:
        if "until" not in driver and ("resets" in driver.get("needs", {}) or "resets" in driver.get("probably", {})):
            found.update(driver["compatible"])
    return found


class Check:
    def __init__(self):
        self.known, self.needed = lines(), needs_resets()
        self.faults = []
        self.counts, self.unknown, self.holes = collections.Counter(), collections.Counter(), collections.Counter()
        self.fates = [(each, fate) for each, fate in writers()]
        self.met = collections.Counter()

    def fault(self, *text):
        self.faults.append(" ".join(str(part) for part in text))

    def board(self, name, tree):
        used = {}
        for node in enabled(tree):
            strings = node.strings("compatible")
            needs = not self.needed.isdisjoint(strings)
            for target, cells in tree.references(node, "resets", "#reset-cells"):
                if target is not None:
                    self.reset(name, node, target, cells, needs, used)
            for index, (each, fate) in enumerate(self.fates):
                if not set(each["compatible"]).isdisjoint(strings) and fate["property"] in node.props:
                    self.device(name, tree, node, index, fate)

    def reset(self, name, node, target, cells, needs, used):
        entry = next((self.known[s] for s in target.strings("compatible") if s in self.known), None)
        self.counts["all"] += 1
        self.counts["needed"] += needs
        if not entry:
            self.unknown[(target.strings("compatible") or ["?"])[0]] += needs
            return
        if len(cells) != 1:
            return self.fault(f"{name}: {target.path}: a specifier of {len(cells)} cells")
        at = place(entry, cells[0])
        if at is None:
            return self.fault(f"{name}: {node.path}: {target.path} has no line {cells[0]}")
        if not at:
            self.holes[entry["driver"]] += 1
            return None
        self.counts["served"] += 1
        self.counts["needed and served"] += needs
        if at[0] + 4 > first_region(target):
            self.fault(f"{name}: {node.path}: line {cells[0]} of {target.path} is beyond its registers: {at[0]:#x}")
        if used.setdefault((target.path, at), cells[0]) != cells[0]:
            self.fault(f"{name}: lines {used[target.path, at]} and {cells[0]} of {target.path} are one bit")
        return None

    def device(self, name, tree, node, index, fate):
        words = linux_tree.cells(node.props[fate["property"]])
        target = tree.phandles.get(words[0]) if words else None
        if target is None or "syscon" not in target.strings("compatible"):
            return
        at = linux_address.register(tree, node)
        self.met[index] += 1
        for number, write in enumerate(fate.get("writes", [])):
            if "device" in write and int(write["device"], 16) != at:
                continue
            self.met[index, number] += 1
            if int(write["offset"], 16) + 4 > first_region(target):
                self.fault(f"{name}: {node.path}: register {write['offset']} is not in {target.path}")

    def end(self):
        for index, (each, fate) in enumerate(self.fates):
            what = f"class {each.get('name', each['compatible'][0])}, `{fate['property']}`"
            if not self.met[index]:
                self.fault(f"{what}: no board has such a device, enabled and with a system controller")
                continue
            for number, write in enumerate(fate.get("writes", [])):
                if not self.met[index, number]:
                    self.fault(f"{what}: no board has the device at {write['device']}")
        share = self.counts["needed and served"] / max(1, self.counts["needed"])
        if share < GOAL:
            self.fault(f"only {share:.0%} of the reset lines that drivers do not start without can be given, not {GOAL:.0%}")
        return share


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()
    check = Check()
    version, all_boards = boards(False)
    for name, path, _ in all_boards:
        check.board(name, linux_tree.read(path.read_bytes(), None))
    share = check.end()
    if args.v:
        for driver, count in check.holes.most_common():
            print(f"{driver}: {count} entries for lines that are not one bit")
        for compatible, count in check.unknown.most_common():
            print(f"{compatible}: {count} entries of devices that do not start without")
    for fault in check.faults[:40]:
        print("shadows:", fault)
    counts = check.counts
    print(f"shadows: {len(all_boards)} boards of {version}: {counts['served']} of {counts['all']} reset lines can be given, "
          f"{counts['needed and served']} of the {counts['needed']} that drivers do not start without ({share:.0%}); "
          f"{len(check.fates)} properties of classes; {len(check.faults)} faults")
    return bool(check.faults)


if __name__ == "__main__":
    sys.exit(main())
