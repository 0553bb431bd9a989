# SPDX-License-Identifier: MIT
"""The contest for what contested.py puts on a board: what there is, who gets it, and who gets it besides."""

from .contested import Kept, Part, Reserved, Syscon, Together, Unit
from .contested_files import File, Interrupt, Physical, Raw, odd_spelling
from .contested_pci import Bridge, Group
from .hosts import Node
from .wild import Wild

REGISTERS = 0x5C000000  # nothing else of a board is here


class Contest:
    """Made in two steps: the board first, then, when there are machines, who gets what."""

    def __init__(self, host, rng):
        self.host, self.rng = host, rng
        self.names = 0
        self.registers, self.beyond, self.stream = REGISTERS, 0x7000000000, 0x4000
        self.above = host.memory[-1][0] + host.memory[-1][1] - host.spare
        self.below_top = host.memory[-1][0] + host.memory[-1][1]
        self.smmu = self.reserved_memory = None
        self.parts = []
        self.things, self.groups, self.machines, self.taken, self.doubled = [], [], [], {}, None
        # Below a bridge without an IOMMU, or of a board that tells of none.
        self.functions_guarded = host.iommu or not any(d.map_lines for d in host.devices)
        if rng.random() < 0.7:
            host.contested = True
            self.build()

    # ---- the board ----

    def name(self, stem):
        self.names += 1
        return f"own_{stem}{self.names}"

    @staticmethod
    def number(value, count):
        return " ".join(f"{value >> 32 * (count - 1 - i) & 0xFFFFFFFF:#x}" for i in range(count))

    def cells(self, address, size):
        wide = self.host.wide
        return f"<{self.number(address, wide)} {self.number(size, 2 if wide == 2 else 1)}>"

    def place(self):
        """64 KiB of addresses for registers."""
        self.registers += 0x10000
        return self.registers - 0x10000

    def far(self):
        """Addresses that nothing has."""
        self.beyond += 0x200000
        return self.beyond - 0x200000

    def ram(self):
        """64 KiB of RAM that nothing else of a description mentions."""
        self.above += 0x10000
        return self.above - 0x10000

    def reserve(self):
        self.below_top -= 0x400000
        return self.below_top

    def reserved(self):
        if self.reserved_memory is None:
            wide = 2 if self.host.wide == 2 else 1
            self.reserved_memory = node = Node(self.host.root, "reserved-memory")
            node.set("#address-cells", f"<{self.host.wide}>")
            node.set("#size-cells", f"<{wide}>")
            node.set("ranges")
        return self.reserved_memory

    def ids(self, count=0x100):
        """Stream ids that nothing else on the board has: aligned, so that masks stay inside."""
        self.stream = -(-self.stream // 0x400) * 0x400 + max(count, 0x400)
        return self.stream - max(count, 0x400)

    def iommu(self, cells, mask=None):
        label, at = self.name("smmu"), self.place()
        node = Node(self.host.root, f"iommu@{at:x}", label)
        node.set("compatible", '"arm,mmu-500"')
        node.set("reg", self.cells(at, 0x10000))
        node.set("#iommu-cells", f"<{cells}>")
        if mask:
            node.set("stream-match-mask", f"<{mask:#x}>")
        return label

    def build(self):
        rng, host = self.rng, self.host
        kinds = [File, Interrupt, Raw, Physical]
        if host.tree:
            kinds += [Kept, Kept, Syscon, Syscon, Reserved, Reserved]
            kinds += [self.page, self.overlap] + [self.same_line] * (host.kind == "arm")
            if host.kind == "arm" and host.iommu:
                self.smmu = self.iommu(1)
                kinds += [self.masked, self.masked, self.few_bits, self.same_id, self.no_id]
            if host.kind == "ppc" and any(d.own_iommu for d in host.devices):
                kinds += [self.same_liodn] * 3
        self.things = [kind(self) if isinstance(kind, type) else kind() for kind in rng.choices(kinds, k=rng.randint(1, 5))]
        if host.kind == "arm" and (host.iommu or any(d.map_lines for d in host.devices)):
            self.things += [Bridge(self, n) for n in range(rng.choice((0, 1, 1, 2)))]
        if host.kind == "arm" or host.stub:
            self.things += [Group(self, n) for n in range(rng.choice((0, 0, 1, 2)))]
        if self.groups and host.tree and rng.random() < 0.7:
            self.things.append(Together(self, 50))

    # ---- devices that go together ----

    def masked(self):
        """Two ids that differ only where a mask of either has a bit."""
        rng, smmu, base = self.rng, self.iommu(2), self.ids()
        wide = rng.getrandbits(8) | 1
        other = base ^ rng.choice([x for x in range(256) if not x & ~wide])
        masks = [(base, wide), (other, rng.getrandbits(8) & rng.getrandbits(8))]
        rng.shuffle(masks)
        return Unit(self, "stream ids with a mask", [Part(self, iommus=f"<&{smmu} {i:#x} {m:#x}>") for i, m in masks])

    def few_bits(self):
        smmu, base = self.iommu(1, 0x7F80), self.ids() & 0x7F
        return Unit(self, "stream ids of an IOMMU that looks at few bits",
                    [Part(self, iommus=f"<&{smmu} {base | n * self.rng.choice((0x80, 0x400)):#x}>") for n in range(2)])

    def same_id(self):
        base = self.ids()
        return Unit(self, "a stream id", [Part(self, iommus=f"<&{self.smmu} {base:#x}>"),
                                          Part(self, iommus=f"<&{self.smmu} {base + 1:#x}>, <&{self.smmu} {base:#x}>")])

    def no_id(self):
        smmu = self.iommu(0)
        return Unit(self, "an IOMMU without ids", [Part(self, iommus=f"<&{smmu}>") for _ in range(2)])

    def same_liodn(self):
        base = self.ids() & 0xFFFF
        return Unit(self, "a LIODN", [Part(self, **{"fsl,liodn": f"<{x}>", "fsl,iommu-parent": "<&pamu>"})
                                      for x in (f"{base}", f"{base + 1} {base}")])

    def same_line(self):
        number = self.host.free_lines.pop() if self.host.free_lines else 210
        return Unit(self, "a line", [Part(self, interrupts=f"<0 {number} 4>"),
                                     Part(self, interrupts_extended=f"<&intc 0 {number} 4>")])

    def page(self):
        at = self.place()
        return Unit(self, "a page of registers", [Part(self, [(at, 0x400)]), Part(self, [(at + 0x400, 0x800)])])

    def overlap(self):
        at = self.place()
        # One guest with both is another matter.
        over = at + self.rng.choice((0x1000, 0x1800))
        return Unit(self, "registers", [Part(self, [(at, 0x2000)]), Part(self, [(over, 0x1000)])], may_share=False)

    # ---- text ----

    def devmem(self):
        name = self.rng.choice(("/dev/mem",) * 5 + ("/dev/char/1:1", "/proc/self/root/dev/mem"))
        return odd_spelling(name, self.rng) if self.rng.random() < 0.5 else name

    def raw(self, file, offset, size, mode="map"):
        if (offset | size) % self.host.page:
            mode = "trap"
        clauses = [f'file "{file}"', f"offset {offset:#x}", f"size {size:#x}", "trap" if mode == "trap" else ""]
        return f'passthrough raw as {self.name("raw")} {{ region 0 {" ".join(clauses)}; dma none unsafe; }}'

    def physical(self, at, size, share=False):
        """Lines: memory that the host's kernel does not have, and no RAM of the guest."""
        word = f'share "{self.name("share")}"' if share else "readonly"
        return [f'memory {self.name("mem")} size {size:#x} from physical {at:#x} by reserved {word} no-dma;']

    def irq(self, machine, file):
        first, last = {"gic": (150, 160), "mpic": (150, 160), "ioapic": (17, 19)}.get(machine.chip, (62, 68))
        number = self.taken.setdefault(machine, first)
        if number > last:
            return None
        self.taken[machine] += 1
        kind = "spi " if machine.chip == "gic" else ""
        return (f'passthrough raw as {self.name("raw")} {{ irq 0 to {machine.chip} {kind}{number} {machine.triggers[0]} '
                f'file "{file}"; dma none unsafe; }}')

    # ---- who gets what ----

    def settle(self, machines):
        self.machines = machines
        for thing in self.things:
            thing.settle()

    def second_owner(self):
        """Gives one thing to two owners. Returns what it is, or None."""
        for thing in self.rng.sample(self.things, len(self.things)):
            thing.claims, thing.keep = [], []
            said = thing.second_owner()
            if said:
                self.doubled = thing
                return said
            thing.claims = []
        return None

    def go_wild(self):
        self.things.append(Wild(self))
        self.things[-1].settle()

    @property
    def keep(self):
        return [label for thing in self.things for label in thing.keep]

    def text_of(self, machine):
        return [line for thing in self.things for m, lines in thing.claims if m is machine for line in lines]

    def facts(self):
        """A snapshot of the board, or None."""
        if not self.groups:
            return None
        return {"format": "facts.json", "page_size": self.host.page, "cpus_online": f"0-{self.host.ncpus - 1}",
                "compatible": ["acme,random"], "iommu_groups": [g.json() for g in self.groups]}

    def kept_paths(self):
        nodes, found = [self.host.root] if self.host.tree else [], []
        while nodes:
            node = nodes.pop()
            nodes += node.children
            if node.label and f"&{node.label}" in self.keep:
                found.append(node.path)
        return found
