// SPDX-License-Identifier: MIT
// Checks the contents of all records of a guest.cfg once, so that later code can trust them.
#ifndef MACH_CONFIG_VERIFY_H
#define MACH_CONFIG_VERIFY_H

#include "machcfg_file.h"

/*
 * Checks every rule of docs/guest-cfg.md for a file whose sections mach_cfg_frame() has found: fields and rows, each
 * record, and what records say about each other. n log n, with memory in proportion to the number of records, which is
 * freed. 0, or -1 and *fault says what is wrong and where.
 */
int machrt_verify(const struct mach_cfg_file *f, struct mach_cfg_fault *fault);

/* The name of an error, "MAGIC", and its sentence. Never NULL. */
const char *machrt_fault_name(enum mach_cfg_error error);
const char *machrt_fault_text(enum mach_cfg_error error);

#endif
