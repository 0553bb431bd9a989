// SPDX-License-Identifier: MIT
// Regions of copied nodes, and their `reg` on the guest's bus.
#include "base/sorted.h"
#include "machine/machine.h"

#include <inttypes.h>
#include <stdlib.h>

/* Returns the name that the node has for a region, or the class if the node has no `reg-names`; or NULL. */
static const char *region_name(const struct machine_planner *p, const struct copied *k, const struct host_region *h)
{
    if (h->name)
        return h->name;
    const struct dev_class *class = k->device && k->device->host == h->node ? k->device->class : NULL;
    bool named = p->host->regions[p->host->nodes[h->node_id].first_region].name;
    return class && !named && h->index < class->nregions ? class->regions[h->index].name : NULL;
}

/* Returns the index of the `region` statement for each entry of the node's `reg`; NULL if there are no statements. */
static const uint32_t *region_statements(struct machine_planner *p, const struct copied *k)
{
    static const struct part_kind kind = {"region", "regions", "reg-names", E0324, E0507, E0508};
    const struct host_node *hn = &p->host->nodes[k->host_id];
    uint32_t n = k->part ? k->part->regions.n : 0;
    if (!n)
        return NULL;
    struct part_statement *statements = arena_array(draft_arena(p->c), n, sizeof *statements);
    struct node_part *parts = arena_array(draft_arena(p->c), hn->nregions + 1, sizeof *parts);
    for (uint32_t i = 0; i < n; i++)
        statements[i] = (struct part_statement){&k->part->regions.at[i].which, k->part->regions.at[i].at};
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *h = &p->host->regions[hn->first_region + i];
        parts[i] = (struct node_part){h->index, region_name(p, k, h)};
    }
    return match_statements(p, k, &kind, statements, n, parts, hn->nregions);
}

/* ---- regions of a device by their address on the host ---- */

struct placed {
    uint64_t first, last;
    uint64_t reach; // the furthest `last` of this and those before it
    uint32_t index; // in the device's list
};

struct placed_list {
    uint32_t regions; // that the device had: it may have got more since
    VEC(struct placed) list;
};

static int by_address(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : (x->index > y->index) - (x->index < y->index);
}

static const struct placed_list *regions_by_address(struct machine_planner *p, const struct p_device *d)
{
    struct placed_list *all = map_getp(&p->regions_of, d, NULL);
    if (all && all->regions == d->regions.n)
        return all;
    all = NEW(draft_arena(p->c), struct placed_list);
    all->regions = d->regions.n;
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (r->size && r->host <= UINT64_MAX - (r->size - 1))
            vec_push(draft_arena(p->c), &all->list, ((struct placed){r->host, r->host + (r->size - 1), 0, i}));
    }
    if (all->list.n)
        qsort(all->list.at, all->list.n, sizeof *all->list.at, by_address);
    for (uint32_t i = 0; i < all->list.n; i++) {
        struct placed *x = &all->list.at[i];
        x->reach = i && x[-1].reach > x->last ? x[-1].reach : x->last;
    }
    map_putp(draft_arena(p->c), &p->regions_of, d, NULL, all);
    return all;
}

/* The first of the device's regions that contains [first, last]. */
static const struct p_region *own_region_containing(struct machine_planner *p, const struct p_device *d, uint64_t first,
                                                    uint64_t last)
{
    const struct placed_list *all = regions_by_address(p, d);
    uint32_t found = UINT32_MAX;
    for (uint32_t i = sorted_up_to(all->list.at, all->list.n, sizeof *all->list.at, first); i; i--) {
        const struct placed *x = &all->list.at[i - 1];
        if (x->reach < last)
            break;
        if (x->last >= last && d->regions.at[x->index]->mode != REGION_DROP && x->index < found)
            found = x->index;
    }
    return found == UINT32_MAX ? NULL : d->regions.at[found];
}

const struct p_region *region_containing(struct machine_planner *p, const struct p_device *d, uint64_t address,
                                         uint64_t size)
{
    const struct p_region *r = NULL;
    uint64_t last = address + (size - 1);
    for (; d && !r && last >= address; d = d->parent)
        r = own_region_containing(p, d, address, last);
    return r;
}

void add_region(struct machine_planner *p, struct p_device *d, const struct p_region *r, struct src where)
{
    struct p_region *n = NEW(p->c->arena, struct p_region);
    *n = *r;
    n->device = d;
    vec_push(p->c->arena, &d->regions, n);
    if (n->mode != REGION_DROP && n->guest != UINT64_MAX)
        claim_region(p, n, NULL, where);
}

/*
 * Whether the node keeps its address on the guest's bus. On a bus without sizes, such as I2C, the address belongs to
 * the device, and is the same on any other bus of that kind.
 */
static bool keeps_address(struct machine_planner *p, const struct dt_node *host, const struct dt_node *bus)
{
    return !host_size_cells(p->host, host->parent) && !cell_or(p, bus, p->n->size_cells, 1) &&
           host_address_cells(p->host, host->parent) == cell_or(p, bus, p->n->address_cells, 2);
}

/*
 * Returns the node through whose driver a region is accessed that the cpus cannot reach. Returns NULL if the region is
 * only a number, as for regulator@0 below a node that numbers its children.
 */
static const struct dt_node *node_providing_access(struct machine_planner *p, const struct host_region *h)
{
    for (const struct dt_node *n = h->node->parent; n && n->parent; n = n->parent)
        if (p->host->nodes[n->id].nregions)
            return n;
    return h->size ? h->node->parent : NULL;
}

/* Linux makes no device from a node without a `compatible`, so no driver can be bound to it. */
static void report_no_device(struct machine_planner *p, const struct copied *k)
{
    if (dt_prop(p->host->tree, k->host, p->n->compatible) || !p->host->nodes[k->host_id].nregions)
        return;
    struct diag *d = diag(p->c->diags, E0398, k->part->at, "Linux makes no device from %s, which has no `compatible`",
                          dt_path(p->c->arena, k->host));
    if (k->host->parent->parent)
        diag_help(d, "pass %s through if it is a part of that; otherwise add a `compatible` to it in the host's tree",
                  dt_path(p->c->arena, k->host->parent));
    else
        diag_help(d, "add its `compatible` to the tree that the host boots with");
}

void check_part_regions(struct machine_planner *p, const struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *h = &p->host->regions[hn->first_region + i];
        if (!h->translated || !h->size || region_containing(p, k->device, h->address, h->size))
            continue;
        const char *path = dt_path(p->c->arena, k->host), *top = dt_path(p->c->arena, k->pass->parts.at[0].node);
        struct diag *d = diag(
            p->c->diags, E0398, k->pass->parts.at[0].at,
            "VFIO cannot provide region %u of %s: Linux makes no device from a node without a `compatible`", i, path);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, h->address, h->address + (h->size - 1));
        diag_help(d, "exclude the node, `without %s;`, or its registers, `child %s { region %u drop; }`",
                  path + strlen(top) + 1, path + strlen(top) + 1, i);
        return;
    }
}

/*
 * Reports a region that the cpus cannot reach, where that is an error. Returns true if the node has registers all the
 * same: on a bus of the same kind, or behind a device.
 */
static bool check_untranslated(struct machine_planner *p, const struct copied *k, const struct p_device *d,
                               const struct host_region *h, const struct m_region *m)
{
    if (m) {
        diag_help(diag(p->c->diags, E0509, m->at, "region %u of %s has no cpu address", h->index,
                       dt_path(p->c->arena, k->host)),
                  "access it through the registers of %s", dt_path(p->c->arena, k->host->parent));
        return false;
    }
    if (k->part != &k->pass->parts.at[0])
        return false;
    if (keeps_address(p, k->host, d->node->parent))
        return true;
    const struct dt_node *through = node_providing_access(p, h);
    if (through)
        diag_help(diag(p->c->diags, E0510, k->part->at, "region %u of %s has no cpu address", h->index,
                       dt_path(p->c->arena, k->host)),
                  "pass %s through: the device can only be reached through it", dt_path(p->c->arena, through));
    return through;
}

/* Reports clauses of a statement that do not suit a region of the host's tree. */
static void check_region_clauses(struct machine_planner *p, const struct copied *k, const struct host_region *h,
                                 const struct m_region *m)
{
    if (m->file || m->offset.set)
        diag_help(diag(p->c->diags, E0512, m->at,
                       "`file` and `offset` are for raw devices; this region belongs to a node of the host"),
                  "remove them: the host's tree gives its address");
    if (m->size.set && m->size.value != h->size) {
        struct diag *g = diag(p->c->diags, E0513, m->size.at, "region %u has 0x%" PRIx64 " bytes, not 0x%" PRIx64,
                              h->index, h->size, m->size.value);
        diag_fact(g, "%s: the `reg` of %s says so", p->host->file, dt_path(p->c->arena, k->host));
        diag_help(g, "remove `size`: a region is always passed through as a whole");
    }
}

void decide_regions(struct machine_planner *p, struct copied *k, struct p_device *d)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    bool top = k->part == &k->pass->parts.at[0], untranslated = false;
    const uint32_t *statement_of = region_statements(p, k);
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *h = &p->host->regions[hn->first_region + i];
        const struct m_region *m =
            statement_of && statement_of[i] != NO_STATEMENT ? &k->part->regions.at[statement_of[i]] : NULL;
        if (!h->translated) {
            untranslated = check_untranslated(p, k, d, h, m) || untranslated;
            continue;
        }
        if (!h->size)
            continue;
        const struct p_region *in = top ? NULL : region_containing(p, d, h->address, h->size);
        if (in && m) {
            struct diag *g = diag(p->c->diags, E0530, m->at,
                                  "region %u of `%s` is part of region %u of `%s`, whose statement applies to it",
                                  h->index, d->name, in->index, in->device->name);
            diag_help(g, "write it there, or drop that region so that each node below keeps its own: `region %u drop;`",
                      in->index);
        }
        if (in)
            continue; // its registers are part of a region that the device has already
        struct p_region r = {.index = h->index,
                             .name = region_name(p, k, h),
                             .host = h->address,
                             .size = h->size,
                             .source = h,
                             .mode = m && m->mode != REGION_DEFAULT ? m->mode : REGION_MAP,
                             .unsafe = m ? m->unsafe : NULL,
                             .how = m && (m->address.set || m->mode == REGION_DROP) ? HOW_WRITTEN : HOW_DEFAULT,
                             .at = m ? m->at : k->pass->at};
        r.guest = m && m->address.set ? m->address.value : h->address;
        if (m && m->address.set && !top && r.guest != h->address) {
            diag_help(diag(p->c->diags, E0511, m->address.at,
                           "the address of a child node's region is determined by its bus: 0x%" PRIx64, h->address),
                      "remove `at`, or write a separate `passthrough` for %s", k->host->name);
            r.guest = h->address;
        }
        if (m)
            check_region_clauses(p, k, h, m);
        if (r.mode == REGION_DROP) {
            r.guest = UINT64_MAX;
        } else if (r.mode == REGION_MAP && ((r.guest ^ r.host) & (p->model->page_size - 1))) {
            diag_help_number(diag(p->c->diags, E0514, m ? m->address.at : r.at,
                                  "region %u is at 0x%" PRIx64 " on the host; at 0x%" PRIx64
                                  " in the guest its offset in the page would differ, so it cannot be mapped",
                                  h->index, r.host, r.guest),
                             "at ", (r.guest & ~(p->model->page_size - 1)) | (r.host & (p->model->page_size - 1)),
                             ", or `trap`");
        }
        add_region(p, d, &r, m && m->address.set ? m->address.at : r.at);
    }
    if (top && !untranslated)
        report_no_device(p, k);
}

/* Reports a region that is dropped before others which have no names: a driver would take the next one for it. */
static void check_places(struct machine_planner *p, const struct copied *k, uint32_t dropped, uint32_t next,
                         struct src where)
{
    if (dt_prop(p->host->tree, k->host, p->n->reg_names))
        return;
    const char *path = dt_path(p->c->arena, k->host);
    struct diag *d =
        diag(p->c->diags, E0538, where, "without region %u, region %u of %s would be region %u of the guest's node",
             dropped, next, path, dropped);
    diag_fact(d, "%s: %s has no `reg-names`, so drivers count", p->host->file, path);
    diag_help(d, "drop the regions after it as well, or write `region %u trap;` if the guest's driver does not use it",
              dropped);
}

/* Writes the names of the regions that are not dropped. */
static void write_reg_names(struct machine_planner *p, struct copied *k, const struct origin *o)
{
    const struct p_device *d = k->device;
    uint32_t len = 0;
    for (uint32_t i = 0; i < d->regions.n; i++)
        if (d->regions.at[i]->mode != REGION_DROP && !d->regions.at[i]->window && d->regions.at[i]->name)
            len += (uint32_t)strlen(d->regions.at[i]->name) + 1;
    if (!len) {
        dt_del(p->m->tree, k->guest, p->n->reg_names);
        return;
    }
    if (!dt_prop(p->m->tree, k->guest, p->n->reg_names))
        return;
    char *names = arena_alloc(p->c->arena, len), *s = names;
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (r->mode == REGION_DROP || r->window || !r->name)
            continue;
        size_t n = strlen(r->name) + 1;
        memcpy(s, r->name, n);
        s += n;
    }
    dt_set(p->m->tree, k->guest, p->n->reg_names, names, len, o);
}

void write_reg(struct machine_planner *p, struct copied *k)
{
    const struct p_device *d = k->device;
    const struct dt_node *bus = k->guest->parent;
    uint32_t na = cell_or(p, bus, p->n->address_cells, 2), ns = cell_or(p, bus, p->n->size_cells, 1), n = 0;
    uint8_t *data = arena_alloc(p->c->arena, na <= 2 && ns <= 2 ? (size_t)d->regions.n * (na + ns) * 4 + 1 : 1);
    uint64_t unit = 0;
    const struct p_region *dropped = NULL, *after = NULL;
    for (uint32_t i = 0; i < d->regions.n; i++) {
        struct p_region *r = d->regions.at[i];
        uint64_t on_bus;
        if (r->mode == REGION_DROP && !r->window && !dropped)
            dropped = r;
        if (r->mode == REGION_DROP || r->window)
            continue;
        after = dropped && !after ? r : after;
        struct src where = r->how != HOW_WRITTEN && k->pass->place->under.name ? k->pass->place->under.at : r->at;
        if (!translate_to_bus(p, bus, r->guest, r->size, where, &on_bus) ||
            !check_cells_hold(p, bus, on_bus, r->size, true, where))
            return;
        dt_put_cells(data + (size_t)n * (na + ns) * 4, on_bus, na);
        dt_put_cells(data + ((size_t)n * (na + ns) + na) * 4, r->size, ns);
        if (!n++)
            unit = on_bus;
    }
    if (after)
        check_places(p, k, dropped->index, after->index, dropped->at);
    const struct origin *o = origin_at(p, k->guest, k->pass->at, "the guest's addresses of its regions");
    size_t base = strcspn(k->host->name, "@");
    const char *generic =
        d->class && d->class->node_name ? d->class->node_name : arena_strndup(p->c->arena, k->host->name, base);
    const char *name = k->host->name;
    if (n) {
        dt_set(p->m->tree, k->guest, p->n->reg, data, n * (na + ns) * 4, o);
        name = arena_printf(p->c->arena, "%s@%" PRIx64, generic, unit);
    } else if (!keeps_address(p, k->host, bus) && dt_del(p->m->tree, k->guest, p->n->reg)) {
        const struct host_node *hn = &p->host->nodes[k->host_id];
        const struct host_region *first = hn->nregions ? &p->host->regions[hn->first_region] : NULL;
        // If the registers are behind another device, that has been reported: a clash of names would be a second error.
        if (!first || first->translated || !node_providing_access(p, first))
            name = generic;
    }
    rename_copy(p, k, name);
    if (dt_prop(p->host->tree, k->host, p->n->reg_names))
        write_reg_names(p, k, o);
}

/* Whether a `child` statement drops entry i of the node's `reg`. */
static bool is_dropped(const struct copied *k, uint32_t i, const char *name)
{
    for (uint32_t j = 0; j < k->part->regions.n; j++) {
        const struct m_region *m = &k->part->regions.at[j];
        if (m->mode == REGION_DROP && (m->which.name ? name && !strcmp(m->which.name, name) : m->which.index == i))
            return true;
    }
    return false;
}

/* Renames a node after its first remaining entry (Devicetree Specification 2.2.1.1). `reg` is NULL if none remains. */
static void rename_after_reg(struct machine_planner *p, struct copied *k, const uint8_t *reg, uint32_t address_cells)
{
    const char *name = k->guest->name, *unit = strchr(name, '@');
    uint64_t address = 0;
    if (!unit || strchr(unit, ',') || address_cells > 2)
        return;
    name = arena_strndup(p->c->arena, name, (size_t)(unit - name));
    for (uint32_t i = 0; reg && i < address_cells * 4; i++)
        address = address << 8 | reg[i];
    rename_copy(p, k, reg ? arena_printf(p->c->arena, "%s@%" PRIx64, name, address) : name);
}

/* The entries that are not dropped keep their values, because their bus is copied with them. */
void remove_dropped_reg(struct machine_planner *p, struct copied *k)
{
    struct dt_tree *t = p->m->tree;
    const struct dt_prop *reg = dt_prop(t, k->guest, p->n->reg), *names = dt_prop(t, k->guest, p->n->reg_names);
    uint32_t na = host_address_cells(p->host, k->host->parent),
             entry = (na + host_size_cells(p->host, k->host->parent)) * 4;
    const struct dev_class *class = k->device->host == k->host ? k->device->class : NULL;
    bool any = false;
    struct src where = {{0, 0, 0}, NULL};
    for (uint32_t i = k->part ? k->part->regions.n : 0; i-- > 0;) {
        if (k->part->regions.at[i].mode != REGION_DROP)
            continue;
        any = true;
        where = k->part->regions.at[i].at;
    }
    if (!any || !reg || !entry)
        return;
    uint8_t *data = arena_alloc(p->c->arena, reg->len + 1U);
    char *left = arena_alloc(p->c->arena, (names ? names->len : 0) + 1U);
    uint32_t len = 0, names_len = 0, at_name = 0, dropped = UINT32_MAX;
    bool first = false, gap = false;
    for (uint32_t i = 0; i < reg->len / entry; i++) {
        const char *name = names && at_name < names->len ? (const char *)names->data + at_name : NULL;
        const char *end = name ? memchr(name, 0, names->len - at_name) : NULL;
        uint32_t n = end ? (uint32_t)(end + 1 - name) : 0;
        at_name += n;
        if (!names && class && i < class->nregions)
            end = name = class->regions[i].name;
        if (is_dropped(k, i, end ? name : NULL)) {
            first = first || !i;
            dropped = dropped == UINT32_MAX ? i : dropped;
            continue;
        }
        if (dropped != UINT32_MAX && !gap)
            check_places(p, k, dropped, i, where);
        gap = dropped != UINT32_MAX;
        memcpy(data + len, reg->data + (size_t)i * entry, entry);
        if (n)
            memcpy(left + names_len, name, n);
        len += entry;
        names_len += n;
    }
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, k->part->at, "without the regions that are dropped");
    if (names && names_len)
        dt_set(t, k->guest, p->n->reg_names, left, names_len, o);
    else if (names)
        dt_del(t, k->guest, p->n->reg_names);
    if (len)
        dt_set(t, k->guest, p->n->reg, data, len, o);
    else
        dt_del(t, k->guest, p->n->reg);
    if (first)
        rename_after_reg(p, k, len ? data : NULL, na);
}
