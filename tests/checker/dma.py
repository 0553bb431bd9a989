# SPDX-License-Identifier: MIT
"""Checks what the devices of one machine can reach."""

from .bus import HUGE, check_bus, check_patches
from .dtb import cells

TOP = 1 << 64
MSI_PAGE = 0x1000
PAMU_LEAST, PAMU_MOST = 1 << 12, 1 << 36
SOLVED = ("pamu", "spapr-tce")  # they have a window, written or not


def check_dma(machine):
    check_patches(machine)
    for d in machine.config.device:
        for x in d.domains:
            who = f"{d.name}: dma {x.name or x.mode}"
            check_domain(machine, x, who)
            check_window(machine, x, who)
            check_iommu(machine, x, who)
            check_endpoint(machine, d, x, who)
            check_stash(machine, x, who)
            if x.mode == "bus":
                check_bus(machine, d, who)
        modes = {x.mode for x in d.domains}
        if len(modes) > 1 or (modes and modes != {"window"} and len(d.domains) > 1):
            machine.say(f"{d.name} has dma of several modes: {sorted(modes)}")
        for field in ("liodn_index", "stream"):
            given = [getattr(x, field) for x in d.domains if field.replace("_", "-") in x.flags]
            if len(set(given)) < len(given):
                machine.say(f"{d.name}: two dmas have {field} {given}")


def check_domain(machine, x, who):
    if x.mode in ("none", "identity", "bus", "guest-iommu") and x.mappings:
        machine.say(f"{who} has mappings")
    reached = []
    for m in x.mappings:
        if m.iova + m.size > TOP:
            machine.say(f"{who}: a mapping ends beyond the last address")
        reached.append((m.iova, m.iova + m.size))
        {"memory": check_memory, "region": check_region, "msi-bank": check_bank}[m.what](machine, x, m, who)
    reached.sort()
    for (_, end), (start, _) in zip(reached, reached[1:]):
        if start < end:
            machine.say(f"{who}: two mappings overlap at {start:#x}")
    if x.mode == "all":
        check_all(machine, x, who)
    if x.mode == "identity":
        for m in machine.config.memory:
            if "no-dma" not in m.flags and m.physical != m.address:
                machine.say(f"{who}: identity, and memory {m.name} is at {m.address:#x}, on the host at {m.physical}")


def check_memory(machine, x, m, who):
    memory = machine.config.memory[m.memory]
    if "no-dma" in memory.flags:
        machine.say(f"{who}: memory {memory.name} is no-dma")
    if "readonly" in memory.flags and "readonly" not in m.flags:
        machine.say(f"{who}: memory {memory.name} is readonly")
    for what in (m.offset, m.size, m.iova):
        if what % machine.page:
            machine.say(f"{who}: {what:#x} is not a multiple of a page")


def check_region(machine, x, m, who):
    region = machine.config.region[m.region]
    device = x.device  # what is said of a whole device holds for what is below it
    while device != region.device and device is not None:
        device = machine.config.device[device].parent
    if device is None:
        machine.say(f"{who}: maps a region of another device")
    if region.host is not None and (region.host + m.offset - m.iova) % machine.page:
        machine.say(f"{who}: its region is at another place in its page")


def check_bank(machine, x, m, who):
    if m.size != MSI_PAGE or m.iova % MSI_PAGE or m.offset:
        machine.say(f"{who}: MSI bank {m.bank} is not one page")
    if [o.bank for o in x.mappings if o.what == "msi-bank"].count(m.bank) > 1:
        machine.say(f"{who}: MSI bank {m.bank} twice")


def check_all(machine, x, who):
    """Every byte of memory that is not no-dma, at its guest address; nothing else."""
    granted = {}
    for m in x.mappings:
        if m.what != "memory":
            machine.say(f"{who}: maps a {m.what}")
        else:
            granted.setdefault(m.memory, []).append((m.offset, m.offset + m.size, m.iova, m.flags))
    for memory in machine.config.memory:
        if "no-dma" in memory.flags:
            continue
        at = 0
        for start, end, iova, flags in sorted(granted.get(memory.i, ()), key=lambda g: g[0]):
            if start != at or iova != memory.address + start or ("readonly" in flags) != ("readonly" in memory.flags):
                break
            at = end
        if at != memory.size:
            machine.say(f"{who}: memory {memory.name} is not what it reaches, from {at:#x} on")


def check_window(machine, x, who):
    if "window" not in x.flags:
        return
    for m in x.mappings:
        if m.iova < x.window or m.iova + m.size > x.window + x.size:
            machine.say(f"{who}: a mapping at {m.iova:#x} outside of the window")
    if x.mode != "window" and machine.config.machine[0].iommu not in SOLVED:
        machine.say(f"{who} has a window")


def check_iommu(machine, x, who):
    """Checks what each kind of IOMMU can do, and that the config agrees with the mappings."""
    kind = machine.config.machine[0].iommu
    if x.page_shift and (kind != "spapr-tce" or not x.mappings):
        machine.say(f"{who}: pages of TCEs, and no TCEs")
    if kind == "pamu" and x.mappings:
        check_pamu(machine, x, who)
        return
    if x.whole_subwindows or x.mappings and x.subwindows:
        machine.say(f"{who}: sub-windows, and no PAMU")
    for m in x.mappings:
        if m.granted != m.size:
            machine.say(f"{who}: reaches {m.granted:#x} bytes at {m.iova:#x}, not {m.size:#x}")
    if kind != "spapr-tce" or not x.mappings:
        return
    page = 1 << x.page_shift
    ends = [m.iova + m.size for m in x.mappings]
    if x.window or x.size & (x.size - 1) or x.size < max(ends) or x.page_shift < 12:
        machine.say(f"{who}: no window of TCEs: {x.size:#x} bytes at {x.window:#x}, pages of {page:#x}")
    for m in x.mappings:
        if (m.iova | m.size | m.offset) % page:
            machine.say(f"{who}: {m.iova:#x} is not made of pages of {page:#x}")


def pieces(machine, m, size):
    """The parts of a mapping in sub-windows of that size: (offset in the mapping, size, bytes reached)."""
    for at in range(0, m.size, size):
        part = min(size, m.size - at)
        yield at, part, 1 << (part - 1).bit_length()


def backed(machine, m, at, reached):
    """True if the backing is contiguous and aligned there."""
    if m.what == "msi-bank":
        return True
    if m.what == "region":
        return (machine.config.region[m.region].host + m.offset + at) % reached == 0
    memory = machine.config.memory[m.memory]
    if memory.backing in ("physical", "contiguous", "heap") and memory.physical is not None:
        return (memory.physical + m.offset + at) % reached == 0
    page = machine.page
    if memory.backing in ("hugetlb", "contiguous"):
        page = memory.page_size or HUGE
    return reached <= page and (m.offset + at) % reached == 0


def fills(machine, x, n):
    """True if each of n sub-windows is filled by what it maps, and all of it is possible."""
    size = x.size // n
    if size < PAMU_LEAST or n == 1 and len(x.mappings) > 1:
        return False
    for m in x.mappings:
        if (m.iova - x.window) % size:
            return False
        if m.what != "msi-bank" and (m.size % size or any(not backed(machine, m, at, r)
                                                          for at, _, r in pieces(machine, m, size))):
            return False
    return True


def check_pamu(machine, x, who):
    n = x.subwindows
    if (not PAMU_LEAST <= x.size <= PAMU_MOST or x.size & (x.size - 1) or x.window % x.size or
            x.window + x.size > PAMU_MOST or not 1 <= n <= 256 or n & (n - 1) or x.size // n < PAMU_LEAST):
        machine.say(f"{who}: {n} sub-windows in {x.size:#x} bytes at {x.window:#x} are no window of a PAMU")
        return
    size, used = x.size // n, set()
    for m in x.mappings:
        granted = 0
        if (m.iova - x.window) % size:
            machine.say(f"{who}: {m.iova:#x} does not begin with a sub-window")
        for at, part, reached in pieces(machine, m, size):
            granted = at + reached
            slot = (m.iova + at - x.window) // size
            if slot in used:
                machine.say(f"{who}: two in sub-window {slot}")
            used.add(slot)
            if not backed(machine, m, at, reached):
                machine.say(f"{who}: {m.iova + at:#x}: {reached:#x} bytes are not contiguous and aligned on the host")
        if granted != m.granted:
            machine.say(f"{who}: reaches {granted:#x} bytes at {m.iova:#x}, not {m.granted:#x}")
    whole = next((k for k in (1 << i for i in range(9)) if fills(machine, x, k)), 0)
    # The written number, if there is one.
    least = whole if x.whole_subwindows != n or not fills(machine, x, n) else n
    if x.whole_subwindows not in (0, least) or not x.whole_subwindows and fills(machine, x, n):
        machine.say(f"{who}: {x.whole_subwindows} whole sub-windows, not {whole}")


def endpoints(node, name, stride):
    """The ids in iommus (stride 2) or iommu-map (stride 4)."""
    value = cells(node.props.get(name, b""))
    return [value[i + stride // 2] for i in range(0, len(value), stride)]


def mapped(node, requester):
    """What iommu-map makes of a requester id."""
    value = cells(node.props.get("iommu-map", b""))
    entries = [value[i:i + 4] for i in range(0, len(value), 4)]
    return [base + requester - first for first, _, base, length in entries if first <= requester < first + length]


def check_endpoint(machine, d, x, who):
    if x.endpoint is None or not d.at:
        return
    own = endpoints(d.at, "iommus", 2) or mapped(d.at, 0)
    if x.endpoint not in (own or mapped(d.at.parent, (d.slot or 0) << 3)):
        machine.say(f"{who}: no iommus or iommu-map says {x.endpoint:#x}")
    others = [y for other in machine.config.device for y in other.domains if y is not x]
    if any((y.guest_iommu, y.endpoint) == (x.guest_iommu, x.endpoint) for y in others):
        machine.say(f"{who}: another one has endpoint {x.endpoint:#x}, too")


def check_stash(machine, x, who):
    s = None if x.stash is None else machine.config.stash[x.stash]
    if s is None:
        return
    if s.vcpu is not None:
        if s.vcpu >= len(machine.config.cpu):
            machine.say(f"{who}: stashes for vcpu {s.vcpu}, which is not there")
        elif machine.config.cpu[s.vcpu].host_cpu != s.host_cpu:
            machine.say(f"{who}: vcpu {s.vcpu} does not run on host cpu {s.host_cpu}")
    elif s.host_cpu is not None:
        machine.say(f"{who}: stashes for host cpu {s.host_cpu}, and for no vcpu")
    if (s.kind == "id") != (s.vcpu is None and s.cache_id is not None and s.kind != "l3") or (
            s.kind == "tph" and s.cache_id is not None) or s.cache_id is not None and s.cache_id > 255:
        machine.say(f"{who}: {s.kind} of vcpu {s.vcpu} in cache {s.cache_id}")
    if s.kind == "tph" and machine.config.device[x.device].kind == "raw":
        machine.say(f"{who}: TLP hints of a file")
    if s.kind in ("l1", "l2", "tph") and s.host_cpu is None and "if-possible" not in s.flags:
        machine.say(f"{who}: {s.kind} of no cpu")
