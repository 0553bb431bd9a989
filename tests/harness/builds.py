# SPDX-License-Identifier: MIT
"""builds: depfiles, read by make and by ninja: whatever a compilation reads makes it run again, and nothing else does."""

import os
import pathlib
import shutil
import tempfile
import time

from . import Result, run

# Names that make and ninja have to be told of with care. (Make itself cannot name a target with a `%` or a `:`.)
PARTS = {
    "board $1 #a.mach": """include "with blank.mach";
host "tree.dts" { }
machine m : arm64-virt {
    cpus 1;
    memory ram at 0x80000000 size SIZE;
    node /blob { data = /incbin/("raw data.bin"); };
    device mover : acme-mover;
}
""",
    "with blank.mach": "const SIZE = 256M;\n",
    "tree.dts": '/dts-v1/;\n/include/ "part#1.dtsi"\n',
    "part#1.dtsi": '/ { #address-cells = <2>; #size-cells = <2>; compatible = "acme,board"; model = "b"; };\n',
    "raw data.bin": "some bytes\n",
    "schemas/mover.json": """{ "class": { "name": "acme-mover", "emulated": true, "node-name": "mover", "compatible": ["acme,mover"],
  "regions": [ { "size": "4K" } ] } }
""",
}
MAIN = "board $1 #a.mach"
OUT = "guest $x #1.dtb"

MAKEFILE = """
all: guest\\ $$x\\ \\#1.dtb
guest\\ $$x\\ \\#1.dtb: board\\ $$1\\ \\#a.mach
\t'{machc}' --schema-dir schemas 'board $$1 #a.mach' -o 'guest $$x #1.dtb' -MD -MF guest.d -MP
\techo ran >> log
-include guest.d
"""

NINJA = """
rule machc
  command = '{machc}' --schema-dir schemas $in -o $out -MD -MF guest.d && echo ran >> log
  depfile = guest.d
{deps}
build guest$ $$x$ #1.dtb: machc board$ $$1$ #a.mach
"""


class Failure(Exception):
    pass


def settle(directory, path, text):
    """Writes a file that is younger than all others."""
    file = pathlib.Path(directory, path)
    file.parent.mkdir(exist_ok=True)
    newest = max((p.stat().st_mtime for p in pathlib.Path(directory).rglob("*") if p.is_file() and p != file), default=0)
    file.write_text(text)
    os.utime(file, (newest + 2, newest + 2))


def runs(directory):
    log = pathlib.Path(directory, "log")
    return len(log.read_text().splitlines()) if log.exists() else 0


def build(tool, directory):
    done = run(*tool, cwd=directory)
    if done.status != 0:
        raise Failure(f"{tool[0]}: exit status {done.status}\n{done.out.decode('utf-8', 'replace')}{done.err}")


def follows_everything(tool, directory):
    old = time.time() - 1000
    for name, text in PARTS.items():
        settle(directory, name, text)
        os.utime(pathlib.Path(directory, name), (old, old))
    build(tool, directory)
    build(tool, directory)
    if runs(directory) != 1:
        raise Failure(f"it ran {runs(directory)} times, once is enough\n{pathlib.Path(directory, 'guest.d').read_text()}")
    for count, (name, text) in enumerate(PARTS.items(), 2):
        # What is written now is younger than the outputs only when their clock agrees.
        for path in pathlib.Path(directory).rglob("*"):
            if path.is_file():
                os.utime(path, (old, old))
        settle(directory, name, text)
        build(tool, directory)
        if runs(directory) != count:
            raise Failure(f"{name} changed, and it did not run")
    build(tool, directory)
    if runs(directory) != len(PARTS) + 1:
        raise Failure("it ran for nothing")


def with_make(context, directory):
    pathlib.Path(directory, "Makefile").write_text(MAKEFILE.format(machc=context.machc))
    follows_everything(["make"], directory)
    # -MP: an include that is gone, and not named any more, does not stop make.
    settle(directory, MAIN, PARTS[MAIN].replace('include "with blank.mach";\n', "").replace("SIZE", "256M"))
    os.unlink(pathlib.Path(directory, "with blank.mach"))
    build(["make"], directory)


def with_ninja(context, directory, deps):
    # Ninja says `in` and `out` to the shell in quotes of its own.
    pathlib.Path(directory, "build.ninja").write_text(NINJA.format(machc=context.machc, deps=deps))
    follows_everything(["ninja"], directory)


def depfile(context, directory, *args, status=0):
    done = run(context.machc, "--schema-dir", "schemas", *args, cwd=directory)
    if done.status != status:
        raise Failure(f"machc {args}: exit status {done.status}\n{done.err}")
    return done


def names_and_targets(context, directory):
    folder = pathlib.Path(directory)
    for name, text in PARTS.items():
        settle(directory, name, text)
    depfile(context, directory, MAIN, "-o", "out.dtb", "-c", "out.cfg", "-MD")
    text = (folder / "out.d").read_text()
    wanted = "out.dtb out.cfg: \\\n  board\\ $$1\\ \\#a.mach \\\n"
    if not text.startswith(wanted) or "with\\ blank.mach" not in text or "part\\#1.dtsi" not in text or "raw\\ data.bin" not in text:
        raise Failure(f"not what was expected\n{text}")
    if "schemas/mover.json" not in text or "pl011" in text:
        raise Failure(f"the schemas that were read are not those that are named\n{text}")
    depfile(context, directory, MAIN, "--check", "-MD", "-MFstamp.d", "-MT", "a b", "-MTc")
    if not (folder / "stamp.d").read_text().startswith("a\\ b c: \\\n"):
        raise Failure((folder / "stamp.d").read_text())
    depfile(context, directory, MAIN, "-O", "dir", "-MD", "-MF", "dir.d")
    if not (folder / "dir.d").read_text().startswith("dir/m.dtb dir/m.cfg: \\\n"):
        raise Failure((folder / "dir.d").read_text())
    # Nothing is written, and nothing lost, when there is an error.
    settle(directory, MAIN, PARTS[MAIN].replace("cpus 1", "cpus 1000000"))
    before = (folder / "out.d").read_bytes()
    depfile(context, directory, MAIN, "-o", "out.dtb", "-MD", "-MF", "out.d", status=1)
    depfile(context, directory, MAIN, "-o", "new.dtb", "-MD", status=1)
    if (folder / "out.d").read_bytes() != before or (folder / "new.d").exists():
        raise Failure("a depfile was written for a compilation with errors")
    for args, what in ((["-MF", "x"], "go with -MD"), (["-MD"], "name the file with -MF"), (["-MQ", "x"], "there are -MD"),
                       (["-MD", "-MF", "x", "--check"], "-MT"), (["-MD", "-MF", "x", "x.mach"], "one file"),
                       (["-MD", "-o", "a.dtb", "-MF", MAIN], "is also read"), (["-MD", "-MF"], "needs an argument")):
        settle(directory, MAIN, PARTS[MAIN])
        done = depfile(context, directory, MAIN, *args, status=2)
        if what not in done.err:
            raise Failure(f"{args}: {done.err}")


def run_all(context):
    result = Result()
    tests = [("depfile: names and targets", None, names_and_targets),
             ("depfile: make", "make", with_make),
             ("depfile: ninja", "ninja", lambda context, directory: with_ninja(context, directory, "")),
             ("depfile: ninja, deps = gcc", "ninja", lambda context, directory: with_ninja(context, directory, "  deps = gcc"))]

    def check(test):
        with tempfile.TemporaryDirectory() as directory:
            try:
                test[2](context, directory)
            except Failure as failure:
                return str(failure)
        return None

    present = [test for test in tests if not test[1] or shutil.which(test[1])]
    for test in tests:
        if test not in present:
            result.skip(test[0], f"{test[1]} is not there")
    for test, problem in context.each(check, present, lambda test: test[0]):
        result.add(test[0], problem)
    return result
