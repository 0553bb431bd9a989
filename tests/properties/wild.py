# SPDX-License-Identifier: MIT
"""Claims of which nobody knows beforehand whether another owner has it, too: near everything that a board has. machc may
refuse them or not; what it accepts, the ownership oracle looks at."""

from .contested import Reserved, Syscon, Thing
from .contested_pci import Bridge


class Wild(Thing):
    """A few random claims of one machine or several."""

    def settle(self):
        ways = [self.raw, self.raw, self.memory, self.file]
        if self.host.tree and self.rng.random() < 0.2:
            self.keep = [f"&{self.rng.choice(self.labels())}"]
        if self.host.tree:
            ways += [self.part, self.neighbours, self.device, self.function, self.shadow]
        for _ in range(self.rng.randint(1, 3)):
            lines = self.rng.choice(ways)()
            if lines:
                self.give(self.rng.choice(self.contest.machines), *lines)

    def labels(self):
        return [d.node.label for d in self.host.devices] + [part.label for part in self.contest.parts]

    def addresses(self):
        """Where something is."""
        found = [(a, size) for a, size in self.host.memory]
        found += [(r.address, r.size) for d in self.host.devices for r in d.regions + d.windows]
        found += [reg for part in self.contest.parts for reg in part.regs]
        for thing in self.contest.things:
            if isinstance(thing, Bridge):
                found += [(thing.window, thing.size), (thing.window + thing.size, 0x400000)]
            if isinstance(thing, Reserved):
                found.append((thing.at, thing.size))
        return found

    def near(self, unit):
        """Somewhere in, before or after something, at a multiple of `unit`."""
        at, size = self.rng.choice(self.addresses())
        at += self.rng.choice((-unit, 0, size - unit, size, self.rng.randrange(max(size, 1))))
        return max(at // unit * unit, 0)

    def raw(self):
        mode = self.rng.choice(("map", "trap"))
        unit = self.host.page if mode == "map" else self.rng.choice((4, 0x100, 0x1000))
        return [self.contest.raw(self.contest.devmem(), self.near(unit), unit * self.rng.choice((1, 1, 2, 16)), mode)]

    def memory(self):
        unit = self.rng.choice((self.host.page, 0x10000, 0x200000))
        if unit == 0x200000 and self.rng.random() < 0.5:
            return [f"memory {self.contest.name('mem')} size 2M from physical {self.near(unit):#x} no-dma;"]
        return self.contest.physical(self.near(unit), unit * self.rng.choice((1, 1, 2)), self.rng.random() < 0.3)

    def file(self):
        path = f"/dev/shm/own_wild{self.rng.randrange(2)}"
        return [self.contest.raw(path, self.rng.randrange(4) * 0x10000, self.rng.choice((0x10000, 0x20000)))]

    def part(self):
        """One of the devices that are claimed with care elsewhere."""
        if not self.contest.parts:
            return None
        part = self.rng.choice(self.contest.parts)
        k = self.rng.randrange(len(part.regs))
        return [part.text("ref * drop;", self.rng.choice(("", f"region {k} trap;", f'region {k} map unsafe "wild";',
                                                          f"region {k} drop;")))]

    def neighbours(self):
        """A new device over or beside the registers of something."""
        at = self.near(0x100)
        return [f"passthrough raw as {self.contest.name('raw')} {{ region 0 file \"/dev/mem\" offset {at:#x} size 0x100 trap; "
                "dma none unsafe; }"]

    def device(self):
        """A device of the random board, perhaps one that another machine has, or without what is below it."""
        device = self.rng.choice(self.host.devices)
        irqs = [f"irq {i} drop;" for i in range(len(device.lines)) if self.rng.random() < 0.7]
        irqs += ["irq intx drop;"] if device.map_lines else []
        regions = [self.rng.choice(("", "", f"region {k} trap;", f'region {k} map unsafe "wild";', f"region {k} drop;"))
                   for k in range(len(device.regions))]
        refs = ["ref * drop;"] if device.refs else []
        only = self.rng.choice(("", "", " only"))
        return [f"passthrough &{device.node.label} as {self.contest.name('dev')}{only} {{ dma none unsafe; "
                f"{' '.join(refs + irqs + regions)} }}"]

    def function(self):
        domains = [thing.domain for thing in self.contest.things if isinstance(thing, Bridge)] + [0, 1, 9]
        rid = self.rng.choice((8, 9, 0x100, 0x101, 0x208))
        name = f"{self.rng.choice(domains):04x}:{rid >> 8:02x}:{rid >> 3 & 31:02x}.{rid & 7}"
        if self.rng.random() < 0.3:
            return [self.contest.raw(f"/sys/bus/pci/devices/{name}/resource0", 0, 0x10000)]
        return [f"passthrough pci {name} as {self.contest.name('fn')} {{ irq intx drop; "
                f"{'' if self.contest.functions_guarded else 'dma none unsafe;'} }}"]

    def shadow(self):
        found = [thing for thing in self.contest.things if isinstance(thing, Syscon)]
        if not found:
            return None
        user = self.rng.choice(self.rng.choice(found).users)
        offset, mask = self.rng.choice((0, 0x10)), self.rng.getrandbits(8)
        return [user.text(f"ref rockchip,grf shadow {{ write {offset:#x} mask {mask:#x}; }}")]
