// SPDX-License-Identifier: MIT
// A device tree blob, from anywhere: checked and turned into a tree in one walk.
#include "tree/internal.h"
#include "tree/tree.h"

#include <libfdt.h>
#include <string.h>

/*
 * Devicetree Specification 0.4, 2.2.1 and 2.2.4.1, allows 31 bytes in a name; real trees go beyond that.
 * A limit keeps names from overlapping each other in the strings block a million times.
 */
enum { MAX_NAME = 255 };

struct reader {
    struct machc *c;
    struct dt_tree *t;
    const char *file;
    struct src at;
    const uint8_t *blob;
    uint32_t total;
    const uint8_t *tokens; // the structure block
    uint32_t tokens_len;
    const char *strings;
    uint32_t strings_len;
    struct map names;              // (offset in the strings block, 0) -> interned name
    const struct dt_node *symbols; // /__symbols__, when it has come
    struct noise noise;
};

static bool report_bad_blob(struct reader *r, enum msg m, const char *what)
{
    struct diag *d = diag(r->c->diags, m, r->at, "%s: %s", dt_show(r->c->arena, r->file), what);
    diag_help(d, m == E0701 ? "a host tree is a `.dtb`, or a `.dts` in text form"
                            : "read the tree again from the board: `cp /sys/firmware/fdt host.dtb`");
    return false;
}

static bool has_block(struct reader *r, const char *what, uint32_t off, uint32_t size)
{
    if (off <= r->total && size <= r->total - off)
        return true;
    return report_bad_blob(
        r, E0702,
        arena_printf(r->c->arena,
                     "the header is damaged: the %s, %u bytes at offset %u, lies outside of the blob's %u bytes", what,
                     size, off, r->total));
}

static bool check_header(struct reader *r, uint32_t len)
{
    struct arena *a = r->c->arena;
    if (len < 4 || be32(r->blob) != FDT_MAGIC)
        return report_bad_blob(r, E0701, "this is not a device tree blob: it does not begin with d0 0d fe ed");
    if (len < sizeof(struct fdt_header))
        return report_bad_blob(r, E0702, arena_printf(a, "the blob is cut off within its header, after %u bytes", len));
    r->total = fdt_totalsize(r->blob);
    if (r->total > len)
        return report_bad_blob(r, E0702,
                               arena_printf(a, "the blob is cut off: %u bytes of %u are there", len, r->total));
    if (fdt_version(r->blob) < 16 || fdt_last_comp_version(r->blob) > 17)
        return report_bad_blob(
            r, E0701,
            arena_printf(a, "version %u of the format (readable as %u) is not supported, only 16 and 17",
                         fdt_version(r->blob), fdt_last_comp_version(r->blob)));
    if (!has_block(r, "list of memory reservations", fdt_off_mem_rsvmap(r->blob), 16) ||
        !has_block(r, "structure block", fdt_off_dt_struct(r->blob),
                   fdt_version(r->blob) < 17 ? 0 : fdt_size_dt_struct(r->blob)) ||
        !has_block(r, "strings block", fdt_off_dt_strings(r->blob), fdt_size_dt_strings(r->blob)))
        return false;
    int err = fdt_check_header(r->blob);
    if (err)
        return report_bad_blob(r, E0702, arena_printf(a, "the header is damaged: %s", fdt_strerror(err)));
    // Version 16 does not say how long the structure block is.
    uint32_t start = fdt_off_dt_struct(r->blob);
    r->tokens_len = fdt_version(r->blob) < 17 ? r->total - start : fdt_size_dt_struct(r->blob);
    r->tokens = r->blob + start;
    r->strings = (const char *)r->blob + fdt_off_dt_strings(r->blob);
    r->strings_len = fdt_size_dt_strings(r->blob);
    return true;
}

static bool read_reserves(struct reader *r)
{
    uint32_t off = fdt_off_mem_rsvmap(r->blob), n = 0;
    for (;; n++) {
        if (off > r->total || r->total - off < 16)
            return report_bad_blob(r, E0702, "the list of memory reservations has no end");
        if (!be64(r->blob + off) && !be64(r->blob + off + 8))
            break;
        off += 16;
    }
    r->t->reserves = arena_array(r->c->arena, n, sizeof *r->t->reserves);
    r->t->nreserves = n;
    off -= n * 16;
    for (uint32_t i = 0; i < n; i++, off += 16) {
        r->t->reserves[i].address = be64(r->blob + off);
        r->t->reserves[i].size = be64(r->blob + off + 8);
    }
    return true;
}

static void check_name(struct reader *r, const struct dt_node *n, const char *prop)
{
    const char *name = prop ? prop : n->name;
    if (dt_name_plain(name) || !noise_ok(&r->noise, W0703))
        return;
    const char *path = dt_show_path(r->c->arena, n), *file = dt_show(r->c->arena, r->file);
    if (prop)
        diag(r->c->diags, W0703, r->at, "%s: %s has a property whose name device tree source cannot write: `%s`", file,
             path, dt_show(r->c->arena, prop));
    else
        diag(r->c->diags, W0703, r->at, "%s: device tree source cannot write the name of the node %s", file, path);
}

// The interned name at an offset of the strings block; NULL when there is none.
static const char *prop_name(struct reader *r, const struct dt_node *n, uint32_t off)
{
    uint64_t known;
    bool label = n == r->symbols; // whose properties have names of their own
    if (!label && map_get(&r->names, off, 0, &known))
        return (const char *)(uintptr_t)known;
    if (off >= r->strings_len)
        return NULL;
    uint32_t left = r->strings_len - off;
    const char *nul = memchr(r->strings + off, 0, left < MAX_NAME + 1 ? left : MAX_NAME + 1);
    if (!nul)
        return NULL;
    const char *name = intern_n(r->c->names, r->strings + off, (size_t)(nul - r->strings) - off);
    if (!label)
        map_put(r->c->arena, &r->names, off, 0, (uintptr_t)name);
    check_name(r, n, name); // once for each name
    return name;
}

static bool read_prop(struct reader *r, struct dt_node *n, const uint8_t *data, uint32_t len, uint32_t nameoff)
{
    const char *name = prop_name(r, n, nameoff);
    if (!name)
        return report_bad_blob(r, E0702,
                               arena_printf(r->c->arena,
                                            "a property of %s has no proper name: offset %u of the strings block",
                                            dt_show_path(r->c->arena, n), nameoff));
    if (dt_prop(r->t, n, name)) {
        if (noise_ok(&r->noise, W0702))
            diag(r->c->diags, W0702, r->at, "%s: %s has the property `%s` twice; the first one counts",
                 dt_show(r->c->arena, r->file), dt_show_path(r->c->arena, n), dt_show(r->c->arena, name));
        return true;
    }
    struct dt_prop *p = dt_append(r->t, n, name);
    p->data = data;
    p->len = len;
    return true;
}

/* What the walk through the structure block knows. */
struct walk {
    struct dt_node *n; // where properties go; NULL before and after the root
    uint32_t skip;     // depth below a node that is left out, because its name was there already
    bool root;
};

static bool begin_node(struct reader *r, struct walk *w, const char *name)
{
    size_t len = strlen(name);
    if (w->skip) {
        w->skip++;
        return true;
    }
    if (!w->n) {
        if (w->root)
            return report_bad_blob(r, E0702, "there is a second root node");
        w->root = true;
        w->n = r->t->root;
        if (len && noise_ok(&r->noise, W0718))
            diag(r->c->diags, W0718, r->at, "%s: the root node has a name, `%s`; it is ignored",
                 dt_show(r->c->arena, r->file), dt_show(r->c->arena, name));
        return true;
    }
    if (w->n->depth >= MACH_MAX_NESTING)
        return report_bad_blob(r, E0703,
                               arena_printf(r->c->arena, "nodes are nested more than %d deep, below %s",
                                            MACH_MAX_NESTING, dt_show_path(r->c->arena, w->n)));
    if (len > MAX_NAME)
        return report_bad_blob(r, E0702,
                               arena_printf(r->c->arena, "a node in %s has a name of %zu bytes; %d are the limit",
                                            dt_show_path(r->c->arena, w->n), len, MAX_NAME));
    const char *interned = intern_n(r->c->names, name, len);
    if (dt_child(r->t, w->n, interned)) {
        if (noise_ok(&r->noise, W0701))
            diag(r->c->diags, W0701, r->at, "%s: %s has two children `%s`; the first one counts",
                 dt_show(r->c->arena, r->file), dt_show_path(r->c->arena, w->n), dt_show(r->c->arena, name));
        w->skip = 1;
        return true;
    }
    bool top = !w->n->parent;
    w->n = dt_add_child(r->t, w->n, interned);
    if (top && !strcmp(name, "__symbols__"))
        r->symbols = w->n;
    check_name(r, w->n, NULL);
    return true;
}

static bool end_node(struct reader *r, struct walk *w, uint32_t at)
{
    if (w->skip)
        w->skip--;
    else if (w->n)
        w->n = w->n->parent;
    else
        return report_bad_blob(r, E0702, arena_printf(r->c->arena, "a node ends at offset %u that never began", at));
    return true;
}

/*
 * libfdt's own fdt_next_tag() is not used: up to 1.6.1 a property's length can overflow in it, and it looks at each
 * byte of a name with a check of its own.
 */
static bool read_struct(struct reader *r)
{
    struct walk w = {0};
    const uint8_t *tokens = r->tokens;
    uint32_t at = 0, end = r->tokens_len & ~3U;
    while (at < end) {
        uint32_t start = at, tag = be32(tokens + at), left = end - at - 4;
        at += 4;
        if (tag == FDT_BEGIN_NODE) {
            const uint8_t *nul = memchr(tokens + at, 0, left);
            if (!nul)
                return report_bad_blob(r, E0702,
                                       arena_printf(r->c->arena, "a node's name at offset %u has no end", at));
            if (!begin_node(r, &w, (const char *)tokens + at))
                return false;
            at = (uint32_t)(nul - tokens) / 4 * 4 + 4;
        } else if (tag == FDT_END_NODE) {
            if (!end_node(r, &w, start))
                return false;
        } else if (tag == FDT_PROP) {
            uint32_t len = left < 8 ? UINT32_MAX : be32(tokens + at);
            if (left < 8 || len > left - 8)
                return report_bad_blob(r, E0702,
                                       arena_printf(r->c->arena, "a property at offset %u is cut off", start));
            if (!w.n)
                return report_bad_blob(
                    r, E0702, arena_printf(r->c->arena, "a property at offset %u is outside every node", start));
            if (!w.skip && !read_prop(r, w.n, tokens + at + 8, len, be32(tokens + at + 4)))
                return false;
            at += 8 + (len + 3) / 4 * 4;
        } else if (tag == FDT_END) {
            if (w.n || !w.root)
                return report_bad_blob(
                    r, E0702, w.n ? "the structure block ends within a node" : "there is no root node in the blob");
            return true;
        } else if (tag != FDT_NOP) {
            return report_bad_blob(r, E0702,
                                   arena_printf(r->c->arena, "the structure block is damaged at offset %u", start));
        }
    }
    return report_bad_blob(r, E0702, "the structure block has no end");
}

struct dt_tree *dtb_read(struct machc *c, const struct source *s, struct src at)
{
    struct reader r = {.c = c, .file = s->name, .at = at, .blob = (const uint8_t *)s->text};
    if ((uintptr_t)r.blob % 8) // libfdt reads at aligned addresses only
        r.blob = (const uint8_t *)arena_strndup(c->arena, s->text, s->len);
    if (!check_header(&r, s->len))
        return NULL;
    r.t = dt_tree_new(c->arena, c->names);
    r.t->boot_cpuid = fdt_boot_cpuid_phys(r.blob);
    if (!read_reserves(&r) || !read_struct(&r))
        return NULL;
    map_free(c->arena, &r.names);
    noise_end(c, &r.noise, s->name, at);
    dt_take_phandles(c, r.t, s->name, at);
    dt_take_symbols(c, r.t, s->name, at);
    return r.t;
}
