# SPDX-License-Identifier: MIT
"""Things of a board that more than one can want, and who gets them.

Each thing adds to the board what it consists of, and gives it to one owner (`settle`) or, on purpose, to two
(`second_owner`): that there are two is known by construction, so that machc must refuse. What is claimed becomes lines of
text; all names in them begin with own_.
"""

from .hosts import Node


def odd_spelling(path, rng):
    """Another name of a file, which no link is needed to see through."""
    parts = path.strip("/").split("/")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        parts[at:at] = rng.choice((["."], [""], ["x", ".."]))
    return "/" + "/".join(parts)


class Thing:
    """One of them. `claims`: [(machine, lines)]; `keep`: what the host statement keeps."""

    def __init__(self, contest):
        self.contest, self.rng, self.host = contest, contest.rng, contest.host
        self.claims, self.keep = [], []

    def give(self, machine, *lines):
        self.claims.append((machine, lines))

    def machines(self, count):
        """Different ones, or None."""
        all_ = self.contest.machines
        return self.rng.sample(all_, count) if len(all_) >= count else None


class Unit(Thing):
    """Nodes that must have one owner, for one reason."""

    def __init__(self, contest, why, parts, may_share=True):
        super().__init__(contest)
        self.why, self.parts, self.may_share = why, parts, may_share

    def settle(self):
        machine = self.rng.choice([*self.contest.machines, None])
        if machine and self.may_share:
            for part in self.parts:
                self.give(machine, part.text())

    def second_owner(self):
        some = self.machines(min(2, len(self.contest.machines)))
        first, *rest = self.rng.sample(self.parts, len(self.parts))
        self.give(some[0], first.text())
        for part in rest:
            if len(some) > 1 and self.rng.random() < 0.6:
                self.give(some[1], part.text())
        return self.why


class Part:
    """A device with a page of registers."""

    def __init__(self, contest, regs=None, **props):
        self.contest, host = contest, contest.host
        contest.parts.append(self)
        self.label = contest.name("dev")
        self.address = contest.place() if regs is None else regs[0][0]
        self.regs = regs or [(self.address, 0x1000)]
        self.node = Node(host.root, f"{contest.rng.choice(('dma', 'eth', 'can'))}@{self.address:x}", self.label)
        self.node.set("compatible", '"acme,contested"')
        self.node.set("reg", *(contest.cells(a, size) for a, size in self.regs))
        for name, value in props.items():
            self.node.set(name.replace("_", "-"), value)
        self.guarded = "iommus" in props or "fsl,liodn" in props
        self.dma = contest.rng.choice(("none", "none", "all")) if "iommus" in props else "none"

    @property
    def linux_name(self):
        return f"{self.address:x}.{self.node.name.split('@')[0]}"

    def text(self, *more):
        return " ".join([f"passthrough &{self.label} as {self.label} {{ dma {self.dma}{'' if self.guarded else ' unsafe'};",
                         *more, "}"])


class Together(Unit):
    """Devices that the snapshot has in one group. The host's drivers leave them alone, or do not."""

    def __init__(self, contest, number):
        super().__init__(contest, "a group of platform devices", [Part(contest) for _ in range(contest.rng.randint(2, 3))])
        self.number, self.drivers = number, {part: None for part in self.parts}
        contest.groups.append(self)

    def second_owner(self):
        for part in self.parts:
            self.drivers[part] = "acme"
        return super().second_owner()

    def json(self):
        return {"group": self.number, "reserved": [],
                "devices": [{"name": part.linux_name, "driver": driver} for part, driver in self.drivers.items()]}


class Kept(Thing):
    """A device that the host can keep, itself or with what is above it."""

    def __init__(self, contest):
        super().__init__(contest)
        self.part = Part(contest)
        label = contest.name("bus")
        at = contest.place()
        self.bus = Node(self.host.root, f"bus@{at:x}", label)
        self.bus.set("compatible", '"simple-bus"')
        self.bus.set("#address-cells", "<1>")
        self.bus.set("#size-cells", "<1>")
        self.bus.set("ranges", f"<0 {contest.number(at, contest.host.wide)} 0x10000>")
        self.below = Node(self.bus, "dev@1000", contest.name("dev"))
        self.below.set("compatible", '"acme,contested"')
        self.below.set("reg", "<0x1000 0x1000>")
        self.at_below = at + 0x1000

    def pass_below(self):
        return f"passthrough &{self.below.label} as {self.below.label} {{ dma none unsafe; }}"

    def settle(self):
        if self.rng.random() < 0.5:
            self.keep = [f"&{self.rng.choice((self.part.label, self.bus.label))}"]
        machine = self.rng.choice(self.contest.machines)
        if self.keep != [f"&{self.part.label}"] and self.rng.random() < 0.5:
            self.give(machine, self.part.text())
        if self.keep != [f"&{self.bus.label}"] and self.rng.random() < 0.5:
            self.give(machine, self.pass_below())

    def second_owner(self):
        machine = self.rng.choice(self.contest.machines)
        how = self.rng.choice(("itself", "below", "raw", "raw below"))
        self.keep = [f"&{self.bus.label if 'below' in how else self.part.label}"]
        if how == "itself":
            self.give(machine, self.part.text())
        elif how == "below":
            self.give(machine, self.pass_below())
        else:
            at = self.at_below if how == "raw below" else self.part.address
            self.give(machine, self.contest.raw(self.contest.devmem(), at, 0x1000))
        return f"what is kept: {how}"


class Syscon(Thing):
    """A system controller that stays with the host, with devices whose bits are in it."""

    def __init__(self, contest):
        super().__init__(contest)
        self.at = contest.place()
        self.label = contest.name("syscon")
        node = Node(self.host.root, f"syscon@{self.at:x}", self.label)
        node.set("compatible", '"acme,contested-grf", "syscon"')
        node.set("reg", contest.cells(self.at, 0x1000))
        self.users = [Part(contest, **{"rockchip,grf": f"<&{self.label}>"}) for _ in range(self.rng.randint(1, 3))]
        self.free = {offset: list(range(32)) for offset in (0, 0x10, 0xFFC)}
        for bits in self.free.values():
            self.rng.shuffle(bits)

    def writes(self):
        lines = []
        for offset in self.rng.sample(sorted(self.free), self.rng.randint(1, 3)):
            taken = [self.free[offset].pop() for _ in range(min(self.rng.randint(1, 6), len(self.free[offset])))]
            lines += [f"write {offset:#x} mask {sum(1 << b for b in taken):#x};"] if taken else []
        return lines

    def settle(self):
        for user in self.users:
            if self.rng.random() < 0.7:
                self.give(self.rng.choice(self.contest.machines),
                          user.text("ref rockchip,grf shadow {", *self.writes(), "}"))

    def second_owner(self):
        some = self.machines(2)
        if some and len(self.users) > 1 and self.rng.random() < 0.7:
            bit = self.rng.randrange(32)
            for machine, user in zip(some, self.users):
                mask = 1 << bit | self.rng.getrandbits(32)
                self.give(machine, user.text(f"ref rockchip,grf shadow {{ write 0x10 mask {mask:#x}; }}"))
            return "a bit of a register"
        if some and self.rng.random() < 0.5:
            self.give(some[0], self.users[0].text("ref rockchip,grf shadow { write 0x10 mask 1; }"))
            self.give(some[1], f"passthrough &{self.label} as {self.label} {{ dma none unsafe; }}")
            return "a shadow of what another machine has"
        self.give(self.rng.choice(self.contest.machines), self.contest.raw(self.contest.devmem(), self.at, 0x1000, "trap"))
        return "raw over a system controller"


class Reserved(Thing):
    """Reserved memory and devices that use it."""

    def __init__(self, contest):
        super().__init__(contest)
        self.at, self.size = contest.reserve(), 0x200000
        self.label = contest.name("rm")
        node = Node(contest.reserved(), f"part@{self.at:x}", self.label)
        node.set("reg", contest.cells(self.at, self.size))
        kind = self.rng.choice(("no-map", "no-map", "plain", "driver", "reusable"))
        self.free = kind in ("no-map", "plain")
        if kind == "driver":
            node.set("compatible", '"acme,log"')
        if kind != "plain":
            node.set("reusable" if kind == "reusable" else "no-map")
        self.users = [Part(contest, memory_region=f"<&{self.label}>") for _ in range(self.rng.choice((0, 1, 1, 2)))]

    def user(self, user):
        return user.text("ref memory-region drop;")

    def memory(self, at=0, size=None):
        return self.contest.physical(self.at + at, size or self.size)

    def settle(self):
        machine = self.rng.choice([*self.contest.machines, None])
        if machine is None or self.rng.random() < 0.3 and not self.free:
            return
        for user in self.users:
            self.give(machine, self.user(user))
        if self.free:
            self.give(machine, *self.memory())

    def second_owner(self):
        some = self.machines(2)
        one = some[0] if some else self.contest.machines[0]
        ways = ["kept"] + ["user of the host"] * bool(self.users) + ["the host's own"] * (not self.free) + (
            ["two machines"] + ["user of a machine"] * bool(self.users) if some else [])
        how = self.rng.choice(ways)
        part = self.rng.choice(((0, self.size), (0x10000, 0x10000)))
        line = self.rng.choice((self.memory(*part), [self.contest.raw(self.contest.devmem(), self.at + part[0], part[1])]))
        self.give(one, *line)
        if how == "kept":
            self.keep = [f"&{self.label}"]
        if how == "user of a machine":
            self.give(some[1], self.user(self.users[0]))
        if how == "two machines":
            self.give(some[1], *self.memory())
        return f"reserved memory: {how}"


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
        ranges = [f"<{kind:#x} {contest.number(at, 2)} {contest.number(at, wide)} {contest.number(size, 2)}>" for kind, at, size in
                  ((0x02000000, self.window, self.size), (0x43000000, self.window + self.size, 0x400000))]
        node.set("ranges", *ranges)
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
        ways = ["memory over a window of the host", "raw over a window of the host", "kept bridge and function", "kept function"]
        ways += ["function and bridge", "memory over a window", "raw over a window", "a function twice", "a BAR's file"] * bool(some)
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


class File(Thing):
    """A file that raw devices or memory have parts of."""

    def __init__(self, contest):
        super().__init__(contest)
        self.path = f"/dev/shm/{contest.name('file')}"

    def part(self, n, spell):
        path = odd_spelling(self.path, self.rng) if spell else self.path
        if self.rng.random() < 0.5:
            return self.contest.raw(path, n * 0x20000, 0x20000)
        return f'memory {self.contest.name("mem")} size 128K from file "{path}" offset {n * 0x20000:#x} no-dma;'

    def settle(self):
        for n in range(self.rng.randint(0, 3)):
            self.give(self.rng.choice(self.contest.machines), self.part(n, self.rng.random() < 0.3))

    def second_owner(self):
        some = self.machines(2)
        if not some:
            return None
        self.give(some[0], self.part(0, False))
        spell = self.rng.random() < 0.7
        self.give(some[1], self.part(0, spell))
        return "a file under two names" if spell else "a file"


class Interrupt(Thing):
    """The file of an interrupt."""

    def settle(self):
        machine = self.rng.choice(self.contest.machines)
        line = self.contest.irq(machine, f"/dev/{self.contest.name('uio')}")
        if line:
            self.give(machine, line)

    def second_owner(self):
        some, path = self.machines(2), f"/dev/{self.contest.name('uio')}"
        lines = [self.contest.irq(m, p) for m, p in zip(some or [], (path, odd_spelling(path, self.rng)))]
        if len(lines) < 2 or not all(lines):
            return None
        for machine, line in zip(some, lines):
            self.give(machine, line)
        return "an interrupt's file under two names"


class Raw(Thing):
    """Registers that no tree describes, through /dev/mem, and those that one describes."""

    def __init__(self, contest):
        super().__init__(contest)
        self.at = contest.far()
        self.part = None
        if self.host.tree:
            at = contest.place()
            self.part = Part(contest, [(at, 0x1000), (at + 0x8000, 0x800)])

    def settle(self):
        # What is in RAM has to be proven free at the start.
        at = self.rng.choice((None, self.at, self.at, self.contest.ram()))
        if at is not None:
            self.give(self.rng.choice(self.contest.machines), self.contest.raw(self.contest.devmem(), at, 0x10000))

    def second_owner(self):
        some, rng, raw = self.machines(2), self.rng, self.contest.raw
        ways = ["the host"] * bool(self.part)
        ways += ["raw"] * bool(some) + ["a device", "a dropped region"] * bool(some and self.part)
        if not ways:
            return None
        how, mode = rng.choice(ways), rng.choice(("map", "trap"))
        one = some[0] if some else self.contest.machines[0]
        if how == "the host":
            self.give(one, raw(self.contest.devmem(), self.part.address, 0x1000, mode))
        elif how == "raw":
            self.give(one, raw(self.contest.devmem(), self.at, 0x10000, mode))
            self.give(some[1], raw(self.contest.devmem(), self.at + rng.choice((0, 0x8000)), 0x1000, "trap"))
        elif how == "a device":
            self.give(one, raw(self.contest.devmem(), self.part.address + 0x8000, 4, "trap"))
            self.give(some[1], self.part.text(rng.choice(("", "region 1 trap;"))))
        else:
            self.give(one, raw(self.contest.devmem(), self.part.address + 0x8000, 0x800, "trap"))
            self.give(some[1], self.part.text("region 1 drop;"))
        return f"raw over {how}"


class Physical(Thing):
    """Memory at an address, which /dev/mem is another name of."""

    def __init__(self, contest):
        super().__init__(contest)
        self.at = contest.far()

    def settle(self):
        if self.rng.random() < 0.5:
            self.give(self.rng.choice(self.contest.machines), *self.contest.physical(self.at, 0x20000))

    def second_owner(self):
        some = self.machines(2)
        if not some:
            return None
        self.give(some[0], *self.contest.physical(self.at, 0x20000))
        how = self.rng.choice(("memory", "raw", "file", "share"))
        if how == "raw":
            line = [self.contest.raw(self.contest.devmem(), self.at + 0x10000, 0x10000)]
        elif how == "file":
            line = [f'memory {self.contest.name("mem")} size 64K from file "{self.contest.devmem()}" '
                    f'offset {self.at + 0x10000:#x} no-dma readonly;']
        else:
            line = self.contest.physical(self.at + 0x10000, 0x20000, share=how == "share")
        self.give(some[1], *line)
        return f"memory over memory: {how}"


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
