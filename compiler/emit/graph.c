// SPDX-License-Identifier: MIT
/*
 * Writes the plan as a graph for Graphviz. The names of nodes consist of letters and numbers: "m0_d3" is device 3 of
 * machine 0, "m0_i1" an irqchip, "m0_m0" memory, "m0_c0" a vcpu, "m0_a4" a DMA domain, "m0_n17" another node of the
 * guest's tree, "h12" a controller of the host, "k34" a cache of the host with the id 34.
 */
#include "base/intern.h"
#include "emit/draw.h"
#include "emit/emit.h"
#include "emit/text_table.h"
#include "machc.h"
#include "plan/describe.h"

struct graph {
    struct machc *c;
    struct text_out out;
    const struct p_machine *m;
    uint32_t machine;  // index of `m` in the plan
    struct map nodes;  // struct dt_node * -> const char *: the name of its node in the graph
    struct map memory; // struct p_memory * -> the same
};

static const char *node_name(struct graph *g, char kind, uint32_t n)
{
    return arena_printf(g->c->arena, "m%u_%c%u", g->machine, kind, n);
}

// Quotes a text so that it contains no escape of Graphviz and no entity of HTML. A newline stays a newline.
static const char *quote_text(struct graph *g, const char *s)
{
    char *out = arena_alloc(g->c->arena, strlen(s) * 5 + 3), *to = out;
    uint32_t len;
    *to++ = '"';
    for (const uint8_t *at = (const uint8_t *)s; *at; at += len) {
        uint32_t v = draw_char(at, &len);
        const char *as = draw_visible(v) ? NULL : "\xef\xbf\xbd";
        if (v == '\n')
            as = "\\n";
        else if (v == '"')
            as = "\\\"";
        else if (v == '\\')
            as = "\\\\";
        else if (v == '&')
            as = "&amp;";
        size_t n = as ? strlen(as) : len;
        memcpy(to, as ? as : (const char *)at, n);
        to += n;
    }
    *to = '"';
    return out;
}

static void add_node(struct graph *g, const char *name, const char *attributes, const char *label)
{
    text_print(&g->out, "        %s [%slabel=%s];\n", name, attributes, quote_text(g, label));
}

static void add_edge(struct graph *g, const char *from, const char *to, const char *attributes, const char *label)
{
    text_print(&g->out, "    %s -> %s [%slabel=%s];\n", from, to, attributes, quote_text(g, label));
}

static const char *range_text(struct graph *g, uint64_t start, uint64_t size)
{
    unsigned long long first = start, last = start + (size ? size - 1 : 0);
    return arena_printf(g->c->arena, "0x%llx-0x%llx", first, last);
}

/* ---- nodes ---- */

static void add_device_nodes(struct graph *g)
{
    const struct p_machine *m = g->m;
    for (uint32_t i = 0; i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        const char *name = node_name(g, 'd', i), *label = d->name;
        if (d->host || d->sysfs_name)
            label = arena_printf(g->c->arena, "%s\n%s", label, d->host ? dt_path(g->c->arena, d->host) : d->sysfs_name);
        add_node(g, name, d->kind == DEV_EMULATED ? "style=dashed, " : "", label);
        if (d->node)
            map_putp(g->c->arena, &g->nodes, d->node, NULL, name);
    }
}

static void add_resource_nodes(struct graph *g)
{
    const struct p_machine *m = g->m;
    for (uint32_t i = 0; i < m->cpus.n; i++) {
        const struct p_cpu *u = &m->cpus.at[i];
        const char *name = node_name(g, 'c', i), *label = arena_printf(g->c->arena, "vcpu %u", u->vcpu);
        if (u->host_cpu != UINT32_MAX)
            label = arena_printf(g->c->arena, "%s\nhost cpu %u", label, u->host_cpu);
        add_node(g, name, "shape=octagon, ", label);
        map_putp(g->c->arena, &g->nodes, u->node, NULL, name);
    }
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *x = &m->memory.at[i];
        const char *name = node_name(g, 'm', i);
        add_node(g, name, "shape=cylinder, ",
                 arena_printf(g->c->arena, "%s\n%s", x->m->name, range_text(g, x->address, x->size)));
        map_putp(g->c->arena, &g->memory, x, NULL, name);
    }
    for (uint32_t i = 0; i < m->irqchips.n; i++) {
        const struct p_irqchip *chip = m->irqchips.at[i];
        const char *name = node_name(g, 'i', i);
        add_node(g, name, "shape=hexagon, ", arena_printf(g->c->arena, "%s\n%s", chip->name, chip->class->name));
        map_putp(g->c->arena, &g->nodes, chip->node, NULL, name);
    }
}

/* ---- edges ---- */

static void add_irq_edges(struct graph *g, const struct p_device *d)
{
    const char *name = node_name(g, 'd', d->index);
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        const char *chip = q->drop ? NULL : map_getp(&g->nodes, q->chip->node, NULL);
        if (chip)
            add_edge(g, name, chip, "",
                     arena_printf(g->c->arena, "%s%s%u%s%s", q->kind ? q->kind->name : "",
                                  q->kind && *q->kind->name ? " " : "", q->number, q->trigger ? " " : "",
                                  q->trigger ? q->trigger->name : ""));
    }
}

// These edges are outside of the machine's frame, so that Graphviz keeps the controllers in the host's frame.
static void add_host_irq_edges(struct graph *g, const struct p_device *d)
{
    const char *colour = arena_printf(g->c->arena, "color=\"%s\", ", draw_light[g->machine % DRAW_COLOURS]);
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        if (q->host && q->host->chip && !q->drop)
            add_edge(g, arena_printf(g->c->arena, "h%u", q->host->chip->id), node_name(g, 'd', d->index), colour,
                     host_irq_text(g->c, q->host));
    }
}

// Names the node of a cache that does not belong to one vcpu. Without an id, it is the cache that all cpus share.
static const char *cache_name(struct graph *g, const struct p_stash *s)
{
    return s->id == UINT32_MAX ? "k" : arena_printf(g->c->arena, "k%u", s->id);
}

static void add_host_stash_edges(struct graph *g)
{
    uint32_t count = 0;
    const char *colour =
        arena_printf(g->c->arena, "color=\"%s\", style=dotted, ", draw_light[g->machine % DRAW_COLOURS]);
    for (uint32_t i = 0; i < g->m->devices.n; i++)
        for (uint32_t k = 0; k < g->m->devices.at[i]->dmas.n; k++) {
            const struct p_dma *a = g->m->devices.at[i]->dmas.at[k];
            if (a->stash && a->stash->vcpu == UINT32_MAX)
                add_edge(g, node_name(g, 'a', count), cache_name(g, a->stash), colour, "stash");
            count += a->mode != DMA_NONE;
        }
}

static const char *domain_label(struct graph *g, const struct p_dma *d)
{
    const char *s = d->name && *d->name ? arena_printf(g->c->arena, "dma %s\n", d->name) : "dma ";
    s = arena_printf(g->c->arena, "%s%s", s, dma_mode_word(d->mode));
    return d->size ? arena_printf(g->c->arena, "%s\n%s", s, range_text(g, d->window, d->size)) : s;
}

// Adds an edge to the vcpu that the cache belongs to.
static void add_stash_edge(struct graph *g, const char *from, const struct p_stash *s)
{
    static const char *const words[] = {
        [STASH_L1] = "stash L1", [STASH_L2] = "stash L2", [STASH_L3] = "stash L3", [STASH_TPH] = "stash TPH"};
    if (s->vcpu == UINT32_MAX)
        return;
    const char *label = words[s->kind];
    if (s->id != UINT32_MAX)
        label = arena_printf(g->c->arena, "%s, id %u", label, s->id);
    add_edge(g, from, node_name(g, 'c', s->vcpu), "style=dotted, ", label);
}

static void add_domains(struct graph *g, const struct p_device *d, uint32_t *count)
{
    for (uint32_t i = 0; i < d->dmas.n; i++) {
        const struct p_dma *a = d->dmas.at[i];
        const char *name = node_name(g, 'a', *count);
        if (a->mode == DMA_NONE)
            continue;
        ++*count;
        add_node(g, name, "shape=ellipse, ", domain_label(g, a));
        add_edge(g, node_name(g, 'd', d->index), name, "style=bold, ", "");
        for (uint32_t k = 0; k < a->nmaps; k++) {
            const struct p_dma_map *x = &a->maps[k];
            const char *to = NULL;
            if (x->what == MAP_MEMORY)
                to = map_getp(&g->memory, x->memory, NULL);
            else if (x->what == MAP_REGION)
                to = node_name(g, 'd', x->region->device->index);
            if (to)
                add_edge(
                    g, name, to, x->readonly ? "arrowhead=empty, " : "style=bold, ",
                    arena_printf(g->c->arena, "%s %s", range_text(g, x->iova, x->size), x->readonly ? "ro" : "rw"));
        }
        if (a->stash)
            add_stash_edge(g, name, a->stash);
    }
}

static bool is_interrupt(const struct graph *g, const char *property)
{
    static const char *const names[] = {"interrupt-parent", "interrupts-extended", "interrupt-map"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (property == intern(g->m->tree->names, names[i]))
            return true;
    return false;
}

// Returns, by node id, the name in the graph of each node of the tree, or of the nearest node above it that has one; or
// NULL.
static const char **nearest_names(struct graph *g)
{
    const struct dt_tree *t = g->m->tree;
    const char **names = arena_array(g->c->arena, t->nnodes, sizeof *names);
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        names[n->id] = map_getp(&g->nodes, n, NULL);
        if (!names[n->id] && n->parent)
            names[n->id] = names[n->parent->id];
    }
    return names;
}

// Adds an edge for each property and target by which a device refers to what is outside of it.
static void add_reference_edges(struct graph *g)
{
    const char **names = nearest_names(g);
    struct map seen = {0};
    for (const struct dt_node *n = g->m->tree->root; n; n = dt_next(n, g->m->tree->root)) {
        const char *from = names[n->id];
        for (const struct dt_prop *p = from ? n->props : NULL; p; p = p->next) {
            for (const struct dt_ref *r = is_interrupt(g, p->name) ? NULL : p->refs; r; r = r->next) {
                const char *to = r->target ? names[r->target->id] : NULL;
                uint64_t one;
                if (!r->target || to == from || map_get(&seen, (uintptr_t)p, r->target->id, &one))
                    continue;
                map_put(g->c->arena, &seen, (uintptr_t)p, r->target->id, 1);
                if (!to)
                    to = map_getp(&g->nodes, r->target, NULL);
                if (!to) {
                    to = node_name(g, 'n', r->target->id);
                    map_putp(g->c->arena, &g->nodes, r->target, NULL, to);
                    add_node(g, to, "style=rounded, ", r->target->name);
                }
                add_edge(g, from, to, "style=dashed, ", p->name);
            }
        }
    }
}

/* ---- frames ---- */

static void add_machine(struct graph *g)
{
    const struct platform *platform = g->m->m->platform;
    uint32_t count = 0;
    text_print(
        &g->out, "    subgraph cluster_m%u {\n        label=%s;\n        color=\"%s\";\n", g->machine,
        quote_text(g, platform ? arena_printf(g->c->arena, "machine %s : %s", g->m->name, platform->name) : g->m->name),
        draw_light[g->machine % DRAW_COLOURS]);
    add_resource_nodes(g);
    add_device_nodes(g);
    for (uint32_t i = 0; i < g->m->devices.n; i++) {
        const struct p_device *d = g->m->devices.at[i];
        if (d->parent)
            add_edge(g, node_name(g, 'd', d->parent->index), node_name(g, 'd', i), "arrowhead=none, ", "");
        if (d->vcpu != UINT32_MAX)
            add_edge(g, node_name(g, 'd', i), node_name(g, 'c', d->vcpu), "style=dotted, ", "vcpu");
        add_irq_edges(g, d);
        add_domains(g, d, &count);
    }
    add_reference_edges(g);
    text_print(&g->out, "    }\n");
    for (uint32_t i = 0; i < g->m->devices.n; i++)
        add_host_irq_edges(g, g->m->devices.at[i]);
    add_host_stash_edges(g);
}

static void add_host_cache(struct graph *g, struct map *seen, const struct p_stash *s)
{
    uint64_t one;
    if (!s || s->vcpu != UINT32_MAX || map_get(seen, 0, s->id, &one))
        return;
    map_put(g->c->arena, seen, 0, s->id, 1);
    const char *label = s->kind == STASH_L3 ? "L3" : "cache";
    if (s->node)
        label = dt_path(g->c->arena, s->node);
    if (s->id != UINT32_MAX)
        label = arena_printf(g->c->arena, "%s\nid %u", label, s->id);
    add_node(g, cache_name(g, s), "shape=component, ", label);
}

// Adds the host's controllers whose lines go to a machine, and its caches that do not belong to one vcpu.
static void add_host(struct graph *g, const struct plan *p, const struct p_machine *only)
{
    struct map seen = {0};
    uint64_t one;
    text_print(&g->out, "    subgraph cluster_host {\n        label=host;\n        style=dashed;\n");
    for (uint32_t i = 0; i < p->machines.n; i++) {
        const struct p_machine *m = p->machines.at[i];
        for (uint32_t d = 0; d < m->devices.n && (!only || only == m); d++) {
            for (uint32_t k = 0; k < m->devices.at[d]->irqs.n; k++) {
                const struct p_irq *q = m->devices.at[d]->irqs.at[k];
                if (q->drop || !q->host || !q->host->chip || map_get(&seen, (uintptr_t)q->host->chip, 0, &one))
                    continue;
                map_put(g->c->arena, &seen, (uintptr_t)q->host->chip, 0, 1);
                add_node(g, arena_printf(g->c->arena, "h%u", q->host->chip->id), "shape=hexagon, ",
                         dt_path(g->c->arena, q->host->chip));
            }
            for (uint32_t k = 0; k < m->devices.at[d]->dmas.n; k++)
                add_host_cache(g, &seen, m->devices.at[d]->dmas.at[k]->stash);
        }
    }
    text_print(&g->out, "    }\n");
}

char *emit_graph(struct machc *c, const struct plan *p, const struct p_machine *only)
{
    struct text_out out = {.arena = c->arena};
    text_print(&out, "digraph plan {\n    rankdir=LR;\n    node [shape=box, fontname=monospace, fontsize=10];\n"
                     "    edge [fontname=monospace, fontsize=9];\n    graph [fontname=monospace, fontsize=11];\n");
    struct graph first = {.c = c, .out = out};
    add_host(&first, p, only);
    out = first.out;
    for (uint32_t i = 0; i < p->machines.n; i++) {
        if (only && only != p->machines.at[i])
            continue;
        struct graph g = {.c = c, .out = out, .m = p->machines.at[i], .machine = i};
        add_machine(&g);
        out = g.out;
    }
    text_print(&out, "}\n");
    return out.text;
}
