#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether Linux drives the reset lines of a guest's shadow as guest.cfg lets it.

    tests/probe/resets.py [--machc FILE] [--keep DIR]

tests/golden/resets.mach has machines with shadows of reset controllers. Debian's arm64 kernel boots under QEMU with the reset
controllers of such a guest, whose windows are plain memory, all lines asserted. The clock of the board refers to all lines
that the guest's devices refer to: the AMBA bus releases them before it looks at the device (drivers/amba/bus.c). Afterwards
exactly the bits are changed that guest.cfg lists, and nothing else in the windows.
"""

import argparse
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
for folder in "tests", "tests/system", "tests/probe":
    sys.path.insert(0, str(ROOT / folder))

from checker import references  # noqa: E402
from checker.config import Config  # noqa: E402
from checker.dtb import Tree  # noqa: E402
from harness.debian import cache  # noqa: E402
from kernel import WANTED  # noqa: E402
from material import complete, fetch, one  # noqa: E402

RAM, SEEN, SIZE = 0x40000000, 256 << 20, 512 << 20  # the kernel does not look at the memory behind SEEN
QEMU = ["qemu-system-aarch64", "-M", "virt,gic-version=3,memory-backend=ram", "-cpu", "cortex-a57", "-m", "512M", "-net", "none",
        "-display", "none"]
ASSERTED = {"snps,dw-high-reset": 0xFFFFFFFF, "snps,dw-low-reset": 0}
SECONDS = 400


class Window:
    """A reset controller of the guest, its place in the memory's file, and its registers by offset: the bits to be released."""

    def __init__(self, node, device, config, at):
        self.name, self.compatible, self.at = node.name, node.string("compatible"), at
        self.size = device.all_regions[0].size
        self.masks = {w.offset: w.mask for w in config.write if config.region[w.region].device == device.i}
        self.lines = []


def windows(tree, config):
    """Those of a guest. Their lines are what its nodes refer to."""
    found = {}
    for device in config.device:
        node = tree.by_path.get(device.node)
        if node is not None and node.string("compatible") in ASSERTED:
            at = SEEN + (len(found) << 20)
            found[node.path] = Window(node, device, config, at)
    for user in tree.root.walk():
        if "resets" in user.props:
            for provider, specifier in references.references(user, "resets"):
                found[provider.path].lines.append(specifier[0])
    return list(found.values())


def board(work, found):
    """QEMU's tree with the windows and the references of its clock."""
    machine = [word + ",dumpdtb=" + str(work / "virt.dtb") if word.startswith("virt,") else word for word in QEMU]
    machine[2] = machine[2].replace(",memory-backend=ram", "")
    subprocess.run(machine, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", work / "virt.dtb"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    text += "/ {\n" + "".join(
        f"r{i}: reset-controller@{RAM + w.at:x} {{ compatible = \"{w.compatible}\"; reg = <0 {RAM + w.at:#x} 0 {w.size:#x}>; "
        "#reset-cells = <1>; };\n" for i, w in enumerate(found)) + "};\n"
    entries = ", ".join(f"<&r{i} {line:#x}>" for i, w in enumerate(found) for line in w.lines)
    text += f"&{{/pl031@9010000}} {{ resets = {entries}; }};\n"
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", work / "board.dtb"], input=text, text=True, check=True)


def boot(work, image):
    """Until the kernel finds no root file system: its own drivers have started by then. The problem, or None."""
    console = work / "console"
    append = f"console=ttyAMA0 earlycon mem={SEEN >> 20}M panic=0 initcall_debug ignore_loglevel"
    with subprocess.Popen([*QEMU, "-kernel", image, "-dtb", work / "board.dtb", "-append", append, "-serial", f"file:{console}",
                           "-object", f"memory-backend-file,id=ram,size={SIZE},share=on,mem-path={work / 'memory'}"]) as qemu:
        end = time.monotonic() + SECONDS
        try:
            while time.monotonic() < end and qemu.poll() is None:
                time.sleep(1)
                said = console.read_text(errors="replace") if console.exists() else ""
                if "Kernel panic" in said or "Unable to mount root" in said:
                    return None if "rtc-pl031" in said else "the clock did not start"
        finally:
            qemu.kill()
    return "the kernel did not come to its end"


def compare(work, found):
    """(problems, how many lines were released)"""
    problems, released = [], 0
    with open(work / "memory", "rb") as memory:
        for w in found:
            memory.seek(w.at)
            for offset, now in enumerate(struct.unpack(f"<{w.size // 4}I", memory.read(w.size))):
                wanted = ASSERTED[w.compatible] ^ w.masks.get(4 * offset, 0)
                released += bin(now ^ ASSERTED[w.compatible]).count("1")
                if now != wanted:
                    problems.append(f"{w.name}: register {4 * offset:#x} is {now:#x}, not {wanted:#x}")
    return problems, released


def check(work, machc, image, name):
    subprocess.run([machc, "-w", ROOT / "tests/golden/resets.mach", "-O", work], check=True)
    tree, config = Tree((work / f"{name}.dtb").read_bytes()), Config((work / f"{name}.cfg").read_bytes())
    found = windows(tree, config)
    with open(work / "memory", "wb") as memory:
        memory.truncate(SIZE)
        for w in found:
            memory.seek(w.at)
            memory.write(struct.pack("<I", ASSERTED[w.compatible]) * (w.size // 4))
    board(work, found)
    problem = boot(work, image)
    problems, released = compare(work, found)
    return [problem] if problem else problems, released, len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--machc", default=ROOT / "build/machc", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    top = cache() / "probe"
    if not all(complete(top / name, patterns) for name, (_, patterns) in WANTED.items()):
        fetch(top, WANTED)
    image = one((top / "linux-arm64").resolve(), "boot/vmlinuz-*")
    with tempfile.TemporaryDirectory() as directory:
        work = args.keep or pathlib.Path(directory)
        work.mkdir(parents=True, exist_ok=True)
        problems, released, controllers = check(work, args.machc, image, "m")
    for problem in problems:
        print("resets:", problem)
    print(f"resets: Linux released {released} lines of {controllers} controllers; {len(problems)} problems")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
