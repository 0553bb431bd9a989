# SPDX-License-Identifier: MIT
"""The host's tree as the ownership oracle sees it: what each node has, and who is left with it.

Read with tests/checker/dtb.py from the blob that dtc makes, so that nothing here has seen machc.
"""

import functools
import re

from checker.dtb import cells, interrupts, ranges, regs, root_line, translate

# The second cell of a specifier is a mask of ids only here (Documentation/devicetree/bindings/iommu/arm,smmu.yaml).
MASKS = re.compile(r"arm,mmu-(400|401|500)|arm,smmu-v[12]|marvell,ap806-smmu-500|cavium,smmu-v2")
NO_REGISTERS = ("cpus", "memory", "reserved-memory", "chosen", "aliases")
ALL = 0xFFFFFFFF
SPACE = 0x03000000  # of the first cell of a PCI address


def words(node, name):
    return node.props.get(name, b"").rstrip(b"\0").decode("utf-8", "replace").split("\0") if name in node.props else []


def above(node):
    """The nodes above it, the nearest first."""
    while node.parent is not None:
        node = node.parent
        yield node


def below(path, top):
    return path == top or path.startswith(top.rstrip("/") + "/")


class Stream:
    """Ids at one IOMMU: `base` in all bits that `mask` does not have, or those from `base` to `last`."""

    def __init__(self, iommu, base, mask=0, last=None):
        self.iommu, self.base, self.mask, self.last = iommu, base, mask, base if last is None else last

    def meets(self, other):
        if self.iommu != other.iommu:
            return False
        if self.last == self.base and other.last == other.base:
            return not (self.base ^ other.base) & ~(self.mask | other.mask) & ALL
        ranged, single = (self, other) if self.last != self.base else (other, self)
        mask = self.mask | other.mask
        if single.last != single.base:  # two ranges
            return self.base <= other.last and other.base <= self.last
        # The masked bits of a single id are anything: the id without them, in every block that the mask leaves.
        if not mask:
            return ranged.base <= single.base <= ranged.last
        return any(not (i ^ single.base) & ~mask & ALL for i in range(ranged.base, min(ranged.last, ranged.base + 0x10000) + 1))

    def __str__(self):
        return f"{self.base:#x}" + (f"..{self.last:#x}" if self.last != self.base else "") + (
            f" mask {self.mask:#x}" if self.mask else "") + f" of {self.iommu}"


class Board:
    """Facts about every node that no statement changes."""

    def __init__(self, tree):
        self.tree = tree
        self.nodes = list(tree.root.walk()) if tree else []
        self.enabled = set()
        for node in self.nodes:
            if (node.parent is None or node.parent.path in self.enabled) and (
                    node.string("status") in ("okay", "ok") or "status" not in node.props):
                self.enabled.add(node.path)
        self.bridges = [n for n in self.nodes if n.string("device_type") == "pci" and "ranges" in n.props
                        and n.parent.string("device_type") != "pci"]
        self.by_linux_name = {self.linux_name(n): n.path for n in self.nodes if n.path in self.enabled}

    @staticmethod
    def linux_name(node):
        """of_device_make_bus_id() for a node with registers."""
        here = next((a for a, size in regs(node) if a is not None), None)
        return None if here is None else f"{here:x}.{node.name.split('@')[0]}"

    # ---- physical addresses ----

    @functools.cache
    def has_registers(self, node):
        return node.parent is not None and self.has_registers(node.parent) if node.parent and node.parent.parent else (
            node.name.split("@")[0] not in NO_REGISTERS)

    @functools.cache
    def registers(self, node):
        """[(index, address, size)] that the cpus can reach."""
        if not self.has_registers(node):
            return []
        return [(k, a, size) for k, (a, size) in enumerate(regs(node)) if a is not None and size]

    @staticmethod
    def pci_windows(node):
        """[(address, size)] of a PCI bridge, as the cpus see them."""
        found = [(translate(node.parent, up, size), size) for down, up, size in ranges(node) or []
                 if len(down) == 3 and down[0] & SPACE]
        return [(a, size) for a, size in found if a is not None and size]

    def ram(self):
        return [(n.path, a, size) for n in self.nodes if n.string("device_type") == "memory" and n.path in self.enabled
                for a, size in regs(n) if a is not None and size]

    def reserved(self):
        """[(node, address, size)]"""
        return [(n, a, size) for n in self.nodes if n.parent and n.parent.path == "/reserved-memory" and n.path in self.enabled
                for a, size in regs(n) if a is not None and size]

    def users(self, reserved):
        """Enabled nodes that refer to reserved memory."""
        phandle = reserved.cell("phandle")
        return [] if phandle is None else [n for n in self.nodes if n.path in self.enabled
                                           and phandle in cells(n.props.get("memory-region", b""))]

    # ---- interrupts ----

    @staticmethod
    def key(controller, specifier):
        """What of a specifier tells one line from another."""
        if len(specifier) == 3:
            return controller.path, specifier[:2]
        if len(specifier) == 4:  # MPIC: number, sense, type, information of the type
            return controller.path, (specifier[0], *specifier[2:])
        return controller.path, specifier[:1]

    def lines(self, node):
        """[line] of the node's interrupts, in its order."""
        return [self.key(*root_line(node, parent, specifier)[:2]) for parent, specifier in interrupts(node)]

    # ---- ids at IOMMUs ----

    def iommu_of(self, phandle, who):
        node = self.tree.at_phandle(phandle, who)
        mask = node.cell("stream-match-mask", 0) if any(MASKS.fullmatch(w) for w in words(node, "compatible")) else 0
        return node, mask

    def streams(self, node):
        rest, found = cells(node.props.get("iommus", b"")), []
        while rest:
            iommu, mask = self.iommu_of(rest[0], f"{node.path}: iommus")
            count = iommu.cell("#iommu-cells", 0)
            if count == 2 and any(MASKS.fullmatch(w) for w in words(iommu, "compatible")):
                mask |= rest[2]
            if iommu.path in self.enabled:
                found.append(Stream(iommu.path, rest[1], mask) if count else Stream(iommu.path, 0, ALL))
            rest = rest[1 + count:]
        return found

    def mapped_ids(self, bridge):
        """[(first requester id, IOMMU, first id, length)] of iommu-map."""
        rest, found = cells(bridge.props.get("iommu-map", b"")), []
        while rest:
            iommu, mask = self.iommu_of(rest[1], f"{bridge.path}: iommu-map")
            if iommu.path in self.enabled and rest[3]:
                found.append((rest[0], iommu.path, rest[2], rest[3], mask))
            rest = rest[4:]
        return found

    def bus_streams(self, bridge):
        """All ids that functions below a bridge can have."""
        mask = bridge.cell("iommu-map-mask", ALL)
        first, last = (cells(bridge.props["bus-range"]) if "bus-range" in bridge.props else (0, 255))
        found = []
        for rid, iommu, base, length, ids in self.mapped_ids(bridge):
            if mask & 0xFFFF == 0xFFFF:
                low, high = max(rid, first << 8), min(rid + length - 1, last << 8 | 0xFF)
                if low <= high:
                    found.append(Stream(iommu, base + low - rid, ids, base + high - rid))
            else:
                masked = {r & mask for r in range(first << 8, (last + 1) << 8)}
                found += [Stream(iommu, base + r - rid, ids) for r in sorted(masked) if rid <= r < rid + length]
        return found

    def bridge_of(self, bdf):
        """The host bridge of a PCI function: known if the tree numbers the domains, or has one bridge only."""
        domain = int(bdf.split(":")[0], 16)
        numbered = [b for b in self.bridges if b.cell("linux,pci-domain") == domain]
        if numbered or any("linux,pci-domain" in b.props for b in self.bridges):
            return numbered[0] if numbered else None
        return self.bridges[0] if len(self.bridges) == 1 and domain == 0 else None

    def nodes_of_function(self, bdf):
        """The node of a function and those above it, up to its host bridge: as far as the tree has them. Numbers of buses are
        those of bus-range; Linux takes nothing but the device and function from reg."""
        bridge = self.bridge_of(bdf)
        if bridge is None:
            return []
        bus, rest = bdf.split(":")[1:]
        bus, devfn = int(bus, 16), int(rest.split(".")[0], 16) << 3 | int(rest.split(".")[1])
        found, here = [bridge], bridge
        while here is not None:
            first = cells(here.props["bus-range"])[0] if "bus-range" in here.props else 0 if here is bridge else None
            if first == bus:
                numbers = {n: cells(n.props["reg"])[0] >> 8 & 0xFF for n in here.children.values() if "reg" in n.props}
                inside = [n for n, number in numbers.items() if number == devfn]
            else:
                buses = {n: cells(n.props["bus-range"]) for n in here.children.values() if "bus-range" in n.props}
                inside = [n for n, (low, high) in buses.items() if low <= bus <= high]
            found += inside[:1]
            here = inside[0] if inside and first != bus else None
        return found

    def function_streams(self, bdf):
        bridge = self.bridge_of(bdf)
        if bridge is None or bridge.path not in self.enabled:
            return []
        _, bus, rest = bdf.split(":")
        device, function = rest.split(".")
        rid = (int(bus, 16) << 8 | int(device, 16) << 3 | int(function)) & bridge.cell("iommu-map-mask", ALL)
        return [Stream(iommu, base + rid - first, mask) for first, iommu, base, length, mask in self.mapped_ids(bridge)
                if first <= rid < first + length]

    @staticmethod
    def liodns(node):
        return list(cells(node.props.get("fsl,liodn", b"")))
