// SPDX-License-Identifier: MIT
// What can be said of the planned machines: every attribute that `assert` knows is listed here, once.
#include "across/assert_values.h"

#include <inttypes.h>

enum object_kind { OBJ_MACHINE, OBJ_VCPU, OBJ_MEMORY, OBJ_IRQCHIP, OBJ_DEVICE, OBJ_REGION, OBJ_IRQ, OBJ_DMA, OBJ_MAP };

/* Something that has attributes. */
struct object {
    uint8_t kind;
    const void *of;
    const char *text; // "device `eth0`", for messages
};

/* What an object has is offered to it, name by name: it takes the one that was asked for, or notes them all. */
struct taker {
    const char *wanted;
    struct arena *arena;
    struct machc *c; // notes, when there
    VEC(const char *) known, lists;
    struct value value;
    bool found;
    uint8_t element; // of the list that was asked for
    uint32_t count;
    bool is_list;
};

static void words(struct taker *t, const char *name, const char *s)
{
    if (!s)
        return;
    if (t->c)
        vec_push(t->c->arena, &t->known, name);
    if (!t->found && !strcmp(name, t->wanted)) {
        t->found = true;
        t->value.s = s;
    }
}

static void path(struct taker *t, const char *name, const struct dt_node *n)
{
    if (n)
        words(t, name, strcmp(name, t->wanted) ? "" : dt_path(t->arena, n));
}

static void number(struct taker *t, const char *name, uint64_t u)
{
    words(t, name, "");
    if (t->found && t->value.s && !strcmp(name, t->wanted))
        t->value = (struct value){NULL, u};
}

static void number_if(struct taker *t, bool there, const char *name, uint64_t u)
{
    if (there)
        number(t, name, u);
}

static void list(struct taker *t, const char *name, uint8_t element, uint32_t count)
{
    if (t->c)
        vec_push(t->c->arena, &t->lists, name);
    if (strcmp(name, t->wanted) != 0)
        return;
    t->is_list = true;
    t->element = element;
    t->count = count;
}

static void of_machine(struct taker *t, const struct p_machine *m)
{
    uint64_t bytes = 0, given = 0, lines = 0;
    for (uint32_t i = 0; i < m->memory.n; i++)
        bytes += m->memory.at[i].size;
    for (uint32_t i = 0; i < m->devices.n; i++) {
        given += m->devices.at[i]->kind != DEV_EMULATED;
        for (uint32_t k = 0; k < m->devices.at[i]->irqs.n; k++)
            lines += !m->devices.at[i]->irqs.at[k]->drop;
    }
    number(t, "cpus", m->cpus.n);
    number(t, "memory", bytes);
    number(t, "devices", given);
    number(t, "irqs", lines);
    list(t, "vcpu", OBJ_VCPU, m->cpus.n);
}

static void of_memory(struct taker *t, const struct p_memory *m)
{
    static const char *const backings[] = {
        [BACK_ANONYMOUS] = "anonymous", [BACK_HUGETLB] = "hugetlb", [BACK_FILE] = "file", [BACK_PHYSICAL] = "physical"};
    number(t, "address", m->address);
    number(t, "size", m->size);
    number_if(t, m->m->backing == BACK_PHYSICAL, "physical", m->m->back_arg.value);
    number_if(t, m->m->backing == BACK_HUGETLB, "page-size", m->m->back_arg.value);
    number_if(t, m->m->backing == BACK_FILE, "offset", m->m->back_arg.value);
    words(t, "path", m->m->backing == BACK_FILE ? m->m->file : NULL);
    words(t, "from", backings[m->m->backing]);
    words(t, "share", m->m->share);
    number(t, "no-dma", m->m->no_dma);
    number(t, "readonly", m->m->readonly);
}

static void of_irqchip(struct taker *t, const struct p_irqchip *chip)
{
    number_if(t, chip->nregions > 0, "address", chip->address[0]);
    number_if(t, chip->nregions > 0, "size", chip->size[0]);
    number(t, "lines", chip->nlines);
    words(t, "class", chip->class->name);
}

static void of_device(struct taker *t, const struct p_device *d)
{
    // `address` and `size` are those of its first region, `irq` is its first line.
    const struct p_region *r = d->regions.n && d->regions.at[0]->mode != REGION_DROP ? d->regions.at[0] : NULL;
    const struct p_irq *q = d->irqs.n && !d->irqs.at[0]->drop ? d->irqs.at[0] : NULL;
    number_if(t, r && r->guest != UINT64_MAX, "address", r ? r->guest : 0);
    number_if(t, r, "size", r ? r->size : 0);
    number_if(t, q, "irq", q ? q->number : 0);
    number(t, "regions", d->regions.n);
    number(t, "irqs", d->irqs.n);
    number(t, "dmas", d->dmas.n);
    number_if(t, d->vcpu != UINT32_MAX, "vcpu", d->vcpu);
    words(t, "class", d->class ? d->class->name : NULL);
    path(t, "host-path", d->host);
    words(t, "sysfs-name", d->sysfs_name);
    list(t, "region", OBJ_REGION, d->regions.n);
    list(t, "irq", OBJ_IRQ, d->irqs.n);
    list(t, "dma", OBJ_DMA, d->dmas.n);
}

static void of_region(struct taker *t, const struct p_region *r)
{
    static const char *const modes[] = {
        [REGION_DEFAULT] = "map", [REGION_MAP] = "map", [REGION_TRAP] = "trap", [REGION_DROP] = "drop"};
    number_if(t, r->mode != REGION_DROP && r->guest != UINT64_MAX, "address", r->guest);
    number(t, "size", r->size);
    number_if(t, r->host != UINT64_MAX, "host", r->host);
    words(t, "mode", modes[r->mode]);
    number(t, "unsafe", r->unsafe != NULL);
    number(t, "window", r->window);
    words(t, "file", r->file);
    number_if(t, r->file != NULL, "offset", r->offset);
}

static void of_irq(struct taker *t, const struct p_irq *q)
{
    bool linked = !q->drop;
    number(t, "dropped", q->drop);
    number_if(t, linked, "number", q->number);
    number_if(t, linked && q->gsi != UINT32_MAX, "gsi", q->gsi);
    words(t, "chip", linked ? q->chip->name : NULL);
    words(t, "kind", linked && q->kind && *q->kind->name ? q->kind->name : NULL);
    words(t, "trigger", linked && q->trigger ? q->trigger->name : NULL);
    number_if(t, linked, "resample", q->resample);
}

static void of_stash(struct taker *t, const struct p_stash *s)
{
    static const char *const kinds[] = {
        [STASH_L1] = "l1", [STASH_L2] = "l2", [STASH_L3] = "l3", [STASH_ID] = "id", [STASH_TPH] = "tph"};
    words(t, "stash", s ? kinds[s->kind] : NULL);
    number_if(t, s && s->vcpu != UINT32_MAX, "stash-vcpu", s ? s->vcpu : 0);
    number_if(t, s && s->id != UINT32_MAX, "stash-id", s ? s->id : 0);
    words(t, "stash-memory", !s || s->kind != STASH_TPH ? NULL : s->persistent ? "persistent" : "volatile");
    number_if(t, s && s->entry != UINT32_MAX, "stash-entry", s ? s->entry : 0);
}

static void of_dma(struct taker *t, const struct p_dma *x)
{
    static const char *const modes[] = {[DMA_NONE] = "none",
                                        [DMA_ALL] = "all",
                                        [DMA_IDENTITY] = "identity",
                                        [DMA_GUEST_IOMMU] = "guest-iommu",
                                        [DMA_WINDOW] = "window"};
    uint64_t wanted = 0, granted = 0;
    for (uint32_t i = 0; i < x->nmaps; i++) {
        wanted += x->maps[i].size;
        granted += x->maps[i].granted;
    }
    words(t, "mode", modes[x->mode]);
    number_if(t, x->has_window, "window", x->window);
    number_if(t, x->has_window, "size", x->size);
    number_if(t, x->subwindows > 0, "subwindows", x->subwindows);
    number_if(t, x->page_shift > 0, "page-shift", x->page_shift);
    number_if(t, x->has_liodn_index, "liodn-index", x->liodn_index);
    number_if(t, x->has_stream, "stream", x->stream);
    number_if(t, x->has_operation, "operation", x->operation);
    of_stash(t, x->stash);
    number_if(t, x->endpoint != UINT32_MAX, "endpoint", x->endpoint);
    number(t, "granted", granted);
    number(t, "over-grant", granted - wanted);
    number(t, "maps", x->nmaps);
    list(t, "map", OBJ_MAP, x->nmaps);
}

static void of_map(struct taker *t, const struct p_dma_map *x)
{
    number(t, "iova", x->iova);
    number(t, "size", x->size);
    number(t, "granted", x->granted);
    number(t, "offset", x->offset);
    number(t, "readonly", x->readonly);
    words(t, "memory", x->memory ? x->memory->m->name : NULL);
    number_if(t, x->what == MAP_REGION, "region", x->region ? x->region->index : 0);
    number_if(t, x->what == MAP_MSI_BANK, "msi-bank", x->bank);
}

static void offer(struct taker *t, const struct object *o)
{
    switch (o->kind) {
    case OBJ_MACHINE:
        of_machine(t, o->of);
        break;
    case OBJ_VCPU: {
        const struct p_cpu *cpu = o->of;
        number_if(t, cpu->host_cpu != UINT32_MAX, "host-cpu", cpu->host_cpu);
        break;
    }
    case OBJ_MEMORY:
        of_memory(t, o->of);
        break;
    case OBJ_IRQCHIP:
        of_irqchip(t, o->of);
        break;
    case OBJ_DEVICE:
        of_device(t, o->of);
        break;
    case OBJ_REGION:
        of_region(t, o->of);
        break;
    case OBJ_IRQ:
        of_irq(t, o->of);
        break;
    case OBJ_DMA:
        of_dma(t, o->of);
        break;
    default:
        of_map(t, o->of);
        break;
    }
}

/* ---- messages ---- */

typedef VEC(const char *) name_list;

static void refuse(struct asked *a, enum msg code, struct loc loc, const char *text, const char *word,
                   const name_list *known, const char *otherwise)
{
    struct diag *d = diag(a->p->c->diags, code, (struct src){loc, a->at.via}, "%s", text);
    const char *near = nearest(word, known->at, known->n);
    if (near)
        diag_did_you_mean(d, "", word, near);
    else
        diag_help(d, "%s", otherwise);
}

static const char *listed(struct machc *c, const char *text, const char *name, const char *behind)
{
    return arena_printf(c->arena, "%s%s`%s%s`", text, *text ? ", " : "", name, behind);
}

static bool no_attr(struct asked *a, const struct expr *e, const struct object *o)
{
    struct machc *c = a->p->c;
    struct taker all = {.wanted = "", .arena = c->arena, .c = c};
    name_list known = {0};
    const char *text = "";
    offer(&all, o);
    for (uint32_t i = 0; i < all.known.n; i++) {
        text = listed(c, text, all.known.at[i], "");
        vec_push(c->arena, &known, all.known.at[i]);
    }
    for (uint32_t i = 0; i < all.lists.n; i++)
        text = listed(c, text, all.lists.at[i], "[N]");
    refuse(a, E0228, e->name.loc, arena_printf(c->arena, "%s has no attribute `%s`", o->text, e->name.s), e->name.s,
           &known, *text ? arena_printf(c->arena, "its attributes are %s", text) : "it has no attributes");
    return false;
}

/* ---- the way to an object ---- */

static const struct p_machine *machine_of(struct asked *a, const struct expr *e)
{
    struct machc *c = a->p->c;
    const struct plan *plan = a->p->plan;
    name_list names = {0};
    for (uint32_t i = 0; i < plan->machines.n; i++) {
        if (plan->machines.at[i]->name == e->name.s)
            return plan->machines.at[i];
        if (names.n < 1000)
            vec_push(c->arena, &names, plan->machines.at[i]->name);
    }
    if (!plan->model->incomplete)
        refuse(a, E0229, e->loc, arena_printf(c->arena, "there is no machine `%s`", e->name.s), e->name.s, &names,
               "write MACHINE.cpus or MACHINE.NAME.ATTRIBUTE, where NAME is a memory or device of the machine");
    return NULL;
}

/* Memory, a device or an irqchip by its name. */
static bool named(struct asked *a, const struct p_machine *m, const struct expr *e, struct object *o)
{
    struct machc *c = a->p->c;
    const char *name = e->name.s;
    name_list names = {0};
    *o = (struct object){0};
    for (uint32_t i = 0; i < m->memory.n && !o->of; i++) {
        if (m->memory.at[i].m->name == name)
            *o = (struct object){OBJ_MEMORY, &m->memory.at[i], arena_printf(c->arena, "memory `%s`", name)};
        vec_push(c->arena, &names, m->memory.at[i].m->name);
    }
    for (uint32_t i = 0; i < m->devices.n && !o->of; i++) {
        if (m->devices.at[i]->name == name)
            *o = (struct object){OBJ_DEVICE, m->devices.at[i], arena_printf(c->arena, "device `%s`", name)};
        vec_push(c->arena, &names, m->devices.at[i]->name);
    }
    for (uint32_t i = 0; i < m->irqchips.n && !o->of; i++) {
        if (m->irqchips.at[i]->name == name)
            *o = (struct object){OBJ_IRQCHIP, m->irqchips.at[i], arena_printf(c->arena, "irqchip `%s`", name)};
        vec_push(c->arena, &names, m->irqchips.at[i]->name);
    }
    if (o->of)
        return true;
    // What is named, but could not be planned, has its message.
    if (!map_getp(&m->m->named, name, NULL) || !diags_errors(c->diags))
        refuse(a, E0230, e->name.loc,
               arena_printf(c->arena, "machine `%s` has no memory, device or irqchip `%s`", m->name, name), name,
               &names, "use a name that `--emit=plan` lists");
    return false;
}

static const char *element_name(const struct object *o)
{
    return o->kind == OBJ_REGION ? ((const struct p_region *)o->of)->name
           : o->kind == OBJ_IRQ  ? ((const struct p_irq *)o->of)->name
           : o->kind == OBJ_DMA  ? ((const struct p_dma *)o->of)->name
                                 : NULL;
}

static const void *element(const struct object *o, uint8_t kind, uint32_t i)
{
    switch (kind) {
    case OBJ_VCPU:
        return &((const struct p_machine *)o->of)->cpus.at[i];
    case OBJ_REGION:
        return ((const struct p_device *)o->of)->regions.at[i];
    case OBJ_IRQ:
        return ((const struct p_device *)o->of)->irqs.at[i];
    case OBJ_DMA:
        return ((const struct p_device *)o->of)->dmas.at[i];
    default:
        return &((const struct p_dma *)o->of)->maps[i];
    }
}

static bool object_of(struct asked *a, const struct expr *e, struct object *o);

/* NAME[WHICH]: by place, counted from 0, or by name. */
static bool indexed(struct asked *a, const struct expr *e, struct object *o)
{
    struct machc *c = a->p->c;
    struct object of;
    struct value which;
    if (e->a->kind != EXPR_ATTR) {
        diag_help(diag(c->diags, E0228, (struct src){e->a->loc, a->at.via}, "this is not a list"),
                  "use an index only with a list: `region`, `irq` and `dma` of a device, `map` of a dma, `vcpu` of a "
                  "machine");
        return false;
    }
    if (!object_of(a, e->a->a, &of) || !expr_eval(c, a->frame, a->at.via, e->b, attrs_value, a, &which))
        return false;
    const char *name = e->a->name.s;
    struct taker t = {.wanted = name, .arena = c->arena};
    offer(&t, &of);
    if (!t.is_list && t.found) {
        diag_help(
            diag(c->diags, E0228, (struct src){e->a->name.loc, a->at.via}, "`%s` of %s is not a list", name, of.text),
            "remove `[...]`");
        return false;
    }
    if (!t.is_list)
        return no_attr(a, e->a, &of);
    for (uint32_t i = 0; i < t.count; i++) {
        *o = (struct object){t.element, element(&of, t.element, i), NULL};
        const char *is = which.s ? element_name(o) : NULL;
        if (which.s ? !is || strcmp(is, which.s) != 0 : i != which.u)
            continue;
        o->text =
            which.s ? arena_printf(c->arena, "%s `%s`", name, which.s) : arena_printf(c->arena, "%s %" PRIu32, name, i);
        return true;
    }
    name_list names = {0};
    for (uint32_t i = 0; i < t.count && which.s; i++) {
        const struct object one = {t.element, element(&of, t.element, i), NULL};
        if (element_name(&one))
            vec_push(c->arena, &names, element_name(&one));
    }
    const char *word = which.s ? which.s : arena_printf(c->arena, "%" PRIu64, which.u), *there = "it has no attributes";
    if (t.count)
        there = arena_printf(c->arena, "it has %" PRIu32 ": `%s[0]`%s", t.count, name,
                             t.count > 1 ? arena_printf(c->arena, " to `%s[%" PRIu32 "]`", name, t.count - 1) : "");
    const char *tick = which.s ? "`" : "";
    refuse(a, E0235, e->b->loc, arena_printf(c->arena, "%s has no %s %s%s%s", of.text, name, tick, word, tick), word,
           &names, there);
    return false;
}

static bool object_of(struct asked *a, const struct expr *e, struct object *o)
{
    struct machc *c = a->p->c;
    if (e->kind == EXPR_INDEX)
        return indexed(a, e, o);
    if (e->kind != EXPR_ATTR) {
        const struct p_machine *m = machine_of(a, e);
        *o = (struct object){OBJ_MACHINE, m, arena_printf(c->arena, "machine `%s`", e->name.s)};
        return m && !m->m->incomplete;
    }
    struct object left;
    if (!object_of(a, e->a, &left))
        return false;
    if (left.kind == OBJ_MACHINE)
        return named(a, left.of, e, o);
    struct taker t = {.wanted = e->name.s, .arena = a->p->c->arena};
    offer(&t, &left);
    if (!t.found && !t.is_list)
        return no_attr(a, e, &left);
    struct diag *d =
        diag(c->diags, E0228, (struct src){e->loc, a->at.via},
             t.is_list ? "`%s` of %s is a list" : "`%s` of %s is a value without attributes", e->name.s, left.text);
    diag_help(d, t.is_list ? "add an index: `%s[0]`" : "remove what follows `%s`", e->name.s);
    return false;
}

bool attrs_value(void *opaque, const struct expr *e, struct value *v)
{
    struct asked *a = opaque;
    struct object o;
    if (e->kind == EXPR_INDEX) {
        if (!indexed(a, e, &o))
            return false;
        struct taker all = {.wanted = "", .arena = a->p->c->arena, .c = a->p->c};
        offer(&all, &o);
        struct diag *d = diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "%s is not a value", o.text);
        diag_help(d, "add one of its attributes: `.%s`", all.known.n ? all.known.at[0] : "...");
        return false;
    }
    if (!object_of(a, e->a, &o))
        return false;
    struct taker t = {.wanted = e->name.s, .arena = a->p->c->arena};
    offer(&t, &o);
    if (!t.found) {
        struct object child;
        const struct p_machine *m = o.of;
        if (o.kind == OBJ_MACHINE && map_getp(&m->m->named, e->name.s, NULL)) {
            if (!named(a, m, e, &child))
                return false;
            struct diag *d = diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "`%s.%s` is not a value",
                                  m->name, e->name.s);
            diag_help(d, "add one of its attributes: `%s.%s.size`", m->name, e->name.s);
            return false;
        }
        if (t.is_list) {
            diag_help(
                diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "`%s` of %s is a list", e->name.s, o.text),
                "add an index and an attribute: `%s[0].ATTRIBUTE`", e->name.s);
            return false;
        }
        return no_attr(a, e, &o);
    }
    const struct p_memory *mem = o.kind == OBJ_MEMORY ? o.of : NULL;
    a->chosen |= mem ? !strcmp(e->name.s, "address") && mem->how == HOW_CHOSEN : o.kind != OBJ_MACHINE;
    *v = t.value;
    return o.kind != OBJ_MACHINE || ((const struct p_machine *)o.of)->m->cpus.set; // if not, it has its message
}
