#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes libFuzzer's dictionaries from the grammar, the schemas and the tables of guest.cfg. No word is listed by hand.

    dict.py DIR          writes DIR/TARGET.dict for each target
"""

import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from seeds import board  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LITERAL = re.compile(r'"([A-Za-z/#][A-Za-z0-9/#,._-]+)"')


def escape(data):
    return '"' + "".join(chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in data) + '"'


def strings(value):
    """Keys and short strings of a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str) and len(value) <= 24 and re.fullmatch(r"[\x21-\x7e]+", value):
        yield value


def grammar():
    """The literals of the scanner's rules and of the grammar: keywords, operators, words of device tree source."""
    rules = (ROOT / "grammar/mach.l").read_text().split("%%")[1]
    words = set(re.findall(r'^(?:<[^>]*>)?"([^"\\]+)"\s', rules, re.M))
    return words | set(re.findall(r'"([^"\s\\]+)"', (ROOT / "grammar/mach.ebnf").read_text()))


def schemas():
    """(keys and short strings of all schema files, names of what they describe)"""
    words, names = set(), set()
    for path in (ROOT / "schemas").rglob("*.json"):
        # linux/nodes.json is thousands of compatible strings: no words of a language.
        if ".schema." in path.name or path.parent.name == "linux":
            continue
        value = json.loads(path.read_text())
        words |= set(strings(value))
        for key in ("class", "irqchip", "platform"):
            if key in value:
                names.add(value[key]["name"])
    return words, names


def facts():
    """Keys of a snapshot of a host, at any depth."""
    schema = json.loads((ROOT / "schemas/json/facts.schema.json").read_text())
    return {key for part in schema["definitions"].values() for key in part.get("properties", {})} | {"facts.json"}


def properties(words):
    """Property names: those of the schemas, and those of the Devicetree Specification in the C code."""
    names = {w for w in words if re.fullmatch(r"[#a-z][a-z0-9,-]*-[a-z0-9,-]*[a-z0-9]|[a-z]+s", w)}
    for path in (ROOT / "compiler").rglob("*.c"):
        for name in re.findall(r'"([#a-z][a-z0-9,-]{1,38}[a-z0-9])"', path.read_text()):
            if "-" in name or "#" in name or name in ("reg", "ranges", "interrupts", "status", "phandle"):
                names.add(name)
    return names


def write(folder, target, words):
    lines = sorted(escape(w if isinstance(w, bytes) else w.encode()) for w in words if len(w) > 0)
    (folder / f"{target}.dict").write_text("# Made by tests/fuzz/dict.py.\n" + "\n".join(lines) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    words, (described, names) = grammar(), schemas()
    props = properties(described)
    numbers = {b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"}
    write(folder, "mach", words | names | {"0xffffffffffffffff", "0x8000000000000000", "4294967296"})
    write(folder, "body", words | props)
    write(folder, "dts", words | props)
    write(folder, "dtb", {p.encode() + b"\0" for p in props} | numbers | {b"\xd0\x0d\xfe\xed"})
    write(folder, "schema", {json.dumps(w) for w in described})
    write(folder, "facts", {json.dumps(w) for w in facts()})
    words = re.findall(r'^    {"([a-z]+)", parse_', (ROOT / "runtime/policy/parse.c").read_text(), re.M)
    write(folder, "policy", {*words, "no-iommu", "read-only", "..", "0xffffffffffffffff", "\\"})
    lines = board().splitlines()
    write(folder, "sysfs", {part for line in lines for part in line.split(" ", 1)} | {"<ffffffff", "<00000000", "<80000000"})
    for target in ("cfg", "session"):
        write(folder, target, {n[::-1] for n in numbers} | {b"\x89MACH\r\n\x1a"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
