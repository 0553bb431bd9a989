#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Validates every file of schemas/ against its JSON Schema (draft-07, python3-jsonschema).

    tests/schemas/check.py [FILE ...]      the files named instead of all of schemas/

It also checks the JSON Schemas themselves against the meta-schema and the loader's tables (compiler/schema/*.c): both must
know and require the same keys. Built-in files must be UTF-8 and free of duplicate keys.
"""

import json
import pathlib
import re
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JSON_SCHEMAS = ROOT / "schemas" / "json"
KINDS = {
    "references": "references",
    "providers": "references",
    "dma-ids": "references",
    "descriptions": "references",
    "masters": "references",
    "delicate": "references",
    "iommus": "iommus",
    "irqchip": "irqchip",
    "host-irqchips": "irqchip",
    "class": "class",
    "classes": "class",
    "platform": "platform",
    "vmm": "vmm",
    "linux": "linux",
    "needs": "needs",
    "lines": "lines",
}
# Tables of the loader, and the matching definition of a JSON Schema.
TABLES = {
    "group": ("references", "group"),
    "along": ("references", "along"),
    "provider": ("references", "provider"),
    "alone": ("references", "alone"),
    "instead": ("references", "instead"),
    "needs": ("needs", "needs"),
    "driver": ("needs", "driver"),
    "dma_id": ("references", "dma-id"),
    "description": ("references", "description"),
    "master": ("references", "master"),
    "delicate": ("references", "delicate"),
    "lines": ("lines", "lines"),
    "iommu": ("iommus", "iommu"),
    "reserved": ("iommus", "reserved"),
    "chip": ("irqchip", "irqchip"),
    "controller": ("irqchip", "host-irqchip"),
    "msi": ("irqchip", "msi-controller"),
    "also": ("irqchip", "host-kvm-also"),
    "kind": ("irqchip", "kind"),
    "trigger": ("irqchip", "trigger"),
    "region": ("irqchip", "region"),
    "class": ("class", "class"),
    "irq": ("class", "irq"),
    "clock": ("class", "clock"),
    "fate": ("class", "fate-of"),
    "write": ("class", "write"),
    "range": ("facts", "range"),
    "run": ("facts", "run"),
    "reserved_node": ("facts", "reserved"),
    "member": ("facts", "member"),
    "iommu_group": ("facts", "group"),
    "vfio_region": ("facts", "vfio-region"),
    "vfio_irq": ("facts", "vfio-irq"),
    "device": ("facts", "device"),
    "huge": ("facts", "huge"),
    "node": ("facts", "node"),
    "facts": ("facts", "facts"),
    "architectures": ("linux", "architectures"),
    "plain": ("linux", "names-only"),
    "map": ("linux", "interrupt-map"),
    "glue": ("linux", "glue"),
    "early": ("linux", "early"),
    "streams": ("linux", "streams"),
    "bound": ("linux", "bound"),
    "linux": ("linux", "linux"),
    "platform": ("platform", "platform"),
    "vmm": ("vmm", "vmm"),
    "vmm_machine": ("vmm", "vmm-machine"),
    "vmm_irqchip": ("vmm", "vmm-irqchip"),
    "vmm_device": ("vmm", "vmm-device"),
    "irqchip": ("platform", "platform-irqchip"),
    "bus": ("platform", "platform-bus"),
    "mmio": ("platform", "mmio"),
    "measured_clock": ("facts", "clock"),
    "clock_user": ("facts", "clock-user"),
    "measured_regulator": ("facts", "regulator"),
}


def unique(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} stands twice in an object")
    return dict(pairs)


def load(path):
    return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique)


def check_data(path, validators):
    """Yields the mistakes in a data file."""
    try:
        data = load(path)
    except ValueError as error:
        yield f"{path}: {error}"
        return
    schemas = {KINDS[key] for key in data if key in KINDS} if isinstance(data, dict) else set()
    if isinstance(data, dict) and data.get("format") == "facts.json":
        schemas = {"facts"}
    if len(schemas) != 1:
        yield f"{path}: it must describe one kind of thing, not {sorted(schemas) or 'none'}"
        return
    for error in validators[schemas.pop()].iter_errors(data):
        where = "/".join(str(part) for part in error.absolute_path)
        yield f"{path}: /{where}: {error.message}"
    wanted = {part.name for part in JSON_SCHEMAS.iterdir()}
    named = data.get("$schema", "")
    if named and pathlib.PurePosixPath(named).name not in wanted:
        yield f"{path}: $schema names {named}, which is not there"


def check_tables(schemas):
    """Yields the differences between the loader's tables and the JSON Schemas."""
    source = "".join(path.read_text() for folder in ("schema", "facts")
                     for path in sorted((ROOT / "compiler" / folder).glob("*.c")))
    # Fields that two tables share are a macro, whose argument says whether they are required.
    for macro, body in re.findall(r"#define (\w+_FIELDS)\(needed\)(.*?[^\\])\n", source, re.S):
        source = re.sub(macro + r"\((true|false)\),", lambda use: body.replace("(needed)", use[1]) + ",", source)
    found = set()
    for name, body in re.findall(r"static const struct field (\w+)_fields\[\] = \{(.*?)\n\};", source, re.S):
        if name == "file":
            continue
        found.add(name)
        if name not in TABLES:
            yield f"table {name}_fields has no JSON Schema"
            continue
        schema, definition = TABLES[name]
        fields = re.findall(r'\{\.key = "([^"]+)"(.*?)\}', body, re.S)
        theirs = schemas[schema]["definitions"][definition]
        keys = {key for key, _ in fields}
        if keys != set(theirs["properties"]):
            yield f"{name}: keys differ: {sorted(keys ^ set(theirs['properties']))}"
        required = {key for key, rest in fields if ".required = true" in rest}
        if required != set(theirs.get("required", [])):
            yield f"{name}: required keys differ: {sorted(required ^ set(theirs['required']))}"
    for name in TABLES.keys() - found:
        yield f"there is no table {name}_fields in compiler/schema"


def main():
    schemas = {path.name.split(".")[0]: load(path) for path in sorted(JSON_SCHEMAS.glob("*.schema.json"))}
    validators = {}
    for name, schema in schemas.items():
        jsonschema.Draft7Validator.check_schema(schema)
        validators[name] = jsonschema.Draft7Validator(schema)
    files = [pathlib.Path(name) for name in sys.argv[1:]]
    wrong = []
    if not files:
        files = [path for path in sorted((ROOT / "schemas").rglob("*.json")) if not path.name.endswith(".schema.json")]
        wrong += check_tables(schemas)
    for path in files:
        wrong += check_data(path, validators)
    for line in wrong:
        print(line)
    print(f"{len(files)} files, {len(wrong)} mistakes")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
