// SPDX-License-Identifier: MIT
// dma statements with their names resolved: which memory at which device address, through which LIODN or stream.
#include "plan/work.h"

#include <inttypes.h>

/* Is there an IOMMU between this device and memory? Its own properties say so, or those of a node above it. */
static bool behind_iommu(const struct planner *p, const struct p_device *d, const struct dt_node *host)
{
    if (p->model->iommu == IOMMU_NONE)
        return false;
    if (p->model->iommu == IOMMU_PAMU || p->model->iommu == IOMMU_SPAPR_TCE || d->kind == DEV_PCI)
        return true;
    for (const struct dt_node *n = host; n; n = n->parent) {
        for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
            const struct ref_rule *rule = schema_ref(p->schemas, prop->name);
            if (rule && rule->kind && !strcmp(rule->kind, "IOMMU"))
                return true;
        }
    }
    return false;
}

static struct p_dma *new_domain(struct planner *p, struct p_device *d, uint8_t mode, const char *name, struct src where)
{
    struct p_dma *dma = NEW(p->c->arena, struct p_dma);
    dma->device = d;
    dma->mode = mode;
    dma->name = name;
    dma->at = where;
    dma->stash.vcpu = dma->stash.host_cpu = dma->stash.id = UINT32_MAX;
    vec_push(p->c->arena, &d->dmas, dma);
    return dma;
}

static bool fits(uint64_t start, uint64_t size, uint64_t in_start, uint64_t in_size)
{
    return start >= in_start && start - in_start < in_size && in_size - (start - in_start) >= size;
}

static void map_memory(struct planner *p, struct p_dma *dma, const struct p_memory *m, uint64_t offset, uint64_t size, uint64_t iova, bool readonly, struct src where)
{
    vec_push(p->c->arena, &dma->maps,
             ((struct p_dma_map){.what = MAP_MEMORY, .memory = m, .offset = offset, .size = size, .iova = iova, .readonly = readonly || m->m->readonly, .at = where}));
}

/* Every memory region without no-dma, at its guest address; of a window, those that lie in it. */
static void map_all(struct planner *p, struct p_dma *dma, bool window)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (!m->m->no_dma && (!window || fits(m->address, m->size, dma->window, dma->size)))
            map_memory(p, dma, m, 0, m->size, m->address, false, dma->at);
    }
}

static const struct p_region *find_region(struct planner *p, struct p_device *d, const struct m_which *w)
{
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (!r->window && (w->name ? r->name && !strcmp(r->name, w->name) : r->index == w->index))
            return r;
    }
    if (w->name)
        diag(p->c->diags, E0620, w->at, "`%s` has no region `%s` to map", d->name, w->name);
    else
        diag(p->c->diags, E0620, w->at, "`%s` has no region %u to map", d->name, w->index);
    return NULL;
}

static void one_map(struct planner *p, struct p_dma *dma, const struct m_dma_map *m)
{
    uint64_t size = 0, iova = 0, i;
    struct p_dma_map out = {.what = m->what, .bank = m->bank, .readonly = m->readonly, .offset = m->offset.value, .at = m->at};
    switch (m->what) {
    case MAP_REGION:
        out.region = find_region(p, dma->device, &m->region);
        if (!out.region)
            return;
        size = out.region->size;
        iova = out.region->host != UINT64_MAX ? out.region->host : out.region->guest;
        break;
    case MAP_MSI_BANK:
        size = 4096; // the page that holds a bank's MSIIR; facts: NXP P4080RM, MPIC shared message signaled interrupts
        break;
    default:
        if (!map_get(&p->memories, (uintptr_t)m->memory, 0, &i)) {
            struct diag *d = diag(p->c->diags, E0621, m->at, "machine `%s` has no memory `%s`", p->m->name, m->memory);
            VEC(const char *) names = {0};
            for (uint32_t k = 0; k < p->m->memory.n; k++)
                vec_push(p->c->arena, &names, p->m->memory.at[k].m->name);
            const char *near = nearest(m->memory, names.at, names.n);
            if (near)
                diag_help(d, "did you mean `%s`?", near);
            return;
        }
        out.memory = &p->m->memory.at[i];
        if (out.memory->m->no_dma) {
            diag_note(diag(p->c->diags, E0622, m->at, "memory `%s` is out of devices' reach", m->memory), out.memory->m->at, "it is `no-dma`");
            return;
        }
        out.readonly = out.readonly || out.memory->m->readonly;
        size = out.memory->size;
        iova = out.memory->address + m->offset.value;
    }
    if (m->offset.set && m->offset.value >= size) {
        diag(p->c->diags, E0623, m->offset.at, "offset 0x%" PRIx64 " is beyond the 0x%" PRIx64 " bytes that are mapped from", m->offset.value, size);
        return;
    }
    out.size = m->size.set ? m->size.value : size - m->offset.value;
    if (!out.size || out.size > size - m->offset.value) {
        diag(p->c->diags, E0624, m->size.at, "0x%" PRIx64 " bytes at offset 0x%" PRIx64 " are more than the 0x%" PRIx64 " that are there", out.size, m->offset.value, size);
        return;
    }
    out.iova = m->address.set ? m->address.value : iova;
    if (m->what == MAP_MSI_BANK && !m->address.set)
        out.iova = UINT64_MAX; // to be chosen among the windows
    if (out.iova != UINT64_MAX && out.iova + (out.size - 1) < out.iova) {
        diag(p->c->diags, E0625, m->address.at, "0x%" PRIx64 " bytes at device address 0x%" PRIx64 " do not fit the address space", out.size, out.iova);
        return;
    }
    if (dma->has_window && out.iova != UINT64_MAX && !fits(out.iova, out.size, dma->window, dma->size)) {
        struct diag *d = diag(p->c->diags, E0626, m->at, "0x%" PRIx64 "..0x%" PRIx64 " lies outside of the window", out.iova, out.iova + (out.size - 1));
        diag_note(d, dma->at, "the window is 0x%" PRIx64 "..0x%" PRIx64, dma->window, dma->window + (dma->size - 1));
        diag_help(d, "map it elsewhere (`at ADDRESS`), or make the window larger");
        return;
    }
    for (uint32_t k = 0; k < dma->maps.n; k++) {
        const struct p_dma_map *o = &dma->maps.at[k];
        if (out.iova == UINT64_MAX || o->iova == UINT64_MAX || out.iova > o->iova + (o->size - 1) || o->iova > out.iova + (out.size - 1))
            continue;
        struct diag *d = diag(p->c->diags, E0627, m->at, "two mappings of one dma overlap at device address 0x%" PRIx64, out.iova > o->iova ? out.iova : o->iova);
        diag_note(d, o->at, "0x%" PRIx64 "..0x%" PRIx64 " is mapped here", o->iova, o->iova + (o->size - 1));
        return;
    }
    vec_push(p->c->arena, &dma->maps, out);
}

/* ---- stash ---- */

/* The cache of a level next to a host cpu: the cpu's own node is level 1, then along next-level-cache. */
static const struct dt_node *cache_of(const struct planner *p, uint32_t host_cpu, uint32_t level)
{
    const struct dt_node *n = host_cpu_node(p, host_cpu);
    const char *next = intern(p->c->names, "next-level-cache");
    for (uint32_t l = 1; n && l < level; l++) {
        const struct dt_prop *to = dt_prop(p->host->tree, n, next);
        n = to && to->len == 4 ? host_phandle(p->host, dt_cell(to, 0)) : NULL;
    }
    return n;
}

static void plan_stash(struct planner *p, struct p_dma *dma, const struct m_stash *s)
{
    dma->stash.kind = s->kind;
    dma->stash.if_possible = s->if_possible;
    dma->stash.at = s->at;
    if (s->kind == STASH_ID && s->id.set) {
        // 8 bits in the PAACE (linux drivers/iommu/fsl_pamu.h, PAACE_IA_CID)
        if (s->id.value > 255)
            diag(p->c->diags, E0628, s->id.at, "stash id %" PRIu64 " is out of range: 0..255", s->id.value);
        else
            dma->stash.id = (uint32_t)s->id.value;
    }
    if (!s->vcpu.set)
        return;
    if (s->vcpu.value >= p->m->cpus.n) {
        diag_help(diag(p->c->diags, E0629, s->vcpu.at, "machine `%s` has no vcpu %" PRIu64 " to stash for", p->m->name, s->vcpu.value), "it has %u, from 0", p->m->cpus.n);
        return;
    }
    dma->stash.vcpu = (uint32_t)s->vcpu.value;
    dma->stash.host_cpu = p->m->cpus.at[dma->stash.vcpu].host_cpu;
    if (dma->stash.host_cpu == UINT32_MAX) {
        if (!s->if_possible)
            diag_help(diag(p->c->diags, E0630, s->at, "vcpu %u runs on no host cpu in particular, so it has no cache of its own", dma->stash.vcpu), "write `cpus %u on 0..%u;`, or add `if-possible`",
                      p->m->cpus.n, p->m->cpus.n - 1);
        return;
    }
    if (s->kind > STASH_L3)
        return;
    const struct dt_node *cache = cache_of(p, dma->stash.host_cpu, s->kind);
    if (cache)
        dma->stash.id = dt_u32(p->host->tree, cache, "cache-stash-id", UINT32_MAX);
}

/* ---- one device ---- */

static void check_identity(struct planner *p, const struct m_dma *dma)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (m->m->no_dma)
            continue;
        if (m->m->backing != BACK_PHYSICAL) {
            struct diag *d = diag(p->c->diags, E0631, dma->at, "`dma identity` needs memory `%s` at its host address, which is not known", m->m->name);
            diag_note(d, m->m->at, "it has no physical backing");
            diag_help(d, "write `from physical 0x%" PRIx64 "`", m->address);
        } else if (m->m->back_arg.value != m->address) {
            struct diag *d = diag(p->c->diags, E0632, dma->at, "without an IOMMU, memory `%s` has to lie where the host has it", m->m->name);
            diag_note(d, m->m->at, "it is at 0x%" PRIx64 " in the guest and at 0x%" PRIx64 " on the host", m->address, m->m->back_arg.value);
            diag_help(d, "write `memory %s at 0x%" PRIx64 " ...`", m->m->name, m->m->back_arg.value);
        }
    }
}

void plan_dma(struct planner *p, struct p_device *d, const struct m_part *part, const struct dt_node *host)
{
    for (uint32_t i = 0; part && i < part->dmas.n; i++) {
        const struct m_dma *m = &part->dmas.at[i];
        const struct m_channel *h = m->how;
        struct p_dma *dma = new_domain(p, d, m->mode, m->mode == DMA_WINDOW ? m->name : NULL, m->at);
        dma->has_window = h->window.set && h->size.set;
        dma->window = h->window.value;
        dma->size = h->size.value;
        dma->subwindows = (uint32_t)h->subwindows.value;
        dma->has_liodn_index = h->liodn_index.set;
        dma->liodn_index = (uint32_t)h->liodn_index.value;
        dma->has_stream = h->stream.set;
        dma->stream = (uint32_t)h->stream.value;
        dma->has_operation = h->operation.set;
        dma->operation = (uint32_t)h->operation.value;
        if (!dma->has_operation && d->class && d->class->dma_operation)
            dma->has_operation = operation_named(d->class->dma_operation, &dma->operation);
        if (h->subwindows.set && (!h->subwindows.value || (h->subwindows.value & (h->subwindows.value - 1)) || h->subwindows.value > 256))
            diag(p->c->diags, E0633, h->subwindows.at, "%" PRIu64 " sub-windows: a power of two from 1 to 256 is possible", h->subwindows.value);
        for (uint32_t k = 0; k < i; k++)
            if (part->dmas.at[k].how->liodn_index.set && h->liodn_index.set && part->dmas.at[k].how->liodn_index.value == h->liodn_index.value)
                diag_note(diag(p->c->diags, E0634, h->liodn_index.at, "LIODN %u of `%s` has two dma statements", dma->liodn_index, d->name), part->dmas.at[k].how->liodn_index.at, "the first is here");
        if (m->mode == DMA_ALL)
            map_all(p, dma, false);
        else if (m->mode == DMA_IDENTITY)
            check_identity(p, m);
        else if (m->mode == DMA_WINDOW && !m->maps.n)
            map_all(p, dma, true);
        else if (m->mode == DMA_GUEST_IOMMU && m->name) {
            dma->guest_iommu = m->name;
            const struct p_device *iommu = map_getp(&p->devices, m->name, NULL);
            if (!iommu || !iommu->emulated)
                diag_help(diag(p->c->diags, E0635, m->at, "`%s` is no emulated device of machine `%s`", m->name, p->m->name), "make one: `device %s : CLASS;`", m->name);
        }
        if (m->mode == DMA_ALL && !behind_iommu(p, d, host))
            diag_help(diag(p->c->diags, E0636, m->at, "`%s` is behind no IOMMU: nothing can hold it to the guest's memory", d->name), "write `dma none;`, or `dma identity unsafe;` if the guest is trusted with all of the host's memory");
        for (uint32_t k = 0; k < m->maps.n; k++)
            one_map(p, dma, &m->maps.at[k]);
        if (m->mode == DMA_WINDOW && !m->maps.n && !dma->maps.n)
            diag_help(diag(p->c->diags, E0637, m->at, "no memory region lies in the window 0x%" PRIx64 "..0x%" PRIx64, dma->window, dma->window + (dma->size - 1)), "map what it is for: `{ map region 0; }`");
        if (h->stash.kind != STASH_NONE)
            plan_stash(p, dma, &h->stash);
    }
    // Only the device of the statement needs a word; what is below it uses the same IOMMU.
    if (d->dmas.n || d->parent || d->kind == DEV_EMULATED)
        return;
    if (d->kind == DEV_PLATFORM && d->host && !d->regions.n && !d->irqs.n)
        return; // a description without registers does not move data
    if (behind_iommu(p, d, host)) {
        map_all(p, new_domain(p, d, DMA_ALL, NULL, d->at), false);
        return;
    }
    struct diag *g = diag(p->c->diags, E0638, d->at, "nothing is said of the DMA of `%s`, and it is behind no IOMMU", d->name);
    diag_help(g, "write `dma none;` if it does none, or `dma identity unsafe;` if the guest is trusted with all of the host's memory");
}
