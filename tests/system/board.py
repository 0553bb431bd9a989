# SPDX-License-Identifier: MIT
"""The boards that QEMU emulates, their device tree, and one boot of one of them."""

import dataclasses
import lzma
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

import trees
from archive import Archive
from harness import ENVIRONMENT
from tap import Tap

HERE = pathlib.Path(__file__).resolve().parent
# QEMU's tree lacks streams for devices that are not on PCI. With them, the kernel makes an IOMMU group for each.
# PCI has streams 0 to 0xff, for its only bus.
STREAMS = {"/pl061@9030000": 0x100, "/pl031@9010000": 0x101, "/virtio_mmio@a003e00": 0x102, "/virtio_mmio@a003c00": 0x103}
# PCI devices: slot 3 is a group of two functions, one of them with a driver; slot 5 is a group of two that can do DMA.
EDU = "edu,dma_mask=0xffffffffffffffff,addr="
DISK = "disk.img"  # in the folder of a boot: the disk of `disks`
DEVICES = ["-net", "none", "-device", "pci-testdev,addr=3.0,multifunction=on", "-device", "virtio-rng-pci,addr=3.1",
           "-device", f"{EDU}5.0,multifunction=on", "-device", f"{EDU}5.1",
           *(word for slot in "246789a" for word in ("-device", f"{EDU}{slot}.0"))]
VIRTIO_MMIO = ["-device", "virtio-rng-device,bus=virtio-mmio-bus.31"]


@dataclasses.dataclass
class Board:
    qemu: list
    append: str
    streams: dict = dataclasses.field(default_factory=dict)  # "iommus" to be added to QEMU's tree
    source: str = ""  # device tree source to be added to it
    dts: str = ""  # file with the board's tree, where QEMU has none
    tree: bool = True
    architecture: str = "arm64"
    cross: str = "aarch64-linux-gnu-"
    # Files that a dynamic program needs, for strace.
    libc: tuple = ("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", "/usr/aarch64-linux-gnu/lib/libc.so.6")
    places: trees.Places = None  # QEMU is the VMM, and boots the guest's tree
    host: pathlib.Path = None    # then: the tree that the guest is compiled against
    vmm: str = ""                # then: machc --emit says how it is started


def virt(options, gic=3):
    return ["qemu-system-aarch64", "-M", f"virt,gic-version={gic},virtualization=on{options}", "-cpu", "max,pauth-impdef=on",
            "-smp", "2", "-m", "2G"]


def source(overlay):
    """The text of an overlay in source, to be added to a tree."""
    return (HERE / overlay).read_text().partition("/plugin/;")[2]


def guest(qemu, architecture, cross, places, host=None):
    """A board that boots the guest's tree."""
    return Board(qemu, "", tree=False, architecture=architecture, cross=cross, libc=(), places=places, host=host)


# OpenSBI has the first 2 MB of memory.
RISCV = trees.Places(kernel=0x80400000, tree=0x88000000, initramfs=0x89000000, start=0x80200000,
                     firmware="/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin")

# Linux treats interrupts of a device without MSIs as not isolated.
VFIO = "vfio_platform.reset_required=0 iommufd.allow_unsafe_interrupts=1 vfio_iommu_type1.allow_unsafe_interrupts=1"
APPEND = f"console=ttyAMA0 {VFIO}"
NO_IOMMU = "vfio_platform.reset_required=0 vfio.enable_unsafe_noiommu_mode=1"

BOARDS = {
    "arm64": Board(virt(",iommu=smmuv3"), APPEND, STREAMS),
    "arm64-gic2": Board(virt(",iommu=smmuv3", gic=2), APPEND, STREAMS),
    # The clock and an empty slot of virtio-mmio on one line.
    "arm64-shared": Board(virt(",iommu=smmuv3"), APPEND, STREAMS, "&{/virtio_mmio@a003c00} { interrupts = <0 2 4>; };\n"),
    "arm64-syscon": Board(virt(",iommu=smmuv3"), APPEND, STREAMS, source("syscon.dtso")),
    "arm64-kept": Board(virt(",iommu=smmuv3"), "console=ttyAMA0", STREAMS, source("kept.dtso")),
    # The clock is not behind the SMMU.
    "arm64-mixed": Board(virt(",iommu=smmuv3"), APPEND, {node: stream for node, stream in STREAMS.items() if "pl031" not in node}),
    # The kernel does not use the upper half of memory.
    "arm64-noiommu": Board(virt(""), "console=ttyAMA0 vfio_platform.reset_required=0 mem=1G"),
    # Two nodes, so that the kernel can be asked to move memory. Some of it is reserved, and some has no mapping either.
    "arm64-pool": Board([*virt(""), "-object", "memory-backend-ram,id=m0,size=1536M", "-object",
                         "memory-backend-ram,id=m1,size=512M", "-numa", "node,memdev=m0,cpus=0-1", "-numa",
                         "node,memdev=m1"], "console=ttyAMA0 vfio_platform.reset_required=0 cma=64M",
                        source="&{/} { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
                               "guest@b0000000 { reg = <0 0xb0000000 0 0x4000000>; }; "
                               "hidden@b4000000 { reg = <0 0xb4000000 0 0x400000>; no-map; }; }; };\n"),
    # Real SoCs, without an IOMMU. Memory for a guest is reserved, or in the pool from the start.
    "versal": Board(["qemu-system-aarch64", "-M", "xlnx-versal-virt", "-m", "2G"], f"console=ttyAMA0 {NO_IOMMU}",
                    source="&{/} { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
                           "guest@50000000 { reg = <0 0x50000000 0 0x6000000>; }; }; };\n"),
    "zcu102": Board(["qemu-system-aarch64", "-M", "xlnx-zcu102,virtualization=on,canbus0=can,canbus1=can", "-object",
                     "can-bus,id=can", "-smp", "2", "-m", "2047M"],
                    f"console=ttyPS0 hugepages=600 {NO_IOMMU}", dts="zcu102.dts"),
    "amd64": Board(["qemu-system-x86_64", "-M", "q35,kernel-irqchip=split", "-cpu", "qemu64,+svm", "-smp", "2", "-m", "1G",
                    "-device", "intel-iommu,intremap=on"],
                   # On a busy machine, the kernel's check of the timer fails.
                   "console=ttyS0 intel_iommu=on no_timer_check", tree=False, architecture="amd64", cross="", libc=()),
    "tree-arm": guest(["qemu-system-arm", "-M", "virt,gic-version=2,highmem=off", "-cpu", "cortex-a15", "-smp", "2", "-m", "1G"],
                       "armhf", "arm-linux-gnueabihf-",
                       trees.Places(kernel=0x42000000, tree=0x48000000, initramfs=0x49000000, start=0x4a000000)),
    **{name: guest(["qemu-system-aarch64", "-M", f"virt,gic-version={gic}", "-cpu", "cortex-a57", "-smp", "2", "-m", "1G"],
                   "arm64", "aarch64-linux-gnu-",
                   trees.Places(kernel=0x40200000, tree=0x48000000, initramfs=0x49000000, start=0x4a000000))
       for name, gic in [("tree-gic2", 2), ("tree-gic3", 3)]},
    "tree-riscv64": guest(["qemu-system-riscv64", "-M", "virt", "-smp", "2", "-m", "1G"], "riscv64",
                           "riscv64-linux-gnu-", RISCV),
    "tree-aia": guest(["qemu-system-riscv64", "-M", "virt,aia=aplic-imsic", "-smp", "2", "-m", "1G"], "riscv64",
                       "riscv64-linux-gnu-", RISCV),
    "tree-qemu": Board([], "", tree=False, libc=(), places=trees.Places(initramfs=0), vmm="qemu"),
    # Its registers are where the platform has them: that of e500 guests, ppce500, has its own addresses.
    "tree-e500": guest(["qemu-system-ppc", "-M", "mpc8544ds", "-cpu", "e500mc", "-smp", "2", "-m", "256M"], "powerpc",
                        "powerpc-linux-gnu-", trees.Places(initramfs=0x8000000), HERE / "e500.dts"),
}


@dataclasses.dataclass
class Boot:
    """One boot: board, kernel and content."""

    name: str
    about: str
    board: str = "arm64"
    script: str = ""                              # inside/SCRIPT.sh; default: the boot's name
    kernel: str = "own"                           # or another one of material.py, "stock-arm64"
    modules: list = dataclasses.field(default_factory=list)   # modules of a stock kernel, in load order
    machines: list = dataclasses.field(default_factory=list)  # NAME.mach, as NAME/MACHINE.cfg and .dtb inside
    programs: list = dataclasses.field(default_factory=list)  # programs of the build, by name
    files: dict = dataclasses.field(default_factory=dict)     # path on the board: path of a file
    guests: dict = dataclasses.field(default_factory=dict)    # rig/guests/NAME.cpio, which does inside/NAME.sh: its programs
    devices: list = dataclasses.field(default_factory=lambda: DEVICES)  # options of QEMU; {folder}: the boot's
    media: dict = dataclasses.field(default_factory=dict)  # files in its folder: how many random bytes, and zeros after them
    line: bool = False  # a second serial line, at whose end this machine answers
    append: str = ""
    prepared: bool = False  # the board boots with the overlay and the arguments that machc made with its first .mach
    strace: bool = False
    disks: tuple = ()  # places of AHCI controllers, which share a disk: of SLOTS parts of PART bytes, random ones in the first
    desk: callable = None  # function of desk.py that tests the files sent by the boot
    seconds: int = 180  # so long it may be silent; a busy machine takes any time for the whole


SLOTS, PART = 10, 2 << 20


def make_media(boot, folder):
    """Files with a pattern in their first part, the same in each run, and zeros after it."""
    for name, (pattern, zeros) in boot.media.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(random.Random(f"{boot.name} {name}").randbytes(pattern) + bytes(zeros))


def answer_lines(line):
    """The far end of a serial line: sends back each line that comes, after "answer to "."""
    with line.makefile("rwb", buffering=0) as file:
        for text in file:
            file.write(b"answer to " + text)


def disk_options(boot, path):
    """Each controller has the disk in turn: a guest flushes what it has written."""
    words = []
    for i, place in enumerate(boot.disks):
        words += ["-drive", f"if=none,id=disk{i},format=raw,file.locking=off,cache=writethrough,file={path}",
                  "-device", f"ich9-ahci,id=ahci{i},addr={place}", "-device", f"ide-hd,drive=disk{i},bus=ahci{i}.0,share-rw=on"]
    return words


def plain(path):
    data = pathlib.Path(path).read_bytes()
    return lzma.decompress(data) if str(path).endswith(".xz") else data


def own_tree(board, kernel, dumped):
    """Source of a board's tree: QEMU's own, if it has one. Some boards have PSCI only if there is a kernel to start."""
    if board.dts:
        return (HERE / board.dts).read_text()
    subprocess.run([*board.qemu[:2], f"{board.qemu[2]},dumpdtb={dumped}", *board.qemu[3:], "-nographic", "-kernel", kernel],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", dumped], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def host_tree(name, kernel, work, more=""):
    """The tree of a board, with missing properties and `more` added. Returns its path, or None if the board has no tree."""
    board, to = BOARDS[name], work / f"{name}{'-broken' if more else ''}.dtb"
    if not board.tree or to.exists():
        return to if board.tree else board.host
    source = own_tree(board, kernel, to.with_suffix(".qemu"))
    source += "".join(f"&{{{node}}} {{ iommus = <&{{/smmuv3@9050000}} {stream:#x}>; }};\n"
                      for node, stream in board.streams.items()) + board.source + more
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", to, "-"], input=source, text=True, check=True)
    return to


def compile_machines(boot, machc, host, to, broken=None):
    """Compiles a .mach for the rig's board, with what is broken in its text, into to/NAME. Returns the problem, or None."""
    swapped = 0
    for name in boot.machines:
        source = (HERE.parent.parent if "/" in name else HERE) / f"{name}.mach"
        if broken and (broken.text or broken.swap):
            text = source.read_text()
            if broken.swap:
                assert text.count(broken.swap[0]) <= 1, f"{name}.mach: {broken.swap[0]}"
                swapped += text.count(broken.swap[0])
                text = text.replace(*broken.swap)
            source = to / source.name
            source.write_text(f"{text.rstrip().removesuffix('}')}    {broken.text}\n}}\n")
        command = [machc, source, "-O", to / source.stem, "-I", HERE]
        if host:
            command += ["--host", host]
        done = subprocess.run([str(word) for word in command], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{name}.mach does not compile\n{done.stderr}"
    return f"no machine has {broken.swap[0]}" if broken and broken.swap and not swapped else None


def prepare(host, machines, to):
    """Puts the overlay that machc made onto the board's tree. Returns the kernel's arguments."""
    (overlay,), (line,) = machines.glob("*.host.dtbo"), machines.glob("*.args")
    subprocess.run(["fdtoverlay", "-i", host, "-o", to, overlay], check=True)
    return line.read_text().strip()


def base(material, architecture, script, programs):
    """Files for the board, or for a guest on it: init, the programs, and a script for init."""
    archive = Archive()
    archive.add("init", (HERE / "inside/init").read_bytes())
    archive.add("bin/busybox", material.program(architecture, "busybox").read_bytes())
    archive.add("rig/lib.sh", (HERE / "inside/lib.sh").read_bytes())
    archive.add("rig/test.sh", (HERE / f"inside/{script}.sh").read_bytes())
    for program in programs:
        archive.add(f"bin/{program.name}", program.read_bytes())
    return archive


def initramfs(boot, material, programs, machines, to):
    """All files for the board, for -initrd."""
    architecture = BOARDS[boot.board].architecture
    if BOARDS[boot.board].places:
        trees.initramfs(programs / boot.programs[0], to)
        return
    archive = base(material, architecture, boot.script or boot.name, [programs / program for program in boot.programs])
    for number, module in enumerate(boot.modules):
        archive.add(f"modules/{number:02}-{module}.ko", plain(material.module(boot.kernel, module)))
    if boot.strace:
        archive.add("bin/strace", material.program(architecture, "strace").read_bytes())
        for library in BOARDS[boot.board].libc:
            archive.add(f"lib/{pathlib.Path(library).name}", pathlib.Path(library).read_bytes())
    for name, parts in boot.guests.items():
        guest = base(material, architecture, name, [programs / program for program in parts])
        archive.add(f"rig/guests/{name}.cpio", guest.bytes())
    if boot.guests:
        archive.add("rig/Image", material.kernels["own"].read_bytes())
    for file in sorted(machines.glob("*/*")):
        archive.add(f"rig/{file.relative_to(machines)}", file.read_bytes())
    for path, file in boot.files.items():
        archive.add(path, pathlib.Path(file).read_bytes())
    to.write_bytes(archive.bytes())


def command(boot, material, host, top, broken=None, arguments="", machc=None):
    """QEMU's command line for a boot whose files are in `top`. `arguments`: more of them for the kernel."""
    board, kernel, initrd = BOARDS[boot.board], material.kernels[boot.kernel], top / "initramfs"
    if board.vmm:
        # As the text is: what is broken is in the tree alone.
        source = HERE / f"{boot.machines[0]}.mach"
        return trees.command_of_vmm([machc, source, f"--emit={board.vmm}"], kernel, guest_tree(top), initrd, top)
    if board.places:
        if board.places.start:
            trees.assemble(HERE / "start.S", board, top / "start")
        return trees.command(board, kernel, guest_tree(top), initrd, top / "start")
    append = " ".join([board.append, "panic=-1", arguments, boot.append, *([broken.append] if broken else []),
                       f"BREAK={broken.name if broken else 'none'}"])
    devices = [word.replace("{folder}", str(top)) for word in boot.devices]
    return [*board.qemu, *devices, *disk_options(boot, top / DISK), "-accel", "tcg", "-nographic", "-no-reboot", "-kernel",
            kernel, "-initrd", initrd, "-append", append, *(["-dtb", host] if host else [])]


def guest_tree(top):
    """The tree of the only machine."""
    tree, = top.glob("machines/*/*.dtb")
    return tree


class Run:
    """A finished boot: TAP, console, duration, and problems with the boot itself."""

    def __init__(self, boot, words, console, progress=None, enough=None):
        """`progress` is told of each test, with the run; once `enough` returns true for it, the board is stopped."""
        self.boot, self.tap, self.console, self.problem, self.ended = boot, Tap(), console, None, None
        self.enough = enough or (lambda run: False)
        self.died = ""  # the panic of the board's kernel, which no user space program may cause
        self.folder = pathlib.Path(console).parent
        make_media(boot, self.folder)
        near, far = socket.socketpair()
        if boot.line:
            words = [*words, "-serial", "mon:stdio", "-chardev", f"socket,id=line,fd={near.fileno()}", "-serial", "chardev:line"]
            threading.Thread(target=answer_lines, args=[far], daemon=True).start()
        start = time.monotonic()
        try:
            self.watch([str(word) for word in words], near, progress)
        finally:
            self.seconds = time.monotonic() - start
            far.close()

    def last_lines(self):
        return [f"    {line}" for line in self.console.read_text().splitlines()[-80:]]

    def watch(self, command, near, progress):
        late = threading.Event()
        typed = BOARDS[self.boot.board].places  # `#? LINE` asks for input
        with open(self.console, "w", errors="backslashreplace") as out, \
                subprocess.Popen(command, stdin=subprocess.PIPE if typed else subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[near.fileno()]) as qemu:
            near.close()  # QEMU's alone, so that the far end sees when it ends

            def kill():
                late.set()
                os.killpg(qemu.pid, signal.SIGKILL)

            def guard():
                while not over.wait(max(0, self.heard + self.boot.seconds - time.monotonic())):
                    if time.monotonic() >= self.heard + self.boot.seconds:
                        kill()
                        return

            self.heard, over = time.monotonic(), threading.Event()
            threading.Thread(target=guard, daemon=True).start()
            try:
                for line in qemu.stdout:
                    self.heard = time.monotonic()
                    line = line.decode("utf-8", "backslashreplace")
                    out.write(line)
                    out.flush()
                    if typed and line.startswith("#? "):
                        qemu.stdin.write(line[3:].strip().encode() + b"\n")
                        qemu.stdin.flush()
                    if not self.tap.line(line):
                        continue
                    if progress:
                        progress(self)
                    if self.enough(self):
                        os.killpg(qemu.pid, signal.SIGKILL)
                        break
            finally:
                over.set()
                if qemu.poll() is None and not late.is_set():
                    try:
                        qemu.wait(10)
                    except subprocess.TimeoutExpired:
                        os.killpg(qemu.pid, signal.SIGKILL)
        self.ended = qemu.returncode
        if late.is_set():
            self.problem = f"was stopped, silent for {self.boot.seconds} s"
        elif not self.tap.complete() and not self.enough(self):
            self.problem = f"ended before its tests did (exit status of QEMU: {qemu.returncode})"
            panic = re.search(r"^[^#\n]*Kernel panic - not syncing: (.*)", self.console.read_text(), re.M)
            self.died = panic[1].strip() if panic else ""
