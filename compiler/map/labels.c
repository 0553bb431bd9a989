// SPDX-License-Identifier: MIT
// Writes the texts of rows, and the names that they are made of.
#include "machc.h"
#include "map/map.h"

const char *map_range(struct map_page *p, uint64_t start, uint64_t size)
{
    unsigned long long first = start, last = start + (size ? size - 1 : 0);
    return arena_printf(p->arena, "0x%08llx\xe2\x80\x93%08llx", first, last);
}

const char *map_size(struct map_page *p, uint64_t size)
{
    static const char units[] = "BKMGTPE";
    uint32_t u = 0;
    uint64_t rest = 0;
    for (; size >= 1024; size >>= 10, u++)
        rest = (size & 1023) | (rest ? 1 : 0);
    if (!u)
        return arena_printf(p->arena, "%llu B", (unsigned long long)size);
    if (rest && size < 100)
        return arena_printf(p->arena, "%llu.%llu%c", (unsigned long long)size, (unsigned long long)(rest * 10 / 1024),
                            units[u]);
    return arena_printf(p->arena, "%llu%c", (unsigned long long)size, units[u]);
}

/* ---- names ---- */

// Names a region: "usb2", "qportal cache-enabled", "pcie0 window 1". A device with one region gives it its own name.
const char *map_region_name(struct map_page *p, const struct p_region *r)
{
    const char *device = r->device->name;
    if (r->device->regions.n < 2 && !r->window)
        return device;
    if (r->name)
        return arena_printf(p->arena, "%s %s", device, r->name);
    return arena_printf(p->arena, r->window ? "%s window %u" : "%s region %u", device, r->index);
}

const char *map_irq_name(struct map_page *p, const struct p_irq *q)
{
    return arena_printf(p->arena, q->name ? "%s irq %u %s" : "%s irq %u", q->device->name, q->index, q->name);
}

const char *map_box_name(struct map_page *p, const struct map_box *b)
{
    const struct p_irqchip *chip = b->what;
    switch (b->kind) {
    case BOX_MEMORY:
        return ((const struct p_memory *)b->what)->m->name;
    case BOX_CHIP:
        return chip->class->nregions > 1 && b->part < chip->class->nregions && chip->class->regions[b->part].name
                   ? arena_printf(p->arena, "%s %s", chip->name, chip->class->regions[b->part].name)
                   : chip->name;
    case BOX_REGION:
        return map_region_name(p, b->what);
    case BOX_STASH:
        return map_domain_name(p, b->what);
    default:
        return map_irq_name(p, b->what);
    }
}

// Returns the name of the host's node that has the thing.
static const char *host_name(const struct map_box *b)
{
    const struct p_region *r = b->what;
    if (b->kind == BOX_MEMORY)
        return "memory";
    if (b->kind == BOX_IRQ) {
        const struct p_irq *q = b->what;
        return q->host ? q->host->node->name : q->device->name;
    }
    if (b->kind == BOX_STASH)
        return map_stash_node(((const struct p_dma *)b->what)->stash);
    if (r->source)
        return r->source->node->name;
    return r->device->host ? r->device->host->name : r->device->name;
}

// Returns the name of the node of a row, or of the first and the last one if there are several boxes.
static const char *host_names(const struct map_side *s, const struct map_row *r, struct map_page *p)
{
    const char *first = host_name(&s->box[r->first]), *last = host_name(&s->box[r->first + r->n - 1]);
    return r->n > 1 ? arena_printf(p->arena, "%s \xe2\x80\xa6 %s", first, last) : first;
}

// Returns the device of a box in a row of `n` boxes; NULL for boxes that have a name of their own.
static const struct p_device *device_of(const struct map_box *b, uint32_t n)
{
    if (b->kind == BOX_REGION)
        return ((const struct p_region *)b->what)->device;
    if (b->kind == BOX_IRQ)
        return ((const struct p_irq *)b->what)->device;
    return b->kind == BOX_STASH && n > 1 ? ((const struct p_dma *)b->what)->device : NULL;
}

const char *map_row_names(struct map_page *p, const struct map_side *s, const struct map_row *r)
{
    const char *list = NULL, *last = NULL;
    uint32_t i = 0, room = MAP_NAMES;
    for (; i < r->n; i++) {
        const struct map_box *b = &s->box[r->first + i];
        const struct p_device *device = device_of(b, r->n);
        const char *name = device ? device->name : map_box_name(p, b);
        if (last && !strcmp(name, last))
            continue;
        uint32_t width = map_letters(name, MAP_NAMES) + 1;
        if (list && width > room)
            break;
        room -= width < room ? width : room;
        list = list ? arena_printf(p->arena, "%s %s", list, name) : name;
        last = name;
    }
    return i < r->n ? arena_printf(p->arena, "%s +%u", list, r->n - i) : list;
}

const char *map_machine_name(const struct map_page *p, uint32_t index)
{
    return p->plan->machines.at[index]->name;
}

// Returns the names of the machines that have a thing of the host.
static const char *owner_names(struct map_page *p, const struct map_box *b)
{
    const char *s = map_machine_name(p, b->machine);
    uint32_t last = b->machine, more = 0;
    for (const struct map_box *g = b->peer; g; g = g->next) {
        if (g->machine == last)
            continue;
        last = g->machine;
        if (++more < 3)
            s = arena_printf(p->arena, "%s+%s", s, map_machine_name(p, last));
    }
    return more > 2 ? arena_printf(p->arena, "%s +%u", s, more - 2) : s;
}

const char *map_row_owners(struct map_page *p, const struct map_side *s, const struct map_row *r)
{
    if (p->n < 2)
        return NULL;
    for (uint32_t i = 1; i < r->n; i++)
        if (s->box[r->first + i].machine != s->box[r->first].machine)
            return "several";
    return owner_names(p, &s->box[r->first]);
}

/* ---- what backs a box without an address of the host ---- */

const char *map_memory_backing(struct map_page *p, const struct p_memory *x)
{
    const struct m_memory *m = x->m;
    const char *s = "anonymous pages";
    if (m->backing == BACK_HUGETLB)
        s = arena_printf(p->arena, "huge pages of %s", map_size(p, m->back_arg.value));
    else if (m->backing == BACK_PHYSICAL)
        s = arena_printf(p->arena, "physical %s", map_range(p, m->back_arg.value, x->size));
    else if (m->backing == BACK_CONTIGUOUS)
        s = x->provider == BY_HEAP ? arena_printf(p->arena, "DMA heap %s", m->heap) : "huge pages side by side";
    else if (m->backing == BACK_FILE)
        s = m->back_arg.value ? arena_printf(p->arena, "%s+0x%llx", m->file, (unsigned long long)m->back_arg.value)
                              : m->file;
    return s;
}

const char *map_backing(struct map_page *p, const struct map_box *b)
{
    if (b->kind == BOX_MEMORY)
        return map_memory_backing(p, b->what);
    if (b->kind == BOX_CHIP)
        return ((const struct p_irqchip *)b->what)->in_kvm ? "KVM" : "the VMM";
    if (b->kind == BOX_IRQ) {
        const struct p_irq *q = b->what;
        if (q->source == IRQ_EMULATED)
            return "the VMM";
        return q->file ? q->file : q->device->sysfs_name;
    }
    if (b->kind == BOX_STASH)
        return "on no cpu of its own";
    const struct p_region *r = b->what;
    if (b->look == LOOK_EMULATED)
        return "the VMM";
    if (r->file)
        return arena_printf(p->arena, "%s+0x%llx", r->file, (unsigned long long)r->offset);
    return r->device->sysfs_name;
}

/* ---- guests ---- */

static const char *box_note(struct map_page *p, const struct map_box *b)
{
    if (b->kind == BOX_MEMORY) {
        const struct m_memory *m = ((const struct p_memory *)b->what)->m;
        const char *share = m->share ? arena_printf(p->arena, "shared: %s", m->share) : "";
        return arena_printf(p->arena, "%s%s%s%s%s", share, *share && (m->readonly || m->no_dma) ? ", " : "",
                            m->readonly ? "read only" : "", m->readonly && m->no_dma ? ", " : "",
                            m->no_dma ? "no DMA" : "");
    }
    if (b->kind == BOX_CHIP)
        return ((const struct p_irqchip *)b->what)->class->name;
    const struct p_region *r = b->what;
    if (r->unsafe)
        return arena_printf(p->arena, "unsafe: %s", r->unsafe);
    if (b->look == LOOK_TRAP)
        return "trapped";
    return b->look == LOOK_EMULATED ? "emulated" : NULL;
}

static uint64_t row_end(const struct map_side *s, const struct map_row *r)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct map_box *b = &s->box[r->first + i];
        uint64_t e = b->size > UINT64_MAX - b->start ? UINT64_MAX : b->start + b->size;
        end = e > end ? e : end;
    }
    return end;
}

static uint64_t row_size(const struct map_side *s, const struct map_row *r)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < r->n; i++)
        size += s->box[r->first + i].size;
    return size;
}

void map_label_guest(struct map_page *p, struct map_side *s)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct map_box *b = &s->box[r->first];
        uint64_t last = row_end(s, r);
        r->text[0] = map_range(p, b->start, last - b->start);
        r->text[1] = b->size ? map_size(p, row_size(s, r)) : NULL;
        r->text[2] = r->n > 1 ? map_row_names(p, s, r) : map_box_name(p, b);
        if (r->n == 1)
            r->text[3] = box_note(p, b);
        else if (r->n > MAP_CELLS)
            r->text[3] = arena_printf(p->arena, "%u regions", r->n);
        r->unsafe = r->n == 1 && b->kind == BOX_REGION && ((const struct p_region *)b->what)->unsafe;
        if (r->broken) {
            r->gap = arena_printf(p->arena, "%s empty", map_size(p, b->start - end));
            r->gap_h = MAP_LINE;
        }
        end = last > end ? last : end;
    }
}

const char *map_line_number(struct map_page *p, const struct p_irq *q)
{
    const char *kind = q->kind ? q->kind->name : "";
    return arena_printf(p->arena, *kind ? "%s %s %u" : "%s %s%u", q->chip->name, kind, q->number);
}

const char *map_line_note(struct map_page *p, const struct p_irq *q)
{
    const char *s = q->trigger ? q->trigger->name : "";
    if (q->gsi != UINT32_MAX)
        s = arena_printf(p->arena, "%s%sGSI %u", s, *s ? ", " : "", q->gsi);
    return q->resample ? arena_printf(p->arena, "%s, resampled", s) : s;
}

void map_label_guest_lines(struct map_page *p, struct map_side *s)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct p_irq *first = s->box[r->first].what, *last = s->box[r->first + r->n - 1].what;
        r->text[0] = r->n > 1 ? map_row_names(p, s, r) : map_irq_name(p, first);
        r->text[1] = map_line_number(p, first);
        r->text[2] = map_line_note(p, first);
        if (r->n > 1) {
            r->text[1] = arena_printf(p->arena, "%s \xe2\x80\xa6 %u", r->text[1], last->number);
            r->text[2] = r->n > MAP_CELLS ? arena_printf(p->arena, "%u lines", r->n) : r->text[2];
        }
    }
}

/* ---- the host ---- */

void map_label_host(struct map_page *p)
{
    struct map_side *s = &p->regions;
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct map_box *b = &s->box[r->first];
        r->text[0] = map_range(p, b->start, row_end(s, r) - b->start);
        r->text[1] = host_names(s, r, p);
        r->text[2] = b->look == LOOK_DROP ? "not given" : map_row_owners(p, s, r);
    }
}

void map_label_host_lines(struct map_page *p)
{
    struct map_side *s = &p->wired[WIRES_IRQ];
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct map_box *b = &s->box[r->first];
        const struct p_irq *first = b->what, *last = s->box[r->first + r->n - 1].what;
        r->text[0] = host_irq_text(p->c, first->host);
        r->text[1] = host_names(s, r, p);
        r->text[2] = b->look == LOOK_DROP ? "dropped" : map_row_owners(p, s, r);
        if (r->n > 1)
            r->text[0] = arena_printf(p->arena, "%s \xe2\x80\xa6 %u", r->text[0], last->host->number);
    }
}

/* ---- machines ---- */

const char *map_cpus(struct map_page *p, const struct p_machine *m)
{
    const char *s = m->cpus.n == 1 ? "1 cpu" : arena_printf(p->arena, "%u cpus", m->cpus.n);
    for (uint32_t i = 0; i < m->cpus.n && i < 8; i++)
        if (m->cpus.at[i].host_cpu != UINT32_MAX)
            s = arena_printf(p->arena, "%s%s%u\xe2\x86\x92%u", s,
                             i ? ", " : "; vcpu\xe2\x86\x92host cpu: ", m->cpus.at[i].vcpu, m->cpus.at[i].host_cpu);
    return m->cpus.n > 8 ? arena_printf(p->arena, "%s \xe2\x80\xa6", s) : s;
}
