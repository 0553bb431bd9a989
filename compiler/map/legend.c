// SPDX-License-Identifier: MIT
// Draws the legend: what the colours and forms of the map mean, for those that occur.
#include "map/map.h"

enum { LETTERS = 24, OWNERS = 7 };

// Draws the text of a sample, on the next line if this one is full. Returns where the sample begins.
static int draw_sample_text(struct map_page *p, int *x, const char *s)
{
    int w = 24 + map_pixels(map_letters(s, LETTERS)) + 20, at = *x;
    if (at > MAP_MARGIN && at + w > p->width - MAP_MARGIN) {
        at = MAP_MARGIN;
        p->y += 18;
    }
    *x = at + w;
    map_text(p, at + 24, p->y, "n", s, LETTERS);
    return at;
}

static void draw_sample(struct map_page *p, int *x, const char *class, const char *s)
{
    int at = draw_sample_text(p, x, s); // moves y
    text_print(&p->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"16\" height=\"11\"/>\n", class, at, p->y - 5);
}

static void draw_pattern(struct map_page *p, int *x, const char *class, const char *pattern, const char *s)
{
    int at = draw_sample_text(p, x, s);
    if (class)
        text_print(&p->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"16\" height=\"11\"/>\n", class, at, p->y - 5);
    text_print(&p->out, "<rect x=\"%d\" y=\"%d\" width=\"16\" height=\"11\" fill=\"url(#%s)\"/>\n", at, p->y - 5,
               pattern);
}

void map_legend(struct map_page *p)
{
    bool seen[LOOK_LINE + 1] = {false}, lanes = false, readonly = false, kept = false, more = false;
    int x = MAP_MARGIN;
    uint32_t c = p->n ? map_colour(p->machine[0].index) : 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct map_machine *m = &p->machine[i];
        for (uint32_t k = 0; k < m->regions.n; k++)
            seen[m->regions.box[k].look] = true;
        for (uint32_t k = 0; k < m->nlanes; k++) {
            more = more || is_open_dma(m->lane[k].dma->mode);
            for (uint32_t w = 0; w < m->lane[k].dma->nmaps; w++) {
                lanes = true;
                more = more || m->lane[k].dma->maps[w].granted > m->lane[k].dma->maps[w].size;
                readonly = readonly || m->lane[k].dma->maps[w].readonly;
            }
        }
    }
    for (uint32_t k = 0; k < p->regions.n; k++)
        seen[p->regions.box[k].look] = true;
    for (uint32_t k = 0; k < p->regions.nrows; k++)
        kept = kept || p->regions.row[k].host;
    for (uint32_t i = 0; i < p->n && i < OWNERS; i++)
        draw_sample(p, &x, arena_printf(p->arena, "o%u", map_colour(p->machine[i].index)), p->machine[i].m->name);
    if (kept)
        draw_sample(p, &x, "kept", "the host's");
    if (seen[LOOK_MEMORY])
        draw_sample(p, &x, arena_printf(p->arena, "mem o%u", c), "memory");
    if (seen[LOOK_MAP])
        draw_sample(p, &x, arena_printf(p->arena, "o%u", c), "registers, mapped");
    if (seen[LOOK_TRAP])
        draw_pattern(p, &x, arena_printf(p->arena, "o%u", c), "trap", "trapped");
    if (seen[LOOK_EMULATED])
        draw_sample(p, &x, arena_printf(p->arena, "open l%u", c), "emulated");
    if (seen[LOOK_DROP])
        draw_sample(p, &x, arena_printf(p->arena, "gone l%u", c), "not given");
    if (lanes)
        draw_sample(p, &x, "ink", "DMA: read, write");
    if (readonly)
        draw_sample(p, &x, "inkline", "DMA: read");
    if (more)
        draw_pattern(p, &x, NULL, "grant", "DMA: more than is meant");
    p->y += 18;
    map_text(p, MAP_MARGIN, p->y, "g",
             p->dense ? "Heights go with the logarithm of the size. A strip is one of several in its row: point at it."
                      : "Heights go with the logarithm of the size.",
             0);
    p->y += 4;
}
