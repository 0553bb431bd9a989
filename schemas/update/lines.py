#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes schemas/lines/resets.json: which bit of which register a specifier of a reset controller names.

    schemas/update/lines.py [--source DIR] [--output FILE] [--check]

Without --source, it reads the newest of the kernels that csource.py downloads. The drivers are those that write one bit of a
register of their own to assert a line, and the opposite to release it, so that Linux's generic driver can do the same:
Rockchip's softrst.c, sunxi-ng's ccu_reset.c, Qualcomm's reset.c, Amlogic's reset-meson.c. What a line needs beyond that is
left out: several bits at once, registers that set and others that clear. Each function looks for the lines of the driver that
make it true, and ends where they have changed.
"""

import argparse
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True

from csource import ROOT, without_comments  # noqa: E402

OUTPUT = ROOT / "schemas" / "lines" / "resets.json"
CELLS = "#reset-cells"
MOST = 4096
WIDTH = 130


class Changed(Exception):
    """A driver is not what it was when this script was written."""


class Sources:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.texts, self.numbers = {}, {}

    def read(self, path):
        if path not in self.texts:
            self.texts[path] = without_comments((self.folder / path).read_text(encoding="utf-8", errors="replace"))
        return self.texts[path]

    def files(self, pattern):
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern))

    def holds(self, path, *parts):
        """Raises Changed unless each part is in the file, whatever blanks are between its words."""
        text = re.sub(r"\s+", " ", self.read(path))
        for part in parts:
            if part not in text:
                raise Changed(f"{path}: no longer has `{part}`")

    def defines(self, path):
        """{name: number} of the macros that a file and what it includes define as a number."""
        if path in self.numbers:
            return self.numbers[path]
        found = self.numbers[path] = {}
        text = self.read(path)
        for name in re.findall(r'^\s*#include\s+[<"]([^>"]+)[>"]', text, re.M):
            for folder in ("include", pathlib.PurePosixPath(path).parent.as_posix()):
                if (name.startswith("dt-bindings/") or "/" not in name) and (self.folder / folder / name).is_file():
                    found.update(self.defines(f"{folder}/{name}"))
        for name, value in re.findall(r"^#define[ \t]+(\w+)[ \t]+\(?(0x[0-9a-fA-F]+|\d+)\)?[ \t]*$", text, re.M):
            found[name] = int(value, 0)
        return found


def number(text):
    """The value of a sum of products of numbers."""
    if not re.fullmatch(r"[\s()+*0-9a-fA-Fx]+", text):
        raise Changed(f"`{text}` is not a number")
    return eval(re.sub(r"\b0+(?=\d)", "", text), {"__builtins__": {}})  # pylint: disable=eval-used


def macro(sources, path, name, argument):
    found = re.search(rf"^#define[ \t]+{name}\((\w+)\)[ \t]+(.+)$", sources.read(path), re.M)
    if not found:
        raise Changed(f"{path}: no macro {name}()")
    text = re.sub(rf"\b{found[1]}\b", str(argument), found[2])
    known = sources.defines(path)
    return number(re.sub(r"\b[A-Z_]\w*\b", lambda m: str(known.get(m[0], m[0])), text))


def bits_of(sources, path, entries):
    """The list of "0x400:3" by the number of the line. `entries` are (its name or number, offset, bit)."""
    known, found = sources.defines(path), {}
    for name, offset, bit in entries:
        line = int(name, 0) if name[0].isdigit() else known.get(name)
        if line is None:
            raise Changed(f"{path}: {name} is not defined as a number")
        if line < MOST:
            found[line] = f"{offset:#x}:{bit}"
    return [found.get(line, "") for line in range(max(found) + 1)]


def bodies(text):
    """(name, body) of the functions of a file."""
    return re.findall(r"^(?:[a-z][\w \t*]*[ \t*\n])(\w+)\([^;{}]*\)\s*\n\{(.*?)^\}", text, re.M | re.S)


def shared(rest, entries):
    """{"shared": [...]}: those of the lines' registers whose numbers the rest of the driver has as well."""
    others = {int(text, 16) for text in re.findall(r"\b0x[0-9a-fA-F]+\b", rest)}
    both = sorted(others & {offset for _, offset, _ in entries})
    return {"shared": [hex(offset) for offset in both]} if both else {}


def rockchip(sources):
    where = "drivers/clk/rockchip/softrst.c"
    sources.holds(where, "writel(BIT(offset) | (BIT(offset) << 16), softrst->reg_base + (bank * 4));",
                  "writel((BIT(offset) << 16), softrst->reg_base + (bank * 4));", "bank = id / softrst->num_per_reg;",
                  "softrst->num_per_reg = (flags & ROCKCHIP_SOFTRST_HIWORD_MASK) ? 16 : 32;")
    header = "drivers/clk/rockchip/clk.h"
    call = r"rockchip_register_softrst(?:_lut)?\(\s*np,\s*(?:(\w+),\s*)?([\w()]+),\s*\w+ \+ (\w+)\(0\),\s*" \
           r"ROCKCHIP_SOFTRST_HIWORD_MASK\)"
    makes = {}
    for path in sources.files("drivers/clk/rockchip/*.c"):
        for name, body in bodies(sources.read(path)):
            for table, count, first in re.findall(call, body):
                offset = macro(sources, header, first, 0)
                if table:
                    makes[name] = {"bits": rockchip_table(sources, path, table, offset)}
                else:
                    makes[name] = {"first": hex(offset), "registers": int(count, 0)}
    for path in sources.files("drivers/clk/rockchip/clk-*.c"):
        text = sources.read(path)
        calls = {name: body for name, body in bodies(text)}
        found = dict((function, compatible) for compatible, function in
                     re.findall(r'CLK_OF_DECLARE\w*\(\s*\w+,\s*"([^"]+)",\s*(\w+)\)', text))
        inits = dict((data, function) for data, function in
                     re.findall(r"struct \w+ (\w+) = \{\s*\.inits = (\w+),", text))
        for compatible, data in re.findall(r'\.compatible = "([^"]+)",\s*\.data = (?:\(void \*\))?&(\w+),?', text):
            if data in inits:
                found[inits[data]] = compatible
        for function, compatible in sorted(found.items()):
            # The call is in the function, or in one that it calls.
            seen, todo = set(), [function]
            while todo:
                at = todo.pop()
                seen.add(at)
                if at in makes:
                    yield {"compatible": [compatible], "driver": path, "provider": "reset-high", "hiword": True, **makes[at]}
                    break
                todo += [name for name in re.findall(r"\b(\w+)\(", calls.get(at, "")) if name not in seen
                         and (name in calls or name in makes)]


def rockchip_table(sources, path, table, first):
    text = sources.read(path)
    formulas = dict(re.findall(r"^#define (\w+)\(id, reg, bit\) \[id\] = \((.*)\)$", text, re.M))
    body = re.search(rf"{table}\[\] = \{{(.*?)\n\}};", text, re.S)
    if not formulas or not body:
        raise Changed(f"{path}: no table {table}")
    entries = []
    for formula, name, reg, bit in re.findall(r"(\w+)\((\w+), (\d+), (\d+)\)", body[1]):
        expression = re.sub(r"\bbit\b", bit, re.sub(r"\breg\b", reg, formulas[formula]))
        place = number(expression)
        entries.append((name, first + place // 16 * 4, place % 16))
    return bits_of(sources, path, entries)


def tables(text, kind):
    return dict(re.findall(rf"^(?:static )?(?:const )?struct {kind} (\w+)\[\] = \{{(.*?)^\}};", text, re.M | re.S))


def sunxi(sources):
    where = "drivers/clk/sunxi-ng/ccu_reset.c"
    sources.holds(where, "writel(reg & ~map->bit, ccu->base + map->reg);", "writel(reg | map->bit, ccu->base + map->reg);")
    for path in sources.files("drivers/clk/sunxi-ng/ccu-sun*.c"):
        text = sources.read(path)
        maps = tables(text, "ccu_reset_map")
        found = {name: [(line, int(reg, 0), bit) for line, reg, bit in
                        re.findall(r"\[(\w+)\]\s*=\s*\{\s*(0x[0-9a-f]+),\s*BIT\((\d+)\)\s*\}", body)]
                 for name, body in maps.items()}
        described = {desc: resets for desc, resets in
                     re.findall(r"struct sunxi_ccu_desc (\w+) = \{[^}]*?\.resets\s*=\s*(\w+),", text)}
        pairs = re.findall(r'\.compatible = "([^"]+)",\s*\.data = &(\w+),?\s*\}', text)
        if not pairs:  # one description for all that the file knows
            only = set(described)
            names = re.findall(r'\.compatible = "([^"]+)"', text) + \
                re.findall(r'CLK_OF_DECLARE\w*\(\s*\w+,\s*"([^"]+)"', text)
            pairs = [(name, next(iter(only))) for name in names] if len(only) == 1 else []
        for compatible, desc in pairs:
            # Those of the display engine are behind a clock and a reset of their own.
            if compatible.endswith("-ccu") and found.get(described.get(desc)):
                name = described[desc]
                rest = text
                for body in maps.values():
                    rest = rest.replace(body, "")
                yield {"compatible": [compatible], "driver": path, "provider": "reset-low",
                       **shared(rest, found[name]), "bits": bits_of(sources, path, found[name])}


def qualcomm(sources):
    where = "drivers/clk/qcom/reset.c"
    sources.holds(where, "mask = map->bitmask ? map->bitmask : BIT(map->bit);",
                  "regmap_update_bits(rst->regmap, map->reg, mask, assert ? mask : 0);")
    sources.holds("drivers/clk/qcom/reset.h", "struct qcom_reset_map { unsigned int reg; u8 bit; u16 udelay; u32 bitmask; };")
    for path in sources.files("drivers/clk/qcom/gcc-*.c"):  # other controllers are switched off at times
        text = sources.read(path)
        maps = tables(text, "qcom_reset_map")
        names = [name for table in tables(text, "of_device_id").values()
                 for name in re.findall(r'\.compatible = "([^"]+)"', table)]
        if len(maps) != 1 or len(set(re.findall(r"\.resets\s*= (\w+)", text))) != 1:
            continue  # none, or chips that differ
        entries = []
        for line, value in re.findall(r"\[(\w+)\]\s*=\s*\{([^}]*)\}", next(iter(maps.values()))):
            part = [word.strip() for word in value.split(",") if word.strip()]
            plain = [word for word in part if word[0] != "."]
            named = dict(re.fullmatch(r"\.(\w+) = (.*)", word).groups() for word in part if word[0] == ".")
            reg = plain[0] if plain else named.get("reg")
            bit = plain[1] if len(plain) > 1 else named.get("bit", "0")
            if "bitmask" in named or reg is None or not re.fullmatch(r"0x[0-9a-f]+|\d+", reg + "") or not bit.isdigit():
                continue
            entries.append((line, int(reg, 0), int(bit)))
        if entries and names:
            rest = text.replace(next(iter(maps.values())), "")
            yield {"compatible": sorted(names), "driver": path, "provider": "reset-high", **shared(rest, entries),
                   "bits": bits_of(sources, path, entries)}


def amlogic(sources):
    path = "drivers/reset/reset-meson.c"
    sources.holds(path, "reg_addr = data->reg_base + data->param->level_offset + (bank << 2);",
                  "if (assert) writel(reg & ~BIT(offset), reg_addr); else writel(reg | BIT(offset), reg_addr);",
                  "#define BITS_PER_REG 32")
    text = sources.read(path)
    params = {name: (count, offset) for name, count, offset in re.findall(
        r"struct meson_reset_param (\w+) = \{\s*\.reg_count\s*= (\d+),\s*\.level_offset\s*= (0x[0-9a-f]+),\s*\}", text)}
    of = {}
    for compatible, name in re.findall(r'\.compatible = "([^"]+)",\s*\.data = &(\w+)', text):
        of.setdefault(name, []).append(compatible)
    if not of or not set(of) <= set(params):
        raise Changed(f"{path}: another table")
    for name, compatible in of.items():
        count, offset = params[name]
        yield {"compatible": sorted(compatible), "driver": path, "provider": "reset-low",
               "first": offset, "registers": int(count)}


def wrapped(entry):
    """An entry as JSON, with its bits below each other."""
    head = {"cells": CELLS, **{key: value for key, value in entry.items() if key != "bits"}}
    text = "        " + json.dumps(head)
    if "bits" not in entry:
        return text
    lines, line = [], "         "
    for bit in (json.dumps(bit) for bit in entry["bits"]):
        if len(line) + len(bit) + 2 > WIDTH:
            lines.append(line)
            line = "         "
        line += f" {bit},"
    lines.append(line.rstrip(","))
    return text[:-1] + ', "bits": [\n' + "\n".join(lines) + "]}"


def make(folder):
    sources = Sources(folder)
    entries, seen = [], {}
    for source in (amlogic, qualcomm, rockchip, sunxi):
        found = list(source(sources))
        if not found:
            raise Changed(f"{source.__name__}: no controller was found")
        entries += found
    for entry in entries:
        for compatible in entry["compatible"]:
            if compatible in seen:
                raise Changed(f"{compatible}: {entry['driver']} and {seen[compatible]}")
            seen[compatible] = entry["driver"]
    entries.sort(key=lambda entry: (entry["driver"], entry["compatible"]))
    return ('{\n    "SPDX-License-Identifier": "MIT",\n    "$schema": "../json/lines.schema.json",\n    "lines": [\n'
            + ",\n".join(wrapped(entry) for entry in entries) + "\n    ]\n}\n"), entries


def main():
    parser = argparse.ArgumentParser(description="Distils schemas/lines/resets.json from Linux's sources.")
    parser.add_argument("--source", metavar="DIR", help="an unpacked kernel")
    parser.add_argument("--output", default=OUTPUT, type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="compare with what is there, and write nothing")
    args = parser.parse_args()
    if not args.source:
        from csource import download
        args.source = download()[-1]
    try:
        text, entries = make(args.source)
    except Changed as changed:
        sys.exit(f"lines: {changed}")
    if args.check:
        if args.output.read_text() != text:
            sys.exit(f"lines: {args.output} is not what {args.source} gives: make update-lines")
    else:
        args.output.write_text(text)
    print(f"lines: {len(entries)} controllers, {sum(len(entry.get('bits', [])) for entry in entries)} listed lines")


if __name__ == "__main__":
    main()
