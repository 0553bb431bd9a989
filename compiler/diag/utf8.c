// SPDX-License-Identifier: MIT
#include "diag/utf8.h"

uint32_t utf8_decode(const char *s, size_t n, uint32_t *len)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t more = u[0] < 0x80 ? 0 : u[0] >= 0xc2 && u[0] < 0xe0 ? 1 : (u[0] & 0xf0) == 0xe0 ? 2 : 3;
    *len = 1;
    if (more == 0)
        return u[0];
    if (u[0] < 0xc2 || u[0] > 0xf4 || more >= n)
        return UTF8_REPLACEMENT;
    uint32_t c = u[0] & (0x3fU >> more);
    for (uint32_t i = 1; i <= more; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return UTF8_REPLACEMENT;
        c = c << 6 | (u[i] & 0x3f);
    }
    if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return UTF8_REPLACEMENT;
    *len = more + 1;
    return c;
}

uint32_t utf8_count(const char *s, size_t n)
{
    uint32_t count = 0;
    while (n) {
        uint32_t len;
        utf8_decode(s, n, &len);
        s += len;
        n -= len;
        count++;
    }
    return count;
}

bool utf8_unfit(uint32_t c)
{
    // The second line: Unicode bidirectional algorithm, 2.1 to 2.4.
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || //
           c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}
