// SPDX-License-Identifier: MIT
#include "schema/json.h"

#include "base/map.h"

#include <string.h>

enum { DEPTH = 32 }; // of json-c's parser, and so of ours

/*
 * json-c keeps no places, lets the later of two equal keys win and takes 'quotes' and NaN even when it is
 * strict. The scan runs after it, over a text that it took, and finds all of these.
 */
struct scan {
    struct machc *c;
    const struct source *s;
    uint32_t at;
    struct map keys; // (key, id of its object) -> jval
    uint64_t objects;
    bool ok;
};

static struct src place(const struct scan *s, uint32_t start, uint32_t end)
{
    return src_at((struct loc){s->s->id, start, end});
}

static struct jval *not_json(struct scan *s, const char *what)
{
    uint32_t end = s->at < s->s->len ? s->at + 1 : s->at;
    struct diag *d = diag(s->c->diags, E0801, place(s, s->at, end), "this is not JSON: %s", what);
    diag_help(d, "JSON here is RFC 8259 to the letter: double quotes, no comments, no comma behind the last member");
    s->ok = false;
    return NULL;
}

static bool blank(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r';
}

static char peek(struct scan *s)
{
    while (blank(s->s->text[s->at])) // a NUL stands behind the end
        s->at++;
    return s->s->text[s->at];
}

// A quote ends the string unless an odd number of backslashes stands before it.
static bool skip_string(struct scan *s)
{
    const char *first = s->s->text + s->at + 1, *end = s->s->text + s->s->len, *quote, *slash;
    for (const char *from = first; (quote = memchr(from, '"', (size_t)(end - from))); from = quote + 1) {
        for (slash = quote; slash > from && slash[-1] == '\\'; slash--)
            ;
        if ((quote - slash) % 2 == 0) {
            s->at = (uint32_t)(quote + 1 - s->s->text);
            return true;
        }
    }
    not_json(s, "a string that does not end");
    return false;
}

static bool skip_word(struct scan *s)
{
    uint32_t start = s->at;
    while (s->at < s->s->len && !memchr(" \t\r\n,:]}[{\"'", s->s->text[s->at], 12))
        s->at++;
    uint32_t n = s->at - start;
    const char *w = s->s->text + start;
    bool word = (n == 4 && (!memcmp(w, "true", 4) || !memcmp(w, "null", 4))) || (n == 5 && !memcmp(w, "false", 5));
    if (n && (word || *w == '-' || (*w >= '0' && *w <= '9')) && memchr(w, 'N', n) == NULL && memchr(w, 'I', n) == NULL)
        return true;
    s->at = start;
    not_json(s, "a value was expected");
    return false;
}

static bool scan_key(struct scan *s, struct jval *v, uint64_t object)
{
    uint32_t start = s->at;
    if (peek(s) != '"') {
        not_json(s, "a key in double quotes was expected");
        return false;
    }
    start = s->at;
    if (!skip_string(s))
        return false;
    v->key_loc = (struct loc){s->s->id, start, s->at};
    uint32_t n = s->at - start - 2;
    if (memchr(s->s->text + start + 1, '\\', n)) {
        struct diag *d = diag(s->c->diags, E0803, src_at(v->key_loc), "a key with an escape in it");
        diag_help(d, "no key of a schema needs one: write its letters");
        s->ok = false;
        return false;
    }
    v->key = intern_n(s->c->names, s->s->text + start + 1, n);
    uint64_t before;
    if (map_get(&s->keys, (uintptr_t)v->key, object, &before)) {
        const struct jval *first = (const struct jval *)(uintptr_t)before;
        struct diag *d = diag(s->c->diags, E0802, src_at(v->key_loc), "\"%s\" stands twice in one object", v->key);
        diag_note(d, src_at(first->key_loc), "the first one is here");
        diag_help(d, "keep one of them");
        s->ok = false;
    } else {
        map_put(s->c->arena, &s->keys, (uintptr_t)v->key, object, (uintptr_t)v);
    }
    if (peek(s) != ':') {
        not_json(s, "a `:` was expected");
        return false;
    }
    s->at++;
    return true;
}

static bool scan_value(struct scan *s, struct jval *v, uint32_t depth);

static bool scan_children(struct scan *s, struct jval *v, uint32_t depth)
{
    bool object = s->s->text[s->at] == '{';
    char end = object ? '}' : ']';
    uint64_t id = ++s->objects;
    struct jval **tail = &v->child;
    s->at++;
    if (peek(s) == end) {
        s->at++;
        return true;
    }
    for (;;) {
        struct jval *child = NEW(s->c->arena, struct jval);
        if ((object && !scan_key(s, child, id)) || !scan_value(s, child, depth + 1))
            return false;
        *tail = child;
        tail = &child->next;
        v->n++;
        char next = peek(s);
        if (next != ',' && next != end) {
            not_json(s, object ? "a `,` or `}` was expected" : "a `,` or `]` was expected");
            return false;
        }
        s->at++;
        if (next == end)
            return true;
    }
}

static bool scan_value(struct scan *s, struct jval *v, uint32_t depth)
{
    if (depth > DEPTH) {
        not_json(s, "it is nested deeper than 32 levels");
        return false;
    }
    char first = peek(s);
    v->loc = (struct loc){s->s->id, s->at, s->at};
    bool ok = first == '{' || first == '[' ? scan_children(s, v, depth) : first == '"' ? skip_string(s) : skip_word(s);
    v->loc.end = s->at;
    return ok;
}

// Two walks over the same document: json-c keeps members in the order written.
static bool attach(struct jval *v, struct json_object *o)
{
    v->v = o;
    if (json_object_is_type(o, json_type_object)) {
        struct lh_entry *e = json_object_get_object(o)->head;
        for (struct jval *m = v->child; m; m = m->next, e = lh_entry_next(e)) {
            if (!e || strcmp(lh_entry_k(e), m->key) || !attach(m, lh_entry_v(e)))
                return false;
        }
        return !e;
    }
    if (json_object_is_type(o, json_type_array)) {
        if (json_object_array_length(o) != v->n)
            return false;
        size_t i = 0;
        for (struct jval *m = v->child; m; m = m->next) {
            if (!attach(m, json_object_array_get_idx(o, i++)))
                return false;
        }
        return true;
    }
    return !v->child;
}

bool json_read(struct machc *c, const struct source *src, struct jdoc *doc)
{
    struct scan s = {.c = c, .s = src, .ok = true};
    struct json_tokener *t = json_tokener_new_ex(DEPTH);
    if (!t) {
        diag(c->diags, F0001, src_at((struct loc){src->id, 0, 0}), "no memory to read this file");
        return false;
    }
    // Checking UTF-8 takes json-c as long as everything else; tests/schemas/check.py has done it for the built-in
    // files.
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | (src->builtin ? 0 : JSON_TOKENER_VALIDATE_UTF8));
    doc->owner = json_tokener_parse_ex(t, src->text, (int)src->len);
    enum json_tokener_error err = json_tokener_get_error(t);
    s.at = (uint32_t)json_tokener_get_parse_end(t);
    json_tokener_free(t);
    if (err != json_tokener_success) {
        not_json(&s, err == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(err));
        json_object_put(doc->owner);
        return false;
    }
    s.at = 0;
    doc->top = NEW(c->arena, struct jval);
    bool ok = scan_value(&s, doc->top, 1) && s.ok;
    if (ok && !attach(doc->top, doc->owner)) {
        s.at = 0;
        not_json(&s, "its parts could not be told apart");
        ok = false;
    }
    if (!ok)
        json_object_put(doc->owner);
    return ok;
}

void json_free(struct jdoc *doc)
{
    json_object_put(doc->owner);
    doc->owner = NULL;
}

const struct jval *json_member(const struct jval *object, const char *interned)
{
    for (const struct jval *m = object->child; m; m = m->next) {
        if (m->key == interned)
            return m;
    }
    return NULL;
}
