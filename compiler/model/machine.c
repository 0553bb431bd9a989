// SPDX-License-Identifier: MIT
// One machine: cpus, memory, irqchips, emulated devices, nodes.
#include "model/build.h"

#include <inttypes.h>

bool declare(struct build *b, const char *name, struct src where)
{
    struct src *old = map_getp(&b->machine->named, name, NULL);
    if (old) {
        struct diag *d =
            diag(b->c->diags, E0301, where, "machine `%s` has two things called `%s`", b->machine->name, name);
        diag_note(d, *old, "the first is here");
        diag_help(d, "give one of them another name");
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
            struct diag *d = diag(b->c->diags, E0213, at(s, i->loc),
                                  "the range %u..%u is empty: its end is before its start", r.first, r.last);
            diag_help(d, "write the smaller one first: `%u..%u`", r.last, r.first);
            diag_respell(d, arena_printf(b->c->arena, "%u..%u", r.first, r.last),
                         arena_printf(b->c->arena, "%u..%u", r.last, r.first));
            return;
        }
        for (uint32_t k = 0; k < m->host_cpus.n; k++) {
            const struct m_range *o = &m->host_cpus.at[k];
            if (r.first > o->last || o->first > r.last)
                continue;
            struct diag *d = diag(b->c->diags, E0387, at(s, i->loc), "host cpu %u is listed twice",
                                  r.first > o->first ? r.first : o->first);
            diag_help(d, "list each host cpu once; where there are fewer of them than vcpus, vcpus take turns on them");
            return;
        }
        vec_push(b->c->arena, &m->host_cpus, r);
    }
}

static const char *const backings[] = {"anonymous", "hugetlb", "file", "physical", "contiguous"}; // enum backing

/* A memory statement, while its clauses are read. */
struct memory {
    struct m_memory *m;
    struct opt_u64 offset;
    struct src offset_at;
};

static void memory_clause(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct memory *in = opaque;
    struct m_memory *m = in->m;
    if (st->kind == AST_OFFSET)
        in->offset_at = at(s, st->loc);
    if (build_place(b, s, st, (struct place_values){&m->address, &m->size, &in->offset, NULL}))
        return;
    switch (st->kind) {
    case AST_NO_DMA:
        m->no_dma = true;
        break;
    case AST_READONLY:
        m->readonly = true;
        break;
    case AST_SHARE:
        m->share = eval_text(b, s, &st->name);
        if (m->share)
            m->share = intern(b->c->names, m->share);
        m->share_at = at(s, st->name.loc);
        break;
    case AST_FROM: {
        while (m->backing < BACK_CONTIGUOUS &&
               strcmp(st->name.s, backings[m->backing])) // the grammar knows these words only
            m->backing++;
        if (st->e)
            eval_opt(b, s, st->e, &m->back_arg);
        if (m->backing == BACK_FILE)
            m->file = eval_text(b, s, st->arg);
        if (m->file)
            m->file = file_name(b->c, m->file);
        break;
    }
    case AST_BELOW:
        eval_opt(b, s, st->e, &m->below);
        break;
    case AST_RUNS:
        eval_opt(b, s, st->e, &m->runs);
        break;
    case AST_BY:
        m->provider = BY_HUGETLB;
        while (m->provider < BY_RESERVED && strcmp(provider_word(m->provider), st->name.s)) // the grammar's words
            m->provider++;
        m->by_at = at(s, st->loc);
        if (st->e)
            eval_opt(b, s, st->e, &m->page);
        if (m->provider == BY_HEAP)
            m->heap = eval_text(b, s, st->arg);
        break;
    default:
        break;
    }
}

/* Clauses that belong to memory whose place on the host counts. False after a message. */
static bool check_placement_clauses(struct build *b, const struct m_memory *m)
{
    if (m->backing == BACK_CONTIGUOUS && m->provider == BY_RESERVED) {
        diag_help(diag(b->c->diags, E0540, m->by_at, "`by reserved` belongs to memory `from physical`"),
                  "write `memory %s size 0x%" PRIx64 " from physical ADDRESS by reserved;`", m->name, m->size.value);
        return false;
    }
    bool by = m->provider && m->backing != BACK_PHYSICAL;
    const char *what = by ? "by" : m->below.at.loc.file ? "below" : m->runs.at.loc.file ? "runs" : NULL;
    struct src where = by ? m->by_at : m->below.at.loc.file ? m->below.at : m->runs.at;
    if (!what || m->backing == BACK_CONTIGUOUS)
        return true;
    struct diag *d = diag(b->c->diags, E0540, where, "`%s` belongs to memory `from contiguous`%s", what,
                          by ? " or `from physical`" : "");
    if (m->backing == BACK_PHYSICAL)
        diag_help(d, "remove it: the address is written");
    else
        diag_help(d, "write `memory %s size 0x%" PRIx64 " from contiguous %s ...;`, or remove it", m->name,
                  m->size.value, what);
    return false;
}

const char *provider_word(uint8_t provider)
{
    static const char *const words[] = {
        [BY_CHOICE] = NULL, [BY_HUGETLB] = "hugetlb", [BY_HEAP] = "heap", [BY_RESERVED] = "reserved"};
    return words[provider];
}

enum { MOST_RUNS = 64 };

const char *bank_name(struct machc *c, const struct m_memory *m, uint32_t bank)
{
    return bank ? intern(c->names, arena_printf(c->arena, "%s_%u", m->name, bank + 1)) : m->name;
}

/* Limits and runs of memory whose place on the host counts. Its pages are the plan's, which chooses who provides them.
 */
static void check_placement(struct build *b, const struct m_memory *m)
{
    struct diags *ds = b->c->diags;
    uint64_t page = b->model->page_size, size = m->size.value, runs = m->runs.set ? m->runs.value : 1;
    if (m->page.set && (m->page.value <= page || (m->page.value & (m->page.value - 1)))) {
        diag_help(
            diag(ds, E0309, m->page.at, "0x%" PRIx64 " is not the size of a huge page", m->page.value),
            "it is a power of two above the page size, one of /sys/kernel/mm/hugepages: `hugetlb 2M`, `hugetlb 1G`");
        return;
    }
    if (!runs || runs > MOST_RUNS) {
        diag_help(diag(ds, E0543, m->runs.at, "memory `%s` in %" PRIu64 " runs", m->name, runs),
                  "write 1 to %d: each is a bank of its own in the guest", MOST_RUNS);
        return;
    }
    if (m->below.set && m->below.value < size / runs) {
        diag_help(diag(ds, E0543, m->below.at, "0x%" PRIx64 " bytes do not fit below 0x%" PRIx64, size / runs,
                       m->below.value),
                  "write a higher address, as in `below 4G`, or remove it");
        return;
    }
    for (uint32_t bank = 1; bank < runs; bank++)
        declare(b, bank_name(b->c, m, bank), m->at);
}

/* Where the memory comes from: whole pages, and of what kind. */
static void check_backing(struct build *b, struct memory *in)
{
    struct diags *ds = b->c->diags;
    struct m_memory *m = in->m;
    uint64_t page = b->model->page_size, arg = m->back_arg.value, size = m->size.value;
    if (in->offset_at.loc.file && m->backing != BACK_FILE) {
        struct diag *d =
            diag(ds, E0385, in->offset_at, "`offset` is a place in a file, and memory `%s` comes from %s", m->name,
                 m->backing == BACK_PHYSICAL     ? "physical memory"
                 : m->backing == BACK_HUGETLB    ? "huge pages"
                 : m->backing == BACK_CONTIGUOUS ? "wherever it is contiguous"
                                                 : "anonymous memory");
        diag_help(d, m->backing == BACK_PHYSICAL ? "add it to the address after `physical`"
                                                 : "remove it, or write `from file \"path\" offset ...`");
    }
    if (!check_placement_clauses(b, m))
        return;
    if (m->backing == BACK_FILE && m->file && !strcmp(m->file, "/dev/mem")) {
        // Two names for one thing could not be told to be the same, neither by their owners nor by who shares them.
        struct diag *d = diag(ds, E0302, m->at, "memory `%s` comes from /dev/mem: that is physical memory", m->name);
        diag_help(d, "write `from physical 0x%" PRIx64 "`", in->offset.value);
        return;
    }
    if (m->backing == BACK_FILE) {
        m->back_arg = in->offset;
        if (m->back_arg.value % page)
            diag_help_number(diag(ds, E0389, m->back_arg.at,
                                  "offset 0x%" PRIx64 " into \"%s\" is in the middle of a page", m->back_arg.value,
                                  m->file ? m->file : ""),
                             "offset ", m->back_arg.value / page * page, "");
        return;
    }
    if (m->backing == BACK_CONTIGUOUS)
        check_placement(b, m);
    if (!m->back_arg.set)
        return;
    if (m->backing == BACK_PHYSICAL && arg % page)
        diag_help_number(diag(ds, E0308, m->back_arg.at, "0x%" PRIx64 " is in the middle of a page of the host", arg),
                         "physical ", arg / page * page, "");
    else if (m->backing == BACK_PHYSICAL && arg + (size - 1) < arg)
        diag_help(diag(ds, E0390, m->back_arg.at,
                       "memory `%s` ends beyond the host's last address: 0x%" PRIx64 " + 0x%" PRIx64, m->name, arg,
                       size),
                  "give it a lower address or a smaller size");
    else if (m->backing == BACK_PHYSICAL)
        check_placement(b, m);
    else if (m->backing == BACK_HUGETLB && (arg <= page || (arg & (arg - 1))))
        diag_help(
            diag(ds, E0309, m->back_arg.at, "0x%" PRIx64 " is not the size of a huge page", arg),
            "it is a power of two above the page size, one of /sys/kernel/mm/hugepages: `hugetlb 2M`, `hugetlb 1G`");
    else if (m->backing == BACK_HUGETLB && size % arg)
        diag_help_number(diag(ds, E0386, m->size.at,
                              "the 0x%" PRIx64 " bytes of memory `%s` are not whole huge pages of 0x%" PRIx64, size,
                              m->name, arg),
                         "size ", (size / arg + 1) * arg, "");
}

static void build_memory(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_memory m = {.at = at(s, loc_join(st->loc, st->name.loc)), .name = eval_name(b, s, &st->name)};
    struct memory in = {.m = &m};
    uint64_t lost = b->consts->lost;
    expand_body(b, s, st, memory_clause, &in);
    if (!m.name || !declare(b, m.name, at(s, st->name.loc)))
        return;
    uint64_t page = b->model->page_size;
    if (!m.size.set) {
        bool failed = m.size.at.loc.file != 0 || b->consts->lost != lost;
        if (!failed)
            diag_help(diag(b->c->diags, E0304, m.at, "memory `%s` has no size", m.name), "write `memory %s size 256M;`",
                      m.name);
        return;
    }
    if (!m.size.value)
        diag_help(diag(b->c->diags, E0396, m.size.at, "memory `%s` is empty", m.name),
                  "write a size, as in `size 256M`, or remove the statement");
    else if (m.size.value % page)
        diag_help_number(diag(b->c->diags, E0305, m.size.at,
                              "the size 0x%" PRIx64
                              " of memory `%s` is not a multiple of the host's page size (0x%" PRIx64 ")",
                              m.size.value, m.name, page),
                         "size ", (m.size.value / page + 1) * page, "");
    else if (m.address.set && m.address.value % page)
        diag_help_number(diag(b->c->diags, E0306, m.address.at,
                              "memory `%s` starts in the middle of a page: 0x%" PRIx64, m.name, m.address.value),
                         "at ", m.address.value / page * page, "");
    else if (m.address.set && m.address.value + (m.size.value - 1) < m.address.value)
        diag_help(diag(b->c->diags, E0307, m.address.at,
                       "memory `%s` ends beyond the last address: 0x%" PRIx64 " + 0x%" PRIx64, m.name, m.address.value,
                       m.size.value),
                  "give it a lower address or a smaller size");
    else
        check_backing(b, &in);
    vec_push(b->c->arena, &b->machine->memory, m);
}

struct m_under build_under(struct build *b, const struct scope *s, const struct ast *st)
{
    return (struct m_under){eval_text(b, s, &st->name), st->name.kind == TEXT_LABEL, at(s, st->loc)};
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
    else if (st->kind == AST_REGION)
        build_region(b, s, st, &chip->regions, &chip->specified);
    else if (st->kind == AST_EDIT)
        vec_push(b->c->arena, &chip->edits, edit_of(s, st));
}

static void no_class(struct build *b, const struct scope *s, const struct ast *st, const char *name, const char *what,
                     const char *const *names)
{
    const struct text *t = st->arg;
    size_t n = 0;
    while (names && names[n])
        n++;
    const char *near = diags_nearest(b->c->diags, name, names, n);
    b->consts->lost++;
    if (is_guess(st) || (st->kind == AST_MACHINE && !near && b->consts->incomplete))
        return;
    struct diag *d = diag(b->c->diags, E0310, at(s, t->loc), "there is no %s `%s`", what, name);
    if (near) {
        diag_did_you_mean(d, "", name, near);
    } else {
        diag_help(d, "`machc --list-classes` shows all; a new one is a file in --schema-dir");
    }
}

static void build_irqchip(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_irqchip chip = {.at = at(s, st->loc), .name = eval_name(b, s, &st->name)};
    const char *class = eval_text(b, s, st->arg);
    expand_body(b, s, st, irqchip_clause, &chip);
    if (!chip.name || !class || !declare(b, chip.name, at(s, st->name.loc)))
        return;
    chip.class = schema_irqchip(b->model->schemas, class);
    if (!chip.class)
        no_class(b, s, st, class, "irqchip class", schemas_whole(b->model->schemas)->irqchip_names);
    else
        vec_push(b->c->arena, &b->machine->irqchips, chip);
}

/* `to gic spi 40 level-high`, `to mpic 43`, `to &gic <0 40 4>`; or the words after a device's `irq`. */
bool build_irq_to(struct build *b, const struct scope *s, const struct ast *st, struct m_irq_to *to)
{
    to->at = at(s, st->loc);
    to->set = true;
    if (st->kind == AST_TO && st->name.kind != TEXT_NONE) {
        to->label = eval_text(b, s, &st->name);
        const struct dts_value *v = st->dts_cells;
        uint32_t n = v ? v->len / 4 : 0;
        to->cells_at = v ? at(s, v->loc) : to->at;
        if (!n || n > IRQ_MAX_CELLS)
            diag_help(diag(b->c->diags, E0311, to->cells_at, "a specifier of 1 to %d cells must follow the controller",
                           IRQ_MAX_CELLS),
                      "write `to &%s <...>` with the cells of its binding, or use the words: `to %s NUMBER`",
                      to->label ? to->label : "gic", to->label ? to->label : "gic");
        to->set = to->label && n && n <= IRQ_MAX_CELLS;
        if (!to->set)
            return false;
        for (uint32_t i = 0; i < n; i++)
            to->cells[i] = be32(v->data + i * 4);
        for (const struct dts_fixup *f = v->fixups; f; f = f->next) {
            struct dts_env env = {b->c, s->frame, s->via};
            uint64_t u;
            if (!f->e)
                diag_help(diag(b->c->diags, E0312, at(s, f->loc), "an interrupt specifier holds numbers only"),
                          "remove the reference: the controller is named before the cells");
            to->set = f->e && dts_eval_frame(&env, f->e, &u);
            if (!to->set)
                return false;
            to->cells[f->offset / 4] = (uint32_t)u;
        }
        to->ncells = n;
        return true;
    }
    for (const struct item *i = st->items; i; i = i->next) {
        if (i->e) {
            if (to->number.set) {
                diag_help(
                    diag(b->c->diags, E0313, at(s, i->loc), "a second line number; an interrupt goes to one line"),
                    "write `to [CHIP] [KIND] NUMBER [TRIGGER]`");
                to->set = false;
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
        if (to->number.set ? to->nwords > to->nbefore : to->nwords == 2) {
            diag_help(diag(b->c->diags, E0314, at(s, i->loc),
                           to->number.set ? "there are too many words after the line's number"
                                          : "there are too many words before the line's number"),
                      "write `to [CHIP] [KIND] NUMBER [TRIGGER]`");
            to->set = false;
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
    if (build_place(b, s, st, (struct place_values){&d->address, &d->size, NULL, NULL}))
        return;
    switch (st->kind) {
    case AST_IRQ: {
        // `irq 0 to ...` as of other devices; or the words of the target at once, as there is one interrupt.
        const struct ast *to = st->body;
        while (to && to->kind != AST_TO && to->kind != AST_LOST)
            to = to->next;
        if (to && to->kind == AST_LOST)
            break;
        if (to)
            build_irq_to(b, s, to, &d->irq);
        else if (st->body)
            diag_help(diag(b->c->diags, E0315, at(s, st->body->loc),
                           "`%s` is not allowed for the interrupt of an emulated device", ast_keyword(st->body->kind)),
                      "write `irq spi 40 level-high` or `irq 0 to spi 40 level-high`");
        else
            build_irq_to(b, s, st, &d->irq);
        break;
    }
    case AST_UNDER:
        d->under = build_under(b, s, st);
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
    const char *class = eval_text(b, s, st->arg);
    expand_body(b, s, st, device_clause, &d);
    if (!d.name || !class || !declare(b, d.name, at(s, st->name.loc)))
        return;
    d.class = schema_class(b->model->schemas, class);
    if (!d.class) {
        no_class(b, s, st, class, "device class", schemas_whole(b->model->schemas)->class_names);
        return;
    }
    if (!d.class->emulated) {
        struct diag *g = diag(b->c->diags, E0316, at(s, st->arg->loc),
                              "`%s` is a class of host devices; nothing emulates it", class);
        diag_help(
            g,
            "pass one through, `passthrough &LABEL;`, or choose a class marked `emulated` in `machc --list-classes`");
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
        e.at = at(s, st->name.loc);
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
            struct diag *d = diag(b->c->diags, E0317, at(s, st->name.loc), "machine `%s` has the platform `%s` already",
                                  m->name, m->platform->name);
            diag_note(d, m->platform_at, "said here");
            diag_help(d, "keep one of them");
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
    const char *base = eval_text(b, s, st->arg);
    if (!base)
        return;
    const struct platform *p = schema_platform(b->model->schemas, base);
    struct ast use = {.kind = AST_USE, .name = *st->arg, .items = st->items, .loc = st->loc};
    struct ast in = {.kind = AST_MACHINE, .body = &use, .loc = st->loc};
    if (map_getp(&b->templates, base, NULL)) {
        expand_body(b, s, &in, machine_statement, NULL);
    } else if (p && !st->items) {
        m->platform = p;
        m->platform_at = at(s, st->arg->loc);
    } else if (p) {
        diag_help(diag(b->c->diags, E0214, at(s, st->arg->loc), "platform `%s` takes no arguments", base),
                  "write `%s` alone", base);
    } else {
        VEC(const char *) names = {0};
        for (const char *const *n = schemas_whole(b->model->schemas)->platform_names; *n; n++)
            vec_push(b->c->arena, &names, *n);
        for (uint32_t i = 0; i < b->template_names.n && i < 1000; i++)
            vec_push(b->c->arena, &names, b->template_names.at[i]);
        vec_push(b->c->arena, &names, NULL);
        no_class(b, s, st, base, "platform or template", names.at);
    }
}

static void cpus_of_platform(struct build *b, const struct m_machine *m)
{
    struct diag *d = diag(b->c->diags, E0321, m->cpus.at, "`%s` can have 1 to %u cpus, not %" PRIu64, m->platform->name,
                          m->platform->max_cpus, m->cpus.value);
    const char *most = arena_printf(b->c->arena, "%u", m->cpus.value ? m->platform->max_cpus : 1);
    diag_help(d, "write `cpus %s`", most);
    diag_fix_number(d, most);
}

static void no_cpus(struct build *b, const struct scope *s, const struct ast *st, const char *name)
{
    struct diag *d = diag(b->c->diags, E0320, at(s, st->name.loc), "machine `%s` has no cpus", name);
    diag_help(d, "write `cpus 1;` in it");
    diag_fix_statement(d, at(s, st->loc), "machine", "cpus 1;");
}

/* Whether two places are one, by whatever names the file was read. */
static bool is_same_place(const struct build *b, struct loc x, struct loc y)
{
    const struct source *s = source_get(b->c->sources, x.file), *t = source_get(b->c->sources, y.file);
    return s && t && x.start == y.start && is_same_file(s->name, t->name);
}

void build_machine(struct build *b, const struct pending *p)
{
    const struct ast *st = p->st;
    const struct scope *s = &p->scope;
    uint64_t lost = b->consts->lost;
    const char *name = eval_name(b, s, &st->name);
    if (!name)
        return;
    struct m_machine *old = map_getp(b->machine_names, name, NULL);
    if (old && old->of != b && is_same_place(b, old->at.loc, st->name.loc))
        return; // of a file that several files of the command line include
    if (old) {
        struct diag *d = diag(b->c->diags, E0318, at(s, st->name.loc), "there are two machines called `%s`", name);
        diag_note(d, old->at, "the first is here");
        diag_help(d, "give one of them another name");
        return;
    }
    struct m_machine *m = NEW(b->c->arena, struct m_machine);
    m->name = name;
    m->of = b;
    m->at = at(s, st->name.loc);
    map_putp(b->c->arena, b->machine_names, name, NULL, m);
    vec_push(b->c->arena, &b->model->machines, m);
    b->machine = m;
    uint32_t before = diags_errors(b->c->diags);
    build_base(b, s, st);
    expand_body(b, s, st, machine_statement, NULL);
    m->incomplete |= b->consts->lost != lost;
    const struct src *taken = m->platform && !m->irqchips.n && !m->incomplete && diags_errors(b->c->diags) == before
                                  ? map_getp(&m->named, intern(b->c->names, m->platform->irqchip_name), NULL)
                                  : NULL;
    if (taken) {
        struct diag *d = diag(b->c->diags, E0382, *taken, "`%s` is the name of the irqchip that `%s` provides",
                              m->platform->irqchip_name, m->platform->name);
        diag_help(d, "choose another name, or name the irqchip: `irqchip NAME : %s;`", m->platform->irqchip_class);
    }
    name_passthroughs(b);
    if (!m->platform && !m->incomplete && diags_errors(b->c->diags) == before)
        diag_help(diag(b->c->diags, E0319, m->at, "machine `%s` has no platform", name),
                  "write `machine %s : arm64-virt { ... }`; `machc --list-classes` shows all", name);
    if (!m->cpus.set && !m->cpus.at.loc.file && !m->incomplete)
        no_cpus(b, s, st, name);
    else if (m->cpus.set && m->platform && (m->cpus.value < 1 || m->cpus.value > m->platform->max_cpus))
        cpus_of_platform(b, m);
    // A mistake would bring others in its train if the rest were planned without what it concerns.
    m->incomplete |= diags_errors(b->c->diags) != before;
}
