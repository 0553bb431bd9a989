#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh finds what breaks programs, and accepts what does not: test.sh CC HEADERS LIBRARY GROWN-HEADERS GROWN-LIBRARY
set -eu
cc=$1 headers=$2 library=$3 grown_headers=$4 grown=$5
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --drop-private-types --headers-dir "$headers" \
    --out-file "$work/today.abi" "$library"
export ABI_BASE="$work/today.abi"

expect() { # STATUS WHAT LIBRARY HEADERS
    status=0
    sh "$here/check.sh" "$3" "$4" >"$work/out" 2>&1 || status=$?
    if [ "$status" != "$1" ]; then
        cat "$work/out"
        echo "check-abi: exit $status, not $1, for $2" >&2
        exit 1
    fi
}

# The library with its public headers changed by a sed script.
build() {
    rm -rf "$work/include"
    mkdir "$work/include"
    for h in "$headers"/*.h; do sed -e "$1" "$h" >"$work/include/${h##*/}"; done
    ! diff -r "$headers" "$work/include" >/dev/null || { echo "check-abi: the change '$1' changes nothing" >&2; exit 1; }
    $cc -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iruntime -Iruntime/layout -I"$work/include" -std=c11 -O0 -g -w -fPIC -pthread \
        -fvisibility=hidden -shared -Wl,-soname,libmachrt.so.1 -Wl,--version-script="$work/map" -o "$work/changed.so" \
        runtime/config/*.c runtime/sys/*.c runtime/base/*.c runtime/core/*.c runtime/backend/*.c runtime/session/*.c runtime/kvm/*.c
}

cp runtime/libmachrt.map "$work/map"
expect 0 "the same library" "$library" "$headers"
expect 0 "structs that have grown" "$grown" "$grown_headers"
build '/^struct mach_options {$/,/^};$/s/enum mach_backend backend;/uint64_t more; &/'
expect 1 "a member in the middle of a struct" "$work/changed.so" "$work/include"
build 's/MACH_BACKEND_GROUP,/MACH_BACKEND_OTHER, &/'
expect 1 "an enumerator in the middle" "$work/changed.so" "$work/include"
build 's/^MACHRT_API const char \*mach_version(void);/const char *mach_version(void);/'
expect 1 "a function that is no longer exported" "$work/changed.so" "$work/include"
echo "check-abi: 5 changes judged as they should be"
