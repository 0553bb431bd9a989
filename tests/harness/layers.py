# SPDX-License-Identifier: MIT
"""layers: no arrow runs up the house.

The rooms and their order are the table of docs/architecture.md, from the ground up: a room may use those above its row
in that table, and none below. What a room uses is read twice, from the `#include`s of its sources and from the symbols
of its objects (nm). A private header, NAME/internal.h, is used in its own room only. The suite also tries itself: an
arrow that is put in must be found.
"""

import collections
import pathlib
import re
import tempfile

from . import Result, run

ROW = re.compile(r"^\| `((?:compiler|runtime)[\w/.]*)` \|", re.M)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
SOURCES = ("*.c", "*.h", "*.y", "*.l")

Arrow = collections.namedtuple("Arrow", "user used where")


def rooms_of(text):
    """The rooms of the table, from the ground up."""
    return ROW.findall(text)


def sources(root):
    for top in ("compiler", "grammar", "runtime"):
        for pattern in SOURCES:
            yield from sorted((root / top).rglob(pattern))


def room_of(path):
    """`path` is relative to the sources. What stands in compiler/ itself is a room for each name."""
    parts = path.parts
    if parts[0] == "grammar":
        return "compiler/ast"  # the parser calls its builders, and they call it
    if len(parts) == 2:
        return f"{parts[0]}/{path.stem}"
    return f"{parts[0]}/{parts[1]}"


def included(root, source, name):
    """The file that an #include of ours means, as the compiler finds it; None: it is generated, or a library's."""
    for folder in (source.parent, root / "compiler", root / "runtime", root / "runtime/layout",
                   root / "runtime/include"):
        if (folder / name).is_file():
            return (folder / name).resolve().relative_to(root)
    return None


def include_arrows(root):
    for source in sources(root):
        user = source.relative_to(root)
        for name in INCLUDE.findall(source.read_text(encoding="utf-8")):
            used = included(root, source, name)
            if used:
                yield Arrow(user, used, f"{user} includes {name}")


def source_of(root, build, obj):
    """The source that an object was made from; None where it is not there any more."""
    path = obj.relative_to(build)
    if path.parts[0] == "rt":
        path = pathlib.Path(*path.parts[1:])
    if path.parts[0] == "gen":
        return {"mach.tab": pathlib.Path("grammar/mach.y"), "mach.lex": pathlib.Path("grammar/mach.l")}.get(path.stem)
    path = path.with_suffix(".c")
    return path if (root / path).is_file() else None


def objects(root, build):
    for top in ("compiler", "gen", "rt/runtime"):
        for obj in sorted((build / top).rglob("*.o")):
            source = source_of(root, build, obj)
            if source:
                yield source, obj


def symbol_arrows(files):
    """`files`: pairs of a source and its object."""
    defined, wanted = {}, []
    for source, obj in files:
        for line in run("nm", obj).out.decode().splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                wanted.append((source, name))
            elif kind in "TDBRVWC":
                # The compiler's and the runtime's names have nothing to do with each other.
                defined[source.parts[0] == "runtime", name] = source
    for user, name in wanted:
        used = defined.get((user.parts[0] == "runtime", name))
        if used:
            yield Arrow(user, used, f"{user} uses {name}() of {used}")


def problems(rooms, arrows):
    """What is wrong with these arrows, one line for each."""
    height = {room: number for number, room in enumerate(rooms)}
    found = []
    for arrow in arrows:
        user, used = room_of(arrow.user), room_of(arrow.used)
        if user == used:
            continue
        missing = [room for room in (user, used) if room not in height]
        if missing:
            found.append(f"{arrow.where}: docs/architecture.md has no room {missing[0]}")
        elif height[used] > height[user]:
            found.append(f"{arrow.where}: {used} is above {user}")
        elif arrow.used.name == "internal.h":
            found.append(f"{arrow.where}: a private header of {used}")
    return found


def finds_an_include(root, rooms):
    """A file on the ground that includes the top is noticed, and one at the top that includes the ground is not."""
    ground, top = pathlib.Path("compiler/base/arena.c"), pathlib.Path("compiler/cli/command.h")
    up, down = Arrow(ground, top, "up"), Arrow(top, ground, "down")
    return len(problems(rooms, [up])) == 1 and not problems(rooms, [down])


def finds_a_symbol(root, build, rooms):
    """An object on the ground that calls the order of planning is noticed, however it came by its declaration."""
    with tempfile.TemporaryDirectory() as directory:
        source, obj = pathlib.Path(directory, "up.c"), pathlib.Path(directory, "up.o")
        source.write_text("void *plan_make(void);\nvoid *base_calls_up(void);\nvoid *base_calls_up(void) { return plan_make(); }\n")
        if run("cc", "-c", "-o", obj, source).status:
            return False
        files = [(pathlib.Path("compiler/base/up.c"), obj), *objects(root, build)]
        return any("base/up.c uses plan_make()" in line for line in problems(rooms, symbol_arrows(files)))


def run_all(context):
    result, root = Result(), context.root
    rooms = rooms_of((root / "docs/architecture.md").read_text(encoding="utf-8"))
    there = {room_of(source.relative_to(root)) for source in sources(root)}
    odd = there.symmetric_difference(rooms)
    result.add("rooms", f"not both in docs/architecture.md and in the sources: {', '.join(sorted(odd))}" if odd else None)
    arrows = {"includes": list(include_arrows(root)), "symbols": list(symbol_arrows(objects(root, context.build)))}
    for name, list_of in arrows.items():
        found = sorted(set(problems(rooms, list_of)))
        few = len(list_of) < 300 and f"only {len(list_of)} arrows were found"
        result.add(name, "\n".join([f"{len(found)} arrows run up", *found]) if found else few)
    result.add("an include that is put in", None if finds_an_include(root, rooms) else "it was not found")
    result.add("a call that is put in", None if finds_a_symbol(root, context.build, rooms) else "it was not found")
    return result
