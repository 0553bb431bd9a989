# SPDX-License-Identifier: MIT
"""sessions: the commands in the documents print the output shown.

The blocks of a document that are marked `console` are run in order, in one directory per document. Earlier blocks marked
`mach file NAME` are written to that directory, and the tools of the build are in PATH. A line that begins with `$ ` is a
command; the lines after it are its output, including messages. `...` matches any text; on its own line, any lines.
"""

import os
import re
import subprocess
import tempfile

from . import ENVIRONMENT

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)


def pattern(expected):
    """A regular expression for the output in the document."""
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
    """[(name, problem)] of one document; `prepare` adds the files that the document requires to the directory."""
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
