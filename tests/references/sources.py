# SPDX-License-Identifier: MIT
"""Linux's device tree sources (Debian's linux-source), preprocessed and compiled by the dtc that is among them.

Debian 12's own dtc cannot list references (-L) in a tree that is no overlay. All is kept below ~/.cache/machc.
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess

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


def preprocess(top, source, to):
    subprocess.run(["gcc", "-E", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", "-I", source.parent,
                    "-I", top / "include", "-I", top / "scripts/dtc/include-prefixes", "-o", to, source], check=True)


def dtc(top, source, to, folder, *options):
    """Compiles a preprocessed source; False if dtc refuses it."""
    done = subprocess.run([top / "dtc", "-q", "-O", "dtb", "-b", "0", "-i", folder, "-o", to, *options, source],
                          stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


class Board:
    """One source: `text` is what the preprocessor makes of it, `blob` what dtc makes of that, `full` the same with -L."""

    def __init__(self, top, source):
        self.arch = source.relative_to(top / "arch").parts[0]
        self.name = source.relative_to(top / "arch").with_suffix("").as_posix().replace("/boot/dts", "")
        self.top, self.source = top, source
        made = top / "made" / self.name
        self.text, self.blob, self.full = (made.with_name(made.name + end) for end in (".dts", ".dtb", ".full"))

    def make(self):
        """Whether it can be compiled."""
        if not self.text.exists():
            self.text.parent.mkdir(parents=True, exist_ok=True)
            part = self.text.with_suffix(f".{os.getpid()}.part")
            if all(dtc(self.top, self.source_text(part), to, self.source.parent, *options)
                   for to, options in ((self.full, ["-L"]), (self.blob, []))):
                part.rename(self.text)
            else:
                part.unlink()
        return self.text.exists()

    def source_text(self, part):
        if not part.exists():
            preprocess(self.top, self.source, part)
        return part


def boards(every=1, name="", jobs=None):
    """The boards that dtc compiles, and the names of those that it refuses."""
    top = download()
    found = [Board(top, path) for path in sorted(top.glob("arch/*/boot/dts/**/*.dts"))]
    found = [board for board in found if name in board.name][::every]
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        made = list(pool.map(Board.make, found))
    return [board for board, ok in zip(found, made) if ok], [board.name for board, ok in zip(found, made) if not ok]


def overlays():
    """The sources of overlays."""
    return sorted(download().glob("arch/*/boot/dts/**/*.dtso"))
