// SPDX-License-Identifier: MIT
// Buses of the guest that devices without an IOMMU are put on: their `dma-ranges` translates between the guest's memory
// and where the host has it. One for each translation of a bus of the host. dma/bus.c writes the entries.
#include "machine/machine.h"
#include "plan/streams.h"

#include <inttypes.h>

bool wants_dma_bus(struct machine_planner *p, const struct m_passthrough *pass, const char **pool, struct src *where)
{
    const struct m_dma *first = NULL;
    for (uint32_t i = 0; i < pass->parts.n; i++)
        for (uint32_t k = 0; k < pass->parts.at[i].dmas.n; k++) {
            const struct m_dma *m = &pass->parts.at[i].dmas.at[k];
            if (m->mode != DMA_BUS && m->mode != DMA_POOL)
                continue;
            if (first && (first->mode != m->mode || first->name != m->name)) {
                struct diag *d = diag(p->c->diags, E0678, m->at,
                                      "what is below one node is on one bus, and this `dma` needs another one");
                diag_note(d, first->at, "the first is here");
                diag_help(d, "write the same `dma` for both, or pass the nodes through by statements of their own");
                return false;
            }
            first = first ? first : m;
        }
    if (!first)
        return false;
    *pool = first->mode == DMA_POOL ? intern(p->c->names, first->name) : NULL;
    *where = first->at;
    return true;
}

/* ---- the host's side ---- */

static bool same_reach(const struct dma_reach *a, const struct dma_reach *b)
{
    if (!a->bus != !b->bus || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->windows[i].bus != b->windows[i].bus || a->windows[i].cpu != b->windows[i].cpu ||
            a->windows[i].size != b->windows[i].size)
            return false;
    return true;
}

static uint64_t key_of(const struct dma_reach *r)
{
    uint64_t key = r->bus ? r->n + 2 : 1;
    for (uint32_t i = 0; i < r->n; i++)
        key =
            (key ^ r->windows[i].bus ^ r->windows[i].cpu << 1 ^ r->windows[i].size << 2) * UINT64_C(0x9e3779b97f4a7c15);
    return key;
}

/* What a function reaches whose bridge the tree does not tell. False after a message: the bridges differ. */
static bool reach_of_any_bridge(struct machine_planner *p, const struct m_passthrough *pass, struct dma_reach *to)
{
    uint32_t n;
    const struct dt_node *const *bridge = host_bridges(p->file, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct dma_reach reach = dma_reach_of(&p->file->dma, bridge[i]);
        if (i && !same_reach(&reach, to)) {
            struct diag *d = diag(p->c->diags, E0679, pass->at,
                                  "the host's tree does not tell which PCI host bridge `%s` is below, and their "
                                  "`dma-ranges` differ",
                                  pass->name);
            diag_fact(d, "%s: %s and %s", p->host->file, dt_path(p->c->arena, bridge[0]),
                      dt_path(p->c->arena, bridge[i]));
            diag_help(d, "give the bridges `linux,pci-domain` in the tree that the host boots with");
            return false;
        }
        *to = reach;
    }
    return true;
}

/* What the bus reaches that a device is on. False after a message. */
static bool host_reach(struct machine_planner *p, const struct m_passthrough *pass, struct dma_reach *to)
{
    const struct dt_node *n = pass->kind == PASS_NODE ? pass->parts.at[0].node : NULL;
    uint32_t requester;
    *to = (struct dma_reach){0};
    if (pass->kind == PASS_PCI && p->host) {
        n = bridge_of_function(p->file, pass->host_name, &requester);
        if (!n)
            return reach_of_any_bridge(p, pass, to);
    }
    if (n)
        *to = dma_reach_of(&p->file->dma, n);
    return true;
}

/* ---- the guest's side ---- */

/* The bus with this translation, or a new one without a node. */
static struct dma_bus *get_bus(struct machine_planner *p, const struct dma_reach *reach, const char *pool,
                               const struct dt_node *pci, struct src where)
{
    uint64_t key = key_of(reach) ^ (uintptr_t)pci, known = 0;
    map_get(&p->dma_bus_of, (uintptr_t)pool, key, &known);
    // Those with one key differ only by chance.
    struct dma_bus *first = (struct dma_bus *)(uintptr_t)known;
    for (struct dma_bus *b = first; b; b = b->next)
        if (same_reach(&b->host, reach) && b->pci == (pci != NULL))
            return b;
    struct dma_bus *b = NEW(draft_arena(p->c), struct dma_bus);
    *b = (struct dma_bus){.host = *reach, .pool = pool, .pci = pci != NULL, .at = where, .next = first};
    map_put(draft_arena(p->c), &p->dma_bus_of, (uintptr_t)pool, key, (uintptr_t)b);
    vec_push(draft_arena(p->c), &p->dma_buses, b);
    return b;
}

struct dt_node *dma_bus_node(struct machine_planner *p, const struct m_passthrough *pass, const char *pool,
                             struct src where)
{
    struct dma_reach reach;
    if (pass->place->under.name) {
        struct diag *d =
            diag(p->c->diags, E0678, pass->place->under.at,
                 "`dma %s` puts `%s` on a bus of its own, not `under` another node", pool ? "pool" : "bus", pass->name);
        diag_note(d, where, "the `dma` is here");
        diag_help(d, "remove `under`; or write `dma identity unsafe;` and the bus's `dma-ranges` yourself");
        return NULL;
    }
    if (!host_reach(p, pass, &reach))
        return NULL;
    struct dma_bus *b = get_bus(p, &reach, pool, NULL, where);
    if (b->node)
        return b->node;
    b->node = make_from_schema(p, p->m->tree->root, "dma-bus", NULL, where);
    return b->node;
}

bool make_pci_dma_bus(struct machine_planner *p, const struct m_passthrough *pass, struct dt_node *bridge)
{
    struct dma_reach reach;
    const char *pool;
    struct src where;
    if (!wants_dma_bus(p, pass, &pool, &where))
        return true;
    if (!host_reach(p, pass, &reach))
        return false;
    struct dma_bus *b = get_bus(p, &reach, pool, bridge, where);
    b->node = bridge;
    // A bridge has one translation, for all functions on it.
    for (uint32_t i = 0; i < p->dma_buses.n; i++) { // a guest has few bridges, and a bus for each
        const struct dma_bus *other = p->dma_buses.at[i];
        if (other->node != bridge || other == b)
            continue;
        struct diag *d = diag(p->c->diags, E0678, where,
                              "a PCI bus of the guest has one translation of device addresses, "
                              "and `%s` needs another one",
                              pass->name);
        diag_note(d, other->at, "the first function that it was made for is here");
        diag_help(d, "put it on another PCI bus of the guest");
        return false;
    }
    return true;
}
