#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh SOURCES: prints the version of these sources. In a clone it is what git says; in an archive that git made,
# what git has put in below (.gitattributes); anywhere else the number of the next release.
next=0.2.0
archived='$Format:%(describe:tags=true,match=v[0-9]*)$'
commit='$Format:%h$'

cd "$1" || exit 1
if [ -e .git ] && told=$(git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null); then
    echo "${told#v}"
elif [ -e .git ] && told=$(git rev-parse --short HEAD 2>/dev/null); then
    git diff --quiet HEAD 2>/dev/null || told=$told-dirty
    echo "$next-g$told"
else
    case $archived in
    v*) echo "${archived#v}" ;;
    *)
        case $commit in
        '$'*) echo "$next" ;;
        *) echo "$next-g$commit" ;;
        esac
        ;;
    esac
fi
