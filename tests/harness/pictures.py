# SPDX-License-Identifier: MIT
"""pictures: --emit=map is readable SVG, and Graphviz accepts --emit=graph.

For all examples, for machines with 5, 500 and 20,000 devices, and for one with hostile texts: the map is well-formed XML
without scripts and external content, no two texts overlap, it shows every address of the config, and its bytes do not
depend on where it is made. How it looks is for people to judge: tests/golden/*.svg.
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from . import Result, run
from .golden import sources

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "style", "defs", "pattern", "path", "rect", "text", "g"}
LETTER = 6.62  # DejaVu Sans Mono, 11 px; the other usual ones are not wider

HOSTILE = r'''host "virt-smmuv3.dts";
machine m : arm64-virt {
    cpus 1;
    model "\"]]><script>alert(1)</script>";
    memory ram size 256M from file "/dev/<script>alert(1)</script>&amp;\x01\x7f\xff\xe2\x80\xae" share "x\n]]>\"'&\\";
    memory shm size 1M from file "/tmp/\xe6\xbc\xa2\xe6\xbc\xa2\xf0\x9f\x98\x80\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80\xef\xbf\xbf";
    memory %s size 1M;
    passthrough /pl031@9010000 as rtc {
        dma none; ref clocks fixed 24MHz; region 0 map unsafe "<!-- & ]]> \x1b[31m %%s \\N \\";
    }
}
''' % ("long-" * 40)


def number(text):
    return float(text or 0)


def words(root):
    """[(left, right, top, bottom, text)] of all upright text."""
    found = []
    for text in root.iter(SVG + "text"):
        if "transform" in text.attrib:
            continue
        classes = text.get("class", "").split()
        letter = 15 * 0.602 if "h" in classes else 10 * 0.602 if "s" in classes else LETTER
        width = letter * len(text.text)
        x, y = number(text.get("x")), number(text.get("y"))
        left = x - width if "e" in classes else x
        found.append((left, left + width, y - 8, y + 2, text.text))
    return found


def overlap(found):
    """Two overlapping texts, or None. Compares only neighbours from top to bottom."""
    found = sorted(found, key=lambda word: word[2])
    for i, a in enumerate(found):
        for b in found[i + 1:]:
            if b[2] >= a[3]:
                break
            if a[0] < b[1] and b[0] < a[1]:
                return f"`{a[4]}` and `{b[4]}` lie upon each other"
    return None


def wrong_with(svg):
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        return f"is no XML: {error}"
    width, height = (number(word) for word in root.get("viewBox").split()[2:])
    for element in root.iter():
        name = element.tag.replace(SVG, "")
        if name not in ELEMENTS:
            return f"has an element {name}"
        for key, value in element.attrib.items():
            if key.startswith("on") or "href" in key or re.search(r"url\((?!#(trap|grant)\))", value):
                return f"has {key}={value}"
    style = "".join(element.text for element in root.iter(SVG + "style"))
    if "url(" in style or "@import" in style or "var(" in style or "prefers-color-scheme" not in style:
        return "has a style that needs more than the file, or no dark one"
    found = words(root)
    for left, right, top, bottom, text in found:
        if left < 0 or right > width or top < 0 or bottom > height:
            return f"`{text}` leaves the picture"
    return overlap(found)


NOWHERE = 2**64 - 1


def shown(svg, config):
    """Every address of memory and regions, in the guest and on the host, appears in a text or a title."""
    text = svg.decode()
    wanted = [(record, "address") for kind in ("memory", "chip_region") for record in config[kind]]
    wanted += [(record, "physical") for record in config["memory"] if record["backing"] == "physical"]
    wanted += [(record, key) for record in config["region"] for key in ("guest", "host")]
    for record, key in wanted:
        address = int(record[key] or hex(NOWHERE), 16)
        if address != NOWHERE and f"0x{address:08x}" not in text:
            return f"{key} {record[key]} of {record['name']} is missing"
    return None if wanted else "the config has no memory"


def graph_problem(dot):
    if not shutil.which("dot"):
        return None
    done = run("dot", "-Tsvg", stdin=dot)
    if done.status or done.err:
        return f"dot: exit status {done.status}\n{done.err}"
    try:
        ElementTree.fromstring(done.out)
    except ElementTree.ParseError as error:
        return f"dot makes no XML of it: {error}"
    return None


def emit(context, view, source, *options, cwd=None):
    done = run(context.machc, source, f"--emit={view}", *options, cwd=cwd or context.root)
    return done.out, f"exit status {done.status}\n{done.err}" if done.status else None


def example(context, source):
    """[(name, problem)]"""
    results = []
    path = context.root / source
    svg, problem = emit(context, "map", source)
    results.append((f"{source} map", problem or wrong_with(svg)))
    again, problem = emit(context, "map", os.path.relpath(path, path.parent), cwd=path.parent)
    results.append((f"{source} map, from elsewhere", problem or (again != svg and "has other bytes")))
    with tempfile.TemporaryDirectory() as directory:
        run(context.machc, source, "-O", directory, cwd=context.root)
        names = sorted(file.stem for file in pathlib.Path(directory).glob("*.dtb"))
    for name in names:
        config, problem = emit(context, "json", source, "-m", name)
        one, failed = emit(context, "map", source, "-m", name)
        problem = problem or failed or wrong_with(one) or shown(one, json.loads(config))
        results.append((f"{source} map of {name}", problem or shown(svg, json.loads(config))))
    dot, problem = emit(context, "graph", source)
    results.append((f"{source} graph", problem or graph_problem(dot)))
    return results


def many(context, directory, count):
    """A machine with that many devices, all with DMA. Returns (map, graph, problem)."""
    made = run(sys.executable, context.root / "tests/bench/gen.py", "devices", count, directory, "--dma", "all")
    if made.status:
        return b"", b"", made.err
    svg, problem = emit(context, "map", "bench.mach", cwd=directory)
    dot, failed = emit(context, "graph", "bench.mach", cwd=directory)
    return svg, dot, problem or failed or wrong_with(svg)


def sizes(context):
    """[(name, problem)]"""
    results = []
    with tempfile.TemporaryDirectory() as directory:
        svg, dot, problem = many(context, directory, 5)
        results.append(("5 devices", problem or graph_problem(dot)))
    with tempfile.TemporaryDirectory() as directory:
        svg, dot, problem = many(context, directory, 500)
        text = " ".join(element.text for element in ElementTree.fromstring(svg).iter(SVG + "text"))
        missing = [f"d{n}" for n in range(500) if not re.search(rf"\bd{n}\b", text)]
        titles = len(re.findall(r"<title>bench: d\d+, ", svg.decode()))
        problem = problem or (missing and f"these names are in no text: {missing[:9]}")
        results.append(("500 devices: each has its name and its own boxes", problem or (titles < 1000 and f"{titles} boxes")))
    with tempfile.TemporaryDirectory() as directory:
        svg, dot, problem = many(context, directory, 20000)
        height = number(ElementTree.fromstring(svg).get("height"))
        problem = problem or (height > 8000 and f"is {height} pixels high") or (
            len(svg) > 1000000 and f"has {len(svg)} bytes")
        results.append(("20,000 devices share rows", problem or (
            dot.count(b"\n") > 10 * 20000 and f"the graph has {dot.count(bytes([10]))} lines")))
    return results


def reach(context):
    """[(name, problem)]: the picture draws and labels what a device reaches beyond its mappings."""
    results = []
    for source, text in (("tests/errors/W0602-over-grant.mach", ">and 256K more<"),
                         ("examples/zcu102-ethernet.mach", ">no IOMMU: all of the host")):
        svg, problem = emit(context, "map", source)
        drawn = svg.count(b'fill="url(#grant)"')  # in the legend, and in the lane
        problem = problem or wrong_with(svg) or (drawn != 2 and f"{drawn} times drawn")
        results.append((f"{source}: more than is meant", problem or (text.encode() not in svg and f"{text} is missing")))
    return results


def stashing(context):
    """[(name, problem)]: which device stashes into which cache: a wire with a dot for each, with the correct ends."""
    source = "tests/golden/dma.mach"
    svg, problem = emit(context, "map", source)
    text = svg.decode()
    wires = len(re.findall(r'<path class="o\d" d="M\d+ \d+l8 -4v8z"/>', text))
    missing = [word for word in (">L1 of cpu 1, id 34<", ">L2 of cpu 2, id 37<", ">L3, id 1<", ">m+anywhere<",
                                 ">TPH of cpu 2<", ", persistent memory, entry 2047, if possible\n", ">on no cpu of its own<", ">id 37<", ">L3 of vcpu 1<")
               if word not in text]
    problem = problem or wrong_with(svg) or (wires != 9 and f"{wires} wires") or (missing and f"{missing} is missing")
    results = [("stash targets, map", problem)]
    dot, problem = emit(context, "graph", source)
    wanted = ["m0_a3 -> m0_c0 [style=dotted, label=\"stash L1, id 34\"]", "k1 [shape=component", "m1_a0 -> k1 ["]
    missing = [word for word in wanted if word not in dot.decode()]
    results.append(("stash targets, graph", problem or graph_problem(dot) or (missing and f"{missing} is missing")))
    with tempfile.TemporaryDirectory() as directory:
        made = run(sys.executable, context.root / "tests/bench/gen.py", "devices", 500, directory, "--dma", "all")
        path = pathlib.Path(directory, "bench.mach")
        stash = iter(range(500))
        path.write_text(re.sub("dma all;", lambda _: f"dma all {{ stash id {next(stash) // 3} if-possible; }}",
                               path.read_text()))
        svg, problem = emit(context, "map", "bench.mach", cwd=directory)
        figure = svg.decode()[svg.decode().find(">Stashing<"):svg.decode().find(">DMA<")]
        missing = [f"d{n}" for n in range(500) if not re.search(rf"[> ]d{n}[ <]", figure)]
        results.append(("500 stash targets", made.err or problem or wrong_with(svg) or (
            missing and f"these names are in no text: {missing[:9]}")))
    return results


def hostile(context):
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "hostile.mach").write_text(HOSTILE, encoding="latin-1")
        hosts = context.root / "examples/hosts"
        svg, problem = emit(context, "map", "hostile.mach", "-I", hosts, cwd=directory)
        dot, failed = emit(context, "graph", "hostile.mach", "-I", hosts, cwd=directory)
        quotes = re.sub(rb'\\.', b"", dot).count(b'"') % 2 and "has a quote too many"
        return [("hostile texts, map", problem or wrong_with(svg)),
                ("hostile texts, graph", failed or quotes or graph_problem(dot))]


def run_all(context):
    result = Result()
    if not shutil.which("dot"):
        result.skip("graphs are drawn", "Graphviz is not installed")
    for _, results in context.each(lambda source: example(context, source), sources(), str):
        for name, problem in results:
            result.add(name, problem)
    for group in (sizes, reach, stashing, hostile):
        for name, problem in group(context) if context.wanted in group.__name__ else []:
            result.add(name, problem)
    return result
