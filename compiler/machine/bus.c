// SPDX-License-Identifier: MIT
// Translates addresses to the guest's buses and checks that their cells can hold them.
#include "machine/machine.h"

#include <inttypes.h>

uint32_t cell_or(struct machine_planner *p, const struct dt_node *n, const char *name, uint32_t fallback)
{
    const struct dt_prop *prop = dt_prop(p->m->tree, n, name);
    return prop && prop->len == 4 ? dt_cell(prop, 0) : fallback;
}

uint64_t read_cells(const struct dt_prop *prop, uint32_t at, uint32_t cells)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < cells; i++)
        v = v << 32 | dt_cell(prop, at + i);
    return v;
}

bool translate_to_bus(struct machine_planner *p, const struct dt_node *bus, uint64_t address, uint64_t size,
                      struct src where, uint64_t *on_bus)
{
    *on_bus = address;
    if (!bus->parent)
        return true;
    if (!translate_to_bus(p, bus->parent, address, size, where, &address))
        return false;
    const struct dt_prop *ranges = dt_prop(p->m->tree, bus, p->n->ranges);
    if (!ranges) {
        struct diag *d =
            diag(p->c->diags, E0505, where, "the guest's cpus cannot reach devices under %s: it has no `ranges`",
                 dt_path(p->c->arena, bus));
        diag_help(d, "add `ranges;` to it, and give it as many cells as its parent has");
        return false;
    }
    *on_bus = address;
    if (!ranges->len)
        return true;
    uint32_t na = cell_or(p, bus, p->n->address_cells, 2), ns = cell_or(p, bus, p->n->size_cells, 1);
    uint32_t pna = cell_or(p, bus->parent, p->n->address_cells, 2), step = na + pna + ns;
    for (uint32_t i = 0; na <= 3 && pna <= 2 && ns <= 2 && step && (i + step) * 4 <= ranges->len; i += step) {
        uint64_t child = read_cells(ranges, i + (na == 3), na == 3 ? 2 : na);
        uint64_t parent = read_cells(ranges, i + na, pna), len = read_cells(ranges, i + na + pna, ns);
        if (address >= parent && address - parent < len && len - (address - parent) >= size) {
            *on_bus = child + (address - parent);
            return true;
        }
    }
    struct diag *d = diag(p->c->diags, E0506, where, "0x%" PRIx64 "..0x%" PRIx64 " is not in the `ranges` of %s",
                          address, address + (size - 1), dt_path(p->c->arena, bus));
    diag_help(d, "add an entry, or use an empty `ranges;` if its addresses are the same as those of its parent");
    return false;
}

bool check_cells_hold(struct machine_planner *p, const struct dt_node *bus, uint64_t on_bus, uint64_t size, bool sized,
                      struct src where)
{
    uint32_t na = cell_or(p, bus, p->n->address_cells, 2), ns = cell_or(p, bus, p->n->size_cells, 1);
    if (!na || na > 2 || !ns || ns > 2) {
        struct diag *d = diag(p->c->diags, E0515, where,
                              "%s has #address-cells %u and #size-cells %u, which do not suit a device with registers",
                              dt_path(p->c->arena, bus), na, ns);
        diag_help(d, "put it `under` a node with `#address-cells = <2>; #size-cells = <2>; ranges;`");
        return false;
    }
    if ((na == 2 || on_bus + (size - 1) <= UINT32_MAX) && (!sized || ns == 2 || size <= UINT32_MAX))
        return true;
    struct diag *d =
        diag(p->c->diags, E0516, where,
             "0x%" PRIx64 "..0x%" PRIx64 " does not fit into the cells of %s: #address-cells %u, #size-cells %u",
             on_bus, on_bus + (size - 1), dt_path(p->c->arena, bus), na, ns);
    diag_help(d, "give that bus 2 address cells and 2 size cells");
    return false;
}
