// SPDX-License-Identifier: MIT
// Values in words, for `machrt plan`.
#ifndef MACHRT_PLAN_NAMES_H
#define MACHRT_PLAN_NAMES_H

#include <stdio.h>

enum { WORDS = 128 };

/* Where an ioctl is printed, and what its fds are. */
struct words {
    FILE *out;
    const char *(*name_of)(void *opaque, int fd);
    void *opaque;
    unsigned type; // of the KVM device that the ioctl is for
};

/* Each writes into `to`, and returns it. O_CLOEXEC is left out. */
const char *print_open_flags(char to[static WORDS], int flags);
const char *print_mmap_prot(char to[static WORDS], int prot);
const char *print_mmap_flags(char to[static WORDS], int flags);
const char *print_memfd_flags(char to[static WORDS], unsigned flags);

/* Prints a request and its argument as a C programmer would write them. `kind` is what the fd is, see plan.c. */
void print_ioctl(const struct words *w, char kind, int fd, unsigned long request, const void *arg);

#endif
