#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Overlays for hosts: for each board of Debian, one for all devices that can be passed through at once.

    tests/prepare/run.py [--machc FILE] [--sample N] [--seed S] [--refresh] [-k TEXT] [--schema N]

The devices are found by asking: a text names every node that could be one, and what machc refuses is left out. Then

- fdtoverlay puts the overlay onto the tree;
- what it changes is compared with the board's own tree, node by node and property by property, by this file alone: nothing
  is taken away, and what is added is of the kinds below, where it belongs;
- each clock and power domain of a device is at one of the device's buses, as the tree has it;
- what the config expects of the tree is true then, and names all that was added;
- dtc prints nothing that it does not print of the board alone; of N boards (--schema), dt-validate neither, but for what
  bindings.py counts.

A part of the devices is hidden, a part's clocks are called ready, and memory at the end of RAM is to be reserved. The seed of
this and of --sample is printed. The last line counts boards.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/corpus"))

from boards import boards  # noqa: E402
from bindings import Bindings  # noqa: E402
from checker.config import Config  # noqa: E402
from checker.dtb import Bad, Tree, address_cells, cells, entries, number, size_cells  # noqa: E402
from expected import wrong  # noqa: E402
from harness import ENVIRONMENT  # noqa: E402

GOAL = 0.98  # of the boards: the overlay applies and says what it should
LINK = "pinctrl-8"
ROUNDS = 12
HIDDEN = b"guest,device\0"
MEMORY = 1 << 21  # bytes that are to be reserved, at the end of the board's RAM


class Problem(Exception):
    pass


def call(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, env=ENVIRONMENT, timeout=300, check=False, **more)


def is_on(node):
    while node:
        if node.string("status") not in ("", "okay", "ok"):
            return False
        node = node.parent
    return True


def candidates(tree):
    for node in tree.root.walk():
        if "reg" in node.props and "compatible" in node.props and node.parent and is_on(node):
            yield node.path


def last_memory(tree):
    """Where the last MEMORY bytes of RAM are that the tree tells of; None: it leaves that to the boot loader."""
    for node in tree.root.children.values():
        if node.string("device_type") == "memory" and "reg" in node.props:
            width = address_cells(tree.root) + size_cells(tree.root)
            start, size = (lambda e: (number(e[:address_cells(tree.root)]), number(e[address_cells(tree.root):])))(
                entries(node.props["reg"], width, node.path)[-1])
            if size >= 64 * MEMORY:
                return (start + size) // MEMORY * MEMORY - MEMORY
    return None


def text_for(board, paths, asked):
    """`asked`: paths that are hidden, paths whose clocks are ready, and the address of memory."""
    hidden, ready, memory = asked
    host = [f"hide {path};" for path in hidden if path in paths]
    host += [f'ready clocks of {path} "they are";' for path in ready if path in paths]
    lines = [f'host "{board}" {{ {" ".join(host)} }}', "machine m : PLATFORM { cpus 1; memory ram size 64M;"]
    if memory is not None:
        lines[1] += f" memory data size {MEMORY} from physical {memory} by reserved readonly;"
    lines += [f"passthrough {path} {{ ref * drop; dma none; }}" for path in paths]
    return "\n".join(lines) + "\n}\n"


def ask(tree, paths, seed):
    """What the text asks of the preparation: a sample of the board's devices."""
    draw = random.Random(seed)
    on_bus = [path for path in paths if tree.by_path[path].parent.cell("#size-cells", 1)]
    clocked = [path for path in on_bus if "clocks" in tree.by_path[path].props]
    return set(draw.sample(on_bus, len(on_bus) // 8)), set(draw.sample(clocked, len(clocked) // 8)), last_memory(tree)


def devices(machc, board, platform, tree, folder, seed):
    """Leaves out what machc refuses, until it refuses nothing. Returns the text, what is left, and what is asked for."""
    paths = list(candidates(tree))
    asked = ask(tree, paths, seed)
    for _ in range(ROUNDS):
        source = folder / "all.mach"
        source.write_text(text_for(board, paths, asked).replace("PLATFORM", platform))
        said = call(machc, "-w", "--check", "--max-errors", 0, "--diagnostics=json", source)
        if said.returncode == 0:
            return source, paths, asked
        lines = {m["place"]["line"] for m in json.loads(said.stdout)["messages"] if m["severity"] == "error" and m.get("place")}
        if 2 in lines and asked[2] is not None:  # what lies there is spoken for
            asked = (*asked[:2], None)
            continue
        lines &= set(range(3, len(paths) + 3))
        if not lines:
            raise Problem(f"machc refuses, and not a device: {said.stdout.decode()[:600]}")
        paths = [path for i, path in enumerate(paths) if i + 3 not in lines]
        if not paths:
            return None, [], asked
    raise Problem(f"after {ROUNDS} rounds there are still errors")


def references(tree, node, name, cells_name):
    """The entries of a property as tuples: the phandle and its specifier."""
    value, found = list(cells(node.props.get(name, b""))), []
    while value:
        target = tree.phandles.get(value[0])
        n = target.cell(cells_name) if target and value[0] else 0
        if n is None:
            return None
        found.append(tuple(value[:n + 1]))
        value = value[n + 1:]
    return found


def is_description(tree, entry):
    node = tree.phandles[entry[0]]
    return node.string("compatible") in ("fixed-clock", "fixed-factor-clock")


# ---- what an overlay may change ----

def added_node(node):
    """What a node is that the board does not have; None: it may not be there."""
    if re.fullmatch(r"bus@[0-9a-f]+", node.name) and node.string("compatible") == "simple-pm-bus":
        return "bus"
    if node.name.startswith("guest-hold") and node.string("compatible") == "guest,hold":
        return "hold"
    if node.name.startswith("guest-hog") and "gpio-hog" in node.props:
        return "hog"
    if node.name.startswith("guest-memory@") and node.parent.path == "/reserved-memory":
        return "memory"
    if node.path == "/reserved-memory" and node.props.keys() == {"#address-cells", "#size-cells", "ranges"}:
        return "parent of memory"
    return None


def check_memory(node, memory):
    ac, width = address_cells(node.parent), address_cells(node.parent) + size_cells(node.parent)
    reg = entries(node.props["reg"], width, node.path)
    if memory is None or len(reg) != 1 or (number(reg[0][:ac]), number(reg[0][ac:])) != (memory, MEMORY):
        raise Problem(f"{node.path} is not what was asked for")
    if node.props.keys() - {"phandle"} != {"reg", "no-map"}:
        raise Problem(f"{node.path} has {sorted(node.props)}")


def is_reserved(tree, memory):
    """Whether one node of /reserved-memory holds all of it."""
    parent = tree.by_path.get("/reserved-memory")
    for node in parent.children.values() if parent else ():
        ac, width = address_cells(parent), address_cells(parent) + size_cells(parent)
        for entry in entries(node.props["reg"], width, node.path) if "reg" in node.props and is_on(node) else ():
            if number(entry[:ac]) <= memory and memory + MEMORY <= number(entry[:ac]) + number(entry[ac:]):
                return True
    return False


def compare(before, after, paths, asked):
    """Returns how many of each kind were added."""
    hidden, _, memory = asked
    hidden = hidden & paths
    counts = collections.Counter()
    supplies = {number for node in before.root.walk() for name, value in node.props.items() if name.endswith("-supply")
                for number in cells(value)}
    for node in before.root.walk():
        other = after.by_path.get(node.path)
        if other is None:
            raise Problem(f"{node.path} is gone")
        for name, value in node.props.items():
            if name == "compatible" and node.path in hidden:
                if other.props.get(name) != HIDDEN:
                    raise Problem(f"{node.path} is not hidden")
                counts["hidden"] += 1
            elif other.props.get(name) != value:
                raise Problem(f"{name} of {node.path} is another")
    for node in after.root.walk():
        mine = before.by_path.get(node.path)
        if mine is None:
            kind = added_node(node)
            if not kind or (kind in ("bus", "hold") and node.parent is not after.root):
                raise Problem(f"{node.path} is new")
            if kind == "memory":
                check_memory(node, memory)
            counts[kind] += 1
            continue
        for name in node.props.keys() - mine.props.keys():
            if name == LINK and any(node.path == path or node.path.startswith(path + "/") for path in paths):
                counts["link"] += 1
            elif name == "regulator-always-on" and mine.cell("phandle") in supplies:
                counts["regulator"] += 1
            elif name != "phandle":
                raise Problem(f"{name} of {node.path} is new")
    if memory is not None and not counts["memory"] and not is_reserved(before, memory):
        raise Problem(f"nothing reserves memory at {memory:#x}")
    return counts


def check_kept(before, after, paths, ready):
    """Each clock and domain of a device that is not a description is at a bus that the device is linked to, but for clocks
    that the text calls ready, which are at none."""
    checked = 0
    for path in paths:
        node = before.by_path[path]
        if node.parent.cell("#size-cells") == 0:
            continue  # a chip on a bus: Linux has no platform device for it
        buses = [after.at_phandle(number, path) for number in cells(after.by_path[path].props.get(LINK, b""))]
        clocks = references(before, node, "clocks", "#clock-cells")
        domains = references(before, node, "power-domains", "#power-domain-cells")
        if clocks is None or domains is None:
            continue
        inside = {entry[0] for entry in [*clocks, *domains] if before.phandles.get(entry[0]) and
                  any(before.phandles[entry[0]].path == p or before.phandles[entry[0]].path.startswith(p + "/") for p in paths)}
        want = {entry for entry in clocks if entry[0] and entry[0] not in inside and not is_description(before, entry)}
        have = {entry for bus in buses for entry in references(after, bus, "clocks", "#clock-cells")}
        if path in ready:
            if any("clocks" in bus.props for bus in buses) and not before.by_path[path].children:
                raise Problem(f"clocks of {path} are kept, although they are ready")
            want = set()
        if want - have:
            raise Problem(f"clocks of {path} are at none of its buses: {want - have}")
        want_domains = {entry for entry in domains if entry[0] and entry[0] not in inside}
        have_domains = {entry for bus in buses for entry in references(after, bus, "power-domains", "#power-domain-cells")}
        if (want or len(want_domains) > 1) and want_domains - have_domains:
            raise Problem(f"domains of {path} are at none of its buses: {want_domains - have_domains}")
        if any(len(references(after, bus, "power-domains", "#power-domain-cells")) > 1 for bus in buses):
            raise Problem(f"a bus of {path} has several domains")
        checked += len(want) + len(want_domains)
    return checked


def dtc_says(path):
    said = call("dtc", "-I", "dtb", "-O", "null", path).stderr.decode("utf-8", "replace").replace(str(path), "TREE")
    return collections.Counter(said.splitlines())


def check_board(machc, board, bindings, seed):
    """(name, problem or None, counts, devices, (path before, path after) or None)"""
    name, path, platform = board
    folder = pathlib.Path(tempfile.mkdtemp(prefix="prepare-"))
    try:
        before = Tree(pathlib.Path(path).read_bytes())
        source, paths, asked = devices(machc, path, platform, before, folder, f"{seed} {name}")
        if not paths:
            return name, None, collections.Counter(), 0, None
        done = call(machc, "-w", "-O", folder / "out", source)
        if done.returncode:
            raise Problem(done.stderr.decode()[:600])
        overlays = list((folder / "out").glob("*.host.dtbo"))
        if not overlays:
            return name, None, collections.Counter(), len(paths), None
        # What people read is what is applied.
        source = call("dtc", "-q", "-I", "dts", "-O", "dtb", str(overlays[0]).removesuffix("bo") + "s")
        blob = call("dtc", "-q", "-s", "-I", "dtb", "-O", "dts", overlays[0])
        same = subprocess.run(["dtc", "-q", "-s", "-I", "dtb", "-O", "dts", "-"], input=source.stdout, capture_output=True, check=False)
        if source.returncode or same.stdout != blob.stdout:
            raise Problem("the source is not the overlay: " + source.stderr.decode()[:300])
        after = folder / "after.dtb"
        done = call("fdtoverlay", "-i", path, "-o", after, overlays[0])
        if done.returncode:
            raise Problem("fdtoverlay: " + done.stderr.decode()[:600])
        tree = Tree(after.read_bytes())
        counts = compare(before, tree, set(paths), asked)
        counts["kept"] = check_kept(before, tree, paths, asked[1])
        problem = wrong(before, tree, Config((folder / "out/m.cfg").read_bytes()), LINK)
        if problem:
            raise Problem(f"the config: {problem}")
        new = dtc_says(after) - dtc_says(path)
        if new:
            raise Problem("dtc: " + "\n".join(list(new)[:5]))
        if bindings:
            more = bindings.check(before, tree, folder)
            if more:
                raise Problem("dt-validate: " + "\n".join(more[:5]))
        return name, None, counts, len(paths), None
    except (Problem, Bad) as problem:
        return name, str(problem), collections.Counter(), 0, None
    finally:
        subprocess.run(["rm", "-rf", folder], check=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--machc", default=ROOT / "build/machc")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--schema", type=int, metavar="N", default=0)
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    _, found = boards(options.refresh, {"arm64": ("linux-image-arm64", "arm64-virt")})
    found = [board for board in found if options.k in board[0]]
    print(f"prepare: seed {options.seed}")
    if options.sample:
        found = random.Random(options.seed).sample(found, min(options.sample, len(found)))
    bindings = Bindings(LINK) if options.schema else None
    validated = set(random.Random(options.seed).sample(found, min(options.schema, len(found))))
    passed, failed, total, ndevices = 0, 0, collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, problem, counts, n, _ in pool.map(lambda board: check_board(options.machc, board, bindings if board in validated else None, options.seed), found):
            passed += not problem
            failed += bool(problem)
            total += counts
            ndevices += n
            if problem:
                print(f"FAIL {name}: {problem}", flush=True)
    print(f"prepare: {ndevices} devices; added: {', '.join(f'{n} {kind}' for kind, n in sorted(total.items()))}")
    if bindings:
        print(f"prepare: {bindings.summary()}")
    print(f"prepare: {passed} passed, {failed} failed")
    return 0 if passed >= GOAL * (passed + failed) and passed else 1


if __name__ == "__main__":
    sys.exit(main())
