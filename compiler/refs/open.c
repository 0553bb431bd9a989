// SPDX-License-Identifier: MIT
// Reports the references that nothing settles: one message for all that a statement passes through, with a block to
// paste that has what can work, the likely choice of each.
#include "facts/facts.h"
#include "refs/refs.h"

#include <inttypes.h>

enum { MOST_LINES = 40 }; // of a block

static const char *says_text(uint8_t word)
{
    static const char *const texts[] = {
        [DRIVER_NEEDS] = "the driver does not start without",
        [DRIVER_PROBABLY] = "the driver probably does not start without",
        [DRIVER_OPTIONAL] = "the driver does without",
        [DRIVER_SILENT] = NULL,  // it may ask in a way that is not known
        [DRIVER_UNKNOWN] = NULL, // no driver is known
    };
    return texts[word];
}

/* The clause with what the board gives; NULL: no snapshot says it. */
static const char *measured_clause(struct machine_planner *p, const struct open_ref *o)
{
    uint64_t value = refs_measured(p, o->k->host, o->rule, o->prop, &o->entry, o->index, o->entries).value;
    return value ? arena_printf(p->c->arena, "fixed %" PRIu64, value) : NULL;
}

static struct offer offer_rate(struct machine_planner *p, const struct open_ref *o)
{
    const struct dt_node *where;
    const char *measured = measured_clause(p, o);
    if (measured)
        return (struct offer){measured, arena_printf(p->c->arena, "Hz, as %s says", p->file->facts->file)};
    uint32_t rate = refs_rate_in_tree(p, o->k->host, o->rule, o->prop, &o->entry, &where);
    if (rate)
        return (struct offer){arena_printf(p->c->arena, "fixed %" PRIu32, rate),
                              arena_printf(p->c->arena, "Hz, as %s assigns", dt_path(p->c->arena, where))};
    if (schema_takes_any_rate(o->says.facts, o->name))
        return (struct offer){"fixed", "the driver takes any rate"};
    return (struct offer){"fixed RATE", NULL};
}

/* A driver that asks for a regulator which the tree does not have gets a dummy (drivers/regulator/core.c). */
static struct offer offer_voltage(struct machine_planner *p, const struct open_ref *o)
{
    const char *ends[2] = {NULL, NULL}, *measured = measured_clause(p, o);
    if (measured)
        return (struct offer){measured, arena_printf(p->c->arena, "microvolts, as %s says", p->file->facts->file)};
    const char *const *v = o->rule->provider->values;
    for (uint32_t i = 0; i < 2 && v && v[i]; i++) {
        const struct dt_prop *prop = dt_prop(p->host->tree, o->entry.target, v[i]);
        if (prop && prop->len == 4)
            ends[i] = arena_printf(p->c->arena, "%" PRIu32, dt_cell(prop, 0));
    }
    if (!ends[0] || !ends[1])
        return (struct offer){"drop", "the tree tells no voltage; a driver takes it for switched on"};
    return (struct offer){"fixed VALUE", arena_printf(p->c->arena, "from %s to %s", ends[0], ends[1])};
}

struct offer refs_likely_offer(struct machine_planner *p, const struct open_ref *o)
{
    if (o->rule->provider && o->rule->provider->range)
        return offer_voltage(p, o);
    if (o->rule->provider && o->says.word != DRIVER_OPTIONAL)
        return offer_rate(p, o);
    bool needed = o->says.word == DRIVER_NEEDS || o->says.word == DRIVER_PROBABLY;
    const char *clause = "drop";
    bool asks = o->says.word != DRIVER_OPTIONAL && o->says.word != DRIVER_SILENT;
    if (asks && can_be_shadowed(p, o->rule, o->entry.target) && !shadow_lines(p, o->rule, o->entry.target))
        return (struct offer){"shadow", "read only; `write OFFSET mask MASK` for bits that the driver sets"};
    if (needed && can_be_shadowed(p, o->rule, o->entry.target))
        return (struct offer){"shadow", NULL};
    if (needed || o->rule->layout == REF_GRAPH)
        clause = refs_is_assignable(p, o->k, o->entry.target) ? "assign" : "to &NODE";
    return (struct offer){clause, NULL};
}

/* ---- the block ---- */

struct block {
    struct diag *d;
    uint32_t lines, left_out;
    bool rate, voltage, node; // which words are to be replaced
};

static void put_line(struct block *b, struct machine_planner *p, const char *indent, const char *what,
                     const struct offer *offer, const char *remark)
{
    if (b->lines++ >= MOST_LINES) {
        b->left_out++;
        return;
    }
    b->rate = b->rate || strstr(offer->clause, "RATE");
    b->voltage = b->voltage || strstr(offer->clause, "VALUE");
    b->node = b->node || strstr(offer->clause, "&NODE");
    const char *statement = arena_printf(p->c->arena, "%sref %s %s;", indent, what, offer->clause);
    diag_paste(b->d, "%-40s // %s", statement, remark);
}

/* Writes what has to take the place of a reference that is dropped. */
static void put_instead(struct block *b, const char *indent, const struct open_ref *o, const struct offer *offer)
{
    const struct ref_instead *instead = &o->rule->instead;
    if (instead->write && !strcmp(offer->clause, "drop") && b->lines++ < MOST_LINES)
        diag_paste(b->d, "%sedit { %s }", indent, instead->write);
}

static const char *remark_of(struct machine_planner *p, const struct open_ref *o, const struct offer *offer)
{
    struct arena *a = p->c->arena;
    const char *s =
        arena_printf(a, "%s%s%s%s%s%s", o->rule->kind, o->name ? " \"" : "", o->name ? o->name : "",
                     o->name ? "\": " : ": ", dt_path(a, o->entry.target), refs_specifier_text(p, o->prop, &o->entry));
    const char *says = says_text(o->says.word);
    if (o->other)
        s = arena_printf(a, "%s; `ref %s` is for %s", s, o->prop->name, dt_path(a, o->other));
    if (offer->remark)
        s = arena_printf(a, "%s; %s", s, offer->remark);
    return says && !offer->remark ? arena_printf(a, "%s; %s", s, says) : s;
}

/* Whether one statement can settle all entries of the property: all are open, and are to be dropped or assigned. */
static bool is_one_statement(const struct open_ref *o, const struct offer *offers, uint32_t n)
{
    bool alike =
        !strcmp(offers[0].clause, "drop") || !strcmp(offers[0].clause, "assign") || !strcmp(offers[0].clause, "shadow");
    for (uint32_t i = 1; i < n; i++)
        alike = alike && !strcmp(offers[i].clause, offers[0].clause) && o[i].says.word == o[0].says.word;
    return n == o->entries && alike;
}

/* Writes the lines for the open entries of one property; returns how many entries these are. */
static uint32_t put_property(struct block *b, struct machine_planner *p, const struct open_ref *o, uint32_t n,
                             const char *indent)
{
    uint32_t count = 1;
    while (count < n && o[count].k == o->k && o[count].prop == o->prop)
        count++;
    struct offer *offers = arena_array(draft_arena(p->c), count, sizeof *offers);
    for (uint32_t i = 0; i < count; i++)
        offers[i] = refs_likely_offer(p, &o[i]);
    if (count > 1 && is_one_statement(o, offers, count)) {
        const char *remark = remark_of(p, o, &offers[0]);
        put_line(b, p, indent, o->prop->name, &offers[0],
                 arena_printf(p->c->arena, "%s, and %" PRIu32 " more", remark, count - 1));
        put_instead(b, indent, o, &offers[0]);
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *what =
            o[i].entries == 1 ? o->prop->name : arena_printf(p->c->arena, "%s[%" PRIu32 "]", o->prop->name, o[i].index);
        put_line(b, p, indent, what, &offers[i], remark_of(p, &o[i], &offers[i]));
    }
    put_instead(b, indent, o, &offers[0]);
    return count;
}

/* The path of a node below another, as a `child` statement has it. */
static const char *path_below(struct machine_planner *p, const struct dt_node *n, const struct dt_node *top)
{
    const char *path = n->name;
    for (n = n->parent; n && n != top; n = n->parent)
        path = arena_printf(p->c->arena, "%s/%s", n->name, path);
    return path;
}

static void put_block(struct block *b, struct machine_planner *p, const struct open_ref *o, uint32_t n)
{
    const struct dt_node *top = o->k->pass->parts.at[0].node;
    for (uint32_t i = 0; i < n;) {
        const struct copied *k = o[i].k;
        bool own = k->part && k->part->node == k->host; // the message is at its statement
        bool child = !own && k->host != top && !k->description && dt_is_below(top, k->host);
        child = child && b->lines < MOST_LINES;
        if (child)
            diag_paste(b->d, "child \"%s\" {", path_below(p, k->host, top));
        while (i < n && o[i].k == k)
            i += put_property(b, p, &o[i], n - i, child ? "    " : "");
        if (child)
            diag_paste(b->d, "}");
    }
}

/* Names the drivers that the block speaks of. */
static void put_drivers(struct diag *d, struct machine_planner *p, const struct open_ref *o, uint32_t n)
{
    enum { MOST = 4 };
    const struct copied *last = NULL;
    for (uint32_t i = 0, shown = 0; i < n && shown < MOST; i++) {
        if (o[i].k == last || !o[i].says.facts)
            continue;
        last = o[i].k;
        diag_fact(d, "the driver of %s is %s of Linux", dt_path(p->c->arena, last->host), o[i].says.facts->driver);
        shown++;
    }
}

static bool is_one_property(const struct open_ref *o, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (o[i].prop != o->prop || o[i].k != o->k)
            return false;
    return true;
}

static void report_group(struct machine_planner *p, const struct open_ref *o, uint32_t n)
{
    const char *path = dt_path(p->c->arena, o->k->host);
    struct block b = {0};
    if (n == 1)
        b.d = diag(p->c->diags, E0409, refs_place(o->k), "`%s` of %s refers to %s%s, which is not passed through",
                   o->entries == 1 ? o->prop->name
                                   : arena_printf(p->c->arena, "%s[%" PRIu32 "]", o->prop->name, o->index),
                   path, dt_path(p->c->arena, o->entry.target), refs_specifier_text(p, o->prop, &o->entry));
    else if (is_one_property(o, n))
        b.d = diag(p->c->diags, E0409, refs_place(o->k),
                   "`%s` of %s refers to nodes that are not passed through, %" PRIu32 " times", o->prop->name, path, n);
    else
        b.d = diag(p->c->diags, E0409, refs_place(o->k),
                   "%" PRIu32 " references of %s lead to nodes that are not passed through", n,
                   o->k->description ? path : dt_path(p->c->arena, o->k->pass->parts.at[0].node));
    if (is_one_property(o, n)) {
        diag_label(b.d, "needs the host's %s", o->rule->kind);
        if (o->rule->why)
            diag_fact(b.d, "there is no default: %s", o->rule->why);
    }
    put_drivers(b.d, p, o, n);
    diag_help(b.d, "settle %s:", n == 1 ? "it, for example" : "them, for example");
    put_block(&b, p, o, n);
    if (b.left_out)
        diag_fact(b.d, "and %" PRIu32 " more", b.left_out);
    if (b.rate)
        diag_help(b.d, "RATE is in Hz: read it on the board, in /sys/kernel/debug/clk/clk_summary");
    if (b.voltage)
        diag_help(b.d, "VALUE is in microvolts: read it on the board, in /sys/class/regulator/*/microvolts");
    if (b.node)
        diag_help(b.d, "NODE is a node of the guest that takes the place of the host's");
    diag_help(b.d, "`machc --explain=E0409` lists all choices%s",
              o->rule->undescribed && !o->entry.known ? "; `keep` if it is a number" : "");
}

/* Whether two entries belong into one message: what one statement brought, apart from descriptions. */
static bool is_one_message(const struct open_ref *a, const struct open_ref *b)
{
    return a->k == b->k || (a->k->pass == b->k->pass && !a->k->description && !b->k->description &&
                            !src_compare(refs_place(a->k), refs_place(b->k)));
}

void refs_report_open(struct machine_planner *p)
{
    const struct open_ref *o = p->settle_room->open.at;
    for (uint32_t i = 0, n = p->settle_room->open.n, end; i < n; i = end) {
        end = i + 1;
        while (end < n && is_one_message(&o[i], &o[end]))
            end++;
        report_group(p, &o[i], end - i);
    }
}
