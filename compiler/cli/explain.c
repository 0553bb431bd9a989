// SPDX-License-Identifier: MIT
#include "cli/explain.h"
#include "cli/say.h"

#include "host/host.h"
#include "machc.h"
#include "schema/schema.h"
#include "tree/text.h"

#include <inttypes.h>

enum { LISTED = 10, CANDIDATES = 1000 };

typedef VEC(const struct dt_node *) nodes;

struct explainer {
    struct machc *c;
    const struct plan *p;
    const struct p_machine *m;
    struct text_out o;
};

static void print_line(struct explainer *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void print_line(struct explainer *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_str(&e->o, arena_vprintf(e->c->arena, fmt, ap));
    va_end(ap);
}

static const char *place_text(struct explainer *e, struct src at)
{
    const struct source *s = source_get(e->c->sources, at.loc.file);
    if (!s)
        return "";
    if (s->binary)
        return arena_printf(e->c->arena, ", %s", s->name);
    struct line_col lc = source_line(e->c->sources, at.loc.file, at.loc.start);
    const char *text = arena_printf(e->c->arena, ", %s:%u:%u", s->name, lc.line, lc.column);
    for (const struct via *v = at.via; v; v = v->next) {
        lc = source_line(e->c->sources, v->loc.file, v->loc.start);
        s = source_get(e->c->sources, v->loc.file);
        text = arena_printf(e->c->arena, "%s, in %s, used at %s:%u:%u", text, v->what, s ? s->name : "", lc.line,
                            lc.column);
    }
    return text;
}

/* ---- which node is meant ---- */

static bool is_tail(const char *path, const char *tail)
{
    size_t n = strlen(path), k = strlen(tail);
    return n > k && path[n - k - 1] == '/' && !strcmp(path + n - k, tail);
}

// A tail may leave out unit addresses: `serial` for serial@9000000, `i2c/eeprom`.
static bool is_loose_tail(const struct dt_node *n, const char *tail)
{
    size_t k = strlen(tail);
    while (n && n->parent) {
        size_t start = k;
        while (start && tail[start - 1] != '/')
            start--;
        size_t len = k - start, full = strlen(n->name), base = strcspn(n->name, "@");
        if ((len != full && len != base) || strncmp(tail + start, n->name, len) != 0)
            return false;
        if (!start)
            return true;
        k = start - 1;
        n = n->parent;
    }
    return false;
}

static const struct dt_node *named(const struct explainer *e, const char *name)
{
    const struct dt_node *n = map_getp(&e->m->tree->labels, intern(e->c->names, name), NULL);
    for (uint32_t i = 0; !n && i < e->m->devices.n; i++)
        if (!strcmp(e->m->devices.at[i]->name, name))
            n = e->m->devices.at[i]->node;
    return n && !n->deleted ? n : NULL;
}

static void find_nodes(const struct explainer *e, const char *what, nodes *found)
{
    const struct dt_tree *t = e->m->tree;
    const struct dt_node *one = named(e, what + (*what == '&'));
    if (!one && *what == '/')
        one = dt_at(t, what);
    if (one)
        vec_push(e->c->arena, found, one);
    if (one || *what == '&')
        return;
    const struct dt_node *host = *what == '/' && e->p->model->host ? dt_at(e->p->model->host->tree, what) : NULL;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        if (host ? n->source == host : *what != '/' && is_tail(dt_path(e->c->arena, n), what))
            vec_push(e->c->arena, found, n);
    bool loose = !found->n && *what != '/';
    for (const struct dt_node *n = t->root; n && loose; n = dt_next(n, t->root))
        if (is_loose_tail(n, what))
            vec_push(e->c->arena, found, n);
}

static void not_found(const struct explainer *e, const char *what, FILE *err)
{
    const char *names[CANDIDATES], *last = strrchr(what, '/');
    size_t n = 0;
    last = last ? last + 1 : what + (*what == '&');
    const struct dt_node *root = e->m->tree->root;
    for (const struct dt_node *i = root; i && n < CANDIDATES; i = dt_next(i, root)) {
        for (const struct dt_label *l = i->labels; l && n < CANDIDATES; l = l->next)
            names[n++] = l->name;
        if (n < CANDIDATES)
            names[n++] = strchr(last, '@') ? i->name : arena_strndup(e->c->arena, i->name, strcspn(i->name, "@"));
    }
    for (uint32_t i = 0; i < e->m->devices.n && n < CANDIDATES; i++)
        names[n++] = e->m->devices.at[i]->name;
    const char *near = nearest(last, names, n);
    say(err, "machc: machine `%s` has no node `%s`", e->m->name, what);
    if (near)
        say(err, "; did you mean `%s`?", near);
    fputs(" (--emit=dts shows all)\n", err);
}

static void ambiguous(const struct explainer *e, const char *what, const nodes *found, FILE *err)
{
    say(err, "machc: machine `%s` has %u nodes `%s`:\n", e->m->name, found->n, what);
    for (uint32_t i = 0; i < found->n && i < LISTED; i++)
        say(err, "    %s\n", dt_path(e->c->arena, found->at[i]));
    if (found->n > LISTED)
        fprintf(err, "    and %u more\n", found->n - LISTED);
}

/* ---- what there is to say of it ---- */

static const char *how_text(uint8_t how)
{
    static const char *const words[] = {
        [HOW_WRITTEN] = "as written",
        [HOW_SCHEMA] = "as its class says",
        [HOW_DEFAULT] = "as on the host",
        [HOW_CHOSEN] = "chosen: the first place that was free",
    };
    return how < sizeof words / sizeof *words ? words[how] : "";
}

static const struct p_device *device_of(const struct explainer *e, const struct dt_node *n)
{
    for (uint32_t i = 0; i < e->m->devices.n; i++)
        if (e->m->devices.at[i]->node == n)
            return e->m->devices.at[i];
    return NULL;
}

static void say_regions(struct explainer *e, const struct p_device *d)
{
    static const char *const modes[] = {[REGION_MAP] = "mapped", [REGION_TRAP] = "trapped", [REGION_DROP] = "dropped"};
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        print_line(e, "        region %u%s%s: ", r->index, r->name ? " " : "", r->name ? r->name : "");
        if (r->guest == UINT64_MAX)
            print_line(e, "not in the guest");
        else
            print_line(e, "0x%" PRIx64 ", %s", r->guest,
                       r->how == HOW_DEFAULT && r->host != r->guest ? "by default" : how_text(r->how));
        print_line(e, "; 0x%" PRIx64 " bytes", r->size);
        if (r->host != UINT64_MAX && d->kind != DEV_EMULATED)
            print_line(e, " at 0x%" PRIx64 " of the host", r->host);
        print_line(e, ", %s%s\n", d->kind == DEV_EMULATED ? "served by the VMM" : modes[r->mode], place_text(e, r->at));
    }
}

static void say_irqs(struct explainer *e, const struct p_device *d)
{
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        print_line(e, "        interrupt %u%s%s: ", q->index, q->name ? " " : "", q->name ? q->name : "");
        if (q->drop || !q->chip)
            print_line(e, "dropped");
        else
            print_line(e, "%s%s%s %u%s%s, %s", q->chip->name, q->kind && *q->kind->name ? " " : "",
                       q->kind ? q->kind->name : "", q->number, q->trigger ? " " : "",
                       q->trigger ? q->trigger->name : "", how_text(q->how));
        if (q->host)
            print_line(e, "; on the host %s", host_irq_text(e->c, q->host));
        print_line(e, "%s\n", place_text(e, q->at));
    }
}

// What the host has there, when it is something else.
static void say_host_value(struct explainer *e, const struct dt_node *n, const struct dt_prop *p,
                           const struct origin *o)
{
    const struct host *h = e->p->model->host;
    const struct dt_prop *is =
        h && n->source && (!o || o->kind != ORIGIN_HOST) ? dt_prop(h->tree, n->source, p->name) : NULL;
    if (!is)
        return;
    const char *here = dts_prop_text(e->c, e->m->tree, p), *there = dts_prop_text(e->c, h->tree, is);
    struct src at = is->origin ? is->origin->at : (struct src){0};
    if (strcmp(here, there) != 0)
        print_line(e, "        on the host: %.*s%s\n", (int)strlen(there) - 1, there, place_text(e, at));
}

static void say_prop(struct explainer *e, const struct dt_node *n, const struct dt_prop *p, const struct p_device *d)
{
    const struct origin *o = p->origin ? p->origin : n->origin;
    struct src at = dt_origin_place(n, o);
    print_line(e, "    %s\n", dts_prop_text(e->c, e->m->tree, p));
    if (!o) {
        print_line(e, "        computed\n");
    } else if (o->kind == ORIGIN_HOST) {
        const struct host *h = e->p->model->host;
        const struct dt_prop *is = h && n->source ? dt_prop(h->tree, n->source, p->name) : NULL;
        struct src there = is && is->origin ? is->origin->at : (struct src){0};
        print_line(e, "        host: %s of %s%s\n", p->name,
                   n->source ? dt_path(e->c->arena, n->source) : "the host's tree",
                   there.loc.file ? place_text(e, there) : arena_printf(e->c->arena, ", %s", h ? h->file : ""));
    } else if (o->kind == ORIGIN_SCHEMA) {
        print_line(e, "        schema: %s\n", o->why ? o->why : "");
    } else if (o->kind == ORIGIN_WRITTEN) {
        print_line(e, "        written%s%s%s\n", o->why ? ": " : "", o->why ? o->why : "", place_text(e, at));
    } else {
        print_line(e, "        computed%s%s%s\n", o->why ? ": " : "", o->why ? o->why : "", place_text(e, at));
    }
    say_host_value(e, n, p, o);
    if (d && (!strcmp(p->name, "reg") || !strcmp(p->name, "ranges")))
        say_regions(e, d);
    if (d && (!strncmp(p->name, "interrupts", 10) || !strcmp(p->name, "interrupt-map")))
        say_irqs(e, d);
}

// Who needs the node's phandle.
static void say_phandle(struct explainer *e, const struct dt_node *n)
{
    uint32_t users = 0;
    const struct dt_node *root = e->m->tree->root;
    for (const struct dt_node *i = root; i; i = dt_next(i, root))
        for (const struct dt_prop *p = i->props; p; p = p->next)
            for (const struct dt_ref *r = p->refs; r; r = r->next) {
                if (r->target != n || r->path)
                    continue;
                if (!users++)
                    print_line(e, "    phandle = <0x%02x>;\n        computed: given out in the order of the tree, for ",
                               n->phandle);
                else if (users <= LISTED)
                    print_line(e, ", ");
                if (users <= LISTED)
                    print_line(e, "%s of %s", p->name, dt_path(e->c->arena, i));
                while (r->next && r->next->target == n)
                    r = r->next; // the same property again
            }
    if (users > LISTED)
        print_line(e, " and %u more", users - LISTED);
    if (users)
        print_line(e, "\n");
}

static void say_node(struct explainer *e, const struct dt_node *n)
{
    const struct p_device *d = device_of(e, n);
    const struct origin *o = n->origin;
    print_line(e, "machine %s: %s", e->m->name, dt_path(e->c->arena, n));
    for (const struct dt_label *l = n->labels; l; l = l->next)
        print_line(e, "%s&%s%s", l == n->labels ? " (" : ", ", l->name, l->next ? "" : ")");
    if (n->source && e->p->model->host)
        print_line(e, "\n    a copy of %s, %s", dt_path(e->c->arena, n->source), e->p->model->host->file);
    if (d)
        print_line(e, "\n    %s `%s`%s%s", d->kind == DEV_EMULATED ? "emulated device" : "device of the host", d->name,
                   d->class ? ", class " : "", d->class ? d->class->name : "");
    const char *place = o ? place_text(e, o->at) : "";
    if (o && o->kind == ORIGIN_SCHEMA)
        print_line(e, "\n    from %s", o->why ? o->why : "a schema");
    else if (*place)
        print_line(e, "\n    asked for at %s%s%s%s", place + 2, o->why ? " (" : "", o->why ? o->why : "",
                   o->why ? ")" : "");
    print_line(e, "\n\n");
    for (const struct dt_prop *p = n->props; p; p = p->next)
        say_prop(e, n, p, d);
    if (n->phandle && !dt_prop(e->m->tree, n, e->m->tree->phandle))
        say_phandle(e, n);
    uint32_t below = 0;
    for (const struct dt_node *k = n->child; k; k = k->next)
        below++;
    if (below)
        print_line(e, "%s    nodes below it: ", n->props ? "\n" : "");
    uint32_t i = 0;
    for (const struct dt_node *k = n->child; k && i < 4 * LISTED; k = k->next)
        print_line(e, "%s%s", i++ ? ", " : "", k->name);
    if (below > i)
        print_line(e, " and %u more", below - i);
    print_line(e, "%s", below ? "\n" : "");
}

const char *explain_node(struct machc *c, const struct plan *p, const struct p_machine *only, const char *what,
                         FILE *err)
{
    struct explainer e = {.c = c, .p = p, .o = {.arena = c->arena}};
    uint32_t told = 0;
    for (uint32_t i = 0; i < p->machines.n; i++) {
        nodes found = {0};
        e.m = p->machines.at[i];
        if (only && e.m != only)
            continue;
        find_nodes(&e, what, &found);
        if (found.n > 1) {
            ambiguous(&e, what, &found, err);
            return NULL;
        }
        if (!found.n)
            continue;
        print_line(&e, "%s", told++ ? "\n" : "");
        say_node(&e, found.at[0]);
    }
    for (uint32_t i = 0; i < p->machines.n && !told; i++) {
        e.m = p->machines.at[i];
        if (!only || e.m == only)
            not_found(&e, what, err);
    }
    if (!told)
        return NULL;
    out_bytes(&e.o, "", 1);
    return e.o.v.at;
}
