# SPDX-License-Identifier: MIT
"""One boot of Debian's kernel with a tree full of copies, and what became of each of them."""

import pathlib
import re
import types

import stubs
from archive import Archive
from board import BOARDS, Board, Boot, Run, command, host_tree
from memory import node_text

HERE = pathlib.Path(__file__).resolve().parent
# The kernel has the first GiB; all that is behind is registers, and only what is written to takes memory of this
# machine. Until init runs, an internal error leaves the kernel waiting for a probe that never returns: init takes
# oops=panic back.
# Links that the kernel finds in the tree (fw_devlink) must not keep a driver from being called: it is asked itself.
APPEND = ("console=ttyAMA0 earlycon mem=1G fw_devlink=off initcall_debug ignore_loglevel softlockup_panic=1 "
          "watchdog_thresh=20 oops=panic clk_ignore_unused regulator_ignore_unused "
          "\"dyndbg=file drivers/base/dd.c func really_probe +p\"")
SIZE = 48 << 30
QEMU = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-smp", "2", "-m", "1G"]
BOARDS["probe"] = Board(QEMU, APPEND)
STAMP = re.compile(r"\[ *\d+\.\d+\] (.*)")
NOTE = re.compile(r"machc: (begin|end|load|done|hung|died|left)(?: (\S+))?")
OOPS = "Internal error: "
CALL = re.compile(r"calling  (\w+)\+0x")
RETURN = re.compile(r"initcall (\w+)\+0x\w+/\w+(?: \[\w+\])? returned")
PROBE = re.compile(r"\S+ (\S+): bus: '\w+': really_probe: probing driver (\S+) with device")
PROBED = re.compile(r"probe of (\S+) returned (-?\d+) after")
SAID = re.compile(r"(?:[\w-]+ )?([0-9a-f]{8,}\.[\w,-]+): (.*)")
DEFER = 517  # EPROBE_DEFER


class Device:
    """What became of a copy. `result`: what the last probe returned, 0 if any did; None if it was never called.
    `running`: a probe did not return; `crashed`: it was running when the kernel had an internal error."""

    def __init__(self):
        self.result = None
        self.driver = None
        self.running = False
        self.crashed = False
        self.said = []


class Outcome:
    """Of a boot. `ended`: it went on to the last module. `modules`: those that did not load; `call`: the initcall that
    it died in. `has_crashed`: the kernel had an internal error, and may never have come back to what is deferred."""

    def __init__(self, console, notes, ended, seconds):
        self.devices = {}
        self.seconds = seconds
        self.deferred = {}
        self.modules = set()
        self.call = None
        self.has_crashed = False
        self.read(console)
        self.ended = ended and "hung" not in [what for what, _ in NOTE.findall(console)]
        for note in notes:
            name, _, why = note.partition("\t")
            self.deferred[name] = why.strip()

    def read(self, console):
        loading, called, over = None, None, False
        for line in console.splitlines():
            found = STAMP.match(line)
            if not found or over:
                continue
            line = found[1]
            if note := NOTE.fullmatch(line):
                what, name = note.groups()
                loading = name if what == "load" else None
                over = what == "end"
                if what in ("hung", "died", "left"):
                    self.modules.add(name)
            elif line.startswith(OOPS):
                self.has_crashed = True
                for device in self.devices.values():
                    device.crashed |= device.running
            elif found := PROBE.match(line):
                device = self.devices.setdefault(found[1], Device())
                device.running, device.crashed = True, False
                device.driver = device.driver if device.result == 0 else found[2]
            elif found := PROBED.match(line):
                device = self.devices.setdefault(found[1], Device())
                device.running = False
                if device.result != 0:
                    device.result = abs(int(found[2]))
            elif found := CALL.match(line):
                called = found[1]
            elif found := RETURN.match(line):
                called = None if called == found[1] else called
            elif found := SAID.match(line):
                self.devices.setdefault(found[1], Device()).said.append(found[2])
        if not over:
            self.modules |= {loading} - {None}
            self.call = called


class Rig:
    def __init__(self, kernel, work, seconds):
        self.kernel = kernel
        self.work = work
        self.seconds = seconds

    def boot(self, name, copies, compatibles, without_modules=(), without_calls=()):
        folder = self.work / name
        folder.mkdir(parents=True)
        texts = [*copies.stubs.texts, *copies.texts, node_text("aliases", copies.aliases)]
        tree = host_tree("probe", self.kernel.image, folder, "/ {\n" + "\n".join(texts) + "\n};\n")
        with open(folder / "memory", "wb") as memory:
            copies.stubs.supply.write(memory)
            memory.truncate(SIZE)
        (folder / "initramfs").write_bytes(self.initramfs(compatibles, without_modules))
        append = "initcall_blacklist=" + ",".join(sorted(without_calls)) if without_calls else ""
        boot = Boot("probe", "", board="probe", kernel="stock", append=append, seconds=self.seconds, devices=[
            "-net", "none", "-m", f"{SIZE >> 30}G", "-machine", "memory-backend=ram", "-object",
            f"memory-backend-file,id=ram,size={SIZE},reserve=off,share=off,mem-path={folder / 'memory'}"])
        material = types.SimpleNamespace(kernels={"stock": self.kernel.image})
        run = Run(boot, command(boot, material, tree, folder), folder / "console")
        for file in "initramfs", "memory":
            (folder / file).unlink()
        return Outcome(run.console.read_text(), run.tap.notes, not run.problem, run.seconds)

    def initramfs(self, compatibles, without):
        wanted = sorted({name for word in compatibles for name in self.kernel.drivers.get(word, ())})
        modules = self.kernel.load_order([*stubs.MODULES, *wanted], without)
        archive = Archive()
        archive.add("init", (HERE / "inside/init").read_bytes())
        archive.add("bin/busybox", self.kernel.busybox.read_bytes())
        order = "".join(f"{name} {' '.join(self.kernel.modules[name]['depends'])}\n" for name in modules)
        archive.add("modules/order", order.encode())
        for name, path in modules.items():
            archive.add(f"modules/{name}.ko.gz", self.kernel.packed(path))
        return archive.bytes()
