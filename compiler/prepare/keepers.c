// SPDX-License-Identifier: MIT
/*
 * What keeps each promise. Clocks and power domains get a bus beside the device, and a property of the device links the
 * two: Linux runs the bus, and with it the clocks, as long as the device is open. Nothing of the host's tree is taken
 * away.
 */
#include "plan/describe.h"
#include "prepare/prepare.h"

#include <inttypes.h>

/* What is made for one device. */
struct keeper_of {
    struct overlay *o;
    struct p_machine *m;
    const struct p_device *d;
    VEC(struct dt_node *) buses;
    bool fresh;       // the last promise was not kept before
    struct map taken; // (rule, the entry as text) -> 1: a device needs a clock once
};

static const struct origin *origin_of_promise(struct keeper_of *k, const struct p_promise *x)
{
    struct origin *o = NEW(k->o->p->c->arena, struct origin);
    struct arena *a = k->o->p->c->arena;
    *o = (struct origin){
        ORIGIN_COMPUTED, x->at,
        arena_printf(a, "`%s` of %s leads to %s", x->prop->name, dt_path(a, x->user), dt_path(a, x->provider))};
    return o;
}

/* The first address of the device's registers; 0: none is known. */
static uint64_t address_of(const struct host *h, const struct dt_node *n)
{
    const struct host_node *of = &h->nodes[n->id];
    for (uint32_t i = of->first_region; i < of->first_region + of->nregions; i++)
        if (h->regions[i].translated)
            return h->regions[i].address;
    return 0;
}

/* Returns bus number `i` of the device; made when it is missing, and linked to the device. */
static struct dt_node *bus_of(struct keeper_of *k, const struct p_promise *x, uint32_t i)
{
    struct overlay *o = k->o;
    struct planner *p = o->p;
    const struct dt_tree *host = p->host->tree;
    if (i < k->buses.n)
        return k->buses.at[i];
    struct origin *origin = NEW(p->c->arena, struct origin);
    *origin = (struct origin){ORIGIN_COMPUTED, k->d->at,
                              arena_printf(p->c->arena, "runs while %s is open: `%s` of machine `%s`",
                                           dt_path(p->c->arena, k->d->host), k->d->name, k->m->name)};
    uint64_t address = address_of(p->host, k->d->host);
    struct dt_node *bus = overlay_add(o, host->root, x->rule->keeper, &address, origin);
    // The binding calls it `bus`, so that it needs a unit address, and a node with that `ranges` which is not empty:
    // its own address, on the root's bus and below.
    uint32_t ac = dt_u32(host, host->root, p->n->address_cells, 2), sc = dt_u32(host, host->root, p->n->size_cells, 1);
    dt_set_cells(o->tree, bus, p->n->address_cells, &ac, 1, origin);
    dt_set_cells(o->tree, bus, p->n->size_cells, &sc, 1, origin);
    uint8_t *ranges = arena_alloc(p->c->arena, (size_t)(2 * ac + sc) * 4);
    dt_put_cells(ranges, address, ac);
    dt_put_cells(ranges + (size_t)ac * 4, address, ac);
    dt_put_cells(ranges + (size_t)ac * 8, 1, sc);
    dt_set(o->tree, bus, p->n->ranges, ranges, (2 * ac + sc) * 4, origin);
    vec_push(draft_arena(p->c), &k->buses, bus);
    overlay_refer(o, overlay_of(o, k->d->host), x->rule->keeper->link, bus, origin);
    prove_link(o, k->m, k->d, bus);
    return bus;
}

static const uint8_t *entry_cells(const struct p_promise *x)
{
    return x->prop->data + (size_t)x->cell * 4;
}

/* Writes the rate that the guest was told, so that Linux sets it when it makes the bus. */
static void assign_rate(struct keeper_of *k, struct dt_node *bus, const struct p_promise *x,
                        const struct origin *origin)
{
    const struct ref_rule *assigned = x->rule->rates ? schema_ref(k->o->p->schemas, x->rule->rates) : NULL;
    if (!assigned || !assigned->nalong || !x->value || x->value > UINT32_MAX)
        return;
    uint8_t rate[4];
    dt_put_cells(rate, x->value, 1);
    overlay_append(k->o, bus, x->rule->rates, entry_cells(x), x->ncells, origin);
    overlay_append(k->o, bus, assigned->along[0].property, rate, 1, origin);
}

static void keep_by_bus(struct keeper_of *k, const struct p_promise *x, uint32_t i)
{
    const struct origin *origin = origin_of_promise(k, x);
    struct dt_node *bus = bus_of(k, x, i);
    overlay_append(k->o, bus, x->prop->name, entry_cells(x), x->ncells, origin);
    assign_rate(k, bus, x, origin);
}

static void keep_by_provider(struct keeper_of *k, const struct p_promise *x)
{
    struct overlay *o = k->o;
    uint64_t known;
    if (!x->value && overlay_adds_nothing(o, x->provider, x->rule->keeper))
        return;
    struct dt_node *n = overlay_of(o, x->provider);
    const struct origin *origin = origin_of_promise(k, x);
    n->origin = origin;
    overlay_merge(o, n, x->rule->keeper);
    prove_added(o, (struct added){k->m, dt_path(o->p->c->arena, x->provider), n, NULL});
    if (!x->value || x->value > UINT32_MAX || map_get(&o->merged, (uintptr_t)n, 0, &known))
        return;
    map_put(draft_arena(o->p->c), &o->merged, (uintptr_t)n, 0, 1);
    uint32_t value = (uint32_t)x->value; // E0419 has reported another value for the same provider
    for (const char *const *v = x->rule->keeper->values; v && *v; v++)
        dt_set_cells(o->tree, n, *v, &value, 1, origin);
}

static void keep_by_child(struct keeper_of *k, const struct p_promise *x)
{
    const struct origin *origin = origin_of_promise(k, x);
    struct dt_node *n = overlay_add(k->o, x->provider, x->rule->keeper, NULL, origin);
    const char *property = x->rule->keeper->values[0], *parent = dt_path(k->o->p->c->arena, x->provider);
    overlay_append(k->o, n, property, entry_cells(x) + 4, x->ncells - 1, origin);
    prove_added(k->o, (struct added){k->m, arena_printf(k->o->p->c->arena, "%s/%s", parent, n->name), n, property});
}

static void keep_by_node(struct keeper_of *k, const struct p_promise *x)
{
    struct overlay *o = k->o;
    struct dt_node *n = map_getp(&o->shared, x->rule->keeper, NULL);
    const struct origin *origin = origin_of_promise(k, x);
    if (!n) {
        n = overlay_add(o, o->p->host->tree->root, x->rule->keeper, NULL, origin);
        map_putp(draft_arena(o->p->c), &o->shared, x->rule->keeper, NULL, n);
    }
    overlay_append(o, n, x->prop->name, entry_cells(x), x->ncells, origin);
    prove_added(o, (struct added){k->m, arena_printf(o->p->c->arena, "/%s", n->name), n, n->props->name});
}

/* Whether the device needs an entry that it has needed before: nodes below a device name the same clocks. */
static bool is_taken(struct keeper_of *k, const struct p_promise *x)
{
    struct machc *c = k->o->p->c;
    char *text = arena_alloc(draft_arena(c), (size_t)x->ncells * 8 + 1), *at = text;
    for (uint32_t i = 0; i < x->ncells; i++)
        at += snprintf(at, 9, "%08" PRIx32, dt_cell(x->prop, x->cell + i));
    const char *entry = intern(c->names, text);
    uint64_t known;
    if (map_get(&k->taken, (uintptr_t)x->rule, (uintptr_t)entry, &known))
        return true;
    map_put(draft_arena(c), &k->taken, (uintptr_t)x->rule, (uintptr_t)entry, 1);
    return false;
}

/* How the host keeps what it was just made to keep, for people. */
static const char *how_text(const struct keeper_of *k, const struct p_promise *x, uint32_t domains)
{
    switch (x->rule->kept) {
    case KEPT_BY_BUS:
        return arena_printf(k->o->p->c->arena, "%s while the device is open", k->buses.at[0]->name);
    case KEPT_BY_BUSES:
        return arena_printf(k->o->p->c->arena, "%s while the device is open", k->buses.at[domains - 1]->name);
    case KEPT_BY_PROVIDER:
        return "on from the start";
    case KEPT_BY_CHILD:
        return "inactive from the start";
    case KEPT_BY_NODE:
        return "as it is at the start";
    default:
        return "nobody keeps it: W1031";
    }
}

static void note_promise(const struct overlay *o, const struct p_machine *m, const struct p_promise *x, const char *how)
{
    struct arena *a = o->p->c->arena;
    const char *what = arena_printf(a, "%s %s[%" PRIu32 "]", dt_path(a, x->user), x->prop->name, x->index);
    note_kept(o, what, dt_path(a, x->provider), how, m);
}

static void keep(struct keeper_of *k, const struct p_promise *x, uint32_t *domains)
{
    if (x->rule->kept != KEPT_BY_NODE && is_taken(k, x)) // entries of a path come in pairs, and stay so
        return;
    k->fresh = true;
    switch (x->rule->kept) {
    case KEPT_BY_BUS:
        keep_by_bus(k, x, 0);
        break;
    case KEPT_BY_BUSES:
        keep_by_bus(k, x, (*domains)++);
        break;
    case KEPT_BY_PROVIDER:
        keep_by_provider(k, x);
        break;
    case KEPT_BY_CHILD:
        keep_by_child(k, x);
        break;
    case KEPT_BY_NODE:
        keep_by_node(k, x);
        break;
    default:
        break;
    }
}

static void index_ready(struct overlay *o)
{
    for (uint32_t i = 0; i < o->p->model->ready.n; i++) {
        const struct m_ready *r = &o->p->model->ready.at[i];
        const char *entry = r->property;
        if (r->index.set)
            entry = arena_printf(o->p->c->arena, "%s[%" PRIu64 "]", entry, r->index.value);
        map_putp(draft_arena(o->p->c), &o->ready, intern(o->p->c->names, entry), r->node, r);
    }
}

/* What the text says of a reference that leads to what is ready when the host has started; NULL: nothing. */
static const struct m_ready *ready_of(const struct overlay *o, const struct p_promise *x)
{
    struct machc *c = o->p->c;
    if (!o->p->model->ready.n)
        return NULL;
    const char *entry = intern(c->names, arena_printf(c->arena, "%s[%" PRIu32 "]", x->prop->name, x->index));
    const struct dt_node *const of[] = {NULL, x->user, x->device->host};
    const struct m_ready *r = NULL;
    for (uint32_t i = 0; i < sizeof of / sizeof *of && !r; i++) {
        r = map_getp(&o->ready, x->prop->name, of[i]);
        if (!r)
            r = map_getp(&o->ready, entry, of[i]);
    }
    return r;
}

/* Says what no tree can keep: one message for each property of a device. `nobody`: Linux has no device to keep it for.
 */
static void tell(const struct overlay *o, const struct p_machine *m, const struct p_promise *const *list, uint32_t n,
                 bool nobody)
{
    struct planner *p = o->p;
    struct arena *a = p->c->arena;
    for (uint32_t i = 0, next; i < n && p->c->tell_host; i = next) {
        const struct p_promise *x = list[i];
        for (next = i + 1; next < n && list[next]->prop == x->prop;)
            next++;
        bool device = x->rule->kept == KEPT_BY_BUS || x->rule->kept == KEPT_BY_BUSES;
        if ((x->rule->kept != KEPT_BY_NOBODY && !(nobody && device)) || ready_of(o, x))
            continue;
        struct diag *d = diag(p->c->diags, W1031, x->at, "nothing on the host keeps `%s` of `%s` of machine `%s`",
                              x->prop->name, x->device->name, m->name);
        diag_fact(d, "%s: it leads from %s to %s%s", p->host->file, dt_path(a, x->user), dt_path(a, x->provider),
                  next - i > 1 ? arena_printf(a, ", and to %" PRIu32 " more", next - i - 1) : "");
        diag_help(
            d, "if the boot loader, or a driver of the host, leaves it ready, say so: `host ... { ready %s \"WHY\"; }`",
            x->prop->name);
    }
}

static void keep_for_device(struct overlay *o, struct p_machine *m, const struct p_device *d,
                            const struct p_promise *const *list, uint32_t n)
{
    struct keeper_of k = {.o = o, .m = m, .d = d};
    uint32_t domains = 0, buses = 0, clocks = 0;
    bool is_device = d->kind == DEV_PLATFORM && d->host && d->sysfs_name;
    tell(o, m, list, n, !is_device);
    if (!is_device)
        return;
    for (uint32_t i = 0; i < n; i++) {
        if (ready_of(o, list[i]))
            continue;
        clocks += list[i]->rule->kept == KEPT_BY_BUS;
        buses += list[i]->rule->kept == KEPT_BY_BUSES;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct m_ready *ready = ready_of(o, list[i]);
        // Linux attaches a single power domain to the device itself; but a clock may need it, and is enabled first.
        bool own = list[i]->rule->kept == KEPT_BY_BUSES && !clocks && buses <= 1;
        k.fresh = ready || own;
        if (!ready && !own)
            keep(&k, list[i], &domains);
        if (ready)
            note_promise(o, m, list[i], arena_printf(o->p->c->arena, "ready: %s", ready->why));
        else if (k.fresh)
            note_promise(o, m, list[i], own ? "Linux, while the device is open" : how_text(&k, list[i], domains));
    }
}

/* The device that Linux has for what a promise was made to: a chip on a bus goes with the controller of the bus. */
static const struct p_device *device_of(const struct p_promise *x)
{
    const struct p_device *d = x->device;
    while (d->parent && !d->sysfs_name)
        d = d->parent;
    return d;
}

void add_keepers(struct overlay *o)
{
    index_ready(o);
    for (uint32_t i = 0; i < o->p->plan->machines.n; i++) {
        struct p_machine *m = o->p->plan->machines.at[i];
        // Promises of a device are not side by side: providers that are assigned, and nodes below, come in between.
        uint32_t *end = arena_array(draft_arena(o->p->c), m->devices.n + 1, sizeof *end);
        const struct p_promise **sorted = arena_array(draft_arena(o->p->c), m->promises.n + 1, sizeof *sorted);
        for (uint32_t k = 0; k < m->promises.n; k++)
            end[device_of(&m->promises.at[k])->index + 1]++;
        for (uint32_t k = 0; k < m->devices.n; k++)
            end[k + 1] += end[k];
        for (uint32_t k = 0; k < m->promises.n; k++)
            sorted[end[device_of(&m->promises.at[k])->index]++] = &m->promises.at[k];
        for (uint32_t k = 0, from = 0; k < m->devices.n; from = end[k++])
            if (end[k] > from)
                keep_for_device(o, m, m->devices.at[k], sorted + from, end[k] - from);
    }
}
