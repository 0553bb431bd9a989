// SPDX-License-Identifier: MIT
/*
 * Checks that each PCI function has one owner: a machine that it is passed through to, or those that map its BARs from
 * files in sysfs; that no machine has its host bridge; and that functions of one slot go to one machine.
 */
#include "across/owners.h"
#include "dma/dma.h"
#include "facts/facts.h"
#include "plan/describe.h"
#include "plan/streams.h"

#include <inttypes.h>

/* ---- functions by their files ---- */

/* The file of a PCI function in sysfs. */
struct function_file {
    const char *name; // of the function: "0000:01:00.0"; or NULL
    size_t len;
    const char *file; // "resource0"
};

/* Whether the path names a file of a PCI function in sysfs, wherever it is there. */
static bool is_function_file(const char *path, struct function_file *f)
{
    const char *slash = strrchr(path, '/');
    *f = (struct function_file){.file = slash ? slash + 1 : path};
    if (strncmp(path, "/sys/", 5) != 0 || (strncmp(f->file, "resource", 8) != 0 && strcmp(f->file, "rom") != 0))
        return false;
    const char *name = slash;
    while (name[-1] != '/')
        name--;
    uint32_t domain, requester;
    if (parse_function_name(name, (size_t)(slash - name), &domain, &requester)) {
        f->name = name;
        f->len = (size_t)(slash - name);
    }
    return true;
}

const char *name_of_part(struct planner *p, const char *path)
{
    struct function_file f;
    if (!is_function_file(path, &f) || !f.name)
        return path;
    size_t n = strlen(f.file);
    bool combining = n > 3 && !strcmp(f.file + n - 3, "_wc"); // the same BAR (Linux drivers/pci/pci-sysfs.c)
    return intern(p->c->names, arena_printf(p->c->arena, "/sys/bus/pci/devices/%.*s/%.*s", (int)f.len, f.name,
                                            (int)(combining ? n - 3 : n), f.file));
}

/* ---- owners of a function ---- */

struct functions {
    struct planner *p;
    struct owner_table *t;
};

static uint64_t function_number(uint32_t domain, uint32_t requester)
{
    return (uint64_t)domain << 16 | requester;
}

const char *function_text(struct planner *p, uint64_t number)
{
    uint32_t rid = (uint32_t)number & 0xffff;
    return arena_printf(p->c->arena, "%04" PRIx64 ":%02" PRIx32 ":%02" PRIx32 ".%" PRIu32, number >> 16, rid >> 8,
                        rid >> 3 & 0x1f, rid & 7);
}

static const char *owner_text(struct planner *p, const struct owned *o)
{
    if (o->what == OWN_IS_MEMORY)
        return arena_printf(p->c->arena, "memory `%s`", ((const struct p_memory *)o->by)->m->name);
    if (o->what == OWN_IS_REGION)
        return describe_region(p->c, o->by);
    return arena_printf(p->c->arena, "`%s`", ((const struct p_device *)o->by)->name);
}

/* A function below a host bridge that a machine has, or that is kept, cannot be had. */
static void check_bridge(struct planner *p, const struct owned *o)
{
    uint32_t requester;
    const char *name = function_text(p, o->first);
    const struct dt_node *bridge = bridge_of_function(p, name, &requester);
    const struct owner *owner = bridge ? p->host_owner[bridge->id] : NULL;
    const struct m_keep *keep = bridge ? keep_of(p, node_of_requester(p, bridge, requester)) : NULL;
    if (!owner && !keep)
        return;
    struct diag *d = diag(p->c->diags, E1044, *o->at, "PCI function %s is at or behind %s, which %s", name,
                          dt_path(p->c->arena, owner ? bridge : keep->node),
                          owner ? arena_printf(p->c->arena, "machine `%s` has", owner->machine->name)
                                : "the host keeps with what is below it");
    diag_note(d, owner ? owner->at : keep->at, owner ? "it is passed through here" : "it is kept here");
    diag_help(d, owner ? "pass only one of them through: with the bridge, its machine gets all functions behind it"
                       : "remove one of the statements");
}

static void add_file(struct functions *s, const char *path, struct owned o)
{
    struct function_file f;
    uint32_t domain, requester;
    if (!path || !is_function_file(path, &f))
        return;
    if (!f.name) {
        struct diag *d = diag(s->p->c->diags, E1045, *o.at, "\"%s\" does not tell which PCI function it is of", path);
        diag_help(d, "write the function's own name, `/sys/bus/pci/devices/0000:01:00.0/%s`", f.file);
        return;
    }
    parse_function_name(f.name, f.len, &domain, &requester);
    o.first = o.last = function_number(domain, requester);
    check_bridge(s->p, &o);
    add_owned(s->t, &o);
}

static void add_device(struct functions *s, const struct p_machine *m, const struct p_device *d)
{
    struct owned o = {0, 0, NULL, d, m, &d->at, OWN_FUNCTION, OWN_IS_DEVICE};
    uint32_t domain, requester;
    if (d->kind == DEV_PCI && !d->host && d->sysfs_name &&
        parse_function_name(d->sysfs_name, strlen(d->sysfs_name), &domain, &requester)) {
        o.first = o.last = function_number(domain, requester);
        check_bridge(s->p, &o);
        add_owned(s->t, &o);
    }
    for (uint32_t i = 0; d->kind == DEV_RAW && i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (r->mode != REGION_DROP && !r->shadow)
            add_file(s, r->file, (struct owned){0, 0, NULL, r, m, &r->at, OWN_FUNCTION, OWN_IS_REGION});
    }
}

void collect_functions(struct planner *p, struct owner_table *t)
{
    struct functions s = {p, t};
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *g = &m->memory.at[k];
            if (g->m->backing == BACK_FILE)
                add_file(&s, g->m->file, (struct owned){0, 0, NULL, g, m, &g->m->at, OWN_FUNCTION, OWN_IS_MEMORY});
        }
        for (uint32_t k = 0; k < m->devices.n; k++)
            add_device(&s, m, m->devices.at[k]);
    }
}

void report_functions(struct planner *p, const struct owned *a, const struct owned *b)
{
    if (a->what == OWN_IS_DEVICE && b->what == OWN_IS_DEVICE)
        return; // a device of one name is passed through once (E0370)
    struct diag *d =
        diag(p->c->diags, E1043, *a->at, "%s of `%s` and %s of `%s` are of one PCI function, %s", owner_text(p, a),
             a->machine->name, owner_text(p, b), b->machine->name, function_text(p, a->first));
    diag_note(d, *b->at, "the other one is here");
    diag_help(d, "remove one of them: a function has one owner");
}

/* ---- slots ---- */

/* Whether the running host tells which group the function is in. */
static bool has_known_group(struct planner *p, const struct p_device *d)
{
    return p->facts && map_getp(&p->facts->member_of, intern(p->c->names, d->sysfs_name), NULL);
}

void collect_slots(struct planner *p, struct owner_table *t)
{
    // The functions of a PAMU's controller are one group, or each is one: group_reach.c.
    for (uint32_t i = 0; iommu_way(p) != IOMMU_WINDOWS && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            uint32_t domain, requester;
            if (d->kind != DEV_PCI || d->host || !d->sysfs_name || has_known_group(p, d) ||
                !parse_function_name(d->sysfs_name, strlen(d->sysfs_name), &domain, &requester) ||
                !function_has_iommu(p, d->sysfs_name))
                continue;
            uint64_t slot = function_number(domain, requester) >> 3;
            add_owned(t, &(struct owned){slot, slot, NULL, d, m, &d->at, OWN_SLOT, OWN_IS_DEVICE});
        }
    }
}

void report_slots(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct p_device *x = a->by, *y = b->by;
    struct diag *w = diag(p->c->diags, W1025, *a->at, "%s and %s are functions of one slot, but go to two machines",
                          x->sysfs_name, y->sysfs_name);
    diag_note(w, *b->at, "machine `%s` gets %s here", b->machine->name, y->sysfs_name);
    diag_fact(w, "they are one IOMMU group unless each isolates itself (PCIe ACS) or is a virtual function, which only "
                 "the running host knows");
    diag_help(w,
              "add a snapshot of the board, which lists its groups, to `host`, `facts \"board.facts.json\";`, or pass "
              "both through to one machine");
}
