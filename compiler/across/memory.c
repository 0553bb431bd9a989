// SPDX-License-Identifier: MIT
// Checks memory and files: both ends of a share are the same, and what is not shared has one owner.
#include "across/owners.h"
#include "plan/describe.h"

#include <inttypes.h>

static void check_share(struct planner *p, const struct p_memory *a, const struct p_memory *b)
{
    struct diag *d = NULL;
    if (a->size != b->size) {
        d = diag(p->c->diags, E0526, a->m->share_at,
                 "both ends of \"%s\" must be the same size: 0x%" PRIx64 " here, 0x%" PRIx64 " there", a->m->share,
                 a->size, b->size);
        diag_note(d, b->m->share_at, "the other end is here");
        diag_help(d, "write `size 0x%" PRIx64 "` at both ends", b->size);
    } else if (a->m->backing != b->m->backing || a->m->back_arg.value != b->m->back_arg.value ||
               (a->m->file && b->m->file && name_of_part(p, a->m->file) != name_of_part(p, b->m->file))) {
        d = diag(p->c->diags, E0527, a->m->share_at, "both ends of \"%s\" must come from the same memory", a->m->share);
        diag_note(d, b->m->share_at, "the other end is here");
        if (b->m->backing == BACK_PHYSICAL)
            diag_help(d, "write `from physical 0x%" PRIx64 "` at both ends", b->m->back_arg.value);
        else
            diag_help(d, "write the same `from` at both ends");
    }
}

void report_memory(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct p_memory *x = a->by, *y = b->by;
    uint64_t where = a->first > b->first ? a->first : b->first;
    struct diag *d =
        diag(p->c->diags, E0528, x->m->at, "memory `%s` of `%s` and `%s` of `%s` use the same memory of the host, %s",
             x->m->name, a->machine->name, y->m->name, b->machine->name,
             a->in ? arena_printf(p->c->arena, "starting at offset 0x%" PRIx64 " of \"%s\"", where, x->m->file)
                   : arena_printf(p->c->arena, "starting at 0x%" PRIx64, where));
    diag_note(d, y->m->at, "the other one is here");
    diag_help(d, "move one of them, or write `share \"NAME\"` at both ends if this is intended");
}

/* Reports shares that one memory of all machines is an end of. Machines with errors are not planned, but have ends. */
static void check_ends(struct planner *p)
{
    struct map ends = {0}; // interned name of the share -> the struct m_memory; NULL: there are several
    for (uint32_t pass = 0; !p->model->incomplete && pass < 2; pass++)
        for (uint32_t i = 0; i < p->model->machines.n; i++)
            for (uint32_t k = 0; k < p->model->machines.at[i]->memory.n; k++) {
                const struct m_memory *m = &p->model->machines.at[i]->memory.at[k];
                uint64_t known;
                if (!m->share)
                    continue;
                bool again = map_get(&ends, (uintptr_t)m->share, 0, &known);
                if (!pass)
                    map_put(draft_arena(p->c), &ends, (uintptr_t)m->share, 0, again ? 0 : (uintptr_t)m);
                else if (known)
                    diag_help(diag(p->c->diags, W1026, m->share_at, "`share \"%s\"` has no other end", m->share),
                              "write the same `share` in the other machine, or remove it");
            }
}

void check_memory(struct planner *p)
{
    struct map shares = {0};
    check_ends(p);
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *mem = &m->memory.at[k];
            if (!mem->m->share)
                continue;
            const struct p_memory *other = map_getp(&shares, mem->m->share, NULL);
            if (other)
                check_share(p, mem, other);
            else
                map_putp(draft_arena(p->c), &shares, mem->m->share, NULL, mem);
        }
    }
}

/* ---- files ---- */

/*
 * Each part of a file is used once: by memory, or by a region or an interrupt of a raw device. Offsets in /dev/mem are
 * physical addresses and belong to the other space.
 */
void collect_files(struct planner *p, struct owner_table *t)
{
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *g = &m->memory.at[k];
            uint64_t from = g->m->back_arg.value;
            if (g->size && g->m->backing == BACK_FILE && g->m->file && from + (g->size - 1) >= from)
                add_owned(t, &(struct owned){from, from + (g->size - 1), name_of_part(p, g->m->file), g, m, &g->m->at,
                                             OWN_FILE, OWN_IS_MEMORY});
        }
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            for (uint32_t r = 0; d->kind == DEV_RAW && r < d->regions.n; r++) {
                const struct p_region *g = d->regions.at[r];
                if (g->file && g->size && strcmp(g->file, "/dev/mem") != 0 && g->offset + (g->size - 1) >= g->offset)
                    add_owned(t, &(struct owned){g->offset, g->offset + (g->size - 1), name_of_part(p, g->file), g, m,
                                                 &g->at, OWN_FILE, OWN_IS_REGION});
            }
            for (uint32_t r = 0; d->kind == DEV_RAW && r < d->irqs.n; r++) {
                const struct p_irq *g = d->irqs.at[r];
                if (g->file && !g->drop)
                    add_owned(t, &(struct owned){0, UINT64_MAX, name_of_part(p, g->file), g, m, &g->at, OWN_FILE,
                                                 OWN_IS_IRQ});
            }
        }
    }
}

static const char *owner_text(struct planner *p, const struct owned *o)
{
    if (o->what == OWN_IS_MEMORY)
        return arena_printf(p->c->arena, "memory `%s`", ((const struct p_memory *)o->by)->m->name);
    if (o->what == OWN_IS_IRQ)
        return describe_irq(p->c, o->by);
    const struct p_region *r = o->by;
    return arena_printf(p->c->arena, "region %u of `%s`", r->index, r->device->name);
}

void report_files(struct planner *p, const struct owned *a, const struct owned *b)
{
    if (a->what == OWN_IS_MEMORY && b->what == OWN_IS_MEMORY) {
        report_memory(p, a, b);
        return;
    }
    struct diag *d = diag(p->c->diags, E1004, *a->at, "%s and %s come from the same part of \"%s\"", owner_text(p, a),
                          owner_text(p, b), (const char *)a->in);
    diag_note(d, *b->at, "the other one is here");
    diag_help(d, "remove one of them, or write another `offset`: each part of a file has one owner");
}
