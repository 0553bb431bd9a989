// SPDX-License-Identifier: MIT
// Shows what devices reach by DMA: domains with the same reach share a lane and the lines of a table.
#include "base/vec.h"
#include "emit/plan_text.h"
#include "machc.h"
#include "map/map.h"

enum {
    HOW = 84,  // letters of the text about the IOMMU
    MAPS = 12, // maps of a lane that the table lists
    NAMES = 60 // letters of the names of devices without DMA
};

static uint64_t hash_word(uint64_t h, uint64_t v)
{
    return (h ^ v) * 0x100000001b3U; // FNV-1a, with words in place of bytes
}

static uint64_t hash_domain(const struct p_dma *d)
{
    uint64_t h = hash_word(hash_word(0xcbf29ce484222325U, d->mode), d->nmaps);
    h = hash_word(hash_word(h, d->window), d->size);
    for (uint32_t i = 0; i < d->nmaps; i++) {
        const struct p_dma_map *x = &d->maps[i];
        h = hash_word(hash_word(h, x->iova), x->size);
        h = hash_word(hash_word(h, x->offset), (uint64_t)x->what << 40 | (uint64_t)x->readonly << 32 | x->bank);
    }
    return h;
}

static bool is_same_map(const struct p_dma_map *a, const struct p_dma_map *b)
{
    return a->what == b->what && a->memory == b->memory && a->region == b->region && a->bank == b->bank &&
           a->offset == b->offset && a->size == b->size && a->granted == b->granted && a->iova == b->iova &&
           a->readonly == b->readonly;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool has_same_reach(const struct p_dma *a, const struct p_dma *b)
{
    if (a->mode != b->mode || a->nmaps != b->nmaps || a->window != b->window || a->size != b->size ||
        a->subwindows != b->subwindows || !is_same_text(a->guest_iommu, b->guest_iommu))
        return false;
    for (uint32_t i = 0; i < a->nmaps; i++)
        if (!is_same_map(&a->maps[i], &b->maps[i]))
            return false;
    return true;
}

static void add_to_lane(struct map_page *p, struct map_lane *l, const struct p_dma *d)
{
    if (l->n == l->room)
        l->all = vec_grow(p->arena, l->all, l->n, &l->room, sizeof *l->all);
    l->all[l->n++] = d;
}

static void add_domain(struct map_page *p, struct map_machine *m, struct map *lanes, const struct p_dma *d)
{
    uint64_t hash = hash_domain(d), at;
    if (map_get(lanes, hash, 0, &at) && has_same_reach(m->lane[at].dma, d)) {
        add_to_lane(p, &m->lane[at], d);
        return;
    }
    if (m->nlanes == MAP_LANES) {
        m->lane[m->nlanes - 1].mixed = true;
        add_to_lane(p, &m->lane[m->nlanes - 1], d);
        return;
    }
    map_put(p->arena, lanes, hash, 0, m->nlanes);
    m->lane[m->nlanes] = (struct map_lane){.dma = d};
    add_to_lane(p, &m->lane[m->nlanes++], d);
}

static const char *append_name(struct map_page *p, const char *list, const char *name)
{
    return list ? arena_printf(p->arena, "%s, %s", list, name) : name;
}

void map_make_lanes(struct map_page *p, struct map_machine *m)
{
    struct map lanes = {0};
    uint32_t none = 0, more = 0;
    m->lane = arena_array(p->arena, MAP_LANES, sizeof *m->lane);
    for (uint32_t i = 0; i < m->m->devices.n; i++) {
        const struct p_device *d = m->m->devices.at[i];
        bool reaches = false;
        for (uint32_t k = 0; k < d->dmas.n; k++) {
            if (d->dmas.at[k]->mode == DMA_NONE)
                continue;
            add_domain(p, m, &lanes, d->dmas.at[k]);
            reaches = true;
        }
        if (reaches || d->kind == DEV_EMULATED || d->parent)
            continue;
        if (!none || map_letters(m->no_dma, NAMES) < NAMES)
            m->no_dma = append_name(p, m->no_dma, d->name);
        else
            more++;
        none++;
    }
    if (more)
        m->no_dma = arena_printf(p->arena, "%s +%u", m->no_dma, more);
}

const char *map_domain_name(struct map_page *p, const struct p_dma *d)
{
    return d->name && *d->name ? arena_printf(p->arena, "%s %s", d->device->name, d->name) : d->device->name;
}

const char *map_lane_name(struct map_page *p, const struct map_lane *l, uint32_t width)
{
    const char *s = map_domain_name(p, l->all[0]);
    uint32_t i = 1;
    for (; i < l->n; i++) {
        const char *more = append_name(p, s, map_domain_name(p, l->all[i]));
        if (map_letters(more, width) + 5 > width)
            break;
        s = more;
    }
    return i < l->n ? arena_printf(p->arena, "%s +%u", s, l->n - i) : s;
}

/* ---- the table ---- */

static const char *mode_text(struct map_page *p, const struct p_dma *d)
{
    const char *s = is_open_dma(d->mode) ? "no IOMMU: all of the host's memory" : "";
    if (d->mode == DMA_GUEST_IOMMU)
        s = arena_printf(p->arena, "what the guest maps through %s", d->guest_iommu ? d->guest_iommu : "its IOMMU");
    return s;
}

// Tells how the IOMMU implements a lane, if it has one domain.
static const char *how_text(struct map_page *p, const struct map_lane *l)
{
    return l->n == 1 && !is_open_dma(l->dma->mode) ? dma_domain_text(p->c, l->dma) : NULL;
}

static const char *target_text(struct map_page *p, const struct p_dma_map *x)
{
    if (x->what == MAP_MEMORY)
        return x->offset ? arena_printf(p->arena, "%s+0x%llx", x->memory->m->name, (unsigned long long)x->offset)
                         : x->memory->m->name;
    if (x->what == MAP_REGION)
        return arena_printf(p->arena, x->region->name ? "%s %s" : "%s region", x->region->device->name,
                            x->region->name);
    return arena_printf(p->arena, "MSI bank %u", x->bank);
}

const char *map_lane_title(struct map_page *p, const struct map_lane *l)
{
    const char *s = map_lane_name(p, l, 400);
    if (*mode_text(p, l->dma))
        s = arena_printf(p->arena, "%s\n%s", s, mode_text(p, l->dma));
    for (uint32_t i = 0; i < l->dma->nmaps && i < MAPS && !l->mixed; i++) {
        const struct p_dma_map *x = &l->dma->maps[i];
        s = arena_printf(p->arena, "%s\n%s: %s, %s", s, map_range(p, x->iova, x->size), target_text(p, x),
                         x->readonly ? "reads" : "reads and writes");
        if (x->granted > x->size)
            s = arena_printf(p->arena, "%s, and %s behind it", s, map_size(p, x->granted - x->size));
    }
    const char *how = how_text(p, l);
    return how ? arena_printf(p->arena, "%s\n%s", s, how) : s;
}

static uint64_t target_address(const struct p_dma_map *x)
{
    uint64_t base = UINT64_MAX;
    if (x->what == MAP_MEMORY)
        base = x->memory->address;
    else if (x->what == MAP_REGION)
        base = x->region->guest;
    return base == UINT64_MAX ? UINT64_MAX : base + x->offset;
}

static const char *rights_text(struct map_page *p, const struct p_dma_map *x)
{
    uint64_t to = target_address(x);
    const char *rights = x->readonly ? "read" : "read, write";
    return to == UINT64_MAX || to == x->iova
               ? rights
               : arena_printf(p->arena, "%s, guest 0x%08llx", rights, (unsigned long long)to);
}

static const char *excess_text(struct map_page *p, const struct p_dma_map *x)
{
    return x->granted > x->size ? arena_printf(p->arena, "and %s more", map_size(p, x->granted - x->size)) : NULL;
}

static uint32_t max_letters(uint32_t a, const char *s, uint32_t max)
{
    uint32_t n = s ? map_letters(s, max) : 0;
    return n > a ? n : a;
}

int map_place_dma_table(struct map_page *p)
{
    uint32_t width[] = {sizeof "no DMA" - 1, 0, 0, 0, 0, 0}, mode = 0; // mode: the text in place of maps
    for (uint32_t i = 0; i < p->n; i++) {
        const struct map_machine *m = &p->machine[i];
        width[1] = max_letters(width[1], m->no_dma, 30);
        for (uint32_t k = 0; k < m->nlanes; k++) {
            const struct map_lane *l = &m->lane[k];
            width[0] = max_letters(width[0], map_lane_name(p, l, MAP_NAME), MAP_NAME);
            mode = l->dma->nmaps ? mode : max_letters(mode, mode_text(p, l->dma), 60);
            width[5] = max_letters(width[5], how_text(p, l), HOW);
            for (uint32_t n = 0; n < l->dma->nmaps && n < MAPS && !l->mixed; n++) {
                const struct p_dma_map *x = &l->dma->maps[n];
                width[1] = max_letters(width[1], map_range(p, x->iova, x->size), MAP_NAMES);
                width[2] = max_letters(width[2], target_text(p, x), MAP_NAME);
                width[3] = max_letters(width[3], rights_text(p, x), MAP_NAMES);
                width[4] = max_letters(width[4], excess_text(p, x), MAP_NAMES);
            }
        }
    }
    int x = MAP_MARGIN;
    for (uint32_t f = 0; f < 6; f++) {
        if (f == 5 && x < p->table[1] + map_pixels(mode) + 20)
            x = p->table[1] + map_pixels(mode) + 20;
        p->table[f] = x;
        x += map_pixels(width[f]) + (width[f] ? 20 : 0);
    }
    return x;
}

static void draw_map(struct map_page *p, const struct p_dma_map *x)
{
    map_text(p, p->table[1], p->y, "n", map_range(p, x->iova, x->size), MAP_NAMES);
    map_text(p, p->table[2], p->y, "n", target_text(p, x), MAP_NAME);
    map_text(p, p->table[3], p->y, "g", rights_text(p, x), MAP_NAMES);
    map_text(p, p->table[4], p->y, "w", excess_text(p, x), MAP_NAMES);
}

// Draws the maps of a lane, one below the other. Returns the number of lines.
static int draw_maps(struct map_page *p, const struct map_lane *l)
{
    const struct p_dma *d = l->dma;
    if (l->mixed)
        map_text(p, p->table[1], p->y, "g", "different windows: --emit=plan lists them", 0);
    else if (!d->nmaps)
        map_text(p, p->table[1], p->y, is_open_dma(d->mode) ? "w" : "g", mode_text(p, d), 60);
    if (l->mixed || !d->nmaps)
        return 1;
    int y = p->y, lines = 0;
    for (uint32_t k = 0; k < d->nmaps && k < MAPS; k++, p->y += MAP_LINE, lines++)
        draw_map(p, &d->maps[k]);
    if (d->nmaps > MAPS) {
        map_text(p, p->table[1], p->y, "g", arena_printf(p->arena, "and %u more", d->nmaps - MAPS), 0);
        lines++;
    }
    p->y = y;
    return lines;
}

void map_draw_dma_table(struct map_page *p, const struct map_machine *m)
{
    for (uint32_t i = 0; i < m->nlanes; i++) {
        const struct map_lane *l = &m->lane[i];
        map_text(p, p->table[0], p->y, "b", map_lane_name(p, l, MAP_NAME), MAP_NAME);
        map_text(p, p->table[5], p->y, "g", how_text(p, l), HOW);
        p->y += draw_maps(p, l) * MAP_LINE + 3;
    }
    if (m->no_dma) {
        map_text(p, p->table[0], p->y, "b", "no DMA", 0);
        map_text(p, p->table[1], p->y, "n", m->no_dma, 100);
        p->y += MAP_LINE + 3;
    }
}
