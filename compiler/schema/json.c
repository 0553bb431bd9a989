// SPDX-License-Identifier: MIT
#include "schema/json_scan.h"

#include "base/map.h"

#include <json-c/json.h>
#include <string.h>

enum { DEPTH = 32 };

/* ---- json-c ---- */

static bool report_no_memory(struct json_scan *s)
{
    diag(s->c->diags, F0001, src_at((struct loc){s->s->id, 0, 0}), "no memory to read this file");
    return false;
}

static bool report_flaw(struct json_scan *s)
{
    const char *first = s->at;
    if (s->out_of_range) {
        s->at += strspn(first, "-0123456789");
        diag_help(diag(s->c->diags, E0806, src_at(json_loc(s, first)), "%s", s->what),
                  "write one from -2^63 to 2^64 - 1");
        return false;
    }
    if (first < s->end)
        s->at++;
    else
        s->what = "it ends too early";
    struct diag *d = diag(s->c->diags, E0801, src_at(json_loc(s, first)), "this is not JSON: %s", s->what);
    diag_help(d, "write JSON as RFC 8259 defines it: double quotes, no comments, no comma after the last member");
    return false;
}

// The words of json-c's errors depend on its version. NULL: there is no memory, which some versions have a number for.
static const char *describe_error(enum json_tokener_error error)
{
    static const char *const texts[] = {
        [json_tokener_continue] = "it ends too early",
        [json_tokener_error_depth] = "it is nested deeper than 32 levels",
        [json_tokener_error_parse_eof] = "it ends too early",
        [json_tokener_error_parse_unexpected] = "this character is not expected here",
        [json_tokener_error_parse_null] = "a value was expected",
        [json_tokener_error_parse_boolean] = "a value was expected",
        [json_tokener_error_parse_number] = "this is not a number",
        [json_tokener_error_parse_array] = "a `,` or `]` was expected",
        [json_tokener_error_parse_object_key_name] = "a key in double quotes was expected",
        [json_tokener_error_parse_object_key_sep] = "a `:` was expected",
        [json_tokener_error_parse_object_value_sep] = "a `,` or `}` was expected",
        [json_tokener_error_parse_string] = "no such escape",
        [json_tokener_error_size] = "it is too long",
    };
    return (size_t)error < sizeof texts / sizeof *texts ? texts[error] : NULL;
}

/*
 * Reads `text`, a source's or a copy of it, if it has no flaw before s->at. Else false, s->at and s->what are the flaw.
 * *parsed, for json_object_put(), is NULL for `null`.
 */
static bool parse(struct json_scan *s, const char *text, int flags, struct json_object **parsed)
{
    struct json_tokener *t = json_tokener_new_ex(DEPTH);
    if (!t)
        return json_refuse(s, s->s->text, NULL);
    json_tokener_set_flags(t, flags);
    // With the NUL at the end: a number ends there.
    *parsed = json_tokener_parse_ex(t, text, (int)(s->s->len + 1));
    enum json_tokener_error error = json_tokener_get_error(t);
    size_t n = json_tokener_get_parse_end(t); // may count that NUL
    const char *end = n < s->s->len ? s->s->text + n : s->end;
    json_tokener_free(t);
    // json-c 0.16 may stop without an error where it has no memory.
    bool stopped = error != json_tokener_success || end < s->end;
    return !stopped || (s->what && end >= s->at) || json_refuse(s, end, describe_error(error));
}

static const char *replace_non_ascii(const struct json_scan *s)
{
    char *copy = arena_strndup(s->c->arena, s->s->text, s->s->len);
    for (uint32_t i = 0; i < s->s->len; i++) {
        if ((unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    }
    return copy;
}

/*
 * The first flaw of the text is reported, by whichever of the two finds it. json-c 0.18 takes each byte of a character
 * that is not ASCII for a control character when it is strict, so it then reads a copy without them, and only when it
 * accepts that, the text.
 */
static bool parse_values(struct json_scan *s, struct json_object **parsed)
{
    bool ok = json_check_tokens(s);
    ok = parse(s, s->ascii ? s->s->text : replace_non_ascii(s), JSON_TOKENER_STRICT, parsed) && ok;
    if (ok && !s->ascii) {
        json_object_put(*parsed);
        *parsed = NULL;
        ok = parse(s, s->s->text, 0, parsed);
    }
    if (ok)
        return true;
    json_object_put(*parsed);
    return s->what ? report_flaw(s) : report_no_memory(s);
}

/* ---- values ---- */

static bool set_value(struct json_scan *s, struct jval *v, struct json_object *o);

// An object with fewer members than keys in the text: json-c keeps the last of those with one key.
static bool report_duplicates(struct json_scan *s, const struct jval *object)
{
    struct map members = {0};
    bool any = false;
    for (struct jval *m = object->child; m; m = m->next) {
        const struct jval *first = map_addp(s->c->arena, &members, m->key, NULL, m);
        if (!first)
            continue;
        any = true;
        struct diag *d = diag(s->c->diags, E0802, src_at(m->key_loc), "\"%s\" is in this object twice", m->key);
        diag_note(d, src_at(first->key_loc), "the first one is here");
        diag_help(d, "keep one of them");
    }
    map_free(s->c->arena, &members);
    if (!any)
        report_no_memory(s);
    return false;
}

// json-c has the members in the order of the text.
static bool set_members(struct json_scan *s, struct jval *v, struct json_object *o)
{
    if ((uint32_t)json_object_object_length(o) != v->n)
        return report_duplicates(s, v);
    struct lh_entry *e = json_object_get_object(o)->head;
    struct jval *m = v->child;
    bool ok = true;
    for (; ok && m; m = m->next, e = lh_entry_next(e))
        ok = set_value(s, m, lh_entry_v(e));
    return ok;
}

static bool set_elements(struct json_scan *s, struct jval *v, struct json_object *o)
{
    size_t i = 0;
    bool ok = json_object_array_length(o) == v->n || report_no_memory(s);
    for (struct jval *e = v->child; ok && e; e = e->next)
        ok = set_value(s, e, json_object_array_get_idx(o, i++));
    return ok;
}

// A string without escapes is what the text has.
static void set_string(struct json_scan *s, struct jval *v, struct json_object *o)
{
    v->n = (uint32_t)json_object_get_string_len(o);
    v->text = s->s->text + v->loc.start + 1;
    if (v->n != v->loc.end - v->loc.start - 2)
        v->text = arena_strndup(s->c->arena, json_object_get_string(o), v->n);
}

static void set_integer(struct jval *v, struct json_object *o)
{
    int64_t i = json_object_get_int64(o); // INT64_MAX if it is larger
    v->negative = i < 0;
    v->magnitude = i < 0 ? -(uint64_t)i : json_object_get_uint64(o);
}

// json-c 0.16 may leave out what it has no memory for.
static bool set_value(struct json_scan *s, struct jval *v, struct json_object *o)
{
    static const uint8_t types[] = {
        [json_type_null] = JSON_NULL,       [json_type_boolean] = JSON_BOOL,  [json_type_int] = JSON_INTEGER,
        [json_type_double] = JSON_FRACTION, [json_type_string] = JSON_STRING, [json_type_array] = JSON_ARRAY,
        [json_type_object] = JSON_OBJECT,
    };
    v->type = types[json_object_get_type(o)];
    switch ((enum jval_type)v->type) {
    case JSON_NULL:
        return s->s->text[v->loc.start] == 'n' || report_no_memory(s);
    case JSON_BOOL:
        v->is_true = json_object_get_boolean(o);
        return true;
    case JSON_INTEGER:
        set_integer(v, o);
        return true;
    case JSON_FRACTION:
        return true;
    case JSON_STRING:
        set_string(s, v, o);
        return true;
    case JSON_ARRAY:
        return set_elements(s, v, o);
    case JSON_OBJECT:
        return set_members(s, v, o);
    }
    return false;
}

const struct jval *json_read(struct machc *c, const struct source *src)
{
    struct json_scan s = {.c = c, .s = src, .at = src->text, .end = src->text + src->len, .ascii = true};
    struct json_object *parsed = NULL;
    if (!parse_values(&s, &parsed))
        return NULL;
    struct jval *top = NEW(c->arena, struct jval);
    s.at = src->text;
    bool ok = json_locate(&s, top) && set_value(&s, top, parsed);
    json_object_put(parsed);
    return ok ? top : NULL;
}

const struct jval *json_member(const struct jval *object, const char *key)
{
    for (const struct jval *m = object->child; m; m = m->next)
        if (*m->key == *key && !strcmp(m->key, key))
            return m;
    return NULL;
}

bool json_is_word(const struct jval *v, const char *word)
{
    return v->type == JSON_STRING && v->n == strlen(word) && !memcmp(v->text, word, v->n);
}
