#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What users do first, in bare roots of Debian (mmdebstrap's minbase, entered by chroot; needs root).

    tests/roots/run.py [--refresh] [-v] [TEST ...]

readme-SUITE  both command lines of README.md, as they stand there
deb           `make deb` with what debian/control says it needs; lintian has no word; in another root the packages are
              installed, machc and machrt work, and a program is compiled against libmachrt-dev with pkg-config
The roots are kept in the cache, unpacked below /var/tmp, and deleted at the end.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import Result  # noqa: E402
from harness.debian import KEYRING, MIRROR, cache  # noqa: E402
from harness.makefile import PROGRAM  # noqa: E402

PACKAGES = {"mmdebstrap": "/usr/bin/mmdebstrap", "lintian": "/usr/bin/lintian", "debian-archive-keyring": KEYRING}
SUITES = ("bookworm", "trixie")
# Debian's own environment, nothing of the caller's.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
# A user's Debian has /proc and /sys. Where they may not be mounted, the tests that need them say that they are skipped.
MAY_MOUNT = not subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode
INSTALL = "apt-get install -y --no-install-recommends"


class Failure(Exception):
    pass


def ran(command, what, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **more)
    if done.returncode:
        lines = done.stdout.splitlines()
        shown = [line for line in lines[:-25] if line.startswith(("FAIL", "E:"))] + lines[-25:]
        raise Failure(f"{what}: exit status {done.returncode}\n" + "\n".join(shown))
    return done.stdout


class Root:
    """A bare root, deleted at the end of `with`."""

    def __init__(self, top, suite, refresh):
        self.top = top
        archive = cache() / "roots" / f"{suite}.tar"
        if refresh or not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            new = archive.with_suffix(".new.tar")
            ran(["mmdebstrap", "--variant=minbase", f"--keyring={KEYRING}", suite, new, MIRROR], f"mmdebstrap {suite}")
            new.rename(archive)
        top.mkdir()
        ran(["tar", "x", "-f", archive, "-C", top], f"unpacking {suite}")
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", top / "etc" / name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def sources(self):
        (self.top / "machc").mkdir()
        ran(["sh", "-c", 'tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"', "sh", self.top / "machc"],
            "copying the sources", cwd=ROOT)

    def run(self, command):
        """Returns what a command of bash prints. What is mounted for it goes with its namespace."""
        enter = 'exec chroot "$1" bash -ec "$2"'
        if MAY_MOUNT:
            mount = 'mount -t proc proc "$1/proc" && mount -t sysfs -o ro sysfs "$1/sys" && '
            return ran(["unshare", "--mount", "sh", "-c", mount + enter, "sh", self.top, command], command, env=ENVIRONMENT)
        return ran(["sh", "-c", enter, "sh", self.top, command], command, env=ENVIRONMENT)


def readme(suite):
    def test(args, top):
        lines = re.findall(r"^    (apt-get .*)$", (ROOT / "README.md").read_text(), re.M)
        if len(lines) != 2:
            raise Failure(f"README.md has {len(lines)} command lines")
        with Root(top / suite, suite, args.refresh) as root:
            root.sources()
            shown = root.run(f"cd /machc; {lines[0]}")
            for wanted in ("/dts-v1/;", '"dma_map": [', '"fsl-usb2-mph-v1.6'):
                if wanted not in shown:
                    raise Failure(f"README's first command does not show {wanted}\n{shown[-2000:]}")
            last = root.run(f"cd /machc; {lines[1]}").splitlines()[-1]
        if not re.fullmatch(r"total: [1-9]\d{3,} passed, 0 failed(, \d+ skipped)?", last):
            raise Failure(f"README's second command ends with: {last}")
        if args.verbose:
            print(f"{suite}: {last}")
    return test


def deb(args, top):
    packages = top / "packages"
    packages.mkdir()
    with Root(top / "builder", "bookworm", args.refresh) as root:
        root.sources()
        root.run(f"apt-get update; {INSTALL} make dpkg-dev; cd /machc; apt-get build-dep -y --no-install-recommends ./; make deb")
        for path in (root.top / "machc/build/deb").iterdir():
            shutil.copy(path, packages)
    if args.verbose:
        print("\n".join(sorted(path.name for path in packages.iterdir())))
    ran(["lintian", "--allow-root", "--fail-on", "error,warning", *packages.glob("*.changes")], "lintian")
    with Root(top / "user", "bookworm", args.refresh) as root:
        (root.top / "debs").mkdir()
        for path in packages.glob("*.deb"):
            if "dbgsym" not in path.name:
                shutil.copy(path, root.top / "debs")
        (root.top / "program.c").write_text(PROGRAM)
        root.run(f"apt-get update; {INSTALL} ./debs/machc_*.deb")
        example = "/usr/share/doc/machc/examples/by-path.mach"
        root.run(f"machc {example} -o guest.dtb -c guest.cfg; machc --check /usr/share/doc/machc/examples/*.mach")
        shown = root.run("machrt show guest.cfg")
        if "usb@210000" not in shown:
            raise Failure(f"machrt shows\n{shown}")
        root.run(f"{INSTALL} ./debs/libmachrt*.deb gcc libc6-dev pkg-config")
        got = root.run("gcc -Wall -Werror program.c $(pkg-config --cflags --libs machrt) -o program; ./program guest.cfg")
        if got != shown:
            raise Failure(f"the program shows another machine than machrt\n{got}")
        if "libmachrt.so.1" not in root.run("ldd ./program"):
            raise Failure("the program does not use the shared library")
        root.run("gcc program.c -static $(pkg-config --static --cflags --libs machrt) -o program; ./program guest.cfg")
        left = root.run("apt-get purge -y machc libmachrt-dev libmachrt1 >&2; find /usr -path '*mach[cr]*'").splitlines()
        left = [line for line in left if line.startswith("/usr")]
        if left:
            raise Failure(f"purged, and left: {left}")


TESTS = {**{f"readme-{suite}": readme(suite) for suite in SUITES}, "deb": deb}


def main():
    parser = argparse.ArgumentParser(description="Tests what users do first in bare roots of Debian.")
    parser.add_argument("--refresh", action="store_true", help="make the roots anew")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("tests", nargs="*", metavar="TEST", help=" ".join(TESTS))
    args = parser.parse_args()
    for name in args.tests:
        if name not in TESTS:
            parser.error(f"no test {name}; there are {', '.join(TESTS)}")
    if os.geteuid():
        sys.exit("check-roots enters the roots by chroot: run it as root")
    missing = [package for package, path in PACKAGES.items() if not os.path.exists(path)]
    if missing:
        sys.exit(f"check-roots needs packages that are not installed: apt-get install {' '.join(missing)}")
    result = Result()
    for name in args.tests or TESTS:
        start, problem = time.monotonic(), None
        with tempfile.TemporaryDirectory(prefix="machc-roots-", dir="/var/tmp") as top:
            try:
                TESTS[name](args, pathlib.Path(top))
            except Failure as failure:
                problem = str(failure)
        result.add(name, problem)
        if args.verbose:
            print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    return 1 if result.report("roots") else 0


if __name__ == "__main__":
    sys.exit(main())
