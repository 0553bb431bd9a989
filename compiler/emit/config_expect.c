// SPDX-License-Identifier: MIT
// Writes the expectations of a guest.cfg: every fact about the host that the plan relies on and the runtime checks.
#include "emit/config_out.h"

#include <string.h>

/* Adds an expectation. The caller sets its numbers `a` and `b`, if it has any. */
static struct mach_cfg_expect *add_expectation(struct cfg_out *o, enum mach_cfg_expect_kind kind, uint32_t device,
                                               uint32_t index, const char *string)
{
    struct mach_cfg_expect *e = CFG_ADD(o, expect, EXPECT);
    *e = (struct mach_cfg_expect){
        .kind = w32(kind),
        .device = w32(device),
        .index = w32(index),
        .string = cfg_str(o, string),
        .a = w64(MACH_CFG_NONE64),
        .b = w64(MACH_CFG_NONE64),
    };
    return e;
}

static void expect_host(struct cfg_out *o, const struct host *h)
{
    const struct dt_prop *p = dt_prop(h->tree, h->tree->root, intern(o->c->names, "compatible"));
    const char *s = p ? (const char *)p->data : NULL, *end = p ? s + p->len : NULL;
    for (uint32_t i = 0; s < end; i++) {
        size_t n = strnlen(s, (size_t)(end - s));
        if (s + n == end)
            break; // it is not NUL-terminated, so it is not a string
        add_expectation(o, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, i, s);
        s += n + 1;
    }
}

static void expect_cpus(struct cfg_out *o, const struct p_machine *m)
{
    struct map seen = {0};
    uint64_t was;
    for (uint32_t i = 0; i < m->cpus.n; i++) {
        uint32_t cpu = m->cpus.at[i].host_cpu;
        if (cpu == UINT32_MAX || map_get(&seen, cpu, 0, &was))
            continue;
        map_put(o->c->arena, &seen, cpu, 0, 1);
        add_expectation(o, MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, cpu, NULL);
    }
}

// Memory of one size of huge pages has one expectation, with its total size.
static void expect_memory(struct cfg_out *o, const struct p_machine *m)
{
    struct map at = {0}; // page size -> struct mach_cfg_expect *
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *p = &m->memory.at[i];
        uint64_t page = p->m->back_arg.value, known;
        if (p->m->backing != BACK_HUGETLB)
            continue;
        if (map_get(&at, page, 0, &known)) {
            struct mach_cfg_expect *e = (struct mach_cfg_expect *)(uintptr_t)known;
            e->b = w64(mach_cfg_load(e->b.b, sizeof e->b.b) + p->size);
            continue;
        }
        struct mach_cfg_expect *e = add_expectation(o, MACH_CFG_EXPECT_HUGE_PAGES, MACH_CFG_NONE, 0, NULL);
        e->a = w64(page);
        e->b = w64(p->size);
        map_put(o->c->arena, &at, page, 0, (uintptr_t)e);
    }
}

static void expect_place(struct cfg_out *o, uint32_t device, const struct p_region *r)
{
    struct mach_cfg_expect *e = add_expectation(o, MACH_CFG_EXPECT_REGION, device, r->index, r->name);
    e->a = w64(r->host);
    e->b = w64(r->size);
}

static void expect_regions(struct cfg_out *o, uint32_t device, const struct p_device *d)
{
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (d->kind == DEV_RAW) {
            if (r->file && r->mode != REGION_DROP)
                add_expectation(o, MACH_CFG_EXPECT_FILE, device, r->index, r->file);
            if (r->shadow)
                expect_place(o, device, r);
            if (r->prove_free) {
                struct mach_cfg_expect *e = add_expectation(o, MACH_CFG_EXPECT_MEMORY_FREE, device, r->index, d->name);
                e->a = w64(r->host);
                e->b = w64(r->size);
            }
        } else if (!r->window && r->size) { // VFIO does not list windows of `ranges` as regions
            expect_place(o, device, r);
        }
    }
}

static void expect_kvm(struct cfg_out *o, const struct p_machine *m)
{
    for (uint32_t i = 0; i < m->irqchips.n; i++) {
        const struct p_irqchip *chip = m->irqchips.at[i];
        if (chip->in_kvm && chip->class->kvm)
            add_expectation(o, MACH_CFG_EXPECT_KVM_DEVICE, MACH_CFG_NONE, i, chip->class->kvm);
    }
}

static void expect_irqs(struct cfg_out *o, uint32_t device, const struct p_device *d)
{
    if (d->kind == DEV_PLATFORM && d->host)
        add_expectation(o, MACH_CFG_EXPECT_IRQ_COUNT, device, 0, NULL)->a = w64(d->host_irqs);
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        if (q->source == IRQ_FILE && !q->drop)
            add_expectation(o, MACH_CFG_EXPECT_FILE, device, q->index, q->file);
        const struct irq_trigger *t = q->drop ? NULL : q->trigger;
        if (q->host)
            t = q->host->trigger;
        if (q->source == IRQ_DEVICE && t && (q->drop || !q->shares)) // the session opens only one of a line
            add_expectation(o, MACH_CFG_EXPECT_IRQ_TRIGGER, device, q->index, t->name)->a =
                w64(t->level ? MACH_CFG_TRIGGER_LEVEL : MACH_CFG_TRIGGER_EDGE);
    }
}

void cfg_expect_of_host(struct cfg_out *o, const struct plan *p, const struct p_machine *m)
{
    add_expectation(o, MACH_CFG_EXPECT_PAGE_SIZE, MACH_CFG_NONE, 0, NULL)->a = w64(p->model->page_size);
    if (p->model->host)
        expect_host(o, p->model->host);
    expect_kvm(o, m);
    expect_cpus(o, m);
    expect_memory(o, m);
}

void cfg_expect_of_device(struct cfg_out *o, const struct p_device *d)
{
    if (d->kind == DEV_EMULATED)
        return;
    // A node from which Linux makes no device (a PHY, a port) belongs to the device above it: there is nothing to
    // check.
    if (d->kind != DEV_RAW && !d->sysfs_name)
        return;
    if (d->sysfs_name)
        add_expectation(o, MACH_CFG_EXPECT_SYSFS_NAME, d->index, 0, d->sysfs_name);
    // Of a shadow, the host's tree tells: the node stays with its driver, if it has one.
    if ((d->kind == DEV_PLATFORM || (d->kind == DEV_RAW && d->host)) && d->compatible)
        add_expectation(o, MACH_CFG_EXPECT_COMPATIBLE, d->index, 0, d->compatible);
    expect_regions(o, d->index, d);
    expect_irqs(o, d->index, d);
}

void cfg_expect_prepared(struct cfg_out *o, const struct p_machine *m)
{
    static const uint32_t kinds[] = {
        [PROVE_LINK] = MACH_CFG_EXPECT_POWER_LINK,
        [PROVE_PROPERTY] = MACH_CFG_EXPECT_TREE_PROPERTY,
        [PROVE_ARGUMENT] = MACH_CFG_EXPECT_ARGUMENT,
        [PROVE_ISOLATED] = MACH_CFG_EXPECT_CPU_ISOLATED,
    };
    for (uint32_t i = 0; i < m->proofs.n; i++) {
        const struct p_proof *x = &m->proofs.at[i];
        add_expectation(o, kinds[x->kind], x->device ? x->device->index : MACH_CFG_NONE, x->cpu, x->text)->a =
            w64(x->value);
    }
}
