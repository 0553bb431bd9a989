# SPDX-License-Identifier: MIT
"""Shared by all suites: running commands, counting results, showing differences."""

import difflib
import os
import subprocess

# Messages must not depend on the terminal and the language of the user. A sanitizer's finding has an exit status that
# machc itself never returns.
ENVIRONMENT = {
    **os.environ,
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "ASAN_OPTIONS": "exitcode=99:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1",
}


class Context:
    """Paths, and which tests are wanted."""

    def __init__(self, root, build, pool, wanted, update):
        self.root = root
        self.build = build
        self.machc = build / "machc"
        self.machrt = build / "machrt"
        self.pool = pool
        self.wanted = wanted
        self.update = update

    def each(self, function, items, name):
        """Calls function(item) for every item whose name is wanted, several at a time; yields results in order."""
        chosen = [item for item in items if self.wanted in name(item)]
        return zip(chosen, self.pool.map(function, chosen))


class Failed(Exception):
    """A test has failed, and the rest does not matter."""


class Result:
    """Counts passed tests, and prints failures as they occur."""

    first = False  # the first failure ends the run

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def add(self, name, problem):
        """problem: None or "" if the test passed, else what is wrong; the first line is the message."""
        if problem:
            self.failed += 1
            first, *rest = problem.rstrip().split("\n")
            print(f"FAIL {name}: {first}")
            for line in rest[:60]:
                print(f"    {line}")
            if Result.first:
                raise Failed(name)
        else:
            self.passed += 1

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP {name}: {why}")

    def report(self, suite):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{suite}: {self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return self.failed


class Ran:
    """Result of a command."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err.decode("utf-8", "backslashreplace")


def run(*command, cwd=None, stdin=b"", env=None, timeout=120, **more):
    """Runs a command to its end. A negative status is a signal, None is a timeout."""
    try:
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd, input=stdin, capture_output=True, timeout=timeout,
            env={**ENVIRONMENT, **(env or {})}, check=False, **more)
    except subprocess.TimeoutExpired as late:
        return Ran(None, late.stdout or b"", (late.stderr or b"") + b"\ntimed out")
    except OSError as error:
        return Ran(127, b"", str(error).encode())
    return Ran(done.returncode, done.stdout, done.stderr)


def difference(want, got, what="expected"):
    """None if both texts are the same, else a unified diff."""
    if want == got:
        return None
    lines = difflib.unified_diff(want.splitlines(), got.splitlines(), what, "got", lineterm="", n=2)
    return "is not as expected\n" + "\n".join(lines)
