// SPDX-License-Identifier: MIT
// Which runs of memory there are, for a message: the largest, in the order of their addresses.
#include "session/pages.h"

#include <inttypes.h>

void machrt_tell_run(struct runs_told *to, uint64_t first, uint64_t size)
{
    uint32_t n = to->all < RUNS_TOLD ? (uint32_t)to->all : RUNS_TOLD, least = 0;
    to->all++;
    if (n == RUNS_TOLD) { // the smallest one goes, of equal ones the last
        for (uint32_t i = 1; i < n; i++)
            least = to->run[i].size <= to->run[least].size ? i : least;
        if (to->run[least].size >= size)
            return;
        n--;
        memmove(to->run + least, to->run + least + 1, (n - least) * sizeof to->run[0]);
    }
    to->run[n].first = first;
    to->run[n].size = size;
}

const char *machrt_runs_text(const struct runs_told *runs, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "%s", runs->all ? "" : "none");
    for (uint32_t i = 0; i < RUNS_TOLD && i < runs->all && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s0x%" PRIx64 "+%" PRIu64 "M", i ? ", " : "", runs->run[i].first,
                              runs->run[i].size >> 20);
    if (runs->all > RUNS_TOLD && n < size)
        snprintf(text + n, size - n, ", the largest of %" PRIu64, runs->all);
    return text;
}
