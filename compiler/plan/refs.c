// SPDX-License-Identifier: MIT
// References: every phandle that leaves an assigned subtree is settled, or an error that lists the choices.
#include "plan/refs.h"

#include <inttypes.h>

/* Makes a list `n` long, zeroed. */
#define ROOM(p, list, count)                                                                                               \
    do {                                                                                                               \
        while ((list)->room < (count)) {                                                                                   \
            (list)->n = 0;                                                                                             \
            (list)->at = vec_grow(draft_arena((p)->c), (list)->at, 0, &(list)->room, sizeof *(list)->at);             \
        }                                                                                                              \
        memset((list)->at, 0, (count) * sizeof *(list)->at);                                                               \
    } while (0)

/* Where the text speaks of a node, or of the subtree that it is in. */
static struct src place(const struct copied *k)
{
    return k->part ? k->part->at : k->pass->parts.at[0].at;
}

/* ---- which fate ---- */

enum { WHOLE = UINT32_MAX };

struct verdict {
    uint8_t fate;
    uint64_t fixed;
    const struct m_ref *said; // NULL: a default
};

/* A statement, wherever `assign` has carried it: by its place. */
static uint64_t used_key(const struct m_ref *r)
{
    return (uint64_t)r->at.loc.file << 32 | r->at.loc.start;
}

static const struct m_ref *find(struct planner *p, const struct m_part *part, const char *property, uint32_t index)
{
    uint64_t i;
    if (!part || !map_get(&part->ref_index, (uintptr_t)property, index == WHOLE ? 0 : (uint64_t)index + 1, &i))
        return NULL;
    const struct m_ref *r = &part->refs.at[i];
    map_put(draft_arena(p->c), &p->ref_used, used_key(r), (uintptr_t)r->at.via, 1);
    return r;
}

/* What is said of the node itself beats what is said of the whole subtree; an entry beats the whole property. */
static const struct m_ref *by_name(struct settle *s, uint32_t index)
{
    const struct m_part *own = s->k->part, *top = &s->k->pass->parts.at[0];
    const struct m_ref *r = index == WHOLE ? NULL : find(s->p, own, s->prop->name, index);
    if (!r)
        r = find(s->p, own, s->prop->name, WHOLE);
    if (own == top || r)
        return r;
    if (index != WHOLE)
        r = find(s->p, top, s->prop->name, index);
    return r ? r : find(s->p, top, s->prop->name, WHOLE);
}

/* A name beats `*`; both beat the defaults. */
static struct verdict otherwise(struct settle *s)
{
    const char *all = s->p->settle_room->all;
    const struct m_ref *r = find(s->p, s->k->part, all, WHOLE);
    if (!r)
        r = find(s->p, &s->k->pass->parts.at[0], all, WHOLE);
    if (r)
        return (struct verdict){r->fate, r->fixed, r};
    const struct dev_class *class = s->k->device ? s->k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, s->prop->name))
            return (struct verdict){class->fates[i].fate, class->fates[i].fixed, NULL};
    return (struct verdict){s->rule->fate, 0, NULL};
}

static struct verdict whole_verdict(struct settle *s)
{
    const struct m_ref *r = by_name(s, WHOLE);
    return r ? (struct verdict){r->fate, r->fixed, r} : otherwise(s);
}

static bool said_by_entry(const struct settle *s)
{
    const struct m_part *parts[] = {s->k->part, &s->k->pass->parts.at[0]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t r = 0; parts[i] && r < parts[i]->refs.n; r++)
            if (parts[i]->refs.at[r].property == s->prop->name && parts[i]->refs.at[r].index.set)
                return true;
    return false;
}

/* ---- writing the guest's value ---- */

static void put(struct settle *s, uint32_t from, uint32_t cells)
{
    memcpy(s->data + s->len, s->prop->data + (size_t)from * 4, (size_t)cells * 4);
    s->len += cells * 4;
}

static void put_ref(struct settle *s, struct dt_node *target, const struct m_ref *said)
{
    s->refs[s->nrefs++] = (struct new_ref){s->len, target, said};
    memset(s->data + s->len, 0, 4);
    s->len += 4;
    s->changed = true;
}

static void put_before(struct settle *s, const struct entry *e)
{
    put(s, e->start, e->phandle - e->start);
}

static void put_behind(struct settle *s, const struct entry *e)
{
    put(s, e->phandle + 1, e->start + e->cells - e->phandle - 1);
}

static void put_entry(struct settle *s, const struct entry *e, struct dt_node *target)
{
    put_before(s, e);
    put_ref(s, target, NULL);
    put_behind(s, e);
}

/* The copy of a node, unless an edit has deleted it. */
static struct copied *in_guest(const struct settle *s, const struct dt_node *target)
{
    struct copied *there = target ? any_copy(s->p, target) : NULL;
    return there && !there->guest->deleted ? there : NULL;
}

/* What is said of whole properties. Entries are those of the node that they were said of. */
static void add_refs(struct planner *p, struct m_part *to, const struct m_part *from)
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
 * The device that a provider is a part of: what VFIO can assign. A PHY goes with its MDIO bus, a regulator with the
 * controller of the bus that its chip is on, an endpoint with the device of its port. NULL: there is none.
 */
static const struct dt_node *device_of(const struct planner *p, const struct dt_node *n)
{
    const struct dt_node *device = NULL;
    for (; n->parent; n = n->parent) {
        if (!is_platform_device(p, n))
            device = NULL; // on a bus that is behind a device further up
        else if (!device && dt_prop(p->host->tree, n, p->n.compatible))
            device = n;
    }
    return device;
}

/* Fate `assign`: the provider goes to this guest as well, by the same rules. */
static void assign(struct settle *s, const struct entry *e, const struct verdict *v)
{
    struct planner *p = s->p;
    const struct dt_node *target = e->target, *device = device_of(p, target);
    const struct m_part *top = &s->k->pass->parts.at[0];
    struct src where = v->said ? v->said->at : place(s->k);
    bool above = device && dt_is_below(device, s->k->host);
    if (!device || (above && device != target)) {
        const char *path = dt_path(p->c->arena, target);
        struct diag *d;
        if (device)
            d = diag(p->c->diags, E0422, where, "%s cannot be assigned by itself: it is a part of %s, and so is %s", path, dt_path(p->c->arena, device),
                     dt_path(p->c->arena, s->k->host));
        else
            d = diag(p->c->diags, E0422, where, "%s cannot be assigned by itself: it is part of no device that can be", path);
        if (device)
            diag_help(d, "pass all of %s through, or choose another fate", dt_path(p->c->arena, device));
        else
            diag_help(d, "choose another fate: `copy`, `drop`, `to &node`");
        return;
    }
    struct m_passthrough *pass = NEW(draft_arena(p->c), struct m_passthrough);
    *pass = (struct m_passthrough){.kind = PASS_NODE, .assigned = true, .at = where, .only = above, .place = &m_nowhere};
    pass->name = device->labels ? device->labels->name : device->name;
    if (map_getp(&p->devices, pass->name, NULL))
        pass->name = dt_path(p->c->arena, device);
    pass->name = intern(p->c->names, pass->name);
    struct m_part part = {.node = device, .at = pass->at};
    add_refs(p, &part, s->k->part);
    if (s->k->part != top)
        add_refs(p, &part, top);
    vec_push(draft_arena(p->c), &pass->parts, part);
    copy_one(p, pass);
}

static void rely(struct settle *s, const struct entry *e, struct src where)
{
    vec_push(draft_arena(s->p->c), &s->p->relied->list, ((struct reliance){e->target, s->p->m, where}));
}

void check_relied(struct planner *p)
{
    for (uint32_t i = 0; i < p->relied->list.n; i++) {
        const struct reliance *r = &p->relied->list.at[i];
        const struct owner *o = p->host_owner[r->provider->id];
        if (!o || o->machine == r->machine)
            continue;
        struct diag *d = diag(p->c->diags, E0421, r->at, "machine `%s` describes %s as its own, and machine `%s` owns it", r->machine->name,
                              dt_path(p->c->arena, r->provider), o->machine->name);
        diag_note(d, o->at, "it is assigned here");
        diag_help(d, "whoever owns it may switch it off: assign it to `%s`, or write `drop`, or `to` a node of its own", r->machine->name);
    }
}

/* A clock has one rate, whoever says it. */
static void check_rate(struct settle *s, const struct entry *e, const struct verdict *v, struct src where)
{
    struct planner *p = s->p;
    const char *args = "";
    for (uint32_t c = e->phandle + 1; c < e->start + e->cells; c++)
        args = arena_printf(p->c->arena, "%s %u", args, dt_cell(s->prop, c));
    args = intern(p->c->names, args);
    struct rate *r = map_getp(&p->rates, e->target, args);
    if (r && r->value != v->fixed) {
        const char *unit = s->rule->provider->unit ? s->rule->provider->unit : "";
        struct diag *d = diag(p->c->diags, E0419, where, "%s%s is fixed at two values: %" PRIu64 " %s here, %" PRIu64 " %s there", dt_path(p->c->arena, e->target),
                              args, v->fixed, unit, r->value, unit);
        diag_note(d, r->at, "the other one");
        diag_help(d, "it is one %s: write the same value for both", s->rule->kind);
    }
    if (r)
        return;
    r = NEW(draft_arena(p->c), struct rate);
    *r = (struct rate){v->fixed, where};
    map_putp(draft_arena(p->c), &p->rates, e->target, args, r);
}

static void fixed(struct settle *s, const struct entry *e, const struct verdict *v)
{
    struct planner *p = s->p;
    struct src where = v->said ? v->said->at : place(s->k);
    if (!s->rule->provider) {
        struct diag *d = diag(p->c->diags, E0408, where, "`%s` cannot be `fixed`: there is no fixed %s", s->prop->name, s->rule->kind);
        diag_help(d, "write `drop`, `assign`, `copy`, `to &node` or `keep`");
        s->failed = true;
        return;
    }
    check_rate(s, e, v, where);
    rely(s, e, where);
    put_before(s, e);
    put_ref(s, fixed_provider(p, s->rule->provider, v->fixed, where), NULL);
}

static void to_node(struct settle *s, const struct entry *e, const struct m_ref *said)
{
    put_before(s, e);
    put_ref(s, NULL, said);
    bool counted = s->rule->layout == REF_CELLS || s->rule->layout == REF_FIXED;
    if (!said->has_cells && !counted)
        put_behind(s, e);
    for (uint32_t i = 0; i < said->ncells; i++, s->len += 4)
        put_cells(s->data + s->len, said->cells[i], 1);
}

static void provider(struct settle *s, const struct entry *e, const struct verdict *v)
{
    struct planner *p = s->p;
    struct copied *there = in_guest(s, e->target);
    if (there && there->description && v->fate == FATE_ASSIGN) {
        struct src where = v->said ? v->said->at : place(s->k);
        struct diag *d = diag(p->c->diags, E0414, where, "%s is asked for both as a device, `assign`, and as a description, `copy`", dt_path(p->c->arena, e->target));
        diag_note(d, there->guest->origin->at, "it was copied for this one");
        diag_help(d, "write `assign` for both, or `copy`");
        s->failed = true;
        return;
    }
    if (!there && v->fate == FATE_ASSIGN)
        assign(s, e, v);
    else if (!there && s->rule->layout == REF_GRAPH)
        diag_help(diag(p->c->diags, E0423, v->said ? v->said->at : place(s->k), "an endpoint cannot be copied: it is nothing without the device of its port"),
                  "write `assign` (that device is passed through, too), `drop`, or `to` an endpoint of the guest");
    else if (!there)
        copy_description(p, e->target, s->k, v->said ? v->said->at : place(s->k));
    if (v->fate == FATE_COPY)
        rely(s, e, v->said ? v->said->at : place(s->k));
    there = in_guest(s, e->target);
    if (there)
        put_entry(s, e, there->guest);
    else
        s->failed = true; // refused, with a message
}

/* `keep` is for numbers that look like a phandle; a `&label` in the source of the host's tree is none. */
static void refuse_keep(struct settle *s, const struct m_ref *said, const struct dt_node *target)
{
    struct planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0420, said->at, "`%s` of %s cannot be kept: it is a reference to %s", s->prop->name, dt_path(p->c->arena, s->k->host),
                          dt_path(p->c->arena, target));
    diag_help(d, "its number would mean another node in the guest; write `drop`, `assign`, `copy` or `to &node`");
    s->failed = true;
}

static void carry_out(struct settle *s, uint32_t index, const struct entry *e, const struct verdict *v)
{
    s->kept[index] = v->fate != FATE_DROP;
    switch (v->fate) {
    case FATE_DROP:
        s->changed = true;
        if (s->rule->follows) { // those behind it keep their places
            memset(s->data + s->len, 0, 4);
            s->len += 4;
        }
        return;
    case FATE_KEEP:
        if (e->known && v->said)
            refuse_keep(s, v->said, e->target);
        put(s, e->start, e->cells);
        break;
    case FATE_FIXED:
        fixed(s, e, v);
        break;
    case FATE_TO:
        to_node(s, e, v->said);
        break;
    default:
        provider(s, e, v);
        break;
    }
    s->solid = s->len;
}

/* ---- no safe default ---- */

static const char *cells_text(struct settle *s, const struct entry *e)
{
    const char *text = "";
    for (uint32_t c = e->phandle + 1; c < e->start + e->cells && c < e->phandle + 9; c++)
        text = arena_printf(s->p->c->arena, "%s %u", text, dt_cell(s->prop, c));
    return text;
}

static void list_choices(struct settle *s, const uint32_t *open, uint32_t nopen)
{
    struct planner *p = s->p;
    const struct entry *first = &s->entries.at[open[0]];
    bool whole = nopen == s->entries.n;
    const char *which = whole ? s->prop->name : arena_printf(p->c->arena, "%s[%u]", s->prop->name, open[0]);
    const char *path = dt_path(p->c->arena, s->k->host);
    struct diag *d;
    if (nopen == 1)
        d = diag(p->c->diags, E0409, place(s->k), "`%s` of %s leads out of what is assigned, to %s%s", which, path, dt_path(p->c->arena, first->target), cells_text(s, first));
    else
        d = diag(p->c->diags, E0409, place(s->k), "`%s` of %s leads out of what is assigned, %u times", s->prop->name, path, nopen);
    diag_label(d, "needs the host's %s", s->rule->kind);
    for (uint32_t i = 0; i < nopen && nopen > 1 && i < 8; i++) {
        const struct entry *e = &s->entries.at[open[i]];
        diag_fact(d, "%s: %s[%u] is %s%s", p->host->file, s->prop->name, open[i], dt_path(p->c->arena, e->target), cells_text(s, e));
    }
    if (nopen > 8)
        diag_fact(d, "and %u more", nopen - 8);
    if (s->rule->why)
        diag_fact(d, "why there is no default: %s", s->rule->why);
    bool child = s->k->host != s->k->pass->parts.at[0].node;
    const char *fixed_text = "";
    if (s->rule->provider)
        fixed_text = arena_printf(p->c->arena, "`fixed %s` (a fixed %s takes its place), ", s->rule->provider->unit && !strcmp(s->rule->provider->unit, "Hz") ? "RATE" : "VALUE", s->rule->kind);
    diag_help(d, "say what it shall be: `ref %s FATE;`%s, FATE one of `drop` (remove it), %s`assign` (pass the provider through, too), %s`to &NODE` (another node of the guest)%s",
              which, child ? " (here, or in a `child` statement)" : "", fixed_text, s->rule->layout == REF_GRAPH ? "" : "`copy` (its description only), ",
              first->known ? "" : ", `keep` (it is no reference)");
    s->failed = true;
}

static void malformed(struct settle *s)
{
    struct planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0407, place(s->k), "`%s` of %s cannot be read: %s", s->prop->name, dt_path(p->c->arena, s->k->host), s->problem);
    diag_help(d, "remove it, `ref %s drop;`, or say that it holds no references, `ref %s keep;`", s->prop->name, s->prop->name);
}

/* ---- the property ---- */

/* The property goes as it is, read or not. */
static void drop_all(struct settle *s)
{
    s->kept = NULL;
    dt_del(s->p->m->tree, s->k->guest, s->prop->name);
    refs_along(s);
}

static void write_back(struct settle *s)
{
    struct planner *p = s->p;
    bool all = true, any = false;
    for (uint32_t i = 0; i < s->entries.n; i++) {
        all = all && s->kept[i];
        any = any || s->kept[i];
    }
    if (!s->changed)
        return;
    uint32_t len = s->rule->follows ? s->solid : s->len;
    if (!any || !len) {
        drop_all(s);
        return;
    }
    struct dt_prop *prop = dt_set(p->m->tree, s->k->guest, s->prop->name, s->data, len,
                                  origin_at(p, s->k->guest, place(s->k), "references for the guest"));
    for (uint32_t i = 0; i < s->nrefs; i++) {
        const struct new_ref *r = &s->refs[i];
        dt_add_ref(p->m->tree, prop, r->offset, r->target);
        if (!r->said)
            continue;
        struct dt_ref *ref = prop->refs->last ? prop->refs->last : prop->refs;
        struct dt_name *name = NEW(p->c->arena, struct dt_name);
        *name = (struct dt_name){{.s = r->said->to, .loc = r->said->to_at.loc, .kind = r->said->to_kind}, r->said->to_at};
        ref->name = name;
        vec_push(draft_arena(p->c), &p->to_refs, ((struct to_ref){ref, r->said, s->rule, prop->name}));
    }
    if (!all)
        refs_along(s);
}

/* Entries that lost the entry they belong to go with it. */
static const struct shortened *followed(const struct settle *s)
{
    const struct settle_room *room = s->p->settle_room;
    for (uint32_t i = 0; s->rule->follows && i < room->shortened.n; i++)
        if (!strcmp(room->shortened.at[i].property, s->rule->follows))
            return &room->shortened.at[i];
    return NULL;
}

/* What becomes of an entry that leads somewhere. FATE_ERROR: `there`, or if that is NULL nothing is said. */
static struct verdict verdict_of(struct settle *s, uint32_t i, struct copied **there)
{
    *there = in_guest(s, s->entries.at[i].target);
    bool inside = *there && (*there)->pass == s->k->pass && !(*there)->description;
    const struct m_ref *said = by_name(s, i);
    // What stays inside needs no word, but an entry that is spoken of by its number is meant.
    if (said && (!inside || said->index.set))
        return (struct verdict){said->fate, said->fixed, said};
    return *there ? (struct verdict){FATE_ERROR, 0, NULL} : otherwise(s);
}

/* Entries of a group, an interconnect's two ends, live and die together. */
static bool group_dies(struct settle *s, uint32_t i)
{
    uint32_t group = s->rule->group > 1 ? s->rule->group : 1, first = i / group * group;
    struct copied *there;
    for (uint32_t g = first; group > 1 && g < first + group && g < s->entries.n; g++)
        if (s->entries.at[g].target && verdict_of(s, g, &there).fate == FATE_DROP)
            return true;
    return false;
}

static void settle_entry(struct settle *s, uint32_t i, uint32_t *open, uint32_t *nopen)
{
    const struct entry *e = &s->entries.at[i];
    if (group_dies(s, i)) {
        s->changed = true;
        return;
    }
    if (!e->target) {
        put(s, e->start, e->cells);
        s->kept[i] = true;
        return;
    }
    struct copied *there;
    struct verdict v = verdict_of(s, i, &there);
    if (v.fate != FATE_ERROR) {
        carry_out(s, i, e, &v);
    } else if (there) {
        put_entry(s, e, there->guest);
        s->kept[i] = true;
        s->solid = s->len;
    } else {
        open[(*nopen)++] = i;
    }
}

static void settle_prop(struct planner *p, struct copied *k, const struct dt_prop *prop, const struct ref_rule *rule)
{
    struct settle_room *room = p->settle_room;
    struct settle s = {.p = p, .k = k, .prop = prop, .rule = rule, .entries = room->entries};
    const struct verdict whole = whole_verdict(&s);
    bool by_entry = said_by_entry(&s);
    if (whole.fate == FATE_KEEP && !by_entry) {
        const struct dt_ref *r = prop->refs;
        while (r && (r->path || !r->target))
            r = r->next;
        if (r && whole.said)
            refuse_keep(&s, whole.said, r->target);
        return;
    }
    bool readable = refs_read(&s);
    room->entries = s.entries;
    if (!readable) {
        if (whole.fate == FATE_DROP)
            drop_all(&s);
        else
            malformed(&s);
        return;
    }
    uint32_t errors = diags_errors(p->c->diags);
    ROOM(p, &room->refs, s.entries.n + 1);
    ROOM(p, &room->kept, s.entries.n + 1);
    ROOM(p, &room->open, s.entries.n + 1);
    // Only `to &node <cells>` makes an entry longer than it was.
    bool longer = (k->part && k->part->refs.n) || k->pass->parts.at[0].refs.n;
    s.data = arena_alloc(p->c->arena, prop->len + (longer ? (size_t)s.entries.n * (HOST_MAX_CELLS + 1) * 4 : 0));
    s.refs = room->refs.at;
    s.kept = room->kept.at;
    uint32_t *open = room->open.at, nopen = 0;
    const struct shortened *with = followed(&s);
    for (uint32_t i = 0; i < s.entries.n; i++) {
        if (with && (!with->kept || (i < with->n && !with->kept[i])))
            s.changed = true;
        else
            settle_entry(&s, i, open, &nopen);
    }
    if (nopen)
        list_choices(&s, open, nopen);
    if (!s.failed && diags_errors(p->c->diags) == errors)
        write_back(&s);
}

/* ---- statements that settle nothing ---- */

/* How many entries the property has in the nodes that a statement speaks of, at most. */
static uint32_t most_entries(struct planner *p, const struct m_passthrough *pass, const struct m_part *part, const char *property, bool *exists)
{
    const struct dt_node *top = part->node;
    uint32_t most = 0;
    *exists = false;
    for (const struct dt_node *n = top; n; n = pass->only || part != &pass->parts.at[0] ? NULL : dt_next(n, top)) {
        const struct dt_prop *prop = dt_prop(p->host->tree, n, property);
        if (!prop)
            continue;
        *exists = true;
        struct copied k = {.host = n, .pass = pass, .part = part};
        struct settle s = {.p = p, .k = &k, .prop = prop, .rule = refs_rule(p, &k, prop), .entries = p->settle_room->entries};
        if (s.rule && refs_read(&s) && s.entries.n > most)
            most = s.entries.n;
        if (s.rule)
            p->settle_room->entries = s.entries;
        if (s.rule && s.problem)
            most = UINT32_MAX; // it is spoken of as a whole
    }
    return most;
}

static void no_property(struct planner *p, const struct m_passthrough *pass, const struct m_part *part, const struct m_ref *r)
{
    bool below = !pass->only && part == &pass->parts.at[0] && part->node->child;
    struct diag *d = diag(p->c->diags, E0411, r->at, "%s%s no property `%s`", dt_path(p->c->arena, part->node), below ? " and what is below it have" : " has", r->property);
    VEC(const char *) names = {0};
    const struct dt_node *n = part->node;
    for (; n && names.n < 1000; n = below ? dt_next(n, part->node) : NULL)
        for (const struct dt_prop *q = n->props; q && names.n < 1000; q = q->next) {
            struct copied k = {.host = n, .pass = pass, .part = part};
            if (refs_rule(p, &k, q))
                vec_push(p->c->arena, &names, q->name);
        }
    const char *near = nearest(r->property, names.at, names.n);
    if (near)
        diag_help(d, "did you mean `%s`?", near);
    else if (names.n)
        diag_help(d, "its references are in `%s`%s", names.at[0], names.n > 1 ? " and others" : "");
    else
        diag_help(d, "it has no references; leave the statement out");
}

static void check_unused(struct planner *p, const struct m_passthrough *pass, const struct m_part *part)
{
    for (uint32_t i = 0; i < part->refs.n; i++) {
        const struct m_ref *r = &part->refs.at[i];
        const struct ref_rule *rule = schema_ref(p->schemas, r->property);
        uint64_t used;
        bool exists;
        if (map_get(&p->ref_used, used_key(r), (uintptr_t)r->at.via, &used) || r->property == p->settle_room->all)
            continue;
        if (rule && (rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP)) {
            diag_help(diag(p->c->diags, E0415, r->at, "`%s` is not settled by `ref`: interrupts are linked one by one", r->property), "write `irq 0 drop;` or `irq 0 to ...;`");
            continue;
        }
        uint32_t most = most_entries(p, pass, part, r->property, &exists);
        if (!exists)
            no_property(p, pass, part, r);
        else if (!most)
            diag_help(diag(p->c->diags, E0416, r->at, "`%s` of %s holds no reference", r->property, dt_path(p->c->arena, part->node)),
                      "to remove or change it, write `edit { ... }`");
        else if (r->index.set && r->index.value >= most)
            diag_help(diag(p->c->diags, E0410, r->index.at, "`%s` of %s has no entry %" PRIu64, r->property, dt_path(p->c->arena, part->node), r->index.value),
                      "it has %u, counted from 0", most);
    }
}

/* ---- fate `to`, when the nodes are there ---- */

void check_to_refs(struct planner *p)
{
    for (uint32_t i = 0; i < p->to_refs.n; i++) {
        const struct to_ref *t = &p->to_refs.at[i];
        const struct ref_rule *rule = t->rule;
        if (!t->ref->target || t->ref->target->deleted || (rule->layout != REF_CELLS && rule->layout != REF_FIXED))
            continue;
        const char *path = dt_path(p->c->arena, t->ref->target);
        uint32_t want = rule->fixed;
        if (rule->layout == REF_CELLS) {
            const struct dt_prop *cells = dt_prop(p->m->tree, t->ref->target, intern(p->c->names, rule->cells));
            if (!cells && !rule->cells_optional) {
                struct diag *d = diag(p->c->diags, E0418, t->said->to_at, "%s of the guest is no provider for `%s`: it has no `%s`", path, t->property, rule->cells);
                diag_help(d, "add `%s = <%u>;` to it, or choose another node", rule->cells, t->said->ncells);
                continue;
            }
            want = cells && cells->len == 4 ? dt_cell(cells, 0) : 0;
        }
        if (want == t->said->ncells)
            continue;
        struct diag *d = diag(p->c->diags, E0417, t->said->to_at, "a reference in `%s` to %s takes %u cell%s, not %u", t->property, path, want, want == 1 ? "" : "s", t->said->ncells);
        const char *list = "";
        for (uint32_t c = 0; c < want && c < 4; c++)
            list = arena_printf(p->c->arena, "%s%s%s", list, c ? " " : "", c == 3 ? "..." : "N");
        if (want)
            diag_help(d, "write `to %s%s%s <%s>`", t->said->to_kind == TEXT_LABEL ? "&" : "&{", t->said->to, t->said->to_kind == TEXT_LABEL ? "" : "}", list);
        else
            diag_help(d, "leave the cells out");
    }
}

/* ---- all of a machine ---- */

static bool settles(const struct dt_prop *prop)
{
    // What an edit or a class has written is a value of the guest's own.
    return prop->origin && prop->origin->kind == ORIGIN_HOST && prop->len;
}

static void settle_node(struct planner *p, struct copied *k)
{
    struct settle_room *room = p->settle_room;
    bool followers = false;
    room->shortened.n = 0;
    room->numbered = NULL;
    for (int round = 0; round < (followers ? 2 : 1); round++) {
        for (struct dt_prop *prop = k->guest->props, *next; prop; prop = next) {
            next = prop->next;
            const struct ref_rule *rule = settles(prop) ? refs_rule(p, k, prop) : NULL;
            if (!rule)
                continue;
            followers = followers || rule->follows;
            if ((rule->follows != NULL) == (round == 1))
                settle_prop(p, k, dt_prop(p->host->tree, k->host, prop->name), rule);
        }
    }
    if (room->numbered)
        refs_renumber(p, k, room->numbered);
}

void settle_refs(struct planner *p, uint32_t first)
{
    p->settle_room = NEW(draft_arena(p->c), struct settle_room);
    p->settle_room->all = intern(p->c->names, "*");
    // `assign` and `copy` add to the list; those are settled when their turn comes.
    for (uint32_t i = first; i < p->copies.n; i++)
        if (!p->copies.at[i]->guest->deleted)
            settle_node(p, p->copies.at[i]);
    // Statements are checked where they stand: at the node that they were written for.
    for (uint32_t i = first; i < p->copies.n; i++) {
        const struct copied *k = p->copies.at[i];
        if (k->part && k->part->node == k->host && !k->description && !k->pass->assigned)
            check_unused(p, k->pass, k->part);
    }
}
