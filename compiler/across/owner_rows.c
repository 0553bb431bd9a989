// SPDX-License-Identifier: MIT
// Writes the table of owners as text, for --emit=plan.
#include "across/owners.h"

#include <inttypes.h>

static const char *source_place(struct planner *p, const struct src *at)
{
    const struct source *s = at ? source_get(p->c->sources, at->loc.file) : NULL;
    if (!s)
        return p->host ? p->host->file : "";
    struct line_col lc = source_line(p->c->sources, at->loc.file, at->loc.start);
    return arena_printf(p->c->arena, "%s:%u:%u", s->name, lc.line, lc.column);
}

static const char *span_text(struct planner *p, uint64_t first, uint64_t last)
{
    return arena_printf(p->c->arena, "0x%08" PRIx64 "-0x%08" PRIx64, first, last);
}

static const char *number_text(struct planner *p, const struct owned *o)
{
    if (o->first == o->last)
        return arena_printf(p->c->arena, "0x%" PRIx64, o->first);
    return arena_printf(p->c->arena, "0x%" PRIx64 "-0x%" PRIx64, o->first, o->last);
}

static const char *bits_text(struct planner *p, const struct owned *o)
{
    const struct p_write *w = o->by;
    uint32_t from = (uint32_t)(o->first & 31), to = (uint32_t)(o->last & 31);
    const char *bits = from == to ? arena_printf(p->c->arena, "bit %" PRIu32, from)
                                  : arena_printf(p->c->arena, "bits %" PRIu32 "-%" PRIu32, from, to);
    return arena_printf(p->c->arena, "0x%08" PRIx64 " %s", w->region->host + w->offset, bits);
}

static const char *owner_text(struct planner *p, const struct owned *o)
{
    struct arena *a = p->c->arena;
    const struct p_region *r = o->by;
    const struct p_memory *m = o->by;
    const struct p_irq *q = o->by;
    const struct p_write *w = o->by;
    switch (o->what) {
    case OWN_IS_WRITE:
        return arena_printf(a, "%s register 0x%" PRIx32, w->region->device->name, w->offset);
    case OWN_IS_REGION:
        return arena_printf(a, "%s %s%u%s%s", r->device->name, r->window ? "window " : "region ", r->index,
                            r->name ? " " : "", r->name ? r->name : "");
    case OWN_IS_MEMORY:
        return arena_printf(a, "memory %s%s%s", m->m->name, m->m->share ? ", share " : "",
                            m->m->share ? m->m->share : "");
    case OWN_IS_IRQ:
        return arena_printf(a, "%s irq %u", q->device->name, q->index);
    case OWN_IS_NODE:
        return dt_path(a, o->by);
    case OWN_IS_USE:
        return dt_path(a, ((const struct provider_use *)o->by)->user);
    case OWN_IS_DEVICE:
        return ((const struct p_device *)o->by)->name;
    default:
        return "";
    }
}

static void add_row(struct planner *p, const struct owned *o)
{
    struct arena *a = p->c->arena;
    struct p_owned *to = vec_add(a, &p->plan->owned);
    to->owner = o->machine ? o->machine->name : "host";
    to->by = owner_text(p, o);
    to->where = source_place(p, o->at);
    switch (o->space) {
    case OWN_PHYSICAL:
        to->kind = o->what == OWN_IS_MEMORY ? "memory" : "registers";
        to->what = span_text(p, o->first, o->last);
        break;
    case OWN_BIT:
        to->kind = "register bits";
        to->what = bits_text(p, o);
        break;
    case OWN_FILE:
        to->kind = "file";
        to->what = o->what == OWN_IS_IRQ
                       ? o->in
                       : arena_printf(a, "%s %s", (const char *)o->in, span_text(p, o->first, o->last));
        break;
    case OWN_LINE:
        to->kind = "interrupt";
        to->what = host_irq_text(p->c, ((const struct p_irq *)o->by)->host);
        break;
    case OWN_STREAM:
    case OWN_STREAM_RANGE:
        to->kind = "stream id";
        to->what = arena_printf(a, "%s of %s", number_text(p, o), dt_path(a, o->in));
        break;
    case OWN_DMA_ID:
        to->kind = ((const struct schema_dma_id *)o->in)->kind;
        to->what = arena_printf(a, "%" PRIu64, o->first);
        break;
    case OWN_PROVIDER:
        to->kind = ((const struct provider_use *)o->by)->rule->kind;
        to->what = describe_use(p, o->by);
        break;
    case OWN_FUNCTION:
        to->kind = "PCI function";
        to->what = function_text(p, o->first);
        break;
    case OWN_GROUP:
        to->kind = "IOMMU group";
        to->what = arena_printf(a, "%" PRIu64, o->first);
        break;
    default:
        to->kind = "host cpu";
        to->what = arena_printf(a, "%" PRIu64, o->first);
        break;
    }
}

void add_owner_rows(struct planner *p, const struct owner_table *t)
{
    for (uint32_t i = 0; i < t->list.n; i++) {
        const struct owned *o = &t->list.at[i], *before = i ? o - 1 : NULL;
        if (!o->machine || o->space == OWN_SLOT || o->space == OWN_PAGE)
            continue; // nearly everything is the host's: add_host_rows() adds only what it needs
        if (o->space == OWN_CPU && before && before->first == o->first && before->machine == o->machine)
            continue;                                       // several vcpus of the machine share the host cpu
        if (o->space != OWN_BIT || o->what == OWN_IS_WRITE) // registers as a whole have rows of their own
            add_row(p, o);
    }
}

static void add_host_row(struct planner *p, const struct dt_node *n, const char *by, const struct src *at)
{
    struct p_owned *to = vec_add(p->c->arena, &p->plan->owned);
    *to = (struct p_owned){"node", dt_path(p->c->arena, n), "host", by, source_place(p, at)};
}

void add_host_rows(struct planner *p)
{
    for (uint32_t i = 0; i < p->need_list.n; i++) {
        const struct host_need *x = p->need_list.at[i];
        add_host_row(p, x->node,
                     x->user ? arena_printf(p->c->arena, "%s of %s", x->what, dt_path(p->c->arena, x->user)) : x->what,
                     NULL);
    }
    for (uint32_t i = 0; i < p->model->keeps.n; i++) {
        const struct m_keep *k = &p->model->keeps.at[i];
        if (!map_getp(&p->needs, k->node, NULL))
            add_host_row(p, k->node, "keep", &k->at);
    }
}
