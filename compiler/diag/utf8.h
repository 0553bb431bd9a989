// SPDX-License-Identifier: MIT
// Characters of texts that may be anything.
#ifndef MACHC_DIAG_UTF8_H
#define MACHC_DIAG_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_REPLACEMENT = 0xfffd };

/* The character at s (n > 0 bytes left) and its length; broken or overlong UTF-8 gives UTF8_REPLACEMENT and one byte.
 */
uint32_t utf8_decode(const char *s, size_t n, uint32_t *len);

/* How many characters n bytes are, each broken byte being one. */
uint32_t utf8_count(const char *s, size_t n);

/* C0 and C1 controls, and what turns the direction of the text around it: not to be shown. The runtime has the same
 * rule in mach_cfg_unfit(), of runtime/layout. */
bool utf8_unfit(uint32_t c);

#endif
