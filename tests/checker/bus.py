# SPDX-License-Identifier: MIT
"""Checks devices without an IOMMU whose bus in the guest translates: Linux drivers/of/address.c, of_dma_get_range()."""

from .dtb import address_cells, entries, number, size_cells

UNKNOWN = 0xFEEDFACE  # the high cell of an address that a start writes
PLACED = ("contiguous", "heap", "physical")
HUGE = 2 << 20


def dma_ranges(node):
    """[(place in the file of the child's two lower cells, child address, parent address, size)]"""
    child, parent, size = address_cells(node), address_cells(node.parent), size_cells(node)
    width = child + parent + size
    return [(node.places["dma-ranges"] + 4 * (i * width + child - 2), number(e[child - 2:child]),
             number(e[child:child + parent][-2:]), number(e[child + parent:]))
            for i, e in enumerate(entries(node.props["dma-ranges"], width, f"{node.path}: dma-ranges"))]


def outermost(node):
    """The bus below the root, or on a bus of its own, that a device is on."""
    found = None
    while node.parent is not None:
        node = node.parent
        if node.props.get("dma-ranges"):
            found = node
    return found


def pools(machine, node):
    """Addresses of restricted pools that the device refers to."""
    found = []
    for cell in [number(e) for e in entries(node.props.get("memory-region", b""), 1, node.path)]:
        to = machine.tree.at_phandle(cell, node.path)
        if to.string("compatible") == "restricted-dma-pool":
            found.append(number(entries(to.props["reg"], 4, to.path)[0][:2]))
    return found


def check_bus(machine, d, who):
    bus = outermost(d.at) if d.at else None
    if bus is None:
        machine.say(f"{who}: no bus of its translates")
        return
    only = pools(machine, d.at)
    rest = {at: (child, size) for _, child, at, size in dma_ranges(bus)}
    ram = 0
    for memory in machine.config.memory:
        placed = memory.backing in PLACED and "no-dma" not in memory.flags
        if not placed or (only and memory.address not in only):
            continue
        child, size = rest.pop(memory.address, (None, None))
        if child is None:
            ram += not pool_of_others(machine, memory)
        elif size != memory.size:
            machine.say(f"{who}: {bus.path} has {size:#x} bytes of memory {memory.name}, not {memory.size:#x}")
        elif (memory.physical is None) != (child >> 32 == UNKNOWN):
            machine.say(f"{who}: {bus.path} has memory {memory.name} at {child:#x}, and the host at {memory.physical}")
    if ram:
        machine.say(f"{who}: {bus.path} lacks memory whose place is known")
    if rest:
        machine.say(f"{who}: {bus.path} has what is no memory of a known place: {rest}")


def pool_of_others(machine, memory):
    return any(node.string("compatible") == "restricted-dma-pool" and
               number(entries(node.props["reg"], 4, node.path)[0][:2]) == memory.address
               for node in machine.tree.root.walk())


def check_patches(machine):
    """Each address that is unknown is written at the start, and nothing else."""
    wanted = {}
    for node in machine.tree.root.walk():
        if node.props.get("dma-ranges"):
            for place, child, at, size in dma_ranges(node):
                if child >> 32 == UNKNOWN:
                    wanted[place] = (node, at, size)
    for p in machine.config.patch:
        node, at, size = wanted.pop(p.at, (None, None, None))
        memory = None if p.memory is None else machine.config.memory[p.memory]
        if node is None or node.path != p.node:
            machine.say(f"what is written at {p.at:#x} is no unknown address of {p.node}")
        elif memory.address != at or memory.size != size or p.offset:
            machine.say(f"{p.node} gets the address of {memory.name}, and the entry is for {at:#x}")
        else:
            check_limits(machine, p, memory)
    for node, at, _ in wanted.values():
        machine.say(f"{node.path}: nothing says where {at:#x} is")


def check_limits(machine, p, memory):
    """Where the host may have it, the device address does not wrap, and a huge page is whole."""
    if memory.limit and memory.limit - memory.lowest < memory.size:
        machine.say(f"memory {memory.name} does not fit between {memory.lowest:#x} and {memory.limit:#x}")
    last = (memory.limit or 1 << 64) - 1
    if (memory.lowest + p.addend) % (1 << 64) > (last + p.addend) % (1 << 64) and memory.limit:
        machine.say(f"memory {memory.name}: {p.node} adds {p.addend:#x}, which wraps")
    page = memory.page_size or HUGE
    if memory.backing == "contiguous" and memory.size % page:
        machine.say(f"memory {memory.name} is not made of huge pages")
