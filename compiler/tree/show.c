// SPDX-License-Identifier: MIT
// Names out of strange trees, made fit for messages; and not too many messages.
#include "tree/internal.h"

#include <stdio.h>
#include <string.h>

bool noise_ok(struct noise *q, enum msg m)
{
    return q->count[m]++ < NOISE_LIMIT;
}

void noise_end(struct machc *c, const struct noise *q, const char *file, struct src at)
{
    for (int m = 0; m < MSG_COUNT; m++)
        if (q->count[m] > NOISE_LIMIT)
            diag(c->diags, (enum msg)m, at, "%s: %u more like this: %s", dt_show(c->arena, file),
                 q->count[m] - NOISE_LIMIT, msg_infos[m].title);
}

struct src dt_place(const struct dt_prop *p, struct src otherwise)
{
    return p && p->origin && p->origin->at.loc.file ? p->origin->at : otherwise;
}

const char *dt_whose(struct arena *a, const char *file, const struct dt_prop *p)
{
    return p && p->origin && p->origin->at.loc.file ? "" : arena_printf(a, "%s: ", file);
}

enum { SHOWN = 240 }; // bytes of a name that are shown at most

const char *dt_show(struct arena *a, const char *s)
{
    size_t len = strlen(s);
    bool plain = len <= SHOWN;
    for (size_t i = 0; i < len && plain; i++)
        plain = (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f;
    if (plain)
        return s;
    char *out = arena_alloc(a, (SHOWN + 8) * 4);
    char *to = out;
    for (size_t i = 0; i < len; i++) {
        if (len > SHOWN && i == SHOWN / 2) {
            to += sprintf(to, "...");
            i = len - SHOWN / 2;
        }
        unsigned char b = (unsigned char)s[i];
        if (b >= 0x20 && b < 0x7f)
            *to++ = (char)b;
        else
            to += sprintf(to, "\\x%02x", b);
    }
    *to = 0;
    return out;
}

const char *dt_show_path(struct arena *a, const struct dt_node *n)
{
    return dt_show(a, dt_path(a, n));
}

static bool plain_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch && strchr(",._+-*#?@", ch));
}

bool dt_name_plain(const char *name)
{
    if (!*name)
        return false;
    while (plain_char(*name))
        name++;
    return !*name;
}
