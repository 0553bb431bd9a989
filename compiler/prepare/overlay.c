// SPDX-License-Identifier: MIT
// Makes an overlay: fragments for nodes of the host by path, so that a tree without __symbols__ takes it.
#include "prepare/prepare.h"

#include <assert.h>
#include <inttypes.h>

static const char *name_of(struct overlay *o, const char *text)
{
    return intern(o->p->c->names, text);
}

struct dt_node *overlay_of(struct overlay *o, const struct dt_node *host)
{
    struct dt_node *n = map_getp(&o->parts, host, NULL);
    if (n)
        return n;
    struct arena *a = o->p->c->arena;
    struct dt_node *fragment =
        dt_add_child(o->tree, o->tree->root, name_of(o, arena_printf(a, "fragment@%" PRIu32, o->fragments++)));
    dt_set_str(o->tree, fragment, "target-path", dt_path(a, host), NULL);
    n = dt_add_child(o->tree, fragment, name_of(o, "__overlay__"));
    map_putp(draft_arena(o->p->c), &o->parts, host, NULL, n);
    return n;
}

static void merge_body(struct overlay *o, struct dt_tree *t, struct dt_node *n, const struct schema_provider *kind)
{
    struct machc *c = o->p->c;
    const struct dts_op *ops = kind->body->ops;
    if (!ops)
        ops = dts_parse_body(c, source_builtin(c->sources, kind->body->name, kind->body->text, kind->body->len));
    struct dts_env env = {c, NULL, NULL};
    if (ops)
        dts_merge(c, t, n, ops, ORIGIN_SCHEMA, kind->file, NULL, dts_eval_frame, &env);
}

void overlay_merge(struct overlay *o, struct dt_node *n, const struct schema_provider *kind)
{
    struct machc *c = o->p->c;
    uint64_t known;
    if (map_get(&o->merged, (uintptr_t)n, (uintptr_t)kind, &known))
        return;
    map_put(draft_arena(c), &o->merged, (uintptr_t)n, (uintptr_t)kind, 1);
    merge_body(o, o->tree, n, kind);
}

/* Whether a child of a node of the host has the unit address of `name`, as no two should. */
static bool is_unit_taken(struct overlay *o, const struct dt_node *parent, const char *name)
{
    const char *at = strchr(name, '@');
    uint64_t known;
    if (!at)
        return false;
    if (!map_get(&o->units, (uintptr_t)parent, 0, &known)) {
        map_put(draft_arena(o->p->c), &o->units, (uintptr_t)parent, 0, 1);
        for (const struct dt_node *n = parent->child; n; n = n->next) {
            const char *unit = strchr(n->name, '@');
            if (unit)
                map_put(draft_arena(o->p->c), &o->units, (uintptr_t)parent, (uintptr_t)name_of(o, unit + 1), 1);
        }
    }
    return map_get(&o->units, (uintptr_t)parent, (uintptr_t)name_of(o, at + 1), &known);
}

struct dt_node *overlay_add(struct overlay *o, const struct dt_node *parent, const struct schema_provider *kind,
                            uint64_t *unit, const struct origin *origin)
{
    struct arena *a = o->p->c->arena;
    struct dt_node *in = overlay_of(o, parent);
    const char *name;
    // Where the last one of this kind and address was found to be free: many hogs can be at one controller.
    uintptr_t key =
        (uintptr_t)name_of(o, unit ? arena_printf(a, "%s@%" PRIx64, kind->node_name, *unit) : kind->node_name);
    uint64_t n = 0;
    map_get(&o->next, (uintptr_t)in, key, &n);
    do {
        if (unit)
            name = arena_printf(a, "%s@%" PRIx64, kind->node_name, *unit + n);
        else
            name = n ? arena_printf(a, "%s-%" PRIu64, kind->node_name, n) : kind->node_name;
        name = name_of(o, name);
        n++;
    } while (dt_child(o->p->host->tree, parent, name) || dt_child(o->tree, in, name) || is_unit_taken(o, parent, name));
    map_put(draft_arena(o->p->c), &o->next, (uintptr_t)in, key, n);
    if (unit)
        *unit += n - 1;
    struct dt_node *made = dt_add_child(o->tree, in, name);
    made->origin = origin;
    overlay_merge(o, made, kind);
    return made;
}

bool overlay_adds_nothing(struct overlay *o, const struct dt_node *host, const struct schema_provider *kind)
{
    if (!o->bodies)
        o->bodies = dt_tree_new(o->p->c->arena, o->p->c->names);
    const char *name = name_of(o, kind->name);
    struct dt_node *n = dt_child(o->bodies, o->bodies->root, name);
    if (!n) {
        n = dt_add_child(o->bodies, o->bodies->root, name);
        merge_body(o, o->bodies, n, kind);
    }
    for (const struct dt_prop *x = n->props; x; x = x->next) {
        const struct dt_prop *has = dt_prop(o->p->host->tree, host, x->name);
        if (!has || has->len != x->len || (x->len && memcmp(has->data, x->data, x->len) != 0))
            return false;
    }
    return true;
}

/* A property that grows. Its bytes are copied each time that their number doubles. */
struct grown {
    struct dt_prop *prop;
    VEC(uint8_t) bytes;
};

static struct dt_prop *append(struct overlay *o, struct dt_node *n, const char *property, const uint8_t *cells,
                              uint32_t ncells, const struct origin *origin)
{
    struct machc *c = o->p->c;
    const char *name = name_of(o, property);
    struct grown *g = map_getp(&o->grown, n, name);
    if (!g) {
        g = NEW(draft_arena(c), struct grown);
        g->prop = dt_set(o->tree, n, name, NULL, 0, origin);
        map_putp(draft_arena(c), &o->grown, n, name, g);
    }
    for (uint32_t i = 0; i < ncells * 4; i++)
        vec_push(c->arena, &g->bytes, cells[i]);
    g->prop->data = g->bytes.at; // dt_set() would forget the references in it
    g->prop->len = g->bytes.n;
    return g->prop;
}

void overlay_append(struct overlay *o, struct dt_node *n, const char *property, const uint8_t *cells, uint32_t ncells,
                    const struct origin *origin)
{
    append(o, n, property, cells, ncells, origin);
}

void overlay_refer(struct overlay *o, struct dt_node *n, const char *property, struct dt_node *target,
                   const struct origin *origin)
{
    static const uint8_t hole[4] = {0};
    struct dt_prop *prop = append(o, n, property, hole, 1, origin);
    if (!prop->refs)
        vec_push(draft_arena(o->p->c), &o->locals, ((struct local_ref){n, prop}));
    dt_add_ref(o->tree, prop, prop->len - 4, target);
}

void note_kept(const struct overlay *o, const char *what, const char *of, const char *how, const struct p_machine *m)
{
    struct machc *c = o->p->c;
    if (c->table)
        vec_push(c->arena, &o->p->plan->host.kept, ((struct p_kept){what, of, how, m ? m->name : ""}));
}

/* Returns the node of __local_fixups__ that stands for a node of the overlay. */
static struct dt_node *mirror(struct overlay *o, struct dt_node *top, const struct dt_node *n)
{
    if (!n->parent)
        return top;
    struct dt_node *parent = mirror(o, top, n->parent), *m = dt_child(o->tree, parent, n->name);
    return m ? m : dt_add_child(o->tree, parent, n->name);
}

void overlay_finish(struct overlay *o)
{
    struct dt_node *top = NULL;
    dt_assign_phandles(o->tree, false);
    for (uint32_t i = 0; i < o->locals.n; i++) {
        const struct local_ref *l = &o->locals.at[i];
        uint32_t n = 0;
        if (!top)
            top = dt_add_child(o->tree, o->tree->root, name_of(o, "__local_fixups__"));
        uint32_t *offsets = arena_array(draft_arena(o->p->c), l->prop->len / 4 + 1, sizeof *offsets);
        for (const struct dt_ref *r = l->prop->refs; r; r = r->next)
            offsets[n++] = r->offset;
        dt_set_cells(o->tree, mirror(o, top, l->node), l->prop->name, offsets, n, NULL);
    }
}
