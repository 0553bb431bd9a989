// SPDX-License-Identifier: MIT
// Copies subtrees of the host's tree into the guest's tree.
#include "machine/machine.h"
#include "plan/streams.h"

#include <inttypes.h>

static const struct m_part *part_for(const struct m_passthrough *pass, const struct dt_node *n)
{
    uint64_t i;
    if (pass->parts.at[0].node == n)
        return &pass->parts.at[0];
    return map_get(&pass->part_index, (uintptr_t)n, 0, &i) ? &pass->parts.at[i] : NULL;
}

static bool is_left_out(const struct m_passthrough *pass, const struct dt_node *n)
{
    uint64_t one;
    return map_get(&pass->without, (uintptr_t)n, 0, &one);
}

/* Whether machc writes a property itself, or the property has a meaning only on the host. */
static bool is_not_copied(const struct machine_planner *p, const struct dt_prop *prop, bool top)
{
    return prop->name == p->n->phandle || prop->name == p->n->linux_phandle || prop->name == p->n->interrupt_parent ||
           (top && prop->name == p->n->status);
}

static void copy_labels(struct machine_planner *p, const struct m_passthrough *pass, struct dt_node *to,
                        const struct dt_node *from)
{
    for (const struct dt_label *l = from->labels; l; l = l->next) {
        // A name that the description gives to something takes precedence over a label of the host's tree, unless it
        // is this device's own: a device without `as` is named after its label.
        const struct src *other = map_getp(&p->m->m->named, l->name, NULL);
        bool own = other && other->loc.file == pass->at.loc.file && other->loc.start == pass->at.loc.start &&
                   other->via == pass->at.via;
        if (!other || own)
            dt_add_label(p->m->tree, to, l->name, l->loc); // does nothing if another node has the label
    }
}

/* Whether `n` has an interrupt whose controller is outside the subtree of `top`. */
static bool has_irqs(const struct machine_planner *p, const struct dt_node *top, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    for (uint32_t i = 0; i < hn->nirqs; i++) {
        const struct host_irq *irq = &p->host->irqs[hn->first_irq + i];
        if (!irq->chip || !dt_is_below(top, irq->chip))
            return true;
    }
    return false;
}

/* Fills in what the device's record takes from its host node `n`. */
static void set_host_node(struct machine_planner *p, struct p_device *d, const struct dt_node *n)
{
    d->host = n;
    d->sysfs_name = is_platform_device(p, n) ? host_sysfs_name(p->c, p->host, n) : NULL;
    const struct dt_prop *compatible = dt_prop(p->host->tree, n, p->n->compatible);
    d->compatible = compatible ? dt_string(compatible, 0) : NULL;
    if (map_getp(&p->file->hidden, n, NULL))
        d->compatible = hidden_compatible(p->file);
    d->class = compatible ? schema_class_of(p->c, p->schemas, compatible) : NULL;
}

/* Whether a cpu can access a region of `n`. */
static bool has_reachable_region(const struct machine_planner *p, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *r = &p->host->regions[hn->first_region + i];
        if (r->translated && r->size)
            return true;
    }
    return false;
}

/* Whether all its registers are in regions of the device above. */
static bool is_part_of(struct machine_planner *p, const struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *r = &p->host->regions[hn->first_region + i];
        if (r->translated && r->size && !region_containing(p, k->device, r->address, r->size))
            return false;
    }
    return true;
}

/* Decides whether a copied node below the one that is passed through is a device, and makes its record and regions. */
static void decide_device_below(struct machine_planner *p, struct copied *k, struct p_device *above)
{
    const struct dt_node *host = k->host;
    bool mentioned = k->part && (k->part->regions.n || k->part->irqs.n || k->part->dmas.n);
    const struct copied *over = p->copy_of[host->parent->id];
    k->off = !mentioned && ((over && over->off) || host_disabled(p->host, host));
    if (k->off)
        return;
    bool reachable = has_reachable_region(p, host);
    // Ports of a RapidIO controller and engines of a portal have ids of their own, and no registers.
    bool ids = has_streams(p->file, host);
    if (mentioned || ids || has_irqs(p, k->pass->parts.at[0].node, host) ||
        (reachable && dt_prop(p->host->tree, host, p->n->compatible) &&
         !(is_part_of(p, k) && find_glue(p, k->pass, host)))) {
        struct p_device *d =
            new_device(p, arena_printf(p->c->arena, "%s/%s", above->name, host->name), DEV_PLATFORM, k->pass->at);
        d->parent = above;
        d->pass = k->pass;
        d->node = k->guest;
        set_host_node(p, d, host);
        if (!d->sysfs_name && ids)
            d->sysfs_name = host_sysfs_name(p->c, p->host, host);
        k->device = d;
        decide_regions(p, k, d);
        decide_windows(p, k, d);
    } else if (reachable) {
        check_part_regions(p, k);
    }
}

static struct copied *copy_node(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *host,
                                struct dt_node *guest, struct p_device *above)
{
    const struct dt_node *top = pass->parts.at[0].node;
    struct copied *k = NEW(draft_arena(p->c), struct copied);
    *k = (struct copied){.guest = guest, COPY_OF(host), .pass = pass, .part = part_for(pass, host), .device = above};
    guest->source = host;
    guest->origin = host == top ? origin_of(p, ORIGIN_HOST, pass->at, NULL) : guest->parent->origin;
    vec_push(draft_arena(p->c), &p->copies, k);
    p->copy_of[host->id] = k;
    copy_labels(p, pass, guest, host);
    if (host != top)
        decide_device_below(p, k, above);
    const struct origin *o = guest->origin;
    for (const struct dt_prop *prop = host->props; prop; prop = prop->next)
        if (!is_not_copied(p, prop, host == top))
            dt_set(p->m->tree, guest, prop->name, prop->data, prop->len, o);
    if (host != top)
        remove_dropped_reg(p, k);
    return k;
}

static void copy_below(struct machine_planner *p, const struct m_passthrough *pass, const struct copied *above)
{
    for (const struct dt_node *c = above->host->child; c; c = c->next) {
        if (is_left_out(pass, c) || !give_host_node(p->file, p->m, c, pass->parts.at[0].node, pass->at))
            continue;
        struct dt_node *guest = dt_add_child(p->m->tree, above->guest, c->name);
        copy_below(p, pass, copy_node(p, pass, c, guest, above->device));
    }
}

void rename_copy(struct machine_planner *p, struct copied *k, const char *name)
{
    const char *full = intern(p->c->names, name);
    if (dt_child(p->m->tree, k->guest->parent, full))
        new_child(p, k->guest->parent, full, ORIGIN_HOST, k->pass->at); // reports the other child
    else
        dt_rename(p->m->tree, k->guest, full);
}

void copy_passthrough(struct machine_planner *p, const struct m_passthrough *pass)
{
    const struct dt_node *host = pass->parts.at[0].node;
    struct dt_node *bus = find_bus_node(p, NULL, pass);
    if (!bus || !give_host_node(p->file, p->m, host, host, pass->parts.at[0].at))
        return;
    struct p_device *d = new_device(p, pass->name, DEV_PLATFORM, pass->at);
    d->pass = pass;
    set_host_node(p, d, host);
    if (report_no_host_device(p, pass, host) && !d->sysfs_name)
        d->sysfs_name = host_sysfs_name(p->c, p->host, host); // so that nothing else is said of it
    // Names in the host's tree are unique, so a name can occur twice only if a statement passes a device through by it.
    if (p->model->bare_names)
        claim_sysfs_name(p, d, pass->parts.at[0].at);
    map_putp(draft_arena(p->c), &p->devices, pass->name, NULL, d);
    // The name of the node follows from its registers (write_reg()). Until then it has the root's, which is empty.
    struct dt_node *guest = dt_add_child(p->m->tree, bus, p->m->tree->root->name);
    if (pass->named && !dt_add_label(p->m->tree, guest, pass->name, pass->at.loc)) {
        const struct dt_node *other = map_getp(&p->m->tree->labels, pass->name, NULL);
        struct diag *g = diag(p->c->diags, E0343, pass->at, "the label `%s` is already used in the guest's tree, by %s",
                              pass->name, dt_path(p->c->arena, other));
        diag_help(g, "choose another name: `as NAME`");
    }
    d->node = guest;
    struct copied top = {COPY_OF(host), .pass = pass, .part = &pass->parts.at[0], .device = d};
    decide_regions(p, &top, d);
    decide_windows(p, &top, d);
    struct copied *k = copy_node(p, pass, host, guest, d);
    k->device = d;
    write_reg(p, k);
    uint32_t first = p->copies.n - 1;
    if (!pass->only)
        copy_below(p, pass, k);
    write_ranges(p, k);
    if (d->class)
        merge_schema(p, guest, d->class->body, p->frame, d->class->file);
    if (has_valid_vcpu(p, pass)) {
        d->vcpu = (uint32_t)pass->place->vcpu.value;
        if (d->class && d->class->vcpu_property) {
            const struct origin *o = origin_of(p, ORIGIN_COMPUTED, pass->place->vcpu.at, "the vcpu that was written");
            struct dt_prop *prop = dt_set(p->m->tree, guest, intern(p->c->names, d->class->vcpu_property),
                                          arena_alloc(p->c->arena, 4), 4, o);
            dt_add_ref(p->m->tree, prop, 0, p->m->cpus.at[d->vcpu].node);
        }
    }
    for (uint32_t i = first; i < p->copies.n; i++) {
        const struct copied *c = p->copies.at[i];
        for (uint32_t e = 0; c->part && e < c->part->edits.n; e++)
            merge_edit(p, c->guest, &c->part->edits.at[e]);
    }
}

void copy_description(struct machine_planner *p, const struct dt_node *host, const struct copied *from,
                      struct src where)
{
    struct dt_tree *t = p->m->tree;
    const char *name = intern_n(p->c->names, host->name, strcspn(host->name, "@"));
    if (dt_child(t, t->root, name)) { // the copy has no `reg`, so the unit address becomes part of the name
        char *full = arena_strndup(p->c->arena, host->name, strlen(host->name));
        for (char *s = full; *s; s++)
            *s = *s == '@' || *s == ',' ? '-' : *s;
        name = intern(p->c->names, full);
    }
    if (dt_child(t, t->root, name))
        name = intern(p->c->names, arena_printf(p->c->arena, "%s-%u", name, p->copies.n));
    struct copied *k = NEW(draft_arena(p->c), struct copied);
    *k = (struct copied){.guest = dt_add_child(t, t->root, name),
                         COPY_OF(host),
                         .pass = from->pass,
                         .part = from->part,
                         .device = from->device,
                         .description = true};
    k->guest->source = host;
    k->guest->origin = origin_of(p, ORIGIN_HOST, where, NULL);
    vec_push(draft_arena(p->c), &p->copies, k);
    p->copy_of[host->id] = k;
    copy_labels(p, from->pass, k->guest, host);
    const char *const resources[] = {p->n->reg,
                                     p->n->reg_names,
                                     p->n->ranges,
                                     p->n->dma_ranges,
                                     p->n->interrupts,
                                     p->n->interrupts_extended,
                                     p->n->interrupt_names,
                                     p->n->interrupt_map,
                                     p->n->interrupt_map_mask,
                                     p->n->interrupt_controller,
                                     p->n->interrupt_cells,
                                     p->n->address_cells,
                                     p->n->size_cells,
                                     p->n->status};
    for (const struct dt_prop *prop = host->props; prop; prop = prop->next) {
        bool skip = is_not_copied(p, prop, true);
        for (uint32_t i = 0; i < sizeof resources / sizeof *resources; i++)
            skip = skip || prop->name == resources[i];
        if (!skip)
            dt_set(t, k->guest, prop->name, prop->data, prop->len, k->guest->origin);
    }
}

/* Whether the device goes under another device whose statement has not been planned yet. */
static bool waits_for_bus(struct machine_planner *p, const struct m_passthrough *pass)
{
    return pass->place->under.label && !map_getp(&p->m->tree->labels, pass->place->under.name, NULL) &&
           map_getp(&p->m->m->named, pass->place->under.name, NULL);
}

void plan_passthroughs(struct machine_planner *p)
{
    enter_step(p, STEP_PASSTHROUGHS);
    VEC(const struct m_passthrough *) left = {0};
    dt_expect(p->m->tree, p->m->m->passthroughs.n);
    vec_expect(draft_arena(p->c), &p->copies, p->m->m->passthroughs.n);
    for (uint32_t i = 0; i < p->m->m->passthroughs.n; i++) {
        const struct m_passthrough *pass = p->m->m->passthroughs.at[i];
        if (pass->kind != PASS_NODE)
            plan_named_device(p, pass);
        else if (waits_for_bus(p, pass))
            vec_push(draft_arena(p->c), &left, pass);
        else
            copy_passthrough(p, pass);
    }
    for (uint32_t round = 0; left.n; round++) {
        uint32_t n = left.n;
        left.n = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (round < MACH_MAX_NESTING && waits_for_bus(p, left.at[i]))
                left.at[left.n++] = left.at[i];
            else
                copy_passthrough(p, left.at[i]);
        }
        if (left.n == n)
            round = MACH_MAX_NESTING; // they wait for each other: the next round reports that their bus is missing
    }
}
