// SPDX-License-Identifier: MIT
// Names come from files of others: nothing in them may control a terminal.
#ifndef MACHRT_BASE_CLEAN_H
#define MACHRT_BASE_CLEAN_H

/* Puts ? for each byte of control characters: U+0001 to U+001f, U+007f, and U+0080 to U+009f in UTF-8. */
static inline void machrt_clean(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
        else if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

#endif
