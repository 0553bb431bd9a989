// SPDX-License-Identifier: MIT
// Compares the solvers for page tables, TCE windows and no IOMMU with a page-by-page definition of their results.
#include "dma/solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { PAGE = 4096, ROOM = 96, CASES = 20000 };

static uint64_t state; // splitmix64

static uint32_t below(uint32_t n)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static int seeded(void **unused)
{
    (void)unused;
    const char *given = getenv("SEED");
    state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("seed %llu (SEED=%llu repeats it)\n", (unsigned long long)state, (unsigned long long)state);
    return 0;
}

/* ---- page tables ---- */

// Random neighbours: of the same memory or another, adjacent on the host or not, with the same rights or not.
static uint32_t random_wants(struct dma_want *w)
{
    uint32_t n = 0;
    for (uint64_t page = below(4); page < ROOM;) {
        uint64_t pages = 1 + below(4);
        bool follows = n && below(3);
        w[n] = (struct dma_want){.iova = page * PAGE,
                                 .size = pages * PAGE,
                                 .host = follows ? w[n - 1].host + w[n - 1].size : (uint64_t)below(1000) * PAGE,
                                 .chunk = UINT64_MAX,
                                 .same = follows && below(4) ? w[n - 1].same : below(3),
                                 .readonly = below(4) == 0};
        n++;
        page += pages + (below(3) ? 0 : below(4));
    }
    return n;
}

/* A mapping is a run of pages that each follow the previous one: there are exactly as many mappings as runs. */
static void fewest_mappings(void **unused)
{
    (void)unused;
    uint32_t joined = 0, most = 0, least = ROOM;
    for (uint32_t i = 0; i < CASES; i++) {
        struct dma_want w[ROOM], *of[ROOM] = {NULL};
        uint32_t n = random_wants(w), runs = 0;
        for (uint32_t k = 0; k < n; k++)
            for (uint64_t p = w[k].iova / PAGE; p < (w[k].iova + w[k].size) / PAGE && p < ROOM; p++)
                of[p] = &w[k];
        for (uint64_t p = 0; p < ROOM; p++) {
            const struct dma_want *a = p ? of[p - 1] : NULL, *b = of[p];
            bool same =
                a && b && a->same == b->same && a->readonly == b->readonly && a->host - a->iova == b->host - b->iova;
            runs += b && !same;
        }
        struct pagetable_answer out = pagetable_solve(w, n, PAGE, NULL, 0);
        assert_int_equal(out.why, PAGETABLE_OK);
        assert_int_equal(out.mappings, runs);
        joined += runs < n;
        most = runs > most ? runs : most;
        least = runs < least ? runs : least;
    }
    assert_true(joined > CASES / 10 && most - least > 10);
}

static void reserved_pages(void **unused)
{
    (void)unused;
    uint32_t met = 0;
    for (uint32_t i = 0; i < CASES; i++) {
        struct dma_want w[ROOM];
        struct dma_span r[3];
        uint32_t n = random_wants(w), nr = below(4);
        bool bad = false;
        for (uint32_t k = 0; k < nr; k++) {
            uint64_t first = (uint64_t)below(ROOM * 2) * PAGE;
            r[k] = (struct dma_span){first, first + (uint64_t)(1 + below(6)) * PAGE - 1};
        }
        for (uint32_t k = 0; k < n; k++)
            for (uint64_t a = w[k].iova; a < w[k].iova + w[k].size; a += PAGE)
                for (uint32_t x = 0; x < nr; x++)
                    bad = bad || (a >= r[x].first && a <= r[x].last);
        struct pagetable_answer out = pagetable_solve(w, n, PAGE, r, nr);
        assert_int_equal(out.why, bad ? PAGETABLE_RESERVED : PAGETABLE_OK);
        met += bad;
    }
    assert_true(met > CASES / 10 && met < CASES);
}

static void ends_of_things(void **unused)
{
    (void)unused;
    const struct dma_span msi = {0x8000000, 0x80fffff};
    struct dma_want w = {.iova = 0x7fff000, .size = 0x1000, .chunk = UINT64_MAX};
    assert_int_equal(pagetable_solve(&w, 1, PAGE, &msi, 1).why, PAGETABLE_OK);
    w.size = 0x2000;
    assert_int_equal(pagetable_solve(&w, 1, PAGE, &msi, 1).why, PAGETABLE_RESERVED);
    w.iova = 0x8100000;
    assert_int_equal(pagetable_solve(&w, 1, PAGE, &msi, 1).why, PAGETABLE_OK);
    w.iova = UINT64_MAX - 0x1fff; // up to the last address
    assert_int_equal(pagetable_solve(&w, 1, PAGE, &msi, 1).why, PAGETABLE_OK);
    // Device address, size and host address must each be aligned to the host's page.
    w = (struct dma_want){.iova = 0x10000, .size = 0x10000, .host = 0x10000, .chunk = UINT64_MAX};
    assert_int_equal(pagetable_solve(&w, 1, 0x10000, NULL, 0).why, PAGETABLE_OK);
    w.iova = 0x11000;
    assert_int_equal(pagetable_solve(&w, 1, 0x10000, NULL, 0).why, PAGETABLE_UNALIGNED);
    w.iova = 0x10000, w.size = 0x11000;
    assert_int_equal(pagetable_solve(&w, 1, 0x10000, NULL, 0).why, PAGETABLE_UNALIGNED);
    w.size = 0x10000, w.host = 0x1000;
    assert_int_equal(pagetable_solve(&w, 1, 0x10000, NULL, 0).why, PAGETABLE_UNALIGNED);
}

static void entry_limit(void **unused)
{
    (void)unused;
    struct dma_want *w = calloc(DMA_ENTRY_LIMIT + 1, sizeof *w);
    assert_non_null(w);
    for (uint32_t i = 0; i <= DMA_ENTRY_LIMIT; i++)
        w[i] = (struct dma_want){.iova = (uint64_t)i * 2 * PAGE, .size = PAGE, .chunk = UINT64_MAX};
    assert_int_equal(pagetable_solve(w, DMA_ENTRY_LIMIT, PAGE, NULL, 0).why, PAGETABLE_OK);
    assert_int_equal(pagetable_solve(w, DMA_ENTRY_LIMIT + 1, PAGE, NULL, 0).why, PAGETABLE_ENTRIES);
    free(w);
}

/* ---- TCE windows ---- */

static void tce_windows(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < CASES; i++) {
        struct dma_want w[4];
        uint32_t n = 1 + below(4);
        uint64_t last = 0;
        for (uint32_t k = 0; k < n; k++) {
            uint64_t unit = UINT64_C(1) << (12 + below(18));
            w[k] = (struct dma_want){.iova = below(64) * unit,
                                     .size = (1 + below(8)) * unit,
                                     .host = below(64) * unit,
                                     .chunk = below(2) ? UINT64_MAX : UINT64_C(1) << (12 + below(18))};
            last = w[k].iova + w[k].size - 1 > last ? w[k].iova + w[k].size - 1 : last;
        }
        struct spapr_answer a = spapr_solve(w, n);
        // The smallest power of two that holds everything, and pages that divide everything.
        assert_true(!(a.size & (a.size - 1)) && a.size > last && (a.size == 4096 || a.size / 2 <= last));
        uint64_t page = UINT64_C(1) << a.page_shift;
        bool larger = true; // would the next larger page size work?
        static const uint8_t shifts[] = {12, 16, 21, 24, 25, 26, 27, 28, 30, 34};
        uint64_t next = 0;
        for (size_t s = 0; s + 1 < sizeof shifts; s++)
            if (shifts[s] == a.page_shift)
                next = UINT64_C(1) << shifts[s + 1];
        for (uint32_t k = 0; k < n; k++) {
            assert_true(!((w[k].iova | w[k].size | w[k].host) % page) && w[k].chunk >= page);
            larger = larger && next && !((w[k].iova | w[k].size | w[k].host) % next) && w[k].chunk >= next;
        }
        assert_false(larger);
    }
}

/* ---- no IOMMU ---- */

static void identity(void **unused)
{
    (void)unused;
    struct dma_want w[] = {{.iova = 0x40000000, .size = PAGE, .host = 0x40000000, .chunk = UINT64_MAX},
                           {.iova = 0x50000000, .size = PAGE, .host = 0x50000000, .chunk = UINT64_MAX}};
    assert_int_equal(identity_moved(w, 2), 2);
    w[1].host += PAGE;
    assert_int_equal(identity_moved(w, 2), 1);
    w[0].chunk = 1 << 21; // huge pages can be anywhere
    assert_int_equal(identity_moved(w, 2), 0);
    assert_int_equal(identity_moved(w, 0), 0);
}

static void requesters(void **unused)
{
    (void)unused;
    assert_int_equal(guest_iommu_requester(0, 3, 0), 0x18);
    assert_int_equal(guest_iommu_requester(1, 31, 7), 0x1ff);
    assert_true(guest_iommu_requester(255, 31, 7) < GUEST_IOMMU_PLATFORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewest_mappings), cmocka_unit_test(reserved_pages), cmocka_unit_test(ends_of_things),
        cmocka_unit_test(entry_limit),     cmocka_unit_test(tce_windows),    cmocka_unit_test(identity),
        cmocka_unit_test(requesters),
    };
    return cmocka_run_group_tests(tests, seeded, NULL);
}
