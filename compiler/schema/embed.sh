#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the files named on the command line as one C source: a table of their names and texts, and one of the names in
# them (see texts.h). JSON Schemas (*.schema.json) lie beside the data that they describe; they are for tests and
# editors, and are left out.
set -eu
LC_ALL=C
export LC_ALL

# Those directly in schemas/ come first.
common=0 others=
for f; do
    shift
    case $f in
    *.schema.json) ;;
    schemas/*/*) others="$others $f" ;;
    *) set -- "$@" "$f" && common=$((common + 1)) ;;
    esac
done
# shellcheck disable=SC2086 # names in schemas/ have no blanks
set -- "$@" $others

echo '// Made by compiler/schema/embed.sh from the files named below.'
echo '#include "schema/texts.h"'
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
    printf '    {"%s", text%d, sizeof text%d - 2},\n' "$f" "$n" "$n"
done
printf '    {0, 0, 0},\n};\nconst uint32_t schema_ntexts = %d, schema_ncommon = %d;\n' "$n" "$common"

# Whatever is the value of a key that a look-up goes by; a few more do no harm: a file is read that was not needed.
printf '\nconst struct schema_name schema_names[] = {\n'
awk -v common="$common" '
function list_names(text, file,    value) {
    while (match(text, /"(name|compatible|properties)" *: *(\[[^]]*\]|"[^"]*")/)) {
        value = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        sub(/^"[a-z]*" *: */, "", value)
        while (match(value, /"[^"]*"/)) {
            printf "%s\t%d\n", substr(value, RSTART + 1, RLENGTH - 2), file
            value = substr(value, RSTART + RLENGTH)
        }
    }
}
FNR == 1 { if (file > common) list_names(text, file - 1); file++; text = "" }
{ text = text " " $0 }
END { if (file > common) list_names(text, file - 1) }' "$@" | sort -u |
    sed -e 's/?/\\?/g' -e "s/^\(.*\)$(printf '\t')\(.*\)$/    {\"\1\", \2},/"
printf '    {"", 0},\n};\nconst uint32_t schema_nnames = sizeof schema_names / sizeof *schema_names - 1;\n'
