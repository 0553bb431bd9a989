# SPDX-License-Identifier: MIT
"""linux-facts: schemas/linux/nodes.json against facts that were read in Linux's sources, and the script that writes it.

tests/linux/expected.json has entries that must be there and near misses that must not, each with its place in Linux 6.12.117;
sample.json is a random sample, judged by hand in the same way. tests/linux/tree/ is an invented kernel with each form in which
a driver names its compatibles, tree.json is what the script makes of it. `--update linux-facts` rewrites tree.json.
"""

import json
import pathlib
import sys
import tempfile

from . import Result, run
from .golden import compare
from .schemas import python

HERE = pathlib.Path("tests/linux")
SIZE = 200 * 1024


def matching(facts, name, compatible):
    return [entry for entry in facts[name] if compatible in entry["compatible"]]


def in_kernel(facts, kernel, entry):
    order = facts["kernels"].index
    return order(entry.get("since", facts["kernels"][0])) <= order(kernel) <= order(entry.get("until", facts["kernels"][-1]))


def check_expected(facts, result):
    expected = json.loads((HERE / "expected.json").read_text())
    for name, compatible, why, wanted in expected["present"]:
        found = matching(facts, name, compatible)
        right = any(wanted.items() <= entry.items() and (wanted or in_kernel(facts, expected["kernel"], entry)) for entry in found)
        result.add(f"{name} has {compatible}", None if right else f"{why}: {wanted} is not in {found}")
    for name, compatible, why in expected["absent"]:
        found = [entry for entry in matching(facts, name, compatible) if in_kernel(facts, expected["kernel"], entry)]
        result.add(f"{name} does not have {compatible}", f"{why}: {found}" if found else None)


def check_sample(facts, result):
    sample = json.loads((HERE / "sample.json").read_text())
    for row in sample["rows"]:
        found = sorted(name for name in ("populates", "early", "bound") if any(
            in_kernel(facts, sample["kernel"], entry) for entry in matching(facts, name, row["compatible"])))
        problem = f"{row['why']}: judged {row['lists']}, the file says {found}"
        result.add(f"sample, {row['compatible']}", None if found == sorted(row["lists"]) else problem)


def disorder(facts):
    """What is wrong with the order of the lists, or said twice."""
    for name, entries in facts.items():
        if name in ("kernels", "vfio-platform"):
            continue
        keys = [(entry.get("driver", ""), entry["compatible"]) for entry in entries]
        if keys != sorted(keys):
            yield f"{name}: the entries are not sorted"
        seen = {}
        for entry in entries:
            if entry["compatible"] != sorted(set(entry["compatible"])):
                yield f"{name}: {entry['compatible']} is not sorted, or says something twice"
            for compatible in entry["compatible"]:
                # One driver, or one table, has a compatible once in each kernel. Drivers can share it.
                key = compatible, entry.get("driver"), entry.get("bus")
                for kernel in facts["kernels"]:
                    if in_kernel(facts, kernel, entry) and seen.setdefault((key, kernel), entry) is not entry:
                        yield f"{name}: {compatible} is there twice for {kernel}"
    for compatible in (c for entry in facts["early"] for c in entry["compatible"]):
        for entry in matching(facts, "released", compatible):
            both = [kernel for kernel in facts["kernels"] if in_kernel(facts, kernel, entry)
                    and any(in_kernel(facts, kernel, other) for other in matching(facts, "early", compatible))]
            if both:
                yield f"{compatible} is early and released in {both}"


def check_file(context, result):
    path = context.root / "schemas" / "linux" / "nodes.json"
    facts = json.loads(path.read_text())["linux"]
    result.add("sorted, without duplicates", "\n".join(disorder(facts)))
    size = path.stat().st_size
    result.add("size", f"{size} bytes, more than {SIZE}" if size > SIZE else None)
    interpreter = python()
    if interpreter:
        done = run(interpreter, "tests/schemas/check.py", path, cwd=context.root)
        result.add("JSON Schema", None if done.status == 0 else done.out.decode("utf-8", "replace") + done.err)
    else:
        result.skip("JSON Schema", "python3-jsonschema is not there")
    return facts


def check_script(context, result):
    with tempfile.TemporaryDirectory() as directory:
        texts = []
        for name in ("one.json", "two.json"):
            made = pathlib.Path(directory, name)
            done = run(sys.executable, "schemas/update/linux.py", "--source", HERE / "tree", "--output", made, cwd=context.root)
            if done.status:
                result.add("invented kernel", f"exit status {done.status}\n{done.err}")
                return
            texts.append(made.read_bytes())
        result.add("invented kernel", compare(context, HERE / "tree.json", texts[0]))
        result.add("invented kernel, again", None if texts[0] == texts[1] else "the bytes differ")


def run_all(context):
    result = Result()
    facts = check_file(context, result)
    check_expected(facts, result)
    check_sample(facts, result)
    check_script(context, result)
    return result
