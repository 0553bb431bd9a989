# SPDX-License-Identifier: MIT
"""The boards: every device tree in Debian's kernel packages for arm64 and armhf, cached outside the sources."""

import os
import pathlib
import shutil
import subprocess
import tempfile

# Backports has the newest kernel that this release can have; without it, the release's own.
SUITES = ["bookworm-backports", "bookworm"]
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The package that depends on the newest kernel; the platform of guests on such a board.
ARCHITECTURES = {"arm64": ("linux-image-arm64", "arm64-virt"), "armhf": ("linux-image-armmp", "arm-virt")}


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base, "machc")


class Apt:
    """apt with a root of its own: nothing of the system is changed, and nobody need be root."""

    def __init__(self, root, suites, components="main"):
        self.root = pathlib.Path(root)
        for directory in ("lists/partial", "cache/archives/partial", "packages"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "sources").write_text("".join(
            f"deb [signed-by={KEYRING}] {MIRROR} {suite} {components}\n" for suite in suites))
        (self.root / "preferences").write_text("Package: *\nPin: release *\nPin-Priority: 500\n")
        self.config = self.root / "apt.conf"
        self.config.write_text("".join(f"{key} \"{value}\";\n" for key, value in [
            ("APT::Architecture", "arm64"), ("APT::Architectures::", "arm64"), ("APT::Architectures::", "armhf"),
            ("APT::Sandbox::User", "root"), ("Dir::State", self.root), ("Dir::State::status", self.root / "status"),
            ("Dir::State::lists", self.root / "lists"), ("Dir::Cache", self.root / "cache"),
            ("Dir::Etc::sourcelist", self.root / "sources"), ("Dir::Etc::sourceparts", "/dev/null"),
            ("Dir::Etc::preferences", self.root / "preferences"), ("Dir::Etc::preferencesparts", "/dev/null"),
            ("Acquire::Languages", "none")]))

    def run(self, *command):
        return subprocess.run(command, cwd=self.root / "packages", check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}).stdout

    def fields(self, package):
        shown = self.run("apt-cache", "show", "--no-all-versions", package)
        return dict(line.split(": ", 1) for line in shown.split("\n\n")[0].splitlines() if ": " in line)

    def download(self, package):
        """The package's file, to be deleted by the caller."""
        self.run("apt-get", "--quiet=2", "download", package)
        return next((self.root / "packages").glob("*.deb"))


def unpack(deb, to, pattern):
    """Files of a package whose path fits, below `to`: there whole, or not at all."""
    with tempfile.TemporaryDirectory(dir=to.parent) as directory:
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        subprocess.run(["tar", "x", "--wildcards", pattern], cwd=directory, stdin=archive.stdout, check=True)
        archive.stdout.close()
        if archive.wait():
            raise OSError(f"dpkg-deb cannot read {deb}")
        shutil.move(directory, to)
        pathlib.Path(directory).mkdir()  # for the end of `with`


def fetch(directory):
    """Brings the boards of the newest kernel into `directory`."""
    print("corpus: looking for Debian's newest kernel", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as root:
        apt = Apt(root, SUITES)
        try:
            apt.run("apt-get", "--quiet=2", "update")
        except subprocess.CalledProcessError:  # backports end before the release does
            apt = Apt(root, SUITES[1:])
            apt.run("apt-get", "--quiet=2", "update")
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
