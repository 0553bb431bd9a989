// SPDX-License-Identifier: MIT
// passthrough statements: what is assigned, and what the text specifies for its regions, interrupts and references.
#include "model/build.h"

#include <inttypes.h>
#include <stdlib.h>

bool build_which(struct build *b, const struct scope *s, const struct text *name, const struct expr *e, struct loc loc,
                 struct m_which *w)
{
    w->at = at(s, loc);
    w->name = NULL;
    if (e)
        return eval_u32(b, s, e, 65535, "index", &w->index);
    w->name = eval_text(b, s, name);
    return w->name != NULL;
}

bool build_place(struct build *b, const struct scope *s, const struct ast *st, struct place_values v)
{
    struct opt_u64 *number = NULL;
    if (st->kind == AST_AT)
        number = v.address;
    else if (st->kind == AST_SIZE)
        number = v.size;
    else if (st->kind == AST_OFFSET)
        number = v.offset;
    if (number)
        eval_opt(b, s, st->e, number);
    bool file = st->kind == AST_FILE && v.file;
    if (file)
        *v.file = eval_text(b, s, &st->name);
    if (file && *v.file)
        *v.file = file_name(b->c, *v.file);
    return number || file;
}

/*
 * Notes statement `n` of a list; false: it has one about the same part, whose index is then in *first. `kind` tells the
 * lists in one map apart.
 */
static bool note_which(struct build *b, struct map *specified, enum ast_kind kind, const struct m_which *w, uint32_t n,
                       uint64_t *first)
{
    uint64_t key = w->name ? (uintptr_t)w->name : (uint64_t)w->index << 1 | 1; // no name has an odd address
    *first = n;
    return map_add(draft_arena(b->c), specified, key, kind, first);
}

static const char *which_text(struct build *b, const struct m_which *w)
{
    return w->name ? arena_printf(b->c->arena, "`%s`", w->name) : arena_printf(b->c->arena, "%u", w->index);
}

/* ---- region ---- */

static void region_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_region *r = opaque;
    if ((st->kind == AST_MAP || st->kind == AST_TRAP || st->kind == AST_DROP) && r->mode != REGION_DEFAULT) {
        diag_help(diag(b->c->diags, E0322, at(s, st->loc), "a region has one fate: `map`, `trap` or `drop`"),
                  "keep one of them");
        return;
    }
    if (build_place(b, s, st, (struct place_values){&r->address, &r->size, &r->offset, &r->file}))
        return;
    switch (st->kind) {
    case AST_TRAP:
        r->mode = REGION_TRAP;
        break;
    case AST_DROP:
        r->mode = REGION_DROP;
        break;
    case AST_MAP:
        r->mode = REGION_MAP;
        for (const struct ast *c = st->body; c; c = c->next) {
            if (c->kind != AST_UNSAFE)
                continue;
            r->unsafe = eval_text(b, s, &c->name);
            if (!r->unsafe || !*r->unsafe)
                diag_help(diag(b->c->diags, E0323, at(s, c->loc),
                               "`map unsafe` needs a reason, for those who read this later"),
                          "write `map unsafe \"why sharing this page is safe\"`");
        }
        break;
    default:
        break;
    }
}

void build_region(struct build *b, const struct scope *s, const struct ast *st, m_region_list *list,
                  struct map *specified)
{
    uint64_t first;
    struct m_region r = {.at = at(s, st->loc)};
    if (!build_which(b, s, &st->name, st->e, st->loc, &r.which))
        return;
    expand_body(b, s, st, region_clause, &r);
    if (!note_which(b, specified, AST_REGION, &r.which, list->n, &first)) {
        struct diag *d = diag(b->c->diags, E0324, r.at, "region %s is specified twice", which_text(b, &r.which));
        diag_note(d, list->at[first].at, "first here");
        diag_help(d, "combine both statements into one");
        return;
    }
    vec_push(draft_arena(b->c), list, r);
}

/* Reports `unsafe` without a `drop` that it could be about. */
static void check_unsafe_drop(struct build *b, struct src unsafe, bool drop)
{
    if (unsafe.loc.file && !drop)
        diag_help(diag(b->c->diags, E0428, unsafe, "`unsafe` is about nothing here"),
                  "it goes with `drop`, of what the guest's driver needs: `drop unsafe`");
}

/* ---- irq ---- */

static void irq_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_irq *i = opaque;
    if (st->kind == AST_TO)
        build_irq_to(b, s, st, &i->to);
    else if (st->kind == AST_DROP)
        i->drop = true;
    else if (st->kind == AST_UNSAFE)
        i->unsafe = at(s, st->loc);
    else if (st->kind == AST_FILE)
        i->file = eval_text(b, s, &st->name);
    if (i->file)
        i->file = file_name(b->c, i->file);
}

static void build_irq(struct build *b, const struct scope *s, const struct ast *st, struct m_part *part)
{
    struct m_irq irq = {.at = at(s, st->loc)};
    const struct item *i = st->items;
    if (!i || i->next) {
        diag_help(diag(b->c->diags, E0325, irq.at, "`irq` does not say which interrupt"),
                  "write its index or name first: `irq 0 to spi 40;` or `irq \"tx\" drop;`");
        return;
    }
    if (!build_which(b, s, &i->t, i->e, i->loc, &irq.which))
        return;
    expand_body(b, s, st, irq_clause, &irq);
    if (irq.drop && irq.to.set)
        diag_help(diag(b->c->diags, E0326, irq.at, "an interrupt is linked (`to`) or dropped, not both"),
                  "keep one of them");
    check_unsafe_drop(b, irq.unsafe, irq.drop);
    if (!irq.drop && !irq.to.set && !irq.file && !irq.unsafe.loc.file && !st->body)
        diag_help(diag(b->c->diags, E0327, irq.at, "this `irq` statement specifies nothing"),
                  "write `to [CHIP] [KIND] NUMBER [TRIGGER]` or `drop`");
    uint64_t first;
    if (!note_which(b, &part->specified, AST_IRQ, &irq.which, part->irqs.n, &first)) {
        struct diag *d = diag(b->c->diags, E0328, irq.at, "interrupt %s is specified twice", which_text(b, &irq.which));
        diag_note(d, part->irqs.at[first].at, "first here");
        diag_help(d, "keep one of them");
        return;
    }
    vec_push(draft_arena(b->c), &part->irqs, irq);
}

/* ---- ref ---- */

struct ref_build {
    struct m_ref r;
    struct src fate_at, write_at; // where the fate is, and the first `write`
};

static int by_offset(const void *a, const void *b)
{
    const struct shadow_write *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return src_compare(x->at, y->at);
}

static void report_writes(struct build *b, const struct shadow_write *w, const struct shadow_write *o)
{
    struct diag *d =
        o->hiword != w->hiword
            ? diag(b->c->diags, E0435, w->at, "register 0x%" PRIx32 " is written both with and without `hiword`",
                   w->offset)
            : diag(b->c->diags, E0435, w->at, "bits 0x%" PRIx32 " of register 0x%" PRIx32 " are specified twice",
                   o->mask & w->mask, w->offset);
    diag_note(d, o->at, "first here");
    diag_help(d, "write one mask for the register");
}

/* Sorts the registers of a statement. Reports bits that are named twice, and registers with and without `hiword`. */
static void check_writes(struct build *b, struct m_ref *r)
{
    if (r->writes.n)
        qsort(r->writes.at, r->writes.n, sizeof *r->writes.at, by_offset);
    uint32_t first = 0, taken = 0; // of the register at hand: its first entry, and the bits so far
    for (uint32_t i = 0; i < r->writes.n; i++) {
        const struct shadow_write *all = r->writes.at, *w = &all[i], *o = &all[first];
        if (w->offset != o->offset) {
            first = i;
            taken = w->mask;
            continue;
        }
        if (i == first) {
            taken = w->mask;
        } else if (w->hiword != o->hiword) {
            report_writes(b, w, o);
        } else if (w->mask & taken) { // at most 32 entries have no bit in common
            while (!(o->mask & w->mask))
                o++;
            report_writes(b, w, o);
            return;
        }
        taken |= w->mask;
    }
}

/* A `write` of a shadow. */
static void ref_write(struct build *b, const struct scope *s, const struct ast *st, struct m_ref *r)
{
    struct shadow_write w = {.hiword = st->sub, .at = at(s, st->loc)};
    uint64_t offset, mask;
    if (!eval_u64(b, s, st->e, &offset) || !eval_u64(b, s, st->e2, &mask))
        return;
    if (offset % 4 || offset > SHADOW_SIZE - 4) {
        struct diag *d =
            diag(b->c->diags, E0433, at(s, st->e->loc), "0x%" PRIx64 " is not the offset of a register: %s", offset,
                 offset % 4 ? "registers have 4 bytes" : "no shadow is that large");
        diag_help(d, "write %s",
                  offset % 4 ? "a multiple of 4" : "the offset from the start of the node's first region");
        return;
    }
    if (!mask || mask > (w.hiword ? UINT16_MAX : UINT32_MAX)) {
        struct diag *d = diag(b->c->diags, E0434, at(s, st->e2->loc), "0x%" PRIx64 " is no mask of bits %s to 0", mask,
                              w.hiword ? "15" : "31");
        diag_help(d, "write the bits that the device needs: 0x1..0x%" PRIx32,
                  w.hiword ? (uint32_t)UINT16_MAX : UINT32_MAX);
        return;
    }
    w.offset = (uint32_t)offset;
    w.mask = (uint32_t)mask;
    vec_push(draft_arena(b->c), &r->writes, w);
}

static bool ref_cells(struct build *b, const struct scope *s, const struct dts_value *v, struct m_ref *r)
{
    uint32_t n = v->len / 4;
    if (n > HOST_MAX_CELLS) {
        diag_help(diag(b->c->diags, E0401, at(s, v->loc), "a specifier of %u cells; the most is %d", n, HOST_MAX_CELLS),
                  "write as many cells as `#...-cells` of the node gives");
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        r->cells[i] = be32(v->data + i * 4);
    for (const struct dts_fixup *f = v->fixups; f; f = f->next) {
        struct dts_env env = {b->c, s->frame, s->via};
        uint64_t u;
        if (!f->e) {
            diag_help(diag(b->c->diags, E0413, at(s, f->loc), "the specifier of a reference holds numbers only"),
                      "write the property into an `edit`: there, values are device tree source");
            return false;
        }
        if (!dts_eval_frame(&env, f->e, &u))
            return false;
        if (u > UINT32_MAX && u < (uint64_t)INT32_MIN) {
            diag_help(diag(b->c->diags, E0903, at(s, f->loc), "0x%" PRIx64 " does not fit into a cell of 32 bits", u),
                      "write two cells, the high half first");
            return false;
        }
        r->cells[f->offset / 4] = (uint32_t)u;
    }
    r->ncells = n;
    r->has_cells = true;
    return true;
}

static void ref_to(struct build *b, const struct scope *s, const struct ast *st, struct m_ref *r)
{
    r->to = eval_text(b, s, &st->name);
    r->to_at = at(s, st->loc);
    r->to_kind = st->name.kind;
    bool node = st->name.kind == TEXT_LABEL || st->name.kind == TEXT_REFPATH;
    if (st->name.kind == TEXT_PATH)
        diag_help(diag(b->c->diags, E0404, r->to_at, "a reference goes to a node by label or `&{/path}`"),
                  "write `to &{%s}`", r->to);
    else if (!node)
        diag_help(diag(b->c->diags, E0404, r->to_at, "a reference goes to a node"),
                  "write `to &label` or `to &{/path}`, followed by `<cells>` where the provider needs them");
    if (!node || !r->to || (st->dts_cells && !ref_cells(b, s, st->dts_cells, r)))
        r->fate = FATE_DROP; // a message was enough
}

static void ref_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct ref_build *rb = opaque;
    struct m_ref *r = &rb->r;
    if (st->kind == AST_UNSAFE) {
        r->unsafe = at(s, st->loc);
        return;
    }
    if (st->kind == AST_WRITE) {
        rb->write_at = rb->write_at.loc.file ? rb->write_at : at(s, st->loc);
        ref_write(b, s, st, r);
        return;
    }
    if (r->fate != FATE_ERROR) {
        struct diag *d = diag(b->c->diags, E0402, at(s, st->loc), "a reference has one fate");
        diag_note(d, rb->fate_at, "it has this one already");
        diag_help(d, "remove one of them; to treat entries differently, specify each: `ref %s[0] ...`", r->property);
        return;
    }
    rb->fate_at = at(s, st->loc);
    switch (st->kind) {
    case AST_DROP:
        r->fate = FATE_DROP;
        break;
    case AST_KEEP:
        r->fate = FATE_KEEP;
        break;
    case AST_ASSIGN:
        r->fate = FATE_ASSIGN;
        break;
    case AST_COPY:
        r->fate = FATE_COPY;
        break;
    case AST_SHADOW:
        r->fate = FATE_SHADOW;
        break;
    case AST_FIXED:
        r->fate = FATE_FIXED;
        if (!st->e)
            break;
        if (!eval_u64(b, s, st->e, &r->fixed))
            r->fate = FATE_DROP;
        else if (r->fixed == 0 || r->fixed > UINT32_MAX)
            diag_help(diag(b->c->diags, E0403, at(s, st->e->loc),
                           "a fixed value of %" PRIu64 " is out of range: 1..4294967295", r->fixed),
                      "write a clock's rate in Hz (`24MHz`), a regulator's voltage in microvolts");
        break;
    case AST_TO:
        r->fate = FATE_TO;
        ref_to(b, s, st, r);
        break;
    default:
        break;
    }
}

static void build_ref(struct build *b, const struct scope *s, const struct ast *st, struct m_part *part)
{
    struct ref_build rb = {.r = {.at = at(s, st->loc), .property = eval_text(b, s, &st->name)}};
    struct m_ref *r = &rb.r;
    if (!r->property || (st->e && !eval_opt(b, s, st->e, &r->index)))
        return;
    uint32_t errors = diags_errors(b->c->diags);
    uint64_t lost = b->consts->lost;
    expand_body(b, s, st, ref_clause, &rb);
    check_writes(b, r);
    check_unsafe_drop(b, r->unsafe, r->fate == FATE_DROP || r->fate == FATE_ERROR);
    if (rb.write_at.loc.file && r->fate != FATE_SHADOW) {
        diag_help(diag(b->c->diags, E0431, rb.write_at, "`write` without `shadow`: the guest has no registers of it"),
                  "write `ref %s shadow { ... }`, or remove it", r->property);
        r->fate = FATE_DROP;
    }
    if (r->fate == FATE_ERROR) {
        r->fate = FATE_DROP; // one message is enough
        if (diags_errors(b->c->diags) == errors && b->consts->lost == lost)
            diag_help(diag(b->c->diags, E0405, r->at, "`ref %s` specifies nothing", r->property),
                      "write one of `drop`, `fixed RATE`, `assign`, `copy`, `shadow`, `to &node`, `keep`");
    }
    // Indices beyond all numbers of entries are told apart when the entries are counted.
    uint64_t first, key = !r->index.set ? 0 : r->index.value < UINT32_MAX ? r->index.value + 1 : UINT32_MAX;
    if (map_get(&part->ref_index, (uintptr_t)r->property, key, &first)) {
        struct diag *d = diag(b->c->diags, E0406, r->at, "the reference `%s` is specified twice", r->property);
        diag_note(d, part->refs.at[first].at, "first here");
        diag_help(d, "remove one of them");
        return;
    }
    map_put(draft_arena(b->c), &part->ref_index, (uintptr_t)r->property, key, part->refs.n);
    vec_push(draft_arena(b->c), &part->refs, *r);
}

/* ---- what is below ---- */

/* A node below `top` by a path from it; components may leave their unit address out where that is unambiguous. */
static const struct dt_node *find_below(struct build *b, const struct scope *s, const struct dt_node *top,
                                        const struct text *t, const char *path)
{
    const struct dt_tree *tree = b->model->host->tree;
    const struct dt_node *n = top;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        const struct dt_node *hit = dt_child(tree, n, intern_n(b->c->names, p, len));
        for (const struct dt_node *c = hit ? NULL : n->child; c; c = c->next) {
            if (strcspn(c->name, "@") != len || strncmp(c->name, p, len) != 0)
                continue;
            if (hit) {
                struct diag *d = diag(b->c->diags, E0330, at(s, t->loc), "`%s` is more than one node below %s", path,
                                      dt_path(b->c->arena, n));
                diag_help(d, "write its unit address: `%s` or `%s`", hit->name, c->name);
                return NULL;
            }
            hit = c;
        }
        if (!hit) {
            struct diag *d = diag(b->c->diags, E0329, at(s, t->loc), "there is no node `%.*s` below %s", (int)len, p,
                                  dt_path(b->c->arena, n));
            VEC(const char *) names = {0};
            for (const struct dt_node *c = n->child; c && names.n < 1000; c = c->next)
                vec_push(b->c->arena, &names, c->name);
            const char *near = diags_nearest(b->c->diags, arena_strndup(b->c->arena, p, len), names.at, names.n);
            if (near)
                diag_did_you_mean(d, "", arena_strndup(b->c->arena, p, len), near);
            else if (names.n)
                diag_help(d, names.n > 1 ? "below it are `%s` and others" : "below it is only `%s`", names.at[0]);
            else
                diag_help(d, "there is nothing below it");
            return NULL;
        }
        n = hit;
        p += len;
        p += *p == '/';
    }
    return n;
}

static struct m_part *part_of(struct build *b, struct m_passthrough *p, const struct dt_node *n, struct src where)
{
    uint64_t i;
    if (p->parts.at[0].node == n)
        return &p->parts.at[0];
    if (map_get(&p->part_index, (uintptr_t)n, 0, &i))
        return &p->parts.at[i];
    map_put(draft_arena(b->c), &p->part_index, (uintptr_t)n, 0, p->parts.n);
    struct m_part *part = vec_add(draft_arena(b->c), &p->parts);
    *part = (struct m_part){.node = n, .at = where};
    return part;
}

static bool without_holds(const struct m_passthrough *p, const struct dt_node *n)
{
    uint64_t one;
    for (; p->without.n && n; n = n->parent)
        if (map_get(&p->without, (uintptr_t)n, 0, &one))
            return true;
    return false;
}

const struct m_place m_nowhere;

struct part_ctx {
    struct m_passthrough *pass;
    uint32_t part;
    struct m_place *place;
};

static void part_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    const struct part_ctx *ctx = opaque;
    struct m_part *part = &ctx->pass->parts.at[ctx->part];
    switch (st->kind) {
    case AST_REGION:
        build_region(b, s, st, &part->regions, &part->specified);
        break;
    case AST_IRQ:
        build_irq(b, s, st, part);
        break;
    case AST_REF:
        build_ref(b, s, st, part);
        break;
    case AST_DMA:
        build_dma(b, s, st, part);
        break;
    case AST_EDIT:
        vec_push(draft_arena(b->c), &part->edits, ((struct m_edit){st->dts, at(s, st->loc), s->frame, NULL}));
        break;
    default:
        break;
    }
}

static void nothing_below(struct build *b, const struct scope *s, struct loc loc)
{
    struct diag *d = diag(b->c->diags, E0331, at(s, loc), "there is nothing below a device that has no host node");
    diag_help(d, "write the content of its guest node in the `edit`");
}

static void pass_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct part_ctx *ctx = opaque;
    struct m_passthrough *p = ctx->pass;
    const struct dt_node *top = p->parts.at[0].node;
    switch (st->kind) {
    case AST_AS:
        p->name = eval_name(b, s, &st->name);
        p->named = true;
        if (p->name && !declare(b, p->name, at(s, st->name.loc)))
            p->name = NULL;
        break;
    case AST_ONLY:
        p->only = true;
        if (!top)
            nothing_below(b, s, st->loc);
        break;
    case AST_WITHOUT:
        for (const struct item *i = st->items; i; i = i->next) {
            const char *path = eval_text(b, s, &i->t);
            const struct dt_node *n = path && top ? find_below(b, s, top, &i->t, path) : NULL;
            if (n)
                map_put(draft_arena(b->c), &p->without, (uintptr_t)n, 0, 1);
            else if (path && !top)
                nothing_below(b, s, i->loc);
        }
        break;
    case AST_UNDER:
        ctx->place->under = build_under(b, s, st);
        break;
    case AST_ON:
        ctx->place->bus = st->name.kind != TEXT_NONE ? eval_text(b, s, &st->name) : NULL;
        ctx->place->bus_at = at(s, st->loc);
        if (!ctx->place->bus)
            diag_help(diag(b->c->diags, E0332, ctx->place->bus_at, "host cpus belong to `cpus`"),
                      "write `vcpu 0` for a device that serves one vcpu, or `on pci0 slot 3` to place a PCI function");
        else if (p->kind != PASS_PCI)
            diag_help(
                diag(b->c->diags, E0333, ctx->place->bus_at, "only a `passthrough pci` goes into a slot of a PCI bus"),
                "write `under &bus` to put its node below another one");
        break;
    case AST_SLOT:
        if (eval_opt(b, s, st->e, &ctx->place->slot) && ctx->place->slot.value > 31)
            diag_help(
                diag(b->c->diags, E0334, ctx->place->slot.at, "a PCI bus has no slot %" PRIu64, ctx->place->slot.value),
                "it has slots 0 to 31; without `slot`, machc chooses a free one");
        break;
    case AST_VCPU:
        eval_opt(b, s, st->e, &ctx->place->vcpu);
        break;
    case AST_CHILD: {
        const char *path = eval_text(b, s, &st->name);
        if (path && !top)
            nothing_below(b, s, st->loc);
        const struct dt_node *n = path && top ? find_below(b, s, top, &st->name, path) : NULL;
        if (!n)
            break;
        part_of(b, p, n, at(s, st->loc));
        uint64_t i = 0;
        map_get(&p->part_index, (uintptr_t)n, 0, &i);
        struct part_ctx inner = {p, (uint32_t)i, ctx->place};
        expand_body(b, s, st, part_statement, &inner);
        break;
    }
    default:
        part_statement(b, s, st, opaque);
    }
}

static bool is_bdf(const char *s)
{
    // domain:bus:device.function, as in /sys/bus/pci/devices
    static const char shape[] = "hhhh:hh:hh.f";
    for (uint32_t i = 0; i < sizeof shape; i++) {
        char c = s[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (shape[i] == 'h' ? !hex : shape[i] == 'f' ? !(c >= '0' && c <= '7') : c != shape[i])
            return false;
    }
    return true;
}

static void bad_bdf(struct build *b, struct src where, const char *what)
{
    struct diag *d = diag(b->c->diags, E0337, where, "`%s` is not the address of a PCI function", what);
    char *full = arena_printf(b->c->arena, "%s%s", strlen(what) == strlen("01:00.0") ? "0000:" : "", what);
    for (char *s = full; *s; s++)
        *s = *s >= 'A' && *s <= 'F' ? (char)(*s + ('a' - 'A')) : *s;
    if (!is_bdf(full)) {
        diag_help(d, "write it as sysfs does: `0000:01:00.0`");
        return;
    }
    diag_help(d, "write `%s`, as sysfs does", full);
    diag_respell(d, what, full);
}

static const char *default_name(struct build *b, const struct m_passthrough *p, const struct text *t)
{
    const struct dt_node *n = p->parts.at[0].node;
    const char *name = p->host_name;
    if (n)
        return t->kind == TEXT_LABEL ? t->s : n->labels ? n->labels->name : n->name;
    return name ? intern(b->c->names, name) : NULL;
}

void name_passthroughs(struct build *b)
{
    struct m_machine *m = b->machine;
    map_expect(draft_arena(b->c), &m->named, m->named.n + m->passthroughs.n);
    for (uint32_t i = 0; i < m->passthroughs.n; i++) {
        struct m_passthrough *p = m->passthroughs.at[i];
        const struct dt_node *n = p->parts.at[0].node;
        if (p->named)
            continue;
        bool chip = m->platform && !m->irqchips.n && !strcmp(p->name, m->platform->irqchip_name);
        if (!(n && chip) && !map_addp(draft_arena(b->c), &m->named, p->name, NULL, &p->at))
            continue;
        if (n) {
            p->name = intern(b->c->names, dt_path(b->c->arena, n));
            map_addp(draft_arena(b->c), &m->named, p->name, NULL, &p->at); // else twice: the planner says so
        }
    }
}

void build_passthrough(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_machine *m = b->machine;
    struct m_passthrough p = {.kind = st->sub, .at = at(s, st->loc)};
    const char *what = eval_text(b, s, &st->name);
    struct m_part *top = vec_add(draft_arena(b->c), &p.parts);
    top->at = at(s, st->name.kind == TEXT_NONE ? st->loc : st->name.loc);
    if (p.kind != PASS_RAW && !what)
        return;
    if (p.kind == PASS_NODE) {
        if (!b->model->host) {
            if (!b->host && !b->c->host_file && !b->c->host && !b->consts->incomplete && !b->told_no_host) {
                b->told_no_host = true;
                struct diag *d = diag(b->c->diags, E0335, top->at,
                                      "a node of the host cannot be found: the file names no host tree");
                diag_help(
                    d,
                    "write `host \"board.dtb\";` at the top, or assign it by its name: `passthrough platform \"...\"`");
            }
            m->incomplete = true; // the host's tree could not be read
            return;
        }
        if (is_guess(st)) {
            m->incomplete = true;
            return;
        }
        top->node = host_find(b->c, b->model->host, &st->name, what, top->at);
        if (!top->node)
            return;
        if (!top->node->parent) {
            diag_help(diag(b->c->diags, E0336, top->at, "the root of the host's tree cannot be passed through"),
                      "name the devices below it");
            return;
        }
    } else {
        p.host_name = what;
        b->model->bare_names = true;
        if (p.kind == PASS_PCI && !is_bdf(what))
            bad_bdf(b, top->at, what);
        if (p.kind == PASS_PLATFORM && (!*what || strchr(what, '/')))
            diag_help(diag(b->c->diags, E0338, top->at, "\"%s\" is not the name of a platform device", what),
                      "write it as in /sys/bus/platform/devices: \"fff51000.ethernet\"");
    }
    struct m_place place = {0};
    struct part_ctx ctx = {&p, 0, &place};
    expand_body(b, s, st, pass_statement, &ctx);
    if (p.only && p.without.n)
        diag_help(
            diag(b->c->diags, E0339, p.at, "`only` takes the node alone; `without` has nothing left to leave out"),
            "keep one of them");
    if (place.slot.set && !place.bus_at.loc.file)
        diag_help(diag(b->c->diags, E0388, place.slot.at, "slot %" PRIu64 " without a bus", place.slot.value),
                  "write `on BUS slot %" PRIu64 "`, BUS a device of the machine", place.slot.value);
    if (place.under.name && place.bus)
        diag_help(diag(b->c->diags, E0384, place.under.at, "a node is put `under` one node or `on` a bus, not both"),
                  "keep one of them");
    for (uint32_t i = 1; i < p.parts.n; i++)
        if (p.only || without_holds(&p, p.parts.at[i].node))
            diag_help(diag(b->c->diags, E0340, p.parts.at[i].at, "%s is specified, but left out",
                           dt_path(b->c->arena, p.parts.at[i].node)),
                      p.only ? "remove `only`, or this `child`" : "remove it from `without`, or remove this `child`");
    if (!p.named)
        p.name = default_name(b, &p, &st->name);
    if (p.kind == PASS_RAW && !p.named)
        diag_help(diag(b->c->diags, E0341, p.at, "a raw device has no name of its own"),
                  "write `passthrough raw as NAME { ... }`");
    if (!p.name)
        return;
    struct m_passthrough *kept = NEW(draft_arena(b->c), struct m_passthrough);
    *kept = p;
    kept->place = &m_nowhere;
    if (place.under.name || place.bus || place.slot.set || place.vcpu.set) {
        struct m_place *said = NEW(draft_arena(b->c), struct m_place);
        *said = place;
        kept->place = said;
    }
    vec_push(draft_arena(b->c), &m->passthroughs, kept);
}
