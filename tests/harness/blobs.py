# SPDX-License-Identifier: MIT
"""Host trees that no source compiles to: damaged blobs, and blobs that dtc would not write.

RECIPES: name -> bytes, for `// host: NAME` in tests/errors.
"""

import struct

BEGIN, END, PROP, NOP, STOP = 1, 2, 3, 4, 9  # Devicetree Specification 0.4, 5.4.1


def cells(*values):
    return struct.pack(f">{len(values)}I", *values)


def padded(data):
    return data + bytes(-len(data) % 4)


class Blob:
    """A blob built token by token; the header is correct unless the caller changes it."""

    def __init__(self):
        self.tokens = b""
        self.strings = b""

    def token(self, value):
        self.tokens += cells(value)
        return self

    def begin(self, name=""):
        self.tokens += cells(BEGIN) + padded(name.encode("latin-1") + b"\0")
        return self

    def end(self):
        return self.token(END)

    def prop(self, name, data=b"", length=None, offset=None):
        if offset is None:
            offset = len(self.strings)
            self.strings += name.encode("latin-1") + b"\0"
        self.tokens += cells(PROP, len(data) if length is None else length, offset) + padded(data)
        return self

    def node(self, name, **props):
        self.begin(name)
        for prop, data in props.items():
            self.prop(prop, data)
        return self.end()

    def bytes(self, stop=True, reservations=b"", **header):
        """`header` replaces fields; `reservations` goes before the empty entry that ends the list."""
        tokens = self.tokens + (cells(STOP) if stop else b"")
        rsvmap = 40
        at = rsvmap + len(reservations) + 16
        fields = {
            "magic": 0xD00DFEED, "totalsize": at + len(tokens) + len(self.strings), "off_dt_struct": at,
            "off_dt_strings": at + len(tokens), "off_mem_rsvmap": rsvmap, "version": 17, "last_comp_version": 16,
            "boot_cpuid_phys": 0, "size_dt_strings": len(self.strings), "size_dt_struct": len(tokens), **header}
        return cells(*fields.values()) + reservations + bytes(16) + tokens + self.strings


def small():
    """A root with two nodes, still inside the second one."""
    return Blob().begin().prop("model", b"blob\0").node("one").begin("two").prop("reg", cells(0, 0x1000, 0x1000))


def whole():
    return small().end().end()


def nested(depth):
    blob = Blob().begin()
    for _ in range(depth):
        blob.begin("n")
    for _ in range(depth + 1):
        blob.end()
    return blob.bytes()


RECIPES = {
    "plain": whole().bytes(),
    # not a blob, or of another version
    "empty": b"",
    "script": b"#!/bin/sh\nexit 0\n" * 10,
    "version-3": whole().bytes(version=3, last_comp_version=1),
    "version-18": whole().bytes(version=18, last_comp_version=18),
    # damaged
    "cut-in-header": whole().bytes()[:20],
    "cut-off": whole().bytes()[:-8],
    "struct-outside": whole().bytes(off_dt_struct=0x100000),
    "struct-too-long": whole().bytes(size_dt_struct=0x100000),
    "strings-outside": whole().bytes(off_dt_strings=0x100000),
    "reservations-without-end": whole().bytes(off_mem_rsvmap=len(whole().bytes()) - 8),
    "unknown-token": small().token(7).end().end().bytes(),
    "name-without-end": Blob().begin().token(BEGIN).bytes(stop=False),
    "name-too-long": Blob().begin().node("n" * 300).end().bytes(),
    "property-cut-off": small().prop("late", b"", length=1000).bytes(stop=False),
    "property-without-name": small().prop("", b"", offset=5000).end().end().bytes(),
    "property-outside": whole().prop("late").bytes(),
    "end-without-begin": whole().end().bytes(),
    "second-root": whole().begin().end().bytes(),
    "open-node": small().bytes(),
    "no-root": Blob().bytes(),
    "no-end": whole().bytes(stop=False),
    "too-deep": nested(300),
    # unusual
    "twin-nodes": whole().bytes().replace(b"two\0", b"one\0"),
    "twin-properties": Blob().begin().prop("model", b"a\0").prop("model", b"b\0").end().bytes(),
    "odd-node-name": Blob().begin().node("na me").end().bytes(),
    "odd-property-name": Blob().begin().prop("na/me").end().bytes(),
    "many-odd-names": Blob().begin().node("a b").node("c d").node("e f").node("g h").node("i j").node("k l").node("m n").end().bytes(),
    "named-root": Blob().begin("board").end().bytes(),
    "overlay": Blob().begin().begin("fragment@0").prop("target-path", b"/\0").begin("__overlay__").prop("more").end().end().end()
    .bytes(),
    "stale-symbol": Blob().begin().node("__symbols__", gone=b"/nowhere\0").end().bytes(),
    "symbol-without-path": Blob().begin().node("__symbols__", odd=cells(1)).end().bytes(),
}
