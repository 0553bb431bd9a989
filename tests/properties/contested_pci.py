# SPDX-License-Identifier: MIT
"""PCI that more than one can want: host bridges with windows and functions, and the groups of a snapshot."""

from .contested import Part, Thing
from .contested_files import odd_spelling
from .hosts import Node


class Bridge(Thing):
    """A PCI host bridge with a domain of its own, its window and the functions behind it."""

    def __init__(self, contest, number):
        super().__init__(contest)
        self.domain, self.label = 5 + number, contest.name("pcie")
        ecam, self.window, self.size = contest.place(), 0x50000000 + number * 0x2000000, 0x1000000
        node = Node(self.host.root, f"pcie@{ecam:x}", self.label)
        node.set("compatible", '"pci-host-ecam-generic"')
        node.set("device_type", '"pci"')
        node.set("reg", contest.cells(ecam, 0x10000))
        node.set("#address-cells", "<3>")
        node.set("#size-cells", "<2>")
        node.set("bus-range", "<0 3>")
        node.set("linux,pci-domain", f"<{self.domain}>")
        wide = self.host.wide
        node.set("ranges", *(
            f"<{kind:#x} {contest.number(at, 2)} {contest.number(at, wide)} {contest.number(size, 2)}>" for kind, at, size in
            ((0x02000000, self.window, self.size), (0x43000000, self.window + self.size, 0x400000))))
        self.nic = Node(node, "nic@1,0", contest.name("nic"))
        self.nic.set("compatible", '"pci8086,1533"')
        self.nic.set("reg", "<0x800 0 0 0 0>")
        self.mask = 0xFFFF
        self.ids = None
        if contest.smmu:
            self.ids = 0x10000 * (number + 1)
            if self.rng.random() < 0.4:
                self.mask = self.rng.choice((0xFFF8, 0xFF00, 0x00F8))
                node.set("iommu-map-mask", f"<{self.mask:#x}>")
            node.set("iommu-map", f"<0 &{contest.smmu} {self.ids:#x} 0x10000>")
        self.used = set()
        # A device beside the bridge with the id of one of its functions.
        self.twin = self.twin_rid = None
        if self.ids is not None and self.rng.random() < 0.3:
            self.twin_rid = self.rng.randrange(0x400) & self.mask
            self.twin = Part(contest, iommus=f"<&{contest.smmu} {self.ids + self.twin_rid:#x}>")

    def bdf(self, rid):
        return f"{self.domain:04x}:{rid >> 8:02x}:{rid >> 3 & 31:02x}.{rid & 7}"

    def function(self, rid):
        dma = "" if self.ids is not None else " dma none unsafe;"
        return f'passthrough pci {self.bdf(rid)} as {self.contest.name("fn")} {{ irq intx drop;{dma} }}'

    def node(self):
        return f"passthrough &{self.label} as {self.label} {{ dma none unsafe; }}"

    def settle(self):
        machines = self.contest.machines
        if self.twin:
            # A bridge of the host may have a function with its id, or not: nobody knows.
            if self.rng.random() < 0.5:
                self.give(self.rng.choice(machines), self.twin.text())
            return
        how = self.rng.random()
        if how < 0.3:
            self.give(self.rng.choice(machines), self.node())
            return
        owners = {}
        for rid in self.rng.sample(range(8, 0x400), self.rng.randint(0, 3)):
            # Functions of one slot are often one group, and those with one id always.
            key = (rid & self.mask, rid >> 3) if self.mask == 0xFFFF else rid & self.mask
            key = rid >> 3 if self.mask in (0xFFFF, 0xFFF8) else key
            self.give(owners.setdefault(key, self.rng.choice(machines)), self.function(rid))

    def second_owner(self):
        some, rng = self.machines(2), self.rng
        one = some[0] if some else self.contest.machines[0]
        ways = ["memory over a window of the host", "raw over a window of the host"]
        ways += ["kept bridge and function", "kept function"]
        if some:
            ways += ["function and bridge", "memory over a window", "raw over a window", "a function twice", "a BAR's file"]
        ways += ["functions with one id"] * bool(some and self.ids is not None and self.mask != 0xFFFF)
        ways += ["a function's id", "a bus's id"] * bool(some and self.twin)
        how = rng.choice(ways)
        rid = rng.randrange(8, 0x400)
        at = self.window + rng.choice((0, 0x10000, self.size - 0x10000, self.size))
        over = self.contest.physical(at, 0x10000) if "memory" in how else [self.contest.raw(self.contest.devmem(), at, 0x10000)]
        if "over" in how:
            self.give(one, *over)
            if "host" not in how:
                self.give(some[1], self.node())
            return how
        if how == "kept bridge and function":
            self.keep = [f"&{self.label}"]
            self.give(one, self.function(rid))
        elif how == "kept function":
            self.keep = [f"&{self.nic.label}"]
            self.give(one, self.function(1 << 3))
        elif how == "function and bridge":
            self.give(one, self.function(rid))
            self.give(some[1], self.node())
        elif how == "a function twice":
            self.give(one, self.function(rid))
            self.give(some[1], self.function(rid))
        elif how == "a BAR's file":
            self.give(one, self.function(rid))
            file = f"/sys/bus/pci/devices/{self.bdf(rid)}/resource{rng.randrange(6)}"
            self.give(some[1], self.contest.raw(odd_spelling(file, rng) if rng.random() < 0.5 else file, 0, 0x10000))
        elif how == "functions with one id":
            other = rng.choice([r for r in range(8, 0x400) if r != rid and not (r ^ rid) & self.mask])
            self.give(one, self.function(rid))
            self.give(some[1], self.function(other))
        else:
            self.give(one, self.twin.text())
            self.give(some[1], self.node() if how == "a bus's id" else self.function(self.twin_rid))
        return how


class Group(Thing):
    """An IOMMU group of the snapshot."""

    def __init__(self, contest, number):
        super().__init__(contest)
        self.bdfs = [f"0009:{number + 1:02x}:{self.rng.randrange(32):02x}.{f}" for f in range(self.rng.randint(2, 3))]
        self.drivers = {bdf: self.rng.choice((None, "vfio-pci", "pcieport")) for bdf in self.bdfs}
        contest.groups.append(self)
        self.number = number

    def function(self, bdf):
        dma = "" if self.contest.functions_guarded else " dma none unsafe;"
        return f'passthrough pci {bdf} as {self.contest.name("fn")} {{ irq intx drop;{dma} }}'

    def settle(self):
        machine = self.rng.choice(self.contest.machines)
        for bdf in self.rng.sample(self.bdfs, self.rng.randint(0, len(self.bdfs))):
            self.give(machine, self.function(bdf))

    def second_owner(self):
        some = self.machines(2)
        if some and self.rng.random() < 0.6:
            self.give(some[0], self.function(self.bdfs[0]))
            self.give(some[1], self.function(self.bdfs[1]))
            return "a group of two machines"
        self.give((some or self.contest.machines)[0], self.function(self.bdfs[0]))
        self.drivers[self.bdfs[1]] = self.rng.choice(("e1000e", "xhci_hcd"))
        return "a group with a driver of the host"

    def json(self):
        return {"group": 100 + self.number, "reserved": [],
                "devices": [{"name": bdf, "driver": driver} for bdf, driver in self.drivers.items()]}
