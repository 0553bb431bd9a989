// SPDX-License-Identifier: MIT
/*
 * Messages about a token that the grammar did not expect. The kinds of mistake that people make are told apart
 * first; what remains is "expected A, B or C, found D". Each decides how the token layer goes on.
 */
#include "ast/parse.h"

#include "mach.tab.h"

#include <stdio.h>
#include <string.h>

struct mistake {
    struct parser *p;
    const struct expected *x;
    const struct seen *found, *before;
    const char *word;  // the text of `found`
    const char *stmt;  // the current statement's keyword, or ""
    const char *block; // keyword of the statement whose braces these are, or ""
    bool dts;          // in device tree source
    bool at_start;     // where a statement begins
    bool line_start;   // first on its line,
    uint32_t column;   // in this column
};

void report_too_deep(struct parser *p, struct loc loc)
{
    if (!p->too_deep)
        scan_help(scan_error(p, E0113, loc, "this is nested more than %u deep", (unsigned)MACH_MAX_NESTING),
                  "close what is open, or split it");
    p->too_deep = p->quiet = p->at_end = true;
}

static bool expects(const struct mistake *m, const char *name)
{
    for (int i = 0; i < m->x->n; i++) {
        if (!strcmp(m->x->name[i], name))
            return true;
    }
    return false;
}

static bool expects_value(const struct mistake *m)
{
    return expects(m, "a number") && expects(m, "'('");
}

static bool expects_clause(const struct mistake *m)
{
    return expects(m, "at") && expects(m, "';'");
}

static const char *keyword_at(const struct parser *p, uint32_t file, uint32_t at)
{
    const struct source *s = source_get(p->c->sources, file);
    uint32_t end = at;
    while (s && end < s->len && end < at + 32 && ((s->text[end] >= 'a' && s->text[end] <= 'z') || s->text[end] == '-'))
        end++;
    return s ? arena_strndup(p->c->arena, s->text + at, end - at) : "";
}

static struct loc end_of(struct loc loc)
{
    return (struct loc){loc.file, loc.end, loc.end};
}

// ---- lists of words ----

enum { WORDS_MAX = 240 };

struct words {
    const char *at[WORDS_MAX];
    size_t n;
};

static void words_add(struct words *w, const char *const *list)
{
    for (; list && *list && w->n < WORDS_MAX; list++)
        w->at[w->n++] = *list;
}

// "`a`, `b` or `c`"
static const char *enumerate(struct parser *p, const char *const *list, size_t n, bool quote)
{
    char out[900] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof out - 80; i++) {
        const char *glue = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        bool bare = !quote || !strncmp(list[i], "a ", 2) || !strncmp(list[i], "an ", 3);
        used += (size_t)snprintf(out + used, sizeof out - used, bare ? "%s%.60s" : "%s`%.60s`", glue, list[i]);
    }
    return arena_strndup(p->c->arena, out, strlen(out));
}

// What is allowed in the braces of a statement, or of any that hold statements when it is not known.
static void members_of(const char *keyword, struct words *w)
{
    words_add(w, keyword_members(keyword));
    words_add(w, keyword_clauses(keyword));
    if (!w->n)
        words_add(w, keyword_members("template"));
}

static bool among(const char *word, const char *const *list)
{
    for (; list && *list; list++) {
        if (!strcmp(word, *list))
            return true;
    }
    return false;
}

// ---- the kinds of mistake; each says true when it was the one ----

static struct diag *report_mistake(const struct mistake *m, enum msg code, struct loc loc, enum recovery how,
                                   const char *text)
{
    m->p->recovery = (uint8_t)how;
    return scan_error(m->p, code, loc, "%s", text);
}

#define TEXTF(...) arena_printf(m->p->c->arena, __VA_ARGS__)

// `edit` and `node` without their `{`: what follows is device tree source all the same.
static bool missing_body(const struct mistake *m)
{
    bool edit = m->before->kind == T_EDIT, node = m->p->past[2].kind == T_NODE;
    if (m->dts || (!edit && !node) || !expects(m, "{") || is_boundary(m->found->kind) || !m->found->kind)
        return false;
    struct loc at = {m->before->loc.file, m->before->loc.end, m->before->loc.end};
    struct diag *d =
        report_mistake(m, E0101, at, RECOVER_BODY, TEXTF("expected `{` after `%s`", quote_at(m->p, m->before->loc)));
    scan_help(d, "write device tree source in braces: `%s { ... }`", edit ? "edit" : "node /PATH");
    return true;
}

// `NAME =`, not `NAME ==`.
static bool is_assigned(const struct mistake *m)
{
    struct loc l = m->found->loc;
    size_t n, i = 0;
    const char *s = text_at(m->p, (struct loc){l.file, l.end, l.end + 80}, &n);
    while (i < n && (s[i] == ' ' || (s[i] >= '\t' && s[i] <= '\r')))
        i++;
    return i + 1 < n && s[i] == '=' && s[i + 1] != '=';
}

static bool looks_like_dts(const struct mistake *m)
{
    if (m->dts || m->p->mode == MODE_EXPR)
        return false;
    char next = char_after(m->p, m->found->loc);
    bool directive = m->found->kind == T_DTS_DIRECTIVE;
    bool assigned = m->at_start && is_assigned(m);
    bool label = m->at_start && m->found->kind == T_WORD && next == ':';
    bool number_sign = m->at_start && m->word[0] == '#';
    bool equals = m->found->kind == '=' && is_boundary(m->p->past[2].kind);
    if (!directive && !assigned && !label && !number_sign && !equals)
        return false;
    struct loc l = m->found->loc;
    if (number_sign) {
        size_t n;
        const char *s = text_at(m->p, (struct loc){l.file, l.end, l.end + 40}, &n);
        for (size_t i = 0; i < n && ((s[i] >= 'a' && s[i] <= 'z') || s[i] == '-'); i++)
            l.end++;
    }
    struct diag *d = report_mistake(m, E0129, l, RECOVER_SKIP,
                                    TEXTF("`%s` is device tree source, which is not allowed here", quote_at(m->p, l)));
    if (!strcmp(m->block, "machine"))
        scan_help(d, "put it into `node /PATH { ... }`, or into `edit { ... }` of a device");
    else
        scan_help(d, "put it into `edit { ... }`");
    return true;
}

static bool unknown_statement(const struct mistake *m)
{
    struct parser *p = m->p;
    if (!m->at_start || !expects(m, "machine"))
        return false;
    struct words w = {.n = 0};
    if (m->found->kind == T_ELSE) {
        scan_help(report_mistake(m, E0101, m->found->loc, RECOVER_SKIP, "this `else` has no `if`"),
                  "write `else` right after the `}` of an `if`");
        return true;
    }
    members_of(m->block, &w);
    if (m->before->kind == '}' && w.n < WORDS_MAX)
        w.at[w.n++] = "else";
    if (m->found->kind != T_WORD) {
        struct diag *d =
            report_mistake(m, E0101, m->found->loc, RECOVER_SKIP, TEXTF("expected a statement, found `%s`", m->word));
        if (m->found->kind == T_LABEL || m->found->kind == T_PATH)
            scan_help(d, "write `passthrough %s;` for a device of the host, `node %s { ... }` for a node of the guest",
                      m->word, m->word);
        else
            scan_help(d, "a statement begins with a keyword: %s", enumerate(p, w.at, w.n > 9 ? 9 : w.n, true));
        return true;
    }
    struct diag *d = report_mistake(m, E0103, m->found->loc, RECOVER_SKIP, TEXTF("unknown statement `%s`", m->word));
    const char *near = nearest(m->word, w.at, w.n);
    if (!near) {
        struct words all = {.n = 0};
        words_add(&all, keyword_members("template"));
        near = nearest(m->word, all.at, all.n);
    }
    if (near && d) {
        diag_did_you_mean(d, "", m->word, near);
    } else {
        scan_help(d, "expected one of %s", enumerate(p, w.at, w.n > 16 ? 16 : w.n, true));
    }
    return true;
}

static bool starts_dts(const struct mistake *m)
{
    switch (m->found->kind) {
    case T_BARE:
    case T_INT:
    case T_DTS_NAME:
    case T_LABEL_DEF:
    case T_DEL_PROP:
    case T_DEL_NODE:
    case T_OMIT:
        return true;
    default:
        return m->before->kind == '}';
    }
}

// The token begins something new, and the text before it is complete except for its `;`.
static bool missing_semicolon(const struct mistake *m)
{
    struct parser *p = m->p;
    if (!expects(m, "';'"))
        return false;
    bool end = m->found->kind == 0 || m->found->kind == '}';
    if (!end) {
        if (!m->line_start && !(m->dts && m->before->kind == '}'))
            return false;
        struct loc stmt = {m->found->loc.file, p->stmt, p->stmt};
        bool deeper = m->column > indent_of(p, stmt) && first_on_line(p, stmt, &(uint32_t){0});
        bool starts = m->dts ? starts_dts(m) : m->found->kind != T_WORD && is_keyword(m->word);
        if (!starts && (m->dts || deeper || m->found->kind == '{' || m->found->kind == T_DTS_OPEN))
            return false;
    }
    struct loc at = end_of(m->before->loc);
    struct diag *d =
        report_mistake(m, E0102, at, RECOVER_INSERT, TEXTF("expected `;` after `%s`", quote_at(p, m->before->loc)));
    if (d) {
        scan_help(d,
                  m->dts && m->before->kind == '}' ? "in device tree source a `;` follows each `}`" : "write `;` here");
        diag_fix(d, at, ";");
    }
    return true;
}

static bool unclosed_bracket(const struct mistake *m)
{
    static const char pairs[][3] = {"()", "[]", "<>"};
    const struct parser *p = m->p;
    struct bracket open = {.open = 0};
    enum recovery how = RECOVER_CLAUSE;
    if (is_boundary(m->found->kind)) {
        open = p->unwound;
    } else if (m->found->kind == 0 && p->depth && p->stack[p->depth - 1].open != '{') {
        open = p->stack[p->depth - 1];
    } else if (m->found->kind == T_BARE && m->line_start && p->depth && expects(m, ">")) {
        // The next property: its name is on a new line, and a = follows.
        char next = char_after(m->p, m->found->loc);
        if (next == '=' || next == '{' || next == ';')
            open = p->stack[p->depth - 1];
        how = RECOVER_INSERT;
    }
    for (size_t i = 0; i < 3 && open.open; i++) {
        if (pairs[i][0] != open.open)
            continue;
        char close[4] = {'\'', pairs[i][1], '\'', 0};
        if (!expects(m, pairs[i][1] == '>' ? ">" : close))
            return false; // something else is missing, too
        struct loc at = end_of(m->before->loc);
        struct diag *d = report_mistake(m, E0130, at, how,
                                        TEXTF("expected `%c` after `%s`", pairs[i][1], quote_at(m->p, m->before->loc)));
        if (d) {
            diag_note(d, src_at(open.loc), "this `%c` is not closed", open.open);
            diag_help(d, "write `%c` where it ends", pairs[i][1]);
            diag_fix(d, at, "%c", pairs[i][1]);
        }
        return true;
    }
    return false;
}

static bool keyword_as_value(const struct mistake *m)
{
    const struct parser *p = m->p;
    bool word = m->found->kind > 255 && is_keyword(m->word) && m->found->kind != T_WORD;
    if (word && expects_value(m)) {
        struct diag *d = report_mistake(
            m, E0105, m->found->loc, RECOVER_CLAUSE,
            TEXTF("expected a value after `%s`, found the keyword `%s`", quote_at(p, m->before->loc), m->word));
        if (m->before->kind == T_IRQ && !strcmp(m->word, "to"))
            scan_help(d, "write `irq spi 1` in a `device`, or which interrupt it is: `irq 0 to spi 1`");
        else
            scan_help(d, "a const or parameter of that name is written `(%s)`", m->word);
        return true;
    }
    // `memory at 0x1000`: the keyword was taken for the name that is missing.
    const char *before = quote_at(p, m->before->loc);
    if (m->before->kind == T_WORD && is_keyword(before) && is_boundary(m->p->past[2].kind) == false &&
        (m->p->past[2].kind != T_PASSTHROUGH || among(before, keyword_clauses("passthrough"))) && expects_clause(m) &&
        !is_boundary(m->found->kind)) {
        const char *owner = quote_at(p, m->p->past[2].loc);
        struct diag *d =
            report_mistake(m, E0105, m->before->loc, RECOVER_CLAUSE, TEXTF("expected a name, found `%s`", before));
        if (m->p->past[2].kind == ':')
            scan_help(d, "write the class first: `: CLASS %s ...`", before);
        else
            scan_help(d, "write the name first: `%s %s %s ...`", owner,
                      m->p->past[2].kind == T_PASSTHROUGH ? "&LABEL" : "NAME", before);
        return true;
    }
    return false;
}

static bool unknown_clause(const struct mistake *m)
{
    if (m->dts || !expects_clause(m))
        return false;
    const char *const *clauses = keyword_clauses(m->stmt);
    bool keyword = is_keyword(m->word);
    if (m->found->kind != T_WORD && !keyword)
        return false;
    struct words w = {.n = 0};
    words_add(&w, clauses);
    if (!w.n)
        words_add(&w, keyword_members("template"));
    struct diag *d;
    if (keyword && m->found->kind != T_WORD)
        d = report_mistake(m, E0104, m->found->loc, RECOVER_CLAUSE,
                           TEXTF("`%s` is not allowed on the line of `%s`", m->word, m->stmt));
    else
        d = report_mistake(m, E0104, m->found->loc, RECOVER_CLAUSE, TEXTF("`%s` has no clause `%s`", m->stmt, m->word));
    const char *near = keyword ? NULL : nearest(m->word, w.at, w.n);
    if (near && d) {
        diag_did_you_mean(d, "", m->word, near);
    } else if (among(m->word, keyword_members(m->stmt))) {
        scan_help(d, "it is a statement of its own in the braces: `%s ... { %s ...; }`", m->stmt, m->word);
    } else if (clauses) {
        scan_help(d, "`%s` takes %s", m->stmt, enumerate(m->p, w.at, w.n, true));
    } else {
        scan_help(d, "write `;` where the statement ends");
    }
    return true;
}

static bool bare_in_cells(const struct mistake *m)
{
    struct parser *p = m->p;
    if (p->mode != MODE_CELLS)
        return false;
    if (m->found->kind == T_BARE) {
        if (m->before->kind == T_LITERALS && m->before->loc.end == m->found->loc.start) {
            size_t n;
            const char *s = text_at(p, m->before->loc, &n);
            struct loc l = {m->found->loc.file, m->found->loc.start, m->found->loc.end};
            for (; n && s[n - 1] > ' '; n--)
                l.start--;
            scan_help(report_mistake(m, E0109, l, RECOVER_CLAUSE, TEXTF("`%s` is not a number", quote_at(p, l))),
                      "numbers in `< >` are those of device tree source; `(4K)` in parentheses may have a suffix");
            return true;
        }
        struct diag *d =
            report_mistake(m, E0112, m->found->loc, RECOVER_CLAUSE, TEXTF("`%s` is a bare name in `< >`", m->word));
        if (p->dts)
            scan_help(
                d,
                "write `&%s` for a node's phandle; if it is a macro, run cpp first (machc --explain=E0112), or use "
                "the board's .dtb",
                m->word);
        else
            scan_help(d, "write `(%s)` for a const or parameter, `&%s` for a node's phandle", m->word, m->word);
        return true;
    }
    if (m->found->kind == T_STRAY && strchr("-~!+*", m->word[0])) {
        scan_help(
            report_mistake(m, E0112, m->found->loc, RECOVER_CLAUSE, TEXTF("`%s` is a bare operator in `< >`", m->word)),
            "write the expression in parentheses: `<(%s1)>`", m->word);
        return true;
    }
    return false;
}

static bool bare_value(const struct mistake *m)
{
    if (m->p->mode != MODE_VALUE || (m->found->kind != T_BARE && m->found->kind != T_INT) || !expects(m, "<"))
        return false;
    const char *what = m->found->kind == T_INT ? "write a number in `< >`" : "write a word in quotes";
    struct diag *d =
        report_mistake(m, E0101, m->found->loc, RECOVER_CLAUSE, TEXTF("`%s` is not a property's value", m->word));
    scan_help(d, m->found->kind == T_INT ? "%s: `<%s>`" : "%s: `\"%s\"`", what, m->word);
    if (d)
        diag_respell(d, m->word, TEXTF(m->found->kind == T_INT ? "<%s>" : "\"%s\"", m->word));
    return true;
}

// What is expected, in a few words.
static const char *summary(const struct mistake *m, size_t *count)
{
    static const char *const marks[] = {"';'", "'{'", "{",   "'}'", "')'", "']'", ">",
                                        "','", "'='", "':'", "..",  "'['", "<"};
    static const char *const words[] = {"a string", "\"a string\"", "a PCI address", "a property or node", "/bits/"};
    const char *list[12];
    size_t n = 0;
    bool value = expects_value(m);
    if (value)
        list[n++] = "a value";
    if (expects(m, "a path") && expects(m, "a label"))
        list[n++] = "a node";
    else if (expects(m, "a name") && !value)
        list[n++] = "a name";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (expects(m, words[i]) && n < 5 && !(value && i == 0))
            list[n++] = words[i][0] == '"' ? "a string" : words[i];
    }
    bool operators = expects(m, "'*'") && expects(m, "'?'");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *mark = marks[i];
        if (!expects(m, mark) || n >= 9 || (value && (!strcmp(mark, "')'") || !strcmp(mark, "'{'"))))
            continue;
        list[n++] = mark[0] == '\'' ? TEXTF("%c", mark[1]) : mark;
    }
    if (operators)
        list[n++] = "an operator";
    size_t keywords = 0;
    const char *some[4];
    for (int i = 0; i < m->x->n; i++) {
        const char *name = m->x->name[i];
        if (name[0] >= 'a' && name[0] <= 'z' && !strchr(name, ' ')) {
            if (keywords < 4)
                some[keywords] = name;
            keywords++;
        }
    }
    if (keywords > 4)
        list[n++] = expects(m, "machine") ? "a statement" : "a clause";
    else
        for (size_t i = 0; i < keywords; i++)
            list[n++] = some[i];
    *count = n;
    return n ? enumerate(m->p, list, n, true) : NULL;
}

static void without_quotes(const struct mistake *m, struct diag *d)
{
    scan_help(d, "write the number without quotes");
    const char *s = m->word;
    size_t n = strlen(s);
    uint64_t value;
    if (d && n > 2 && number_value(s + 1, n - 2, &value))
        diag_respell(d, s, TEXTF("%.*s", (int)n - 2, s + 1));
}

static void report_other(const struct mistake *m)
{
    size_t n;
    const char *what = summary(m, &n);
    const char *found = m->found->kind == 0 ? "the end of the file" : TEXTF("`%s`", m->word);
    if (m->p->base_mode == MODE_EXPR && m->found->kind == 0)
        found = "the end of the expression";
    enum recovery how = m->at_start ? RECOVER_SKIP : RECOVER_CLAUSE;
    struct diag *d =
        report_mistake(m, E0101, m->found->loc, how,
                       what ? TEXTF("expected %s, found %s", what, found) : TEXTF("%s is not allowed here", found));
    const char *near = m->found->kind == T_WORD ? nearest(m->word, m->x->name, (size_t)m->x->n) : NULL;
    if (near && d)
        diag_did_you_mean(d, "", m->word, near);
    else if (expects(m, "in"))
        scan_help(d, "write `for NAME in FIRST..LAST { ... }`");
    else if (m->found->kind == '=' && expects(m, "=="))
        scan_help(d, "write `==` to compare");
    else if (m->found->kind == m->before->kind && expects(m, "','"))
        scan_help(d, "write `,` between `%s` and `%s`", quote_at(m->p, m->before->loc), m->word);
    else if (expects_value(m) && strchr("-~!", m->word[0]) && m->word[0])
        scan_help(d, "write arithmetic in parentheses: `(%s1)`", m->word);
    else if (m->before->kind == T_INT && strchr("+-*/%", m->word[0]) && m->word[0])
        scan_help(d, "write arithmetic in parentheses: `(%s %s ...)`", quote_at(m->p, m->before->loc), m->word);
    else if (m->found->kind == T_STRING && expects_value(m))
        without_quotes(m, d);
    else if (is_boundary(m->found->kind) && m->before->kind > 255 && !m->at_start &&
             is_keyword(quote_at(m->p, m->before->loc)))
        scan_help(d, "something is missing after `%s`", quote_at(m->p, m->before->loc));
    else if (m->dts && m->at_start)
        scan_help(d,
                  "a node holds `NAME = VALUE;`, `NAME { ... };`, `/delete-property/ NAME;` and `/delete-node/ NAME;`");
    else if (m->found->kind == 0)
        scan_help(d, "write what is missing");
    else if (n == 1)
        scan_help(d, "write %s before `%s`", what, m->word);
    else if (is_boundary(m->found->kind))
        scan_help(d, "write what is missing before `%s`", m->word);
    else
        scan_help(d, "remove `%s`, or write what is missing before it", m->word);
}

void report_unexpected(struct parser *p, const struct expected *x)
{
    struct mistake m = {.p = p, .x = x, .found = &p->past[0], .before = &p->past[1]};
    uint32_t at = m.found->loc.start;
    // A place that is wrong again and again is given up.
    p->again = p->again && p->again_at == at ? p->again + 1 : 1;
    p->again_at = at;
    if (p->again > 4) {
        p->too_deep = p->quiet = p->at_end = true;
        return;
    }
    m.at_start = is_boundary(m.before->kind);
    bool resumed = p->resumed_set && p->resumed == at;
    if (p->quiet || resumed || (p->said_set && p->said == at)) {
        p->dts_lost |= p->base_mode == MODE_DTS;
        p->recovery = resumed || m.at_start ? RECOVER_SKIP : RECOVER_CLAUSE; // this mistake has its message
        return;
    }
    // A } has left the mode already; only device tree source needs something after one.
    m.dts = p->base_mode == MODE_DTS || (m.found->kind == '}' && m.before->kind == '}');
    m.line_start = first_on_line(p, m.found->loc, &m.column);
    m.word = quote_at(p, m.found->loc);
    m.stmt = p->base_mode == MODE_MACH ? keyword_at(p, m.found->loc.file, p->stmt) : "";
    m.block = "";
    uint32_t depth = p->depth - (m.found->kind == '{' || m.found->kind == T_DTS_OPEN);
    for (uint32_t i = depth; i; i--) {
        const struct bracket *b = &p->stack[i - 1];
        if (b->open == '{') {
            m.block = keyword_at(p, b->loc.file, b->stmt);
            // The braces of these hold what is allowed around them.
            if (strcmp(m.block, "if") && strcmp(m.block, "for") && strcmp(m.block, "else"))
                break;
            m.block = "";
        }
    }
    if (!missing_body(&m) && !looks_like_dts(&m) && !unknown_statement(&m) && !unclosed_bracket(&m) &&
        !bare_in_cells(&m) && !missing_semicolon(&m) && !keyword_as_value(&m) && !unknown_clause(&m) && !bare_value(&m))
        report_other(&m);
}
