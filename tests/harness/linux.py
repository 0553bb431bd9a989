# SPDX-License-Identifier: MIT
"""linux: tests/corpus/linux_view.py, the independent view of what Linux makes of a tree, against small trees.

Each tests/corpus/linux/*.dts says at its top what is expected of its nodes:

    //= PATH FIELD=VALUE ...    fields of linux_view.py's line, or linux_dma and below_dma of its JSON, windows as there
    //linux JSON                what --linux has
    //unlisted WORD             --unlisted; maybe, if it is not said

Every kind of device and every reason for none must be expected somewhere. Then the expectations of Linux's unittest, and files
that are no sound trees: an error in bounded time, whatever they hold.
"""

import json
import random
import re
import struct
import sys
import tempfile
import time

from . import Result, run

KINDS = """none:disabled none:no-compatible none:skipped none:early none:below-amba none:not-platform none:no-bus none:no-amba
none:no-reg amba platform maybe-platform maybe-amba""".split()
EXPECTED = re.compile(r"^//= (\S+) (.+)$", re.M)
SLOW = 20  # seconds


def compiled(text):
    done = run("dtc", "-q", "-q", "-f", "-I", "dts", "-O", "dtb", "-", stdin=text.encode())
    return None if done.status or not done.out else done.out, done.err


def windows(value):
    """As linux_view.py's lines have them."""
    return value if isinstance(value, str) else ",".join("+".join(window) for window in value) or "none"


def check_tree(context, modules, source, seen):
    """Problems of one file of expectations."""
    tree_of, view = modules["linux_tree"].read, modules["linux_view"]
    text = source.read_text()
    data, err = compiled(text)
    if data is None:
        return f"dtc cannot compile it\n{err}"
    lists = re.search(r"^//linux (.+)$", text, re.M)
    unlisted = re.search(r"^//unlisted (\S+)$", text, re.M)
    known = modules["linux_devices"].Data(json.loads(lists[1]) if lists else {}, unlisted[1] if unlisted else "maybe")
    tree = tree_of(data)
    got = {}
    for one in view.view(tree, known):
        path, *fields = one.line().split("\t")
        got[path] = dict(field.split("=", 1) for field in fields)
        more = view.as_json(tree, one)
        if windows(more["dma"]) != got[path]["dma"]:
            return f"{path}: dma is {got[path]['dma']} in text and {more['dma']} in JSON"
        got[path].update({name: windows(more[name]) for name in ("linux_dma", "below_dma") if name in more})
    expected = EXPECTED.findall(text)
    problems = [] if len(expected) > 1 else ["fewer than two expectations"]
    for path, fields in expected:
        for field in fields.split():
            name, value = field.split("=", 1)
            seen.add(value)
            found = got.get(path, {}).get(name, "not there")
            if found != value:
                problems.append(f"{path}: {name} is {found}, not {value}")
    return "\n".join(["not as expected:"] + problems) if problems else None


def to_cpu(ranges, bus):
    """dma_to_phys() with a dma_range_map."""
    return next((cpu + bus - start for start, cpu, size in ranges if 0 <= bus - start < size), None)


def to_bus(ranges, cpu):
    """phys_to_dma()"""
    return next((bus + cpu - start for bus, start, size in ranges if 0 <= cpu - start < size), None)


def unittest(context, modules, result):
    """drivers/of/unittest.c"""
    address = modules["linux_address"]
    data, err = compiled((context.root / "tests/corpus/linux/address-tests.dts").read_text())
    if data is None:
        result.add("unittest", f"dtc cannot compile it\n{err}")
        return
    tree = modules["linux_tree"].read(data)
    for path, bus, cpu in (("device@70000000", 0, 0x20000000), ("bus@80000000/device@1000", 0x100000000, 0x20000000),
                           ("pci@90000000", 0x80000000, 0x20000000)):
        ranges = address.dma_get_range(tree, tree.find("/cases/space/" + path)) or []
        got = to_cpu(ranges, bus), to_bus(ranges, cpu)
        result.add(f"unittest {path}", None if got == (cpu, bus) else f"{got} of {ranges}, not {(cpu, bus)}")
    pci = address.dma_range_parser(tree, tree.find("/cases/space/pci@90000000"))
    got = [(bus, cpu, size) for _, bus, cpu, size in pci]
    want = [(0x80000000, 0x20000000, 0x10000000), (0xc0000000, 0x40000000, 0x10000000)]
    result.add("unittest pci dma-ranges", None if got == want else f"{got}, not {want}")
    highest = address.dma_get_max_cpu_address(tree, tree.find("/cases/space"))
    result.add("unittest highest address", None if highest == 0x4fffffff else f"{highest:#x}, not 0x4fffffff")
    # Near misses: without the windows of PCI the next lower end counts; a disabled bus does not count; no bound at all.
    root = tree.find("/cases/space/pci@90000000")
    root.props["status"] = b"disabled\0"
    highest = address.dma_get_max_cpu_address(tree, tree.find("/cases/space"))
    result.add("unittest next highest", None if highest == 0x5fffffff else f"{highest:#x}, not 0x5fffffff")
    highest = address.dma_get_max_cpu_address(tree, tree.find("/cases/space/device@70000000"))
    result.add("unittest no bound", None if highest == (1 << 64) - 1 else f"{highest:#x}")


def dtb(structure, strings=b"", version=17):
    """A file around a structure block."""
    at = 40 + 16
    header = struct.pack(">10I", 0xD00DFEED, at + len(structure) + len(strings), at, at + len(structure), 40, version, 16, 0,
                         len(strings), len(structure))
    return header + bytes(16) + structure + strings


def begin(name):
    return struct.pack(">I", 1) + name + bytes(4 - len(name) % 4)


END, FINISH = struct.pack(">I", 2), struct.pack(">I", 9)


def deep(levels):
    return dtb(begin(b"") + begin(b"a") * levels + END * (levels + 1) + FINISH)


def steps(levels, entries):
    """Buses, each of which cuts what is above it into `entries` windows, again and again."""
    ranges = " ".join(f"<{k * 4} 0 {1 << 20}>," for k in range(entries)).rstrip(",")
    text = "a { };"
    for _ in range(levels):
        text = f"b {{ #address-cells = <1>; #size-cells = <1>; dma-ranges = {ranges}; {text} }};"
    return compiled("/dts-v1/; / { #address-cells = <1>; #size-cells = <1>; " + text + " };")[0]


LOOP = """/dts-v1/; / { #interconnect-cells = <0>;
    a: a { #interconnect-cells = <0>; interconnects = <&b>; interconnect-names = "dma-mem"; dma-ranges = <0 0 0 0>; };
    b: b { #interconnect-cells = <0>; interconnects = <&a>; interconnect-names = "dma-mem"; }; };"""
CHAIN = """/dts-v1/; / { a: a { }; c { #interconnect-cells = <0>; };
    b { interconnects = <&c0>; interconnect-names = "dma-mem"; c0: c { #interconnect-cells = <0>; }; }; };"""


def hostile():
    """(name, bytes, a word of the error, or None where it must be read)"""
    node = begin(b"") + END + FINISH
    yield "an empty tree", dtb(node), None
    yield "no magic number", b"\0" * 100, "magic"
    yield "nothing", b"", "header"
    yield "short", dtb(node)[:-4], "shorter"
    yield "version 16", dtb(node, version=16), "version"
    yield "63 levels", deep(63), None
    yield "64 levels", deep(64), "too deep"
    yield "no end", dtb(begin(b"") + END), "too early"
    yield "two roots", dtb(begin(b"") + END + begin(b"a") + END + FINISH), "second root"
    yield "one end too many", dtb(begin(b"") + END + END + FINISH), "ends"
    yield "token", dtb(begin(b"") + struct.pack(">I", 7)), "token"
    yield "open node", dtb(begin(b"") + FINISH), "token"
    yield "slash", dtb(begin(b"") + begin(b"a/b") + END + END + FINISH), "not allowed"
    yield "tab", dtb(begin(b"") + begin(b"a\tb") + END + END + FINISH), "not allowed"
    yield "long value", dtb(begin(b"") + struct.pack(">3I", 3, 0xFFFFFFFF, 0) + END + FINISH, b"reg\0"), "out of"
    yield "name outside", dtb(begin(b"") + struct.pack(">3I", 3, 0, 99) + END + FINISH, b"reg\0"), "outside"
    yield "name without end", dtb(begin(b"") + struct.pack(">3I", 3, 0, 0) + END + FINISH, b"reg"), "does not end"
    yield "late property", dtb(begin(b"") + begin(b"a") + END + struct.pack(">3I", 3, 0, 0) + END + FINISH, b"reg\0"), \
        "after a child"
    yield "large", bytes(16 << 20) + b"\0", "larger"
    yield "DMA parents in a loop", compiled(LOOP)[0], "loop"
    yield "a DMA parent below the node", compiled(CHAIN)[0], "loop"
    yield "windows without end", steps(12, 40), "more"
    yield "some windows", steps(2, 40), None


def judge(modules, data):
    """(error or None, seconds); anything but Malformed is a fault of the reader, and raised."""
    start = time.monotonic()
    try:
        tree = modules["linux_tree"].read(data)
        for one in modules["linux_view"].view(tree, modules["linux_devices"].Data({}, "maybe")):
            one.line()
            modules["linux_view"].as_json(tree, one)
    except modules["linux_tree"].Malformed as error:
        return str(error), time.monotonic() - start
    return None, time.monotonic() - start


def attack(context, modules, result):
    for name, data, word in hostile():
        error, seconds = judge(modules, data)
        problem = None if (word in error if word and error else word == error) else f"{error}, not {word}"
        result.add(f"hostile: {name}", problem or (f"took {seconds:.0f} s" if seconds > SLOW else None))
    source = compiled((context.root / "tests/corpus/linux/pci.dts").read_text())[0]
    dice = random.Random(13)
    errors = 0
    for turn in range(3000):
        data = bytearray(source)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at] = dice.choice((0, 1, 0xFF, dice.randrange(256), data[at] ^ 1 << dice.randrange(8)))
        if turn % 3 == 0:
            del data[dice.randrange(len(data)):]
        try:
            errors += judge(modules, bytes(data))[0] is not None
        except Exception as fault:  # noqa: BLE001: whatever it is, it is what this looks for
            result.add(f"mutant {turn}", f"{type(fault).__name__}: {fault}")
            return
    result.add("mutants", None if 500 < errors < 2999 else f"{errors} of 3000 are refused")


def command(context, result):
    """The command itself: lines, JSON, exit status."""
    tool = context.root / "tests/corpus/linux_view.py"
    with tempfile.TemporaryDirectory() as directory:
        good, bad, lists = (f"{directory}/{name}" for name in ("good.dtb", "bad.dtb", "lists.json"))
        text = '/dts-v1/; / { g { compatible = "vendor,g"; a { compatible = "a"; }; }; };'
        for path, data in (good, compiled(text)[0]), (bad, b"x" * 50):
            with open(path, "wb") as file:
                file.write(data)
        with open(lists, "w", encoding="utf-8") as file:
            file.write('{"populates": ["vendor,g"]}')
        line = "/g/a\tdevice={}\tname={}\tcoherent=0\tdma=all\tstreams=-"
        for words, last in (([], line.format("maybe-platform", "g:a")), (["--linux", lists], line.format("platform", "g:a")),
                            (["--unlisted", "no-bus"], line.format("none:no-bus", "-"))):
            done = run(sys.executable, tool, good, *words)
            got = done.out.decode().splitlines()
            fine = done.status == 0 and got[-1] == last and len(got) == 3
            result.add(f"command {words[:1]}", None if fine else f"{got}\n{done.err}")
        done = run(sys.executable, tool, "--json", good)
        nodes = json.loads(done.out)[0]["nodes"]
        want = {"path": "/g/a", "device": "maybe-platform", "name": "g:a", "coherent": 0, "dma": "all", "linux_dma": "all",
                "streams": []}
        result.add("command --json", None if nodes[-1] == want and len(nodes) == 3 else f"{nodes}")
        done = run(sys.executable, tool, "--summary", good, bad)
        out = done.out.decode()
        fine = done.status == 1 and "1 boards, 3 nodes" in out and "magic" in done.err
        result.add("command --summary and a bad file", None if fine else f"{done.status}\n{out}{done.err}")
        done = run(sys.executable, tool, good, "--linux", bad)
        result.add("command with a bad list", None if done.status == 2 and bad in done.err else f"{done.status}\n{done.err}")


def run_all(context):
    sys.path.insert(0, str(context.root / "tests/corpus"))
    modules = {name: __import__(name) for name in ("linux_tree", "linux_address", "linux_devices", "linux_view")}
    result = Result()
    seen = set()
    for source in sorted((context.root / "tests/corpus/linux").glob("*.dts")):
        if context.wanted in source.name:
            result.add(source.name, check_tree(context, modules, source, seen))
    if not context.wanted:
        missing = [kind for kind in KINDS if kind not in seen]
        result.add("every kind is expected somewhere", f"not {', '.join(missing)}" if missing else None)
    unittest(context, modules, result)
    attack(context, modules, result)
    command(context, result)
    return result
