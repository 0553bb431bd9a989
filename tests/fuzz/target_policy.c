// SPDX-License-Identifier: MIT
// A policy: what cannot be read is refused with a place inside of the text and what to do; what can be is held against
// a config with one of everything. What a config needs is enough for it.
#include "base.h"
#include "machrt.h"

#include "../unit/config_sample.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sample_config {
    uint8_t *bytes;
    uint32_t size;
    struct mach_config *config;
};

static int make(struct machc *c, void *opaque)
{
    struct sample_config *x = opaque;
    struct sample *s = sample_new(c);
    const uint8_t *bytes = config_bytes(c, s->plan, s->m, (const uint8_t *)"", 0, &x->size);
    x->bytes = malloc(x->size);
    if (!x->bytes)
        abort();
    memcpy(x->bytes, bytes, x->size);
    return 0;
}

static const struct mach_config *sample(void)
{
    static struct sample_config x;
    if (!x.config && (machc_run(make, &x) || mach_config_from_memory("sample.cfg", x.bytes, x.size, &x.config, NULL)))
        finding("the sample is refused");
    return x.config;
}

// "policy:LINE:COLUMN" is inside of the text, or just behind a line.
static void check_place(const struct mach_error *e, const uint8_t *data, size_t size)
{
    unsigned line, column, n = 1;
    char rest;
    if (strcmp(e->step, "policy") != 0 || !*e->hint || sscanf(e->object, "policy:%u:%u%c", &line, &column, &rest) != 2)
        finding("refused without a place: %s: %s", e->object, e->hint);
    const uint8_t *at = data, *end = data + size;
    for (; n < line; n++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at++)
            finding("line %u of %u", line, n);
    }
    const uint8_t *feed = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (!column || column > (size_t)((feed ? feed : end) - at) + 1)
        finding("column %u of line %u", column, line);
}

static int refusals;

static void count(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    refusals++;
    if (!*f->object || !*f->text || f->proof != MACH_PROOF_FAILS)
        finding("an empty refusal");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mach_policy *policy;
    struct mach_error e = MACH_ERROR_INIT;
    const struct mach_options o = {.size = sizeof o, .finding = count};
    int r = mach_policy_from_memory("policy", data, size, &policy, &e);
    if (r) {
        check_place(&e, data, size);
        return 0;
    }
    refusals = 0;
    if (mach_policy_check(policy, sample(), &o, &e) != refusals)
        finding("%s: %s", e.object, e.hint);
    mach_policy_close(policy);
    return 0;
}
