// SPDX-License-Identifier: MIT
// Where a path leads, through the session's table of system calls.
#include "policy/policy.h"

#include <errno.h>

enum { MOST_LINKS = 40 }; // as in Linux, fs/namei.c

static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

// Puts a link's target before what is left of the path. 0 or -errno.
static int follow(char *real, char *left, const char *target)
{
    char rest[PATH_SIZE];
    strcpy(rest, left);
    int n = snprintf(left, PATH_SIZE, "%s/%s", target, rest);
    if (n < 0 || n >= PATH_SIZE)
        return -ENAMETOOLONG;
    if (*target == '/')
        *real = '\0';
    else
        drop_last(real);
    return 0;
}

int machrt_real_path(const struct mach_session *s, const char *path, char *real)
{
    char left[PATH_SIZE], target[PATH_SIZE];
    int n = *path == '/' ? snprintf(left, sizeof left, "%s", path)
                         : snprintf(left, sizeof left, "%s/self/cwd/%s", s->sys.proc, path);
    if (n < 0 || (size_t)n >= sizeof left)
        return -ENAMETOOLONG;
    *real = '\0';
    for (int links = 0;;) {
        size_t skip = strspn(left, "/"), size = strcspn(left + skip, "/"), end = strlen(real);
        if (!size)
            break;
        if (end + 1 + size >= PATH_SIZE)
            return -ENAMETOOLONG;
        real[end] = '/';
        memcpy(real + end + 1, left + skip, size);
        real[end + 1 + size] = '\0';
        memmove(left, left + skip + size, strlen(left + skip + size) + 1);
        if (!strcmp(real + end, "/.") || !strcmp(real + end, "/..")) {
            real[end] = '\0';
            if (size == 2)
                drop_last(real);
            continue;
        }
        int64_t r = s->sys.readlink(s->sys.opaque, real, target, sizeof target);
        if (r == -EINVAL || r == -ENOENT)
            continue;
        if (r < 0)
            return (int)r;
        if (r >= (int64_t)sizeof target - 1)
            return -ENAMETOOLONG;
        if (++links > MOST_LINKS)
            return -ELOOP;
        r = follow(real, left, target);
        if (r)
            return (int)r;
    }
    if (!*real)
        strcpy(real, "/");
    return 0;
}
