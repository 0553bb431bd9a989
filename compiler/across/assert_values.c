// SPDX-License-Identifier: MIT
// Finds the values of attributes that `assert` statements name. Each attribute is listed here, once.
#include "across/assert_values.h"

#include <inttypes.h>

enum object_kind { OBJ_MACHINE, OBJ_VCPU, OBJ_MEMORY, OBJ_IRQCHIP, OBJ_DEVICE, OBJ_REGION, OBJ_IRQ, OBJ_DMA, OBJ_MAP };

/*
 * A search for one attribute or list of an object. The object offers all of its attributes by name; the search
 * keeps the value of the wanted one, or with `c` the names of all.
 */
struct search {
    const char *wanted;
    struct asked *a;
    struct machc *c; // not NULL: collect names
    VEC(const char *) known, lists;
    struct value value;
    bool found;
    uint8_t element; // kind of the elements of the wanted list
    uint32_t count;  // number of its elements
    bool is_list;
};

/* Offers an attribute with a text as its value; NULL: the object does not have the attribute. */
static void offer_text(struct search *t, const char *name, const char *s)
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

static void offer_path(struct search *t, const char *name, const struct dt_node *n)
{
    if (n)
        offer_text(t, name, strcmp(name, t->wanted) ? "" : dt_path(t->a->p->c->arena, n));
}

static void offer_number(struct search *t, const char *name, uint64_t u)
{
    offer_text(t, name, "");
    if (t->found && t->value.s && !strcmp(name, t->wanted))
        t->value = (struct value){NULL, u};
}

static void offer_number_if(struct search *t, bool exists, const char *name, uint64_t u)
{
    if (exists)
        offer_number(t, name, u);
}

static void offer_list(struct search *t, const char *name, uint8_t element, uint32_t count)
{
    if (t->c)
        vec_push(t->c->arena, &t->lists, name);
    if (strcmp(name, t->wanted) != 0)
        return;
    t->is_list = true;
    t->element = element;
    t->count = count;
}

/* Offers a number that takes a walk to find, which is done once. */
static void offer_sum(struct search *t, const char *name, const void *of, uint64_t (*sum)(const void *of))
{
    struct map *sums = &t->a->before->sums;
    uint64_t u = 0;
    if (!strcmp(name, t->wanted) && !map_get(sums, (uintptr_t)of, (uintptr_t)name, &u)) {
        u = sum(of);
        map_put(draft_arena(t->a->p->c), sums, (uintptr_t)of, (uintptr_t)name, u);
    }
    offer_number(t, name, u);
}

static uint64_t sum_memory(const void *of)
{
    const struct p_machine *m = of;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < m->memory.n; i++)
        bytes += m->memory.at[i].size;
    return bytes;
}

static uint64_t count_given(const void *of)
{
    const struct p_machine *m = of;
    uint64_t given = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        given += m->devices.at[i]->kind != DEV_EMULATED;
    return given;
}

static uint64_t count_lines(const void *of)
{
    const struct p_machine *m = of;
    uint64_t lines = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->irqs.n; k++)
            lines += !m->devices.at[i]->irqs.at[k]->drop;
    return lines;
}

static void offer_machine(struct search *t, const struct p_machine *m)
{
    offer_number(t, "cpus", m->cpus.n);
    offer_sum(t, "memory", m, sum_memory);
    offer_sum(t, "devices", m, count_given);
    offer_sum(t, "irqs", m, count_lines);
    offer_list(t, "vcpu", OBJ_VCPU, m->cpus.n);
}

static void offer_memory(struct search *t, const struct p_memory *m)
{
    static const char *const backings[] = {
        [BACK_ANONYMOUS] = "anonymous", [BACK_HUGETLB] = "hugetlb",       [BACK_FILE] = "file",
        [BACK_PHYSICAL] = "physical",   [BACK_CONTIGUOUS] = "contiguous",
    };
    offer_number(t, "address", m->address);
    offer_number(t, "size", m->size);
    offer_number_if(t, m->m->backing == BACK_PHYSICAL, "physical", m->m->back_arg.value);
    offer_number_if(t, m->m->backing == BACK_HUGETLB, "page-size", m->m->back_arg.value);
    offer_number_if(t, m->m->backing == BACK_FILE, "offset", m->m->back_arg.value);
    offer_text(t, "path", m->m->backing == BACK_FILE ? m->m->file : NULL);
    offer_text(t, "from", backings[m->m->backing]);
    offer_text(t, "by", provider_word(m->provider));
    offer_number_if(t, m->limit != 0, "below", m->limit);
    offer_text(t, "share", m->m->share);
    offer_number(t, "no-dma", m->m->no_dma);
    offer_number(t, "readonly", m->m->readonly);
}

static void offer_irqchip(struct search *t, const struct p_irqchip *chip)
{
    offer_number_if(t, chip->nregions > 0, "address", chip->address[0]);
    offer_number_if(t, chip->nregions > 0, "size", chip->size[0]);
    offer_number(t, "lines", chip->nlines);
    offer_text(t, "class", chip->class->name);
}

static void offer_device(struct search *t, const struct p_device *d)
{
    // `address` and `size` are those of the first region, and `irq` is the line of the first interrupt.
    const struct p_region *r = d->regions.n && d->regions.at[0]->mode != REGION_DROP ? d->regions.at[0] : NULL;
    const struct p_irq *q = d->irqs.n && !d->irqs.at[0]->drop ? d->irqs.at[0] : NULL;
    offer_number_if(t, r && r->guest != UINT64_MAX, "address", r ? r->guest : 0);
    offer_number_if(t, r, "size", r ? r->size : 0);
    offer_number_if(t, q, "irq", q ? q->number : 0);
    offer_number(t, "regions", d->regions.n);
    offer_number(t, "irqs", d->irqs.n);
    offer_number(t, "dmas", d->dmas.n);
    offer_number_if(t, d->vcpu != UINT32_MAX, "vcpu", d->vcpu);
    offer_text(t, "class", d->class ? d->class->name : NULL);
    offer_path(t, "host-path", d->host);
    offer_text(t, "sysfs-name", d->sysfs_name);
    offer_list(t, "region", OBJ_REGION, d->regions.n);
    offer_list(t, "irq", OBJ_IRQ, d->irqs.n);
    offer_list(t, "dma", OBJ_DMA, d->dmas.n);
}

static void offer_region(struct search *t, const struct p_region *r)
{
    static const char *const modes[] = {
        [REGION_DEFAULT] = "map", [REGION_MAP] = "map", [REGION_TRAP] = "trap", [REGION_DROP] = "drop"};
    offer_number_if(t, r->mode != REGION_DROP && r->guest != UINT64_MAX, "address", r->guest);
    offer_number(t, "size", r->size);
    offer_number_if(t, r->host != UINT64_MAX, "host", r->host);
    offer_text(t, "mode", modes[r->mode]);
    offer_number(t, "unsafe", r->unsafe != NULL);
    offer_number(t, "window", r->window);
    offer_text(t, "file", r->file);
    offer_number_if(t, r->file != NULL, "offset", r->offset);
}

static void offer_irq(struct search *t, const struct p_irq *q)
{
    bool linked = !q->drop;
    offer_number(t, "dropped", q->drop);
    offer_number_if(t, linked, "number", q->number);
    offer_number_if(t, linked && q->gsi != UINT32_MAX, "gsi", q->gsi);
    offer_text(t, "chip", linked ? q->chip->name : NULL);
    offer_text(t, "kind", linked && q->kind && *q->kind->name ? q->kind->name : NULL);
    offer_text(t, "trigger", linked && q->trigger ? q->trigger->name : NULL);
    offer_number_if(t, linked, "resample", q->resample);
}

static void offer_stash(struct search *t, const struct p_stash *s)
{
    static const char *const kinds[] = {
        [STASH_L1] = "l1", [STASH_L2] = "l2", [STASH_L3] = "l3", [STASH_ID] = "id", [STASH_TPH] = "tph"};
    offer_text(t, "stash", s ? kinds[s->kind] : NULL);
    offer_number_if(t, s && s->vcpu != UINT32_MAX, "stash-vcpu", s ? s->vcpu : 0);
    offer_number_if(t, s && s->id != UINT32_MAX, "stash-id", s ? s->id : 0);
    if (s && s->kind == STASH_TPH)
        offer_text(t, "stash-memory", s->persistent ? "persistent" : "volatile");
    offer_number_if(t, s && s->entry != UINT32_MAX, "stash-entry", s ? s->entry : 0);
}

static uint64_t sum_granted(const void *of)
{
    const struct p_dma *x = of;
    uint64_t granted = 0;
    for (uint32_t i = 0; i < x->nmaps; i++)
        granted += x->maps[i].granted;
    return granted;
}

static uint64_t sum_over_grant(const void *of)
{
    const struct p_dma *x = of;
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < x->nmaps; i++)
        wanted += x->maps[i].size;
    return sum_granted(of) - wanted;
}

static void offer_dma(struct search *t, const struct p_dma *x)
{
    offer_text(t, "mode", dma_mode_word(x->mode));
    offer_number_if(t, x->has_window, "window", x->window);
    offer_number_if(t, x->has_window, "size", x->size);
    offer_number_if(t, x->subwindows > 0, "subwindows", x->subwindows);
    offer_number_if(t, x->page_shift > 0, "page-shift", x->page_shift);
    offer_number_if(t, x->has_liodn_index, "liodn-index", x->liodn_index);
    offer_number_if(t, x->has_stream, "stream", x->stream);
    offer_number_if(t, x->has_operation, "operation", x->operation);
    offer_stash(t, x->stash);
    offer_number_if(t, x->endpoint != UINT32_MAX, "endpoint", x->endpoint);
    offer_sum(t, "granted", x, sum_granted);
    offer_sum(t, "over-grant", x, sum_over_grant);
    offer_number(t, "maps", x->nmaps);
    offer_list(t, "map", OBJ_MAP, x->nmaps);
}

static void offer_map(struct search *t, const struct p_dma_map *x)
{
    offer_number(t, "iova", x->iova);
    offer_number(t, "size", x->size);
    offer_number(t, "granted", x->granted);
    offer_number(t, "offset", x->offset);
    offer_number(t, "readonly", x->readonly);
    offer_text(t, "memory", x->memory ? x->memory->m->name : NULL);
    offer_number_if(t, x->what == MAP_REGION, "region", x->region ? x->region->index : 0);
    offer_number_if(t, x->what == MAP_MSI_BANK, "msi-bank", x->bank);
}

static void offer_attributes(struct search *t, const struct asked_object *o)
{
    switch (o->kind) {
    case OBJ_MACHINE:
        offer_machine(t, o->of);
        break;
    case OBJ_VCPU: {
        const struct p_cpu *cpu = o->of;
        offer_number_if(t, cpu->host_cpu != UINT32_MAX, "host-cpu", cpu->host_cpu);
        break;
    }
    case OBJ_MEMORY:
        offer_memory(t, o->of);
        break;
    case OBJ_IRQCHIP:
        offer_irqchip(t, o->of);
        break;
    case OBJ_DEVICE:
        offer_device(t, o->of);
        break;
    case OBJ_REGION:
        offer_region(t, o->of);
        break;
    case OBJ_IRQ:
        offer_irq(t, o->of);
        break;
    case OBJ_DMA:
        offer_dma(t, o->of);
        break;
    default:
        offer_map(t, o->of);
        break;
    }
}

/* ---- messages ---- */

typedef VEC(const char *) name_list;

enum { MANY_NAMES = 1000 }; // limits the search for a similar spelling

/* Reports `word`, which is not among the `known` names, with the nearest of them or else `help`. */
static void report_unknown(struct asked *a, enum msg code, struct loc loc, const char *text, const char *word,
                           const name_list *known, const char *help)
{
    struct diag *d = diag(a->p->c->diags, code, (struct src){loc, a->at.via}, "%s", text);
    const char *near = diags_nearest(a->p->c->diags, word, known->at, known->n);
    if (near)
        diag_did_you_mean(d, "", word, near);
    else
        diag_help(d, "%s", help);
}

/* Returns the list `text` with another name in backticks, which `suffix` follows. */
static const char *append_name(struct machc *c, const char *text, const char *name, const char *suffix)
{
    return arena_printf(c->arena, "%s%s`%s%s`", text, *text ? ", " : "", name, suffix);
}

/* Reports an attribute that the object does not have. Returns false. */
static bool report_no_attribute(struct asked *a, const struct expr *e, const struct asked_object *o)
{
    struct machc *c = a->p->c;
    struct search all = {.wanted = "", .a = a, .c = c};
    name_list known = {0};
    const char *text = "";
    offer_attributes(&all, o);
    for (uint32_t i = 0; i < all.known.n; i++) {
        text = append_name(c, text, all.known.at[i], "");
        vec_push(c->arena, &known, all.known.at[i]);
    }
    for (uint32_t i = 0; i < all.lists.n; i++)
        text = append_name(c, text, all.lists.at[i], "[N]");
    report_unknown(a, E0228, e->name.loc, arena_printf(c->arena, "%s has no attribute `%s`", o->text, e->name.s),
                   e->name.s, &known,
                   *text ? arena_printf(c->arena, "its attributes are %s", text) : "it has no attributes");
    return false;
}

/* ---- finding an object ---- */

static const struct p_machine *find_machine(struct asked *a, const struct expr *e)
{
    struct machc *c = a->p->c;
    const struct plan *plan = a->p->plan;
    struct map *known = &a->before->machines;
    for (uint32_t i = 0, n = known->n ? 0 : plan->machines.n; i < n; i++)
        map_addp(draft_arena(c), known, plan->machines.at[i]->name, NULL, plan->machines.at[i]);
    const struct p_machine *m = map_getp(known, e->name.s, NULL);
    if (m || plan->model->incomplete)
        return m;
    name_list names = {0};
    for (uint32_t i = 0; i < plan->machines.n && names.n < MANY_NAMES; i++)
        vec_push(c->arena, &names, plan->machines.at[i]->name);
    report_unknown(a, E0229, e->loc, arena_printf(c->arena, "there is no machine `%s`", e->name.s), e->name.s, &names,
                   "write MACHINE.cpus or MACHINE.NAME.ATTRIBUTE, where NAME is a memory or device of the machine");
    return NULL;
}

static void note_named(struct asked *a, const struct p_machine *m, const char *name, uint8_t kind, const void *of)
{
    uint64_t i = a->before->objects.n;
    if (map_add(draft_arena(a->p->c), &a->before->named, (uintptr_t)m, (uintptr_t)name, &i))
        vec_push(draft_arena(a->p->c), &a->before->objects, ((struct asked_object){kind, of, name}));
}

/* Indexes what a machine has by its names: of two things with one name, memory comes first, then devices. */
static void index_machine(struct asked *a, const struct p_machine *m)
{
    uint64_t done = 1;
    if (!map_add(draft_arena(a->p->c), &a->before->named, (uintptr_t)m, 0, &done))
        return;
    for (uint32_t i = 0; i < m->memory.n; i++)
        note_named(a, m, m->memory.at[i].m->name, OBJ_MEMORY, &m->memory.at[i]);
    for (uint32_t i = 0; i < m->devices.n; i++)
        note_named(a, m, m->devices.at[i]->name, OBJ_DEVICE, m->devices.at[i]);
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        note_named(a, m, m->irqchips.at[i]->name, OBJ_IRQCHIP, m->irqchips.at[i]);
}

/* Finds memory, a device or an irqchip of a machine by its name. Returns false after a message. */
static bool find_named(struct asked *a, const struct p_machine *m, const struct expr *e, struct asked_object *o)
{
    static const char *const words[] = {[OBJ_MEMORY] = "memory", [OBJ_DEVICE] = "device", [OBJ_IRQCHIP] = "irqchip"};
    struct machc *c = a->p->c;
    const char *name = e->name.s;
    uint64_t i;
    *o = (struct asked_object){0};
    index_machine(a, m);
    if (map_get(&a->before->named, (uintptr_t)m, (uintptr_t)name, &i)) {
        *o = a->before->objects.at[i];
        o->text = arena_printf(c->arena, "%s `%s`", words[o->kind], name);
        return true;
    }
    // A name that the machine declares is missing only if it could not be planned, which has been reported.
    if (map_getp(&m->m->named, name, NULL) && diags_errors(c->diags))
        return false;
    name_list names = {0};
    for (uint32_t k = 0; k < m->memory.n && names.n < MANY_NAMES; k++)
        vec_push(c->arena, &names, m->memory.at[k].m->name);
    for (uint32_t k = 0; k < m->devices.n && names.n < MANY_NAMES; k++)
        vec_push(c->arena, &names, m->devices.at[k]->name);
    for (uint32_t k = 0; k < m->irqchips.n && names.n < MANY_NAMES; k++)
        vec_push(c->arena, &names, m->irqchips.at[k]->name);
    report_unknown(a, E0230, e->name.loc,
                   arena_printf(c->arena, "machine `%s` has no memory, device or irqchip `%s`", m->name, name), name,
                   &names, "use a name that `--emit=plan` lists");
    return false;
}

static const char *element_name(const struct asked_object *o)
{
    switch (o->kind) {
    case OBJ_REGION:
        return ((const struct p_region *)o->of)->name;
    case OBJ_IRQ:
        return ((const struct p_irq *)o->of)->name;
    case OBJ_DMA:
        return ((const struct p_dma *)o->of)->name;
    default:
        return NULL;
    }
}

static const void *get_element(const struct asked_object *o, uint8_t kind, uint32_t i)
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

/* The index of the element of a list that has the name; UINT32_MAX: none has. */
static uint32_t index_of_element(struct asked *a, const struct asked_object *of, const struct search *t,
                                 const char *name)
{
    struct machc *c = a->p->c;
    struct map *known = &a->before->elements;
    uint64_t i, done = 1;
    if (map_add(draft_arena(c), known, (uintptr_t)of->of, t->element, &done))
        for (uint32_t k = 0; k < t->count; k++) {
            const struct asked_object one = {t->element, get_element(of, t->element, k), NULL};
            uint64_t value = k;
            const char *is = element_name(&one);
            if (is)
                map_add(draft_arena(c), known, (uintptr_t)of->of + t->element, (uintptr_t)intern(c->names, is), &value);
        }
    return map_get(known, (uintptr_t)of->of + t->element, (uintptr_t)intern(c->names, name), &i) ? (uint32_t)i
                                                                                                 : UINT32_MAX;
}

static bool find_object(struct asked *a, const struct expr *e, struct asked_object *o);

/* Finds the object for NAME[WHICH], by its index, counted from 0, or by its name. Returns false after a message. */
static bool find_element(struct asked *a, const struct expr *e, struct asked_object *o)
{
    struct machc *c = a->p->c;
    struct asked_object of;
    struct value which;
    if (e->a->kind != EXPR_ATTR) {
        diag_help(diag(c->diags, E0228, (struct src){e->a->loc, a->at.via}, "this is not a list"),
                  "use an index only with a list: `region`, `irq` and `dma` of a device, `map` of a dma, `vcpu` of a "
                  "machine");
        return false;
    }
    if (!find_object(a, e->a->a, &of) || !expr_eval(c, a->frame, a->at.via, e->b, assert_value, a, &which))
        return false;
    const char *name = e->a->name.s;
    struct search t = {.wanted = name, .a = a};
    offer_attributes(&t, &of);
    if (!t.is_list && t.found) {
        diag_help(
            diag(c->diags, E0228, (struct src){e->a->name.loc, a->at.via}, "`%s` of %s is not a list", name, of.text),
            "remove `[...]`");
        return false;
    }
    if (!t.is_list)
        return report_no_attribute(a, e->a, &of);
    uint32_t at = which.u < t.count ? (uint32_t)which.u : UINT32_MAX;
    if (which.s)
        at = index_of_element(a, &of, &t, which.s);
    if (at != UINT32_MAX) {
        *o = (struct asked_object){t.element, get_element(&of, t.element, at), NULL};
        o->text = which.s ? arena_printf(c->arena, "%s `%s`", name, which.s)
                          : arena_printf(c->arena, "%s %" PRIu32, name, at);
        return true;
    }
    name_list names = {0};
    for (uint32_t i = 0; i < t.count && which.s && names.n < MANY_NAMES; i++) {
        const struct asked_object one = {t.element, get_element(&of, t.element, i), NULL};
        if (element_name(&one))
            vec_push(c->arena, &names, element_name(&one));
    }
    const char *word = which.s ? which.s : arena_printf(c->arena, "%" PRIu64, which.u), *choices = "it has none";
    if (t.count)
        choices = arena_printf(c->arena, "it has %" PRIu32 ": `%s[0]`%s", t.count, name,
                               t.count > 1 ? arena_printf(c->arena, " to `%s[%" PRIu32 "]`", name, t.count - 1) : "");
    const char *tick = which.s ? "`" : "";
    report_unknown(a, E0235, e->b->loc, arena_printf(c->arena, "%s has no %s %s%s%s", of.text, name, tick, word, tick),
                   word, &names, choices);
    return false;
}

static bool find_object(struct asked *a, const struct expr *e, struct asked_object *o)
{
    struct machc *c = a->p->c;
    if (e->kind == EXPR_INDEX)
        return find_element(a, e, o);
    if (e->kind != EXPR_ATTR) {
        const struct p_machine *m = find_machine(a, e);
        *o = (struct asked_object){OBJ_MACHINE, m, arena_printf(c->arena, "machine `%s`", e->name.s)};
        return m && !m->m->incomplete;
    }
    struct asked_object left;
    if (!find_object(a, e->a, &left))
        return false;
    if (left.kind == OBJ_MACHINE)
        return find_named(a, left.of, e, o);
    struct search t = {.wanted = e->name.s, .a = a};
    offer_attributes(&t, &left);
    if (!t.found && !t.is_list)
        return report_no_attribute(a, e, &left);
    struct diag *d =
        diag(c->diags, E0228, (struct src){e->loc, a->at.via},
             t.is_list ? "`%s` of %s is a list" : "`%s` of %s is a value without attributes", e->name.s, left.text);
    diag_help(d, t.is_list ? "add an index: `%s[0]`" : "remove what follows `%s`", e->name.s);
    return false;
}

bool assert_value(void *opaque, const struct expr *e, struct value *v)
{
    struct asked *a = opaque;
    struct asked_object o;
    if (e->kind == EXPR_INDEX) {
        if (!find_element(a, e, &o))
            return false;
        struct search all = {.wanted = "", .a = a, .c = a->p->c};
        offer_attributes(&all, &o);
        struct diag *d = diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "%s is not a value", o.text);
        diag_help(d, "add one of its attributes: `.%s`", all.known.n ? all.known.at[0] : "...");
        return false;
    }
    if (!find_object(a, e->a, &o))
        return false;
    struct search t = {.wanted = e->name.s, .a = a};
    offer_attributes(&t, &o);
    if (!t.found) {
        struct asked_object child;
        const struct p_machine *m = o.of;
        if (o.kind == OBJ_MACHINE && map_getp(&m->m->named, e->name.s, NULL)) {
            if (!find_named(a, m, e, &child))
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
        return report_no_attribute(a, e, &o);
    }
    const struct p_memory *mem = o.kind == OBJ_MEMORY ? o.of : NULL;
    a->chosen |= mem ? !strcmp(e->name.s, "address") && mem->how == HOW_CHOSEN : o.kind != OBJ_MACHINE;
    *v = t.value;
    // A machine without `cpus` has been reported.
    return o.kind != OBJ_MACHINE || ((const struct p_machine *)o.of)->m->cpus.set;
}
