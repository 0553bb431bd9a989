// SPDX-License-Identifier: MIT
// The parts of --emit=plan, and the texts that they share. All texts are allocated in c->arena.
#ifndef MACHC_EMIT_PLAN_TEXT_H
#define MACHC_EMIT_PLAN_TEXT_H

#include "dma/solve.h"
#include "emit/emit.h"
#include "emit/text_table.h"

/* Writes a size in bytes: "64M", or without a unit if it is not a multiple of 1024. */
const char *size_text(struct machc *c, uint64_t size);

/* Writes the range of `size` bytes from `start` on: "0x00000000-0x03ffffff". */
const char *span_text(struct machc *c, uint64_t start, uint64_t size);

/* Writes an index with its name: "0 tx", or "0" if `name` is NULL. */
const char *index_text(struct machc *c, uint32_t index, const char *name);

/* plan_dma.c: describes how the IOMMU implements a domain: "window 0x0-0xffff, 16 sub-windows, LIODN 5". */
const char *dma_domain_text(struct machc *c, const struct p_dma *d);

/* plan_dma.c: appends the table of what the devices of a machine reach by DMA. */
void dma_table(struct machc *c, struct text_out *t, const struct p_machine *m);

#endif
