// SPDX-License-Identifier: MIT
#include "diag/diag.h"

#include <dirent.h>
#include <string.h>

enum { MOST = 1000 }; // names looked at: a directory with more is no place for descriptions

const char *near_file(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *names[MOST];
    size_t n = 0;
    DIR *dir = opendir(slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : ".");
    for (const struct dirent *e; dir && n < MOST && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            names[n++] = arena_strndup(a, e->d_name, strlen(e->d_name));
    if (dir)
        closedir(dir);
    return nearest(slash ? slash + 1 : path, names, n);
}
