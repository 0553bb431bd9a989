# SPDX-License-Identifier: MIT
"""The names that libmachrt exports: symbols.py BUILD

    headers     every function that is declared with MACHRT_API is in runtime/libmachrt.map, and no other one
    .so         exports exactly these
    .a          shows exactly these; its other global names are hidden, and begin with machrt_
    machrt      the command uses public functions only
"""

import glob
import os
import re
import subprocess
import sys


def symbols(path, *options):
    """(object file, name, binding, visibility, defined) of each symbol; readelf knows every architecture."""
    out = subprocess.run(["readelf", "-W", *options, path], check=True, capture_output=True, text=True).stdout
    member = os.path.basename(path)
    for line in out.splitlines():
        if line.startswith("File: "):
            member = re.search(r"([^/(]+\.o)\)?$", line).group(1)
        field = line.split()
        if len(field) >= 8 and field[0][:-1].isdigit() and field[4] in ("GLOBAL", "WEAK") and field[3] != "FILE":
            rest = field[6:]
            while rest[0].startswith("[") or rest[0].endswith("]"):  # [<localentry>: 8] on Power
                rest = rest[1:]
            name = rest[1].split("@")[0]
            # What a compiler adds: coverage, sanitizers.
            if not name.startswith(("__", "_")):
                yield member, name, field[4], field[5], rest[0] not in ("UND", "ABS")


def declared():
    names = set()
    for header in glob.glob("runtime/include/*.h"):
        with open(header, encoding="utf-8") as f:
            names.update(re.findall(r"^MACHRT_API [^;]*?\b(\w+)\(", f.read(), re.M))
    return names


def compare(what, names, expected):
    wrong = [f"{what}: {n} is missing" for n in sorted(expected - names)]
    return wrong + [f"{what}: {n} is not public" for n in sorted(names - expected)]


def public(build):
    names = declared()
    with open("runtime/libmachrt.map", encoding="utf-8") as f:
        wrong = compare("libmachrt.map", set(re.findall(r"^\s+(\w+);$", f.read(), re.M)), names)
    so = {n for _, n, _, _, defined in symbols(f"{build}/libmachrt.so", "--dyn-syms") if defined}
    wrong += compare("libmachrt.so", so, names)
    archive = [s for s in symbols(f"{build}/libmachrt.a", "-s") if s[4]]
    wrong += compare("libmachrt.a", {n for _, n, _, visibility, _ in archive if visibility == "DEFAULT"}, names)
    for member, name, _, visibility, _ in archive:
        if visibility != "DEFAULT" and not name.startswith("machrt_"):
            wrong.append(f"libmachrt.a: {member}: {name} does not begin with machrt_")
    return wrong, len(names)


def command(build):
    """What the command uses beyond the public functions, and how many of those it uses."""
    used = {n for path in glob.glob(f"{build}/rt/runtime/machrt/*.o") for _, n, _, _, defined in symbols(path, "-s")
            if not defined and n.startswith("mach")}
    return [f"machrt: {n} is not public" for n in sorted(used) if n.startswith("machrt_")], len(used)


def main():
    wrong, names = public(sys.argv[1])
    private, uses = command(sys.argv[1])
    wrong += private
    for line in wrong:
        print(line)
    print(f"symbols: {names} public functions, {uses} used by machrt, {len(wrong)} wrong")
    return 1 if wrong or names < 100 or uses < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
