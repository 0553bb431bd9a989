// SPDX-License-Identifier: MIT
// A board's blob is read and indexed, and its devices are passed through one by one.
#include "base.h"

#include "host/host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRIALS = 6 };

struct input {
    const uint8_t *data;
    size_t size;
    const char *text;
};

static int try_one(struct machc *c, void *opaque)
{
    const struct input *in = opaque;
    check_source(c, (const uint8_t *)in->text, strlen(in->text));
    return 0;
}

static const char *quoted(struct machc *c, const char *path)
{
    char *s = arena_alloc(c->arena, strlen(path) * 4 + 1), *at = s;
    for (; *path; path++) {
        if (*path == '"' || *path == '\\' || *path == '{' || *path == '}' || (unsigned char)*path < ' ')
            at += sprintf(at, "\\x%02x", (unsigned char)*path);
        else
            *at++ = *path;
    }
    return s;
}

static int board(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    static const char *const platforms[] = {"arm64-virt", "e500mc-kvm", "riscv64-virt", "x86-64"};
    static const char *const dma[] = {"none", "all", "identity"};
    struct input *in = opaque;
    struct dt_tree *t = dtb_read(c, base_source(c, "board.dtb", in->data, in->size), nowhere);
    if (!t && !diags_errors(c->diags))
        finding("no tree, and no message");
    if (t && dt_is_overlay(t)) {
        check_overlay(c, t);
    } else if (t && !diags_errors(c->diags)) {
        uint32_t n = 0;
        const uint8_t *dtb = dtb_write(c, t, false, &n);
        if (dtb)
            check_dtb(c, dtb, n);
        dts_write(c, t, false);
        c->host = host_index(c, c->schemas, t, "board.dtb", nowhere);
        const char *reg = intern(c->names, "reg");
        uint32_t i = 0;
        for (const struct dt_node *d = t->root; d && i < TRIALS; d = dt_next(d, t->root)) {
            if (!d->parent || !dt_prop(t, d, reg))
                continue;
            in->text = arena_printf(
                c->arena, "machine m : %s { cpus 1; memory ram size 16M; passthrough \"%s\" { %sdma %s; } }\n",
                platforms[in->size / 4 % 4], quoted(c, dt_path(c->arena, d)), i % 2 ? "ref * drop; " : "", dma[i % 3]);
            if (machc_again(c, try_one, in))
                finding("no memory");
            i++;
        }
    }
    check_messages(c);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size, NULL};
    base_run(board, &in);
    return 0;
}
