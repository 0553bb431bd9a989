# SPDX-License-Identifier: MIT
"""checker: every machine of examples/ and tests/golden/ passes tests/checker, and tests/checker detects mistakes.

In some of the machines, each field of the config and each cell of the tree is changed, one at a time. tests/checker must
refuse each change, except those in FREE, which cannot be detected from the two outputs alone.
"""

import collections
import pathlib
import tempfile

from checker import mutants
from checker.all import check, read

from . import Result, golden

MUTATED = ("examples/partition.mach", "tests/golden/regions.mach", "tests/golden/interrupts.mach", "tests/golden/dma-bus.mach",
           "tests/golden/resets.mach")
AT_MOST = 6  # mutants of one field in one machine, spread over its records

ASKED = "what was asked for, no more: the suite properties knows"
HOST = "only the host's tree says"
INSIDE = "what goes to a controller that the guest has as well is the two's own affair"
FREE = {
    ("machine", "arch"): ASKED,
    ("machine", "iommu"): ASKED,
    ("cpu", "host_cpu"): ASKED,
    ("memory", "backing"): ASKED,
    ("memory", "flags"): ASKED,
    ("memory", "limit"): HOST,
    ("memory", "lowest"): HOST,
    ("memory", "physical"): ASKED,
    ("memory", "offset"): ASKED,
    ("irqchip", "lines"): "there may be more than are used",
    ("device", "reset"): ASKED,
    ("device", "vcpu"): ASKED,
    ("device", "parent"): ASKED,
    ("region", "index"): HOST,
    ("region", "mode"): ASKED,
    ("irq", "source"): HOST,
    ("irq", "index"): HOST,
    ("dma", "mode"): ASKED,
    ("dma", "flags"): ASKED,
    ("dma", "subwindows"): ASKED,
    ("dma", "liodn_index"): ASKED,
    ("dma", "operation"): ASKED,
    ("dma_map", "bank"): ASKED,
    ("dma_map", "flags"): ASKED,
    ("dma_map", "offset"): ASKED,
    ("dma_map", "iova"): ASKED,
    ("stash", "kind"): ASKED,
    ("stash", "flags"): ASKED,
    ("stash", "cache_id"): HOST,
    ("patch", "addend"): HOST,
    ("expect", "device"): HOST,
    ("expect", "index"): HOST,
    ("expect", "a"): HOST,
    ("tree", "reg"): "where a function is on a PCI bus, or a chip on an I2C bus",
    ("tree", "ranges"): "addresses below a bus, as long as nobody is there",
    ("tree", "cpu-handle"): ASKED,
    ("tree", "interrupts"): INSIDE,
    ("tree", "interrupts-extended"): INSIDE,
    ("tree", "interrupt-map"): "unit addresses below a nexus, as long as nobody is there",
}


def compiled(context, source):
    """(problems of its machines, [(dtb, cfg)], the machines)"""
    with tempfile.TemporaryDirectory() as folder:
        _, done = golden.machines(context, source, folder)
        pairs = read(pathlib.Path(folder))
    if done.status != 0 or not pairs:
        return f"exit status {done.status}\n{done.err}", pairs, []
    problems, machines = check(pairs)
    return "\n".join(["these are wrong:"] + problems) if problems else None, pairs, machines


def wrong_ones(pairs, machines):
    """(place, change, all outputs with that change in one of them)"""
    for k, (dtb, cfg) in enumerate(pairs):
        kinds = collections.defaultdict(list)
        for section, field, what, changed in mutants.of_config(cfg):
            kinds[section, field].append((what, dtb, changed))
        for node, name, what, changed in mutants.of_tree(dtb):
            if node.path != "/timer":  # the platform's nodes, with PPIs
                kinds["tree", name].append((what, changed, cfg))
        for place, all_of_them in kinds.items():
            for what, tree, changed in all_of_them[::-(-len(all_of_them) // AT_MOST)]:
                pair = (tree, mutants.belonging(tree, changed))
                yield place, what, machines[:k] + [pair] + machines[k + 1:]


def run_all(context):
    result = Result()
    outputs = {}
    for source, (problem, *found) in context.each(lambda s: compiled(context, s), golden.sources(), str):
        result.add(source, problem)
        outputs[str(source)] = found
    unseen, seen = collections.defaultdict(list), collections.Counter()
    for source in MUTATED:
        for place, what, changed in wrong_ones(*outputs.get(source, ([], []))):
            if check(changed)[0]:
                seen[place] += 1
            else:
                unseen[place].append(f"{source}: {what}")
    for place in sorted(set(seen) | set(unseen)):
        name = f"a wrong {place[1]} of {place[0]}"
        if context.wanted not in name:
            continue
        problem = None if place in FREE or place not in unseen else "passes\n" + "\n".join(unseen[place])
        result.add(name, problem)
    if not context.wanted:
        idle = [f"{a} {b}" for a, b in FREE if (a, b) not in unseen]
        result.add("what cannot be seen is not seen", idle and "these are always seen: " + ", ".join(idle))
    return result
