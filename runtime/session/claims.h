// SPDX-License-Identifier: MIT
// Files that the config names: what they are, whatever they are called, and who has which bytes of them.
#ifndef MACHRT_SESSION_CLAIMS_H
#define MACHRT_SESSION_CLAIMS_H

#include "session/steps.h"

/* What the session wants of a file that it has opened. */
struct claim {
    const char *step, *who; // of errors; `who` stays as it is until the session ends
    const char *path;       // that was opened
    int fd;
    uint64_t offset, size;       // bytes, or, of a line, neither
    bool shared;                 // others may have them, too, who share them
    bool memory;                 // not registers
    const struct region *shadow; // only the bits that the guest may write; NULL: all
};

/* ---- identity.c ---- */

/* What bytes of a file are. */
struct identity {
    uint64_t device, inode, special;
    bool physical; // they are host physical memory, from `first` on; else `first` is an offset in the file
    uint64_t first;
    uint64_t end; // of the file, for the caller's offset; UINT64_MAX: the driver knows it, and refuses what is beyond
    char device_node[64]; // the node of a character device below /dev, as the kernel calls it; "": not known
};

/* 0, or -1 after machrt_set_error(). */
int machrt_identify(struct mach_session *s, const struct claim *c, struct identity *to);
/* Is the file a device of UIO? 0 and its identity, or -1 after machrt_set_error(). */
int machrt_identify_uio(struct mach_session *s, const struct claim *c, struct identity *to);

/* ---- claims.c ---- */

/*
 * Proves that the file has the bytes, and takes them: no other session can until this process has unmapped and closed
 * it, however it ends. Physical memory is one space under all of its names. 0, or -1 after machrt_set_error().
 */
int machrt_claim(struct mach_session *s, const struct claim *c);
/* The same for physical addresses alone: `fd` is of /dev/mem, and `offset` an address. */
int machrt_claim_addresses(struct mach_session *s, const struct claim *c);
/* The same for the interrupt of a UIO device. */
int machrt_claim_line(struct mach_session *s, const struct claim *c);

#endif
