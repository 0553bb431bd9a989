// SPDX-License-Identifier: MIT
// A host tree as source is parsed, built, indexed, written in both forms and read again.
#include "base.h"

#include "host/host.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    bool plugin; // it is an overlay
};

static struct dt_tree *parse(struct machc *c, const char *name, const uint8_t *data, size_t size, bool *plugin)
{
    const struct source *s = base_source(c, name, data, size);
    uint32_t before = diags_errors(c->diags);
    struct dts_file *f = dts_parse(c, s);
    *plugin = f && f->plugin.file;
    return f && diags_errors(c->diags) == before ? dts_build(c, s, f) : NULL;
}

static int compile(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    struct input *in = opaque;
    struct dt_tree *t = parse(c, "input.dts", in->data, in->size, &in->plugin);
    if (!t && !diags_errors(c->diags))
        finding("no tree, and no message");
    uint32_t n = 0, again = 0;
    bool plugin = t && in->plugin;
    if (plugin)
        check_overlay(c, t);
    const uint8_t *dtb = t && !plugin ? dtb_write(c, t, false, &n) : NULL;
    if (dtb) {
        check_dtb(c, dtb, n);
        host_index(c, c->schemas, t, "input.dts", nowhere);
        if (diags_errors(c->diags))
            finding("indexing a tree is no reason to refuse it");
        const char *text = dts_write(c, t, false);
        struct dt_tree *same = parse(c, "again.dts", (const uint8_t *)text, strlen(text), &plugin);
        const uint8_t *second = same ? dtb_write(c, same, false, &again) : NULL;
        if (!second || again != n || memcmp(dtb, second, n))
            finding("the source that was written is read as another tree");
    }
    check_messages(c);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size, false};
    base_run(compile, &in);
    return 0;
}
