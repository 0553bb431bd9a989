// SPDX-License-Identifier: MIT
// Interrupts of the host's nodes, followed to a controller.
#include "host/internal.h"

enum { MAX_HOPS = 32 };

static const struct dt_prop *prop(const struct indexing *x, const struct dt_node *n, const char *name)
{
    return dt_prop(x->h->tree, n, name);
}

/*
 * As Linux does it (drivers/of/irq.c, of_irq_find_parent): the node's interrupt-parent, else the node above; and on
 * from there until a node has #interrupt-cells.
 */
void host_read_irq_parent(struct indexing *x, const struct dt_node *n)
{
    struct host_private *p = x->h->p;
    const struct dt_prop *own = prop(x, n, p->interrupt_parent);
    if (!own || own->len != 4) {
        if (n->parent)
            p->irq_parent[n->id] = prop(x, n->parent, p->interrupt_cells) ? n->parent : p->irq_parent[n->parent->id];
        return;
    }
    const struct dt_node *to = host_phandle(x->h, dt_cell(own, 0));
    for (uint32_t hops = 0; to && !prop(x, to, p->interrupt_cells); hops++) {
        own = prop(x, to, p->interrupt_parent);
        to = hops == MACH_MAX_NESTING ? NULL : own && own->len == 4 ? host_phandle(x->h, dt_cell(own, 0)) : to->parent;
    }
    p->irq_parent[n->id] = to;
}

const struct dt_node *host_irq_parent(const struct host *h, const struct dt_node *n)
{
    return h->p->irq_parent[n->id];
}

const struct dt_node *host_irq_first_hop(const struct host *h, const struct host_irq *i)
{
    if (i->from_map)
        return i->node;
    const struct dt_prop *extended = dt_prop(h->tree, i->node, h->p->interrupts_extended);
    if (!extended)
        return host_irq_parent(h, i->node);
    uint32_t cell = 0;
    for (uint32_t k = 0; cell < extended->len / 4; k++) {
        const struct dt_node *to = host_phandle(h, dt_cell(extended, cell));
        if (k == i->index)
            return to;
        cell += 1 + (to ? dt_u32(h->tree, to, h->p->interrupt_cells, 0) : 0);
    }
    return NULL;
}

const struct dt_node *host_kvm_irqchip(const struct host *h, const struct irqchip_class **class)
{
    const struct dt_node *found = NULL, *root = h ? h->p->irq_parent[h->tree->root->id] : NULL;
    for (uint32_t i = 0; h && i < h->nirqs; i++) {
        const struct host_irq *irq = &h->irqs[i];
        if (!irq->chip || !irq->class || !irq->class->host_kvm || host_disabled(h, irq->chip))
            continue;
        if (!found || irq->chip == root) {
            found = irq->chip;
            *class = irq->class;
        }
        if (found == root)
            break;
    }
    return found;
}

static const char *no_parent(const struct indexing *x, const struct dt_node *n)
{
    for (const struct dt_node *i = n; i; i = i->parent) {
        const struct dt_prop *p = prop(x, i, x->h->p->interrupt_parent);
        if (p && p->len == 4 && !host_phandle(x->h, dt_cell(p, 0)))
            return arena_printf(x->c->arena, "its interrupt-parent is the phandle %#x, which no node has",
                                dt_cell(p, 0));
        if (p)
            break;
    }
    return "it has no interrupt parent: neither it nor a node above has `interrupt-parent`";
}

/* An interrupt on its way: the specifier `spec` at `at`, the unit address that a nexus compares. */
struct trace {
    const struct dt_node *at;
    const uint8_t *address, *spec;
    uint32_t naddress, nspec;
};

static const char *follow(struct indexing *x, struct trace *t)
{
    struct host_private *p = x->h->p;
    for (uint32_t hops = 0; hops < MAX_HOPS; hops++) {
        const struct nexus *nexus = host_nexus(x, t->at);
        if (!nexus) {
            const struct irqchip_class *class = host_irq_class(x, t->at);
            bool forwards = class && class->forwards;
            if (prop(x, t->at, p->interrupt_controller) && !forwards)
                return NULL;
            // Linux goes on upwards, with the same cells; a last node is taken for the controller that it says it is
            // not.
            const struct dt_node *up = p->irq_parent[t->at->id];
            if (!up || up == t->at || (!forwards && dt_u32(x->h->tree, up, p->interrupt_cells, 0) != t->nspec))
                return NULL;
            t->at = up;
            continue;
        }
        const struct nexus_entry *e = NULL;
        if (t->nspec == nexus->cells && t->naddress >= nexus->address_cells)
            e = host_nexus_find(x->h, nexus, t->address, t->spec);
        if (!e && nexus->problem)
            return nexus->problem;
        if (!e && t->naddress < nexus->address_cells)
            return arena_printf(x->c->arena, "it has no `reg`, by which the interrupt-map of %s tells devices apart",
                                dt_show_path(x->c->arena, t->at));
        if (!e)
            return arena_printf(x->c->arena, "the interrupt-map of %s has no entry for it",
                                dt_show_path(x->c->arena, t->at));
        *t = (struct trace){e->parent, e->address, host_nexus_spec(x->c, nexus, e, t->spec), e->naddress, e->nspec};
    }
    return "its interrupt-map entries form a loop";
}

static struct host_irq *add_irq(struct indexing *x, const struct dt_node *n, uint32_t index)
{
    struct host_irq *i = vec_add(x->c->arena, &x->irqs);
    i->node = n;
    i->index = index;
    return i;
}

static void trace_irq(struct indexing *x, struct host_irq *i, struct trace t)
{
    i->problem = follow(x, &t);
    if (i->problem)
        return;
    i->chip = t.at;
    i->ncells = t.nspec;
    for (uint32_t k = 0; k < t.nspec; k++)
        i->cells[k] = be32(t.spec + (size_t)k * 4);
    host_decode_irq(x, i);
}

// Cells of a specifier at a controller; 0 and *problem when it does not say so properly.
static uint32_t spec_cells(struct indexing *x, const struct dt_node *chip, const char **problem)
{
    const struct dt_prop *p = prop(x, chip, x->h->p->interrupt_cells);
    if (p && p->len == 4 && dt_cell(p, 0) && dt_cell(p, 0) <= HOST_MAX_CELLS)
        return dt_cell(p, 0);
    *problem = arena_printf(x->c->arena, "#interrupt-cells of %s is %s", dt_show_path(x->c->arena, chip),
                            !p ? "missing"
                            : p->len != 4
                                ? "not one cell"
                                : arena_printf(x->c->arena, "%u; it must be 1 to %d", dt_cell(p, 0), HOST_MAX_CELLS));
    return 0;
}

static void malformed(struct indexing *x, const struct dt_node *n, const struct dt_prop *p, const char *what)
{
    if (noise_ok(&x->noise, W0711))
        diag(x->c->diags, W0711, dt_place(p, x->at), "%s`%s` of %s cannot be read: %s",
             dt_whose(x->c->arena, x->h->file, p), p->name, dt_show_path(x->c->arena, n), what);
}

static void read_plain(struct indexing *x, const struct dt_node *n, const struct dt_prop *p, struct trace t)
{
    const char *problem = NULL;
    t.at = x->h->p->irq_parent[n->id];
    if (!t.at)
        problem = no_parent(x, n);
    else
        t.nspec = spec_cells(x, t.at, &problem);
    if (problem) {
        add_irq(x, n, 0)->problem = problem;
        return;
    }
    if (p->len % (t.nspec * 4))
        malformed(x, n, p,
                  arena_printf(x->c->arena, "it has %u bytes; a specifier of %s has %u", p->len,
                               dt_show_path(x->c->arena, t.at), t.nspec * 4));
    for (uint32_t i = 0; i < p->len / (t.nspec * 4); i++) {
        t.spec = p->data + (size_t)i * t.nspec * 4;
        trace_irq(x, add_irq(x, n, i), t);
    }
}

static void read_extended(struct indexing *x, const struct dt_node *n, const struct dt_prop *p, struct trace t)
{
    uint32_t at = 0;
    for (uint32_t i = 0; p->len - at >= 4; i++) {
        uint32_t phandle = be32(p->data + at);
        struct host_irq *irq = add_irq(x, n, i);
        at += 4;
        if (!phandle || phandle == UINT32_MAX) {
            irq->problem = "the entry is left empty";
            continue;
        }
        t.at = host_phandle(x->h, phandle);
        if (!t.at)
            irq->problem = arena_printf(x->c->arena, "it goes to the phandle %#x, which no node has", phandle);
        else
            t.nspec = spec_cells(x, t.at, &irq->problem);
        if (!irq->problem && (p->len - at) / 4 < t.nspec)
            irq->problem = "its specifier is cut off";
        if (irq->problem) { // where the next entry would begin is not known
            malformed(x, n, p, arena_printf(x->c->arena, "entry %u: %s", i, irq->problem));
            return;
        }
        t.spec = p->data + at;
        at += t.nspec * 4;
        trace_irq(x, irq, t);
    }
    if (at != p->len)
        malformed(x, n, p, arena_printf(x->c->arena, "it has %u bytes, which is not a whole number of cells", p->len));
}

static void read_names(struct indexing *x, const struct dt_node *n, uint32_t first)
{
    const struct dt_prop *p = prop(x, n, x->h->p->interrupt_names);
    uint32_t at = 0;
    for (uint32_t i = first; p && i < x->irqs.n && at < p->len; i++) {
        const char *nul = memchr(p->data + at, 0, p->len - at);
        if (!nul)
            return;
        x->irqs.at[i].name = (const char *)p->data + at;
        at = (uint32_t)((const uint8_t *)nul + 1 - p->data);
    }
}

void host_read_irqs(struct indexing *x, const struct dt_node *n)
{
    struct host_private *p = x->h->p;
    struct host_node *side = &x->h->nodes[n->id];
    side->first_irq = x->irqs.n;
    const struct dt_prop *extended = prop(x, n, p->interrupts_extended);
    const struct dt_prop *plain = extended ? NULL : prop(x, n, p->interrupts);
    if (extended || plain) {
        const struct dt_prop *reg = prop(x, n, p->reg);
        struct trace t = {.address = reg ? reg->data : NULL, .naddress = reg ? reg->len / 4 : 0};
        if (extended)
            read_extended(x, n, extended, t);
        else
            read_plain(x, n, plain, t);
        read_names(x, n, side->first_irq);
    }
    const struct nexus *nexus = host_nexus(x, n);
    side->nirqs = x->irqs.n - side->first_irq;
    if (!nexus || nexus->pass) // with that, an entry is no line
        return;
    for (uint32_t i = 0; i < nexus->entries.n; i++) {
        const struct nexus_entry *e = &nexus->entries.at[i];
        struct host_irq *irq = add_irq(x, n, i);
        irq->from_map = true;
        trace_irq(x, irq, (struct trace){e->parent, e->address, e->spec, e->naddress, e->nspec});
    }
    side->nmap_irqs = nexus->entries.n;
    side->nirqs += nexus->entries.n;
}
