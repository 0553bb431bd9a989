// SPDX-License-Identifier: MIT
// Writes the tooltips of boxes.
#include "map/map.h"

static const char *how_text(uint8_t how)
{
    static const char *const words[] = {[HOW_WRITTEN] = "as written",
                                        [HOW_SCHEMA] = "from a schema",
                                        [HOW_DEFAULT] = "the default",
                                        [HOW_CHOSEN] = "chosen"};
    return words[how];
}

static const char *append_path(struct map_page *p, const char *s, const struct dt_node *host)
{
    return host ? arena_printf(p->arena, "%s\n%s", s, dt_path(p->arena, host)) : s;
}

static const char *append_writes(struct map_page *p, const char *s, const struct p_shadow *shadow)
{
    enum { LISTED = 12 };
    s = arena_printf(p->arena, "%s\nshadow: %s", s,
                     shadow->writes.n ? "the guest writes the bits below" : "the guest writes nothing");
    for (uint32_t i = 0; i < shadow->writes.n && i < LISTED; i++) {
        const struct p_write *w = &shadow->writes.at[i];
        s = arena_printf(p->arena, "%s\n0x%x: 0x%x%s", s, w->offset, w->mask, w->hiword ? ", selected" : "");
    }
    return shadow->writes.n > LISTED ? arena_printf(p->arena, "%s\nand %u more", s, shadow->writes.n - LISTED) : s;
}

static const char *region_title(struct map_page *p, const struct map_box *b)
{
    static const char *const looks[] = {[LOOK_MAP] = "mapped",
                                        [LOOK_TRAP] = "trapped: each access goes through the VMM",
                                        [LOOK_EMULATED] = "emulated by the VMM",
                                        [LOOK_DROP] = "not given to the guest"};
    const struct p_region *r = b->what;
    const char *s = arena_printf(p->arena, "%s, %s: %s", map_region_name(p, r), map_size(p, r->size), looks[b->look]);
    if (r->unsafe)
        s = arena_printf(p->arena, "%s\nunsafe: %s", s, r->unsafe);
    if (r->guest != UINT64_MAX)
        s = arena_printf(p->arena, "%s\nguest %s, %s", s, map_range(p, r->guest, r->size), how_text(r->how));
    if (r->host != UINT64_MAX && b->look != LOOK_EMULATED)
        s = arena_printf(p->arena, "%s\nhost %s", s, map_range(p, r->host, r->size));
    else if (map_backing(p, b))
        s = arena_printf(p->arena, "%s\nfrom %s", s, map_backing(p, b));
    s = append_path(p, s, r->device->host);
    return r->shadow ? append_writes(p, s, r->shadow) : s;
}

const char *map_title(struct map_page *p, const struct map_box *b)
{
    const char *s = map_machine_name(p, b->machine);
    if (b->kind == BOX_REGION)
        return arena_printf(p->arena, "%s: %s", s, region_title(p, b));
    if (b->kind == BOX_MEMORY) {
        const struct p_memory *m = b->what;
        return arena_printf(p->arena, "%s: memory %s, %s\nguest %s, %s\nfrom %s", s, m->m->name, map_size(p, m->size),
                            map_range(p, m->address, m->size), how_text(m->how), map_memory_backing(p, m));
    }
    if (b->kind == BOX_CHIP) {
        const struct p_irqchip *chip = b->what;
        return arena_printf(p->arena, "%s: %s, %s, by %s\nguest %s", s, map_box_name(p, b), chip->class->name,
                            map_backing(p, b), map_range(p, chip->address[b->part], chip->size[b->part]));
    }
    if (b->kind == BOX_STASH) {
        const struct p_dma *d = b->what;
        const char *entry = d->stash->entry != UINT32_MAX ? arena_printf(p->arena, ", entry %u", d->stash->entry) : "";
        return arena_printf(p->arena, "%s: writes of %s\nstash %s%s%s%s\ninto %s", s, map_domain_name(p, d),
                            map_stash_wanted(p, d->stash), d->stash->persistent ? ", persistent memory" : "", entry,
                            d->stash->if_possible ? ", if possible" : "", map_stash_target(p, d->stash));
    }
    const struct p_irq *q = b->what;
    s = arena_printf(p->arena, "%s: %s", s, map_irq_name(p, q));
    if (!q->drop)
        s = arena_printf(p->arena, "%s\nguest %s, %s", s, map_line_number(p, q), map_line_note(p, q));
    const char *from = q->host ? host_irq_text(p->c, q->host) : map_backing(p, b);
    if (from)
        s = arena_printf(p->arena, "%s\nfrom %s", s, from);
    return append_path(p, s, q->device->host);
}
