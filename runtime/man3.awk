# SPDX-License-Identifier: MIT
# Man pages of section 3 from the comments of the public headers:
#
#     awk -f man3.awk -v out=DIRECTORY -v version=0.2.0 HEADER ...
#
# A header has a page of its own: the comment at its top, its functions, and its types as they are. A comment before
# functions is the page of the first of them, which the others refer to. The accessors of one kind of record, between
# two lines `---- word: text ----`, share a page.

function escape(s)
{
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    if (s ~ /^[.']/)
        s = "\\&" s
    return s
}

# The text of a comment: paragraphs; code, which is indented by four; and lines `  name  what it is`, by two.
function body(text,    n, i, line, kind, was, r, word)
{
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++) {
        if (line[i] ~ /^ *$/) {
            if (was == "code" && line[i + 1] ~ /^    /)
                r = r "\n"
            else {
                r = r (was == "code" ? ".fi\n.RE\n" : "") ".PP\n"
                was = ""
            }
            continue
        }
        kind = "text"
        if (line[i] ~ /^  [a-z_]+ / || (was == "list" && line[i] ~ /^   /))
            kind = "list"
        else if (line[i] ~ /^    /)
            kind = "code"
        if (was == "code" && kind != "code")
            r = r ".fi\n.RE\n.PP\n"
        if (was == "list" && kind == "text")
            r = r ".PP\n"
        if (kind == "code") {
            if (was != "code")
                r = r ".RS 4\n.nf\n"
            r = r escape(substr(line[i], 5)) "\n"
        } else if (kind == "list" && line[i] ~ /^  [a-z_]/) {
            word = line[i]
            sub(/^  /, "", word)
            r = r ".TP\n.B " escape(substr(word, 1, index(word, " ") - 1)) "\n"
            sub(/^[a-z_]+ +/, "", word)
            r = r escape(word) "\n"
        } else {
            sub(/^ +/, "", line[i])
            r = r escape(line[i]) "\n"
        }
        was = kind
    }
    return r (was == "code" ? ".fi\n.RE\n" : "")
}

function first_sentence(text,    s)
{
    s = text
    sub(/\n\n.*/, "", s)
    gsub(/\n/, " ", s)
    sub(/^libmachrt: /, "", s)
    if (match(s, /\. /))
        s = substr(s, 1, RSTART - 1)
    sub(/[.:]$/, "", s)
    if (s ~ /^[A-Z][a-z ]/)
        s = tolower(substr(s, 1, 1)) substr(s, 2)
    return s
}

function verbatim(text,    n, i, line, r)
{
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++)
        r = r escape(line[i]) "\n"
    return ".nf\n" r ".fi\n"
}

function page(name, what, synopsis, description, also)
{
    printf ".\\\" Made by runtime/man3.awk from %s\n.TH %s 3 \"\" \"libmachrt %s\" \"libmachrt\"\n", header, name, version > (out "/" name ".3")
    printf ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B #include <%s>\n.PP\n%s", name, escape(what), header, verbatim(synopsis) > (out "/" name ".3")
    printf ".PP\n.I pkg\\-config \\-\\-cflags \\-\\-libs machrt\n.SH DESCRIPTION\n%s.SH SEE ALSO\n%s\n", description, also > (out "/" name ".3")
    close(out "/" name ".3")
}

function refer(name, to)
{
    printf ".so man3/%s.3\n", to > (out "/" name ".3")
    close(out "/" name ".3")
}

function name_of(prototype,    s)
{
    s = prototype
    sub(/\(.*/, "", s)
    sub(/.*[ *]/, "", s)
    return s
}

# Ends a group of functions: its page.
function flush_group(    i, what)
{
    if (count == 0)
        return
    what = group ? group_text : first_sentence(comment)
    page(group ? group : names[1], what, synopsis, description, ".BR " base " (3)")
    for (i = 1; i <= count; i++) {
        if (names[i] != (group ? group : names[1]))
            refer(names[i], group ? group : names[1])
        functions = functions ".TP\n.BR " escape(names[i]) " (3)\n" escape(i == 1 || group ? texts[i] : "see " names[1] "(3)") "\n"
    }
    count = 0
    synopsis = description = ""
}

function end_header()
{
    flush_group()
    group = ""
    if (header == "")
        return
    page(base, first_sentence(about), "", body(about) ".SS Functions\n" functions ".SS Types\n" verbatim(types),
         ".BR machrt (1),\n.BR guest.cfg (5)")
}

FNR == 1 {
    end_header()
    header = FILENAME
    sub(/.*\//, "", header)
    base = header
    sub(/\.h$/, "", base)
    about = comment = functions = types = declaration = type = ""
    comment_open = 0
}

comment_open {
    if ($0 ~ /\*\/$/) {
        comment_open = 0
        if (about == "")
            about = comment
        next
    }
    line = $0
    sub(/^ \* ?/, "", line)
    comment = comment (comment == "" ? "" : "\n") line
    next
}

declaration != "" || /^MACHRT_API / {
    line = $0
    sub(/^MACHRT_API /, "", line)
    sub(/^ +/, "    ", line)
    declaration = declaration (declaration == "" ? "" : "\n") line
    if ($0 !~ /;$/)
        next
    count++
    names[count] = name_of(declaration)
    texts[count] = first_sentence(comment)
    synopsis = synopsis (synopsis == "" ? "" : "\n") declaration
    if (group)
        description = description ".TP\n.BR " names[count] "()\n" body(comment)
    else if (count == 1)
        description = body(comment)
    declaration = ""
    fresh = 0
    next
}

type != "" || /^(struct|enum)( [a-z_]+)? \{/ {
    type = type $0 "\n"
    if ($0 ~ /^[}es].*\};( *\/\/.*)?$/ || $0 ~ /^\};$/) {
        types = types (types == "" ? "" : "\n") (fresh ? "/* " comment " */\n" : "") type
        type = ""
        fresh = 0
    }
    next
}

/^\/\* ---- .* ---- \*\/$/ {
    flush_group()
    group = group_text = ""
    line = $0
    if (match(line, /---- [a-z_]+: /)) {
        group = "mach_cfg_" substr(line, RSTART + 5, RLENGTH - 7)
        group_text = substr(line, RSTART + RLENGTH)
        sub(/\.? ---- \*\/$/, "", group_text)
        group_text = "record of guest.cfg: " tolower(substr(group_text, 1, 1)) substr(group_text, 2)
    }
    next
}

/^\/\*.*\*\/$/ {
    if (!group)
        flush_group()
    comment = $0
    sub(/^\/\* /, "", comment)
    sub(/ \*\/$/, "", comment)
    fresh = 1
    next
}

/^\/\*$/ {
    if (!group)
        flush_group()
    comment = ""
    comment_open = 1
    fresh = 1
    next
}

END {
    end_header()
}
