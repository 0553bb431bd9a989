// SPDX-License-Identifier: MIT
// Filling in the structs of a caller's that may be older or newer than this library.
#ifndef MACHRT_BASE_ERROR_H
#define MACHRT_BASE_ERROR_H

#include "machrt.h"

#include <stdarg.h>

/* The size of a struct up to its member `last`: what the first release had. */
#define MACHRT_SIZE_UP_TO(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/*
 * Fills in *e, which may be NULL, with no more than its size. `number` is an errno, positive or negative, or 0.
 * `object` may lie in *e. Returns the errno as a negative number; for 0, -EINVAL.
 */
int machrt_fill_error(struct mach_error *e, const char *step, int number, const char *object, const char *hint, ...)
    __attribute__((format(printf, 5, 6)));
int machrt_fill_error_va(struct mach_error *e, const char *step, int number, const char *object, const char *hint,
                         va_list args);
/* Adds what step "verify" knows: one word for what is wrong, and where in the file. */
void machrt_name_error(struct mach_error *e, const char *name, uint64_t offset);

/*
 * Copies a caller's struct, which begins with its size, to one of `size` bytes; what the caller's does not have stays
 * as it is there. 0; -EINVAL: it is smaller than `least`; -E2BIG: it has members that this library does not know, and
 * they are not 0.
 */
int machrt_copy_struct(void *to, size_t size, size_t least, const void *from);

#endif
