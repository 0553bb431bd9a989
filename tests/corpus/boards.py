# SPDX-License-Identifier: MIT
"""The boards: every device tree in Debian's kernel packages for arm64 and armhf, cached outside the sources."""

import subprocess
import tempfile

from harness.debian import Apt, cache, unpack

# Backports has the newest kernel for this release; without it, use the release's own.
SUITES = ["bookworm-backports", "bookworm"]
# The package that depends on the newest kernel; the platform of guests on such a board.
ARCHITECTURES = {"arm64": ("linux-image-arm64", "arm64-virt"), "armhf": ("linux-image-armmp", "arm-virt")}


def fetch(directory):
    """Downloads the boards of the newest kernel into `directory`."""
    print("corpus: looking for Debian's newest kernel", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as root:
        apt = Apt(root, SUITES, list(ARCHITECTURES))
        try:
            apt.update()
        except subprocess.CalledProcessError:  # backports ends before the release does
            apt = Apt(root, SUITES[1:], list(ARCHITECTURES))
            apt.update()
        for architecture, (meta, _) in ARCHITECTURES.items():
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


def boards(refresh):
    """(version, [(name, path of the tree, platform)]), in order."""
    directory = cache() / "corpus"
    if refresh or not all((directory / name).exists() for name in ARCHITECTURES):
        fetch(directory)
    found, versions = [], []
    for architecture, (_, platform) in ARCHITECTURES.items():
        top = (directory / architecture).resolve()
        versions.append(top.name)
        for path in sorted(top.rglob("*.dtb")):
            name = path.relative_to(top).as_posix().split("/", 3)[3]  # usr/lib/linux-image-*/
            found.append((f"{architecture}/{name}", path, platform))
    return ", ".join(versions), found
