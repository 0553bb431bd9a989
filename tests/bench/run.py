#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures machc and libmachrt, compares them with dtc on the same trees, and prints one table.

    run.py [--build build] [--dtc dtc] [--sizes 1000,10000,100000] [--runs 5] [--quick]

Times are user and system time of the whole process, so that other load on the machine makes them only a little longer.
The shortest of several runs counts. Memory is the peak resident set. Inputs and outputs are in memory (/dev/shm) if
possible. Every ratio compares two numbers of this run on this machine, so it is meaningful anywhere; absolute goals are
for information.
Exit: 0 measured, 1 a program failed on valid input or accepted invalid input, 2 usage.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "corpus")]

from harness.debian import cache  # noqa: E402

TIMEOUT = 60.0  # seconds for one run of anything
SHORT = 0.4  # seconds: a command with a smaller total runs again
MACHC = ["bench.mach", "-o", "guest.dtb", "-c", "guest.cfg"]
DTC = ["-q", "-@", "-I", "dts", "-O", "dtb", "-o", "dtc.dtb", "host.dts"]
GROWTH = 15  # for ten times as much input: linear, with room for caches and noise


class Result:
    """Result of several runs of a command: shortest time in seconds, peak MB, exit status; or late."""

    def __init__(self):
        self.seconds = float("inf")
        self.mb, self.status, self.late, self.message = 0.0, 0, False, ""

    @property
    def fine(self):
        return not self.late and self.status == 0


def once(argv, cwd, log):
    """One run: (processor seconds, peak KB, exit status); seconds are None if it took too long."""
    with open(log, "wb") as err:
        start = time.perf_counter()
        p = subprocess.Popen([str(a) for a in argv], cwd=cwd, stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        old = signal.signal(signal.SIGALRM, lambda *_: p.kill())
        signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
        try:
            _, status, usage = os.wait4(p.pid, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        took = time.perf_counter() - start
    p.returncode = os.waitstatus_to_exitcode(status)  # keeps Popen from waiting again
    late = p.returncode == -signal.SIGKILL and took >= TIMEOUT
    return (None if late else usage.ru_utime + usage.ru_stime), usage.ru_maxrss, p.returncode


def measure(argv, cwd, runs):
    """Runs a command `runs` times, or more often if it is short: the speed of a machine varies within tenths of a second."""
    r = Result()
    log = os.path.join(cwd, "log")
    spent, count = 0.0, 0
    while count < runs or (runs > 1 and spent < SHORT):
        count += 1
        seconds, kb, r.status = once(argv, cwd, log)
        if seconds is None:
            r.late = True
            return r
        r.seconds = min(r.seconds, seconds)
        r.mb = max(r.mb, kb / 1024)
        spent += seconds
        if r.status or spent > TIMEOUT / 4:
            break
    with open(log, "rb") as f:
        r.message = f.read(2000).decode(errors="replace").strip()
    return r


def seconds_text(seconds):
    if seconds >= 0.0995:
        return "%.3f s" % seconds
    return "%.1f ms" % (seconds * 1e3) if seconds >= 0.001 else "%.3f ms" % (seconds * 1e3)


def time_text(r):
    if r.late:
        return "> %.0f s" % TIMEOUT
    return "exit %d" % r.status if r.status else seconds_text(r.seconds)


def memory_text(r):
    # A child starts with the peak memory of its parent process.
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return "%.0f" % r.mb if r.mb > floor else "< %.0f" % (floor + 1)


class Bench:
    HEAD = ("what", "n", "time", "peak MB", "beside it", "its time", "ratio")

    def __init__(self, args, tmp):
        self.args, self.tmp = args, pathlib.Path(tmp)
        self.build = pathlib.Path(args.build).resolve()
        self.machc = self.installed(self.build / "machc")
        args.dtc = self.installed(args.dtc)
        self.rows, self.goals, self.failed = [], [], False

    def installed(self, program):
        """Makes a copy: the page cache holds it in larger pieces than a linker's output, and a start takes 0.07 ms less."""
        where = self.build / "bench" / "installed"
        where.mkdir(parents=True, exist_ok=True)
        return shutil.copy2(program, where)

    def row(self, *cells):
        self.rows.append(tuple(str(c) for c in cells) + ("",) * (len(self.HEAD) - len(cells)))

    def generate(self, shape, n, options=()):
        """Makes inputs in a new directory, in a separate process, so that this one stays small."""
        where = self.tmp / "case"
        shutil.rmtree(where, ignore_errors=True)
        subprocess.run([sys.executable, HERE / "gen.py", shape, str(n), where, *options], check=True)
        return where

    def compile(self, name, n, where, status=0, dtc=None, options=()):
        """Runs machc on bench.mach, and adds its row with dtc's result next to it."""
        m = measure([self.machc, *options, *MACHC], where, self.args.runs)
        cells = [name, n, time_text(m), memory_text(m)]
        if dtc:
            ratio = "> %.0f" % (TIMEOUT / m.seconds) if dtc.late else "%.1f" % (dtc.seconds / m.seconds)
            cells += ["dtc", time_text(dtc), ratio if m.fine else "-"]
        self.row(*cells)
        if m.late or m.status != status or (status == 0 and m.message):
            self.failed |= m.late or m.status != status
            print("%s, %d: exit %d instead of %d\n%s\n" % (name, n, m.status, status, m.message), file=sys.stderr)
        return m

    def dtc(self, where, runs):
        return measure([self.args.dtc, *DTC], where, runs) if self.args.dtc else None

    def goal(self, text, value, limit, unit="", most=True, absolute=False):
        verdict = "pass" if (value <= limit if most else value >= limit) else "FAIL"
        note = "; depends on the machine" if absolute else ""
        self.goals.append("%s: %s: %.2f%s, goal %s %g%s%s" % (verdict, text, value, unit, "<=" if most else ">=", limit, unit, note))

    def table(self):
        widths = [max(len(r[i]) for r in [*self.rows, self.HEAD]) for i in range(len(self.HEAD))]
        for r in [self.HEAD, tuple("-" * w for w in widths), *self.rows]:
            print("| " + " | ".join(c.ljust(w) if i in (0, 4) else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))) + " |")
        print()
        for line in self.goals:
            print(line)

    def close(self, name, small, large, factor):
        """Checks the growth of time for `factor` times as much input."""
        if small.fine and large.fine:
            self.goal("%s, %d times as many: time" % (name, factor), large.seconds / small.seconds, GROWTH * factor / 10)


# ---- small inputs ----


def starts(bench):
    """What nobody waits for."""
    for name, args in (("--version", ["--version"]), ("--check by-path.mach", ["--check", ROOT / "examples" / "by-path.mach"])):
        r = measure([bench.machc, *args], bench.tmp, bench.args.runs)
        name = "machc " + name
        bench.row(name, "", time_text(r), memory_text(r))
        bench.failed |= not r.fine
        bench.goal(name + ": time", r.seconds * 1e3, 3, " ms", absolute=True)


# ---- real boards ----


def three_devices(bench, where, dts):
    """Statements for the first three nodes that can be passed through alone."""
    path, found = [], []
    for line in dts.splitlines():
        line = line.strip()
        if line.endswith("{"):
            path.append(line[:-1].strip().split(": ")[-1])
            if len(path) < 2 or "@" not in path[-1]:
                continue
            statement = '    passthrough "/%s" { dma none; ref * drop; }\n' % "/".join(path[1:])
            (where / "bench.mach").write_text(description("host.dtb", "".join(found) + statement))
            if once([bench.machc, "-Werror", "--check", "bench.mach"], where, where / "log")[2] == 0:
                found.append(statement)
                if len(found) == 3:
                    break
        elif line == "};":
            path.pop()
    return "".join(found)


def description(host, statements):
    return ('host "%s";\nmachine bench : arm64-virt {\n    cpus 1;\n    memory ram size 256M;\n%s}\n' % (host, statements))


def both(bench, blob, runs):
    """Measures a board: machc with its source and its blob, with three devices passed through; dtc with its source."""
    where = bench.tmp / "board"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    (where / "host.dtb").write_bytes(blob)
    subprocess.run([bench.args.dtc, "-q", "-I", "dtb", "-O", "dts", "-o", where / "host.dts", where / "host.dtb"], check=True)
    text = (where / "host.dts").read_text(errors="replace")
    statements = three_devices(bench, where, text)
    d = bench.dtc(where, runs)
    (where / "bench.mach").write_text(description("host.dts", statements))
    m = measure([bench.machc, *MACHC], where, runs)
    (where / "bench.mach").write_text(description("host.dtb", statements))
    b = measure([bench.machc, *MACHC], where, runs)
    bench.failed |= not (m.fine and b.fine and d.fine)
    return m, b, d, text.count("{"), statements.count("passthrough")


def board(bench, name, blob):
    m, b, d, nodes, devices = both(bench, blob, bench.args.runs * 3)
    for what, r in (("source", m), ("blob", b)):
        bench.row("%s, %d KB, as %s, %d devices" % (name, len(blob) // 1024, what, devices), nodes, time_text(r), memory_text(r),
                  "dtc, source", time_text(d), "%.1f" % (d.seconds / r.seconds))
    return b


def boards(bench):
    """Boards of Debian's arm64 kernel of all sizes if they are cached (make check-corpus), else those of the examples."""
    found = sorted((cache() / "corpus" / "arm64").resolve().rglob("*.dtb"), key=lambda p: (p.stat().st_size, p.name))
    if not found:
        for source in sorted((ROOT / "examples" / "hosts").glob("*.dts")):
            done = subprocess.run([bench.args.dtc, "-q", "-@", "-O", "dtb", source], capture_output=True, check=True)
            board(bench, source.stem, done.stdout)
        return None
    largest = board(bench, found[-1].stem, found[-1].read_bytes())
    bench.goal("%s: time" % found[-1].stem, largest.seconds * 1e3, 10, " ms", absolute=True)
    board(bench, found[len(found) // 2].stem, found[len(found) // 2].read_bytes())
    # The rest in one row: the sum, and for how many machc takes no longer than dtc.
    count = 3 if bench.args.quick else 24
    sums, faster, nodes = [0.0, 0.0], 0, 0
    for i in range(count):
        m, _, d, n, _ = both(bench, found[i * (len(found) - 1) // (count - 1)].read_bytes(), bench.args.runs * 2)
        sums = [sums[0] + m.seconds, sums[1] + d.seconds]
        faster += m.seconds <= d.seconds
        nodes += n
    bench.row("%d boards of %d to %d KB, as source" % (count, found[0].stat().st_size >> 10, found[-1].stat().st_size >> 10), nodes,
              seconds_text(sums[0]), "", "dtc", seconds_text(sums[1]), "%.1f" % (sums[1] / sums[0]))
    bench.goal("%d boards: time of dtc / time of machc, same sources" % count, sums[1] / sums[0], 1, most=False)
    bench.goal("%d boards: those on which machc takes no longer than dtc" % count, faster, count, most=False)
    return found[-1]


def corpus(bench, blob):
    """Passes each device of the largest board through alone; libfdt, dtc and an independent walk check each tree."""
    where = bench.tmp / "board"
    with open(where / "seen", "wb") as f:
        f.truncate(8 << 20)
    argv = [bench.build / "corpus", "arm64-virt", blob, "seen", bench.args.dtc, "-q", "-I", "dtb", "-O", "null", "-"]
    r = measure(argv, where, 1)
    with open(where / "log", "rb") as f:
        n = sum(line.count(b"\t") > 0 for line in f)
    bench.row("corpus: every device of %s, and dtc on each new tree" % blob.stem, n, time_text(r), memory_text(r))
    bench.failed |= not r.fine


# ---- generated trees ----


def labelled(bench, sizes):
    """The same source with n labelled nodes for both, and every device of it passed through, which dtc cannot do."""
    late = False
    few, all_of_them = {}, {}
    for n in sizes:
        where = bench.generate("devices", n, ["--dts"])
        d = Result()
        d.late = True
        if not late:  # dtc only gets slower: do not wait for it again
            d = bench.dtc(where, 1 if n >= 10000 else bench.args.runs)
            late = d.late
        everything = (where / "bench.mach").read_text()
        (where / "bench.mach").write_text(description("host.dts", "".join("    passthrough &d%d { dma none; ref * drop; }\n" % i for i in (1, 2, 3))))
        # Each device is the clock of another one. The warning for that is not what is measured.
        few[n] = bench.compile("labelled nodes, as source, 3 devices", n, where, dtc=d, options=["-w"])
        (where / "bench.mach").write_text(everything)
        all_of_them[n] = bench.compile("labelled nodes, as blob, every device", n, where, dtc=d)
        if n == 10000 and not d.late:
            bench.goal("10000 labelled nodes: time of dtc / time of machc, same source", d.seconds / few[n].seconds, 80, most=False)
            bench.goal("10000 labelled nodes: time of dtc / time of machc, every device", d.seconds / all_of_them[n].seconds, 30, most=False)
    for small, large in zip(sizes, sizes[1:]):
        bench.close("labelled nodes", few[small], few[large], large // small)
        bench.close("every device", all_of_them[small], all_of_them[large], large // small)
    top = all_of_them[sizes[-1]]
    if sizes[-1] == 100000 and top.fine:
        bench.goal("100000 devices: time", top.seconds, 1, " s", absolute=True)
        bench.goal("100000 devices: memory", top.mb, 300, " MB", absolute=True)


def shapes(bench, sizes, flat, cells):
    rows = [("every device, with DMA", "devices", n, ["--dma", "all"]) for n in sizes]
    rows += [("every device, with an edit", "devices", sizes[-1], ["--edits"])]
    rows += [("siblings in one node, every device", "flat", n, []) for n in (flat // 10, flat)]
    rows += [("cells in one property", "cells", n, []) for n in (cells // 10, cells)]
    rows += [("cells in one edit", "cells-text", n, []) for n in (cells // 10, cells)]
    before = {}
    for name, shape, n, options in rows:
        m = bench.compile(name, n, bench.generate(shape, n, options))
        if name in before:
            bench.close(name, before[name][1], m, n // before[name][0])
        before[name] = (n, m)
    # Measures planning, not the writing of many small files.
    many = {}
    for n in sizes:
        where = bench.generate("devices", n, ["--dma", "all", "--machines", "64"])
        many[n] = measure([bench.machc, "--check", "bench.mach"], where, bench.args.runs)
        bench.row("devices of 64 machines, --check", n, time_text(many[n]), memory_text(many[n]))
        bench.failed |= not many[n].fine
    for small, large in zip(sizes, sizes[1:]):
        bench.close("devices of 64 machines", many[small], many[large], large // small)
    if 10000 in many:
        bench.goal("10000 devices of 64 machines, all checks: time", many[10000].seconds, 0.5, " s", absolute=True)
    # Depth: as much as MACH_MAX_NESTING allows, and a clean error beyond it.
    for shape, name in (("deep", "nesting in the host"), ("deep-text", "nesting in an edit")):
        bench.compile(name, 200, bench.generate(shape, 200))
        bench.compile(name + ", too deep", 5000, bench.generate(shape, 5000), status=1)


def phases(bench, n):
    """Where the time goes: differences between runs that end after successive stages."""
    where = bench.generate("devices", n)
    runs = bench.args.runs * 2

    def took(*argv):
        return measure([bench.machc, *argv], where, runs).seconds

    (where / "tiny.mach").write_text("machine m : arm64-virt { cpus 1; memory ram size 256M; }\n")
    (where / "host.mach").write_text(description("host.dtb", ""))
    whole, check = took(*MACHC), took("--check", "bench.mach")
    text, tiny, host = took("--syntax", "bench.mach"), took("--check", "tiny.mach"), took("--check", "host.mach")
    parts = (("the process and the schemas", tiny), ("the text", max(text - took("--syntax", "tiny.mach"), 0)), ("the host's tree", host - tiny))
    rest = check - sum(t for _, t in parts)
    for name, t in (*parts, ("model, plan, owners", rest), ("tree and config, with digests", whole - check)):
        bench.row("where that goes: " + name, n, seconds_text(max(t, 0)), "", "the whole", seconds_text(whole), "%.0f %%" % (100 * t / whole))


# ---- the runtime ----


def opening(bench, n):
    where = bench.generate("devices", n, ["--dma", "all"])
    subprocess.run([bench.machc, *MACHC], cwd=where, check=True)
    out = subprocess.run([bench.build / "bench" / "open", str(bench.args.runs * 4), where / "guest.cfg"], capture_output=True, text=True, check=True).stdout
    ms = {k: float(v) for k, v in re.findall(r"^(\w+) ([\d.]+) ms", out, re.M)}
    size = (where / "guest.cfg").stat().st_size >> 10
    bench.row("config of %d KB opened" % size, n, "%.2f ms" % ms["open"], "", "read, checksum, records",
              "%.2f, %.2f, %.2f ms" % (ms["read"], ms["checksum"], ms["verify"]))
    if n == 10000:
        bench.goal("a config of 10000 devices opens in", ms["open"], 5, " ms", absolute=True)


def loading(bench):
    out = subprocess.run([bench.build / "bench" / "load", str(bench.args.runs * 2 + 1)], capture_output=True, text=True, check=True).stdout
    for name, calls, kernel, library, share in re.findall(r"^(\w+): (\d+) calls, ([\d.]+) ms .*?, ([\d.]+) ms .*?, ([\d.]+) %", out, re.M):
        bench.row("libmachrt starts a machine (%s), without its calls" % name, calls, library + " ms", "", "the calls", kernel + " ms", share + " %")
        bench.goal("libmachrt, %s: beside the system calls" % name, float(share), 2, " %")


def pool(bench, mib):
    """A session of the real kernel, with memory that lies side by side, beside the same out of hugetlb. Root alone may."""
    folder = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
    machrt = bench.build / "machrt"
    if os.geteuid() or not os.access(folder / "nr_hugepages", os.W_OK):
        bench.goals.append("not measured: memory from contiguous: it takes root, and /sys/kernel/mm/hugepages")
        return
    text = "".join('machine %s : arm64-virt { memory ram at 0x80000000 size %dM from %s; cpus 1; }\n' % (name, mib, source)
                   for name, source in (("hugetlb", "hugetlb 2M"), ("contiguous", "contiguous below 1T")))
    (bench.tmp / "pool.mach").write_text(text)
    subprocess.run([bench.machc, "pool.mach", "-O", "."], cwd=bench.tmp, check=True)
    had, pages = int((folder / "nr_hugepages").read_text()), mib // 2
    free = int(re.search(r"^MemAvailable: *(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1)) >> 11
    start = lambda name: [machrt, "run", "--seconds=0", name + ".cfg"]  # noqa: E731
    try:
        while pages < free * 3 // 4:
            (folder / "nr_hugepages").write_text(str(had + pages))
            if not measure(start("contiguous"), str(bench.tmp), 1).status:
                break
            pages *= 2
        # The first start has left the run at the head of the pool, where the next one takes it.
        found, today = (measure(start(name), str(bench.tmp), bench.args.runs) for name in ("contiguous", "hugetlb"))
    finally:
        (folder / "nr_hugepages").write_text(str(had))
    if found.status:
        bench.goals.append("not measured: memory from contiguous: " + found.message)
        return
    bench.row("machrt run, %d MiB from contiguous" % mib, "", time_text(found), memory_text(found), "from hugetlb", time_text(today),
              "%.2f" % (today.seconds / found.seconds))
    bench.goal("%d MiB: time from contiguous, pinned / time from hugetlb" % mib, found.seconds / today.seconds, 1.5)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=ROOT / "build", help="where machc and the programs of tests/bench are")
    p.add_argument("--dtc", default=shutil.which("dtc"))
    p.add_argument("--sizes", default="1000,10000,100000")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--quick", action="store_true", help="small sizes, one run: does it work at all?")
    args = p.parse_args()
    if not args.dtc:
        p.error("dtc is not there (Debian: device-tree-compiler)")
    sizes, flat, cells, middle = sorted(int(s) for s in args.sizes.split(",")), 50000, 1000000, 10000
    if args.quick:
        sizes, args.runs, flat, cells, middle = [100, 1000], 1, 1000, 10000, 1000
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="machc-bench-", dir=memory) as tmp:
        bench = Bench(args, tmp)
        starts(bench)
        largest = boards(bench)
        if largest:
            corpus(bench, largest)
        labelled(bench, sizes)
        shapes(bench, sizes, flat, cells)
        phases(bench, middle)
        opening(bench, middle)
        loading(bench)
        pool(bench, 16 if args.quick else 1024)
        bench.table()
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
