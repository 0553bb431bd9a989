// SPDX-License-Identifier: MIT
/*
 * What is changed on the host so that it keeps what its guests rely on, from the promises of all machines: an overlay
 * for the host's tree, which only adds to it, and arguments of the host's kernel. Memory comes from c->arena.
 */
#ifndef MACHC_PREPARE_PREPARE_H
#define MACHC_PREPARE_PREPARE_H

#include "plan/planner.h"

/*
 * Fills p->plan->host from the machines of the plan, which have no errors. Warnings name what no tree can keep (W1031)
 * and what an addition to the tree cannot say (W1032).
 */
void prepare_host(struct planner *p);

/* Reports what is hidden from the host although no machine has it (E0239). */
void check_hidden(struct planner *p);

/* ---- overlay.c: an overlay while it is made ---- */

/* A node that the overlay adds, or adds properties to, for a machine. */
struct added {
    struct p_machine *machine;
    const char *path;           // in the host's tree
    const struct dt_node *node; // of the overlay
    const char *property; // the one that shows that it is there; NULL: all that the overlay adds, and their numbers
};

struct overlay {
    struct planner *p;
    struct dt_tree *tree;
    struct dt_tree *bodies; // a node for each body that was asked about; or NULL
    struct map parts;       // host node -> the node of the overlay that is merged into it
    struct map shared;      // schema_provider -> the node for KEPT_BY_NODE
    struct map grown;       // (node of the overlay, property) -> private to overlay.c
    struct map next;        // (node of the overlay, name) -> the number from which names of that kind are free
    struct map units;       // (host node, unit address) -> 1: a child of it has it; (host node, 0): they are filled in
    struct map ready;       // (property or "property[N]", interned; host node or NULL) -> struct m_ready
    struct map merged;      // (host node or struct of a caller, schema_provider) -> 1: its body is there
    VEC(struct local_ref {
        struct dt_node *node;
        struct dt_prop *prop;
    })
    locals;                  // properties that lead to nodes of the overlay itself
    VEC(struct added) added; // what a machine has the start prove
    struct map proven;       // (machine, node of the overlay) -> 1: it is among them
    uint32_t fragments;
};

/* Returns the node of the overlay whose content is merged into a node of the host; makes a fragment for it once. */
struct dt_node *overlay_of(struct overlay *o, const struct dt_node *host);

/*
 * Adds a node to the host's node `parent`, with the body of a provider of the schemas: NAME@UNIT, or NAME where `unit`
 * is NULL. Where the host or the overlay has a child of that name or unit address, the unit or a number at the end is
 * counted up; *unit is then the one that it has.
 */
struct dt_node *overlay_add(struct overlay *o, const struct dt_node *parent, const struct schema_provider *kind,
                            uint64_t *unit, const struct origin *origin);

/* Merges the body of a provider of the schemas into a node of the overlay. */
void overlay_merge(struct overlay *o, struct dt_node *n, const struct schema_provider *kind);

/* Whether a node of the host has all that the body of a provider of the schemas says. */
bool overlay_adds_nothing(struct overlay *o, const struct dt_node *host, const struct schema_provider *kind);

/* Adds cells to the end of a property (made where it is missing). They are the host's: phandles in them stay. */
void overlay_append(struct overlay *o, struct dt_node *n, const char *property, const uint8_t *cells, uint32_t ncells,
                    const struct origin *origin);

/* Adds a reference to a node of the overlay itself to the end of a property. */
void overlay_refer(struct overlay *o, struct dt_node *n, const char *property, struct dt_node *target,
                   const struct origin *origin);

/* Adds a row to the table of --emit=plan, if that is asked for. `m` may be NULL. */
void note_kept(const struct overlay *o, const char *what, const char *of, const char *how, const struct p_machine *m);

/* Numbers the references within the overlay, and lists them in __local_fixups__, as `dtc -L` does. */
void overlay_finish(struct overlay *o);

/* ---- keepers.c ---- */

/* Puts what the promises of all machines need into the overlay. */
void add_keepers(struct overlay *o);

/* ---- memory.c ---- */

/* Reserves what machines have of the host's memory that is in no node of /reserved-memory. */
void reserve_memory(struct overlay *o);

/* ---- hidden.c ---- */

/* Gives hidden devices a compatible that no driver of the host has, and enables them. */
void hide_devices(struct overlay *o);

/* ---- arguments.c ---- */

/* What platform devices need, which have no reset driver: the start proves it. */
#define NO_RESET_DRIVER "vfio_platform.reset_required=0"

/* Fills p->plan->host.arguments and .isolates. `keepers`: the overlay has devices that others are linked to. */
void add_arguments(struct planner *p, bool keepers);

/* ---- proofs.c: what the start of a machine proves of the host ---- */

/* The bus runs while the device is open. */
void prove_link(struct overlay *o, struct p_machine *m, const struct p_device *d, const struct dt_node *bus);

/* The overlay's part is in the host's tree; see struct added. */
void prove_added(struct overlay *o, struct added a);

/* Writes the proofs of all machines, once the overlay and the arguments are complete. */
void add_proofs(struct overlay *o);

#endif
