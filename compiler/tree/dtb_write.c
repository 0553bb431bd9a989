// SPDX-License-Identifier: MIT
// A tree as a blob, version 17. Sizes are summed up in one walk, bytes are written in a second; no name is searched
// for.
#include "tree/internal.h"
#include "tree/tree.h"

#include <libfdt.h>
#include <string.h>

struct writer {
    struct machc *c;
    const struct dt_tree *t;
    struct map offsets; // (interned name, 0) -> offset in the strings block
    uint64_t strings_len, struct_len;
    uint8_t *blob;
    uint32_t at, strings;          // where to write next
    const struct dt_node *symbols; // a /__symbols__ of the tree's own, which is left out
    bool with_symbols;
};

static uint32_t pad4(uint64_t len)
{
    return (uint32_t)(-len & 3);
}

// The offset of a name in the strings block. The first call for a name, in the measuring walk, gives it out.
static uint32_t name_offset(struct writer *w, const char *name)
{
    uint64_t off;
    if (map_get(&w->offsets, (uintptr_t)name, 0, &off))
        return (uint32_t)off;
    off = w->strings_len;
    map_put(w->c->arena, &w->offsets, (uintptr_t)name, 0, off);
    w->strings_len += intern_len(name) + 1;
    return (uint32_t)off;
}

static void put_u32(struct writer *w, uint32_t v)
{
    uint8_t *b = w->blob + w->at;
    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16);
    b[2] = (uint8_t)(v >> 8);
    b[3] = (uint8_t)v;
    w->at += 4;
}

static void put_bytes(struct writer *w, const void *data, uint32_t len)
{
    if (len)
        memcpy(w->blob + w->at, data, len);
    w->at += len + pad4(len);
}

static void prop(struct writer *w, const char *name, const void *data, uint32_t len)
{
    uint32_t off = name_offset(w, name);
    if (!w->blob) {
        w->struct_len += 12 + (uint64_t)len + pad4(len);
        return;
    }
    memcpy(w->blob + w->strings + off, name, intern_len(name) + 1);
    put_u32(w, FDT_PROP);
    put_u32(w, len);
    put_u32(w, off);
    put_bytes(w, data, len);
}

static void begin_node(struct writer *w, const char *name)
{
    uint32_t len = intern_len(name) + 1;
    if (!w->blob) {
        w->struct_len += 8 + (uint64_t)len + pad4(len); // its end as well
        return;
    }
    put_u32(w, FDT_BEGIN_NODE);
    put_bytes(w, name, len);
}

static void end_node(struct writer *w)
{
    if (w->blob)
        put_u32(w, FDT_END_NODE);
}

static void node_props(struct writer *w, const struct dt_node *n)
{
    for (const struct dt_prop *p = n->props; p; p = p->next)
        prop(w, p->name, p->data, p->len);
    if (!n->phandle || dt_has_phandle_prop(n))
        return;
    uint8_t cell[4];
    dt_put_cells(cell, n->phandle, 1);
    prop(w, intern(w->c->names, "phandle"), cell, 4);
}

static void symbols(struct writer *w)
{
    begin_node(w, intern(w->c->names, "__symbols__"));
    for (const struct dt_node *n = w->t->root; n; n = dt_next(n, w->t->root)) {
        const char *path = n->labels ? dt_path(w->c->arena, n) : NULL;
        for (const struct dt_label *l = n->labels; l; l = l->next)
            prop(w, l->name, path, (uint32_t)strlen(path) + 1);
    }
    end_node(w);
}

static void nodes(struct writer *w)
{
    const struct dt_node *n = w->t->root;
    while (n) {
        if (n != w->symbols) {
            begin_node(w, n->name);
            node_props(w, n);
            if (n->child) {
                n = n->child;
                continue;
            }
            if (!n->parent)
                break;
            end_node(w);
        }
        while (n->parent && !n->next) {
            n = n->parent;
            if (n->parent)
                end_node(w);
        }
        n = n->next;
    }
    if (w->with_symbols)
        symbols(w);
    end_node(w); // of the root
}

uint8_t *dtb_write(struct machc *c, const struct dt_tree *t, bool with_symbols, uint32_t *size)
{
    struct writer w = {.c = c, .t = t, .with_symbols = with_symbols};
    if (with_symbols)
        w.symbols = dt_child(t, t->root, intern(c->names, "__symbols__"));
    nodes(&w);
    w.struct_len += 4;
    const uint64_t head = (sizeof(struct fdt_header) + 7) & ~7ULL;
    uint64_t total = head + ((uint64_t)t->nreserves + 1) * 16 + w.struct_len + w.strings_len;
    if (total > INT32_MAX) {
        struct diag *d = diag(c->diags, E0906, (struct src){0}, "the guest's device tree would have %llu bytes",
                              (unsigned long long)total);
        diag_help(d, "a device tree blob is at most 2 GiB");
        return NULL;
    }
    uint32_t structs = (uint32_t)(head + ((uint64_t)t->nreserves + 1) * 16);
    w.blob = arena_alloc(c->arena, total);
    w.strings = structs + (uint32_t)w.struct_len;
    const uint32_t header[] = {FDT_MAGIC,
                               (uint32_t)total,
                               structs,
                               w.strings,
                               (uint32_t)head,
                               17,
                               16,
                               t->boot_cpuid,
                               (uint32_t)w.strings_len,
                               (uint32_t)w.struct_len};
    for (size_t i = 0; i < sizeof header / sizeof *header; i++)
        put_u32(&w, header[i]);
    w.at = (uint32_t)head;
    for (uint32_t i = 0; i < t->nreserves; i++) {
        put_u32(&w, (uint32_t)(t->reserves[i].address >> 32));
        put_u32(&w, (uint32_t)t->reserves[i].address);
        put_u32(&w, (uint32_t)(t->reserves[i].size >> 32));
        put_u32(&w, (uint32_t)t->reserves[i].size);
    }
    w.at = structs;
    nodes(&w);
    put_u32(&w, FDT_END);
    *size = (uint32_t)total;
    return w.blob;
}
