# SPDX-License-Identifier: MIT
"""What devices reach: mappings, windows, streams, and the cache that their writes go into."""

MSI_PAGES = (0x8000000, 0x80fffff)  # the host's kernel keeps these device addresses on arm64
PIECE = 0x1000000  # on a board with a PAMU, memory of a machine begins at multiples of this
SPAACT = 800       # number of the 2048 entries of a PAMU's table that written windows can use
OPERATIONS = ("qman", "fman", "qman-private", "caam")


class Block:
    """A named `dma`. Without maps: all memory in its window."""

    def __init__(self, name, maps, stream=None):
        self.name, self.maps, self.stream = name, maps, stream
        self.liodn = self.window = self.subwindows = self.operation = self.stash = None


class Map:
    """A mapping of a memory or, if that is None, of a region of the device itself or an MSI bank."""

    def __init__(self, memory, offset, size, iova, readonly, region=None, bank=None):
        self.memory, self.offset, self.size, self.iova, self.readonly = memory, offset, size, iova, readonly
        self.region, self.bank = region, bank

    @property
    def what(self):
        return self.memory.name if self.memory else f"region {self.region}" if self.bank is None else f"bank {self.bank}"


class Stash:
    def __init__(self, kind, vcpu=None, cache=None, if_possible=False):
        self.kind, self.vcpu, self.cache, self.if_possible = kind, vcpu, cache, if_possible
        self.memory = self.entry = None  # for tph: "volatile", "persistent"; a number


def bus_memory(m):
    """Memory that a bus for devices without an IOMMU has: the others' pool is not among it."""
    return [x for x in m.memory if x.placed and not x.no_dma and x is not m.pool]


class Reach:
    """Chooses the `dma` of devices at random, one machine after another."""

    def __init__(self, case):
        self.case, self.host, self.rng, self.page = case, case.host, case.rng, case.host.page
        self.entries = 0

    def pamu(self):
        """One for the whole board, if any node leads to it."""
        return self.host.kind == "ppc" and any(x.own_iommu for x in self.host.devices)

    def guarded(self, d):
        """An IOMMU knows the device by ids of its own; LIODNs may still be the boot loader's to fill in, for all."""
        if self.host.kind == "ppc":
            return self.pamu() and bool(d.streams or not any(x.streams for x in self.host.devices))
        return d.own_iommu

    def of_pool(self, m):
        """A pool is one because a device is put on it."""
        for w in m.wishes if m.pool else []:
            if not self.guarded(w.device) and "pool" in self.without_iommu(m, w.device.dma):
                w.dma, w.trusted = "pool", True
                return
        m.pool = None

    # ---- devices of the tree ----

    def of_node(self, m, w):
        rng = self.rng
        if w.dma == "pool":
            return
        if not self.guarded(w.device):
            w.dma, w.trusted = "none", True
            ways = self.without_iommu(m, w.device.dma)
            # Identity would move the memory away from where a PAMU can map it for the others.
            if not self.pamu() and not w.device.dma and not m.pool and m.memory and all(
                    x.backing == "physical" for x in m.memory):
                ways.append("identity")
            if ways and rng.random() < 0.6:
                w.dma = rng.choice(ways)
            if w.dma == "identity":
                for x in m.memory:
                    x.at = x.arg
            return
        w.dma = rng.choice(("none", "all", "all", None, "blocks", "blocks"))
        streams = len(w.device.streams)
        if w.dma == "blocks":
            w.dma = self.blocks(m, range(streams) if streams > 1 else [None], w)
        elif m.viommu and not self.pamu() and not w.device.map_lines and rng.random() < 0.3:
            w.dma = "guest-iommu"
        if w.dma == "all":
            w.operation = self.operation()
            w.stash = self.stash(m)

    def without_iommu(self, m, translation):
        """Buses that a device can be on: all memory that they have is in its reach."""
        first, size = (translation[1], translation[2]) if translation else (0, 1 << 64)
        ways = []
        for way, there in (("bus", bus_memory(m)), ("pool", [m.pool] if m.pool else [])):
            if there and all(first <= x.arg and x.arg + x.size <= first + size if x.arg is not None else
                             first + x.size // x.runs <= min(x.below or 1 << 64, first + size) for x in there):
                ways.append(way)
        return [] if self.pamu() else ways

    # ---- devices that no tree describes ----

    def of_outside(self, m, w):
        rng = self.rng
        # A function is below the only bridge of the tree, where its domain is the first, or below none that has an IOMMU.
        bridge = any(x.map_lines for x in self.host.devices)
        if w.kind == "raw" or w.kind == "pci" and bridge and not self.host.iommu:
            w.dma, w.trusted = "none", True
            bridge = next((x for x in self.host.devices if x.map_lines), None)
            ways = self.without_iommu(m, bridge.dma if bridge and w.kind == "pci" else None)
            if "bus" in ways and rng.random() < 0.5:
                w.dma = "bus"
            return
        w.dma = rng.choice(("none", "all", "all", None, "blocks", "blocks"))
        if w.dma == "blocks":
            w.dma = self.blocks(m, [None], w)
        elif m.viommu and not self.pamu() and (w.kind == "platform" or w.on) and rng.random() < 0.5:
            w.dma = "guest-iommu"
        if w.dma == "all":
            w.stash = self.stash(m, w.kind == "pci")

    # ---- named dmas ----

    def blocks(self, m, streams, w):
        reach = [x for x in m.memory if not x.no_dma and x.runs == 1]
        if not reach:
            return "all"
        if self.pamu():
            return self.liodns(m, reach, streams, w)
        if len(streams) > 1:
            return [self.block(f"d{n}", reach, n) for n in streams]
        block = self.block("d0", reach, None)
        if self.rng.random() < 0.3:
            block.maps, block.window = None, (0, 1 << 40)
            there = [x for x in reach if x.at is not None]
            if there and all(x.at is not None for x in m.memory) and self.rng.random() < 0.7:
                x = self.rng.choice(there)
                block.window = (x.at, x.size)
        elif w.kind == "node" and self.rng.random() < 0.8:
            self.own_region(w, block, 0x2000000000)
        block.stash = self.stash(m, w.kind == "pci")
        return [block]

    def block(self, name, reach, stream):
        # All streams of a device share a page table, so each uses different addresses.
        rng, page, maps, at = self.rng, self.page, [], self.page + (stream or 0) * 0x100000000
        for _ in range(rng.randint(1, 4)):
            x = rng.choice(reach)
            offset = rng.randrange(x.size // page) * page if rng.random() < 0.5 else 0
            size = rng.randint(1, (x.size - offset) // page) * page if rng.random() < 0.6 else x.size - offset
            at += rng.randrange(4) * page
            if at <= MSI_PAGES[1] and at + size > MSI_PAGES[0]:
                at = MSI_PAGES[1] + 1
            maps.append(Map(x, offset, size, at, x.readonly or rng.random() < 0.2))
            at += size
        block = Block(name, maps, stream)
        if rng.random() < 0.3:
            first = maps[0].iova
            block.window = (first - rng.randrange(2) * page, at - first + (1 + rng.randrange(3)) * page)
        return block

    def own_region(self, w, block, iova):
        """A region of the device itself, after the other mappings. For a PAMU it must be aligned."""
        whole = [k for k, r in enumerate(w.device.regions) if w.modes[k] in ("map", "trap") and not (
            (r.address | r.size) % self.page or self.pamu() and r.address % r.size)]
        if whole and block.window is None:
            k = self.rng.choice(whole)
            block.maps.append(Map(None, 0, w.device.regions[k].size, iova, self.rng.random() < 0.3, region=k))

    def liodns(self, m, reach, streams, w):
        """Valid windows for a PAMU."""
        found = []
        for n in streams:
            block = Block(f"d{n or 0}", [])
            block.liodn = n
            block.operation, block.stash = self.operation(), self.stash(m, w.kind == "pci")
            some = self.rng.sample(reach, self.rng.randint(1, len(reach)))
            block.maps = [Map(x, 0, x.size, x.at, x.readonly or self.rng.random() < 0.2) for x in some]
            how = self.rng.random()
            if how < 0.4:
                self.window(m, block, reach, 1 if n is not None else max(len(w.device.streams) if w.kind == "node" else 1, 1))
            elif how < 0.6 and w.kind == "node" and self.entries + 255 * len(w.device.streams) <= SPAACT:
                self.entries += 255 * len(w.device.streams)
                self.own_region(w, block, 0xC0000000)
            elif how < 0.8:
                block.maps.append(Map(None, 0, 0x1000, None, False, bank=self.rng.randrange(4)))
            found.append(block)
        return found

    def window(self, m, block, reach, ids):
        """A window around the mappings; sometimes instead of them, and then for everything inside it."""
        rng, maps = self.rng, block.maps
        size = PIECE
        while any((x.iova ^ maps[0].iova) // size or x.iova % size + x.size > size for x in maps):
            size *= 2
        size <<= rng.choice((0, 0, 1, 2))
        start = maps[0].iova // size * size
        cut = [x for x in m.memory if x.at < start + size and start < x.at + x.size and not (
            start <= x.at and x.at + x.size <= start + size)]
        pieces = size // PIECE
        if pieces > 256 or self.entries + 255 * ids > SPAACT:
            return
        self.entries += 255 * ids
        block.window = (start, size)
        if rng.random() < 0.5:
            block.subwindows = min(pieces << rng.choice((0, 0, 1, 2)), 256)
        if not cut and rng.random() < 0.5:
            block.maps = None

    def operation(self):
        """Resolves a name, or an index."""
        return self.rng.choice((*OPERATIONS, 3, 15)) if self.pamu() and self.rng.random() < 0.2 else None

    # ---- caches ----

    def stash(self, m, pci=False):
        rng = self.rng
        if rng.random() < 0.5:
            return None
        kinds = ["tph"] * 3 if pci else []
        if self.pamu() or rng.random() < 0.3:
            kinds += ["l1", "l2", "id"]
        if not kinds:
            return None
        s = Stash(rng.choice(kinds), if_possible=rng.random() < 0.3)
        s.if_possible |= s.kind != "tph" and not self.pamu()
        if s.kind == "id":
            s.cache = 32 + rng.randrange(self.host.ncpus)
            return s
        s.vcpu = rng.randrange(m.cpus)
        s.if_possible |= not m.on or s.kind == "l2" and not self.host.l2
        if s.kind == "tph":
            s.memory = rng.choice((None, "volatile", "persistent"))
            s.entry = rng.choice((None, 0, 3, 2047))
        return s
