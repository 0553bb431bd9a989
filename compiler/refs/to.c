// SPDX-License-Identifier: MIT
// Fate `to`, when all nodes of the guest exist: whether what follows the phandle is what the node wants.
#include "refs/refs.h"

static bool has_ref(const struct dt_prop *prop, const struct dt_ref *ref)
{
    const struct dt_ref *r = prop ? prop->refs : NULL;
    while (r && r != ref)
        r = r->next;
    return r != NULL;
}

/* Removes the cells of the host's specifier that follow a reference. */
static void remove_cells(struct machine_planner *p, const struct to_ref *t)
{
    struct dt_prop *prop = dt_prop(p->m->tree, t->node, t->property);
    uint32_t from = t->ref->offset + 4, size = t->cells * 4;
    if (!has_ref(prop, t->ref))
        return; // a `node` statement has written another value since
    uint8_t *data = arena_alloc(p->c->arena, prop->len);
    memcpy(data, prop->data, from);
    memcpy(data + from, prop->data + from + size, prop->len - from - size);
    prop->data = data;
    prop->len -= size;
    for (struct dt_ref *r = prop->refs; r; r = r->next)
        if (r->offset > t->ref->offset)
            r->offset -= size;
}

/* Reports a number of cells that the node does not want (E0417). */
static void report_cells(struct machine_planner *p, const struct to_ref *t, uint32_t want)
{
    const char *path = dt_path(p->c->arena, t->ref->target), *list = "";
    struct diag *d = diag(p->c->diags, E0417, t->statement->to_at, "a reference in `%s` to %s needs %u cell%s, not %u",
                          t->property, path, want, want == 1 ? "" : "s", t->cells);
    if (!t->statement->has_cells)
        diag_fact(d, "%s: the host's entry has %u", p->host->file, t->cells);
    for (uint32_t c = 0; c < want && c < 4; c++)
        list = arena_printf(p->c->arena, "%s%s%s", list, c ? " " : "", c == 3 ? "..." : "N");
    if (want)
        diag_help(d, "write `to %s%s%s <%s>`", t->statement->to_kind == TEXT_LABEL ? "&" : "&{", t->statement->to,
                  t->statement->to_kind == TEXT_LABEL ? "" : "}", list);
    else
        diag_help(d, "remove the cells");
}

static void check_to_ref(struct machine_planner *p, const struct to_ref *t)
{
    const struct ref_rule *rule = t->rule;
    uint32_t want = rule->fixed;
    if (rule->layout == REF_CELLS) {
        const struct dt_prop *cells = dt_prop(p->m->tree, t->ref->target, rule->cells);
        if (!cells && !rule->cells_optional) {
            struct diag *d = diag(p->c->diags, E0418, t->statement->to_at,
                                  "%s of the guest is not a provider for `%s`: it has no `%s`",
                                  dt_path(p->c->arena, t->ref->target), t->property, rule->cells);
            diag_help(d, "add `%s = <%u>;` to it, or choose another node", rule->cells, t->cells);
            return;
        }
        want = cells && cells->len == 4 ? dt_cell(cells, 0) : 0;
    }
    if (want == t->cells)
        return;
    if (!want && !t->statement->has_cells)
        remove_cells(p, t);
    else
        report_cells(p, t, want);
}

void check_to_refs(struct machine_planner *p)
{
    for (uint32_t i = 0; i < p->to_refs.n; i++) {
        const struct to_ref *t = &p->to_refs.at[i];
        if (t->ref->target && !dt_is_gone(p->m->tree, t->ref->target) &&
            (t->rule->layout == REF_CELLS || t->rule->layout == REF_FIXED))
            check_to_ref(p, t);
    }
}
