# SPDX-License-Identifier: MIT
"""builds: machc and libmachrt in other projects' builds.

Depfiles, read by make and by ninja: a compilation runs again if a file that it reads changes, and only then. The commands of
docs/ci/ and .pre-commit-hooks.yaml.
"""

import importlib.util
import json
import os
import pathlib
import re
import shutil
import tempfile
import time

from . import Result, run
from .errors import MESSAGE

# Names that need escapes in make and ninja. (Make cannot name a target with a `%` or a `:` at all.)
PARTS = {
    "board $1 #a.mach": """include "with blank.mach";
host "tree.dts" { overlay "parts.dtso"; }
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
    "parts.dtso": "/dts-v1/;\n/plugin/;\n&{/} { acme,more; };\n",
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
    """Writes a file that is newer than all others."""
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
        # A file written now is newer than the outputs only if the clock of the file system has advanced.
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
    # -MP: an include that is deleted, and no longer named, does not stop make.
    settle(directory, MAIN, PARTS[MAIN].replace('include "with blank.mach";\n', "").replace("SIZE", "256M"))
    os.unlink(pathlib.Path(directory, "with blank.mach"))
    build(["make"], directory)


def with_ninja(context, directory, deps):
    # Ninja quotes `in` and `out` for the shell itself.
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
    if not (folder / "dir.d").read_text().startswith("dir/m.dtb dir/m.cfg dir/tree.args: \\\n"):
        raise Failure((folder / "dir.d").read_text())
    # With an error, nothing is written and nothing is lost.
    settle(directory, MAIN, PARTS[MAIN].replace("cpus 1", "cpus 1000000"))
    before = (folder / "out.d").read_bytes()
    depfile(context, directory, MAIN, "-o", "out.dtb", "-MD", "-MF", "out.d", status=1)
    depfile(context, directory, MAIN, "-o", "new.dtb", "-MD", status=1)
    if (folder / "out.d").read_bytes() != before or (folder / "new.d").exists():
        raise Failure("a depfile was written for a compilation with errors")
    for args, what in ((["-MF", "x"], "need -MD"), (["-MD"], "name the depfile with -MF"), (["-MQ", "x"], "use -MD"),
                       (["-MD", "-MF", "x", "--check"], "-MT"), (["-MD", "-MF", "x", "x.mach"], "one file"),
                       (["-MD", "-o", "a.dtb", "-MF", MAIN], "is also read"), (["-MD", "-MF"], "needs an argument")):
        settle(directory, MAIN, PARTS[MAIN])
        done = depfile(context, directory, MAIN, *args, status=2)
        if what not in done.err:
            raise Failure(f"{args}: {done.err}")


def must(*command, **more):
    done = run(*command, **more)
    if done.status != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit status {done.status}\n{(done.out.decode('utf-8', 'replace') + done.err)[-3000:]}")
    return done.out.decode("utf-8", "replace")


# ---- docs/ci ----


def problem_matcher(context, _):
    """Its expression finds every message with a line in machc's output for tests/errors, and nothing else."""
    pattern = json.loads((context.root / "docs/ci/problem-matcher.json").read_text())["problemMatcher"][0]["pattern"][0]
    package = json.loads((context.root / "grammar/vscode/package.json").read_text())
    if package["contributes"]["problemMatchers"][0]["pattern"]["regexp"] != pattern["regexp"]:
        raise Failure("grammar/vscode/package.json has another expression")
    folder = context.root / "tests/errors"
    text = run(context.machc, "--check", "--max-errors", "0", *sorted(p.name for p in folder.glob("*.mach")), cwd=folder).err
    found = 0
    for line in text.splitlines():
        match, message = re.search(pattern["regexp"], line), MESSAGE.match(line)
        place = message and re.fullmatch(r"(.*):(\d+):(\d+)", message["place"])
        if bool(match) != bool(place):
            raise Failure(f"{'finds' if match else 'does not find'} {line}")
        if not match:
            continue
        found += 1
        got = tuple(match[pattern[key]] for key in ("file", "line", "column", "severity", "code"))
        if got != (*place.groups(), message["kind"], message["code"]):
            raise Failure(f"{got} of {line}")
    if found < 500:
        raise Failure(f"finds {found} messages")


def boards(context, directory):
    """A repository with boards, and machc on the PATH."""
    folder = pathlib.Path(directory, "boards")
    folder.mkdir()
    good = "machine m : arm64-virt { cpus 1; memory ram size 256M; }\n"
    (folder / "good.mach").write_text(good)
    (folder / "typo.mach").write_text(good.replace("arm64-virt", "arm64-vert"))
    return {"PATH": f"{context.build}:{os.environ['PATH']}"}


def commands(context, name):
    """(address, install, check) of a file of docs/ci."""
    import yaml
    text = (context.root / "docs/ci" / name).read_text()
    tree = yaml.safe_load(text)
    if len(re.findall(r"MACHC: .*# EDIT THIS LINE", text)) != 1 or text.count("EDIT") != 1:
        raise Failure(f"{name}: there is one line to edit")
    if name == "gitlab.yml":
        job = tree["machines"]
        return job["variables"]["MACHC"], job["before_script"], *job["script"]
    if set(tree) != {"name", True, "env", "permissions", "jobs"}:  # YAML reads `on` as a boolean
        raise Failure(f"{name}: has {set(tree)}")
    steps = {step.get("name"): step.get("run") for step in tree["jobs"]["check"]["steps"]}
    return tree["env"]["MACHC"], steps["Install machc"].splitlines(), steps["Check"]


def workflow(context, directory):
    """The files are YAML, install machc as README does, and their check works."""
    env = boards(context, directory)
    found = {name: commands(context, name) for name in ("github.yml", "gitlab.yml")}
    if found["github.yml"][:2] != found["gitlab.yml"][:2]:
        raise Failure(f"{found}")
    packages = re.search(r"--no-install-recommends (gcc .*?) &&", (context.root / "README.md").read_text())[1]
    if not found["github.yml"][1][1].endswith(f"ca-certificates git {packages}"):
        raise Failure(f"README installs {packages}")
    for name, (_, install, command) in found.items():
        must("sh", "-n", "-c", "\n".join(install))
        done = run("bash", "-ec", command, cwd=directory, env=env)
        text = done.out.decode() if name == "github.yml" else done.err
        sarif = json.loads(pathlib.Path(directory, "machc.sarif").read_text())
        if done.status != 1 or "boards/typo.mach" not in text or len(sarif["runs"][0]["results"]) != 1:
            raise Failure(f"{name}: {command}: exit status {done.status}\n{text}{done.err}")
        if name == "github.yml" and not text.startswith("::error file=boards/typo.mach,line=1,"):
            raise Failure(text)


def hooks(context, directory):
    """The commands that pre-commit would run."""
    env = boards(context, directory)
    text = (context.root / ".pre-commit-hooks.yaml").read_text()
    entries = dict(re.findall(r"^- id: (\S+)\n(?:  .*\n)*?  entry: (.*)$", text, re.M))
    if set(entries) != {"machc", "machc-fix"}:
        raise Failure(f"hooks are {entries}")
    files = ["boards/good.mach", "boards/typo.mach"]
    for name, status in (("machc", 1), ("machc-fix", 0), ("machc", 0)):
        done = run(*entries[name].split(), *files, cwd=directory, env=env)
        if done.status != status:
            raise Failure(f"{name}: exit status {done.status}\n{done.err}")
    if shutil.which("pre-commit"):
        must("pre-commit", "validate-manifest", context.root / ".pre-commit-hooks.yaml")


def there(tool):
    return importlib.util.find_spec("yaml") if tool == "python3-yaml" else shutil.which(tool)


def run_each(context, tests):
    """Tests: (name, a tool that it needs or None, function of the context and of a directory of its own)."""
    result = Result()

    def check(test):
        with tempfile.TemporaryDirectory() as directory:
            try:
                test[2](context, directory)
            except Failure as failure:
                return str(failure)
        return None

    present = [test for test in tests if not test[1] or there(test[1])]
    for name, tool, _ in tests:
        if tool and not there(tool):
            result.skip(name, f"{tool} is not there")
    for test, problem in context.each(check, present, lambda test: test[0]):
        result.add(test[0], problem)
    return result


def run_all(context):
    tests = [("docs/ci: problem matcher", None, problem_matcher),
             ("docs/ci: workflows", "python3-yaml", workflow),
             ("pre-commit hooks", None, hooks),
             ("depfile: names and targets", None, names_and_targets),
             ("depfile: make", "make", with_make),
             ("depfile: ninja", "ninja", lambda context, directory: with_ninja(context, directory, "")),
             ("depfile: ninja, deps = gcc", "ninja", lambda context, directory: with_ninja(context, directory, "  deps = gcc"))]

    return run_each(context, tests)
