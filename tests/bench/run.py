#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures machc on generated inputs and prints one table.

    run.py [--machc build/machc] [--dtc dtc] [--sizes 1000,10000,100000] [--runs 5] [--quick]

Times are wall time of the whole process from start to both outputs written; memory is its peak resident set.
Every ratio is between two numbers of this run on this machine: those say something anywhere. The absolute
goals (100,000 devices in under 1 s and 300 MB) depend on the machine and are printed for information.
Exit: 0 measured, 1 machc failed on an input it must take or took one it must refuse, 2 usage.
"""
import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 60.0  # seconds for one run of anything
GOAL_SECONDS, GOAL_MB, GOAL_RATIO = 1.0, 300, 15


class Result:
    """Of several runs of one command: seconds (min, median), peak MB, exit status; or late."""

    def __init__(self):
        self.seconds = []
        self.mb = 0.0
        self.status = 0
        self.late = False
        self.message = ""

    @property
    def best(self):
        return min(self.seconds)

    @property
    def median(self):
        return sorted(self.seconds)[len(self.seconds) // 2]

    @property
    def fine(self):
        return not self.late and self.status == 0


def once(argv, cwd, log):
    """One run: (seconds, peak KB, exit status); seconds None when it took too long."""
    with open(log, "wb") as err:
        start = time.perf_counter()
        p = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        old = signal.signal(signal.SIGALRM, lambda *_: p.kill())
        signal.setitimer(signal.ITIMER_REAL, TIMEOUT)
        try:
            _, status, usage = os.wait4(p.pid, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        seconds = time.perf_counter() - start
    p.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait again
    late = p.returncode == -signal.SIGKILL and seconds >= TIMEOUT
    return (None if late else seconds), usage.ru_maxrss, p.returncode


def measure(argv, cwd, runs):
    r = Result()
    log = os.path.join(cwd, "log")
    for i in range(runs):
        seconds, kb, status = once(argv, cwd, log)
        if seconds is None:
            r.late = True
            return r
        r.seconds.append(seconds)
        r.mb = max(r.mb, kb / 1024)
        r.status = status
        if status != 0:
            break
        if sum(r.seconds) > TIMEOUT:  # slow enough to be sure
            break
    with open(log, "rb") as f:
        r.message = f.read(2000).decode(errors="replace").strip()
    return r


def seconds_text(r):
    if r is None:
        return "-"
    if r.late:
        return "> %.0f s" % TIMEOUT
    if r.status != 0:
        return "exit %d" % r.status
    return "%.3f s" % r.best if r.best >= 0.0995 else "%.1f ms" % (r.best * 1000)


def median_text(r):
    if r is None or not r.fine:
        return "-"
    return "%.3f s" % r.median if r.median >= 0.0995 else "%.1f ms" % (r.median * 1000)


def memory_text(r):
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return "%.1f" % r.mb if r.mb > floor else "< %.0f" % (floor + 1)


class Bench:
    def __init__(self, args, tmp):
        self.args = args
        self.tmp = tmp
        self.rows = []
        self.failed = False
        self.machc_argv = [os.path.abspath(args.machc), "bench.mach", "-o", "guest.dtb", "-c", "guest.cfg"]
        self.dtc_argv = [args.dtc, "-q", "-@", "-I", "dts", "-O", "dtb", "-o", "dtc.dtb", "host.dts"] if args.dtc else None

    def case(self, name, shape, n, options=(), dtc=False, status=0):
        """Generates, measures and records one case; returns machc's and dtc's results."""
        where = os.path.join(self.tmp, "case")
        options = list(options)
        # In a process of its own: a child starts out with the peak memory of the process that made it,
        # so this one must stay small.
        options += ["--dts"] if dtc and self.dtc_argv else []
        subprocess.run([sys.executable, os.path.join(HERE, "gen.py"), shape, str(n), where, *options], check=True)
        runs = self.args.runs if n < 50000 else max(1, min(3, self.args.runs))
        argv = self.machc_argv
        if "--machines" in options:  # what is measured is planning, and not how a disk syncs many small files
            argv = [argv[0], "--check", argv[1]]
        m = measure(argv, where, runs)
        d = measure(self.dtc_argv, where, 1 if n >= 10000 else runs) if dtc and self.dtc_argv else None
        out = sum(os.path.getsize(os.path.join(where, f)) for f in ("guest.dtb", "guest.cfg")
                  if os.path.exists(os.path.join(where, f)))
        self.rows.append((name, n, m, d, out))
        if m.late or m.status != status:
            self.failed = True
            what = "did not end within %.0f s" % TIMEOUT if m.late else "exit %d instead of %d" % (m.status, status)
            print("%s: %s, %d: %s\n%s\n" % (self.args.machc, name, n, what, m.message), file=sys.stderr)
        elif status == 0 and m.message:
            print("%s: %s, %d: messages on an input that should give none:\n%s\n"
                  % (self.args.machc, name, n, m.message), file=sys.stderr)
        shutil.rmtree(where)
        return m, d

    def table(self):
        head = ("input", "n", "machc min", "median", "peak MB", "output KB", "dtc min", "dtc / machc")
        rows = []
        for name, n, m, d, out in self.rows:
            ratio = "-"
            if d is not None and m.fine:
                if d.late:
                    ratio = "> %.0f" % (TIMEOUT / m.best)
                elif d.fine:
                    ratio = "%.1f" % (d.best / m.best)
            rows.append((name, "%d" % n, seconds_text(m), median_text(m), memory_text(m), "%d" % (out // 1024),
                         seconds_text(d), ratio))
        widths = [max(len(r[i]) for r in rows + [head]) for i in range(len(head))]
        for r in [head, tuple("-" * w for w in widths)] + rows:
            print("| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))) + " |")


def goal(text, value, limit, unit, absolute):
    verdict = "pass" if value < limit else "FAIL"
    note = ", for information: depends on the machine" if absolute else ""
    print("%s: %s: %.2f%s, goal < %g%s%s" % (verdict, text, value, unit, limit, unit, note))


def growth(results, sizes):
    """Time per device of the largest size against the one before: 1 is linear."""
    for small, large in zip(sizes, sizes[1:]):
        a, b = results[small], results[large]
        if a.fine and b.fine:
            yield small, large, b.best / a.best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--machc", default=os.path.join(HERE, "..", "..", "build", "machc"))
    p.add_argument("--dtc", default=shutil.which("dtc"), help="'' leaves it out")
    p.add_argument("--sizes", default="1000,10000,100000")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--quick", action="store_true", help="small sizes, one run: does it work at all?")
    args = p.parse_args()
    if not os.access(args.machc, os.X_OK):
        p.error("%s is not there; `make` first, or --machc" % args.machc)
    try:
        sizes = sorted(int(s) for s in args.sizes.split(","))
    except ValueError:
        p.error("--sizes takes numbers with commas between them")
    flat, cells, scale = 50000, 1000000, 10
    if args.quick:
        sizes, args.runs, flat, cells = [100, 1000], 1, 1000, 10000

    with tempfile.TemporaryDirectory(prefix="machc-bench-") as tmp:
        b = Bench(args, tmp)
        devices, late = {}, False
        for n in sizes:
            # dtc only gets slower: once too late, always too late, and nobody waits for it again.
            m, d = b.case("devices", "devices", n, dtc=not late)
            devices[n] = m
            late = late or (d is not None and d.late)
        mapped = {n: b.case("devices, dma all", "devices", n, ["--dma", "all"])[0] for n in sizes}
        many = {n: b.case("devices of 64 machines, --check", "devices", n, ["--dma", "all", "--machines", "64"])[0]
                for n in sizes[:-1]}
        b.case("devices, an edit each", "devices", sizes[-1], ["--edits"])
        siblings = {n: b.case("siblings in one node", "flat", n, dtc=n == flat // scale)[0] for n in (flat // scale, flat)}
        table = {n: b.case("cells in one property", "cells", n)[0] for n in (cells // scale, cells)}
        text = {n: b.case("cells in one edit", "cells-text", n)[0] for n in (cells // scale, cells)}
        # Depth: what MACH_MAX_NESTING lets through, and a clean error beyond it.
        for shape, name in (("deep", "nesting in the host"), ("deep-text", "nesting in an edit")):
            b.case(name, shape, 200)
            b.case(name + ", too deep", shape, 5000, status=1)

        b.table()
        print()
        for what, results in (("devices", devices), ("devices, dma all", mapped), ("devices of 64 machines, --check", many),
                              ("siblings in one node", siblings),
                              ("cells in one property", table), ("cells in one edit", text)):
            for small, large, ratio in growth(results, sorted(results)):
                factor = large / small
                # 15 for ten times as much: linear, and some room for caches and noise.
                goal("%s: time of %d / time of %d" % (what, large, small), ratio, GOAL_RATIO * factor / 10, "", False)
        if 10000 in many and many[10000].fine:
            goal("10000 devices of 64 machines, all checks", many[10000].best, 0.5, " s", True)
        top = devices[sizes[-1]]
        if top.fine and sizes[-1] == 100000:
            goal("100000 devices, time", top.best, GOAL_SECONDS, " s", True)
            goal("100000 devices, memory", top.mb, GOAL_MB, " MB", True)
    return 1 if b.failed else 0


if __name__ == "__main__":
    sys.exit(main())
