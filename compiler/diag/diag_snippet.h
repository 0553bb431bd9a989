// SPDX-License-Identifier: MIT
// Text of a user's file made fit for a terminal: columns, carets, nothing that moves the cursor.
#ifndef MACHC_DIAG_DIAG_SNIPPET_H
#define MACHC_DIAG_DIAG_SNIPPET_H

#include "diag/source.h"

#include <stdio.h>

enum { SNIPPET_WIDTH = 160 }; // columns of source text shown at most

/* Writes bytes with control characters, bidirectional overrides and broken UTF-8 replaced by U+FFFD. */
void put_clean(FILE *to, const char *s, size_t n);

/*
 * Writes the source line in which `l` starts and a line below that underlines the range with `mark` first and
 * '~' behind (a range that spans lines: the first line only; an empty one: one mark). A line that is too long is
 * cut around the mark. `on` and `off` are written around the underline and `label`, which may be NULL.
 */
void put_snippet(FILE *to, struct sources *ss, struct loc l, char mark, const char *label, const char *on,
                 const char *off);

/*
 * Writes what a fix puts in place of `where` as a line below that place ('-' where it only removes text): below the
 * line of `shown`, which has been printed, or below a line of its own, unless the edit before was in that `line` (0:
 * there was none). Returns the number of the line that the edit is in.
 */
uint32_t put_edit(FILE *to, struct sources *ss, struct loc shown, uint32_t line, struct loc where, const char *text,
                  const char *on, const char *off);

#endif
