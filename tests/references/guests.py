#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does a guest get the same whether its board is given as source or as a blob?

    tests/references/guests.py [--driver FILE] [--sample N] [--seed SEED] [-k TEXT]

Every node with `reg` of every board of Linux's sources is passed through alone, twice. Trees are compared but for order and
numbers of phandles. Source tells all references; where they differ because a blob does not, the blob's guest has the warning
W0424.
"""

import argparse
import concurrent.futures
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "references")]

import sources  # noqa: E402

PLATFORMS = {"arm": "arm-virt", "arm64": "arm64-virt", "riscv": "riscv64-virt", "powerpc": "e500mc-kvm"}


def guests(driver, *args):
    done = subprocess.run([driver, *args], capture_output=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[:1000])
    return {path: (codes, digest) for path, codes, digest in (line.split("\t") for line in done.stdout.decode().splitlines())}


def compare(driver, board):
    """(nodes, nodes that differ with a warning, differences)"""
    platform = PLATFORMS[board.arch]
    try:
        source, binary = (guests(driver, platform, *args) for args in (("-I", board.source.parent, board.text), (board.blob,)))
    except RuntimeError as error:
        return 0, 0, [f"{board.name}: {error}"]
    wrong, warned = [], 0
    for path in sorted(source.keys() | binary.keys()):
        one, two = source.get(path), binary.get(path)
        if one and two and (one[1] == two[1]):
            continue
        if two and "W0424" in two[0]:
            warned += 1
        else:
            wrong.append(f"{board.name} {path}: from source {one}, from the blob {two}")
    return len(source), warned, wrong


def main():
    parser = argparse.ArgumentParser(description="Compares guests of boards given as source and as blobs.")
    parser.add_argument("--driver", default="build/guests", help="build/guests")
    sources.add_options(parser)
    args = parser.parse_args()
    driver, start = pathlib.Path(args.driver).resolve(), time.monotonic()
    found, _ = sources.choose(args, (board for board in sources.linux() if board.arch in PLATFORMS))
    nodes = warned = 0
    failed = []
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for count, excused, wrong in pool.map(lambda board: compare(driver, board), found):
            nodes, warned, failed = nodes + count, warned + excused, failed + wrong
    for line in failed[:30]:
        print(f"FAIL {line}")
    print(f"{len(found)} boards in {time.monotonic() - start:.0f} s; {warned} nodes differ, and the blob's guest has a warning")
    print(f"guests: {nodes - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not nodes else 0


if __name__ == "__main__":
    sys.exit(main())
