// SPDX-License-Identifier: MIT
// JSON with places: json-c reads the values, a scan of our own says where each of them stands.
#ifndef MACHC_SCHEMA_JSON_H
#define MACHC_SCHEMA_JSON_H

#include "machc.h"

#include <json-c/json.h>

/* A value, where it stands, and its name in the object that holds it. Lives in the arena, but `v` only until
 * json_free(). */
struct jval {
    struct jval *next;  // in the object or array that holds it
    struct jval *child; // members or elements, as written
    uint32_t n;         // how many children
    struct json_object *v;
    const char *key; // interned; NULL in an array
    struct loc loc, key_loc;
};

struct jdoc {
    struct jval *top;
    struct json_object *owner;
};

/*
 * Reads a text as JSON (RFC 8259, strictly). No key may stand twice in an object. False after messages;
 * then there is nothing to free.
 */
bool json_read(struct machc *c, const struct source *s, struct jdoc *doc);

/* Gives json-c's part back; the places stay. */
void json_free(struct jdoc *doc);

/* The member of that (interned) name; or NULL. */
const struct jval *json_member(const struct jval *object, const char *interned);

#endif
