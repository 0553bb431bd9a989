// SPDX-License-Identifier: MIT
// Draws boxes, bands, wires and lanes as SVG.
#include "machc.h"
#include "map/map.h"

enum {
    DOT = 8,     // size of the box at the end of a wire in pixels
    BACKING = 22 // letters of the text in place of a band
};

static const struct map_row *row_of(const struct map_side *s, const struct map_box *b)
{
    return &s->row[b->row];
}

static int row_middle(const struct map_row *r)
{
    return r->y + r->h / 2;
}

// Whether the boxes of a row are drawn one by one, not as one.
static bool is_one_by_one(const struct map_row *r)
{
    return r->n <= MAP_CELLS;
}

/* ---- boxes ---- */

static void draw_shape(struct map_page *p, const struct map_box *b, int x, int y, int w, int h)
{
    uint32_t c = map_colour(b->machine);
    static const char *const forms[] = {
        [LOOK_MEMORY] = "<rect class=\"mem o%u\"", [LOOK_MAP] = "<rect class=\"o%u\"",
        [LOOK_TRAP] = "<rect class=\"o%u\"",       [LOOK_EMULATED] = "<rect class=\"open l%u\"",
        [LOOK_DROP] = "<rect class=\"gone l%u\"",  [LOOK_LINE] = "<rect class=\"o%u\""};
    // A box is one pixel less high than its place, if that leaves enough, so that neighbours do not touch.
    int less = h > 2 ? 1 : 0;
    text_print(&p->out, forms[b->look], c);
    text_print(&p->out, " x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", x, y, w, h - less > 0 ? h - less : 1);
    if (b->look == LOOK_TRAP)
        text_print(&p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"url(#trap)\"/>", x, y, w,
                   h - less > 0 ? h - less : 1);
}

// Draws a thing of the host in the colours of all machines that have it, side by side.
static void draw_host_shape(struct map_page *p, const struct map_box *b, int x, int y, int w, int h)
{
    uint32_t owners = 0, k = 0;
    const struct map_box *last = NULL;
    for (const struct map_box *g = b->peer; g; last = g, g = g->next)
        owners += !last || last->machine != g->machine;
    if (owners < 2) {
        draw_shape(p, b, x, y, w, h);
        return;
    }
    owners = owners > 6 ? 6 : owners;
    last = NULL;
    for (const struct map_box *g = b->peer; g && k < owners; last = g, g = g->next) {
        if (last && last->machine == g->machine)
            continue;
        draw_shape(p, g, x + (int)(k * (uint32_t)w / owners), y, w / (int)owners, h);
        k++;
    }
}

static const char *row_title(struct map_page *p, const struct map_side *s, const struct map_row *r)
{
    const struct map_box *first = &s->box[r->first], *last = &s->box[r->first + r->n - 1];
    if (r->n == 1)
        return map_title(p, first);
    return arena_printf(p->arena, "%u; the first: %s\nthe last: %s", r->n, map_title(p, first), map_title(p, last));
}

static void open_title(struct map_page *p, const char *title)
{
    text_print(&p->out, "<g><title>%s</title>", map_xml(p, title, 0));
}

static void draw_boxes(struct map_page *p, const struct map_side *s, int x, bool host)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        const struct map_row *r = &s->row[i];
        uint32_t n = is_one_by_one(r) ? r->n : 1;
        for (uint32_t k = 0; k < n; k++) {
            const struct map_box *b = &s->box[r->first + k];
            open_title(p, n == r->n ? map_title(p, b) : row_title(p, s, r));
            bool small = map_is_wired(b); // only a dot at the end of its wire
            int y = small && b->h >= MAP_ROW ? row_middle(r) - DOT / 2 : b->y, w = small ? DOT : MAP_BAR;
            int h = small && b->h >= MAP_ROW ? DOT + 1 : b->h;
            if (host)
                draw_host_shape(p, b, x + MAP_BAR - w, y, w, h);
            else
                draw_shape(p, b, x, y, w, h);
            text_print(&p->out, "</g>\n");
        }
    }
}

/* ---- bands ---- */

static void draw_band(struct map_page *p, const struct map_box *from, const struct map_box *to)
{
    int x1 = p->left_bar + MAP_BAR, x2 = p->right_bar, xm = (x1 + x2) / 2;
    uint32_t c = map_colour(to->machine);
    int less1 = from->h > 2, less2 = to->h > 2;
    const char *class =
        to->look == LOOK_TRAP ? arena_printf(p->arena, "thin o%u l%u", c, c) : arena_printf(p->arena, "band o%u", c);
    text_print(&p->out, "<path class=\"%s\" d=\"M%d %dC%d %d %d %d %d %dV%dC%d %d %d %d %d %dZ\"/>\n", class, x1,
               from->y, xm, from->y, xm, to->y, x2, to->y, to->y + to->h - less2, xm, to->y + to->h - less2, xm,
               from->y + from->h - less1, x1, from->y + from->h - less1);
}

static void draw_wire(struct map_page *p, const struct map_box *from, const struct map_box *to)
{
    int x1 = p->left_bar + MAP_BAR, x2 = p->right_bar, y1 = from->y + from->h / 2, y2 = to->y + to->h / 2;
    int xm = (x1 + x2) / 2;
    text_print(&p->out, "<path class=\"line l%u\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", map_colour(to->machine), x1, y1,
               xm, y1, xm, y2, x2, y2);
}

// Draws a wire with an arrow at the host, where the writes of a device go.
static void draw_arrow(struct map_page *p, const struct map_box *from, const struct map_box *to)
{
    draw_wire(p, from, to);
    text_print(&p->out, "<path class=\"o%u\" d=\"M%d %dl8 -4v8z\"/>\n", map_colour(to->machine), p->left_bar + MAP_BAR,
               from->y + from->h / 2);
}

// Draws the connections between both sides; boxes that are drawn as one have one connection.
static void draw_bands(struct map_page *p, const struct map_side *host, const struct map_side *guest,
                       void (*draw)(struct map_page *, const struct map_box *, const struct map_box *))
{
    struct map drawn = {0};
    for (uint32_t i = 0; i < guest->n; i++) {
        const struct map_box *g = &guest->box[i], *h = g->peer;
        uint64_t one;
        if (!h)
            continue;
        const struct map_row *to = row_of(guest, g), *from = row_of(host, h);
        if (!is_one_by_one(to) || !is_one_by_one(from)) {
            uint64_t a = is_one_by_one(from) ? (uintptr_t)h : (uintptr_t)from,
                     b = is_one_by_one(to) ? (uintptr_t)g : (uintptr_t)to;
            if (map_get(&drawn, a, b, &one))
                continue;
            map_put(p->arena, &drawn, a, b, 1);
        }
        draw(p, h, g);
    }
}

/* ---- columns ---- */

// Draws the line behind the boxes, with two strokes where addresses are left out.
static void draw_axis(struct map_page *p, const struct map_side *s, int x)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        const struct map_row *r = &s->row[i];
        int above = i ? s->row[i - 1].y + s->row[i - 1].h : r->y - r->gap_h, y = (above + r->y) / 2;
        if (r->y > above)
            text_print(&p->out, "<path class=\"axis\" d=\"M%d %dV%d\"/>\n", x + MAP_BAR / 2, above, r->y);
        if (!r->broken)
            continue;
        if (r->host)
            text_print(&p->out, "<rect class=\"kept\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"7\"/>\n", x, y - 4,
                       MAP_BAR);
        text_print(&p->out,
                   "<path class=\"break\" d=\"M%d %dl%d -4\"/><path class=\"axis\" d=\"M%d %dl%d -4M%d %dl%d -4\"/>\n",
                   x + 2, y + 2, MAP_BAR - 4, x + 2, y + 4, MAP_BAR - 4, x + 2, y, MAP_BAR - 4);
    }
}

static void draw_gap_text(struct map_page *p, const struct map_side *s, int x, const char *class)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        const struct map_row *r = &s->row[i];
        int above = i ? s->row[i - 1].y + s->row[i - 1].h : r->y - r->gap_h;
        map_text(p, x, (above + r->y) / 2, class, r->gap, 40);
    }
}

static void draw_host_text(struct map_page *p, const struct map_side *s, const int *at)
{
    static const char *const classes[] = {"e", "e", "e g"};
    for (uint32_t i = 0; i < s->nrows; i++)
        for (uint32_t k = 0; k < 3; k++)
            map_text(p, at[k], row_middle(&s->row[i]), classes[k], s->row[i].text[k], map_limit[k]);
    draw_gap_text(p, s, at[0], "e g s");
}

// Draws what backs the boxes that have no connection.
static void draw_backing_text(struct map_page *p, const struct map_side *s)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        const struct map_row *r = &s->row[i];
        const struct map_box *b = &s->box[r->first];
        if (!b->peer)
            map_text(p, p->right_bar - 8, row_middle(r), "e g", map_backing(p, b), BACKING);
    }
}

static void draw_head(struct map_page *p, const struct map_machine *m)
{
    const struct platform *platform = m->m->m->platform;
    int y = m->y + m->head - 32;
    text_print(&p->out, "<rect class=\"o%u\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"14\"/>\n", map_colour(m->index),
               p->right_bar, y - 7, MAP_BAR);
    map_text(p, p->label[0], y, "h", m->m->name, MAP_NAME);
    map_text(p, p->label[0] + (int)map_letters(m->m->name, MAP_NAME) * 93 / 10 + 12, y, "g",
             platform ? platform->name : "", MAP_NAME);
    map_text(p, p->label[0], y + 18, "n", map_cpus(p, m->m), 60);
}

/* ---- lanes ---- */

// Draws one map in a lane, beside the box that it reaches. `whole`: mark all of the box.
static void draw_reach(struct map_page *p, const struct map_box *b, const struct p_dma_map *x, int at, bool whole)
{
    // The mark is at the same fraction of the box as the map is of the memory, and at least 2 pixels high.
    uint64_t offset = x->offset, size = x->size, all = b->size ? b->size : 1;
    for (; all > UINT32_MAX; all >>= 1) {
        offset >>= 1;
        size >>= 1;
    }
    uint64_t high = (uint64_t)b->h;
    int top = offset < all ? (int)(offset * high / all) : b->h, h = size < all ? (int)(size * high / all) : b->h;
    if (whole) {
        top = 0;
        h = b->h;
    }
    top = !whole && top > b->h - 2 ? b->h - 2 : top;
    h = !whole && h < 2 ? 2 : h;
    h = h > b->h - top ? b->h - top : h;
    text_print(&p->out,
               x->readonly ? "<rect class=\"inkline\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n"
                           : "<rect class=\"ink\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
               at + 4, b->y + top, MAP_LANE - 8, h - (h > 4));
    // Mark that the device reaches more than the map asks for; the table has the amount.
    if (x->granted > x->size)
        text_print(&p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"8\" fill=\"url(#grant)\"/>\n", at + 4,
                   b->y + top + h, MAP_LANE - 8);
}

static void draw_lane(struct map_page *p, const struct map_machine *m, uint32_t i)
{
    const struct map_lane *l = &m->lane[i];
    int x = p->lanes + (int)i * MAP_LANE, y = m->y + m->head - 4, xm = x + MAP_LANE / 2;
    struct map seen = {0};
    text_print(&p->out, "<path class=\"rule\" d=\"M%d %dV%d\"/>\n", xm, y + 6, m->bottom);
    text_print(&p->out, "<text transform=\"translate(%d %d) rotate(-55)\">%s</text>\n", xm + 3, y,
               map_xml(p, map_lane_name(p, l, 20), 20));
    text_print(&p->out, "<g><title>%s</title>\n", map_xml(p, map_lane_title(p, l), 0));
    if (is_open_dma(l->dma->mode)) // it reaches all memory of the host
        text_print(&p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"url(#grant)\"/>\n", x + 4, y + 6,
                   MAP_LANE - 8, m->bottom - y - 6);
    for (uint32_t d = 0; d < (l->mixed ? l->n : 1); d++)
        for (uint32_t k = 0; k < l->all[d]->nmaps; k++) {
            const struct p_dma_map *map = &l->all[d]->maps[k];
            const void *to = map->what == MAP_MEMORY ? (const void *)map->memory : map->region;
            const struct map_box *b = map->what == MAP_MSI_BANK ? NULL : map_getp(&p->place, to, NULL);
            uint64_t one;
            if (!b || (l->mixed && map_get(&seen, (uintptr_t)b, map->readonly, &one)))
                continue;
            if (l->mixed)
                map_put(p->arena, &seen, (uintptr_t)b, map->readonly, 1);
            draw_reach(p, b, map, x, l->mixed);
        }
    text_print(&p->out, "</g>\n");
}

/* ---- figures ---- */

// Draws the texts of a guest's rows; the remark follows the name directly.
static void draw_guest_text(struct map_page *p, const struct map_side *s)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        const struct map_row *r = &s->row[i];
        int y = row_middle(r), x = p->label[2];
        map_text(p, p->label[0], y, "n", r->text[0], map_limit[0]);
        map_text(p, p->label[1], y, "e", r->text[1], map_limit[1]);
        map_text(p, x, y, "b", r->text[2], map_limit[2]);
        x += map_pixels(map_letters(r->text[2], map_limit[2])) + 12;
        map_text(p, x, y, r->unsafe ? "w" : "g", r->text[3], map_limit[3]);
    }
}

static void draw_wire_text(struct map_page *p, const struct map_side *s)
{
    static const char *const classes[] = {"b", "n", "g"};
    for (uint32_t i = 0; i < s->nrows; i++) {
        int y = row_middle(&s->row[i]);
        for (uint32_t k = 0; k < 3; k++)
            map_text(p, p->wire_label[k], y, classes[k], s->row[i].text[k], map_limit[k]);
        text_print(&p->out, "<path class=\"ink\" d=\"M%d %dl-6 -3v6z\"/>\n", p->wire_label[1] - 6, y);
    }
}

void map_draw_addresses(struct map_page *p)
{
    draw_axis(p, &p->regions, p->left_bar);
    for (uint32_t i = 0; i < p->n; i++)
        draw_bands(p, &p->regions, &p->machine[i].regions, draw_band);
    draw_boxes(p, &p->regions, p->left_bar, true);
    draw_host_text(p, &p->regions, p->host_label);
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *m = &p->machine[i];
        draw_head(p, m);
        draw_axis(p, &m->regions, p->right_bar);
        for (uint32_t k = 0; k < m->nlanes; k++)
            draw_lane(p, m, k);
        draw_boxes(p, &m->regions, p->right_bar, false);
        draw_backing_text(p, &m->regions);
        draw_gap_text(p, &m->regions, p->label[0], "g s");
        draw_guest_text(p, &m->regions);
    }
}

void map_draw_wired(struct map_page *p, enum map_wires which)
{
    for (uint32_t i = 0; i < p->n; i++)
        draw_bands(p, &p->wired[which], &p->machine[i].wired[which], which == WIRES_STASH ? draw_arrow : draw_wire);
    draw_boxes(p, &p->wired[which], p->left_bar, true);
    draw_host_text(p, &p->wired[which], p->host_wire);
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_side *s = &p->machine[i].wired[which];
        draw_boxes(p, s, p->right_bar, false);
        draw_backing_text(p, s);
        draw_wire_text(p, s);
    }
}
