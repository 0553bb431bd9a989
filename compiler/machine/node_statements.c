// SPDX-License-Identifier: MIT
// Merges node and edit statements into the guest's tree, and resolves references by name.
#include "machine/machine.h"

struct dt_node *new_child(struct machine_planner *p, struct dt_node *parent, const char *name, uint8_t kind,
                          struct src where)
{
    struct dt_tree *t = p->m->tree;
    const char *n = intern(p->c->names, name);
    struct dt_node *old = dt_child(t, parent, n);
    if (old) {
        struct diag *d = diag(p->c->diags, E0921, where, "the guest already has a node %s%s%s",
                              dt_path(p->c->arena, parent), parent->parent ? "/" : "", n);
        if (old->origin)
            diag_note(d, old->origin->at, "it is made here");
        diag_help(d, "rename or move one of them, or put it `under` another node");
        return NULL;
    }
    struct dt_node *c = dt_add_child(t, parent, n);
    c->origin = origin_of(p, kind, where, NULL);
    return c;
}

/* Returns the statements that a property of a device is derived from, for a message; NULL if it is not derived. */
static const char *deriving_statement(const struct machine_planner *p, const char *name)
{
    if (name == p->n->reg || name == p->n->ranges || name == p->n->reg_names)
        return "`region 0 at ADDRESS`";
    if (name == p->n->interrupts || name == p->n->interrupts_extended || name == p->n->interrupt_map ||
        name == p->n->interrupt_names || name == p->n->interrupt_parent)
        return "`irq 0 to ...` or `irq 0 drop`";
    return NULL;
}

/* Whether `n` is a copied node that is a device of its own in guest.cfg. */
static bool is_device(const struct machine_planner *p, const struct dt_node *n)
{
    const struct copied *k = n->source ? any_copy(p, n->source) : NULL;
    return k && k->guest == n && k->device && k->device->node == n;
}

/*
 * Returns the statement that made the node of an emulated device or irqchip, for a message, with the clause for its
 * address (`address`) or its line; NULL if `n` is not such a node.
 */
static const char *making_statement(const struct machine_planner *p, const struct dt_node *n, bool address)
{
    for (uint32_t i = 0; i < p->m->irqchips.n; i++)
        if (p->m->irqchips.at[i]->node == n || p->m->irqchips.at[i]->msi == n)
            return arena_printf(p->c->arena, "`irqchip %s : %s at ADDRESS`", p->m->irqchips.at[i]->name,
                                p->m->irqchips.at[i]->class->name);
    for (uint32_t i = 0; i < p->bare.n; i++) {
        const struct p_device *d = p->bare.at[i];
        if (d->node == n && d->emulated)
            return arena_printf(p->c->arena, "`device %s : %s %s`", d->name, d->class->name,
                                address ? "at ADDRESS" : "irq NUMBER");
    }
    return NULL;
}

/* Whether a property of an irqchip's node is in guest.cfg as well. */
static bool is_chip_property(const struct machine_planner *p, const struct dt_node *n, const char *name)
{
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) {
        const struct p_irqchip *chip = p->m->irqchips.at[i];
        const struct irqchip_class *class = chip->class;
        if ((n == chip->node && (name == class->lines_property || (class->msi && name == class->msi->parent))) ||
            (class->msi && n == chip->msi && name == class->msi->ids_property))
            return true;
    }
    return false;
}

/*
 * Reports a property that must not be written, because guest.cfg contains its value as well: if device tree source
 * could change registers and lines, tree and config would disagree. `own`: the statement belongs to the device that the
 * node is made for, whose properties may not exist yet.
 */
static bool report_derived(struct machine_planner *p, const struct dt_node *n, const struct m_edit *e,
                           const struct dts_op *op, bool own)
{
    bool chip = is_chip_property(p, n, op->name);
    const char *how = chip ? "" : deriving_statement(p, op->name);
    const struct dt_prop *has = how ? dt_prop(p->m->tree, n, op->name) : NULL;
    bool device = own || is_device(p, n), computed = has && has->origin && has->origin->kind == ORIGIN_COMPUTED;
    bool derived = computed;
    if (device)
        derived = has || op->name == p->n->reg || op->name == p->n->interrupts;
    if (!how || !derived)
        return false;
    struct diag *d = diag(p->c->diags, E0922, (struct src){op->loc, e->at.via},
                          "`%s` of %s is derived from other statements, and is in guest.cfg as well", op->name,
                          dt_path(p->c->arena, n));
    if (computed && !own)
        diag_note(d, dt_prop_place(n, has), "it is derived from this");
    const char *made =
        making_statement(p, n, op->name == p->n->reg || op->name == p->n->ranges || op->name == p->n->reg_names);
    if (chip)
        diag_help(d, "use another irqchip class, if needed with --schema-dir: the class defines it");
    else if (made)
        diag_help(d, "change it in its statement, %s, so that guest.dtb and guest.cfg agree", made);
    else if (device)
        diag_help(d, "change it in the statement of the device, %s, so that guest.dtb and guest.cfg agree", how);
    else
        diag_help(d, "change the statement that it is derived from, so that guest.dtb and guest.cfg agree");
    return true;
}

/* Whether the plan wrote addresses below a node, or of it, with the numbers of cells that the node has now. */
static bool has_laid_out(const struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *ranges = dt_prop(p->m->tree, n, p->n->ranges);
    if (!n->parent || (n->source && ranges && ranges->len))
        return true;
    for (const struct dt_node *c = n->child; c; c = c->next) {
        const struct dt_prop *reg = dt_prop(p->m->tree, c, p->n->reg);
        ranges = dt_prop(p->m->tree, c, p->n->ranges);
        if ((c->source && (reg || (ranges && ranges->len))) ||
            (reg && reg->origin && reg->origin->kind == ORIGIN_COMPUTED))
            return true;
    }
    return false;
}

/* Reports cells that change after addresses were written with them: a guest would read other addresses. */
static bool report_cells(struct machine_planner *p, const struct dt_node *n, const struct m_edit *e,
                         const struct dts_op *op)
{
    bool address = op->name == p->n->address_cells, chip = op->name == p->n->interrupt_cells;
    if (!address && !chip && op->name != p->n->size_cells)
        return false;
    uint32_t is = cell_or(p, n, op->name, address ? 2 : 1);
    const struct dts_value *v = op->kind == DTS_PROP ? op->value : NULL;
    struct dt_prop written = {.data = v ? v->data : NULL, .len = 4};
    if (v && v->kind == DTS_BYTES && v->len == 4 && !v->next && !v->fixups && dt_cell(&written, 0) == is)
        return false;
    if (chip ? !making_statement(p, n, false) : !has_laid_out(p, n))
        return false;
    struct diag *d = diag(p->c->diags, E0135, (struct src){op->loc, e->at.via},
                          "`%s` of %s cannot change: %s are written with %u", op->name, dt_path(p->c->arena, n),
                          chip ? "the guest's interrupts" : "addresses of nodes that machc makes there", is);
    if (chip)
        diag_help(d, "remove it: the class of the irqchip says how its interrupts are written");
    else
        diag_help(d,
                  "remove it, and put nodes that need other cells below a node of their own: `node /bus { %s = ...; "
                  "... };`",
                  op->name);
    return true;
}

/* Reports a node that must not be deleted, because it or a node below it is a device or irqchip in guest.cfg. */
static bool report_needed(struct machine_planner *p, const struct dt_node *n, const struct m_edit *e,
                          const struct dts_op *op)
{
    const struct p_device *device = NULL;
    const struct p_irqchip *chip = NULL;
    for (uint32_t i = 0; i < p->m->devices.n && !device; i++)
        if (p->m->devices.at[i]->node && dt_is_below(n, p->m->devices.at[i]->node))
            device = p->m->devices.at[i];
    for (uint32_t i = 0; i < p->m->irqchips.n && !chip; i++)
        if ((p->m->irqchips.at[i]->node && dt_is_below(n, p->m->irqchips.at[i]->node)) ||
            (p->m->irqchips.at[i]->msi && dt_is_below(n, p->m->irqchips.at[i]->msi)))
            chip = p->m->irqchips.at[i];
    if (!device && !chip)
        return false;
    struct diag *d = diag(p->c->diags, E0927, (struct src){op->loc, e->at.via},
                          "%s cannot be deleted: %s `%s` is in guest.cfg as well", dt_path(p->c->arena, n),
                          device ? "device" : "irqchip", device ? device->name : chip->name);
    diag_note(d, device ? device->at : chip->at, "it is made here");
    if (device && device->parent)
        diag_help(d, "exclude it from the passthrough: `without %s`", n->name);
    else
        diag_help(d, "remove the statement that makes it");
    return true;
}

/* Reports what the braces must not change, in node `n` and in existing nodes below it. Returns true if it found any. */
static bool report_any_derived(struct machine_planner *p, const struct dt_node *n, const struct m_edit *e,
                               const struct dts_op *ops, bool own)
{
    for (const struct dts_op *op = ops; op; op = op->next) {
        const struct dt_node *below = op->kind == DTS_NODE && op->name ? dt_child(p->m->tree, n, op->name) : NULL;
        if (below && report_any_derived(p, below, e, op->ops, false))
            return true;
        const struct dt_node *deleted = op->kind == DTS_DEL_NODE && op->name ? dt_child(p->m->tree, n, op->name) : NULL;
        if (deleted && report_needed(p, deleted, e, op))
            return true;
        if ((op->kind == DTS_PROP || op->kind == DTS_DEL_PROP) &&
            (report_derived(p, n, e, op, own) || report_cells(p, n, e, op)))
            return true;
    }
    return false;
}

static void merge_ops(struct machine_planner *p, struct dt_node *n, const struct m_edit *e, bool own)
{
    struct dts_env env = {p->c, e->frame, e->at.via};
    p->c->doing = e->at;
    if (!report_any_derived(p, n, e, e->ops, own))
        dts_merge(p->c, p->m->tree, n, e->ops, ORIGIN_WRITTEN, NULL, e->at.via, dts_eval_frame, &env);
}

void merge_edit(struct machine_planner *p, struct dt_node *n, const struct m_edit *e)
{
    const struct copied *k = n->source ? any_copy(p, n->source) : NULL;
    // A node that is part of a device, such as a chip on an assigned I2C bus, is not in guest.cfg: an edit can write
    // its address.
    bool part = k && k->device && k->device->node != n;
    merge_ops(p, n, e, !part);
}

static struct dt_node *node_labelled(const struct machine_planner *p, const char *label)
{
    return map_getp(&p->m->tree->labels, intern(p->c->names, label), NULL);
}

/* Finds the guest's node for &label, &{/path} or &{label/path}; NULL if there is none. */
static struct dt_node *node_named(const struct machine_planner *p, const struct text *name)
{
    if (name->kind == TEXT_LABEL)
        return node_labelled(p, name->s);
    size_t len = strcspn(name->s, "/");
    struct dt_node *n = len ? node_labelled(p, arena_strndup(p->c->arena, name->s, len)) : NULL;
    if (!len)
        return dt_at(p->m->tree, name->s);
    const char *rest = name->s + len;
    if (!n || !*rest)
        return n;
    const char *path = n->parent ? dt_path(p->c->arena, n) : "";
    return dt_at(p->m->tree, arena_printf(p->c->arena, "%s%s", path, rest));
}

/* Adds a help with what an unknown label may have been meant for. */
static void help_unknown_label(struct machine_planner *p, struct diag *d, const char *label)
{
    const struct dt_node *host = p->host ? map_getp(&p->host->tree->labels, intern(p->c->names, label), NULL) : NULL;
    if (host) {
        diag_fact(d, "%s: %s is a node of the host", p->host->file, dt_path(p->c->arena, host));
        diag_help(d, "pass it through as well, or add one to the guest: `node / { %s: %.*s { ... }; };`", label,
                  (int)strcspn(host->name, "@"), host->name);
        return;
    }
    VEC(const char *) names = {0};
    bool seek = diags_seek(p->c->diags);
    for (const struct dt_node *k = p->m->tree->root; seek && k && names.n < 1000; k = dt_next(k, p->m->tree->root))
        for (const struct dt_label *l = k->labels; l && names.n < 1000; l = l->next)
            vec_push(p->c->arena, &names, l->name);
    const char *near = diags_nearest(p->c->diags, label, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "&", label, near);
    else
        diag_help(d, "give a node of the guest this label: `node / { %s: NAME { ... }; };`", label);
}

/*
 * Returns the node at an absolute path, and makes the nodes of the path that do not exist; or the node with a label.
 * Returns NULL after a message.
 */
static struct dt_node *make_path(struct machine_planner *p, const char *path, struct src where)
{
    struct dt_tree *t = p->m->tree;
    struct dt_node *n = t->root;
    if (*path != '/') {
        struct dt_node *labelled = node_labelled(p, path);
        if (!labelled)
            help_unknown_label(p, diag(p->c->diags, E0923, where, "no node of the guest has the label `%s`", path),
                               path);
        return labelled;
    }
    struct dt_node *whole = dt_at(t, path);
    if (whole)
        return whole;
    for (const char *s = path + 1; *s;) {
        size_t len = strcspn(s, "/");
        if (!len) {
            struct diag *d = diag(p->c->diags, E0924, where, "`%s` is not a path: it has an empty component", path);
            diag_help(d, "remove the second `/`");
            diag_respell(d, path, arena_printf(p->c->arena, "%.*s%s", (int)(s - path), path, s + 1));
            return NULL;
        }
        const char *name = intern_n(p->c->names, s, len);
        struct dt_node *c = dt_child(t, n, name);
        if (!c) {
            c = dt_add_child(t, n, name);
            c->origin = origin_of(p, ORIGIN_WRITTEN, where, NULL);
        }
        n = c;
        s += len;
        s += *s == '/';
    }
    return n;
}

/* Merges a `node` statement. */
static void merge_node(struct machine_planner *p, const struct m_edit *e)
{
    struct dt_node *n = make_path(p, e->path, e->at);
    if (n)
        merge_ops(p, n, e, false);
}

/* Whether the statements give a node, at any depth, the label. */
static bool has_label(const struct dts_op *ops, const char *label)
{
    for (const struct dts_op *op = ops; op; op = op->next) {
        for (const struct dts_label *l = op->labels; l && op->kind == DTS_NODE; l = l->next)
            if (l->name == label)
                return true;
        if (op->kind == DTS_NODE && has_label(op->ops, label))
            return true;
    }
    return false;
}

/* The labels and paths of nodes that devices are put under, each listed once. */
struct unders {
    VEC(const struct m_under *) list;
    struct map seen; // interned label or path -> 1
};

static void list_under(struct machine_planner *p, struct unders *u, const struct m_under *under)
{
    uint64_t yes;
    if (!under->name || map_get(&u->seen, (uintptr_t)under->name, 0, &yes))
        return;
    map_put(p->c->arena, &u->seen, (uintptr_t)under->name, 0, 1);
    vec_push(p->c->arena, &u->list, under);
}

/* Whether a `node` statement makes a node that a device is put under. */
static bool makes_bus_node(const struct unders *u, const struct m_edit *e)
{
    uint64_t yes;
    if (map_get(&u->seen, (uintptr_t)e->path, 0, &yes))
        return true;
    size_t len = strlen(e->path);
    for (uint32_t i = 0; i < u->list.n; i++) {
        const struct m_under *under = u->list.at[i];
        if (under->label ? has_label(e->ops, under->name)
                         : !strncmp(under->name, e->path, len) && under->name[len] == '/')
            return true;
    }
    return false;
}

/* Nodes that devices are put under must exist, with their cells, before the devices are planned. */
void add_bus_nodes(struct machine_planner *p)
{
    enter_step(p, STEP_BUS_NODES);
    const struct m_machine *m = p->m->m;
    struct unders u = {0};
    const char *name = m->platform->bus_name ? m->platform->bus_name : "";
    struct m_under path = {.name = intern(p->c->names, arena_printf(p->c->arena, "/%s", name))};
    struct m_under label = {.name = intern(p->c->names, name), .label = true};
    if (p->platform_bus) {
        list_under(p, &u, &path);
        list_under(p, &u, &label);
    }
    for (uint32_t i = 0; i < m->passthroughs.n; i++)
        list_under(p, &u, &m->passthroughs.at[i]->place->under);
    for (uint32_t i = 0; i < m->devices.n; i++)
        list_under(p, &u, &m->devices.at[i].under);
    for (uint32_t i = 0; u.list.n && i < m->nodes.n; i++) {
        const struct m_edit *e = &m->nodes.at[i];
        if (!makes_bus_node(&u, e))
            continue;
        map_put(draft_arena(p->c), &p->nodes_done, (uintptr_t)e, 0, 1);
        merge_node(p, e);
    }
}

/*
 * Warns about a /reserved-memory that Linux ignores: it must have the same numbers of cells as the root, and `ranges`
 * (drivers/of/of_reserved_mem.c, __reserved_mem_check_root; Devicetree Specification 3.5.1).
 */
static void check_reserved_memory(struct machine_planner *p)
{
    const char *const names[] = {p->n->address_cells, p->n->size_cells, p->n->ranges};
    const struct dt_tree *t = p->m->tree;
    const struct dt_node *n = dt_child(t, t->root, intern(p->c->names, "reserved-memory"));
    for (uint32_t i = 0; n && i < 3; i++) {
        const struct dt_prop *prop = dt_prop(t, n, names[i]);
        uint32_t want = dt_u32(t, t->root, names[i], 0), is = i < 2 ? dt_u32(t, n, names[i], UINT32_MAX) : want;
        if (prop && is == want)
            continue;
        struct src where = prop ? dt_prop_place(n, prop) : dt_origin_place(n, NULL);
        if (!where.loc.file)
            where = p->m->m->at;
        struct diag *d;
        if (!prop)
            d = diag(p->c->diags, W0901, where, "Linux will ignore /reserved-memory: it has no `%s`", names[i]);
        else if (is == UINT32_MAX)
            d = diag(p->c->diags, W0901, where, "Linux will ignore /reserved-memory: its `%s` is not a number",
                     names[i]);
        else
            d = diag(p->c->diags, W0901, where,
                     "Linux will ignore /reserved-memory: its `%s` is %u, that of the root is %u", names[i], is, want);
        diag_help(d, "add `#address-cells = <%u>; #size-cells = <%u>; ranges;` to it", dt_u32(t, t->root, names[0], 0),
                  dt_u32(t, t->root, names[1], 0));
        return;
    }
}

void add_other_nodes(struct machine_planner *p)
{
    enter_step(p, STEP_NODES);
    for (uint32_t i = 0; i < p->m->m->nodes.n; i++) {
        uint64_t done;
        const struct m_edit *e = &p->m->m->nodes.at[i];
        if (!map_get(&p->nodes_done, (uintptr_t)e, 0, &done))
            merge_node(p, e);
    }
    check_reserved_memory(p);
}

/* ---- references ---- */

static void report_dangling(struct machine_planner *p, const struct dt_node *n, const struct dt_prop *prop,
                            const struct dt_ref *r)
{
    if (!r->name) { // machc made the reference, and an edit or node statement has deleted its target
        struct diag *d =
            diag(p->c->diags, E0926, dt_prop_place(n, prop).loc.file ? dt_prop_place(n, prop) : p->m->m->at,
                 "`%s` of %s refers to %s, which was deleted", prop->name, dt_path(p->c->arena, n),
                 dt_path(p->c->arena, r->target));
        diag_help(d, "remove the `/delete-node/`, or change the property in an `edit`");
        return;
    }
    const struct text *name = &r->name->text;
    bool label = name->kind == TEXT_LABEL;
    struct diag *d = diag(p->c->diags, E0925, r->name->at, "`%s` of %s refers to %s%s%s, which the guest does not have",
                          prop->name, dt_path(p->c->arena, n), label ? "&" : "&{", name->s, label ? "" : "}");
    if (label) {
        help_unknown_label(p, d, name->s);
        return;
    }
    const struct dt_node *host = p->host ? dt_at(p->host->tree, name->s) : NULL;
    const struct copied *k = host ? any_copy(p, host) : NULL;
    if (k && !dt_is_gone(p->m->tree, k->guest)) {
        diag_help(d, "use its path in the guest: the host's %s is %s there, `&{%s}`", name->s,
                  dt_path(p->c->arena, k->guest), dt_path(p->c->arena, k->guest));
        diag_respell(d, name->s, dt_path(p->c->arena, k->guest));
    } else if (host)
        diag_help(d, "pass %s through as well, and refer to its path in the guest: it is a node of the host", name->s);
    else
        diag_help(d, "correct the path, or add the node: `node %s { ... };`", *name->s == '/' ? name->s : "/...");
}

/* Paths and copies can make the tree deeper than the nesting limit of the text. */
static bool report_too_deep(struct machine_planner *p, const struct dt_node *n)
{
    if (n->depth <= MACH_MAX_NESTING)
        return false;
    struct diag *d = diag(p->c->diags, E0905, n->origin ? n->origin->at : p->m->m->at,
                          "`%s` would be more than %d levels below the root", n->name, MACH_MAX_NESTING);
    diag_help(d, "move it to a higher level: Linux reads at most 64 levels");
    return true;
}

void resolve_names(struct machine_planner *p)
{
    enter_step(p, STEP_NAMES);
    struct dt_tree *t = p->m->tree;
    bool deep = false;
    for (struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        deep = deep || report_too_deep(p, n);
        for (struct dt_prop *prop = n->props; prop; prop = prop->next) {
            for (struct dt_ref *r = prop->refs; r; r = r->next) {
                if (!r->target)
                    r->target = node_named(p, &r->name->text);
                if (!r->target || dt_is_gone(t, r->target))
                    report_dangling(p, n, prop, r);
            }
        }
    }
}
