// SPDX-License-Identifier: MIT
// Shadows: a guest's guarded window of the registers of a system controller, which stays with the host.
#include "machine/machine.h"

#include <inttypes.h>
#include <stdlib.h>

enum { REGISTER = 4 }; // bytes

/* Returns what the schemas say of the system controllers that the node is one of; NULL: it is none. */
static const struct schema_delicate *shadow_schema(struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *compatible = dt_prop(p->host->tree, n, p->n->compatible);
    const char *s;
    for (uint32_t i = 0; compatible && (s = dt_string(compatible, i)); i++) {
        const struct schema_delicate *x = map_getp(&p->schemas->delicate, intern(p->c->names, s), NULL);
        if (x && x->shadow)
            return x;
    }
    return NULL;
}

static const struct host_region *first_region(const struct machine_planner *p, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    return hn->nregions ? &p->host->regions[hn->first_region] : NULL;
}

const struct schema_lines *shadow_lines(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *n)
{
    if (rule->layout != REF_CELLS || !rule->cells)
        return NULL;
    return schema_lines(p->c, p->schemas, dt_prop(p->host->tree, n, p->n->compatible), rule->cells);
}

/* What a node can be shadowed as for references of a rule. */
struct shadow_kind {
    const struct schema_lines *lines; // a provider whose lines are known; or NULL
    const struct schema_delicate *x;  // else a system controller; or NULL
};

/* A specifier asks a driver for something. One that is there for registers alone does not understand it. */
static struct shadow_kind shadow_kind(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *n)
{
    struct shadow_kind kind = {shadow_lines(p, rule, n), NULL};
    if (!kind.lines && !(rule->layout == REF_CELLS && rule->cells))
        kind.x = shadow_schema(p, n);
    return kind;
}

/* Returns why a node cannot be shadowed for references of a rule; NULL: it can. */
static const char *shadow_lacks(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *n,
                                const struct shadow_kind *kind)
{
    const struct host_region *h = first_region(p, n);
    const struct schema_delicate *x = kind->x;
    if (!x && !kind->lines)
        return rule->layout == REF_CELLS && rule->cells
                   ? "the schemas do not tell which bit of which register a specifier means"
                   : "it is not a system controller, as far as the schemas tell";
    if (!h || !h->translated || !h->size)
        return "it has no registers that the cpus reach";
    uint32_t width = x && x->width ? dt_u32(p->host->tree, n, intern(p->c->names, x->width), REGISTER) : REGISTER;
    if (width != REGISTER)
        return arena_printf(p->c->arena, "its registers have %" PRIu32 " bytes (`%s`), not 4", width, x->width);
    if (h->address % REGISTER || h->size % REGISTER)
        return "its registers do not begin and end at multiples of 4 bytes";
    if (h->size > SHADOW_SIZE)
        return arena_printf(p->c->arena, "its 0x%" PRIx64 " bytes are more than registers have, 16 MiB", h->size);
    return host_disabled(p->host, n) ? "it is disabled on the host, so that nobody keeps its clocks on" : NULL;
}

bool can_be_shadowed(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *n)
{
    struct shadow_kind kind = shadow_kind(p, rule, n);
    return !shadow_lacks(p, rule, n, &kind);
}

static void copy_property(struct machine_planner *p, struct copied *k, const char *name)
{
    const struct dt_prop *prop = dt_prop(p->host->tree, k->host, intern(p->c->names, name));
    if (prop)
        dt_set(p->m->tree, k->guest, prop->name, prop->data, prop->len, k->guest->origin);
}

static struct p_device *make_device(struct machine_planner *p, const struct dt_node *host, struct src where)
{
    const char *name = host->labels ? host->labels->name : host->name;
    if (map_getp(&p->devices, intern(p->c->names, name), NULL))
        name = dt_path(p->c->arena, host);
    struct p_device *d = new_device(p, name, DEV_RAW, where);
    const struct dt_prop *compatible = dt_prop(p->host->tree, host, p->n->compatible);
    d->host = host;
    d->compatible = dt_string(compatible, 0);
    map_putp(draft_arena(p->c), &p->devices, intern(p->c->names, name), NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    return d;
}

static struct p_region *make_window(struct machine_planner *p, struct p_device *d, const struct host_region *h,
                                    bool big_endian, struct src where)
{
    struct p_region *r = NEW(p->c->arena, struct p_region);
    *r = (struct p_region){.device = d,
                           .name = h->name,
                           .host = h->address,
                           .size = h->size,
                           .guest = h->address,
                           .file = "/dev/mem",
                           .offset = h->address,
                           .source = h,
                           .mode = REGION_TRAP,
                           .how = HOW_DEFAULT,
                           .at = where};
    r->shadow = NEW(p->c->arena, struct p_shadow);
    *r->shadow = (struct p_shadow){.at = where, .big_endian = big_endian};
    vec_push(p->c->arena, &d->regions, r);
    return r;
}

/*
 * Reports a controller whose registers answer only while the host's kernel has switched its clock on (W0437). What a
 * clock controller has in `clocks` is what it divides.
 */
static void check_clock(struct machine_planner *p, const struct dt_node *host, struct src where)
{
    if (!dt_prop(p->host->tree, host, p->n->clocks) || dt_prop(p->host->tree, host, p->n->clock_cells))
        return;
    struct diag *d =
        diag(p->c->diags, W0437, where, "%s has a clock, which Linux switches on for its own accesses only",
             dt_path(p->c->arena, host));
    diag_help(d, "make sure that the clock stays on: without it, an access of the guest can stop the host");
}

/* Writes what the guest's drivers know the node by. */
static void write_kind(struct machine_planner *p, struct copied *k, const struct schema_delicate *x)
{
    if (k->lines) {
        const struct schema_provider *made = map_getp(&p->schemas->providers, k->lines->provider, NULL);
        merge_schema(p, k->guest, made->body, p->frame, made->file);
        return;
    }
    copy_property(p, k, p->n->compatible);
    for (const char *const *name = x->shadow; *name; name++)
        copy_property(p, k, *name);
}

struct copied *make_shadow(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *host,
                           const struct copied *from, struct src where)
{
    struct shadow_kind kind = shadow_kind(p, rule, host);
    const struct schema_delicate *x = kind.x;
    const char *why = shadow_lacks(p, rule, host, &kind);
    if (why) {
        struct diag *d = diag(p->c->diags, E0436, where, "%s cannot be shadowed: %s", dt_path(p->c->arena, host), why);
        diag_help(d, "choose another fate: `drop`, `assign`, `to &node`");
        return NULL;
    }
    check_clock(p, host, where);
    struct p_device *d = make_device(p, host, where);
    bool big = x && x->big_endian && dt_prop(p->host->tree, host, intern(p->c->names, x->big_endian));
    struct copied *k = NEW(draft_arena(p->c), struct copied);
    // It gets its name with its address. Until then it has the root's, which is empty.
    *k = (struct copied){.guest = dt_add_child(p->m->tree, p->m->tree->root, p->m->tree->root->name),
                         COPY_OF(host),
                         .pass = from->pass,
                         .device = d,
                         .description = true,
                         .lines = kind.lines,
                         .shadow = make_window(p, d, first_region(p, host), big, where)};
    k->guest->source = host;
    k->guest->origin = origin_of(p, ORIGIN_HOST, where, NULL);
    d->node = k->guest;
    k->shadow->shadow->lines = kind.lines;
    vec_push(draft_arena(p->c), &p->copies, k);
    p->copy_of[host->id] = k;
    write_kind(p, k, x);
    for (const struct dt_label *l = host->labels; l; l = l->next)
        if (!map_getp(&p->m->m->named, l->name, NULL))
            dt_add_label(p->m->tree, k->guest, l->name, l->loc);
    return k;
}

void add_shadow_writes(struct machine_planner *p, struct copied *k, const struct shadow_write *writes, uint32_t n)
{
    struct p_region *r = k->shadow;
    for (uint32_t i = 0; i < n; i++) {
        if (writes[i].offset > r->size - REGISTER) {
            struct diag *d = diag(p->c->diags, E0433, writes[i].at,
                                  "%s has no register 0x%" PRIx32 ": its first region has 0x%" PRIx64 " bytes",
                                  dt_path(p->c->arena, k->host), writes[i].offset, r->size);
            diag_help(d, "count from the start of the region, 0x%" PRIx64, r->host);
            continue;
        }
        const struct shadow_write *w = &writes[i];
        vec_push(p->c->arena, &r->shadow->writes,
                 ((struct p_write){r, w->offset, w->mask, w->hiword, w->line, w->of_class, w->at}));
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct p_write *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return src_compare(x->at, y->at);
}

static void unite_writes(struct machine_planner *p, struct p_shadow *s)
{
    uint32_t n = 0;
    if (s->writes.n)
        qsort(s->writes.at, s->writes.n, sizeof *s->writes.at, by_offset);
    for (uint32_t i = 0; i < s->writes.n; i++) {
        const struct p_write *w = &s->writes.at[i];
        struct p_write *last = n ? &s->writes.at[n - 1] : NULL;
        if (!last || last->offset != w->offset) {
            s->writes.at[n++] = *w;
            continue;
        }
        if (last->hiword != w->hiword) {
            struct diag *d = diag(p->c->diags, E0435, w->at,
                                  "register 0x%" PRIx32 " is written both with and without `hiword`", w->offset);
            diag_note(d, last->at, "first here");
            diag_help(d, "look into the SoC's manual: it is one of the two");
        }
        last->mask |= w->mask;
    }
    s->writes.n = n;
}

void unite_shadow_writes(struct machine_planner *p)
{
    for (uint32_t i = 0; i < p->copies.n; i++)
        if (p->copies.at[i]->shadow)
            unite_writes(p, p->copies.at[i]->shadow->shadow);
}

void write_shadow_node(struct machine_planner *p, struct p_device *d)
{
    const struct p_region *r = d->regions.at[0];
    struct dt_tree *t = p->m->tree;
    struct dt_node *root = t->root;
    uint64_t on_bus;
    if (r->guest == UINT64_MAX || !translate_to_bus(p, root, r->guest, r->size, r->at, &on_bus) ||
        !check_cells_hold(p, root, on_bus, r->size, true, r->at))
        return;
    uint32_t na = cell_or(p, root, p->n->address_cells, 2), ns = cell_or(p, root, p->n->size_cells, 1);
    uint8_t *reg = arena_alloc(p->c->arena, (size_t)(na + ns) * 4);
    dt_put_cells(reg, on_bus, na);
    dt_put_cells(reg + (size_t)na * 4, r->size, ns);
    dt_set(t, d->node, p->n->reg, reg, (na + ns) * 4, origin_of(p, ORIGIN_COMPUTED, r->at, "its place in the guest"));
    struct copied *k = any_copy(p, d->host);
    const struct schema_provider *made = k->lines ? map_getp(&p->schemas->providers, k->lines->provider, NULL) : NULL;
    const char *base = made ? made->node_name : d->host->name;
    rename_copy(p, k, arena_printf(p->c->arena, "%.*s@%" PRIx64, (int)strcspn(base, "@"), base, on_bus));
}
