# SPDX-License-Identifier: MIT
"""The nodes and properties of a device tree blob, written from the Devicetree Specification 0.4, chapter 5."""

import struct

BEGIN, END, PROPERTY, NOP, FINISH = 1, 2, 3, 4, 9


def read(blob):
    """{path: {property: bytes}}, in the order of the file. The path of the root is ''."""
    _, _, off_struct, off_strings, _, _, _, _, _, _ = struct.unpack_from(">10I", blob)
    tree, path, at = {}, [], off_struct
    while True:
        token, = struct.unpack_from(">I", blob, at)
        at += 4
        if token == BEGIN:
            end = blob.index(b"\0", at)
            path.append(blob[at:end].decode())
            at = (end + 4) & ~3
            props = tree.setdefault("/".join(path), {})
        elif token == END:
            path.pop()
            props = tree.get("/".join(path))
        elif token == PROPERTY:
            length, name = struct.unpack_from(">II", blob, at)
            start = off_strings + name
            props[blob[start:blob.index(b"\0", start)].decode()] = blob[at + 8:at + 8 + length]
            at = (at + 8 + length + 3) & ~3
        elif token == FINISH:
            return tree
        elif token != NOP:
            raise ValueError(f"token {token} at {at - 4}")


def cells(value):
    return struct.unpack(f">{len(value) // 4}I", value[:len(value) // 4 * 4])


def phandles(tree):
    """{phandle: path}"""
    return {cells(props[name])[0]: path for path, props in tree.items() for name in ("linux,phandle", "phandle")
            if len(props.get(name, b"")) == 4}


def references(tree):
    """{(path, property, cell): path of the target}, as `dtc -L` lists them in /__local_fixups__."""
    to, found, top = phandles(tree), {}, "/__local_fixups__"
    for path, props in tree.items():
        if path == top or path.startswith(top + "/"):
            node = path[len(top):]
            for name, offsets in props.items():
                if name in ("phandle", "linux,phandle"):  # what the node itself is called
                    continue
                for offset in cells(offsets):
                    value = tree[node][name]
                    number = int.from_bytes(value[offset:offset + 4], "big")
                    found[node, name, offset / 4 if offset % 4 else offset // 4] = to.get(number)
    return found


def without(tree, *tops):
    """The tree without these children of the root."""
    return {path: props for path, props in tree.items()
            if not any(path == f"/{top}" or path.startswith(f"/{top}/") for top in tops)}
