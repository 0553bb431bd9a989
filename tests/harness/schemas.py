# SPDX-License-Identifier: MIT
"""schemas: validates the data files with their JSON Schemas, and compiles for a board that only data files describe.

tests/schemas/acme/ has an invented class, irqchip, platform and references; tests/schemas/acme.dts and acme.cfg.json hold
machc's outputs for acme.mach with them. `--update schemas` rewrites those.
"""

import pathlib
import sys
import tempfile

from . import Result, run
from .dtc import flags
from .golden import compare

HERE = pathlib.Path("tests/schemas")
ACME = HERE / "acme"


def python():
    """A Python that has python3-jsonschema, or None."""
    for name in (sys.executable, "/usr/bin/python3"):
        if run(name, "-c", "import jsonschema").status == 0:
            return name
    return None


def check_files(context, result):
    interpreter = python()
    for what, files in (("built in", []), ("acme", sorted(ACME.glob("*.json")))):
        name = f"JSON Schemas, {what}"
        if not interpreter:
            result.skip(name, "python3-jsonschema is not there")
            continue
        done = run(interpreter, HERE / "check.py", *files, cwd=context.root)
        result.add(name, None if done.status == 0 else done.out.decode("utf-8", "replace") + done.err)


def check_facts(context, result):
    """The output of machrt probe, on this machine and on the boards of the tests."""
    interpreter = python()
    if not interpreter:
        result.skip("JSON Schema, facts", "python3-jsonschema is not there")
        return
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory, "facts.json")
        here.write_bytes(run(context.machc.parent / "machrt", "probe", "--open").out)
        done = run(interpreter, HERE / "check.py", here, "tests/errors/facts/board.json", cwd=context.root)
    result.add("JSON Schema, facts", None if done.status == 0 else done.out.decode("utf-8", "replace") + done.err)


def check_acme(context, result):
    command = [context.machc, "--schema-dir", ACME, ACME / "acme.mach"]
    for view, name in (("dts", "acme.dts"), ("json", "acme.cfg.json")):
        done = run(*command, f"--emit={view}", cwd=context.root)
        problem = f"exit status {done.status}\n{done.err}" if done.status or done.err else None
        result.add(name, problem or compare(context, HERE / name, done.out))
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory, "guest.dtb")
        run(*command, "-o", tree, cwd=context.root)
        done = run("dtc", *flags(), "-I", "dtb", "-O", "null", tree)
        result.add("acme, dtc", f"exit status {done.status}\n{done.err}" if done.status or done.err else None)
    done = run(*command, "--list-classes", cwd=context.root)
    listed = done.out.decode("utf-8", "replace")
    missing = [name for name in ("acme-mover", "acme-console", "acme-intc", "acme-virt") if f"\n  {name} " not in listed]
    result.add("acme, --list-classes", f"it does not list {', '.join(missing)}" if missing else None)
    done = run(context.machc, ACME / "acme.mach", "--check", cwd=context.root)
    result.add("acme, without its files", None if done.status == 1 and "[E0310]" in done.err else done.err or "it compiles")


def run_all(context):
    result = Result()
    check_files(context, result)
    check_facts(context, result)
    check_acme(context, result)
    return result
