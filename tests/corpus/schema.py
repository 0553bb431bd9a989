#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guest trees under Debian's dt-validate, with the bindings of Linux 6.1.

    tests/corpus/schema.py [--machc FILE] [--refresh] [-k TEXT]

The trees of devices.txt, of examples/ and of examples/boards must be clean, without a message. Those of examples/boards are
compiled with the trees of Debian's kernel, without a warning.
"""

import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from boards import boards  # noqa: E402
from harness import Result, run  # noqa: E402
from harness.debian import Apt, cache, unpack  # noqa: E402

SOURCE = "linux-source-6.1"
DEVICES = pathlib.Path(__file__).with_name("devices.txt")


def fetch(directory, tool):
    """Downloads the bindings into `directory`, processed for that version of dt-validate."""
    print("schema: looking for Linux's bindings", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as root:
        apt = Apt(root, ["bookworm"], ["arm64"])
        apt.update()
        about = apt.fields(SOURCE)
        to = directory / f"{about['Version']}-{tool}"
        if not to.exists():
            print(f"schema: downloading {SOURCE} {about['Version']}, {int(about['Size']) >> 20} MB", flush=True)
            deb = apt.download(SOURCE)
            new = pathlib.Path(root, "new")
            unpack(deb, new, f"./usr/src/{SOURCE}.tar.xz")
            bindings = f"{SOURCE}/Documentation/devicetree/bindings"
            subprocess.run(["tar", "xJf", f"usr/src/{SOURCE}.tar.xz", bindings], cwd=new, check=True)
            pathlib.Path(new, f"usr/src/{SOURCE}.tar.xz").unlink()
            subprocess.run(["dt-mk-schema", "-j", "-o", "processed.json", bindings], cwd=new, check=True)
            new.rename(to)
    link = directory / f"{tool}.new"
    link.symlink_to(to.name)
    link.replace(directory / tool)


def schema(refresh):
    version = run("dt-validate", "--version")
    if version.status != 0:
        sys.exit("check-schema needs dt-validate: apt-get install dt-schema")
    tool = version.out.decode().strip()
    directory = cache() / "dt-schema"
    if refresh or not (directory / tool).exists():
        fetch(directory, tool)
    return directory / tool / "processed.json"


def validate(processed, trees):
    """The messages for each tree by path: a list, each message with its continuation lines and its binding."""
    said = collections.defaultdict(list)
    if not trees:
        return said
    # It exits with 0 whatever it finds.
    done = run("dt-validate", "-s", processed, *trees, timeout=600)
    for line in (done.err + done.out.decode("utf-8", "replace")).splitlines():
        path, _, rest = line.partition(": ")
        if path in map(str, trees):
            last = said[path]
            last.append(rest)
        elif line.startswith("\tFrom schema:") and said:
            last[-1] += f" ({pathlib.Path(line.split(': ', 1)[1]).name})"
        elif line.startswith("\t") and said:
            last[-1] += "\n" + line
        else:
            said[""].append(line)
    if done.status != 0:
        said[""].append(f"dt-validate: exit status {done.status}")
    return said


def compile_boards(args, directory, result):
    """The examples of examples/boards, with the trees of Debian's kernel: they compile without a warning.

    {tree: source}, {source: tree of the board}
    """
    known = {pathlib.Path(name).name: path for name, path, _ in boards(False)[1]}
    trees, hosts = {}, {}
    for source in sorted((ROOT / "examples/boards").glob("*.mach")):
        if args.k not in source.name:
            continue
        if f"{source.stem}.dtb" not in known:
            result.add(source.name, "Debian has no such board")
            continue
        hosts[source] = known[f"{source.stem}.dtb"]
        out = directory / source.stem
        done = run(args.machc, "--host", known[f"{source.stem}.dtb"], source, "-O", out)
        result.add(f"{source.name} compiles without a word", None if done.status == 0 and not done.err else done.err)
        result.add(f"{source.name} has a page", None if source.with_suffix(".md").exists() else "it has none")
        trees.update({str(tree): source for tree in out.glob("*.dtb")})
    return trees, hosts


def check_examples(args, processed, directory, result):
    trees, hosts = compile_boards(args, directory, result)
    for source in sorted((ROOT / "examples").glob("*.mach")):
        if args.k not in source.name:
            continue
        out = directory / source.stem
        done = run(args.machc, "-w", source, "-O", out)
        if done.status != 0:
            result.add(source.name, done.err)
        for tree in out.glob("*.dtb"):
            trees[str(tree)] = source
    said = validate(processed, list(trees))
    # Boards are newer than these bindings: what the board's own node causes, too, is not the guest's.
    known = validate(processed, [str(hosts[source]) for tree, source in trees.items() if source in hosts and said[tree]])
    for tree, source in trees.items():
        own = known[str(hosts[source])] if source in hosts else []
        result.add(f"{source.name} {pathlib.Path(tree).stem}", "\n".join(m for m in said[tree] if m not in own))
    result.add("dt-validate of the examples", "\n".join(said[""]))


def check_devices(args, processed, directory, result):
    paths = {name: (path, platform) for name, path, platform in boards(False)[1]}
    trees = {}
    for number, line in enumerate(DEVICES.read_text().splitlines()):
        if not line or line.startswith("#") or args.k not in line:
            continue
        board, node, *more = line.split(" ", 2)
        if board not in paths:
            result.add(line, "there is no such board")
            continue
        path, platform = paths[board]
        tree = directory / f"{number}.dtb"
        text = (f'host "{path}";\nmachine m : {platform} {{ cpus 1; memory ram size 256M; '
                f'passthrough "{node}" {{ {" ".join(more)} ref * drop; dma none; }} }}\n')
        done = run(args.machc, "-w", "-", "-o", tree, stdin=text.encode())
        if done.status != 0:
            result.add(f"{board} {node}", done.err)
        else:
            trees[str(tree)] = f"{board} {node}"
    said = validate(processed, list(trees))
    for tree, name in trees.items():
        result.add(name, "\n".join(said[tree]))
    result.add("dt-validate of the devices", "\n".join(said[""]))


def main():
    parser = argparse.ArgumentParser(description="Guest trees under dt-validate.")
    parser.add_argument("--machc", default="build/machc", help="build/machc")
    parser.add_argument("--refresh", action="store_true", help="look for newer bindings")
    parser.add_argument("-k", default="", metavar="TEXT", help="only examples and devices whose name holds TEXT")
    args = parser.parse_args()
    args.machc = pathlib.Path(args.machc).resolve()
    processed = schema(args.refresh)
    result = Result()
    with tempfile.TemporaryDirectory() as directory:
        check_examples(args, processed, pathlib.Path(directory), result)
        check_devices(args, processed, pathlib.Path(directory), result)
    return 1 if result.report("schema") else 0


if __name__ == "__main__":
    sys.exit(main())
