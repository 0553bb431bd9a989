// SPDX-License-Identifier: MIT
// Compares memory `from physical`, and raw regions of /dev/mem, with the host's tree: registers, reserved memory and
// RAM.
#include "across/owners.h"
#include "base/sorted.h"
#include "host/refs.h"
#include "plan/describe.h"

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

/* Physical addresses that a machine takes: memory, or a raw region of /dev/mem. */
struct taken {
    const struct p_machine *machine;
    const struct p_memory *memory; // or NULL
    const struct p_region *region; // or NULL
    struct src at;
    uint64_t first, last;
};

struct over_reserved {
    struct taken taken;
    const struct host_region *reserved;
};

/* The first reference to a reserved node from a device that machine `owner` does not have; NULL: the host has it. */
struct reserved_user {
    const struct dt_node *node;
    const struct dt_prop *prop;
    const struct p_machine *owner;
    struct reserved_user *next; // a user with another owner, or NULL
};

struct range {
    uint64_t first, last;
};

struct ranges {
    VEC(struct range) list; // sorted, and none touches another
    bool known;
};

struct physical {
    struct planner *p;
    struct taken taken;                  // at hand
    const struct host_region *registers; // registers in use that it overlaps; or NULL
    bool reserved_all;                   // the tree reserves all of it
    VEC(struct over_reserved) reserved;
    struct map users;        // reserved node -> its struct reserved_user; the node itself until one is found
    struct ranges ram, kept; // kept: by /memreserve/
};

static const char *taken_text(struct planner *p, const struct taken *k)
{
    return k->memory ? arena_printf(p->c->arena, "memory `%s`", k->memory->m->name) : describe_region(p->c, k->region);
}

/* ---- what it overlaps ---- */

static bool add_overlap(void *opaque, const struct host_region *h)
{
    struct physical *s = opaque;
    if (host_node_is_idle(s->p, h->node) || !h->size)
        return true;
    const struct owner *o = s->p->host_owner[h->node_id];
    if (!is_host_ram(s->p, h->node)) {
        s->registers = h;
        return !s->taken.memory; // check_pages() looks at a region's
    }
    if (is_reserved(h->node) && !(o && o->machine == s->taken.machine)) {
        vec_push(draft_arena(s->p->c), &s->reserved, ((struct over_reserved){s->taken, h}));
        map_putp(draft_arena(s->p->c), &s->users, h->node, NULL, NULL);
        if (h->address <= s->taken.first && s->taken.last <= h->address + (h->size - 1))
            s->reserved_all = true;
    }
    return true;
}

static void report_registers_below(struct physical *s)
{
    struct planner *p = s->p;
    const struct taken *k = &s->taken;
    struct diag *d = diag(p->c->diags, E0532, k->at, "%s overlaps registers of %s", taken_text(p, k),
                          dt_path(p->c->arena, s->registers->node));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, k->first, k->last);
    diag_fact(d, "%s: its region %u is at 0x%" PRIx64 "..0x%" PRIx64, p->host->file, s->registers->index,
              s->registers->address, s->registers->address + (s->registers->size - 1));
    diag_help(d, "write an address in the host's RAM");
}

/* ---- the host's RAM ---- */

static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void sort_and_join(struct ranges *r)
{
    struct range *at = r->list.at;
    if (!r->list.n)
        return;
    qsort(at, r->list.n, sizeof *at, by_first);
    uint32_t n = 0;
    for (uint32_t i = 1; i < r->list.n; i++) {
        if (at[n].last == UINT64_MAX || at[i].first <= at[n].last + 1)
            at[n].last = at[i].last > at[n].last ? at[i].last : at[n].last;
        else
            at[++n] = at[i];
    }
    r->list.n = n + 1;
}

/* The index of the first range that begins after `address`. */
static uint32_t first_after(const struct ranges *r, uint64_t address)
{
    return sorted_up_to(r->list.at, r->list.n, sizeof *r->list.at, address);
}

static void list_ram(struct physical *s)
{
    s->ram.known = true;
    bool ram = false;
    for (uint32_t i = 0; i < s->p->host->nregions; i++) {
        const struct host_region *h = &s->p->host->regions[i];
        uint64_t last = h->address + (h->size - 1);
        if (!h->translated || !h->size || last < h->address || !is_host_ram(s->p, h->node))
            continue;
        ram = ram || !is_reserved(h->node);
        vec_push(draft_arena(s->p->c), &s->ram.list, ((struct range){h->address, last}));
    }
    if (!ram) // sources of trees often leave RAM to the boot loader
        s->ram.list.n = 0;
    sort_and_join(&s->ram);
}

/* Warns about memory that is not in RAM as a whole, if the tree says where RAM is. */
static void check_ram(struct physical *s)
{
    if (!s->ram.known)
        list_ram(s);
    const struct taken *k = &s->taken;
    const struct range *ram = s->ram.list.at;
    uint32_t n = s->ram.list.n, low = first_after(&s->ram, k->first);
    if (!n || (low && ram[low - 1].last >= k->last))
        return;
    bool some = (low && ram[low - 1].last >= k->first) || (low < n && ram[low].first <= k->last);
    struct diag *d = diag(s->p->c->diags, W0501, k->at, "%s is %soutside of the host's RAM", taken_text(s->p, k),
                          some ? "partly " : "");
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, k->first, k->last);
    const struct range *near = &ram[low ? low - 1 : 0];
    diag_fact(d, "%s: %s RAM is at 0x%" PRIx64 "..0x%" PRIx64, s->p->host->file, low ? "the next lower" : "the first",
              near->first, near->last);
    diag_help(d, "write an address in RAM, or compile with the tree of the running board, /sys/firmware/fdt");
}

/* ---- reserved memory ---- */

static void list_kept(struct physical *s)
{
    const struct dt_tree *t = s->p->host->tree;
    s->kept.known = true;
    for (uint32_t i = 0; i < t->nreserves; i++) {
        uint64_t first = t->reserves[i].address, size = t->reserves[i].size, last = first + (size - 1);
        if (size && last >= first)
            vec_push(draft_arena(s->p->c), &s->kept.list, ((struct range){first, last}));
    }
    sort_and_join(&s->kept);
}

/*
 * Memory that is inside of a /memreserve/ may have been reserved for the guest. What lies partly in it is partly the
 * firmware's, and partly the kernel's.
 */
static void check_kept(struct physical *s)
{
    if (!s->kept.known)
        list_kept(s);
    const struct taken *k = &s->taken;
    const struct range *kept = s->kept.list.at, *over = NULL;
    uint32_t after = first_after(&s->kept, k->first);
    bool pool = k->memory && k->memory->provider == BY_HUGETLB;
    if (after && kept[after - 1].last >= k->first)
        over = kept[after - 1].last >= k->last && !pool ? NULL : &kept[after - 1];
    else if (after < s->kept.list.n && kept[after].first <= k->last)
        over = &kept[after];
    if (!over) {
        s->reserved_all = s->reserved_all || (after && kept[after - 1].last >= k->last);
        return;
    }
    bool all = over->first <= k->first && k->last <= over->last;
    struct diag *d = diag(s->p->c->diags, E0537, k->at, "%s is %sreserved by the /memreserve/ of the host's tree",
                          taken_text(s->p, k), all ? "" : "partly ");
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, k->first, k->last);
    diag_fact(d, "%s: 0x%" PRIx64 "..0x%" PRIx64 " is reserved", s->p->host->file, over->first, over->last);
    diag_help(d, all ? "write an address outside of it: no huge page is there"
                     : "write an address outside of it, or one at which all of it is inside");
}

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
            const struct ref_rule *rule = host_ref_rule(s->p->host, n, prop);
            if (!rule || !host_ref_entries(s->p, prop, rule, &e))
                continue;
            for (uint32_t i = 0; i < e.n; i++)
                if (e.at[i].target)
                    add_user(s, e.at[i].target, n, prop);
        }
}

/* arm64: KVM maps it as device memory; Power: uncached. Elsewhere KVM takes the attributes of other memory. */
static bool must_be_kernels(const struct p_machine *m, const struct p_memory *x)
{
    const char *arch = m->m->platform->arch;
    return is_ram_of_guest(x) && (!strcmp(arch, "arm64") || !strcmp(arch, "ppc"));
}

/* Memory that lies in a reserved node without another user: can the guest run there, and who can provide it? */
static void check_use_of_reserved(struct physical *s, const struct over_reserved *over)
{
    struct planner *p = s->p;
    const struct host_region *h = over->reserved;
    const struct p_memory *m = over->taken.memory;
    bool no_map = dt_prop(p->host->tree, h->node, intern(p->c->names, "no-map")) != NULL;
    struct diag *d = NULL;
    if (!m)
        return;
    if (no_map && must_be_kernels(over->taken.machine, m))
        d = diag(p->c->diags, E0541, m->m->back_arg.at,
                 strcmp(over->taken.machine->m->platform->arch, "ppc")
                     ? "memory `%s` cannot be run in: KVM maps what is not the kernel's own memory as device memory"
                     : "memory `%s` cannot be run in: KVM maps what is not the kernel's own memory uncached",
                 m->m->name);
    else if (m->provider == BY_HUGETLB)
        d = diag(p->c->diags, E0542, m->m->back_arg.at,
                 "memory `%s` is in no pool of huge pages: the host's tree reserves it", m->m->name);
    else
        return;
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, m->physical, m->physical + (m->size - 1));
    diag_fact(d, "%s: %s is at 0x%" PRIx64 "..0x%" PRIx64 "%s", p->host->file, dt_path(p->c->arena, h->node),
              h->address, h->address + (h->size - 1), no_map ? ", with `no-map`" : "");
    if (no_map)
        diag_help(d,
                  "write `memory %s size 0x%" PRIx64 " from contiguous;`, or an address in RAM that nothing reserves",
                  m->m->name, m->size);
    else
        diag_help(d, "write `by reserved`, or an address outside of it");
}

static void check_reserved(struct physical *s, const struct over_reserved *over)
{
    struct planner *p = s->p;
    const struct taken *k = &over->taken;
    const struct host_region *h = over->reserved;
    bool inside = h->address <= k->first && k->last <= h->address + (h->size - 1);
    const struct reserved_user *user = map_getp(&s->users, h->node, NULL);
    if (user && user->owner == k->machine)
        user = user->next;
    const struct m_keep *keep = keep_of(p, h->node);
    const struct dt_prop *compatible = dt_prop(p->host->tree, h->node, p->n->compatible);
    const char *driver = compatible ? dt_string(compatible, 0) : NULL;
    bool reusable = dt_prop(p->host->tree, h->node, intern(p->c->names, "reusable")) != NULL;
    bool given = map_getp(&s->users, h->node, NULL) && !user; // its users belong to this machine
    if (inside && !keep && !user && !reusable && (!driver || given)) {
        check_use_of_reserved(s, over);
        return;
    }
    struct diag *d = diag(p->c->diags, E0537, k->at, "%s overlaps reserved memory %s", taken_text(p, k),
                          dt_path(p->c->arena, h->node));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, k->first, k->last);
    if (keep)
        diag_note(d, keep->at, "it is kept for the host here");
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
    if (inside)
        diag_help(d, "write an address outside of it, or of a reserved node that has no user");
    else
        diag_help(d,
                  "write an address outside of it, or one at which all of the %s is inside of a reserved node "
                  "without a user",
                  k->memory ? "memory" : "region");
}

static void check_taken(struct physical *s)
{
    s->registers = NULL;
    s->reserved_all = false;
    if (s->taken.last < s->taken.first || !s->p->host)
        return;
    host_overlaps(s->p->host, s->taken.first, s->taken.last - s->taken.first + 1, add_overlap, s);
    if (s->registers && s->taken.memory)
        report_registers_below(s);
    else if (s->taken.memory)
        check_ram(s);
    check_kept(s);
}

static void check_machine(struct physical *s, const struct p_machine *m)
{
    for (uint32_t k = 0; k < m->memory.n; k++) {
        const struct p_memory *x = &m->memory.at[k];
        uint64_t first = x->m->back_arg.value;
        s->taken = (struct taken){m, x, NULL, x->m->back_arg.at, first, first + (x->size - 1)};
        if (x->m->backing == BACK_PHYSICAL && x->size)
            check_taken(s);
    }
    for (uint32_t k = 0; k < m->devices.n; k++) {
        const struct p_device *d = m->devices.at[k];
        for (uint32_t i = 0; d->kind == DEV_RAW && i < d->regions.n; i++) {
            struct p_region *r = d->regions.at[i];
            s->taken = (struct taken){m, NULL, r, r->at, 0, 0};
            if (r->shadow || r->mode == REGION_DROP || !get_host_range(r, &s->taken.first, &s->taken.last))
                continue;
            check_taken(s);
            // Where RAM is, a boot loader may have said otherwise. The kernel lists what is reserved without `no-map`
            // as its own.
            r->prove_free = !s->reserved_all;
        }
    }
}

void check_physical(struct planner *p)
{
    struct physical s = {.p = p};
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        check_machine(&s, p->plan->machines.at[i]);
    if (s.reserved.n)
        find_users(&s);
    for (uint32_t i = 0; i < s.reserved.n; i++)
        check_reserved(&s, &s.reserved.at[i]);
}
