// SPDX-License-Identifier: MIT
// JSON, written as it comes: nothing is kept, so a document may be of any size.
#ifndef MACHC_DIAG_JSON_TEXT_H
#define MACHC_DIAG_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A writer: zero but for `to`. Members and elements are one to a line, indented from `depth`. */
struct json_out {
    FILE *to;
    uint32_t depth;
    bool filled; // the innermost object or array is not empty
};

/* Opens an object or array ('{' or '['); as a member of that name, or, with NULL, as an element. */
void json_open(struct json_out *j, const char *name, char bracket);

/* Closes it: '}' or ']'. */
void json_close(struct json_out *j, char bracket);

/* Members (with NULL: elements). A text that is not UTF-8 gets U+FFFD for what is broken. */
void json_string(struct json_out *j, const char *name, const char *s);
void json_number(struct json_out *j, const char *name, uint64_t n);
void json_bool(struct json_out *j, const char *name, bool b);

/* A member whose text comes in pieces: begin, any number of pieces, end. */
void json_string_begin(struct json_out *j, const char *name);
void json_string_piece(struct json_out *j, const char *s);
void json_string_end(struct json_out *j);

#endif
