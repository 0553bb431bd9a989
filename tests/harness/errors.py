# SPDX-License-Identifier: MIT
"""errors: comments in every tests/errors/*.mach list the messages that machc must print.

    // error: 14:21 E0311          the messages, exactly these, in the order in which they are printed;
    // warning: 3:5 W0502          in another file: `// error: inc/part.mach:3:5 E0101`, without a place: `// error: - E0001`
    // args: --check -Werror       the options (default: --check); the name of the file is appended
    // contains: also belongs      text that the messages contain; can be repeated
    // host: cut-off               use the blob of that name in blobs.py as the host's tree
    // fine                        machc prints nothing
    // peer: Sizes are rounded.    what other systems do here: a line of docs/defects.md

The exit status must be 1 if there is an error, else 0. Included files are in the directories below. When all files are run,
every code of the registry must occur.
"""

import pathlib
import re
import shlex
import tempfile

from . import Result, run
from .blobs import RECIPES

# Codes that no file can cause, with the reason.
EXEMPT = {
    "E0002": "needs a config of more than 4 GB",
    "E0906": "needs a property of 2 GB",
    "F0001": "needs the memory to run out; tested in the suite cli",
}

MESSAGE = re.compile(r"^(?P<place>.*?): (?P<kind>error|warning|fault of machc): .*\[(?P<code>[EWF]\d{4})(?: -W[^\]]*)?\]$")
EXPECTED = re.compile(r"^\s*//\s*(?P<kind>error|warning):\s+(?P<place>\S+)\s+(?P<code>[EWF]\d{4})\s*$")
OTHER = re.compile(r"^\s*//\s*(?P<what>args|contains|host):\s+(?P<text>.*?)\s*$")
FINE = re.compile(r"^\s*//\s*fine\s*$")
# A line that looks like an expectation but is misspelled would be ignored, so it is an error.
SLIP = re.compile(r"^\s*//\s*(errors?|warnings?|args|contains?|hosts?)\s*:")


def expectation(path):
    expected, args, contains, slips, fine, host = [], None, [], [], False, None
    text = path.read_bytes().decode("utf-8", "replace")
    for line in text.splitlines():
        if match := EXPECTED.match(line):
            expected.append((match["kind"], match["place"], match["code"]))
        elif match := OTHER.match(line):
            if match["what"] == "args":
                args = shlex.split(match["text"])
            elif match["what"] == "host":
                host = match["text"]
            else:
                contains.append(match["text"])
        elif FINE.match(line):
            fine = True
        elif SLIP.match(line):
            slips.append(line.strip())
    return expected, args, contains, slips, fine, host


def messages(name, err):
    """The messages in machc's output, in order: (kind, place, code)."""
    found = []
    for line in err.splitlines():
        if match := MESSAGE.match(line):
            place = match["place"]
            if place == "machc":
                place = "-"
            elif place.startswith(name + ":"):
                place = place[len(name) + 1:]
            found.append((match["kind"], place, match["code"]))
    return found


def check(context, path):
    """(problem, codes that occurred)"""
    expected, args, contains, slips, fine, host = expectation(path)
    args = ["--check"] if args is None else args
    if host is not None and host not in RECIPES:
        return f"there is no blob {host}", set()
    with tempfile.TemporaryDirectory() as folder:
        if host is not None:
            blob = pathlib.Path(folder, f"{host}.dtb")
            blob.write_bytes(RECIPES[host])
            args = args + ["--host", str(blob)]
        done = run(context.machc, "--max-errors", "0", *args, path.name, cwd=path.parent)
    found = messages(path.name, done.err)
    codes = {code for _, _, code in found}
    if slips:
        return f"this is not an expectation: {slips[0]}", codes
    if not expected and not fine:
        return "it has no expectation\n" + done.err, codes
    if found != expected:
        lines = [f"- {kind}: {place} {code}" for kind, place, code in expected]
        lines += [f"+ {kind}: {place} {code}" for kind, place, code in found]
        return "expected (-) and got (+):\n" + "\n".join(lines) + "\n" + done.err, codes
    status = 1 if any(kind == "error" for kind, _, _ in expected) else 0
    if done.status != status:
        return f"exit status {done.status}, not {status}\n{done.err}", codes
    for text in contains:
        if text not in done.err:
            return f"nothing says `{text}`\n{done.err}", codes
    return None, codes


def registry(context):
    """code -> title"""
    done = run(context.machc, "--explain=list")
    lines = done.out.decode().splitlines()
    return {line.split()[0]: line.split(None, 1)[1] for line in lines}


def run_all(context):
    result = Result()
    caused = set()
    files = sorted((context.root / "tests/errors").glob("*.mach"))
    for path, (problem, codes) in context.each(lambda path: check(context, path), files, lambda path: path.name):
        result.add(path.relative_to(context.root), problem)
        caused |= codes
    if context.wanted:
        return result
    codes = registry(context)
    missing = [f"{code} {title}" for code, title in codes.items() if code not in caused and code not in EXEMPT]
    result.add("every message has a file that causes it", missing and "these have none:\n" + "\n".join(missing))
    stale = [code for code in EXEMPT if code not in codes or code in caused]
    result.add("exemptions are needed", stale and "these are not: " + ", ".join(stale))
    return result
