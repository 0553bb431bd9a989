#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the seed corpora of the fuzz targets from examples, error files, goldens and machc's outputs for them.

    seeds.py [--build build] DIR

Rewrites DIR/TARGET/. Needs dtc to compile the host trees to blobs.
"""

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.blobs import RECIPES  # noqa: E402
from harness.golden import sources  # noqa: E402

TARGETS = ("cfg", "session", "policy", "mach", "body", "dts", "dtb", "schema", "facts", "sysfs")
SLOW = ("E0211-too-many-statements",)  # millions of statements
LARGEST = 32 * 1024  # mutating larger files is slow, and finds nothing more than smaller ones


class Seeds:
    def __init__(self, folder):
        self.folder = folder
        for target in TARGETS:
            shutil.rmtree(folder / target, ignore_errors=True)
            (folder / target).mkdir(parents=True)

    def add(self, target, name, data):
        if 0 < len(data) <= LARGEST:
            (self.folder / target / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}").write_bytes(data)


def bodies(text):
    """The text in the braces after `node` and `edit`, found by counting braces."""
    for match in re.finditer(r"\b(?:edit|node [^{};]+)\s*\{", text):
        depth, at = 1, match.end()
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if not depth:
            yield text[match.end():at - 1].strip()


def texts(seeds):
    for path in sources() + sorted(pathlib.Path("tests/errors").rglob("*.mach")):
        if path.stem in SLOW:
            continue
        data = path.read_bytes()
        seeds.add("mach", path.stem, data)
        for i, body in enumerate(bodies(data.decode("utf-8", "replace"))):
            seeds.add("body", f"{path.stem}-{i}", body.encode())
    for i, block in enumerate(re.findall(r"```mach[^\n]*\n(.*?)```", pathlib.Path("docs/language.md").read_text(), re.S)):
        seeds.add("mach", f"language-{i}", block.encode())
    for path in sorted(path for top in ("examples", "tests") for path in pathlib.Path(top).rglob("*.dts*")):
        seeds.add("dts", path.stem, path.read_bytes())
        # Broken trees yield no blob; -f only disables dtc's checks.
        done = subprocess.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", str(path)], capture_output=True, check=False)
        if not done.returncode:
            seeds.add("dtb", path.stem, done.stdout)
    for name, blob in RECIPES.items():
        seeds.add("dtb", name, blob)
    for path in sorted([*pathlib.Path("schemas").rglob("*.json"), *pathlib.Path("tests").rglob("*.json")]):
        # A small file says the same as linux/nodes.json, and is faster: tests/linux/tree.json.
        if ".schema." not in path.name and "golden" not in path.parts and path.parent.name != "linux":
            seeds.add("facts" if path.parent.name == "facts" else "schema", path.stem, path.read_bytes())


def policies(seeds):
    """The policy of the document, and the lines of it."""
    text = pathlib.Path("docs/runtime.md").read_text()
    block = re.search(r"((?:^    .*\n)+)", text[text.index("    # /etc/mach/policy"):], re.M).group(1)
    lines = [line[4:] for line in block.splitlines()]
    for i in range(len(lines)):
        seeds.add("policy", f"document-{i}", "\n".join(lines[i:i + 3]).encode())
    seeds.add("policy", "document", "\n".join(lines).encode())


def board():
    """The lines of the small tree in target_sysfs.c."""
    text = (ROOT / "tests/fuzz/target_sysfs.c").read_text()
    lines = re.findall(r'^ {4}"(/.*)\\n"', text, re.M)
    return "".join(line.replace('\\"', '"') + "\n" for line in lines)


def outputs(seeds, machc, machrt):
    """Configs and guest trees of everything that compiles, and the policies that the configs need."""
    for path in sources():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([machc, "-w", str(path), "-O", folder], check=True)
            for made in sorted(path for path in pathlib.Path(folder).iterdir() if path.suffix in (".cfg", ".dtb")):
                seeds.add(made.suffix[1:], f"{path.stem}-{made.stem}", made.read_bytes())
                if made.suffix == ".cfg":
                    done = subprocess.run([machrt, "policy", made], capture_output=True, check=True)
                    seeds.add("policy", f"{path.stem}-{made.stem}", done.stdout)


def main():
    parser = argparse.ArgumentParser(description="Makes the seed corpora of the fuzz targets.")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    seeds = Seeds(args.folder)
    texts(seeds)
    policies(seeds)
    seeds.add("sysfs", "board", board().encode())
    outputs(seeds, args.build / "machc", args.build / "machrt")
    subprocess.run([args.build / "fuzz" / "sample", str(args.folder / "cfg" / "sample")], check=True)
    subprocess.run([args.build / "fuzz" / "scenes", str(args.folder / "cfg")], check=True)
    shutil.copytree(args.folder / "cfg", args.folder / "session", dirs_exist_ok=True)
    for target in TARGETS:
        if not any((args.folder / target).iterdir()):
            print(f"no seeds for {target}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
