// SPDX-License-Identifier: MIT
// A scanner beside json-c, for what json-c does not tell. It decodes nothing.
#ifndef MACHC_SCHEMA_JSON_SCAN_H
#define MACHC_SCHEMA_JSON_SCAN_H

#include "schema/json.h"

struct json_scan {
    struct machc *c;
    const struct source *s;
    const char *at, *end; // two NULs are at the end
    const char *what;     // is wrong at `at`; NULL: nothing, or no memory
    bool out_of_range;    // it is a number at `at`
    bool ascii;           // no string has other characters
};

/* From `first` to s->at. */
struct loc json_loc(const struct json_scan *s, const char *first);

/* Notes that `what` is wrong at `at`. Returns false. */
bool json_refuse(struct json_scan *s, const char *at, const char *what);

/*
 * Whether the strings and numbers from s->at on are those of RFC 8259, in UTF-8, and the integers fit; if not, the
 * first flaw is noted. json-c accepts some of these mistakes even when it is strict, and which depends on its version.
 * Other mistakes are not found here.
 */
bool json_check_tokens(struct json_scan *s);

/*
 * Adds the places, the keys and the children of the value from s->at on, in a text that has no mistake. Returns false
 * after a message: a key has an escape in it.
 */
bool json_locate(struct json_scan *s, struct jval *v);

#endif
