# SPDX-License-Identifier: MIT
"""Debian packages as material for tests: downloaded without installing anything, and cached outside of the sources."""

import os
import pathlib
import shutil
import subprocess
import tempfile

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SECURITY = os.environ.get("DEBIAN_SECURITY_MIRROR", "http://deb.debian.org/debian-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base, "machc")


class Apt:
    """apt with a separate root: it does not change the system, and does not need root."""

    def __init__(self, root, suites, architectures, sources=False):
        self.root = pathlib.Path(root)
        for directory in ("lists/partial", "cache/archives/partial", "packages"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "sources").write_text("".join(
            f"{kind} [signed-by={KEYRING}] {SECURITY if suite.endswith('-security') else MIRROR} {suite} main\n"
            for suite in suites for kind in ("deb", "deb-src")[:1 + sources]))
        (self.root / "preferences").write_text("Package: *\nPin: release *\nPin-Priority: 500\n")
        self.config = self.root / "apt.conf"
        self.config.write_text("".join(f"{key} \"{value}\";\n" for key, value in [
            ("APT::Architecture", architectures[0]),
            *(("APT::Architectures::", architecture) for architecture in architectures),
            ("APT::Sandbox::User", "root"), ("Acquire::Retries", "3"),
            ("Dir::State", self.root), ("Dir::State::status", self.root / "status"),
            ("Dir::State::lists", self.root / "lists"), ("Dir::Cache", self.root / "cache"),
            ("Dir::Etc::sourcelist", self.root / "sources"), ("Dir::Etc::sourceparts", "/dev/null"),
            ("Dir::Etc::preferences", self.root / "preferences"), ("Dir::Etc::preferencesparts", "/dev/null"),
            ("Acquire::Languages", "none")]))

    def run(self, *command):
        return subprocess.run(command, cwd=self.root / "packages", check=True, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}).stdout

    def update(self):
        self.run("apt-get", "--quiet=2", "update")

    def fields(self, package):
        shown = self.run("apt-cache", "show", "--no-all-versions", package)
        return dict(line.split(": ", 1) for line in shown.split("\n\n")[0].splitlines() if ": " in line)

    def names(self, prefix):
        return self.run("apt-cache", "pkgnames", prefix).split()

    def download(self, package):
        """The file of the package; the caller deletes it."""
        self.run("apt-get", "--quiet=2", "download", package)
        return next((self.root / "packages").glob("*.deb"))

    def source(self, package):
        """The upstream archive of a package's source, to be deleted by the caller."""
        self.run("apt-get", "--quiet=2", "source", "--download-only", package)
        return next((self.root / "packages").glob("*.orig.tar.?z"))


def unpack(deb, to, *patterns):
    """Extracts the files of a package whose path matches, below `to`: all of them, or none."""
    with tempfile.TemporaryDirectory(dir=to.parent) as directory:
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        subprocess.run(["tar", "x", "--wildcards", *patterns], cwd=directory, stdin=archive.stdout, check=True)
        archive.stdout.close()
        if archive.wait():
            raise OSError(f"dpkg-deb cannot read {deb}")
        shutil.move(directory, to)
        pathlib.Path(directory).mkdir()  # for the end of `with`
