// SPDX-License-Identifier: MIT
// What the guest's nodes lost against the host's, and Linux's drivers do not start without.
#include "refs/refs.h"

#include <inttypes.h>

/* What a node lost. */
struct loss {
    const char *property;
    const char *name; // of the entry; NULL: the property
    uint32_t index;   // of the entry
    struct src at;    // the statement that dropped it
    uint8_t word;     // enum driver_word
    const struct driver_facts *facts;
};

struct losses {
    struct machine_planner *p;
    const struct copied *k;
    VEC(struct loss) list;
};

/* ---- who dropped it ---- */

/* Returns the statement that decides on an entry of a property, as refs/settle.c finds it. */
static const struct m_ref *deciding_ref(const struct losses *l, const char *property, uint32_t index)
{
    const struct m_part *parts[] = {l->k->part, &l->k->pass->parts.at[0]};
    const char *names[] = {property, l->p->settle_room->all};
    for (uint32_t n = 0; n < 2; n++)
        for (uint32_t i = 0; i < 4; i++) {
            const struct m_part *part = parts[i / 2];
            uint64_t key = i % 2 == 0 ? (uint64_t)index + 1 : 0, r; // the entry's, then the property's
            if (part && map_get(&part->ref_index, (uintptr_t)names[n], key, &r))
                return &part->refs.at[r];
        }
    return NULL;
}

/* Returns the statement that dropped an entry of a property; NULL: an edit did, or a default. */
static const struct m_ref *dropping_ref(const struct losses *l, const char *property, uint32_t index)
{
    const struct m_ref *r = deciding_ref(l, property, index);
    return r && r->fate == FATE_DROP ? r : NULL;
}

static const struct m_irq *dropping_irq(const struct losses *l)
{
    for (uint32_t i = 0; l->k->part && i < l->k->part->irqs.n; i++)
        if (l->k->part->irqs.at[i].drop)
            return &l->k->part->irqs.at[i];
    return NULL;
}

static void add_loss(struct losses *l, const char *property, uint32_t index, const char *name, uint8_t word,
                     const struct driver_facts *facts)
{
    bool is_irq = property == l->p->n->interrupts;
    const struct m_ref *ref = is_irq ? NULL : dropping_ref(l, property, index);
    const struct m_irq *irq = is_irq ? dropping_irq(l) : NULL;
    if ((ref && ref->unsafe.loc.file) || (irq && irq->unsafe.loc.file))
        return;
    if (is_irq && !irq)
        return; // only a statement drops an interrupt; one that cannot be linked has been reported
    struct src at = refs_place(l->k);
    if (ref)
        at = ref->at;
    else if (irq)
        at = irq->at;
    vec_push(draft_arena(l->p->c), &l->list, ((struct loss){property, name, index, at, word, facts}));
}

/* ---- what is lost ---- */

/* The property with the names of a property's entries; NULL: it has none. */
static const char *names_property(struct losses *l, const char *property)
{
    if (property == l->p->n->interrupts)
        return l->p->n->interrupt_names;
    const struct ref_rule *rule = schema_ref(l->p->schemas, property);
    return rule && rule->names && rule->match != REF_MATCH_NUMBERED ? intern(l->p->c->names, rule->names) : NULL;
}

static bool host_has(const struct losses *l, const char *property)
{
    if (property == l->p->n->interrupts)
        return l->p->host->nodes[l->k->host_id].nirqs > 0;
    return dt_prop(l->p->host->tree, l->k->host, property) != NULL;
}

static bool guest_has(const struct losses *l, const char *property)
{
    const struct dt_tree *t = l->p->m->tree;
    return dt_prop(t, l->k->guest, property) ||
           (property == l->p->n->interrupts && dt_prop(t, l->k->guest, l->p->n->interrupts_extended));
}

static void find_losses(struct losses *l, const struct driver_need *needs, uint8_t word,
                        const struct driver_facts *facts)
{
    for (; needs && needs->property; needs++) {
        if (!host_has(l, needs->property))
            continue; // the host's driver starts as well
        const char *list = names_property(l, needs->property);
        const struct dt_prop *host = list ? dt_prop(l->p->host->tree, l->k->host, list) : NULL;
        const struct dt_prop *guest = list ? dt_prop(l->p->m->tree, l->k->guest, list) : NULL;
        bool there = guest_has(l, needs->property), named = false;
        for (const char *const *name = needs->names; host && *name; name++) {
            int32_t index = dt_string_index(host, *name);
            if (index < 0)
                continue;
            named = true;
            if (!there || !guest || dt_string_index(guest, *name) < 0)
                add_loss(l, needs->property, (uint32_t)index, *name, word, facts);
        }
        if (!named && !there)
            add_loss(l, needs->property, 0, NULL, word, facts);
    }
}

/* ---- the warning ---- */

/* " (since Linux 6.12)" for what is not true of all versions that were read. */
static const char *version_text(struct machine_planner *p, const struct driver_facts *f)
{
    if (f->since)
        return arena_printf(p->c->arena, " (since Linux %s)", f->since);
    if (f->until)
        return arena_printf(p->c->arena, " (up to Linux %s)", f->until);
    return "";
}

static void put_driver(struct machine_planner *p, struct diag *d, const struct driver_facts *f)
{
    const char *text = arena_printf(p->c->arena, "%s, as of Linux", f->driver);
    schemas_demand(p->schemas, intern(p->c->names, "needs/kernels"));
    for (const char *const *s = p->schemas->kernels; s && *s; s++)
        text = arena_printf(p->c->arena, "%s%s %s", text, s == p->schemas->kernels ? "" : " and", *s);
    diag_fact(d, "%s", text);
}

/* `clocks` "pclk", "hclk", `interrupts` */
static const char *losses_text(struct losses *l, uint8_t word)
{
    struct arena *a = l->p->c->arena;
    const char *text = "", *last = NULL;
    for (uint32_t i = 0; i < l->list.n; i++) {
        const struct loss *x = &l->list.at[i];
        if (x->word != word)
            continue;
        bool same = x->property == last;
        const char *name = x->name ? arena_printf(a, " \"%s\"", x->name) : "";
        const char *version = version_text(l->p, x->facts);
        if (!same)
            text = arena_printf(a, "%s%s`%s`%s%s", text, last ? ", " : "", x->property, name, version);
        else if (x->name)
            text = arena_printf(a, "%s,%s%s", text, name, version);
        last = x->property;
    }
    return text;
}

static void put_help(struct losses *l, struct diag *d)
{
    struct machine_planner *p = l->p;
    const struct loss *x = &l->list.at[0];
    const struct dt_prop *prop = dt_prop(p->host->tree, l->k->host, x->property);
    const struct ref_rule *rule = prop ? host_ref_rule(p->host, l->k->host, prop) : NULL;
    struct ref_entries e = {0};
    if (x->property == p->n->interrupt_map)
        diag_help(d, "leave the device to the host: its map is about the host's lines, and a guest gets none of it");
    else if (x->property == p->n->interrupts)
        diag_help(d,
                  "link the interrupt: remove `irq ... drop;`, or, if your driver does without, write `drop unsafe`");
    else if (!rule || !prop || host_read_refs(p->c, p->host, prop, rule, &e) || x->index >= e.n ||
             !e.at[x->index].target)
        diag_help(d, "settle it otherwise, or, if your driver does without, write `ref %s drop unsafe;`", x->property);
    else
        diag_help(d, "write `ref %s %s;`, or, if your driver does without, `ref %s drop unsafe;`", x->property,
                  refs_likely_offer(p, &(struct open_ref){.k = l->k,
                                                          .prop = prop,
                                                          .rule = rule,
                                                          .entry = e.at[x->index],
                                                          .index = x->index,
                                                          .entries = e.n,
                                                          .name = x->name,
                                                          .says = {x->word, x->facts}})
                      .clause,
                  x->property);
}

static void report_losses(struct losses *l)
{
    struct machine_planner *p = l->p;
    uint32_t first = 0;
    while (first < l->list.n && l->list.at[first].word != DRIVER_NEEDS)
        first++;
    if (first == l->list.n)
        return; // what a driver probably needs is told with something certain only
    const struct loss *x = &l->list.at[first];
    struct diag *d = diag(p->c->diags, W0429, x->at, "%s loses what Linux's driver does not start without: %s",
                          dt_path(p->c->arena, l->k->host), losses_text(l, DRIVER_NEEDS));
    put_driver(p, d, x->facts);
    const char *probably = losses_text(l, DRIVER_PROBABLY);
    if (*probably)
        diag_fact(d, "it probably needs as well: %s", probably);
    for (uint32_t i = first + 1; i < l->list.n; i++)
        if (l->list.at[i].word == DRIVER_NEEDS && src_compare(l->list.at[i].at, x->at) != 0 &&
            l->list.at[i].property != l->list.at[i - 1].property)
            diag_note(d, l->list.at[i].at, "`%s` is dropped here", l->list.at[i].property);
    l->list.at[0] = *x;
    put_help(l, d);
}

/* ---- what takes the place of a reference ---- */

static bool has_replacement(const struct losses *l, const struct ref_instead *instead)
{
    for (const char *const *name = instead->unless; *name; name++)
        if (dt_prop(l->p->m->tree, l->k->guest, *name) || dt_child(l->p->m->tree, l->k->guest, *name))
            return true;
    return false;
}

static void check_replacements(struct losses *l)
{
    struct machine_planner *p = l->p;
    for (const struct dt_prop *prop = l->k->host->props; prop; prop = prop->next) {
        if (dt_prop(p->m->tree, l->k->guest, prop->name))
            continue;
        const struct ref_rule *rule = schema_ref(p->schemas, prop->name);
        if (!rule || !rule->instead.write || has_replacement(l, &rule->instead))
            continue;
        const struct m_ref *ref = dropping_ref(l, prop->name, 0);
        if (ref && ref->unsafe.loc.file)
            continue;
        struct diag *d =
            diag(p->c->diags, W0431, ref ? ref->at : refs_place(l->k),
                 "`%s` of %s is dropped, and nothing takes its place", prop->name, dt_path(p->c->arena, l->k->host));
        diag_fact(d, "%s", rule->instead.why);
        diag_help(d, "write `edit { %s }`, or, if the driver knows by itself, `ref %s drop unsafe;`",
                  rule->instead.write, prop->name);
    }
}

/* ---- the parent ---- */

static bool has_compatible(const struct machine_planner *p, const struct dt_tree *t, const struct dt_node *n,
                           const char *const *list)
{
    const struct dt_prop *compatible = n ? dt_prop(t, n, p->n->compatible) : NULL;
    for (; compatible && *list; list++)
        if (dt_string_index(compatible, *list) >= 0)
            return true;
    return false;
}

static void check_parent(struct losses *l, const struct driver_facts *facts)
{
    struct machine_planner *p = l->p;
    const struct dt_node *parent = l->k->host->parent;
    for (const struct driver_facts *f = facts; f; f = f->next) {
        if (!f->parent || !has_compatible(p, p->host->tree, parent, f->parent) ||
            has_compatible(p, p->m->tree, l->k->guest->parent, f->parent))
            continue;
        struct diag *d =
            diag(p->c->diags, W0432, refs_place(l->k), "the driver of %s asks %s, which the guest does not have",
                 dt_path(p->c->arena, l->k->host), dt_path(p->c->arena, parent));
        put_driver(p, d, f);
        diag_help(d, "pass %s through with what is below it, or leave the device with the host",
                  dt_path(p->c->arena, parent));
        return;
    }
}

void check_drivers(struct machine_planner *p)
{
    enter_step(p, STEP_DRIVERS);
    for (uint32_t i = 0; i < p->copies.n; i++) {
        const struct copied *k = p->copies.at[i];
        struct losses l = {.p = p, .k = k};
        if (k->off || dt_is_gone(p->m->tree, k->guest) || dt_is_disabled(p->m->tree, k->guest, p->n->status))
            continue;
        const struct driver_facts *facts = refs_driver_of(p, k->guest, p->m->tree);
        for (const struct driver_facts *f = facts; f; f = f->next) {
            find_losses(&l, f->needs, DRIVER_NEEDS, f);
            find_losses(&l, f->probably, DRIVER_PROBABLY, f);
        }
        report_losses(&l);
        check_replacements(&l);
        check_parent(&l, facts);
    }
}
