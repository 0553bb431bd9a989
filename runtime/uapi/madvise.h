// SPDX-License-Identifier: MIT
// Advice to madvise(2) that musl 1.2.3 and glibc before 2.35 lack: include/uapi/asm-generic/mman-common.h of
// Linux 5.14, the same on every architecture. A kernel without it answers EINVAL.
#ifndef MACHRT_UAPI_MADVISE_H
#define MACHRT_UAPI_MADVISE_H

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#endif
