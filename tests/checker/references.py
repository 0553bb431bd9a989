# SPDX-License-Identifier: MIT
"""Checks that every phandle of a tree leads to a suitable node."""

import functools
import pathlib
import re

from .dtb import Bad, cells

TABLE = pathlib.Path(__file__).resolve().parent.parent / "corpus" / "references.inc"
LINE = re.compile(r'^(CELLS|CELLS_IF_ANY|FIXED|FIRST|STRIDE)\("([^"]+)"(?:, "([^"]+)")?(?:, (\d+))?(?:, (\d+))?\)$', re.M)
HOLES = (0, 0xFFFFFFFF)


@functools.lru_cache(maxsize=1)
def table():
    return {m[2]: (m[1], m[3], int(m[4] or 0), int(m[5] or 0)) for m in LINE.finditer(TABLE.read_text(encoding="utf-8"))}


def rule(node, name):
    """(form, the provider's property that counts cells, cells from one to the next, first) or None."""
    if name in ("gpio", "gpios") and "gpio-hog" in node.props:
        return None
    if name in table():
        return table()[name]
    if re.search(r".-gpios?$", name) and not re.search(r"(,nr|num)-gpios$", name):
        return "CELLS", "#gpio-cells", 0, 0
    if re.search(r".-supply$", name):
        return "FIRST", None, 0, 0
    if re.match(r"pinctrl-\d+$", name):
        return "STRIDE", None, 1, 0
    return None


def references(node, name):
    """[(provider, specifier)] of a property."""
    form, counted, step, first = rule(node, name)
    value, who, found = cells(node.props[name]), f"{node.path}: {name}", []
    if form == "FIRST":
        value, step = value[:1], 1
    if form in ("FIRST", "STRIDE"):
        return [(node.tree.at_phandle(v, who), ()) for v in value[first::step] if v not in HOLES]
    while value:
        if value[0] in HOLES:
            value = value[1:]
            continue
        provider = node.tree.at_phandle(value[0], who)
        width = step if form == "FIXED" else provider.cell(counted, 0 if form == "CELLS_IF_ANY" else None)
        if width is None:
            raise Bad(f"{who} leads to {provider.path}, which has no {counted}")
        if len(value) < 1 + width:
            raise Bad(f"{who}: the last entry is cut off")
        found.append((provider, value[1:1 + width]))
        value = value[1 + width:]
    return found


def check(tree):
    """The problems of all properties that hold phandles."""
    problems = []
    for node in tree.root.walk():
        for name in node.props:
            try:
                if rule(node, name):
                    references(node, name)
                elif name == "interrupt-parent":
                    tree.at_phandle(node.cell(name), f"{node.path}: {name}")
            except Bad as bad:
                problems.append(str(bad))
    # Aliases and paths in /chosen are also references: chapters 3.3 and 3.6.
    for path in ("/aliases", "/chosen"):
        node = tree.by_path.get(path)
        for name, value in (node.props if node else {}).items():
            text = value.rstrip(b"\0").decode("utf-8", "replace").split(":")[0]
            if (path == "/aliases" or name in ("stdout-path", "stdin-path")) and text.startswith("/"):
                if text not in tree.by_path:
                    problems.append(f"{path}: {name} leads to {text}, which is not there")
    return problems
