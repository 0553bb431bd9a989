// SPDX-License-Identifier: MIT
#ifndef MACHC_BASE_PATH_H
#define MACHC_BASE_PATH_H

#include <stddef.h>
#include <string.h>

/* What is after the last slash of a path. NULL gives NULL. */
static inline const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

#endif
