# SPDX-License-Identifier: MIT
"""paste: the block of a message about open references (E0409) settles all of them when it is pasted.

Of every file of tests/errors with such a message, and of devices of examples/hosts with no `ref` at all. Words that are to be
replaced get a value: RATE and VALUE a number, `to &NODE` becomes `drop unsafe`.
"""

import json
import pathlib
import re
import shutil
import tempfile

from . import Result, run
from .errors import expectation

NUMBERS = {"RATE": "24000000", "VALUE": "1800000"}


def filled(line):
    line = re.sub(r"\b(RATE|VALUE)\b", lambda match: NUMBERS[match[0]], line.split(" // ")[0])
    return line.replace("to &NODE;", "drop unsafe;")


def inserted(text, end, block):
    """The text with statements added to the braces of the statement whose head ends at `end`."""
    at = re.compile(rb"[{;]").search(text, end)
    block = b"\n" + b"\n".join(line.encode() for line in block) + b"\n"
    if text[at.start():at.end()] == b"{":
        return text[:at.end()] + block + text[at.end():]
    return text[:at.start()] + b" {" + block + b"}" + text[at.end():]


def open_references(context, folder, args, name):
    done = run(context.machc, *args, "--max-errors", "0", "--diagnostics=json", name, cwd=folder)
    found = json.loads(done.out)["messages"]
    return [m for m in found if m["code"] == "E0409"], found


def pasted(context, folder, args, name):
    """A problem; None if the blocks settle everything; False if there is no message to try."""
    before, _ = open_references(context, folder, args, name)
    text = (folder / name).read_bytes()
    own = [m for m in before if m.get("place", {}).get("file") == name and "used_from" not in m and
           not text[m["place"]["offset"]:].startswith(b"ref")]
    if not own:
        return False
    for m in sorted(own, key=lambda m: -m["place"]["offset"]):
        block = [filled(part["text"]) for part in m["parts"] if part["kind"] == "paste"]
        if not block:
            return f"nothing to paste: {m['text']}"
        text = inserted(text, m["place"]["offset"] + m["place"]["length"], block)
    (folder / name).write_bytes(text)
    after, everything = open_references(context, folder, args, name)
    places = {m["text"] for m in own}
    left = [m["text"] for m in after if m["text"] in places]
    broken = [m["text"] for m in everything if re.match(r"E0[12]|E040[1-8]|E041|E042|E043", m["code"])
              and not m["code"] in ("E0426",)]
    if left or (broken and len(after) < len(before)):
        return f"{left or broken}\n{text.decode('utf-8', 'replace')}"
    return None


def files(context, result):
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory, "errors")
        shutil.copytree(context.root / "tests/errors", folder)
        pathlib.Path(directory, "hosts").symlink_to(context.root / "tests/hosts")
        names = sorted(path.name for path in folder.glob("E0409*.mach"))
        tried = 0
        for name in names:
            expected, args, *_ = expectation(folder / name)
            if expectation(folder / name)[5]:
                continue
            problem = pasted(context, folder, args or ["--check"], name)
            if problem is not False:
                tried += 1
                result.add(name, problem)
        result.add("enough files", None if tried >= 8 else f"only {tried} of {len(names)}")


def boards(context, result):
    """Every device of each example board, alone, with nothing said of its references."""
    tried = 0
    for host in sorted((context.root / "examples/hosts").glob("*.dts")):
        labels = re.findall(r"^\t\t(\w+): [a-z0-9-]+@[0-9a-f]+ \{", host.read_text(), re.M)
        with tempfile.TemporaryDirectory() as directory:
            folder = pathlib.Path(directory)
            platform = "e500mc-kvm" if "e500mc" in host.read_text() else "arm64-virt"
            for label in labels:
                name = f"{label}.mach"
                (folder / name).write_text(f'host "{host}";\nmachine m : {platform} {{\n    cpus 1;\n    memory ram size 256M;\n'
                                           f"    passthrough &{label} {{ dma none unsafe; }}\n}}\n")
                problem = pasted(context, folder, ["--check"], name)
                if problem is not False:
                    tried += 1
                    result.add(f"{host.name} {label}", problem)
    result.add("enough devices", None if tried >= 20 else f"only {tried}")


def run_all(context):
    result = Result()
    files(context, result)
    boards(context, result)
    return result
