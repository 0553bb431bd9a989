// SPDX-License-Identifier: MIT
// Filters what goes along with the entries of a reference property: their names, rates, parents.
#include "refs/refs.h"

static const struct dt_prop *find_companion(const struct settle *s, const char *name)
{
    const struct dt_prop *prop = dt_prop(s->p->m->tree, s->k->guest, intern(s->p->c->names, name));
    return prop && prop->origin->kind != ORIGIN_WRITTEN ? prop : NULL;
}

static void set_or_delete(struct machine_planner *p, const struct copied *k, const struct dt_prop *old,
                          const void *data, uint32_t len)
{
    if (len)
        dt_set(p->m->tree, k->guest, old->name, data, len, old->origin);
    else
        dt_del(p->m->tree, k->guest, old->name);
}

/* Keeps those strings of a list for whose group of entries all of `keep` is set; with `keep` NULL, none. */
static void filter_strings(struct machine_planner *p, const struct copied *k, const struct dt_prop *names,
                           const bool *keep, uint32_t nkeep, uint32_t group)
{
    char *data = arena_alloc(p->c->arena, names->len + 1);
    uint32_t len = 0;
    for (uint32_t i = 0, from = 0; from < names->len; i++) {
        size_t room = names->len - from, size = strnlen((const char *)names->data + from, room);
        size = size < room ? size + 1 : size;
        bool stays = keep != NULL;
        for (uint32_t g = 0; keep && g < group && (uint64_t)i * group + g < nkeep; g++)
            stays = stays && keep[i * group + g];
        if (stays) {
            memcpy(data + len, names->data + from, size);
            len += (uint32_t)size;
        }
        from += (uint32_t)size;
    }
    set_or_delete(p, k, names, data, len);
}

/* Keeps the cells for the entries that are kept. The property has `width` cells for each entry. */
static void filter_cells(struct settle *s, const struct dt_prop *along, uint32_t width)
{
    uint8_t *data = arena_alloc(s->p->c->arena, along->len + 1);
    uint32_t len = 0;
    for (uint32_t i = 0, from = 0; from < along->len; i++) {
        uint32_t size = along->len - from < width * 4 ? along->len - from : width * 4;
        if (s->kept && (i >= s->entries.n || s->kept[i])) {
            memcpy(data + len, along->data + from, size);
            len += size;
        }
        from += size;
    }
    set_or_delete(s->p, s->k, along, data, len);
}

void refs_filter_companions(struct settle *s)
{
    struct machine_planner *p = s->p;
    struct settle_room *room = p->settle_room;
    const struct ref_rule *r = s->rule;
    const struct dt_prop *names = r->names ? find_companion(s, r->names) : NULL;
    if (names && r->match == REF_MATCH_NUMBERED) {
        if (!dt_prop(p->m->tree, s->k->guest, s->prop->name))
            room->numbered = (struct ref_property){schema_ref_pattern(p->schemas, s->prop->name), r};
    } else if (names)
        filter_strings(p, s->k, names, s->kept, s->entries.n, r->group ? r->group : 1);
    for (const char *const *taken = s->kept ? NULL : r->takes; taken && *taken; taken++)
        if (find_companion(s, *taken))
            dt_del(p->m->tree, s->k->guest, intern(p->c->names, *taken));
    for (uint32_t i = 0; i < r->nalong; i++) {
        const struct dt_prop *along = find_companion(s, r->along[i].property);
        if (along)
            filter_cells(s, along, r->along[i].cells);
    }
    if (!r->nalong)
        return;
    bool *kept = s->kept ? arena_array(draft_arena(p->c), s->entries.n + 1, sizeof *kept) : NULL;
    if (kept)
        memcpy(kept, s->kept, s->entries.n * sizeof *kept);
    vec_push(draft_arena(p->c), &room->shortened, ((struct shortened){s->prop->name, kept, s->entries.n}));
}

/* ---- pinctrl-0, pinctrl-1 ... ---- */

enum { MAX_NUMBER = 256 };

/* Returns the number at the end of a property's name; MAX_NUMBER if the rule is not for it or it is too large. */
static uint32_t property_number(const struct ref_property *rule, const char *property)
{
    size_t len = strlen(rule->property);
    if (strncmp(property, rule->property, len) != 0 || !property[len])
        return MAX_NUMBER;
    uint32_t n = 0;
    for (const char *s = property + len; *s; s++) {
        if (*s < '0' || *s > '9' || n >= MAX_NUMBER)
            return MAX_NUMBER;
        n = n * 10 + (uint32_t)(*s - '0');
    }
    return n < MAX_NUMBER ? n : MAX_NUMBER;
}

void refs_renumber(struct machine_planner *p, const struct copied *k, const struct ref_property *rule)
{
    struct dt_tree *t = p->m->tree;
    struct dt_prop *left[MAX_NUMBER] = {0};
    bool stays[MAX_NUMBER] = {0};
    for (struct dt_prop *prop = k->guest->props; prop; prop = prop->next) {
        uint32_t n = property_number(rule, prop->name);
        if (n == MAX_NUMBER)
            continue;
        if (prop->origin && prop->origin->kind == ORIGIN_WRITTEN)
            return; // an edit that writes one of them chooses the numbers
        left[n] = prop;
        stays[n] = true;
    }
    uint32_t next = 0;
    for (uint32_t n = 0; n < MAX_NUMBER; n++) {
        if (!left[n])
            continue;
        if (n != next) {
            const char *name = intern(p->c->names, arena_printf(p->c->arena, "%s%u", rule->property, next));
            struct dt_prop *moved = dt_set(t, k->guest, name, left[n]->data, left[n]->len, left[n]->origin);
            moved->refs = left[n]->refs;
            dt_del(t, k->guest, left[n]->name);
        }
        next++;
    }
    const char *list = rule->rule->names;
    const struct dt_prop *names = list ? dt_prop(t, k->guest, intern(p->c->names, list)) : NULL;
    if (names && names->origin->kind != ORIGIN_WRITTEN)
        filter_strings(p, k, names, stays, MAX_NUMBER, 1);
}
