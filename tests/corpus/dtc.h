// SPDX-License-Identifier: MIT
// dtc is an independent reader of trees that knows nothing about machc.
#ifndef CORPUS_DTC_H
#define CORPUS_DTC_H

#include <stddef.h>

/* Runs dtc's checks on a tree. Returns its output, NUL-terminated; the caller frees it. NULL: dtc could not be run. */
char *dtc_check(char *const *argv, const void *fdt, size_t size);

#endif
