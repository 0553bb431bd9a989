#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/guest-cfg.md as C for audit.c, which must not use the header of the reader.

    layout.py > cfg_layout.h
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))

from readcfg import DOC, Format  # noqa: E402


def name(*words):
    return "_".join(words).replace("-", "_")


def main():
    form = Format(DOC)
    numbers = {section: number for number, (section, _) in form.sections.items()}
    print("// SPDX-License-Identifier: MIT\n// Made by tests/fuzz/layout.py from docs/guest-cfg.md.")
    kinds = ["number", "address", "optional", "string", "index", "owner", "first", "count", "one", "flags", "reserved", "bytes"]
    print("enum audit_kind {", ", ".join(name("KIND", kind) for kind in kinds), "};")
    print("struct audit_field { uint32_t offset, size; enum audit_kind kind; uint32_t section, nvalues; const uint64_t *values; };")
    print("struct audit_section { uint32_t type, least, nfields; const struct audit_field *fields; };")
    for word, values in form.sets.items():
        for value, text in values.items():
            print(f"#define {name('SET', word, text)} UINT64_C({value})")
        print(f"static const uint64_t {name('set', word)}[] = {{{', '.join(map(str, values))}}};")
    tables = {"header": list(form.header.values()), "entry": list(form.entry.values())}
    tables.update({section: fields for section, fields in form.sections.values()})
    for table, fields in tables.items():
        print(f"static const struct audit_field {name('fields', table)}[] = {{")
        for f in fields:
            values = name("set", f.arg) if f.kind in ("one", "flags") else None
            section = numbers.get(f.arg, 0) if f.kind in ("index", "owner", "first", "count") else 0
            count = len(form.sets[f.arg]) if values else 0
            print(f"    {{{f.offset}, {f.size}, {name('KIND', f.kind)}, {section}, {count}, {values or 'NULL'}}}, // {f.name}")
        print("};")
        print("enum {", ", ".join(f"{name('F', table, f.name)} = {i}" for i, f in enumerate(fields)),
              f", {name('N', table)} = {len(fields)},", f"{name('SIZE', table)} = {sum(f.size for f in fields)} }};")
    print("enum {", ", ".join(f"S_{section} = {number}" for section, number in numbers.items()),
          f", S_END = {max(numbers.values()) + 1} }};")
    print("static const struct audit_section audit_sections[] = {")
    for number, (section, _) in form.sections.items():
        print(f"    {{{number}, {form.sizes[section]}, {name('N', section)}, {name('fields', section)}}},")
    print("};")
    return 0


if __name__ == "__main__":
    sys.exit(main())
