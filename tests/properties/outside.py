# SPDX-License-Identifier: MIT
"""Devices that no tree describes: PCI functions, platform devices by name, and devices from files."""


class Outside:
    """One such device, as requested."""

    def __init__(self, kind, name, host):
        self.kind, self.name, self.host = kind, name, host  # host: its name on the host, or the file of a raw device
        self.regions = []  # [Part]
        self.irqs = []     # [(which, number, trigger or None)]
        self.trusted = False  # "none" is said without an IOMMU
        self.no_intx = False  # a PCI function without links says that INTx is dropped; otherwise machc links it
        self.on = self.slot = self.dma = self.stash = self.operation = None


class Part:
    """A region. For a raw device: that many bytes of a file."""

    def __init__(self, index, size, mode="map", at=None, file=None, offset=0):
        self.index, self.size, self.mode, self.at, self.file, self.offset = index, size, mode, at, file, offset


class Maker:
    """Chooses devices at random for all machines of a case; no device is used twice."""

    def __init__(self, case):
        self.case, self.host, self.rng, self.page = case, case.host, case.rng, case.host.page
        self.made = 0
        self.memory = 0x700000000  # addresses that no device has, for /dev/mem

    def fill(self, m):
        rng = self.rng
        place, line = 0x60000000, m.spare_lines
        for _ in range(rng.choice((0, 0, 1, 2, 3) if self.host.tree else (1, 2, 3))):
            w = rng.choice((self.pci, self.pci, self.platform, self.raw))(m)
            for part in w.regions:
                if rng.random() < 0.4:
                    part.at = place + part.offset % self.page
                place += 0x200000
            for k, (which, _, trigger) in enumerate(w.irqs):
                w.irqs[k] = (which, line, trigger)
                line += 1
            m.outside.append(w)

    def new(self, m, kind, host):
        self.made += 1
        return Outside(kind, f"{kind}{self.made}", host)

    def parts(self, indices, modes=("map", "map", "trap")):
        """Mapped regions consist of whole pages."""
        found = []
        for i in indices:
            mode = self.rng.choice(modes)
            size = self.rng.choice((1, 1, 2, 16)) * self.page
            found.append(Part(i, size if mode == "map" else self.rng.choice((size, 0x100)), mode))
        return found

    def pci(self, m):
        rng = self.rng
        # The host sees no functions of a bridge that is passed through: the tree's, whose domain is the first.
        given = any(device.map_lines for device in self.case.owner)
        bdf = f"{rng.randrange(1 if given else 0, 3):04x}:{self.made + 1:02x}:{rng.randrange(32):02x}.{rng.randrange(8)}"
        w = self.new(m, "pci", bdf)
        if m.bus and rng.random() < 0.7:
            w.on = m.bus.name
            free = sorted(set(range(1, 32)) - {o.slot for o in m.outside})
            w.slot = rng.choice(free) if rng.random() < 0.5 else None
        else:
            w.regions = self.parts(rng.sample(range(6), rng.randint(0, 3)), ("map",))
        which = rng.choice(("intx", "msi", "msix", None))
        trigger = "level-high" if which == "intx" else "edge-rising"
        if which and m.links(trigger):
            w.irqs = [(which, None, None)]
        else:
            w.no_intx = not m.links("level-high") or rng.random() < 0.5
        return w

    def platform(self, m):
        w = self.new(m, "platform", f"{0xff000000 + self.made * 0x10000:x}.thing")
        w.regions = self.parts(range(self.rng.randint(0, 3)))
        w.irqs = [(n, None, self.rng.choice(m.triggers)) for n in range(self.rng.choice((0, 1, 2)))]
        return w

    def raw(self, m):
        rng = self.rng
        file = f"/dev/uio{self.made}"
        w = self.new(m, "raw", file)
        w.regions = self.parts(range(rng.randint(1, 2)))
        for n, part in enumerate(w.regions):
            part.file, part.offset = file, n * 0x100000
            if rng.random() < 0.3:
                part.file, part.offset = "/dev/mem", self.memory + rng.choice((0, 0x40)) * (part.mode == "trap")
                self.memory += 0x200000  # a region of 1 MB need not begin at a boundary
        if rng.random() < 0.6:
            w.irqs = [(0, None, rng.choice(m.triggers))]
        return w
