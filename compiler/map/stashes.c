// SPDX-License-Identifier: MIT
// Writes the texts of stash targets: what a device asks for, and what that is on the host.
#include "map/map.h"

static const char *const levels[] = {[STASH_L1] = "L1", [STASH_L2] = "L2", [STASH_L3] = "L3", [STASH_TPH] = "TPH"};

const char *map_stash_wanted(struct map_page *p, const struct p_stash *s)
{
    if (s->kind == STASH_ID)
        return arena_printf(p->arena, "id %u", s->id);
    return s->vcpu == UINT32_MAX ? levels[s->kind] : arena_printf(p->arena, "%s of vcpu %u", levels[s->kind], s->vcpu);
}

const char *map_stash_node(const struct p_stash *s)
{
    if (s->node)
        return s->node->name;
    return s->kind == STASH_TPH ? "cpu" : "cache";
}

// `of_cpu`: the text names the host cpu.
static const char *target_text(struct map_page *p, const struct p_stash *s, bool of_cpu)
{
    const char *text = s->kind == STASH_ID ? "" : levels[s->kind];
    if (of_cpu && s->host_cpu != UINT32_MAX)
        text = arena_printf(p->arena, "%s of cpu %u", text, s->host_cpu);
    if (s->id != UINT32_MAX)
        return arena_printf(p->arena, *text ? "%s, id %u" : "%sid %u", text, s->id);
    return s->kind == STASH_TPH ? text : arena_printf(p->arena, "%s, id not in the tree", text);
}

const char *map_stash_target(struct map_page *p, const struct p_stash *s)
{
    return target_text(p, s, true);
}

// Several cpus can share a cache with one id: then the text names no cpu. A target that was written as an id tells less
// than the others, so the text is made from one of those.
static const char *box_target(struct map_page *p, const struct map_box *b)
{
    const struct p_stash *named = ((const struct p_dma *)b->what)->stash;
    bool one = true;
    for (const struct map_box *g = b->peer; g; g = g->next) {
        const struct p_stash *s = ((const struct p_dma *)g->what)->stash;
        if (named->kind == STASH_ID)
            named = s;
        one = one && (s->kind == STASH_ID || s->host_cpu == named->host_cpu);
    }
    return target_text(p, named, one);
}

void map_label_guest_stashes(struct map_page *p, struct map_side *s)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct p_stash *first = ((const struct p_dma *)s->box[r->first].what)->stash;
        const struct p_stash *last = ((const struct p_dma *)s->box[r->first + r->n - 1].what)->stash;
        const char *from = map_stash_wanted(p, first), *to = map_stash_wanted(p, last);
        r->text[0] = map_row_names(p, s, r);
        r->text[1] = strcmp(from, to) != 0 ? arena_printf(p->arena, "%s \xe2\x80\xa6 %s", from, to) : from;
        if (r->n > MAP_CELLS)
            r->text[2] = arena_printf(p->arena, "%u devices", r->n);
        else if (r->n == 1 && first->if_possible)
            r->text[2] = "if possible";
    }
}

void map_label_host_stashes(struct map_page *p)
{
    struct map_side *s = &p->wired[WIRES_STASH];
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        const struct map_box *b = &s->box[r->first], *last = &s->box[r->first + r->n - 1];
        r->text[0] = box_target(p, b);
        if (r->n > 1)
            r->text[0] = arena_printf(p->arena, "%s \xe2\x80\xa6 %s", r->text[0], box_target(p, last));
        r->text[1] = map_stash_node(((const struct p_dma *)b->what)->stash);
        r->text[2] = map_row_owners(p, s, r);
    }
}
