// SPDX-License-Identifier: MIT
/*
 * The solvers: what each kind of IOMMU can do, as pure functions. They emit no messages, allocate nothing and keep no
 * state, so that tests can compare each of them with brute force. All functions may be called from any thread; the
 * caller owns all arrays. Addresses and sizes are in bytes.
 */
#ifndef MACHC_DMA_SOLVE_H
#define MACHC_DMA_SOLVE_H

#include <stdbool.h>
#include <stdint.h>

/* One range that a device is to reach. */
struct dma_want {
    uint64_t iova;  // device address; UINT64_MAX: any address, allowed only for a bank
    uint64_t size;  // a multiple of the page, not 0; iova + size - 1 does not wrap
    uint64_t host;  // start of its backing: a physical address, or an offset in huge pages
    uint64_t chunk; // the backing is contiguous in naturally aligned pieces of this size (a power of two);
                    // UINT64_MAX: it is contiguous as a whole
    uintptr_t same; // equal for ranges of one mmap of the VMM, which can be one mapping
    bool readonly;
    bool bank; // the registers of an MSI bank, which need a sub-window of their own
};

/* A range of device addresses, both ends included. */
struct dma_span {
    uint64_t first, last;
};

/* Returns the smallest power of two that is at least n (n at most 2^63). */
static inline uint64_t dma_power(uint64_t n)
{
    uint64_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

/* Returns the largest power of two that divides n; 2^63 for 0. */
static inline uint64_t dma_grain(uint64_t n)
{
    return n ? n & (~n + 1) : UINT64_C(1) << 63;
}

/* ---- pagetable.c: VFIO type 1 version 2, iommufd ---- */

enum { DMA_ENTRY_LIMIT = 65535 }; // vfio_iommu_type1.dma_entry_limit, per container

/*
 * Whether `a` and `b` can be one mapping: they are adjacent in device addresses and in the same mmap, and have the same
 * rights. VFIO takes one range of the VMM's addresses for each mapping, and nothing makes two mmaps adjacent there.
 */
bool pagetable_joins(const struct dma_want *a, const struct dma_want *b);

enum pagetable_why {
    PAGETABLE_OK,
    PAGETABLE_UNALIGNED, // address, size or backing of want `which` is not a multiple of the page
    PAGETABLE_RESERVED,  // want `which` overlaps reserved range `other`
    PAGETABLE_ENTRIES    // there are more mappings than a container allows
};

struct pagetable_answer {
    uint8_t why;           // enum pagetable_why
    uint32_t which, other; // see why
    uint32_t mappings;     // number of mappings that the wants need
};

/*
 * Checks whether page tables with pages of `page` bytes can map `n` wants, which are sorted by iova and do not overlap.
 * `reserved` lists the `nreserved` ranges that the host's kernel reserves, in any order; the time is n * nreserved.
 */
struct pagetable_answer pagetable_solve(const struct dma_want *want, uint32_t n, uint64_t page,
                                        const struct dma_span *reserved, uint32_t nreserved);

/* ---- spapr.c: windows of TCEs, version 2 ---- */

struct spapr_answer {
    uint64_t size;       // size of a window that starts at 0 and contains all wants: a power of two
    uint32_t page_shift; // log2 of the largest TCE page size that divides all addresses, sizes and backings
};

/* Finds the window for `n` wants (n not 0). It always succeeds. */
struct spapr_answer spapr_solve(const struct dma_want *want, uint32_t n);

/* ---- identity.c: no IOMMU ---- */

/* Returns the index of the first want whose backing is not at its device address as a whole; n if there is none. */
uint32_t identity_moved(const struct dma_want *want, uint32_t n);

/* ---- guest_iommu.c: an IOMMU that the guest drives ---- */

enum { GUEST_IOMMU_PLATFORM = 0x10000 }; // first endpoint of platform devices, after the 16-bit PCI requester ids

/* Returns the requester id of a PCI function: bus 0 to 255, slot 0 to 31, function 0 to 7. */
uint32_t guest_iommu_requester(uint32_t bus, uint32_t slot, uint32_t function);

/* ---- pamu.c: Freescale's PAMU, windows of powers of two ---- */

/*
 * The limits of a PAMU: Linux 3.12 to 5.12, drivers/iommu/fsl_pamu.c, fsl_pamu_domain.c, fsl_pamu.h; P4080RM,
 * chapter 6. A LIODN has one window. Its size is a power of two from 4 KiB to 64 GiB, and its start a multiple of its
 * size. It is undivided, or has 2 to 256 sub-windows of equal size. Each sub-window maps, from its start on, a power of
 * two of bytes up to its size, to physical memory that is contiguous and naturally aligned.
 */
struct pamu_limits {
    uint64_t least, most; // size of a window; `least` is also the smallest size of a sub-window
    uint32_t subwindows;  // largest number of sub-windows of a window
    uint32_t liodns;      // P8: number of LIODNs; the highest one is liodns - 1 (fsl_pamu.h, PAACE_NUMBER_ENTRIES)
    uint32_t spaact;      // P7: entries for sub-windows; a window of N > 1 uses N - 1 (SPAACE_NUMBER_ENTRIES)
    uint32_t operations;  // P18: number of operation mappings (OME_NUMBER_ENTRIES)
};
extern const struct pamu_limits pamu_hardware;

enum pamu_why {
    PAMU_OK,
    PAMU_HIGH,    // want `which` ends beyond what a window can reach
    PAMU_WINDOW,  // the given window is not a power of two or not aligned to its size; the answer has the nearest one
    PAMU_OUTSIDE, // want `which` is outside of the given window
    PAMU_START,   // want `which` does not start at a sub-window
    PAMU_ALIGNED, // the backing of want `which` is not aligned to the piece that a sub-window maps
    PAMU_CHUNK,   // the backing of want `which` is not contiguous in the piece that a sub-window maps
    PAMU_FULL     // no sub-window is left for bank `which`
};

struct pamu_problem {
    const struct pamu_limits *limits;
    const struct dma_want *want; // in any order; those with an address do not overlap
    uint32_t n;
    bool has_window; // window and size are given; otherwise the solver chooses them
    uint64_t window, size;
    uint32_t subwindows; // the given number; 0: the solver chooses it
};

struct pamu_answer {
    uint8_t why; // enum pamu_why. The other members have the best solution, or after a failure the last attempt
    uint32_t which;
    uint64_t window, size;
    uint32_t subwindows;
    uint32_t whole;      // number of sub-windows with which each one in use is completely mapped; 0: there is none
    uint64_t over_grant; // bytes that are mapped in excess of the wants
    uint64_t piece;      // for PAMU_ALIGNED and PAMU_CHUNK: size of the piece
};

/*
 * Finds the smallest window for the wants. Among the numbers of sub-windows that map the fewest bytes in excess of the
 * wants, it takes the smallest. Each want starts at a sub-window, and no sub-window maps parts of two wants. On
 * success, `place` (NULL, or n entries) gets the device address of each want: a bank without an address gets the
 * sub-window after the last one in use, or else the first free one. The time is 9 n for each size of window that is
 * tried; several are tried only for banks without an address.
 */
struct pamu_answer pamu_solve(const struct pamu_problem *p, uint64_t *place);

/* Returns the bytes that sub-windows of `piece` bytes map for a want: its last part is rounded up to a power of two. */
uint64_t pamu_granted(const struct dma_want *want, uint64_t piece);

/* A way to avoid a failure: with want `which` at `iova`, a window with `subwindows` sub-windows is a solution. */
struct pamu_move {
    uint32_t which, subwindows;
    uint64_t iova;
};

/*
 * Finds the shortest move of one want that makes an unsolvable problem solvable; among equal ones, that with the fewest
 * sub-windows. Returns false if the problem has a solution already or no single move is enough.
 */
bool pamu_nearest(const struct pamu_problem *p, struct pamu_move *move);

#endif
