// SPDX-License-Identifier: MIT
// Labels the gaps between the host's boxes with what the host keeps there.
#include "base/intern.h"
#include "base/sorted.h"
#include "map/map.h"

#include <stdlib.h>

enum { NAME = 22 }; // letters of a name

// A region of the host that belongs to no machine of the plan; `end` is its last address.
struct kept {
    uint64_t start, end;
    const struct dt_node *node;
};

struct kept_list {
    struct kept *at;
    uint32_t n;
};

static int by_start(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->node->id > y->node->id) - (x->node->id < y->node->id);
}

static bool is_memory(const struct dt_tree *t, const struct dt_node *n)
{
    const struct dt_prop *type = dt_prop(t, n, intern(t->names, "device_type"));
    return type && type->len == sizeof "memory" && !memcmp(type->data, "memory", sizeof "memory");
}

// Collects regions that the host keeps. A device has a `compatible`.
static void collect_kept(struct map_page *p, const struct host *h, struct kept_list *devices, struct kept_list *memory)
{
    const char *compatible = intern(h->tree->names, "compatible");
    struct map taken = {0};
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        for (uint32_t k = 0; k < p->plan->machines.at[i]->devices.n; k++)
            if (p->plan->machines.at[i]->devices.at[k]->host)
                map_put(p->arena, &taken, (uintptr_t)p->plan->machines.at[i]->devices.at[k]->host, 0, 1);
    devices->at = arena_array(p->arena, h->nregions, sizeof *devices->at);
    memory->at = arena_array(p->arena, h->nregions, sizeof *memory->at);
    for (uint32_t i = 0; i < h->nregions; i++) {
        const struct host_region *r = &h->regions[i];
        uint64_t one;
        if (!r->translated || !r->size || map_get(&taken, (uintptr_t)r->node, 0, &one) || host_disabled(h, r->node))
            continue;
        struct kept k = {r->address, r->address + r->size - 1, r->node};
        if (is_memory(h->tree, r->node))
            memory->at[memory->n++] = k;
        else if (dt_prop(h->tree, r->node, compatible))
            devices->at[devices->n++] = k;
    }
    if (devices->n)
        qsort(devices->at, devices->n, sizeof *devices->at, by_start);
    if (memory->n)
        qsort(memory->at, memory->n, sizeof *memory->at, by_start);
}

// Returns the number of regions that begin below `address`.
static uint32_t count_below(const struct kept_list *l, uint64_t address)
{
    return address ? sorted_up_to(l->at, l->n, sizeof *l->at, address - 1) : 0;
}

static const char *gap_text(struct map_page *p, const struct kept_list *devices, const struct kept_list *memory,
                            uint64_t start, uint64_t end)
{
    uint32_t first = count_below(devices, start), n = count_below(devices, end) - first, m = count_below(memory, end);
    bool ram = m && memory->at[m - 1].end >= start;
    const char *what = ram ? "memory" : NULL;
    if (n == 1)
        what =
            arena_printf(p->arena, "%s%s%.*s", ram ? what : "", ram ? ", " : "", NAME, devices->at[first].node->name);
    else if (n)
        what = arena_printf(p->arena, "%s%s%u devices", ram ? what : "", ram ? ", " : "", n);
    return what ? arena_printf(p->arena, "host: %s", what) : NULL;
}

void map_label_gaps(struct map_page *p)
{
    struct map_side *s = &p->regions;
    const struct host *h = p->plan->model->host;
    struct kept_list devices = {0}, memory = {0};
    uint64_t end = 0;
    if (h && s->nrows)
        collect_kept(p, h, &devices, &memory);
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        uint64_t start = s->box[r->first].start;
        if (r->broken) {
            r->gap = gap_text(p, &devices, &memory, end, start);
            r->host = r->gap != NULL;
            if (!r->gap)
                r->gap = arena_printf(p->arena, h ? "%s empty" : "%s", map_size(p, start - end));
            r->gap_h = MAP_LINE;
        }
        for (uint32_t k = 0; k < r->n; k++) {
            const struct map_box *b = &s->box[r->first + k];
            uint64_t e = b->size > UINT64_MAX - b->start ? UINT64_MAX : b->start + b->size;
            end = e > end ? e : end;
        }
    }
}
