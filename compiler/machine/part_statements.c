// SPDX-License-Identifier: MIT
// Matches `region` and `irq` statements of a copied node with the entries of its `reg` and with its interrupts.
#include "machine/machine.h"

enum { MANY_NAMES = 1000 }; // limits the search for a similar spelling

static void report_repeated(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                            const struct part_statement *first, const struct part_statement *again, uint32_t index)
{
    struct diag *d = diag(p->c->diags, kind->repeated, again->at, "%s %u of %s is specified twice", kind->word, index,
                          dt_path(p->c->arena, k->host));
    diag_note(d, first->at, "it is first specified here, by its %s", first->which->name ? "name" : "index");
    diag_help(d, "combine both into one statement");
}

static void report_unknown_name(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                                const struct m_which *which, const struct node_part *parts, uint32_t nparts)
{
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < nparts && names.n < MANY_NAMES; i++)
        if (parts[i].name)
            vec_push(draft_arena(p->c), &names, parts[i].name);
    struct diag *d = diag(p->c->diags, kind->no_name, which->at, "%s has no %s `%s`", dt_path(p->c->arena, k->host),
                          kind->word, which->name);
    const char *near = diags_nearest(p->c->diags, which->name, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", which->name, near);
    else if (names.n)
        diag_help(d, "use one of its `%s`; the first is `%s`", kind->names_property, names.at[0]);
    else if (nparts)
        diag_help(d, "write the index: the node has no `%s`", kind->names_property);
    else
        diag_help(d, "remove the statement: it has no %s", kind->words);
}

static void report_unknown_index(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                                 const struct m_which *which, uint32_t nparts)
{
    struct diag *d = diag(p->c->diags, kind->no_index, which->at, "%s has no %s %u", dt_path(p->c->arena, k->host),
                          kind->word, which->index);
    if (nparts > 1)
        diag_help(d, "choose one of its %u %s: 0 to %u", nparts, kind->words, nparts - 1);
    else if (nparts)
        diag_help(d, "write 0: it has one %s", kind->word);
    else
        diag_help(d, "remove the statement: it has no %s", kind->words);
}

const uint32_t *match_statements(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                                 const struct part_statement *statements, uint32_t n, const struct node_part *parts,
                                 uint32_t nparts)
{
    struct arena *a = draft_arena(p->c);
    uint32_t *statement_of = arena_array(a, nparts + 1, sizeof *statement_of);
    struct map by_name = {0}, by_index = {0}; // -> number of the part; the first one if two parts have the same name
    for (uint32_t i = 0; i < nparts; i++) {
        uint64_t known;
        statement_of[i] = NO_STATEMENT;
        map_put(a, &by_index, parts[i].index, 0, i);
        const char *name = parts[i].name ? intern(p->c->names, parts[i].name) : NULL;
        if (name && !map_get(&by_name, (uintptr_t)name, 0, &known))
            map_put(a, &by_name, (uintptr_t)name, 0, i);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct m_which *which = statements[i].which;
        uint64_t part;
        bool found = which->name ? map_get(&by_name, (uintptr_t)intern(p->c->names, which->name), 0, &part)
                                 : map_get(&by_index, which->index, 0, &part);
        if (!found && which->name)
            report_unknown_name(p, k, kind, which, parts, nparts);
        else if (!found)
            report_unknown_index(p, k, kind, which, nparts);
        else if (statement_of[part] != NO_STATEMENT)
            report_repeated(p, k, kind, &statements[statement_of[part]], &statements[i], parts[part].index);
        else
            statement_of[part] = i;
    }
    return statement_of;
}
