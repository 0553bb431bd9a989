# SPDX-License-Identifier: MIT
"""Material of the rig: Debian's kernels and programs, and our own kernels, cached outside of the sources."""

import collections
import contextlib
import dataclasses
import fcntl
import fnmatch
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from harness.debian import Apt, cache, unpack

# Where packages of an architecture come from: Debian 13 is the first release with riscv64, and has Linux 6.12 itself.
SUITES = {
    **dict.fromkeys(["arm64", "amd64"], ["bookworm", "bookworm-updates", "bookworm-security"]),
    **dict.fromkeys(["armhf", "riscv64"], ["trixie"]),
}
LINUX = "6.12"
HERE = pathlib.Path(__file__).resolve().parent
MODULES = ["drivers/vfio", "drivers/virtio", "drivers/iommu", "drivers/uio"]
MODULES_AMD64 = [*MODULES, "arch/x86/kvm", "virt/lib", "drivers/crypto/ccp"]

# name: package (a pattern selects the newest match), and which of its files.
WANTED = {
    "busybox-arm64": ("busybox-static:arm64", ["./bin/busybox"]),
    "busybox-amd64": ("busybox-static:amd64", ["./bin/busybox"]),
    "strace-arm64": ("strace:arm64", ["./usr/bin/strace"]),
    "stock-arm64": (f"linux-image-{LINUX}.*+deb12-arm64:arm64",
                    ["./boot/vmlinuz-*", *(f"./lib/modules/*/kernel/{path}/*" for path in MODULES)]),
    "stock-amd64": (f"linux-image-{LINUX}.*+deb12-amd64:amd64",
                    ["./boot/vmlinuz-*", *(f"./lib/modules/*/kernel/{path}/*" for path in MODULES_AMD64)]),
    "stock-armhf": (f"linux-image-{LINUX}.*+deb13-armmp:armhf", ["./boot/vmlinuz-*"]),
    "stock-riscv64": (f"linux-image-{LINUX}.*+deb13-riscv64:riscv64", ["./boot/vmlinux-*"]),
    "source": (f"linux-source-{LINUX}:arm64", [f"./usr/src/linux-source-{LINUX}.tar.xz"]),
}


@dataclasses.dataclass
class OwnKernel:
    """A kernel that is built here."""

    config: pathlib.Path
    arch: str
    cross: str
    image: str  # the target of make, and where it is then
    drivers: pathlib.Path = None  # a folder that becomes drivers/machc

    def inputs(self):
        """All files of ours that it is made from."""
        return [self.config, *sorted(self.drivers.iterdir() if self.drivers else [])]


OWN = {
    "own": OwnKernel(HERE / "kernel.config", "arm64", "aarch64-linux-gnu-", "arch/arm64/boot/Image", HERE / "driver"),
    "own-powerpc": OwnKernel(HERE / "powerpc.config", "powerpc", "powerpc-linux-gnu-", "vmlinux"),
}


def report_progress(text):
    print(f"system: {text}", flush=True)


@contextlib.contextmanager
def alone(directory, what):
    """Holds a folder of the cache, so that of several runs at the same time one does the work. The others wait, and say
    what for. Yields a file: whoever inherits it holds the folder too, so that it is free when the last of them has ended."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            report_progress(f"waiting for another run, which is {lock.read().strip() or 'at work'}: {directory}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{what}\n")
        lock.flush()
        for left in directory.glob("tmp*"):  # by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        yield lock


def newest(apt, pattern):
    name, architecture = pattern.rsplit(":", 1)
    fitting = fnmatch.filter(apt.names(name.split("*")[0]), name)
    if not fitting:
        sys.exit(f"check-system: Debian has no package {name} in {', '.join(SUITES[architecture])}")
    return f"{max(fitting, key=lambda found: [int(part) for part in re.findall('[0-9]+', found)])}:{architecture}"


def complete(directory, patterns):
    """Has it been unpacked, and with all that is wanted today?"""
    return all(any(directory.glob(pattern.removeprefix("./"))) for pattern in patterns)


def fetch(directory, wanted, refresh):
    """Downloads what is missing; `refresh`: what is newer, too."""
    def is_due():
        return refresh or not all(complete(directory / name, patterns) for name, (_, patterns) in wanted.items())

    if not is_due():
        return
    with alone(directory, "downloading Debian's kernels"):
        if not is_due():  # by now
            return
        report_progress("looking for Debian's kernels")
        releases = collections.defaultdict(dict)
        for name, (package, patterns) in wanted.items():
            releases[tuple(SUITES[package.rsplit(":", 1)[1]])][name] = package, patterns
        for suites, its in releases.items():
            fetch_from(directory, suites, its)


def fetch_from(directory, suites, wanted):
    with tempfile.TemporaryDirectory(dir=directory) as root:
        apt = Apt(root, suites, [name for name, its in SUITES.items() if tuple(its) == suites])
        apt.update()
        for name, (package, patterns) in wanted.items():
            package = newest(apt, package)
            about = apt.fields(package)
            to = directory / f"{name}-{about['Version'].replace(':', '.')}"
            if not complete(to, patterns):
                shutil.rmtree(to, ignore_errors=True)
                report_progress(f"downloading {package} {about['Version']}, {int(about['Size']) >> 10} KB")
                deb = apt.download(package)
                unpack(deb, to, *patterns)
                deb.unlink()
            link = directory / f"{name}.new"
            link.symlink_to(to.name)
            link.replace(directory / name)


def one(top, pattern):
    found = sorted(top.glob(pattern))
    if not found:
        sys.exit(f"check-system: no {pattern} in {top}")
    return found[0]


class Material:
    """Returns the paths of all material. Downloads and builds missing material first, and no other kernels than `kernels`."""

    def __init__(self, refresh, kernels):
        self.top = cache() / "system"
        fetch(self.top, {name: what for name, what in WANTED.items() if name in kernels or not name.startswith("stock-")}, refresh)
        self.kernels = {name: own_kernel(self.top, OWN[name]) if name in OWN else one(self.top / name, "boot/vmlinu*")
                        for name in sorted(kernels)}

    def program(self, architecture, name):
        return one(self.top / f"{name}-{architecture}", f"**/{name}")

    def module(self, kernel, name):
        return one(self.top / kernel, f"lib/modules/*/kernel/**/{name}.ko*")


def own_kernel(top, kernel):
    """Linux with its configuration, built once for each source, configuration and compiler."""
    compiler = subprocess.run([kernel.cross + "gcc", "--version"], stdout=subprocess.PIPE, check=True).stdout
    source = (top / "source").resolve()
    ours = [path.read_bytes() for path in kernel.inputs()]
    key = hashlib.sha256(b"\0".join([*ours, source.name.encode(), compiler])).hexdigest()[:16]
    image = top / f"kernel-{key}" / pathlib.Path(kernel.image).name
    if not image.exists():
        with alone(image.parent, f"building Linux for {kernel.arch}") as lock:
            if not image.exists():
                build_kernel(source, kernel, image, lock)
    return image


def build_kernel(source, kernel, image, lock):
    """The image appears when it is complete. Make ends with this process, and holds the lock until it has."""
    to = image.parent
    log = to / "build.log"
    with tempfile.TemporaryDirectory(dir=to) as directory, open(log, "w") as out:
        report_progress(f"building Linux for {kernel.arch} from {source.name}: some minutes on two cores; {log}")
        archive = one(source, "usr/src/*.tar.xz")
        subprocess.run(["tar", "xJf", archive, "-C", directory], check=True)
        tree = next(pathlib.Path(directory).iterdir())
        environment = {**os.environ, "KCONFIG_ALLCONFIG": str(kernel.config), "KBUILD_BUILD_TIMESTAMP": "1 Jan 2024",
                       "KBUILD_BUILD_USER": "machc", "KBUILD_BUILD_HOST": "rig"}
        make = ["setpriv", "--pdeathsig", "TERM", "make", f"ARCH={kernel.arch}", f"CROSS_COMPILE={kernel.cross}", f"-j{os.cpu_count() or 1}"]

        def run(target):
            done = subprocess.run([*make, target], cwd=tree, env=environment, stdout=out, stderr=out, check=False,
                                  pass_fds=[lock.fileno()])
            if done.returncode:
                print("".join(log.read_text().splitlines(True)[-30:]), end="")
                sys.exit(f"check-system: the kernel cannot be built: {log}")

        if kernel.drivers:
            shutil.copytree(kernel.drivers, tree / "drivers/machc")
            for name, line in [("Kconfig", 'source "drivers/machc/Kconfig"'), ("Makefile", "obj-y += machc/")]:
                with open(tree / "drivers" / name, "a") as file:
                    file.write(f"{line}\n")
        run("allnoconfig")
        check(tree / ".config", kernel.config)
        run(image.name)
        (tree / kernel.image).rename(image)


def check(config, wanted):
    """A line of the wanted configuration that the kernel no longer knows, or that lacks a dependency, would be lost silently."""
    has = set(config.read_text().splitlines())
    lost = [line for line in wanted.read_text().splitlines() if line.startswith("CONFIG_") and line not in has]
    if lost:
        sys.exit(f"check-system: not in the kernel's configuration: {' '.join(lost)}")
