// SPDX-License-Identifier: MIT
// The name under which Linux shows a node's platform device.
#include "host/internal.h"

#include <strings.h>

// Where the node's first register is, as Linux's of_translate_address() sees it: the size does not matter, but must be
// said.
static bool unit_address(const struct host *h, const struct dt_node *n, uint64_t *address)
{
    const struct dt_prop *reg = dt_prop(h->tree, n, h->p->reg);
    const struct host_bus *b = h->p->buses[n->parent->id];
    const struct dt_node *blocked;
    if (!reg || !b->usable || !b->address_cells || !b->size_cells || reg->len / 4 < b->address_cells)
        return false;
    return host_translate_address(h, n->parent, host_bus_address(reg->data, b->address_cells), 1, address, &blocked);
}

/*
 * linux-6.12 drivers/of/device.c, of_device_make_bus_id(): the first node upwards with an address gives the front part,
 * "%llx.%pOFn" (with a `mask` property "%llx.%x.%pOFn"); nodes without one put their full names in front, joined by
 * ":".
 */
const char *host_sysfs_name(struct machc *c, const struct host *h, const struct dt_node *n)
{
    const char *rest = NULL;
    for (; n->parent; n = n->parent) {
        const char *colon = rest ? ":" : "", *tail = rest ? rest : "";
        uint64_t address;
        if (unit_address(h, n, &address)) {
            const char *base = host_base_name(h, n);
            const struct dt_prop *mask = dt_prop(h->tree, n, h->p->mask);
            // As the kernel prints it: ffs() of 0 is 0, so an empty mask comes out as ffffffff.
            if (mask && mask->len >= 4)
                return arena_printf(c->arena, "%llx.%x.%s%s%s", (unsigned long long)address,
                                    (unsigned)ffs((int)dt_cell(mask, 0)) - 1, base, colon, tail);
            return arena_printf(c->arena, "%llx.%s%s%s", (unsigned long long)address, base, colon, tail);
        }
        rest = arena_printf(c->arena, "%s%s%s", n->name, colon, tail);
    }
    return rest ? rest : "";
}
