# SPDX-License-Identifier: MIT
"""golden: compares every machine of examples/*.mach and tests/golden/*.mach, as source and as JSON, byte for byte, and the
JSON that `machrt show` prints for the config.

tests/golden/FILE.MACHINE.dts and FILE.MACHINE.json hold the expected outputs, FILE.warnings the warnings, if any, FILE.host
what the host needs, if its tree is changed. FILE.qemu holds the command lines of vmm-qemu.mach.
FILE.MACHINE.plan holds what `machrt plan --kvm --stop` prints: every call with the values that are passed, or why the
session does not start. FILE.MACHINE.iommufd.plan is the same with --backend=iommufd, of the examples. For the examples,
FILE.dot holds the graph and docs/images/FILE.svg the map. The machines of tests/system must compile,
and there must be one of every platform.
`tests/run.py --update golden` rewrites the files; review the difference before you commit it.
"""

import pathlib
import tempfile

from . import Result, difference, run

GOLDEN = pathlib.Path("tests/golden")
IMAGES = pathlib.Path("docs/images")


def sources():
    """Descriptions that compile unchanged, as paths from the root, because messages show paths."""
    return sorted(pathlib.Path("examples").glob("*.mach")) + sorted(GOLDEN.glob("*.mach"))


def machines(context, source, directory):
    """Compiles every machine into the directory. Returns their names, and machc's result."""
    done = run(context.machc, source, "-O", directory, cwd=context.root)
    return sorted(path.stem for path in pathlib.Path(directory).glob("*.dtb")), done


def plan(context, config, *more):
    """What `machrt plan` prints, and its last words. 0 and 1 are its exit statuses."""
    done = run(context.machrt, "plan", "--kvm", "--stop", *more, config)
    return done.out + done.err.encode() if done.status in (0, 1) else f"exit status {done.status}\n{done.err}".encode()


def compare(context, path, text):
    if context.update:
        if text:
            path.write_bytes(text)
        else:
            path.unlink(missing_ok=True)
        return None
    want = path.read_bytes() if path.exists() else b""
    if want == text:
        return None
    problem = difference(want.decode("utf-8", "replace"), text.decode("utf-8", "replace"), str(path))
    return problem or "differs in bytes that are no text"


def check(context, source):
    """[(name, problem)]"""
    with tempfile.TemporaryDirectory() as directory:
        names, done = machines(context, source, directory)
        # The runtime reads what the compiler reports to have written.
        read = {name: run(context.machrt, "show", "--json", f"{directory}/{name}.cfg") for name in names}
        plans = {f"{name}.plan": plan(context, f"{directory}/{name}.cfg") for name in names}
        if source.parent != GOLDEN:
            plans |= {f"{name}.iommufd.plan": plan(context, f"{directory}/{name}.cfg", "--backend=iommufd") for name in names}
    if done.status != 0:
        return [(str(source), f"exit status {done.status}\n{done.err}")]
    stem = str(GOLDEN / source.stem)
    results = [(f"{source} warnings", compare(context, pathlib.Path(stem + ".warnings"), done.err.encode()))]
    results += [(f"{source} {name}", compare(context, pathlib.Path(f"{stem}.{name}"), text)) for name, text in plans.items()]
    for name in names:
        for view in ("dts", "json"):
            done = run(context.machc, source, "-m", name, f"--emit={view}", cwd=context.root)
            problem = f"exit status {done.status}\n{done.err}" if done.status else None
            problem = problem or compare(context, pathlib.Path(f"{stem}.{name}.{view}"), done.out)
            results.append((f"{source} {name} {view}", problem))
        theirs = read[name]
        problem = None if theirs.out == done.out else f"exit status {theirs.status}\n{theirs.err}\n" + (
            difference(done.out.decode(), theirs.out.decode(), "machrt show --json") or "")
        results.append((f"{source} {name} as machrt shows it", problem))
    done = run(context.machc, "-w", source, "--emit=host", cwd=context.root)
    problem = f"exit status {done.status}\n{done.err}" if done.status or done.err else None
    kept = done.out if b"fragment@" in done.out else b""
    results.append((f"{source} host", problem or compare(context, pathlib.Path(f"{stem}.host"), kept)))
    if source.stem.startswith("vmm-"):
        vmm = source.stem.removeprefix("vmm-")
        done = run(context.machc, source, f"--emit={vmm}", cwd=context.root)
        problem = f"exit status {done.status}\n{done.err}" if done.status else None
        results.append((f"{source} {vmm}", problem or compare(context, pathlib.Path(f"{stem}.{vmm}"), done.out)))
    if source.parent != GOLDEN:
        for view, path in (("map", IMAGES / f"{source.stem}.svg"), ("graph", GOLDEN / f"{source.stem}.dot")):
            done = run(context.machc, source, f"--emit={view}", cwd=context.root)
            problem = f"exit status {done.status}\n{done.err}" if done.status else None
            results.append((f"{source} {view}", problem or compare(context, path, done.out)))
    return results


def check_rig(context, source):
    """The rig's machines compile against a tree of the same board, so that mistakes show before QEMU runs. Only QEMU has a
    Versal's tree."""
    text, options = (context.root / source).read_text(), ["--check"]
    if 'host "host.dtb"' in text:
        options += ["--host", "examples/hosts/virt-smmuv3.dts"]
    elif 'host "versal.dtb"' in text:
        options = ["--syntax"]
    done = run(context.machc, "-w", *options, source, cwd=context.root)
    return f"exit status {done.status}\n{done.err}" if done.status else None


def run_all(context):
    result = Result()
    rig = sorted(path.relative_to(context.root) for path in (context.root / "tests/system").glob("*.mach"))
    for source, problem in context.each(lambda source: check_rig(context, source), rig, str):
        result.add(str(source), problem)
    booted = "".join((context.root / path).read_text() for path in rig)
    unproven = [path.stem for path in (context.root / "schemas/platforms").glob("*.json") if f" : {path.stem} {{" not in booted]
    result.add("tests/system boots a machine of every platform", unproven and "it has none of " + ", ".join(unproven))
    expected = set()
    for source, results in context.each(lambda source: check(context, source), sources(), str):
        for name, problem in results:
            result.add(name, problem)
        expected.add(source.stem)
    if not context.wanted:
        files = [path for kind in ("dts", "json", "plan", "warnings", "dot", "host", "qemu") for path in GOLDEN.glob(f"*.{kind}")]
        files += IMAGES.glob("*.svg")
        stray = [str(path) for path in files if path.name.split(".")[0] not in expected]
        result.add("no golden file is left over", stray and "these belong to nothing: " + " ".join(stray))
    return result
