// SPDX-License-Identifier: MIT
// What the pictures (map, graph) share: characters that can be shown, and the owners' colours.
#ifndef MACHC_EMIT_DRAW_H
#define MACHC_EMIT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

enum { DRAW_COLOURS = 7 };

/* The colours of machine 0, 1, ... on white and on black; machines take turns. */
extern const char *const draw_light[DRAW_COLOURS], *const draw_dark[DRAW_COLOURS];

/* The next character of NUL-terminated UTF-8 and its length in bytes; 0 with length 1 for what is none (RFC 3629). */
uint32_t draw_char(const uint8_t *s, uint32_t *len);

/* It has a form of its own and stays where it is: no controls, marks of direction, or characters that XML lacks. */
bool draw_visible(uint32_t c);

/* How many columns of a fixed-width font it takes: 1, or 2. */
uint32_t draw_columns(uint32_t c);

#endif
