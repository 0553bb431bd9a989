// SPDX-License-Identifier: MIT
// What every guest has: root, cpus, irqchips, memory, chosen, aliases.
#include "plan/work.h"

#include <inttypes.h>
#include <stdio.h>

const struct origin *origin_of(struct planner *p, uint8_t kind, struct src where, const char *why)
{
    // A node's properties mostly come from one place, one after the other.
    const struct origin *last = p->last_origin;
    if (last && last->kind == kind && last->why == why && last->at.via == where.via &&
        last->at.loc.file == where.loc.file && last->at.loc.start == where.loc.start &&
        last->at.loc.end == where.loc.end)
        return last;
    struct origin *o = NEW(p->c->arena, struct origin);
    *o = (struct origin){kind, where, why};
    p->last_origin = o;
    return o;
}

const struct origin *origin_at(struct planner *p, const struct dt_node *n, struct src where, const char *why)
{
    const struct src *own = n->origin ? &n->origin->at : NULL;
    bool same = own && own->via == where.via && own->loc.file == where.loc.file && own->loc.start == where.loc.start &&
                own->loc.end == where.loc.end;
    if (!same)
        return origin_of(p, ORIGIN_COMPUTED, where, why);
    const struct origin *o = map_getp(&p->origins, why, NULL);
    if (!o) {
        struct origin *made = NEW(p->c->arena, struct origin);
        *made = (struct origin){.kind = ORIGIN_COMPUTED, .why = why};
        map_putp(draft_arena(p->c), &p->origins, why, NULL, made);
        o = made;
    }
    return o;
}

// Of the many bodies in the built-in schemas, a machine needs few: those are parsed, once.
static const struct dts_op *ops_of(struct planner *p, const struct schema_body *body)
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

void merge_schema(struct planner *p, struct dt_node *n, const struct schema_body *body, struct frame *f,
                  const char *file)
{
    struct dts_env env = {p->c, f, NULL};
    const struct dts_op *ops = ops_of(p, body);
    if (ops)
        dts_merge(p->c, p->m->tree, n, ops, ORIGIN_SCHEMA, file, NULL, dts_eval_frame, &env);
}

struct dt_node *fixed_provider(struct planner *p, const struct schema_provider *kind, uint64_t rate, struct src where)
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

/* ---- cpus ---- */

static void place_cpus(struct planner *p)
{
    const struct m_machine *m = p->m->m;
    VEC(uint32_t) on = {0};
    for (uint32_t i = 0; i < m->host_cpus.n; i++)
        for (uint32_t cpu = m->host_cpus.at[i].first; cpu <= m->host_cpus.at[i].last; cpu++)
            vec_push(p->c->arena, &on, cpu);
    uint32_t n = m->cpus.set ? (uint32_t)(m->cpus.value < m->platform->max_cpus ? m->cpus.value : m->platform->max_cpus)
                             : 0; // more: said already
    if (on.n > n && n)
        diag_help(diag(p->c->diags, E0345, m->host_cpus_at, "%u vcpu%s on %u host cpus: some would be held for nothing",
                       n, n == 1 ? "" : "s", on.n),
                  "write as many host cpus as vcpus, or fewer");
    for (uint32_t i = 0; i < n; i++) {
        struct p_cpu cpu = {.vcpu = i, .host_cpu = on.n ? on.at[i % on.n] : UINT32_MAX};
        vec_push(p->c->arena, &p->m->cpus, cpu);
    }
}

/* Linux does not count a cpu that is disabled, unless it says how to enable it (Devicetree Specification 3.8.1). */
static bool counts(const struct planner *p, const struct dt_node *n)
{
    const struct dt_prop *type = dt_prop(p->host->tree, n, intern(p->c->names, "device_type"));
    const char *s = type ? dt_string(type, 0) : NULL;
    return s && !strcmp(s, "cpu") &&
           (!host_disabled(p->host, n) || dt_prop(p->host->tree, n, intern(p->c->names, "enable-method")));
}

void count_host_cpus(struct planner *p)
{
    const struct dt_node *cpus = p->host ? dt_at(p->host->tree, "/cpus") : NULL;
    p->host_cpus = NEW(draft_arena(p->c), struct host_cpus);
    for (const struct dt_node *c = cpus ? cpus->child : NULL; c; c = c->next)
        if (counts(p, c))
            vec_push(draft_arena(p->c), &p->host_cpus->nodes, c);
}

const struct dt_node *host_cpu_node(const struct planner *p, uint32_t cpu)
{
    return cpu < p->host_cpus->nodes.n ? p->host_cpus->nodes.at[cpu] : NULL;
}

static void copy_named(struct planner *p, struct dt_node *to, const struct dt_node *from, const char *const *names)
{
    for (const char *const *n = names; from && n && *n; n++) {
        const char *name = intern(p->c->names, *n);
        const struct dt_prop *prop = dt_prop(p->host->tree, from, name);
        if (prop)
            dt_set(p->m->tree, to, name, prop->data, prop->len, origin_of(p, ORIGIN_HOST, p->m->m->at, NULL));
    }
}

static void make_cpus(struct planner *p)
{
    const struct platform *pl = p->m->m->platform;
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, "cpus");
    struct dt_node *cpus = dt_child(t, t->root, name);
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, p->m->m->cpus.at, "cpus");
    if (!cpus)
        cpus = dt_add_child(t, t->root, name);
    cpus->origin = o;
    uint32_t na = pl->cpu_address_cells ? pl->cpu_address_cells : 1, zero = 0;
    dt_set_cells(t, cpus, "#address-cells", &na, 1, o);
    dt_set_cells(t, cpus, "#size-cells", &zero, 1, o);
    merge_schema(p, cpus, pl->cpus, p->frame, pl->file);
    copy_named(p, cpus, p->host ? dt_at(p->host->tree, "/cpus") : NULL, pl->cpus_copy);
    for (uint32_t i = 0; i < p->m->cpus.n; i++) {
        struct p_cpu *cpu = &p->m->cpus.at[i];
        uint32_t reg = pl->cpu_aff0 ? i % pl->cpu_aff0 | i / pl->cpu_aff0 << 8 : i;
        struct dt_node *n =
            dt_add_child(t, cpus, intern(p->c->names, arena_printf(p->c->arena, "%s@%x", pl->cpu_name, reg)));
        n->origin = o;
        dt_add_label(t, n, intern(p->c->names, arena_printf(p->c->arena, "cpu%u", i)), (struct loc){0});
        struct frame *f = frame_with(p->c, p->frame, "cpu", i);
        merge_schema(p, n, pl->cpu, f, pl->file);
        uint32_t cells[2] = {0, reg};
        dt_set_cells(t, n, "reg", na == 2 ? cells : cells + 1, na == 2 ? 2 : 1, o);
        copy_named(p, n, host_cpu_node(p, cpu->host_cpu == UINT32_MAX ? 0 : cpu->host_cpu), pl->cpu_copy);
        cpu->node = n;
    }
}

/* ---- irqchips ---- */

/* Its regions, one behind the other from `address` on. Returns where they end. */
static uint64_t lay_out(const struct planner *p, struct p_irqchip *chip, uint64_t address)
{
    chip->nregions = 0;
    for (uint32_t i = 0; i < chip->class->nregions && i < CHIP_REGIONS; i++) {
        const struct schema_region *r = &chip->class->regions[i];
        uint64_t align = r->align ? r->align : 1;
        address = (address + align - 1) / align * align;
        chip->address[i] = address;
        chip->size[i] = r->size + r->per_cpu * p->m->cpus.n;
        address += chip->size[i];
        chip->nregions++;
    }
    return address;
}

static void claim_chip(struct planner *p, const struct p_irqchip *chip, struct src where)
{
    for (uint32_t i = 0; i < chip->nregions; i++) {
        const char *name = chip->class->regions[i].name;
        claim(p, chip->address[i], chip->size[i],
              arena_printf(p->c->arena, "%s`%s`", name ? arena_printf(p->c->arena, "%s of ", name) : "", chip->name),
              where);
    }
}

static void add_chip(struct planner *p, const char *name, const struct irqchip_class *class,
                     const struct opt_u64 *written, struct src at_class)
{
    struct p_irqchip *chip = NEW(p->c->arena, struct p_irqchip);
    chip->name = name;
    chip->class = class;
    chip->at = at_class;
    bool said = written && written->set;
    chip->placed = said || p->m->m->platform->irqchip_fixed;
    uint64_t address = said ? written->value : p->m->m->platform->irqchip_at;
    struct src where = said ? written->at : at_class;
    // A GIC has at least one step of them (arch/arm64/kvm/vgic/vgic-kvm-device.c, vgic_set_common_attr()).
    chip->nlines = class->lines_property ? class->kinds[class->default_kind].guest_max : 32;
    lay_out(p, chip, address);
    if (chip->placed)
        claim_chip(p, chip, where);
    if (class->nregions && class->regions[0].align && address % class->regions[0].align)
        diag_help_number(diag(p->c->diags, E0346, where,
                              "irqchip `%s` at 0x%" PRIx64 ": a `%s` starts at a multiple of 0x%" PRIx64, name, address,
                              class->name, class->regions[0].align),
                         "at ", address / class->regions[0].align * class->regions[0].align, "");
    if (class->max_cpus && p->m->cpus.n > class->max_cpus)
        diag_help(diag(p->c->diags, E0347, at_class, "a `%s` serves %u cpus at most; machine `%s` has %u", class->name,
                       class->max_cpus, p->m->name, p->m->cpus.n),
                  "write `cpus %u`, or choose another class of irqchip", class->max_cpus);
    if (class->ncpu_irqs && !p->m->m->platform->cpu_intc)
        diag_help(diag(p->c->diags, E0392, at_class,
                       "a `%s` is wired to the interrupt controllers of the cpus, and those of `%s` have none",
                       class->name, p->m->m->platform->name),
                  "choose a class that fits the platform: `%s`", p->m->m->platform->irqchip_class);
    struct p_irqchip *kernel = NULL;
    for (uint32_t i = 0; i < p->m->irqchips.n && class->kvm; i++)
        kernel = p->m->irqchips.at[i]->class->kvm ? p->m->irqchips.at[i] : kernel;
    if (kernel) {
        struct diag *d = diag(p->c->diags, E0391, at_class,
                              "KVM makes one interrupt controller for a machine; `%s` would be the second", name);
        diag_note(d, kernel->at, "`%s` is the first", kernel->name);
        diag_help(d, "take one of them away");
    }
    vec_push(p->c->arena, &p->m->irqchips, chip);
    map_putp(draft_arena(p->c), &p->chips, name, NULL, chip);
}

/* How many of its regions its own node has: the last one may be its MSI controller's. */
static uint32_t own_regions(const struct p_irqchip *chip)
{
    return chip->nregions - (chip->class->msi ? 1 : 0);
}

static void write_chip_reg(struct planner *p, const struct p_irqchip *chip, struct dt_node *n, uint32_t first,
                           uint32_t end)
{
    uint32_t cells[CHIP_REGIONS * 4], *c = cells;
    for (uint32_t i = first; i < end; i++) {
        *c++ = (uint32_t)(chip->address[i] >> 32);
        *c++ = (uint32_t)chip->address[i];
        *c++ = (uint32_t)(chip->size[i] >> 32);
        *c++ = (uint32_t)chip->size[i];
    }
    dt_set_cells(p->m->tree, n, "reg", cells, (uint32_t)(c - cells),
                 origin_of(p, ORIGIN_COMPUTED, chip->at, "the place of the irqchip"));
}

/* interrupts-extended: each cpu's own controller, with each of the class's interrupts. */
static void interrupt_cpus(struct planner *p, const struct p_irqchip *chip, struct dt_node *n)
{
    const struct irqchip_class *class = chip->class;
    const char *intc = p->m->m->platform->cpu_intc;
    if (!class->ncpu_irqs || !intc)
        return;
    uint32_t count = p->m->cpus.n * class->ncpu_irqs;
    uint8_t *data = arena_alloc(p->c->arena, (size_t)count * 8);
    struct dt_prop *prop = dt_set(p->m->tree, n, p->n.interrupts_extended, data, count * 8,
                                  origin_of(p, ORIGIN_COMPUTED, chip->at, "the place of the irqchip"));
    for (uint32_t i = 0, at_cell = 0; i < p->m->cpus.n; i++) {
        struct dt_node *target = dt_child(p->m->tree, p->m->cpus.at[i].node, intern(p->c->names, intc));
        for (uint32_t k = 0; target && k < class->ncpu_irqs; k++, at_cell += 2) {
            dt_add_ref(p->m->tree, prop, at_cell * 4, target);
            put_cells(data + (size_t)at_cell * 4 + 4, class->cpu_irqs[k], 1);
        }
    }
}

static void label_chip(struct planner *p, const struct p_irqchip *chip, struct dt_node *n, const char *label)
{
    struct dt_tree *t = p->m->tree;
    if (dt_add_label(t, n, label, chip->at.loc))
        return;
    const struct dt_node *other = map_getp(&t->labels, label, NULL);
    struct diag *d = diag(p->c->diags, E0343, chip->at, "the label `%s` is taken in the guest's tree, by %s", label,
                          dt_path(p->c->arena, other));
    diag_help(d, "choose another name: `irqchip NAME : %s;`", chip->class->name);
}

static const char *name_at(struct planner *p, const char *name, uint64_t address)
{
    return arena_printf(p->c->arena, "%s@%" PRIx64, name, address);
}

/* Where the lines arrive as messages. */
static void make_msi_node(struct planner *p, struct p_irqchip *chip)
{
    struct dt_tree *t = p->m->tree;
    const struct irqchip_msi *msi = chip->class->msi;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, chip->at, "where the irqchip's lines arrive");
    uint32_t region = own_regions(chip);
    chip->msi = new_child(p, t->root, name_at(p, msi->node_name, chip->address[region]), ORIGIN_COMPUTED, chip->at);
    if (!chip->msi)
        return;
    label_chip(p, chip, chip->msi, intern(p->c->names, arena_printf(p->c->arena, "%s_msi", chip->name)));
    merge_schema(p, chip->msi, msi->body, p->frame, chip->class->file);
    write_chip_reg(p, chip, chip->msi, region, chip->nregions);
    dt_set_cells(t, chip->msi, msi->ids_property, &msi->ids, 1, o);
    interrupt_cpus(p, chip, chip->msi);
    struct dt_prop *parent = dt_set(t, chip->node, msi->parent, arena_alloc(p->c->arena, 4), 4, o);
    dt_add_ref(t, parent, 0, chip->msi);
}

static void make_chip_node(struct planner *p, struct p_irqchip *chip)
{
    struct dt_tree *t = p->m->tree;
    const struct irqchip_class *class = chip->class;
    const char *name = class->node_name ? class->node_name : "interrupt-controller";
    if (chip->nregions)
        name = name_at(p, name, chip->address[0]);
    chip->node = new_child(p, t->root, name, ORIGIN_COMPUTED, chip->at);
    if (!chip->node)
        return;
    label_chip(p, chip, chip->node, chip->name);
    merge_schema(p, chip->node, class->body, p->frame, class->file);
    if (own_regions(chip))
        write_chip_reg(p, chip, chip->node, 0, own_regions(chip));
    if (class->lines_property)
        dt_set_cells(t, chip->node, class->lines_property, &chip->nlines, 1,
                     origin_of(p, ORIGIN_COMPUTED, chip->at, "the lines of the irqchip"));
    if (class->msi)
        make_msi_node(p, chip);
    else
        interrupt_cpus(p, chip, chip->node);
}

static void move_node(struct planner *p, const struct p_irqchip *chip, struct dt_node *n, uint32_t first, uint32_t end)
{
    const char *moved =
        n ? arena_printf(p->c->arena, "%.*s@%" PRIx64, (int)strcspn(n->name, "@"), n->name, chip->address[first])
          : NULL;
    if (!n || dt_child(p->m->tree, p->m->tree->root, intern(p->c->names, moved)))
        return;
    dt_rename(p->m->tree, n, intern(p->c->names, moved));
    write_chip_reg(p, chip, n, first, end);
}

void place_chips(struct planner *p)
{
    const struct platform *pl = p->m->m->platform;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) {
        struct p_irqchip *chip = p->m->irqchips.at[i];
        uint64_t first = chip->nregions ? chip->address[0] : 0, place, align = 1;
        if (chip->placed || !chip->nregions)
            continue;
        if (!is_free(p, first, lay_out(p, chip, first) - first)) {
            for (uint32_t k = 0; k < chip->nregions; k++)
                align = chip->class->regions[k].align > align ? chip->class->regions[k].align : align;
            uint64_t size = lay_out(p, chip, 0); // as at every multiple of the largest alignment
            if (find_place(p, pl->mmio_base, pl->mmio_end, size, align, &place)) {
                lay_out(p, chip, place);
                move_node(p, chip, chip->node, 0, own_regions(chip));
                move_node(p, chip, chip->msi, own_regions(chip), chip->nregions);
            } else {
                lay_out(p, chip, first);
            }
        }
        claim_chip(p, chip, chip->at);
    }
}

/* Registers that the platform's own nodes have, as the local APIC of a PC. */
static void claim_root(struct planner *p)
{
    for (const struct dt_node *n = p->m->tree->root->child; n; n = n->next) {
        const struct dt_prop *reg = dt_prop(p->m->tree, n, p->n.reg);
        for (uint32_t i = 0; reg && i + 4 <= reg->len / 4; i += 4)
            claim(p, (uint64_t)dt_cell(reg, i) << 32 | dt_cell(reg, i + 1),
                  (uint64_t)dt_cell(reg, i + 2) << 32 | dt_cell(reg, i + 3),
                  arena_printf(p->c->arena, "`%s` of `%s`", n->name, p->m->m->platform->name), p->m->m->platform_at);
    }
}

bool guest_begin(struct planner *p)
{
    const struct m_machine *m = p->m->m;
    const struct platform *pl = m->platform;
    struct dt_tree *t = p->m->tree;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->at, "the machine");
    t->root->origin = o;
    uint32_t two = 2;
    dt_set_cells(t, t->root, "#address-cells", &two, 1, o);
    dt_set_cells(t, t->root, "#size-cells", &two, 1, o);
    merge_schema(p, t->root, pl->root, p->frame, pl->file);
    claim_root(p);
    if (m->model)
        dt_set_str(t, t->root, "model", m->model, origin_of(p, ORIGIN_WRITTEN, m->model_at, NULL));
    const struct dt_prop *model = dt_prop(t, t->root, intern(p->c->names, "model"));
    p->m->model = model ? dt_string(model, 0) : NULL;
    if (m->compatible.n) {
        // What was written is the specific part; the platform's own list stays behind it, as in every board's tree.
        const struct dt_prop *old = dt_prop(t, t->root, p->n.compatible);
        size_t len = old ? old->len : 0, at_byte = 0;
        for (uint32_t i = 0; i < m->compatible.n; i++)
            len += strlen(m->compatible.at[i]) + 1;
        char *data = arena_alloc(p->c->arena, len);
        for (uint32_t i = 0; i < m->compatible.n; i++) {
            size_t n = strlen(m->compatible.at[i]) + 1;
            memcpy(data + at_byte, m->compatible.at[i], n);
            at_byte += n;
        }
        if (old)
            memcpy(data + at_byte, old->data, old->len);
        dt_set(t, t->root, p->n.compatible, data, (uint32_t)len, o);
    }
    place_cpus(p);
    make_cpus(p);
    for (uint32_t i = 0; i < m->irqchips.n; i++) {
        const struct m_irqchip *chip = &m->irqchips.at[i];
        add_chip(p, chip->name, chip->class, &chip->address, chip->at);
    }
    if (!m->irqchips.n && pl->irqchip_class) {
        const struct irqchip_class *class = schema_irqchip(p->schemas, intern(p->c->names, pl->irqchip_class));
        if (!class)
            return false; // the schemas' loader has said so
        add_chip(p, intern(p->c->names, pl->irqchip_name), class, NULL, m->platform_at);
    }
    struct p_irqchip *first = p->m->irqchips.n ? p->m->irqchips.at[0] : NULL;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++)
        if (p->m->irqchips.at[i]->class->kvm && !first->class->kvm)
            first = p->m->irqchips.at[i];
    if (first)
        first->in_kvm = true;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) {
        make_chip_node(p, p->m->irqchips.at[i]);
        for (uint32_t k = 0; i < m->irqchips.n && k < m->irqchips.at[i].edits.n && p->m->irqchips.at[i]->node; k++)
            merge_edit(p, p->m->irqchips.at[i]->node, &m->irqchips.at[i].edits.at[k]);
    }
    if (p->m->irqchips.n && p->m->irqchips.at[0]->node) {
        struct dt_prop *prop = dt_set(t, t->root, p->n.interrupt_parent, arena_alloc(p->c->arena, 4), 4, o);
        dt_add_ref(t, prop, 0, p->m->irqchips.at[0]->node);
    }
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct m_memory *mem = &m->memory.at[i];
        struct p_memory pm = {mem, mem->address.value, mem->size.value, mem->address.set ? HOW_WRITTEN : HOW_CHOSEN};
        vec_push(p->c->arena, &p->m->memory, pm);
        map_put(draft_arena(p->c), &p->memories, (uintptr_t)mem->name, 0, i);
        if (mem->address.set)
            claim(p, pm.address, pm.size, arena_printf(p->c->arena, "memory `%s`", mem->name), mem->at);
    }
    return true;
}

/* ---- memory ---- */

static void memory_node(struct planner *p, struct dt_node *parent, const char *base, const struct p_memory *m,
                        bool reserved)
{
    struct dt_tree *t = p->m->tree;
    struct dt_node *n =
        new_child(p, parent, arena_printf(p->c->arena, "%s@%" PRIx64, base, m->address), ORIGIN_COMPUTED, m->m->at);
    if (!n)
        return;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->m->at, "memory");
    uint32_t cells[4] = {(uint32_t)(m->address >> 32), (uint32_t)m->address, (uint32_t)(m->size >> 32),
                         (uint32_t)m->size};
    if (!reserved)
        dt_set_str(t, n, "device_type", "memory", o);
    dt_set_cells(t, n, "reg", cells, 4, o);
    // Not the guest's ordinary memory: its kernel must not hand out what is shared with others or cannot be written.
    if (reserved)
        dt_set_flag(t, n, "no-map", o);
    if (!map_getp(&t->labels, m->m->name, NULL))
        dt_add_label(t, n, m->m->name, m->m->at.loc);
}

void guest_memory(struct planner *p)
{
    struct dt_tree *t = p->m->tree;
    struct dt_node *reserved = NULL;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (!m->m->share && !m->m->readonly) {
            memory_node(p, t->root, "memory", m, false);
            continue;
        }
        if (!reserved) {
            const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->m->at, "memory that is shared or read only");
            uint32_t two = 2;
            reserved = dt_add_child(t, t->root, intern(p->c->names, "reserved-memory"));
            reserved->origin = o;
            dt_set_cells(t, reserved, "#address-cells", &two, 1, o);
            dt_set_cells(t, reserved, "#size-cells", &two, 1, o);
            dt_set_flag(t, reserved, "ranges", o);
        }
        memory_node(p, reserved, m->m->name, m, true);
    }
}

/* ---- chosen and aliases ---- */

static struct dt_node *root_child(struct planner *p, const char *name)
{
    struct dt_tree *t = p->m->tree;
    const char *n = intern(p->c->names, name);
    struct dt_node *c = dt_child(t, t->root, n);
    if (!c) {
        c = dt_add_child(t, t->root, n);
        c->origin = origin_of(p, ORIGIN_COMPUTED, p->m->m->at, name);
    }
    return c;
}

static bool alias_name(const char *s)
{
    // Devicetree Specification 3.3: 1 to 31 of [0-9a-z-]
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n && n < 32 && !s[n];
}

static void add_alias(struct planner *p, const char *name, const struct dt_node *n, struct src where)
{
    struct dt_node *aliases = root_child(p, "aliases");
    if (!dt_prop(p->m->tree, aliases, intern(p->c->names, name)))
        dt_set_str(p->m->tree, aliases, name, dt_path(p->c->arena, n), origin_of(p, ORIGIN_COMPUTED, where, "alias"));
}

void guest_finish(struct planner *p)
{
    const struct m_machine *m = p->m->m;
    struct dt_tree *t = p->m->tree;
    if (m->bootargs)
        dt_set_str(t, root_child(p, "chosen"), "bootargs", m->bootargs,
                   origin_of(p, ORIGIN_WRITTEN, m->bootargs_at, NULL));
    bool console = false;
    struct map counts = {0}; // interned alias -> how many
    for (uint32_t i = 0; i < p->bare.n; i++) {
        const struct p_device *d = p->bare.at[i];
        if (!d->emulated || !d->node)
            continue;
        if (d->class->console && !console) {
            console = true;
            dt_set_str(t, root_child(p, "chosen"), "stdout-path", dt_path(p->c->arena, d->node),
                       origin_of(p, ORIGIN_COMPUTED, d->at, "the first console"));
        }
        if (d->class->alias) {
            const char *base = intern(p->c->names, d->class->alias);
            uint64_t n = 0;
            map_get(&counts, (uintptr_t)base, 0, &n);
            map_put(p->c->arena, &counts, (uintptr_t)base, 0, n + 1);
            add_alias(p, arena_printf(p->c->arena, "%s%" PRIu64, base, n), d->node, d->at);
        }
    }
    // The host's numbering of a device (ethernet0, usb1) is what its driver and its users know it by.
    const struct dt_node *aliases = p->host ? dt_at(p->host->tree, "/aliases") : NULL;
    for (const struct dt_prop *a = aliases ? aliases->props : NULL; a; a = a->next) {
        const char *path = dt_string(a, 0);
        const struct dt_node *host = path && alias_name(a->name) ? dt_at(p->host->tree, path) : NULL;
        const struct copied *k = host ? any_copy(p, host) : NULL;
        if (k && !k->description)
            add_alias(p, a->name, k->guest, k->pass->at);
    }
}
