// SPDX-License-Identifier: MIT
// Draws the text of the map, and writes its style sheet.
#include "emit/draw.h"
#include "map/map.h"

uint32_t map_colour(uint32_t machine)
{
    return machine % DRAW_COLOURS;
}

/* ---- text ---- */

uint32_t map_letters(const char *s, uint32_t max)
{
    uint32_t width = 0, len;
    for (const uint8_t *at = (const uint8_t *)s; *at && width < max; at += len)
        width += draw_columns(draw_char(at, &len));
    return width < max ? width : max;
}

int map_pixels(uint32_t letters)
{
    return (int)(letters * 67 + 9) / 10; // in most fonts of fixed width a letter is 0.602 em wide, with an em of 11 px
}

// Returns what XML has in place of a character; NULL: the character itself. `newlines`: newlines stay.
static const char *xml_text_of(uint32_t v, bool newlines)
{
    switch (v) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\n':
        return newlines ? "\n" : "\xef\xbf\xbd";
    default:
        return draw_visible(v) ? NULL : "\xef\xbf\xbd";
    }
}

const char *map_xml(struct map_page *p, const char *s, uint32_t max)
{
    char *out = arena_alloc(p->arena, strlen(s) * 6 + 4), *to = out; // "&quot;" has 6 bytes, the ellipsis 3 and a NUL
    bool cut = max && map_letters(s, max + 1) > max;
    uint32_t width = 0, len;
    for (const uint8_t *at = (const uint8_t *)s; *at; at += len) {
        uint32_t v = draw_char(at, &len);
        width += draw_columns(v);
        if (cut && width >= max)
            break;
        const char *as = xml_text_of(v, !max);
        size_t n = as ? strlen(as) : len;
        memcpy(to, as ? as : (const char *)at, n);
        to += n;
    }
    memcpy(to, "\xe2\x80\xa6", cut ? 4 : 0);
    return out;
}

void map_text(struct map_page *p, int x, int y, const char *class, const char *s, uint32_t max)
{
    if (s && *s)
        text_print(&p->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y + 4, class, map_xml(p, s, max));
}

/* ---- style ---- */

// The colours are repeated at each use, because some programs that draw SVG do not support variables.
static void write_colours(struct map_page *p, const char *const *of, const char *paper, const char *ink,
                          const char *grey, const char *faint, const char *red)
{
    text_print(&p->out,
               ".paper{fill:%s}\ntext{fill:%s}\n.g{fill:%s}\n.axis,.rule{stroke:%s}\n.kept{fill:%s}\n"
               ".hatch,.break{stroke:%s}\n.ink{fill:%s}\n.inkline{stroke:%s}\n.grant{stroke:%s}\n.w{fill:%s}\n",
               paper, ink, grey, faint, faint, paper, ink, ink, ink, red);
    for (uint32_t i = 0; i < DRAW_COLOURS; i++)
        text_print(&p->out, ".o%u{fill:%s}.l%u{stroke:%s}\n", i, of[i], i, of[i]);
}

void map_style(struct map_page *p)
{
    text_print(&p->out,
               "<style>\n"
               "text{font:11px ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;white-space:pre}\n"
               ".h{font-size:15px;font-weight:bold}\n.b{font-weight:bold}\n.e{text-anchor:end}\n"
               ".s{font-size:10px}\n"
               ".axis{stroke-width:1}\n.rule{stroke-width:1}\n"
               ".band{fill-opacity:.2}\n.thin{fill-opacity:.07;stroke-width:1;stroke-dasharray:3 3}\n"
               ".mem{fill-opacity:.55}\n.line{fill:none;stroke-width:1.5}\n"
               ".open{fill:none;stroke-width:1.2}\n.gone{fill:none;stroke-width:1.2;stroke-dasharray:2 2}\n"
               ".hatch{stroke-width:2}\n.break{stroke-width:2.5}\n.grant,.inkline{fill:none;stroke-width:1}\n");
    write_colours(p, draw_light, "#ffffff", "#1b1f24", "#656d76", "#c4cad1", "#b3261e");
    text_print(&p->out, "@media (prefers-color-scheme:dark){\n");
    write_colours(p, draw_dark, "#0d1117", "#e6edf3", "#9198a1", "#3d444d", "#ff7b72");
    text_print(&p->out, "}\n</style>\n"
                        "<defs>\n"
                        "<pattern id=\"trap\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
                        "patternTransform=\"rotate(45)\"><path d=\"M0 0V5\" class=\"hatch\"/></pattern>\n"
                        "<pattern id=\"grant\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
                        "<path d=\"M0 0L4 4M4 0L0 4\" class=\"grant\"/></pattern>\n"
                        "</defs>\n");
}
