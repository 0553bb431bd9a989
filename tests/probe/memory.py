# SPDX-License-Identifier: MIT
"""What the nodes of a tree get that is not the board's: registers of plain memory, phandles; how it is written."""

import json
import pathlib

PAGE = 0x1000
# QEMU's memory begins at RAM; the kernel has what is before BEGIN: see rig.py.
RAM, BEGIN = 0x40000000, 0x80000000
# A region of a board can be larger than all memory; a driver looks at its beginning, and less of it is ever filled.
LARGEST, FILLED = 16 << 20, 0x10000
# QEMU's own tree has phandles from 0x8000 on.
PHANDLES = 0x10000
# What a copy's registers hold at first: what a driver waits for is a bit that is set, or one that is not.
ZEROS, ONES, KNOWN = "zeros", "ones", "values that are known"
_FILE = json.loads(pathlib.Path(__file__).with_name("registers.json").read_text())
VALUES = {name: {int(at, 0): int(value, 0) for at, value in entry["values"].items()}
          for entry in _FILE["registers"] for name in entry["compatible"]}
AMBA_IDS = {entry["compatible"]: int(entry["id"], 0) for entry in _FILE["amba"]}


class Supply:
    """Hands each thing out once. `filled`: (address, bytes) of registers that do not begin as zeros."""

    def __init__(self):
        self.address = BEGIN
        self.phandles = PHANDLES
        self.filled = []

    def phandle(self):
        self.phandles += 1
        return self.phandles

    def region(self, size, fill=ZEROS, values=None):
        """(address, size) of memory that nobody else has."""
        size = max(min(size, LARGEST), 4)
        at = self.address
        self.address += -(-size // PAGE) * PAGE
        if fill == ONES:
            self.filled.append((at, b"\xff" * min(size, FILLED)))
        elif fill == KNOWN:
            self.filled += [(at + offset, value.to_bytes(4, "little")) for offset, value in (values or {}).items()]
        return at, size

    def write(self, file):
        """All of it, as a file that QEMU takes for its memory; holes are zeros."""
        for at, data in self.filled:
            file.seek(at - RAM)
            file.write(data)


def known_values(compatible):
    """The values of registers that are known for the first of these strings that has some."""
    return next((VALUES[name] for name in compatible if name in VALUES), None)


def amba_id(compatible):
    return next((AMBA_IDS[name] for name in compatible if name in AMBA_IDS), None)


def cells(*values):
    return b"".join(value.to_bytes(4, "big") for value in values)


def wide(*values):
    return b"".join(value.to_bytes(8, "big") for value in values)


def strings(*words):
    return b"".join(word.encode("latin-1") + b"\0" for word in words)


def node_text(name, properties, children=()):
    """A node as device tree source."""
    body = [f"{key} = [{value.hex()}];" if value else f"{key};" for key, value in properties.items()]
    return "\n".join([f"{name} {{", *body, *children, "};"])
