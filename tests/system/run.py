#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The system tests: the runtime on real kernels, on boards that QEMU emulates. README.md says what is tested and how.

    tests/system/run.py [-k TEXT] [-j N] [--keep DIR] [--refresh] [-v] [BOOT ...]
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from board import BOARDS, Run, compile_machines, host_tree, initramfs  # noqa: E402
from boots import BOOTS  # noqa: E402
from harness import ENVIRONMENT  # noqa: E402
from material import Material  # noqa: E402

# What has to be installed, and the file that shows that it is.
PACKAGES = {
    "qemu-system-arm": "/usr/bin/qemu-system-aarch64",
    "qemu-system-x86": "/usr/bin/qemu-system-x86_64",
    "gcc-aarch64-linux-gnu": "/usr/bin/aarch64-linux-gnu-gcc",
    "libc6-dev-arm64-cross": "/usr/aarch64-linux-gnu/lib/libc.a",
    "device-tree-compiler": "/usr/bin/dtc",
    "bc": "/usr/bin/bc",
    "flex": "/usr/bin/flex",
    "bison": "/usr/bin/bison",
    "xz-utils": "/usr/bin/xz",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
}


def installed():
    missing = [package for package, path in PACKAGES.items() if not os.path.exists(path)]
    if missing:
        sys.exit(f"check-system needs packages that are not installed: apt-get install {' '.join(missing)}")


def programs(build, boots):
    """Cross-builds what runs inside; directories by architecture."""
    paths = {}
    wanted = collections.defaultdict(set)
    for boot in boots:
        wanted[boot.board].update(boot.programs, *boot.guests.values())
    for name, names in wanted.items():
        board = BOARDS[name]
        architecture, directory = board.architecture, build / board.architecture
        command = ["make", "--no-print-directory", f"-j{os.cpu_count() or 1}", f"B={directory}", f"CC={board.cross}gcc",
                   "OPT=-O2 -g", "rig-programs", f"RIG={' '.join(sorted(names))}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                              env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")})
        if done.returncode:
            sys.exit(f"{done.stderr[-4000:]}check-system: the programs for {architecture} cannot be built")
        paths[architecture] = directory
    return paths


class Session:
    """All boots of one call."""

    def __init__(self, args, work):
        self.args, self.work = args, work
        self.lock = threading.Lock()
        self.running = {}
        self.terminal = sys.stdout.isatty()

    def progress(self, run):
        if self.terminal:
            with self.lock:
                self.running[run.boot.name] = len(run.tap.tests)
                state = ", ".join(f"{name} {count}" for name, count in self.running.items())
                print(f"\r\033[K{state}"[: shutil.get_terminal_size().columns], end="", flush=True)

    def done(self, text):
        with self.lock:
            print(("\r\033[K" if self.terminal else "") + text, flush=True)

    def boot(self, boot, material, paths, defines=(), environment=()):
        """A Run; or a text: what is wrong before there is anything to boot."""
        top = self.work / boot.name
        shutil.rmtree(top, ignore_errors=True)
        machines = top / "machines"
        machines.mkdir(parents=True)
        with self.lock:
            host = host_tree(boot.board, self.work)
        problem = compile_machines(boot, self.args.machc, host, machines, defines)
        if problem:
            return problem
        kind = "broken" if environment else "rig"
        initramfs(boot, material, paths[BOARDS[boot.board].architecture] / kind, machines, top / "initramfs")
        run = Run(boot, material, host, top / "initramfs", top / "console", environment, self.progress)
        self.running.pop(boot.name, None)
        for name, data in run.tap.files.items():
            (top / name).write_bytes(data)
        if boot.desk and not run.problem:
            run.tap.tests += boot.desk(run, self)
        return run


def tell(session, boot, run, points):
    """Prints what failed in a boot; how many passed and failed."""
    if isinstance(run, str):
        session.done(f"FAIL {boot.name}: {run}")
        return 0, 1
    failed = [test for test in run.tap.tests if not test[0]]
    for passed, name, _ in run.tap.tests:
        points[name.split(" ")[0]][passed] += 1
    lines = [f"{boot.name}: {note}" for note in run.tap.notes]
    for _, name, comments in failed:
        lines += [f"FAIL {boot.name}: {name}", *(f"    {line}" for line in comments)]
    if run.problem:
        lines.append(f"FAIL {boot.name}: it {run.problem}; its console:")
        lines += [f"    {line}" for line in run.console.read_text().splitlines()[-80:]]
    if session.args.v:
        lines += [f"{'ok  ' if passed else 'FAIL'} {name}" for passed, name, _ in run.tap.tests]
    passed, bad = len(run.tap.tests) - len(failed), len(failed) + bool(run.problem)
    session.done("\n".join([*lines, f"{boot.name}: {passed} passed, {bad} failed in {run.seconds:.0f} s"]))
    return passed, bad


def main():
    parser = argparse.ArgumentParser(description="Tests the runtime on real kernels, on boards that QEMU emulates.")
    parser.add_argument("--build", default="build", help="where machc is (build)")
    parser.add_argument("--keep", metavar="DIR", help="keep consoles, trees and configs there")
    parser.add_argument("--refresh", action="store_true", help="look for newer kernels")
    parser.add_argument("-j", type=int, default=2, help="boots at a time (2)")
    parser.add_argument("-v", action="store_true", help="name every test")
    parser.add_argument("boots", nargs="*", metavar="BOOT", help=" ".join(boot.name for boot in BOOTS))
    args = parser.parse_args()
    build = (ROOT / args.build).resolve()
    args.machc = build / "machc"
    chosen = [boot for boot in BOOTS if not args.boots or boot.name in args.boots]
    unknown = set(args.boots) - {boot.name for boot in BOOTS}
    if unknown:
        parser.error(f"no boot {', '.join(sorted(unknown))}; there are {', '.join(boot.name for boot in BOOTS)}")
    installed()
    start = time.monotonic()
    material = Material(args.refresh)
    paths = programs(build, chosen)
    points = collections.defaultdict(lambda: {True: 0, False: 0})
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(args.keep or directory).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for tree in work.glob("*.dtb"):  # of another QEMU, perhaps
            tree.unlink()
        session = Session(args, work)
        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            waiting = {pool.submit(session.boot, boot, material, paths): boot for boot in chosen}
            for future in concurrent.futures.as_completed(waiting):
                good, bad = tell(session, waiting[future], future.result(), points)
                passed, failed = passed + good, failed + bad
    print(f"{len(chosen)} boots in {time.monotonic() - start:.0f} s")
    print(f"system: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
