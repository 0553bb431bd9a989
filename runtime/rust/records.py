#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes src/records.rs: the sections and enums of machcfg.h as Rust types. `make docs` runs it, after the header changed.

    runtime/rust/records.py <runtime/include/machcfg.h >runtime/rust/src/records.rs
"""

import re
import sys

KEYWORDS = {"type", "ref", "match", "where"}
HEAD = """// SPDX-License-Identifier: MIT
// Made from machcfg.h by records.py: change that instead.

use crate::ffi::RawRecord;
use crate::{rows, text, Config, Row};
use std::borrow::Cow;
"""


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


def sentence(text):
    return text[0].upper() + text[1:].rstrip(".") + "." if text else ""


def enums(header):
    """{c name: [(variant, value, word, text)]}"""
    found = {}
    for name, body in re.findall(r"^enum (mach_cfg_\w+) \{\n(.*?)^\};", header, re.M | re.S):
        entries = re.findall(r"^    MACH_CFG_(\w+) = (\w+),? // (?:([a-z0-9-]+): )?(.*)$", body, re.M)
        found[name] = [(variant, value, word, text) for variant, value, word, text in entries]
    return found


def short(variant, entries):
    """The part of a constant's name that its enum's others do not have."""
    heads = [entry[0].split("_") for entry in entries]
    common = 0
    while len(heads) > 1 and all(len(h) > common + 1 and h[common] == heads[0][common] for h in heads):
        common += 1
    words = variant.split("_")[common or 1:]
    return words


def write_enum(name, entries, out):
    rust = camel(name[len("mach_cfg_"):])
    variants = [camel("_".join(short(v, entries)).lower()) for v, *_ in entries]
    variants = [f"{rust}{v}" if v[0].isdigit() else v for v in variants]
    print(f"\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum {rust} {{", file=out)
    for variant, (_, _, _, text) in zip(variants, entries):
        print(f"    /// {sentence(text)}\n    {variant},", file=out)
    print("    /// A value that this version of the crate does not know.\n    Other(u32),\n}", file=out)
    print(f"\nimpl From<u32> for {rust} {{\n    fn from(value: u32) -> Self {{\n        match value {{", file=out)
    for variant, (_, value, _, _) in zip(variants, entries):
        print(f"            {value} => {rust}::{variant},", file=out)
    print(f"            other => {rust}::Other(other),\n        }}\n    }}\n}}", file=out)


def write_flags(name, entries, out):
    print(f"\n/// Bits of `flags()` of enum {name}.\npub mod {name[len('mach_cfg_'):]} {{", file=out)
    for variant, value, _, text in entries:
        print(f"    /// {sentence(text)}\n    pub const {'_'.join(short(variant, entries))}: u32 = {value};", file=out)
    print("}", file=out)


def accessor(section, field, kind, integer, text, before):
    """The method of a field; None if it is a part of another one's."""
    call = f"unsafe {{ mach_cfg_{section}_{field}(self.raw) }}"
    name = f"r#{field}" if field in KEYWORDS else field
    doc = f"    /// {sentence(text)}\n" if text else ""
    if kind.startswith("the offset of a string"):
        return f"{doc}    pub fn {name}(&self) -> Cow<'c, str> {{\n        text(self.config, {call})\n    }}\n"
    if match := re.fullmatch(r"the index of a record(, or none)?: section (\w+)", kind):
        row = camel(match[2].lower())
        if match[1]:
            return (f"{doc}    pub fn {name}(&self) -> Option<{row}<'c>> {{\n        rows(self.config, {call}, 1).next()\n    }}\n")
        return (f"{doc}    pub fn {name}(&self) -> {row}<'c> {{\n        rows(self.config, {call}, 1).next().expect(\"verified\")\n"
                "    }\n")
    if match := re.fullmatch(r"a number of records: section (\w+)", kind):
        row, first = camel(match[1].lower()), before[0]
        doc = f"    /// {sentence(before[1])}\n"
        return (f"{doc}    pub fn {name}(&self) -> impl Iterator<Item = {row}<'c>> + 'c {{\n"
                f"        rows(self.config, unsafe {{ mach_cfg_{section}_{first}(self.raw) }}, {call})\n    }}\n")
    if kind.startswith("the index of the first of a row"):
        return None
    if match := re.fullmatch(r"enum mach_cfg_(\w+)", kind):
        return f"{doc}    pub fn {name}(&self) -> {camel(match[1])} {{\n        {call}.into()\n    }}\n"
    if match := re.fullmatch(r"flags of enum mach_cfg_(\w+)", kind):
        return f"    /// Bits of [`{match[1]}`].\n    pub fn {name}(&self) -> u32 {{\n        {call}\n    }}\n"
    if kind == "a number, or none":
        return (f"{doc}    pub fn {name}(&self) -> Option<{integer}> {{\n        Some({call}).filter(|&n| n != {integer}::MAX)\n"
                "    }\n")
    if kind in ("a number", "an address or a size"):
        return f"{doc}    pub fn {name}(&self) -> {integer} {{\n        {call}\n    }}\n"
    raise SystemExit(f"records.py: {section}.{field}: `{kind}` is new to me")


def main():
    header, out = sys.stdin.read(), sys.stdout
    known = enums(header)
    sections = {variant[2:].lower(): int(value) for variant, value, *_ in known.pop("mach_cfg_section_type")}
    fields = re.findall(r"^/\* (?:(.*?) ?)?\(([^()]*)\) \*/\nMACHRT_API uint(32|64)_t mach_cfg_(\w+)\(struct mach_cfg_rec r\);",
                        header, re.M)
    print(HEAD, end="", file=out)
    print("\nextern \"C\" {", file=out)
    for _, _, bits, function in fields:
        print(f"    fn mach_cfg_{function}(r: RawRecord) -> u{bits};", file=out)
    print("}", file=out)
    flags = {kind[len("flags of enum "):] for _, kind, *_ in fields if kind.startswith("flags of")}
    for name, entries in known.items():
        (write_flags if name in flags else write_enum)(name, entries, out)
    about = dict(re.findall(r"^/\* ---- (\w+): (.*) ---- \*/$", header, re.M))
    for section in sorted(about, key=sections.get):
        row, longer = camel(section), [s for s in about if s.startswith(section + "_")]
        mine = [f for f in fields if f[3].startswith(section + "_")
                and not any(f[3].startswith(s + "_") for s in longer)]
        print(f"\n/// {about[section]}\n#[derive(Clone, Copy)]\npub struct {row}<'c> {{", file=out)
        print("    config: &'c Config,\n    raw: RawRecord,\n    index: u32,\n}", file=out)
        print(f"\nimpl<'c> Row<'c> for {row}<'c> {{\n    const SECTION: u32 = {sections[section]};", file=out)
        print("    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {\n"
              f"        {row} {{ config, raw, index }}\n    }}\n}}", file=out)
        print(f"\nimpl<'c> {row}<'c> {{\n    /// The number of the record in its section.\n"
              "    pub fn record(&self) -> u32 {\n        self.index\n    }\n"
              "    /// The config that it is a part of.\n"
              "    pub fn config(&self) -> &'c Config {\n        self.config\n    }", file=out)
        before = None
        for text, kind, bits, function in mine:
            field = function[len(section) + 1:]
            method = accessor(section, field, kind, f"u{bits}", text, before)
            if method:
                print(method, end="", file=out)
            before = (field, text)
        print("}", file=out)


if __name__ == "__main__":
    main()
