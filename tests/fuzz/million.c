// SPDX-License-Identifier: MIT
/*
 * Reads a million mutated guest.cfg files: none may crash the reader, no inconsistent one may be accepted.
 *
 *     million [-n COUNT] [-s SEED] FILE.cfg ...
 *
 * At most half of them have a single change: one field set to each of its boundary values, or one bit flipped, with the
 * checksum repaired. The others have one to four random changes of fields, records and sections. The reader and audit.c
 * both judge each file and must agree. Accepted files are printed as text and as JSON, which uses every accessor. The
 * same COUNT and SEED give the same files everywhere. Exit: 0, or 1 with the file in finding.cfg.
 */
#include "audit.h"
#include "machcfg_file.h"
#include "machrt.h"
#include "mutate_cfg.h"

#include "../../runtime/config/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BOUNDARIES = 27, ROOM = 4096, LAST_ERROR = MACH_CFG_E_NO_EXPECTATION };

struct seed {
    const char *name;
    uint8_t *bytes;
    size_t size;
    uint64_t fields, bits; // single changes
};

struct run {
    struct seed *seeds;
    uint32_t nseeds;
    uint64_t singles; // of all seeds together
    uint64_t accepted, refused[LAST_ERROR + 1];
    FILE *sink;
    uint8_t *buffer;
    size_t room;
};

static int read_seed(const char *path, struct seed *s)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    static uint8_t bytes[1 << 20];
    s->name = path;
    s->size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    s->bytes = malloc(s->size + 1);
    if (!s->bytes)
        return -1;
    memcpy(s->bytes, bytes, s->size);
    s->fields = cfg_places(s->bytes, s->size) * BOUNDARIES;
    s->bits = (uint64_t)s->size * 8;
    return s->fields ? 0 : -1;
}

/* Makes the i-th single change of a seed. */
static void single(const struct seed *s, uint8_t *p, uint64_t i)
{
    if (i < s->fields) {
        struct cfg_place place = cfg_place(p, s->size, i / BOUNDARIES);
        int more;
        uint64_t v = cfg_boundary(&place, (uint32_t)(i % BOUNDARIES), &more);
        if (more)
            cfg_put(&place, v);
    } else {
        i -= s->fields;
        p[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    audit_seal(p, s->size);
}

static size_t make(const struct run *r, uint64_t i, uint64_t count, uint64_t number, struct rng *rng)
{
    uint64_t half = count / 2 < r->singles ? count / 2 : r->singles;
    if (i < half) {
        uint64_t at = (uint64_t)((long double)i * (long double)r->singles / (long double)half);
        const struct seed *s = r->seeds;
        for (; at >= s->fields + s->bits; s++)
            at -= s->fields + s->bits;
        memcpy(r->buffer, s->bytes, s->size);
        single(s, r->buffer, at);
        return s->size;
    }
    rng->state = number * UINT64_C(0x2545f4914f6cdd1d) + i; // files are independent: no need to create the earlier ones
    const struct seed *s = &r->seeds[rng_below(rng, r->nseeds)];
    memcpy(r->buffer, s->bytes, s->size);
    return cfg_mutate(rng, r->buffer, s->size, r->room);
}

static int disagree(const uint8_t *p, size_t size, uint64_t i, const char *reader, const char *rule)
{
    FILE *f = fopen("finding.cfg", "wb");
    if (f) {
        fwrite(p, 1, size, f);
        fclose(f);
    }
    printf("file %" PRIu64 ": the reader says %s, docs/guest-cfg.md says %s; see finding.cfg\n", i, reader,
           rule ? rule : "fine");
    return -1;
}

static int judge(struct run *r, const uint8_t *made, size_t size, uint64_t i)
{
    // Exactly as large, so that a sanitizer detects a read past the end.
    uint8_t *p = malloc(size ? size : 1);
    if (!p)
        abort();
    memcpy(p, made, size);
    struct mach_config *config;
    struct mach_error e = MACH_ERROR_INIT;
    int bad = mach_config_from_memory("guest.cfg", p, size, &config, &e);
    // Most have just been sealed. Verify the checksum if the reader rejected it, and in a sample of the others.
    const char *rule = (bad && !strcmp(e.name, "CHECKSUM")) || i % 16 == 0 ? audit(p, size) : audit_sealed(p, size);
    int result = 0;
    if (!bad != !rule)
        result = disagree(p, size, i, bad ? e.name : "fine", rule);
    if (!bad) {
        r->accepted++;
        mach_config_show(config, r->sink);
        mach_config_json(config, r->sink);
        mach_config_close(config);
    }
    for (int k = MACH_CFG_E_OK; bad && k <= LAST_ERROR; k++)
        r->refused[k] += !strcmp(e.name, machrt_fault_name((enum mach_cfg_error)k));
    free(p);
    return result;
}

static void report(const struct run *r, uint64_t count, double seconds)
{
    uint64_t refused = 0;
    for (int k = 0; k <= LAST_ERROR; k++)
        refused += r->refused[k];
    printf("%" PRIu64 " mutated guest.cfg files, from %u, in %.1f s: %" PRIu64 " accepted, %" PRIu64 " refused:\n",
           count, r->nseeds, seconds, r->accepted, refused);
    for (int k = 1; k <= LAST_ERROR; k++)
        printf("    %8" PRIu64 "  %s\n", r->refused[k], machrt_fault_name((enum mach_cfg_error)k));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static ssize_t swallow(void *cookie, const char *bytes, size_t n)
{
    (void)cookie;
    (void)bytes;
    return (ssize_t)n;
}

int main(int argc, char **argv)
{
    uint64_t count = 1000000, number = 1;
    for (int c; (c = getopt(argc, argv, "n:s:")) != -1;) {
        if (c == '?')
            return 2;
        *(c == 'n' ? &count : &number) = strtoull(optarg, NULL, 0);
    }
    struct run r = {.nseeds = (uint32_t)(argc - optind)};
    r.seeds = calloc(r.nseeds + 1, sizeof *r.seeds);
    r.sink = fopencookie(NULL, "w", (cookie_io_functions_t){.write = swallow});
    if (!r.seeds || !r.sink || !r.nseeds)
        return 2;
    for (uint32_t i = 0; i < r.nseeds; i++) {
        if (read_seed(argv[optind + (int)i], &r.seeds[i])) {
            fprintf(stderr, "%s: cannot be read, or is no guest.cfg\n", argv[optind + (int)i]);
            return 2;
        }
        r.singles += r.seeds[i].fields + r.seeds[i].bits;
        if (r.seeds[i].size + ROOM > r.room)
            r.room = r.seeds[i].size + ROOM;
    }
    r.buffer = malloc(r.room);
    if (!r.buffer)
        return 2;
    double start = now();
    uint64_t failed = 0;
    struct rng rng;
    for (uint64_t i = 0; i < count && !failed; i++) {
        size_t size = make(&r, i, count, number, &rng);
        failed = judge(&r, r.buffer, size, i) != 0;
    }
    report(&r, count, now() - start);
    printf("mutated configs: %" PRIu64 " passed, %" PRIu64 " failed\n", count - failed, failed);
    for (uint32_t i = 0; i < r.nseeds; i++)
        free(r.seeds[i].bytes);
    free(r.seeds);
    free(r.buffer);
    fclose(r.sink);
    return failed != 0;
}
