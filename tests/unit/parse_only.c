// SPDX-License-Identifier: MIT
// Parses files and reports messages: `parse_only [-d] FILE...`. -d: a .dts. Exit status 1 if there were messages.
#include "ast/ast.h"
#include "machc.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int parse(const char *path, bool dts, bool times)
{
    static jmp_buf oom;
    struct arena *a = arena_new(&oom, hash_key_random());
    if (!a || setjmp(oom)) {
        fprintf(stderr, "parse_only: out of memory\n");
        return 2;
    }
    struct machc c = {.arena = a, .names = intern_new(a)};
    c.sources = sources_new(a);
    c.diags = diags_new(a, c.sources);
    const char *why;
    int err;
    const struct source *s = source_read(c.sources, path, false, &why, &err);
    if (!s) {
        fprintf(stderr, "parse_only: %s: %s\n", path, why);
        arena_free(a);
        return 2;
    }
    size_t before = arena_used(a);
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    if (dts)
        dts_parse(&c, s);
    else
        mach_parse(&c, s);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    if (times)
        printf("%s: %.1f ms, %zu KiB for %u KiB of text\n", path,
               (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6,
               (arena_used(a) - before) / 1024, s->len / 1024);
    uint32_t n = diags_errors(c.diags) + diags_warnings(c.diags);
    if (n) {
        struct diag_style style = {.max_errors = 0};
        diags_print(c.diags, stdout, &style);
    }
    arena_free(a);
    return n != 0;
}

int main(int argc, char **argv)
{
    bool dts = false, times = false;
    int status = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-d"))
            dts = true;
        else if (!strcmp(argv[i], "-t"))
            times = true;
        else {
            int r = parse(argv[i], dts, times);
            status = r > status ? r : status;
        }
    }
    return status;
}
