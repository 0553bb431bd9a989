// SPDX-License-Identifier: MIT
// Runs the solver for a PAMU's windows, and reports which rule fails and the nearest solution.
#include "dma/dma.h"

#include <inttypes.h>

static const char *span_text(struct machine_planner *p, uint64_t first, uint64_t size)
{
    return arena_printf(p->c->arena, "0x%" PRIx64 "..0x%" PRIx64, first, first + (size - 1));
}

/* Adds a help to move one mapping. Returns false if no single move is enough. */
static bool help_move(struct machine_planner *p, const struct p_dma *dma, const map_list *maps,
                      const struct pamu_problem *q, struct diag *d)
{
    struct pamu_move move;
    if (!pamu_nearest(q, &move))
        return false;
    diag_help(d, "write `%s`: then %u sub-window%s %s", move_map_text(p->file, dma, &maps->at[move.which], move.iova),
              move.subwindows, move.subwindows == 1 ? "" : "s", move.subwindows == 1 ? "is enough" : "are enough");
    return true;
}

/* Whether the wider window of the answer has a solution and maps no more memory, so that a fix-it can write it. */
static bool is_wider_window_safe(struct machine_planner *p, const struct p_dma *dma, const struct pamu_problem *q,
                                 const struct pamu_answer *a)
{
    struct p_dma old = *dma, wider = *dma;
    map_list before = {0}, after = {0};
    struct pamu_problem r = *q;
    r.window = wider.window = a->window;
    r.size = wider.size = a->size;
    if (!dma->written) {
        add_all_memory(p, &old, &before, true);
        add_all_memory(p, &wider, &after, true);
    }
    return before.n == after.n && !pamu_solve(&r, NULL).why;
}

static void report_window(struct machine_planner *p, const struct p_dma *dma, const struct m_channel *how,
                          const struct pamu_problem *q, const struct pamu_answer *a)
{
    struct diag *d = diag(
        p->c->diags, E0648, dma->at,
        "the size of a PAMU's window is a power of two from 4K to 64G, and its start a multiple of it: not 0x%" PRIx64
        " bytes at 0x%" PRIx64,
        dma->size, dma->window);
    if (a->size > pamu_hardware.most || a->window != dma->window / a->size * a->size || a->size < dma->size) {
        diag_help(d, "choose device addresses up to 0x%" PRIx64, pamu_hardware.most - 1);
    } else {
        diag_help(d, "write `window 0x%" PRIx64 " size 0x%" PRIx64 "`, the smallest window that contains it", a->window,
                  a->size);
        if (how && diag_is_number(d, how->window.at) && diag_is_number(d, how->size.at) &&
            is_wider_window_safe(p, dma, q, a)) {
            if (a->window != dma->window)
                diag_fix(d, how->window.at.loc, "0x%" PRIx64, a->window);
            if (a->size != dma->size)
                diag_fix(d, how->size.at.loc, "0x%" PRIx64, a->size);
        }
    }
}

static void report_start(struct machine_planner *p, const struct p_dma *dma, const map_list *maps,
                         const struct pamu_problem *q, const struct pamu_answer *a)
{
    const struct p_dma_map *m = &maps->at[a->which];
    struct diag *d = diag_map(p->file, dma, m, E0650,
                              arena_printf(p->c->arena, "%s at 0x%" PRIx64 " does not start at a sub-window",
                                           mapped_text(p->file, m), m->iova));
    diag_label(d, "%s", span_text(p, m->iova, m->size));
    diag_fact(d, "the smallest valid window is %s; with %u sub-windows, the maximum, each has 0x%" PRIx64 " bytes",
              span_text(p, a->window, a->size), a->subwindows, a->size / a->subwindows);
    note_limits(p->file, d);
    if (!help_move(p, dma, maps, q, d))
        diag_help(d, "start each mapping at a multiple of 0x%" PRIx64 ", or move them closer together",
                  a->size / a->subwindows);
}

/* Reports a written number of sub-windows that is unsuitable, if another number is a solution. False: none is. */
static bool report_unsuitable_number(struct machine_planner *p, const struct p_dma *dma, const struct m_channel *how,
                                     const map_list *maps, const struct pamu_problem *q, const struct pamu_answer *a)
{
    struct pamu_problem free = *q;
    free.subwindows = 0;
    struct pamu_answer b = pamu_solve(&free, NULL);
    if (b.why)
        return false;
    const struct p_dma_map *m = &maps->at[a->which];
    const char *what = "is not contiguous and aligned in one";
    if (a->why == PAMU_FULL)
        what = "needs one of its own";
    else if (a->why == PAMU_START)
        what = "does not start at one";
    struct diag *d = diag_map(p->file, dma, m, E0653,
                              arena_printf(p->c->arena, "%u sub-windows of 0x%" PRIx64 " bytes are unsuitable: %s %s",
                                           q->subwindows, q->size / q->subwindows, mapped_text(p->file, m), what));
    diag_help(d, "write `subwindows %u`, or remove it", b.subwindows);
    if (how && diag_is_number(d, how->subwindows.at))
        diag_fix(d, how->subwindows.at.loc, "%u", b.subwindows);
    return true;
}

static void report_alignment(struct machine_planner *p, const struct p_dma *dma, const map_list *maps,
                             const struct pamu_problem *q, const struct pamu_answer *a)
{
    const struct p_dma_map *m = &maps->at[a->which];
    uint64_t host = q->want[a->which].host, down = host & ~(a->piece - 1);
    struct diag *d = diag_map(p->file, dma, m, E0651,
                              arena_printf(p->c->arena,
                                           "%s is at 0x%" PRIx64 " on the host, but a sub-window maps 0x%" PRIx64
                                           " bytes of it: its host address must be a multiple of that",
                                           mapped_text(p->file, m), host, a->piece));
    diag_fact(d, "the window is %s; with %u sub-windows, the maximum, each has 0x%" PRIx64 " bytes",
              span_text(p, a->window, a->size), a->subwindows, a->size / a->subwindows);
    note_limits(p->file, d);
    if (m->what == MAP_MEMORY && m->memory->m->backing == BACK_PHYSICAL && !m->offset)
        diag_help(d, "write `from physical 0x%" PRIx64 "` or `from physical 0x%" PRIx64 "`", down, down + a->piece);
    else if (!help_move(p, dma, maps, q, d))
        diag_help(d, "map from an offset that is a multiple of 0x%" PRIx64, a->piece);
}

static void report_chunk(struct machine_planner *p, const struct p_dma *dma, const map_list *maps,
                         const struct pamu_problem *q, const struct pamu_answer *a)
{
    const struct p_dma_map *m = &maps->at[a->which];
    struct diag *d = diag_map(p->file, dma, m, E0652,
                              arena_printf(p->c->arena,
                                           "a sub-window maps 0x%" PRIx64
                                           " bytes of %s, which is contiguous on the host only in pieces of 0x%" PRIx64,
                                           a->piece, mapped_text(p->file, m), q->want[a->which].chunk));
    note_limits(p->file, d);
    diag_help(d,
              "write `from physical 0x...`, at a multiple of 0x%" PRIx64
              "; or `from hugetlb SIZE`, with pages of 0x%" PRIx64 " bytes or more",
              a->piece, a->piece);
}

static void report_high(struct machine_planner *p, const struct p_dma *dma, const struct p_dma_map *m)
{
    struct diag *d = diag_map(p->file, dma, m, E0649,
                              arena_printf(p->c->arena, "%s at %s is beyond what a PAMU can address",
                                           mapped_text(p->file, m), span_text(p, m->iova, m->size)));
    diag_help(d, "map it at a lower address: device addresses end at 0x%" PRIx64, pamu_hardware.most - 1);
}

static void report_full(struct machine_planner *p, const struct p_dma *dma, const struct p_dma_map *m)
{
    struct diag *d = diag(p->c->diags, E0641, m->at, "no free sub-window is left for %s, which needs one of its own",
                          mapped_text(p->file, m));
    if (dma->has_window)
        diag_note(d, dma->at, "the window is %s", span_text(p, dma->window, dma->size));
    note_limits(p->file, d);
    diag_help(d, "make the window larger, or map less");
}

bool solve_windows(struct machine_planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps)
{
    struct dma_want *want = arena_array(draft_arena(p->c), maps->n, sizeof *want);
    uint64_t *place = arena_array(draft_arena(p->c), maps->n, sizeof *place);
    for (uint32_t i = 0; i < maps->n; i++)
        want[i] = want_of(p->file, &maps->at[i]);
    struct pamu_problem q = {.limits = pamu_limits(p->file),
                             .want = want,
                             .n = maps->n,
                             .has_window = dma->has_window,
                             .window = dma->window,
                             .size = dma->size,
                             .subwindows = dma->subwindows};
    struct pamu_answer a = pamu_solve(&q, place);
    bool reported = a.why >= PAMU_START && q.subwindows && report_unsuitable_number(p, dma, how, maps, &q, &a);
    if (!reported && a.why == PAMU_HIGH)
        report_high(p, dma, &maps->at[a.which]);
    else if (!reported && a.why == PAMU_WINDOW)
        report_window(p, dma, how, &q, &a);
    else if (!reported && a.why == PAMU_START)
        report_start(p, dma, maps, &q, &a);
    else if (!reported && a.why == PAMU_ALIGNED)
        report_alignment(p, dma, maps, &q, &a);
    else if (!reported && a.why == PAMU_CHUNK)
        report_chunk(p, dma, maps, &q, &a);
    else if (!reported && a.why == PAMU_FULL)
        report_full(p, dma, &maps->at[a.which]);
    if (a.why)
        return false; // PAMU_OUTSIDE has been reported as E0626 for the `map` statement
    dma->has_window = true;
    dma->window = a.window;
    dma->size = a.size;
    dma->subwindows = a.subwindows;
    dma->whole = a.whole;
    for (uint32_t i = 0; i < maps->n; i++) {
        maps->at[i].iova = place[i];
        maps->at[i].granted = pamu_granted(&want[i], a.size / a.subwindows);
    }
    return true;
}

/* ---- LIODNs ---- */

void check_liodns(struct machine_planner *p, const struct p_dma *dma, const struct m_channel *how)
{
    if (dma->way != IOMMU_WINDOWS && iommu_way(p->file) != IOMMU_WINDOWS)
        return;
    uint32_t n = dma->ids ? dma->ids->len / 4 : 0;
    const char *name = dma->ids ? dma->ids->name : NULL;
    if (dma->ids && dma->has_liodn_index && dma->liodn_index >= n) {
        struct diag *d = diag(p->c->diags, E0655, how ? how->liodn_index.at : dma->at,
                              "`%s` has no LIODN with the index %u", dma->device->name, dma->liodn_index);
        diag_fact(d, "%s: `%s` has %u entries", p->host->file, name, n);
        if (n)
            diag_help(d, "write a valid index: the highest one is %u", n - 1);
        else
            diag_help(d, "take the tree from the running board: firmware adds the property at boot");
        if (n == 1)
            diag_fix_number(d, "0");
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = dt_cell(dma->ids, i);
        if (id < pamu_hardware.liodns || (dma->has_liodn_index && i != dma->liodn_index))
            continue;
        struct diag *d =
            diag(p->c->diags, E0654, dma->at, "LIODN %u of `%s` exceeds the PAMU's table, which ends at %u", id,
                 dma->device->name, pamu_hardware.liodns - 1);
        diag_fact(d, "%s: `%s` of %s", p->host->file, name, dt_path(p->c->arena, dma->device->host));
        diag_help(d, "correct the host's tree, where firmware adds the property, or write `dma none;`");
        return;
    }
}
