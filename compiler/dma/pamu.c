// SPDX-License-Identifier: MIT
/*
 * The solver for a PAMU. Halving all sub-windows never makes a solution worse: a want that starts at a sub-window still
 * does, a piece that is aligned has aligned halves, and the rest that is rounded up to a power of two does not grow. So
 * for each window, the smallest sub-windows tell whether there is a solution, and how much it has to map in excess of
 * the wants. The answer is the smallest number of sub-windows with the same excess.
 */
#include "dma/solve.h"

#include <stddef.h>

const struct pamu_limits pamu_hardware = {
    .least = 4096,
    .most = UINT64_C(1) << 36,
    .subwindows = 256,
    .liodns = 0x500,
    .spaact = 0x800,
    .operations = 16,
};

static bool is_power_of_two(uint64_t n)
{
    return n && !(n & (n - 1));
}

uint64_t pamu_granted(const struct dma_want *want, uint64_t piece)
{
    uint64_t rest = want->size % piece;
    return want->size - rest + (rest ? dma_power(rest) : 0);
}

// Checks whether the backing from `offset` on can be mapped in pieces of `piece` bytes. Returns an enum pamu_why.
static uint8_t check_backing(const struct dma_want *w, uint64_t offset, uint64_t piece)
{
    if (piece > w->chunk)
        return PAMU_CHUNK;
    // For huge pages, `host` is an offset: up to the size of a page, it has the alignment of the physical address.
    return (w->host + offset) % piece ? PAMU_ALIGNED : PAMU_OK;
}

// A problem, optionally with one want moved to another address.
struct job {
    const struct pamu_problem *p;
    uint32_t moved; // index of the want; UINT32_MAX: none
    uint64_t to;
};

static uint64_t iova_of(const struct job *j, uint32_t i)
{
    return i == j->moved ? j->to : j->p->want[i].iova;
}

// The result of trying one size of sub-window.
struct trial {
    uint8_t why;
    uint32_t which;
    uint32_t used; // number of sub-windows in use
    uint64_t over, piece;
    bool whole; // every sub-window in use is completely mapped
};

static void fail_trial(struct trial *t, uint8_t why, uint32_t which, uint64_t piece)
{
    t->why = why;
    t->which = which;
    t->piece = piece;
}

// Tries sub-windows of `piece` bytes, without regard to their number.
static struct trial try_pieces(const struct job *j, uint64_t window, uint64_t piece)
{
    struct trial t = {.whole = true};
    uint64_t worst = UINT64_MAX;
    for (uint32_t i = 0; i < j->p->n; i++) {
        const struct dma_want *w = &j->p->want[i];
        uint64_t rest = w->size % piece, full = w->size - rest, into = iova_of(j, i) - window;
        if (iova_of(j, i) == UINT64_MAX) {
            t.used++;
            continue;
        }
        if (into % piece && dma_grain(into) < worst) { // report the least aligned of several wants
            worst = dma_grain(into);
            fail_trial(&t, PAMU_START, i, piece);
        }
        t.used += (uint32_t)(full / piece) + (rest != 0);
        t.over += pamu_granted(w, piece) - w->size;
        if (w->bank)
            continue; // the registers of a bank are one aligned page
        t.whole = t.whole && !rest;
        uint8_t why = full ? check_backing(w, 0, piece) : PAMU_OK;
        if (why && !t.why)
            fail_trial(&t, why, i, piece);
        why = rest ? check_backing(w, full, dma_power(rest)) : PAMU_OK;
        if (why && !t.why)
            fail_trial(&t, why, i, dma_power(rest));
    }
    return t;
}

/* The want that is left without a sub-window: the first bank, which takes any; of wants that overlap, the last one. */
static uint32_t first_free_bank(const struct job *j)
{
    uint32_t i = 0;
    while (i + 1 < j->p->n && iova_of(j, i) != UINT64_MAX)
        i++;
    return i;
}

// Tries a window that is divided into `subwindows` sub-windows.
static struct trial try_subwindows(const struct job *j, uint64_t window, uint64_t size, uint32_t subwindows)
{
    struct trial t = try_pieces(j, window, size / subwindows);
    if (!t.why && t.used > subwindows)
        fail_trial(&t, PAMU_FULL, first_free_bank(j), size / subwindows);
    return t;
}

static uint32_t max_subwindows(const struct job *j, uint64_t size)
{
    uint64_t n = size / j->p->limits->least;
    return n < j->p->limits->subwindows ? (uint32_t)n : j->p->limits->subwindows;
}

// Finds the first and last device address of all wants, and the want that ends last. False: no want has an address.
static bool find_extent(const struct job *j, uint64_t *first, uint64_t *last, uint32_t *highest)
{
    bool any = false;
    *first = *last = 0;
    *highest = 0;
    for (uint32_t i = 0; i < j->p->n; i++) {
        const struct dma_want *w = &j->p->want[i];
        if (iova_of(j, i) == UINT64_MAX)
            continue;
        uint64_t end = iova_of(j, i) + (w->size - 1);
        *first = !any || iova_of(j, i) < *first ? iova_of(j, i) : *first;
        *highest = !any || end > *last ? i : *highest;
        *last = !any || end > *last ? end : *last;
        any = true;
    }
    return any;
}

// Finds the smallest valid window that contains both addresses. If there is none, *size is above the limit.
static void find_window(const struct pamu_limits *l, uint64_t first, uint64_t last, uint64_t *window, uint64_t *size)
{
    for (*size = l->least; *size <= l->most && (first & ~(*size - 1)) + (*size - 1) < last;)
        *size *= 2;
    *window = first & ~(*size - 1);
}

// Finds the numbers of sub-windows for a window that has a solution; `best` is that with the smallest sub-windows.
static void choose_subwindows(const struct job *j, struct pamu_answer *out, const struct trial *best)
{
    uint32_t most = j->p->subwindows ? j->p->subwindows : max_subwindows(j, out->size);
    out->over_grant = best->over;
    out->subwindows = most;
    for (uint32_t n = j->p->subwindows ? most : 1; n <= most; n *= 2) {
        struct trial t = try_subwindows(j, out->window, out->size, n);
        if (t.why || t.over != best->over)
            continue;
        out->subwindows = n < out->subwindows ? n : out->subwindows;
        if (t.whole) {
            out->whole = n;
            return;
        }
    }
}

// Sets the device addresses of all wants; banks without one get a free sub-window.
static void place_banks(const struct job *j, const struct pamu_answer *out, uint64_t *place)
{
    bool used[256] = {false};
    uint64_t piece = out->size / out->subwindows, next = 0, hole = 0;
    for (uint32_t i = 0; i < j->p->n; i++) {
        place[i] = iova_of(j, i);
        if (place[i] == UINT64_MAX)
            continue;
        uint64_t k = (place[i] - out->window) / piece, end = k + (j->p->want[i].size + piece - 1) / piece;
        for (; k < end; k++)
            used[k] = true;
        next = end > next ? end : next;
    }
    for (uint32_t i = 0; i < j->p->n; i++) {
        if (place[i] != UINT64_MAX)
            continue;
        while (next >= out->subwindows && used[hole])
            hole++;
        uint64_t k = next < out->subwindows ? next++ : hole;
        used[k] = true;
        place[i] = out->window + k * piece;
    }
}

static void set_result(struct pamu_answer *out, const struct trial *t)
{
    out->why = t->why;
    out->which = t->which;
    out->piece = t->piece;
}

static void solve_job(const struct job *j, struct pamu_answer *out)
{
    uint64_t first, last;
    uint32_t highest;
    const struct pamu_limits *l = j->p->limits;
    bool any = find_extent(j, &first, &last, &highest);
    if (any && last >= l->most) {
        set_result(out, &(struct trial){.why = PAMU_HIGH, .which = highest});
        return;
    }
    if (j->p->has_window) {
        out->window = j->p->window;
        out->size = j->p->size;
        uint64_t end = j->p->window + (j->p->size - 1);
        if (!j->p->size || end < j->p->window || end >= l->most || !is_power_of_two(j->p->size) ||
            j->p->size < l->least || j->p->window % j->p->size) {
            if (j->p->size && end >= j->p->window && end < l->most)
                find_window(l, j->p->window, end, &out->window, &out->size);
            set_result(out, &(struct trial){.why = PAMU_WINDOW});
            return;
        }
        if (any && (first < j->p->window || last > end)) {
            set_result(out, &(struct trial){.why = PAMU_OUTSIDE, .which = last > end ? highest : 0});
            return;
        }
    } else {
        find_window(l, first, last, &out->window, &out->size);
    }
    uint32_t full = UINT32_MAX; // the bank for which the smaller windows had no room
    for (;; out->size *= 2, out->window &= ~(out->size - 1)) {
        out->subwindows = j->p->subwindows ? j->p->subwindows : max_subwindows(j, out->size);
        struct trial t = try_subwindows(j, out->window, out->size, out->subwindows);
        set_result(out, &t);
        if (!t.why) {
            choose_subwindows(j, out, &t);
            return;
        }
        if (t.why != PAMU_FULL && full != UINT32_MAX)
            set_result(out, &(struct trial){.why = PAMU_FULL, .which = full});
        if (t.why != PAMU_FULL || j->p->has_window || out->size == l->most)
            return;
        full = t.which;
    }
}

struct pamu_answer pamu_solve(const struct pamu_problem *p, uint64_t *place)
{
    struct job j = {p, UINT32_MAX, 0};
    struct pamu_answer out = {.why = PAMU_OK};
    solve_job(&j, &out);
    if (!out.why && place)
        place_banks(&j, &out, place);
    return out;
}

/* ---- moves that make a problem solvable ---- */

// Whether want `which` can be at `iova` without overlapping another want.
static bool is_free(const struct pamu_problem *p, uint32_t which, uint64_t iova)
{
    uint64_t last = iova + (p->want[which].size - 1);
    if (last < iova || last >= p->limits->most)
        return false;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct dma_want *w = &p->want[i];
        if (i != which && w->iova != UINT64_MAX && iova <= w->iova + (w->size - 1) && w->iova <= last)
            return false;
    }
    return true;
}

// The best move so far.
struct best {
    struct pamu_move *move;
    uint64_t size, distance;
    bool any;
};

// Whether a solution after a move by `distance` is better than the best one: nearer, or fewer sub-windows, or smaller.
static bool is_better(const struct best *b, uint64_t distance, const struct pamu_answer *a)
{
    if (!b->any)
        return true;
    if (distance != b->distance)
        return distance < b->distance;
    if (a->subwindows != b->move->subwindows)
        return a->subwindows < b->move->subwindows;
    return a->size < b->size;
}

// Tries to move want `which` to `iova`.
static void try_move(const struct pamu_problem *p, uint32_t which, uint64_t iova, struct best *b)
{
    uint64_t now = p->want[which].iova, distance = iova > now ? iova - now : now - iova;
    struct job j = {p, which, iova};
    struct pamu_answer a = {.why = PAMU_OK};
    if (!distance || !is_free(p, which, iova))
        return;
    solve_job(&j, &a);
    if (a.why || !is_better(b, distance, &a))
        return;
    *b = (struct best){b->move, a.size, distance, true};
    *b->move = (struct pamu_move){which, a.subwindows, iova};
}

static uint64_t round_up(uint64_t n, uint64_t power)
{
    return (n + (power - 1)) & ~(power - 1);
}

// Tries to move want `which` to the nearest multiples of each power of two, and to the first one after all others.
static void try_moves_of(const struct pamu_problem *p, uint32_t which, struct best *b)
{
    const struct dma_want *w = &p->want[which];
    uint64_t after = 0;
    if (w->iova == UINT64_MAX || w->iova >= p->limits->most || w->size > p->limits->most)
        return;
    for (uint32_t i = 0; i < p->n; i++)
        if (i != which && p->want[i].iova < p->limits->most && p->want[i].iova + p->want[i].size > after)
            after = p->want[i].iova + p->want[i].size;
    for (uint64_t power = p->limits->least; power <= p->limits->most; power *= 2) {
        try_move(p, which, w->iova & ~(power - 1), b);
        try_move(p, which, round_up(w->iova, power), b);
        try_move(p, which, round_up(after, power), b);
    }
}

bool pamu_nearest(const struct pamu_problem *p, struct pamu_move *move)
{
    struct best b = {.move = move};
    struct pamu_answer a = pamu_solve(p, NULL);
    if (!a.why || !p->n)
        return false;
    try_moves_of(p, a.which, &b);
    // Another want may be in the way. With many wants this is skipped, as its time grows with their square.
    for (uint32_t i = 0; i < p->n && p->n <= 64; i++)
        if (i != a.which)
            try_moves_of(p, i, &b);
    return b.any;
}
