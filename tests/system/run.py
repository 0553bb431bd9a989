#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the system tests: the runtime on real kernels, on boards that QEMU emulates. README.md describes them.

    tests/system/run.py [-j N] [--keep DIR] [--refresh] [-v] [BOOT ...]
    tests/system/run.py --break all [--sample N [--seed S]]
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from board import BOARDS, Run, command, compile_machines, host_tree, initramfs, prepare  # noqa: E402
from boots import BOOTS, POINTS  # noqa: E402
from breaks import BREAKS  # noqa: E402
from material import Material, alone  # noqa: E402

# Required packages by the architecture of a board, "" for all, and a file that shows that each is installed.
PACKAGES = {"": {
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
}, "armhf": {
    "gcc-arm-linux-gnueabihf": "/usr/bin/arm-linux-gnueabihf-gcc",
    "libc6-dev-armhf-cross": "/usr/arm-linux-gnueabihf/lib/libc.a",
}, "riscv64": {
    "qemu-system-misc": "/usr/bin/qemu-system-riscv64",
    "opensbi": "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
    "gcc-riscv64-linux-gnu": "/usr/bin/riscv64-linux-gnu-gcc",
    "libc6-dev-riscv64-cross": "/usr/riscv64-linux-gnu/lib/libc.a",
}, "powerpc": {
    "qemu-system-ppc": "/usr/bin/qemu-system-ppc",
    "gcc-powerpc-linux-gnu": "/usr/bin/powerpc-linux-gnu-gcc",
    "libc6-dev-powerpc-cross": "/usr/powerpc-linux-gnu/lib/libc.a",
}}


def installed(boots):
    needed = {**PACKAGES[""]}
    for boot in boots:
        needed |= PACKAGES.get(BOARDS[boot.board].architecture, {})
    missing = [package for package, path in needed.items() if not os.path.exists(path)]
    if missing:
        sys.exit(f"check-system needs packages that are not installed: apt-get install {' '.join(missing)}")


def programs(build, boots, kind):
    """Cross-builds the programs for the boards, intact ("rig") or "broken". Returns directories by architecture."""
    paths = {}
    wanted = collections.defaultdict(set)
    for boot in boots:
        wanted[BOARDS[boot.board].architecture, BOARDS[boot.board].cross].update(boot.programs, *boot.guests.values())
    for (architecture, cross), names in wanted.items():
        command = ["make", "--no-print-directory", f"-j{os.cpu_count() or 1}", f"B={build / architecture}",
                   f"CROSS_COMPILE={cross}", "CFLAGS=-O2 -g", "LDFLAGS=", "rig-programs", f"RIG={' '.join(sorted(names))}", f"RIG_DIR={kind}"]
        with alone(build / architecture, f"building programs for {architecture}"):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                                  env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")})
        if done.returncode:
            sys.exit(f"{done.stderr[-4000:]}check-system: the programs for {architecture} cannot be built")
        paths[architecture] = build / architecture / kind
    return paths


class Session:
    """All boots of one call."""

    def __init__(self, args, work, material, paths):
        self.args, self.work, self.material, self.paths = args, work, material, paths
        self.lock = threading.Lock()
        self.running = {}
        self.terminal = sys.stdout.isatty()
        self.points = collections.defaultdict(lambda: {True: 0, False: 0})

    def progress(self, run):
        if self.terminal:
            with self.lock:
                self.running[run.boot.name] = len(run.tap.tests)
                state = ", ".join(f"{name} {count}" for name, count in self.running.items())
                print(f"\r\033[K{state}"[: shutil.get_terminal_size().columns], end="", flush=True)

    def done(self, text):
        with self.lock:
            print(("\r\033[K" if self.terminal else "") + text, flush=True)

    def boot(self, boot, broken=None):
        """Returns a Run, or a text with the problem if there is nothing to boot."""
        top = self.work / (broken.name if broken else boot.name)
        shutil.rmtree(top, ignore_errors=True)
        machines = top / "machines"
        machines.mkdir(parents=True)
        with self.lock:
            host = told = host_tree(boot.board, self.material.kernels.get("own"), self.work)
        if broken and broken.told:
            told = host_tree(boot.board, self.material.kernels["own"], top, broken.told)
        problem = compile_machines(boot, self.args.machc, told, machines, broken)
        if problem:
            return problem
        if broken and broken.tree:
            host = host_tree(boot.board, self.material.kernels["own"], top, broken.tree)
        initramfs(boot, self.material, self.paths[BOARDS[boot.board].architecture], machines, top / "initramfs")
        arguments = ""
        if boot.prepared:
            arguments = prepare(host, machines / boot.machines[0], top / "prepared.dtb")
            host = top / "prepared.dtb"
        words = command(boot, self.material, host, top, broken, arguments, self.args.machc)
        # A broken board that has been found out has nothing more to say; what it waits for may take minutes.
        enough = None if not broken or broken.problem else lambda run: all(broken.noticed(run.tap.tests).values())
        run = Run(boot, words, top / "console", self.progress, enough)
        if run.died and not (broken and broken.problem):
            self.done("\n".join([f"{boot.name}: its kernel died after {run.seconds:.0f} s, {run.died}; once more. Its console:",
                                 *run.last_lines()]))
            run = Run(boot, words, top / "console", self.progress, enough)
        self.running.pop(boot.name, None)
        for name, data in run.tap.files.items():
            (top / name).write_bytes(data)
        if boot.desk and run.tap.complete():
            run.tap.tests += boot.desk(run, self)
        return run

    def tell(self, boot, run):
        """Prints the failures of a boot. Returns how many tests passed and failed."""
        if isinstance(run, str):
            self.done(f"FAIL {boot.name}: {run}")
            return 0, 1
        failed = [test for test in run.tap.tests if not test[0]]
        for passed, name, _ in run.tap.tests:
            self.points[name.split(" ")[0]][passed] += 1
        lines = [f"{boot.name}: {note}" for note in run.tap.notes]
        for _, name, comments in failed:
            lines += [f"FAIL {boot.name}: {name}", *(f"    {line}" for line in comments)]
        if run.problem:
            lines += [f"FAIL {boot.name}: it {run.problem}; its console:", *run.last_lines()]
        if self.args.v:
            lines += [f"{'ok  ' if passed else 'FAIL'} {name}" for passed, name, _ in run.tap.tests]
        passed, bad = len(run.tap.tests) - len(failed), len(failed) + bool(run.problem)
        self.done("\n".join([*lines, f"{boot.name}: {passed} passed, {bad} failed in {run.seconds:.0f} s"]))
        return passed, bad

    def tell_broken(self, broken, run):
        """With --break: the test must have failed."""
        if isinstance(run, str):
            self.done(f"FAIL {broken.name}: {run}")
            return 0, 1
        wrong = run.died or run.problem or ""
        if broken.problem and broken.problem in wrong:
            self.done(f"{broken.name}: {broken.about}: its boot {wrong}, in {run.seconds:.0f} s")
            return 1, 0
        found = broken.noticed(run.tap.tests)
        if all(found.values()):
            right = ", ".join(f'"{name}"' for name in found.values())
            self.done(f"{broken.name}: {broken.about}: seen by {right}, in {run.seconds:.0f} s")
            return 1, 0
        lines = [f"FAIL {broken.name}: {broken.about}, and no test of point {broken.point} fails that has "
                 + " or ".join(f'"{part}"' for part, name in found.items() if not name)]
        lines += [f"    {name}" for passed, name, _ in run.tap.tests if not passed]
        if run.problem:
            lines += [f"    its boot {run.problem}; its console:", *run.last_lines()]
        self.done("\n".join(lines))
        return 0, 1


def arguments():
    parser = argparse.ArgumentParser(description="Tests the runtime on real kernels, on boards that QEMU emulates.")
    parser.add_argument("--build", default="build", help="where machc is (build)")
    parser.add_argument("--break", dest="breaks", metavar="NAME", action="append", choices=[*BREAKS, "all"],
                        help=f"break one thing, and expect that it is noticed: all, {', '.join(BREAKS)}")
    parser.add_argument("--sample", type=int, metavar="N", help="of what is to be broken: N that are drawn")
    parser.add_argument("--seed", default=str(int(time.time())), help="for --sample (the time); printed")
    parser.add_argument("--keep", metavar="DIR", help="keep consoles, trees and configs there")
    parser.add_argument("--refresh", action="store_true", help="look for newer kernels")
    parser.add_argument("-j", type=int, default=2, help="boots at a time (2)")
    parser.add_argument("-v", action="store_true", help="name every test")
    parser.add_argument("boots", nargs="*", metavar="BOOT", help=" ".join(BOOTS))
    args = parser.parse_args()
    for name in args.boots:
        if name not in BOOTS:
            parser.error(f"no boot {name}; there are {', '.join(BOOTS)}")
    return args


def report(session, start, passed, failed):
    args = session.args
    if not args.breaks:
        for point, about in POINTS.items():
            count = session.points[str(point)]
            if sum(count.values()):
                print(f"{point:4}  {count[True]:4} passed, {count[False]} failed  {about}")
            if not args.boots and not count[True]:
                print(f"FAIL no test of point {point} has run")
                failed += 1
    print(f"{time.monotonic() - start:.0f} s")
    print(f"system: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


def main():
    args = arguments()
    build = (ROOT / args.build).resolve()
    args.machc = build / "machc"
    if args.breaks:
        breaks = [broken for broken in BREAKS.values() if "all" in args.breaks or broken.name in args.breaks]
        if args.sample:
            print(f"system: breaks {args.sample} of {len(breaks)}, seed {args.seed}")
            breaks = random.Random(args.seed).sample(breaks, min(args.sample, len(breaks)))
        jobs = [(BOOTS[broken.boot], broken) for broken in breaks]
    else:
        jobs = [(boot, None) for boot in BOOTS.values() if not args.boots or boot.name in args.boots]
    installed([boot for boot, _ in jobs])
    start = time.monotonic()
    kernels = {name for boot, _ in jobs for name in [boot.kernel, *["own"] * bool(boot.guests)]}
    material = Material(args.refresh, kernels)
    paths = programs(build, [boot for boot, _ in jobs], "broken" if args.breaks else "rig")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(args.keep or directory).resolve()
        work.mkdir(parents=True, exist_ok=True)
        for tree in work.glob("*.dtb"):  # possibly of another QEMU
            tree.unlink()
        session = Session(args, work, material, paths)
        # The longest boots first, so that none of them runs alone at the end.
        jobs.sort(key=lambda job: -job[0].seconds)
        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            waiting = {pool.submit(session.boot, *job): job for job in jobs}
            for future in concurrent.futures.as_completed(waiting):
                boot, broken = waiting[future]
                try:
                    run = future.result()
                except Exception:  # an exception of one boot; the others continue
                    run = traceback.format_exc()
                good, bad = session.tell_broken(broken, run) if broken else session.tell(boot, run)
                passed, failed = passed + good, failed + bad
    return report(session, start, passed, failed)


if __name__ == "__main__":
    sys.exit(main())
