// SPDX-License-Identifier: MIT
// Nodes with an interrupt-map (Devicetree Specification 0.4, 2.4.3 and 2.5).
#include "host/internal.h"

enum { NONE = UINT32_MAX, MAX_ADDRESS = 8 };

// A hash of the cells that the mask lets through.
static uint64_t hash_masked(const struct nexus *x, const uint8_t *address, const uint8_t *spec)
{
    uint8_t cells[(MAX_ADDRESS + HOST_MAX_CELLS) * 4];
    uint32_t split = x->address_cells * 4, all = split + x->cells * 4;
    for (uint32_t i = 0; i < all; i++)
        cells[i] = (i < split ? address[i] : spec[i - split]) & (x->mask ? x->mask[i] : 0xff);
    return hash_bytes(x->key, cells, all);
}

static bool is_same_interrupt(const struct nexus *x, const struct nexus_entry *e, const uint8_t *address,
                              const uint8_t *spec)
{
    uint32_t split = x->address_cells * 4, all = split + x->cells * 4;
    for (uint32_t i = 0; i < all; i++) {
        uint8_t b = i < split ? address[i] : spec[i - split];
        if ((b ^ e->child[i]) & (x->mask ? x->mask[i] : 0xff))
            return false;
    }
    return true;
}

const struct nexus_entry *host_nexus_find(const struct host *h, const struct nexus *x, const uint8_t *address,
                                          const uint8_t *spec)
{
    uint64_t i;
    if (!map_get(&x->by_key, hash_masked(x, address, spec), 0, &i))
        return NULL;
    // An entry whose parent is disabled does not match (of_irq_parse_raw).
    for (; i != NONE; i = x->entries.at[i].next)
        if (is_same_interrupt(x, &x->entries.at[i], address, spec) && !host_disabled(h, x->entries.at[i].parent))
            return &x->entries.at[i];
    return NULL;
}

const uint8_t *host_nexus_spec(struct machc *c, const struct nexus *x, const struct nexus_entry *e, const uint8_t *spec)
{
    bool own = x->own && x->cells && e->nspec && be32(spec + (size_t)(x->cells - 1) * 4);
    if (!x->pass && !own)
        return e->spec;
    uint8_t *out = arena_alloc(c->arena, (size_t)e->nspec * 4 + 1);
    memcpy(out, e->spec, (size_t)e->nspec * 4);
    for (uint32_t i = 0; x->pass && i < x->cells * 4 && i < e->nspec * 4; i++)
        out[i] = (uint8_t)((out[i] & ~x->pass[i]) | (spec[i] & x->pass[i]));
    if (own)
        memcpy(out + (size_t)(e->nspec - 1) * 4, spec + (size_t)(x->cells - 1) * 4, 4);
    return out;
}

static void bad_map(struct indexing *x, const struct dt_node *n, struct nexus *nexus, const char *what)
{
    nexus->problem =
        arena_printf(x->c->arena, "the interrupt-map of %s cannot be read: %s", dt_show_path(x->c->arena, n), what);
    const struct dt_prop *map = dt_prop(x->h->tree, n, x->h->p->interrupt_map);
    if (noise_ok(&x->noise, W0712))
        diag(x->c->diags, W0712, dt_place(map, x->at), "%s%s", dt_whose(x->c->arena, x->h->file, map), nexus->problem);
}

// Linux takes #address-cells of a nexus from further up where it has none (drivers/of/irq.c, of_irq_parse_raw).
static uint32_t unit_cells(const struct host *h, const struct dt_node *n)
{
    for (; n; n = n->parent) {
        const struct dt_prop *p = dt_prop(h->tree, n, h->p->address_cells);
        if (p)
            return p->len == 4 ? dt_cell(p, 0) : NONE;
    }
    return 2;
}

static void read_entries(struct indexing *x, const struct dt_node *n, struct nexus *nexus, const struct dt_prop *map)
{
    struct host_private *p = x->h->p;
    uint32_t child = (nexus->address_cells + nexus->cells) * 4;
    for (uint32_t at = 0; at < map->len;) {
        uint32_t number = nexus->entries.n;
        if (map->len - at < child + 4) {
            bad_map(x, n, nexus, arena_printf(x->c->arena, "entry %u is cut off", number));
            return;
        }
        uint32_t phandle = be32(map->data + at + child);
        const struct dt_node *parent = host_phandle(x->h, phandle);
        const struct dt_prop *cells = parent ? dt_prop(x->h->tree, parent, p->interrupt_cells) : NULL;
        if (!cells || cells->len != 4 || dt_cell(cells, 0) > HOST_MAX_CELLS) {
            bad_map(x, n, nexus,
                    parent ? arena_printf(x->c->arena, "entry %u goes to %s, which has no proper #interrupt-cells",
                                          number, dt_show_path(x->c->arena, parent))
                           : arena_printf(x->c->arena, "entry %u goes to the phandle %#x, which no node has", number,
                                          phandle));
            return;
        }
        // Without #address-cells a controller takes no unit address: 0, not 2 (of_irq_parse_raw).
        uint32_t naddress = nexus->own ? 0 : dt_u32(x->h->tree, parent, p->address_cells, 0), nspec = dt_cell(cells, 0);
        if (naddress > MAX_ADDRESS || map->len - at - child - 4 < (naddress + nspec) * 4) {
            bad_map(x, n, nexus, arena_printf(x->c->arena, "entry %u is cut off", number));
            return;
        }
        struct nexus_entry *e = vec_add(x->c->arena, &nexus->entries);
        e->child = map->data + at;
        e->nchild = child / 4;
        e->parent = parent;
        e->address = e->child + child + 4;
        e->naddress = naddress;
        e->spec = e->address + (size_t)naddress * 4;
        e->nspec = nspec;
        at += child + 4 + (naddress + nspec) * 4;
    }
}

/* What is known of a controller whose interrupt-map Linux's core does not read; or NULL. */
static const struct linux_node *own_map(struct indexing *x, const struct dt_node *n)
{
    const struct dt_prop *compatible = dt_prop(x->h->tree, n, x->h->p->compatible);
    const char *s;
    for (uint32_t i = 0; x->h->schemas && compatible && (s = dt_string(compatible, i)); i++) {
        const struct linux_node *facts = schema_linux(x->h->schemas, intern(x->c->names, s));
        if (facts && facts->is & LINUX_OWN_MAP)
            return facts;
    }
    return NULL;
}

struct nexus *host_nexus(struct indexing *x, const struct dt_node *n)
{
    struct host_private *p = x->h->p;
    const struct dt_prop *map = dt_prop(x->h->tree, n, p->interrupt_map);
    const struct linux_node *own = map ? own_map(x, n) : NULL;
    if (!map || (own && !own->map_before)) // where nobody reads the map, it is a controller
        return NULL;
    struct nexus *nexus = map_getp(&p->nexus, n, NULL);
    if (nexus)
        return nexus;
    nexus = NEW(x->c->arena, struct nexus);
    map_putp(x->c->arena, &p->nexus, n, NULL, nexus);
    nexus->key = arena_key(x->c->arena);
    nexus->address_cells = unit_cells(x->h, n);
    nexus->cells = dt_u32(x->h->tree, n, p->interrupt_cells, 0);
    if (nexus->address_cells > MAX_ADDRESS || nexus->cells > HOST_MAX_CELLS || !nexus->cells) {
        bad_map(x, n, nexus, "#address-cells and #interrupt-cells of the node are out of range");
        return nexus;
    }
    nexus->own = own;
    if (own && (nexus->address_cells + nexus->cells != own->map_parent || own->map_before != own->map_parent + 1U)) {
        bad_map(x, n, nexus, "its cells are not those that its driver reads");
        return nexus;
    }
    const struct dt_prop *pass = dt_prop(x->h->tree, n, p->interrupt_map_pass_thru);
    nexus->pass = pass && pass->len == nexus->cells * 4 ? pass->data : NULL;
    const struct dt_prop *mask = dt_prop(x->h->tree, n, p->interrupt_map_mask);
    if (mask && mask->len == (nexus->address_cells + nexus->cells) * 4)
        nexus->mask = mask->data;
    else if (mask && noise_ok(&x->noise, W0712))
        diag(x->c->diags, W0712, dt_place(mask, x->at),
             "%sinterrupt-map-mask of %s has %u bytes instead of %u; it is not used",
             dt_whose(x->c->arena, x->h->file, mask), dt_show_path(x->c->arena, n), mask->len,
             (nexus->address_cells + nexus->cells) * 4);
    read_entries(x, n, nexus, map);
    // From the end, so that the first of several entries for the same interrupt is found.
    for (uint32_t i = nexus->entries.n; i--;) {
        struct nexus_entry *e = &nexus->entries.at[i];
        uint64_t k = hash_masked(nexus, e->child, e->child + (size_t)nexus->address_cells * 4), next = NONE;
        map_get(&nexus->by_key, k, 0, &next);
        e->next = (uint32_t)next;
        map_put(x->c->arena, &nexus->by_key, k, 0, i);
    }
    return nexus;
}

const struct nexus_entry *host_map_entries(const struct host *h, const struct dt_node *node, uint32_t *n)
{
    const struct nexus *nexus = map_getp(&h->p->nexus, node, NULL);
    *n = nexus && !nexus->pass ? nexus->entries.n : 0;
    return *n ? nexus->entries.at : NULL;
}
