// SPDX-License-Identifier: MIT
// Makes the records, registers and interrupts of emulated devices. new_nodes.c makes their nodes later.
#include "machine/machine.h"

#include <inttypes.h>

static void plan_emulated(struct machine_planner *p, const struct m_device *dev)
{
    struct p_device *d = new_device(p, dev->name, DEV_EMULATED, dev->at);
    d->emulated = dev;
    d->class = dev->class;
    map_putp(draft_arena(p->c), &p->devices, dev->name, NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    struct opt_u64 none = {0};
    for (uint32_t i = 0; i < dev->class->nregions; i++) {
        const struct schema_region *s = &dev->class->regions[i];
        uint64_t size = i == 0 && dev->size.set ? dev->size.value : s->size + s->per_cpu * p->m->cpus.n;
        struct p_region *r = new_region(p, d, i, size, i == 0 ? &dev->address : &none,
                                        i == 0 && dev->address.set ? dev->address.at : dev->at);
        r->name = s->name;
        r->align = s->align ? s->align : 1;
        r->mode = REGION_TRAP; // the VMM emulates it
        if (r->how == HOW_WRITTEN) {
            if (r->guest % r->align)
                diag_help_number(diag(p->c->diags, E0517, dev->address.at,
                                      "the address of a `%s` must be aligned to 0x%" PRIx64 "; 0x%" PRIx64 " is not",
                                      dev->class->name, r->align, r->guest),
                                 "at ", r->guest / r->align * r->align, "");
            claim_region(p, r, bare_region_text(p, d, r), dev->address.at);
        }
    }
    const struct opt_u64 *needless = dev->address.set ? &dev->address : &dev->size;
    if (!dev->class->nregions && needless->set)
        diag_help(diag(p->c->diags, E0518, needless->at, "a `%s` has no registers to place", dev->class->name),
                  "remove `%s`", needless == &dev->size ? "size" : "at");
    else if (dev->size.set && !dev->size.value)
        diag_help(diag(p->c->diags, E0535, dev->size.at, "the size of a device's registers is 0"),
                  "remove `size`: a `%s` has 0x%" PRIx64 " bytes", dev->class->name, dev->class->regions[0].size);
    for (uint32_t i = 0; i < dev->class->nirqs; i++) {
        const struct schema_irq *s = &dev->class->irqs[i];
        struct p_irq *irq = NEW(p->c->arena, struct p_irq);
        *irq = (struct p_irq){.device = d,
                              .index = i,
                              .name = s->name,
                              .source = IRQ_EMULATED,
                              .at = i == 0 && dev->irq.set ? dev->irq.at : dev->at};
        struct p_irqchip *root = p->m->irqchips.n ? p->m->irqchips.at[0] : NULL;
        for (uint32_t k = 0; root && s->kind && k < root->class->nkinds; k++)
            if (!strcmp(root->class->kinds[k].name, s->kind))
                irq->kind = &root->class->kinds[k];
        // A class names its trigger in the words of its own platform; a controller without that word uses its default.
        for (uint32_t k = 0; root && s->trigger && k < root->class->ntriggers; k++)
            if (!strcmp(root->class->triggers[k].name, s->trigger))
                irq->trigger = &root->class->triggers[k];
        link_irq(p, irq, i == 0 ? &dev->irq : NULL);
    }
    if (!dev->class->nirqs && dev->irq.set)
        diag_help(diag(p->c->diags, E0367, dev->irq.at, "a `%s` has no interrupt", dev->class->name), "remove `irq`");
}

void plan_emulated_devices(struct machine_planner *p)
{
    enter_step(p, STEP_EMULATED);
    const struct m_machine *m = p->m->m;
    vec_expect(draft_arena(p->c), &p->claims, m->passthroughs.n);
    for (uint32_t i = 0; i < m->devices.n; i++)
        plan_emulated(p, &m->devices.at[i]);
}
