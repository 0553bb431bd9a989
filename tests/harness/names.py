# SPDX-License-Identifier: MIT
"""names: whatever is in a name, in a text, on the command line, in a file's name, in a config, a tree or JSON: no command prints it
so that it controls a terminal, turns the direction of writing, or is no UTF-8.

Every command is run with each of the hostile pieces below in every name that it has, and all bytes of both outputs are
looked at. Beside it stand names in other scripts, which must come out as they are."""

import pathlib
import re
import struct
import subprocess
import tempfile

from . import ENVIRONMENT, Result

# All have four bytes, so that one takes the place of another in a config.
HOSTILE = {
    "escape": b"\x1b[3m",
    "c1": b"\xc2\x9b3m",
    "bidi": b"\xe2\x80\xaex",
    "isolate": b"\xe2\x81\xa7x",
    "arabic-letter-mark": b"\xd8\x9cxx",
    "return": b"\r\x7fxx",
    "bell": b"\x07\x08xx",
    "not-utf8": b"\xff\xc3xx",
}
FINE = "äß€".encode()[:4]  # ä and ß
PIECE = b"EVIL"

UNFIT = re.compile("[\0-\t\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def problem_in(data, tabs):
    """What is wrong with bytes that were printed. `tabs`: source lines and device tree source may have them."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8 at {error.start}: {data[max(0, error.start - 60):error.start + 20]!r}"
    for match in UNFIT.finditer(text):
        if match[0] != "\t" or not tabs:
            return f"U+{ord(match[0]):04X}: {text[max(0, match.start() - 60):match.end() + 10]!r}"
    return None


DESCRIPTION = rb'''host "host.dts" { facts "facts.json"; }
machine m : arm64-virt {
    cpus 1;
    model "EVIL";
    memory ram at 0x4000000000 size 16M;
    memory f size 4K from file "/nowhere/EVIL";
    memory s size 4K from file "/nowhere/s" share "EVIL";
    passthrough &dev { dma none; }
    passthrough platform "EVIL.dev" as p { dma none; region 0 size 4K map unsafe "EVIL"; }
    passthrough raw as r { dma none; region 0 file "/dev/EVIL" size 4K; irq 0 file "/dev/EVIL" to spi 40 level-high; }
    node /n { p = "EVIL"; compatible = "EVIL"; };
}
'''
HOST = rb'''/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>; compatible = "EVIL"; model = "EVIL"; interrupt-parent = <&gic>;
gic: ic@8000000 { compatible = "arm,gic-v3"; #interrupt-cells = <3>; interrupt-controller; reg = <0 0x8000000 0 0x10000 0
0x80a0000 0 0x100000>; };
dev: dev@9000000 { compatible = "a,b", "EVIL"; reg = <0 0x9000000 0 0x1000>; reg-names = "EVIL"; interrupts = <0 4 4>;
interrupt-names = "EVIL"; x = "EVIL"; }; };
'''
FACTS = rb'''{"format": "facts.json", "page_size": 4096, "compatible": ["EVIL"], "iommu_groups": [{"group": 1, "devices": [{"name": "9000000.dev", "driver": "EVIL"},
{"name": "EVIL", "driver": null}], "reserved": []}]}
'''
# Mistakes in which a name is the point.
WRONG = rb'''host "EVIL.dts"; include "EVIL.mach";
const A = "EVIL";
machine m : "EVIL" { cpus 1; memory "x{A}" size 4K; device d : "EVIL"; passthrough "EVIL" as e; passthrough pci "EVIL"; use "EVIL";
memory r size 4K from file "EVIL"; assert m.r.path == "EVIL", "EVIL"; device "EVIL" : virtio-mmio { edit { EVIL = "x"; }; } EVIL }
'''
COMMENT = re.compile(rb"[^\x00-\x7f]")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_piece(config, piece):
    """A config in which PIECE is another one, with its checksum put right: the checksum of the header is that of the
    file with zeros in its place, and where it is, this finds by trying."""
    for at in range(8, 96, 4):
        if struct.unpack_from("<I", config, at)[0] == crc32c(config[:at] + bytes(4) + config[at + 4:]):
            changed = config.replace(PIECE, piece)
            return changed[:at] + struct.pack("<I", crc32c(changed[:at] + bytes(4) + changed[at + 4:])) + changed[at + 4:]
    raise ValueError("no checksum")


def in_text(data, piece):
    """A text with the piece as escapes in its strings, as only they may hold such bytes."""
    return data.replace(PIECE, "".join(f"\\x{byte:02x}" for byte in piece).encode())


def in_json(data, piece):
    text = piece.decode("utf-8", "replace")
    return data.replace(PIECE, "".join(f"\\u{ord(ch):04x}" for ch in text).encode())


class Place:
    """A directory in which every command of one piece is run."""

    def __init__(self, context, piece, folder):
        self.context, self.piece, self.folder = context, piece, pathlib.Path(folder)
        self.problems = []
        self.count = 0

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return name

    def run(self, program, *args, tabs=False):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in args]
        words = [word.replace(PIECE, self.piece) for word in words]
        done = subprocess.run([str(program).encode(), *words], cwd=self.folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, check=False)
        self.count += 1
        if done.returncode < 0 or done.returncode == 99:
            self.problems.append(f"{words}: ended with {done.returncode}")
        for what, data in (("stdout", done.stdout), ("stderr", done.stderr)):
            wrong = problem_in(data, tabs)
            if wrong:
                self.problems.append(f"{program.name} {b' '.join(words)!r}: {what}: {wrong}")
        return done

    def machc(self, *args, tabs=False):
        return self.run(self.context.machc, *args, tabs=tabs)

    def machrt(self, *args):
        return self.run(self.context.machrt, *args)


def run_machc(place):
    piece = place.piece
    place.write("host.dts", in_text(HOST, piece))
    place.write("facts.json", in_json(FACTS, piece))
    place.write("in.mach", in_text(DESCRIPTION, piece))
    place.write("wrong.mach", in_text(WRONG, piece))
    place.write("raw.mach", DESCRIPTION.replace(PIECE, piece))
    place.write("rawhost.mach", b'host "rawhost.dts"; machine m : arm64-virt { cpus 1; memory ram size 16M; passthrough &dev; }')
    place.write("rawhost.dts", HOST.replace(PIECE, piece))
    (place.folder / "classes").mkdir()
    place.write("classes/x.json", in_json(b'{"class": {"name": "EVIL", "compatible": ["EVIL"], "EVIL": 1}}', piece))
    evil = b"EVIL.mach".replace(PIECE, piece)
    (place.folder / evil.decode("utf-8", "surrogateescape")).write_bytes(b"machine m : nothing { }\n")
    (place.folder / b"EVILdir".replace(PIECE, piece).decode("utf-8", "surrogateescape")).mkdir()
    for form in ("text", "json", "sarif", "github"):
        for name in ("in.mach", "wrong.mach", "raw.mach", "rawhost.mach", b"EVIL.mach", b"EVILmissing.mach", b"EVILdir"):
            place.machc("--check", "--max-errors=0", f"--diagnostics={form}", name, tabs=True)
    for view in ("dts", "json", "plan", "map", "graph"):
        place.machc(f"--emit={view}", "in.mach", tabs=True)
    place.machc("--explain=/n", "in.mach", tabs=True)
    place.machc("--explain=dev", "in.mach", tabs=True)
    for args in (["--check", "--together", "in.mach", b"EVIL.mach", b"EVILmissing.mach"],
                 ["--check", "in.mach", b"EVIL.mach", b"EVILmissing.mach"], ["--host", b"EVIL.dtb", "--check", "in.mach"],
                 ["--host", b"EVIL.mach", "--check", "in.mach"], ["-I", b"EVIL", "--check", "wrong.mach"],
                 [b"-DEVIL=1", "--check", "in.mach"], [b"-DA=EVIL", "--check", "in.mach"], [b"-DA", "--check", "in.mach"],
                 ["--schema-dir", b"EVIL", "--check", "in.mach"], ["--schema-dir", "classes", "--check", "in.mach"],
                 ["-m", b"EVIL", "--emit=dts", "in.mach"], ["-O", b"/nowhere/EVIL", "in.mach"],
                 ["-o", b"/nowhere/EVIL", "in.mach"], ["-o", b"EVIL.out", "-c", b"EVIL.out", "in.mach"],
                 ["-o", b"EVIL.mach", "in.mach"], [b"--explain=EVIL"], [b"--explain=EVIL", "in.mach"],
                 [b"--explain=&EVIL", "in.mach"], ["--dump-class", b"EVIL"], [b"--EVIL"], [b"-WEVIL", "--check", "in.mach"],
                 [b"--emit=EVIL", "in.mach"], ["--max-errors", b"EVIL", "in.mach"], ["-j", b"EVIL", "in.mach"],
                 ["--max-memory", b"EVIL", "in.mach"], [b"--diagnostics=EVIL", "in.mach"],
                 [b"--diagnostics=json:/nowhere/EVIL", "--check", "in.mach"], ["--fix", b"EVIL.mach"], ["--fix", b"EVILmissing"],
                 ["--list-classes", "--schema-dir", "classes"], ["-MD", "-MF", b"/nowhere/EVIL", "-o", "x.dtb", "in.mach"],
                 ["a.mach", b"EVIL.mach", "-o", "x"]):
        place.machc(*args, tabs=True)


def run_machrt(place, config):
    place.write("evil.cfg", with_piece(config, place.piece))
    place.write("broken.cfg", with_piece(config, place.piece)[:200])
    for args in (["show", "evil.cfg"], ["show", "--json", "evil.cfg"], ["check", "evil.cfg"], ["check", "--all", "evil.cfg"],
                 ["plan", "evil.cfg"], ["plan", "--all", "--stop", "--host", "evil.cfg"], ["plan", "--kvm", "evil.cfg"],
                 ["plan", "--backend=group", "evil.cfg"], ["bind", "--verbose", "evil.cfg"],
                 ["bind", b"--state=/nowhere/EVIL", "evil.cfg"], ["unbind", "--verbose", "evil.cfg"],
                 ["unbind", b"--state=/nowhere/EVIL", "evil.cfg"], ["run", "--seconds=0", "--verbose", "evil.cfg"],
                 ["show", b"EVIL.cfg"], ["show", "broken.cfg"], ["probe"], [b"EVIL"], ["show", b"--EVIL", "evil.cfg"],
                 ["check", "evil.cfg", b"EVIL"], ["plan", b"--backend=EVIL", "evil.cfg"], ["run", b"--seconds=EVIL", "evil.cfg"]):
        place.machrt(*args)


def check(context, name, config):
    with tempfile.TemporaryDirectory() as folder:
        place = Place(context, HOSTILE[name], folder)
        run_machc(place)
        run_machrt(place, config)
        return "\n".join([f"{len(place.problems)} of {place.count} runs"] + place.problems) if place.problems else None


def check_fine(context, config):
    """Letters of other scripts are names like any others."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(context, FINE, folder)
        run_machc(place)
        run_machrt(place, config)
        shown, plan = place.machrt("show", "evil.cfg").stdout, place.machrt("plan", "evil.cfg").stdout
        said = place.machc("--check", b"EVILmissing.mach").stderr
        for what, text in (("show", shown), ("plan", plan), ("cannot read", said)):
            if FINE not in text:
                place.problems.append(f"{what} does not print {FINE.decode()}")
        return "\n".join(place.problems) if place.problems else None


def make_config(context):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "host.dts").write_bytes(HOST)
        (path / "facts.json").write_bytes(FACTS)
        (path / "in.mach").write_bytes(DESCRIPTION)
        subprocess.run([context.machc, "-w", "in.mach", "-c", "in.cfg", "-o", "in.dtb"], cwd=folder, check=True)
        return (path / "in.cfg").read_bytes()


def run_all(context):
    result = Result()
    try:
        config = make_config(context)
    except (subprocess.CalledProcessError, OSError) as error:
        result.add("names", f"no config: {error}")
        return result
    for name, problem in context.each(lambda name: check(context, name, config), list(HOSTILE), lambda name: name):
        result.add(name, problem)
    if not context.wanted:
        result.add("fine", check_fine(context, config))
    return result
