#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the files named on the command line as one C source: a table of their names and texts, and one of the names in
# them (see texts.h). JSON Schemas (*.schema.json) lie beside the data that they describe; they are for tests and
# editors, and are left out.
set -eu
LC_ALL=C
export LC_ALL

# Those directly in schemas/ come first.
others=
for f; do
    shift
    case $f in
    *.schema.json) ;;
    schemas/*/*) others="$others $f" ;;
    *) set -- "$@" "$f" ;;
    esac
done
common=$#
# shellcheck disable=SC2086 # names in schemas/ have no blanks
set -- "$@" $others

names=$(mktemp)
trap 'rm -f "$names"' EXIT
echo '// Made by compiler/schema/embed.sh from the files named below.'
echo '#include "schema/texts.h"'
printf '\nconst char schema_pool[] =\n'
awk -v common="$common" -v names="$names" -v ntexts=0 -v nfiles_named=0 -v pool=0 '
# Not gsub(): awks differ in how they read backslashes in what it puts in.
function replace(text, what, by,    n, i, part, out) {
    n = split(text, part, what)
    out = part[1]
    for (i = 2; i <= n; i++)
        out = out by part[i]
    return out
}
function put_text(file, text,    n, i, line) {
    n = split(text, line, "\n")
    size = length(text) + (line[n] != "")
    for (i = 1; i <= n; i++) {
        line[i] = replace(line[i], "[\\\\]", "\\\\")
        line[i] = replace(line[i], "[\"]", "\\\"")
        line[i] = replace(line[i], "[?]", "\\?") # trigraphs
        line[i] = replace(line[i], "\t", "\\t")
        line[i] = replace(line[i], "\r", "\\r")
        if (i < n || line[i] != "")
            printf "    \"%s\\n\"\n", line[i]
    }
    print "    \"\\0\\0\""
    if (file != files[nfiles_named - 1])
        files[nfiles_named++] = file
    at[ntexts] = pool
    len[ntexts] = size
    file_of[ntexts++] = nfiles_named - 1
    pool += size + 2
}
# Whatever is the value of a key that a look-up goes by; a few more do no harm: a text is read that was not needed.
function list_names(text,    keys, value) {
    keys = text ~ /^[{]("iommus"|"linux": [{]"vfio-platform")/ ? "arch|properties" : "name|compatible|property|properties"
    while (match(text, "\"(" keys ")\" *: *(\\[[^]]*\\]|\"[^\"]*\")")) {
        value = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        sub(/^"[a-z]*" *: */, "", value)
        while (match(value, /"[^"]*"/)) {
            printf "%s\t%d\n", substr(value, RSTART + 1, RLENGTH - 2), ntexts > names
            value = substr(value, RSTART + RLENGTH)
        }
    }
}
# The end of the string that begins at i.
function string_end(text, i,    ch) {
    while ((ch = substr(text, ++i, 1)) != "\"")
        if (ch == "\\")
            i++
    return i
}
# Each object of a list is a text of its own: of the lists in the file, and in "linux" and "needs" of those in it.
function is_inner(key) { return key == "\"linux\"" || key == "\"needs\"" }
function split_file(file, text,    i, ch, end, depth, key, start, any, list) {
    for (i = 1; (ch = substr(text, i, 1)) != ""; i++) {
        if (ch == "\"") {
            end = string_end(text, i)
            if (match(substr(text, end + 1, 4), /^ *:/))
                key[depth] = substr(text, i, end - i + 1)
            i = end
        } else if (ch ~ /[[{]/) {
            if (ch == "{" && open[depth] == "[" && (depth == 2 || depth == 3 && is_inner(key[1])))
                start = i
            list = ch == "[" ? i : list
            open[++depth] = ch
        } else if (ch ~ /[]}]/) {
            depth--
            if (key[2] == "\"kernels\"" && depth == 2 && key[1] == "\"needs\"") {
                print "needs/kernels\t" ntexts > names
                put_text(file, "{" key[1] ": {" key[2] ": " substr(text, list, i - list + 1) "}}")
            }
            if (!start || !(depth == 2 || depth == 3 && is_inner(key[1])))
                continue
            any = depth == 2 ? "{" key[1] ": [\n" : "{" key[1] ": {" key[2] ": [\n"
            any = any substr(text, start, i - start + 1) (depth == 2 ? "\n]}" : "\n]}}")
            list_names(any)
            put_text(file, any)
            start = 0
        }
    }
    return any
}
function end_file() {
    if (nfiles <= common) {
        put_text(file, text)
    } else if (!split_file(file, text)) {
        list_names(text)
        put_text(file, text)
    }
}
FNR == 1 && nfiles { end_file() }
FNR == 1 { nfiles++; file = FILENAME; text = "" }
{ text = text $0 "\n" }
END {
    end_file()
    print ";\n\nconst char *const schema_files[] = {"
    for (n = 0; n < nfiles_named; n++)
        printf "    \"%s\",\n", files[n]
    print "};\n\nconst struct schema_text schema_texts[] = {"
    for (n = 0; n < ntexts; n++)
        printf "    {%d, %d, %d},\n", at[n], len[n], file_of[n]
    printf "    {0, 0, 0},\n};\nconst uint32_t schema_ntexts = %d, schema_ncommon = %d;\n", ntexts, common
}' "$@"

sort -u "$names" | awk -F '\t' '
BEGIN { pool = 0; print "\nconst char schema_name_pool[] =" }
$1 != last {
    at = pool
    pool += length($1) + 1
    n = split($1, part, "[?]") # trigraphs
    out = part[1]
    for (i = 2; i <= n; i++)
        out = out "\\?" part[i]
    printf "    \"%s\\0\"\n", out
    last = $1
}
{ row[nrows++] = "    {" at ", " $2 "}," }
END {
    print "    \"\";\n\nconst struct schema_name schema_names[] = {"
    for (i = 0; i < nrows; i++)
        print row[i]
    print "    {0, 0},\n};\nconst uint32_t schema_nnames = " nrows ";"
}'
