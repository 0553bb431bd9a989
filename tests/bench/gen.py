#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes inputs of any size for machc: a host's device tree and a machine that takes every device of it.

    gen.py devices N DIR [--dts] [--dma none|all] [--edits] [--machines M]
    gen.py flat N DIR [--dts]          N devices in one node instead of sqrt(N) buses
    gen.py cells N DIR                 one device with one property of N cells
    gen.py cells-text N DIR            the same property, as text in an edit
    gen.py deep N DIR                  a device with nodes nested N deep below it in the host's tree
    gen.py deep-text N DIR             the same, as text in an edit

Writes DIR/host.dtb (with --dts also host.dts, the same tree for dtc) and DIR/bench.mach. This script packs the tree
itself, without a compiler, so that the generator is never what is measured.

A device has a page of registers, a compatible, a label, and a clock from a device far away; it is the clock of yet
another one. All devices are passed through, so every reference stays. With --machines, they are divided among M machines
of one file, and clocks stay within one machine. A GICv3 has 988 SPIs, so only the first few hundred devices have an
interrupt.
"""
import argparse
import os
import struct
import sys
from math import isqrt

# Devicetree Specification 0.4, 5.2 to 5.4.
MAGIC, VERSION, COMPATIBLE = 0xD00DFEED, 17, 16
BEGIN, END, PROP, FINISH = 1, 2, 3, 9

WITH_IRQ = 400  # devices that have an interrupt: SPI 64 and up
FIRST_SPI = 64
BASE = 0x10_0000_0000  # physical address of the first device
PAGE = 0x1000
FIRST_PHANDLE = 16


class Ref:
    """A phandle in <cells>: a number in the DTB, a label in the source."""

    def __init__(self, label, phandle):
        self.label, self.phandle = label, phandle


GIC, SMMU = Ref("gic", 1), Ref("smmu", 2)


class Dtb:
    """A device tree written node by node."""

    def __init__(self):
        self.out = []
        self.strings = bytearray()
        self.offsets = {}
        self.symbols = []
        self.path = []

    def begin(self, name, ref=None):
        raw = name.encode() + b"\0"
        self.out.append(struct.pack(">I", BEGIN) + raw + b"\0" * (-len(raw) % 4))
        self.path.append(name)
        if ref:
            self.symbols.append((ref.label, "/".join(self.path)))
            self.cells("phandle", ref.phandle)

    def end(self):
        self.out.append(struct.pack(">I", END))
        self.path.pop()

    def prop(self, name, data=b""):
        off = self.offsets.get(name)
        if off is None:
            off = self.offsets[name] = len(self.strings)
            self.strings += name.encode() + b"\0"
        self.out.append(struct.pack(">III", PROP, len(data), off) + data + b"\0" * (-len(data) % 4))

    def cells(self, name, *values):
        numbers = [v.phandle if isinstance(v, Ref) else v for v in values]
        self.prop(name, struct.pack(">%dI" % len(numbers), *numbers))

    def text(self, name, *values):
        self.prop(name, b"".join(v.encode() + b"\0" for v in values))

    def finish(self):
        self.begin("__symbols__")
        for label, path in self.symbols:
            self.text(label, path)
        self.end()
        self.end()
        self.out.append(struct.pack(">I", FINISH))
        body = b"".join(self.out)
        reserve, header = b"\0" * 16, 40
        at = header + len(reserve)
        strings = at + len(body)
        head = struct.pack(">10I", MAGIC, strings + len(self.strings), at, strings, header, VERSION, COMPATIBLE,
                           0, len(self.strings), len(body))
        return head + reserve + body + bytes(self.strings)


class Dts:
    """Takes the same calls and writes source: `dtc -@` makes the same tree of it, except for the values of phandles."""

    def __init__(self):
        self.out = ["/dts-v1/;\n"]
        self.depth = 0

    def line(self, text):
        self.out.append("\t" * self.depth + text + "\n")

    def begin(self, name, ref=None):
        self.line("%s%s {" % (ref.label + ": " if ref else "", name or "/"))
        self.depth += 1

    def end(self):
        self.depth -= 1
        self.line("};")

    def prop(self, name):
        self.line(name + ";")

    def cells(self, name, *values):
        self.line("%s = <%s>;" % (name, " ".join("&" + v.label if isinstance(v, Ref) else "%#x" % v for v in values)))

    def text(self, name, *values):
        self.line("%s = %s;" % (name, ", ".join('"%s"' % v for v in values)))

    def finish(self):
        self.end()
        return "".join(self.out).encode()


def board(t, body, smmu):
    """A small board around `body`: two cpus, memory, a GICv3, and an SMMUv3 if wanted."""
    t.begin("")
    t.text("model", "machc benchmark")
    t.text("compatible", "machc,bench")
    t.cells("#address-cells", 2)
    t.cells("#size-cells", 2)
    t.cells("interrupt-parent", GIC)
    t.begin("cpus")
    t.cells("#address-cells", 1)
    t.cells("#size-cells", 0)
    for n in range(2):
        t.begin("cpu@%d" % n)
        t.text("device_type", "cpu")
        t.text("compatible", "arm,cortex-a53")
        t.cells("reg", n)
        t.text("enable-method", "psci")
        t.end()
    t.end()
    t.begin("memory@40000000")
    t.text("device_type", "memory")
    t.cells("reg", 0, 0x40000000, 1, 0)
    t.end()
    t.begin("interrupt-controller@8000000", GIC)
    t.text("compatible", "arm,gic-v3")
    t.cells("reg", 0, 0x8000000, 0, 0x10000, 0, 0x80A0000, 0, 0xF60000)
    t.prop("interrupt-controller")
    t.cells("#interrupt-cells", 3)
    t.cells("#address-cells", 0)
    t.end()
    if smmu:
        t.begin("iommu@9000000", SMMU)
        t.text("compatible", "arm,smmu-v3")
        t.cells("reg", 0, 0x9000000, 0, 0x20000)
        t.cells("interrupts", 0, 20, 1, 0, 21, 1, 0, 22, 1)
        t.text("interrupt-names", "eventq", "cmdq-sync", "gerror")
        t.cells("#iommu-cells", 1)
        t.end()
    body(t)
    return t.finish()


def one_device(extra):
    """The body of a board with the one device `d0`; `extra` adds to its node."""

    def body(t):
        t.begin("device@%x" % BASE, Ref("d0", FIRST_PHANDLE))
        t.text("compatible", "machc,bench-device")
        t.cells("reg", BASE >> 32, BASE & 0xFFFFFFFF, 0, PAGE)
        extra(t)
        t.end()

    return body


def many_devices(n, flat, smmu, machines=1):
    """sqrt(n) buses (or none) with n devices."""
    share = -(-n // machines)
    buses = 1 if flat else max(1, isqrt(n))
    per_bus = -(-n // buses)

    def device(t, i, unit, reg):
        t.begin("device@%x" % unit, Ref("d%d" % i, FIRST_PHANDLE + i))
        t.text("compatible", "machc,bench-device")
        t.cells("reg", *reg)
        if i < WITH_IRQ:
            t.cells("interrupts", 0, FIRST_SPI + i, 4)
        # A prime, so that references lead far away and no target is nearby in memory.
        first = i // share * share
        clock = first + ((i - first) * 7919 + 1) % min(share, n - first)
        t.cells("clocks", Ref("d%d" % clock, FIRST_PHANDLE + clock))
        t.cells("#clock-cells", 0)
        if smmu:
            t.cells("iommus", SMMU, i + 1)
        t.end()

    def body(t):
        if flat:
            for i in range(n):
                a = BASE + i * PAGE
                device(t, i, a, (a >> 32, a & 0xFFFFFFFF, 0, PAGE))
            return
        for b in range(buses):
            base = BASE + b * per_bus * PAGE
            t.begin("bus@%x" % base)
            t.text("compatible", "simple-bus")
            t.cells("#address-cells", 1)
            t.cells("#size-cells", 1)
            t.cells("ranges", 0, base >> 32, base & 0xFFFFFFFF, per_bus * PAGE)
            for i in range(b * per_bus, min(n, (b + 1) * per_bus)):
                unit = (i - b * per_bus) * PAGE
                device(t, i, unit, (unit, PAGE))
            t.end()

    return body


def machine(statements, name="bench", cpus="1 on 1"):
    return ("machine " + name + " : arm64-virt {\n"
            "    cpus " + cpus + ";\n"
            "    memory ram at 0x80000000 size 256M;\n"
            + statements + "}\n")


def description(machines):
    return '// SPDX-License-Identifier: MIT\nhost "host.dtb";\n' + "".join(machines)


def write(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def generate(shape, n, directory, dts=False, dma="none", edits=False, machines=1):
    """Writes one set of inputs. run.py calls this, as does the command line."""
    smmu = dma == "all"
    if shape in ("devices", "flat"):
        body = many_devices(n, shape == "flat", smmu, machines)
        edit = " edit { machc,number = <%d>; };" if edits else ""
        line = "    passthrough &d%d { dma " + dma + ";"
        lines = [line % i + (edit % i if edits else "") + " }\n" for i in range(n)]
        text = "".join(lines)
        share = -(-n // machines)
    elif shape == "cells":
        body = one_device(lambda t: t.cells("machc,table", *range(n)))
        text = "    passthrough &d0 { dma none; }\n"
    elif shape == "cells-text":
        body = one_device(lambda t: None)
        text = ("    passthrough &d0 {\n        dma none;\n        edit {\n            machc,table = <\n"
                + "".join("                " + " ".join("%#x" % v for v in range(i, min(n, i + 8))) + "\n"
                          for i in range(0, n, 8))
                + "            >;\n        };\n    }\n")
    elif shape == "deep":
        def chain(t):
            for i in range(n):
                t.begin("n")
                t.cells("level", i)
            for i in range(n):
                t.end()
        body = one_device(chain)
        text = "    passthrough &d0 { dma none; }\n"
    elif shape == "deep-text":
        body = one_device(lambda t: None)
        text = ("    passthrough &d0 {\n        dma none;\n        edit {\n"
                + "".join("n { level = <%d>;\n" % i for i in range(n)) + "};\n" * n + "        };\n    }\n")
    else:
        raise ValueError(shape)
    write(directory, "host.dtb", board(Dtb(), body, smmu))
    if dts:
        write(directory, "host.dts", board(Dts(), body, smmu))
    if machines == 1:
        text = [machine(text)]
    else:
        text = [machine("".join(lines[m * share:(m + 1) * share]), "m%d" % m, "1") for m in range(machines)]
    write(directory, "bench.mach", description(text))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shape", choices=("devices", "flat", "cells", "cells-text", "deep", "deep-text"))
    p.add_argument("n", type=int, help="how many")
    p.add_argument("dir", help="where to write")
    p.add_argument("--dts", action="store_true", help="write the host's tree as source, too")
    p.add_argument("--dma", choices=("none", "all"), default="none", help="all: behind an SMMUv3, one stream per device")
    p.add_argument("--edits", action="store_true", help="an edit in every passthrough")
    p.add_argument("--machines", type=int, default=1, metavar="M", help="shapes devices and flat: among so many machines")
    a = p.parse_args()
    if a.machines < 1 or a.machines > a.n or (a.machines > 1 and a.shape not in ("devices", "flat")):
        p.error("--machines is at least 1 and at most n, for devices")
    if a.n < 1:
        p.error("n must be at least 1")
    generate(a.shape, a.n, a.dir, a.dts, a.dma, a.edits, a.machines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
