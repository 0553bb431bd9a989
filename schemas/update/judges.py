# SPDX-License-Identifier: MIT
"""The nodes of Debian's boards, as judges of what a driver needs: every node that is enabled works without what it lacks."""

import collections
import pathlib
import sys

from acquire import NAMES
from csource import ROOT

for folder in "tests", "tests/corpus":
    sys.path.insert(0, str(ROOT / folder))


class Node(collections.namedtuple("Node", "compatible properties names parent")):
    """What nodes have in common: `properties` are names, `names` has the list of X-names by property X, `parent` the compatible
    strings of the node above."""

    def has(self, prop, name=None):
        """Whether the node has the property, and in it the entry of that name; without names, nobody knows of entries."""
        if name is not None and prop in NAMES:
            return self.has(prop) and name in dict(self.names).get(prop, ())
        if prop == "interrupts":
            return "interrupts" in self.properties or "interrupts-extended" in self.properties
        if prop.endswith("gpios"):
            return prop in self.properties or prop[:-1] in self.properties
        return prop in self.properties


def enabled(tree):
    """Nodes that are available, as all those above them."""
    dead = set()
    for node in tree.nodes:
        if not node.available() or node.parent is not None and id(node.parent) in dead:
            dead.add(id(node))
        else:
            yield node


def read(path):
    import linux_tree
    return linux_tree.read(path.read_bytes(), None)


def kind(node):
    return Node(tuple(node.strings("compatible")), frozenset(node.props),
                tuple(sorted((prop, tuple(node.strings(names))) for prop, names in NAMES.items() if names in node.props)),
                tuple(node.parent.strings("compatible")) if node.parent else ())


def nodes_of(board):
    """[(Node, whether it is enabled, path)] of one board."""
    name, path, _ = board
    tree = read(path)
    alive = {id(node) for node in enabled(tree)}
    return [(kind(node), id(node) in alive, f"{name}:{node.path}") for node in tree.nodes if node.props.get("compatible")]


# A node above with only these can be any.
PLAIN = {"simple-bus", "simple-mfd", "simple-pm-bus", "syscon", "isa", "arm,amba-bus"}
MOST_PARENTS = 3


class Judges:
    """`nodes` is {(Node, whether it is enabled): (how many there are, the place of the first)}."""

    def __init__(self, pool, boards):
        self.nodes = {}
        for some in pool.imap(nodes_of, boards, 16):
            for node, alive, where in some:
                count, first = self.nodes.get((node, alive), (0, where))
                self.nodes[node, alive] = count + 1, first

    @classmethod
    def of_debian(cls, pool):
        from boards import boards
        return cls(pool, boards(False)[1])

    @classmethod
    def of_files(cls, pool, paths):
        return cls(pool, [(path, pathlib.Path(path), None) for path in paths])

    def contradictions(self, claims):
        """(compatible, property, name or None, place) for each claim that an enabled node does without. `claims` is {compatible:
        (driver, [(property, name or None)])}; as in Linux, the first string of a node that is known decides."""
        for (node, alive), (_, where) in self.nodes.items():
            if alive:
                compatible = next((text for text in node.compatible if text in claims), None)
                driver, said = claims.get(compatible, ("", ()))
                # This stands for a clock, except on an I2C bus, where it is the bus's own.
                rate = "clock-frequency" in node.properties and not driver.startswith("drivers/i2c/")
                for prop, name in said:
                    if not node.has(prop, name) and (name is None or node.has(prop)) and not (rate and prop == "clocks"):
                        yield compatible, prop, name, where

    def parents(self, compatibles):
        """{compatible: strings of the nodes above}, where each node above has one of the strings, and the strings are few."""
        above, plain = collections.defaultdict(collections.Counter), set()
        for (node, _), (count, _) in self.nodes.items():
            compatible = next((text for text in node.compatible if text in compatibles), None)
            if compatible:
                strings = tuple(text for text in node.parent if text not in PLAIN)
                above[compatible][strings] += count
                if not strings:
                    plain.add(compatible)
        found = {}
        for compatible, lists in above.items():
            chosen = []
            while lists and compatible not in plain and len(chosen) <= MOST_PARENTS:
                votes = collections.Counter()
                for strings, count in lists.items():
                    votes.update({text: count for text in strings})
                chosen.append(min(votes, key=lambda text: (-votes[text], text)))
                lists = {strings: count for strings, count in lists.items() if chosen[-1] not in strings}
            if chosen and not lists and len(chosen) <= MOST_PARENTS:
                found[compatible] = sorted(chosen)
        return found
