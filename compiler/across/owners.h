// SPDX-License-Identifier: MIT
/*
 * Who owns what, over all machines and the host. While machines are planned, nodes are given to them
 * (own_host_node()) and what they take from providers is noted (own_uses()); when all are planned, check_owners() puts
 * everything that can have one owner only into one table, space by space, and two owners of a thing are neighbours
 * in it. What the host's tree knows of by an index (its registers, its lines) is looked up there instead.
 */
#ifndef MACHC_ACROSS_OWNERS_H
#define MACHC_ACROSS_OWNERS_H

#include "refs/refs.h"

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

/* What a device takes from a provider that its machine does not have, or the host from any. */
struct own_use {
    const struct ref_rule *rule;
    const struct dt_node *provider, *user;
    const struct dt_prop *prop;      // the host's
    const struct p_machine *machine; // NULL: the host
    struct src at;                   // of a machine: where it is said
    uint32_t cell, ncells;           // the specifier, in prop
    uint8_t fate;
};

/* ---- nodes.c ---- */

/* Gives a node to the machine at hand, along with `top`, the node that the statement at `where` names; false after a
 * message. */
bool own_host_node(struct planner *p, const struct dt_node *n, const struct dt_node *top, struct src where);

/* True when nobody drives a node: no machine has it, and it or one above is disabled. */
bool own_idle(const struct planner *p, const struct dt_node *n);

/* ---- needs.c ---- */

/* Why a node stays with the host. */
struct own_need {
    const struct dt_node *node;
    const char *what;           // "console"; "": it is no device; of a provider, its kind: "clock"
    const struct dt_node *user; // of a provider: who cannot do without it; else NULL
};

/* Finds what the host cannot lose: fills p->needs and p->need_list. Once, before any machine. */
void own_needs(struct planner *p);

/* ---- providers.c ---- */

/* The rule of a host node's property, if it holds references that are settled as such; or NULL. */
const struct ref_rule *own_rule(struct planner *p, const struct dt_node *n, const struct dt_prop *prop);

/* The entries of a host's property, in room that the next call takes again; false: it cannot be read. */
bool own_entries(struct planner *p, const struct dt_node *n, const struct dt_prop *prop, const struct ref_rule *rule,
                 struct entries *e);

/* Notes that a reference leads out of the machine at hand. */
void own_uses(struct planner *p, const struct own_use *use);

/* No node is marked yet. In the draft. */
struct own_marks *own_marks_new(struct planner *p);

/* A machine has the node, or takes something from it. */
void own_mark(struct planner *p, const struct dt_node *n);

/* Messages for providers that a machine has and others need; adds what is exclusive to the table. */
void own_providers(struct planner *p);
/* "reset 5 of /soc/reset-controller@1000". */
const char *own_use_text(struct planner *p, const struct own_use *u);
void own_providers_conflict(struct planner *p, const struct owned *a, const struct owned *b);

/* ---- table.c ---- */

/* Adds to the space at hand. */
void own_add(struct planner *p, const struct owned *o);

/* All checks across machines; with c->table, the table as text in p->plan->owned. */
void check_owners(struct planner *p);

/* Of two entries, which one the message is at: the later one in the text; a machine's, where the other is the host's.
 */
bool own_later(const struct owned *a, const struct owned *b);

/* ---- pages.c, memory.c ---- */

bool own_is_ram(const struct planner *p, const struct dt_node *n); // a node of the host's memory
void own_physical(struct planner *p);
void own_physical_conflict(struct planner *p, const struct owned *a, const struct owned *b);
void own_pages(struct planner *p);  // neighbours of mapped regions that stay with the host
void own_memory(struct planner *p); // shares; memory over the host's registers
void own_memory_conflict(struct planner *p, const struct owned *a, const struct owned *b);
void own_files(struct planner *p);
void own_files_conflict(struct planner *p, const struct owned *a, const struct owned *b);

/* ---- lines.c ---- */

void own_lines(struct planner *p);
void own_lines_conflict(struct planner *p, const struct owned *a, const struct owned *b);

/* ---- streams.c ---- */

void own_streams(struct planner *p);
void own_stream_ranges(struct planner *p);
void own_streams_conflict(struct planner *p, const struct owned *a, const struct owned *b);
void own_dma_ids(struct planner *p);
void own_dma_ids_conflict(struct planner *p, const struct owned *a, const struct owned *b);

/* ---- rows.c ---- */

/* The space at hand, sorted, as rows of p->plan->owned. */
void own_rows(struct planner *p);
void own_rows_of_host(struct planner *p); // what it cannot lose, and what is kept

#endif
