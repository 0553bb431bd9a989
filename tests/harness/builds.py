# SPDX-License-Identifier: MIT
"""builds: what others build with.

Depfiles, read by make and by ninja: whatever a compilation reads makes it run again, and nothing else does. `make install`,
and programs in C and C++ that find the library by pkg-config. What docs/ci/ and .pre-commit-hooks.yaml say is tried.
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
    for args, what in ((["-MF", "x"], "need -MD"), (["-MD"], "name the depfile with -MF"), (["-MQ", "x"], "use -MD"),
                       (["-MD", "-MF", "x", "--check"], "-MT"), (["-MD", "-MF", "x", "x.mach"], "one file"),
                       (["-MD", "-o", "a.dtb", "-MF", MAIN], "is also read"), (["-MD", "-MF"], "needs an argument")):
        settle(directory, MAIN, PARTS[MAIN])
        done = depfile(context, directory, MAIN, *args, status=2)
        if what not in done.err:
            raise Failure(f"{args}: {done.err}")


# ---- make install ----

PROGRAM = """
#include <machrt.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct mach_config *config;
    struct mach_error error = MACH_ERROR_INIT;
    if (argc < 2 || mach_config_open(argv[1], &config, &error))
        return 1;
    mach_config_show(config, stdout);
    mach_config_close(config);
    return 0;
}
"""

INSTALLED = """
bin/machc bin/machrt lib/libmachrt.a lib/libmachrt.so lib/libmachrt.so.1 lib/pkgconfig/machrt.pc
include/machrt/machrt.h include/machrt/machcfg.h
share/man/man1/machc.1 share/man/man1/machrt.1 share/man/man5/mach.5 share/man/man5/guest.cfg.5
share/bash-completion/completions/machc share/zsh/site-functions/_machc share/vim/vimfiles/syntax/mach.vim
share/machc/schemas/references.json share/machc/schemas/json/class.schema.json share/doc/machc/language.md
"""


def must(*command, **more):
    done = run(*command, **more)
    if done.status != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit status {done.status}\n{done.out.decode('utf-8', 'replace')}{done.err}")
    return done.out.decode("utf-8", "replace")


def install(context, directory):
    dest, root = pathlib.Path(directory, "dest with blank"), context.root
    build = os.path.relpath(context.build, root)
    must("make", "install", f"B={build}", f"DESTDIR={dest}", "PREFIX=/opt/mach", "MANDIR=/opt/mach/share/man", cwd=root,
         timeout=600)
    top = dest / "opt/mach"
    missing = [name for name in INSTALLED.split() if not (top / name).exists()]
    if missing:
        raise Failure(f"not installed: {missing}")
    if [path.name for path in dest.iterdir()] != ["opt"]:
        raise Failure("something is outside of PREFIX")
    pc = (top / "lib/pkgconfig/machrt.pc").read_text()
    if str(dest) in pc or "/opt/mach/lib" not in pc:
        raise Failure(f"machrt.pc\n{pc}")
    version = must(top / "bin/machc", "--version").split()[1]
    if not re.match(r"\d+\.\d+\.\d+", version) or version != must("sh", "compiler/version.sh", ".", cwd=root).strip():
        raise Failure(f"version {version}")
    config = pathlib.Path(directory, "guest.cfg")
    must(top / "bin/machc", root / "examples/zcu102-ethernet.mach", "-c", config)
    shown = must(top / "bin/machrt", "show", config)
    env = {"PKG_CONFIG_LIBDIR": str(top / "lib/pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(dest)}
    for compiler, suffix, standard in (("cc", "c", "c99"), ("c++", "cc", "c++11")):
        source = pathlib.Path(directory, f"program.{suffix}")
        source.write_text(PROGRAM)
        for static in ([], ["--static"]):
            # The prefix is taken off, as pkg-config cannot say a path with a blank so that a shell splits it rightly.
            words = must("pkg-config", "--cflags", "--libs", *static, "machrt", env={**env, "PKG_CONFIG_SYSROOT_DIR": ""})
            flags = [word.replace("/opt/mach", str(top)) for word in words.split()]
            if static:
                flags = ["-Wl,-Bstatic" if word == "-lmachrt" else word for word in flags]
                flags.insert(flags.index("-Wl,-Bstatic") + 1, "-lmachrt")
                flags.insert(flags.index("-lmachrt") + 1, "-Wl,-Bdynamic")
            must(compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic", source, *flags, "-o",
                 pathlib.Path(directory, "program"))
            libraries = {} if static else {"LD_LIBRARY_PATH": str(top / "lib")}
            if must(pathlib.Path(directory, "program"), config, env=libraries) != shown:
                raise Failure(f"{compiler}, {static}: the program shows another machine than machrt")
    if shutil.which("man"):
        for page in ("machc", "machrt", "mach", "guest.cfg"):
            must("man", "-M", top / "share/man", "-w", page)


def version(context, directory):
    """What compiler/version.sh says in a clone, in an archive of git's, and anywhere else."""
    source = pathlib.Path(directory, "source")
    (source / "compiler").mkdir(parents=True)
    for name in (".gitattributes", "compiler/version.sh"):
        shutil.copy(context.root / name, source / name)
    if "$Format:" not in (source / "compiler/version.sh").read_text():
        return  # these sources come out of an archive themselves
    env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CEILING_DIRECTORIES": directory}
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]

    def git(*words):
        return must("git", *who, *words, cwd=source, env=env).strip()

    def says(where, wanted):
        told = must("sh", where / "compiler/version.sh", where, env=env).strip()
        if not re.fullmatch(wanted, told):
            raise Failure(f"{told}, not {wanted}")

    def archive():
        to = pathlib.Path(directory, "archive")
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        must("sh", "-c", 'git archive HEAD | tar -x -C "$1"', "sh", to, cwd=source, env=env)
        return to

    says(source, r"0\.1\.0")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    says(source, r"0\.1\.0-g[0-9a-f]{7,}")
    says(archive(), r"0\.1\.0-g[0-9a-f]{7,}")
    git("tag", "-a", "-m", "release", "v1.2.3")
    says(source, r"1\.2\.3")
    says(archive(), r"1\.2\.3")
    (source / "more").write_text("x")
    git("add", "-A")
    says(source, r"1\.2\.3-dirty")
    git("commit", "-q", "-m", "two")
    says(source, r"1\.2\.3-1-g[0-9a-f]{7,}")


# ---- docs/ci ----


def problem_matcher(context, _):
    """Its expression finds every message that has a line, in what machc says of tests/errors, and nothing else."""
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
    """A repository with boards in it, and machc on the PATH."""
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
    if set(tree) != {"name", True, "env", "permissions", "jobs"}:  # YAML takes `on` for a truth
        raise Failure(f"{name}: has {set(tree)}")
    steps = {step.get("name"): step.get("run") for step in tree["jobs"]["check"]["steps"]}
    return tree["env"]["MACHC"], steps["Install machc"].splitlines(), steps["Check"]


def workflow(context, directory):
    """They are YAML, install machc in the same way, what README does, and their check does what it says."""
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
    """What pre-commit would run."""
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


def instrumented(context):
    return b"__asan_init" in (context.build / "libmachrt.so").read_bytes()


def there(tool):
    return importlib.util.find_spec("yaml") if tool == "python3-yaml" else shutil.which(tool)


def run_all(context):
    result = Result()
    tests = [("docs/ci: problem matcher", None, problem_matcher),
             ("docs/ci: workflows", "python3-yaml", workflow),
             ("pre-commit hooks", None, hooks),
             ("version", "git", version),
             ("install", "pkg-config", install),
             ("depfile: names and targets", None, names_and_targets),
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

    present = [test for test in tests if not test[1] or there(test[1])]
    for test in tests:
        if test not in present:
            result.skip(test[0], f"{test[1]} is not there")
    if instrumented(context):
        present = [test for test in present if test[0] != "install"]
        result.skip("install", "a library with sanitizers needs programs with sanitizers")
    for test, problem in context.each(check, present, lambda test: test[0]):
        result.add(test[0], problem)
    return result
