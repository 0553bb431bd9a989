#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the files named on the command line as one C source: a table of their names and texts (see texts.h).
# JSON Schemas (*.schema.json) lie beside the data that they describe; they are for tests and editors, and are left out.
set -eu
LC_ALL=C
export LC_ALL

echo '// Made by compiler/schema/embed.sh from the files named below.'
echo '#include "schema/texts.h"'
for f; do
    shift
    case $f in
    *.schema.json) ;;
    *) set -- "$@" "$f" ;;
    esac
done
n=0
for f; do
    n=$((n + 1))
    printf '\nstatic const char text%d[] =\n' "$n"
    # `?` is escaped because of trigraphs, and a line ends in \n whatever the file has; the literal's own NUL is the second one.
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e "s/$(printf '\t')/\\\\t/g" -e "s/$(printf '\r')/\\\\r/g" \
        -e 's/^/    "/' -e 's/$/\\n"/' -- "$f"
    printf '    "\\0";\n'
done
printf '\nconst struct schema_text schema_texts[] = {\n'
n=0
for f; do
    n=$((n + 1))
    printf '    {"%s", text%d, sizeof text%d - 2},\n' "$(printf '%s' "$f" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g')" "$n" "$n"
done
echo '    {0, 0, 0},'
echo '};'
echo "const uint32_t schema_ntexts = $n;"
