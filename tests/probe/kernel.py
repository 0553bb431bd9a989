# SPDX-License-Identifier: MIT
"""Debian's arm64 kernel with all of its modules: which compatible strings have a driver in it, and in which modules."""

import gzip
import json
import lzma
import pathlib
import re

from harness.debian import cache
from material import fetch, one

WANTED = {
    "busybox-arm64": ("busybox-static:arm64", ["./bin/busybox"]),
    "linux-arm64": ("linux-image-6.12.*+deb12-arm64:arm64", ["./boot/vmlinuz-*", "./lib/modules/*"]),
}
INFO = re.compile(rb"(?<=\0)(alias|depends|name)=([^\0]*)\0")
ALIAS = re.compile(r"of:N(?:\*|\w+)T(?:\*|\w+)C([^*]+)(?:C?\*)?")

# What a driver calls that starts later, together with others.
COMPONENT = (b"\0component_add\0", b"\0component_add_typed\0", b"\0component_master_add_with_match\0")


class Kernel:
    """`drivers`: the modules that have an alias for a compatible string, by that string."""

    def __init__(self, refresh):
        self.top = cache() / "probe"
        fetch(self.top, WANTED, refresh)
        self.linux = (self.top / "linux-arm64").resolve()
        self.image = one(self.linux, "boot/vmlinuz-*")
        self.busybox = one(self.top / "busybox-arm64", "bin/busybox")
        self.modules = self.read_modules()
        self.drivers = {}
        for name, module in self.modules.items():
            for compatible in module["compatible"]:
                self.drivers.setdefault(compatible, []).append(name)
        # The kernel's own drivers have no aliases. A compatible string is an array of 128 bytes in their tables.
        self.text = self.image.read_bytes()

    def read_modules(self):
        """{name: {"path": ..., "depends": [...], "compatible": [...]}}, which takes a minute and is kept."""
        kept = self.top / f"{self.linux.name}.json"
        # Older than what it is made by: it may lack something.
        if not kept.exists() or kept.stat().st_mtime < pathlib.Path(__file__).stat().st_mtime:
            found = {}
            for path in sorted(self.linux.glob("lib/modules/*/kernel/**/*.ko*")):
                found |= read_module(plain(path), str(path.relative_to(self.linux)))
            new = kept.with_suffix(".new")
            new.write_text(json.dumps(found))
            new.replace(kept)
        return json.loads(kept.read_text())

    @staticmethod
    def packed(path):
        """A module as busybox loads it by init_module(), once the kernel has refused it as a file. By finit_module() a
        driver that crashes leaves a piece of its dead stack in a list of the kernel's, for the next module."""
        return gzip.compress(plain(path), 1)

    def has_driver(self, compatible):
        return compatible in self.drivers or b"\0" + compatible.encode().ljust(128, b"\0") in self.text

    def is_component(self, compatible):
        """Whether the driver starts for good only when other devices are there as well."""
        return any(self.modules[name]["component"] for name in self.drivers.get(compatible, ()))

    def load_order(self, names, without=()):
        """These modules, each after those that it depends on; none that depends on one of `without`."""
        order, refused = {}, set(without)

        def add(name):
            if name in order or name in refused or name not in self.modules:
                return name not in refused
            if not all([add(other) for other in self.modules[name]["depends"]]):
                refused.add(name)
                return False
            order[name] = self.linux / self.modules[name]["path"]
            return True

        for name in names:
            add(name)
        return order


def plain(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def read_module(data, path):
    """What a module says of itself in its section .modinfo."""
    found = {"path": path, "depends": [], "compatible": [], "component": any(word in data for word in COMPONENT)}
    name = None
    for key, value in INFO.findall(data):
        value = value.decode("latin-1")
        if key == b"name":
            name = value
        elif key == b"depends":
            found["depends"] = [word.replace("-", "_") for word in value.split(",") if word]
        elif match := ALIAS.fullmatch(value):
            found["compatible"].append(match[1])
    found["compatible"] = sorted(set(found["compatible"]))
    return {name: found} if name else {}
