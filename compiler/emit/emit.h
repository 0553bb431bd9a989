// SPDX-License-Identifier: MIT
/*
 * The emitters write the plan in different formats and decide nothing. (DTB and DTS are in tree/tree.h.) The plan must
 * be free of errors. All results are allocated in c->arena; texts are NUL-terminated and never NULL unless a comment
 * says so. `only` selects one machine; NULL: all machines.
 */
#ifndef MACHC_EMIT_EMIT_H
#define MACHC_EMIT_EMIT_H

#include "base/pieces.h"
#include "plan/plan.h"

/*
 * Writes the guest.cfg of a machine, with the digest of the `dtb_size` bytes of its DTB. The caller checks that it has
 * at most 4 GB (E0002).
 */
struct pieces emit_config(struct machc *c, const struct plan *p, const struct p_machine *m, const uint8_t *dtb,
                          uint32_t dtb_size);

/*
 * Writes the JSON view of a config of `size` bytes. It is made from these bytes alone, so that it shows what the
 * runtime will read. Returns NULL if they are not a valid config.
 */
char *emit_config_json(struct machc *c, const uint8_t *config, uint32_t size);

/* Writes tables for people: what each machine has, its DMA, and the table of owners. */
char *emit_plan(struct machc *c, const struct plan *p, const struct p_machine *only);

/*
 * Draws the plan as a picture (SVG): addresses of the host and the guests, interrupt lines, and what devices reach by
 * DMA. In a large plan, several things share a row, so that the picture does not get too large.
 */
char *emit_map(struct machc *c, const struct plan *p, const struct p_machine *only);

/* Writes what is changed on the host for all machines: arguments of its kernel, and the overlay for its tree as source.
 */
char *emit_host(struct machc *c, const struct plan *p);

/* Writes the command line of another VMM (c->vmm) for a machine, as a shell script. */
char *emit_command(struct machc *c, const struct p_machine *m);

/* Writes the arguments of the host's kernel as one line. */
char *emit_host_arguments(struct machc *c, const struct plan *p);

/* Writes devices, references, interrupts and DMA domains as a graph for Graphviz. */
char *emit_graph(struct machc *c, const struct plan *p, const struct p_machine *only);

#endif
