// SPDX-License-Identifier: MIT
/*
 * The parts of the map (emit_map). Its figures have the same form: what the host has on the left, what the guests make
 * of it on the right, and what ties the two ends: a band for addresses, a wire for interrupt lines and stash targets.
 *
 *     boxes.c        what stands on either side, and what belongs together
 *     rows.c          boxes in rows: one each, or several when there are many; where each row is
 *     labels.c       what is written at a row, titles.c what a box says when it is pointed at
 *     gaps.c          what the host keeps in between
 *     stashes.c      what is said of stash targets
 *     dma_lanes.c      devices with the same reach in one lane; the table of windows
 *     sheet.c         rows, bands and lanes as SVG
 *     svg.c            text and style
 *     map.c         the page
 *
 * All positions are whole pixels. Letters are those of a fixed-width font, so that a text's width is known.
 */
#ifndef MACHC_MAP_MAP_H
#define MACHC_MAP_MAP_H

#include "emit/text_table.h"
#include "plan/plan.h"

enum {
    MAP_MARGIN = 24,
    MAP_ROW = 16,       // height of a row with one line of text
    MAP_CELL = 3,       // height of a box that shares a row with others
    MAP_CELLS = 12,     // boxes of one row that are still drawn one by one
    MAP_ALONE = 72,     // boxes of a figure's side that get a row each
    MAP_ROWS = 90,      // rows to aim for when there are more
    MAP_ROWS_MAX = 400, // with more, unlike boxes share rows as well
    MAP_BAR = 18,       // width of a column of boxes
    MAP_LANE = 18,      // width of a DMA lane
    MAP_LANES = 24,     // lanes of a machine; what is more shares the last one
    MAP_LINE = 15,      // height of a line of text in a table
    MAP_NAME = 32,      // letters of a name
    MAP_NAMES = 48,     // letters of the names of a row with several boxes
    MAP_LANE_NAME = 20, // letters above a lane
    MAP_FIELDS = 4      // texts of a row
};

enum map_look { LOOK_MEMORY, LOOK_MAP, LOOK_TRAP, LOOK_EMULATED, LOOK_DROP, LOOK_LINE };

/* Letters of each text of a row. */
extern const uint32_t map_limit[MAP_FIELDS];

/* What a box stands for. */
enum box_kind { BOX_MEMORY, BOX_CHIP, BOX_REGION, BOX_IRQ, BOX_STASH };

/* Figures with wires: interrupt lines; caches that a device's writes go into. */
enum map_wires { WIRES_IRQ, WIRES_STASH, WIRES };

/* One thing on one side: guest memory, a region, an interrupt line; or what backs these on the host. */
struct map_box {
    const void *what;     // struct p_memory, p_irqchip, p_region, p_irq, p_dma: on the left that of the first guest box
    struct map_box *peer; // right: what backs it, or NULL; left: the first box that it backs, or NULL
    struct map_box *next; // right: the next one with the same peer
    uint64_t space;       // of a line the controller; boxes are sorted by space, start, size
    uint64_t start, size;
    uint32_t machine; // index in the plan
    uint32_t part;    // BOX_CHIP: index of its region
    uint32_t row;     // in its side's rows
    int y, h;
    uint8_t kind, look;
};

struct map_row {
    uint32_t first, n;            // boxes
    const char *text[MAP_FIELDS]; // see map_label.c; NULL: nothing
    const char *gap;              // what is said of the addresses in front of the row; or NULL
    bool host;                    // `gap` describes addresses of the host
    bool broken;                  // addresses are left out in front of it
    bool unsafe;                  // the last text is a warning
    int y, h;                     // of the boxes; the gap is above
    int gap_h;
};

struct map_side {
    struct map_box *box;
    struct map_row *row;
    uint32_t n, nrows;
};

/* Devices with the same reach. */
struct map_lane {
    const struct p_dma *dma;  // the first one
    const struct p_dma **all; // the others as well, in the order of the plan
    uint32_t n, room;
    bool mixed; // the last lane of too many: not all have the same reach
};

struct map_machine {
    const struct p_machine *m;
    uint32_t index; // in the plan: its colour
    struct map_side regions, wired[WIRES];
    struct map_lane *lane;
    uint32_t nlanes;
    const char *no_dma; // devices that reach nothing; or NULL
    int head;           // height of what stands above the rows
    int y, bottom;      // among the addresses
};

struct map_page {
    struct machc *c;
    struct arena *arena; // for what is gone when the map is written
    const struct plan *plan;
    struct map_machine *machine; // those that are drawn
    uint32_t n;
    struct map_side regions, wired[WIRES]; // the host's
    struct map place;                      // struct p_memory *, p_region * -> struct map_box * of the guest
    struct columns out;
    bool dense; // rows stand for several boxes somewhere
    /* where things are, from left to right */
    int left_bar, right_bar, host_label[3], host_wire[3], label[MAP_FIELDS], lanes, width;
    int wire_label[MAP_FIELDS];
    int table[6];
    int y;
};

/* ---- boxes.c     ---- */

/* Fills the sides of the page and of its machines with boxes, sorted; pairs them. */
void map_boxes(struct map_page *p);

/* ---- rows.c     ---- */

/* Puts a side's boxes in rows, as many to a row as `per_row` says. */
void map_rows(struct map_page *p, struct map_side *s, uint32_t per_row);

/* Does the box stand at the end of a wire? It has no size then, and no address. */
static inline bool map_wired(const struct map_box *b)
{
    return b->kind == BOX_IRQ || b->kind == BOX_STASH;
}

/* How many boxes go in one row when a figure's side has `n`. */
uint32_t map_per_row(uint32_t n);

/* Gives rows their places from `y` downwards; returns where the last one ends. */
int map_stack(struct map_side *s, int y);

/* Gives the left side's rows their places, below `y`, near to what they back. Returns where the last one ends. */
int map_align(struct map_page *p, struct map_side *s, int y);

/* ---- map_label.c, map_gaps.c, titles.c ---- */

/*
 * Writes the rows' texts. Right, of addresses: range, size, name, remark. Right, at wires: device, line or target,
 * remark. Left: name with address, line or cache, and the owner where there are several.
 */
void map_label_guest(struct map_page *p, struct map_side *s);
void map_label_host(struct map_page *p);
void map_label_guest_lines(struct map_page *p, struct map_side *s);
void map_label_host_lines(struct map_page *p);
void map_label_guest_stashes(struct map_page *p, struct map_side *s);
void map_label_host_stashes(struct map_page *p);
const char *map_row_names(struct map_page *p, const struct map_side *s, const struct map_row *r);
const char *map_row_owners(struct map_page *p, const struct map_side *s, const struct map_row *r);

/* Says what is in the host's gaps: whose devices, whether there is memory. */
void map_label_gaps(struct map_page *p);

/* What stands where a host address would, for a box without a peer: "hugetlb 2M", "emulated". */
const char *map_backing(struct map_page *p, const struct map_box *b);

/* Names: "qportal cache-enabled", "usb2 irq 0 host", "gic spi 54", "level-high, GSI 22", "huge pages of 2M". */
const char *map_machine_name(const struct map_page *p, uint32_t index);
const char *map_box_name(struct map_page *p, const struct map_box *b);
const char *map_region_name(struct map_page *p, const struct p_region *r);
const char *map_irq_name(struct map_page *p, const struct p_irq *q);
const char *map_line_number(struct map_page *p, const struct p_irq *q);
const char *map_line_note(struct map_page *p, const struct p_irq *q);
const char *map_domain_name(struct map_page *p, const struct p_dma *d);
const char *map_memory_backing(struct map_page *p, const struct p_memory *x);

/* ---- map_stash.c: "L1 of vcpu 0"; "L1 of cpu 2, id 36", or what is known instead; the cache's node ---- */

const char *map_stash_wanted(struct map_page *p, const struct p_stash *s);
const char *map_stash_target(struct map_page *p, const struct p_stash *s);
const char *map_stash_node(const struct p_stash *s);

/* All that is known of a box, in lines. */
const char *map_title(struct map_page *p, const struct map_box *b);

/* "vcpu 0 on host cpu 2, ...". */
const char *map_cpus(struct map_page *p, const struct p_machine *m);

/* "0x80000000-0x9fffffff"; "512M", "1.4G" where it is not whole. */
const char *map_range(struct map_page *p, uint64_t start, uint64_t size);
const char *map_size(struct map_page *p, uint64_t size);

/* ---- dma_lanes.c ---- */

/* Groups a machine's DMA domains into lanes. */
void map_lanes(struct map_page *p, struct map_machine *m);

/* "usb2", "usb2, sec_jr1 +3": the devices of a lane, as many as there is room for. */
const char *map_lane_name(struct map_page *p, const struct map_lane *l, uint32_t width);

/* All that is known of a lane, in lines. */
const char *map_lane_title(struct map_page *p, const struct map_lane *l);

/* Gives the table's columns their places; returns where the last one ends. */
int map_dma_places(struct map_page *p);

/* Draws what each domain may reach, in words; from p->y downwards. */
void map_dma_table(struct map_page *p, const struct map_machine *m);

/* ---- sheet.c    ---- */

/* Draws bands or wires, then both sides' boxes and texts, then the lanes. */
void map_draw_addresses(struct map_page *p);
void map_draw_wired(struct map_page *p, enum map_wires which);

/* ---- svg.c     ---- */

/* Printable and fit for XML, at most `max` characters wide (0: all of it); an ellipsis says that something is left out.
 * What is no UTF-8, or would disturb the text's order, is shown as U+FFFD. */
const char *map_xml(struct map_page *p, const char *s, uint32_t max);

/* How many letters wide a text is, at most `max`; the width of so many letters in pixels. */
uint32_t map_letters(const char *s, uint32_t max);
int map_pixels(uint32_t letters);

/* A text at (x, y), y being its middle, with a class of the style: "e" ends at x. Not more than `max` letters. */
void map_text(struct map_page *p, int x, int y, const char *class, const char *s, uint32_t max);

void map_style(struct map_page *p);

/* ---- map_legend.c ---- */

/* Draws what colours and forms mean, from p->y downwards. */
void map_legend(struct map_page *p);

/* The class of a machine's colour: "o0" ... */
uint32_t map_colour(uint32_t machine);

#endif
