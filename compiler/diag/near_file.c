// SPDX-License-Identifier: MIT
#include "diag/diag.h"

#include "base/path.h"

#include <dirent.h>
#include <string.h>

enum { MOST = 1000 }; // names looked at: a directory with more is no place for descriptions

// Where the extension of a file's name begins; at its end when there is none.
static size_t stem(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

// Of the names with that extension, the nearest; or else the one that differs in nothing but it.
const char *near_file(struct arena *a, const char *path)
{
    const char *name = base_name(path), *other = NULL, *stems[MOST];
    const char *own = arena_strndup(a, name, stem(name)), *extension = name + stem(name);
    size_t n = 0, others = 0;
    DIR *dir = opendir(name > path ? arena_strndup(a, path, (size_t)(name - path)) : ".");
    for (const struct dirent *e; dir && n < MOST && (e = readdir(dir));) {
        size_t len = stem(e->d_name);
        if (!strcmp(e->d_name + len, extension)) {
            stems[n++] = arena_strndup(a, e->d_name, len);
        } else if (len == strlen(own) && !strncmp(e->d_name, own, len)) {
            other = arena_strndup(a, e->d_name, strlen(e->d_name));
            others++;
        }
    }
    if (dir)
        closedir(dir);
    const char *near = nearest(own, stems, n);
    return near ? arena_printf(a, "%s%s", near, extension) : others == 1 ? other : NULL;
}
