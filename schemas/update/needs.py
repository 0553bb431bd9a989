#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes schemas/needs/drivers.json: what Linux's drivers do not start without, by compatible string.

    schemas/update/needs.py [--source DIR ... [--board DTB ...]] [--output FILE] [--explain COMPATIBLE ...]

Without --source, it downloads the linux-source packages of KERNELS (csource.py) and the device trees of Debian's boards, and
keeps them in ~/.cache/machc. The same sources and boards always give the same bytes. --explain prints each fact about a
compatible string with its level and its place.

probe.py says what a driver asks for, and whether it goes on without; bindings.py what a binding requires; judges.py is the
boards: what an enabled node lacks is not needed. This file makes facts of the three. docs/schemas.md has the limits.
"""

import argparse
import collections
import json
import multiprocessing
import pathlib
import re
import sys

sys.dont_write_bytecode = True

from bindings import Bindings  # noqa: E402
from csource import AMBA, BINDINGS, ROOT, Kernel, download  # noqa: E402
from judges import Judges  # noqa: E402
from probe import Fact, Prober  # noqa: E402
from rates import Rates  # noqa: E402

# More AMBA drivers than linux.py has: see AMBA in csource.py.
MORE_AMBA = {
    "dma-pl330": ["arm,pl330"], "pl061_gpio": ["arm,pl061"], "rtc-pl031": ["arm,pl031"],
    "mmci-pl18x": ["arm,pl18x", "arm,pl180", "arm,pl181"],
    "sp805-wdt": ["arm,sp805"], "ssp-pl022": ["arm,pl022"], "pl08xdmac": ["arm,pl080", "arm,pl081"], "kmi-pl050": ["arm,pl050"],
}
APB_PCLK = Fact("clocks", "apb_pclk", "A", "drivers/amba/bus.c")


FOLDERS = ("drivers", "sound")
BUSES = ("platform", "amba", "i2c", "spi")
OUTPUT = ROOT / "schemas" / "needs" / "drivers.json"


class Reading:
    """What is read of one kernel: `facts` is {compatible: {driver: {(property, name): Fact}}}, `rates` the names of clocks by
    (compatible, driver) whose rate matters, `required` is {compatible: {property: names}} of the bindings."""

    def __init__(self, folder):
        kernel = Kernel(folder)
        prober, rates, cells = Prober(kernel), Rates(kernel), mfd_cells(kernel)
        self.version = kernel.version
        self.facts = collections.defaultdict(dict)
        self.rates = collections.defaultdict(set)
        for path, file in sorted(kernel.files.items()):
            if path.startswith(FOLDERS) and "_driver" in file.raw and ("of_" in file.raw or "amba_driver" in file.raw):
                for compatible, facts in facts_of_file(prober, file, cells):
                    self.add(compatible, path, facts, rates)
        for compatible, path in irqchips(kernel):
            if compatible not in self.facts:
                self.add(compatible, path, [], rates)
        self.facts = dict(self.facts)
        bindings = Bindings(kernel.folder / BINDINGS)
        self.required = {compatible: bindings.required(compatible) for compatible in self.facts}

    def add(self, compatible, driver, facts, rates):
        mine = self.facts[compatible].setdefault(driver, {})
        for fact in facts:
            old = mine.get((fact.prop, fact.name))
            if old is None or fact.level < old.level:
                mine[fact.prop, fact.name] = fact
            if fact.prop == "clocks" and fact.target and rates.matter(fact.target):
                self.rates[compatible, driver].add(fact.name)


def mfd_cells(kernel):
    """Compatible strings of the cells of MFD drivers."""
    found = set()
    for file in kernel.holding("of_compatible", "MFD_CELL_OF"):
        found.update(re.findall(r'\.of_compatible\s*=\s*"([^"]+)"', file.raw))
        for arguments in re.findall(r"\bMFD_CELL_OF(?:_REG)?\s*\(((?:[^()]|\([^()]*\))*)\)", file.raw):
            found.update(re.findall(r'"([^"\n]+)"', arguments))
    return found


def irqchips(kernel):
    """(compatible, path) of interrupt controllers that have no driver with a probe: IRQCHIP_PLATFORM_DRIVER_BEGIN(),
    include/linux/irqchip.h."""
    for path, file in sorted(kernel.files.items()):
        if path.startswith(FOLDERS):
            for compatible in re.findall(r'IRQCHIP_MATCH\(\s*"([^"]+)"', file.raw):
                yield compatible, path


def facts_of_file(prober, file, cells):
    """(compatible, facts) for each entry of each table of a file."""
    for item, bus, name, where, table in prober.kernel.drivers(file):
        if bus not in BUSES:
            continue
        probes = re.findall(r"\.probe(?:_new)?\s*=\s*&?(\w+)", item.body)
        probes += re.findall(r"platform_driver_probe\s*\(\s*&?" + item.name + r"\s*,\s*(\w+)", file.plain)
        entries = list(prober.kernel.entries(where, table.body)) if table else []
        if bus == "amba":
            entries = [(compatible, "") for compatible in AMBA.get(name, []) + MORE_AMBA.get(name, [])]
        for compatible, entry in entries:
            data = prober.data(where, entry, compatible) if entry else None
            facts = [fact for probe in dict.fromkeys(probes) for fact in prober.probe(file, probe, data)]
            if bus not in ("platform", "amba"):
                facts = [fact for fact in facts if fact.prop != "parent"]
            if compatible in cells:
                # The cell's driver gets the interrupts that the MFD driver made for it.
                facts = [fact for fact in facts if fact.prop != "interrupts"]
            yield compatible, facts + [APB_PCLK] * (bus == "amba")
    if file.path == "drivers/amba/bus.c":
        yield "arm,primecell", [APB_PCLK]


class Facts:
    """What the file says of one compatible string for one kernel: `needs` and `probably` are {property: names}."""

    def __init__(self, drivers, required, rates, struck):
        self.drivers = sorted(drivers)
        self.needs, self.probably, self.optional = {}, {}, set()
        self.rates = set()
        asked = {driver: left(facts, struck, driver) for driver, facts in drivers.items()}
        for prop in sorted({prop for facts in asked.values() for prop, _ in facts if prop != "parent"}):
            self.add(prop, [{name: fact for (p, name), fact in facts.items() if p == prop} for facts in asked.values()],
                     required.get(prop))
        self.asks_parent = any(("parent", None) in facts for facts in drivers.values())
        named = [{name for (prop, name), fact in facts.items() if prop == "clocks" and known(fact)} for facts in drivers.values()]
        matter = {name or "" for names in rates for name in names}
        # A clock without a name is the first one, which can be the bus's.
        self.rates = {name or "" for names in named for name in names} - matter - ({"apb_pclk"} if "" in matter else set())

    def add(self, prop, each, required):
        """`each` has {name: Fact} of every driver."""
        def strong(fact, name):
            return fact.level == "A" or fact.level == "B" and required is not None and (name is None or name in required)

        need = all(any(strong(fact, None) for fact in facts.values()) for facts in each)
        levels = {fact.level for facts in each for fact in facts.values()}
        if not levels & {"A", "B"}:
            self.optional.add(prop)
            return
        names = {name for facts in each for name, fact in facts.items() if name and fact.level != "N"}
        sure = {name for name in names if all(name in facts and strong(facts[name], name) for facts in each)} if need else set()
        if need:
            self.needs[prop] = sure
        if not need or names - sure:
            self.probably[prop] = names - sure

    def claims(self):
        """(property, name) that a node must not lack; the property itself is (property, None)."""
        for found in self.needs, self.probably:
            for prop, names in found.items():
                yield prop, None
                for name in names:
                    yield prop, name


def known(fact):
    """Whether what becomes of a clock was followed."""
    return fact.target is not None or fact.where == APB_PCLK.where


def left(facts, struck, driver):
    """A driver's facts without those that boards contradict."""
    return {(prop, name): fact for (prop, name), fact in facts.items()
            if (driver, prop, None) not in struck and (name is None or (driver, prop, name) not in struck)} | {
            (prop, None): fact._replace(name=None) for (prop, name), fact in facts.items()
            if name is not None and (driver, prop, name) in struck and (driver, prop, None) not in struck
            and (prop, None) not in facts}


def judge(reading, judges):
    """({compatible: Facts}, what was struck), after boards have struck what they contradict."""
    struck = set()
    while True:
        made = {compatible: Facts(drivers, reading.required.get(compatible, {}),
                                  [reading.rates.get((compatible, driver), ()) for driver in drivers], struck)
                for compatible, drivers in reading.facts.items()}
        more = set()
        claims = {compatible: (", ".join(facts.drivers), list(facts.claims())) for compatible, facts in made.items()}
        for compatible, prop, name, _ in judges.contradictions(claims):
            more |= {(driver, prop, name) for driver, facts in reading.facts[compatible].items()
                     if any(p == prop and (name is None or n == name) for p, n in facts)}
        if not more - struck:
            return made, struck
        struck |= more


def statements(facts, parents):
    """What the file says, as single statements that two kernels can have in common."""
    for key, found in ("needs", facts.needs), ("probably", facts.probably):
        for prop, names in found.items():
            if key == "needs" or prop not in facts.needs:
                yield key, prop, None
            for name in names:
                yield key, prop, name
    for prop in facts.optional:
        yield "optional", prop, None
    for name in facts.rates:
        yield "any-rate", name, None
    if facts.asks_parent:
        for name in parents:
            yield "parent", name, None


def entry(driver, since, until, compatibles, said):
    made = {"driver": driver}
    if since:
        made["since"] = since
    if until:
        made["until"] = until
    made["compatible"] = sorted(compatibles)
    for key in "needs", "probably":
        found = {prop: sorted(name for k, p, name in said if (k, p) == (key, prop) and name)
                 for prop in sorted({prop for k, prop, _ in said if k == key})}
        if found:
            made[key] = found
    for key in "optional", "any-rate", "parent":
        found = sorted(what for k, what, _ in said if k == key)
        if found:
            made[key] = found
    return made


def merge(kernels, parents):
    """The entries of the file. `kernels` is [(version, {compatible: Facts})] of two kernels, or of one."""
    oldest, newest = kernels[0], kernels[-1]
    groups = collections.defaultdict(set)
    for compatible in sorted(oldest[1].keys() | newest[1].keys()):
        there = [made.get(compatible) for _, made in kernels]
        driver = ", ".join(next(facts for facts in reversed(there) if facts).drivers)
        said = [frozenset(statements(facts, parents.get(compatible, ()))) if facts else None for facts in there]
        if None in said:
            since = newest[0] if said[0] is None else None
            until = oldest[0] if said[0] is not None else None
            groups[driver, since, until, said[0] or said[-1] or frozenset()].add(compatible)
            continue
        both = said[0] & said[-1]
        groups[driver, None, None, both].add(compatible)
        if said[-1] - both:
            groups[driver, newest[0], None, said[-1] - both].add(compatible)
        if said[0] - both:
            groups[driver, None, oldest[0], said[0] - both].add(compatible)
    made = [entry(driver, since, until, names, said) for (driver, since, until, said), names in groups.items()]
    return sorted(made, key=lambda one: (one["driver"], one["compatible"], one.get("since", ""), one.get("until", "")))


def text(versions, entries):
    """One line per entry, so that a diff of two versions can be read."""
    lines = ",\n".join("      " + json.dumps(one) for one in entries)
    return ('{\n  "SPDX-License-Identifier": "MIT",\n  "$schema": "../json/needs.schema.json",\n  "needs": {\n'
            f'    "kernels": {json.dumps(versions)},\n    "drivers": [\n{lines}\n    ]\n  }}\n}}\n')


def explain(reading, struck, compatible):
    for driver, facts in sorted(reading.facts.get(compatible, {}).items()):
        for (prop, name), fact in sorted(facts.items(), key=repr):
            required = reading.required.get(compatible, {})
            notes = " binding" * (prop in required)
            notes += " struck" * bool({(driver, prop, None), (driver, prop, name)} & struck)
            yield f"{compatible}: {reading.version}: {prop}{':' + name if name else ''}: {fact.level}{notes}: {fact.where}"


def mistakes(written, made, judges):
    """What is wrong with the file that is there."""
    if written != made:
        yield "the file is not what the sources and boards give: make update-needs"
    facts = json.loads(written)["needs"]
    for kernel in facts["kernels"]:
        claims = {}
        for one in facts["drivers"]:
            if one.get("since", kernel) == kernel and one.get("until", kernel) == kernel:
                for compatible in one["compatible"]:
                    said = claims.setdefault(compatible, (one["driver"], []))[1]
                    said += [(prop, name) for key in ("needs", "probably") for prop, names in one.get(key, {}).items()
                             for name in (None, *names)]
        for compatible, prop, name, where in sorted(judges.contradictions(claims), key=str):
            yield f"{kernel}: {compatible}: {where} is without {prop}{' ' + name if name else ''}"


def main():
    parser = argparse.ArgumentParser(description="Distils schemas/needs/drivers.json from Linux's sources and Debian's boards.")
    parser.add_argument("--source", action="append", metavar="DIR", help="an unpacked kernel; given once for each kernel")
    parser.add_argument("--board", action="append", default=[], metavar="DTB", help="with --source: the boards that judge")
    parser.add_argument("--output", default=OUTPUT, type=pathlib.Path)
    parser.add_argument("--check", action="store_true",
                        help="write nothing: fail if the file is another, or a board contradicts it")
    parser.add_argument("--explain", action="append", default=[], metavar="COMPATIBLE")
    args = parser.parse_args()
    with multiprocessing.Pool(2) as pool:
        readings = pool.map(Reading, args.source or download(), 1)
        readings.sort(key=lambda reading: [int(part) for part in reading.version.split(".")])
        judges = Judges.of_files(pool, args.board) if args.source else Judges.of_debian(pool)
    judged = [judge(reading, judges) for reading in readings]
    kernels = [(reading.version, made) for reading, (made, _) in zip(readings, judged)]
    entries = merge(kernels, judges.parents({c for _, made in kernels for c in made}))
    made = text([reading.version for reading in readings], entries)
    wrong = []
    if args.check:
        wrong = list(mistakes(args.output.read_text(), made, judges))
    else:
        args.output.parent.mkdir(exist_ok=True)
        args.output.write_text(made)
    for compatible in args.explain:
        for reading, (_, struck) in zip(readings, judged):
            for line in explain(reading, struck, compatible):
                print(line)
    for reading, (made, struck) in zip(readings, judged):
        count = collections.Counter(fact.level for drivers in reading.facts.values() for facts in drivers.values()
                                    for fact in facts.values())
        print(f"{reading.version}: {len(made)} compatibles, {dict(sorted(count.items()))}, struck {len(struck)}")
    print(f"{len(entries)} entries")
    if args.check:
        print("\n".join(wrong[:50]))
        print(f"{len(wrong)} mistakes, {sum(alive for _, alive in judges.nodes)} kinds of enabled nodes")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
