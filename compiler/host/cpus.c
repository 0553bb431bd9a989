// SPDX-License-Identifier: MIT
// The host's cpus, numbered as Linux numbers them.
#include "host/internal.h"

/* Linux does not count a cpu that is disabled, unless it says how to enable it (Devicetree Specification 3.8.1). */
static bool is_counted(const struct host *h, const struct dt_node *n, const char *enable_method)
{
    const struct dt_prop *type = dt_prop(h->tree, n, h->p->device_type);
    const char *word = type ? dt_string(type, 0) : NULL;
    return word && !strcmp(word, "cpu") && (!host_disabled(h, n) || dt_prop(h->tree, n, enable_method));
}

/*
 * On PowerPC Linux numbers threads: those that `servers` lists, or else `reg` (arch/powerpc/kernel/setup-common.c,
 * smp_setup_cpu_maps()). Elsewhere a node is one cpu, and its `reg` has one entry.
 */
static uint32_t threads_of(const struct host *h, const struct dt_node *n, const char *servers)
{
    const struct dt_prop *reg = dt_prop(h->tree, n, h->p->reg), *listed = dt_prop(h->tree, n, servers);
    uint32_t cells = host_address_cells(h, n->parent), threads = 1;
    if (listed)
        threads = listed->len / 4;
    else if (reg && cells && cells <= BUS_MAX_CELLS)
        threads = reg->len / (cells * 4);
    return threads ? threads : 1;
}

void host_number_cpus(struct machc *c, struct host *h)
{
    const struct dt_node *cpus = dt_at(h->tree, "/cpus");
    const char *enable_method = intern(c->names, "enable-method");
    const char *servers = intern(c->names, "ibm,ppc-interrupt-server#s");
    VEC(const struct dt_node *) list = {0};
    for (const struct dt_node *n = cpus ? cpus->child : NULL; n; n = n->next)
        for (uint32_t i = is_counted(h, n, enable_method) ? threads_of(h, n, servers) : 0; i; i--)
            vec_push(c->arena, &list, n);
    h->cpus = list.at;
    h->ncpus = list.n;
}

const struct dt_node *host_cpu(const struct host *h, uint32_t cpu)
{
    return h && cpu < h->ncpus ? h->cpus[cpu] : NULL;
}
