// SPDX-License-Identifier: MIT
// Tables that say which keys an object has, of which type, and where in a struct their values go.
#ifndef MACHC_SCHEMA_FIELDS_H
#define MACHC_SCHEMA_FIELDS_H

#include "schema/json.h"
#include "schema/schema.h"

#include <stddef.h>

struct load;

enum field_type {
    FIELD_NAME,   // const char *: a node, property, class ... name, interned
    FIELD_TEXT,   // const char *: any text of at least one character
    FIELD_NAMES,  // const char *const *: a list of names, NULL-terminated
    FIELD_BOOL,   // bool
    FIELD_U16,    // uint16_t from min to max
    FIELD_U32,    // uint32_t from min to max: a number, or a string as of FIELD_U64
    FIELD_U64,    // uint64_t from min to max: "0x1000", "64K", 64
    FIELD_WORD,   // uint8_t: the place of the word in `words`
    FIELD_BODY,   // const struct schema_body *: a list of lines of device tree source
    FIELD_OBJECT, // a struct by `table`, in place
    FIELD_LIST,   // an array of structs by `table` at offset, their number (uint32_t) at count_offset
    FIELD_REMARK, // a text or a list of texts; not kept
    FIELD_CUSTOM  // set()
};

struct table;

struct field {
    const char *key;
    uint8_t type;
    bool required;
    uint16_t offset, count_offset;
    uint64_t min, max;
    const char *const *words; // NULL-terminated
    const struct table *table;
    bool (*set)(struct load *l, const struct jval *v, void *item);
};

struct table {
    const char *what; // "an irqchip"
    const struct field *fields;
    uint32_t nfields;
    size_t size;
    // What no single field can tell; called when all fields are right. NULL: nothing.
    bool (*check)(struct load *l, const struct jval *object, void *item);
};

/* The file that is being read. */
struct load {
    struct machc *c;
    struct loader *loader;
    const struct source *source;
    const char *body_name; // names the sources of bodies: "gic-v3", or NULL where the file has one thing only
    uint8_t layer;
};

/* Reads an object into `item` (of table->size bytes, zeroed). False after messages. */
bool fields_read(struct load *l, const struct table *table, const struct jval *object, void *item);

/* A value's text, interned: a name by the rules of the device tree. NULL after a message. */
const char *field_name(struct load *l, const struct jval *v);

/* A number, or a string with one, in [min, max]. False after a message. */
bool field_number(struct load *l, const struct jval *v, uint64_t min, uint64_t max, uint64_t *value);

/* "a string", "a list" ...: what a value is. */
const char *field_type_name(const struct jval *v);

/* A message E0805 at v; false. */
bool field_wrong_type(struct load *l, const struct jval *v, const char *wanted);

#endif
