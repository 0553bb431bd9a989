// SPDX-License-Identifier: MIT
// Helpers for the pictures (map, graph): decodes characters, tells which can be shown, and has the colours of owners.
#ifndef MACHC_EMIT_DRAW_H
#define MACHC_EMIT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

enum { DRAW_COLOURS = 7 };

/* The colours of machines on white and on black: machine i has colour i modulo DRAW_COLOURS. */
extern const char *const draw_light[DRAW_COLOURS], *const draw_dark[DRAW_COLOURS];

/*
 * Decodes the first character of NUL-terminated UTF-8 and sets *len to its length in bytes. Bytes that are not UTF-8
 * (RFC 3629) give 0 with length 1.
 */
uint32_t draw_char(const uint8_t *s, uint32_t *len);

/* Whether a character can be shown as it is: it is not a control, combining or direction mark, and XML allows it. */
bool draw_visible(uint32_t v);

/* Returns the number of columns that a character takes in a fixed-width font: 1 or 2. */
uint32_t draw_columns(uint32_t v);

#endif
