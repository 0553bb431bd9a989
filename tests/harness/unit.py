# SPDX-License-Identifier: MIT
"""unit: every tests/unit/test_*.c is a cmocka program; its output is shown when one of its tests fails."""

import re

from . import Result, run


def run_program(context, program):
    done = run(program, cwd=context.root, timeout=600)
    out = done.out.decode("utf-8", "replace")
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", out + done.err, re.M)))
    # cmocka tells the number of failures as its exit status; one that crashes tells nothing.
    failed = len(re.findall(r"^\[  FAILED  \] \S+$", out, re.M)) or (1 if done.status else 0)
    return passed, failed, done.status, out + done.err


def run_all(context):
    result = Result()
    programs = [context.build / "unit" / source.stem for source in sorted((context.root / "tests/unit").glob("test_*.c"))]
    done = context.each(lambda program: run_program(context, program), programs, lambda program: program.name)
    for program, (passed, failed, status, text) in done:
        result.passed += passed
        if failed:
            result.add(program.name, f"{failed} failed, exit status {status}\n" + failures(text))
            result.failed += failed - 1
    return result


def failures(text):
    """The lines that are not about a test that passed."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"\[ RUN  |\[       OK|\[====|$", line))
