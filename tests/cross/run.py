#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runtime built for other machines and another libc, its tests run under qemu-user; for a big-endian one, machc too.

    tests/cross/run.py [--build DIR] [ARCHITECTURE ...]

What is built is below DIR/cross. Nothing is installed: what is missing is named. The source of cmocka, and libraries that
machc needs on s390x, come from Debian's packages and are kept in the cache.
"""

import argparse
import concurrent.futures
import dataclasses
import filecmp
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import Context, Result, golden, run, unit  # noqa: E402
from harness.debian import Apt, cache, unpack  # noqa: E402

SUITE = "bookworm"


@dataclasses.dataclass
class Target:
    qemu: str = ""
    triplet: str = ""  # of Debian's cross compilers; "" is musl-gcc
    cross: str = ""  # Debian's name in libc6-dev-...-cross
    flags: str = ""
    machc: bool = False


TARGETS = {
    "powerpc": Target("qemu-ppc -cpu e500mc", "powerpc-linux-gnu", "powerpc", "-mcpu=e500mc"),
    "armhf": Target("qemu-arm", "arm-linux-gnueabihf", "armhf"),
    "arm64": Target("qemu-aarch64", "aarch64-linux-gnu", "arm64"),
    "riscv64": Target("qemu-riscv64", "riscv64-linux-gnu", "riscv64"),
    "s390x": Target("qemu-s390x", "s390x-linux-gnu", "s390x", machc=True),
    "musl": Target(),
}
# What README installs for machc besides libc.
LIBRARIES = sorted(set(re.findall(r"\blib(?!c6|cmocka)[\w-]+-dev\b", (ROOT / "README.md").read_text())))
# What cmocka asks its CMake for.
CMOCKA = ("-DHAVE_INTTYPES_H", "-DHAVE_SIGNAL_H", "-DHAVE_STRSIGNAL", "-DHAVE_MALLOC_H")


class Failure(Exception):
    pass


def installed(names):
    wanted = {}
    for name in names:
        target = TARGETS[name]
        if target.triplet:
            wanted[f"gcc-{target.triplet}"] = f"/usr/bin/{target.triplet}-gcc"
            wanted[f"libc6-dev-{target.cross}-cross"] = f"/usr/{target.triplet}/lib/libc.a"
            wanted["qemu-user"] = "/usr/bin/" + target.qemu.split()[0]
        else:
            wanted["musl-tools"] = "/usr/bin/musl-gcc"
    missing = [package for package, path in wanted.items() if not os.path.exists(path)]
    if missing:
        sys.exit(f"check-cross needs packages that are not installed: apt-get install {' '.join(sorted(missing))}")


def material(directory):
    """cmocka's source, and what machc is linked with on s390x: paths."""
    source, root = directory / "cmocka", directory / "s390x"
    if not source.exists() or not root.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as top:
            apt = Apt(top, [SUITE], ["s390x"], sources=True)
            apt.update()
            if not source.exists():
                archive = apt.source("cmocka")
                new = pathlib.Path(top, "new")
                new.mkdir()
                subprocess.run(["tar", "x", "--strip-components=1", "-f", archive, "-C", new], check=True)
                new.rename(source)
            if not root.exists():
                new = pathlib.Path(top, "root")
                new.mkdir()
                for package in LIBRARIES:
                    deb = apt.download(package)
                    unpack(deb, new / package, "*.h", "*.a")
                    deb.unlink()
                new.rename(root)
    return source, root


def must(*command):
    done = run(*command, cwd=ROOT, timeout=1200, env={"MAKEFLAGS": ""})
    if done.status != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit status {done.status}\n{done.err or done.out.decode()}"[-6000:])


def emulated(target, build, names):
    """Programs of the build, as scripts that run them under qemu: in a folder that is laid out like the build."""
    top = build / "run"
    for name in names:
        script = top / name
        script.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{target.qemu} -L /usr/{target.triplet} " if target.qemu else ""
        script.write_text(f'#!/bin/sh\nexec {prefix}{build / name} "$@"\n')
        script.chmod(0o755)
    return top


def cmocka(compiler, source, build):
    build.mkdir(parents=True, exist_ok=True)
    must(compiler, "-O1", "-w", f"-I{source}/include", *CMOCKA, "-c", f"{source}/src/cmocka.c", "-o", build / "cmocka.o")
    must("ar", "rcs", build / "libcmocka.a", build / "cmocka.o")


def kernel_headers(build):
    """musl-gcc knows no directory but musl's own; the kernel's headers are the same for every libc."""
    top = build / "include"
    top.mkdir(parents=True, exist_ok=True)
    machine = subprocess.run(["cc", "-print-multiarch"], check=True, capture_output=True, text=True).stdout.strip()
    for name, path in (("linux", "/usr/include/linux"), ("asm-generic", "/usr/include/asm-generic"),
                       ("asm", f"/usr/include/{machine}/asm")):
        (top / name).unlink(missing_ok=True)
        (top / name).symlink_to(path)
    return top


def make(target, build, source, libraries):
    """Builds; (variables for make, programs)."""
    compiler = f"{target.triplet}-gcc" if target.triplet else "musl-gcc"
    cmocka(compiler, source, build)
    include = f"-I{source}/include"
    if not target.triplet:
        include += f" -isystem {kernel_headers(build)}"
    tests = sorted(path.stem for path in (ROOT / "tests/runtime").glob("test_*.c"))
    programs = ["machrt", *(f"runtime-tests/{name}" for name in (*tests, "clash", "old", "new"))]
    words = [f"B={build.relative_to(ROOT)}", f"CFLAGS=-O2 -g {target.flags}", "WERROR=1", "RUSTC=false", f"MACHRT={build}/run/machrt"]
    words += [f"CROSS_COMPILE={target.triplet}-"] if target.triplet else ["CC=musl-gcc"]
    ldflags = f"-L{build}"
    if target.machc:
        for package in LIBRARIES:
            include += f" -isystem {libraries}/{package}/usr/include"
            ldflags += f" -L{libraries}/{package}/usr/lib/{target.triplet}"
        programs += ["machc", *(f"unit/{path.stem}" for path in sorted((ROOT / "tests/unit").glob("test_*.c")))]
        words.append("STATIC=-static")  # glibc has no static-pie there
    words += [f"CPPFLAGS={include}", f"LDFLAGS={ldflags}"]
    must("make", f"-j{os.cpu_count()}", *words, "runtime-tests", *(build.relative_to(ROOT) / name for name in programs))
    return programs


def same_bytes(context, here):
    """machc writes the same files there as here."""
    result = Result()

    def compare(source):
        with tempfile.TemporaryDirectory() as directory:
            outputs = []
            for machc in (here, context.machc):
                top = pathlib.Path(directory, str(len(outputs)))
                done = run(machc, source, "-O", top, cwd=ROOT)
                outputs.append((top, done.status, done.err))
                for view in ("plan", "map", "graph"):
                    (top / view).write_bytes(run(machc, source, f"--emit={view}", cwd=ROOT).out)
            (ours, *rest), (theirs, *others) = outputs
            names = sorted(path.name for path in ours.iterdir())
            if rest != others or names != sorted(path.name for path in theirs.iterdir()) or len(names) < 5:
                return f"{rest} here, {others} there; files here: {names}"
            _, differ, bad = filecmp.cmpfiles(ours, theirs, names, shallow=False)
            return f"other bytes in {differ + bad}" if differ or bad else None

    for source, problem in context.each(compare, golden.sources(), str):
        result.add(f"{source} byte for byte", problem)
    return result


def check(name, build):
    target, result = TARGETS[name], Result()
    try:
        programs = make(target, build, *material(cache() / "cross"))
    except Failure as failure:
        result.add(f"{name} is built", str(failure))
        return result
    result.add(f"{name} is built", None)
    top = emulated(target, build, programs)
    commands = {path.removeprefix("runtime-tests/"): [top / path] for path in programs if path.startswith("runtime-tests/")}
    commands["symbols"] = unit.symbols(ROOT, build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        context = Context(ROOT, top, pool, "", False)
        result += unit.run_programs(context, commands)
        if target.machc:
            for suite in (unit.run_all, golden.run_all):
                result += suite(context)
            must("make", f"-j{os.cpu_count()}", "build/machc")
            result += same_bytes(context, ROOT / "build/machc")
    return result


def main():
    parser = argparse.ArgumentParser(description="Builds for other machines, and runs the tests under qemu-user.")
    parser.add_argument("--build", default="build")
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help=" ".join(TARGETS))
    args = parser.parse_args()
    names = args.architectures or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            parser.error(f"no architecture {name}; there are {', '.join(TARGETS)}")
    installed(names)
    total = Result()
    for name in names:
        result = check(name, (ROOT / args.build).resolve() / "cross" / name)
        result.report(name)
        total += result
    return 1 if total.report("cross") else 0


if __name__ == "__main__":
    sys.exit(main())
