// SPDX-License-Identifier: MIT
// dma statements: which memory at which device address, as intended. What the IOMMU makes of it is the plan's.
#include "model/build.h"

#include <inttypes.h>

static void map_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_dma_map *m = opaque;
    if (build_place(b, s, st, (struct place_values){&m->address, &m->size, &m->offset, NULL}))
        return;
    switch (st->kind) {
    case AST_READONLY:
        m->readonly = true;
        break;
    case AST_UNSAFE:
        diag_help(diag(b->c->diags, E0601, at(s, st->loc), "`unsafe` is not allowed in a mapping of a `dma`"),
                  "`map unsafe \"why\"` belongs to a region; a `dma` without an IOMMU is `dma identity unsafe;`");
        break;
    default:
        break;
    }
}

static void build_map(struct build *b, const struct scope *s, const struct ast *st, struct m_dma *d)
{
    struct m_dma_map m = {.what = st->sub, .at = at(s, st->loc)};
    bool ok = true;
    switch (st->sub) {
    case MAP_MSI_BANK:
        ok = eval_u32(b, s, st->e, 255, "MSI bank", &m.bank);
        break;
    case MAP_REGION:
        ok = build_which(b, s, &st->name, st->e, st->loc, &m.region);
        break;
    default:
        m.memory = eval_text(b, s, &st->name);
        if (!m.memory && st->name.kind != TEXT_NONE)
            return;
        if (!m.memory) {
            diag_help(diag(b->c->diags, E0602, m.at, "`map` does not say what it maps"),
                      "write `map MEMORY;`, `map region 0;` or `map msi-bank 0;`");
            return;
        }
    }
    expand_body(b, s, st, map_clause, &m);
    if (ok)
        vec_push(draft_arena(b->c), &d->maps, m);
}

static const char *const stash_words[] = {"", "l1", "l2", "l3", "id", "tph"}; // enum stash_kind

static void stash_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_stash *stash = opaque;
    if (st->kind == AST_IF_POSSIBLE) {
        stash->if_possible = true;
        return;
    }
    if (stash->kind != STASH_TPH) {
        struct diag *d = diag(b->c->diags, E0670, at(s, st->loc), "`%s` belongs to `stash tph`; this is `stash %s`",
                              ast_keyword(st->kind), stash_words[stash->kind]);
        diag_help(d, "remove it: it is about PCI's steering tags, and a cache has none");
        return;
    }
    switch (st->kind) {
    case AST_VOLATILE:
    case AST_PERSISTENT:
        if (stash->type_at.loc.file) {
            struct diag *d = diag(b->c->diags, E0671, at(s, st->loc),
                                  "one stash target is for `volatile` or "
                                  "`persistent` memory, not for both");
            diag_note(d, stash->type_at, "the other one is here");
            diag_help(d, "remove one of them");
            return;
        }
        stash->type_at = at(s, st->loc);
        stash->persistent = st->kind == AST_PERSISTENT;
        break;
    case AST_ENTRY:
        // PCIe 6.0, 7.9.13.2: the size of the table is a field of 11 bits, one less than its entries
        if (eval_opt(b, s, st->e, &stash->entry) && stash->entry.value >= TPH_ENTRIES)
            diag_help(diag(b->c->diags, E0672, stash->entry.at,
                           "entry %" PRIu64 " of the steering tag table is out of range: 0..%d", stash->entry.value,
                           TPH_ENTRIES - 1),
                      "it is an MSI-X vector, or counts what the device's TPH capability has; without `entry` all of "
                      "them are meant");
        break;
    default:
        break;
    }
}

static void build_stash(struct build *b, const struct scope *s, const struct ast *st, struct m_channel *h)
{
    const char *w = eval_text(b, s, &st->name);
    uint8_t i = 1;
    if (!w)
        return;
    while (i < 6 && strcmp(w, stash_words[i]))
        i++;
    if (i == 6) {
        diag_help(
            diag(b->c->diags, E0603, at(s, st->name.loc), "there is no stash target `%s`", w),
            "write `stash l1 of vcpu 0`, `stash l2 of vcpu 0`, `stash l3`, `stash id N` or `stash tph of vcpu 0`");
        return;
    }
    bool maybe = h->stash.if_possible;
    h->stash = (struct m_stash){.kind = i, .at = at(s, st->loc), .if_possible = maybe};
    if (st->e)
        eval_opt(b, s, st->e, &h->stash.id);
    if (st->e2)
        eval_opt(b, s, st->e2, &h->stash.vcpu);
    if (i == STASH_ID && !st->e)
        diag_help(diag(b->c->diags, E0604, at(s, st->loc), "`stash id` needs the cache's id"),
                  "write `stash id N`, N as in its cache-stash-id");
    if ((i == STASH_L1 || i == STASH_L2 || i == STASH_TPH) && !st->e2)
        diag_help(diag(b->c->diags, E0605, at(s, st->loc), "`stash %s` needs a vcpu: each cpu has its own", w),
                  "write `stash %s of vcpu 0`", w);
    expand_body(b, s, st, stash_clause, &h->stash);
}

struct dma_being_built {
    struct m_dma dma;
    struct m_channel how;
    bool plain; // nothing of `how` was written
    struct src unsafe_at;
    struct src own_at; // the first clause that only a `dma NAME` has
};

// OMI_QMAN 0, OMI_FMAN 1, OMI_QMAN_PRIV 2, OMI_CAAM 3 (linux drivers/iommu/fsl_pamu.h)
static const char *const operations[] = {"qman", "fman", "qman-private", "caam"};

bool operation_named(const char *name, uint32_t *number)
{
    for (*number = 0; *number < 4; ++*number)
        if (!strcmp(name, operations[*number]))
            return true;
    return false;
}

static void dma_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct dma_being_built *x = opaque;
    struct m_dma *d = &x->dma;
    struct m_channel *h = &x->how;
    x->plain = x->plain && (st->kind == AST_UNSAFE || st->kind == AST_MAP);
    // Which stream, how it is written and into which cache, can be specified for `dma all` as well.
    bool channel = st->kind == AST_LIODN_INDEX || st->kind == AST_STREAM ||
                   ((d->mode == DMA_ALL || d->mode == DMA_WINDOW) &&
                    (st->kind == AST_OPERATION || st->kind == AST_STASH || st->kind == AST_IF_POSSIBLE));
    if (!channel && st->kind != AST_UNSAFE && !x->own_at.loc.file)
        x->own_at = at(s, st->loc);
    switch (st->kind) {
    case AST_UNSAFE:
        d->unsafe = true;
        x->unsafe_at = at(s, st->loc);
        break;
    case AST_MAP:
        build_map(b, s, st, d);
        break;
    case AST_WINDOW:
        eval_opt(b, s, st->e, &h->window);
        break;
    case AST_SIZE:
        eval_opt(b, s, st->e, &h->size);
        break;
    case AST_SUBWINDOWS:
        eval_opt(b, s, st->e, &h->subwindows);
        break;
    case AST_LIODN_INDEX:
        if (eval_opt(b, s, st->e, &h->liodn_index) && h->liodn_index.value > 255)
            diag_help(diag(b->c->diags, E0606, h->liodn_index.at, "liodn-index %" PRIu64 " is out of range: 0..255",
                           h->liodn_index.value),
                      "it counts the cells of the node's `fsl,liodn`, from 0");
        break;
    case AST_STREAM:
        if (eval_opt(b, s, st->e, &h->stream) && h->stream.value > UINT32_MAX)
            diag_help(
                diag(b->c->diags, E0607, h->stream.at, "stream 0x%" PRIx64 " does not fit 32 bits", h->stream.value),
                "write the stream id as in the node's `iommus`");
        break;
    case AST_OPERATION: {
        if (st->e) {
            // The operation mapping table has 16 entries (linux drivers/iommu/fsl_pamu.h, OME_NUMBER_ENTRIES).
            if (eval_opt(b, s, st->e, &h->operation) && h->operation.value > 15)
                diag_help(diag(b->c->diags, E0608, h->operation.at,
                               "operation mapping %" PRIu64 " is out of range: 0..15", h->operation.value),
                          "write `qman` (0), `fman` (1), `qman-private` (2), `caam` (3) or an index that the host's "
                          "kernel has set up");
            break;
        }
        const char *w = eval_text(b, s, &st->name);
        uint32_t number;
        h->operation.at = at(s, st->loc);
        if (!w)
            break;
        if (operation_named(w, &number)) {
            h->operation.value = number;
            h->operation.set = true;
            return;
        }
        struct diag *g = diag(b->c->diags, E0609, at(s, st->name.loc), "there is no operation mapping `%s`", w);
        const char *near = nearest(w, operations, 4);
        if (near)
            diag_did_you_mean(g, "", w, near);
        else
            diag_help(g, "write `qman`, `fman`, `qman-private`, `caam` or its index, 0..15");
        break;
    }
    case AST_STASH:
        build_stash(b, s, st, h);
        break;
    case AST_IF_POSSIBLE:
        h->stash.if_possible = true;
        break;
    default:
        break;
    }
}

static void check_window(struct build *b, const struct m_channel *h)
{
    if (h->window.set && !h->size.set && !h->size.at.loc.file) {
        diag_help(diag(b->c->diags, E0610, h->window.at, "the window has no size"),
                  "write `window 0x%" PRIx64 " size 4G`", h->window.value);
        return;
    }
    if (h->size.set && !h->window.set && !h->window.at.loc.file) {
        diag_help(diag(b->c->diags, E0611, h->size.at, "a size without a window"),
                  "write `window 0x0 size 0x%" PRIx64 "`", h->size.value);
        return;
    }
    if (h->subwindows.set && !h->window.set && !h->window.at.loc.file)
        diag_help(diag(b->c->diags, E0647, h->subwindows.at, "sub-windows without a window"),
                  "write `window 0x0 size 4G subwindows %" PRIu64
                  "`, or remove them: machc chooses them for what is mapped",
                  h->subwindows.value);
    if (!h->window.set || !h->size.set)
        return;
    uint64_t page = b->model->page_size;
    const struct opt_u64 *odd = h->window.value % page ? &h->window : h->size.value % page ? &h->size : NULL;
    if (!h->size.value)
        diag_help(diag(b->c->diags, E0612, h->size.at, "a window of 0 bytes"),
                  "write `dma none;` if the device must not reach anything");
    else if (h->window.value + (h->size.value - 1) < h->window.value)
        diag_help(diag(b->c->diags, E0612, h->size.at,
                       "a window of 0x%" PRIx64 " bytes at 0x%" PRIx64 " does not fit the address space", h->size.value,
                       h->window.value),
                  "write `size 0x%" PRIx64 "` or less", UINT64_MAX - h->window.value + 1);
    else if (odd)
        diag_help_number(diag(b->c->diags, E0646, odd->at,
                              "the %s 0x%" PRIx64 " of the window is not a multiple of the host's page size (0x%" PRIx64
                              ")",
                              odd == &h->size ? "size" : "start", odd->value, page),
                         odd == &h->size ? "size " : "window ",
                         odd == &h->size ? (odd->value / page + 1) * page : odd->value / page * page, "");
}

const char *dma_mode_word(uint8_t mode)
{
    static const char *const words[] = {
        [DMA_NONE] = "none",     [DMA_ALL] = "all", [DMA_IDENTITY] = "identity", [DMA_GUEST_IOMMU] = "guest-iommu",
        [DMA_WINDOW] = "window", [DMA_BUS] = "bus", [DMA_POOL] = "pool"};
    return words[mode];
}

void build_dma(struct build *b, const struct scope *s, const struct ast *st, struct m_part *part)
{
    // Most say `none` or `all` and no more: they share one empty channel.
    static const struct m_channel nothing;
    struct dma_being_built x = {.dma = {.mode = DMA_WINDOW, .at = at(s, st->loc)}, .plain = true};
    const char *name = eval_text(b, s, &st->name);
    if (!name)
        return;
    for (uint8_t i = 0; i <= DMA_POOL; i++)
        if (i != DMA_WINDOW && !strcmp(name, dma_mode_word(i)))
            x.dma.mode = i;
    x.dma.name = name;
    if (x.dma.mode == DMA_GUEST_IOMMU) {
        x.dma.name = eval_text(b, s, st->arg);
        if (!x.dma.name)
            diag_help(diag(b->c->diags, E0613, x.dma.at, "`guest-iommu` does not say which IOMMU"),
                      "write `dma guest-iommu NAME;`");
    }
    if (x.dma.mode == DMA_POOL) {
        x.dma.name = eval_text(b, s, st->arg);
        if (!x.dma.name)
            return;
    }
    expand_body(b, s, st, dma_clause, &x);
    if (x.dma.mode == DMA_WINDOW) {
        check_window(b, &x.how);
        if (!x.own_at.loc.file && !is_guess(st)) {
            struct diag *d = diag(b->c->diags, E0614, x.dma.at, "dma `%s` maps nothing", name);
            const char *modes[DMA_POOL];
            for (uint8_t i = 0, n = 0; i <= DMA_POOL; i++)
                if (i != DMA_WINDOW)
                    modes[n++] = dma_mode_word(i);
            const char *near = nearest(name, modes, DMA_POOL);
            if (near)
                diag_did_you_mean(d, "dma ", name, near);
            else
                diag_help(d,
                          "write `dma %s { map MEMORY; }` or `dma %s window 0x0 size 4G;`; `dma none;` if it shall "
                          "reach nothing",
                          name, name);
        }
    } else if (x.own_at.loc.file) {
        diag_help(diag(b->c->diags, E0615, x.own_at, "`dma %s` has no %s of its own", dma_mode_word(x.dma.mode),
                       x.dma.mode == DMA_ALL ? "window or mapping" : "window, mapping or stash target"),
                  "give it a name instead: `dma main { map ram; }`");
    }
    bool open = x.dma.mode == DMA_IDENTITY || x.dma.mode == DMA_BUS || x.dma.mode == DMA_POOL;
    if (x.dma.unsafe && !open && x.dma.mode != DMA_NONE) {
        struct diag *d = diag(b->c->diags, E0616, x.unsafe_at,
                              "`unsafe` belongs to `dma bus`, `dma pool`, `dma identity` and `dma none`");
        diag_help(d, "remove it: `dma %s` gives the device only what is mapped",
                  x.dma.mode == DMA_WINDOW ? name : dma_mode_word(x.dma.mode));
        diag_fix_away(d, "unsafe");
    }
    if (open && !x.dma.unsafe)
        diag_help(diag(b->c->diags, E0617, x.dma.at, "without an IOMMU the device can reach all of the host's memory"),
                  "write `dma %s%s%s unsafe;` if that is meant, else `dma none;`", dma_mode_word(x.dma.mode),
                  x.dma.mode == DMA_POOL ? " " : "", x.dma.mode == DMA_POOL ? x.dma.name : "");
    for (uint32_t i = 0; i < part->dmas.n; i++) {
        const struct m_dma *o = &part->dmas.at[i];
        if (o->mode != DMA_WINDOW || x.dma.mode != DMA_WINDOW) {
            struct diag *d = diag(b->c->diags, E0618, x.dma.at, "`dma %s` and another `dma` for one device", name);
            diag_note(d, o->at, "the other one is here");
            diag_help(d, "a device has one `none`, `all`, `bus`, `pool`, `identity` or `guest-iommu`, or a named `dma` "
                         "for each of its streams");
            return;
        }
        if (o->name == x.dma.name) {
            struct diag *d = diag(b->c->diags, E0619, x.dma.at, "two `dma` called `%s` for one device", name);
            diag_note(d, o->at, "the first is here");
            diag_help(d, "merge them, or rename one of them");
            return;
        }
    }
    if (x.plain) {
        x.dma.how = &nothing;
    } else {
        struct m_channel *how = NEW(draft_arena(b->c), struct m_channel);
        *how = x.how;
        x.dma.how = how;
    }
    vec_push(draft_arena(b->c), &part->dmas, x.dma);
}
