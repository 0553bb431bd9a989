// SPDX-License-Identifier: MIT
// The files of schemas/, as they are, made into a C source by embed.sh.
#ifndef MACHC_SCHEMA_TEXTS_H
#define MACHC_SCHEMA_TEXTS_H

#include <stdint.h>

struct schema_text {
    const char *name; // "schemas/irqchips/gic-v3.json"
    const char *text; // len bytes and two NUL bytes after them
    uint32_t len;
};

/* Those directly in schemas/ first: they are about every compilation. The others are read when a name of theirs is. */
extern const struct schema_text schema_texts[];
extern const uint32_t schema_ntexts, schema_ncommon;

/* That a file describes something by this name, compatible string or property. No pointer: nothing to relocate. */
struct schema_name {
    char name[62];
    uint16_t text; // index in schema_texts
};

/* Sorted by name, as strcmp() does. */
extern const struct schema_name schema_names[];
extern const uint32_t schema_nnames;

#endif
