#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Linux makes of a board's device tree: one line per node, tab-separated, in the order of the file.

    linux_view.py BOARD.dtb ... [--json] [--linux FILE] [--unlisted maybe|no-bus]
    linux_view.py --summary [BOARD.dtb ...]        over all boards of Debian's kernels, if none is given

    PATH  device=KIND  name=NAME  coherent=0|1  dma=WINDOWS  streams=STREAMS

An independent opinion, from the source of Linux 6.12.117 alone; it shares no code with the compiler. Standard library only.
Each field is a function of the tree (and of --linux) alone, and none depends on another, except that NAME is given only
where KIND is that of a device. All numbers are hexadecimal; those of this file's own formats begin with 0x. Exit status: 0,
or 1 if a file is not a sound tree.

KIND, from drivers/of/platform.c: of_platform_default_populate_init(), of_platform_bus_create(), of_platform_device_create(),
of_amba_device_create(); linux_devices.py has the machines that walk differently. The first that applies:

    platform            made by of_platform_device_create() before the walk: reserved_mem_matches, wherever they are, and
                        the first simple-framebuffer of /chosen; only the node's own status counts
    none:disabled       the node, or one above it, is not available (of_device_is_available())
    none:no-compatible  no `compatible` property (PowerPC's walk needs none below a bus)
    none:skipped        of_skipped_node_table, or OF_POPULATED_BUS was set before the walk came here (/firmware, TI's prcm)
    none:early          OF_POPULATED was set by of_irq_init() or of_clk_init() (--linux: early)
    none:below-amba     the parent is an AMBA device, and the walk ends there (unless --linux says that it populates)
    none:not-platform   the parent makes devices of another bus (by its generic name: i2c, spi, mdio, mmc, serial, usb, ...,
                        or PCI's), or `compatible` begins with usbVID,PID or pciVID,DID
    none:no-bus         the parent is neither a default bus that was reached nor a node that may populate; the root itself
    none:no-amba        arm,primecell on a kernel without CONFIG_ARM_AMBA (PowerPC)
    none:no-reg         arm,primecell whose first register has no cpu address
    amba                compatible with arm,primecell
    platform            otherwise
    maybe-platform, maybe-amba
                        the same, if the node above populates, which nobody knows: it has a `compatible` of its own that is in
                        no list (--unlisted maybe), or it is a default bus below a node that populates, and --linux does not
                        say whether by of_platform_default_populate(), which goes down into buses, or by
                        of_platform_populate(np, NULL, ...), which does not. With --unlisted no-bus, which is what holds if
                        --linux is given, a node in no list populates nothing.

NAME, from of_device_make_bus_id() (drivers/of/device.c), which names AMBA devices too: the device's name in sysfs; `-` for
    no device, `?` for cells of mfd_add_devices(), which have names of their own. Names in tables of machines
    (OF_DEV_AUXDATA) are not known here.

coherent, from of_dma_is_coherent() (drivers/of/address.c): the nearest of the node and its DMA parents with dma-coherent or
    dma-noncoherent; DMA parents as __of_get_dma_parent() finds them. Without one the default of the architecture, guessed from
    the cpus: 1 for riscv and powerpc (ARCH_DMA_DEFAULT_COHERENT, but 0 for 44x, 8xx and 512x: NOT_COHERENT_CACHE), else 0.

WINDOWS: what a master that is the node itself reaches, as the hardware sees it: BUS+CPU+SIZE, by commas, sorted by BUS; `all`
    where nothing translates or bounds, `none` where nothing is left. All dma-ranges of its DMA parents (not its own) are
    composed up to the root. As for of_dma_get_range() and of_translate_dma_address(): a missing or empty dma-ranges is 1:1,
    for PCI's buses too; the root's own is of no effect; entries are read with the node's own #address-cells and #size-cells
    and the tree parent's #address-cells; the first cell of PCI's, ISA's and three-cell addresses is no part of the number,
    and between two such buses only entries of the same kind meet (.map of of_busses[]); of two entries with the same bus
    address the first one wins. Unlike there: entries are cut to what the buses above let through, a part without a way up is
    left out, and buses without dma-ranges do not end the search. What is contiguous on both sides is one window.
    --json has of_dma_get_range()'s own answer as linux_dma, asked for as of_dma_configure_id() does: "all" for its -ENODEV,
    "invalid" for its -EINVAL; and as below_dma, where the node has dma-ranges, what children and PCI functions below reach.

STREAMS: by commas, in the order of the tree, `-` for none; the node's own `iommus` only, never iommu-map, as
    of_iommu_configure() reads them for a device without a requester id: IOMMUPATH:ID/MASK for one or two cells, where MASK is
    the second cell, or else the IOMMU's stream-match-mask, or else 0 (arm_smmu_of_xlate()); IOMMUPATH:- for no cell;
    IOMMUPATH:C.C.C for more. If an IOMMU among them is not available (itself or a node above it) there are none at all, since
    of_iommu_configure_dev() ends at the first error and the others are freed; an entry that cannot be read ends the list.
    Then liodn:N for each cell of `fsl,liodn` (fsl_pamu_probe_device()).
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from linux_address import WHOLE, dma_get_range, dma_is_coherent, dma_parent, reach  # noqa: E402
from linux_devices import Data, Walk, bus_id  # noqa: E402
from linux_tree import Malformed, cells, read  # noqa: E402

# NOT_COHERENT_CACHE, arch/powerpc/platforms/Kconfig.cputype: 44x but not 47x, 8xx, 512x
NOT_COHERENT = re.compile(r"powerpc,(44\w*|8\d\d|8xx|512\w*)")


def default_coherent(tree):
    """dma_default_coherent of the kernel that runs here: ARCH_DMA_DEFAULT_COHERENT."""
    if tree.arch == "powerpc":
        cpus = tree.find("/cpus")
        return not any(NOT_COHERENT.fullmatch(word)
                       for node in cpus.children for word in (node.base().lower(), *node.compatible()))
    return tree.arch == "riscv"


def usable(node):
    """Whether Linux can make a device of it as far as status is concerned: its own and those above."""
    while node is not None:
        if not node.available() and node.parent is not None:
            return False
        node = node.parent
    return True


def streams(tree, node):
    found = []
    if "iommus" in node.props:
        for iommu, words in tree.references(node, "iommus", "#iommu-cells"):
            if iommu is None:
                break
            if not usable(iommu):
                found.clear()
                break
            if not words:
                ids = "-"
            elif len(words) <= 2:
                mask = words[1] if len(words) == 2 else iommu.u32("stream-match-mask") or 0
                ids = f"{words[0]:#x}/{mask:#x}"
            else:
                ids = ".".join(f"{word:#x}" for word in words)
            found.append(f"{iommu.path}:{ids}")
    return found + [f"liodn:{liodn:#x}" for liodn in cells(node.props.get("fsl,liodn", b""))]


class View:
    """One node, as in the text above."""

    __slots__ = ("node", "device", "name", "coherent", "says", "dma", "streams")

    def line(self):
        return (f"{self.node.path}\tdevice={self.device}\tname={self.name}\tcoherent={self.coherent:d}"
                f"\tdma={show(self.dma)}\tstreams={','.join(self.streams) or '-'}")


def everything(windows):
    return windows == [(0, 0, WHOLE)]


def show(windows):
    if everything(windows):
        return "all"
    return ",".join(f"{bus:#x}+{cpu:#x}+{size:#x}" for bus, cpu, size in windows) or "none"


def view(tree, data):
    """A View of each node. Malformed, if Linux would not come to an end."""
    walk = Walk(tree, data)
    default = default_coherent(tree)
    views = []
    for node in tree.nodes:
        one = View()
        one.node = node
        one.device = walk.kinds[node]
        one.name = "-"
        if not one.device.startswith("none:"):
            one.name = "?" if node in walk.cells else bus_id(tree, node)
        one.coherent, one.says = dma_is_coherent(tree, node, default)
        parent = dma_parent(tree, node)
        one.dma = [(0, 0, WHOLE)] if parent is None else reach(tree, parent)
        one.streams = streams(tree, node)
        views.append(one)
    return views


def as_json(tree, one):
    linux = dma_get_range(tree, dma_parent(tree, one.node))
    windows = {"dma": one.dma, "linux_dma": linux}
    if "dma-ranges" in one.node.props:
        windows["below_dma"] = reach(tree, one.node)
    for name, value in windows.items():
        if value is None or everything(value):
            windows[name] = "all"
        elif value != "invalid":
            windows[name] = [[f"{number:#x}" for number in window] for window in value]
    return {"path": one.node.path, "device": one.device, "name": one.name, "coherent": int(one.coherent), **windows,
            "streams": one.streams}


def root_irqchip(tree):
    """The first `compatible` of the root interrupt controller: the end of the chain of interrupt parents.

    The chain begins at the first node of the tree with an `interrupt-parent`, and goes on at each controller by the first
    entry of interrupts-extended, or else by of_irq_find_parent(), as of_irq_init() orders them. A cpu's own controller
    (RISC-V) is not counted.
    """
    start = next((node for node in tree.nodes if node.u32("interrupt-parent") in tree.phandles), None)
    node = tree.phandles[start.u32("interrupt-parent")] if start is not None else None
    seen = set()
    while node is not None and node not in seen:
        seen.add(node)
        after = None
        if "interrupts-extended" in node.props:
            after = next((target for target, _ in tree.references(node, "interrupts-extended", "#interrupt-cells")), None)
        after = after or tree.interrupt_parent(node)
        if after is None or after in seen or after.parent is not None and after.parent.type() == "cpu":
            break
        node = after
    return (node.compatible() or (node.path,))[0] if node is not None else "none"


class Summary:
    def __init__(self):
        self.kinds = collections.Counter()
        self.irqchips = collections.Counter()
        self.devices = collections.Counter()
        self.boards = collections.Counter()
        self.odd = collections.Counter()
        self.examples = {}
        self.total = 0

    def count(self, what, board, number):
        if number:
            self.devices[what] += number
            self.boards[what] += 1

    def strange(self, what, board, path):
        self.odd[what] += 1
        self.examples.setdefault(what, f"{board} {path}")

    def add(self, board, tree, views):
        self.total += 1
        self.irqchips[root_irqchip(tree), tree.arch if board.startswith("/") or "/" not in board else board.split("/")[0]] += 1
        devices = [one for one in views if not one.device.startswith("none:")]
        self.kinds.update(one.device for one in views)
        above = [one for one in devices if one.says not in (None, one.node)]
        bounded = [one for one in devices if not everything(one.dma)]
        self.count("coherence from a node above", board, len(above))
        self.count("  of these, unlike the default", board, sum(one.coherent != default_coherent(tree) for one in above))
        self.count("coherence said by the node itself", board, sum(one.says is one.node for one in devices))
        self.count("window (not everything)", board, len(bounded))
        self.count("offset (a bus address is not the cpu's)", board,
                   sum(any(bus != cpu for bus, cpu, _ in one.dma) for one in bounded))
        self.count("several windows", board, sum(len(one.dma) > 1 for one in bounded))
        self.count("behind an IOMMU", board, sum(bool(one.streams) for one in devices))
        self.count("DMA parent named by dma-mem", board,
                   sum(dma_parent(tree, one.node) is not one.node.parent for one in devices))
        names = collections.Counter((one.device[-4:], one.name) for one in devices if one.name != "?")
        for one in views:
            node = one.node
            linux = dma_get_range(tree, dma_parent(tree, node))
            if not one.device.startswith("none:"):
                if names[one.device[-4:], one.name] > 1:
                    self.strange("two devices of one name", board, node.path)
                if not one.dma:
                    self.strange("a device without a window", board, node.path)
                if linux == "invalid":
                    self.strange("of_dma_get_range() is -EINVAL", board, node.path)
                elif linux is None and not everything(one.dma):
                    self.strange("bounded, but of_dma_get_range() ends at a bus without dma-ranges", board, node.path)
                elif linux is not None and canonical(linux) != one.dma:
                    self.strange("of_dma_get_range() has other windows", board, node.path)
                if "iommus" in node.props and not one.streams:
                    self.strange("iommus that lead to no IOMMU", board, node.path)
            if node.parent is None and node.props.get("dma-ranges"):
                self.strange("dma-ranges in the root", board, node.path)
            if "mmu-masters" in node.props:
                self.strange("mmu-masters", board, node.path)

    def show(self, seconds):
        print(f"{self.total} boards, {sum(self.kinds.values())} nodes, {seconds:.1f} s\n")
        print("nodes")
        for name, number in self.kinds.most_common():
            print(f"{number:>9}  {name}")
        print("\nboards by root irqchip")
        for (name, architecture), number in sorted(self.irqchips.items(), key=lambda item: (item[0][1], -item[1], item[0])):
            print(f"{number:>9}  {architecture:<8} {name}")
        print()
        print("devices   boards")
        for name, number in self.devices.items():
            print(f"{number:>7} {self.boards[name]:>8}  {name}")
        print("\nodd")
        for name, number in self.odd.items():
            print(f"{number:>9}  {name}: {self.examples[name]}")


def canonical(windows):
    """Sorted, contiguous ones joined, without empty ones."""
    result = []
    for bus, cpu, size in sorted(window for window in windows if window[2]):
        if result and result[-1][0] + result[-1][2] == bus and result[-1][1] + result[-1][2] == cpu:
            result[-1] = (*result[-1][:2], result[-1][2] + size)
        else:
            result.append((bus, cpu, size))
    return result


def all_boards():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
    from boards import ARCHITECTURES, RISCV, boards
    version, found = boards(False, {**ARCHITECTURES, **RISCV})
    print(version)
    return [(name, path) for name, path, _ in found]


def main():
    parser = argparse.ArgumentParser(description="What Linux makes of a board's device tree.")
    parser.add_argument("boards", nargs="*", type=pathlib.Path, metavar="BOARD.dtb")
    parser.add_argument("--json", action="store_true", help="an array with an object for each board")
    parser.add_argument("--linux", type=pathlib.Path, metavar="FILE", help='{"populates": [...], "early": [...]}')
    parser.add_argument("--unlisted", choices=("maybe", "no-bus"), help="what is below a node that is in no list")
    parser.add_argument("--summary", action="store_true", help="count over all boards")
    args = parser.parse_args()
    if not args.boards and not args.summary:
        parser.error("name a board, or use --summary")
    try:
        text = json.loads(args.linux.read_text()) if args.linux else {}
        data = Data(text, args.unlisted or ("no-bus" if args.linux else "maybe"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        parser.error(f"{args.linux}: {error}")
    boards = [(str(path), path) for path in args.boards] or all_boards()
    summary, objects, failed, start = Summary(), [], 0, time.process_time()
    for name, path in boards:
        try:
            tree = read(path.read_bytes())
            views = view(tree, data)
        except (OSError, Malformed) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = 1
            continue
        if args.summary:
            summary.add(name, tree, views)
        elif args.json:
            objects.append({"board": name, "nodes": [as_json(tree, one) for one in views]})
        else:
            print("\n".join(one.line() for one in views))
    if args.summary:
        summary.show(time.process_time() - start)
    elif args.json:
        json.dump(objects, sys.stdout, indent=1)
        print()
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
