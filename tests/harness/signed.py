# SPDX-License-Identifier: MIT
"""signed: examples/signed/start-machine starts what a build server has signed and the policy allows, and nothing else.

Keys and signatures are signify's, with the commands of SECURITY.md. Skipped without signify-openbsd.
"""

import pathlib
import shutil
import tempfile

from . import Result, run

POLICY = "memory 64M\n"


class Board:
    """A build server's keys and a signed machine, and a board that trusts the key."""

    def __init__(self, context, folder):
        self.context, self.folder = context, pathlib.Path(folder)
        self.env = {"PATH": f"{context.build}:/usr/sbin:/usr/bin:/sbin:/bin", "RUNTIME_DIRECTORY": str(self.folder / "run")}
        (self.folder / "run").mkdir()
        for name in ("build", "other"):
            self.must("signify-openbsd", "-G", "-n", "-p", f"{name}.pub", "-s", f"{name}.sec")
        (self.folder / "board.mach").write_text("machine m : arm64-virt { cpus 1; memory ram at 0x40000000 size 64M; }\n")
        (self.folder / "policy").write_text(POLICY)
        (self.folder / "policy").chmod(0o644)
        (self.folder / "machine").mkdir()
        self.must(context.machc, "board.mach", "-o", "machine/guest.dtb", "-c", "machine/guest.cfg")
        self.sign("build")

    def must(self, *command, cwd=None):
        done = run(*command, cwd=cwd or self.folder, env=self.env)
        assert done.status == 0, f"{command}: {done.status}\n{done.err}"
        return done

    def sign(self, key, names=("guest.cfg", "guest.dtb")):
        """As SECURITY.md says."""
        folder = self.folder / "machine"
        (folder / "machine.sums").write_bytes(self.must("sha256sum", "--tag", *names, cwd=folder).out)
        self.must("signify-openbsd", "-S", "-e", "-s", f"../{key}.sec", "-m", "machine.sums", "-x", "machine.sums.sig", cwd=folder)

    def start(self, *command):
        return run(self.context.root / "examples/signed/start-machine", "build.pub", "policy", "machine", *command,
                   cwd=self.folder, env=self.env)


def expect(done, status, out=None, err=""):
    if done.status != status or (out is not None and out not in done.out.decode()) or err not in done.err:
        return f"exit status {done.status}, not {status}\n{done.out.decode()}{done.err}"
    return None


def started(board):
    return expect(board.start("machrt", "show", "guest.cfg"), 0, "machine m")


def its_status(board):
    return expect(board.start("sh", "-c", "exit 42"), 42)


def config_changed(board):
    path = board.folder / "machine/guest.cfg"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return expect(board.start("echo", "ran"), 125, "", "FAIL") or ("ran" in board.start("echo", "ran").out.decode() and "ran")


def tree_of_another(board):
    (board.folder / "machine/guest.dtb").write_bytes(b"\xd0\x0d\xfe\xed")
    return expect(board.start("true"), 125)


def tree_not_signed(board):
    board.sign("build", ["guest.cfg"])
    return expect(board.start("true"), 125)


def key_of_another(board):
    board.sign("other")
    return expect(board.start("true"), 125, err="verif")


def signature_missing(board):
    (board.folder / "machine/machine.sums.sig").unlink()
    return expect(board.start("true"), 1)


def not_allowed(board):
    (board.folder / "policy").write_text("memory 65535K\n")
    return expect(board.start("echo", "ran"), 126, "", "`memory 64M` would be enough")


def policy_of_anyone(board):
    (board.folder / "policy").chmod(0o666)
    return expect(board.start("true"), 126, err="chmod go-w")


def changed_afterwards(board):
    """What the command sees is what was verified."""
    script = f"echo evil >{board.folder}/machine/guest.cfg; machrt show guest.cfg"
    problem = expect(board.start("sh", "-c", script), 0, "machine m")
    return problem or expect(board.start("true"), 125)


def links(board):
    """Another file under the name is not signed."""
    path = board.folder / "machine/guest.cfg"
    path.unlink()
    path.symlink_to("/etc/hostname")
    return expect(board.start("true"), 125)


TESTS = [started, its_status, config_changed, tree_of_another, tree_not_signed, key_of_another, signature_missing, not_allowed,
         policy_of_anyone, changed_afterwards, links]


def documented(context):
    """SECURITY.md signs as this suite does."""
    text = (context.root / "SECURITY.md").read_text()
    wanted = ["signify-openbsd -G -n -p build.pub -s build.sec", "sha256sum --tag guest.cfg guest.dtb >machine.sums",
              "signify-openbsd -S -e -s build.sec -m machine.sums -x machine.sums.sig"]
    return ", ".join(command for command in wanted if command not in text)


def run_all(context):
    result = Result()
    result.add("the commands of SECURITY.md", documented(context))
    if not shutil.which("signify-openbsd"):
        result.skip("start-machine", "signify-openbsd is not there")
        return result
    for test in TESTS:
        with tempfile.TemporaryDirectory() as folder:
            board = Board(context, folder)
            problem = test(board)
            left = list((board.folder / "run").iterdir())
            result.add(test.__name__, problem or (left and f"left behind: {left}"))
    return result
