// SPDX-License-Identifier: MIT
// A schema file is read in addition to a few built-in ones, and machines use what it describes. The target is linked
// with a small table of built-in schemas, because reading all of them would take most of the time.
#include "base.h"

#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRIALS = 24 };

struct input {
    const struct schemas *schemas;
    const char *text;
    const uint8_t *data;
    size_t size;
};

static int try_one(struct machc *c, void *opaque)
{
    const struct input *in = opaque;
    c->schemas = in->schemas;
    check_source(c, (const uint8_t *)in->text, strlen(in->text));
    return 0;
}

static void try_text(struct machc *c, struct input *in, const char *text)
{
    in->text = text;
    if (machc_again(c, try_one, in))
        finding("no memory");
}

static int load(struct machc *c, void *opaque)
{
    struct input *in = opaque;
    c->schema_dir = base_folder("input.json", in->data, in->size);
    in->schemas = schemas_load(c);
    if (!in->schemas && !diags_errors(c->diags))
        finding("no schemas, and no message");
    check_messages(c);
    if (!in->schemas)
        return 0;
    uint32_t n = 0;
    for (const char *const *p = in->schemas->platform_names; *p && n < TRIALS; p++, n++)
        try_text(c, in,
                 arena_printf(c->arena, "machine m : %s { cpus 3; memory ram size 16M; device u ns16550a; }", *p));
    n = 0;
    for (const char *const *k = in->schemas->class_names; *k && n < TRIALS; k++, n++)
        try_text(c, in,
                 arena_printf(c->arena,
                              "machine m : arm64-virt { cpus 1; memory ram size 16M; device a %s; device b %s; }", *k,
                              *k));
    n = 0;
    for (const char *const *k = in->schemas->irqchip_names; *k && n < TRIALS; k++, n++)
        try_text(c, in,
                 arena_printf(
                     c->arena,
                     "machine m : arm64-virt { cpus 2; irqchip i %s; memory ram size 16M; device u ns16550a; }", *k));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.data = data, .size = size};
    base_run(load, &in);
    return 0;
}
