# SPDX-License-Identifier: MIT
"""needs: schemas/needs/drivers.json, and the script that writes it.

tests/needs/old/ and new/ are invented kernels: a driver for each way in which a probe fails without a property, or does not,
beside its near miss. board.dts is the board that judges them; expected.json is what the script makes of the three, and says
nothing about the rest. `--update needs` rewrites it: read the diff. The file itself is judged by what must hold for any
kernel, and by tests/needs/judged.txt, a sample that was read by hand; `make check-needs` makes it anew and compares.
"""

import json
import pathlib
import sys
import tempfile

from . import Result, run
from .golden import compare
from .schemas import python

HERE = pathlib.Path("tests/needs")
SIZE = 1536 * 1024
PRECISION, RECALL = 0.97, 0.90  # of what was judged, by pair and by device: see tests/needs/sample.py
# Drivers below arch/, which the script does not read.
ELSEWHERE = {"fsl,ep8248e-mdio-bitbang", "fsl,mpc5200-gpt", "fsl,mpc5200-gpt-gpio", "fsl,mpc8313-pmc", "fsl,mpc8349-pmc",
             "ibm,secvar-backend", "mpc5200-gpt", "ralink,rt2880-timer"}


def reader():
    """A Python that has python3-yaml, which reads the bindings, or None."""
    return next((name for name in (sys.executable, "/usr/bin/python3") if run(name, "-c", "import yaml").status == 0), None)


def in_kernel(facts, kernel, entry):
    order = facts["kernels"].index
    return order(entry.get("since", facts["kernels"][0])) <= order(kernel) <= order(entry.get("until", facts["kernels"][-1]))


def statements(entry):
    """Everything that an entry says, one by one; a property with names is said by its names."""
    for key in "needs", "probably":
        for prop, names in entry.get(key, {}).items():
            yield from ((prop, name) for name in names or [None])
    yield from (("optional", prop) for prop in entry.get("optional", ()))
    yield from (("any-rate", name) for name in entry.get("any-rate", ()))
    yield from (("parent", name) for name in entry.get("parent", ()))


def disorder(facts):
    """What is out of order, or said twice."""
    def key(entry):
        return entry["driver"], entry["compatible"], entry.get("since", ""), entry.get("until", "")

    if facts["drivers"] != sorted(facts["drivers"], key=key):
        yield "the entries are not sorted"
    said, drivers = {}, {}
    for entry in facts["drivers"]:
        lists = [entry["compatible"], *(entry.get(name, []) for name in ("optional", "any-rate", "parent")),
                 *(names for name in ("needs", "probably") for names in entry.get(name, {}).values()),
                 *(list(entry.get(name, {})) for name in ("needs", "probably"))]
        if any(names != sorted(set(names)) for names in lists):
            yield f"{entry['driver']}, {entry['compatible'][:2]}: a list is not sorted, or says something twice"
        if set(entry.get("optional", ())) & (entry.get("needs", {}).keys() | entry.get("probably", {}).keys()):
            yield f"{entry['driver']}, {entry['compatible'][:2]}: needed and optional"
        for compatible in entry["compatible"]:
            if drivers.setdefault(compatible, entry["driver"]) != entry["driver"]:
                yield f"{compatible} is under {drivers[compatible]} and {entry['driver']}"
            for kernel in facts["kernels"]:
                if in_kernel(facts, kernel, entry):
                    mine = said.setdefault((compatible, kernel), set())
                    twice = mine & set(statements(entry))
                    if twice:
                        yield f"{compatible}, {kernel}: {sorted(twice, key=str)} is said twice"
                    mine |= set(statements(entry))


def check_file(context, result):
    path = context.root / "schemas" / "needs" / "drivers.json"
    facts = json.loads(path.read_text())["needs"]
    result.add("sorted, without duplicates", "\n".join(disorder(facts)))
    size = path.stat().st_size
    result.add("size", f"{size} bytes, more than {SIZE}" if size > SIZE else None)
    listed = {compatible for entry in facts["drivers"] for compatible in entry["compatible"]}
    nodes = json.loads((context.root / "schemas" / "linux" / "nodes.json").read_text())["linux"]
    # The other script reads drivers on its own: what it calls a driver's must have an entry here.
    bound = {c for entry in nodes["bound"] if entry.get("bus") in (None, "amba") for c in entry["compatible"]}
    missing = sorted((bound - listed) ^ ELSEWHERE)
    result.add("every bound driver has an entry", f"not as expected: {missing}" if missing else None)
    interpreter = python()
    for name, file, status in (("JSON Schema", path, 0), ("JSON Schema, near miss", None, 1)):
        if not interpreter:
            result.skip(name, "python3-jsonschema is not there")
            continue
        with tempfile.TemporaryDirectory() as directory:
            if file is None:
                file = pathlib.Path(directory, "wrong.json")
                file.write_text('{"needs": {"drivers": [{"driver": "a.c", "compatible": ["a,b"], "needs": {"clocks": [""]}}]}}')
            done = run(interpreter, "tests/schemas/check.py", file, cwd=context.root)
        result.add(name, None if done.status == status else done.out.decode("utf-8", "replace") + done.err)


def check_script(context, result):
    interpreter = reader()
    if not interpreter:
        result.skip("invented kernels", "python3-yaml is not there")
        return
    with tempfile.TemporaryDirectory() as directory:
        board = pathlib.Path(directory, "board.dtb")
        done = run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", board, HERE / "board.dts", cwd=context.root)
        if done.status:
            result.add("invented kernels", f"dtc cannot compile the board\n{done.err}")
            return
        texts = []
        # In the other order of the kernels: the same bytes.
        for name, kernels in ("one.json", ("old", "new")), ("two.json", ("new", "old")):
            made = pathlib.Path(directory, name)
            sources = [word for kernel in kernels for word in ("--source", HERE / kernel)]
            done = run(interpreter, "schemas/update/needs.py", *sources, "--board", board, "--output", made,
                       "--explain", "acme,struck", cwd=context.root)
            if done.status:
                result.add("invented kernels", f"exit status {done.status}\n{done.err}")
                return
            texts.append(made.read_bytes())
        result.add("invented kernels", compare(context, HERE / "expected.json", texts[0]))
        result.add("invented kernels, again", None if texts[0] == texts[1] else "the bytes differ")
        wanted = "acme,struck: 6.12: clocks:named: A struck: drivers/acme/struck.c:6"
        out = done.out.decode()
        result.add("--explain", None if wanted in out.splitlines() else f"not {wanted} in\n{out}")
        facts = json.loads(texts[0])["needs"]
        result.add("invented kernels, sorted", "\n".join(disorder(facts)))


def check_disorder(result):
    """The check above must see what it looks for."""
    entry = {"driver": "a.c", "compatible": ["a,a"], "needs": {"clocks": ["x"]}}
    for name, entries in (("order", [{**entry, "driver": "b.c", "compatible": ["a,b"]}, entry]),
                          ("twice", [entry, {**entry, "since": "6.12"}]),
                          ("two drivers", [entry, {"driver": "b.c", "compatible": ["a,a"]}]),
                          ("optional need", [{**entry, "optional": ["clocks"]}]),
                          ("names", [{**entry, "needs": {"clocks": ["y", "x"]}}])):
        found = list(disorder({"kernels": ["6.1", "6.12"], "drivers": entries}))
        result.add(f"disorder, {name}", None if len(found) == 1 else f"{found}")


def check_judged(context, result):
    sys.path.insert(0, str(context.root / HERE))
    import sample
    facts = sample.load(context.root / "schemas" / "needs" / "drivers.json")
    rows = sample.judged(context.root / HERE / "judged.txt")
    figures = sample.figures(facts, rows)
    result.add("judged, enough", None if len({row.compatible for row in rows}) >= 40 else f"only {len(rows)} rows")
    for name, value, least in ("precision", figures["needs"].precision, PRECISION), ("recall", figures["needs"].device_recall, RECALL):
        result.add(f"judged, {name}", None if value >= least else f"{value:.3f}, less than {least}")


def run_all(context):
    result = Result()
    check_disorder(result)
    check_script(context, result)
    check_file(context, result)
    check_judged(context, result)
    return result
