// SPDX-License-Identifier: MIT
#include "schema/load.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { MAX_FIELDS = 64 }; // of a table

const char *field_type_name(const struct jval *v)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",        [JSON_BOOL] = "true or false",
        [JSON_INTEGER] = "a number", [JSON_FRACTION] = "a number with a fraction",
        [JSON_STRING] = "a string",  [JSON_ARRAY] = "a list",
        [JSON_OBJECT] = "an object",
    };
    return names[v->type];
}

static const char *key_of(const struct jval *v)
{
    return v->key ? v->key : "an element";
}

bool field_wrong_type(struct load *l, const struct jval *v, const char *wanted)
{
    struct diag *d = diag(l->c->diags, E0805, src_at(v->loc), v->key ? "\"%s\" is %s, not %s" : "%s is %s, not %s",
                          key_of(v), field_type_name(v), wanted);
    diag_help(d, "write %s here", wanted);
    return false;
}

// Devicetree Specification 2.2.1, 2.2.4, with the `@` of unit addresses left out.
static bool name_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch && strchr(",._+-#?", ch));
}

const char *field_name(struct load *l, const struct jval *v)
{
    if (v->type != JSON_STRING) {
        field_wrong_type(l, v, "a string");
        return NULL;
    }
    const char *s = v->text;
    size_t n = v->n;
    for (size_t i = 0; i < n; i++) {
        if (name_char(s[i]))
            continue;
        struct diag *d = diag(l->c->diags, E0812, src_at(v->loc), "the byte 0x%02x is not allowed in a name",
                              (unsigned)(unsigned char)s[i]);
        diag_help(d, "names are letters, digits and , . _ + - # ?");
        return NULL;
    }
    if (n == 0) {
        struct diag *d = diag(l->c->diags, E0812, src_at(v->loc), "an empty name");
        diag_help(d, "write a name of letters, digits and , . _ + - # ?");
        return NULL;
    }
    return intern_n(l->c->names, s, n);
}

static const char *field_text(struct load *l, const struct jval *v)
{
    if (v->type != JSON_STRING) {
        field_wrong_type(l, v, "a string");
        return NULL;
    }
    const char *s = v->text;
    size_t n = v->n;
    if (n == 0 || memchr(s, 0, n)) {
        struct diag *d =
            diag(l->c->diags, E0812, src_at(v->loc), "%s", n ? "a text with a NUL in it" : "an empty text");
        diag_help(d, "write a name");
        return NULL;
    }
    return intern_n(l->c->names, s, n);
}

// "0x9000000", "4096", "64K". False: not a number, or beyond 64 bits.
static bool parse_u64(const char *s, size_t n, uint64_t *value)
{
    uint64_t base = 10, v = 0;
    unsigned shift = 0;
    if (n > 2 && s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
        n -= 2;
    } else if (n > 1) {
        static const char suffixes[] = "KMGT"; // 2^10, 2^20, ...
        const char *suffix = s[n - 1] ? strchr(suffixes, s[n - 1]) : NULL;
        if (suffix) {
            shift = 10 * (unsigned)(suffix - suffixes + 1);
            n--;
        }
    }
    if (n == 0)
        return false;
    for (; n; s++, n--) {
        uint64_t digit = *s >= '0' && *s <= '9'   ? (uint64_t)(*s - '0')
                         : *s >= 'a' && *s <= 'f' ? (uint64_t)(*s - 'a' + 10)
                         : *s >= 'A' && *s <= 'F' ? (uint64_t)(*s - 'A' + 10)
                                                  : 16;
        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    if (v > UINT64_MAX >> shift)
        return false;
    *value = v << shift;
    return true;
}

bool field_number(struct load *l, const struct jval *v, uint64_t min, uint64_t max, uint64_t *value)
{
    if (v->type == JSON_INTEGER) {
        *value = v->magnitude;
    } else if (v->type == JSON_STRING) {
        if (!parse_u64(v->text, v->n, value)) {
            struct diag *d = diag(l->c->diags, E0807, src_at(v->loc), "this string is not a number below 2^64");
            diag_help(d, "write it like \"0x10000\" or \"64K\"");
            return false;
        }
    } else {
        return field_wrong_type(l, v, "a whole number, or a string like \"0x10000\" or \"64K\"");
    }
    bool negative = v->type == JSON_INTEGER && v->negative, large = !negative && *value > max;
    if (negative || *value < min || large) {
        struct diag *d = diag(l->c->diags, E0806, src_at(v->loc), "this number is too %s", large ? "large" : "small");
        diag_help(d, "write one from %" PRIu64 " to %" PRIu64 " (0x%" PRIx64 ")", min, max, max);
        return false;
    }
    return true;
}

static bool read_names(struct load *l, const struct jval *v, const char *const **to)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of strings");
    const char **names = arena_array(l->c->arena, (size_t)v->n + 1, sizeof *names);
    bool ok = true;
    uint32_t i = 0;
    for (const struct jval *e = v->child; e; e = e->next)
        ok = (names[i++] = field_name(l, e)) && ok;
    *to = names;
    return ok;
}

static bool read_word(struct load *l, const struct field *f, const struct jval *v, uint8_t *to)
{
    if (v->type != JSON_STRING)
        return field_wrong_type(l, v, "a string");
    uint8_t n = 0;
    char *all = arena_strndup(l->c->arena, "", 0);
    for (; f->words[n]; n++) {
        if (json_is_word(v, f->words[n])) {
            *to = n;
            return true;
        }
        all = arena_printf(l->c->arena, "%s%s\"%s\"", all, n ? ", " : "", f->words[n]);
    }
    const char *s = arena_strndup(l->c->arena, v->text, v->n);
    const char *near = diags_nearest(l->c->diags, s, f->words, n);
    struct diag *d = diag(l->c->diags, E0808, src_at(v->loc), "\"%s\" cannot be \"%.60s\"", key_of(v), s);
    if (near) {
        diag_help(d, "did you mean \"%s\"? It is one of %s", near, all);
        diag_respell(d, s, near);
    } else {
        diag_help(d, "write one of %s", all);
    }
    return false;
}

static bool read_body(struct load *l, const struct jval *v, const struct schema_body **to)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of strings: lines of device tree source");
    size_t len = 0;
    for (const struct jval *e = v->child; e; e = e->next) {
        if (e->type != JSON_STRING)
            return field_wrong_type(l, e, "a string: a line of device tree source");
        len += (size_t)e->n + 1;
    }
    if (len == 0)
        return true;
    if (len > UINT32_MAX / 2) {
        diag(l->c->diags, E0806, src_at(v->loc), "this text is too long");
        return false;
    }
    char *text = arena_alloc(l->c->arena, len + 1), *p = text;
    for (const struct jval *e = v->child; e; e = e->next) {
        memcpy(p, e->text, e->n);
        p[e->n] = '\n';
        p += e->n + 1;
    }
    const char *name = arena_printf(l->c->arena, "%s#%s%s%s", l->source->name, l->body_name ? l->body_name : "",
                                    l->body_name ? "." : "", v->key);
    if (memchr(text, 0, len)) {
        diag(l->c->diags, E0812, src_at(v->loc), "a NUL character in device tree source");
        return false;
    }
    uint32_t errors = diags_errors(l->c->diags);
    struct schema_body *body = NEW(l->c->arena, struct schema_body);
    *body = (struct schema_body){.name = name, .text = text, .len = (uint32_t)len};
    if (!l->loader->on_demand)
        body->ops = dts_parse_body(l->c, source_builtin(l->c->sources, name, text, body->len));
    *to = body;
    return diags_errors(l->c->diags) == errors;
}

static bool read_remark(struct load *l, const struct jval *v)
{
    bool ok = v->type == JSON_STRING || v->type == JSON_ARRAY;
    for (const struct jval *e = v->child; e && ok; e = e->next)
        ok = e->type == JSON_STRING;
    return ok || field_wrong_type(l, v, "a string or a list of strings");
}

static bool read_list(struct load *l, const struct field *f, const struct jval *v, char *item)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    char *list = arena_array(l->c->arena, v->n ? v->n : 1, f->table->size);
    bool ok = true;
    uint32_t i = 0;
    for (const struct jval *e = v->child; e; e = e->next)
        ok = fields_read(l, f->table, e, list + f->table->size * i++) && ok;
    memcpy(item + f->offset, &list, sizeof list);
    memcpy(item + f->count_offset, &v->n, sizeof v->n);
    return ok;
}

static bool read_integer(struct load *l, const struct field *f, const struct jval *v, char *to)
{
    uint64_t u64;
    if (!field_number(l, v, f->min, f->max, &u64))
        return false;
    uint32_t u32 = (uint32_t)u64;
    uint16_t u16 = (uint16_t)u64;
    if (f->type == FIELD_U16)
        memcpy(to, &u16, sizeof u16);
    else if (f->type == FIELD_U32)
        memcpy(to, &u32, sizeof u32);
    else
        memcpy(to, &u64, sizeof u64);
    return true;
}

static bool read_pointer(const char *p, char *to)
{
    memcpy(to, &p, sizeof p);
    return p != NULL;
}

static bool read_field(struct load *l, const struct field *f, const struct jval *v, char *item)
{
    char *to = item + f->offset;
    switch ((enum field_type)f->type) {
    case FIELD_NAME:
        return read_pointer(field_name(l, v), to);
    case FIELD_TEXT:
        return read_pointer(field_text(l, v), to);
    case FIELD_NAMES:
        return read_names(l, v, (const char *const **)(void *)to);
    case FIELD_BOOL:
        if (v->type != JSON_BOOL)
            return field_wrong_type(l, v, "true or false");
        memcpy(to, &v->is_true, sizeof v->is_true);
        return true;
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
        return read_integer(l, f, v, to);
    case FIELD_WORD:
        return read_word(l, f, v, (uint8_t *)to);
    case FIELD_BODY:
        return read_body(l, v, (const struct schema_body **)(void *)to);
    case FIELD_OBJECT:
        return fields_read(l, f->table, v, to);
    case FIELD_LIST:
        return read_list(l, f, v, item);
    case FIELD_REMARK:
        return read_remark(l, v);
    case FIELD_CUSTOM:
        return f->set(l, v, item);
    }
    return false;
}

static void unknown_key(struct load *l, const struct table *t, const struct jval *v)
{
    const char *keys[MAX_FIELDS];
    for (uint32_t i = 0; i < t->nfields; i++)
        keys[i] = t->fields[i].key;
    struct diag *d = diag(l->c->diags, E0803, src_at(v->key_loc), "%s has no key \"%.60s\"", t->what, v->key);
    const char *near = diags_nearest(l->c->diags, v->key, keys, t->nfields);
    if (near) {
        diag_help(d, "did you mean \"%s\"?", near);
        diag_fix(d, v->key_loc, "\"%s\"", near);
        return;
    }
    char *all = arena_strndup(l->c->arena, "", 0);
    for (uint32_t i = 0; i < t->nfields; i++)
        all = arena_printf(l->c->arena, "%s%s%s", all, i ? ", " : "", keys[i]);
    diag_help(d, "it has: %s", all);
}

bool fields_read(struct load *l, const struct table *t, const struct jval *object, void *item)
{
    if (object->type != JSON_OBJECT)
        return field_wrong_type(l, object, "an object");
    assert(t->nfields <= MAX_FIELDS);
    bool ok = true;
    bool seen[MAX_FIELDS] = {false};
    for (const struct jval *m = object->child; m; m = m->next) {
        uint32_t i = 0;
        while (i < t->nfields && (*t->fields[i].key != *m->key || strcmp(t->fields[i].key, m->key)))
            i++;
        if (i == t->nfields) {
            unknown_key(l, t, m);
            ok = false;
            continue;
        }
        seen[i] = true;
        ok = read_field(l, &t->fields[i], m, item) && ok;
    }
    for (uint32_t i = 0; i < t->nfields; i++) {
        if (!t->fields[i].required || seen[i])
            continue;
        struct loc brace = {object->loc.file, object->loc.start, object->loc.start + 1};
        struct diag *d = diag(l->c->diags, E0804, src_at(brace), "%s needs the key \"%s\"", t->what, t->fields[i].key);
        diag_help(d, "add `\"%s\": ...` to this object", t->fields[i].key);
        ok = false;
    }
    return ok && (!t->check || t->check(l, object, item));
}
