// SPDX-License-Identifier: MIT
// Compares memory `from physical` with the host's tree: registers, reserved memory and RAM.
#include "across/owners.h"
#include "host/refs.h"

#include <inttypes.h>
#include <stdlib.h>

static bool is_reserved(const struct dt_node *n)
{
    return n->parent && !strcmp(n->parent->name, "reserved-memory");
}

bool is_host_ram(const struct planner *p, const struct dt_node *n)
{
    const struct dt_prop *type = dt_prop(p->host->tree, n, p->n->device_type);
    const char *word = type ? dt_string(type, 0) : NULL;
    return (word && !strcmp(word, "memory")) || is_reserved(n);
}

/* Memory that overlaps a reserved node. */
struct over_reserved {
    const struct p_machine *machine;
    const struct p_memory *memory;
    const struct host_region *reserved;
};

/* The first reference to a reserved node from a device that machine `owner` does not have; NULL: the host has it. */
struct reserved_user {
    const struct dt_node *node;
    const struct dt_prop *prop;
    const struct p_machine *owner;
    struct reserved_user *next; // a user with another owner, or NULL
};

struct ram_range {
    uint64_t first, last;
};

struct physical {
    struct planner *p;
    const struct p_machine *machine;
    const struct p_memory *memory;
    uint64_t first, last;
    const struct host_region *registers; // registers in use that the memory overlaps; or NULL
    VEC(struct over_reserved) reserved;
    struct map users; // reserved node -> its struct reserved_user; the node itself until one is found
    VEC(struct ram_range) ram;
    bool ram_known; // `ram` is sorted, and its ranges do not touch
};

/* ---- what the memory overlaps ---- */

static bool add_overlap(void *opaque, const struct host_region *h)
{
    struct physical *s = opaque;
    if (host_node_is_idle(s->p, h->node) || !h->size)
        return true;
    const struct owner *o = s->p->host_owner[h->node_id];
    if (!is_host_ram(s->p, h->node)) {
        s->registers = h;
        return false;
    }
    if (is_reserved(h->node) && !(o && o->machine == s->machine)) {
        vec_push(draft_arena(s->p->c), &s->reserved, ((struct over_reserved){s->machine, s->memory, h}));
        map_putp(draft_arena(s->p->c), &s->users, h->node, NULL, NULL);
    }
    return true;
}

static void report_registers_below(struct physical *s)
{
    struct planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0532, s->memory->m->back_arg.at, "memory `%s` overlaps registers of %s",
                          s->memory->m->name, dt_path(p->c->arena, s->registers->node));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, s->first, s->last);
    diag_fact(d, "%s: its region %u is at 0x%" PRIx64 "..0x%" PRIx64, p->host->file, s->registers->index,
              s->registers->address, s->registers->address + (s->registers->size - 1));
    diag_help(d, "write an address in the host's RAM");
}

/* ---- the host's RAM ---- */

static int by_first(const void *a, const void *b)
{
    const struct ram_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void list_ram(struct physical *s)
{
    s->ram_known = true;
    bool ram = false;
    for (uint32_t i = 0; i < s->p->host->nregions; i++) {
        const struct host_region *h = &s->p->host->regions[i];
        uint64_t last = h->address + (h->size - 1);
        if (!h->translated || !h->size || last < h->address || !is_host_ram(s->p, h->node))
            continue;
        ram = ram || !is_reserved(h->node);
        vec_push(draft_arena(s->p->c), &s->ram, ((struct ram_range){h->address, last}));
    }
    if (!ram) // sources of trees often leave RAM to the boot loader
        s->ram.n = 0;
    if (!s->ram.n)
        return;
    qsort(s->ram.at, s->ram.n, sizeof *s->ram.at, by_first);
    uint32_t n = 0;
    for (uint32_t i = 1; i < s->ram.n; i++) {
        struct ram_range *end = &s->ram.at[n], *r = &s->ram.at[i];
        if (end->last == UINT64_MAX || r->first <= end->last + 1)
            end->last = r->last > end->last ? r->last : end->last;
        else
            s->ram.at[++n] = *r;
    }
    s->ram.n = n + 1;
}

/* Warns about memory that is not in RAM as a whole, if the tree says where RAM is. */
static void check_ram(struct physical *s)
{
    if (!s->ram_known)
        list_ram(s);
    uint32_t low = 0, high = s->ram.n;
    while (low < high) { // find the first range that begins after the memory does
        uint32_t mid = low + (high - low) / 2;
        if (s->ram.at[mid].first <= s->first)
            low = mid + 1;
        else
            high = mid;
    }
    if (!s->ram.n || (low && s->ram.at[low - 1].last >= s->last))
        return;
    bool some = (low && s->ram.at[low - 1].last >= s->first) || (low < s->ram.n && s->ram.at[low].first <= s->last);
    struct diag *d = diag(s->p->c->diags, W0501, s->memory->m->back_arg.at,
                          "memory `%s` is %soutside of the host's RAM", s->memory->m->name, some ? "partly " : "");
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, s->first, s->last);
    const struct ram_range *near = &s->ram.at[low ? low - 1 : 0];
    diag_fact(d, "%s: %s RAM is at 0x%" PRIx64 "..0x%" PRIx64, s->p->host->file, low ? "the next lower" : "the first",
              near->first, near->last);
    diag_help(d, "write an address in RAM, or compile with the tree of the running board, /sys/firmware/fdt");
}

/* ---- reserved memory ---- */

static void add_user(struct physical *s, const struct dt_node *target, const struct dt_node *n,
                     const struct dt_prop *prop)
{
    uint64_t known;
    if (!map_get(&s->users, (uintptr_t)target, 0, &known) || host_node_is_idle(s->p, n))
        return;
    const struct owner *o = s->p->host_owner[n->id];
    const struct p_machine *owner = o ? o->machine : NULL;
    struct reserved_user *first = (struct reserved_user *)(uintptr_t)known;
    // Two users with different owners are enough: one of them is foreign to any machine.
    if (first && (first->next || first->owner == owner))
        return;
    struct reserved_user *u = NEW(draft_arena(s->p->c), struct reserved_user);
    *u = (struct reserved_user){n, prop, owner, NULL};
    if (first)
        first->next = u;
    else
        map_putp(draft_arena(s->p->c), &s->users, target, NULL, u);
}

/* Finds the users of the reserved nodes that memory overlaps. */
static void find_users(struct physical *s)
{
    const struct dt_node *root = s->p->host->tree->root;
    struct ref_entries e = {0};
    for (const struct dt_node *n = root; n; n = dt_next(n, root))
        for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
            const struct ref_rule *rule = host_ref_rule(s->p, n, prop);
            if (!rule || !host_ref_entries(s->p, prop, rule, &e))
                continue;
            for (uint32_t i = 0; i < e.n; i++)
                if (e.at[i].target)
                    add_user(s, e.at[i].target, n, prop);
        }
}

static void check_reserved(struct physical *s, const struct over_reserved *over)
{
    struct planner *p = s->p;
    const struct host_region *h = over->reserved;
    uint64_t first = over->memory->m->back_arg.value, last = first + (over->memory->size - 1);
    bool inside = h->address <= first && last <= h->address + (h->size - 1);
    const struct reserved_user *user = map_getp(&s->users, h->node, NULL);
    if (user && user->owner == over->machine)
        user = user->next;
    const struct dt_prop *compatible = dt_prop(p->host->tree, h->node, p->n->compatible);
    const char *driver = compatible ? dt_string(compatible, 0) : NULL;
    bool reusable = dt_prop(p->host->tree, h->node, intern(p->c->names, "reusable")) != NULL;
    bool given = map_getp(&s->users, h->node, NULL) && !user; // its users belong to this machine
    if (inside && !user && !reusable && (!driver || given))
        return;
    struct diag *d = diag(p->c->diags, E0537, over->memory->m->back_arg.at, "memory `%s` overlaps reserved memory %s",
                          over->memory->m->name, dt_path(p->c->arena, h->node));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, first, last);
    diag_fact(d, "%s: it is at 0x%" PRIx64 "..0x%" PRIx64, p->host->file, h->address, h->address + (h->size - 1));
    if (user && user->owner)
        diag_fact(d, "%s of machine `%s` uses it: `%s`", dt_path(p->c->arena, user->node), user->owner->name,
                  user->prop->name);
    else if (user)
        diag_fact(d, "%s uses it: `%s`", dt_path(p->c->arena, user->node), user->prop->name);
    else if (reusable)
        diag_fact(d, "it is `reusable`: the host's kernel uses it");
    else if (driver && !given)
        diag_fact(d, "it is for a driver of the host, \"%s\"", driver);
    diag_help(d, inside ? "write an address outside of it, or of a reserved node that has no user"
                        : "write an address outside of it, or one at which all of the memory is inside of a reserved "
                          "node without a user");
}

void check_physical(struct planner *p)
{
    if (!p->host)
        return;
    struct physical s = {.p = p};
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        s.machine = p->plan->machines.at[i];
        for (uint32_t k = 0; k < s.machine->memory.n; k++) {
            s.memory = &s.machine->memory.at[k];
            s.first = s.memory->m->back_arg.value;
            s.last = s.first + (s.memory->size - 1);
            if (s.memory->m->backing != BACK_PHYSICAL || !s.memory->size || s.last < s.first)
                continue;
            s.registers = NULL;
            host_overlaps(p->host, s.first, s.memory->size, add_overlap, &s);
            if (s.registers)
                report_registers_below(&s);
            else
                check_ram(&s);
        }
    }
    if (s.reserved.n)
        find_users(&s);
    for (uint32_t i = 0; i < s.reserved.n; i++)
        check_reserved(&s, &s.reserved.at[i]);
}
