# SPDX-License-Identifier: MIT
"""dtc: the device tree compiler, an independent reader that knows nothing about machc, checks guest trees.

For every machine of examples/ and tests/golden/, the DTB must pass all of dtc's checks without a message, and dtc must read
the same tree from --emit=dts as from the DTB.
"""

import pathlib
import re
import tempfile

from . import Result, difference, run
from .golden import machines, sources


def flags():
    """Disables the checks that a version of dtc gets wrong."""
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", run("dtc", "--version").out.decode())
    # 1.6.1 requires #address-cells in every interrupt controller; later versions do not.
    return ["-Wno-interrupt_provider"] if version and tuple(map(int, version.groups())) == (1, 6, 1) else []


def as_source(data):
    """Sorts the tree, so that only its content counts. Reading is separate from checking."""
    return run("dtc", "-q", "-f", "-s", "-I", "dtb", "-O", "dts", "-", stdin=data).out.decode("utf-8", "replace")


def check(context, source):
    results = []
    with tempfile.TemporaryDirectory() as directory:
        names, done = machines(context, source, directory)
        if done.status != 0 or not names:
            return [(str(source), f"exit status {done.status}, {len(names)} machines\n{done.err}")]
        for name in names:
            dtb = pathlib.Path(directory, name + ".dtb")
            done = run("dtc", *flags(), "-I", "dtb", "-O", "null", dtb)
            said = done.err + done.out.decode("utf-8", "replace")
            problem = f"dtc: exit status {done.status}\n{said}" if done.status or said else None
            results.append((f"{source} {name} checks", problem))
            text = run(context.machc, source, "-m", name, "--emit=dts", cwd=context.root).out
            done = run("dtc", *flags(), "-q", "-I", "dts", "-O", "dtb", "-", stdin=text)
            problem = f"dtc cannot read it\n{done.err}" if done.status else None
            problem = problem or difference(as_source(dtb.read_bytes()), as_source(done.out), "DTB")
            results.append((f"{source} {name} source", problem))
    return results


def run_all(context):
    result = Result()
    for _, results in context.each(lambda source: check(context, source), sources(), str):
        for name, problem in results:
            result.add(name, problem)
    return result
