// SPDX-License-Identifier: MIT
#include "diag/diag_list.h"

#include <string.h>

enum { LONGEST = 128, MOST = 1000, SEARCHES = 100 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

// Insertions, deletions, replacements and swaps of neighbours, three rows of the table at a time.
// Stops with limit + 1 when it cannot stay within the limit.
static uint32_t distance(const char *a, size_t na, const char *b, size_t nb, uint32_t limit)
{
    uint32_t rows[3][LONGEST + 1];
    uint32_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (uint32_t j = 0; j <= nb; j++)
        above[j] = j;
    for (uint32_t i = 1; i <= na; i++) {
        uint32_t best = row[0] = i;
        for (uint32_t j = 1; j <= nb; j++) {
            bool same = a[i - 1] == b[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
            best = least(best, row[j]);
        }
        // A swap reaches back two rows, so the row above must be out of reach, too.
        if (best > limit + 1)
            return limit + 1;
        uint32_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[nb];
}

const char *nearest(const char *word, const char *const *candidates, size_t n)
{
    size_t len = strlen(word);
    if (len == 0 || len > LONGEST)
        return NULL;
    uint32_t limit = len < 6 ? 1 : (uint32_t)(len / 3);
    const char *best = NULL;
    bool tie = false;
    for (size_t i = 0; i < n && i < MOST; i++) {
        size_t other = strlen(candidates[i]);
        if (other == 0 || other > LONGEST || (other > len ? other - len : len - other) > limit)
            continue;
        uint32_t d = distance(word, len, candidates[i], other, limit);
        if (d > limit || d >= len)
            continue;
        tie = best && d == limit && (tie || strcmp(best, candidates[i]) != 0);
        best = candidates[i];
        if (d == 0)
            return best;
        limit = d; // only as near a one is of interest now
    }
    return tie ? NULL : best;
}

bool diags_seek(const struct diags *ds)
{
    return ds->searches < SEARCHES;
}

const char *diags_nearest(struct diags *ds, const char *word, const char *const *candidates, size_t n)
{
    if (!diags_seek(ds))
        return NULL;
    ds->searches++;
    return nearest(word, candidates, n);
}
