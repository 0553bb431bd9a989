# SPDX-License-Identifier: MIT
"""Material of the rig: Debian's kernels and programs, and our own kernel, cached outside of the sources."""

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

SUITES = ["bookworm", "bookworm-updates", "bookworm-security"]
LINUX = "6.12"
CONFIG = pathlib.Path(__file__).with_name("kernel.config")
CROSS = "aarch64-linux-gnu-"
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
    "source": (f"linux-source-{LINUX}:arm64", [f"./usr/src/linux-source-{LINUX}.tar.xz"]),
}


def report_progress(text):
    print(f"system: {text}", flush=True)


def newest(apt, pattern):
    name, architecture = pattern.rsplit(":", 1)
    fitting = fnmatch.filter(apt.names(name.split("*")[0]), name)
    if not fitting:
        sys.exit(f"check-system: Debian has no package {name} in {', '.join(SUITES)}")
    return f"{max(fitting, key=lambda found: [int(part) for part in re.findall('[0-9]+', found)])}:{architecture}"


def complete(directory, patterns):
    """Has it been unpacked, and with all that is wanted today?"""
    return all(any(directory.glob(pattern.removeprefix("./"))) for pattern in patterns)


def fetch(directory):
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as root:
        report_progress("looking for Debian's kernels")
        apt = Apt(root, SUITES, ["arm64", "amd64"])
        apt.update()
        for name, (package, patterns) in WANTED.items():
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
    """Returns the paths of all material. Downloads and builds missing material first."""

    def __init__(self, refresh):
        self.top = cache() / "system"
        if refresh or not all(complete(self.top / name, patterns) for name, (_, patterns) in WANTED.items()):
            fetch(self.top)
        self.kernels = {
            "stock-arm64": one(self.top / "stock-arm64", "boot/vmlinuz-*"),
            "stock-amd64": one(self.top / "stock-amd64", "boot/vmlinuz-*"),
            "own": own_kernel(self.top),
        }

    def program(self, architecture, name):
        return one(self.top / f"{name}-{architecture}", f"**/{name}")

    def module(self, kernel, name):
        return one(self.top / kernel, f"lib/modules/*/kernel/**/{name}.ko*")


def own_kernel(top):
    """Linux with kernel.config, built once for each source, configuration and compiler."""
    compiler = subprocess.run([CROSS + "gcc", "--version"], stdout=subprocess.PIPE, check=True).stdout
    source = (top / "source").resolve()
    key = hashlib.sha256(b"\0".join([CONFIG.read_bytes(), source.name.encode(), compiler])).hexdigest()[:16]
    to = top / f"kernel-{key}"
    if not (to / "Image").exists():
        build_kernel(source, to)
    return to / "Image"


def build_kernel(source, to):
    to.mkdir(exist_ok=True)
    log = to / "build.log"
    with tempfile.TemporaryDirectory(dir=to) as directory, open(log, "w") as out:
        report_progress(f"building Linux from {source.name}: about ten minutes on two cores; {log}")
        archive = one(source, "usr/src/*.tar.xz")
        subprocess.run(["tar", "xJf", archive, "-C", directory], check=True)
        tree = next(pathlib.Path(directory).iterdir())
        environment = {**os.environ, "KCONFIG_ALLCONFIG": str(CONFIG), "KBUILD_BUILD_TIMESTAMP": "1 Jan 2024",
                       "KBUILD_BUILD_USER": "machc", "KBUILD_BUILD_HOST": "rig"}
        make = ["make", "ARCH=arm64", f"CROSS_COMPILE={CROSS}", f"-j{os.cpu_count() or 1}"]

        def run(target):
            done = subprocess.run([*make, target], cwd=tree, env=environment, stdout=out, stderr=out, check=False)
            if done.returncode:
                print("".join(log.read_text().splitlines(True)[-30:]), end="")
                sys.exit(f"check-system: the kernel cannot be built: {log}")

        run("allnoconfig")
        check(tree / ".config")
        run("Image")
        (tree / "arch/arm64/boot/Image").rename(to / "Image")


def check(config):
    """A line of kernel.config that the kernel no longer knows, or that lacks a dependency, would be lost silently."""
    has = set(config.read_text().splitlines())
    lost = [line for line in CONFIG.read_text().splitlines() if line.startswith("CONFIG_") and line not in has]
    if lost:
        sys.exit(f"check-system: not in the kernel's configuration: {' '.join(lost)}")
