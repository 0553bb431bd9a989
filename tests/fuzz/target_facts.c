// SPDX-License-Identifier: MIT
// A snapshot of a host, as `machrt probe` writes it, is compared with a board that has groups of several kinds.
#include "base.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    struct host *host;
};

static int work(struct machc *c, void *opaque)
{
    static const char machines[] =
        "machine m : arm64-virt { cpus 2 on 1..2; memory low at 0x07f00000 size 2M; memory ram at 0x40000000 size "
        "64M;\n"
        "    irqchip gic : gic-v3 at 0x3f000000;\n"
        "    passthrough &ring0 { dma all; } passthrough &sai0 { dma all; } passthrough &sai1 { dma main { map ram; } "
        "} }\n"
        "machine n : arm64-virt { cpus 1; memory ram at 0x40000000 size 64M; passthrough &ring1 { dma all; }\n"
        "    passthrough platform \"10060000.syscon\" { region 0 size 4K; dma none; edit { compatible = \"a\"; }; } "
        "}\n";
    const struct input *in = opaque;
    const char *folder = base_folder("input.json", in->data, in->size);
    c->host = in->host;
    const char *text = arena_printf(c->arena, "host \"small.dts\" { facts \"%s/input.json\"; }\n%s", folder, machines);
    check_source(c, (const uint8_t *)text, strlen(text));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size, base_host("small.dts")};
    if (!in.host)
        finding("there is no small.dts");
    base_run(work, &in);
    return 0;
}
