// SPDX-License-Identifier: MIT
// Fate `to`, when all nodes of the guest exist: whether what follows the phandle is what the node wants.
#include "refs/refs.h"

/* Whether the references of a run are still those of their property, in its order. */
static bool are_all_there(const struct dt_prop *prop, const struct to_ref *run, uint32_t n)
{
    uint32_t i = 0;
    for (const struct dt_ref *r = prop ? prop->refs : NULL; r && i < n; r = r->next)
        i += r == run[i].ref;
    return i == n;
}

/* Removes the host's specifiers that follow references of a property, to nodes that want none. */
static void remove_cells(struct machine_planner *p, const struct to_ref *run, uint32_t n)
{
    struct dt_prop *prop = dt_prop(p->m->tree, run->node, run->property);
    if (!are_all_there(prop, run, n))
        return; // a `node` statement has written another value since
    uint8_t *data = arena_alloc(p->c->arena, prop->len);
    uint32_t i = 0, from = 0, len = 0;
    for (struct dt_ref *r = prop->refs; r; r = r->next) {
        uint32_t end = r->offset + 4, removed = from - len;
        if (i < n && r == run[i].ref && run[i++].removed) {
            memcpy(data + len, prop->data + from, end - from);
            len += end - from;
            from = end + run[i - 1].cells * 4;
        }
        r->offset -= removed;
    }
    memcpy(data + len, prop->data + from, prop->len - from);
    prop->data = data;
    prop->len = len + prop->len - from;
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

/* Checks one, and decides whether its cells are removed. */
static void check_to_ref(struct machine_planner *p, struct to_ref *t)
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
    t->removed = !want && !t->statement->has_cells;
    if (!t->removed)
        report_cells(p, t, want);
}

void check_to_refs(struct machine_planner *p)
{
    struct to_ref *t = p->to_refs.at;
    for (uint32_t i = 0, end; i < p->to_refs.n; i = end) {
        bool any = false;
        for (end = i; end < p->to_refs.n && t[end].node == t[i].node && t[end].property == t[i].property; end++) {
            if (t[end].ref->target && !dt_is_gone(p->m->tree, t[end].ref->target) &&
                (t[end].rule->layout == REF_CELLS || t[end].rule->layout == REF_FIXED))
                check_to_ref(p, &t[end]);
            any = any || t[end].removed;
        }
        if (any)
            remove_cells(p, &t[i], end - i);
    }
}
