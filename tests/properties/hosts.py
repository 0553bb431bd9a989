# SPDX-License-Identifier: MIT
"""A random board as device tree source, and the facts about it."""

SIZES = (4, 8, 0x10, 0x40, 0x80, 0x100, 0x200, 0x800, 0x1000, 0x1000, 0x1000, 0x2000, 0x4000, 0x10000, 0x100000)
TRIGGERS = {"edge-rising": 1, "edge-falling": 2, "level-high": 4, "level-low": 8}
MPIC_SENSES = {"edge-rising": 0, "level-low": 1, "level-high": 2, "edge-falling": 3}


class Node:
    def __init__(self, parent, name, label=None):
        self.parent, self.name, self.label = parent, name, label
        self.dma = None  # (device address, address, size) of its dma-ranges
        self.lines, self.children = [], []
        if parent:
            parent.children.append(self)

    @property
    def path(self):
        return "/" if not self.parent else self.parent.path.rstrip("/") + "/" + self.name

    def set(self, name, *values):
        self.lines.append(f"{name} = {', '.join(values)};" if values else f"{name};")

    def text(self, depth=0):
        tab = "\t" * depth
        out = [f"{tab}{self.label + ': ' if self.label else ''}{self.name} {{"]
        out += [f"{tab}\t{line}" for line in self.lines]
        for child in self.children:
            out += child.text(depth + 1)
        return out + [f"{tab}}};"]


class Region:
    def __init__(self, address, size):
        self.address, self.size = address, size  # as the cpus see it


class Line:
    """An interrupt of a device: its controller and number."""

    def __init__(self, chip, number, trigger, word):
        self.chip, self.number, self.trigger = chip, number, trigger
        self.identity = (chip, number)
        self.text = f"{word} {number}"  # as in messages and in the config


class Device:
    def __init__(self, node, above=None):
        self.node, self.above = node, above
        self.regions, self.lines, self.map_lines, self.windows = [], [], [], []
        self.refs = {}      # property -> [(label of the provider, specifier)]
        self.streams = []   # stream ids or LIODNs
        self.below = []     # devices in the same subtree
        self.off = False
        self.kept = False   # the host cannot lose it
        self.is_gpio = False
        self.own_iommu = False  # a property that leads to the IOMMU
        if above:
            above.below.append(self)

    @property
    def path(self):
        return self.node.path

    @property
    def dma(self):
        """What its bus translates: (device address, address, size), or None. Only buses below the root have any. The one
        that it is on may lack the property, but not the one above it, too: of_dma_get_range() gives up."""
        bus = self.node.parent
        return bus.dma or (bus.parent.dma if bus.parent else None)

    def ancestors(self):
        device = self.above
        while device:
            yield device
            device = device.above

    def family(self):
        found = [self]
        for child in self.below:
            found += child.family()
        return found


class Bus:
    """Where devices are placed: a window of the cpus' addresses, and their addresses on the bus."""

    def __init__(self, node, base, size, child_base, address_cells, size_cells):
        self.node, self.base, self.size = node, base, size
        self.child_base, self.address_cells, self.size_cells = child_base, address_cells, size_cells
        self.used = 0
        self.nexus = None      # [(unit address, input, line)] of its interrupt-map
        self.explicit = False  # there is a nexus above: a node that does not use it must name its parent

    def cells(self, value, count):
        return " ".join(f"{value >> 32 * (count - 1 - i) & 0xFFFFFFFF:#x}" for i in range(count))

    def reg(self, address, size):
        here = address - self.base + self.child_base
        return f"<{self.cells(here, self.address_cells)} {self.cells(size, self.size_cells)}>"

    def take(self, size, align):
        """The next free address in it, as the cpus see it, or None."""
        at = -(-(self.base + self.used) // align) * align
        if at + size > self.base + self.size:
            return None
        self.used = at + size - self.base
        return at


class Host:
    def __init__(self, rng):
        self.rng = rng
        self.kind = rng.choice(("arm",) * 4 + ("ppc",) * 2 + ("riscv",) * 2 + ("none",))  # none: no tree describes one
        self.tree = self.kind != "none"
        self.stub = not self.tree and rng.random() < 0.5  # a tree that says no more than where RAM is
        self.page = rng.choice((0x1000, 0x1000, 0x4000, 0x10000)) if self.kind == "arm" else 0x1000
        self.chip = {"arm": "gic", "ppc": "mpic", "riscv": rng.choice(("plic", "aplic")), "none": None}[self.kind]
        self.l2 = self.kind == "ppc" and rng.random() < 0.5  # two cpus share one
        self.devices, self.memory, self.providers = [], [], {}
        self.ncpus = rng.randint(1, 8)
        self.contested = False  # there is something that several machines can want: contest.py
        self.spare = 0x8000000  # of the last memory: reserved memory, and RAM that no description mentions
        self.free_lines = list(range(32, 200)) if self.kind == "arm" else list(range(1, 90))
        if self.kind == "ppc":
            self.free_lines = list(range(32, 200))
        rng.shuffle(self.free_lines)
        self.lines = []  # those in use
        self.labels = 0
        self.stream = rng.randint(1, 100)
        self.wide = 2 if self.kind == "ppc" else rng.choice((1, 2, 2))
        self.iommu = {"arm": rng.random() < 0.8, "ppc": True, "riscv": False, "none": False}[self.kind]
        if self.tree:
            self.build()
        else:
            self.memory.append((0x80000000, 0x40000000))

    @property
    def physical_end(self):
        """Where memory of machines ends that lies at a stated address."""
        return sum(self.memory[0]) - (self.spare if len(self.memory) == 1 else 0)

    # ---- small things ----

    def label(self, stem):
        self.labels += 1
        return f"{stem}{self.labels}"

    def specifier(self, number, trigger):
        if self.kind == "arm":
            return f"0 {number} {TRIGGERS[trigger]}"
        if self.kind == "ppc":
            return f"{number} {MPIC_SENSES[trigger]} 0 0"
        return f"{number} {TRIGGERS[trigger]}" if self.chip == "aplic" else f"{number}"

    def line(self, number, trigger):
        return Line("intc", number, trigger, {"gic": "GIC SPI", "mpic": "MPIC", "plic": "PLIC", "aplic": "APLIC"}[self.chip])

    def new_line(self):
        """(number, trigger): its own line, sometimes that of another device."""
        rng = self.rng
        if self.lines and (not self.free_lines or rng.random() < 0.08):
            return rng.choice(self.lines)
        trigger = "level-high" if self.chip == "plic" else rng.choice(("level-high", "level-high", "edge-rising", "level-low"))
        if self.chip == "aplic" and rng.random() < 0.5:
            trigger = "edge-rising"  # the triggers that KVM's AIA accepts
        if self.kind == "arm" and trigger == "level-low":
            trigger = "level-high"  # a GIC has no other triggers for SPIs
        line = (self.free_lines.pop(), trigger)
        self.lines.append(line)
        return line

    # ---- the board ----

    def build(self):
        rng = self.rng
        self.root = root = Node(None, "/")
        root.set("model", '"random board"')
        root.set("compatible", '"acme,random"')
        root.set("#address-cells", f"<{self.wide}>")
        root.set("#size-cells", f"<{self.wide if self.wide == 2 else 1}>")
        root.set("interrupt-parent", "<&intc>")
        self.cpus()
        base = Bus(root, 0, 1 << (64 if self.wide == 2 else 32), 0, self.wide, 2 if self.wide == 2 else 1)
        self.controllers(base)
        start = 0x80000000
        for _ in range(rng.randint(1, 2)):
            size = rng.choice((0x10000000, 0x20000000, 0x40000000))
            node = Node(root, f"memory@{start:x}")
            node.set("device_type", '"memory"')
            node.set("reg", base.reg(start, size))
            self.memory.append((start, size))
            start += size
        low = Bus(root, 0x10000000, 0x20000000, 0x10000000, base.address_cells, base.size_cells)
        for _ in range(rng.randint(1, 3)):
            self.bus(low, 0)
        self.fill(low, rng.randint(0, 3))
        if self.wide == 2 and rng.random() < 0.5:
            high = Bus(root, 0x400000000, 0x40000000, 0x400000000, 2, 2)
            self.bus(high, 0)
        if rng.random() < 0.3 and self.kind == "arm":
            self.pcie(base)

    def cpus(self):
        cpus = Node(self.root, "cpus")
        cpus.set("#address-cells", "<1>")
        cpus.set("#size-cells", "<0>")
        if self.kind == "riscv":
            cpus.set("timebase-frequency", "<10000000>")
        for n in range(self.ncpus):
            cpu = Node(cpus, f"cpu@{n:x}", f"cpu{n}")
            cpu.set("device_type", '"cpu"')
            cpu.set("compatible", {"arm": '"arm,cortex-a53"', "ppc": '"fsl,e500mc"', "riscv": '"riscv"'}[self.kind])
            cpu.set("reg", f"<{n}>")
            if self.kind == "ppc":
                cpu.set("cache-stash-id", f"<{32 + n}>")
                if self.l2:
                    cpu.set("next-level-cache", f"<&l2_{n // 2}>")
            if self.kind == "riscv":
                intc = Node(cpu, "interrupt-controller", f"cpu{n}_intc")
                intc.set("compatible", '"riscv,cpu-intc"')
                intc.set("interrupt-controller")
                intc.set("#interrupt-cells", "<1>")
        for n in range((self.ncpus + 1) // 2 if self.l2 else 0):
            cache = Node(self.root, f"l2-cache-{n}", f"l2_{n}")
            cache.set("compatible", '"cache"')
            cache.set("cache-stash-id", f"<{64 + n}>")

    def stash_id(self, kind, cpu):
        """The tree's properties for the cache, if any."""
        return {"l1": 32 + cpu, "l2": 64 + cpu // 2 if self.l2 else None}[kind] if self.kind == "ppc" else None

    def controllers(self, base):
        rng = self.rng
        compatible, cells, address, size = {
            "gic": ('"arm,gic-v3"', 3, 0x8000000, 0x10000), "mpic": ('"fsl,mpic"', 4, 0x7040000, 0x40000),
            "plic": ('"sifive,plic-1.0.0"', 1, 0xC000000, 0x400000), "aplic": ('"riscv,aplic"', 2, 0xD000000, 0x8000)}[self.chip]
        intc = Node(self.root, f"interrupt-controller@{address:x}", "intc")
        intc.set("compatible", compatible)
        intc.set("interrupt-controller")
        intc.set("#interrupt-cells", f"<{cells}>")
        intc.set("#address-cells", "<0>")
        intc.set("reg", base.reg(address, size))
        if self.kind == "arm":
            intc.lines[-1] = f"reg = {base.reg(address, size)}, {base.reg(0x80a0000, 0x20000 * self.ncpus)};"
        if self.chip == "plic":
            intc.set("interrupts-extended", ", ".join(f"<&cpu{n}_intc 11 &cpu{n}_intc 9>" for n in range(self.ncpus)))
            intc.set("riscv,ndev", "<95>")
        if self.chip == "aplic":
            intc.set("interrupts-extended", ", ".join(f"<&cpu{n}_intc 9>" for n in range(self.ncpus)))
            intc.set("riscv,num-sources", "<96>")
        kept = Device(intc)
        kept.kept = True
        kept.regions = [Region(address, size)]
        self.devices.append(kept)
        if self.kind == "arm" and self.iommu:
            smmu = Node(self.root, "iommu@9000000", "smmu")
            smmu.set("compatible", '"arm,smmu-v3"')
            smmu.set("reg", base.reg(0x9000000, 0x20000))
            smmu.set("#iommu-cells", "<1>")
        if self.kind == "ppc":
            pamu = Node(self.root, "iommu@7020000", "pamu")
            pamu.set("compatible", '"fsl,pamu"')
            pamu.set("reg", base.reg(0x7020000, 0x1000))
        for n in range(rng.randint(1, 2)):
            clocks = Node(self.root, f"clocks-{n}", f"clk{n}")
            clocks.set("compatible", '"acme,clocks"')
            clocks.set("#clock-cells", "<1>")
            clocks.set("#reset-cells", "<1>")
            clocks.set("#power-domain-cells", "<1>")
        osc = Node(self.root, "oscillator", "osc")
        osc.set("compatible", '"fixed-clock"')
        osc.set("#clock-cells", "<0>")
        osc.set("clock-frequency", "<24000000>")
        half = Node(self.root, "divider", "half")
        half.set("compatible", '"fixed-factor-clock"')
        half.set("#clock-cells", "<0>")
        half.set("clocks", "<&osc>")
        half.set("clock-mult", "<1>")
        half.set("clock-div", "<2>")
        vdd = Node(self.root, "regulator-vdd", "vdd")
        vdd.set("compatible", '"regulator-fixed"')
        vdd.set("regulator-name", '"vdd"')
        self.clocks = n + 1

    # ---- buses ----

    def bus(self, above, depth):
        """A bus below a bus, with devices and possibly further buses."""
        rng = self.rng
        size = rng.choice((0x10000, 0x100000, 0x1000000)) >> depth
        size = max(size, 0x8000)
        base = above.take(size, 0x1000 if rng.random() < 0.7 else size)
        if base is None:
            return
        here = base - above.base + above.child_base
        label = self.label("bus")
        node = Node(above.node, f"bus@{here:x}" if rng.random() < 0.8 else label, label)
        node.set("compatible", '"simple-bus"')
        how = rng.choice(("same", "offset", "offset", "two"))
        if how == "same":
            bus = Bus(node, base, size, here, above.address_cells, above.size_cells)
            node.set("ranges")
        else:
            wide = rng.choice((1, 2))
            child_base = rng.choice((0, 0, 0x1000, 0x40000000))
            bus = Bus(node, base, size, child_base, wide, rng.choice((1, wide)))
            windows = [(0, size)] if how == "offset" else [(0, size // 2), (size // 2, size // 2)]
            node.set("ranges", *(f"<{bus.cells(child_base + at, wide)} {above.cells(here + at, above.address_cells)} "
                                 f"{bus.cells(length, bus.size_cells)}>" for at, length in windows))
            if how == "two":
                bus.size //= 2  # devices use only the first half, because a reg across both windows is invalid
        node.set("#address-cells", f"<{bus.address_cells}>")
        node.set("#size-cells", f"<{bus.size_cells}>")
        if depth == 0 and not self.iommu and rng.random() < 0.4:
            self.dma_ranges(bus, above)
        bus.explicit = above.explicit or above.nexus is not None
        if rng.random() < 0.15:
            bus.nexus = []
        gpio = self.gpio(bus) if rng.random() < 0.25 else None
        self.fill(bus, rng.randint(1, 6), gpio)
        if depth < 2 and rng.random() < 0.4:
            self.bus(bus, depth + 1)
            self.fill(bus, rng.randint(0, 2), gpio)
        if bus.nexus:
            mask = "0xffffffff " * bus.address_cells
            node.set("#interrupt-cells", "<1>")
            node.set("interrupt-map-mask", f"<{mask}0xff>")
            node.set("interrupt-map", *(f"<{bus.cells(unit, bus.address_cells)} {pin} &intc {self.specifier(*line)}>"
                                        for unit, pin, line in bus.nexus))

    def dma_ranges(self, bus, above):
        """Devices have the memory at another address, or reach a part of it."""
        start = self.memory[0][0]
        size = self.rng.choice((0x10000000, 0x40000000, 0x80000000))
        bus.node.dma = self.rng.choice((0, 0x40000000, start)), start, size
        child, parent, size = bus.node.dma
        bus.node.set("dma-ranges", f"<{bus.cells(child, bus.address_cells)} {above.cells(parent, above.address_cells)} "
                                   f"{bus.cells(size, bus.size_cells)}>")

    def gpio(self, bus):
        at = bus.take(0x1000, 0x1000)
        if at is None:
            return None
        label = self.label("gpio")
        node = Node(bus.node, f"gpio@{at - bus.base + bus.child_base:x}", label)
        node.set("compatible", '"acme,gpio"')
        node.set("reg", bus.reg(at, 0x1000))
        line = self.new_line()
        node.set("interrupts-extended", f"<&intc {self.specifier(*line)}>")
        node.set("gpio-controller")
        node.set("#gpio-cells", "<2>")
        node.set("interrupt-controller")
        node.set("#interrupt-cells", "<2>")
        node.set("#address-cells", "<0>")
        device = Device(node)
        device.regions = [Region(at, 0x1000)]
        device.lines = [self.line(*line)]
        device.is_gpio = True
        self.devices.append(device)
        return label

    # ---- devices ----

    def fill(self, bus, count, gpio=None):
        for _ in range(count):
            self.device(bus, gpio=gpio)

    def places(self, bus, most):
        """Regions one after another: packed, or in separate pages."""
        rng, regions = self.rng, []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, most))):
            size = rng.choice(SIZES)
            packed = rng.random() < 0.25
            align = 0x10 if packed else max(0x1000, size & -size if rng.random() < 0.5 else 0x1000)
            at = bus.take(size, align)
            if at is not None:
                regions.append(Region(at, size))
        return regions

    def device(self, bus, above=None, gpio=None):
        rng = self.rng
        regions = self.places(bus, 4)
        if not regions:
            return None
        label = self.label("dev")
        here = regions[0].address - bus.base + bus.child_base
        node = Node(bus.node, f"{rng.choice(('dev', 'ethernet', 'usb', 'crypto', 'unit'))}@{here:x}", label)
        device = Device(node, above)
        device.regions = regions
        node.set("compatible", f'"acme,{label}", "acme,device"')
        node.set("reg", *(bus.reg(r.address, r.size) for r in regions))
        if rng.random() < 0.4:
            node.set("reg-names", *(f'"r{i}"' for i in range(len(regions))))
        self.interrupts(bus, device, here, gpio)
        self.references(device)
        if rng.random() < 0.06:
            node.set("status", '"disabled"')
            device.off = True
        self.devices.append(device)
        if above is None and rng.random() < 0.15:
            self.engine(bus, device)
        return device

    def engine(self, bus, device):
        """Parts inside the device's first region, or children on a bus that the cpus cannot reach."""
        rng, region = self.rng, device.regions[0]
        if region.size >= 0x4000 and region.address % 0x1000 == 0 and rng.random() < 0.7:
            # A bus for Linux: its parts stay when VFIO takes the driver's place.
            device.node.lines = [line.replace(';', ', "simple-mfd";') if line.startswith("compatible") else line
                                 for line in device.node.lines]
            device.node.set("#address-cells", "<1>")
            device.node.set("#size-cells", "<1>")
            here = region.address - bus.base + bus.child_base
            inner = Bus(device.node, region.address, region.size, 0, 1, 1)
            device.node.set("ranges", f"<0 {inner.cells(here, bus.address_cells)} {region.size:#x}>")
            inner.used = 0x1000
            inner.explicit = True  # whichever controller the device itself uses
            for _ in range(rng.randint(1, 3)):
                self.device(inner, above=device)
        else:
            device.node.set("#address-cells", "<1>")
            device.node.set("#size-cells", "<0>")
            for n in range(rng.randint(1, 2)):
                Node(device.node, f"chip@{n}").set("reg", f"<{n}>")

    def interrupts(self, bus, device, here, gpio):
        rng, node = self.rng, device.node
        count = rng.choice((0, 1, 1, 1, 2, 3))
        if not count:
            return
        if bus.nexus is not None and rng.random() < 0.6:
            lines = [self.new_line() for _ in range(count)]
            bus.nexus += [(here, pin, line) for pin, line in enumerate(lines)]
            node.set("interrupt-parent", f"<&{bus.node.label}>")
            node.set("interrupts", *(f"<{pin}>" for pin in range(count)))
        elif gpio and rng.random() < 0.3:
            node.set("interrupt-parent", f"<&{gpio}>")
            number = rng.randint(0, 31)
            # Devices on one line agree on its trigger.
            line = Line(gpio, number, "level-high" if self.chip == "plic" or number % 2 else "edge-rising", "GPIO")
            node.set("interrupts", f"<{line.number} {TRIGGERS[line.trigger]}>")
            device.lines = [line]
            return
        else:
            lines = [self.new_line() for _ in range(count)]
            if rng.random() < 0.04:
                lines.append(lines[0])  # twice in one node
            specifiers = [self.specifier(*line) for line in lines]
            if rng.random() < 0.25 or bus.nexus is not None or bus.explicit:
                node.set("interrupts-extended", *(f"<&intc {s}>" for s in specifiers))
            else:
                node.set("interrupts", *(f"<{s}>" for s in specifiers))
        device.lines = [self.line(*line) for line in lines]
        if rng.random() < 0.4:
            node.set("interrupt-names", *(f'"i{i}"' for i in range(len(device.lines))))

    def references(self, device):
        rng, node, refs = self.rng, device.node, device.refs
        if rng.random() < 0.4:
            refs["clocks"] = [(f"clk{rng.randrange(self.clocks)}", f" {rng.randint(0, 40)}") if rng.random() < 0.7 else (rng.choice(("osc", "half")), "")
                              for _ in range(rng.randint(1, 3))]
            if rng.random() < 0.5:
                node.set("clock-names", *(f'"c{i}"' for i in range(len(refs["clocks"]))))
        if rng.random() < 0.2:
            refs["resets"] = [(f"clk{rng.randrange(self.clocks)}", f" {rng.randint(0, 40)}")]
        if rng.random() < 0.2:
            refs["power-domains"] = [(f"clk{rng.randrange(self.clocks)}", f" {rng.randint(0, 40)}")]
        if rng.random() < 0.15:
            refs["vdd-supply"] = [("vdd", "")]
        if rng.random() < 0.1:
            refs["acme,control"] = [("osc", "")]
        for name, entries in refs.items():
            node.set(name, *(f"<&{label}{specifier}>" for label, specifier in entries))
        if self.kind == "arm" and self.iommu and rng.random() < 0.75:
            device.own_iommu = True
            device.streams = [self.next_stream() for _ in range(rng.choice((1, 1, 1, 2)))]
            node.set("iommus", *(f"<&smmu {s:#x}>" for s in device.streams))
        if self.kind == "ppc" and rng.random() < 0.8:
            device.streams = [self.next_stream() for _ in range(rng.choice((1, 1, 2)))]
            node.set("fsl,liodn", "<" + " ".join(str(s) for s in device.streams) + ">")
            if not device.above:
                device.own_iommu = True
                node.set("fsl,iommu-parent", "<&pamu>")

    def next_stream(self):
        if self.rng.random() < 0.95:
            self.stream += 1
        return self.stream

    def pcie(self, base):
        """A PCI host bridge: a configuration space, windows, INTx lines."""
        wide = self.wide == 2
        ecam = 0x3F000000
        node = Node(self.root, f"pcie@{ecam:x}", self.label("pcie"))
        node.set("compatible", '"pci-host-ecam-generic"')
        node.set("device_type", '"pci"')
        node.set("reg", base.reg(ecam, 0x100000))
        node.set("#address-cells", "<3>")
        node.set("#size-cells", "<2>")
        node.set("bus-range", "<0 0>")
        node.set("linux,pci-domain", "<0>")
        device = Device(node)
        device.regions = [Region(ecam, 0x100000)]
        device.windows = [Region(0x3E000000, 0x10000), Region(0x30000000, 0x4000000)]
        if wide:
            device.windows.append(Region(0x500000000, 0x10000000))
        kinds = (0x01000000, 0x02000000, 0x03000000)
        node.set("ranges", *(f"<{kind:#x} {base.cells(0 if kind == 0x01000000 else w.address, 2)} "
                             f"{base.cells(w.address, base.address_cells)} {base.cells(w.size, 2)}>"
                             for kind, w in zip(kinds, device.windows)))
        lines = [self.new_line() for _ in range(4)]
        node.set("#interrupt-cells", "<1>")
        node.set("interrupt-map-mask", "<0 0 0 7>")
        node.set("interrupt-map", *(f"<0 0 0 {pin + 1} &intc {self.specifier(*line)}>" for pin, line in enumerate(lines)))
        device.map_lines = [self.line(*line) for line in lines]
        if self.iommu:  # of what is below the bridge, not its own
            node.set("iommu-map", "<0 &smmu 0x8000 0x10000>")
        self.devices.append(device)

    def text(self):
        root = Node(None, "/") if self.stub else self.root
        if self.stub:
            root.set("compatible", '"acme,random"')
            for start, size in self.memory:
                node = Node(root, f"memory@{start:x}")
                node.set("device_type", '"memory"')
                node.set("reg", f"<0 {start:#x} {size:#x}>")
        return "// SPDX-License-Identifier: MIT\n/dts-v1/;\n" + "\n".join(root.text()) + "\n"
