#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes small changes to compiler/ and runtime/, one at a time, and counts those that the quick suites notice.

    tests/mutants/run.py [--count N] [--from K] [--time SECONDS] [--seed S] [-k TEXT]

The sources are copied to build/mutants and built there once. Of each change only its object is made anew: if that is the
same, the change changes nothing. Otherwise the suites of QUICK run until one fails. What none of them notices survives.
tests/mutants/survivors lists survivors that were looked at and that no test can notice, with the reason.

The seed chooses the same changes of the same sources again. Fails below LEAST percent of what changes anything.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from change import changes  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build/mutants"
LEAST = 95
# In the order in which they notice most for their time. What begins with build/ is a folder of programs.
QUICK = {
    "compiler": ["golden", "errors", "build/unit", "linux-facts", "dtc", "paste", "linux", "pictures", "schemas",
                 "cli", "diagnostics"],
    "runtime": ["golden", "build/runtime-tests", "build/unit", "cli"],
}
# All names are visible, so that tests can be linked with shared libraries: then a change needs one compilation and one
# link. Without -g, objects differ only where the code does.
MAKE = ["make", "-s", "-j2", "CFLAGS=-O2", "STATIC=", "rt_flags=$(std) $(WARN) $(CFLAGS)"]
BUILT = ("Makefile", "compiler/", "runtime/", "grammar/", "schemas/", "tests/unit/", "tests/runtime/")
# Linked in another way.
OTHER = {"test_guide"}
# These come last; test_schema, minutes of damaged files, for what it is about only.
SLOW = {"test_command": "compiler/", "test_again": "compiler/", "test_schema": "compiler/schema/"}


def limit(seconds):
    """A change may loop, or fill the memory or the disk."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))


def call(*words, timeout=600, seconds=30):
    """(exit status, output) of a command in the copy; it and what it started are gone then. Too late is status 124."""
    with subprocess.Popen([str(word) for word in words], cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          start_new_session=True, preexec_fn=lambda: limit(seconds)) as job:
        try:
            out = job.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            out = b"timed out"
            job.returncode = 124
        try:
            os.killpg(job.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return job.returncode, out.decode("utf-8", "replace")


def must(*words):
    status, out = call(*words)
    if status:
        sys.exit(f"{shlex.join(map(str, words))}: exit status {status}\n{out}")
    return out


def copy_sources():
    """Makes the copy's sources those of ROOT, and touches only what differs. Whether that is part of what is built."""
    changed = False
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    for name in listed.stdout.decode().split("\0"):
        source, target = ROOT / name, COPY / name
        if not name or not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
            continue
        changed = changed or name.startswith(BUILT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(source.read_bytes())
        target.chmod(source.stat().st_mode)
    return changed


class Build:
    """What is built in the copy, and how it is linked."""

    def __init__(self):
        sources = [path.relative_to(COPY) for top in ("compiler", "runtime") for path in (COPY / top).rglob("*.c")]
        self.command = [f"build/rt/{path.with_suffix('.o')}" for path in sources if path.parts[:2] == ("runtime", "machrt")]
        self.runtime = [f"build/rt/{path.with_suffix('.o')}" for path in sources
                        if path.parts[0] == "runtime" and path.parts[1] != "machrt"]
        self.compiler = [f"build/{path.with_suffix('.o')}" for path in sources
                         if path.parts[0] == "compiler" and path.name != "main.c"]
        self.compiler += [f"build/gen/{name}.o" for name in ("mach.tab", "mach.lex", "schemas_data")]

    def objects_of(self, path):
        return f"build/rt/{path[:-2]}.o" if path.startswith("runtime") else f"build/{path[:-2]}.o"

    def link(self, path=None):
        """Links what `path` is in; None: everything."""
        libraries = ["-Lbuild", f"-Wl,-rpath,{COPY}/build", "-lfdt", "-ljson-c", "-lmd"]
        if path is None or (path.startswith("compiler") and not path.endswith("/main.c")):
            must("gcc", "-pthread", "-shared", "-o", "build/libmachc-all.so", *self.compiler, "-lfdt", "-ljson-c", "-lmd")
        if path is None or path.endswith("/main.c"):
            must("gcc", "-pthread", "-o", "build/machc", "build/compiler/main.o", "-lmachc-all", *libraries)
        if path is None or (path.startswith("runtime") and not path.startswith("runtime/machrt/")):
            must("gcc", "-pthread", "-shared", "-o", "build/libmachrt-all.so", *self.runtime)
        if path is None or path.startswith("runtime/machrt/"):
            must("gcc", "-pthread", "-o", "build/machrt", *self.command, "-lmachrt-all", *libraries)

    def make(self):
        """Builds all. `whole` says that it is: a run that was ended leaves none."""
        whole = COPY / "build/whole"
        whole.unlink(missing_ok=True)
        must(*MAKE, "build/libmachc.a", "build/libmachrt.a", "build/machc", "build/machrt")
        self.link()
        # The programs of the tests, as make would link them, but with the shared libraries.
        names = [f"build/unit/{path.stem}" for path in sorted((COPY / "tests/unit").glob("test_*.c"))]
        names += [f"build/runtime-tests/{path.stem}" for path in sorted((COPY / "tests/runtime").glob("test_*.c"))
                  if path.stem not in OTHER]
        for name in names:
            must(*MAKE, name)
            source = COPY / "tests" / name.removeprefix("build/").replace("runtime-tests", "runtime")
            printed = must(*MAKE, "-n", "V=1", "-W", f"{source.relative_to(COPY)}.c", name)
            line = next(line for line in printed.split("\n") if f"-o {name} " in line)
            line = line.replace("build/libmachc.a", "-Lbuild -lmachc-all").replace("build/libmachrt.a", "-Lbuild -lmachrt-all")
            must("sh", "-c", f"{line} -Wl,-rpath,{COPY}/build")
        whole.touch()


def notice(path):
    """The first suite that fails; None: none does."""
    for suite in QUICK[path.split("/", 1)[0]]:
        if suite.startswith("build/"):
            for program in sorted((COPY / suite).glob("test_*"), key=lambda program: (program.name in SLOW, program.name)):
                if program.suffix or program.name in OTHER or not path.startswith(SLOW.get(program.name, "")):
                    continue
                if call(program, seconds=300 if program.name in SLOW else 30)[0]:
                    return program.name
        elif call(sys.executable, "tests/run.py", "--first", suite)[0]:
            return suite
    return None


def judge(build, change):
    """What becomes of a change: "noticed by ...", "does not build", "changes nothing", "survives"."""
    source, target = COPY / change.path, COPY / build.objects_of(change.path)
    text, code = source.read_bytes(), target.read_bytes()
    lines = text.decode().split("\n")
    lines[change.line - 1] = change.after
    source.write_text("\n".join(lines))
    try:
        if call(*MAKE, target.relative_to(COPY))[0]:
            return "does not build"
        if target.read_bytes() == code:
            return "changes nothing"
        build.link(change.path)
        suite = notice(change.path)
        return f"noticed by {suite}" if suite else "survives"
    finally:
        source.write_bytes(text)
        target.write_bytes(code)  # newer than its source


def sample(count, first, seed, wanted):
    """`count` changes after the first `first` of a random order, as many of each kind."""
    every = collections.defaultdict(list)
    for path in sorted([*ROOT.glob("compiler/**/*.c"), *ROOT.glob("runtime/**/*.c")]):
        for change in changes(ROOT, path.relative_to(ROOT)):
            if wanted in f"{change.path}:{change.line}: {change.before} {change.after}":
                every[change.kind].append(change)
    chance = random.Random(seed)
    for kind in sorted(every):
        chance.shuffle(every[kind])
    chosen = [change for kind in sorted(every) for change in every[kind][:first + count]]
    rank = {id(change): i for kind in every for i, change in enumerate(every[kind])}
    chosen.sort(key=lambda change: rank[id(change)])
    return chosen[first:first + count], sum(map(len, every.values()))


def reviewed(root):
    """{(path, line before, line after): why} of tests/mutants/survivors; and those whose line is no longer there."""
    known, stale = {}, []
    text = re.sub(r"^#.*\n", "", (root / "tests/mutants/survivors").read_text(), flags=re.M)
    for block in filter(None, (part.strip() for part in text.split("\n\n"))):
        path, before, after, *why = block.split("\n")
        if not before.startswith("- ") or not after.startswith("+ ") or not why:
            sys.exit(f"tests/mutants/survivors: not a path, `- before`, `+ after` and a reason:\n{block}")
        known[path, before[2:].strip(), after[2:].strip()] = " ".join(why)
        source = root / path
        if not source.is_file() or before[2:].strip() not in map(str.strip, source.read_text().split("\n")):
            stale.append(f"{path}: {before[2:]}")
    return known, stale


def main():
    parser = argparse.ArgumentParser(description="Counts which small changes the tests notice.")
    parser.add_argument("--count", type=int, default=120, help="changes (120)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="leave out so many of the sample: for runs in parts")
    parser.add_argument("--time", type=int, default=0, help="begin no change after so many seconds")
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("-k", default="", metavar="TEXT", help="only changes whose path:line: text holds TEXT")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that judge() takes the change back
    known, stale = reviewed(ROOT)
    if stale:
        sys.exit("tests/mutants/survivors lists what is no longer there:\n" + "\n".join(stale))
    COPY.mkdir(parents=True, exist_ok=True)
    changed = copy_sources()
    build = Build()
    if changed or not (COPY / "build/whole").exists():
        build.make()
    chosen, every = sample(args.count, args.first, args.seed, args.k)
    print(f"seed {args.seed}: {len(chosen)} of {every} changes, from {args.first}", flush=True)
    for path in () if args.first else ("compiler", "runtime"):
        if suite := notice(path):
            sys.exit(f"{suite} fails without any change")
    end = time.monotonic() + args.time
    counts, survivors = collections.Counter(), []
    for number, change in enumerate(chosen, args.first + 1):
        start = time.monotonic()
        if args.time and start > end:
            print(f"the time is over: go on with --from {number - 1}")
            break
        what = judge(build, change)
        why = known.get((change.path, change.before.strip(), change.after.strip()))
        if what == "survives" and why:
            what = "reviewed"
        counts[what.split(" by ")[0]] += 1
        print(f"{number} {change.path}:{change.line}: {change.kind}: {what}, {time.monotonic() - start:.0f} s", flush=True)
        if what == "survives":
            survivors.append(change)
            print(f"    - {change.before.strip()}\n    + {change.after.strip()}", flush=True)
    build.link()
    total = counts["noticed"] + counts["survives"]
    percent = 100 * counts["noticed"] / total if total else 100
    for change in survivors:
        print(f"survives: {change.path}:{change.line}\n- {change.before.strip()}\n+ {change.after.strip()}")
    print(f"mutants: seed {args.seed}, {counts['noticed']} of {total} noticed, {percent:.1f} %; {counts['changes nothing']} change "
          f"nothing, {counts['reviewed']} reviewed, {counts['does not build']} do not build")
    return percent < LEAST


if __name__ == "__main__":
    sys.exit(main())
