# SPDX-License-Identifier: MIT
"""cli: options, exit statuses, and that either all outputs are written or none."""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile

from . import ENVIRONMENT, Result, run

ONE = """machine alpha : arm64-virt {
    cpus 1;
    memory ram at 0x80000000 size 256M;
    device uart0 : ns16550a;
}
"""
TWO = ONE + ONE.replace("alpha", "beta")
BROKEN = ONE + "machine gamma : no-such-platform { cpus 1; memory ram at 0x80000000 size 1M; }\n"


class Failure(Exception):
    pass


class Skipped(Exception):
    """The test cannot run here; the text says why."""


def expect(condition, text, done=None):
    if not condition:
        said = f"\nexit status {done.status}\n{done.err}{done.out.decode('utf-8', 'replace')[:500]}" if done else ""
        raise Failure(text + said)


class Box:
    """A directory for one test, with descriptions in it."""

    def __init__(self, context, directory):
        self.context = context
        self.path = pathlib.Path(directory)
        self.write("one.mach", ONE)
        self.write("two.mach", TWO)
        self.write("broken.mach", BROKEN)

    def write(self, name, text):
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name):
        return (self.path / name).read_bytes()

    def files(self):
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*"))

    def machc(self, *args, status=0, **more):
        """Runs machc in the directory and checks its status."""
        done = run(self.context.machc, *args, **{"cwd": self.path, **more})
        expect(done.status == status, f"machc {' '.join(map(str, args))}: exit status {done.status}, not {status}", done)
        return done


def is_dtb(data):
    return data[:4] == b"\xd0\x0d\xfe\xed"


# ---- actions ----

def one_machine(box):
    box.machc("one.mach", "-o", "guest.dtb", "-c", "guest.cfg")
    expect(is_dtb(box.read("guest.dtb")), "guest.dtb is no DTB")
    expect(len(box.read("guest.cfg")) > 64, "guest.cfg is too short")


def options_in_front_and_behind(box):
    box.machc("-o", "a.dtb", "one.mach", "-ca.cfg", env={"POSIXLY_CORRECT": "1"})
    box.machc("-o", "b.dtb", "-c", "b.cfg", "--", "one.mach")
    expect(box.read("a.dtb") == box.read("b.dtb") and box.read("a.cfg") == box.read("b.cfg"), "outputs differ")


def standard_output(box):
    box.machc("one.mach", "-o", "a.dtb", "-c", "a.cfg")
    expect(box.machc("one.mach", "-o", "-").out == box.read("a.dtb"), "-o - is not what -o writes")
    expect(box.machc("one.mach", "-c", "-").out == box.read("a.cfg"), "-c - is not what -c writes")
    if not os.path.exists("/dev/stdout"):  # /proc is not mounted
        return
    expect(box.machc("one.mach", "-o", "/dev/stdout").out == box.read("a.dtb"), "-o /dev/stdout")
    with open(box.path / "b.dtb", "ab") as to:
        to.write(b"before")
        to.flush()
        subprocess.run([box.context.machc, "one.mach", "-o", "/dev/stdout"], cwd=box.path, stdout=to, check=True)
    expect(box.read("b.dtb") == b"before" + box.read("a.dtb"), "appending to a file through /dev/stdout")


def standard_input(box):
    box.machc("one.mach", "-o", "a.dtb", "-c", "a.cfg")
    expect(box.machc("-", "-o", "-", stdin=ONE.encode()).out == box.read("a.dtb"), "from standard input")
    done = box.machc("-", "--check", stdin=b"machine", status=1)
    expect("<stdin>:1:" in done.err, "messages do not name <stdin>", done)


def every_machine(box):
    box.machc("two.mach", "-O", "out/")
    expect([name for name in box.files() if name.startswith("out/")] ==
           ["out/alpha.cfg", "out/alpha.dtb", "out/beta.cfg", "out/beta.dtb"], f"files are {box.files()}")
    box.machc("two.mach", "-m", "beta", "-o", "b.dtb", "-c", "b.cfg")
    expect(box.read("b.dtb") == box.read("out/beta.dtb"), "-O and -o write different trees")
    expect(box.read("b.cfg") == box.read("out/beta.cfg"), "-O and -c write different configs")


def several_machines_need_a_name(box):
    done = box.machc("two.mach", "-o", "a.dtb", status=2)
    expect("alpha, beta" in done.err, "the machines are not listed", done)
    done = box.machc("two.mach", "-m", "alhpa", "-o", "a.dtb", status=2)
    expect("did you mean `alpha`?" in done.err, "no suggestion", done)
    expect("a.dtb" not in box.files(), "something was written")


def checks_write_nothing(box):
    before = box.files()
    for args in (["--check", "two.mach"], ["two.mach"], ["--syntax", "two.mach"]):
        done = box.machc(*args)
        expect(not done.out and not done.err, "something was said", done)
    expect(box.files() == before, f"files are {box.files()}")


def views(box):
    dts = box.machc("one.mach", "--emit=dts").out
    expect(b"/dts-v1/" in dts, "no DTS")
    expect(box.machc("one.mach", "--emit=json").out.startswith(b"{"), "no JSON")
    expect(b"alpha" in box.machc("one.mach", "--emit=plan").out, "no plan")
    both = box.machc("two.mach", "--emit=dts").out
    expect(b"// machine alpha\n" in both and b"// machine beta\n" in both, "not both machines")
    only = box.machc("two.mach", "--emit=dts", "-m", "beta").out
    expect(only == both[both.index(b"// machine beta\n") + len(b"// machine beta\n"):], "-m beta is not the second half")
    plan = box.machc("two.mach", "-O", "out", "--emit=plan").out
    expect(b"alpha" in plan and b"beta" in plan and len(list((box.path / "out").iterdir())) == 4, "view and files at once")


# A row of each kind: resource, owner, user, place in the text.
OWNERS = """
memory     0x60000000-0x60ffffff    linux1  memory ipc0, share ipc0
memory     0x60000000-0x60ffffff    linux2  memory ipc0, share ipc0
registers  0xffe302000-0xffe302fff  linux1  sec_jr1 region 0
registers  0xffe303000-0xffe303fff  linux2  sec_jr2 region 0
interrupt  MPIC 89, level-high      linux1  sec_jr1 irq 0
interrupt  MPIC 90, level-high      linux2  sec_jr2 irq 0
LIODN      147                      linux1  /soc@ffe000000/crypto@300000/jr@2000
LIODN      178                      linux2  /soc@ffe000000/crypto@300000/jr@3000
host cpu   3                        linux2
node       /soc@ffe000000/serial@11c500           host  console              p4080ds.dts
node       /soc@ffe000000/pic@40000               host  interrupt controller p4080ds.dts
node       /soc@ffe000000/global-utilities@e1000  host  clock of /cpus/PowerPC,e500mc@0 p4080ds.dts
"""


def owners(box):
    def table(*args):
        text = box.machc(box.context.root / "examples/partition.mach", "--emit=plan", *args).out.decode()
        return [" ".join(line.split()) for line in text.split("\nowners\n")[1].splitlines()]

    rows = table()
    for want in filter(None, (" ".join(line.split()) for line in OWNERS.splitlines())):
        found = sum(row == want or row.startswith(f"{want} ") for row in rows)
        expect(found == 1, f"{found} rows: {want}")
    expect(not any(row.startswith(f"host cpu {n} ") for n in (0, 4) for row in rows), "a cpu that nobody was given")
    one = table("-m", "linux2")
    expect([row for row in rows if " linux1 " not in row] == one, "-m linux2 is not what linux2 and the host have")


REFERENCES = """
gem3 clocks[1] "hclk" /firmware/zynqmp-firmware/clock-controller 107 written fixed 125000000 Hz
gem3 power-domains /firmware/zynqmp-firmware 32 default dropped: the host's kernel keeps it on while VFIO has the device
gem3 resets "gem3_rst" /firmware/zynqmp-firmware/reset-controller 32 written dropped
"""


def references(box):
    """What the host keeps, and what the guest gets in its place: one row for each entry, none for what is inside."""
    text = box.machc(box.context.root / "examples/zcu102-ethernet.mach", "--emit=plan").out.decode()
    rows = [" ".join(line.split()) for line in text.split("\nreferences\n")[1].split("\n\n")[0].splitlines()[1:]]
    expect([row for row in REFERENCES.strip().splitlines() if row not in rows] == [], "rows are missing: " + "\n".join(rows))
    expect(len(rows) == 9, f"{len(rows)} rows, not 9")


KEPT = """
/soc/ethernet@20000 clocks[0] /soc/clock-controller@0 bus@10020000 while the device is open a
/soc/ethernet@20000 clocks[2] /soc/clock-controller@0 ready: the line is not wired a
/soc/ethernet@20000 power-domains[1] /soc/power-controller@1000 bus@10020001 while the device is open a
/soc/ethernet@20000 vdd-supply[0] /soc/i2c@5000/pmic@10/vdd on from the start a
/soc/ethernet@20000 phy-reset-gpios[0] /soc/gpio@4000 inactive from the start a
/soc/ethernet@20000 interconnects[1] /soc/interconnect@2000 as it is at the start a
/soc/serial@60000 power-domains[0] /soc/power-controller@1000 Linux, while the device is open b
/soc/serial@60000 hidden and enabled b
memory code guest-memory@90000000 reserved a
"""


def kept(box):
    """What the host keeps for its guests, and how; of one machine with -m."""
    def table(*args):
        text = box.machc(box.context.root / "tests/golden/host-asked.mach", "-w", "--emit=plan", *args).out.decode()
        return [" ".join(line.split()) for line in text.split("\nhost\n")[1].split("\n\n")[0].splitlines()[1:]]

    rows = table()
    expect(not set(KEPT.strip().splitlines()) - set(rows), "rows are missing: " + "\n".join(rows))
    expect(table("-m", "b") == [row for row in rows if row.endswith(" b")], "-m b is not what is kept for b")


def many_files(box):
    done = box.machc("--check", "broken.mach", "missing.mach", "one.mach", "broken.mach", "two.mach", status=2)
    lines = done.err.splitlines()
    expect([line for line in lines if line.startswith("machc: ")] == [
        "machc: cannot read missing.mach: there is no such file",
        "machc: 5 files: 2 fine, 3 with errors (2 errors, 0 warnings)"], "not as expected", done)
    expect(lines[-1].startswith("machc: 5 files"), "the summary does not come last", done)
    expect(sum("broken.mach:6:17: error:" in line for line in lines) == 2, "not both messages", done)
    expect(box.machc("--check", "one.mach", "two.mach").err == "machc: 2 files: 2 fine\n", "fine files")
    for i in range(500):
        box.write(f"b{i}.mach", ONE if i % 50 else BROKEN)
    names = [f"b{i}.mach" for i in range(500)]
    one, two = (box.machc("--check", f"-j{n}", *names, status=1) for n in (1, 5))
    expect(one.err == two.err, "the order depends on -j", two)
    places = [line.split(":")[0] for line in one.err.splitlines() if ": error: " in line]
    expect(places == [f"b{i}.mach" for i in range(0, 500, 50)], "the order is not the command line's", one)
    expect(one.err.endswith("machc: 500 files: 490 fine, 10 with errors (10 errors, 0 warnings)\n"), "summary", one)


def files_together(box):
    """Several files as one board: each file's outputs are what it gives alone, and the table knows all of them."""
    box.write("beta.mach", ONE.replace("alpha", "beta").replace("cpus 1", "cpus 1 on 2"))
    box.machc("one.mach", "-o", "alpha.dtb", "-c", "alpha.cfg")
    box.machc("beta.mach", "-o", "beta.dtb", "-c", "beta.cfg")
    box.machc("--together", "-O", "out", "-MD", "-MF", "d", "one.mach", "beta.mach")
    expect([f for f in box.files() if f.startswith("out/")] == [f"out/{n}" for n in ("alpha.cfg", "alpha.dtb", "beta.cfg", "beta.dtb")],
           "not the outputs of both")
    for name in ("alpha.dtb", "alpha.cfg", "beta.dtb", "beta.cfg"):
        expect(box.read(f"out/{name}") == box.read(name), f"{name} is not what the file gives alone")
    expect(b"one.mach" in box.read("d") and b"beta.mach" in box.read("d"), "the depfile does not name both")
    rows = box.machc("--together", "--emit=plan", "one.mach", "beta.mach").out.decode()
    expect("machine alpha" in rows and "machine beta" in rows, "a machine is not in the table")
    expect(box.machc("--together", "--check", "one.mach", "beta.mach").err == "", "fine files are told of")
    expect(box.machc("--check", "one.mach", "two.mach").err == "machc: 2 files: 2 fine\n", "compared without being asked")
    done = box.machc("--together", "--check", "one.mach", "two.mach", status=1)
    expect(done.err.splitlines()[0] == "two.mach:1:9: error: there are two machines called `alpha` [E0318]", "not told", done)
    expect("one.mach:1:9: the first is here" in done.err, "the other place is missing", done)
    box.machc("--together", "one.mach", "one.mach", "-o", "again.dtb")
    expect(box.read("again.dtb") == box.read("alpha.dtb"), "the same file twice")
    box.machc("--together", "--check", "one.mach", "missing.mach", status=2)
    for option in ("--fix", "--syntax"):
        done = box.machc("--together", option, "one.mach", "beta.mach", status=2)
        expect("--together compares machines: it cannot be combined with --fix or --syntax" in done.err, option, done)
    box.machc("--together", "--check", "-DN=1", "one.mach", box.write("n.mach", "const N = 2; " + ONE.replace("alpha", "n").replace("1;", "N;", 1)))
    done = box.machc("--together", "--check", "-DN=1", "one.mach", "beta.mach")
    expect("-D sets `N`, which nothing in the files uses" in done.err, "an unused -D", done)


WRONG = """mashine alpha : arm64-vert {
    cpus 1;
    memory ram at 0x80000800 size 256M;
    device uart0 : ns1655a
    device uart1 : ns16550a { irq spi 40 level-hihg; }
}
"""
RIGHT = """machine alpha : arm64-virt {
    cpus 1;
    memory ram at 0x80000000 size 256M;
    device uart0 : ns16550a;
    device uart1 : ns16550a { irq spi 40 level-high; }
}
"""


def fixes_are_shown(box):
    box.write("w.mach", RIGHT.replace("virt", "vert").replace("ns16550a;", "ns16550a"))
    done = box.machc("--check", "w.mach", status=1)
    expect("""    1 | machine alpha : arm64-vert {
      |                 ^~~~~~~~~~
      |                 arm64-virt
""" in done.err and """    4 |     device uart0 : ns16550a
      |                            ^
      |                            ;
""" in done.err, "no line with what to write", done)


def fixes_are_made(box):
    box.write("w.mach", WRONG)
    os.chmod(box.path / "w.mach", 0o640)
    os.symlink("w.mach", box.path / "link.mach")
    done = box.machc("--fix", "link.mach")
    expect(box.read("w.mach") == RIGHT.encode(), "the text is another one:\n" + box.read("w.mach").decode(), done)
    expect((box.path / "link.mach").is_symlink() and (box.path / "w.mach").stat().st_mode & 0o777 == 0o640, "link or mode")
    expect("link.mach:1:1: fixed: `mashine` is now `machine` [E0103]\n" in done.err and
           "link.mach:4:27: fixed: `;` put in [E0102]\n" in done.err and done.err.count(" fixed: ") == 6, "told", done)
    # The remaining messages are printed, and files without a fix do not change.
    box.write("w.mach", WRONG.replace("256M", ""))
    done = box.machc("--fix", "w.mach", "broken.mach", "one.mach", status=1)
    expect(" error: " in done.err and done.err.count(" fixed: ") >= 4 and "broken.mach" in done.err, "told", done)
    expect(box.read("one.mach") == ONE.encode() and box.read("broken.mach") == BROKEN.encode(), "others were changed")


def only_what_is_named_is_fixed(box):
    box.write("lib.mach", "template t() { memry ram at 0x80000800 size 256M; }\n")
    box.write("w.mach", 'include "lib.mach";\nmachine a : arm64-vert { cpus 1; use t(); }\n')
    box.machc("--fix", "w.mach", status=1)
    expect(b"memry" in box.read("lib.mach") and b"arm64-virt" in box.read("w.mach"), "the include was changed")
    # The value of a parameter is written elsewhere than where it is used.
    box.write("p.mach", "template t(a) { memory ram at a size 256M; }\nmachine a : arm64-virt { cpus 1; use t(0x80000800); }\n")
    before = box.read("p.mach")
    box.machc("--fix", "p.mach", status=1)
    expect(box.read("p.mach") == before, "a template was changed")


def fixes_that_cannot_be_written(box):
    box.write("w.mach", WRONG)
    if os.geteuid() == 0:
        raise Skipped("root may write everywhere")
    os.chmod(box.path, 0o555)
    try:
        done = box.machc("--fix", "w.mach", status=2)
    finally:
        os.chmod(box.path, 0o755)
    expect("cannot write w.mach" in done.err and box.read("w.mach") == WRONG.encode(), "written", done)


def on_a_terminal(box, *args, **env):
    try:
        master, slave = os.openpty()
    except OSError as why:  # a bare chroot has no /dev/pts
        raise Skipped(f"no terminal can be had: {why.strerror}") from why
    env = {**{k: v for k, v in ENVIRONMENT.items() if k != "NO_COLOR"}, "TERM": "xterm", **env}
    with subprocess.Popen([box.context.machc, *args], cwd=box.path, stderr=slave, env=env) as child:
        os.close(slave)
        said = b""
        try:
            while more := os.read(master, 4096):
                said += more
        except OSError:  # the other end is closed
            pass
        child.wait()
    os.close(master)
    return said.decode()


def progress(box):
    names = ["one.mach", "broken.mach", "two.mach"]
    said = on_a_terminal(box, "--check", *names)
    expect("[0/3]" in said and "\033[K" in said and "\033[1;31m" in said, f"no progress: {said!r}")
    expect(said.replace("\r\n", "\n").endswith("machc: 3 files: 2 fine, 1 with errors (1 error, 0 warnings)\n"),
           f"the summary is not the end: {said!r}")
    plain = box.machc("--check", *names, status=1).err
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        said = on_a_terminal(box, "--check", *names, **env)
        expect(said.replace("\r\n", "\n") == plain, f"{env} changes nothing: {said!r}")


def labels_only_when_asked(box):
    box.write("l.mach", ONE.replace("}\n", '    node /x { y: z { compatible = "a,b"; }; };\n}\n'))
    expect(b"__symbols__" not in box.machc("l.mach", "-o", "-").out, "__symbols__ without -@")
    expect(b"__symbols__" in box.machc("l.mach", "-o", "-", "-@").out, "no __symbols__ with -@")


def labelled_nodes_get_free_phandles(box):
    # The written ones are the last that is valid, the first that would be given out, and one in between.
    box.write("p.mach", ONE.replace("}\n", "    node /x { a: a { }; b: b { }; c { phandle = <0xfffffffe>; }; d { phandle = <1>; };"
                                           " e { phandle = <3>; }; };\n}\n"))
    box.machc("p.mach", "-o", "p.dtb", "-@")
    said = run("dtc", "-q", "-I", "dtb", "-O", "dts", box.path / "p.dtb")
    found = re.findall(r"phandle = <(0x[0-9a-f]+)>", said.out.decode())
    expect(said.status == 0 and len(found) == len(set(found)) and len(found) >= 5, f"phandles: {found}")
    expect({"0xfffffffe", "0x01", "0x03"} < set(found) and "0xffffffff" not in found, f"phandles: {found}")


def constants_and_includes(box):
    (box.path / "lib").mkdir()
    box.write("lib/size.mach", "const SIZE = 256M;\n")
    box.write("inc.mach", 'include "size.mach";\n' + ONE.replace("256M", "SIZE"))
    box.machc("inc.mach", status=1)
    box.machc("-I", "lib", "inc.mach", "-o", "a.dtb")
    expect(box.read("a.dtb") == box.machc("one.mach", "-o", "-").out, "the include's const has another value")
    box.machc("-I", "lib", "-D", "SIZE=512M", "inc.mach", "-o", "b.dtb")
    expect(box.read("a.dtb") != box.read("b.dtb"), "-D changes nothing")


# ---- messages ----

def usage_errors(box):
    for args, text in (
            ([], "no input file"),
            (["--chekc", "one.mach"], "did you mean `--check`?"),
            (["--check=1", "one.mach"], "takes no argument"),
            (["-Z", "one.mach"], "unknown option `-Z`"),
            (["one.mach", "two.mach", "-o", "x"], "only one file can be compiled at a time"),
            (["--fix", "-"], "--fix cannot change standard input"),
            (["--fix", "one.mach", "-o", "x"], "--fix changes and checks files"),
            (["one.mach", "-j", "x"], "`-j x` is not a number"),
            (["one.mach", "--diagnostics=sraif"], "did you mean `--diagnostics=sarif`?"),
            (["one.mach", "--diagnostics=sarif:"], "has no file name"),
            (["one.mach", "--diagnostics=text:x"], "text goes to standard error"),
            (["one.mach", "--diagnostics=sarif", "--diagnostics=json:-"], "only one output can go"),
            (["one.mach", "--diagnostics=sarif", "--emit=dts"], "only one output can go"),
            (["one.mach", "-o"], "needs an argument"),
            (["one.mach", "-o", "a", "-o", "b"], "given twice"),
            (["one.mach", "-o", "-", "-c", "-"], "standard output"),
            (["one.mach", "-o", "-", "--emit=dts"], "standard output"),
            (["one.mach", "-o", "x", "-c", "x"], "same file"),
            (["one.mach", "-o", "x", "-c", "./x"], "same file"),
            (["one.mach", "-O", "x", "-m", "alpha"], "-O writes every machine"),
            (["one.mach", "--check", "-o", "x"], "--check writes nothing"),
            (["one.mach", "--emit=jsno"], "did you mean `--emit=json`?"),
            (["one.mach", "--max-errors", "many"], "not a number"),
            (["one.mach", "-D", "X"], "NAME=VALUE"),
            (["one.mach", "-Wno-such-thing"], "unknown warning `such-thing`"),
            (["--explain=E999"], "there is no message"),
            (["no-such.mach"], "cannot read no-such.mach: there is no such file\n"),
            (["./onee.mach"], "cannot read ./onee.mach: there is no such file; did you mean `./one.mach`?"),
            (["."], "cannot read .: it is a directory"),
            (["one.mach", "-o", "no/such/dir.dtb"], "cannot write no/such/dir.dtb"),
            (["one.mach", "-o", "."], "cannot write ."),
            (["one.mach", "-o", "one.mach"], "is also read"),
            (["one.mach", "-o", "./one.mach"], "is also read"),
    ):
        done = box.machc(*args, status=2)
        expect(text in done.err, f"machc {' '.join(args)} does not say `{text}`", done)
    expect(box.files() == ["broken.mach", "one.mach", "two.mach"], f"files are {box.files()}")
    expect(box.read("one.mach") == ONE.encode(), "the input was changed")


def help_and_version(box):
    expect(box.machc("--version").out.startswith(b"machc "), "--version")
    text = box.machc("--help").out.decode()
    for option in ("-o", "-c", "-O", "-m", "--host", "-I", "-D", "-@", "--check", "-Wno-NAME", "-Werror", "-w",
                   "--max-errors", "--explain", "--emit", "--list-classes", "--dump-class", "--schema-dir", "--version", "--help"):
        expect(option in text, f"--help does not tell {option}")


def messages_are_explained(box):
    done = box.machc("--explain=e0001")
    expect(b"E0001 cannot-read: " in done.out and done.out.count(b"\n") > 3, "no text", done)
    for line in box.machc("--explain=list").out.decode().splitlines():
        expect(box.machc(f"--explain={line.split()[0]}").out.startswith(line.split()[0].encode()), line)


def classes_are_listed(box):
    text = box.machc("--list-classes").out.decode()
    for name in ("gic-v3", "ns16550a", "arm64-virt"):
        expect(f"  {name} " in text, f"{name} is missing")


def classes_can_be_read_back(box):
    names = [line.split()[0] for line in box.machc("--list-classes").out.decode().splitlines() if line[:2] == "  "]
    expect(len(names) > 50, f"only {len(names)} classes are listed")
    for name in [*names, "arm,gic-v3", "fsl,imx7d-gpc"]:
        done = box.machc("--dump-class", name)
        keys = set(json.loads(done.out))
        expect(len(keys) == 1 and keys <= {"class", "irqchip", "host-irqchips", "platform"}, name, done)
    # The output is a schema file, which can replace the built-in one.
    (box.path / "own").mkdir()
    box.write("own/mine.json", box.machc("--dump-class", "ns16550a").out)
    box.machc("--schema-dir", "own", "one.mach", "-o", "own.dtb")
    box.machc("one.mach", "-o", "built-in.dtb")
    expect(box.read("own.dtb") == box.read("built-in.dtb"), "a class that was read back makes another tree")
    done = box.machc("--dump-class", "ns16550b", status=2)
    expect("did you mean `ns16550a`" in done.err, "nothing near is offered", done)


def nodes_are_explained(box):
    box.write("h.dts", """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>;
  gic: intc@1000 { compatible = "arm,cortex-a15-gic"; interrupt-controller; #interrupt-cells = <3>; reg = <0x1000 0x1000>; };
  mmc0: mmc@5000 { compatible = "acme,mmc"; reg = <0x5000 0x1000>; interrupts = <0 40 4>; bus-width = <8>; };
};
""")
    box.write("e.mach", """host "h.dts";
template board(name) { model "{name}"; cpus 2; memory ram at 0x80000000 size 256M; device uart0 : ns16550a; }
machine a : arm64-virt { use board("A"); passthrough &mmc0 { dma none; edit { no-sdio; }; } }
machine b : arm64-virt { use board("B"); }
""")
    done = box.machc("e.mach", "--explain=mmc0").out.decode()
    for line in ("machine a: /mmc@5000 (&mmc0)\n", "a copy of /mmc@5000, h.dts\n", "asked for at e.mach:3:42\n",
                 "    bus-width = <0x08>;\n        host: bus-width of /mmc@5000, h.dts:4:",
                 "    no-sdio;\n        written, e.mach:3:", "    interrupts = <0x00 0x28 0x04>;\n        computed: its interrupt links, e.mach:3:",
                 "        interrupt 0: gic spi 40 level-high, as on the host; on the host GIC SPI 40, level-high, e.mach:3:",
                 "        on the host: reg = <0x5000 0x1000>, h.dts:4:",
                 "        region 0: 0x5000, as on the host; 0x1000 bytes at 0x5000 of the host, mapped, e.mach:3:"):
        expect(line in done, f"not in it: {line}\n{done}")
    expect("machine b" not in done, f"b has none\n{done}")
    for name in ("/mmc@5000", "mmc@5000", "mmc", "&mmc0", "/mmc"):
        expect(box.machc("e.mach", f"--explain={name}").out.decode() == done, f"{name} is not mmc0")
    both = box.machc("e.mach", "--explain=uart0").out.decode()
    expect(both.count("machine ") == 2 and "in template `board`, used at e.mach:4:" in both and
           "schema: schemas/classes/ns16550a.json" in both and "chosen: the first place that was free" in both, both)
    only = box.machc("e.mach", "-m", "b", "--explain=uart0").out.decode()
    expect(both.endswith("\n" + only) and only.startswith("machine b: /serial@"), only)
    expect("for interrupt-parent of /" in box.machc("e.mach", "-m", "a", "--explain=gic").out.decode(), "phandle")
    done = box.machc("e.mach", "-m", "a", "--explain=mcm0", status=2)
    expect("has no node `mcm0`; did you mean `mmc0`?" in done.err and not done.out, "no suggestion", done)
    done = box.machc("e.mach", "-m", "a", "--explain=cpu", status=2)
    expect("has 2 nodes `cpu`:\n    /cpus/cpu@0\n    /cpus/cpu@1\n" in done.err, "not listed", done)
    done = box.machc("--explain=mmc0", status=2)
    expect("machc FILE.mach --explain=PATH" in done.err, "no hint", done)
    # Two lines per property, for all properties of every node of the guest.
    dts = box.machc("e.mach", "-m", "a", "--emit=dts").out.decode()
    for line in dts.splitlines():
        if line.startswith("\t") and line.count("\t") == 1 and line.endswith(("{", "*/")) and " {" in line:
            name = line.split(" {")[0].split()[-1]
            explained = box.machc("e.mach", "-m", "a", f"--explain=/{name}").out.decode()
            body = dts[dts.index(line):]
            body = body[:body.index("\n\t};")]
            for prop in [l.strip().split(" /*")[0] for l in body.splitlines()[1:] if l.startswith("\t\t") and l[2] != "\t"]:
                expect(not prop.endswith(";") or prop == "};" or f"    {prop}\n        " in explained, f"{name}: {prop}\n{explained}")


def errors_are_counted(box):
    box.write("many.mach", ONE + "".join(f"assert {n} == 0, \"no\";\n" for n in range(1, 31)))
    done = box.machc("many.mach", status=1)
    expect("10 errors more not shown" in done.err and done.err.endswith("30 errors\n"), "not 20 of 30", done)
    done = box.machc("many.mach", "--max-errors", "0", status=1)
    expect(done.err.count(": error: ") == 30 and "not shown" not in done.err, "not all", done)


def full_standard_output(box):
    for args in (["--help"], ["--version"], ["--explain=list"], ["--list-classes"], ["one.mach", "--emit=dts"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([box.context.machc, *args], cwd=box.path, stdout=full, stderr=subprocess.PIPE, check=False,
                                  env=ENVIRONMENT)
        expect(done.returncode == 2 and b"cannot write" in done.stderr, f"machc {args}: {done}")


def out_of_memory(box):
    if "san" in box.context.build.parts:
        raise Skipped("the sanitizers need terabytes of address space")
    box.write("big.mach", ONE + "// " + "x" * (64 << 20))
    limit = 48 << 20
    done = box.machc("big.mach", "-o", "a.dtb", status=3,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    expect("[F0001]" in done.err, "no message", done)
    expect("a.dtb" not in box.files(), "something was written")


def a_few_lines_that_ask_for_too_much(box):
    """A million machines with 512 cpus each. The limit is 3/4 of the memory; here, an existing one of 200 MB."""
    if "san" in box.context.build.parts:
        raise Skipped("the sanitizers need terabytes of address space")
    box.write("many.mach", 'for i in 0..1000000 { machine "m{i}" : riscv64-virt { cpus 512; memory ram size 16M; } }\n')
    limit = 200 << 20
    done = box.machc("--check", "many.mach", status=3,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
    expect("[F0001]" in done.err, "no message", done)
    os.mkfifo(box.path / "waits.mach")
    with subprocess.Popen([box.context.machc, "--check", "waits.mach"], cwd=box.path, env=ENVIRONMENT) as machc:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
        with open(box.path / "waits.mach", "w", encoding="utf-8") as fifo:  # opened: machc reads and waits
            soft = resource.prlimit(machc.pid, resource.RLIMIT_DATA)[0]
            fifo.write(ONE)
    expect(soft != resource.RLIM_INFINITY and soft <= total * 3 // 4, f"RLIMIT_DATA is {soft} of {total}")


# ---- all or nothing ----

def errors_write_nothing(box):
    box.write("g.dtb", "old")
    box.machc("broken.mach", "-m", "alpha", "-o", "g.dtb", "-c", "g.cfg", status=1)
    box.machc("broken.mach", "-O", "out", status=1)
    expect(box.files() == ["broken.mach", "g.dtb", "one.mach", "two.mach"], f"files are {box.files()}")
    expect(box.read("g.dtb") == b"old", "g.dtb was changed")


def second_output_fails_to_open(box):
    box.write("g.dtb", "old")
    before = box.files()
    box.machc("one.mach", "-o", "g.dtb", "-c", "/proc/self/g.cfg", status=2)
    box.machc("one.mach", "-o", "g.dtb", "-c", "missing/g.cfg", status=2)
    box.machc("one.mach", "-o", "new.dtb", "-c", "missing/g.cfg", status=2)
    expect(box.files() == before and box.read("g.dtb") == b"old", f"files are {box.files()}")


def second_output_fails_to_write(box):
    """The DTB is already in place when the device turns out to be full: the old one is restored."""
    box.write("g.dtb", "old")
    before, inode = box.files(), (box.path / "g.dtb").stat().st_ino
    done = box.machc("one.mach", "-o", "g.dtb", "-c", "/dev/full", status=2)
    expect("cannot write /dev/full" in done.err, "no message", done)
    expect(box.files() == before and box.read("g.dtb") == b"old", f"files are {box.files()}")
    expect((box.path / "g.dtb").stat().st_ino == inode, "it is another file")
    box.machc("one.mach", "-o", "new.dtb", "-c", "/dev/full", status=2)
    expect(box.files() == before, f"files are {box.files()}")


def disk_full(box):
    box.write("g.dtb", "old")
    before = box.files()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    box.machc("one.mach", "-o", "g.dtb", "-c", "g.cfg", status=2, preexec_fn=limit)
    box.machc("two.mach", "-O", "out", status=2, preexec_fn=limit)
    expect(box.files() == before and box.read("g.dtb") == b"old", f"files are {box.files()}")


def read_only_directory(box):
    """Root can write anywhere, so another user must try."""
    locked = box.path / "locked"
    locked.mkdir()
    (locked / "g.dtb").write_text("old")
    locked.chmod(0o555)
    args = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    if args:
        box.path.chmod(0o777)
        # Directories above the build may not be accessible to everyone.
        probe = run(box.context.machc, "--version", cwd="/", **args) if os.access(box.context.machc, os.X_OK) else None
        if not probe or probe.status != 0:
            raise Skipped(f"user 65534 cannot run {box.context.machc}")
    box.machc("one.mach", "-o", "g.dtb", "-c", "locked/g.cfg", status=2, **args)
    box.machc("one.mach", "-o", "locked/g.dtb", "-c", "g.cfg", status=2, **args)
    expect(sorted(path.name for path in locked.iterdir()) == ["g.dtb"], "something was made")
    expect((locked / "g.dtb").read_text() == "old", "g.dtb was changed")
    expect("g.dtb" not in box.files() and "g.cfg" not in box.files(), f"files are {box.files()}")
    locked.chmod(0o755)


def signals_leave_nothing(box):
    """A pipe that nothing reads blocks machc in the middle of writing."""
    box.write("large.mach", ONE + "machine large : arm64-virt { cpus 1; memory ram at 0x80000000 size 1M; node /x { y = ["
              + "00 " * 200000 + "]; }; }\n")
    box.write("g.cfg", "old")
    before = box.files()
    for number in (signal.SIGINT, signal.SIGTERM):
        read_end, write_end = os.pipe()
        # If the tests were started in the background, SIGINT may be ignored, and machc would inherit that.
        with subprocess.Popen(["env", "--default-signal=INT,TERM", box.context.machc, "large.mach", "-m", "large", "-o", "-",
                               "-c", "g.cfg"], cwd=box.path, stdout=write_end, stderr=subprocess.PIPE,
                              env=ENVIRONMENT) as process:
            os.close(write_end)
            os.read(read_end, 1)  # now machc writes
            process.send_signal(number)
            process.wait(30)
        os.close(read_end)
        expect(process.returncode == -number, f"ended with {process.returncode}, not by signal {number}")
        expect(box.files() == before and box.read("g.cfg") == b"old", f"files are {box.files()}")


def broken_pipe(box):
    box.write("g.cfg", "old")
    before = box.files()
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([box.context.machc, "one.mach", "-o", "-", "-c", "g.cfg"], cwd=box.path, stdout=write_end,
                          stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    os.close(write_end)
    expect(done.returncode in (-signal.SIGPIPE, 2), f"ended with {done.returncode}")
    expect(box.files() == before and box.read("g.cfg") == b"old", f"files are {box.files()}")


def links_are_followed(box):
    (box.path / "d").mkdir()
    box.write("d/real.dtb", "old")
    (box.path / "link.dtb").symlink_to("d/real.dtb")
    box.machc("one.mach", "-o", "link.dtb", "-c", "g.cfg")
    expect((box.path / "link.dtb").is_symlink() and is_dtb(box.read("d/real.dtb")), "the link was replaced")


def modes_follow_the_umask(box):
    box.machc("one.mach", "-o", "a.dtb", "-c", "a.cfg", preexec_fn=lambda: os.umask(0o027))
    modes = [oct((box.path / name).stat().st_mode & 0o777) for name in ("a.dtb", "a.cfg")]
    expect(modes == ["0o640", "0o640"], f"modes are {modes}")
    expect(box.files() == ["a.cfg", "a.dtb", "broken.mach", "one.mach", "two.mach"], f"files are {box.files()}")


# ---- reproducible outputs ----

def outputs_are_reproducible(box):
    """All examples have the same outputs with other directories, names, locales, times and umasks."""
    root = box.context.root
    for source in sorted((root / "examples").glob("*.mach")):
        box.machc(f"examples/{source.name}", "-O", box.path / "a", cwd=root)
        env = {"LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "HOME": "/nonexistent", "TERM": "xterm"}
        box.machc(source, "-O", box.path / "b", env=env, preexec_fn=lambda: os.umask(0o077))
        ours, theirs = [{path.name: path.read_bytes() for path in (box.path / name).iterdir()} for name in "ab"]
        expect(ours == theirs, f"{source.name} gives other bytes from another directory")


def nothing_depends_on_hashes(box):
    """Each process draws a key for its hashes: several of them write the same, and say the same."""
    root = box.context.root
    for source in sorted((root / "examples").glob("*.mach")):
        for view in ("dts", "json", "plan", "map", "graph"):
            runs = {box.machc(source, f"--emit={view}").out for _ in range(4)}
            expect(len(runs) == 1, f"{source.name} --emit={view} gives other bytes in another process")
    wrong = sorted((root / "tests" / "errors").glob("*.mach"))[::3]
    runs = {(done.out, done.err) for done in (box.machc("--check", *wrong, status=1) for _ in range(3))}
    expect(len(runs) == 1, "messages are others, or in another order, in another process")


TESTS = [
    one_machine, options_in_front_and_behind, standard_output, standard_input, every_machine,
    several_machines_need_a_name, checks_write_nothing, views, owners, references, kept, labels_only_when_asked,
    labelled_nodes_get_free_phandles, constants_and_includes,
    nodes_are_explained,
    many_files, files_together, progress, fixes_are_shown, fixes_are_made, only_what_is_named_is_fixed, fixes_that_cannot_be_written,
    usage_errors, help_and_version, messages_are_explained, classes_are_listed, classes_can_be_read_back, errors_are_counted,
    full_standard_output, out_of_memory, a_few_lines_that_ask_for_too_much, errors_write_nothing, second_output_fails_to_open,
    second_output_fails_to_write, disk_full, read_only_directory, signals_leave_nothing, broken_pipe,
    links_are_followed, modes_follow_the_umask, outputs_are_reproducible, nothing_depends_on_hashes,
]


def check(context, test):
    with tempfile.TemporaryDirectory() as directory:
        try:
            test(Box(context, directory))
        except (Failure, Skipped) as told:
            return told
    return None


def run_all(context):
    result = Result()
    for test, problem in context.each(lambda test: check(context, test), TESTS, lambda test: test.__name__):
        if isinstance(problem, Skipped):
            result.skip(test.__name__, str(problem))
        else:
            result.add(test.__name__, problem and str(problem))
    return result
