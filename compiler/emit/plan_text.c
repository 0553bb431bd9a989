// SPDX-License-Identifier: MIT
// Writes the plan as tables for people: what each machine has, sorted by guest address and line, and the owners.
#include "emit/plan_text.h"
#include "emit/text_table.h"
#include "machc.h"

#include <stdlib.h>

static const char *how_text(uint8_t how)
{
    static const char *const words[] = {
        [HOW_WRITTEN] = "written",
        [HOW_SCHEMA] = "schema",
        [HOW_DEFAULT] = "default",
        [HOW_CHOSEN] = "chosen",
    };
    return how < sizeof words / sizeof words[0] ? words[how] : "";
}

const char *size_text(struct machc *c, uint64_t size)
{
    static const char units[] = " KMGT";
    uint32_t u = 0;
    while (size && !(size & 1023) && u + 2 < sizeof units) {
        size >>= 10;
        u++;
    }
    return u ? arena_printf(c->arena, "%llu%c", (unsigned long long)size, units[u])
             : arena_printf(c->arena, "%llu", (unsigned long long)size);
}

const char *span_text(struct machc *c, uint64_t start, uint64_t size)
{
    unsigned long long first = start, last = start + (size ? size - 1 : 0);
    return arena_printf(c->arena, "0x%08llx-0x%08llx", first, last);
}

static const char *hex_text(struct machc *c, uint64_t v)
{
    return arena_printf(c->arena, "0x%08llx", (unsigned long long)v);
}

static const char *number_text(struct machc *c, uint32_t v)
{
    return v == UINT32_MAX ? "-" : arena_printf(c->arena, "%u", v);
}

const char *index_text(struct machc *c, uint32_t index, const char *name)
{
    return arena_printf(c->arena, name ? "%u %s" : "%u", index, name);
}

/* ---- memory ---- */

static int by_address(const void *a, const void *b)
{
    const struct p_memory *x = *(const struct p_memory *const *)a, *y = *(const struct p_memory *const *)b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (x > y) - (x < y);
}

static const char *placed_text(struct machc *c, const struct p_memory *p)
{
    static const char *const by[] = {[BY_HUGETLB] = "huge pages", [BY_HEAP] = "heap ", [BY_RESERVED] = "/dev/mem"};
    struct arena *a = c->arena;
    const char *s = "contiguous";
    if (p->physical != UINT64_MAX)
        s = arena_printf(a, "physical %s", span_text(c, p->physical, p->size));
    if (p->lowest)
        s = arena_printf(a, "%s from 0x%llx", s, (unsigned long long)p->lowest);
    if (p->limit)
        s = arena_printf(a, "%s below 0x%llx", s, (unsigned long long)p->limit);
    s = arena_printf(a, "%s, %s%s", s, by[p->provider], p->m->heap ? p->m->heap : "");
    return p->m->page.set ? arena_printf(a, "%s of %s", s, size_text(c, p->m->page.value)) : s;
}

static const char *backing_text(struct machc *c, const struct p_memory *p)
{
    const struct m_memory *m = p->m;
    const char *s = "anonymous";
    if (m->backing == BACK_HUGETLB)
        s = arena_printf(c->arena, "hugetlb %s", size_text(c, m->back_arg.value));
    else if (is_placed(m))
        s = placed_text(c, p);
    else if (m->backing == BACK_FILE)
        s = arena_printf(c->arena, "file %s", m->file);
    return arena_printf(c->arena, "%s%s%s%s%s", s, m->share ? ", share " : "", m->share ? m->share : "",
                        m->readonly ? ", readonly" : "", m->no_dma ? ", no-dma" : "");
}

static void memory_table(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    const struct p_memory **sorted = arena_array(c->arena, m->memory.n, sizeof *sorted);
    for (uint32_t i = 0; i < m->memory.n; i++)
        sorted[i] = &m->memory.at[i];
    if (m->memory.n)
        qsort(sorted, m->memory.n, sizeof *sorted, by_address);
    table_begin(t, "memory", "guest", "size", "name", "from", "address", NULL);
    for (uint32_t i = 0; i < m->memory.n; i++) {
        table_cell(t, span_text(c, sorted[i]->address, sorted[i]->size));
        table_cell(t, size_text(c, sorted[i]->size));
        table_cell(t, sorted[i]->m->name);
        table_cell(t, backing_text(c, sorted[i]));
        table_cell(t, how_text(sorted[i]->how));
    }
    table_end(t);
}

/* ---- regions ---- */

// A region and its position in the plan, by which equal addresses are sorted.
struct region_row {
    const struct p_region *r;
    uint32_t place;
};

static int by_guest(const void *a, const void *b)
{
    const struct region_row *x = a, *y = b;
    if (x->r->guest != y->r->guest)
        return x->r->guest < y->r->guest ? -1 : 1; // regions that are not in the guest come last
    return (x->place > y->place) - (x->place < y->place);
}

static const char *region_host_text(struct machc *c, const struct p_region *r)
{
    if (r->file)
        return arena_printf(c->arena, "%s+%s", r->file, hex_text(c, r->offset));
    return r->host == UINT64_MAX ? "-" : hex_text(c, r->host);
}

static void region_table(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    static const char *const modes[] = {
        [REGION_DEFAULT] = "map", [REGION_MAP] = "map", [REGION_TRAP] = "trap", [REGION_DROP] = "drop"};
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        n += m->devices.at[i]->regions.n;
    struct region_row *rows = arena_array(c->arena, n, sizeof *rows);
    n = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->regions.n; k++, n++)
            rows[n] = (struct region_row){m->devices.at[i]->regions.at[k], n};
    if (n)
        qsort(rows, n, sizeof *rows, by_guest);
    table_begin(t, "regions", "guest", "host", "size", "device", "region", "mode", "address", NULL);
    for (uint32_t i = 0; i < n; i++) {
        const struct p_region *r = rows[i].r;
        table_cell(t, r->guest == UINT64_MAX ? "-" : span_text(c, r->guest, r->size));
        table_cell(t, region_host_text(c, r));
        table_cell(t, r->size ? size_text(c, r->size) : "-");
        table_cell(t, r->device->name);
        table_cell(t, arena_printf(c->arena, "%s%s", r->window ? "window " : "", index_text(c, r->index, r->name)));
        if (r->shadow)
            table_cell(t, "trap, shadow");
        else
            table_cell(t, arena_printf(c->arena, r->unsafe ? "%s unsafe \"%s\"" : "%s", modes[r->mode], r->unsafe));
        table_cell(t, how_text(r->how));
    }
    table_end(t);
}

/* ---- shadows ---- */

static void shadow_table(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    bool any = false;
    for (uint32_t i = 0; i < m->devices.n; i++)
        any = any || (m->devices.at[i]->regions.n && m->devices.at[i]->regions.at[0]->shadow);
    if (!any)
        return;
    table_begin(t, "shadows", "device", "guest writes", "host", "mask", "by", NULL);
    for (uint32_t i = 0; i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        const struct p_shadow *s = d->regions.n ? d->regions.at[0]->shadow : NULL;
        if (s && !s->writes.n) {
            table_cell(t, d->name);
            table_cell(t, "nothing");
            for (uint32_t k = 0; k < 3; k++)
                table_cell(t, NULL);
        }
        for (uint32_t k = 0; s && k < s->writes.n; k++) {
            const struct p_write *w = &s->writes.at[k];
            table_cell(t, d->name);
            table_cell(t, arena_printf(c->arena, "0x%x", w->offset));
            table_cell(t, hex_text(c, w->region->host + w->offset));
            table_cell(t, hex_text(c, w->mask));
            table_cell(t, w->hiword ? "one write, bits 31-16 select" : "reading and writing back");
        }
    }
    table_end(t);
}

/* ---- interrupts ---- */

struct irq_row {
    const struct p_irq *q;
    uint64_t chip; // index of its irqchip; UINT64_MAX: none, sorted last
    uint32_t place;
};

static int by_line(const void *a, const void *b)
{
    const struct irq_row *x = a, *y = b;
    if (x->chip != y->chip)
        return x->chip < y->chip ? -1 : 1;
    uint32_t u = x->q->kind ? x->q->kind->value : 0, v = y->q->kind ? y->q->kind->value : 0;
    if (u != v)
        return u < v ? -1 : 1;
    if (x->q->number != y->q->number)
        return x->q->number < y->q->number ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static const char *line_text(struct machc *c, const struct p_irq *q)
{
    const char *kind = q->kind ? q->kind->name : "";
    return arena_printf(c->arena, "%s %s%s%u%s%s", q->chip->name, kind, *kind ? " " : "", q->number,
                        q->trigger ? " " : "", q->trigger ? q->trigger->name : "");
}

static const char *irq_host_text(struct machc *c, const struct p_irq *q)
{
    if (q->host)
        return host_irq_text(c, q->host);
    if (q->file)
        return q->file;
    return q->source == IRQ_EMULATED ? "emulated" : "-";
}

static bool is_by_vfio(const struct p_irq *q)
{
    return !q->drop && !q->shares && q->source == IRQ_DEVICE;
}

// Tells how the interrupt arrives: by eventfds of VFIO, with another one on its line, by reads of a file, or raised by
// the VMM.
static const char *irq_by(struct machc *c, const struct p_irq *q)
{
    if (q->drop)
        return "unused";
    if (q->shares)
        return arena_printf(c->arena, "%s, interrupt %u", q->shares->device->name, q->shares->index);
    if (is_by_vfio(q))
        return q->resample ? "eventfds: trigger, resample" : "eventfd: trigger";
    return q->source == IRQ_FILE ? "reads of the file" : "the VMM";
}

static void irq_table(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    struct map chips = {0};
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        map_put(c->arena, &chips, (uintptr_t)m->irqchips.at[i], 0, i);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        n += m->devices.at[i]->irqs.n;
    struct irq_row *rows = arena_array(c->arena, n, sizeof *rows);
    n = 0;
    for (uint32_t i = 0; i < m->devices.n; i++) {
        for (uint32_t k = 0; k < m->devices.at[i]->irqs.n; k++, n++) {
            const struct p_irq *q = m->devices.at[i]->irqs.at[k];
            rows[n] = (struct irq_row){q, UINT64_MAX, n};
            if (!q->drop)
                map_get(&chips, (uintptr_t)q->chip, 0, &rows[n].chip);
        }
    }
    if (n)
        qsort(rows, n, sizeof *rows, by_line);
    table_begin(t, "interrupts", "guest", "host", "device", "irq", "line", "GSI", "by", "at start", NULL);
    for (uint32_t i = 0; i < n; i++) {
        const struct p_irq *q = rows[i].q;
        table_cell(t, rows[i].chip == UINT64_MAX ? "drop" : line_text(c, q));
        table_cell(t, irq_host_text(c, q));
        table_cell(t, q->device->name);
        table_cell(t, index_text(c, q->index, q->name));
        table_cell(t, q->drop ? NULL : how_text(q->how));
        table_cell(t, q->drop ? NULL : number_text(c, q->gsi));
        table_cell(t, irq_by(c, q));
        table_cell(t, is_by_vfio(q) && q->resample ? "unmask" : NULL);
    }
    table_end(t);
}

static void reference_table(struct text_out *t, const struct p_machine *m)
{
    table_begin(t, "references", "device", "entry", "of the host", "by", "in the guest", NULL);
    for (uint32_t i = 0; i < m->references.n; i++) {
        const struct p_reference *r = &m->references.at[i];
        table_cell(t, r->node);
        table_cell(t, r->entry);
        table_cell(t, r->target);
        table_cell(t, how_text(r->how));
        table_cell(t, r->gets);
    }
    table_end(t);
}

static void machine_text(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    const struct platform *platform = m->m ? m->m->platform : NULL;
    text_print(t, "%smachine %s%s%s\n", t->n ? "\n" : "", m->name, platform ? " : " : "",
               platform ? platform->name : "");
    table_begin(t, "cpus", "vcpu", "host cpu", NULL);
    for (uint32_t i = 0; i < m->cpus.n; i++) {
        table_cell(t, number_text(c, m->cpus.at[i].vcpu));
        table_cell(t, number_text(c, m->cpus.at[i].host_cpu));
    }
    table_end(t);
    memory_table(c, t, m);
    region_table(c, t, m);
    shadow_table(c, t, m);
    irq_table(c, t, m);
    dma_table(c, t, m);
    reference_table(t, m);
}

/* Writes the table of owners. With `only`, it lists what that machine has and what stays with the host. */
static void owner_table(struct text_out *t, const struct plan *p, const struct p_machine *only)
{
    table_begin(t, "owners", "kind", "what", "owner", "for", "where", NULL);
    for (uint32_t i = 0; i < p->owned.n; i++) {
        const struct p_owned *o = &p->owned.at[i];
        if (only && strcmp(o->owner, only->name) != 0 && strcmp(o->owner, "host") != 0)
            continue;
        table_cell(t, o->kind);
        table_cell(t, o->what);
        table_cell(t, o->owner);
        table_cell(t, o->by);
        table_cell(t, o->where);
    }
    table_end(t);
}

/* Writes the table of what the host keeps for its guests. */
static void kept_table(struct text_out *t, const struct plan *p, const struct p_machine *only)
{
    table_begin(t, "host", "what", "of the host", "kept", "for", NULL);
    for (uint32_t i = 0; i < p->host.kept.n; i++) {
        const struct p_kept *k = &p->host.kept.at[i];
        if (only && strcmp(k->owner, only->name) != 0)
            continue;
        table_cell(t, k->what);
        table_cell(t, k->of);
        table_cell(t, k->how);
        table_cell(t, k->owner);
    }
    table_end(t);
}

char *emit_plan(struct machc *c, const struct plan *p, const struct p_machine *only)
{
    struct text_out t = {.arena = c->arena};
    text_print(&t, "%s", "");
    for (uint32_t i = 0; i < p->machines.n; i++)
        if (!only || only == p->machines.at[i])
            machine_text(c, &t, p->machines.at[i]);
    if (p->host.kept.n)
        kept_table(&t, p, only);
    if (p->owned.n)
        owner_table(&t, p, only);
    if (p->iommu == IOMMU_PAMU)
        text_print(&t, "\nall machines: %llu of %u entries for sub-windows of the PAMU; the vendor's VFIO needs %llu\n",
                   (unsigned long long)p->spaact, pamu_hardware.spaact, (unsigned long long)p->vendor_spaact);
    return t.text;
}
