// SPDX-License-Identifier: MIT
/*
 * The table of owners of all machines and the host. While machines are planned, nodes are given to them (plan/given.c)
 * and their uses of providers are recorded (plan/uses.c). When all are planned, check_owners() collects everything that
 * can have only one owner in a table, one space at a time, and sorts it, so that two owners of a thing are neighbours.
 * What the host owns of registers and lines is not in the table: it is looked up in the host index.
 */
#ifndef MACHC_ACROSS_OWNERS_H
#define MACHC_ACROSS_OWNERS_H

#include "across/across.h"

/* The kind of numbers that identify a thing. Things of different spaces never conflict. */
enum own_space {
    OWN_BIT,          // bits of registers: shadows, and what has the registers as a whole
    OWN_PHYSICAL,     // physical addresses of the host: registers, memory, windows of PCI buses
    OWN_PAGE,         // the same: pages that are mapped for registers, and registers that are not
    OWN_FILE,         // offsets in a file: memory, regions and interrupts of raw devices
    OWN_LINE,         // lines of one of the host's interrupt controllers
    OWN_STREAM,       // stream ids at one of the host's IOMMUs
    OWN_STREAM_RANGE, // the same, for all devices that a bus may have
    OWN_DMA_ID,       // ids of one kind that the whole board shares: LIODNs
    OWN_PROVIDER,     // specifiers of one of the host's providers
    OWN_GROUP,        // IOMMU groups of the snapshot
    OWN_FUNCTION,     // PCI functions
    OWN_SLOT,         // slots of PCI functions
    OWN_CPU           // host cpus
};

enum own_what {
    OWN_IS_REGION,
    OWN_IS_MEMORY,
    OWN_IS_IRQ,
    OWN_IS_NODE,
    OWN_IS_USE,
    OWN_IS_DEVICE,
    OWN_IS_CPU,
    OWN_IS_WRITE,
    OWN_IS_WINDOW
};

/* A thing and its owner: the numbers first to last (inclusive) of a space. */
struct owned {
    uint64_t first, last;
    // What has the numbers: a dt_node (OWN_LINE, OWN_STREAM, OWN_PROVIDER), the name of a file, or a schema_dma_id.
    const void *in;
    const void *by; // what uses the thing: a p_region, p_memory, p_irq, dt_node ... depending on `what`
    const struct p_machine *machine; // NULL: the host
    const struct src *at;            // the statement; NULL for the host
    uint8_t space, what;             // enum own_space, enum own_what
};

/* The entries of one space at a time. */
struct owner_table {
    struct arena *arena; // for the list
    VEC(struct owned) list;
};

/* Adds a copy of `o` to the table. */
void add_owned(struct owner_table *t, const struct owned *o);

/* Whether two entries are in different things (owned.in), so that they never conflict. */
bool is_other_thing(const struct owned *a, const struct owned *b);

/*
 * sweep.c: calls `found` with two entries of different owners that have a number in common; in a table that is sorted
 * by thing and first number. Each entry that conflicts with any before it is reported, once. `within`: two entries of
 * one machine may conflict as well.
 */
void find_two_owners(struct owner_table *t, bool within,
                     void (*found)(void *opaque, const struct owned *x, const struct owned *y), void *opaque);

/*
 * For each space, collect_*() adds what is owned to the table, and report_*() reports two owners of a thing: `a` is the
 * entry of a machine, where the message is placed, and `b` is the other entry. The same files have further checks of
 * the same things, which check_owners() calls as well.
 */

/*
 * addresses.c: physical addresses. get_host_range() returns false if a region has none that are known.
 */
void collect_addresses(struct planner *p, struct owner_table *t);
bool get_host_range(const struct p_region *r, uint64_t *first, uint64_t *last);

/* registers.c: reports them. check_pages() reports mapped regions that share registers or pages with other nodes. */
void report_registers(struct planner *p, const struct owned *a, const struct owned *b);
void check_pages(struct planner *p);

/* pages.c: pages of one machine that contain registers of another one. */
void collect_pages(struct planner *p, struct owner_table *t);
void report_pages(struct planner *p, const struct owned *a, const struct owned *b);
bool maps_pages(const struct p_region *r); // and nothing in the text says that this is meant

/* Returns the statement "region 0 trap;", inside the `child` that it belongs to. In p->c->arena. */
const char *region_statement_text(struct planner *p, const struct p_region *r, const char *fate);

/*
 * shadows.c: bits of registers. check_shadow_races() warns of registers that are read and written back by two (W1006).
 */
void collect_bits(struct planner *p, struct owner_table *t);
void report_bits(struct planner *p, const struct owned *a, const struct owned *b);
void check_shadow_races(struct planner *p);

/*
 * memory.c: files. check_memory() compares both ends of shares.
 */
void collect_files(struct planner *p, struct owner_table *t);
void report_files(struct planner *p, const struct owned *a, const struct owned *b);
void report_memory(struct planner *p, const struct owned *a, const struct owned *b);
void check_memory(struct planner *p);

/*
 * physical.c: reports memory `from physical` that the host's tree contradicts: it overlaps registers (E0532) or
 * reserved memory that has another user (E0537), or is outside of the host's RAM (W0501).
 */
void check_physical(struct planner *p);

/* Whether a host node describes memory: RAM, or a part of it that is reserved. */
bool is_host_ram(const struct planner *p, const struct dt_node *n);

/* lines.c: lines of interrupt controllers. It also reports lines that the host itself uses. */
void collect_lines(struct planner *p, struct owner_table *t);
void report_lines(struct planner *p, const struct owned *a, const struct owned *b);

/* streams.c: ids by which IOMMUs identify devices. */
void collect_streams(struct planner *p, struct owner_table *t);
void collect_stream_ranges(struct planner *p, struct owner_table *t);
void report_streams(struct planner *p, const struct owned *a, const struct owned *b);
void collect_dma_ids(struct planner *p, struct owner_table *t);
void report_dma_ids(struct planner *p, const struct owned *a, const struct owned *b);

/* providers.c: exclusive resources of providers. It also reports providers that one machine has and others need. */
void collect_providers(struct planner *p, struct owner_table *t);
void report_providers(struct planner *p, const struct owned *a, const struct owned *b);

/* Names what is used: "reset 5 of /soc/reset-controller@1000". The text is allocated in p->c->arena. */
const char *describe_use(struct planner *p, const struct provider_use *u);

/* iommu_groups.c: IOMMU groups. It also reports members of a group that stay with the host. */
void collect_iommu_groups(struct planner *p, struct owner_table *t);
void report_iommu_groups(struct planner *p, const struct owned *a, const struct owned *b);

/*
 * functions.c: PCI functions, by name and by the files of their BARs in sysfs. It also reports those below a host
 * bridge that another machine has, or that is kept.
 */
void collect_functions(struct planner *p, struct owner_table *t);
void report_functions(struct planner *p, const struct owned *a, const struct owned *b);
const char *function_text(struct planner *p, uint64_t number); // "0000:01:00.0"
void collect_slots(struct planner *p, struct owner_table *t);
void report_slots(struct planner *p, const struct owned *a, const struct owned *b);

/* The one name of what a file contains: of a BAR's files in sysfs, the same; else the path. Interned. */
const char *name_of_part(struct planner *p, const char *path);

/* owner_rows.c: add rows to p->plan->owned, for a sorted space, and for what the host needs or keeps. */
void add_owner_rows(struct planner *p, const struct owner_table *t);
void add_host_rows(struct planner *p);

#endif
