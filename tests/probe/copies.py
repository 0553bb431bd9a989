# SPDX-License-Identifier: MIT
"""Copies of boards' nodes for the tree of a boot: with all that they refer to, or without some of it."""

from linux_address import register
from linux_tree import cells as words
from linux_tree import number
from memory import amba_id, cells, known_values, node_text, strings, wide
from references import Reference

# Of the copy's own place in its own tree.
NEVER = frozenset((
    "phandle", "linux,phandle", "status", "reg", "ranges", "interrupts", "interrupts-extended", "interrupt-parent",
    "interrupt-map-mask", "#address-cells", "#size-cells", "assigned-clock-rates", "assigned-clock-rates-u64"))
KEPT = ("reg", "ranges", "#address-cells", "#size-cells", "status")
INTERRUPTS = "interrupts"
ALL = "*"
MOST_NAMES = 12


class Lost:
    """What a copy lacks: a property (or ALL), and of that the entry of one name only."""

    def __init__(self, name=None, entry=None):
        self.name = name
        self.entry = entry

    def whole(self, name):
        return self.name == ALL or self.name == name and self.entry is None

    def one(self, name):
        return self.entry if self.name == name else None

    def __str__(self):
        return "" if self.name is None else self.name if self.entry is None else f"{self.name}[{self.entry}]"


NOTHING = Lost()


class Copies:
    """Makes the nodes of a tree. `stubs` provides for them; `texts` are the copies so far."""

    def __init__(self, kinds, stubs):
        self.kinds = kinds
        self.stubs = stubs
        self.texts = []
        self.aliases = {}
        self.numbers = {}

    def add(self, drawn, lost, fill):
        """The name of the device that Linux makes of this copy, whose registers are filled like that."""
        address, text = self.copy(drawn.tree, drawn.node, lost, fill, {})
        self.texts.append(text)
        if is_serial(drawn.tree, drawn.node):
            self.name_serial(drawn.compatible.split(",")[0], f"/{drawn.node.base()}@{address:x}")
        return f"{address:x}.{drawn.node.base()}"

    def name_serial(self, vendor, path):
        """Drivers of serial lines want an alias, with a small number. Each vendor's begin at 0: Linux takes serial0,
        serial00 and serial000 for three names of the same number."""
        number = self.numbers[vendor] = self.numbers.get(vendor, -1) + 1
        name = f"serial{number}"
        while name in self.aliases:
            name = name.replace("serial", "serial0")
        self.aliases[name] = strings(path)

    def copy(self, tree, node, lost, fill, inside):
        """(address, text) of a copy with registers of its own; `inside`: phandles of the nodes that go with it."""
        for one in below(node):
            inside.setdefault(one, self.stubs.supply.phandle())
        values = known_values(node.compatible())
        regions = [self.stubs.supply.region(size, fill, None if i else values) for i, size in enumerate(sizes(node))]
        properties = {"reg": wide(*(value for region in regions for value in region)), "phandle": cells(inside[node])}
        if "arm,primecell" in node.compatible() and amba_id(node.compatible()):
            properties["arm,primecell-periphid"] = cells(amba_id(node.compatible()))
        properties |= self.properties(tree, node, lost, inside)
        is_pci = node.type() == "pci"
        if "ranges" in node.props and not is_pci:
            properties |= {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""}
        else:
            properties |= {name: node.props[name] for name in ("#address-cells", "#size-cells") if name in node.props}
            if is_pci:
                properties["ranges"] = self.windows(node)
        children = []
        for child in node.children:
            if "ranges" in node.props and not is_pci and "reg" in child.props:
                if register(tree, child) is not None:
                    children.append(self.copy(tree, child, NOTHING, fill, inside)[1])
            else:
                children.append(self.copy_inside(tree, child, inside))
        return regions[0][0], node_text(f"{node.base()}@{regions[0][0]:x}", properties, children)

    def copy_inside(self, tree, node, inside):
        """A node below a device that is no bus: its `reg` is an address of the device's."""
        kept = {name: node.props[name] for name in KEPT if name in node.props}
        properties = {"phandle": cells(inside[node]), **kept, **self.properties(tree, node, NOTHING, inside)}
        return node_text(node.name, properties, [self.copy_inside(tree, child, inside) for child in node.children])

    def windows(self, node):
        """A PCI bus's windows, at addresses of this copy's own."""
        out, value = b"", words(node.props["ranges"])
        above = node.own_address_cells()
        size = node.size_cells()
        one = 3 + above + size
        for at in range(0, len(value) - one + 1, one):
            address, length = self.stubs.supply.region(number(value[at + 3 + above:at + one]))
            out += cells(*value[at:at + 3]) + wide(address) + length.to_bytes(4 * size, "big")
        return out

    def properties(self, tree, node, lost, inside):
        """All but the registers."""
        references, dropped = self.kinds.references(tree, node)
        dropped |= NEVER
        out = {}
        for reference in references:
            dropped |= {reference.name, reference.names} - {None}
            if not lost.whole(reference.name):
                out |= self.reference(node, reference, lost.one(reference.name), inside)
        interrupts = interrupts_of(tree, node)
        if interrupts:
            dropped |= {interrupts.names}
            if not lost.whole(INTERRUPTS):
                out |= self.interrupts(node, interrupts, lost.one(INTERRUPTS))
        return {name: value for name, value in node.props.items() if name not in dropped} | out

    def reference(self, node, reference, without, inside):
        kept, names = entries(node, reference, without)
        value = b"".join(
            cells(inside[target], *arguments) if target in inside else self.stubs.entry(reference, target, arguments)
            for target, arguments in kept)
        return {reference.name: value, **names}

    def interrupts(self, node, reference, without):
        kept, names = entries(node, reference, without)
        return {**self.stubs.interrupts(len(kept)), **names}


def is_serial(tree, node):
    whole = tree.find("/aliases")
    return whole and any(name.startswith("serial") and value == strings(node.path)
                         for name, value in whole.props.items())


def below(node):
    """The node, and all nodes below it."""
    yield node
    for child in node.children:
        yield from below(child)


def sizes(node):
    """The size of each of a node's regions."""
    address, size = node.own_address_cells(), node.own_size_cells()
    value = words(node.props["reg"])
    found = [number(value[at + address:at + address + size]) for at in range(0, len(value), address + size)]
    return found or [0]


def interrupts_of(tree, node):
    """A node's interrupts, as a reference to nodes that nobody asks for."""
    if "interrupts-extended" in node.props:
        count = len(list(tree.references(node, "interrupts-extended", "#interrupt-cells")))
    elif "interrupts" in node.props:
        parent = tree.interrupt_parent(node)
        count = len(node.props["interrupts"]) // 4 // (parent and parent.u32("#interrupt-cells") or 1)
    else:
        count = 0
    names = "interrupt-names" if "interrupt-names" in node.props else None
    return Reference(INTERRUPTS, {}, [(None, ())] * count, names) if count else None


def entries(node, reference, without):
    """(entries, {property: names}) but for the entry that is called `without`."""
    kept = list(reference.entries)
    names = node.strings(reference.names) if reference.names else []
    if without is not None:
        at = names.index(without)
        del kept[at], names[at]
    return kept, {reference.names: strings(*names)} if names else {}


def losses(kinds, tree, node):
    """What a copy of a node can lack: all references of a property, one of them by name, and all of them."""
    references, _ = kinds.references(tree, node)
    interrupts = interrupts_of(tree, node)
    found = []
    for reference in [*references, interrupts] if interrupts else references:
        found.append(Lost(reference.name))
        names = node.strings(reference.names) if reference.names else []
        if 1 < len(names) == len(reference.entries) == len(set(names)) and len(names) <= MOST_NAMES:
            found += [Lost(reference.name, name) for name in names]
    if sum(lost.entry is None for lost in found) > 1:
        found.append(Lost(ALL))
    return found
