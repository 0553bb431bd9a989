// SPDX-License-Identifier: MIT
/*
 * Prints the references that machc reads in a board's tree.
 *
 *     references BOARD.dtb ...
 *
 * A line for each: kind, path of the node, property, cell, path of the target. Kinds: `ref` as a rule describes it,
 * `maybe` found by elimination, `irq` a property that is read as interrupts, with no cell, `unread` one that does not
 * have its rule's form, which is said (E0407) or dropped as a whole. An empty line ends a board.
 */
#include "host/refs.h"
#include "machc.h"

static void put(struct machc *c, const char *kind, const struct dt_node *n, const struct dt_prop *prop, uint32_t cell,
                const struct dt_node *to)
{
    printf("%s\t%s\t%s\t%u\t%s\n", kind, dt_path(c->arena, n), prop->name, cell, dt_path(c->arena, to));
}

static bool is_interrupts(const char *name)
{
    return !strcmp(name, "interrupts") || !strcmp(name, "interrupts-extended") || !strcmp(name, "interrupt-parent") ||
           !strcmp(name, "interrupt-map");
}

static void show_prop(struct machc *c, const struct host *h, const struct dt_node *n, const struct dt_prop *prop)
{
    const struct ref_rule *rule = host_ref_rule(h, n, prop);
    struct ref_entries entries = {0};
    if (is_interrupts(prop->name))
        printf("irq\t%s\t%s\n", dt_path(c->arena, n), prop->name);
    if (rule && host_read_refs(c, h, prop, rule, &entries))
        printf("unread\t%s\t%s\n", dt_path(c->arena, n), prop->name);
    else if (rule)
        for (uint32_t i = 0; i < entries.n; i++) {
            const struct ref_entry *e = &entries.at[i];
            if (e->target)
                put(c, "ref", n, prop, e->phandle, e->target);
            if (e->child)
                put(c, "ref", n, prop, e->child_cell, e->child);
        }
    for (const struct dt_ref *r = rule ? NULL : prop->refs; r; r = r->next)
        if (!r->path && r->target && !is_interrupts(prop->name))
            put(c, "ref", n, prop, r->offset / 4, r->target);
    for (const struct dt_ref *r = host_suspects(c, h, prop); r; r = r->next)
        put(c, "maybe", n, prop, r->offset / 4, r->target);
}

static int show(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    const char *board = opaque, *why;
    int err;
    const struct source *s = source_read(c->sources, board, true, &why, &err);
    c->schemas = s ? schemas_load(c) : NULL;
    struct dt_tree *t = c->schemas ? dtb_read(c, s, nowhere) : NULL;
    struct host *h = t ? host_index(c, c->schemas, t, "board.dtb", nowhere) : NULL;
    if (!h) {
        fprintf(stderr, "%s: cannot be read\n", board);
        return 2;
    }
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        for (const struct dt_prop *prop = n->props; prop; prop = prop->next)
            show_prop(c, h, n, prop);
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++)
        status |= machc_run(show, argv[i]);
    return status;
}
