// SPDX-License-Identifier: MIT
// The files of schemas/, as they are, made into a C source by embed.sh.
#ifndef MACHC_SCHEMA_TEXTS_H
#define MACHC_SCHEMA_TEXTS_H

#include <stdint.h>

struct schema_text {
    const char *name; // "schemas/irqchips/gic-v3.json"
    const char *text; // len bytes and two NUL bytes behind them
    uint32_t len;
};

extern const struct schema_text schema_texts[];
extern const uint32_t schema_ntexts;

#endif
