// SPDX-License-Identifier: MIT
// One machine: cpus, memory, irqchips, emulated devices, nodes.
#include "model/build.h"

#include <inttypes.h>

bool declare(struct build *b, const char *name, struct src where)
{
    struct src *old = map_getp(&b->machine->named, name, NULL);
    if (old) {
        struct diag *d = diag(b->c->diags, E0301, where, "machine `%s` has two things called `%s`", b->machine->name, name);
        diag_note(d, *old, "the first is here");
        return false;
    }
    struct src *here = NEW(draft_arena(b->c), struct src);
    *here = where;
    map_putp(draft_arena(b->c), &b->machine->named, name, NULL, here);
    return true;
}

static void host_cpus(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    (void)opaque;
    struct m_machine *m = b->machine;
    m->host_cpus_at = at(s, st->loc);
    for (const struct item *i = st->items; i; i = i->next) {
        struct m_range r;
        if (!i->e || !eval_u32(b, s, i->e, 4095, "host cpu", &r.first))
            return;
        r.last = r.first;
        if (i->e2 && !eval_u32(b, s, i->e2, 4095, "host cpu", &r.last))
            return;
        if (r.last < r.first) {
            diag(b->c->diags, E0213, at(s, i->loc), "the range %u..%u is empty: its end is before its start", r.first, r.last);
            return;
        }
        vec_push(b->c->arena, &m->host_cpus, r);
    }
}

static void memory_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    static const char *const backings[] = {"anonymous", "hugetlb", "file", "physical"};
    struct m_memory *m = opaque;
    switch (st->kind) {
    case AST_AT:
        eval_opt(b, s, st->e, &m->address);
        break;
    case AST_SIZE:
        eval_opt(b, s, st->e, &m->size);
        break;
    case AST_OFFSET:
        eval_opt(b, s, st->e, &m->back_arg);
        break;
    case AST_NO_DMA:
        m->no_dma = true;
        break;
    case AST_READONLY:
        m->readonly = true;
        break;
    case AST_SHARE:
        m->share = eval_text(b, s, &st->name);
        m->share_at = at(s, st->name.loc);
        break;
    case AST_FROM: {
        const char *w = eval_text(b, s, &st->name);
        uint8_t i = 0;
        while (w && i < 4 && strcmp(w, backings[i]))
            i++;
        if (!w || i == 4) {
            struct diag *d = diag(b->c->diags, E0302, at(s, st->name.loc), "memory cannot come from `%s`", w ? w : "");
            diag_help(d, "write `from anonymous`, `from hugetlb 2M`, `from file \"path\"` or `from physical 0x...`");
            break;
        }
        m->backing = i;
        if (st->e)
            eval_opt(b, s, st->e, &m->back_arg);
        else if (i == BACK_PHYSICAL || i == BACK_HUGETLB)
            diag_help(diag(b->c->diags, E0303, at(s, st->loc), "`from %s` needs a number", w), "write `from %s`",
                      i == BACK_PHYSICAL ? "physical 0x..." : "hugetlb 2M");
        if (i == BACK_FILE)
            m->file = eval_text(b, s, &st->arg);
        break;
    }
    default:
        break;
    }
}

static void build_memory(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_memory m = {.at = at(s, loc_join(st->loc, st->name.loc)), .name = eval_name(b, s, &st->name)};
    uint64_t lost = b->lost;
    expand_body(b, s, st, memory_clause, &m);
    if (!m.name || !declare(b, m.name, at(s, st->name.loc)))
        return;
    uint64_t page = b->model->page_size;
    if (!m.size.set) {
        bool failed = m.size.at.loc.file != 0 || b->lost != lost;
        if (!failed)
            diag_help(diag(b->c->diags, E0304, m.at, "memory `%s` has no size", m.name), "write `memory %s size 256M;`", m.name);
        return;
    }
    if (!m.size.value || m.size.value % page)
        diag_help(diag(b->c->diags, E0305, m.size.at, "the size 0x%" PRIx64 " of memory `%s` is not a multiple of the host's page size (0x%" PRIx64 ")",
                       m.size.value, m.name, page),
                  "write `size 0x%" PRIx64 "`", (m.size.value / page + 1) * page);
    else if (m.address.set && m.address.value % page)
        diag_help(diag(b->c->diags, E0306, m.address.at, "memory `%s` starts in the middle of a page: 0x%" PRIx64, m.name, m.address.value),
                  "write `at 0x%" PRIx64 "`", m.address.value / page * page);
    else if (m.address.set && m.address.value + (m.size.value - 1) < m.address.value)
        diag(b->c->diags, E0307, m.address.at, "memory `%s` ends beyond the last address: 0x%" PRIx64 " + 0x%" PRIx64, m.name,
             m.address.value, m.size.value);
    else if (m.backing == BACK_PHYSICAL && m.back_arg.set && (m.back_arg.value % page || m.back_arg.value + (m.size.value - 1) < m.back_arg.value))
        diag(b->c->diags, E0308, m.back_arg.at, "0x%" PRIx64 " cannot be the physical address of 0x%" PRIx64 " bytes of whole pages",
             m.back_arg.value, m.size.value);
    else if (m.backing == BACK_HUGETLB && m.back_arg.set &&
             (!m.back_arg.value || (m.back_arg.value & (m.back_arg.value - 1)) || m.back_arg.value < page || m.size.value % m.back_arg.value))
        diag(b->c->diags, E0309, m.back_arg.at, "memory `%s` of 0x%" PRIx64 " bytes is not made of huge pages of 0x%" PRIx64, m.name,
             m.size.value, m.back_arg.value);
    else if (m.backing == BACK_FILE && m.back_arg.value % page)
        diag(b->c->diags, E0308, m.back_arg.at, "the offset 0x%" PRIx64 " into \"%s\" is not a multiple of the page size", m.back_arg.value,
             m.file ? m.file : "");
    vec_push(b->c->arena, &b->machine->memory, m);
}

static struct m_edit edit_of(const struct scope *s, const struct ast *st)
{
    return (struct m_edit){st->dts, at(s, st->loc), s->frame, NULL};
}

static void irqchip_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_irqchip *chip = opaque;
    if (st->kind == AST_AT)
        eval_opt(b, s, st->e, &chip->address);
    else if (st->kind == AST_EDIT)
        vec_push(b->c->arena, &chip->edits, edit_of(s, st));
}

static void no_class(struct build *b, const struct scope *s, const struct text *t, const char *name, const char *what,
                     const char *const *names)
{
    struct diag *d = diag(b->c->diags, E0310, at(s, t->loc), "there is no %s `%s`", what, name);
    size_t n = 0;
    while (names && names[n])
        n++;
    const char *near = nearest(name, names, n);
    if (near) {
        diag_help(d, "did you mean `%s`?", near);
        diag_fix(d, t->loc, "%s", near);
    } else {
        diag_help(d, "`machc --list-classes` shows all; a new one is a file in --schema-dir");
    }
}

static void build_irqchip(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_irqchip chip = {.at = at(s, st->loc), .name = eval_name(b, s, &st->name)};
    const char *class = eval_text(b, s, &st->arg);
    expand_body(b, s, st, irqchip_clause, &chip);
    if (!chip.name || !class || !declare(b, chip.name, at(s, st->name.loc)))
        return;
    chip.class = schema_irqchip(b->model->schemas, class);
    if (!chip.class)
        no_class(b, s, &st->arg, class, "irqchip class", b->model->schemas->irqchip_names);
    else
        vec_push(b->c->arena, &b->machine->irqchips, chip);
}

/* `to gic spi 40 level-high`, `to mpic 43`, `to &gic <0 40 4>`; or the words behind a device's `irq`. */
bool build_irq_to(struct build *b, const struct scope *s, const struct ast *st, struct m_irq_to *to)
{
    to->at = at(s, st->loc);
    to->set = true;
    if (st->kind == AST_TO && st->name.kind != TEXT_NONE) {
        to->label = eval_text(b, s, &st->name);
        const struct dts_value *v = st->dts_cells;
        uint32_t n = v ? v->len / 4 : 0;
        if (!to->label || !v || v->bits != 32 || v->next || n > IRQ_MAX_CELLS || !n) {
            diag_help(diag(b->c->diags, E0311, to->at, "a specifier of 1 to %d cells must follow the controller", IRQ_MAX_CELLS),
                      "write `to &gic <0 40 4>`");
            return false;
        }
        for (uint32_t i = 0; i < n; i++)
            to->cells[i] = (uint32_t)v->data[i * 4] << 24 | (uint32_t)v->data[i * 4 + 1] << 16 | (uint32_t)v->data[i * 4 + 2] << 8 | v->data[i * 4 + 3];
        for (const struct dts_fixup *f = v->fixups; f; f = f->next) {
            struct dts_env env = {b->c, s->frame, s->via};
            uint64_t u;
            if (!f->e || !dts_eval_frame(&env, f->e, &u)) {
                if (!f->e)
                    diag(b->c->diags, E0312, at(s, f->loc), "an interrupt specifier holds numbers only");
                return false;
            }
            to->cells[f->offset / 4] = (uint32_t)u;
        }
        to->ncells = n;
        return true;
    }
    for (const struct item *i = st->items; i; i = i->next) {
        if (i->e) {
            if (to->number.set) {
                diag(b->c->diags, E0313, at(s, i->loc), "a second line number; an interrupt goes to one line");
                return false;
            }
            if (!eval_opt(b, s, i->e, &to->number))
                return false;
            to->nbefore = to->nwords;
            continue;
        }
        const char *w = eval_text(b, s, &i->t);
        if (!w)
            return false;
        if (to->nwords == 4) {
            diag(b->c->diags, E0314, at(s, i->loc), "one word too many: `to [CHIP] [KIND] NUMBER [TRIGGER]`");
            return false;
        }
        to->word_at[to->nwords] = at(s, i->loc);
        to->words[to->nwords++] = w;
    }
    if (!to->number.set)
        to->nbefore = to->nwords;
    return true;
}

static void device_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct m_device *d = opaque;
    switch (st->kind) {
    case AST_AT:
        eval_opt(b, s, st->e, &d->address);
        break;
    case AST_SIZE:
        eval_opt(b, s, st->e, &d->size);
        break;
    case AST_IRQ: {
        // In braces, `irq 0 to ...;` has its own clauses; on the line the words are the target.
        const struct ast *to = st->body;
        while (to && to->kind != AST_TO && to->kind != AST_LOST)
            to = to->next;
        if (to && to->kind == AST_LOST)
            break;
        if (to)
            build_irq_to(b, s, to, &d->irq);
        else if (st->body)
            diag_help(diag(b->c->diags, E0315, at(s, st->body->loc), "`%s` does not belong to the interrupt of an emulated device", ast_keyword(st->body->kind)),
                      "write `irq spi 40 level-high` or `irq 0 to spi 40 level-high`");
        else
            build_irq_to(b, s, st, &d->irq);
        break;
    }
    case AST_TO: // on the line: `irq 0 to gic spi 1`
        d->irq = (struct m_irq_to){0};
        build_irq_to(b, s, st, &d->irq);
        break;
    case AST_EDIT:
        vec_push(b->c->arena, &d->edits, edit_of(s, st));
        break;
    default:
        break;
    }
}

static void build_device(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_device d = {.at = at(s, st->loc), .name = eval_name(b, s, &st->name)};
    const char *class = eval_text(b, s, &st->arg);
    expand_body(b, s, st, device_clause, &d);
    if (!d.name || !class || !declare(b, d.name, at(s, st->name.loc)))
        return;
    d.class = schema_class(b->model->schemas, class);
    if (!d.class) {
        no_class(b, s, &st->arg, class, "device class", b->model->schemas->class_names);
        return;
    }
    if (!d.class->emulated) {
        struct diag *g = diag(b->c->diags, E0316, at(s, st->arg.loc), "`%s` is a class of host devices; nothing emulates it", class);
        diag_help(g, "pass one through, `passthrough &LABEL;`, or choose a class marked `emulated` in `machc --list-classes`");
        return;
    }
    vec_push(b->c->arena, &b->machine->devices, d);
}

static void machine_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    (void)opaque;
    struct m_machine *m = b->machine;
    switch (st->kind) {
    case AST_MODEL:
        m->model = eval_text(b, s, &st->name);
        m->model_at = at(s, st->loc);
        break;
    case AST_COMPATIBLE:
        for (const struct item *i = st->items; i; i = i->next) {
            const char *v = eval_text(b, s, &i->t);
            if (v)
                vec_push(b->c->arena, &m->compatible, v);
        }
        break;
    case AST_BOOTARGS:
        m->bootargs = eval_text(b, s, &st->name);
        m->bootargs_at = at(s, st->loc);
        break;
    case AST_CPUS:
        eval_opt(b, s, st->e, &m->cpus);
        expand_body(b, s, st, host_cpus, NULL);
        break;
    case AST_MEMORY:
        build_memory(b, s, st);
        break;
    case AST_IRQCHIP:
        build_irqchip(b, s, st);
        break;
    case AST_DEVICE:
        build_device(b, s, st);
        break;
    case AST_PASSTHROUGH:
        build_passthrough(b, s, st);
        break;
    case AST_NODE: {
        struct m_edit e = edit_of(s, st);
        e.path = eval_text(b, s, &st->name);
        if (e.path)
            vec_push(b->c->arena, &m->nodes, e);
        break;
    }
    case AST_ASSERT:
        vec_push(b->c->arena, &b->model->asserts,
                 ((struct m_assert){st->e, eval_text(b, s, &st->name), at(s, st->loc), s->frame}));
        break;
    case AST_USE: { // `use PLATFORM;` in a template that machines are made from
        const char *n = eval_text(b, s, &st->name);
        const struct platform *p = n ? schema_platform(b->model->schemas, n) : NULL;
        if (!p || st->items) {
            no_template(b, s, st, " or platform");
        } else if (m->platform && m->platform != p) {
            struct diag *d = diag(b->c->diags, E0317, at(s, st->name.loc), "machine `%s` is a `%s` already", m->name, m->platform->name);
            diag_note(d, m->platform_at, "said here");
        } else {
            m->platform = p;
            m->platform_at = at(s, st->name.loc);
        }
        break;
    }
    default:
        break;
    }
}

static void build_base(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_machine *m = b->machine;
    const char *base = eval_text(b, s, &st->arg);
    if (st->arg.kind == TEXT_NONE || !base)
        return;
    const struct platform *p = schema_platform(b->model->schemas, base);
    struct ast use = {.kind = AST_USE, .name = st->arg, .items = st->items, .loc = st->loc};
    struct ast in = {.kind = AST_MACHINE, .body = &use, .loc = st->loc};
    if (map_getp(&b->templates, base, NULL)) {
        expand_body(b, s, &in, machine_statement, NULL);
    } else if (p && !st->items) {
        m->platform = p;
        m->platform_at = at(s, st->arg.loc);
    } else if (p) {
        diag(b->c->diags, E0214, at(s, st->arg.loc), "platform `%s` takes no arguments", base);
    } else {
        VEC(const char *) names = {0};
        for (const char *const *n = b->model->schemas->platform_names; *n; n++)
            vec_push(b->c->arena, &names, *n);
        for (uint32_t i = 0; i < b->template_names.n && i < 1000; i++)
            vec_push(b->c->arena, &names, b->template_names.at[i]);
        vec_push(b->c->arena, &names, NULL);
        no_class(b, s, &st->arg, base, "platform or template", names.at);
    }
}

void build_machine(struct build *b, const struct pending *p)
{
    const struct ast *st = p->st;
    const struct scope *s = &p->scope;
    uint64_t lost = b->lost;
    const char *name = eval_name(b, s, &st->name);
    if (!name)
        return;
    struct m_machine *old = map_getp(&b->machine_names, name, NULL);
    if (old) {
        struct diag *d = diag(b->c->diags, E0318, at(s, st->name.loc), "there are two machines called `%s`", name);
        diag_note(d, old->at, "the first is here");
        return;
    }
    struct m_machine *m = NEW(b->c->arena, struct m_machine);
    m->name = name;
    m->at = at(s, st->name.loc);
    map_putp(b->c->arena, &b->machine_names, name, NULL, m);
    vec_push(b->c->arena, &b->model->machines, m);
    b->machine = m;
    uint32_t before = diags_errors(b->c->diags);
    build_base(b, s, st);
    expand_body(b, s, st, machine_statement, NULL);
    m->incomplete |= b->lost != lost;
    if (!m->platform && !m->incomplete && diags_errors(b->c->diags) == before)
        diag_help(diag(b->c->diags, E0319, m->at, "machine `%s` has no platform", name), "write `machine %s : arm64-virt { ... }`; `machc --list-classes` shows all",
                  name);
    if (!m->cpus.set && !m->cpus.at.loc.file && !m->incomplete)
        diag_help(diag(b->c->diags, E0320, m->at, "machine `%s` has no cpus", name), "write `cpus 1;` in it");
    else if (m->cpus.set && m->platform && (m->cpus.value < 1 || m->cpus.value > m->platform->max_cpus))
        diag(b->c->diags, E0321, m->cpus.at, "`%s` can have 1 to %u cpus, not %" PRIu64, m->platform->name, m->platform->max_cpus, m->cpus.value);
}
