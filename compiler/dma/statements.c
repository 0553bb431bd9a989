// SPDX-License-Identifier: MIT
// Plans the `dma` statements of each device.
#include "dma/dma.h"

#include <inttypes.h>

/* ---- one domain ---- */

static struct p_dma *new_domain(struct machine_planner *p, struct p_device *d, uint8_t mode, const char *name,
                                struct src where)
{
    struct p_dma *dma = NEW(p->c->arena, struct p_dma);
    dma->device = d;
    dma->mode = mode;
    dma->name = name;
    dma->at = where;
    dma->endpoint = UINT32_MAX;
    vec_push(p->c->arena, &d->dmas, dma);
    return dma;
}

/* Solves the mappings for the host's IOMMU and stores them in `dma`. Returns false after messages. */
static bool solve_maps(struct machine_planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps)
{
    dma->way = iommu_way(p->file);
    if (!maps->n)
        return true;
    join_maps(p->file, maps);
    bool ok;
    if (dma->way == IOMMU_WINDOWS)
        ok = solve_windows(p, dma, how, maps);
    else if (dma->way == IOMMU_TCES)
        ok = solve_tces(p, dma, maps);
    else
        ok = solve_tables(p, dma, maps);
    if (!ok)
        return false;
    sort_maps(maps); // the solver has given addresses to banks
    struct p_dma_map *list = arena_array(p->c->arena, maps->n, sizeof *list);
    memcpy(list, maps->at, maps->n * sizeof *list);
    dma->maps = list;
    dma->nmaps = maps->n;
    // A PAMU may map more than was asked for. Whose memory that is can be checked when all machines are planned.
    for (uint32_t i = 0; i < dma->nmaps; i++)
        if (list[i].granted > list[i].size)
            vec_push(draft_arena(p->c), &p->file->iommu->over_grants,
                     ((struct over_grant){p->m, dma, &list[i],
                                          dma->size / (dma->size / 4096 < 256 ? dma->size / 4096 : 256)}));
    return true;
}

/* What another dma reaches, at the same device addresses. */
static void copy_reach(struct p_dma *to, const struct p_dma *from)
{
    to->way = from->way;
    to->maps = from->maps;
    to->nmaps = from->nmaps;
    to->has_window = from->has_window;
    to->window = from->window;
    to->size = from->size;
    to->subwindows = from->subwindows;
    to->whole = from->whole;
    to->page_shift = from->page_shift;
}

/* All memory: solved for the first device of the machine, and the same for all others at the same addresses. */
static void map_all_memory(struct machine_planner *p, struct p_dma *dma)
{
    struct machine_dma *w = p->dma;
    bool translated = guest_reach(p, dma->device).bus; // then it has device addresses of its own
    if (!w->all || translated) {
        map_list maps = {0};
        bool ok = add_all_memory(p, dma, &maps, false);
        if (!translated)
            w->all = dma;
        if (ok)
            solve_maps(p, dma, NULL, &maps);
        return;
    }
    copy_reach(dma, w->all);
}

/* Reports a clause that the host's IOMMU cannot use, which would otherwise be ignored silently. */
static void report_foreign_clause(struct machine_planner *p, struct src at, const char *clause, const char *of,
                                  const char *instead)
{
    static const char *const ways[] = {"page tables", "PAMU windows", "TCE windows"};
    struct diag *d = diag(p->c->diags, E0664, at, "`%s` is for %s, but the host's IOMMU has %s", clause, of,
                          ways[iommu_way(p->file)]);
    diag_help(d, "%s", instead);
}

static void check_clauses(struct machine_planner *p, const struct m_channel *h)
{
    static const char leave[] = "remove it, or write `iommu pamu` in the `host` statement if the board has one";
    uint8_t way = iommu_way(p->file);
    if (is_iommu_unknown(p->file))
        return;
    if (h->subwindows.set && way != IOMMU_WINDOWS)
        report_foreign_clause(p, h->subwindows.at, "subwindows", "a PAMU", leave);
    if (h->liodn_index.set && way != IOMMU_WINDOWS)
        report_foreign_clause(p, h->liodn_index.at, "liodn-index", "a PAMU", leave);
    if (h->operation.set && way != IOMMU_WINDOWS)
        report_foreign_clause(p, h->operation.at, "operation", "a PAMU", leave);
    if (h->stream.set && way != IOMMU_PAGE_TABLES)
        report_foreign_clause(p, h->stream.at, "stream", "page tables",
                              way == IOMMU_WINDOWS ? "write `liodn-index N`, the index of the device's LIODN"
                                                   : "remove it");
}

static void apply_clauses(struct machine_planner *p, struct p_dma *dma, const struct m_channel *h)
{
    const struct dev_class *class = dma->device->class;
    dma->has_window = h->window.set && h->size.set;
    dma->window = h->window.value;
    dma->size = h->size.value;
    dma->subwindows = (uint32_t)h->subwindows.value;
    if (h->subwindows.set) {
        uint64_t n = h->subwindows.value, least = pamu_hardware.least;
        uint32_t most = pamu_limits(p->file)->subwindows;
        if (!n || (n & (n - 1)) || n > most) {
            struct diag *d =
                diag(p->c->diags, E0633, h->subwindows.at,
                     "%" PRIu64 " sub-windows are not possible: the number is a power of two from 1 to %u", n, most);
            note_limits(p->file, d);
            diag_help(d, "remove `subwindows` to let machc compute the number");
        } else if (dma->has_window && dma->size / n < least)
            diag_help(diag(p->c->diags, E0633, h->subwindows.at,
                           "%" PRIu64 " sub-windows of 0x%" PRIx64 " bytes would be smaller than a page each", n,
                           dma->size),
                      "write `subwindows %" PRIu64 "` or fewer", dma->size / least);
    }
    dma->has_liodn_index = h->liodn_index.set;
    dma->liodn_index = (uint32_t)h->liodn_index.value;
    dma->has_stream = h->stream.set;
    dma->stream = (uint32_t)h->stream.value;
    dma->has_operation = h->operation.set;
    dma->operation = (uint32_t)h->operation.value;
    bool mapped = dma->mode == DMA_ALL || dma->mode == DMA_WINDOW;
    if (!dma->has_operation && class && class->dma_operation && mapped && iommu_way(p->file) == IOMMU_WINDOWS)
        dma->has_operation = operation_named(class->dma_operation, &dma->operation);
    if (h->stash.kind != STASH_NONE)
        plan_stash(p, dma, &h->stash);
}

/* Sets the ids of the device's node, or of the nearest node above it that has ids. */
static void set_ids(struct machine_planner *p, struct p_dma *dma)
{
    for (const struct dt_node *n = dma->device->host; n && !dma->ids; n = n->parent)
        dma->ids = dma_ids_of(p->file, n);
}

/* Reports two statements of a device for the same stream or LIODN. */
static void check_streams(struct machine_planner *p, const struct p_device *d, const struct m_part *part)
{
    struct map seen = {0}; // (0: LIODN index, 1: stream; number) -> opt_u64
    for (uint32_t i = 0; i < part->dmas.n; i++) {
        const struct m_channel *h = part->dmas.at[i].how;
        const struct opt_u64 *numbers[] = {&h->liodn_index, &h->stream};
        for (uint32_t k = 0; k < 2; k++) {
            uint64_t first;
            if (!numbers[k]->set)
                continue;
            if (!map_get(&seen, k, numbers[k]->value, &first)) {
                map_put(draft_arena(p->c), &seen, k, numbers[k]->value, (uintptr_t)numbers[k]);
                continue;
            }
            struct diag *g = diag(p->c->diags, E0634, numbers[k]->at, "%s %" PRIu64 " of `%s` has two `dma` statements",
                                  k ? "stream" : "LIODN", numbers[k]->value, d->name);
            diag_note(g, ((const struct opt_u64 *)(uintptr_t)first)->at, "the first is here");
            diag_help(g, "combine both into one statement, or change one of the numbers");
        }
    }
}

static void map_window(struct machine_planner *p, struct p_dma *dma, const struct m_dma *m)
{
    map_list maps = {0};
    uint32_t errors = diags_errors(p->c->diags);
    dma->written = m->maps.n != 0;
    if (dma->written) {
        add_written_maps(p, dma, m, &maps);
    } else if (dma->has_window) {
        add_all_memory(p, dma, &maps, true);
        if (!maps.n) {
            struct diag *g =
                diag(p->c->diags, E0637, m->at, "no memory region lies in the window 0x%" PRIx64 "..0x%" PRIx64,
                     dma->window, dma->window + (dma->size - 1));
            diag_help(g, "make it large enough for a whole memory, or write what it maps: `{ map region 0; }`");
        }
    }
    if (diags_errors(p->c->diags) == errors)
        solve_maps(p, dma, m->how, &maps);
}

/* What shows that a device of the host accesses memory by itself; NULL: nothing does. */
static const char *why_master(struct machine_planner *p, const struct p_device *d)
{
    static const char *const properties[] = {"iommus", "dma-coherent", "dma-noncoherent"};
    if (d->kind == DEV_PCI)
        return "any PCI function can be made a bus master by its driver";
    for (size_t i = 0; d->host && i < sizeof properties / sizeof *properties; i++)
        if (dt_prop(p->host->tree, d->host, intern(p->c->names, properties[i])))
            return arena_printf(p->c->arena, "%s: %s has `%s`", p->host->file, dt_path(p->c->arena, d->host),
                                properties[i]);
    return NULL;
}

/* Whether the generic name of its node says the same. */
static bool is_named_as_master(struct machine_planner *p, const struct p_device *d)
{
    uint64_t one;
    const char *name = d->host ? d->host->name : "";
    return map_get(&p->schemas->masters, (uintptr_t)intern_n(p->c->names, name, strcspn(name, "@")), 0, &one);
}

/* With page tables or none, nothing stops a device that is not behind an IOMMU; a PAMU knows no other LIODNs. */
static bool is_unrestricted(struct machine_planner *p, const struct p_device *d)
{
    return iommu_way(p->file) == IOMMU_PAGE_TABLES && !is_behind_iommu(p->file, d);
}

/* The statement for a device without an IOMMU that does no DMA. */
static const char *none_text(struct machine_planner *p, const struct p_device *d)
{
    bool trust = is_unrestricted(p, d) && (why_master(p, d) || is_named_as_master(p, d));
    return trust ? "dma none unsafe;" : "dma none;";
}

static void plan_statement(struct machine_planner *p, struct p_device *d, const struct m_dma *m)
{
    struct p_dma *dma = new_domain(p, d, m->mode, m->mode == DMA_WINDOW ? m->name : NULL, m->at);
    uint32_t errors = diags_errors(p->c->diags);
    bool free = m->mode == DMA_NONE || m->mode == DMA_IDENTITY || m->mode == DMA_BUS || m->mode == DMA_POOL;
    if (!free && !is_behind_iommu(p->file, d)) {
        struct diag *g = diag(p->c->diags, E0636, m->at,
                              "`%s` is not behind an IOMMU, so it cannot be restricted to what is mapped", d->name);
        note_iommu(p->file, d, g);
        diag_help(
            g,
            "write `%s` if it does no DMA, or `dma bus unsafe;` if you trust the guest with all of the host's memory",
            none_text(p, d));
        return;
    }
    if (m->mode == DMA_ALL || m->mode == DMA_WINDOW)
        check_clauses(p, m->how);
    apply_clauses(p, dma, m->how);
    if (m->mode == DMA_IDENTITY)
        check_identity(p, m);
    else if (m->mode == DMA_GUEST_IOMMU)
        use_guest_iommu(p, dma, m->name, m->at);
    else if (m->mode == DMA_BUS || m->mode == DMA_POOL)
        check_bus_statement(p, dma);
    if (m->mode != DMA_ALL && m->mode != DMA_WINDOW)
        return;
    set_ids(p, dma);
    check_liodns(p, dma, m->how);
    if (m->mode == DMA_ALL)
        map_all_memory(p, dma);
    else if (diags_errors(p->c->diags) == errors)
        map_window(p, dma, m);
}

/* Plans a device without a `dma` statement that is behind an IOMMU: it reaches all memory. */
static void plan_default(struct machine_planner *p, struct p_device *d)
{
    struct p_dma *dma = new_domain(p, d, DMA_ALL, NULL, d->at);
    set_ids(p, dma);
    check_liodns(p, dma, NULL);
    const struct dev_class *class = d->class;
    if (class && class->dma_operation && iommu_way(p->file) == IOMMU_WINDOWS)
        dma->has_operation = operation_named(class->dma_operation, &dma->operation);
    map_all_memory(p, dma);
}

/* What the text has for a whole device holds for what is below it: nothing there reaches more. */
static bool plan_like_parent(struct machine_planner *p, struct p_device *d)
{
    const struct p_dma *above = d->parent && d->parent->dmas.n ? d->parent->dmas.at[0] : NULL;
    if (!above || above->mode == DMA_ALL)
        return false;
    struct p_dma *dma = new_domain(p, d, above->mode, above->mode == DMA_WINDOW ? above->name : NULL, above->at);
    if (above->mode == DMA_GUEST_IOMMU)
        use_guest_iommu(p, dma, above->guest_iommu, above->at);
    if (above->mode != DMA_WINDOW)
        return true;
    copy_reach(dma, above);
    dma->written = above->written;
    set_ids(p, dma);
    check_liodns(p, dma, NULL);
    return true;
}

/* Of a PAMU, each LIODN of a device is set up by itself: one without a statement faults at the first access. */
static void check_all_ids(struct machine_planner *p, const struct p_device *d)
{
    const struct dt_prop *ids = d->dmas.n ? d->dmas.at[0]->ids : NULL;
    uint32_t n = ids ? ids->len / 4 : 0;
    for (uint32_t id = 0; id < n; id++) {
        bool covered = false;
        for (uint32_t i = 0; i < d->dmas.n; i++)
            covered = covered || !d->dmas.at[i]->has_liodn_index || d->dmas.at[i]->liodn_index == id;
        if (covered)
            continue;
        struct diag *g = diag(p->c->diags, W0604, d->dmas.at[0]->at,
                              "nothing is mapped for LIODN %u of `%s`: no `dma` statement has its index, %u",
                              dt_cell(ids, id), d->name, id);
        diag_fact(g, "%s: `%s` of %s has %u entries", p->host->file, ids->name, dt_path(p->c->arena, d->host), n);
        diag_help(g, "add `dma NAME liodn-index %u { map MEMORY; }`, or remove `liodn-index` to map the same for all",
                  id);
    }
}

static void check_none(struct machine_planner *p, const struct p_device *d, const struct m_dma *m)
{
    if (m->mode != DMA_NONE || m->unsafe || !is_unrestricted(p, d))
        return;
    const char *why = why_master(p, d);
    if (!why && !is_named_as_master(p, d))
        return;
    struct diag *g =
        diag(p->c->diags, why ? E0676 : W0605, m->at,
             "`dma none` restricts nothing: `%s` is not behind an IOMMU, and its guest's driver can make it "
             "access all of the host's memory",
             d->name);
    if (why)
        diag_fact(g, "%s", why);
    else
        diag_fact(g, "%s: %s is named as a device that moves data by itself", p->host->file,
                  dt_path(p->c->arena, d->host));
    diag_help(g, "write `dma none unsafe;` if it does no DMA, or you trust the guest");
}

static void plan_device_dma(struct machine_planner *p, struct p_device *d, const struct m_part *part)
{
    uint32_t errors = diags_errors(p->c->diags);
    for (uint32_t i = 0; part && i < part->dmas.n; i++) {
        plan_statement(p, d, &part->dmas.at[i]);
        check_none(p, d, &part->dmas.at[i]);
    }
    if (part && part->dmas.n > 1) {
        check_streams(p, d, part);
        check_streams_share(p, d);
    }
    if (diags_errors(p->c->diags) == errors)
        check_all_ids(p, d);
    if (d->dmas.n || d->kind == DEV_EMULATED)
        return;
    // A device below the one that is passed through uses the same stream, unless it has its own.
    if (d->parent && (p->model->iommu == IOMMU_NONE || !has_own_stream(p->file, d->host)))
        return;
    if (plan_like_parent(p, d))
        return;
    if (d->kind == DEV_PLATFORM && d->host && !d->regions.n && !d->irqs.n && !has_own_stream(p->file, d->host))
        return; // a node without registers and interrupts does no DMA, unless it has a stream
    if (is_behind_iommu(p->file, d)) {
        plan_default(p, d);
        return;
    }
    struct diag *g =
        diag(p->c->diags, E0638, d->at, "`%s` needs a `dma` statement, because it is not behind an IOMMU", d->name);
    note_iommu(p->file, d, g);
    const char *where = "";
    if (d->pass && d->pass->assigned) // the fate `assign` has no braces that the statement could be written into
        where = arena_printf(p->c->arena, "in a separate `passthrough %s { ... }`, ", dt_path(p->c->arena, d->host));
    diag_help(
        g, "%swrite `%s` if it does no DMA, or `dma bus unsafe;` if you trust the guest with all of the host's memory",
        where, none_text(p, d));
}

/* ---- one machine ---- */

/* Lists the device addresses that the host's kernel reserves, as the schemas tell, unless there is a snapshot. */
static void list_reserved(struct machine_planner *p)
{
    struct machine_dma *w = p->dma;
    const struct platform *platform = p->m->m->platform;
    if (p->file->facts)
        return; // across/facts.c checks the ranges of the snapshot
    schemas_demand(p->schemas, platform->arch);
    for (const struct iommu_class *k = p->schemas->iommu_classes; k; k = k->next) {
        if (k->way != IOMMU_PAGE_TABLES || (k->arch && k->arch != platform->arch))
            continue;
        for (uint32_t i = 0; i < k->nreserved; i++) {
            const struct iommu_reserved *r = &k->reserved[i];
            vec_push(draft_arena(p->c), &w->reserved, r);
            vec_push(draft_arena(p->c), &w->spans, ((struct dma_span){r->first, r->first + (r->size - 1)}));
        }
    }
}

/* Returns the statements for a device: those of its passthrough, or of a `child` in it; or NULL. */
static const struct m_part *part_of(const struct p_device *d)
{
    uint64_t at;
    if (!d->parent)
        return &d->pass->parts.at[0];
    return map_get(&d->pass->part_index, (uintptr_t)d->host, 0, &at) ? &d->pass->parts.at[at] : NULL;
}

void plan_dma(struct machine_planner *p)
{
    enter_step(p, STEP_DMA);
    p->dma = NEW(draft_arena(p->c), struct machine_dma);
    begin_guest_dma_view(p);
    list_reserved(p);
    for (uint32_t i = 0; i < p->m->devices.n; i++) {
        struct p_device *d = p->m->devices.at[i];
        if (!d->pass)
            continue;
        plan_device_dma(p, d, part_of(d));
        bool restricted = iommu_way(p->file) != IOMMU_PAGE_TABLES || is_behind_iommu(p->file, d);
        for (uint32_t k = 0; k < d->dmas.n; k++)
            d->dmas.at[k]->no_iommu = !restricted;
        check_inherited_reach(p, d);
        write_coherence(p, d);
    }
    write_dma_buses(p);
}
