# SPDX-License-Identifier: MIT
"""Boots without KVM, of which QEMU is the VMM: a machine of QEMU that is like a platform boots the tree that machc made."""

import dataclasses
import re
import shutil
import subprocess

from archive import Archive


@dataclasses.dataclass
class Places:
    """Physical addresses that the parts of a guest are loaded to, so that QEMU leaves the tree as it is."""

    initramfs: int
    kernel: int = 0  # 0: QEMU loads the kernel and the tree itself
    tree: int = 0
    start: int = 0   # a few instructions that give the tree to the kernel
    firmware: str = ""


def initramfs(program, to):
    archive = Archive()
    archive.add("init", program.read_bytes())
    to.write_bytes(archive.bytes())


def assemble(source, board, to):
    places, code = board.places, to.with_suffix(".o")
    subprocess.run([f"{board.cross}gcc", "-c", f"-DKERNEL={places.kernel:#x}", f"-DTREE={places.tree:#x}", "-o", code, source],
                   check=True)
    subprocess.run([f"{board.cross}objcopy", "-O", "binary", code, to], check=True)


def load(file, address):
    return ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]


def command(board, kernel, tree, initrd, start):
    """QEMU's command line."""
    places = board.places
    words = [*board.qemu, "-accel", "tcg", "-nographic", "-no-reboot", "-net", "none", *load(initrd, places.initramfs)]
    if not places.start:
        return [*words, "-kernel", kernel, "-dtb", tree]
    words += [*load(kernel, places.kernel), *load(tree, places.tree)]
    if places.firmware:
        return [*words, "-bios", places.firmware, "-kernel", start]
    return [*words, *load(start, places.start), "-device", f"loader,addr={places.start:#x},cpu-num=0"]


# TCG takes the place of KVM, and a controller of QEMU's that of the function that VFIO would have.
STAND_IN = """#!/bin/bash
words=()
for word; do
    case $word in
    kvm) word=tcg ;;
    host) word=max,pauth-impdef=on ;;
    vfio-pci,host=*) word=ich9-ahci,id=ahci,${{word#*,*,}} ;;
    esac
    words+=("$word")
done
exec {qemu} "${{words[@]}}" -no-reboot -net none -drive file={top}/disk,format=raw,if=none,id=disk -device ide-hd,drive=disk,bus=ahci.0
"""


def command_of_vmm(emit, kernel, tree, initrd, top):
    """The script that machc writes, as it is; what it starts is a stand-in."""
    script = subprocess.run([str(word) for word in emit], check=True, stdout=subprocess.PIPE, text=True).stdout
    program = re.search(r"^exec (\S+)", script, re.M)[1]
    (top / "vmm.sh").write_text(script)
    (top / "bin").mkdir()
    (top / "disk").write_bytes(bytes(1 << 20))
    stand_in = top / "bin" / program
    stand_in.write_text(STAND_IN.format(qemu=shutil.which(program), top=top))
    stand_in.chmod(0o755)
    return ["sh", "-c", 'cd "$1" && PATH=$2:$PATH exec sh "$3" "$4" "$5"', "sh", tree.parent, top / "bin", top / "vmm.sh", kernel,
            initrd]
