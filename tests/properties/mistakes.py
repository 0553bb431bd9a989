# SPDX-License-Identifier: MIT
"""Mistakes for wild descriptions. Each function changes a case, and returns what it did and whether machc must refuse the
result. None: the case has nothing to change."""

from .reach import Block, Map, bus_memory


def any_wish(case, rng, fits=lambda m, w: True):
    found = [(m, w) for m in case.machines for w in m.all_wishes() if fits(m, w)]
    return rng.choice(found) if found else (None, None)


def two_machines(case, rng):
    return rng.sample(case.machines, 2) if len(case.machines) > 1 else (None, None)


def steal_a_device(case, rng):
    a, b = two_machines(case, rng)
    if not a or not a.wishes:
        return None
    b.wishes.append(case.wish(rng.choice(a.wishes).device))
    return "a device of two machines", True


def take_what_is_kept(case, rng):
    kept = [d for d in case.host.devices if d.kept]
    if not kept:
        return None
    rng.choice(case.machines).wishes.append(case.wish(rng.choice(kept)))
    return "the host's interrupt controller", True


def map_what_is_shared(case, rng):
    m, w = any_wish(case, rng, lambda m, w: "trap" in w.modes)
    if not w:
        return None
    k = w.modes.index("trap")
    w.modes[k] = "map"
    return "a region mapped that was to be trapped", False


def link_what_is_shared(case, rng):
    m, w = any_wish(case, rng, lambda m, w: "drop" in w.irqs)
    if not w:
        return None
    i = w.irqs.index("drop")
    w.irqs[i] = "default"
    return "an interrupt linked that was dropped", False


def one_line_twice(case, rng):
    m, w = any_wish(case, rng, lambda m, w: len([i for i, q in enumerate(w.irqs) if isinstance(q, tuple)]) > 1)
    if not w:
        return None
    linked = [i for i, q in enumerate(w.irqs) if isinstance(q, tuple)]
    w.irqs[linked[0]] = w.irqs[linked[1]]
    return "one line of the guest for two interrupts", True


def no_fate(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.fates and w.top is w and not w.below)
    if not w:
        return None
    w.fates.clear()
    # An oscillator that another device has copied belongs to the guest.
    left = any(case.default(name, entries) is None and any(provider != "osc" for provider, _ in entries)
               for name, entries in w.device.refs.items())
    return "references without a fate", left


def no_such_cpu(case, rng):
    m = rng.choice(case.machines)
    if not case.host.tree:
        return None
    m.on = [case.host.ncpus + rng.randint(0, 3)]
    return "a host cpu that is not there", True


def one_cpu_twice(case, rng):
    a, b = two_machines(case, rng)
    if not a or not a.on:
        return None
    b.on = [rng.choice(a.on)]
    return "a host cpu of two machines", True


def one_physical_twice(case, rng):
    a, b = two_machines(case, rng)
    x = next((x for x in a.memory if x.backing == "physical" and not x.share), None) if a else None
    y = next((y for y in b.memory if not y.share and not any(w.dma == "identity" for w in b.wishes)), None) if a else None
    if not x or not y:
        return None
    y.by, y.below, y.runs = ("reserved",), None, 1
    y.backing, y.arg = "physical", x.arg + rng.randrange(x.size // case.page) * case.page
    return "physical memory of two machines", True


def memory_over_memory(case, rng):
    m = rng.choice(case.machines)
    fixed = [x for x in m.memory if x.at is not None]
    if len(fixed) < 2:
        return None
    fixed[0].at = fixed[1].at + rng.randrange(fixed[1].size // case.page) * case.page
    return "memory over memory", True


def memory_over_registers(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and m.memory and w.at[0] is None and w.modes[0] in ("map", "trap"))
    if not w:
        return None
    x = rng.choice(m.memory)
    x.at = w.device.regions[0].address // case.page * case.page
    return "memory over registers", True


def odd_memory(case, rng):
    x = rng.choice([x for m in case.machines for x in m.memory])
    if x.share:
        return None
    x.size += rng.choice((1, 4, 0x10, 0x800))
    return "memory that is not made of pages", True


def unequal_ends(case, rng):
    ends = [x for m in case.machines for x in m.memory if x.share]
    pairs = [x for x in ends if [y.share for y in ends].count(x.share) > 1]
    if not pairs:
        return None
    rng.choice(pairs).size += case.page * 512  # also whole huge pages
    return "two ends of different size", True


def odd_place(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and not w.below and w.at[0] is not None and w.modes[0] == "map")
    if not w:
        return None
    w.at[0] += rng.choice((4, 0x10, 0x800))
    return "a mapped region at another place in its page", True


def region_over_region(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and not w.below and len(w.modes) > 1 and w.modes[:2] == ["map"] * 2)
    if not w:
        return None
    a, b = w.device.regions[:2]
    if a.address % case.page != b.address % case.page:
        return None
    w.at[:2] = [0x60000000 + a.address % case.page] * 2
    return "two regions at one place", True


def blocks(case):
    """Devices with mappings."""
    return [(m, w, b) for m in case.machines for w in m.wishes + m.outside if isinstance(w.dma, list)
            for b in w.dma if b.maps]


def dma_overlap(case, rng):
    found = [b for _, _, b in blocks(case) if len(b.maps) > 1 and b.maps[1].iova is not None]
    if not found:
        return None
    b = rng.choice(found)
    b.maps[1].iova = b.maps[0].iova + rng.randrange(b.maps[0].size // case.page) * case.page
    return "two mappings that overlap", True


def dma_beyond(case, rng):
    found = [x for _, _, b in blocks(case) for x in b.maps if x.memory]
    if not found:
        return None
    x = rng.choice(found)
    x.size = x.memory.size - x.offset + case.page
    return "a mapping beyond the end of its memory", True


def dma_odd(case, rng):
    found = [x for _, _, b in blocks(case) for x in b.maps if x.memory]
    if not found:
        return None
    x = rng.choice(found)
    what = rng.choice(("iova", "size"))
    setattr(x, what, getattr(x, what) + rng.choice((-1, 1, 0x10)))
    return f"a mapping whose {what} is not made of pages", True


def dma_of_no_dma(case, rng):
    found = [(m, b) for m, _, b in blocks(case) if any(x.no_dma for x in m.memory)]
    if not found:
        return None
    m, b = rng.choice(found)
    x = rng.choice([x for x in m.memory if x.no_dma])
    b.maps.append(Map(x, 0, x.size, 0x1000000000, False))
    return "a mapping of memory out of reach", True


def dma_without_iommu(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and not case.reach.guarded(w.device))
    if not w:
        return None
    w.dma = rng.choice((None, "all"))
    return "DMA without an IOMMU, and nobody has signed for it", True


def dma_stream_twice(case, rng):
    found = [w for _, w, b in blocks(case) if len(w.dma) > 1]
    if not found:
        return None
    w = rng.choice(found)
    w.dma[1].stream, w.dma[1].liodn = w.dma[0].stream, w.dma[0].liodn
    return "one stream with two dmas", True


def identity_of_anything(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and not case.reach.guarded(w.device) and any(
        x.backing != "physical" and not x.no_dma for x in m.memory))
    if not w:
        return None
    w.dma = "identity"
    return "identity with memory that is anywhere", True


def leave_a_part_out(case, rng):
    m, w = any_wish(case, rng, lambda m, w: w.top is w and w.below)
    if not w:
        return None
    child = rng.choice(w.below)
    inside = any(child.inside_top(k) for k in range(len(child.device.regions)))
    w.without.append(child.device)
    w.below = [b for b in w.below if b is not child and child.device not in b.device.ancestors()]
    return "a part of a mapped device left out", inside and w.modes[0] == "map"


def one_of_a_group(case, rng):
    """A device whose stream another device also has."""
    found = [(d, o) for d in case.host.devices for o in case.host.devices
             if d is not o and set(d.streams) & set(o.streams) and not d.kept and not d.off and not o.off
             and not d.below and not d.above and not o.above and d not in case.owner]
    if not found:
        return None
    d, other = rng.choice(found)
    m = rng.choice(case.machines)
    w = case.wish(d)
    w.modes = ["trap"] * len(w.modes)
    w.irqs = ["drop"] * len(w.irqs)
    w.fates = {("*", None): "drop"} if d.refs else {}
    w.dma = rng.choice(("none", "all"))
    m.wishes.append(w)
    return "one device of a group", case.owner.get(other) is not m


def blocks_for_a_pamu(case, rng):
    """Windows that may or may not suit a PAMU: what is accepted must be exact."""
    if case.host.kind != "ppc":
        return None
    # Devices without a dma of their own, because that may already contain another mistake.
    m, w = any_wish(case, rng, lambda m, w: w.top is w and case.reach.guarded(w.device) and not w.stash and w.dma != "bus" and not isinstance(
        w.dma, list) and any(not x.no_dma for x in m.memory))
    if not w:
        return None
    maps, at = [], 0
    for _ in range(rng.randint(1, 3)):
        x = rng.choice([x for x in m.memory if not x.no_dma])
        unit = rng.choice((case.page, 0x10000, 0x100000, x.size & -x.size))
        size = min(unit * rng.choice((1, 1, 2, 3)), x.size)
        offset = rng.randrange((x.size - size) // unit + 1) * unit if x.size > size else 0
        at = -(-at // unit) * unit + rng.choice((0, 0, 1, 4)) * unit
        maps.append(Map(x, offset, size // case.page * case.page, at, x.readonly or rng.random() < 0.2))
        at += size
    w.dma = [Block("frames", maps)]
    return "mappings that a PAMU may not have", False


def outside(case, fits=lambda w: True):
    return [(m, w) for m in case.machines for w in m.outside if fits(w)]


def one_name_twice(case, rng):
    """Gives two devices the same host name: two PCI functions, two platform devices or two interrupt files."""
    found = outside(case)
    if len(found) < 2:
        return None
    (_, a), (_, b) = rng.sample(found, 2)
    if a.kind != b.kind or a.kind == "raw" and not (a.irqs and b.irqs):
        return None
    b.host = a.host  # a raw device: the file of its interrupt
    return "a device of the host twice, by its name", True


def beyond_the_guest(case, rng):
    found = outside(case, lambda w: w.irqs)
    if not found:
        return None
    m, w = rng.choice(found)
    which, _, trigger = w.irqs[0]
    w.irqs[0] = (which, 5000, trigger)
    return "a line that no controller has", True


def stashes(case):
    found = [(m, d.stash) for m in case.machines for w in m.wishes + m.outside
             for d in (w.dma if isinstance(w.dma, list) else [w]) if d.stash]
    return [(m, s) for m, s in found if s.vcpu is not None]


def stash_of_nobody(case, rng):
    found = stashes(case)
    if not found:
        return None
    m, s = rng.choice(found)
    if s.kind == "tph" and rng.random() < 0.5:
        s.entry = 2048
        return "an entry beyond the steering tag table", True
    if s.kind != "tph" and rng.random() < 0.5:
        s.memory = rng.choice(("volatile", "persistent"))
        return "a memory type of a cache", True
    s.vcpu = m.cpus
    return "a stash target of a vcpu that is not there", not s.if_possible or s.kind == "tph" or case.reach.pamu()


def outside_its_window(case, rng):
    found = [b for _, _, b in blocks(case) if b.window]
    if not found:
        return None
    b = rng.choice(found)
    if case.reach.pamu():
        b.window = (b.window[0] + b.window[1], b.window[1])
    else:
        b.window = (b.maps[0].iova + case.page, b.window[1])
    return "a mapping outside of its window", True


def odd_subwindows(case, rng):
    found = [b for m in case.machines for w in m.wishes + m.outside if isinstance(w.dma, list) for b in w.dma if b.subwindows]
    if not found:
        return None
    rng.choice(found).subwindows = rng.choice((3, 96, 512))
    return "a number of sub-windows that cannot be", True


def small_pages(case, rng):
    """Whole pages, but not of this host's page size."""
    if case.page == 0x1000:
        return None
    x = rng.choice([x for m in case.machines for x in m.memory])
    if x.share or x.backing == "hugetlb":
        return None
    x.size += 0x1000
    return "memory that is not made of this host's pages", True


def assert_what_is_not(case, rng):
    m = rng.choice(case.machines)
    m.asserts.append(rng.choice((f"{m.name}.cpus > {m.cpus}", f"{m.name}.{m.memory[0].name}.size < {m.memory[0].size}",
                                 f"{m.name}.vcpu[{m.cpus}].host-cpu == 0", f"{m.name}.{m.memory[0].name}.sise != 0")))
    return "an assert that does not hold", True


def one_emulated_place_twice(case, rng):
    found = [m for m in case.machines if len([e for e in m.emulated if e.at is not None]) > 1]
    if not found:
        return None
    a, b = [e for e in rng.choice(found).emulated if e.at is not None][:2]
    a.at = b.at
    return "two emulated devices at one place", True


def bus_users(case, fits=lambda m, w: True):
    return [(m, w) for m in case.machines for w in m.wishes + m.outside if w.dma == "bus" and fits(m, w)]


def bus_behind_an_iommu(case, rng):
    found = [w for m in case.machines for w in m.wishes if case.reach.guarded(w.device) and w.device.own_iommu]
    if not found:
        return None
    rng.choice(found).dma = "bus"
    return "a bus for a device behind an IOMMU", True


def bus_without_memory(case, rng):
    found = bus_users(case)
    if not found:
        return None
    for x in bus_memory(found[0][0]):
        x.no_dma = True
    return "a bus without memory", True


def memories_that_meet(case, rng):
    def ram(m):
        return [x for x in m.memory if x.at is not None and not x.share and not x.readonly and x.runs == 1]
    found = [m for m, _ in bus_users(case, lambda m, w: len(ram(m)) > 1 and any(x in bus_memory(m) for x in ram(m)))]
    if not found:
        return None
    m = rng.choice(found)
    x = rng.choice([x for x in ram(m) if x in bus_memory(m)])
    y = rng.choice([y for y in ram(m) if y is not x])
    if x.arg is not None and y.arg == x.arg + x.size:
        return None
    y.at = x.at + x.size
    return "memories that meet in the guest, and not on the host", True


def memory_out_of_reach(case, rng):
    def reserved(m):
        return [x for x in bus_memory(m) if x.backing == "physical" and not x.share]
    found = bus_users(case, lambda m, w: w.kind == "node" and w.device.dma and reserved(m))
    if not found:
        return None
    m, w = rng.choice(found)
    x = rng.choice(reserved(m))
    x.by, x.arg = ("reserved",), w.device.dma[1] + w.device.dma[2] - rng.choice((0, case.page if x.size > case.page else 0))
    return "memory that a bus does not reach", True


def odd_provider(case, rng):
    x = rng.choice([x for m in case.machines for x in m.memory])
    if x.share:
        return None
    if x.backing == "contiguous":
        how = rng.choice(("reserved", "none", "many"))
        x.by, x.runs = ("reserved",) if how == "reserved" else x.by, {"none": 0, "many": 65}.get(how, x.runs)
    elif x.backing == "physical":
        x.below, x.runs = rng.choice(((1 << 40, 1), (None, 2)))
    else:
        x.by = ("hugetlb", None)
    return "a provider of memory that cannot be", True


def half_a_huge_page(case, rng):
    found = [x for m in case.machines for x in m.memory
             if x.placed and not x.share and x.provider == ("hugetlb", None) and (x.backing == "contiguous" or not x.readonly)]
    if not found:
        return None
    x = rng.choice(found)
    if x.arg is not None and rng.random() < 0.5:
        x.arg += case.page
    else:
        x.size += case.page
    return "half a huge page", True


ALL = (steal_a_device, take_what_is_kept, map_what_is_shared, map_what_is_shared, link_what_is_shared, link_what_is_shared,
       one_line_twice, no_fate, no_such_cpu, one_cpu_twice, one_physical_twice, memory_over_memory, memory_over_registers,
       odd_memory, unequal_ends, odd_place, region_over_region, dma_overlap, dma_beyond, dma_odd, dma_of_no_dma,
       dma_without_iommu, dma_stream_twice, identity_of_anything, leave_a_part_out, assert_what_is_not, one_of_a_group,
       blocks_for_a_pamu, blocks_for_a_pamu, blocks_for_a_pamu, blocks_for_a_pamu, one_emulated_place_twice, one_name_twice, beyond_the_guest, stash_of_nobody, stash_of_nobody,
       outside_its_window, odd_subwindows, small_pages, small_pages, bus_behind_an_iommu, bus_without_memory, memories_that_meet, memories_that_meet,
       memory_out_of_reach, memory_out_of_reach, odd_provider, half_a_huge_page)


def put_mistakes(case, rng):
    """[(mistake, whether it must be refused)]; empty if the description has nothing to apply one to."""
    done = []
    for mistake in rng.sample(ALL, 4):
        if len(done) < rng.choice((1, 1, 2)):
            said = mistake(case, rng)
            if said:
                done.append(said)
    return done
