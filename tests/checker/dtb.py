# SPDX-License-Identifier: MIT
"""Reads a DTB: Devicetree Specification 0.4, chapters 2 (what properties mean) and 5 (the format)."""

import struct

BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


class Bad(Exception):
    """The tree cannot be read, or makes no sense."""


def cells(value):
    if len(value) % 4:
        raise Bad(f"{len(value)} bytes are no cells")
    return struct.unpack(f">{len(value) // 4}I", value)


def number(some_cells):
    value = 0
    for cell in some_cells:
        value = value << 32 | cell
    return value


class Node:
    def __init__(self, tree, name, parent):
        self.tree, self.name, self.parent = tree, name, parent
        self.props, self.places = {}, {}  # value of a property, and where it is in the file
        self.children = {}
        above = "" if parent is None else parent.path.rstrip("/") + "/"
        self.path = above + name if parent else "/"

    def cell(self, name, otherwise=None):
        if name not in self.props:
            return otherwise
        value = cells(self.props[name])
        if len(value) != 1:
            raise Bad(f"{self.path}: {name} has {len(value)} cells")
        return value[0]

    def string(self, name):
        return self.props.get(name, b"").split(b"\0")[0].decode("utf-8", "replace")

    def walk(self):
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children.values()))


class Tree:
    def __init__(self, data):
        self.data = data
        self.phandles = {}
        self.root = self.read()
        self.by_path = {node.path: node for node in self.root.walk()}
        for node in self.root.walk():
            self.count_phandle(node)

    def read(self):
        data = self.data
        if len(data) < 40:
            raise Bad("shorter than a header")
        magic, size, at, strings, _, version, last, _, strings_size, struct_size = struct.unpack(">10I", data[:40])
        if magic != 0xD00DFEED or size != len(data) or version != 17 or last != 16:
            raise Bad("magic, size or version of the header")
        if at % 4 or at + struct_size > size or strings + strings_size > size:
            raise Bad("blocks of the header")
        node, root, end = None, None, at + struct_size
        while True:
            if at + 4 > end:
                raise Bad("no end of the structure block")
            token, at = struct.unpack(">I", data[at:at + 4])[0], at + 4
            if token == BEGIN:
                stop = data.index(b"\0", at, end)
                name = data[at:stop].decode("ascii")
                at = (stop + 4) & ~3
                child = Node(self, name, node)
                if node is None and (root or name):
                    raise Bad("not one root without a name")
                if node is not None and node.children.setdefault(name, child) is not child:
                    raise Bad(f"two nodes {child.path}")
                root, node = root or child, child
            elif token == PROP and node is not None:
                length, offset = struct.unpack(">II", data[at:at + 8])
                at += 8
                if at + length > end or offset >= strings_size:
                    raise Bad(f"a property of {node.path}")
                stop = data.index(b"\0", strings + offset, strings + strings_size)
                name = data[strings + offset:stop].decode("ascii")
                if name in node.props:
                    raise Bad(f"{node.path} has two properties {name}")
                if node.children:
                    raise Bad(f"{node.path}: {name} behind a child")
                node.props[name], node.places[name] = data[at:at + length], at
                at = (at + length + 3) & ~3
            elif token == END_NODE and node is not None:
                node = node.parent
            elif token == END and node is None and root is not None and at == end:
                return root
            elif token != NOP:
                raise Bad(f"token {token} at {at - 4:#x}")

    def count_phandle(self, node):
        for name in ("phandle", "linux,phandle"):
            value = node.cell(name)
            if value is None:
                continue
            if value in (0, 0xFFFFFFFF):
                raise Bad(f"{node.path}: {name} {value:#x}")
            if self.phandles.setdefault(value, node) is not node:
                raise Bad(f"{node.path} and {self.phandles[value].path} have one phandle, {value:#x}")

    def at_phandle(self, value, who):
        if value not in self.phandles:
            raise Bad(f"{who} leads to phandle {value:#x}, which nobody has")
        return self.phandles[value]


# ---- addresses ----


def address_cells(node):
    return node.cell("#address-cells", 2)


def size_cells(node):
    return node.cell("#size-cells", 1)


def entries(value, width, who):
    value = cells(value)
    if not width or len(value) % width:
        raise Bad(f"{who} has {len(value)} cells, not a multiple of {width}")
    return [value[i:i + width] for i in range(0, len(value), width)]


def ranges(node):
    """[(child address in cells, parent address in cells, size)] of a bus; None: the bus does not translate addresses."""
    if "ranges" not in node.props or node.parent is None:
        return None
    child, parent, size = address_cells(node), address_cells(node.parent), size_cells(node)
    if not node.props["ranges"]:
        return []
    return [(e[:child], e[child:child + parent], number(e[child + parent:]))
            for e in entries(node.props["ranges"], child + parent + size, f"{node.path}: ranges")]


def translate(bus, address, size):
    """The cpus' address for `address` on the bus; None: the cpus cannot reach it."""
    while bus.parent is not None:
        windows = ranges(bus)
        if windows is None:
            return None
        if windows:
            for child, parent, length in windows:
                # For PCI, only the space in the first cell counts, not the flags.
                if len(child) == 3 and len(address) == 3 and (child[0] ^ address[0]) >> 24 & 3:
                    continue
                start, first = number(address[-2:]), number(child[-2:])
                if first <= start and start + size <= first + length:
                    start = number(parent[-2:]) + (start - first)
                    width = address_cells(bus.parent)
                    low = (start >> 32, start & 0xFFFFFFFF)
                    if width < 2 and low[0]:
                        raise Bad(f"{bus.path}: {start:#x} is more than a cell above it")
                    address = parent[:-2] + low if width > 2 else low[2 - width:]
                    break
            else:
                return None
        bus = bus.parent
    return number(address)


def regs(node):
    """[(address, size)] of reg, as the cpus see them; an address is None if they cannot reach it."""
    if "reg" not in node.props or node.parent is None:
        return []
    wide, size = address_cells(node.parent), size_cells(node.parent)
    found = []
    for e in entries(node.props["reg"], wide + size, f"{node.path}: reg"):
        length = number(e[wide:])
        # The cpus cannot reach the configuration space of a PCI function (the space in the first cell is 0).
        config = wide == 3 and not e[0] >> 24 & 3
        found.append((None if config or not size else translate(node.parent, e[:wide], length), length))
    return found


def windows(node):
    """[(address as the cpus see it, size)] of ranges."""
    return [(translate(node.parent, parent, size), size) for _, parent, size in ranges(node) or []]


# ---- interrupts: chapter 2.4, and drivers/of/irq.c of Linux for interrupt parents ----


def interrupt_parent(node):
    """The interrupt parent of the node, if interrupts-extended does not name it."""
    at = node
    for _ in range(64):
        value = at.cell("interrupt-parent")
        parent = at.parent if value is None else node.tree.at_phandle(value, f"{at.path}: interrupt-parent")
        if parent is None:
            raise Bad(f"{node.path} has interrupts and no interrupt-parent")
        if "#interrupt-cells" in parent.props:
            return parent
        at = parent
    raise Bad(f"{node.path}: its interrupt parents go in a circle")


def interrupts(node):
    """[(controller or nexus, specifier)] in the order of the node."""
    found = []
    if "interrupts-extended" in node.props:
        rest = cells(node.props["interrupts-extended"])
        while rest:
            if rest[0] in (0, 0xFFFFFFFF):  # an empty entry
                rest = rest[1:]
                continue
            parent = node.tree.at_phandle(rest[0], f"{node.path}: interrupts-extended")
            width = parent.cell("#interrupt-cells")
            if width is None or len(rest) < 1 + width:
                raise Bad(f"{node.path}: interrupts-extended")
            found.append((parent, rest[1:1 + width]))
            rest = rest[1 + width:]
    elif "interrupts" in node.props:
        parent = interrupt_parent(node)
        width = parent.cell("#interrupt-cells")
        found = [(parent, e) for e in entries(node.props["interrupts"], width, f"{node.path}: interrupts")]
    return found


def interrupt_map(node):
    """[(unit address and specifier below, controller or nexus, unit address there, specifier there)]"""
    found = []
    rest = cells(node.props.get("interrupt-map", b""))
    below = address_cells(node) + node.cell("#interrupt-cells", 0)
    while rest:
        if len(rest) <= below:
            raise Bad(f"{node.path}: interrupt-map")
        parent = node.tree.at_phandle(rest[below], f"{node.path}: interrupt-map")
        # An interrupt controller without #address-cells has 0: of_irq_parse_raw().
        unit = parent.cell("#address-cells", 0)
        width = unit + (parent.cell("#interrupt-cells") or 0)
        if len(rest) < below + 1 + width:
            raise Bad(f"{node.path}: interrupt-map")
        up = rest[below + 1:below + 1 + width]
        found.append((rest[:below], parent, up[:unit], up[unit:]))
        rest = rest[below + 1 + width:]
    return found


def root_line(node, parent, specifier):
    """An interrupt of `node` through every nexus: (controller, specifier, [(nexus, index in its map)])."""
    passed, unit = [], None
    while "interrupt-controller" not in parent.props:
        if "interrupt-map" not in parent.props or len(passed) > 64:
            raise Bad(f"{node.path}: its interrupt leads to {parent.path}, which is no controller")
        width = address_cells(parent)
        if unit is None:
            unit = cells(node.props.get("reg", b""))[:width]
        if len(unit) != width:
            raise Bad(f"{node.path}: no unit address for the interrupt-map of {parent.path}")
        key = unit + specifier
        mask = cells(parent.props.get("interrupt-map-mask", b"")) or (0xFFFFFFFF,) * len(key)
        if len(mask) != len(key):
            raise Bad(f"{parent.path}: interrupt-map-mask")
        for i, (below, up, unit_there, wanted) in enumerate(interrupt_map(parent)):
            if all((a ^ b) & m == 0 for a, b, m in zip(key, below, mask)):
                passed.append((parent, i))
                parent, unit, specifier = up, unit_there, wanted
                break
        else:
            raise Bad(f"{node.path}: its interrupt is not in the interrupt-map of {parent.path}")
    return parent, specifier, passed
