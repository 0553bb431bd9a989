// SPDX-License-Identifier: MIT
// JSON (RFC 8259) in which every value knows its place in the text: json-c reads the values.
#ifndef MACHC_SCHEMA_JSON_H
#define MACHC_SCHEMA_JSON_H

#include "machc.h"

enum jval_type { JSON_NULL, JSON_BOOL, JSON_INTEGER, JSON_FRACTION, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value, its place, and its name in the object that holds it. It lives in the compilation's arena. */
struct jval {
    struct jval *next;  // in the object or array that holds it
    struct jval *child; // members or elements, as written
    union {
        const char *text;   // of a string: `n` bytes without their escapes, which may be zeros, and no NUL after them
        uint64_t magnitude; // of an integer
    };
    const char *key; // interned; NULL in an array
    uint32_t n;      // how many children; of a string: how many bytes
    uint8_t type;    // enum jval_type
    bool is_true;    // of a bool
    bool negative;   // of an integer: the number is -magnitude
    struct loc loc, key_loc;
};

/*
 * Reads a text as JSON, nested at most 32 levels deep. Integers are from -2^63 to 2^64 - 1. An object cannot have a key
 * twice, nor a key with an escape in it. Returns the value of the text, in the arena, or NULL after a message. Strings
 * without escapes point into the text of `s`, which has to stay.
 */
const struct jval *json_read(struct machc *c, const struct source *s);

/* The member of an object that has that key, or NULL. */
const struct jval *json_member(const struct jval *object, const char *key);

/* Whether a value is the string `word`. */
bool json_is_word(const struct jval *v, const char *word);

#endif
