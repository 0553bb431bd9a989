// SPDX-License-Identifier: MIT
/*
 * Names of files, so that two names of one file are one text: empty and `.` components and a slash at the end are left
 * out, `..` takes the component before it. Links are not followed, since the host is not here; the start compares the
 * files themselves.
 */
#include "model/build.h"

#include <ctype.h>

/* Returns what follows the name of a process's own root, "/proc/self/root"; NULL: it is no such name. */
static const char *below_root_of_process(const char *path)
{
    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    size_t n = strcspn(path + 6, "/"), digits = 0;
    const char *word = path + 6;
    while (isdigit((unsigned char)word[digits]))
        digits++;
    bool process =
        (n && digits == n) || (n == 4 && !memcmp(word, "self", 4)) || (n == 11 && !memcmp(word, "thread-self", 11));
    const char *rest = word + n;
    if (!process || strncmp(rest, "/root", 5) != 0 || (rest[5] && rest[5] != '/'))
        return NULL;
    return rest[5] ? rest + 5 : "/";
}

const char *file_name(struct machc *c, const char *text)
{
    char *path = arena_alloc(c->arena, strlen(text) + 2), *to = path;
    bool absolute = *text == '/';
    size_t ups = 0; // bytes of the "../" at the start of a relative name, which take nothing away
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "/");
        bool up = n == 2 && !memcmp(at, "..", 2);
        if (up && (absolute ? to > path : to > path + ups)) {
            while (to > path && *--to != '/')
                ;
        } else if (n && !(n == 1 && *at == '.') && !(up && absolute)) {
            if (to > path || absolute)
                *to++ = '/';
            memcpy(to, at, n);
            to += n;
            ups = up ? (size_t)(to - path) : ups;
        }
        at += n + (at[n] == '/');
    }
    if (to == path)
        *to++ = absolute ? '/' : '.';
    *to = '\0';
    const char *name = path, *inner;
    while ((inner = below_root_of_process(name)))
        name = inner;
    // udev's name for a character device by its numbers (Linux Documentation/admin-guide/devices.txt: 1 is memory).
    return intern(c->names, strcmp(name, "/dev/char/1:1") ? name : "/dev/mem");
}
