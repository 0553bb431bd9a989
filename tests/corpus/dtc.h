// SPDX-License-Identifier: MIT
// dtc, as a reader of trees that knows nothing of machc.
#ifndef CORPUS_DTC_H
#define CORPUS_DTC_H

#include <stddef.h>

/* What dtc says of a tree when it checks it: lines, NUL-terminated, the caller's to free. NULL: it could not be run. */
char *dtc_check(char *const *argv, const void *fdt, size_t size);

#endif
