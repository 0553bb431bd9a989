// SPDX-License-Identifier: MIT
// Puts boxes in rows, and gives each row its place.
#include "map/map.h"

enum { DENSE_GAP = 1 << 24 }; // bytes: with several boxes to a row, a larger gap between them begins a new row

uint32_t map_per_row(uint32_t n)
{
    return n <= MAP_ALONE ? 1 : (n + MAP_ROWS - 1) / MAP_ROWS;
}

static uint32_t log2_of(uint64_t v)
{
    uint32_t n = 0;
    while (v >>= 1)
        n++;
    return n;
}

// Returns the number of addresses between `end` and a box; 0 for boxes at wires, which have no addresses.
static uint64_t gap_after(uint64_t end, const struct map_box *b)
{
    return !map_is_wired(b) && b->start > end ? b->start - end : 0;
}

// Returns the address after the box, or the last one of the address space.
static uint64_t box_end(const struct map_box *b)
{
    return b->size > UINT64_MAX - b->start ? UINT64_MAX : b->start + b->size;
}

// Whether two boxes are of the same kind, and so may share a row.
static bool are_alike(const struct map_box *a, const struct map_box *b)
{
    return a->kind == b->kind && a->look == b->look && a->machine == b->machine && a->space == b->space &&
           (a->kind == BOX_REGION || map_is_wired(a));
}

// The height grows with the logarithm of the size, so that memory looks larger than registers.
static int row_height(const struct map_side *s, const struct map_row *r)
{
    if (r->n > MAP_CELLS)
        return MAP_ROW + 4;
    if (r->n > 1)
        return r->n * MAP_CELL > MAP_ROW ? (int)r->n * MAP_CELL : MAP_ROW;
    const struct map_box *b = &s->box[r->first];
    return map_is_wired(b) || b->size <= 1 << 16 ? MAP_ROW : MAP_ROW + (int)log2_of(b->size) - 16;
}

static uint32_t make_rows(struct map_side *s, uint32_t per_row, bool strict, struct map_row *rows)
{
    uint32_t n = 0;
    uint64_t end = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        struct map_box *b = &s->box[i];
        struct map_row *r = n ? &rows[n - 1] : NULL;
        uint64_t gap = gap_after(end, b);
        if (!r || r->n == per_row || (strict && (!are_alike(&s->box[r->first], b) || gap >= DENSE_GAP))) {
            r = &rows[n++];
            *r = (struct map_row){.first = i, .broken = gap != 0};
        }
        r->n++;
        b->row = n - 1;
        if (box_end(b) > end)
            end = box_end(b);
    }
    return n;
}

void map_make_rows(struct map_page *p, struct map_side *s, uint32_t per_row)
{
    s->row = arena_array(p->arena, s->n, sizeof *s->row);
    s->nrows = make_rows(s, per_row, true, s->row);
    if (per_row > 1 && s->nrows > MAP_ROWS_MAX)
        s->nrows = make_rows(s, per_row, false, s->row);
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        r->h = row_height(s, r);
        p->dense = p->dense || r->n > 1;
    }
}

static void place_boxes(struct map_side *s, const struct map_row *r)
{
    for (uint32_t k = 0; k < r->n; k++) {
        struct map_box *b = &s->box[r->first + k];
        bool whole = r->n > MAP_CELLS;
        b->y = whole ? r->y : r->y + (int)k * r->h / (int)r->n;
        b->h = whole ? r->h : r->y + (int)(k + 1) * r->h / (int)r->n - b->y;
    }
}

int map_stack_rows(struct map_side *s, int y)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        struct map_row *r = &s->row[i];
        r->y = y + r->gap_h;
        y = r->y + r->h;
        place_boxes(s, r);
    }
    return y;
}

// A run of rows that touch each other. It is at the mean of the places where its rows want to be.
struct run {
    int64_t sum; // sum of the wanted tops of its rows, each minus the height of all rows above it
    uint32_t rows;
};

// Gets the wanted top of a row: level with the boxes that it backs. Returns false if it backs none.
static bool get_wanted_top(const struct map_side *s, const struct map_row *r, int64_t *y)
{
    int64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t k = 0; k < r->n; k++)
        for (const struct map_box *g = s->box[r->first + k].peer; g; g = g->next, n++)
            sum += 2 * g->y + g->h;
    if (n)
        *y = (sum / n - r->h) / 2;
    return n != 0;
}

/*
 * The rows keep their order and must not overlap. The places nearest to the wanted ones are found by joining neighbours
 * that want to pass each other ("pool adjacent violators"). The time is linear.
 */
int map_align_rows(struct map_page *p, struct map_side *s, int y)
{
    struct run *run = arena_array(p->arena, s->nrows, sizeof *run);
    uint32_t n = 0;
    int64_t above = 0, want = y, previous = y;
    for (uint32_t i = 0; i < s->nrows; i++) {
        above += s->row[i].gap_h;
        want = get_wanted_top(s, &s->row[i], &want) ? want : previous;
        previous = want + s->row[i].h;
        run[n++] = (struct run){want - above, 1};
        above += s->row[i].h;
        while (n > 1 && run[n - 2].sum / run[n - 2].rows >= run[n - 1].sum / run[n - 1].rows) {
            run[n - 2].sum += run[n - 1].sum;
            run[n - 2].rows += run[n - 1].rows;
            n--;
        }
    }
    int64_t end = y;
    above = 0;
    for (uint32_t i = 0, k = 0; k < n; k++) {
        int64_t top = run[k].sum / run[k].rows;
        for (uint32_t left = run[k].rows; left; left--, i++) {
            struct map_row *r = &s->row[i];
            above += r->gap_h;
            r->y = (int)(top > y ? top + above : y + above);
            above += r->h;
            end = r->y + r->h;
            place_boxes(s, r);
        }
    }
    return (int)end;
}
