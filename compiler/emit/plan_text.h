// SPDX-License-Identifier: MIT
// The parts of --emit=plan, and the words that they share. All texts are in c->arena.
#ifndef MACHC_EMIT_PLAN_TEXT_H
#define MACHC_EMIT_PLAN_TEXT_H

#include "dma/solve.h"
#include "emit/emit.h"
#include "emit/text_table.h"

/* "64M"; bytes where it is no multiple of 1K. */
const char *size_text(struct machc *c, uint64_t size);
/* "0x00000000-0x03ffffff". */
const char *span_text(struct machc *c, uint64_t start, uint64_t size);
/* "0", or "0 tx" with a name (or NULL). */
const char *index_text(struct machc *c, uint32_t index, const char *name);

/* plan_dma.c: "window 0x0-0xffff, 16 sub-windows, LIODN 5": how the IOMMU carries a domain out. */
const char *dma_domain_text(struct machc *c, const struct p_dma *d);

/* What each device reaches, where, how, and what beyond it. */
void dma_table(struct machc *c, struct columns *t, const struct p_machine *m);

#endif
