// SPDX-License-Identifier: MIT
/*
 * Prints what machc knows of each node of a board: one line, as tests/corpus/linux_view.py prints it.
 *
 *     nodes ARCH BOARD.dtb ...
 *
 * ARCH is arm, arm64, riscv64 or ppc. An empty line ends a board.
 */
#include "host/linux.h"
#include "machc.h"
#include "plan/planner.h"
#include "plan/streams.h"
#include "tree/dma.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct job {
    const char *arch, *board;
};

static const struct dt_node *target(const void *opaque, const struct dt_prop *prop, uint32_t cell)
{
    return host_phandle(opaque, dt_cell(prop, cell));
}

static void put_windows(const struct dma_reach *r)
{
    if (!r->bus)
        fputs("all", stdout);
    else if (!r->n)
        fputs("none", stdout);
    for (uint32_t i = 0; r->bus && i < r->n; i++)
        printf("%s0x%" PRIx64 "+0x%" PRIx64 "+0x%" PRIx64, i ? "," : "", r->windows[i].bus, r->windows[i].cpu,
               r->windows[i].size);
}

static void put_streams(struct machc *c, struct planner *p, const struct dt_node *n)
{
    stream_list all = {0};
    streams_of_node(p, n, &all);
    for (uint32_t i = 0; i < all.n; i++) {
        const struct stream *s = &all.at[i];
        if (s->iommu && s->mask == UINT32_MAX)
            printf("%s%s:-", i ? "," : "", dt_path(c->arena, s->iommu));
        else if (s->iommu)
            printf("%s%s:0x%" PRIx32 "/0x%" PRIx32, i ? "," : "", dt_path(c->arena, s->iommu), s->id, s->mask);
        else
            printf("%sliodn:0x%" PRIx32, i ? "," : "", s->id);
    }
    if (!all.n)
        putchar('-');
}

/* As linux_view.py does, but for children of clients of other buses, whose devices linux_view.py does not know all. */
static const char *name_how(struct linux_view *view, const struct dt_node *n)
{
    static const char *const hows[] = {
        [LINUX_BY_CORE] = "by-core",   [LINUX_BY_DRIVER] = "by-driver",
        [LINUX_MAYBE] = "maybe",       [LINUX_NOT_BY_DRIVER] = "not-by-driver",
        [LINUX_NAMELESS] = "nameless", [LINUX_DISABLED] = "disabled",
        [LINUX_SKIPPED] = "skipped",   [LINUX_TAKEN_EARLY] = "early",
    };
    if (!n->parent)
        return "root";
    struct linux_device d = linux_device_of(view, n);
    if (d.how != LINUX_BY_DRIVER)
        return hows[d.how];
    uint8_t above = linux_device_of(view, d.at).how;
    return above == LINUX_BY_CORE || above == LINUX_BY_DRIVER ? "by-driver" : "by-client";
}

static int show(struct machc *c, void *opaque)
{
    const struct job *job = opaque;
    static const struct src nowhere;
    const char *why;
    int err;
    const struct source *s = source_read(c->sources, job->board, true, &why, &err);
    c->schemas = s ? schemas_load(c) : NULL;
    struct dt_tree *t = c->schemas ? dtb_read(c, s, nowhere) : NULL;
    struct host *h = t ? host_index(c, c->schemas, t, "board.dtb", nowhere) : NULL;
    if (!h) {
        fprintf(stderr, "%s: cannot be read\n", job->board);
        return 2;
    }
    struct model model = {0};
    struct linux_view view = {.c = c, .host = h};
    struct planner p = {.c = c, .host = h, .schemas = c->schemas, .model = &model, .has_iommus = true};
    struct dma_view dma;
    dma_view_begin(&dma, c->arena, t, target, h);
    // As arch/riscv and arch/powerpc select ARCH_DMA_DEFAULT_COHERENT.
    bool coherent = !strcmp(job->arch, "riscv64") || !strcmp(job->arch, "ppc");
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        const struct dt_node *by;
        struct dma_reach reach = dma_reach_of(&dma, n);
        printf("%s\tdevice=%s\tname=%s\tcoherent=%d\tdma=", dt_path(c->arena, n), name_how(&view, n),
               n->parent ? host_sysfs_name(c, h, n) : "", dma_is_coherent(&dma, n, coherent, &by));
        put_windows(&reach);
        fputs("\tstreams=", stdout);
        put_streams(c, &p, n);
        putchar('\n');
    }
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 3) {
        fputs("nodes ARCH BOARD.dtb ...\n", stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct job job = {argv[1], argv[i]};
        int one = machc_run(show, &job);
        status = one ? 2 : status;
    }
    return status;
}
