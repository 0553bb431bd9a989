// SPDX-License-Identifier: MIT
/*
 * Memory that the host's kernel must not use: a node of /reserved-memory for each that is `by reserved` and that the
 * host's tree does not reserve. What only the guest's data is in gets `no-map`; where the guest runs, the kernel has to
 * know the memory as its own (E0541).
 */
#include "machine/machine.h"
#include "prepare/prepare.h"

#include <inttypes.h>

static const struct origin *origin_of_memory(struct overlay *o, const struct p_machine *m, const struct p_memory *x)
{
    struct origin *origin = NEW(o->p->c->arena, struct origin);
    *origin = (struct origin){ORIGIN_COMPUTED, x->m->at,
                              arena_printf(o->p->c->arena, "memory `%s` of machine `%s`", x->m->name, m->name)};
    return origin;
}

/* The node of the overlay for the host's /reserved-memory, which it makes where the host has none. */
static struct dt_node *reserved_memory(struct overlay *o, uint32_t *ac, uint32_t *sc)
{
    const struct dt_tree *t = o->p->host->tree;
    const struct property_names *n = o->p->n;
    const char *name = intern(o->p->c->names, "reserved-memory");
    const struct dt_node *host = dt_child(t, t->root, name), *cells = host ? host : t->root;
    *ac = dt_u32(t, cells, n->address_cells, 2);
    *sc = dt_u32(t, cells, n->size_cells, 1);
    if (host)
        return overlay_of(o, host);
    struct dt_node *root = overlay_of(o, t->root), *made = dt_child(o->tree, root, name);
    if (made)
        return made;
    made = dt_add_child(o->tree, root, name);
    dt_set_cells(o->tree, made, n->address_cells, ac, 1, NULL);
    dt_set_cells(o->tree, made, n->size_cells, sc, 1, NULL);
    dt_set_flag(o->tree, made, n->ranges, NULL);
    return made;
}

static void reserve(struct overlay *o, const struct p_machine *m, const struct p_memory *x)
{
    struct machc *c = o->p->c;
    uint32_t ac, sc;
    struct dt_node *in = reserved_memory(o, &ac, &sc);
    const char *name = intern(c->names, arena_printf(c->arena, "guest-memory@%" PRIx64, x->physical));
    if (dt_child(o->tree, in, name) || !ac || ac > 2 || !sc || sc > 2 || (ac == 1 && x->physical > UINT32_MAX) ||
        (sc == 1 && x->size > UINT32_MAX))
        return; // the other end of a `share`; or memory that the host's cells cannot name, and so cannot have
    const struct origin *origin = origin_of_memory(o, m, x);
    struct dt_node *made = dt_add_child(o->tree, in, name);
    uint8_t *reg = arena_alloc(c->arena, (size_t)(ac + sc) * 4);
    made->origin = origin;
    dt_put_cells(reg, x->physical, ac);
    dt_put_cells(reg + (size_t)ac * 4, x->size, sc);
    dt_set(o->tree, made, o->p->n->reg, reg, (ac + sc) * 4, origin);
    note_kept(o, arena_printf(c->arena, "memory %s", x->m->name), name,
              is_ram_of_guest(x) ? "reserved" : "reserved, without a mapping", m);
    if (!is_ram_of_guest(x))
        dt_set_flag(o->tree, made, intern(c->names, "no-map"), origin);
}

void reserve_memory(struct overlay *o)
{
    for (uint32_t i = 0; i < o->p->plan->machines.n; i++) {
        const struct p_machine *m = o->p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *x = &m->memory.at[k];
            if (x->provider == BY_RESERVED && x->physical != UINT64_MAX && x->size &&
                !is_reserved_by_host(o->p, x->physical, x->size))
                reserve(o, m, x);
        }
    }
}
