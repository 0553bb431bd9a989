// SPDX-License-Identifier: MIT
// Lays out the page of the map, and draws it figure by figure.
#include "map/map.h"
#include "base/path.h"
#include "emit/emit.h"
#include "machc.h"

enum {
    BAND = 160,  // width of the connections between both sides
    HEAD = 44,   // least height above the rows of a machine
    LEAST = 800, // least width of the page
    ABOVE = 28,  // the names of the first machine's lanes may reach up beside the caption by this height
    SIN = 82,    // sine and cosine of 55 degrees, the angle of these names, in hundredths
    COS = 57
};

static uint32_t max_letters(uint32_t a, const char *s, uint32_t max)
{
    uint32_t n = s ? map_letters(s, max) : 0;
    return n > a ? n : a;
}

/* ---- the places of columns ---- */

const uint32_t map_limit[MAP_FIELDS] = {MAP_NAMES, MAP_NAME, MAP_NAMES, MAP_NAME};

// Widens `width`, the letters of each column, to the texts of a side.
static void widen_to_texts(const struct map_side *s, uint32_t *width)
{
    for (uint32_t i = 0; i < s->nrows; i++)
        for (uint32_t f = 0; f < MAP_FIELDS; f++)
            width[f] = max_letters(width[f], s->row[i].text[f], map_limit[f]);
}

// Places the columns of the host's texts, which end there. Returns where the boxes begin.
static int place_host_texts(const struct map_side *sides, uint32_t n, int *at)
{
    uint32_t width[MAP_FIELDS] = {0};
    for (uint32_t i = 0; i < n; i++)
        widen_to_texts(&sides[i], width);
    int x = MAP_MARGIN;
    for (int f = 2; f >= 0; f--) {
        x += map_pixels(width[f]);
        at[f] = x;
        x += width[f] ? 10 : 0;
    }
    return x;
}

static void place_host_side(struct map_page *p)
{
    int addresses = place_host_texts(&p->regions, 1, p->host_label),
        wires = place_host_texts(p->wired, WIRES, p->host_wire);
    p->left_bar = addresses > wires ? addresses : wires;
    p->right_bar = p->left_bar + (p->left_bar > MAP_MARGIN ? MAP_BAR : 0) + BAND;
    for (int f = 0; f < 3; f++) {
        p->host_label[f] += p->left_bar - addresses;
        p->host_wire[f] += p->left_bar - wires;
    }
}

// Places the columns of the guests' texts, right of their boxes. Returns where the last one ends.
static int place_guest_texts(struct map_page *p)
{
    uint32_t width[MAP_FIELDS] = {0}, names = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct map_side *s = &p->machine[i].regions;
        widen_to_texts(s, width);
        for (uint32_t k = 0; k < s->nrows; k++) {
            uint32_t n = max_letters(0, s->row[k].text[2], map_limit[2]),
                     remark = max_letters(0, s->row[k].text[3], map_limit[3]);
            n += remark ? remark + 2 : 0;
            names = n > names ? n : names;
        }
    }
    p->label[0] = p->right_bar + MAP_BAR + 10;
    p->label[1] = p->label[0] + map_pixels(width[0]) + 14 + map_pixels(width[1]); // sizes end at their place
    p->label[2] = p->label[1] + 14;
    return p->label[2] + map_pixels(names);
}

static int place_wire_texts(struct map_page *p)
{
    uint32_t width[MAP_FIELDS] = {0};
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t k = 0; k < WIRES; k++)
            widen_to_texts(&p->machine[i].wired[k], width);
    p->wire_label[0] = p->right_bar + MAP_BAR + 10;
    p->wire_label[1] = p->wire_label[0] + map_pixels(width[0]) + 26;
    p->wire_label[2] = p->wire_label[1] + map_pixels(width[1]) + 14;
    return p->wire_label[2] + map_pixels(width[2]);
}

static void place_columns(struct map_page *p)
{
    place_host_side(p);
    int addresses = place_guest_texts(p), wires = place_wire_texts(p);
    p->lanes = addresses + 16;
    uint32_t lanes = 0;
    int slant = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *m = &p->machine[i];
        lanes = m->nlanes > lanes ? m->nlanes : lanes;
        uint32_t letters = 0;
        for (uint32_t k = 0; k < m->nlanes; k++)
            letters = max_letters(letters, map_lane_name(p, &m->lane[k], MAP_LANE_NAME), MAP_LANE_NAME);
        m->head = map_pixels(letters) * SIN / 100 + (i ? 14 : 14 - ABOVE);
        m->head = m->head > HEAD ? m->head : HEAD;
        int across = map_pixels(letters) * COS / 100;
        slant = across > slant ? across : slant;
    }
    int right = p->lanes + (int)lanes * MAP_LANE + slant;
    int table = map_place_dma_table(p);
    right = wires > right ? wires : right;
    right = table > right ? table : right;
    p->width = (right > LEAST ? right : LEAST) + MAP_MARGIN;
}

/* ---- the page ---- */

static const char *board_text(struct map_page *p)
{
    const struct host *h = p->plan->model->host;
    if (!h)
        return "no host tree";
    const struct dt_prop *model = dt_prop(h->tree, h->tree->root, intern(h->tree->names, "model"));
    const char *name = model ? dt_string(model, 0) : NULL;
    return name ? arena_printf(p->arena, "%s \xc2\xb7 %s", name, base_name(h->file)) : base_name(h->file);
}

static void draw_caption(struct map_page *p, const char *title, const char *text)
{
    p->y += 14;
    text_print(&p->out, "<path class=\"rule\" d=\"M%d %dH%d\"/>\n", MAP_MARGIN, p->y, p->width - MAP_MARGIN);
    p->y += 18;
    map_text(p, MAP_MARGIN, p->y, "b", title, 0);
    map_text(p, MAP_MARGIN + map_pixels(map_letters(title, 40)) + 14, p->y, "g", text, 0);
    p->y += 20;
}

static void draw_addresses(struct map_page *p)
{
    draw_caption(p, "Addresses",
                 "which page of the host backs which address of the guest; on the right, who may write there by DMA");
    int top = p->y, y = top;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *m = &p->machine[i];
        m->y = y;
        m->bottom = map_stack_rows(&m->regions, y + m->head);
        y = m->bottom + 26;
    }
    int head = p->n ? p->machine[0].head : HEAD, left = map_align_rows(p, &p->regions, top + head);
    if (p->regions.nrows)
        map_text(p, p->left_bar + MAP_BAR, top + head - 32, "h e", "host", 0);
    map_draw_addresses(p);
    p->y = left > y ? left : y;
}

static void draw_wired(struct map_page *p, enum map_wires which, const char *title, const char *text)
{
    uint32_t n = p->wired[which].n;
    for (uint32_t i = 0; i < p->n; i++)
        n += p->machine[i].wired[which].n;
    if (!n)
        return;
    draw_caption(p, title, text);
    int top = p->y, y = top;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *m = &p->machine[i];
        if (!m->wired[which].n)
            continue;
        if (p->n > 1)
            map_text(p, p->label[0], y + 4, "b", m->m->name, 40);
        y = map_stack_rows(&m->wired[which], y + (p->n > 1 ? 16 : 0)) + 14;
    }
    int left = map_align_rows(p, &p->wired[which], top);
    map_draw_wired(p, which);
    p->y = left > y ? left : y;
}

static void draw_dma(struct map_page *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->n; i++)
        any = any || p->machine[i].nlanes || p->machine[i].no_dma;
    if (!any)
        return;
    draw_caption(p, "DMA", "address as the device sees it \xe2\x86\x92 what is there, and what the device may do");
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->n > 1 && (p->machine[i].nlanes || p->machine[i].no_dma)) {
            text_print(&p->out, "<rect class=\"o%u\" x=\"%d\" y=\"%d\" width=\"10\" height=\"10\"/>\n",
                       map_colour(p->machine[i].index), MAP_MARGIN, p->y - 5);
            map_text(p, MAP_MARGIN + 16, p->y, "b", p->machine[i].m->name, 40);
            p->y += MAP_LINE + 2;
        }
        map_draw_dma_table(p, &p->machine[i]);
        p->y += 6;
    }
}

static void make_all_rows(struct map_page *p)
{
    uint32_t regions = 0, wires[WIRES] = {0};
    for (uint32_t i = 0; i < p->n; i++) {
        regions += p->machine[i].regions.n;
        for (uint32_t k = 0; k < WIRES; k++)
            wires[k] += p->machine[i].wired[k].n;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *m = &p->machine[i];
        map_make_rows(p, &m->regions, map_per_row(regions));
        for (uint32_t k = 0; k < WIRES; k++)
            map_make_rows(p, &m->wired[k], map_per_row(wires[k]));
        map_label_guest(p, &m->regions);
        map_label_guest_lines(p, &m->wired[WIRES_IRQ]);
        map_label_guest_stashes(p, &m->wired[WIRES_STASH]);
        map_make_lanes(p, m);
    }
    map_make_rows(p, &p->regions, map_per_row(p->regions.n));
    for (uint32_t k = 0; k < WIRES; k++)
        map_make_rows(p, &p->wired[k], map_per_row(p->wired[k].n));
    map_label_host(p);
    map_label_gaps(p);
    map_label_host_lines(p);
    map_label_host_stashes(p);
}

static const char *summary_text(struct map_page *p)
{
    const char *s = NULL;
    for (uint32_t i = 0; i < p->n && i < 6; i++)
        s = s ? arena_printf(p->arena, "%s, %s", s, p->machine[i].m->name) : p->machine[i].m->name;
    if (!s)
        return "no machine";
    return p->n > 6 ? arena_printf(p->arena, "%s and %u more", s, p->n - 6) : s;
}

char *emit_map(struct machc *c, const struct plan *plan, const struct p_machine *only)
{
    struct map_page page = {.c = c, .arena = c->arena, .plan = plan, .out = {.arena = c->arena}}, *p = &page;
    p->machine = arena_array(p->arena, plan->machines.n, sizeof *p->machine);
    for (uint32_t i = 0; i < plan->machines.n; i++)
        if (!only || only == plan->machines.at[i])
            p->machine[p->n++] = (struct map_machine){.m = plan->machines.at[i], .index = i};
    map_make_boxes(p);
    make_all_rows(p);
    place_columns(p);
    p->y = MAP_MARGIN;
    struct text_out *out = &p->out;
    map_style(p);
    text_print(out, "<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n");
    map_text(p, MAP_MARGIN, p->y, "h", board_text(p), 80);
    p->y += 20;
    map_legend(p);
    draw_addresses(p);
    draw_wired(p, WIRES_IRQ, "Interrupts", "line of the host \xe2\x86\x92 device \xe2\x86\x92 line of the guest");
    draw_wired(p, WIRES_STASH, "Stashing", "cache of the host \xe2\x86\x90 writes of a device, for which vcpu");
    draw_dma(p);
    const char *head = arena_printf(c->arena,
                                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                                    "height=\"%d\" role=\"img\">\n<title>%s: %s</title>\n",
                                    p->width, p->y + MAP_MARGIN, p->width, p->y + MAP_MARGIN,
                                    map_xml(p, board_text(p), 80), map_xml(p, summary_text(p), 200));
    struct text_out whole = {.arena = c->arena};
    text_print(&whole, "%s%s</svg>\n", head, out->text);
    return whole.text;
}
