# SPDX-License-Identifier: MIT
"""Random machines on a random board, and what they ask for.

First decides who gets what, then how. A tame description is valid, so machc must accept it. A wild one gets some mistakes.
"""

from .outside import Maker
from .reach import Reach

LEVELS, EDGES = ("level-high",), ("edge-rising",)
# Possible guests of a host: platform, a declared irqchip, the host triggers that its lines accept.
GUESTS = {
    "arm": (("arm64-virt", None, LEVELS + EDGES),),
    "ppc": (("e500mc-kvm", None, LEVELS + EDGES + ("level-low",)),),
    "riscv": (("riscv64-virt", None, LEVELS), ("riscv64-aia", None, EDGES),
              ("riscv64-virt", "aplic", LEVELS + EDGES + ("level-low",)), ("riscv64-virt", "aia", EDGES)),
}
GUESTS["none"] = (("x86-64", None, LEVELS + EDGES + ("level-low",)),) * 3 + GUESTS["arm"] + GUESTS["ppc"] + GUESTS["riscv"] + (
    ("arm-virt", None, LEVELS + EDGES),)
CHIPS = {"arm64-virt": "gic", "arm-virt": "gic", "e500mc-kvm": "mpic", "riscv64-virt": "plic", "riscv64-aia": "aplic",
         "x86-64": "ioapic"}


class Wish:
    kind = "node"

    """One device that is passed through: the top of a subtree, or a node below it."""

    def __init__(self, device, top=None):
        self.device, self.top = device, top or self
        self.name = device.node.label
        self.modes = ["map"] * len(device.regions)  # map, trap, drop, unsafe
        self.at = [None] * len(device.regions)
        self.irqs = ["default"] * len(device.lines)  # default, drop, inside, (number, trigger or None)
        self.fates = {}   # (property, entry or None) -> fate
        self.trusted = False  # "none" is said without an IOMMU
        self.dma = None   # "none", "all", "identity", "guest-iommu", [Block]; None: no dma is written
        self.stash = self.operation = None  # for `dma all`
        self.below = []
        self.without = []

    def inside_top(self, k):
        """A region of a part, inside the registers of the whole."""
        r = self.device.regions[k]
        return self.top is not self and any(
            o.address <= r.address and r.address + r.size <= o.address + o.size for o in self.top.device.regions)


HUGE = 0x200000  # a page of the pool, unless the text says otherwise


class Memory:
    def __init__(self, name, size):
        self.name, self.size = name, size
        self.at, self.backing, self.arg, self.share = None, "anonymous", None, None
        self.by = ()         # ("hugetlb", size or None), ("heap", name), ("reserved",); (): not said
        self.below, self.runs = None, 1
        self.no_dma = self.readonly = False

    @property
    def placed(self):
        """Where it lies on the host is known, at a start if not before."""
        return self.backing in ("physical", "contiguous")

    @property
    def provider(self):
        """What `by` is if it is not said."""
        if self.by:
            return self.by
        return ("reserved",) if self.backing == "physical" and (self.share or self.readonly) else ("hugetlb", None)

    @property
    def banks(self):
        """Names of its pieces in the guest."""
        return [self.name] + [f"{self.name}_{n}" for n in range(2, self.runs + 1)]


class Emulated:
    def __init__(self, name, kind):
        self.name, self.kind, self.at, self.irq = name, kind, None, None


class Machine:
    def __init__(self, name, guest):
        self.name = name
        self.platform, self.own_chip, self.triggers = guest
        self.chip = "intc" if self.own_chip else CHIPS[self.platform]
        self.one_trigger = self.triggers[0] if self.chip == "plic" else None  # its lines accept any trigger
        self.cpus, self.on = 1, []
        self.memory, self.emulated, self.wishes, self.asserts, self.outside = [], [], [], [], []
        self.lines = set()  # lines of the guest that are written
        self.bus = self.viommu = None  # Emulated: a PCI host bridge, an IOMMU
        self.pool = None  # Memory: all that some devices without an IOMMU reach
        # Written lines: for devices of the tree, for those outside of it, and downwards from here for emulated ones.
        few = self.platform == "x86-64"
        self.first_line = 100 if self.platform in ("arm64-virt", "arm-virt", "e500mc-kvm") else 40
        self.spare_lines, self.last_line = (8, 23) if few else (70, 90)

    def links(self, trigger):
        return self.one_trigger is not None or trigger in self.triggers

    def all_wishes(self):
        return [w for top in self.wishes for w in [top, *top.below]]


class Case:
    def __init__(self, host, rng):
        self.host, self.rng, self.page = host, rng, host.page
        self.machines = [Machine(f"m{n}", rng.choice(GUESTS[host.kind])) for n in range(rng.choice((2, 2, 3, 4) if host.contested else (1, 1, 1, 2, 2, 3)))]
        self.reach, outside = Reach(self), Maker(self)
        self.owner = {}      # device -> machine
        self.mistakes = []   # the mistakes in a wild one
        self.physical = host.memory[0][0] + 0x1000000
        cpus = list(range(host.ncpus))
        rng.shuffle(cpus)
        self.shares = {}
        for m in self.machines:
            self.basics(m, cpus)
        for m in self.machines:
            self.pick(m)
        for m in self.machines:
            for w in m.all_wishes():
                self.references(w)
        self.pages()
        self.interrupts()
        for m in self.machines:
            outside.fill(m)
        for m in self.machines:
            self.reach.of_pool(m)
            # `identity` moves memory; windows are placed around it afterwards.
            for w in sorted(m.wishes, key=lambda w: self.reach.guarded(w.device)):
                self.reach.of_node(m, w)
            for w in m.outside:
                self.reach.of_outside(m, w)
            self.asserts(m)

    # ---- cpus, memory, emulated devices ----

    def basics(self, m, cpus):
        rng = self.rng
        m.cpus = rng.randint(1, 4)
        if len(cpus) >= m.cpus and rng.random() < 0.5:
            m.on = [cpus.pop() for _ in range(rng.randint(1, m.cpus))]
        at = 0x80000000
        for n in range(rng.randint(1, 3)):
            x = Memory(f"mem{n}", rng.choice((0x1000, 0x10000, 0x100000, 0x123000, 0x4000000, 0x10000000)))
            x.size = -(-x.size // self.page) * self.page
            kind = rng.random()
            if kind < 0.2:
                x.backing, x.arg, x.size = "hugetlb", 0x200000, max(x.size & ~0x1FFFFF, 0x200000)
            elif kind < 0.35:
                x.backing, x.arg = "file", f"/dev/shm/{m.name}-{x.name}"
            elif kind < 0.6 and self.physical + x.size <= self.host.physical_end:
                x.backing, x.arg = "physical", self.physical
                self.physical += x.size
            elif kind < 0.8 and self.host.kind != "ppc":  # a PAMU's windows need the address
                x.backing = "contiguous"
            if n and rng.random() < 0.15:
                x.readonly = True
            if n and rng.random() < 0.15:
                x.no_dma = True
            if n and rng.random() < 0.25:
                # The other end of memory that another machine shares, or the first end of a new one.
                name = rng.choice(("ring", "log"))
                other = self.shares.get(name)
                if other is None:
                    self.shares[name] = (m, x)
                    x.share = name
                elif other[0] is not m and m.name not in [o.name for o, _ in self.ends(name)]:
                    x.share, x.size, x.backing, x.arg = name, other[1].size, other[1].backing, other[1].arg
                    x.by, x.below = other[1].by, other[1].below
            if self.host.kind == "ppc" and (x.share is None or self.shares[x.share][1] is x):
                self.contiguous(x)
            if x.placed and (x.share is None or self.shares[x.share][1] is x):
                self.place(x)
            # On a bus that translates, two memories must not meet.
            at = -(-(at + (0 if self.host.iommu else HUGE)) // 0x1000000) * 0x1000000
            if rng.random() < 0.7 or self.host.kind == "ppc":
                x.at = at
                at += x.size + x.runs * HUGE
            m.memory.append(x)
        rest = [x for x in m.memory if not x.share and not x.readonly]
        if len(rest) > 1 and not self.host.iommu and rng.random() < 0.3:
            m.pool = next((x for x in rest[1:] if x.placed and not x.no_dma and x.runs == 1), None)
        kinds = ("ns16550a", "virtio-mmio") + (("pl011",) if "arm" in m.platform else ())
        place, line = 0x70000000, m.last_line
        for n in range(rng.choice((0, 1, 2, 4))):
            e = Emulated(f"e{n}", rng.choice(kinds))
            if rng.random() < 0.3:
                e.at = place
                place += 0x10000
            if rng.random() < 0.3:
                e.irq = line
                m.lines.add(line)
                line -= 1
            m.emulated.append(e)
        if rng.random() < 0.3:
            m.viommu = Emulated("viommu", "virtio-iommu")
            m.emulated.append(m.viommu)
        # Large: devices of the tree may overlap it, and on an e500mc there is no room for it.
        if not self.host.tree and m.platform != "e500mc-kvm" and rng.random() < 0.6:
            m.bus = Emulated("pci0", "pci-host")
            m.emulated.append(m.bus)

    def contiguous(self, x):
        """Memory that suits a PAMU: aligned on the host, with room for a last part that is rounded up; or large pages.

        A size far from a power of two takes many sub-windows, and there are 2048 for all devices."""
        x.size = 0x1800000 if x.size == 0x123000 else x.size
        room = 1 << (x.size - 1).bit_length()
        start = -(-self.physical // room) * room
        if start + room <= self.host.physical_end:
            x.backing, x.arg, self.physical = "physical", start, start + room
        else:
            x.backing, x.arg, x.size = "hugetlb", 0x10000000, 0x10000000

    def place(self, x):
        """Who provides memory whose place counts, and where it may be."""
        rng, page = self.rng, self.page
        small = 0x10000
        ways = [("heap", "guest")] if self.host.kind != "ppc" and not x.share and not x.readonly else []
        if x.backing == "physical":
            ways += [("reserved",)] * 3
            # Shared memory, or what the guest only reads, is no RAM: it may be reserved memory.
            ways += [()] if x.share or x.readonly or not (x.arg | x.size) % HUGE else []
            ways += [("hugetlb", None)] * 3 if not (x.arg | x.size) % HUGE else []
            ways += [("hugetlb", small)] if page < small and not (x.arg | x.size) % small else []
            x.by = rng.choice(ways)
            return
        x.by = rng.choice([*ways, (), (), (), ("hugetlb", None), *[("hugetlb", small)] * (page < small)])
        if x.provider[0] == "hugetlb":
            unit = x.provider[1] or HUGE
            x.size = -(-x.size // unit) * unit
        x.below = rng.choice((None, None, 1 << 32, 0x100000000 * rng.randint(2, 64)))
        unit = (x.provider[1] or HUGE) if x.provider[0] == "hugetlb" else page
        if not x.share and not x.readonly and x.size % (2 * unit) == 0 and rng.random() < 0.25:
            x.runs = 2

    def asserts(self, m):
        """True assertions, written in the description itself."""
        rng = self.rng
        facts = [f"{m.name}.cpus == {m.cpus}", f"{m.name}.devices >= {len(m.wishes)}"]
        facts += [f"{m.name}.{name}.size == {x.size // x.runs}" for x in m.memory for name in x.banks]
        facts += [f'{m.name}.{x.name}.from == "{x.backing}"' for x in m.memory]
        facts += [f'{m.name}.{x.name}.by == "{x.provider[0]}"' for x in m.memory if x.placed]
        facts += [f"{m.name}.{e.name}.address == {e.at:#x}" for e in m.emulated if e.at is not None]
        facts += [f"{m.name}.{e.name}.irq[0].number == {e.irq}" for e in m.emulated if e.irq is not None]
        for w in m.wishes:
            facts += [f"{m.name}.{w.name}.region[{k}].host == {r.address:#x}" for k, r in enumerate(w.device.regions)]
            facts.append(f'{m.name}.{w.name}.host-path == "{w.device.path}"')
        for w in m.wishes + m.outside:
            if isinstance(w.dma, str):
                facts.append(f'{m.name}.{w.name}.dma[0].mode == "{w.dma}"')
            for n, b in enumerate(w.dma if isinstance(w.dma, list) else []):
                facts += [f'{m.name}.{w.name}.dma["{b.name}"].maps {"== " + str(len(b.maps)) if len(b.maps) < 2 else "> 0"}'
                          ] if b.maps else []
                facts += [f"{m.name}.{w.name}.dma[{n}].window == {b.window[0]:#x}"] if b.window else []
                facts += [f'{m.name}.{w.name}.dma[{n}].stash == "{b.stash.kind}"'] if b.stash else []
        m.asserts = rng.sample(facts, min(len(facts), rng.choice((0, 1, 3))))

    def ends(self, name):
        return [(m, x) for m in self.machines for x in m.memory if x.share == name]

    # ---- who gets which device ----

    def pick(self, m):
        free = [d for d in self.host.devices if not d.kept and self.fit(m, d)]
        self.rng.shuffle(free)
        for d in free[:self.rng.choice((0, 1, 1, 2, 3, 5))]:
            if self.fit(m, d):
                wish = self.wish(d)
                m.wishes.append(wish)
                for child in d.family():
                    self.owner[child] = m

    def wish(self, device):
        top = Wish(device)
        for child in device.family()[1:]:
            if not child.off and not any(a.off for a in child.ancestors() if a is not device and a in device.family()):
                top.below.append(Wish(child, top))
        if any(child.refs for child in device.family()[1:] if child not in [w.device for w in top.below]):
            top.fates["*", None] = "drop"  # disabled nodes are copied as well
        return top

    def fit(self, m, d):
        """Linux makes a device of it, and no one else has a part of it, or has it as a part."""
        family = d.family()
        if any(a.off for a in d.ancestors()):
            return False
        if any(x in self.owner for x in family) or any(a in self.owner for a in d.ancestors()):
            return False
        # A device without ids masters through the next one above that has some.
        streams = {s for x in family for s in next((a.streams for a in (x, *x.ancestors()) if a.streams), ())}
        others = [x for x in self.host.devices if x not in family]
        if any(streams & set(x.streams) for x in others):
            return False  # one IOMMU group
        # INTx lines cannot be dropped one by one: no other guest may use them.
        lines = {line.identity for x in family for line in x.map_lines}
        return not lines or not any(line.identity in lines for x in self.owner for line in x.lines + x.map_lines)

    # ---- fates of regions, interrupts and references ----

    def references(self, w):
        rng, refs = self.rng, w.device.refs
        if not refs:
            return
        if rng.random() < 0.3:
            # A property named by the top node has precedence over a `*` here, and a rate may be that of another clock.
            names = refs if w.top is not w and any(name in refs for name, _ in w.top.fates) else ["*"]
            w.fates.update({(name, None): "drop" for name in names})
            return
        for name, entries in refs.items():
            if self.default(name, entries) and rng.random() < 0.5:
                continue  # nothing needs to be said
            if name == "clocks" and rng.random() < 0.6:
                for i, (provider, specifier) in enumerate(entries):
                    w.fates[name, i] = f"fixed {self.rate(provider, specifier)}" if rng.random() < 0.7 else "drop"
            elif name == "vdd-supply" and rng.random() < 0.5:
                w.fates[name, None] = "fixed 3300000"
            elif name == "clocks" and all(provider in ("osc", "half") for provider, _ in entries):
                w.fates[name, None] = "copy"
            else:
                w.fates[name, None] = "drop"

    @staticmethod
    def default(name, entries):
        """What becomes of references that nothing is said of: descriptions are copied, the host applies a power domain."""
        if name == "power-domains":
            return "drop"
        described = name in ("clocks", "vdd-supply") and all(provider in ("osc", "half", "vdd") for provider, _ in entries)
        return "copy" if described else None

    @staticmethod
    def rate(provider, specifier):
        return 1000000 * (len(provider) + int(specifier or 7) + 3)

    def span(self, r):
        return r.address // self.page * self.page, -(-(r.address + r.size) // self.page) * self.page

    def neighbours(self, d, r):
        """Devices of other owners with registers in its pages."""
        first, end = self.span(r)
        m = self.owner[d]
        found = []
        for other in self.host.devices:
            if self.owner.get(other) is m or other in d.ancestors() or (other.off and other not in self.owner):
                continue
            if any(a.off for a in other.ancestors()) and other not in self.owner:
                continue
            if any(x.address < end and first < x.address + x.size for x in other.regions):
                found.append(other)
        return found

    def pages(self):
        """Regions of a machine that share pages are treated alike; pages shared with another owner are trapped."""
        rng = self.rng
        for m in self.machines:
            pieces = [(*self.span(r), w, k) for w in m.all_wishes() for k, r in enumerate(w.device.regions)]
            pieces.sort(key=lambda p: p[:2])
            clusters = []
            for piece in pieces:
                if clusters and piece[0] < clusters[-1][0]:
                    clusters[-1] = (max(clusters[-1][0], piece[1]), clusters[-1][1] + [piece])
                else:
                    clusters.append((piece[1], [piece]))
            move = 0x40000000
            for _, cluster in clusters:
                mode = "map" if rng.random() < 0.9 else "trap"
                crowd = any(self.neighbours(w.device, w.device.regions[k]) for _, _, w, k in cluster)
                if crowd:
                    mode = "unsafe" if rng.random() < 0.2 else "trap"
                _, _, w, k = cluster[0]
                alone = len(cluster) == 1
                # What comes after a region keeps its place only if it has a name.
                counts = not any(line.startswith("reg-names") for line in w.device.node.lines) and k + 1 < len(w.device.regions)
                if alone and not counts and not w.device.below and len(w.device.regions) > 1 and rng.random() < 0.06:
                    mode = "drop"
                elif alone and w.top is w and not w.device.below and rng.random() < 0.2:
                    r = w.device.regions[k]
                    w.at[k] = move + r.address % self.page
                    move += -(-(r.size + self.page) // 0x100000) * 0x100000
                for _, _, w, k in cluster:
                    w.modes[k] = mode

    def line_users(self, identity):
        return [d for d in self.host.devices if any(line.identity == identity for line in d.lines + d.map_lines)]

    def interrupts(self):
        rng = self.rng
        taken = {line.identity: None for d in self.owner for line in d.map_lines}
        for m in self.machines:
            number = m.first_line
            for w in m.all_wishes():
                for i, line in enumerate(w.device.lines):
                    chip = next((d for d in self.host.devices if d.is_gpio and d.node.label == line.chip), None)
                    if chip in self.owner:
                        # A controller that is passed through as well serves its devices as before, and no other owner's.
                        w.irqs[i] = "inside" if self.owner[chip] is m else "drop"
                        continue
                    users = [d for d in self.line_users(line.identity) if d is not w.device]
                    hosts = [d for d in users if d not in self.owner and not d.off]
                    # Devices of one machine share a line; what is written for one is meant for all.
                    if hosts or taken.get(line.identity, m) is not m or not m.links(line.trigger):
                        w.irqs[i] = "drop"
                        continue
                    if rng.random() < 0.1:
                        w.irqs[i] = "drop"
                        continue
                    first = line.identity not in taken
                    taken[line.identity] = m
                    if first and rng.random() < 0.25:
                        w.irqs[i] = (number, None if rng.random() < 0.6 else m.one_trigger or line.trigger)
                        m.lines.add(number)
                        number += 1
