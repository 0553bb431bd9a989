// SPDX-License-Identifier: MIT
// The files of schemas/, as they are, made into a C source by embed.sh.
#ifndef MACHC_SCHEMA_TEXTS_H
#define MACHC_SCHEMA_TEXTS_H

#include <stdint.h>

/* No pointers in what follows: nothing to relocate at start. */
struct schema_text {
    uint32_t at; // in schema_pool: len bytes and two NUL bytes after them
    uint32_t len;
    uint32_t file; // index in schema_files
};
extern const char schema_pool[];
extern const char *const schema_files[]; // "schemas/irqchips/gic-v3.json"

/* Those directly in schemas/ first: they are about every compilation. The others are read when a name of theirs is. */
extern const struct schema_text schema_texts[];
extern const uint32_t schema_ntexts, schema_ncommon;

/* That a text describes something by this name, compatible string or property. */
struct schema_name {
    uint32_t name; // in schema_name_pool
    uint32_t text; // index in schema_texts
};
extern const char schema_name_pool[];

/* Sorted by name, as strcmp() does. */
extern const struct schema_name schema_names[];
extern const uint32_t schema_nnames;

#endif
