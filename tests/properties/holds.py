# SPDX-License-Identifier: MIT
"""What was asked for is what the outputs say, and what the board is like is heeded."""

from checker.dtb import cells
from checker.references import references

from .wants import PAGE


def differences(case, machines):
    """The problems: of machines as tests/checker has read them."""
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
        self.check_cpus()
        self.check_memory()
        self.check_emulated()
        self.check_devices()

    def say(self, text):
        self.problems.append(f"{self.want.name}: {text}, which is not what was asked for")

    def check_cpus(self):
        on = self.want.on
        asked = [on[n % len(on)] if on else None for n in range(self.want.cpus)]
        if [c.host_cpu for c in self.config.cpu] != asked:
            self.say(f"vcpus on {[c.host_cpu for c in self.config.cpu]}")

    def check_memory(self):
        there = {x.name: x for x in self.config.memory}
        if sorted(there) != sorted(x.name for x in self.want.memory):
            self.say(f"memory {sorted(there)}")
            return
        for x in self.want.memory:
            is_ = there[x.name]
            flags = {"readonly"} & ({"readonly"} if x.readonly else set()) | ({"no-dma"} if x.no_dma else set())
            arg = {"physical": is_.physical, "file": is_.path, "hugetlb": is_.page_size, "anonymous": None}[x.backing]
            if (is_.size, is_.backing, arg, is_.share, is_.flags) != (x.size, x.backing, x.arg, x.share, flags):
                self.say(f"memory {x.name}: {vars(is_)}")
            if x.at is not None and is_.address != x.at:
                self.say(f"memory {x.name} at {is_.address:#x}")

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
        there = {d.host_path: d for d in self.config.device if d.kind != "emulated"}
        # What is below and has neither registers of its own nor interrupts is no device of the config.
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
        """Where a region is to be: its own place, that of the region above that it lies in, or the host's."""
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
        # The window of an engine's parts lies in its own registers.
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
            if (q.host or "").split(",")[0] != line.text:
                self.say(f"{d.name}: interrupt {i} is {q.host}, not {line.text}")
            if to != "drop" and q.trigger_name != line.trigger:
                self.say(f"{d.name}: interrupt {i} is {q.trigger_name}, not {line.trigger}")
            if isinstance(to, tuple) and q.number != to[0]:
                self.say(f"{d.name}: interrupt {i} goes to {q.number}, not {to[0]}")
        if any(i >= len(w.device.lines) for i in recorded):
            self.say(f"{d.name} has interrupts {sorted(recorded)}")
        entries = [(q.host or "").split(",")[0] for q in d.all_irqs if q.source == "map-entry"]
        if set(entries) != {line.text for line in w.device.map_lines}:
            self.say(f"{d.name}: its interrupt-map leads to {entries}")

    def fate(self, w, name, i, provider):
        """An entry before the property, the node itself before the whole; then what the guest has anyway; then `*`."""
        for of in (w, w.top):
            for key in ((name, i), (name, None)):
                if key in of.fates:
                    return of.fates[key]
        here = any(fate == "copy" and (provider, "") in o.device.refs[key[0]]
                   for o in self.want.all_wishes() for key, fate in o.fates.items())
        return None if here else w.fates.get(("*", None), w.top.fates.get(("*", None)))

    def check_refs(self, w, d):
        node = self.got.tree.by_path[d.node]
        for name, entries in w.device.refs.items():
            if name == "acme,control":
                continue  # no table says how to read it
            fates = [(fate, provider) for i, (provider, _) in enumerate(entries)
                     for fate in [self.fate(w, name, i, provider)] if fate != "drop"]
            there = references(node, name) if name in node.props else []
            if len(there) != len(fates):
                self.say(f"{d.name}: {name} has {len(there)} entries, asked for {fates}")
                continue
            for (to, specifier), (fate, provider) in zip(there, fates):
                if fate and fate.startswith("fixed ") and name == "clocks":
                    rate = to.props.get("clock-frequency", b"")
                    if to.string("compatible") != "fixed-clock" or cells(rate) != (int(fate.split()[1]),) or specifier:
                        self.say(f"{d.name}: {name} leads to {to.path}, asked for {fate}")

    def check_dma(self, w, d):
        modes = [x.mode for x in d.domains]
        if w.top is not w:
            # What is below has a domain when it has a stream of its own: the default, or what its top says.
            said = w.top.dma if isinstance(w.top.dma, str) else "all"
            own = w.device.own_iommu or self.case.host.kind == "ppc" and w.device.streams  # fsl,liodn is enough
            asked = [said] if own else []
            if said in ("none", "identity") and not modes:
                return
        elif isinstance(w.dma, list):
            asked = ["window"] * len(w.dma)
        else:
            asked = [w.dma or "all"]
        if modes != asked:
            self.say(f"{d.name}: dma {modes}, asked for {asked}")
            return
        if isinstance(w.dma, list):
            for x, block in zip(d.domains, w.dma):
                self.check_block(d, x, block)

    def check_block(self, d, x, block):
        """Page by page: everything that was asked for is there, and nothing else."""
        asked, granted = {}, {}
        for m in block.maps:
            for at in range(0, m.size, PAGE):
                asked[m.iova + at] = (m.memory.name, m.offset + at, m.readonly)
        for m in x.mappings:
            name = self.config.memory[m.memory].name if m.what == "memory" else m.what
            for at in range(0, m.size, PAGE):
                granted[m.iova + at] = (name, m.offset + at, "readonly" in m.flags)
        if asked != granted:
            away = sorted(at for at in set(asked) | set(granted) if asked.get(at) != granted.get(at))
            self.say(f"{d.name}: dma {block.name} differs at {away[0]:#x}: {granted.get(away[0])}, asked for {asked.get(away[0])}")


def ownership(case, found):
    """What the host keeps is out of reach: its registers, its lines."""
    problems, owner = [], {}
    by_path = {d.path: d for d in case.host.devices}
    for m in found.values():
        for d in m.config.device:
            if d.host_path in by_path:
                owner[by_path[d.host_path]] = m
    for want in case.machines:  # what is disabled below goes along, without being a device
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
                first = r.host // PAGE * PAGE if pages else r.host
                end = -(-(r.host + r.size) // PAGE) * PAGE if pages else r.host + r.size
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
