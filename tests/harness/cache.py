# SPDX-License-Identifier: MIT
"""cache: what the system tests build for themselves is built once, however many runs want it at the same time.

A builder that stands in for the kernel's make says when it has begun, and goes on when it is told to; so no test depends on
how fast this machine is.
"""

import lzma
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile

from . import Result
from .builds import Failure, run_each

CONFIG = "CONFIG_ANYTHING=y\n"
SECONDS = 300  # until a run that hangs is given up, on the busiest of machines
WAITING = "system: waiting for another run, which is building Linux for fake: "

MAKE = """#!/bin/sh
for target; do :; done
case $target in
allnoconfig) echo CONFIG_ANYTHING=y >.config ;;
*)
    echo $$ >>{top}/begun
    read word <{top}/go
    mkdir -p arch
    echo "a kernel" >arch/Image
    ;;
esac
"""

RUN = """
import pathlib, sys
sys.path[:0] = ["{tests}", "{tests}/system"]
import material
kernel = material.OwnKernel(pathlib.Path("{top}/config"), "fake", "{top}/bin/fake-", "arch/Image")
print(material.own_kernel(pathlib.Path("{top}/cache"), kernel).read_text(), end="", flush=True)
"""


class Place:
    """A cache with a source that is soon unpacked, a compiler that has a version, and the builder."""

    def __init__(self, context, top):
        self.top, self.runs = pathlib.Path(top), []
        self.program = RUN.format(tests=context.root / "tests", top=top)
        source, programs = self.top / "cache/source/usr/src", self.top / "bin"
        source.mkdir(parents=True)
        programs.mkdir()
        (self.top / "linux").mkdir()
        (self.top / "config").write_text(CONFIG)
        packed = subprocess.run(["tar", "c", "-C", top, "linux"], stdout=subprocess.PIPE, check=True).stdout
        (source / "linux.tar.xz").write_bytes(lzma.compress(packed))
        for name, text in [("fake-gcc", "#!/bin/sh\necho 1\n"), ("make", MAKE.format(top=top))]:
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.fifos = {}
        for name in ("begun", "go"):
            os.mkfifo(self.top / name)
            self.fifos[name] = os.open(self.top / name, os.O_RDWR)  # nobody waits for the other end

    def start(self):
        self.runs.append(subprocess.Popen(
            [sys.executable, "-c", self.program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "PATH": f"{self.top}/bin:{os.environ['PATH']}"}))
        return self.runs[-1]

    def wait_for_builder(self):
        expect(select.select([self.fifos["begun"]], [], [], SECONDS)[0], "no builder begins")
        os.read(self.fifos["begun"], 64)

    def let_it_go_on(self):
        os.write(self.fifos["go"], b"\n")

    def left(self):
        """What is in the cache beside the log."""
        return sorted(path.name for path in self.top.glob("cache/kernel-*/*") if path.name not in ("build.log", "lock"))

    def end(self):
        for run in self.runs:
            run.kill()
            run.communicate()
        for fifo in self.fifos.values():
            os.close(fifo)


def expect(good, what):
    if not good:
        raise Failure(what)


def ends_well(run):
    try:
        text, _ = run.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"a run does not end\n{late.output}") from late
    expect(run.returncode == 0 and text.endswith("a kernel\n"), f"exit status {run.returncode}\n{text}")
    return text


def once_for_two(place):
    first = place.start()
    place.wait_for_builder()
    second = place.start()
    line = second.stdout.readline()
    expect(line.startswith(WAITING), f"the second run says {line!r}")
    place.let_it_go_on()
    expect("building Linux for fake" in ends_well(first), "the first run does not say that it builds")
    # Nobody would let a second builder go on.
    ends_well(second)
    expect(place.left() == ["Image"], f"left behind: {place.left()}")


def nothing_half(place):
    first = place.start()
    place.wait_for_builder()
    first.kill()
    # The next run waits until the builder of the first one has ended: without being let go on.
    second = place.start()
    place.wait_for_builder()
    expect("Image" not in place.left(), "there is an image that nobody has built")
    place.let_it_go_on()
    ends_well(second)
    expect(place.left() == ["Image"], f"left behind: {place.left()}")
    expect("building" not in ends_well(place.start()), "it is built although it is there")


def run_all(context):
    if not shutil.which("xz"):
        result = Result()
        result.skip("cache", "xz, which unpacks the source, is not there")
        return result

    def on_place(test):
        def on(context, directory):
            place = Place(context, directory)
            try:
                test(place)
            finally:
                place.end()
        return on

    return run_each(context, [("cache: two runs at once", None, on_place(once_for_two)),
                              ("cache: a run that is killed", None, on_place(nothing_half))])
