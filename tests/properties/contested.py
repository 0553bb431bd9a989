# SPDX-License-Identifier: MIT
"""Things of a board that more than one can want, and who gets them.

Each thing adds to the board what it consists of, and gives it to one owner (`settle`) or, on purpose, to two
(`second_owner`): that there are two is known by construction, so that machc must refuse. What is claimed becomes lines of
text; all names in them begin with own_.
"""

from .hosts import Node


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
