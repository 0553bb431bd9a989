# SPDX-License-Identifier: MIT
"""Files that more than one can want, under odd names: memory, raw devices, interrupts, and /dev/mem, which is no file."""

from .contested import Part, Thing


def odd_spelling(path, rng):
    """Another name of a file, which no link is needed to see through."""
    parts = path.strip("/").split("/")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(parts))
        parts[at:at] = rng.choice((["."], [""], ["x", ".."]))
    return "/" + "/".join(parts)


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
