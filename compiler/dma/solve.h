// SPDX-License-Identifier: MIT
/*
 * What each kind of IOMMU can do, as arithmetic: structs in, structs out. No messages, no memory, no state, so that
 * tests can hold every function here against brute force. All functions may be called from any thread.
 */
#ifndef MACHC_DMA_SOLVE_H
#define MACHC_DMA_SOLVE_H

#include <stdbool.h>
#include <stdint.h>

/* One thing that a device is to reach. */
struct dma_want {
    uint64_t iova;  // device address; UINT64_MAX: anywhere, which only a bank can be
    uint64_t size;  // bytes, a multiple of the page, not 0; iova + size - 1 does not wrap
    uint64_t host;  // where its backing begins: a physical address, or an offset in huge pages
    uint64_t chunk; // the backing is contiguous in naturally aligned pieces of so many bytes (a power of two);
                    // UINT64_MAX: all of it
    uintptr_t same; // equal for what comes out of one mmap of the VMM, and so can be one mapping
    bool readonly;
    bool bank; // the registers of an MSI bank: a sub-window to itself
};

/* A range of device addresses, both ends included. */
struct dma_span {
    uint64_t first, last;
};

/* The smallest power of two that is not below n (n at most 2^63). */
static inline uint64_t dma_power(uint64_t n)
{
    uint64_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

/* The largest power of two that divides n; 2^63 for 0, which all divide. */
static inline uint64_t dma_grain(uint64_t n)
{
    return n ? n & (~n + 1) : UINT64_C(1) << 63;
}

/* ---- pagetable.c: VFIO type 1 version 2, iommufd ---- */

enum { DMA_ENTRY_LIMIT = 65535 }; // vfio_iommu_type1.dma_entry_limit, per container

/*
 * Can `b`, which begins where `a` ends, be one mapping with it? Only when both come out of one mmap, side by side and
 * with the same rights: VFIO takes one range of the VMM's addresses for each mapping, and two mmaps lie where they lie.
 */
bool pagetable_joins(const struct dma_want *a, const struct dma_want *b);

enum pagetable_why {
    PAGETABLE_OK,
    PAGETABLE_UNALIGNED, // address, size or backing of `which` is not a multiple of the page
    PAGETABLE_RESERVED,  // `which` runs into reserved range `other`
    PAGETABLE_ENTRIES    // more mappings than a container takes
};

struct pagetable_answer {
    uint8_t why;           // enum pagetable_why
    uint32_t which, other; // see why
    uint32_t mappings;     // how many are made of the wants
};

/*
 * The wants, sorted by iova and apart from each other, as mappings of pages of `page` bytes. `reserved` are the ranges
 * that the host's kernel keeps for itself, in any order; few.
 */
struct pagetable_answer pagetable_solve(const struct dma_want *want, uint32_t n, uint64_t page,
                                        const struct dma_span *reserved, uint32_t nreserved);

/* ---- spapr.c: windows of TCEs, version 2 ---- */

struct spapr_answer {
    uint64_t size;       // of a window from 0 on that holds all: a power of two
    uint32_t page_shift; // log2 of the largest TCE page that all addresses, sizes and backings are multiples of
};

/* n is not 0. */
struct spapr_answer spapr_solve(const struct dma_want *want, uint32_t n);

/* ---- identity.c: no IOMMU ---- */

/* The first want whose backing is not at its device address, all of it; n: none. */
uint32_t identity_moved(const struct dma_want *want, uint32_t n);

/* ---- guest_iommu.c: an IOMMU that the guest drives ---- */

enum { GUEST_IOMMU_PLATFORM = 0x10000 }; // endpoints of platform devices: behind the 16 bits of PCI requester ids

/* The requester id of a function: slot 0 to 31, function 0 to 7 of a bus. */
uint32_t guest_iommu_requester(uint32_t bus, uint32_t slot, uint32_t function);

/* ---- pamu.c: Freescale's, windows of powers of two ---- */

/*
 * The hardware: Linux 3.12 to 5.12, drivers/iommu/fsl_pamu.c, fsl_pamu_domain.c, fsl_pamu.h; P4080RM, chapter 6. A
 * LIODN has one window, a power of two from 4 KiB to 64 GiB at a multiple of its size. It is one piece, or 2 to 256
 * sub-windows of one size. Each sub-window maps a power of two of bytes from its start on, at most itself, to physical
 * memory that is contiguous and naturally aligned.
 */
struct pamu_limits {
    uint64_t least, most; // bytes of a window; `least` is that of a sub-window, too
    uint32_t subwindows;  // most of a window
    uint32_t liodns;      // P8: one more than the highest LIODN (fsl_pamu.h, PAACE_NUMBER_ENTRIES)
    uint32_t spaact;      // P7: entries for sub-windows; a window of N > 1 takes N - 1 (SPAACE_NUMBER_ENTRIES)
    uint32_t operations;  // P18: operation mappings (OME_NUMBER_ENTRIES)
};
extern const struct pamu_limits pamu_hardware;

enum pamu_why {
    PAMU_OK,
    PAMU_HIGH,   // `which` ends beyond what a window can reach
    PAMU_WINDOW, // the window that is given is no power of two, or not at a multiple of its size; nearest in the answer
    PAMU_OUTSIDE, // `which` lies outside of the window that is given
    PAMU_START,   // `which` does not begin with a sub-window
    PAMU_ALIGNED, // the backing of `which` is not aligned to the piece that a sub-window maps
    PAMU_CHUNK,   // the backing of `which` is not contiguous in the piece that a sub-window maps
    PAMU_FULL     // no sub-window is left for bank `which`
};

struct pamu_problem {
    const struct pamu_limits *limits;
    const struct dma_want *want; // those with an address apart from each other, in any order
    uint32_t n;
    bool has_window; // window and size are given
    uint64_t window, size;
    uint32_t subwindows; // given; 0: to be found
};

struct pamu_answer {
    uint8_t why; // enum pamu_why. What follows is the best that can be had; with a failure, what was tried last
    uint32_t which;
    uint64_t window, size;
    uint32_t subwindows;
    uint32_t whole;      // as many sub-windows are each filled by what they map; 0: with no number of them
    uint64_t over_grant; // bytes that are mapped beyond what is wanted
    uint64_t piece;      // of PAMU_ALIGNED and PAMU_CHUNK: bytes
};

/*
 * The smallest window for the wants, in it the fewest sub-windows of those that map least beyond what is wanted. Banks
 * without an address get one, in `place` (n entries): a sub-window behind the last one in use, else the first free one;
 * place[i] of others is their iova. A want begins with a sub-window, and no sub-window maps parts of two.
 * Time: 9 n for each size of window that is tried; more than one only for banks without an address.
 */
struct pamu_answer pamu_solve(const struct pamu_problem *p, uint64_t *place);

/* What is mapped for a want in sub-windows of `piece` bytes: its size, its last part rounded up to a power of two. */
uint64_t pamu_granted(const struct dma_want *want, uint64_t piece);

/* What could be done about a failure: with want `which` at `iova`, so many sub-windows do. */
struct pamu_move {
    uint32_t which, subwindows;
    uint64_t iova;
};

/* The shortest way; of two, the one to fewer sub-windows. False: moving one is not enough. */
bool pamu_nearest(const struct pamu_problem *p, struct pamu_move *move);

#endif
