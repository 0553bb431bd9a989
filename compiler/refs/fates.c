// SPDX-License-Identifier: MIT
// Carries out the fates of references: writes the guest's value of a property entry by entry.
#include "refs/refs.h"

#include <inttypes.h>

void refs_append_cells(struct settle *s, uint32_t from, uint32_t cells)
{
    memcpy(s->data + s->len, s->prop->data + (size_t)from * 4, (size_t)cells * 4);
    s->len += cells * 4;
}

static void append_ref(struct settle *s, struct dt_node *target, const struct m_ref *statement)
{
    s->refs[s->nrefs++] = (struct new_ref){s->len, target, statement};
    memset(s->data + s->len, 0, 4);
    s->len += 4;
    s->changed = true;
}

static void append_before(struct settle *s, const struct ref_entry *e)
{
    refs_append_cells(s, e->start, e->phandle - e->start);
}

/* Appends the reference to a child of the provider that is among the arguments. */
static void append_child(struct settle *s, const struct ref_entry *e)
{
    struct machine_planner *p = s->p;
    struct copied *child = refs_guest_copy(s, e->child);
    if (child) {
        append_ref(s, child->guest, NULL);
        return;
    }
    struct diag *d = diag(p->c->diags, E0425, refs_place(s->k),
                          "`%s` of %s refers to %s, which is not passed through with the node above it", s->prop->name,
                          dt_path(p->c->arena, s->k->host), dt_path(p->c->arena, e->child));
    diag_help(d, "pass %s through with all that is below it, or `ref %s drop;`", dt_path(p->c->arena, e->target),
              s->prop->name);
    s->failed = true;
}

static void append_after(struct settle *s, const struct ref_entry *e)
{
    uint32_t from = e->phandle + 1;
    if (e->child) {
        refs_append_cells(s, from, e->child_cell - from);
        append_child(s, e);
        from = e->child_cell + 1;
    }
    refs_append_cells(s, from, e->start + e->cells - from);
}

void refs_append_entry(struct settle *s, const struct ref_entry *e, struct dt_node *target)
{
    append_before(s, e);
    append_ref(s, target, NULL);
    append_after(s, e);
}

struct copied *refs_guest_copy(const struct settle *s, const struct dt_node *target)
{
    struct copied *guest_copy = target ? any_copy(s->p, target) : NULL;
    return guest_copy && !dt_is_gone(s->p->m->tree, guest_copy->guest) ? guest_copy : NULL;
}

/*
 * Adds the `ref` statements for whole properties. A statement for one entry applies only to the node it was written
 * for.
 */
static void add_whole_refs(struct machine_planner *p, struct m_part *to, const struct m_part *from)
{
    for (uint32_t i = 0; from && i < from->refs.n; i++) {
        const struct m_ref *r = &from->refs.at[i];
        uint64_t known;
        if (r->index.set || map_get(&to->ref_index, (uintptr_t)r->property, 0, &known))
            continue;
        map_put(draft_arena(p->c), &to->ref_index, (uintptr_t)r->property, 0, to->refs.n);
        vec_push(draft_arena(p->c), &to->refs, *r);
    }
}

/*
 * Returns the device that a provider is part of, which VFIO can assign: for a PHY its MDIO bus, for a regulator the
 * controller of the bus that its chip is on, for an endpoint the device of its port. NULL: there is none.
 */
static const struct dt_node *device_of(const struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_node *device = NULL;
    for (; n->parent; n = n->parent) {
        if (!is_platform_device(p, n))
            device = NULL; // its bus is behind a device further up
        else if (!device && dt_prop(p->host->tree, n, p->n->compatible))
            device = n;
    }
    return device;
}

/* Carries out fate `assign`: passes the provider's device through to this guest, with the same `ref` statements. */
static void assign_provider(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    const struct dt_node *target = e->target, *device = device_of(p, target);
    const struct m_part *top = &s->k->pass->parts.at[0];
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    bool above = device && dt_is_below(device, s->k->host);
    if (!device || (above && device != target)) {
        const char *path = dt_path(p->c->arena, target);
        struct diag *d;
        if (device)
            d = diag(p->c->diags, E0422, where, "%s cannot be assigned separately: it is a part of %s, and so is %s",
                     path, dt_path(p->c->arena, device), dt_path(p->c->arena, s->k->host));
        else
            d = diag(p->c->diags, E0422, where,
                     "%s cannot be assigned: it is not part of a device that can be passed through", path);
        if (device)
            diag_help(d, "pass all of %s through, or choose another fate", dt_path(p->c->arena, device));
        else
            diag_help(d, "choose another fate: `copy`, `drop`, `to &node`");
        return;
    }
    struct m_passthrough *pass = NEW(draft_arena(p->c), struct m_passthrough);
    *pass =
        (struct m_passthrough){.kind = PASS_NODE, .assigned = true, .at = where, .only = above, .place = &m_nowhere};
    pass->name = device->labels ? device->labels->name : device->name;
    if (map_getp(&p->devices, pass->name, NULL))
        pass->name = dt_path(p->c->arena, device);
    pass->name = intern(p->c->names, pass->name);
    struct m_part part = {.node = device, .at = pass->at};
    add_whole_refs(p, &part, s->k->part);
    if (s->k->part != top)
        add_whole_refs(p, &part, top);
    vec_push(draft_arena(p->c), &pass->parts, part);
    copy_passthrough(p, pass);
}

/* The value that fate `fixed` gives to a clock or regulator, and the statement with it. */
struct rate {
    uint64_t value;
    struct src at;
};

/* Reports an output that is fixed at two values in the file: a clock has one rate for all its users. */
static void check_rate(struct settle *s, const struct ref_entry *e, const struct verdict *v, struct src where)
{
    struct machine_planner *p = s->p;
    const char *args = "";
    for (uint32_t c = e->phandle + 1; c < e->start + e->cells; c++)
        args = arena_printf(p->c->arena, "%s %u", args, dt_cell(s->prop, c));
    args = intern(p->c->names, args);
    struct rate *r = map_getp(&p->file->rates, e->target, args);
    if (r && r->value != v->fixed) {
        const char *unit = s->rule->provider->unit ? s->rule->provider->unit : "";
        struct diag *d =
            diag(p->c->diags, E0419, where, "%s%s is fixed at two values: %" PRIu64 " %s here, %" PRIu64 " %s there",
                 dt_path(p->c->arena, e->target), args, v->fixed, unit, r->value, unit);
        diag_note(d, r->at, "the other value is here");
        diag_help(d, "write the same value for both: they refer to one %s", s->rule->kind);
    }
    if (r)
        return;
    r = NEW(draft_arena(p->c), struct rate);
    *r = (struct rate){v->fixed, where};
    map_putp(draft_arena(p->c), &p->file->rates, e->target, args, r);
}

static void write_fixed(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    if (!s->rule->provider) {
        struct diag *d = diag(p->c->diags, E0408, where, "`%s` cannot be `fixed`: there is no fixed %s", s->prop->name,
                              s->rule->kind);
        diag_help(d, "write `drop`, `assign`, `copy`, `to &node` or `keep`");
        s->failed = true;
        return;
    }
    check_rate(s, e, v, where);
    append_before(s, e);
    append_ref(s, fixed_provider(p, s->rule->provider, v->fixed, where), NULL);
}

static void write_to(struct settle *s, const struct ref_entry *e, const struct m_ref *statement)
{
    append_before(s, e);
    append_ref(s, NULL, statement);
    bool counted = s->rule->layout == REF_CELLS || s->rule->layout == REF_FIXED;
    if (!statement->has_cells && !counted)
        append_after(s, e);
    for (uint32_t i = 0; i < statement->ncells; i++, s->len += 4)
        dt_put_cells(s->data + s->len, statement->cells[i], 1);
}

bool refs_bring_provider(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    struct copied *guest_copy = refs_guest_copy(s, e->target);
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    if (guest_copy && guest_copy->description && v->fate == FATE_ASSIGN) {
        struct diag *d = diag(p->c->diags, E0414, where, "%s is both assigned (`assign`) and copied (`copy`)",
                              dt_path(p->c->arena, e->target));
        diag_note(d, guest_copy->guest->origin->at, "it is copied for this statement");
        diag_help(d, "write `assign` for both, or `copy`");
        return false;
    }
    if (!guest_copy && v->fate == FATE_ASSIGN)
        assign_provider(s, e, v);
    else if (!guest_copy && s->rule->layout == REF_GRAPH)
        diag_help(diag(p->c->diags, E0423, where,
                       "an endpoint cannot be copied: it is useless without the device of its port"),
                  "write `assign` to pass that device through as well, `drop`, or `to` an endpoint of the guest");
    else if (!guest_copy)
        copy_description(p, e->target, s->k, where);
    return refs_guest_copy(s, e->target) != NULL; // if it is missing, it was refused with a message
}

static void write_provider(struct settle *s, const struct ref_entry *e)
{
    struct copied *guest_copy = refs_guest_copy(s, e->target); // bring_all_providers() has added it
    if (guest_copy)
        refs_append_entry(s, e, guest_copy->guest);
    else
        s->failed = true; // it was refused with a message
}

void refs_refuse_keep(struct settle *s, const struct m_ref *statement, const struct dt_node *target)
{
    struct machine_planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0420, statement->at, "`%s` of %s cannot be kept: it is a reference to %s",
                          s->prop->name, dt_path(p->c->arena, s->k->host), dt_path(p->c->arena, target));
    diag_help(d, "write `drop`, `assign`, `copy` or `to &node`: its number would mean another node in the guest");
    s->failed = true;
}

void refs_carry_out(struct settle *s, uint32_t index, const struct ref_entry *e, const struct verdict *v)
{
    s->kept[index] = v->fate != FATE_DROP;
    switch (v->fate) {
    case FATE_DROP:
        s->changed = true;
        if (s->rule->follows) { // an empty entry keeps the positions of those after it
            memset(s->data + s->len, 0, 4);
            s->len += 4;
        }
        return;
    case FATE_KEEP:
        if (e->known && v->statement)
            refs_refuse_keep(s, v->statement, e->target);
        refs_append_cells(s, e->start, e->cells);
        break;
    case FATE_FIXED:
        write_fixed(s, e, v);
        break;
    case FATE_TO:
        write_to(s, e, v->statement);
        break;
    default:
        write_provider(s, e);
        break;
    }
    s->solid = s->len;
}

/* ---- fate `to`, when all nodes exist ---- */

void check_to_refs(struct machine_planner *p)
{
    for (uint32_t i = 0; i < p->to_refs.n; i++) {
        const struct to_ref *t = &p->to_refs.at[i];
        const struct ref_rule *rule = t->rule;
        if (!t->ref->target || dt_is_gone(p->m->tree, t->ref->target) ||
            (rule->layout != REF_CELLS && rule->layout != REF_FIXED))
            continue;
        const char *path = dt_path(p->c->arena, t->ref->target);
        uint32_t want = rule->fixed;
        if (rule->layout == REF_CELLS) {
            const struct dt_prop *cells = dt_prop(p->m->tree, t->ref->target, rule->cells);
            if (!cells && !rule->cells_optional) {
                struct diag *d =
                    diag(p->c->diags, E0418, t->statement->to_at,
                         "%s of the guest is not a provider for `%s`: it has no `%s`", path, t->property, rule->cells);
                diag_help(d, "add `%s = <%u>;` to it, or choose another node", rule->cells, t->statement->ncells);
                continue;
            }
            want = cells && cells->len == 4 ? dt_cell(cells, 0) : 0;
        }
        if (want == t->statement->ncells)
            continue;
        struct diag *d =
            diag(p->c->diags, E0417, t->statement->to_at, "a reference in `%s` to %s needs %u cell%s, not %u",
                 t->property, path, want, want == 1 ? "" : "s", t->statement->ncells);
        const char *list = "";
        for (uint32_t c = 0; c < want && c < 4; c++)
            list = arena_printf(p->c->arena, "%s%s%s", list, c ? " " : "", c == 3 ? "..." : "N");
        if (want)
            diag_help(d, "write `to %s%s%s <%s>`", t->statement->to_kind == TEXT_LABEL ? "&" : "&{", t->statement->to,
                      t->statement->to_kind == TEXT_LABEL ? "" : "}", list);
        else
            diag_help(d, "remove the cells");
    }
}
