# SPDX-License-Identifier: MIT
"""Outputs with one mistake in them, which the checker must detect."""

import hashlib

from .config import form, readcfg
from .dtb import Tree, cells
from .references import rule

PAGE = 0x1000
IN_TREE = ("reg", "ranges", "interrupts", "interrupts-extended", "interrupt-map", "interrupt-parent", "phandle")


def sealed(cfg):
    """Adds the correct checksum."""
    hole = form().header["checksum"].offset
    crc = readcfg.crc32c(cfg[:hole] + bytes(4) + cfg[hole + 4:])
    return cfg[:hole] + crc.to_bytes(4, "little") + cfg[hole + 4:]


def belonging(dtb, cfg):
    """The config with the digest of that tree."""
    place = form().header["dtb_sha256"].offset
    return sealed(cfg[:place] + hashlib.sha256(dtb).digest() + cfg[place + 32:])


def wrong_values(field, value):
    """Other values for a field."""
    none = (1 << 8 * field.size) - 1
    if field.kind == "one":
        return [other for other in sorted(form().sets[field.arg]) if other != value]
    if field.kind == "flags":
        return [value ^ bit for bit in sorted(form().sets[field.arg])]
    if field.kind in ("index", "optional", "owner"):
        return [none] + [v for v in (value + 1, value - 1) if 0 <= v < none] if value != none else [0]
    if field.kind == "address" and value % PAGE == 0:
        return [(value + PAGE) & none, value ^ 0x40000000, (value + 4) & none]
    return [(value + 1) & none]


def of_config(cfg):
    """(section, field, change, the config, which still needs its checksum)"""
    config = readcfg.Config(cfg, form())
    for section, fields in form().sections.values():
        for i, record in enumerate(config.records[section]):
            for field in fields:
                if field.kind in ("reserved", "string"):
                    continue
                at = config.places[section, i] + field.offset
                for value in wrong_values(field, record[field.name]):
                    changed = cfg[:at] + value.to_bytes(field.size, "little") + cfg[at + field.size:]
                    what = f"{section} {i}: {field.name} {record[field.name]:#x} -> {value:#x}"
                    yield section, field.name, what, changed


def of_tree(dtb):
    """(node, property, change, the tree)"""
    for node in Tree(dtb).root.walk():
        for name, place in node.places.items():
            value = node.props[name]
            if len(value) % 4 or not (name in IN_TREE or rule(node, name)):
                continue
            for i, cell in enumerate(cells(value)):
                at = place + 4 * i
                for other in (cell + 1, cell ^ 0x4000000):
                    changed = dtb[:at] + (other & 0xFFFFFFFF).to_bytes(4, "big") + dtb[at + 4:]
                    yield node, name, f"{node.path}: {name}: cell {i} {cell:#x} -> {other:#x}", changed
