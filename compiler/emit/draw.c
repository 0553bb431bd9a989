// SPDX-License-Identifier: MIT
// Decodes characters for the pictures, and has their colours.
#include "emit/draw.h"

// Okabe and Ito's colours, which people with any kind of colour vision can distinguish.
const char *const draw_light[DRAW_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                              "#e69f00", "#56b4e9", "#b8a800"};
const char *const draw_dark[DRAW_COLOURS] = {"#4ba3dd", "#ff8a3d", "#2fc79a", "#e39ac4",
                                             "#f0b429", "#8fd0f7", "#f0e442"};

uint32_t draw_char(const uint8_t *s, uint32_t *len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t n = 0;
    if (*s < 0x80)
        n = 1;
    else if (*s >= 0xc2 && *s < 0xe0)
        n = 2;
    else if (*s >= 0xe0 && *s < 0xf0)
        n = 3;
    else if (*s >= 0xf0 && *s < 0xf5)
        n = 4;
    uint32_t v = n == 1 ? *s : *s & (0xffU >> (n + 1));
    *len = 1;
    if (!n)
        return 0;
    for (uint32_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (s[i] & 0x3f);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0;
    *len = n;
    return v;
}

bool draw_visible(uint32_t v)
{
    return v >= ' ' && !(v >= 0x7f && v < 0xa0) && !(v >= 0x200b && v < 0x2010) && !(v >= 0x2028 && v < 0x202f) &&
           !(v >= 0x2060 && v < 0x2070) && !(v >= 0xfff0 && v <= 0xfffb) && (v & 0xfffe) != 0xfffe && v != 0xfeff &&
           v != 0x61c && !(v >= 0x300 && v < 0x370);
}

uint32_t draw_columns(uint32_t v)
{
    return (v >= 0x1100 && v < 0x1160) || (v >= 0x2e80 && v < 0xd7b0) || (v >= 0xf900 && v < 0xfb00) ||
                   (v >= 0xfe30 && v < 0xfe70) || (v >= 0xff00 && v < 0xff61) || v >= 0x1f000
               ? 2
               : 1;
}
