# SPDX-License-Identifier: MIT
"""unit: every tests/unit/test_*.c is a cmocka program; its output is shown if one of its tests fails.

runtime: so is every tests/runtime/test_*.c. Programs in C and C++ and checks of the library that count nothing pass when
they exit with 0.
fuzz: every target of tests/fuzz on its seeds and on old findings, then some thousand mutated configs.
"""

import re
import sys

from . import Result, run

MUTATED = 20000


def run_program(context, *command):
    done = run(*command, cwd=context.root, timeout=1200)
    out = done.out.decode("utf-8", "replace")
    text = out + done.err
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M)))
    passed += sum(map(int, re.findall(r"^fuzz \w+: (\d+) passed", out, re.M)))
    # cmocka returns the number of failures as exit status; a program that crashes does not.
    failed = len(re.findall(r"^\[  FAILED  \] \S+$", out, re.M)) or (1 if done.status else 0)
    return passed, failed, done.status, text


def run_programs(context, commands):
    """Commands by name. A program that counts nothing is one test."""
    result = Result()
    done = context.each(lambda name: run_program(context, *commands[name]), commands, lambda name: name)
    for name, (passed, failed, status, text) in done:
        result.passed += passed if passed or failed else 1
        if failed:
            result.add(name, f"{failed} failed, exit status {status}\n" + failures(text))
            result.failed += failed - 1
    return result


def cmocka(context, sources, programs):
    return {source.stem: [context.build / programs / source.stem] for source in sorted((context.root / sources).glob("test_*.c"))}


def run_all(context):
    return run_programs(context, cmocka(context, "tests/unit", "unit"))


def symbols(root, build):
    """The command that checks the library's symbols."""
    order = re.search(r"^rt_dirs *= (.*)$", (root / "runtime/Makefile.inc").read_text(), re.M)[1].split()
    return [sys.executable, "tests/runtime/symbols.py", build, *order]


def run_runtime(context):
    programs = context.build / "runtime-tests"
    commands = cmocka(context, "tests/runtime", programs)
    commands.update({name: [programs / name] for name in ("header", "clash", "old", "new")})
    commands["symbols"] = symbols(context.root, context.build)
    return run_programs(context, commands)


def run_fuzz(context):
    fuzz = context.build / "fuzz"
    commands = {path.name.removeprefix("replay-"): path for path in sorted(fuzz.glob("replay-*"))}
    commands = {name: [path, name, context.root / "tests/fuzz/regressions" / name, fuzz / "seeds" / name]
                for name, path in commands.items()}
    commands["million"] = [fuzz / "million", "-n", MUTATED, *sorted((fuzz / "seeds/cfg").iterdir())]
    return run_programs(context, commands)


def failures(text):
    """The lines that do not report a passed test."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"\[ RUN  |\[       OK|\[====|$", line))
