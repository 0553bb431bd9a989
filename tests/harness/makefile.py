# SPDX-License-Identifier: MIT
"""make: what the Makefile promises to those who build and install.

The caller's flags reach every command and win; one short line for each file; `make install`, from which programs in C and
C++ find the library by pkg-config, and whose documents have no broken link; `make uninstall`; the version.
"""

import os
import pathlib
import re
import shlex
import shutil
import threading

from . import run
from .builds import Failure, must, run_each

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
share/man/man1/machc.1 share/man/man1/machrt.1 share/man/man5/mach.5 share/man/man5/guest.cfg.5 share/man/man3/machrt.3 share/man/man3/mach_config_open.3
share/bash-completion/completions/machc share/zsh/site-functions/_machc share/vim/vimfiles/syntax/mach.vim
share/machc/schemas/references.json share/machc/schemas/json/class.schema.json
share/machc/vscode/package.json share/machc/vscode/syntaxes/mach.tmLanguage.json
share/doc/machc/README.md share/doc/machc/docs/language.md share/doc/machc/docs/images/partition.svg
share/doc/machc/examples/by-path.mach share/doc/machc/examples/hosts/p4080ds.dts share/doc/machc/examples/vmm/main.c
"""


def instrumented(context):
    return b"__asan_init" in (context.build / "libmachrt.so").read_bytes()


def files(top):
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir() or path.is_symlink())


# Tests run at the same time, and `make install` writes files into the build that depend on PREFIX.
INSTALLS = threading.Lock()


def make(context, *words):
    """Runs make as somebody at a shell would, whatever this run of the tests itself was given."""
    env = [f"{name}={os.environ[name]}" for name in ("PATH", "HOME", "TMPDIR") if name in os.environ]
    return must("env", "-i", *env, "make", "--no-print-directory", *words, cwd=context.root, timeout=600)


def flags(context, directory):
    """The caller's flags are in every command, behind our own; then they are in what was built."""
    build = f"B={directory}"
    given = {"CC": "gcc", "CPPFLAGS": "-DOF_CPPFLAGS", "CFLAGS": "-O1 -frecord-gcc-switches", "LDFLAGS": "-Wl,-z,now",
             "LDLIBS": "-lm"}
    words = [f"{name}={value}" for name, value in given.items()]
    programs = [f"{directory}/{name}" for name in ("unit/test_base", "runtime-tests/test_check", "fuzz/replay-cfg", "machvm")]
    compiled = linked = 0
    for line in make(context, "-n", "V=1", build, *words, "all", *programs).splitlines():
        command = line.split()
        if not command or command[0] != "gcc":
            continue
        wanted = []
        if re.search(r" \S+\.c$| \S+\.c ", line):
            compiled += 1
            wanted += ["CFLAGS", "CPPFLAGS"]
        if "-c" not in command:
            linked += 1
            wanted += ["CFLAGS", "LDFLAGS", "LDLIBS"]
        missing = [name for name in wanted if given[name] not in line]
        if missing or "-O2" in command or not wanted:
            raise Failure(f"{missing} of the caller: {line}")
        if "CPPFLAGS" in wanted and not line.index("-std=c11") < line.index(given["CFLAGS"]):
            raise Failure(f"the caller's flags do not win: {line}")
    if compiled < 200 or linked < 7:
        raise Failure(f"{compiled} compilations, {linked} links")
    library = pathlib.Path(directory, "libmachrt.so")
    lines = make(context, build, *words, library).splitlines()
    wrong = [line for line in lines if not re.fullmatch(r"  [A-Z]+ +[\w./-]+", line)]
    if wrong or f"  CC      runtime/config/reader.c" not in lines:
        raise Failure("not one short line for each file\n" + "\n".join(wrong or lines))
    switches = must("readelf", "-p", ".GCC.command.line", library)
    if "-O1" not in switches or "-O2" in switches:
        raise Failure(f"not compiled with -O1\n{switches}")
    if "BIND_NOW" not in must("readelf", "-d", library):
        raise Failure("not linked with -z now")


def werror(context, directory):
    """A warning is an error only for who asks for that."""
    for words, wanted in ((["WERROR=1"], True), ([], False)):
        lines = make(context, "-n", "V=1", f"B={directory}", *words, "all").splitlines()
        for line in lines:
            if line.startswith(("gcc", "bison")) and ("-Wconversion" in line or line.startswith("bison")) and ("-Werror" in line) != wanted:
                raise Failure(f"{words}: {line}")


def documented(context, directory):
    """Every `make` line of the documents names targets that there are."""
    count = 0
    for page in ("README.md", "CONTRIBUTING.md", "docs/building.md", "docs/fuzzing.md", "examples/README.md"):
        for words in re.findall(r"^    make (.*?)(?:   .*)?$", (context.root / page).read_text(), re.M):
            count += 1
            if shutil.which("rustc") or "rust" not in words:
                make(context, *("-n", f"B={directory}", *shlex.split(words)))
    targets = re.findall(r"^# make ([a-z-]+)  ", (context.root / "Makefile").read_text(), re.M)
    for target in targets:
        make(context, "-n", f"B={directory}", target)
    if count < 15 or len(targets) < 15:
        raise Failure(f"{count} lines, {len(targets)} targets")


def debian(context, directory):
    """debian/control asks for what README installs."""
    readme = re.findall(r"--no-install-recommends (.*?) &&", (context.root / "README.md").read_text())
    build, test = (set(words.split()) for words in readme)
    control = (context.root / "debian/control").read_text()
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    depends = {name: "nocheck" in rest for name, rest in re.findall(r"^ ([\w.+-]+)(.*),$", field, re.M)}
    essential = {"gcc", "g++", "make", "libc6-dev"}  # build-essential's
    if {name for name, check in depends.items() if not check} - {"debhelper-compat"} != build - essential:
        raise Failure(f"README builds with {build}, debian/control with {depends}")
    if {name for name, check in depends.items() if check} != test - essential:
        raise Failure(f"README tests with {test}, debian/control with {depends}")


def links(top):
    """No document of those installed has a link to nowhere."""
    count = 0
    for page in top.rglob("*.md"):
        text = re.sub(r"^```.*?^```|^    .*?$|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            if not (page.parent / target).exists():
                raise Failure(f"{page.relative_to(top)}: {target} is not installed")
    if count < 50:
        raise Failure(f"{count} links")


def install(context, directory):
    dest, root = pathlib.Path(directory, "dest with blank"), context.root
    build = os.path.relpath(context.build, root)
    variables = [f"B={build}", f"DESTDIR={dest}", "PREFIX=/opt/mach", "MANDIR=/opt/mach/share/man"]
    with INSTALLS:
        make(context, "install", *variables)
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
    links(top)
    must(top / "bin/machc", "--check", *sorted((top / "share/doc/machc/examples").glob("*.mach")))
    foreign = top / "share/machc/schemas/mine.json"
    foreign.write_text("{}")
    make(context, "uninstall", *variables)
    if files(dest) != ["opt/mach/share/machc/schemas/mine.json"]:
        raise Failure(f"uninstall leaves {files(dest)}")


def man3(context, directory):
    """Every public function has a man page that shows it and says something, and man has nothing to complain about."""
    make(context, f"B={directory}", f"{directory}/installed/man3")
    top = pathlib.Path(directory, "installed/man3")
    functions = re.findall(r"^ +(mach\w+);$", (context.root / "runtime/libmachrt.map").read_text(), re.M)
    if len(functions) < 100:
        raise Failure(f"{len(functions)} functions in libmachrt.map")
    for name in functions:
        page = top / f"{name}.3"
        text = page.read_text() if page.exists() else ""
        if text.startswith(".so man3/"):
            text = (top / text.split("/")[1].strip()).read_text()
        if f"{name}(" not in text:
            raise Failure(f"{name}(3) does not show it")
    for page in top.iterdir():
        text = page.read_text()
        if text.startswith(".so "):
            continue
        said = re.search(r"^\.SH DESCRIPTION\n(.*)^\.SH SEE ALSO$", text, re.M | re.S)
        if not said or len(said[1]) < 20:
            raise Failure(f"{page.name} says nothing\n{text}")
        if shutil.which("man"):
            shown = run("man", "--warnings", "-l", page, env={"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"})
            if shown.status or shown.err:
                raise Failure(f"{page.name}: {shown.err}")
            if re.search(r"^ *(\.[A-Z]{2}|MACHRT_API)\b", shown.out.decode(), re.M):
                raise Failure(f"{page.name}: markup is shown\n{shown.out.decode()}")
    for overview in ("machrt", "machcfg", "machrt_sys"):
        types = re.findall(r"^(?:struct|enum) \w+ \{$", (context.root / f"runtime/include/{overview}.h").read_text(), re.M)
        text = (top / f"{overview}.3").read_text()
        missing = [line for line in types if line not in text]
        if missing or not types:
            raise Failure(f"{overview}(3) does not show {missing}")


def zsh(context, directory):
    """Where Debian's zsh looks: /usr/share/zsh/vendor-completions, and below /usr/local site-functions."""
    for prefix, folder in (("/usr", "vendor-completions"), ("/usr/local", "site-functions")):
        dest = pathlib.Path(directory, folder)
        with INSTALLS:
            make(context, "install", f"B={os.path.relpath(context.build, context.root)}", f"DESTDIR={dest}", f"PREFIX={prefix}")
        if not (dest / f"{prefix[1:]}/share/zsh/{folder}/_machc").exists():
            raise Failure(f"PREFIX={prefix}: {files(dest)}")


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

    says(source, r"0\.2\.0")
    release = must("sh", source / "compiler/version.sh", source, env=env).strip()
    for name, pattern in (("runtime/include/machrt.h", r'^#define MACHRT_VERSION +"(.*)"$'), ("NEWS", r"^(\d.*)$"),
                          ("debian/changelog", r"^machc \((.*)\) "), ("grammar/vscode/package.json", r'^  "version": "(.*)",$')):
        told = re.search(pattern, (context.root / name).read_text(), re.M)[1]
        if told != release:
            raise Failure(f"{name} says {told}, compiler/version.sh {release}")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    says(source, r"0\.2\.0-g[0-9a-f]{7,}")
    says(archive(), r"0\.2\.0-g[0-9a-f]{7,}")
    git("tag", "-a", "-m", "release", "v1.2.3")
    says(source, r"1\.2\.3")
    says(archive(), r"1\.2\.3")
    (source / "more").write_text("x")
    git("add", "-A")
    says(source, r"1\.2\.3-dirty")
    git("commit", "-q", "-m", "two")
    says(source, r"1\.2\.3-1-g[0-9a-f]{7,}")


def run_all(context):
    tests = [("version", "git", version), ("flags", "readelf", flags), ("WERROR", None, werror), ("documented", None, documented), ("debian", None, debian), ("man3", None, man3), ("zsh", None, zsh),
             ("install", "pkg-config", install)]
    # A library with sanitizers needs programs with sanitizers; and make would build the other one.
    plain = [test for test in tests if test[0] not in ("install", "zsh")]
    return run_each(context, plain if instrumented(context) else tests)
