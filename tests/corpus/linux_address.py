# SPDX-License-Identifier: MIT
"""Addresses as drivers/of/address.c of Linux 6.12.117 computes them: registers, DMA parents, DMA windows, coherence.

What mirrors Linux literally, quirks included, names Linux's function: translate(), dma_parent(), dma_get_range(),
dma_get_max_cpu_address(), dma_is_coherent(). below() is what the hardware does: all `dma-ranges` on the way to the root,
one after the other.
"""

import bisect
import heapq

from linux_tree import Malformed, cells, number

BITS64 = 0xFFFFFFFFFFFFFFFF
WHOLE = 1 << 64
MAX_WINDOWS = 4096
MAX_WORK = 1 << 22
MAX_CELLS = 4  # OF_MAX_ADDR_CELLS


class Bus:
    """An entry of of_busses[]: how addresses of one kind of bus are counted, compared and moved."""

    def __init__(self, flag_cells, fixed, kind, flags):
        self.flag_cells = flag_cells
        self.fixed = fixed
        self.kind = kind  # of an address by its first cell: .map() finds entries of the same kind only
        self.flags = flags  # .get_flags()

    def count_cells(self, node):
        """(#address-cells, #size-cells) of the addresses of `node`, which is on this bus."""
        return self.fixed or (node.own_address_cells(), node.own_size_cells())


def pci_kind(cell):
    """What of_bus_pci_map() compares of of_bus_pci_get_flags(): 1 for I/O, 2 for memory of both widths, 0 for neither."""
    return (0, 1, 2, 2)[cell >> 24 & 3]


PCI = Bus(1, (3, 2), pci_kind, lambda cell: cell & 0x43000000)
ISA = Bus(1, (2, 1), lambda cell: cell & 1, lambda cell: cell & 1)
FLAGS = Bus(1, None, lambda cell: cell, lambda cell: cell)  # "default-flags"
DEFAULT = Bus(0, None, lambda cell: None, lambda cell: None)


def match_bus(node):
    """of_match_bus()"""
    bus = node.memo.get("bus")
    if bus is None:
        if node.type() in ("pci", "pciex", "vci", "ht") or node.base() == "pcie":
            bus = PCI
        elif node.base() == "isa":
            bus = ISA
        else:
            bus = FLAGS if node.address_cells() == 3 else DEFAULT
        node.memo["bus"] = bus
    return bus


def sound(count_address, count_size):
    """OF_CHECK_COUNTS()"""
    return 0 < count_address <= MAX_CELLS and count_size > 0


def tree_parent(_, node):
    """of_get_parent()"""
    return node.parent


def dma_parent(tree, node):
    """__of_get_dma_parent(): the provider of the interconnect that is named dma-mem, else the node above."""
    if "interconnect-names" not in node.props:
        return node.parent
    names = node.strings("interconnect-names")
    if "dma-mem" not in names:
        return node.parent
    index = names.index("dma-mem")
    for at, (target, _) in enumerate(tree.references(node, "interconnects", "#interconnect-cells")):
        if at == index:
            return target or node.parent
    return node.parent


def dma_parents(tree, node):
    """The DMA parents, nearest first. Linux does not come back from a loop; here it is refused."""
    seen = {id(node)}
    while (node := dma_parent(tree, node)) is not None:
        if id(node) in seen:
            raise Malformed(f"the DMA parents of {node.path} form a loop")
        seen.add(id(node))
        yield node


def translate_one(tree, node, bus, parent_bus, address, counts, parent_cells, name):
    """of_translate_one(): the address as the bus above `node` sees it, or None."""
    count, size_cells = counts
    value = node.props.get(name)
    if value is None and name != "dma-ranges" and not tree.empty_ranges_quirk:
        return None
    flags = parent_bus.flag_cells
    if not value:
        offset = number(address[:count])
        base = list(address[:flags]) + [0] * (parent_cells - flags)
    else:
        words = cells(value)
        one = count + parent_cells + size_cells
        for at in range(0, len(words) - one + 1, one):
            entry = words[at:at + one]
            if bus.flag_cells and bus.kind(address[0]) != bus.kind(entry[0]):
                continue
            first = number(entry[bus.flag_cells:count])
            asked = number(address[bus.flag_cells:count])
            if first <= asked < (first + number(entry[count + parent_cells:]) & BITS64) and asked - first != BITS64:
                offset = asked - first
                base = list(entry[count:count + parent_cells])
                break
        else:
            return None
    # of_bus_default_translate(), of_bus_default_flags_translate()
    moved = number(base[flags:]) + offset & BITS64
    result = base[:flags] + [0] * (parent_cells - flags)
    if parent_cells - flags > 1:
        result[-2] = moved >> 32
    result[-1] = moved & 0xFFFFFFFF
    return result


def translate(tree, node, address, parent_of, name):
    """__of_translate_address(): the cpu's address of an address on the bus of `node`, or None.

    An address that is cut short gives None; Linux reads on behind it.
    """
    parent = parent_of(tree, node)
    if parent is None:
        return None
    bus = match_bus(parent)
    counts = bus.count_cells(node)
    if not sound(*counts) or len(address) < counts[0]:
        return None
    address = list(address[:counts[0]])
    steps = 0
    while True:
        node = parent
        parent = parent_of(tree, node)
        if parent is None:
            result = number(address[:counts[0]])
            return None if result == BITS64 else result
        steps += 1
        if steps > len(tree.nodes):
            raise Malformed(f"the DMA parents of {node.path} form a loop")
        parent_bus = match_bus(parent)
        parent_counts = parent_bus.count_cells(node)
        if not sound(*parent_counts):
            return None
        address = translate_one(tree, node, bus, parent_bus, address, counts, parent_counts[0], name)
        if address is None:
            return None
        counts, bus = parent_counts, parent_bus


def register(tree, node):
    """of_translate_address() of the first entry of `reg`, as of_device_make_bus_id() asks for it."""
    value = node.props.get("reg")
    return None if value is None else translate(tree, node, cells(value), tree_parent, "ranges")


def raw_entries(node, name):
    """The entries that parser_init() and of_pci_range_parser_one() see: (child cells, parent cells, size)."""
    count, above, size = node.address_cells(), node.own_address_cells(), node.size_cells()
    one = count + above + size
    words = cells(node.props.get(name, b""))
    if one == 0 or count > 64 or above > 64 or size > 64:
        return
    for at in range(0, len(words) - one + 1, one):
        yield words[at:at + count], words[at + count:at + count + above], number(words[at + count + above:at + one])


def dma_range_parser(tree, node):
    """for_each_of_pci_range() on `dma-ranges`: [(flags, bus address, cpu address or None, size)], contiguous ones joined."""
    kind = match_bus(node)
    found = []
    for child, above, size in raw_entries(node, "dma-ranges"):
        flag = kind.flags(child[0]) if child else None
        bus = number(child[kind.flag_cells:])
        cpu = translate(tree, node, above, dma_parent, "dma-ranges")
        if found:
            last = found[-1]
            joined = BITS64 if last[2] is None else last[2]  # OF_BAD_ADDR takes part in the sums as a number
            if (last[0] == flag and bus == last[1] + last[3] & BITS64
                    and (BITS64 if cpu is None else cpu) == joined + last[3] & BITS64):
                last[3] = last[3] + size & BITS64
                continue
        found.append([flag, bus, cpu, size])
    return found


def dma_get_range(tree, node):
    """of_dma_get_range() from `node` on, which is the DMA parent of a platform device (of_dma_configure_id()).

    A list of (bus, cpu, size); None where Linux says -ENODEV (it then knows no bound); "invalid" for -EINVAL (no bound either,
    since platform and AMBA devices are configured with force_dma).
    """
    found_ranges = False
    walked = [] if node is None else [node, *dma_parents(tree, node)]
    for node in walked:
        value = node.props.get("dma-ranges")
        if value:
            ranges = [(bus, cpu, size) for _, bus, cpu, size in dma_range_parser(tree, node) if cpu is not None]
            return ranges or "invalid"
        if found_ranges and value is None:
            return None
        found_ranges = True
    return None


def dma_get_max_cpu_address(tree, node=None):
    """of_dma_get_max_cpu_address(); PHYS_ADDR_MAX is 2^64 - 1."""
    lowest = BITS64
    todo = [node or tree.root]
    while todo:
        node = todo.pop()
        if node.props.get("dma-ranges"):
            end = 0
            for _, _, cpu, size in dma_range_parser(tree, node):
                cpu = BITS64 if cpu is None else cpu
                if cpu + size & BITS64 > end:
                    end = cpu + size - 1 & BITS64
            lowest = min(lowest, end)
        todo += [child for child in node.children if child.available()]
    return lowest


def dma_is_coherent(tree, node, default):
    """of_dma_is_coherent(): (coherent, the node that says so or None)."""
    for at in (node, *dma_parents(tree, node)):
        if "dma-coherent" in at.props:
            return True, at
        if "dma-noncoherent" in at.props:
            return False, at
    return default, None


# The composition. A window is (order, kind, bus, cpu, size). The kind is Bus.kind() of its bus address, None where addresses
# have none or nothing is known of it. ALL is one window that is everything.
ALL = ((0, None, 0, 0, WHOLE),)


def first_match(windows):
    """The windows without what an earlier one (by order) already has of the bus's addresses: the first entry wins."""
    windows = sorted(windows, key=lambda w: w[2])
    if all(a[2] + a[4] <= b[2] for a, b in zip(windows, windows[1:])):
        return windows
    borders = sorted({w[2] for w in windows} | {w[2] + w[4] for w in windows})
    result, heap, at = [], [], 0
    for low, high in zip(borders, borders[1:]):
        while at < len(windows) and windows[at][2] == low:
            heapq.heappush(heap, (windows[at][0], at))
            at += 1
        while heap and windows[heap[0][1]][2] + windows[heap[0][1]][4] <= low:
            heapq.heappop(heap)
        if heap:
            order, flag, bus, cpu, _ = windows[heap[0][1]]
            result.append((order, flag, low, cpu + low - bus, high - low))
    return result


def own_windows(tree, node, parent):
    """The windows that the entries of `dma-ranges` of `node` make of below(parent), and nothing else."""
    outer, bus, parent_bus = below(tree, parent), match_bus(node), match_bus(parent)
    groups = {}
    for window in outer:
        groups.setdefault(window[1], []).append(window)
    lists = [(kind, group, [window[2] for window in group]) for kind, group in groups.items()]
    made = []
    for order, (child, above, size) in enumerate(raw_entries(node, "dma-ranges")):
        tree.work += len(lists)
        first, kind = number(child[bus.flag_cells:]), bus.kind(child[0]) if child else None
        out, out_kind = number(above[parent_bus.flag_cells:]), parent_bus.kind(above[0]) if above else None
        size = min(size, WHOLE - first, WHOLE - out)
        for outer_kind, group, starts in lists:
            if None not in (outer_kind, out_kind) and out_kind != outer_kind:
                continue
            for at in range(max(bisect.bisect_right(starts, out) - 1, 0), len(group)):
                _, _, start, cpu, length = group[at]
                if start >= out + size:
                    break
                low, high = max(start, out), min(start + length, out + size)
                if low < high:
                    made.append((order, kind, first + low - out, cpu + low - start, high - low))
        if len(made) > MAX_WINDOWS or tree.work > MAX_WORK:
            raise Malformed("more DMA windows than any board has")
    return made


def below(tree, node):
    """What masters on the bus of `node` reach: windows, those of each kind sorted and without overlaps."""
    chain = [node]
    if "below" not in node.memo:
        chain += dma_parents(tree, node)
    # The root's own dma-ranges translate into nothing: __of_translate_address() ends there.
    chain[-1].memo.setdefault("below", ALL)
    for at, parent in zip(reversed(chain[:-1]), reversed(chain)):
        if "below" in at.memo:
            continue
        kinds = {}
        if at.props.get("dma-ranges"):
            for window in own_windows(tree, at, parent):
                kinds.setdefault(window[1], []).append(window)
        elif parent.memo["below"] is ALL or match_bus(at) is match_bus(parent):
            at.memo["below"] = parent.memo["below"]
            continue
        else:  # 1:1, but what the parent calls the kind of an address has no name here
            kinds[None] = [(order, None, *rest) for order, _, *rest in parent.memo["below"]]
        at.memo["below"] = tuple(window for group in kinds.values() for window in first_match(group))
    return node.memo["below"]


def reach(tree, node):
    """below(), as [(bus, cpu, size)] sorted by bus address, what is contiguous on both sides joined."""
    if "reach" not in node.memo:
        joined = []
        for _, _, bus, cpu, size in first_match(below(tree, node)):
            if joined and joined[-1][0] + joined[-1][2] == bus and joined[-1][1] + joined[-1][2] == cpu:
                joined[-1] = (*joined[-1][:2], joined[-1][2] + size)
            else:
                joined.append((bus, cpu, size))
        node.memo["reach"] = joined
    return node.memo["reach"]
