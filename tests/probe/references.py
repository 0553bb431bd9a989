# SPDX-License-Identifier: MIT
"""The references of a node: what schemas/references.json and schemas/references/ say, read for a board's node."""

import json
import pathlib
import re

from linux_tree import cells

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent.parent / "schemas"

# The other kind of match, by the node's name, is that of pins, which are not copied.
PATTERNS = {"suffix": ".+{}", "numbered": "{}[0-9]+"}
# The driver core asks for these before the driver is called, and goes on without.
CORE = ("assigned clock", "clock parent", "power domain")
# A graph leads to devices that are not there; maps and pins are written in numbers of other controllers.
NOT_COPIED = ("graph", "interrupt-map", "map", "stride")


class Reference:
    """A property that refers to other nodes. `entries`: (target, arguments); `names`: the property that names them."""

    def __init__(self, name, kind, entries, names=None):
        self.name = name
        self.kind = kind
        self.entries = entries
        self.names = names
        self.cells = kind.get("cells")


class Kinds:
    """What is known of properties, by name and by suffix."""

    def __init__(self):
        self.names, self.patterns = {}, []
        for path in [SCHEMAS / "references.json", *sorted((SCHEMAS / "references").glob("*.json"))]:
            for kind in json.loads(path.read_text())["references"]:
                for name in kind["properties"]:
                    if kind.get("match") in PATTERNS:
                        pattern = PATTERNS[kind["match"]].format(re.escape(name))
                        self.patterns.append((re.compile(pattern), frozenset(kind.get("except", ())), kind))
                    elif "match" not in kind:
                        self.names[name] = kind

    def kind(self, node, name):
        kind = self.names.get(name)
        for pattern, but, other in () if kind else self.patterns:
            if pattern.fullmatch(name) and not any(name.endswith(end) for end in but):
                kind = other
                break
        if kind and kind.get("unless") in node.props:
            return None
        # In a node that provides them, such a property counts what it provides.
        return None if kind and kind.get("numbers") in node.props else kind

    def entries(self, tree, kind, words):
        """(target, arguments) of each entry; None if the property cannot be read as what it should be."""
        found, at = [], 0
        while at < len(words):
            target = tree.phandles.get(words[at])
            if words[at] and target is None:
                return None
            if "cells" in kind:
                count = 0 if target is None else target.u32(kind["cells"])
                if count is None:
                    if not kind.get("cells-optional"):
                        return None
                    count = 0
            elif kind.get("layout") == "single":
                count = len(words) - at - 1
            elif kind.get("layout") == "fixed":
                count = kind.get("args", 0)
            else:
                return None
            if at + 1 + count > len(words):
                return None
            found.append((target, words[at + 1:at + 1 + count]))
            at += 1 + count
        return found

    def references(self, tree, node):
        """(references that a file has to settle, names of properties that are dropped without a word)."""
        found, dropped = [], set()
        for name, value in node.props.items():
            kind = self.kind(node, name)
            if kind is None:
                continue
            names = kind.get("names")
            if kind["default"] == "drop" or kind["kind"] in CORE or kind.get("layout") in NOT_COPIED:
                dropped |= {name, names} if names else {name}
            elif kind.get("layout") != "interrupt":
                entries = self.entries(tree, kind, cells(value))
                if entries is None or len(value) % 4 or not entries:
                    dropped.add(name)
                else:
                    found.append(Reference(name, kind, entries, names if names in node.props else None))
        return found, dropped
