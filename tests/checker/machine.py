# SPDX-License-Identifier: MIT
"""Checks one machine: its tree and its config agree, and what they contain is possible."""

import re

from . import references
from .config import Config
from .dma import check_dma
from .dtb import Bad, Tree, address_cells, interrupt_map, interrupts, ranges, regs, root_line, windows

TOP = 1 << 64

# How a class's specifier is written, and KVM's number for a line; from the bindings (arm,gic.yaml, arm,gic-v3.yaml,
# fsl,mpic.txt, sifive,plic-1.0.0.yaml, riscv,aplic.yaml, intel,ce4100-ioapic.yaml). Senses: 1 and 2 are edges on the
# GIC and APLIC, 4 and 8 levels; 0 and 3 are edges on the MPIC and IOAPIC, 1 and 2 levels.
GIC_KINDS = {"spi": 0, "ppi": 1, "espi": 2, "eppi": 3}
MPIC_KINDS = {None: 0, "error": 1, "ipi": 2, "timer": 3}


def gic(q):
    # The guest's kernel accepts no other trigger for an SPI (arm,gic.yaml); higher bits are other flags of the binding.
    return (GIC_KINDS.get(q.kind), q.number, {"edge": (1,), "level": (4,)}), q.number if q.kind == "spi" else None


def mpic(q):
    gsi = q.number if q.kind is None else None
    return (q.number, {"edge": (0, 3), "level": (1, 2)}, MPIC_KINDS.get(q.kind), None), gsi


def plic(q):
    return (q.number,), q.number


def aplic(q):
    return (q.number, {"edge": (1, 2), "level": (4, 8)}), q.number


def ioapic(q):
    return (q.number, {"edge": (0, 3), "level": (1, 2)}), q.number


def aia(q):
    # KVM does not invert the wire: high is asserted (arch/riscv/kvm/aia_aplic.c, kvm_riscv_aia_aplic_inject()).
    return (q.number, {"edge": (1,), "level": (4,)}), q.number


SPECIFIERS = {"gic-v2": gic, "gic-v3": gic, "mpic": mpic, "plic": plic, "plic-edge": aplic, "aplic": aplic, "ioapic": ioapic,
              "aia": aia}
# In x86 guests: in each cpu, at the same address.
LOCAL_APIC = "intel,ce4100-lapic"
IN_KVM = {"gic-v2": "arm-vgic-v2", "gic-v3": "arm-vgic-v3", "mpic": "fsl-mpic-42", "ioapic": "x86-ioapic", "aia": "riscv-aia"}
ARCHITECTURES = {"gic-v2": ("arm64", "arm"), "gic-v3": ("arm64", "arm"), "mpic": ("ppc",), "ioapic": ("x86-64",),
                 "plic": ("riscv64",), "plic-edge": ("riscv64",), "aplic": ("riscv64",), "aia": ("riscv64",)}
# Linux drivers/reset/reset-simple.c: line N is bit N % 32 of register N / 32.
GENERIC_RESETS = ("snps,dw-high-reset", "snps,dw-low-reset")
GIVEN = {"window": ("window", "size"), "liodn-index": ("liodn_index",), "stream": ("stream",), "operation": ("operation",)}
# For each kind of expectation: required fields, optional fields, and whether there can be several.
EXPECTED = {"page-size": ({"a"}, set(), False), "host-compatible": ({"string"}, set(), True),
            "cpu-online": (set(), set(), True), "huge-pages": ({"a", "b"}, set(), False),
            "file": ({"string"}, {"device"}, True), "sysfs-name": ({"device", "string"}, set(), False),
            "compatible": ({"device", "string"}, set(), False), "region": ({"device", "b"}, {"a", "string"}, True),
            "irq-count": ({"device", "a"}, set(), False), "irq-trigger": ({"device", "a", "string"}, set(), True),
            "group-member": ({"device", "string"}, set(), True),
            "memory-free": ({"a", "b", "string"}, {"device"}, True),
            "kvm-device": ({"string"}, set(), True), "power-link": ({"device", "string"}, set(), True),
            "tree-property": ({"string"}, {"a"}, True), "argument": ({"string"}, set(), True),
            "cpu-isolated": (set(), set(), True)}
PCI_NAME = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")


class Machine:
    """One machine as read from its outputs, and its problems."""

    def __init__(self, dtb, cfg):
        self.problems = []
        self.tree = Tree(dtb)
        self.config = Config(cfg)
        self.name = self.config.machine[0].name
        self.page = self.config.machine[0].host_page_size
        if not self.config.belongs_to(dtb):
            self.say("the config belongs to another tree")
        self.chips = {}  # node -> record
        for check in (self.check_references, self.check_given, self.check_cpus, self.check_memory, self.check_chips, self.check_interrupt_tree,
                      self.check_devices, self.check_lines, self.check_resets, self.check_reported, self.check_space, self.check_pages,
                      self.check_expectations, lambda: check_dma(self)):
            try:
                check()
            except Bad as bad:
                self.say(str(bad))
            except (TypeError, LookupError, AttributeError) as bad:
                # A value is missing that another value requires, so further checks make no sense.
                self.say(f"{check.__name__} came to nothing: {bad!r}")

    def say(self, text):
        self.problems.append(f"{self.name}: {text}")

    def check_references(self):
        for problem in references.check(self.tree):
            self.say(problem)

    def check_given(self):
        """Fields that a record of its kind does not have are not set."""
        c = self.config
        first = c.irqchip[0].class_name if c.irqchip else None
        if first and c.machine[0].arch not in ARCHITECTURES[first]:
            self.say(f"{c.machine[0].arch} with a {first}")
        for m in c.memory:
            if m.offset and m.backing != "file":
                self.say(f"memory {m.name}: offset of {m.backing}")
        for d in c.device:
            on_host = d.kind in ("platform", "pci")
            # A shadow's node stays with the host, and is found by its path.
            path = d.host_path if not is_shadow(d) else None
            if d.kind in ("emulated", "raw") and (d.sysfs_name or path) or d.kind == "pci" and path:
                self.say(f"{d.name} is {d.kind}, and has a name on the host")
            if is_shadow(d) and (not d.host_path or not d.node or d.domains or d.all_irqs or len(d.all_regions) != 1):
                self.say(f"{d.name} is a shadow, and more than a window of registers")
            if (d.kind == "pci") != bool(PCI_NAME.match(d.sysfs_name or "")):
                self.say(f"{d.name} is {d.kind}, and {d.sysfs_name} on the host")
            if (d.reset == "never") == on_host:
                self.say(f"{d.name} is {d.kind}, and its reset is {d.reset}")
            if (d.bus is None) != (d.slot is None):
                self.say(f"{d.name}: bus {d.bus} with slot {d.slot}")
            if d.kind == "emulated" and (d.domains or any(q.source != "emulated" for q in d.all_irqs)):
                self.say(f"{d.name} is emulated, and has DMA or an interrupt of the host")
        for r in c.region:
            kind = c.device[r.device].kind
            if r.offset and r.file is None:
                self.say(f"{r}: offset without file")
            where = r.offset if r.file == "/dev/mem" else None  # also the host's addresses
            if r.host != where if kind != "platform" else (r.host is None) != (c.device[r.device].host_path is None):
                self.say(f"{r} of a {kind} device: host address {r.host}")
        for q in c.irq:
            left = (q.gsi, q.kind, q.trigger_name) if "dropped" in q.flags else ()
            if any(v is not None for v in left) or left and (q.trigger != "none" or q.cells):
                self.say(f"{q} is dropped, and says how it fires")
            if "dropped" not in q.flags and q.trigger == "none":
                self.say(f"{q} does not say how it fires")
            if (q.source == "file") != (q.file is not None) or (q.source == "emulated") != (
                    c.device[q.device].kind == "emulated"):
                self.say(f"{q}: source {q.source}, file {q.file}")
        for x in c.dma:
            for flag, fields in GIVEN.items():
                if flag not in x.flags and any(getattr(x, f) for f in fields):
                    self.say(f"{x}: {fields} without flag {flag}")
        for m in c.dma_map:
            if m.bank and m.what != "msi-bank":
                self.say(f"{m}: bank of {m.what}")
        for e in c.expect:
            kind = EXPECTED.get(e.kind)
            fields = {f for f in ("device", "string", "a", "b") if getattr(e, f) is not None}
            if kind is None or not kind[0] <= fields <= kind[0] | kind[1] or (e.index and not kind[2]):
                self.say(f"{e}: {e.kind} with {sorted(fields)}, index {e.index}")

    # ---- cpus, memory, irqchips ----

    def check_cpus(self):
        above = self.tree.by_path.get("/cpus")
        nodes = [n for n in (above.children.values() if above else ()) if n.string("device_type") == "cpu"]
        there = [(n.props["reg"]) for n in nodes]
        width = address_cells(above) if above else 0
        said = [c.reg.to_bytes(4 * width, "big") for c in self.config.cpu]
        if there != said:
            self.say("the cpus of the tree are not those of the config")
        if [c.vcpu for c in self.config.cpu] != list(range(len(said))):
            self.say("the vcpus are not numbered 0, 1, 2")

    def check_place(self, m, found):
        """Where the host may have memory: only of what is looked for there."""
        page = m.page_size or (2 << 20 if m.backing == "contiguous" else self.page)
        first, end = m.lowest if m.physical is None else m.physical, m.limit or TOP
        if not found and (m.lowest or m.limit):
            self.say(f"memory {m.name}: limits of backing {m.backing}")
        if first < m.lowest or first + m.size > end or m.lowest + m.size > end:
            self.say(f"memory {m.name} is not between {m.lowest:#x} and {end:#x}")
        if m.backing == "contiguous" and (m.size % page or (m.physical or 0) % page):
            self.say(f"memory {m.name} is not made of huge pages")
        if m.page_size and (m.page_size <= self.page or m.page_size % self.page):
            self.say(f"memory {m.name}: pages of {m.page_size:#x} are not huge")

    def check_memory(self):
        ordinary, reserved = [], []
        for node in self.tree.root.walk():
            if node.string("device_type") == "memory":
                ordinary += regs(node)
            elif node.parent and node.parent.path == "/reserved-memory" and "reg" in node.props:
                reserved.append((regs(node), "no-map" in node.props))
        for m in self.config.memory:
            special = m.share is not None or "readonly" in m.flags
            here = (m.address, m.size)
            if special and ([here], True) not in reserved:
                self.say(f"memory {m.name} is not in /reserved-memory with no-map")
            if special == (here in ordinary):
                self.say(f"memory {m.name} {'is in' if special else 'has no'} /memory")
            if m.page_size and (m.size % m.page_size or m.page_size & m.page_size - 1):
                self.say(f"memory {m.name} is not made of its pages")
            for what in (m.address, m.size, m.offset, m.physical or 0):
                if what % self.page:
                    self.say(f"memory {m.name}: {what:#x} is not a multiple of a page")
            found = m.backing in ("contiguous", "heap")
            if not found and (m.backing == "physical") != (m.physical is not None):
                self.say(f"memory {m.name}: backing {m.backing} contradicts what is given")
            if (m.backing in ("file", "heap")) != (m.path is not None):
                self.say(f"memory {m.name}: backing {m.backing} contradicts what is given")
            if (m.backing == "hugetlb") != (m.page_size > 0) and m.backing != "contiguous":
                self.say(f"memory {m.name}: page size {m.page_size:#x} of backing {m.backing}")
            self.check_place(m, found)
        known = [(m.address, m.size) for m in self.config.memory]
        for here in ordinary:
            if here not in known:
                self.say(f"/memory at {here[0]:#x} is not in the config")
        for extents, _ in reserved:
            for start, size in extents:
                if not any(a <= start and start + size <= a + s for a, s in known):
                    self.say(f"/reserved-memory at {start:#x} is in no memory of the config")

    def check_chips(self):
        for chip in self.config.irqchip:
            parts = [(r.address, r.size) for r in chip.parts]
            place = parts.pop() if chip.messages else None
            nodes = [n for n in self.tree.root.walk()
                     if "interrupt-controller" in n.props and n not in self.chips and parts and regs(n) == parts]
            if len(nodes) != 1:
                self.say(f"irqchip {chip.name} is {len(nodes)} nodes of the tree")
                continue
            self.chips[nodes[0]] = chip
            self.check_messages(chip, nodes[0], place)
            if chip.kvm != IN_KVM.get(chip.class_name):
                self.say(f"irqchip {chip.name}, {chip.class_name}, is served by {chip.kvm}")
            if chip is self.config.irqchip[0] and self.tree.root.cell("interrupt-parent") != nodes[0].cell("phandle"):
                self.say("the root's interrupt-parent is not the first irqchip")

    def check_interrupt_tree(self):
        """Linux initialises controllers from the root of the interrupt tree on (drivers/of/irq.c, of_irq_init())."""
        cpus = [n for n in self.tree.root.walk() if n.path.startswith("/cpus/") and "interrupt-controller" in n.props]
        for node in [*self.chips, *cpus]:
            seen = []
            while node and node not in seen:
                seen.append(node)
                above = self.controller_above(node)
                node = None if above is node else above
            if node:
                self.say(f"the interrupts of {seen[0].path} go round in a circle: {', '.join(n.path for n in seen)}")

    def controller_above(self, node):
        """The node that Linux takes for the interrupt parent of a controller; it may be the node itself."""
        if "interrupts-extended" in node.props:
            return self.tree.phandles.get(int.from_bytes(node.props["interrupts-extended"][:4], "big"))
        for _ in range(len(self.tree.by_path)):
            node = self.tree.phandles.get(node.cell("interrupt-parent")) if "interrupt-parent" in node.props else node.parent
            if not node or "#interrupt-cells" in node.props:
                return node
        return None

    def check_messages(self, chip, node, place):
        """The target of an APLIC's lines: riscv,aplic.yaml, riscv,imsics.yaml; for KVM's limits arch/riscv/kvm/aia_device.c."""
        if (place is not None) != (chip.class_name == "aia"):
            self.say(f"irqchip {chip.name}, {chip.class_name}, has {chip.messages} messages")
        if place is None:
            return
        cpus = [n for n in self.tree.by_path["/cpus"].children.values() if n.string("device_type") == "cpu"]
        to = self.tree.phandles.get(node.cell("msi-parent"))
        if to is None or regs(to) != [place]:
            self.say(f"irqchip {chip.name} has no MSI controller at {place[0]:#x}")
            return
        wanted = b"".join(n.children["interrupt-controller"].props["phandle"] + (9).to_bytes(4, "big") for n in cpus)
        block = 0x1000 << (len(cpus) - 1).bit_length()
        if to.props.get("interrupts-extended") != wanted or "msi-controller" not in to.props:
            self.say(f"the messages of irqchip {chip.name} do not get to every cpu")
        if place[1] != 0x1000 * len(cpus) or place[0] % block:
            self.say(f"the IMSICs of irqchip {chip.name} are not in one block of their size")
        if to.cell("riscv,num-ids") != chip.messages or node.cell("riscv,num-sources") != chip.lines:
            self.say(f"irqchip {chip.name}: {chip.lines} lines of {chip.messages} messages are not what its nodes say")
        if not 63 <= chip.messages < 2048 or chip.messages % 64 != 63 or chip.lines > chip.messages:
            self.say(f"irqchip {chip.name}: KVM takes no {chip.lines} lines of {chip.messages} messages")
        if any(q.chip is not None and self.config.irqchip[q.chip] is chip and "resample" in q.flags for q in self.config.irq):
            self.say(f"irqchip {chip.name} never resamples")

    # ---- devices ----

    def check_devices(self):
        nodes = {}
        for d in self.config.device:
            d.at = self.tree.by_path.get(d.node) if d.node else None
            if d.node and not d.at:
                self.say(f"{d.name}: there is no node {d.node}")
            elif d.at and nodes.setdefault(d.at, d) is not d:
                self.say(f"{d.name} and {nodes[d.at].name} are one node")
        self.devices = nodes
        for d in self.config.device:
            self.check_regions(d)
            if d.at:
                if d.bus is None:
                    self.check_reg(d)
                    self.check_windows(d)
                else:
                    self.check_slot(d)
            if d.vcpu is not None and d.vcpu >= len(self.config.cpu):
                self.say(f"{d.name}: there is no vcpu {d.vcpu}")

    def check_regions(self, d):
        for r in d.all_regions:
            if ("unsafe" in r.flags) != (r.reason is not None):
                self.say(f"{d.name}: region {r.index}: unsafe and reason contradict")
            if r.mode == "drop":
                if r.guest is not None:
                    self.say(f"{d.name}: region {r.index} is dropped and has an address")
                continue
            if (r.guest is None) != (d.bus is not None):
                self.say(f"{d.name}: region {r.index} has {'no' if r.guest is None else 'an'} address")
            if (d.kind == "raw") != (r.file is not None):
                self.say(f"{d.name}: region {r.index}: {d.kind} with file {r.file}")
            # Whole pages are mapped.
            behind = r.host if r.file is None else r.offset
            if r.mode == "map" and d.kind != "emulated" and r.guest is not None and behind is not None:
                if (r.guest - behind) % self.page:
                    self.say(f"{d.name}: region {r.index} is at another place in its page")
        places = [("window" in r.flags, r.index) for r in d.all_regions]
        if len(set(places)) < len(places):
            self.say(f"{d.name} has a region twice")

    def family(self, d):
        """The device, and the devices above that were passed through with it."""
        found = [d]
        while found[-1].parent is not None:
            found.append(self.config.device[found[-1].parent])
        return found

    def check_reg(self, d):
        said = [(r.guest, r.size) for r in d.all_regions if "window" not in r.flags and r.mode != "drop"]
        there = regs(d.at)
        if all(address is None for address, _ in there):
            there = []  # an address on a different kind of bus
        if d.kind == "emulated":
            there += windows(d.at)  # a window of a PCI host bridge
        # A region inside one of the device above has no record of its own.
        above = [(r.guest, r.size) for o in self.family(d)[1:] for r in o.all_regions if r.guest is not None]
        there = [(a, s) for a, s in there if (a, s) in said or a is None or not inside(a, s, above)]
        if said != there:
            self.say(f"{d.name}: reg says {shown(there)}, the config {shown(said)}")

    def check_windows(self, d):
        said = [(r.guest, r.size) for r in d.all_regions if "window" in r.flags and r.mode != "drop"]
        there = windows(d.at)
        for extent in said:
            if extent not in there:
                self.say(f"{d.name}: the window at {extent[0]:#x} is not in ranges")
        mine = [(r.guest, r.size) for o in self.family(d) for r in o.all_regions if r.guest is not None]
        for start, size in there:
            # All windows of a PCI bus belong to the guest: nothing else shows which of them are used.
            if start is not None and address_cells(d.at) == 3 and not inside(start, size, mine):
                self.say(f"{d.name}: the window at {start:#x} of ranges is not in the config")

    def check_slot(self, d):
        reg = d.at.props.get("reg", b"")
        first = int.from_bytes(reg[:4], "big")
        buses = [b for b in self.config.device if b.name == d.bus and b.kind == "emulated"]
        if len(buses) != 1 or d.at.parent is not buses[0].at:
            self.say(f"{d.name} is not on {d.bus}")
        if first >> 11 & 31 != d.slot or first >> 16:
            self.say(f"{d.name}: reg says {first:#x}, the config slot {d.slot}")
        others = [o.name for o in self.config.device if o is not d and (o.bus, o.slot) == (d.bus, d.slot)]
        if others:
            self.say(f"{d.name} and {others[0]} are in one slot")

    # ---- interrupts ----

    def check_lines(self):
        taken = {}
        for d in self.config.device:
            self.check_shared(d)
            said = [q for q in d.all_irqs if "dropped" not in q.flags]
            for q in said:
                self.check_specifier(d, q, taken)
            places = [(q.source, q.index, q.name if d.kind == "pci" else None) for q in d.all_irqs]
            if len(set(places)) < len(places):
                self.say(f"{d.name} has an interrupt twice")
            # This applies to a PCI function as well: its first MSI is a line of the guest.
            if d.at:
                self.compare_lines(d, d.at, [q for q in said if q.source != "map-entry"])
                self.compare_map(d, [q for q in said if q.source == "map-entry"])

    def check_shared(self, d):
        """What shares a line of the guest has one other interrupt that is bound, from the same line of the host."""
        for q in d.all_irqs:
            if "shared" not in q.flags:
                continue
            bound = [o for other in self.config.device for o in other.all_irqs if not {"shared", "dropped"} & set(o.flags)
                     and (o.chip, o.kind, o.number, o.trigger) == (q.chip, q.kind, q.number, q.trigger)]
            if len(bound) != 1 or not q.host or (bound[0].host or "").split(",")[0] != q.host.split(",")[0]:
                self.say(f"{d.name}: {q.source} interrupt {q.index} shares {q.host}, for which {len(bound)} are bound")

    def check_specifier(self, d, q, taken):
        chip = self.config.irqchip[q.chip]
        who = f"{d.name}: {q.source} interrupt {q.index}"
        want, gsi = SPECIFIERS[chip.class_name](q)
        if q.chip and not chip.kvm:
            gsi = None  # only lines of the first controller, or of KVM's own, have numbers
        fine = len(want) <= len(q.specifier) or chip.class_name == "mpic"
        for is_, wanted in zip(q.specifier, want):
            if isinstance(wanted, dict):
                fine = fine and is_ & 15 in wanted.get(q.trigger, ())
            else:
                fine = fine and wanted in (None, is_)
        if not fine:
            self.say(f"{who}: {q.trigger} {q.kind} {q.number} of {chip.class_name} is <{q.specifier}>")
        if q.gsi != gsi:
            self.say(f"{who}: GSI {q.gsi}, not {gsi}")
        # The host's line, if known: "GIC SPI 54, level-high". A PLIC has no trigger to compare.
        sense = re.search(r", (level|edge)", q.host or "")
        sense = sense[1] if sense else q.trigger
        if sense != q.trigger and chip.class_name != "plic":
            self.say(f"{who}: {q.host} is {q.trigger} in the guest")
        if "shared" in q.flags:
            if "resample" in q.flags:
                self.say(f"{who}: shared, and resampled")
            return
        if ("resample" in q.flags) != (sense == "level" and q.source != "emulated"):
            self.say(f"{who}: {q.trigger}, and {'' if 'resample' in q.flags else 'not '}resampled")
        if q.gsi is not None and q.number >= chip.lines:
            self.say(f"{who}: line {q.number}, and the chip has {chip.lines}")
        other = taken.setdefault((q.chip, q.kind, q.number), q)
        if other is not q:
            self.say(f"{who}: line {q.number} is another's, too")

    def compare_lines(self, d, node, said):
        there, inside_ = [], 0
        for parent, specifier in interrupts(node):
            chip, final, _ = root_line(node, parent, specifier)
            if chip in self.chips:
                there.append((self.chips[chip].i, final))
            elif self.owner(chip):
                inside_ += 1
            else:
                self.say(f"{node.path}: its interrupt goes to {chip.path}, which nobody serves")
        if there != [(q.chip, q.specifier) for q in said]:
            self.say(f"{node.path}: its interrupts are {there}, in the config {[(q.chip, q.specifier) for q in said]}")

    def compare_map(self, d, said):
        there = []
        for _, parent, _, specifier in interrupt_map(d.at):
            if parent in self.chips and (self.chips[parent].i, specifier) not in there:
                there.append((self.chips[parent].i, specifier))
            elif parent not in self.chips and not self.owner(parent):
                self.say(f"{d.name}: an entry of its interrupt-map goes to {parent.path}, which nobody serves")
        said = [(q.chip, q.specifier) for q in said]
        # Other links to it come from the device itself and the nodes below: they go through the map.
        below = [o for o in self.config.device if d in self.family(o)]
        known = [(q.chip, q.specifier) for o in below for q in o.all_irqs if "dropped" not in q.flags]
        if any(line not in there for line in said) or any(line not in known for line in there):
            self.say(f"{d.name}: its interrupt-map leads to {there}, the config says {said}")

    def owner(self, node):
        """The device that a node belongs to."""
        while node is not None:
            if node in self.devices:
                return self.devices[node]
            node = node.parent
        return None

    # ---- everything in the tree is in the config ----

    def check_resets(self):
        """Of a shadowed reset controller, the guest may write the bits of the lines that its nodes refer to, and no others."""
        c = self.config
        for d in c.device:
            node = self.tree.by_path.get(d.node) if is_shadow(d) else None
            if node is None or node.string("compatible") not in GENERIC_RESETS:
                continue
            named = {specifier[0] for user in self.tree.root.walk() if "resets" in user.props
                     for provider, specifier in references.references(user, "resets") if provider is node}
            writes = [w for w in c.write if c.region[w.region].device == d.i]
            bits = {8 * w.offset + bit for w in writes for bit in range(32) if w.mask >> bit & 1}
            if named != bits:
                self.say(f"{d.name}: lines {sorted(named)} are referred to, and {sorted(bits)} can be written")
            if any("hiword" in w.flags and "plain" not in w.flags for w in writes):
                self.say(f"{d.name}: the guest's driver knows of no bits that select")

    def check_reported(self):
        extents = [(m.address, m.size) for m in self.config.memory]
        extents += [(r.address, r.size) for r in self.config.chip_region]
        extents += [(r.guest, r.size) for r in self.config.region if r.guest is not None]
        for node in self.tree.root.walk():
            if off(node) or node.string("compatible") == LOCAL_APIC:
                continue
            for address, size in regs(node):
                if address is not None and size and not inside(address, size, extents):
                    self.say(f"{node.path} has {shown([(address, size)])}, which the config knows nothing of")
            if node in self.devices or node in self.chips:
                continue
            for parent, specifier in interrupts(node):
                chip, final, _ = root_line(node, parent, specifier)
                # PPIs belong to the vcpus: the timer.
                private = chip in self.chips and SPECIFIERS[self.chips[chip].class_name] is gic and final[0] == 1
                if chip in self.chips and not private:
                    self.say(f"{node.path} has an interrupt that the config knows nothing of")

    # ---- guest addresses ----

    def claims(self):
        """[(first, end, what, mapped, offset to the host's registers or None)]"""
        found = [(m.address, m.address + m.size, f"memory {m.name}", False, None) for m in self.config.memory]
        for chip in self.config.irqchip:
            found += [(r.address, r.address + r.size, f"irqchip {chip.name}", False, None) for r in chip.parts]
        for r in self.config.region:
            if r.guest is not None:
                d = self.config.device[r.device]
                away = None if r.host is None else (r.guest - r.host, r.mode)
                mapped = r.mode == "map" and d.kind != "emulated"
                found.append((r.guest, r.guest + r.size, f"region {r.index} of {d.name}", mapped, away))
        return sorted(found, key=lambda c: c[:3])

    def overlaps(self, claims, how):
        reach = []
        for claim in claims:
            reach = [r for r in reach if r[1] > claim[0]]
            for other in reach:
                # The same registers at one address: those of an engine, and of a part of it.
                if claim[4] is None or claim[4] != other[4]:
                    self.say(f"{claim[2]} and {other[2]} {how} at {claim[0]:#x}")
            reach.append(claim)

    def check_space(self):
        claims = self.claims()
        self.overlaps(claims, "overlap")
        for claim in claims:
            if claim[1] > TOP:
                self.say(f"{claim[2]} ends beyond the last address")

    def check_pages(self):
        """Mapped regions have their pages alone, except for others that are mapped there in the same way."""
        rounded = [(c[0] // self.page * self.page, -(-c[1] // self.page) * self.page, *c[2:]) for c in self.claims()]
        mapped = [c for c in rounded if c[3]]
        for c in rounded:
            for m in mapped:
                if c is not m and c[0] < m[1] and m[0] < c[1] and (c[4] is None or c[4] != m[4]):
                    self.say(f"{c[2]} and {m[2]} are in one page at {max(c[0], m[0]):#x}, and one of them is mapped")

    # ---- what the runtime has to verify first ----

    def check_expectations(self):
        for e in self.config.expect:
            d = None if e.device is None else self.config.device[e.device]
            if e.kind == "page-size" and e.a != self.page:
                self.say(f"pages of {self.page:#x} bytes, expected {e.a:#x}")
            if e.kind == "sysfs-name" and e.string != d.sysfs_name:
                self.say(f"{d.name} is {d.sysfs_name}, expected {e.string}")
            if e.kind == "compatible" and e.string != d.compatible:
                self.say(f"{d.name} is compatible with {d.compatible}, expected {e.string}")
            if e.kind == "region":
                known = [(r.host, r.size) for r in d.all_regions if r.index == e.index and "window" not in r.flags]
                if known != [(e.a, e.b)]:
                    self.say(f"{d.name}: region {e.index} is {known}, expected {(e.a, e.b)}")
            if e.kind == "memory-free" and d:
                if not [r for r in d.all_regions if (r.index, r.offset, r.size, d.name) == (e.index, e.a, e.b, e.string)]:
                    self.say(f"{d.name} has no region {e.index} at {e.a:#x}")
            elif e.kind == "memory-free":
                m = self.config.memory[e.index] if e.index < len(self.config.memory) else None
                if not m or (m.name, m.physical, m.size) != (e.string, e.a, e.b):
                    self.say(f"memory {e.index} is another than {e.string} at {e.a:#x}")
            if e.kind == "kvm-device":
                chip = self.config.irqchip[e.index] if e.index < len(self.config.irqchip) else None
                if not chip or chip.kvm != e.string:
                    self.say(f"irqchip {e.index} is not served by {e.string}")
            if e.kind == "irq-count":
                linked = [q for q in d.all_irqs if q.source == "device" and "dropped" not in q.flags]
                beyond = [q.index for q in linked if q.index >= e.a]
                if beyond:
                    self.say(f"{d.name}: interrupt {beyond[0]}, expected are {e.a}")
        expected = {(e.kind, e.device, e.index) for e in self.config.expect}
        for chip in self.config.irqchip:
            if chip.kvm and ("kvm-device", None, chip.i) not in expected:
                self.say(f"irqchip {chip.name}: nobody is to look whether KVM has {chip.kvm}")
        for d in self.config.device:
            if is_shadow(d) and not {("compatible", d.i, 0), ("region", d.i, 0)} <= expected:
                self.say(f"{d.name}: nobody is to look whether the host's tree has it there")
            if d.sysfs_name and ("sysfs-name", d.i, 0) not in expected:
                self.say(f"{d.name}: nobody is to look for {d.sysfs_name}")
            for r in d.all_regions:
                # A region is verified if VFIO has it: for a platform device that VFIO knows by name.
                # The size of a BAR is known only to the host, or an expectation contains it.
                if (d.kind == "platform" and d.sysfs_name and r.host is not None and "window" not in r.flags) or \
                        (d.kind == "pci" and r.size):
                    if ("region", d.i, r.index) not in expected:
                        self.say(f"{d.name}: nobody is to look for region {r.index}")


def is_shadow(d):
    return any("shadow" in r.flags for r in d.all_regions)


def off(node):
    """True if its status, or that of a node above it, makes the guest ignore it."""
    while node is not None:
        if node.string("status") not in ("", "okay", "ok"):
            return True
        node = node.parent
    return False


def inside(start, size, extents):
    return any(a <= start and start + size <= a + s for a, s in extents)


def shown(extents):
    return ", ".join("nowhere" if a is None else f"{a:#x}+{s:#x}" for a, s in extents) or "nothing"
