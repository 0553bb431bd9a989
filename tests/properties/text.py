# SPDX-License-Identifier: MIT
"""A description as text: the same content in varying forms."""


class Writer:
    def __init__(self, case, contest, rng):
        self.case, self.contest, self.rng = case, contest, rng
        self.consts = []

    def number(self, value, names=True):
        """A number in one of its notations. After `irq`, a bare name would be that of an irqchip."""
        rng, how = self.rng, self.rng.random()
        for unit, suffix in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
            if value and value % unit == 0 and how < 0.4:
                return f"{value // unit}{suffix}"
        if how < 0.5:
            return str(value)
        if how < 0.55 and value > 3:
            return f"({value - 3:#x} + 3)"
        if how < 0.6:
            self.consts.append(f"const C{len(self.consts)} = {value:#x};")
            name = f"C{len(self.consts) - 1}"
            return name if names else f"({name})"
        return f"{value:#x}"

    def statement(self, head, clauses):
        """Clauses on the line, or in braces."""
        if not clauses or self.rng.random() < 0.6:
            return [" ".join([head, *clauses]) + ";"]
        return [head + " {", *("    " + clause + ";" for clause in clauses), "}"]

    # ---- the parts of a machine ----

    def memory(self, x):
        clauses = [f"size {self.number(x.size)}"]
        if x.at is not None:
            clauses.append(f"at {self.number(x.at)}")
        if x.backing == "physical":
            clauses.append(f"from physical {self.number(x.arg)}")
        elif x.backing == "file":
            clauses.append(f'from file "{x.arg}"')
        elif x.backing == "hugetlb":
            clauses.append(f"from hugetlb {self.number(x.arg)}")
        elif x.backing == "contiguous":
            clauses.append("from contiguous")
        if x.by:
            arg = {"hugetlb": lambda size: f" {self.number(size)}" if size else "", "heap": lambda name: f' "{name}"'}
            clauses.append(f"by {x.by[0]}{arg[x.by[0]](x.by[1]) if x.by[1:] else ''}")
        clauses += [f"below {self.number(x.below)}"] if x.below else []
        clauses += [f"runs {x.runs}"] if x.runs != 1 else []
        if x.share:
            clauses.append(f'share "{x.share}"')
        clauses += ["no-dma"] * x.no_dma + ["readonly"] * x.readonly
        self.rng.shuffle(clauses)
        return self.statement(f"memory {x.name}", clauses)

    def emulated(self, e):
        clauses = [f"at {self.number(e.at)}"] if e.at is not None else []
        clauses += [f"irq {self.number(e.irq, names=False)}"] if e.irq is not None else []
        return self.statement(f"device {e.name} : {e.kind}", clauses)

    def target(self, m, number, trigger):
        """A line of the guest's first controller."""
        chip = f"{m.chip} " if self.rng.random() < 0.5 else ""
        return f"to {chip}{'spi ' if m.chip == 'gic' else ''}{number}{' ' + trigger if trigger else ''}"

    def inside(self, m, w):
        """The statements about one node."""
        lines = []
        for i, (mode, at) in enumerate(zip(w.modes, w.at)):
            if w.inside_top(i):
                continue  # the statement of the enclosing node applies
            clauses = {"map": [], "trap": ["trap"], "drop": ["drop"], "unsafe": ['map unsafe "they are harmless"']}[mode]
            if mode == "map" and at is None and self.rng.random() < 0.1:
                clauses = ["map"]
            clauses = clauses + ([f"at {self.number(at)}"] if at is not None else [])
            if clauses:
                lines += self.statement(f"region {i}", clauses)
        for i, to in enumerate(w.irqs):
            if to == "drop":
                lines.append(f"irq {i} drop;")
            elif isinstance(to, tuple):
                lines.append(f"irq {i} {self.target(m, *to)};")
        if w.device.map_lines:
            lines.append("irq intx drop;")
        for (name, entry), fate in w.fates.items():
            lines.append(f"ref {name}{'' if entry is None else f'[{entry}]'} {fate};")
        return lines

    def stash(self, s):
        text = f"stash {s.kind}" + (f" of vcpu {s.vcpu}" if s.vcpu is not None else f" {self.number(s.cache)}")
        words = [s.memory] if s.memory else []
        words += [f"entry {self.number(s.entry)}"] if s.entry is not None else []
        words += ["if-possible"] if s.if_possible else []
        self.rng.shuffle(words)
        return " ".join([text, *words])

    def channel(self, d):
        """The clauses of a `dma` that are not mappings, for a block or for `dma all`."""
        clauses = [f"operation {d.operation}"] if d.operation is not None else []
        clauses += [self.stash(d.stash)] if d.stash else []
        self.rng.shuffle(clauses)
        return clauses

    def map(self, m):
        readonly = " readonly" if m.readonly else ""
        if m.bank is not None:
            return f"map msi-bank {m.bank};"
        if m.memory is None:
            return f"map region {m.region} at {self.number(m.iova)}{readonly};"
        whole = m.offset == 0 and m.size == m.memory.size and self.rng.random() < 0.5
        part = "" if whole else f" offset {self.number(m.offset)} size {self.number(m.size)}"
        return f"map {m.memory.name}{part} at {self.number(m.iova)}{readonly};"

    def domain(self, m, w):
        if w.dma is None:
            return []
        if w.dma == "identity":
            return ["dma identity unsafe;"]
        if w.dma == "bus":
            return ["dma bus unsafe;"]
        if w.dma == "pool":
            return [f"dma pool {m.pool.name} unsafe;"]
        if w.dma == "guest-iommu":
            return [f"dma guest-iommu {m.viommu.name};"]
        if isinstance(w.dma, str):
            if w.dma == "none" and w.trusted:
                return ["dma none unsafe;"]
            return self.statement(f"dma {w.dma}", self.channel(w))
        lines = []
        for b in w.dma:
            clauses = self.channel(b)
            clauses += [f"window {self.number(b.window[0])}", f"size {self.number(b.window[1])}"] if b.window else []
            clauses += [f"subwindows {self.number(b.subwindows)}"] if b.subwindows else []
            clauses += [f"stream {b.stream}"] if b.stream is not None else []
            clauses += [f"liodn-index {b.liodn}"] if b.liodn is not None else []
            maps = [self.map(x) for x in b.maps or ()]
            if self.rng.random() < 0.5:
                lines += [" ".join([f"dma {b.name}", *clauses]) + (" {" if maps else ";")] + ["    " + x for x in maps]
                lines += ["}"] if maps else []
            else:
                lines += [f"dma {b.name} {{", *(f"    {x};" for x in clauses), *("    " + x for x in maps), "}"]
        return lines

    def outside(self, m, w):
        what = {"pci": f"pci {w.host}", "platform": f'platform "{w.host}"', "raw": "raw"}[w.kind]
        head = f"passthrough {what} as {w.name}" + (f" on {w.on}" if w.on else "") + (
            f" slot {w.slot}" if w.slot is not None else "")
        lines = []
        for part in w.regions:
            clauses = [f"size {self.number(part.size)}"]
            clauses += [f"at {self.number(part.at)}"] if part.at is not None else []
            clauses += [f'file "{part.file}"'] if part.file else []
            clauses += [f"offset {self.number(part.offset)}"] if part.offset else []
            clauses += ["trap"] if part.mode == "trap" else []
            self.rng.shuffle(clauses)
            lines += self.statement(f"region {part.index}", clauses)
        for which, number, trigger in w.irqs:
            clauses = [self.target(m, number, trigger)] + ([f'file "{w.host}"'] if w.kind == "raw" else [])
            self.rng.shuffle(clauses)
            lines += self.statement(f"irq {which}", clauses)
        lines += ["irq intx drop;"] if w.no_intx else []
        lines += self.domain(m, w)
        return [head + " {", *("    " + line for line in lines), "}"] if lines else [head + ";"]

    def passthrough(self, m, w):
        node = w.device.node
        path = node.path if self.rng.random() < 0.4 else "&" + node.label
        head = f"passthrough {path} as {w.name}"
        lines = self.inside(m, w) + self.domain(m, w)
        for child in w.below:
            inner = self.inside(m, child)
            if inner:
                below = child.device.node.path[len(node.path) + 1:]
                lines += [f"child {below} {{", *("    " + line for line in inner), "}"]
        if w.without:
            head += f" without {', '.join(d.node.path[len(node.path) + 1:] for d in w.without)}"
        return [head + " {", *("    " + line for line in lines), "}"] if lines else [head + ";"]

    def cpus(self, m):
        on = ""
        if m.on:
            on = " on " + ", ".join(str(c) for c in m.on)
        return [f"cpus {m.cpus}{on};"]

    def machine(self, m):
        rng = self.rng
        parts = [self.cpus(m)]
        parts += [self.memory(x) for x in m.memory]
        parts += [self.passthrough(m, w) for w in m.wishes]
        parts += [self.outside(m, w) for w in m.outside]
        if m.own_chip:
            parts.append([f"irqchip {m.chip} : {m.own_chip};"])
        # Several emulated devices of one kind without addresses, in a loop.
        loop = [e for e in m.emulated if e.kind == "virtio-mmio" and e.at is None and e.irq is None]
        if len(loop) > 1 and rng.random() < 0.7:
            names = {int(e.name[1:]) for e in loop}
            first, last = min(names), max(names)
            test = "".join(f" || n == {n}" for n in sorted(names))[4:]
            parts.append([f"for n in {first}..{last} {{ if {test} {{ device \"e{{n}}\" : virtio-mmio; }} }}"])
            parts += [self.emulated(e) for e in m.emulated if e not in loop]
        else:
            parts += [self.emulated(e) for e in m.emulated]
        parts += [[f"assert {text};"] for text in m.asserts]
        parts += [[line] for line in self.contest.text_of(m)]
        rng.shuffle(parts)  # order does not matter
        platform = m.platform
        lines = [line for part in parts for line in part]
        if rng.random() < 0.2:
            name = f"of_{m.name}"
            return [f"template {name}() {{", f"    use {platform};", *("    " + line for line in lines), "}",
                    f"machine {m.name} : {name}() {{ }}"]
        return [f"machine {m.name} : {platform} {{", *("    " + line for line in lines), "}"]

    def text(self, tree, facts, only=None):
        """The whole description, or that of one machine alone."""
        machines = [self.machine(m) for m in self.case.machines if only in (None, m)]
        self.rng.shuffle(machines)
        page = self.case.host.page
        clauses = [f"page-size {page >> 10}K"] if page > 0x1000 or self.rng.random() < 0.1 else []
        clauses += [f"keep {node}" for node in self.contest.keep]
        clauses += [f'facts "{facts}"'] if self.contest.facts() else []
        lines = ["// SPDX-License-Identifier: MIT"]
        lines += self.statement(f'host "{tree}"', clauses) if self.case.host.tree or self.case.host.stub else []
        body = [line for m in machines for line in m + [""]]
        return "\n".join(lines + self.consts + [""] + body)
