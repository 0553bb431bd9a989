#!/bin/bash
# SPDX-License-Identifier: MIT
# Every check of the project, one after the other; nothing is installed here.
#
#     tests/steps.sh ci     what CI has the time for
#     tests/steps.sh all    everything, and whole: make check-all
#
# The last line counts the steps. Each step ends with a line of its own.
set -uo pipefail
cd "$(dirname "$0")/.."
kind=${1:?ci or all}
export WERROR=1
passed=0 failed=()

# CI ends after 90 minutes, whatever has been found by then. What begins too late is left out, and named.
enough=$((65 * 60))
late=()

step() {
    local start=$SECONDS
    if [ "$kind" = ci ] && ((start > enough)); then
        late+=("$*")
        return
    fi
    echo "=== $*"
    if "$@"; then passed=$((passed + 1)); else failed+=("$*"); fi
    echo "=== took $((SECONDS - start)) s"
}

# README's command for the tests, as it stands there.
readme_test() {
    bash -c "$(sed -n 's/^ *\(apt-get install .*make test\)$/\1/p' README.md)"
}

# With clang, which refuses other things than gcc.
clang_test() {
    make -j2 B=build/clang CC=clang CXX=clang++ test SUITE="unit runtime fuzz golden"
}

# The compiler on every example and every faulty file, twice in one process; the runtime with every call failing once:
# all memory must have been given back.
leaks() {
    local programs=(build/unit/test_command build/runtime-tests/test_{session,faults,check,probe,guide}) failed
    # Two at a time. What valgrind says of one is printed when it ends.
    failed=$(printf '%s\n' "${programs[@]}" | xargs -P 2 -I {} sh -c '
        said=$(valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=all --log-fd=9 {} 9>&1 >/dev/null 2>&1) ||
            { echo FAIL; printf "FAIL %s\n%s\n" {} "$said" >&2; }' | wc -l)
    echo "valgrind: $((${#programs[@]} - failed)) passed, $failed failed"
    ((!failed))
}

# docs/ci/github.yml from `git clone` on, as it stands there, into a folder.
ci_install() {
    git rev-parse 2>/dev/null || { echo "no repository to clone"; return 0; }
    local folder
    folder=$(mktemp -d)
    MACHC=file://$PWD DESTDIR=$folder bash -ec "$(sed -n "/git clone/,/install PREFIX/s,/tmp/machc,$folder/machc,p" docs/ci/github.yml)" &&
        "$folder/usr/bin/machc" --check "$folder"/machc/examples/*.mach
    local status=$?
    rm -rf "$folder"
    return $status
}

step make format-check
step make -j2
if [ "$kind" = ci ]; then step readme_test; else step make -j2 test; fi
step ci_install
step leaks
step make -j2 check-abi
step clang_test
if [ "$kind" = ci ]; then
    # The suites in which our own code runs; those that test pages, or other programs, gain nothing.
    step make -j2 SAN=1 test SUITE="unit runtime fuzz errors golden dtc properties names signed"
else
    step make -j2 SAN=1 test
fi
step make -j2 coverage
step make check-cross
# The runtime on real kernels: one is built first.
step make check-system
# The long ones: every board that Debian has a kernel for, and Linux's bindings. The overlay keeps what guests rely on.
step make -j2 check-corpus
if [ "$kind" = ci ]; then
    step make -j2 check-references REFERENCES="--sample 200"
    step make check-schema
    step make check-prepare PREPARE="--sample 60 --schema 3"
    # Random machines that compete.
    step make check-properties CASES=0 OWNERS=500
    # A third of a minute of fuzzing for each kind of file.
    step make -j2 fuzz FUZZ_TIME=20
    # README's second command has run above, on CI's machine; here it is in a bare root of the next Debian.
    step make check-roots ROOTS="readme-trixie deb"
    # One thing broken after the other.
    step make check-system SYSTEM="--break all --sample 8"
    # Whether drivers start that schemas/needs speaks of.
    step make check-probe PROBE="--count 40"
else
    step make -j2 check-references
    step make check-schema
    step make check-prepare PREPARE="--schema 60"
    step make check-properties
    # Instructions are counted, so that it does not matter what else runs.
    step make check-growth
    step make check-roots
    step make check-system SYSTEM="--break all"
    step make check-probe
    step make check-probe PROBE="--count 60 --break"
    step make check-needs
    # A sample of 120 changes, each of which is built.
    step make check-mutants
    step make bench
    # Ten minutes for each: all of this then ends in one afternoon. `make fuzz` alone takes half an hour for each.
    step make -j2 fuzz FUZZ_TIME=600
fi

for name in "${failed[@]}"; do echo "failed: $name"; done
for name in "${late[@]}"; do echo "left out, no time: $name"; done
echo "steps: $passed passed, ${#failed[@]} failed"
((${#failed[@]} == 0))
