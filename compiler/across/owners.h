// SPDX-License-Identifier: MIT
/*
 * Who owns what, over all machines and the host. While machines are planned, nodes are given to them (plan/given.c)
 * and what they take from providers is remembered (plan/uses.c). When all are planned, check_owners() puts everything
 * that can have one owner only into one table, space by space; two owners of a thing are neighbours in it. What the
 * host's tree has an index for (its registers, its lines) is looked up there instead.
 */
#ifndef MACHC_ACROSS_OWNERS_H
#define MACHC_ACROSS_OWNERS_H

#include "across/across.h"

/* What a number counts in: things of different spaces have nothing to do with each other. */
enum own_space {
    OWN_PHYSICAL,     // addresses of the host: registers, memory
    OWN_FILE,         // offsets in a file: memory, regions and interrupts of raw devices
    OWN_LINE,         // lines of one of the host's interrupt controllers
    OWN_STREAM,       // ids at one of the host's IOMMUs
    OWN_STREAM_RANGE, // the same, of all devices that a bus may have
    OWN_DMA_ID,       // numbers of one kind that the whole board shares: LIODNs
    OWN_PROVIDER,     // specifiers of one of the host's providers
    OWN_GROUP,        // IOMMU groups, by the host's facts
    OWN_CPU           // host cpus
};

enum own_what { OWN_IS_REGION, OWN_IS_MEMORY, OWN_IS_IRQ, OWN_IS_NODE, OWN_IS_USE, OWN_IS_DEVICE, OWN_IS_CPU };

/* A thing and its owner: the numbers first to last (both included) of a space. */
struct owned {
    uint64_t first, last;
    const void *in; // whose numbers: a dt_node (OWN_LINE, OWN_STREAM, OWN_PROVIDER), a file's name, a schema_dma_id
    const void *by; // as `what` says
    const struct p_machine *machine; // NULL: the host
    const struct src *at;            // of the host: NULL
    uint8_t space, what;
};

/* One space at a time. */
struct owner_table {
    struct arena *arena; // for the list
    VEC(struct owned) list;
};

/* Adds an entry to the space at hand. */
void add_owned(struct owner_table *t, const struct owned *o);

/*
 * Of each space, one function adds what is owned to the table, and one reports two owners of a thing: `a` is the entry
 * that the message is at, a machine's; `b` is the other one. Further checks of the same things stand beside them.
 */

/* registers.c: physical addresses; and neighbours of mapped regions that stay with the host */
void collect_registers(struct planner *p, struct owner_table *t);
void report_registers(struct planner *p, const struct owned *a, const struct owned *b);
void check_pages(struct planner *p);

/* memory.c: files; and both ends of shares, memory over the host's registers */
void collect_files(struct planner *p, struct owner_table *t);
void report_files(struct planner *p, const struct owned *a, const struct owned *b);
void report_memory(struct planner *p, const struct owned *a, const struct owned *b);
void check_memory(struct planner *p);
/* Whether a node describes memory of the host: RAM or a reserved part of it. */
bool is_host_ram(const struct planner *p, const struct dt_node *n);

/* lines.c */
void collect_lines(struct planner *p, struct owner_table *t);
void report_lines(struct planner *p, const struct owned *a, const struct owned *b);

/* streams.c */
void collect_streams(struct planner *p, struct owner_table *t);
void collect_stream_ranges(struct planner *p, struct owner_table *t);
void report_streams(struct planner *p, const struct owned *a, const struct owned *b);
void collect_dma_ids(struct planner *p, struct owner_table *t);
void report_dma_ids(struct planner *p, const struct owned *a, const struct owned *b);

/* providers.c: what is exclusive; and messages for providers that a machine has and others need */
void collect_providers(struct planner *p, struct owner_table *t);
void report_providers(struct planner *p, const struct owned *a, const struct owned *b);
/* "reset 5 of /soc/reset-controller@1000", in the arena. */
const char *describe_use(struct planner *p, const struct provider_use *u);

/* iommu_groups.c: groups of what machines have; and messages for members that stay behind */
void collect_iommu_groups(struct planner *p, struct owner_table *t);
void report_iommu_groups(struct planner *p, const struct owned *a, const struct owned *b);

/* owner_rows.c: a sorted space as rows of p->plan->owned; what the host cannot lose, and what is kept */
void add_owner_rows(struct planner *p, const struct owner_table *t);
void add_host_rows(struct planner *p);

#endif
