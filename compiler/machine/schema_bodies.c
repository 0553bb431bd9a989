// SPDX-License-Identifier: MIT
// Merges device tree bodies of the schemas into the guest's tree, and makes the providers for `fixed` clauses.
#include "machine/machine.h"

#include <assert.h>
#include <inttypes.h>

/*
 * Returns the parsed statements of a body. Built-in bodies are parsed only when they are needed, and once for the file,
 * because a machine needs few of them.
 */
static const struct dts_op *parse_body_once(struct planner *p, const struct schema_body *body)
{
    if (!body || body->ops)
        return body ? body->ops : NULL;
    uint64_t known;
    if (map_get(&p->bodies, (uintptr_t)body, 0, &known))
        return (const struct dts_op *)(uintptr_t)known;
    const struct source *s = source_builtin(p->c->sources, body->name, body->text, body->len);
    const struct dts_op *ops = dts_parse_body(p->c, s);
    map_putp(draft_arena(p->c), &p->bodies, body, NULL, ops);
    return ops;
}

void merge_schema(struct machine_planner *p, struct dt_node *n, const struct schema_body *body, struct frame *f,
                  const char *file)
{
    struct dts_env env = {p->c, f, NULL};
    const struct dts_op *ops = parse_body_once(p->file, body);
    if (ops)
        dts_merge(p->c, p->m->tree, n, ops, ORIGIN_SCHEMA, file, NULL, dts_eval_frame, &env);
}

const char *hidden_compatible(struct planner *p)
{
    const struct schema_provider *kind = map_getp(&p->schemas->providers, intern(p->c->names, "hidden-device"), NULL);
    struct dt_tree *t = dt_tree_new(p->c->arena, p->c->names);
    struct dts_env env = {p->c, NULL, NULL};
    assert(kind); // a file of --schema-dir can replace it, not remove it
    const struct dts_op *ops = parse_body_once(p, kind->body);
    if (ops)
        dts_merge(p->c, t, t->root, ops, ORIGIN_SCHEMA, kind->file, NULL, dts_eval_frame, &env);
    const struct dt_prop *prop = dt_prop(t, t->root, p->n->compatible);
    return prop ? dt_string(prop, 0) : NULL;
}

struct dt_node *make_from_schema(struct machine_planner *p, struct dt_node *parent, const char *kind, const char *name,
                                 struct src where)
{
    struct dt_tree *t = p->m->tree;
    const struct schema_provider *made = map_getp(&p->schemas->providers, intern(p->c->names, kind), NULL);
    assert(made); // a file of --schema-dir can replace it, not remove it
    const char *base = intern(p->c->names, name ? name : made->node_name), *unique = base;
    const char *dash = strrchr(base, '-');                 // "dma-bus", "dma2-bus": the end says what it is
    for (uint32_t i = 2; dt_child(t, parent, unique); i++) // a guest has few of them
        unique = intern(p->c->names,
                        arena_printf(p->c->arena, "%.*s%u%s", (int)(dash ? (size_t)(dash - base) : strlen(base)), base,
                                     i, dash ? dash : ""));
    struct dt_node *n = dt_add_child(t, parent, unique);
    n->origin = origin_of(p, ORIGIN_COMPUTED, where, "made for this statement");
    merge_schema(p, n, made->body, p->frame, made->file);
    return n;
}

struct dt_node *fixed_provider(struct machine_planner *p, const struct schema_provider *kind, uint64_t rate,
                               struct src where)
{
    struct dt_node *n = map_getp(&p->fixed, kind, (const void *)(uintptr_t)rate);
    if (n)
        return n;
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, arena_printf(p->c->arena, "%s-%" PRIu64, kind->node_name, rate));
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, where, "the fixed provider that was asked for");
    n = dt_child(t, t->root, name);
    if (!n) {
        n = dt_add_child(t, t->root, name);
        n->origin = o;
        merge_schema(p, n, kind->body, p->frame, kind->file);
        uint32_t value = (uint32_t)rate;
        for (const char *const *v = kind->values; v && *v; v++)
            dt_set_cells(t, n, *v, &value, 1, o);
        if (kind->name_property)
            dt_set_str(t, n, kind->name_property, name, o);
    }
    map_putp(draft_arena(p->c), &p->fixed, kind, (const void *)(uintptr_t)rate, n);
    return n;
}
