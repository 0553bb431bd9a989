#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests of machc. The top of each file in tests/harness/ describes its suite.

    tests/run.py [--build DIR] [--update] [-k TEXT] [SUITE ...]
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys

sys.dont_write_bytecode = True  # a test run writes nothing into the sources

from harness import Context, Failed, Result, builds, cache, checker, cli, diagnostics, docs, dtc, errors, generated, golden, layers, linux, linux_facts, makefile, names, needs, paste, pictures, properties, schemas, signed, unit  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUITES = {
    "unit": unit.run_all,
    "runtime": unit.run_runtime,
    "fuzz": unit.run_fuzz,
    "layers": layers.run_all,
    "linux": linux.run_all,
    "errors": errors.run_all,
    "golden": golden.run_all,
    "pictures": pictures.run_all,
    "dtc": dtc.run_all,
    "checker": checker.run_all,
    "properties": properties.run_all,
    "schemas": schemas.run_all,
    "linux-facts": linux_facts.run_all,
    "needs": needs.run_all,
    "cli": cli.run_all,
    "names": names.run_all,
    "builds": builds.run_all,
    "cache": cache.run_all,
    "make": makefile.run_all,
    "diagnostics": diagnostics.run_all,
    "paste": paste.run_all,
    "signed": signed.run_all,
    "generated": generated.run_all,
    "docs": docs.run_all,
}


def main():
    parser = argparse.ArgumentParser(description="Runs the tests of machc.")
    parser.add_argument("--build", default="build", help="where machc and the unit tests are (build)")
    parser.add_argument("--update", action="store_true", help="suites golden, schemas, generated and docs: write what is made from machc anew")
    parser.add_argument("-k", default="", metavar="TEXT", help="only tests whose name holds TEXT")
    parser.add_argument("--first", action="store_true", help="end at the first failure")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="tests at a time")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=" ".join(SUITES))
    args = parser.parse_args()
    for name in args.suites:
        if name not in SUITES:
            parser.error(f"no suite {name}; there are {', '.join(SUITES)}")
    os.chdir(ROOT)
    total = Result()
    Result.first = args.first
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        context = Context(ROOT, (ROOT / args.build).resolve(), pool, args.k, args.update)
        for name in args.suites or SUITES:
            try:
                result = SUITES[name](context)
            except Failed:
                pool.shutdown(cancel_futures=True)
                return 1
            result.report(name)
            total += result
    total.report("total")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
