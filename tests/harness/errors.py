# SPDX-License-Identifier: MIT
"""errors: comments in every tests/errors/*.mach list the messages that machc must print.

    // error: 14:21 E0311          the messages, exactly these, in the order in which they are printed;
    // warning: 3:5 W0502          in another file: `// error: inc/part.mach:3:5 E0101`, without a place: `// error: - E0001`
    // args: --check -Werror       the options (default: --check); the name of the file is appended
    // contains: also belongs      text that the messages contain; can be repeated
    // host: cut-off               use the blob of that name in blobs.py as the host's tree
    // fine                        machc prints nothing
    // peer: Sizes are rounded.    what other systems do here: a line of docs/defects.md

The exit status must be 1 if there is an error, else 0. tests/errors/stderr/NAME holds all that machc prints of NAME.mach,
byte by byte; `tests/run.py --update errors` writes these: review them. Included files are in the other directories. When all
files are run, every code of the registry must occur.

CODE-NAME.ok.mach is a near miss: a few lines away from a CODE-*.mach, and nothing is printed of it. Each code of the families
in NEAR has one, but those that tests/errors/without-near-miss lists; a code that has one is not listed.
"""

import difflib
import pathlib
import re
import shlex
import tempfile

from . import Result, difference, run
from .blobs import RECIPES

# Families of codes whose files have a near miss, and how many lines it may differ from one of them.
NEAR, NEAR_LINES = ("E04", "E05", "E06", "E10", "W"), 4

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
        done.err = done.err.replace(folder, "FOLDER")
    found = messages(path.name, done.err)
    codes = {code for _, _, code in found}
    if slips:
        return f"this is not an expectation: {slips[0]}", codes
    fine = fine or path.name.endswith(".ok.mach")
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
    return compare(context, path.parent / "stderr" / path.stem, done.err if expected else "", done.err), codes


def compare(context, path, want, err):
    """All that is printed, with what is stored. Of what is fine, nothing is stored."""
    if want and context.update:
        path.write_text(err)
    elif want and not path.is_file():
        return f"there is no {path.relative_to(context.root)}: run tests/run.py --update errors, and review it\n{err}"
    return difference(path.read_text() if want else "", err, str(path.relative_to(context.root)))


def statements(path):
    """A file's lines without comments and indentation."""
    return [line.strip() for line in path.read_text("utf-8", "replace").splitlines() if not re.match(r"\s*(//|$)", line)]


def distance(path):
    """How many lines a near miss differs from the nearest file of its code."""
    def lines(other):
        same = sum(block.size for block in difflib.SequenceMatcher(None, other, own, False).get_matching_blocks())
        return max(len(own), len(other)) - same
    own = statements(path)
    code = path.name[:5]
    files = [other for other in path.parent.glob(f"{code}-*.mach") if code in [code for _, _, code in expectation(other)[0]]]
    return min((lines(statements(other)) for other in files), default=None)


def near_misses(context, result, codes):
    """Whether those are near, and each code has one."""
    folder, have = context.root / "tests/errors", set()
    for path in sorted(folder.glob("*.ok.mach")):
        lines = distance(path)
        have.add(path.name[:5])
        problem = lines is None and f"there is no {path.name[:5]}-*.mach"
        result.add(f"{path.name} is near", problem or (lines > NEAR_LINES and f"it differs in {lines} lines"))
    listed = set((folder / "without-near-miss").read_text().split())
    wanted = {code for code in codes if code.startswith(NEAR) and code not in EXEMPT}
    result.add("every message has a near miss", (missing := sorted(wanted - have - listed)) and "these have none: " + " ".join(missing))
    result.add("what is listed has no near miss", (stale := sorted(listed & have | listed - wanted)) and "these need not be listed: " + " ".join(stale))


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
    near_misses(context, result, codes)
    stems = {path.stem for path in files}
    stray = sorted(path.name for path in (context.root / "tests/errors/stderr").iterdir() if path.name not in stems)
    result.add("no stored output is left over", stray and "these belong to nothing: " + " ".join(stray))
    return result
