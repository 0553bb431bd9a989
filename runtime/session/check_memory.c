// SPDX-License-Identifier: MIT
// What `machrt check` can say of memory whose place on the host counts, without taking it.
#include "session/pages.h"

#include <errno.h>
#include <inttypes.h>

/* What the pool has of the memory that is wanted. */
struct search {
    const struct memory *m;
    bool found;
    struct runs_told runs;
};

static void look_at(void *opaque, uint64_t page, uint64_t first, uint64_t bytes)
{
    struct search *x = (struct search *)opaque;
    uint64_t stated = mach_cfg_memory_page_size(x->m->rec), size = x->m->m.size;
    machrt_tell_run(&x->runs, first, bytes);
    if (size % page || (stated && stated != page))
        return;
    for (uint64_t at = 0; !x->found && at + size <= bytes; at += page)
        x->found = machrt_fits_at(x->m, first + at);
}

static enum mach_proof check_contiguous(struct mach_session *s, const struct memory *m, char *text, size_t size)
{
    struct search x = {.m = m};
    char runs[RUNS_TEXT];
    const char *why = machrt_cannot_pin(s);
    if (why) {
        snprintf(text, size, "%s", why);
        return MACH_PROOF_FAILS;
    }
    int r = machrt_scan_pool(&s->sys, UINT64_MAX, look_at, &x);
    if (r) {
        snprintf(text, size, "the kernel does not show the pool of huge pages: %s", strerror(-r));
        return MACH_PROOF_UNKNOWN;
    }
    if (x.found)
        return MACH_PROOF_HOLDS;
    snprintf(text, size,
             "there are no %" PRIu64 " MiB of huge pages side by side where they are needed: free are %s. Raise "
             "/sys/kernel/mm/hugepages/hugepages-*/nr_hugepages early after boot, or boot with hugepages=N",
             m->m.size >> 20, machrt_runs_text(&x.runs, runs, sizeof runs));
    return MACH_PROOF_FAILS;
}

enum mach_proof machrt_check_memory(struct mach_session *s, const struct memory *m, char *text, size_t size)
{
    int number = 0;
    switch (mach_cfg_memory_backing(m->rec)) {
    case MACH_CFG_BACKING_CONTIGUOUS:
        return check_contiguous(s, m, text, size);
    case MACH_CFG_BACKING_PHYSICAL: {
        const char *why = machrt_why_not_reserved(s, m, true, text, size, &number);
        if (!why)
            return MACH_PROOF_HOLDS;
        if (why != text)
            snprintf(text, size, "%s", why);
        return number == EINVAL ? MACH_PROOF_FAILS : MACH_PROOF_UNKNOWN;
    }
    default:
        snprintf(text, size, "a session tries it");
        return MACH_PROOF_UNKNOWN;
    }
}
