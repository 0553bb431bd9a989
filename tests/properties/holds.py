# SPDX-License-Identifier: MIT
"""Checks that the outputs contain what was asked for, and respect the board."""

from checker.bus import dma_ranges, outermost
from checker.dtb import cells
from checker.references import references

from .reach import OPERATIONS, bus_memory

CLASSES = {"arm64-virt": "gic-v3", "arm-virt": "gic-v2", "e500mc-kvm": "mpic", "riscv64-virt": "plic", "riscv64-aia": "aia",
           "x86-64": "ioapic"}

# Providers that are descriptions.
COPIES = {"osc": "fixed-clock", "half": "fixed-factor-clock", "vdd": "regulator-fixed"}


def contested(record):
    """What the ownership oracle judges: contested.py."""
    return record.name.startswith("own_")


def differences(case, machines):
    """The problems of machines, as tests/checker has read them."""
    found = {m.name: m for m in machines}
    if set(found) != {m.name for m in case.machines}:
        return [f"the machines are {sorted(found)}"]
    problems = []
    for want in case.machines:
        one = One(case, want, found[want.name])
        problems += one.problems
    return problems + ownership(case, found)


class One:
    def __init__(self, case, want, got):
        self.case, self.want, self.got, self.config = case, want, got, got.config
        self.problems = []
        self.copies = None
        self.check_machine()
        self.check_cpus()
        self.check_memory()
        self.check_emulated()
        self.check_devices()
        self.check_outside()

    def say(self, text):
        self.problems.append(f"{self.want.name}: {text}, which is not what was asked for")

    def check_machine(self):
        m, chip = self.config.machine[0], self.config.irqchip[0]
        if (m.platform, m.host_page_size) != (self.want.platform, self.case.page):
            self.say(f"a {m.platform} on pages of {m.host_page_size:#x}")
        if (chip.name, chip.class_name) != (self.want.chip, self.want.own_chip or CLASSES[self.want.platform]):
            self.say(f"irqchip {chip.name} : {chip.class_name}")

    def check_cpus(self):
        on = self.want.on
        asked = [on[n % len(on)] if on else None for n in range(self.want.cpus)]
        if [c.host_cpu for c in self.config.cpu] != asked:
            self.say(f"vcpus on {[c.host_cpu for c in self.config.cpu]}")

    def check_memory(self):
        there = {x.name: x for x in self.config.memory if not contested(x)}
        if sorted(there) != sorted(name for x in self.want.memory for name in x.banks):
            self.say(f"memory {sorted(there)}")
            return
        for x in self.want.memory:
            flags = {"readonly"} & ({"readonly"} if x.readonly else set()) | ({"no-dma"} if x.no_dma else set())
            for is_ in (there[name] for name in x.banks):
                if (is_.size, is_.share, is_.flags, *self.source(is_)) != (x.size // x.runs, x.share, flags, *self.asked_source(x)):
                    self.say(f"memory {is_.name}: {vars(is_)}")
            if x.at is not None and there[x.name].address != x.at:
                self.say(f"memory {x.name} at {there[x.name].address:#x}")

    @staticmethod
    def source(is_):
        arg = {"file": is_.path, "hugetlb": is_.page_size, "contiguous": is_.page_size, "heap": is_.path}.get(is_.backing)
        return is_.backing, arg, is_.physical, is_.lowest, is_.limit

    def asked_source(self, x):
        """(backing, its argument, host address, lowest host address, limit)"""
        if not x.placed:
            return x.backing, x.arg, None, 0, 0
        backing = {"hugetlb": "contiguous", "heap": "heap", "reserved": "physical"}[x.provider[0]]
        arg = {"hugetlb": lambda: x.provider[1] or 0, "heap": lambda: x.provider[1], "reserved": lambda: None}[x.provider[0]]()
        lowest, limit = 0, x.below or 0
        if x.arg is None:  # all devices that see it reach it
            for dma in self.translations(x):
                lowest, limit = max(lowest, dma[1]), min(limit or 1 << 64, dma[1] + dma[2])
        return backing, arg, x.arg, lowest, limit

    def translations(self, x):
        """Those of the host's buses for devices that see the memory, where there is one."""
        if x.no_dma:
            return []
        bridge = next((d for d in self.case.host.devices if d.map_lines), None)
        found = []
        for w in self.want.wishes + self.want.outside:
            if w.dma == ("pool" if x is self.want.pool else "bus"):
                device = w.device if w.kind == "node" else bridge if w.kind == "pci" else None
                found += [device.dma] if device and device.dma else []
        return found

    def check_emulated(self):
        there = {d.name: d for d in self.config.device if d.kind == "emulated"}
        if sorted(there) != sorted(e.name for e in self.want.emulated):
            self.say(f"emulated devices {sorted(there)}")
            return
        for e in self.want.emulated:
            d = there[e.name]
            if d.class_name != e.kind or e.at is not None and d.all_regions[0].guest != e.at:
                self.say(f"{e.name}: {d.class_name}")
            if e.irq is not None and d.all_irqs[0].number != e.irq:
                self.say(f"{e.name}: line {d.all_irqs[0].number}")

    def check_devices(self):
        there = {d.host_path: d for d in self.config.device if d.host_path is not None and not contested(d)}
        # A node below that has neither registers of its own nor interrupts is not a device of the config.
        asked = {w.device.path: w for w in self.want.all_wishes()}
        for path in sorted(set(there) - set(asked)):
            if there[path].all_regions or there[path].all_irqs or there[path].domains:
                self.say(f"{path} is assigned")
        for path, w in asked.items():
            if path not in there:
                self.say(f"{path} is not assigned")
                continue
            d = there[path]
            self.check_regions(w, d)
            self.check_irqs(w, d)
            self.check_refs(w, d)
            self.check_dma(w, d)

    def moved(self, w, k):
        """The expected address of a region: its own, that of the region above that contains it, or the host's."""
        r = w.device.regions[k]
        if w.at[k] is not None:
            return w.at[k]
        for above in ([w.top] if w.top is not w else []):
            for outer, at in zip(above.device.regions, above.at):
                if at is not None and outer.address <= r.address < outer.address + outer.size:
                    return at + (r.address - outer.address)
        return r.address

    def check_regions(self, w, d):
        recorded = {r.index: r for r in d.all_regions if "window" not in r.flags}
        for k, r in enumerate(w.device.regions):
            if w.inside_top(k) and k not in recorded:
                continue
            if k not in recorded:
                self.say(f"{d.name} has no region {k}")
                continue
            is_ = recorded[k]
            mode = {"unsafe": "map"}.get(w.modes[k], w.modes[k])
            guest = None if mode == "drop" else self.moved(w, k)
            if (is_.mode, is_.host, is_.size, is_.guest) != (mode, r.address, r.size, guest):
                self.say(f"{d.name}: region {k} is {is_.mode} {is_.host:#x}+{is_.size:#x} at {is_.guest}, asked for {mode} "
                         f"{r.address:#x}+{r.size:#x} at {guest}")
            if ("unsafe" in is_.flags) != (w.modes[k] == "unsafe"):
                self.say(f"{d.name}: region {k}: flags {is_.flags}")
        if len(recorded) > len(w.device.regions):
            self.say(f"{d.name} has regions {sorted(recorded)}")
        windows = [(r.host, r.size) for r in d.all_regions if "window" in r.flags]
        # The window of an engine's parts is inside the engine's own registers.
        asked = [(r.address, r.size) for r in w.device.windows]
        if w.device.windows and windows != asked:
            self.say(f"{d.name}: windows {windows}")

    def check_irqs(self, w, d):
        recorded = {q.index: q for q in d.all_irqs if q.source == "device"}
        for i, (to, line) in enumerate(zip(w.irqs, w.device.lines)):
            if to == "inside":
                if i in recorded and "dropped" not in recorded[i].flags:
                    self.say(f"{d.name}: interrupt {i} is linked, and belongs to a controller that goes along")
                continue
            if i not in recorded:
                self.say(f"{d.name} has no interrupt {i}")
                continue
            q = recorded[i]
            if ("dropped" in q.flags) != (to == "drop"):
                self.say(f"{d.name}: interrupt {i}: {q.flags}")
            if (q.host or "").split(",")[0] not in (line.text, f"{line.text} of {line.chip}"):
                self.say(f"{d.name}: interrupt {i} is {q.host}, not {line.text}")
            trigger = self.want.one_trigger or line.trigger
            if to != "drop" and q.trigger_name != trigger:
                self.say(f"{d.name}: interrupt {i} is {q.trigger_name}, not {trigger}")
            if isinstance(to, tuple) and q.number != to[0]:
                self.say(f"{d.name}: interrupt {i} goes to {q.number}, not {to[0]}")
        if any(i >= len(w.device.lines) for i in recorded):
            self.say(f"{d.name} has interrupts {sorted(recorded)}")
        entries = [(q.host or "").split(",")[0] for q in d.all_irqs if q.source == "map-entry"]
        if entries:  # no kernel gives them
            self.say(f"{d.name}: its interrupt-map leads to {entries}")

    def fate(self, w, name, i, provider):
        """Precedence: entry, then property; the node itself, then the whole; then what the guest already has; then `*`."""
        for of in (w, w.top):
            for key in ((name, i), (name, None)):
                if key in of.fates:
                    return of.fates[key]
        if provider in self.copied():
            return "copy"
        return w.fates.get(("*", None), w.top.fates.get(("*", None))) or self.case.default(name, [(provider, "")])

    def copied(self):
        """Providers that the machine has copies of: asked for, or because no statement is about a reference to them."""
        if self.copies is not None:
            return self.copies
        found = self.copies = set()
        for w in self.want.all_wishes():
            for name, entries in w.device.refs.items():
                for i, (provider, _) in enumerate(entries):
                    said = [of.fates[key] for of in (w, w.top) for key in ((name, i), (name, None)) if key in of.fates]
                    said += [of.fates[key] for of in (w, w.top) for key in (("*", None),) if key in of.fates]
                    if (said[0] if said else self.case.default(name, entries[i:i + 1])) == "copy":
                        found |= {provider, "osc"} if provider == "half" else {provider}
        return found

    def check_refs(self, w, d):
        node = self.got.tree.by_path[d.node]
        for name, entries in w.device.refs.items():
            if name == "acme,control":
                continue  # no table describes its layout
            fates = [(fate, provider) for i, (provider, _) in enumerate(entries)
                     for fate in [self.fate(w, name, i, provider)] if fate != "drop"]
            there = references(node, name) if name in node.props else []
            if len(there) != len(fates):
                self.say(f"{d.name}: {name} has {len(there)} entries, asked for {fates}")
                continue
            for (to, specifier), (fate, provider) in zip(there, fates):
                if fate == "copy" and (to.string("compatible") != COPIES[provider] or specifier):
                    self.say(f"{d.name}: {name} leads to {to.path}, which is no copy of {provider}")
                if fate and fate.startswith("fixed ") and name == "clocks":
                    rate = to.props.get("clock-frequency", b"")
                    if to.string("compatible") != "fixed-clock" or cells(rate) != (int(fate.split()[1]),) or specifier:
                        self.say(f"{d.name}: {name} leads to {to.path}, asked for {fate}")

    def check_dma(self, w, d):
        modes = [x.mode for x in d.domains]
        if w.top is not w:
            # A node below has a domain if it has a stream of its own: the default, or that of its top node.
            said = "window" if isinstance(w.top.dma, list) else {"pool": "bus"}.get(w.top.dma, w.top.dma) or "all"
            # With a PAMU, fsl,liodn is sufficient.
            own = w.device.own_iommu or self.case.reach.pamu() and w.device.streams
            asked = [said] if own else []
            if said in ("none", "identity", "guest-iommu", "bus") and not modes:
                return
        elif isinstance(w.dma, list):
            asked = ["window"] * len(w.dma)
        else:
            asked = [{"pool": "bus"}.get(w.dma, w.dma) or "all"]
        if modes != asked:
            self.say(f"{d.name}: dma {modes}, asked for {asked}")
            return
        if w.top is w:
            self.check_domains(w, d)

    def check_bus(self, w, d, dma):
        """The bus that the device is on has an entry for each memory that it reaches: where the host's bus has it."""
        bus, shift = outermost(self.got.tree.by_path[d.node]), dma[0] - dma[1] if dma else 0
        there = {at: (place, child, size) for place, child, at, size in dma_ranges(bus)} if bus else {}
        written = {p.at: p for p in self.config.patch}
        memory = {x.name: x for x in self.config.memory}
        for x in [self.want.pool] if w.dma == "pool" else bus_memory(self.want):
            for is_ in (memory[name] for name in x.banks):
                place, child, size = there.pop(is_.address, (None, None, None))
                if x.arg is not None and (child, size) != (x.arg + shift, x.size):
                    self.say(f"{d.name}: {is_.name} is {child} on its bus, not {x.arg + shift:#x}")
                if x.arg is None and (place not in written or written[place].addend % (1 << 64) != shift % (1 << 64) or
                                      self.config.memory[written[place].memory] is not is_):
                    self.say(f"{d.name}: where {is_.name} is found is not written to its bus")
        if there:
            self.say(f"{d.name}: its bus has {sorted(there)}, too")

    def check_domains(self, w, d):
        if w.dma in ("bus", "pool"):
            bridge = next((x for x in self.case.host.devices if x.map_lines), None)
            device = w.device if w.kind == "node" else bridge if w.kind == "pci" else None
            self.check_bus(w, d, device.dma if device else None)
        for x, how in zip(d.domains, w.dma if isinstance(w.dma, list) else [w]):
            who = f"{d.name}: dma {x.name or x.mode}"
            if isinstance(w.dma, list):
                self.check_block(d, x, how)
                self.check_channel(who, x, how)
            if x.mode == "guest-iommu" and self.config.device[x.guest_iommu].name != self.want.viommu.name:
                self.say(f"{who}: not through {self.want.viommu.name}")
            if how.operation is not None:
                number = OPERATIONS.index(how.operation) if how.operation in OPERATIONS else how.operation
                if x.operation != number or "operation" not in x.flags:
                    self.say(f"{who}: operation {x.operation}, asked for {how.operation}")
            self.check_stash(who, None if x.stash is None else self.config.stash[x.stash], how.stash)

    def check_channel(self, who, x, block):
        if x.name != block.name:
            self.say(f"{who}, not {block.name}")
        if block.window and ("window" not in x.flags or (x.window, x.size) != block.window):
            self.say(f"{who}: window {x.window:#x}+{x.size:#x}, asked for {block.window}")
        if block.subwindows and x.subwindows != block.subwindows:
            self.say(f"{who}: {x.subwindows} sub-windows, asked for {block.subwindows}")
        for field, flag in (("stream", "stream"), ("liodn", "liodn-index")):
            asked = getattr(block, field)
            if (asked is not None) != (flag in x.flags) or asked is not None and getattr(x, flag.replace("-", "_")) != asked:
                self.say(f"{who}: {flag} is not {asked}")

    def check_stash(self, who, s, asked):
        if s is None or asked is None:
            if s is not asked:
                self.say(f"{who}: stash {s}")
            return
        cpu = self.config.cpu[asked.vcpu].host_cpu if asked.vcpu is not None else None
        there = (s.kind, s.vcpu, s.host_cpu, s.memory_type, s.st_index, "if-possible" in s.flags)
        wanted = (asked.kind, asked.vcpu, cpu, asked.memory or "volatile", asked.entry, asked.if_possible)
        cache = asked.cache
        if asked.kind in ("l1", "l2") and cpu is not None:
            cache = self.case.host.stash_id(asked.kind, cpu)
        if there != wanted or s.cache_id != cache:
            self.say(f"{who}: stash {there} into {s.cache_id}, asked for {wanted} into {cache}")

    def check_outside(self):
        there = {d.name: d for d in self.config.device
                 if d.kind != "emulated" and d.host_path is None and not contested(d)}
        below = {w.name for w in self.want.outside}
        if set(there) != below:
            self.say(f"devices that no tree describes: {sorted(there)}")
            return
        for w in self.want.outside:
            d = there[w.name]
            if d.kind != w.kind or d.sysfs_name != (None if w.kind == "raw" else w.host) or d.bus != w.on or (
                    w.slot is not None and d.slot != w.slot):
                self.say(f"{d.name}: {d.kind} {d.sysfs_name} on {d.bus} slot {d.slot}")
            self.check_parts(w, d)
            self.check_sources(w, d)
            modes = [x.mode for x in d.domains]
            if modes != (["window"] * len(w.dma) if isinstance(w.dma, list) else [w.dma or "all"]):
                self.say(f"{d.name}: dma {modes}, asked for {w.dma}")
                continue
            self.check_domains(w, d)

    def check_parts(self, w, d):
        recorded = {r.index: r for r in d.all_regions}
        # On a bus of the guest, the guest's kernel finds all BARs.
        if sorted(recorded) != (list(range(6)) if w.on else sorted(part.index for part in w.regions)):
            self.say(f"{d.name} has regions {sorted(recorded)}")
            return
        for part in w.regions:
            r = recorded[part.index]
            if (r.size, r.mode, r.file, r.offset) != (part.size, part.mode, part.file, part.offset):
                self.say(f"{d.name}: region {part.index} is {r.mode} {r.size:#x} of {r.file}+{r.offset:#x}")
            if part.at is not None and r.guest != part.at:
                self.say(f"{d.name}: region {part.index} is at {r.guest:#x}, not {part.at:#x}")

    def check_sources(self, w, d):
        asked = [(which, number, w.host if w.kind == "raw" else None) for which, number, _ in w.irqs]
        said = [(q.name if w.kind == "pci" else q.index, q.number, q.file) for q in d.all_irqs if "dropped" not in q.flags]
        if w.kind == "pci" and not w.irqs and not w.no_intx:
            said = [what[::2] for what in said]
            asked = [("intx", None)]
        if asked != said:
            self.say(f"{d.name}: interrupts {said}, asked for {asked}")

    def check_block(self, d, x, block):
        """Compares page by page: everything that was asked for is mapped, and nothing else."""
        page, asked, granted, banks = 0x1000, {}, {}, []
        for what, offset, size, iova, readonly in self.asked_maps(block):
            if iova is None:
                banks.append(what)
                continue
            for at in range(0, size, page):
                asked[iova + at] = (what, offset + at, readonly)
        for m in x.mappings:
            name = {"memory": lambda: self.config.memory[m.memory].name, "msi-bank": lambda: f"bank {m.bank}",
                    "region": lambda: f"region {self.config.region[m.region].index}"}[m.what]()
            if m.what == "msi-bank" and name in banks:
                banks.remove(name)  # at any address
                continue
            for at in range(0, m.size, page):
                granted[m.iova + at] = (name, m.offset + at, "readonly" in m.flags)
        if banks:
            self.say(f"{d.name}: dma {block.name} has no {banks[0]}")
        if asked != granted:
            away = sorted(at for at in set(asked) | set(granted) if asked.get(at) != granted.get(at))
            self.say(f"{d.name}: dma {block.name} differs at {away[0]:#x}: {granted.get(away[0])}, asked for {asked.get(away[0])}")


    def asked_maps(self, block):
        """(what, offset, size, device address, readonly) of each; the address is None for a bank without one."""
        if block.maps is not None:
            return [(m.what, m.offset, m.size, m.iova, m.readonly) for m in block.maps]
        first, size = block.window
        return [(x.name, 0, x.size, x.address, "readonly" in x.flags) for x in self.config.memory
                if "no-dma" not in x.flags and first <= x.address and x.address + x.size <= first + size]


def ownership(case, found):
    """The registers and lines that the host keeps are not accessible."""
    problems, owner, page = [], {}, case.page
    by_path = {d.path: d for d in case.host.devices}
    for m in found.values():
        for d in m.config.device:
            if d.host_path in by_path:
                owner[by_path[d.host_path]] = m
    for want in case.machines:  # disabled nodes below are copied, but are not devices
        for w in want.wishes:
            left_out = {x for child in w.without for x in child.family()}
            for d in w.device.family():
                if d not in left_out:
                    owner.setdefault(d, found[want.name])
    keepers = [d for d in case.host.devices
               if d not in owner and not d.off and not any(a.off for a in d.ancestors())]
    for m in found.values():
        for d in m.config.device:
            device = by_path.get(d.host_path)
            if device is None:
                continue
            others = [o for o in keepers if o not in device.ancestors()]
            others += [o for o in owner if owner[o] is not m and o not in device.ancestors()]
            for r in d.all_regions:
                if r.mode == "drop" or "unsafe" in r.flags:
                    continue
                pages = r.mode == "map" and "window" not in r.flags
                first = r.host // page * page if pages else r.host
                end = -(-(r.host + r.size) // page) * page if pages else r.host + r.size
                for o in others:
                    if any(x.address < end and first < x.address + x.size for x in o.regions):
                        problems.append(f"{m.name}: region {r.index} of {d.name} has registers of {o.path}")
            used = {device.lines[q.index].identity for q in d.all_irqs
                    if q.source == "device" and "dropped" not in q.flags and q.index < len(device.lines)}
            for o in others:
                if o in keepers and o not in device.family() and used & {line.identity for line in o.lines}:
                    problems.append(f"{m.name}: {d.name} has a line of {o.path}")
            for o in others:
                if set(o.streams) & set(device.streams) and d.domains and d.domains[0].mode != "none":
                    problems.append(f"{m.name}: {d.name} has a stream of {o.path}")
    return problems
