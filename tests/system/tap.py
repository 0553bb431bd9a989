# SPDX-License-Identifier: MIT
"""Console output of a boot: TAP, comments, and files in base64 between `#<< NAME` and `#>> NAME`."""

import base64
import re

LINE = re.compile(r"(ok|not ok) - (.*)")


class Tap:
    """Reads lines as they arrive."""

    def __init__(self):
        self.tests = []  # (passed, name, comments)
        self.notes = []  # lines with `#: `, which are printed even if all tests pass
        self.files = {}
        self.plan = None
        self.file = None

    def line(self, line):
        """True at the end of a test."""
        line = line.rstrip("\r\n")
        if self.file is not None:
            name, lines = self.file
            if line == f"#>> {name}":
                self.files[name] = base64.b64decode("".join(lines))
                self.file = None
            else:
                lines.append(line)
            return False
        if found := LINE.fullmatch(line):
            self.tests.append((found[1] == "ok", found[2], []))
            return True
        if line.startswith("#<< "):
            self.file = (line[4:], [])
        elif line.startswith("#: "):
            self.notes.append(line[3:])
        elif line.startswith("# ") and self.tests:
            self.tests[-1][2].append(line[2:])
        elif found := re.fullmatch(r"1\.\.(\d+)", line):
            self.plan = int(found[1])
        return False

    def complete(self):
        return self.plan is not None and self.plan == len(self.tests)
