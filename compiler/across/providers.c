// SPDX-License-Identifier: MIT
// Checks what devices use of providers (clocks, resets, DMA requests), and reports providers that one machine has and
// others need.
#include "across/owners.h"

#include <inttypes.h>

enum { LISTED = 4 };

/* ---- specifiers ---- */

/*
 * Returns a number by which specifiers of one provider are compared: its cells, or for more than two a hash (FNV-1a).
 */
static uint64_t specifier_key(const struct provider_use *u)
{
    uint32_t n = u->ncells > u->rule->flags ? u->ncells - u->rule->flags : u->ncells;
    uint64_t v = n > 2 ? UINT64_C(0xcbf29ce484222325) : 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t cell = dt_cell(u->prop, u->cell + i);
        v = n > 2 ? (v ^ cell) * UINT64_C(0x100000001b3) : v << 32 | cell;
    }
    return v;
}

static const char *specifier_text(struct planner *p, const struct provider_use *u)
{
    const char *text = "";
    uint32_t n = u->ncells > u->rule->flags ? u->ncells - u->rule->flags : u->ncells;
    for (uint32_t i = 0; i < n && i < 8; i++)
        text = arena_printf(p->c->arena, "%s%s%" PRIu32, text, i ? " " : "", dt_cell(u->prop, u->cell + i));
    return text;
}

const char *describe_use(struct planner *p, const struct provider_use *u)
{
    const char *spec = specifier_text(p, u);
    return arena_printf(p->c->arena, "%s%s%s of %s", u->rule->kind, *spec ? " " : "", spec,
                        dt_path(p->c->arena, u->provider));
}

static void add_use(struct owner_table *t, const struct provider_use *u)
{
    uint64_t v = specifier_key(u);
    add_owned(t,
              &(struct owned){v, v, u->provider, u, u->machine, u->machine ? &u->at : NULL, OWN_PROVIDER, OWN_IS_USE});
}

void report_providers(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct provider_use *x = a->by, *y = b->by;
    bool without = x->fate == FATE_DROP && (!y->machine || y->fate == FATE_DROP);
    const char *what = describe_use(p, x), *mine = dt_path(p->c->arena, x->user),
               *other = dt_path(p->c->arena, y->user);
    struct diag *d = diag(p->c->diags, without ? W1002 : E1003, x->at, "%s and %s share one %s: %s", mine, other,
                          x->rule->kind, what);
    if (y->machine)
        diag_note(d, y->at, "%s belongs to machine `%s`", other, y->machine->name);
    else
        diag_fact(d, "%s: %s stays with the host, and uses it in `%s`", p->host->file, other, y->prop->name);
    if (without)
        diag_help(d, "pass both through to one machine, or make sure that %s is not used while `%s` runs", other,
                  x->machine->name);
    else
        diag_help(d,
                  "pass both devices through to one machine, or drop the reference, `ref %s drop;`: it has one owner",
                  x->prop->name);
}

/* ---- users of a provider that another machine has ---- */

/* The users of what one statement passes through, which are reported in one message. */
struct left_behind {
    const struct owner *owner;
    const struct ref_rule *rule;
    const char *kind;
    struct diag *d;
    const struct dt_node *last; // the last user that was added
    uint32_t n;                 // number of users
};

struct lint {
    VEC(struct left_behind *) list;
    struct map by_top; // (owner's top node, kind) -> struct left_behind
};

/*
 * Whether the provider has registers. Without them it is a description, such as a fixed clock, and never switched off.
 */
static bool has_registers(const struct planner *p, const struct dt_node *provider, const struct dt_node *top)
{
    for (const struct dt_node *n = provider; n && n != top->parent; n = n->parent)
        if (p->host->nodes[n->id].nregions)
            return true;
    return false;
}

static void add_left_behind(struct planner *p, struct lint *l, const struct provider_use *u)
{
    const struct owner *o = p->host_owner[u->provider->id];
    if (!has_registers(p, u->provider, o->top))
        return;
    struct left_behind *x = map_getp(&l->by_top, o->top, u->rule->kind);
    if (!x) {
        x = NEW(draft_arena(p->c), struct left_behind);
        *x = (struct left_behind){.owner = o, .rule = u->rule, .kind = u->rule->kind};
        x->d = diag(p->c->diags, W1001, o->at, "machine `%s` gets %s, which devices of other owners need",
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
        diag_note(x->d, u->at, "machine `%s` has %s, which gets a %s from it", u->machine->name, path, x->kind);
    else
        diag_fact(x->d, "%s: %s gets a %s from it (`%s`)", p->host->file, path, x->kind, u->prop->name);
}

/* Completes the messages that add_left_behind() began. */
static void end_left_behind(struct lint *l)
{
    for (uint32_t i = 0; i < l->list.n; i++) {
        struct left_behind *x = l->list.at[i];
        if (x->n > LISTED)
            diag_fact(x->d, "and %" PRIu32 " more", x->n - LISTED);
        diag_help(x->d, "leave it with the host, or pass these devices through as well: its owner can switch it off");
    }
}

/* Checks a machine's use of a provider. With the fates `fixed` and `copy`, the guest relies on it staying as it is. */
static void check_use(struct planner *p, struct owner_table *t, struct lint *l, const struct provider_use *u)
{
    const struct owner *o = p->host_owner[u->provider->id];
    if (!o) {
        if (u->rule->resource == REF_RESOURCE_EXCLUSIVE)
            add_use(t, u);
        return;
    }
    if (o->machine == u->machine)
        return;
    if (u->fate != FATE_FIXED && u->fate != FATE_COPY && u->fate != FATE_SHADOW) {
        if (u->rule->resource)
            add_left_behind(p, l, u);
        return;
    }
    struct diag *d = diag(p->c->diags, E0421, u->at, "machine `%s` relies on %s, which belongs to machine `%s`",
                          u->machine->name, dt_path(p->c->arena, u->provider), o->machine->name);
    diag_note(d, o->at, "it is passed through here");
    diag_help(d, "pass it through to `%s`, or write `drop`, or `to` a node of the guest: its owner can switch it off",
              u->machine->name);
}

/* Checks the references of a node that stays with the host. */
static void check_host_node(struct planner *p, struct owner_table *t, struct lint *l, const struct map *watched,
                            const struct dt_node *n)
{
    for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
        const struct ref_rule *rule = may_refer_to_marked(p, prop) ? host_ref_rule(p->host, n, prop) : NULL;
        struct ref_entries e;
        if (!rule || !rule->resource || !host_ref_entries(p, prop, rule, &e))
            continue;
        for (uint32_t i = 0; i < e.n; i++) {
            const struct ref_entry *x = &e.at[i];
            const struct owner *o = x->target ? p->host_owner[x->target->id] : NULL;
            bool wanted = x->target && rule->resource == REF_RESOURCE_EXCLUSIVE && map_getp(watched, x->target, NULL);
            if (!o && !wanted)
                continue;
            struct provider_use *u = NEW(draft_arena(p->c), struct provider_use);
            *u = (struct provider_use){.rule = rule,
                                       .provider = x->target,
                                       .user = n,
                                       .prop = prop,
                                       .cell = x->phandle + 1,
                                       .ncells = x->start + x->cells - x->phandle - 1};
            if (o)
                add_left_behind(p, l, u);
            else
                add_use(t, u);
        }
    }
}

/* Warns about a node that is passed through although more depends on it than the tree shows, as the schemas tell. */
static void check_delicate(struct planner *p, const struct dt_node *n)
{
    const struct owner *o = p->host_owner[n->id];
    const struct dt_prop *compatible = n->props ? dt_prop(p->host->tree, n, p->n->compatible) : NULL;
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
        diag_help(d, "leave it with the host%s, unless the machine has all devices that need it",
                  x->shadow ? ", and give the guest's devices a window of it, `ref PROPERTY shadow;`" : "");
    }
}

void collect_providers(struct planner *p, struct owner_table *t)
{
    struct lint l = {0};
    struct map watched = {0}; // providers of which machines use an exclusive resource
    bool any = false;
    for (uint32_t i = 0; i < p->uses.n; i++) {
        const struct provider_use *u = &p->uses.at[i];
        mark_node(p, u->provider);
        if (u->rule->resource == REF_RESOURCE_EXCLUSIVE)
            map_putp(draft_arena(p->c), &watched, u->provider, NULL, u);
        check_use(p, t, &l, u);
    }
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        for (uint32_t k = 0; k < p->plan->machines.at[i]->devices.n; k++)
            any = any || p->plan->machines.at[i]->devices.at[k]->host;
    const struct dt_node *root = p->host->tree->root;
    for (const struct dt_node *n = any ? root : NULL, *off = NULL; n; n = dt_next(n, root)) {
        if (off && dt_is_below(off, n))
            continue;
        off = host_node_is_off(p, n) ? n : NULL;
        if (p->host_owner[n->id])
            check_delicate(p, n);
        else if (!off)
            check_host_node(p, t, &l, &watched, n);
    }
    end_left_behind(&l);
}
