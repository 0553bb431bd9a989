// SPDX-License-Identifier: MIT
// What the scanner does besides cutting: modes, brackets, keywords, bad characters.
#include "ast/parse.h"

#include "mach.tab.h"

#include <stdarg.h>
#include <string.h>

struct diag *scan_error(struct parser *p, enum msg m, struct loc loc, const char *fmt, ...)
{
    if (p->mute || p->quiet)
        return NULL;
    p->mistakes++;
    p->dts_lost |= p->base_mode == MODE_DTS;
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(p->c->arena, fmt, ap);
    va_end(ap);
    return diag(p->c->diags, m, src_at(loc), "%s", text);
}

void scan_help(struct diag *d, const char *fmt, ...)
{
    if (!d)
        return;
    va_list ap;
    va_start(ap, fmt);
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diag_help(d, "%s", text);
}

void scan_fix(struct diag *d, struct loc where, const char *text)
{
    if (d)
        diag_fix(d, where, "%s", text);
}

static bool push_bracket(struct parser *p, char open, struct loc loc)
{
    if (p->depth == MACH_MAX_NESTING) {
        report_too_deep(p, loc);
        return false;
    }
    p->stack[p->depth++] = (struct bracket){loc, p->stmt, open, p->mode};
    return true;
}

// A `;` or a brace ends whatever other bracket is still open.
static void close_brackets(struct parser *p)
{
    p->unwound.open = 0;
    while (p->depth && p->stack[p->depth - 1].open != '{') {
        if (!p->unwound.open)
            p->unwound = p->stack[p->depth - 1];
        p->depth--;
    }
    p->mode = p->base_mode;
}

int scan_open(struct parser *p, char open, struct loc loc, int token)
{
    if (!push_bracket(p, open, loc))
        return 0;
    if (open == '(' && p->mode != MODE_EXPR)
        p->fold = p->mode == MODE_VALUE || p->mode == MODE_CELLS;
    p->mode = open == '(' ? MODE_EXPR : open == '<' ? MODE_CELLS : MODE_BYTES;
    return token;
}

int scan_close(struct parser *p, char open, struct loc loc, int token)
{
    (void)loc;
    if (p->depth && p->stack[p->depth - 1].open == open)
        p->mode = p->stack[--p->depth].mode;
    return token;
}

int scan_open_brace(struct parser *p, struct loc loc)
{
    close_brackets(p);
    if (!push_bracket(p, '{', loc))
        return 0;
    if (p->dts_next)
        p->base_mode = MODE_DTS;
    p->dts_next = false;
    p->mode = p->base_mode;
    return p->base_mode == MODE_DTS ? T_DTS_OPEN : '{';
}

int scan_close_brace(struct parser *p, struct loc loc)
{
    close_brackets(p);
    p->dts_next = false;
    if (!p->depth) {
        p->unbalanced = true;
        if (!p->mistakes) // else the brace may belong to what could not be read
            scan_help(scan_error(p, E0115, loc, "this `}` has no `{`"), "remove it, or write the `{` that it closes");
        return 0;
    }
    const struct bracket *b = &p->stack[--p->depth];
    p->mode = p->base_mode = b->mode;
    uint32_t column;
    if (!p->suspect.open && first_on_line(p, loc, &column) && column < indent_of(p, b->loc))
        p->suspect = *b;
    return '}';
}

int scan_semicolon(struct parser *p)
{
    close_brackets(p);
    p->dts_next = false;
    return ';';
}

int scan_word(struct parser *p, union value *v, const char *s, size_t n, struct loc loc, enum text_kind kind)
{
    v->text = (struct text){intern_n(p->c->names, s, n), NULL, loc, (uint8_t)kind};
    return T_WORD;
}

// Behind these a name is wanted, so that a keyword may be one: `memory memory`, `ref reg`, `as host`.
static bool name_follows(int token)
{
    switch (token) {
    case T_MACHINE:
    case T_TEMPLATE:
    case T_CONST:
    case T_USE:
    case T_FOR:
    case T_MEMORY:
    case T_IRQCHIP:
    case T_DEVICE:
    case T_PASSTHROUGH:
    case T_PLATFORM:
    case T_REGION:
    case T_CHILD:
    case T_DMA:
    case T_GUEST_IOMMU:
    case T_POOL:
    case T_STASH:
    case T_IOMMU:
    case T_AS:
    case T_WITHOUT:
    case T_UNDER:
    case T_OPERATION:
    case ':':
    case ',':
    case '.':
        return true;
    default:
        return false;
    }
}

int scan_keyword(struct parser *p, union value *v, const char *s, size_t n, struct loc loc, int token)
{
    bool own = token == T_RAW || token == T_PLATFORM || token == T_PCI || token == T_GUEST_IOMMU || token == T_POOL ||
               token == T_ID;
    if (!own && name_follows(p->cur))
        return scan_word(p, v, s, n, loc, TEXT_WORD);
    switch (token) {
    case T_IF:
    case T_ASSERT:
        p->mode = MODE_EXPR;
        p->fold = false;
        break;
    case T_NODE:
    case T_EDIT:
        p->dts_next = true;
        break;
    case T_REF:
        p->mode = MODE_PROP;
        break;
    default:
        break;
    }
    return token;
}

// The code point at s, or -1 when it is not UTF-8 (RFC 3629, section 4). Its length in *len.
static int32_t utf8(const char *s, size_t n, size_t *len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)s[0];
    uint32_t v;
    *len = 1;
    size_t want = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (want == 1)
        return c;
    if (c < 0xc2 || c > 0xf4 || n < want)
        return -1;
    v = c & (0xffU >> (want + 1));
    for (size_t i = 1; i < want; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return -1;
        v = v << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (v < least[want] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return -1;
    *len = want;
    return (int32_t)v;
}

bool scan_bad_bytes(struct parser *p, const char *s, size_t n, struct loc loc)
{
    size_t len;
    int32_t v = utf8(s, n, &len);
    unsigned char c = (unsigned char)s[0];
    loc.end = loc.start + (uint32_t)len;
    if (v < 0) {
        scan_help(scan_error(p, E0108, loc, "the byte 0x%02x is not UTF-8", c), "save the file as UTF-8");
        return false;
    }
    if (v < 0x80) {
        scan_help(scan_error(p, E0108, loc, "the control character 0x%02x is not allowed in a text", c),
                  "delete it; tabs and line ends are the only control characters");
        return false;
    }
    struct diag *d =
        scan_error(p, E0108, loc, "the character U+%04X is allowed only in strings and comments", (unsigned)v);
    if (v == 0xa0 || (v >= 0x2000 && v <= 0x200b) || v == 0xfeff) {
        scan_help(d, "it looks like a space: write a plain one");
        scan_fix(d, loc, v == 0x200b || v == 0xfeff ? "" : " "); // those two have no width
        return false;
    }
    if (v >= 0x2018 && v <= 0x201f) {
        scan_help(d, "it looks like a quotation mark: write `\"`");
        scan_fix(d, loc, "\"");
    } else if (v >= 0x2010 && v <= 0x2015) {
        scan_help(d, "it looks like a minus: write `-`");
        scan_fix(d, loc, "-");
    } else {
        scan_help(d, "names are made of the letters A to Z, digits, `_` and `-`");
    }
    p->said = loc.start;
    p->said_set = true;
    return true;
}

void scan_check_utf8(struct parser *p, const char *s, size_t n, struct loc loc)
{
    size_t len;
    for (size_t i = 0; i < n; i += len) {
        int32_t v = utf8(s + i, n - i, &len);
        if (v >= 0 && (v >= 0x20 || v == '\t') && v != 0x7f)
            continue;
        loc.start += (uint32_t)i;
        scan_bad_bytes(p, s + i, n - i, loc);
        return; // one message for a string is enough
    }
}

void scan_cpp(struct parser *p, const char *s, size_t n, struct loc loc)
{
    size_t blank = 0, word;
    while (blank < n && s[blank] != '#')
        blank++;
    for (word = blank + 1; word < n && (s[word] == ' ' || s[word] == '\t'); word++) {
    }
    size_t end = word;
    while (end < n && s[end] >= 'a' && s[end] <= 'z')
        end++;
    loc.start += (uint32_t)blank;
    loc.end = loc.start + (uint32_t)(end - blank);
    if (p->cpp_told || p->mute || p->quiet)
        return;
    p->cpp_told = true;
    struct diag *d = scan_error(p, E0124, loc, "`#%.*s` is a line for the C preprocessor", (int)(end - word), s + word);
    const struct source *file = source_get(p->c->sources, loc.file);
    if (p->base_mode == MODE_MACH)
        scan_help(d, "write `include \"FILE\";` or `const NAME = VALUE;`");
    else
        scan_help(d, "run `cpp -nostdinc -undef -x assembler-with-cpp %s` first and read what it writes",
                  file ? file->name : "FILE");
}

void scan_plugin(struct parser *p, struct loc loc)
{
    if (p->dts)
        p->dts->plugin = loc;
    else
        scan_help(scan_error(p, E0125, loc, "an overlay cannot be written here"),
                  "put it into a file, and name that in `host \"BOARD.dtb\" { overlay \"FILE\"; }`");
}

void scan_directive(struct parser *p, const char *s, size_t n, struct loc loc)
{
    static const char *const known[] = {"/bits/",        "/incbin/",         "/include/",    "/delete-property/",
                                        "/delete-node/", "/omit-if-no-ref/", "/memreserve/", "/dts-v1/",
                                        "/plugin/"};
    const char *word = arena_strndup(p->c->arena, s, n);
    const char *near = nearest(word, known, sizeof known / sizeof *known);
    if (near && !strcmp(near, word))
        return; // known, but not here: the grammar will say so
    struct diag *d = scan_error(p, E0128, loc, "there is no directive `%s` in device tree source", word);
    if (near && d)
        diag_did_you_mean(d, "", word, near);
    else
        scan_help(d, "a node holds properties, nodes, `/delete-property/`, `/delete-node/` and `/include/`");
    p->said = loc.start; // the grammar need not say it again
    p->said_set = true;
}
