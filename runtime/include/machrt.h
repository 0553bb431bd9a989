// SPDX-License-Identifier: MIT
/*
 * libmachrt: what a VMM or a userspace driver does with a guest.cfg. For C and C++; needs nothing but libc.
 *
 * Functions that can fail return 0, or -1 after filling in *error (which may be NULL). Nothing here is global: any
 * number of threads may use any number of configs, and a config that is open is only read.
 */
#ifndef MACHRT_H
#define MACHRT_H

#include "machcfg_file.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What failed: at which step, on what, why, and what can be done about it. */
struct mach_error {
    const char *step; // "open", "read", "verify"
    int number;       // errno, or 0
    const char *name; // of a step "verify": what is wrong, in one word: "CHECKSUM". Else NULL
    uint64_t offset;  // of a step "verify": where in the file
    char object[256]; // "guest.cfg: device 3, parent"
    char hint[256];   // one sentence
};

/* A config that has been verified: what it holds may be trusted, every index and every string. */
struct mach_config;

/*
 * Reads and verifies a guest.cfg. The bytes are copied: a file that is changed while it is in use cannot hurt.
 * The caller ends it with mach_config_close(). Returns 0, or -1: *config is NULL then.
 */
int mach_config_open(const char *path, struct mach_config **config, struct mach_error *error);

/*
 * The same for a config that is in memory already. It is used in place and must neither change nor go away
 * before mach_config_close(). `name` stands for it in messages.
 */
int mach_config_from_memory(const char *name, const void *bytes, size_t size, struct mach_config **config,
                            struct mach_error *error);

/* Gives back what the two above took. NULL is fine. */
void mach_config_close(struct mach_config *config);

/*
 * The sections, for mach_cfg_record(), mach_cfg_string() and the accessors of machcfg.h:
 *
 *     const struct mach_cfg_file *f = mach_config_file(config);
 *     for (uint32_t i = 0; i < f->section[MACH_CFG_S_DEVICE].count; i++)
 *         puts(mach_cfg_string(f, mach_cfg_device_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, i))));
 */
const struct mach_cfg_file *mach_config_file(const struct mach_config *config);

/* Writes the JSON view (docs/guest-cfg.md). Whether the writing went well, ferror(out) says. */
void mach_config_json(const struct mach_config *config, FILE *out);

/* Writes what is in it, for people. */
void mach_config_show(const struct mach_config *config, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
