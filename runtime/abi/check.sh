#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the ABI of libmachrt.so with the one of the last release (Debian: abigail-tools).
#
#   check.sh LIBRARY HEADERS            compare; exit 1 where a program that was linked before may no longer work
#   check.sh --update LIBRARY HEADERS   write runtime/abi/libmachrt.abi: part of a release
#
# The release is the last tag v*, and what it has in runtime/abi/libmachrt.abi; before the first tag it is the file as it
# is here. ABI_BASE names another file to compare with.
set -eu
here=$(dirname "$0")
base=$here/libmachrt.abi
update=
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
library=$1 headers=$2

fail() {
    echo "check-abi: $*" >&2
    exit 1
}

command -v abidw >/dev/null || fail "there is no abidw: apt-get install abigail-tools"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

dump() {
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --drop-private-types --headers-dir "$2" --out-file "$3" "$1"
}

if [ -n "$update" ]; then
    dump "$library" "$headers" "$base"
    exit
fi

last=$(git describe --tags --match 'v*' --abbrev=0 2>/dev/null) || last=
if [ -n "${ABI_BASE:-}" ]; then
    cp "$ABI_BASE" "$work/base.abi"
elif [ -n "$last" ]; then
    git show "$last:runtime/abi/libmachrt.abi" >"$work/base.abi" || fail "the release $last has no runtime/abi/libmachrt.abi"
else
    cp "$base" "$work/base.abi"
fi

dump "$library" "$headers" "$work/now.abi"
field() { sed -n "1s/.* $1='\([^']*\)'.*/\1/p" "$2"; }
for what in architecture soname; do
    was=$(field $what "$work/base.abi") is=$(field $what "$work/now.abi")
    [ -n "$was" ] && [ -n "$is" ] || fail "no $what in a dump of abidw"
    [ "$was" = "$is" ] || fail "$what is $is, and that of ${last:-$base} is $was"
done
[ "$(grep -c '<function-decl' "$work/base.abi")" -gt 100 ] || fail "${last:-$base} lists too few functions to be right"
if abidiff --no-added-syms --suppressions "$here/allowed.ini" "$work/base.abi" "$work/now.abi" >"$work/diff"; then
    echo "check-abi: programs linked with ${last:-the last release} run with this library"
else
    cat "$work/diff"
    fail "programs linked with ${last:-the last release} may not run with this library"
fi
