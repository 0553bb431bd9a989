#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good schemas/needs/drivers.json is: a sample of devices of Debian's boards, judged by reading their drivers.

    tests/needs/sample.py --seed N --count M [--file FILE]

Draws M devices (enabled nodes with `reg` and a driver, each compatible string once) and prints for each what it would lose if
all references and interrupts were dropped. tests/needs/judged.txt says of each (compatible, property) whether probe fails
without, and where Linux 6.12.117 does so; from that come precision and recall, by pair and by device. Left out are what the
core asks for and does without: pinctrl, assigned-clocks and interconnects.

The same seed draws the same devices while the boards, and the compatible strings that have an entry, are the same.
"""

import argparse
import collections
import functools
import json
import multiprocessing
import pathlib
import random
import re
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JUDGED = pathlib.Path(__file__).with_name("judged.txt")
FILE = ROOT / "schemas" / "needs" / "drivers.json"
KERNEL = "6.12"
PRECISION, RECALL = 0.97, 0.9  # of what is called a need; of the devices that do not start
# GPIOs are not in the sample: drivers take them by any name.
LEFT_OUT = re.compile(r"pinctrl-|assigned-clock|interconnects\Z|interrupt-parent\Z|.*-gpios?\Z")

Row = collections.namedtuple("Row", "compatible prop fatal why")
Figures = collections.namedtuple("Figures", "precision recall device_precision device_recall pairs devices")


def load(path):
    return json.loads(pathlib.Path(path).read_text())["needs"]


def claims(facts, compatible, keys):
    """Properties that the file says are needed by the newest kernel."""
    found = set()
    for entry in facts["drivers"]:
        if compatible in entry["compatible"] and "until" not in entry:
            found.update(prop for key in keys for prop in entry.get(key, {}))
    return found


def judged(path):
    """COMPATIBLE PROPERTY fatal|harmless FILE:LINE WORDS"""
    rows = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            compatible, prop, verdict, why = line.split(None, 3)
            if verdict not in ("fatal", "harmless"):
                raise SystemExit(f"{path}: {line}")
            rows.append(Row(compatible, prop, verdict == "fatal", why))
    return rows


def ratio(part, whole):
    return part / whole if whole else 1.0


def figures(facts, rows):
    """{"needs" and "needs, probably": Figures}. A device is flagged if any property of it is."""
    made = {}
    for name, keys in ("needs", ("needs",)), ("needs, probably", ("needs", "probably")):
        known = {row.compatible: claims(facts, row.compatible, keys) for row in rows}
        flagged = [row for row in rows if row.prop in known[row.compatible]]
        right = [row for row in flagged if row.fatal]
        fatal = [row for row in rows if row.fatal]
        dead = {row.compatible for row in fatal}
        called = {row.compatible for row in flagged}
        made[name] = Figures(ratio(len(right), len(flagged)), ratio(len(right), len(fatal)), ratio(len(called & dead), len(called)),
                             ratio(len(called & dead), len(dead)), len(rows), len(known))
    return made


@functools.cache
def references():
    """(properties that hold references, ends of such names) of schemas/references/."""
    whole, ends = {"interrupts", "interrupts-extended"}, set()
    for path in sorted(ROOT.glob("schemas/references/*.json")):
        for group in json.loads(path.read_text()).get("references", ()):
            (ends if group.get("match") == "suffix" else whole).update(group["properties"])
    return whole, tuple(sorted(ends))


def refers(prop):
    whole, ends = references()
    return (prop in whole or prop.endswith(ends)) and not LEFT_OUT.match(prop)


def devices_of(board):
    """(compatible strings, properties with references, place) of each enabled node with registers."""
    import judges
    name, path, _ = board
    tree = judges.read(path)
    found = []
    for node in judges.enabled(tree):
        if "reg" in node.props and node.props.get("compatible"):
            lost = sorted({"interrupts" if prop == "interrupts-extended" else prop for prop, value in node.props.items()
                           if value and refers(prop)})
            if lost:
                found.append((tuple(node.strings("compatible")), tuple(lost), f"{name}:{node.path}"))
    return found


def draw(facts, seed, count):
    """[(compatible, properties, place)]: nodes at random, until there are `count` compatible strings."""
    sys.path.insert(0, str(ROOT / "schemas" / "update"))
    import judges  # noqa: F401: it adds the folder of boards
    from boards import boards
    known = {compatible for entry in facts["drivers"] for compatible in entry["compatible"]}
    with multiprocessing.Pool(2) as pool:
        nodes = [node for some in pool.imap(devices_of, boards(False)[1], 16) for node in some]
    random.Random(seed).shuffle(nodes)
    drawn = {}
    for strings, lost, where in nodes:
        compatible = next((text for text in strings if text in known), None)
        if compatible and compatible not in drawn and len(drawn) < count:
            drawn[compatible] = (compatible, lost, where)
    return list(drawn.values())


def main():
    parser = argparse.ArgumentParser(description="Judges schemas/needs/drivers.json by a sample of devices.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--file", default=FILE, type=pathlib.Path)
    parser.add_argument("--goals", action="store_true", help="fail unless all are judged, and `needs` is right and complete enough")
    args = parser.parse_args()
    facts, rows = load(args.file), judged(JUDGED)
    verdicts = {(row.compatible, row.prop): row for row in rows}
    used, open_pairs, open_devices = [], 0, set()
    for compatible, lost, where in draw(facts, args.seed, args.count):
        print(f"{compatible}  {where}")
        for prop in lost:
            row = verdicts.get((compatible, prop))
            if row:
                used.append(row)
                print(f"    {prop}: {'fatal' if row.fatal else 'harmless'}: {row.why}")
            else:
                open_pairs += 1
                open_devices.add(compatible)
                print(f"    {prop}: not judged")
    print(f"{len(used)} pairs are judged, {open_pairs} of {len(open_devices)} devices are not")
    for name, made in figures(facts, used).items():
        print(f"{name}: precision {made.precision:.1%}, recall {made.recall:.1%} of {made.pairs} pairs; "
              f"precision {made.device_precision:.1%}, recall {made.device_recall:.1%} of {made.devices} devices")
    if args.goals:
        needs = figures(facts, used)["needs"]
        reached = [not open_pairs, needs.precision >= PRECISION, needs.device_recall >= RECALL]
        print(f"sample with seed {args.seed}: {sum(reached)} passed, {len(reached) - sum(reached)} failed")
        sys.exit(not all(reached))


if __name__ == "__main__":
    main()
