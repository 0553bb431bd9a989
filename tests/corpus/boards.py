# SPDX-License-Identifier: MIT
"""The boards: every device tree in Debian's kernel packages for arm64, armhf and riscv64, cached outside the sources."""

import subprocess
import tempfile

from harness.debian import Apt, cache, unpack

# Backports has the newest kernel for this release; without it, use the release's own.
SUITES = ["bookworm-backports", "bookworm"]
# The package that depends on the newest kernel, and the platform of guests on such a board.
ARCHITECTURES = {"arm64": ("linux-image-arm64", "arm64-virt"), "armhf": ("linux-image-armmp", "arm-virt")}
# The first release with a kernel for riscv64 is a later one.
RISCV = {"riscv64": ("linux-image-riscv64", "riscv64-virt")}
RISCV_SUITES = ["trixie"]


def fetch(directory, architectures):
    """Downloads the boards of the newest kernels for `architectures` into `directory`."""
    print("corpus: looking for Debian's newest kernel", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    later = [name for name in architectures if name in RISCV]
    for names, suites in ([name for name in architectures if name not in RISCV], SUITES), (later, RISCV_SUITES):
        if names:
            fetch_from(directory, {name: architectures[name] for name in names}, suites)


def fetch_from(directory, architectures, suites):
    with tempfile.TemporaryDirectory(dir=directory) as root:
        apt = Apt(root, suites, list(architectures))
        try:
            apt.update()
        except subprocess.CalledProcessError:  # backports ends before the release does
            if not suites[1:]:
                raise
            apt = Apt(root, suites[1:], list(architectures))
            apt.update()
        for architecture, (meta, _) in architectures.items():
            package = apt.fields(f"{meta}:{architecture}")["Depends"].split(" ")[0].split(":")[0]
            package = f"{package}:{architecture}"
            about = apt.fields(package)
            to = directory / f"{architecture}-{about['Version']}"
            if not to.exists():
                print(f"corpus: downloading {package} {about['Version']}, {int(about['Size']) >> 20} MB", flush=True)
                deb = apt.download(package)
                unpack(deb, to, "*.dtb")
                deb.unlink()
            link = directory / f"{architecture}.new"
            link.symlink_to(to.name)
            link.replace(directory / architecture)


def boards(refresh, architectures=None):
    """(version, [(name, path of the tree, platform)]), in order; by default the boards for arm64 and armhf."""
    architectures = architectures or ARCHITECTURES
    directory = cache() / "corpus"
    if refresh or not all((directory / name).exists() for name in architectures):
        fetch(directory, architectures)
    found, versions = [], []
    for architecture, (_, platform) in architectures.items():
        top = (directory / architecture).resolve()
        versions.append(top.name)
        for path in sorted(top.rglob("*.dtb")):
            name = path.relative_to(top).as_posix().split("/", 3)[3]  # usr/lib/linux-image-*/
            found.append((f"{architecture}/{name}", path, platform))
    return ", ".join(versions), found
