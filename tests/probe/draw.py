# SPDX-License-Identifier: MIT
"""Draws nodes from Debian's boards: enabled devices with registers, for which the kernel has a driver."""

import itertools
import json
import random
import re

from boards import boards
from copies import below, losses
from linux_address import register
from linux_devices import DEFAULT, Data, Walk
from linux_tree import Malformed, read
from references import SCHEMAS

# A second timer, made of memory, would never tick; Tegra's rtc is one. What waits for a firmware waits for ever, and is
# tried again whenever another device starts. Controllers of clocks, power and addresses are nobody's to give away.
LEFT_OUT = re.compile(r".*(timer|cpu|pmu|clock-controller|iommu|remoteproc|wifi|rsc).*")
PROVIDERS = frozenset(("#power-domain-cells", "#iommu-cells", "#interconnect-cells"))
TIMER = re.compile(r"nvidia,tegra\d+-rtc")
CLOCK_CONTROLLER = frozenset(("#clock-cells", "#reset-cells"))
MOST_BELOW = 60


class Drawn:
    """A node of a board. `compatible`: the string for which there is a driver."""

    def __init__(self, board, tree, node, compatible):
        self.board = board
        self.tree = tree
        self.node = node
        self.compatible = compatible

    def __str__(self):
        return f"{self.compatible} ({self.board} {self.node.path})"


def soc(name):
    """The part of a board's name that boards with the same chip share, roughly: arm64/rockchip/rk3399."""
    return re.split(r"[-.]", name)[0]


def is_controller(node):
    return not PROVIDERS.isdisjoint(node.props) or CLOCK_CONTROLLER <= node.props.keys()


def is_left_out(node):
    return LEFT_OUT.match(node.base()) or any(map(TIMER.fullmatch, node.compatible())) or is_controller(node)


def devices(tree, data):
    """The nodes that Linux makes a platform or AMBA device of, and which have registers."""
    for node, kind in Walk(tree, data).kinds.items():
        if kind in ("platform", "amba") and "reg" in node.props and set(node.compatible()).isdisjoint(DEFAULT):
            if not is_left_out(node) and register(tree, node) is not None:
                yield node


def shuffled(found, chance):
    """All boards: one of each chip, then the second of each, and so on."""
    groups = [list(group) for _, group in itertools.groupby(sorted(found), lambda board: soc(board[0]))]
    for group in groups:
        chance.shuffle(group)
    chance.shuffle(groups)
    return filter(None, itertools.chain.from_iterable(itertools.zip_longest(*groups)))


class Draw:
    """Of nodes with different compatible strings; `drawn` are those so far."""

    def __init__(self, kernel, kinds):
        self.kernel = kernel
        self.kinds = kinds
        self.data = Data(json.loads((SCHEMAS / "linux" / "nodes.json").read_text()), "no-bus")
        self.seen = set()
        self.drawn = []

    def add_board(self, name, path, chance, fits):
        """Draws all nodes of a board that are not yet there and whose string fits."""
        tree = read(path.read_bytes(), None)
        nodes = list(devices(tree, self.data))
        chance.shuffle(nodes)
        for node in nodes:
            names = (word for word in node.strings("compatible") if word != "syscon" and self.kernel.has_driver(word))
            compatible = next(names, None)
            if compatible and compatible not in self.seen and fits(compatible):
                # Of a node that needs nothing, nothing can be lost.
                if sum(1 for _ in below(node)) <= MOST_BELOW and losses(self.kinds, tree, node):
                    self.seen.add(compatible)
                    self.drawn.append(Drawn(name, tree, node, compatible))


def draw(kernel, kinds, known, seed, count, wanted):
    """The nodes of `known`, and others with `wanted` in their string, up to `count`, or as many as there are."""
    result, chance = Draw(kernel, kinds), random.Random(seed)
    found = [board[:2] for board in boards(False)[1]]
    strings = {node["compatible"] for node in known["nodes"]}
    result.add_board(known["board"], dict(found)[known["board"]], chance, strings.__contains__)
    for name, path in shuffled(found, chance):
        if len(result.drawn) >= count:
            break
        try:
            result.add_board(name, path, chance, lambda compatible: wanted in compatible)
        except Malformed:
            continue
    return result.drawn[:count]
