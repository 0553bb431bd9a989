#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every node of every board: does machc see of it what linux_view.py sees, which shares no code with it?

    tests/corpus/nodes.py [--driver FILE] [--every N] [-k TEXT]

Compared are: whether Linux makes a device of the node, its name in sysfs, whether its DMA is coherent, which addresses it
reaches, and by what its IOMMU knows it. Boards are those of Debian's kernels for arm64, armhf and riscv64. Then the counts of
linux_view.py --summary.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "corpus")]

from boards import ARCHITECTURES, RISCV, boards  # noqa: E402
from linux_address import PCI, dma_get_range, dma_parent, match_bus  # noqa: E402
from linux_devices import OMAP, Data  # noqa: E402
from linux_tree import Malformed, read  # noqa: E402
from linux_view import Summary, canonical, show, view  # noqa: E402

# What machc says, and what linux_view.py then must say. Machc tells no kinds of doubt apart, and AMBA's devices are devices.
AGREE = {
    "root": ("none:no-bus",),
    "by-core": ("platform", "amba", "none:no-reg"),
    "by-driver": ("platform", "amba", "none:no-reg", "none:not-platform"),  # such as usb424,2514 below a controller
    "by-client": ("platform", "amba", "none:no-bus", "none:not-platform"),  # linux_view.py does not know all buses
    "maybe": ("maybe-", "none:not-platform", "none:no-bus", "none:below-amba"),
    "not-by-driver": ("none:no-bus",),
    "nameless": ("none:",),
    "disabled": ("none:",),
    "skipped": ("none:",),
    "early": ("none:",),
}
SYMBOLS = ("__symbols__", "__local_fixups__", "__fixups__")
ARCHES = {"arm64": "arm64", "armhf": "arm", "riscv64": "riscv64"}
BATCH = 16


def stream(text):
    """IOMMU:ID/MASK, without the bits of the id that the mask leaves out; None for an id of more cells, which machc drops."""
    place, _, number = text.rpartition(":")
    if "." in number:
        return None
    if "/" not in number:
        return text
    one, mask = (int(word, 16) for word in number.split("/"))
    return f"{place}:-" if mask == 0xffffffff else f"{place}:{one & ~mask:#x}/{mask:#x}"


def windows(tree, node):
    """What Linux itself takes for the reach of a node's DMA, or of the functions on a PCI bus."""
    parent = node if match_bus(node) is PCI else dma_parent(tree, node)
    found = dma_get_range(tree, parent) if parent else None
    return "all" if found in (None, "invalid") else show(canonical(found))


def differences(name, line, tree, one):
    path, *fields = line.split("\t")
    ours = dict(field.split("=", 1) for field in fields)
    theirs = dict(field.split("=", 1) for field in one.line().split("\t")[1:])
    if path != one.node.path:
        return f"{name}: {path}, but linux_view.py: {one.node.path}"
    theirs["dma"] = windows(tree, one.node)
    wrong = []
    # OMAP's code makes devices before the walk, and /chosen's framebuffer is nobody's to give away.
    special = OMAP & set(tree.root.compatible()) or path.startswith("/chosen/")
    if not special and not theirs["device"].startswith(AGREE[ours["device"]]):
        wrong.append("device")
    if theirs["name"] not in ("-", "?") and ours["name"] != theirs["name"]:
        wrong.append("name")
    wrong += [field for field in ("coherent", "dma") if ours[field] != theirs[field]]
    wanted = [found for found in map(stream, theirs["streams"].split(",")) if found]
    if ours["streams"] != ",".join(wanted) and (wanted or ours["streams"] != "-"):
        wrong.append("streams")
    return "".join(f"{name} {path}: {field}={ours[field]}, but linux_view.py: {theirs[field]}\n" for field in wrong)


def compare(job):
    """(differences, summary, nodes) of some boards of one architecture."""
    driver, architecture, some = job
    data = Data(json.loads((ROOT / "schemas" / "linux" / "nodes.json").read_text()), "no-bus")
    done = subprocess.run([driver, ARCHES[architecture], *(path for _, path in some)], capture_output=True, check=False, timeout=600)
    outputs = done.stdout.decode("utf-8", "backslashreplace").split("\n\n")
    wrong, summary, nodes = [], Summary(), 0
    if done.returncode:
        wrong.append(f"exit status {done.returncode} for one of {', '.join(name for name, _ in some)}\n{done.stderr.decode()[-2000:]}")
    for (name, path), out in zip(some, outputs):
        try:
            tree = read(path.read_bytes())
            # What dtc -@ adds: labels and references for machc, and no nodes.
            views = [one for one in view(tree, data) if one.node.path.split("/")[1] not in SYMBOLS]
        except Malformed as error:
            wrong.append(f"{name}: {error}")
            continue
        lines = out.split("\n")
        if len(lines) != len(views):
            wrong.append(f"{name}: {len(lines)} nodes, but linux_view.py: {len(views)}")
        for line, one in zip(lines, views):
            nodes += 1
            if found := differences(name, line, tree, one):
                wrong.append(found.rstrip("\n"))
        summary.add(name, tree, views)
    return wrong, summary, nodes


def join(whole, part):
    for name in ("kinds", "irqchips", "devices", "boards", "odd"):
        getattr(whole, name).update(getattr(part, name))
    for what, example in part.examples.items():
        whole.examples.setdefault(what, example)
    whole.total += part.total


def main():
    parser = argparse.ArgumentParser(description="Compares what machc and linux_view.py know of each node of each board.")
    parser.add_argument("--driver", default="build/nodes", help="build/nodes")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth board")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="boards at a time")
    parser.add_argument("-k", default="", metavar="TEXT", help="only boards whose name holds TEXT")
    args = parser.parse_args()
    driver = pathlib.Path(args.driver).resolve()
    version, found = boards(False, {**ARCHITECTURES, **RISCV})
    found = [board for board in found if args.k in board[0]][:: args.every]
    start, jobs = time.monotonic(), []
    for architecture in ARCHES:
        mine = [(name, path) for name, path, _ in found if name.startswith(architecture + "/")]
        jobs += [(driver, architecture, mine[i:i + BATCH]) for i in range(0, len(mine), BATCH)]
    whole, failed, nodes = Summary(), [], 0
    with concurrent.futures.ProcessPoolExecutor(args.j) as pool:
        for wrong, summary, count in pool.map(compare, jobs):
            failed += wrong
            nodes += count
            join(whole, summary)
    whole.show(time.monotonic() - start)
    for line in failed[:50]:
        print(f"FAIL {line}")
    print(f"{len(found)} boards of {version} in {time.monotonic() - start:.0f} s")
    print(f"nodes: {nodes - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not nodes else 0


if __name__ == "__main__":
    sys.exit(main())
