# SPDX-License-Identifier: MIT
"""sessions: the commands that documents show do what is shown.

In a document, blocks marked `console` are carried out in their order, in one directory per document, with the blocks
marked `mach file NAME` before them written there, and the tools of the build in PATH. A line that begins with `$ ` is a
command; what follows is what it prints, messages included. `...` stands for any text, as a line of its own for any
lines.
"""

import os
import re
import subprocess
import tempfile

from . import ENVIRONMENT

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)


def pattern(expected):
    """A regular expression for the output that is shown."""
    out = ""
    for line in expected.splitlines():
        if line == "...":
            out += r"(?:.*\n)*?"
        else:
            out += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    return out


def commands(text):
    """[(command, output)] of a block."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


def check(context, page, prepare):
    """[(name, problem)] of one document; `prepare` puts into the directory what the document takes for granted."""
    results = []
    text = page.read_text()
    environment = {**ENVIRONMENT, "PATH": f"{context.build}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as directory:
        prepare(directory)
        for match in FENCE.finditer(text):
            words = match["info"].split()
            if words[:2] == ["mach", "file"]:
                with open(f"{directory}/{words[2]}", "w", encoding="utf-8") as file:
                    file.write(match["text"])
            for command, expected in commands(match["text"]) if words == ["console"] else []:
                done = subprocess.run(["sh", "-c", command], cwd=directory, env=environment, check=False, timeout=60,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                printed = done.stdout.decode("utf-8", "backslashreplace")
                line = text.count("\n", 0, match.start()) + 1
                same = re.fullmatch(pattern(expected), printed)
                results.append((f"{page.relative_to(context.root)}:{line}: {command}",
                                None if same else f"it prints something else:\n{printed}"))
    return results
