# SPDX-License-Identifier: MIT
"""Linux's device tree sources (Debian's linux-source), preprocessed and compiled by the dtc that is among them.

Debian 12's own dtc cannot list references (-L) in a tree that is no overlay. All is kept below ~/.cache/machc.
"""

import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import time

from harness.debian import Apt, cache, unpack

VERSION = "6.12"
PACKAGE = f"linux-source-{VERSION}"
FOLDERS = ("arch/*/boot/dts", "include/dt-bindings", "include/uapi/linux", "scripts/dtc", "drivers/of/unittest-data")
DTC = ("checks", "data", "dtc", "flattree", "fstree", "livetree", "srcpos", "treesource", "util")


def download():
    """The folder with FOLDERS, dtc and fdtoverlay."""
    top = cache() / f"{PACKAGE}-dts"
    if top.is_dir():
        return top
    print(f"references: downloading {PACKAGE}", flush=True)
    apt = Apt(cache() / "apt-sources", ["bookworm", "bookworm-security"], ["amd64"])
    apt.update()
    deb = apt.download(PACKAGE)
    raw = top.with_name(top.name + ".tmp")
    shutil.rmtree(raw, ignore_errors=True)
    unpack(deb, raw, "./usr/src/*")
    deb.unlink()
    archive = raw / "usr/src" / f"{PACKAGE}.tar.xz"
    subprocess.run(["tar", "xJf", archive, "--strip-components=1", "--wildcards", *(f"{PACKAGE}/{name}" for name in FOLDERS)],
                   cwd=raw, check=True)
    shutil.rmtree(raw / "usr")
    build_dtc(raw)
    raw.rename(top)
    return top


def build_dtc(top):
    source, fdt = top / "scripts/dtc", top / "scripts/dtc/libfdt"
    flags = ["gcc", "-O2", "-w", "-DNO_YAML", f"-I{top}", f"-I{source}", f"-I{fdt}"]
    subprocess.run(["flex", "-o", top / "dtc-lexer.lex.c", source / "dtc-lexer.l"], check=True)
    subprocess.run(["bison", "-d", "-o", top / "dtc-parser.tab.c", source / "dtc-parser.y"], check=True)
    library = sorted(fdt.glob("fdt*.c"))
    subprocess.run([*flags, "-o", top / "dtc", *(source / f"{name}.c" for name in DTC), top / "dtc-lexer.lex.c",
                    top / "dtc-parser.tab.c", *library], check=True)
    subprocess.run([*flags, "-o", top / "fdtoverlay", source / "fdtoverlay.c", source / "util.c", *library], check=True)


def preprocess(source, to, includes):
    """False if a file is missing, as in a vendor's folder of sources."""
    command = ["gcc", "-E", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", "-o", to, source]
    for folder in (source.parent, *includes):
        command += ["-I", folder]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def dtc(top, source, to, folder, *options):
    """Compiles a preprocessed source; False if dtc refuses it."""
    done = subprocess.run([top / "dtc", "-q", "-O", "dtb", "-b", "0", "-i", folder, "-o", to, *options, source],
                          stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def includes_of(top):
    return [top / "include", top / "scripts/dtc/include-prefixes"]


class Board:
    """One source: `text` is what the preprocessor makes of it, `blob` what dtc makes of that, `full` the same with -L."""

    def __init__(self, top, source, name, arch, includes, made):
        self.top, self.source, self.name, self.arch, self.includes = top, source, name, arch, includes
        made = made / name
        self.text, self.blob, self.full = (made.with_name(made.name + end) for end in (".dts", ".dtb", ".full"))

    def make(self):
        """Whether it can be compiled."""
        if not self.text.exists():
            self.text.parent.mkdir(parents=True, exist_ok=True)
            part = self.text.with_suffix(f".{os.getpid()}.part")
            if preprocess(self.source, part, self.includes) and all(
                    dtc(self.top, part, to, self.source.parent, *options)
                    for to, options in ((self.full, ["-L"]), (self.blob, []))):
                part.rename(self.text)
            else:
                part.unlink(missing_ok=True)
        return self.text.exists()


def linux():
    """All boards of Linux's sources."""
    top = download()
    for path in sorted(top.glob("arch/*/boot/dts/**/*.dts")):
        place = path.relative_to(top / "arch").with_suffix("")
        yield Board(top, path, place.as_posix().replace("/boot/dts", ""), place.parts[0], includes_of(top), top / "made")


def elsewhere(folder, includes, made):
    """All sources in a folder, a vendor's for example, that are no overlays."""
    top = download()
    for path in sorted(folder.rglob("*.dts")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if "/plugin/" not in path.read_text(errors="replace"):
            yield Board(top, path, name, folder.name, [*includes, *includes_of(top)], made)


def add_options(parser):
    """Which boards, and how many at a time: for choose()."""
    parser.add_argument("--sample", type=int, metavar="N", help="only N boards, drawn at random")
    parser.add_argument("--seed", default=str(int(time.time())), help="what they are drawn with")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="boards at a time")
    parser.add_argument("-k", default="", metavar="TEXT", help="only boards whose name holds TEXT")


def choose(args, boards):
    """make() of the boards that the options name."""
    chosen = [board for board in boards if args.k in board.name]
    if args.sample and args.sample < len(chosen):
        chosen = random.Random(args.seed).sample(chosen, args.sample)
        print(f"{args.sample} boards drawn with --seed {args.seed}")
    return make(chosen, args.j)


def make(found, jobs=None):
    """The boards that dtc compiles, and the names of those that it refuses."""
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        made = list(pool.map(Board.make, found))
    return [board for board, ok in zip(found, made) if ok], [board.name for board, ok in zip(found, made) if not ok]


def overlays():
    """The sources of overlays."""
    return sorted(download().glob("arch/*/boot/dts/**/*.dtso"))
