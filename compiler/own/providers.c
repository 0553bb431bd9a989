// SPDX-License-Identifier: MIT
// What devices take from providers: clocks, resets, DMA requests; and whom a provider that a machine has leaves behind.
#include "own/own.h"

#include <inttypes.h>

enum { LISTED = 4 };

/* ---- reading ---- */

const struct ref_rule *own_rule(struct planner *p, const struct dt_node *n, const struct dt_prop *prop)
{
    uint64_t known;
    if (!map_get(&p->rule_of, (uintptr_t)prop->name, 0, &known)) {
        known = (uintptr_t)schema_ref(p->schemas, prop->name);
        map_put(draft_arena(p->c), &p->rule_of, (uintptr_t)prop->name, 0, known);
    }
    const struct ref_rule *rule = (const struct ref_rule *)(uintptr_t)known;
    if (!rule || rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP || !prop->len)
        return NULL;
    return rule->unless && dt_prop(p->host->tree, n, rule->unless) ? NULL : rule;
}

bool own_entries(struct planner *p, const struct dt_node *n, const struct dt_prop *prop, const struct ref_rule *rule,
                 struct entries *e)
{
    struct copied k = {COPY_OF(n)};
    struct settle s = {.p = p, .k = &k, .prop = prop, .rule = rule, .entries = p->own_room};
    bool ok = refs_read(&s);
    p->own_room = *e = s.entries;
    return ok;
}

void own_uses(struct planner *p, const struct own_use *use)
{
    vec_push(draft_arena(p->c), &p->uses, *use);
}

/* ---- specifiers ---- */

/* Those of the same provider are compared by it: their cells, or when these are many a digest (FNV-1a) of them. */
static uint64_t specifier(const struct own_use *u)
{
    uint32_t n = u->ncells > u->rule->flags ? u->ncells - u->rule->flags : u->ncells;
    uint64_t v = n > 2 ? UINT64_C(0xcbf29ce484222325) : 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t cell = dt_cell(u->prop, u->cell + i);
        v = n > 2 ? (v ^ cell) * UINT64_C(0x100000001b3) : v << 32 | cell;
    }
    return v;
}

static const char *specifier_text(struct planner *p, const struct own_use *u)
{
    const char *text = "";
    uint32_t n = u->ncells > u->rule->flags ? u->ncells - u->rule->flags : u->ncells;
    for (uint32_t i = 0; i < n && i < 8; i++)
        text = arena_printf(p->c->arena, "%s%s%" PRIu32, text, i ? " " : "", dt_cell(u->prop, u->cell + i));
    return text;
}

const char *own_use_text(struct planner *p, const struct own_use *u)
{
    const char *spec = specifier_text(p, u);
    return arena_printf(p->c->arena, "%s%s%s of %s", u->rule->kind, *spec ? " " : "", spec,
                        dt_path(p->c->arena, u->provider));
}

static void add_use(struct planner *p, const struct own_use *u)
{
    uint64_t v = specifier(u);
    own_add(p, &(struct owned){v, v, u->provider, u, u->machine, u->machine ? &u->at : NULL, OWN_PROVIDER, OWN_IS_USE});
}

void own_providers_conflict(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct own_use *x = a->by, *y = b->by;
    bool without = x->fate == FATE_DROP && (!y->machine || y->fate == FATE_DROP);
    const char *what = own_use_text(p, x), *mine = dt_path(p->c->arena, x->user),
               *other = dt_path(p->c->arena, y->user);
    struct diag *d = diag(p->c->diags, without ? W1002 : E1003, x->at, "%s and %s have one %s in common: %s", mine,
                          other, x->rule->kind, what);
    if (y->machine)
        diag_note(d, y->at, "%s belongs to machine `%s`", other, y->machine->name);
    else
        diag_fact(d, "%s: %s stays with the host, and has it in `%s`", p->host->file, other, y->prop->name);
    if (without)
        diag_help(d, "pass both through to one machine, or make sure that %s is not driven while `%s` runs", other,
                  x->machine->name);
    else
        diag_help(d, "it can have one owner: pass both devices through to one machine, or do without: `ref %s drop;`",
                  x->prop->name);
}

/* ---- a provider that a machine has, and devices that it does not have ---- */

/* Users of what one statement passes through, in one message. */
struct left_behind {
    const struct owner *owner;
    const struct ref_rule *rule;
    const char *kind;
    struct diag *d;
    const struct dt_node *last; // of its users
    uint32_t n;
};

struct lint {
    VEC(struct left_behind *) list;
    struct map by_top; // (owner's top node, kind) -> struct left_behind
};

/* One without is a description, as a fixed clock: nobody can switch it off. */
static bool has_registers(const struct planner *p, const struct dt_node *provider, const struct dt_node *top)
{
    for (const struct dt_node *n = provider; n && n != top->parent; n = n->parent)
        if (p->host->nodes[n->id].nregions)
            return true;
    return false;
}

static void left_behind(struct planner *p, struct lint *l, const struct own_use *u)
{
    const struct owner *o = p->host_owner[u->provider->id];
    if (!has_registers(p, u->provider, o->top))
        return;
    struct left_behind *x = map_getp(&l->by_top, o->top, u->rule->kind);
    if (!x) {
        x = NEW(draft_arena(p->c), struct left_behind);
        *x = (struct left_behind){.owner = o, .rule = u->rule, .kind = u->rule->kind};
        x->d = diag(p->c->diags, W1001, o->at, "machine `%s` gets %s, and devices that it does not have need it",
                    o->machine->name, dt_path(p->c->arena, o->top));
        map_putp(draft_arena(p->c), &l->by_top, o->top, u->rule->kind, x);
        vec_push(draft_arena(p->c), &l->list, x);
    }
    if (x->last == u->user)
        return;
    x->last = u->user;
    if (++x->n > LISTED)
        return;
    const char *path = dt_path(p->c->arena, u->user);
    if (u->machine)
        diag_note(x->d, u->at, "machine `%s` has %s, with a %s from it", u->machine->name, path, x->kind);
    else
        diag_fact(x->d, "%s: %s has a %s from it (`%s`)", p->host->file, path, x->kind, u->prop->name);
}

static void lint_end(struct lint *l)
{
    for (uint32_t i = 0; i < l->list.n; i++) {
        struct left_behind *x = l->list.at[i];
        if (x->n > LISTED)
            diag_fact(x->d, "and %" PRIu32 " more", x->n - LISTED);
        diag_help(x->d,
                  "whoever has it may switch it off: leave it to the host, or pass these devices through as well");
    }
}

/* A machine that describes a provider (`fixed`, `copy`) counts on it. */
static void check_use(struct planner *p, struct lint *l, const struct own_use *u)
{
    const struct owner *o = p->host_owner[u->provider->id];
    if (!o) {
        if (u->rule->resource == REF_RESOURCE_EXCLUSIVE)
            add_use(p, u);
        return;
    }
    if (o->machine == u->machine)
        return;
    if (u->fate != FATE_FIXED && u->fate != FATE_COPY) {
        if (u->rule->resource)
            left_behind(p, l, u);
        return;
    }
    struct diag *d = diag(p->c->diags, E0421, u->at, "machine `%s` describes %s as its own, and machine `%s` owns it",
                          u->machine->name, dt_path(p->c->arena, u->provider), o->machine->name);
    diag_note(d, o->at, "it is assigned here");
    diag_help(d, "whoever owns it may switch it off: assign it to `%s`, or write `drop`, or `to` a node of its own",
              u->machine->name);
}

/*
 * The host's own references are many, and few lead to what a machine has, or takes something from. Those nodes are
 * marked by their phandles, in a small table that some of the others share a bit in: whoever is marked is looked at.
 */
struct own_marks {
    uint64_t bits[1024];
};

struct own_marks *own_marks_new(struct planner *p)
{
    return NEW(draft_arena(p->c), struct own_marks);
}

static uint32_t mark_of(uint32_t phandle)
{
    return phandle * UINT32_C(0x9e3779b1) >> 16; // 2^32 / golden ratio
}

void own_mark(struct planner *p, const struct dt_node *n)
{
    uint32_t m = mark_of(n->phandle);
    if (n->phandle) // else nothing leads to it
        p->marks->bits[m / 64] |= UINT64_C(1) << m % 64;
}

static bool may_matter(const struct planner *p, const struct dt_prop *prop)
{
    for (uint32_t i = 0; i < prop->len / 4; i++) {
        uint32_t m = mark_of(dt_cell(prop, i));
        if (p->marks->bits[m / 64] >> m % 64 & 1)
            return true;
    }
    return false;
}

/* References of a node that stays with the host. */
static void check_host_node(struct planner *p, struct lint *l, const struct map *watched, const struct dt_node *n)
{
    for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
        const struct ref_rule *rule = may_matter(p, prop) ? own_rule(p, n, prop) : NULL;
        struct entries e;
        if (!rule || !rule->resource || !own_entries(p, n, prop, rule, &e))
            continue;
        for (uint32_t i = 0; i < e.n; i++) {
            const struct entry *x = &e.at[i];
            const struct owner *o = x->target ? p->host_owner[x->target->id] : NULL;
            bool wanted = x->target && rule->resource == REF_RESOURCE_EXCLUSIVE && map_getp(watched, x->target, NULL);
            if (!o && !wanted)
                continue;
            struct own_use *u = NEW(draft_arena(p->c), struct own_use);
            *u = (struct own_use){.rule = rule,
                                  .provider = x->target,
                                  .user = n,
                                  .prop = prop,
                                  .cell = x->phandle + 1,
                                  .ncells = x->start + x->cells - x->phandle - 1};
            if (o)
                left_behind(p, l, u);
            else
                add_use(p, u);
        }
    }
}

/* Nodes that more hangs on than the tree says. */
static void check_delicate(struct planner *p, const struct dt_node *n)
{
    const struct owner *o = p->host_owner[n->id];
    const struct dt_prop *compatible = n->props ? dt_prop(p->host->tree, n, p->n.compatible) : NULL;
    if (!compatible || !p->schemas->delicate.n || !p->host->nodes[n->id].nregions)
        return;
    const char *s;
    for (uint32_t i = 0; (s = dt_string(compatible, i)); i++) {
        const struct schema_delicate *x = map_getp(&p->schemas->delicate, intern(p->c->names, s), NULL);
        if (!x)
            continue;
        struct diag *d = diag(p->c->diags, W1003, o->at, "machine `%s` gets %s, a %s", o->machine->name,
                              dt_path(p->c->arena, n), x->kind);
        diag_fact(d, "%s: its compatible has \"%s\": %s", p->host->file, x->compatible, x->why);
        diag_help(d, "leave it to the host, unless the machine has all that it is for");
    }
}

void own_providers(struct planner *p)
{
    struct lint l = {0};
    struct map watched = {0}; // providers that machines take something exclusive from
    bool any = false;
    for (uint32_t i = 0; i < p->uses.n; i++) {
        const struct own_use *u = &p->uses.at[i];
        own_mark(p, u->provider);
        if (u->rule->resource == REF_RESOURCE_EXCLUSIVE)
            map_putp(draft_arena(p->c), &watched, u->provider, NULL, u);
        check_use(p, &l, u);
    }
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        for (uint32_t k = 0; k < p->plan->machines.at[i]->devices.n; k++)
            any = any || p->plan->machines.at[i]->devices.at[k]->host;
    const struct dt_node *root = p->host->tree->root, *symbols = dt_at(p->host->tree, "/__symbols__");
    for (const struct dt_node *n = any ? root : NULL, *off = NULL; n; n = dt_next(n, root)) {
        if (off && dt_is_below(off, n))
            continue;
        off = host_disabled(p->host, n) ? n : NULL;
        if (p->host_owner[n->id])
            check_delicate(p, n);
        else if (!off && n != symbols) // each of whose properties is a name of its own
            check_host_node(p, &l, &watched, n);
    }
    lint_end(&l);
}
