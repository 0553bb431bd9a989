#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is a board with overlays, as `host` puts them together, what fdtoverlay makes of them?

    tests/references/overlays.py [--driver FILE] [-k TEXT]

The boards are all that Linux's Makefiles put together (`board-dtbs := base.dtb overlay.dtbo`). Each is made three times: by
fdtoverlay, by machc's code from the same blobs, and from the overlays' sources. Nodes, properties and values are compared;
numbers may differ only where both are phandles of the same node.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "references")]

import blob  # noqa: E402
import sources  # noqa: E402

# Of a reference to a node that is in no fragment: fdtoverlay leaves a number that no node has, machc none.
NOTHING = 0xffffffff
SYMBOLS = ("__symbols__", "__local_fixups__", "__fixups__")


def combinations(top):
    """(folder, name, base, [overlay, ...]): stems of the sources."""
    for makefile in sorted(top.glob("arch/*/boot/dts/**/Makefile")):
        text = makefile.read_text().replace("\\\n", " ")
        for name, files in re.findall(r"^(\S+)-dtbs\s*:=\s*(.*)$", text, re.M):
            base, *overlays = files.split()
            if overlays and all(word.endswith(".dtbo") for word in overlays):
                yield makefile.parent, name, base[:-4], [word[:-5] for word in overlays]


def same(one, two):
    """"" or the first difference between two trees; numbers are the same if they are phandles of the same node."""
    one, two = (blob.without(tree, *SYMBOLS) for tree in (one, two))
    first, second = blob.phandles(one), blob.phandles(two)
    if one.keys() != two.keys():
        return f"nodes: {sorted(one.keys() ^ two.keys())[:5]}"
    for path, props in one.items():
        others = {name: value for name, value in two[path].items() if name != "phandle"}
        props = {name: value for name, value in props.items() if name != "phandle"}
        if props.keys() != others.keys():
            return f"{path}: {sorted(props.keys() ^ others.keys())}"
        for name, value in props.items():
            other = others[name]
            if value == other:
                continue
            if len(value) != len(other) or len(value) % 4 or any(
                    a != b and (first[a] != second.get(b) if a in first else b != NOTHING)
                    for a, b in zip(blob.cells(value), blob.cells(other))):
                return f"{path} {name}: {value.hex()}, not {other.hex()}"
    return ""


def labels(tree):
    return {name: value for name, value in tree.get("/__symbols__", {}).items()}


def judge(job):
    """The differences for one combination."""
    top, driver, folder, name, base, overlays = job
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)

        def compiled(stem, ends):
            source = folder / f"{stem}{ends[0]}"
            if not source.exists():
                raise RuntimeError(f"no {source}")
            text, made = here / f"{stem}{ends[0]}", here / f"{stem}{ends[1]}"
            if not sources.preprocess(source, text, sources.includes_of(top)) or not sources.dtc(top, text, made, folder, "-@"):
                raise RuntimeError(f"dtc refuses {stem}")
            return text, made

        try:
            _, board = compiled(base, (".dts", ".dtb"))
            parts = [compiled(stem, (".dtso", ".dtbo")) for stem in overlays]
        except RuntimeError as error:
            return name, str(error), []
        done = subprocess.run([top / "fdtoverlay", "-i", board, "-o", here / "peer", *(made for _, made in parts)],
                              capture_output=True, check=False)
        if done.returncode:
            return name, f"fdtoverlay: {done.stderr.decode().strip()}", []
        peer, wrong = blob.read((here / "peer").read_bytes()), []
        for kind, files in ("blobs", [made for _, made in parts]), ("sources", [text for text, _ in parts]):
            done = subprocess.run([driver, board, *files], capture_output=True, check=False)
            ours = blob.read(done.stdout) if not done.returncode else None
            difference = same(peer, ours) if ours else f"exit status {done.returncode}: {done.stderr.decode()[:500]}"
            missing = labels(peer).items() - labels(ours).items() if ours else ()
            if not difference and missing:
                difference = f"labels: {sorted(missing)[:5]}"
            if difference:
                wrong.append(f"{name} from {kind}: {difference}")
        return name, "", wrong


def main():
    parser = argparse.ArgumentParser(description="Compares boards with overlays with what fdtoverlay makes.")
    parser.add_argument("--driver", default="build/overlay", help="build/overlay")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="boards at a time")
    parser.add_argument("-k", default="", metavar="TEXT", help="only boards whose name holds TEXT")
    args = parser.parse_args()
    top, driver = sources.download(), pathlib.Path(args.driver).resolve()
    jobs = [(top, driver, *found) for found in combinations(top) if args.k in found[1]]
    passed, failed = 0, []
    with concurrent.futures.ProcessPoolExecutor(args.j) as pool:
        for name, skipped, wrong in pool.map(judge, jobs):
            if skipped:
                print(f"SKIP {name}: {skipped}")
            else:
                passed += 2 - len(wrong)
            failed += wrong
    used = {overlay for *_, overlays in jobs for overlay in overlays}
    print(f"{len(jobs)} boards with {len(used)} of {len(list(top.glob('arch/*/boot/dts/**/*.dtso')))} overlays")
    for line in failed[:50]:
        print(f"FAIL {line}")
    print(f"overlays: {passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
