// SPDX-License-Identifier: MIT
/*
 * The parts of the map (emit_map()). All figures have the same form: the host's things are on the left, the guests'
 * things on the right, and a connection joins both ends: a band for addresses, a wire for interrupt lines and stash
 * targets.
 *
 *     boxes.c      makes the boxes of both sides and pairs them
 *     rows.c       puts boxes in rows, one or several to a row, and gives each row its place
 *     labels.c     writes the texts of rows
 *     titles.c     writes the tooltips of boxes
 *     gaps.c       labels the gaps between the host's boxes with what the host keeps there
 *     stashes.c    writes the texts of stash targets
 *     dma_lanes.c  groups devices with the same reach in lanes, and draws the table of DMA
 *     sheet.c      draws boxes, bands, wires and lanes as SVG
 *     svg.c        draws text, and has the style sheet
 *     legend.c     draws the legend
 *     map.c        lays out and draws the page
 *
 * All positions are whole pixels; x grows to the right and y downwards. The font has a fixed width, so that the width
 * of a text is known; it is counted in letters. Everything is allocated in the arena of the page, and texts live as
 * long.
 */
#ifndef MACHC_MAP_MAP_H
#define MACHC_MAP_MAP_H

#include "emit/text_table.h"
#include "plan/plan.h"

enum {
    MAP_MARGIN = 24,
    MAP_ROW = 16,       // height of a row with one line of text
    MAP_CELL = 3,       // height of a box that shares a row with others
    MAP_CELLS = 12,     // a row with more boxes is drawn as one box
    MAP_ALONE = 72,     // with more boxes on a side of a figure, several share a row
    MAP_ROWS = 90,      // the number of rows to aim for then
    MAP_ROWS_MAX = 400, // with more rows, different kinds of boxes share rows as well
    MAP_BAR = 18,       // width of a column of boxes
    MAP_LANE = 18,      // width of a DMA lane
    MAP_LANES = 24,     // lanes of a machine; the devices of any others share the last one
    MAP_LINE = 15,      // height of a line of text in a table
    MAP_NAME = 32,      // letters of a name
    MAP_NAMES = 48,     // letters of the names of a row with several boxes
    MAP_LANE_NAME = 20, // letters above a lane
    MAP_FIELDS = 4      // texts of a row
};

/* How a box is drawn. */
enum map_look { LOOK_MEMORY, LOOK_MAP, LOOK_TRAP, LOOK_EMULATED, LOOK_DROP, LOOK_LINE };

/* The largest number of letters of each text of a row. */
extern const uint32_t map_limit[MAP_FIELDS];

/* What a box stands for. */
enum box_kind { BOX_MEMORY, BOX_CHIP, BOX_REGION, BOX_IRQ, BOX_STASH };

/* The figures with wires: interrupt lines, and caches that devices stash into. */
enum map_wires { WIRES_IRQ, WIRES_STASH, WIRES };

/*
 * A thing on one side: on the right memory, a region or an interrupt line of a guest, on the left what backs it on the
 * host. Boxes are sorted by space, start and size.
 */
struct map_box {
    const void *what;     // struct p_memory, p_irqchip, p_region, p_irq, p_dma; on the left that of the first guest box
    struct map_box *peer; // right: the box that backs it; left: the first box that it backs; or NULL
    struct map_box *next; // right: the next box with the same peer; or NULL
    uint64_t space;       // of an interrupt line: its controller
    uint64_t start, size; // addresses in bytes, or what identifies a line or a cache
    uint32_t machine;     // index in the plan
    uint32_t part;        // BOX_CHIP: index of its region
    uint32_t row;         // index in the rows of its side; before there are rows, the position in the plan
    int y, h;
    uint8_t kind, look; // enum box_kind, enum map_look
};

/* Boxes at the same height. */
struct map_row {
    uint32_t first, n;            // its boxes
    const char *text[MAP_FIELDS]; // see labels.c; NULL: no text
    const char *gap;              // text for the addresses before the row; or NULL
    bool host;                    // `gap` names what the host keeps
    bool broken;                  // the addresses before the row are not drawn to scale
    bool unsafe;                  // the last text is a warning
    int y, h;                     // of the boxes; the gap is above them
    int gap_h;
};

/* One side of a figure: its boxes, and their rows. */
struct map_side {
    struct map_box *box;
    struct map_row *row;
    uint32_t n, nrows;
};

/* The DMA domains with the same reach. */
struct map_lane {
    const struct p_dma *dma;  // the first domain
    const struct p_dma **all; // all domains, in the order of the plan
    uint32_t n, room;
    bool mixed; // the last lane, if there are too many: its domains reach different things
};

/* A machine that is drawn. */
struct map_machine {
    const struct p_machine *m;
    uint32_t index; // index in the plan, which decides its colour
    struct map_side regions, wired[WIRES];
    struct map_lane *lane;
    uint32_t nlanes;
    const char *no_dma; // names of devices that reach nothing; or NULL
    int head;           // height of what is above the rows
    int y, bottom;      // in the figure of addresses
};

/* The page while it is drawn. */
struct map_page {
    struct machc *c;
    struct arena *arena;
    const struct plan *plan;
    struct map_machine *machine; // the machines that are drawn
    uint32_t n;
    struct map_side regions, wired[WIRES]; // the host's
    struct map place;                      // struct p_memory *, p_region * -> struct map_box * of the guest
    struct text_out out;
    bool dense; // some rows have several boxes
    /* the places of columns, from left to right */
    int left_bar, right_bar, host_label[3], host_wire[3], label[MAP_FIELDS], lanes, width;
    int wire_label[MAP_FIELDS];
    int table[6];
    int y;
};

/* ---- boxes.c ---- */

/* Fills the sides of the page and of its machines with sorted boxes, and pairs them. */
void map_make_boxes(struct map_page *p);

/* Whether the box is at the end of a wire. It has no size and no address then. */
static inline bool map_is_wired(const struct map_box *b)
{
    return b->kind == BOX_IRQ || b->kind == BOX_STASH;
}

/* ---- rows.c ---- */

/* Returns the number of boxes in a row, if a side of a figure has `n` boxes. */
uint32_t map_per_row(uint32_t n);

/* Puts the boxes of a side in rows of at most `per_row` boxes. */
void map_make_rows(struct map_page *p, struct map_side *s, uint32_t per_row);

/* Places the rows of a side from `y` on, one below the other. Returns where the last one ends. */
int map_stack_rows(struct map_side *s, int y);

/* Places the rows of the left side, not above `y`, near the boxes that they back. Returns where the last one ends. */
int map_align_rows(struct map_page *p, struct map_side *s, int y);

/* ---- labels.c, stashes.c ---- */

/*
 * Write the texts of rows. On the right, for addresses: range, size, name, remark; at wires: device, line or target,
 * remark. On the left: address, line or cache, then the name, and the owner if several machines are drawn.
 */
void map_label_guest(struct map_page *p, struct map_side *s);
void map_label_host(struct map_page *p);
void map_label_guest_lines(struct map_page *p, struct map_side *s);
void map_label_host_lines(struct map_page *p);
void map_label_guest_stashes(struct map_page *p, struct map_side *s);
void map_label_host_stashes(struct map_page *p);

/* Returns the names of the boxes of a row, as many as there is room for, and the number of the others. */
const char *map_row_names(struct map_page *p, const struct map_side *s, const struct map_row *r);

/* Returns the owners of a row of the host; NULL if only one machine is drawn. */
const char *map_row_owners(struct map_page *p, const struct map_side *s, const struct map_row *r);

/* gaps.c: labels the gaps of the host's side with the devices and memory that the host keeps there. */
void map_label_gaps(struct map_page *p);

/* Describes what backs a box without a peer: "huge pages of 2M", "the VMM"; or NULL. */
const char *map_backing(struct map_page *p, const struct map_box *b);

/*
 * Name things: "qportal cache-enabled", "usb2 irq 0 host", "gic spi 54", "level-high, GSI 22", "huge pages of 2M". A
 * machine is given by its index in the plan.
 */
const char *map_machine_name(const struct map_page *p, uint32_t index);
const char *map_box_name(struct map_page *p, const struct map_box *b);
const char *map_region_name(struct map_page *p, const struct p_region *r);
const char *map_irq_name(struct map_page *p, const struct p_irq *q);
const char *map_line_number(struct map_page *p, const struct p_irq *q);
const char *map_line_note(struct map_page *p, const struct p_irq *q);
const char *map_domain_name(struct map_page *p, const struct p_dma *d);
const char *map_memory_backing(struct map_page *p, const struct p_memory *x);

/*
 * Describe a stash target: as the device asks for it, "L1 of vcpu 0"; on the host, "L1 of cpu 2, id 36"; by its node.
 */
const char *map_stash_wanted(struct map_page *p, const struct p_stash *s);
const char *map_stash_target(struct map_page *p, const struct p_stash *s);
const char *map_stash_node(const struct p_stash *s);

/* titles.c: returns the tooltip of a box: everything that is known about it, in lines. */
const char *map_title(struct map_page *p, const struct map_box *b);

/* Describes the cpus of a machine: their number, and the host cpus that they are bound to. */
const char *map_cpus(struct map_page *p, const struct p_machine *m);

/*
 * Write the range of `size` bytes from `start` on, as two numbers with an en dash, and a size in bytes: "512M", or
 * "1.4G" rounded down.
 */
const char *map_range(struct map_page *p, uint64_t start, uint64_t size);
const char *map_size(struct map_page *p, uint64_t size);

/* ---- dma_lanes.c ---- */

/* Groups the DMA domains of a machine into lanes. */
void map_make_lanes(struct map_page *p, struct map_machine *m);

/* Names the devices of a lane, as many as fit into `width` letters: "usb2", "usb2, sec_jr1 +3". */
const char *map_lane_name(struct map_page *p, const struct map_lane *l, uint32_t width);

/* Returns the tooltip of a lane: everything that is known about it, in lines. */
const char *map_lane_title(struct map_page *p, const struct map_lane *l);

/* Places the columns of the table of DMA. Returns where the last one ends. */
int map_place_dma_table(struct map_page *p);

/* Draws the rows of a machine in the table of DMA from p->y on, and moves p->y below them. */
void map_draw_dma_table(struct map_page *p, const struct map_machine *m);

/* ---- sheet.c ---- */

/* Draw a figure whose rows have their places: bands or wires, the boxes and texts of both sides, and lanes. */
void map_draw_addresses(struct map_page *p);
void map_draw_wired(struct map_page *p, enum map_wires which);

/* ---- svg.c ---- */

/*
 * Makes a text fit for XML and at most `max` letters wide (0: any width); an ellipsis shows that it is cut. Bytes that
 * are not UTF-8, and characters that would disturb the order of the text, become U+FFFD.
 */
const char *map_xml(struct map_page *p, const char *s, uint32_t max);

/* Returns the width of a text in letters, at most `max`. */
uint32_t map_letters(const char *s, uint32_t max);

/* Returns the width of a number of letters in pixels. */
int map_pixels(uint32_t letters);

/*
 * Draws a text (or NULL) of at most `max` letters (0: all) at x, with its middle at y. `class` has classes of the style
 * sheet; with "e", the text ends at x.
 */
void map_text(struct map_page *p, int x, int y, const char *class, const char *s, uint32_t max);

/* Writes the style sheet and the patterns. */
void map_style(struct map_page *p);

/* Returns the number of a machine's colour in the style sheet: 0 for the classes "o0" and "l0". */
uint32_t map_colour(uint32_t machine);

/* ---- legend.c ---- */

/* Draws what colours and forms mean, from p->y on, and moves p->y below it. */
void map_legend(struct map_page *p);

#endif
