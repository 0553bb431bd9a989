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
    s->refs[s->nrefs++] = (struct new_ref){s->len, target, statement, 0};
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

bool refs_is_assignable(const struct machine_planner *p, const struct copied *k, const struct dt_node *provider)
{
    const struct dt_node *device = device_of(p, provider);
    return device && (device == provider || !dt_is_below(device, k->host));
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

/* Reports `fixed` without a value where the value matters (E0430). */
static void report_no_value(struct settle *s, uint32_t index, struct src where)
{
    struct machine_planner *p = s->p;
    const char *name = refs_entry_name(p, s->k->host, s->rule, index);
    struct diag *d = diag(p->c->diags, E0430, where, "`fixed` of `%s` of %s needs a value", s->prop->name,
                          dt_path(p->c->arena, s->k->host));
    const struct driver_facts *facts = refs_driver_of(p, s->k->host, p->host->tree);
    if (facts)
        diag_fact(d, "%s looks at the %s%s%s%s, as far as is known", facts->driver,
                  s->rule->provider->range ? "voltage" : "rate", name ? " of \"" : "", name ? name : "",
                  name ? "\"" : "");
    diag_help(d, "write the value that it has on the board, in %s: `ref %s[%u] fixed %s;`", s->rule->provider->unit,
              s->prop->name, index, s->rule->provider->range ? "VALUE" : "RATE");
    s->failed = true;
}

/* Warns of a value that the board does not have (W1036). Rates are rounded where they are divided: to a thousandth. */
static void compare_measured(struct settle *s, uint32_t index, const struct ref_entry *e, const struct verdict *v,
                             struct src where)
{
    struct machine_planner *p = s->p;
    struct measured m = refs_measured(p, s->k->host, s->rule, s->prop, e, index, s->entries.n);
    uint64_t apart = m.value > v->fixed ? m.value - v->fixed : v->fixed - m.value;
    if (!m.value || apart <= v->fixed / 1000)
        return;
    const char *unit = s->rule->provider->unit ? s->rule->provider->unit : "";
    const char *entry =
        s->entries.n == 1 ? s->prop->name : arena_printf(p->c->arena, "%s[%" PRIu32 "]", s->prop->name, index);
    struct diag *d =
        diag(p->c->diags, W1036, where, "`%s` of %s is fixed at %" PRIu64 " %s, but is %" PRIu64 " %s on the host",
             entry, dt_path(p->c->arena, s->k->host), v->fixed, unit, m.value, unit);
    diag_note(d, src_at(m.at), "the host says so here");
    diag_help(d, "write `fixed;` to take the host's value, or have the host set yours: `machc -O`");
}

static void write_fixed(struct settle *s, uint32_t index, const struct ref_entry *e, const struct verdict *v)
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
    uint64_t value = v->fixed ? v->fixed : refs_value_unwritten(s, index, e);
    if (!value) {
        report_no_value(s, index, where);
        return;
    }
    if (v->fixed) {
        check_rate(s, e, v, where);
        compare_measured(s, index, e, v, where);
    }
    append_before(s, e);
    append_ref(s, fixed_provider(p, s->rule->provider, value, where), NULL);
}

static bool has_same_specifier(const struct dt_prop *prop, const struct ref_entry *a, const struct ref_entry *b)
{
    return a->target == b->target && a->cells == b->cells &&
           !memcmp(prop->data + (size_t)a->start * 4, prop->data + (size_t)b->start * 4, (size_t)a->cells * 4);
}

/* Reports one specifier that is written for entries which differ on the host (E0427), once for a property. */
static void check_one_specifier(struct settle *s, const struct ref_entry *e, const struct m_ref *statement)
{
    struct machine_planner *p = s->p;
    if (statement->index.set || !statement->ncells || (s->first_to && s->failed))
        return;
    if (!s->first_to) {
        s->first_to = e;
        return;
    }
    if (has_same_specifier(s->prop, s->first_to, e))
        return;
    struct diag *d = diag(p->c->diags, E0427, statement->at, "one specifier for entries of `%s` of %s that differ",
                          s->prop->name, dt_path(p->c->arena, s->k->host));
    const struct ref_entry *const both[] = {s->first_to, e};
    for (uint32_t i = 0; i < 2; i++)
        diag_fact(d, "%s: %s[%td] is %s%s", p->host->file, s->prop->name, both[i] - s->entries.at,
                  dt_path(p->c->arena, both[i]->target), refs_specifier_text(p, s->prop, both[i]));
    const char *to = arena_printf(p->c->arena, statement->to_kind == TEXT_LABEL ? "&%s" : "&{%s}", statement->to);
    diag_help(d, "write `to %s` to keep the host's specifiers, or a statement for each entry: `ref %s[0] to %s <...>`",
              to, s->prop->name, to);
    s->failed = true;
}

static void write_to(struct settle *s, const struct ref_entry *e, const struct m_ref *statement)
{
    uint32_t ref = s->nrefs;
    check_one_specifier(s, e, statement);
    append_before(s, e);
    append_ref(s, NULL, statement);
    if (!statement->has_cells)
        append_after(s, e); // check_to_refs() removes them if the node of the guest wants none
    for (uint32_t i = 0; i < statement->ncells; i++, s->len += 4)
        dt_put_cells(s->data + s->len, statement->cells[i], 1);
    struct new_ref *r = &s->refs[ref];
    r->cells = (s->len - r->offset) / 4 - 1;
}

/*
 * Reports a `copy` that no driver of the guest can serve: of a node that needs more than its description, which is all
 * that a copy has. Returns false if there is nothing to report.
 */
static bool report_useless_copy(struct settle *s, const struct dt_node *target, struct src where)
{
    struct machine_planner *p = s->p;
    const char *why = refs_copy_lacks(p, target), *value = "", *unit;
    if (!why)
        return false;
    struct diag *d =
        diag(p->c->diags, E0426, where, "a copy of %s would serve nothing: %s", dt_path(p->c->arena, target), why);
    diag_fact(d, "%s: `%s` of %s refers to it", p->host->file, s->prop->name, dt_path(p->c->arena, s->k->host));
    unit = s->rule->provider ? s->rule->provider->unit : NULL;
    if (can_be_shadowed(p, s->rule, target))
        value = "`shadow`, ";
    else if (unit)
        value = !strcmp(unit, "Hz") ? "`fixed RATE`, " : "`fixed VALUE`, ";
    diag_help(d, "write %s`drop`, `assign` or `to &NODE`", value);
    return true;
}

bool refs_bring_provider(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    struct copied *guest_copy = refs_guest_copy(s, e->target);
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    if (v->fate == FATE_SHADOW)
        return refs_bring_shadow(s, e, v);
    bool lines = guest_copy && guest_copy->lines;
    if (guest_copy && guest_copy->description && (v->fate == FATE_ASSIGN || lines)) {
        const char *other = guest_copy->shadow ? "shadow" : "copy";
        struct diag *d = diag(p->c->diags, E0414, where, "%s is both %s and %s (`%s`)", dt_path(p->c->arena, e->target),
                              v->fate == FATE_ASSIGN ? "assigned (`assign`)" : "copied (`copy`)",
                              guest_copy->shadow ? "shadowed" : "copied", other);
        diag_note(d, guest_copy->guest->origin->at, "it is %s for this statement",
                  guest_copy->shadow ? "shadowed" : "copied");
        if (v->fate == FATE_ASSIGN)
            diag_help(d, "write `assign` for both, or `%s`", other);
        else
            diag_help(d, "choose another fate for one of them: `drop`, `fixed RATE`, `to &node`");
        return false;
    }
    if (!guest_copy && v->fate == FATE_ASSIGN)
        assign_provider(s, e, v);
    else if (!guest_copy && s->rule->layout == REF_GRAPH)
        diag_help(diag(p->c->diags, E0423, where,
                       "an endpoint cannot be copied: it is useless without the device of its port"),
                  "write `assign` to pass that device through as well, `drop`, or `to` an endpoint of the guest");
    else if (!guest_copy && !report_useless_copy(s, e->target, where))
        copy_description(p, e->target, s->k, where);
    return refs_guest_copy(s, e->target) != NULL; // if it is missing, it was refused with a message
}

/* The guest's provider has the bits of its registers as lines. */
static void append_line(struct settle *s, const struct ref_entry *e, const struct copied *provider)
{
    append_before(s, e);
    append_ref(s, provider->guest, NULL);
    dt_put_cells(s->data + s->len, refs_line_bit(s, provider->lines, e), 1);
    s->len += 4;
}

static void write_provider(struct settle *s, const struct ref_entry *e)
{
    struct copied *guest_copy = refs_guest_copy(s, e->target); // bring_all_providers() has added it
    if (guest_copy && guest_copy->lines)
        append_line(s, e, guest_copy);
    else if (guest_copy)
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
        write_fixed(s, index, e, v);
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
