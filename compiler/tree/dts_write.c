// SPDX-License-Identifier: MIT
// A tree as source text that dtc reads back to the same blob, with a comment on where each property comes from.
#include "tree/internal.h"

#include "base/path.h"
#include "tree/text.h"
#include "tree/tree.h"

#include <string.h>

struct dts_writer {
    struct machc *c;
    const struct dt_tree *t;
    struct text_out o;
    bool origins;
    const struct dt_node *path_of; // whose source's path is in `path`
    const char *path;
};

static bool label_plain(const char *s)
{
    return *s && !(*s >= '0' && *s <= '9') &&
           !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

// The first label that device tree source can write, or NULL.
static const char *label_of(const struct dt_node *n)
{
    for (const struct dt_label *l = n->labels; l; l = l->next)
        if (label_plain(l->name))
            return l->name;
    return NULL;
}

// A comment must not end early because a path holds the two characters that end it.
static void comment_text(struct text_out *o, const char *s)
{
    for (; *s; s++) {
        out_bytes(o, s, 1);
        if (s[0] == '*' && s[1] == '/')
            out_bytes(o, " ", 1);
    }
}

static void write_place(struct dts_writer *w, struct src at)
{
    const struct source *s = source_get(w->c->sources, at.loc.file);
    if (!s)
        return;
    comment_text(&w->o, dt_show(w->c->arena, base_name(s->name)));
    char line[16];
    snprintf(line, sizeof line, ":%u", source_line(w->c->sources, at.loc.file, at.loc.start).line);
    out_str(&w->o, line);
}

static void write_origin(struct dts_writer *w, const struct dt_node *n, const struct origin *o)
{
    if (!w->origins || !o)
        return;
    const struct src at = dt_origin_place(n, o);
    bool placed = source_get(w->c->sources, at.loc.file) != NULL;
    if (o->kind != ORIGIN_HOST && !o->why && !placed)
        return;
    out_str(&w->o, " /* ");
    switch (o->kind) {
    case ORIGIN_HOST:
        if (!n->source) { // a host tree as it was written
            write_place(w, at);
            break;
        }
        if (w->path_of != n) {
            w->path_of = n;
            w->path = dt_show_path(w->c->arena, n->source);
        }
        out_str(&w->o, "from host: ");
        comment_text(&w->o, w->path);
        break;
    case ORIGIN_SCHEMA:
        comment_text(&w->o, o->why ? dt_show(w->c->arena, o->why) : "");
        break;
    default:
        if (o->why)
            comment_text(&w->o, dt_show(w->c->arena, o->why));
        if (o->why && placed)
            out_str(&w->o, ": ");
        write_place(w, at);
        break;
    }
    out_str(&w->o, " */");
}

static void put_string(struct text_out *o, const char *s)
{
    out_bytes(o, "\"", 1);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            out_bytes(o, "\\", 1);
        if (*s == '\n')
            out_str(o, "\\n");
        else if (*s == '\t')
            out_str(o, "\\t");
        else
            out_bytes(o, s, 1);
    }
    out_bytes(o, "\"", 1);
}

// Non-empty printable strings, each with its NUL; and not a property that always holds numbers.
static bool looks_like_strings(const struct dt_prop *p)
{
    static const char *const numbers[] = {"reg", "ranges", "dma-ranges", "interrupts", "interrupt-map"};
    if (p->data[p->len - 1] || p->name[0] == '#')
        return false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(p->name, numbers[i]))
            return false;
    for (uint32_t i = 0; i < p->len; i++) {
        uint8_t b = p->data[i];
        if (b ? (b < 0x20 || b > 0x7e) && b != '\n' && b != '\t' : i == 0 || !p->data[i - 1])
            return false;
    }
    return true;
}

// References can be shown where each of them is a whole cell.
static bool refs_in_cells(const struct dt_prop *p)
{
    if (p->len % 4)
        return false;
    for (const struct dt_ref *r = p->refs; r; r = r->next)
        if (r->path || !r->filled || r->offset % 4 || p->len - 4 < r->offset)
            return false;
    return true;
}

static bool path_plain(const struct dt_node *n)
{
    for (; n->parent; n = n->parent)
        if (!dt_name_plain(n->name))
            return false;
    return true;
}

static void put_cells(struct dts_writer *w, const struct dt_prop *p)
{
    const struct dt_ref *r = p->refs;
    char cell[16];
    for (uint32_t i = 0; i < p->len / 4; i++) {
        out_bytes(&w->o, i ? " " : "<", 1);
        while (r && r->offset < i * 4)
            r = r->next;
        bool ref = r && r->offset == i * 4 && r->target && !r->target->deleted && r->target->phandle == dt_cell(p, i);
        const char *label = ref ? label_of(r->target) : NULL;
        if (label) {
            out_bytes(&w->o, "&", 1);
            out_str(&w->o, label);
        } else if (ref && path_plain(r->target)) {
            out_str(&w->o, "&{");
            out_str(&w->o, dt_path(w->c->arena, r->target));
            out_bytes(&w->o, "}", 1);
        } else {
            out_bytes(&w->o, cell, (size_t)snprintf(cell, sizeof cell, "0x%02x", dt_cell(p, i)));
        }
    }
    out_bytes(&w->o, ">", 1);
}

static void put_value(struct dts_writer *w, const struct dt_prop *p)
{
    if (!p->len)
        return;
    out_str(&w->o, " = ");
    if ((!p->refs || p->refs->path) && looks_like_strings(p)) {
        for (uint32_t at = 0; at < p->len; at += (uint32_t)strlen((const char *)p->data + at) + 1) {
            if (at)
                out_str(&w->o, ", ");
            put_string(&w->o, (const char *)p->data + at);
        }
    } else if (p->refs ? refs_in_cells(p) : p->len % 4 == 0) {
        put_cells(w, p);
    } else if (p->len % 4 == 0) {
        struct dt_prop plain = *p;
        plain.refs = NULL;
        put_cells(w, &plain);
    } else {
        char byte[4];
        for (uint32_t i = 0; i < p->len; i++) {
            out_bytes(&w->o, i ? " " : "[", 1);
            out_bytes(&w->o, byte, (size_t)snprintf(byte, sizeof byte, "%02x", p->data[i]));
        }
        out_bytes(&w->o, "]", 1);
    }
}

static void put_props(struct dts_writer *w, const struct dt_node *n, uint32_t tabs)
{
    for (const struct dt_prop *p = n->props; p; p = p->next) {
        out_tabs(&w->o, tabs);
        if (!dt_name_plain(p->name)) {
            out_str(&w->o, "/* a property that source cannot name: ");
            comment_text(&w->o, dt_show(w->c->arena, p->name));
            out_str(&w->o, " */\n");
            continue;
        }
        out_str(&w->o, p->name);
        put_value(w, p);
        out_bytes(&w->o, ";", 1);
        if (p->origin != n->origin) // a comment at the node need not be repeated at each of its properties
            write_origin(w, n, p->origin);
        out_bytes(&w->o, "\n", 1);
    }
    if (!n->phandle || dt_has_phandle_prop(n))
        return;
    char line[48];
    out_tabs(&w->o, tabs);
    out_bytes(&w->o, line, (size_t)snprintf(line, sizeof line, "phandle = <0x%02x>;\n", n->phandle));
}

static void close_node(struct dts_writer *w, uint32_t tabs)
{
    out_tabs(&w->o, tabs);
    out_str(&w->o, "};\n");
}

// False: the node cannot be written, and nothing below it.
static bool open_node(struct dts_writer *w, const struct dt_node *n)
{
    if (n->prev || (n->parent && n->parent->props) || !n->parent || n->parent->phandle)
        out_bytes(&w->o, "\n", 1);
    out_tabs(&w->o, n->depth);
    if (n->parent && !dt_name_plain(n->name)) {
        out_str(&w->o, "/* a node that source cannot name: ");
        comment_text(&w->o, dt_show(w->c->arena, n->name));
        out_str(&w->o, " */\n");
        return false;
    }
    for (const struct dt_label *l = n->labels; l; l = l->next) {
        if (!label_plain(l->name))
            continue;
        out_str(&w->o, l->name);
        out_str(&w->o, ": ");
    }
    out_str(&w->o, n->parent ? n->name : "/");
    out_str(&w->o, " {");
    write_origin(w, n, n->origin);
    out_bytes(&w->o, "\n", 1);
    put_props(w, n, n->depth + 1U);
    return true;
}

char *dts_prop_text(struct machc *c, const struct dt_tree *t, const struct dt_prop *p)
{
    struct dts_writer w = {.c = c, .t = t, .o = {.arena = c->arena}};
    out_str(&w.o, dt_show(c->arena, p->name));
    put_value(&w, p);
    out_bytes(&w.o, ";", 2); // and the NUL
    return w.o.v.at;
}

char *dts_write(struct machc *c, const struct dt_tree *t, bool origins)
{
    struct dts_writer w = {.c = c, .t = t, .o = {.arena = c->arena}, .origins = origins};
    out_str(&w.o, "/dts-v1/;\n");
    for (uint32_t i = 0; i < t->nreserves; i++) {
        char line[80];
        int len = snprintf(line, sizeof line, "%s/memreserve/ 0x%016llx 0x%016llx;\n", i ? "" : "\n",
                           (unsigned long long)t->reserves[i].address, (unsigned long long)t->reserves[i].size);
        out_bytes(&w.o, line, (size_t)len);
    }
    const struct dt_node *n = t->root;
    while (n) {
        if (open_node(&w, n)) {
            if (n->child) {
                n = n->child;
                continue;
            }
            close_node(&w, n->depth);
        }
        while (n->parent && !n->next) {
            n = n->parent;
            close_node(&w, n->depth);
        }
        n = n->next;
    }
    out_bytes(&w.o, "", 1); // the NUL
    return w.o.v.at;
}
