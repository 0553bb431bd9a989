#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does machc accept and refuse the sources of dtc's own tests as dtc does, and read the same trees?

    tests/references/dtc_tests.py [--reader FILE] [--tests FOLDER]

The sources are those of Debian's source package device-tree-compiler, unless FOLDER has them. docs/dtc.md lists the differences,
and why: each must be there, and there must be no other. Overlays are compared after they have been applied: overlays.py.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "references")]

import blob  # noqa: E402
import sources  # noqa: E402
from harness.debian import Apt, cache  # noqa: E402
from overlays import same  # noqa: E402

ROW = re.compile(r"^\| `(\S+\.dtso?)` \| (accepts|refuses) \| (accepts|refuses) \| \S.* \|$", re.M)


def download():
    """The folder with the tests; None if no mirror has the package's source."""
    folder = cache() / "dtc-tests"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as root:
        try:
            apt = Apt(root, ["bookworm"], ["amd64"], sources=True)
            apt.update()
            archive = apt.source("device-tree-compiler")
        except subprocess.CalledProcessError:
            return None
        new = pathlib.Path(root, "new")
        new.mkdir()
        subprocess.run(["tar", "x", "--strip-components=1", "-f", archive, "-C", new], check=True)
        shutil.move(new / "tests", folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description="Compares what dtc and machc make of dtc's tests.")
    parser.add_argument("--reader", default="build/overlay", help="build/overlay")
    parser.add_argument("--tests", type=pathlib.Path, metavar="FOLDER", help="dtc's tests/")
    args = parser.parse_args()
    reader, top, folder = pathlib.Path(args.reader).resolve(), sources.download(), args.tests or download()
    if not folder:
        print("dtc: 0 passed, 0 failed, 1 skipped (no mirror has the source of device-tree-compiler)")
        return 0
    explained = {name: (dtc, machc) for name, dtc, machc in ROW.findall((ROOT / "docs/dtc.md").read_text())}
    passed, failed, seen = 0, [], set()
    for source in sorted([*folder.glob("*.dts"), *folder.glob("*.dtso")]):
        with tempfile.TemporaryDirectory() as directory:
            to = pathlib.Path(directory, "blob")
            theirs = sources.dtc(top, source, to, folder)
            tree = blob.read(to.read_bytes()) if theirs else None
        done = subprocess.run([reader, "-I", folder, source], capture_output=True, check=False)
        verdicts = tuple("accepts" if ok else "refuses" for ok in (theirs, not done.returncode))
        seen.add(source.name)
        if verdicts[0] != verdicts[1] or source.name in explained:
            difference = "" if explained.get(source.name) == verdicts else f"dtc {verdicts[0]}, machc {verdicts[1]}"
        elif theirs and "/plugin/" not in source.read_text(errors="replace"):
            difference = same(tree, blob.read(done.stdout))
        else:
            difference = ""
        passed += not difference
        if difference:
            failed.append(f"{source.name}: {difference}\n{done.stderr.decode()[:500]}")
    failed += [f"docs/dtc.md explains {name}, which is not there" for name in sorted(explained.keys() - seen)]
    for line in failed:
        print(f"FAIL {line}")
    print(f"dtc: {passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
