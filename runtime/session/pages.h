// SPDX-License-Identifier: MIT
// What the steps for guest memory share: populating it, pinning it, and the providers of memory that has an address.
#ifndef MACHRT_SESSION_PAGES_H
#define MACHRT_SESSION_PAGES_H

#include "core/physical.h"
#include "session/steps.h"

/* "memory ram", see machrt_object(). */
const char *machrt_memory_object(struct mach_session *s, const struct memory *m);

/* ---- populate.c ---- */

/* Faults in `size` bytes at `at`, in parallel (options.threads). 0, or what madvise() returned. */
int machrt_populate(struct mach_session *s, void *at, uint64_t size, bool readonly);

/* ---- pin.c ---- */

/* A piece of a mapping, and of the memfd behind it. */
struct extent {
    void *at;
    uint64_t size;   // a multiple of the kernel's page
    uint64_t offset; // in the memfd
};

/* Files that keep memory where it is, until they are closed. */
struct pin {
    int ring;  // of io_uring, with registered buffers; -1: none
    int *file; // of udmabuf
    uint32_t files;
    int by_io_uring, by_udmabuf; // why not, as -errno; 0: not tried, or not the reason
};

/*
 * Pins what the `n` extents map: by buffers that are registered with an io_uring, else, where `memfd` is not -1, by
 * udmabuf. The kernel neither moves nor takes pinned memory; what lies in CMA moves out of it now. 0; -1 after
 * machrt_set_error() with `who` as its object.
 */
int machrt_pin(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n, int memfd,
               const char *who);
/* The same without a message: 0, -ENOMEM (some of it cannot be pinned), or another -errno. */
int machrt_try_pin(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n, int memfd);
/* Sets the message of that failure, of which `r` is the result. -1. */
int machrt_set_pin_error(struct mach_session *s, const struct pin *pin, int r, const char *who);
/* Removes a pin; one without files is fine. 0, or what close() returned. */
int machrt_unpin(struct mach_session *s, struct pin *pin);

/* Why the process cannot pin memory, or NULL; nothing is changed. */
const char *machrt_cannot_pin(struct mach_session *s);

/* ---- contiguous.c ---- */

/* Takes and maps huge pages that lie side by side, as the record asks for. 0, or -1 after machrt_set_error(); undone
 * with the session. */
int machrt_take_contiguous(struct mach_session *s, struct memory *m);

/* ---- heap.c ---- */

/* Takes and maps memory of the DMA heap that the record names. 0, or -1 after machrt_set_error(); undone with the
 * session. */
int machrt_take_from_heap(struct mach_session *s, struct memory *m);

/* ---- prove_memory.c: 0, or -1 after machrt_set_error() ---- */

/* Is it memory that the guest's kernel runs in, not data that it shares or only reads? */
bool machrt_is_ram(const struct mach_session *s, const struct memory *m);
/* Does its record say where on the host it lies? */
bool machrt_has_place(const struct memory *m);
/* May it begin at host address `host`, as its record says? */
bool machrt_fits_at(const struct memory *m, uint64_t host);

/* Before memory is mapped through /dev/mem: the kernel does not use it, and the guest can run in it. */
int machrt_prove_reserved(struct mach_session *s, const struct memory *m);
/* Memory that the session has mapped: what only the mapping shows. */
int machrt_prove_taken(struct mach_session *s, const struct memory *m);
/* Memory that the VMM has provided: the guest can run in it, and it lies where its record says. Pins it for that. */
int machrt_prove_given(struct mach_session *s, struct memory *m);
/* Memory at `host` is the kernel's own, and this process's: marks that are written to it show in /proc/kcore there. */
int machrt_prove_by_marks(struct mach_session *s, const struct memory *m, uint64_t host);

/*
 * Finds where the kernel's own memory has a mark that is written to the memory's first page. Reads all of it: a second
 * for 2 GiB.
 */
int machrt_search_by_mark(struct mach_session *s, const struct memory *m, uint64_t *host);

/*
 * Why memory that is kept from the kernel cannot be used, `guest` tells whether by one; NULL: it can. May use `text`;
 * *number becomes an errno.
 */
const char *machrt_why_not_reserved(struct mach_session *s, const struct memory *m, bool guest, char *text, size_t size,
                                    int *number);

/* ---- runs_told.c: which runs of memory there are, for a message ---- */

enum { RUNS_TOLD = 4, RUNS_TEXT = 200 };

/* The largest ones; zeroed at first. */
struct runs_told {
    struct {
        uint64_t first, size;
    } run[RUNS_TOLD];
    uint64_t all; // how many there are
};

/* Runs come in rising order. */
void machrt_tell_run(struct runs_told *to, uint64_t first, uint64_t size);
/* "0x80000000+8M, 0xa0000000+96M, the largest of 206", or "none". Returns `text`. */
const char *machrt_runs_text(const struct runs_told *runs, char *text, size_t size);

/* ---- check_memory.c ---- */

/* Whether the host has memory as its record asks for, as far as that shows without taking it: for mach_config_check().
 */
enum mach_proof machrt_check_memory(struct mach_session *s, const struct memory *m, char *text, size_t size);

#endif
