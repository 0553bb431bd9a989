// SPDX-License-Identifier: MIT
// The host's tree indexed: one walk for buses, regions and interrupts.
#include "host/internal.h"

static void take_names(struct machc *c, struct host_private *p)
{
    struct intern *t = c->names;
    p->address_cells = intern(t, "#address-cells");
    p->size_cells = intern(t, "#size-cells");
    p->reg = intern(t, "reg");
    p->reg_names = intern(t, "reg-names");
    p->ranges = intern(t, "ranges");
    p->interrupts = intern(t, "interrupts");
    p->interrupts_extended = intern(t, "interrupts-extended");
    p->interrupt_names = intern(t, "interrupt-names");
    p->interrupt_parent = intern(t, "interrupt-parent");
    p->interrupt_cells = intern(t, "#interrupt-cells");
    p->interrupt_controller = intern(t, "interrupt-controller");
    p->interrupt_map = intern(t, "interrupt-map");
    p->interrupt_map_mask = intern(t, "interrupt-map-mask");
    p->interrupt_map_pass_thru = intern(t, "interrupt-map-pass-thru");
    p->compatible = intern(t, "compatible");
    p->device_type = intern(t, "device_type");
    p->status = intern(t, "status");
    p->mask = intern(t, "mask");
    p->aliases = intern(t, "aliases");
    p->phandle = intern(t, "phandle");
    p->linux_phandle = intern(t, "linux,phandle");
}

const char *host_base_name(const struct host *h, const struct dt_node *n)
{
    const char *at = strchr(n->name, '@');
    return at ? intern_n(h->tree->names, n->name, (size_t)(at - n->name)) : n->name;
}

// The next string of a list that is read once from its start; NULL at the end.
static const char *next_string(const struct dt_prop *p, uint32_t *at)
{
    if (!p || *at >= p->len)
        return NULL;
    const char *s = (const char *)p->data + *at;
    const char *nul = memchr(s, 0, p->len - *at);
    *at = nul ? (uint32_t)(nul + 1 - (const char *)p->data) : p->len;
    return nul ? s : NULL;
}

static void reg_length(struct indexing *x, const struct dt_node *n, const struct dt_prop *p, const struct host_bus *b)
{
    if (!noise_ok(&x->noise, W0708))
        return;
    uint32_t entry = (b->address_cells + b->size_cells) * 4;
    struct diag *d = diag(x->c->diags, W0708, dt_place(p, x->at), "%s`reg` of %s has %u bytes; an entry has %u",
                          dt_whose(x->c->arena, x->h->file, p), dt_show_path(x->c->arena, n), p->len, entry);
    diag_fact(d, "%s has #address-cells %u and #size-cells %u", dt_show_path(x->c->arena, n->parent), b->address_cells,
              b->size_cells);
}

static void read_regions(struct indexing *x, const struct dt_node *n)
{
    struct host_private *p = x->h->p;
    const struct dt_prop *reg = n->parent ? dt_prop(x->h->tree, n, p->reg) : NULL;
    if (!reg)
        return;
    const struct host_bus *b = p->buses[n->parent->id];
    if (!b->usable)
        return;
    uint32_t entry = (b->address_cells + b->size_cells) * 4;
    if (!entry || reg->len % entry)
        reg_length(x, n, reg, b);
    const struct dt_prop *names = dt_prop(x->h->tree, n, p->reg_names);
    uint32_t name = 0;
    for (uint32_t i = 0; entry && i < reg->len / entry; i++) {
        const uint8_t *cell = reg->data + (size_t)i * entry;
        struct bus_address a = host_bus_address(cell, b->address_cells);
        struct host_region *r = vec_add(x->c->arena, &x->regions);
        r->node = n;
        r->node_id = n->id;
        r->index = i;
        r->bus = a.low;
        r->name = next_string(names, &name);
        bool fits = host_number(cell + (size_t)b->address_cells * 4, b->size_cells, &r->size);
        if (!fits || (r->size && a.low + (r->size - 1) < a.low)) {
            if (noise_ok(&x->noise, W0710))
                diag(x->c->diags, W0710, dt_place(reg, x->at),
                     "%sregion %u of %s goes beyond 64 bits: %#llx, size %s%#llx",
                     dt_whose(x->c->arena, x->h->file, reg), i, dt_show_path(x->c->arena, n), (unsigned long long)a.low,
                     fits ? "" : "...", (unsigned long long)r->size);
            continue;
        }
        // The `reg` of a PCI function is its place in configuration space and the kinds of its BARs.
        const struct dt_node *blocked;
        r->translated =
            b->size_cells && !b->pci && host_translate_address(x->h, n->parent, a, r->size, &r->address, &blocked);
    }
}

struct host *host_index(struct machc *c, const struct schemas *s, struct dt_tree *t, const char *file, struct src at)
{
    struct host *h = NEW(c->arena, struct host);
    struct indexing *x = NEW(c->arena, struct indexing);
    h->tree = t;
    h->file = dt_show(c->arena, file);
    h->schemas = s;
    h->nodes = arena_array(c->arena, t->nnodes, sizeof *h->nodes);
    h->by_phandle = t->phandles;
    h->p = NEW(c->arena, struct host_private);
    h->p->buses = arena_array(c->arena, t->nnodes, sizeof(struct host_bus *));
    h->p->irq_parent = arena_array(c->arena, t->nnodes, sizeof(struct dt_node *));
    take_names(c, h->p);
    x->c = c;
    x->h = h;
    x->at = at;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        if (n->child || dt_prop(t, n, h->p->ranges))
            host_read_bus(x, n);
        host_read_irq_parent(x, n);
    }
    // Interrupts may lead to nodes further down, so they come when all of those are known.
    vec_expect(c->arena, &x->regions, t->nnodes); // most nodes have one region or none
    vec_expect(c->arena, &x->irqs, t->nnodes / 4);
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        struct host_node *side = &h->nodes[n->id];
        side->first_region = x->regions.n;
        read_regions(x, n);
        side->nregions = x->regions.n - side->first_region;
        host_read_irqs(x, n);
    }
    h->regions = x->regions.at;
    h->nregions = x->regions.n;
    h->irqs = x->irqs.at;
    h->nirqs = x->irqs.n;
    host_make_spans(c, h);
    host_index_irqs(c, h);
    host_number_cpus(c, h);
    noise_end(c, &x->noise, h->file, at);
    return h;
}

struct dt_node *host_phandle(const struct host *h, uint32_t phandle)
{
    return map_getp(&h->by_phandle, (void *)(uintptr_t)phandle, NULL);
}

bool host_disabled(const struct host *h, const struct dt_node *n)
{
    return dt_is_disabled(h->tree, n, h->p->status);
}
