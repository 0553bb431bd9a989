# SPDX-License-Identifier: MIT
"""A device tree as Linux holds it: a reader for DTBs, and what drivers/of/base.c and drivers/of/irq.c ask of nodes.

Written from Linux 6.12.117's source and the Devicetree Specification. It shares no code with the compiler. A file that is
not a sound tree gives Malformed, with the reason, whatever it holds.
"""

import struct

MAGIC = 0xD00DFEED
MAX_SIZE = 16 << 20
MAX_DEPTH = 64  # FDT_MAX_DEPTH, drivers/of/fdt.c
BEGIN, END, PROPERTY, NOP, FINISH = 1, 2, 3, 4, 9

# Only these are read unless more is wanted; nothing else is asked for here.
WANTED = frozenset((
    "#address-cells", "#interconnect-cells", "#interrupt-cells", "#iommu-cells", "#size-cells", "compatible", "device_type",
    "dma-coherent", "dma-noncoherent", "dma-ranges", "fsl,liodn", "ibm,phandle", "interconnect-names", "interconnects",
    "interrupt-controller", "interrupt-parent", "interrupts-extended", "iommus", "linux,phandle", "mask", "mmu-masters",
    "phandle", "ranges", "reg", "riscv,isa", "riscv,isa-base", "status", "stream-match-mask"))


class Malformed(Exception):
    """The file is no device tree that Linux could use."""


class Node:
    """One node. `props` holds its properties as bytes; `memo` what was computed for it, by name."""

    __slots__ = ("name", "parent", "children", "props", "path", "memo")

    def __init__(self, name, parent, path):
        self.name = name
        self.parent = parent
        self.path = path
        self.children = []
        self.props = {}
        self.memo = {}

    def u32(self, name):
        """of_property_read_u32(): the first cell, or None if there is none."""
        value = self.props.get(name)
        return int.from_bytes(value[:4], "big") if value is not None and len(value) >= 4 else None

    def strings(self, name):
        value = self.props.get(name)
        if not value:
            return []
        if value[-1] == 0:
            value = value[:-1]
        return value.decode("latin-1").split("\0")

    def compatible(self):
        """The strings of `compatible` in lower case: Linux compares them with strcasecmp() (of_compat_cmp)."""
        return self.memo.get("compatible") or self.memo.setdefault(
            "compatible", tuple(text.lower() for text in self.strings("compatible")))

    def type(self):
        return self.props.get("device_type", b"").split(b"\0")[0].decode("latin-1")

    def base(self):
        """The name without its unit address: %pOFn, of_node_name_eq()."""
        return self.name.split("@", 1)[0]

    def available(self):
        """of_device_is_available(): of this node alone, not of those above it."""
        status = self.props.get("status")
        return status is None or status.split(b"\0")[0] in (b"okay", b"ok") and len(status) > 0

    def address_cells(self):
        """of_bus_n_addr_cells(): of the addresses of this node's children; taken from a node above if not said here."""
        return self.inherited_cells("#address-cells", 1)

    def size_cells(self):
        """of_bus_n_size_cells()"""
        return self.inherited_cells("#size-cells", 1)

    def inherited_cells(self, name, default):
        node = self
        while node is not None:
            if (cells := node.u32(name)) is not None:
                return cells
            node = node.parent
        return default

    def own_address_cells(self):
        """of_n_addr_cells(): of this node's own addresses."""
        return (self.parent or self).address_cells()

    def own_size_cells(self):
        """of_n_size_cells()"""
        return (self.parent or self).size_cells()


class Tree:
    """`nodes` in the order of the file, the root first."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.root = nodes[0]
        self.arch = architecture(nodes)
        # of_empty_ranges_quirk(), for Apple's machines
        self.empty_ranges_quirk = self.arch == "powerpc" and not {"power macintosh", "macrisc"}.isdisjoint(
            nodes[0].compatible())
        self.work = 0  # how much was done for DMA windows, which is bounded
        self.phandles = {}
        for node in nodes:
            # populate_properties(), drivers/of/fdt.c: the first of these that is there and not zero.
            for name in ("phandle", "linux,phandle", "ibm,phandle"):
                value = node.u32(name)
                if value:
                    self.phandles.setdefault(value, node)
                    break

    def find(self, path):
        return next((node for node in self.nodes if node.path == path), None)

    def references(self, node, list_name, cells_name):
        """of_phandle_iterator_next(): (target, cells) of each entry; (None, ()) for an empty one. Ends at the first fault."""
        words = cells(node.props.get(list_name, b""))
        at = 0
        while at < len(words):
            phandle = words[at]
            at += 1
            if not phandle:
                yield None, ()
                continue
            target = self.phandles.get(phandle)
            count = target.u32(cells_name) if target is not None else None
            if count is None or count > len(words) - at:
                return
            yield target, words[at:at + count]
            at += count

    def interrupt_parent(self, node):
        """of_irq_find_parent(), bounded: None where the chain comes back to where it was."""
        seen = set()
        while node is not None and id(node) not in seen:
            seen.add(id(node))
            phandle = node.u32("interrupt-parent")
            node = node.parent if phandle is None else self.phandles.get(phandle)
            if node is not None and "#interrupt-cells" in node.props:
                return node
        return None


def architecture(nodes):
    """A guess from the cpus: "arm" (arm64 too, since nothing here differs), "riscv" or "powerpc"."""
    for node in nodes:
        if node.parent is None or node.parent.path != "/cpus" or node.type() not in ("", "cpu"):
            continue
        words = (node.base().lower(), *node.compatible())
        if any(word.startswith(("powerpc,", "fsl,e", "ibm,power")) for word in words):
            return "powerpc"
        if "riscv" in words or any(word.startswith("riscv,isa") for word in node.props):
            return "riscv"
    return "arm"


def cells(value):
    """All whole cells of a property's value."""
    count = len(value) // 4
    return struct.unpack_from(f">{count}I", value)


def number(words):
    """of_read_number(): the low 64 bits."""
    result = 0
    for word in words:
        result = result << 32 | word
    return result & 0xFFFFFFFFFFFFFFFF


def cut(data):
    """(structure block as cells, its offset, strings block), with all bounds checked."""
    if len(data) < 40:
        raise Malformed("shorter than a header")
    if len(data) > MAX_SIZE:
        raise Malformed(f"larger than {MAX_SIZE >> 20} MiB")
    magic, total, structure, strings, _, version, oldest, _, strings_size, structure_size = struct.unpack_from(">10I", data)
    if magic != MAGIC:
        raise Malformed("no device tree: the magic number is missing")
    if oldest > 17 or version < 17:
        raise Malformed(f"version {version}, compatible back to {oldest}; only 17 is read")
    if total > len(data):
        raise Malformed("shorter than its header says")
    if structure % 4 or structure_size % 4 or structure + structure_size > total or structure < 40:
        raise Malformed("the structure block is outside of the file")
    if strings + strings_size > total or strings < 40:
        raise Malformed("the strings block is outside of the file")
    words = struct.unpack_from(f">{structure_size // 4}I", data, structure)
    return words, structure, data[strings:strings + strings_size]


def text(data, at, limit, what):
    """The printable text that starts at `at` and ends with a NUL before `limit`."""
    end = data.find(b"\0", at, limit)
    if end < 0:
        raise Malformed(f"{what} does not end")
    word = data[at:end]
    if not word.isascii() or not word.decode().isprintable() or b" " in word or b"/" in word and what == "a node's name":
        raise Malformed(f"{what} has a character that is not allowed")
    return word.decode(), end


def read(data, wanted=WANTED):
    """The tree of a DTB, with the properties that are wanted; with all of them if `wanted` is None."""
    try:
        return Tree(read_nodes(data, wanted))
    except (IndexError, struct.error) as error:
        raise Malformed("the structure block ends too early") from error


def read_nodes(data, wanted):
    words, start, strings = cut(data)
    limit = start + 4 * len(words)
    names = {}
    nodes = []
    node, depth, at = None, 0, 0
    while True:
        token = words[at]
        if token == PROPERTY:
            length, offset = words[at + 1], words[at + 2]
            if node is None or node.children:
                raise Malformed("a property outside of a node, or after a child")
            begin = start + 4 * (at + 3)
            if length > limit - begin:
                raise Malformed("a property's value reaches out of the structure block")
            name = names.get(offset)
            if name is None:
                if offset >= len(strings):
                    raise Malformed("a property's name is outside of the strings block")
                name = names[offset] = text(strings, offset, len(strings), "a property's name")[0]
            if wanted is None or name in wanted:
                node.props.setdefault(name, data[begin:begin + length])
            at += 3 + (length + 3 >> 2)
        elif token == BEGIN:
            name, end = text(data, start + 4 * (at + 1), limit, "a node's name")
            if depth == MAX_DEPTH or nodes and (node is None or not name):
                raise Malformed("too deep, a second root, or a node without a name")
            path = "/" if node is None else (node.path if node.parent else "") + "/" + name
            child = Node(name, node, path)
            if node is not None:
                node.children.append(child)
            nodes.append(child)
            node = child
            depth += 1
            at = (end + 1 - start + 3) // 4
        elif token == END:
            if node is None:
                raise Malformed("one node more ends than begins")
            node = node.parent
            depth -= 1
            at += 1
        elif token == NOP:
            at += 1
        elif token == FINISH and node is None and nodes:
            return nodes
        else:
            raise Malformed(f"token {token:#x} in the structure block")
