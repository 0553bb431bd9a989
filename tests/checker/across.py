# SPDX-License-Identifier: MIT
"""Checks all machines of one description together: each resource of the host has one owner."""

# A board has only one of these. It can have several others, such as GPIO controllers, and the text names no controller.
ROOTS = ("GIC", "MPIC", "PLIC", "APLIC", "IOAPIC")


def check_across(machines):
    problems = []
    for check in (host_pages, shadows, host_lines, names, memory, cpus):
        problems += check(machines)
    return problems


def overlapping(pieces):
    """Pairs of pieces (space, first, end, ...) that overlap."""
    reach = []
    for piece in sorted(pieces, key=lambda p: (str(p[0]), p[1])):
        reach = [r for r in reach if r[0] == piece[0] and r[2] > piece[1]]
        for other in reach:
            yield other, piece
        reach.append(piece)


def related(a, b):
    """True if one is a part of the other: below it in the host's tree."""
    x, y = (a.host_path or "") + "/", (b.host_path or "") + "/"
    return a is b or (a.host_path and b.host_path and (x.startswith(y) or y.startswith(x)))


def host_pages(machines):
    """Registers have one owner. Mapped pages hold no other owner's registers, unless the description says `unsafe`."""
    registers, pages = [], []
    for m in machines:
        for r in m.config.region:
            if r.mode == "drop" or not r.size or "shadow" in r.flags:
                continue
            d = m.config.device[r.device]
            what = (m, d, r)
            # A file is an address space of its own; /dev/mem is the host's address space.
            if r.file is not None and r.file != "/dev/mem":
                space, start = "file " + r.file, r.offset
            elif r.file is not None:
                space, start = "host", r.offset
            elif r.host is not None:
                space, start = "host", r.host
            else:
                continue
            registers.append((space, start, start + r.size, *what))
            if r.mode == "map":
                pages.append((space, start // m.page * m.page, -(-(start + r.size) // m.page) * m.page, *what))
    problems = []
    for a, b in overlapping(registers):
        same_place = a[3] is b[3] and a[5].guest is not None and b[5].guest is not None and (
            a[1] - a[5].guest == b[1] - b[5].guest)
        if a[3] is not b[3] or not (related(a[4], b[4]) or same_place):
            problems.append(f"{a[3].name}: {a[4].name} and {b[3].name}: {b[4].name} have the same registers at {b[1]:#x}")
    for a, b in overlapping(pages):
        if a[3] is not b[3] and not ("unsafe" in a[5].flags and "unsafe" in b[5].flags):
            problems.append(f"{a[3].name}: {a[4].name} and {b[3].name}: {b[4].name} are mapped in one page of the host, "
                            f"at {b[1]:#x}")
    backing = [("host", x.physical, x.physical + x.size, m, x) for m in machines for x in m.config.memory
               if x.physical is not None]
    for a, b in overlapping(backing + pages):
        if len(a) != len(b):
            problems.append(f"{a[3].name} and {b[3].name}: memory over registers at {b[1]:#x}")
    return problems


def shadows(machines):
    """A bit of a register has one owner, and nobody else has the register."""
    problems, owners = [], {}
    whole = [(r.host, r.host + r.size, m) for m in machines for r in m.config.region
             if r.host is not None and r.mode != "drop" and "shadow" not in r.flags]
    for m in machines:
        for w in m.config.write:
            r = m.config.region[w.region]
            if r.host is None:
                problems.append(f"{m.name}: {r} is a shadow, and nowhere on the host")
                continue
            at = r.host + w.offset
            for bit in range(32):
                other = owners.setdefault((at, bit), m) if w.mask >> bit & 1 else m
                if other is not m:
                    problems.append(f"{other.name} and {m.name} write bit {bit} at {at:#x}")
            problems += [f"{m.name} writes {at:#x}, which {other.name} has" for first, end, other in whole
                         if other is not m and first <= at < end]
    return problems


def host_lines(machines):
    problems, owner, sources, files = [], {}, {}, {}
    for m in machines:
        for d in m.config.device:
            for q in d.all_irqs:
                if {"dropped", "shared"} & set(q.flags) or q.source == "emulated":
                    continue
                who = f"{m.name}: {d.name}: {q.source} interrupt {q.index}"
                place = (d.host_path or d.sysfs_name or (m.name, d.name), q.source, q.index, q.name)
                if q.host is not None and q.host.split()[0] in ROOTS:
                    # "GIC SPI 54, level-high": the line and its trigger.
                    other = owner.setdefault(q.host.split(",")[0], who)
                    if other is not who:
                        problems.append(f"{who} and {other} are one line, {q.host}")
                if q.file is not None:
                    other = files.setdefault(q.file, who)
                    if other is not who:
                        problems.append(f"{who} and {other} are one file, {q.file}")
                if sources.setdefault(place, who) is not who:
                    problems.append(f"{who} and {sources[place]} are one interrupt of the host")
    return problems


def names(machines):
    problems = []
    for field in ("host_path", "sysfs_name"):
        seen = {}
        for m in machines:
            for d in m.config.device:
                value = getattr(d, field)
                if value is not None and d.kind != "emulated" and not any("shadow" in r.flags for r in d.all_regions):
                    other = seen.setdefault(value, f"{m.name}: {d.name}")
                    if other != f"{m.name}: {d.name}":
                        problems.append(f"{other} and {m.name}: {d.name} are one device of the host, {value}")
    if len({m.name for m in machines}) < len(machines):
        problems.append("two machines have one name")
    return problems


def memory(machines):
    problems, pieces, shares = [], [], {}
    for m in machines:
        for x in m.config.memory:
            if x.share is not None:
                first = shares.setdefault(x.share, x)
                this = (x.backing, x.size, x.path, x.offset, x.physical, x.page_size)
                if this != (first.backing, first.size, first.path, first.offset, first.physical, first.page_size):
                    problems.append(f"{m.name}: memory {x.name} and its other end, {x.share}, are not the same")
            if x.physical is not None:
                pieces.append(("physical", x.physical, x.physical + x.size, m, x))
            if x.path is not None and x.backing == "file":
                pieces.append((x.path, x.offset, x.offset + x.size, m, x))
    for a, b in overlapping(pieces):
        if a[4].share is None or a[4].share != b[4].share:
            problems.append(f"{a[3].name}: {a[4].name} and {b[3].name}: {b[4].name} are the same memory at {b[1]:#x}")
    return problems


def cpus(machines):
    problems, owner = [], {}
    for m in machines:
        for c in m.config.cpu:
            if c.host_cpu is not None and owner.setdefault(c.host_cpu, m) is not m:
                problems.append(f"{m.name} and {owner[c.host_cpu].name} run on host cpu {c.host_cpu}")
    return problems
