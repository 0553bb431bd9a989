// SPDX-License-Identifier: MIT
// Emitters: they write what the plan says and decide nothing. (DTB and DTS are in tree/tree.h.)
#ifndef MACHC_EMIT_EMIT_H
#define MACHC_EMIT_EMIT_H

#include "base/pieces.h"
#include "plan/plan.h"

/* guest.cfg for a machine, with the digest of its DTB in it. In the arena. More than 4 GB are no config (E0002). */
struct pieces emit_config(struct machc *c, const struct plan *p, const struct p_machine *m, const uint8_t *dtb,
                          uint32_t dtb_size);

/* The config's JSON view: made from the config's bytes alone, so that it shows what the runtime will see.
 * NUL-terminated; NULL when it is no config. */
char *emit_config_json(struct machc *c, const uint8_t *config, uint32_t size);

/* The ownership table and the DMA of all machines (or of one), for people. */
char *emit_plan(struct machc *c, const struct plan *p, const struct p_machine *only);

/*
 * The plan as a picture (SVG): addresses of the host and the guests, interrupt lines, who reaches what by DMA; of all
 * machines or of one. What is in a large plan shares rows, so that the picture stays of a size that can be looked at.
 */
char *emit_map(struct machc *c, const struct plan *p, const struct p_machine *only);

/* Devices, references, interrupts and DMA domains for Graphviz. */
char *emit_graph(struct machc *c, const struct plan *p, const struct p_machine *only);

#endif
