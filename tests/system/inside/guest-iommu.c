// SPDX-License-Identifier: MIT
// Mappings that change while the machine runs, and two devices that share them.
//
//     guest-iommu RUNTIME.CFG PAIR.CFG BACKEND
#include "lib/rig.h"

#include <errno.h>
#include <inttypes.h>

enum { PAGE = 4096, ROUNDS = 20 };
static const uint64_t at = 0x40000000;

// Moves 64 bytes from `from` through the device to `to`, which held other bytes before.
static bool moves(const struct rig *r, uint32_t region, uint64_t from, uint8_t *source, uint64_t to, uint8_t *target,
                  unsigned seed)
{

    for (unsigned i = 0; i < 64; i++) {
        source[i] = (uint8_t)(seed + 3 * i);
        target[i] = (uint8_t)~source[i];
    }
    edu_load(r, region, from, 64);
    edu_store(r, region, to, 64);
    return !memcmp(source, target, 64);
}

// A byte that the IOMMU stops; `byte` is unchanged.
static bool stopped(const struct rig *r, uint32_t region, uint64_t iova, uint8_t *byte)
{
    uint64_t before = iommu_faults();
    *byte = 0x44;
    edu_store(r, region, iova, 1);
    return iommu_faulted(before) && *byte == 0x44;
}

static void alone(const struct rig *r, uint8_t *ram)
{
    uint32_t d = rig_device(r, "alone"), region = rig_region(r, d), dma = rig_dma(r, d), good = 0, stale = 0;
    uint64_t bytes, first[8], last[8];
    uint32_t ranges = mach_dma_ranges(r->session, dma, first, last, 8);
    ok(ranges && ranges <= 8 && first[0] == 0, "its IOVA ranges can be asked for, and begin at 0");
    ok(stopped(r, region, at, ram), "before the first mapping it reaches nothing");
    for (unsigned i = 0; i < ROUNDS && good == i && stale == i; i++) {
        // Maps a different piece of memory at the same address each time.
        uint8_t *page = ram + 2 * i * PAGE;
        bool mapped = !mach_dma_map(r->session, dma, at, 2 * PAGE, page, MACH_DMA_READ | MACH_DMA_WRITE);
        good += mapped && moves(r, region, at, page, at + PAGE, page + PAGE, i);
        mapped = !mach_dma_unmap(r->session, dma, at, 2 * PAGE, &bytes) && bytes == 2 * PAGE;
        stale += mapped && stopped(r, region, at + PAGE, page + PAGE);
    }
    if (!ok(good == ROUNDS, "mapped %u times to other memory, it reaches that", (unsigned)ROUNDS))
        comment("%u times", good);
    if (!ok(stale == ROUNDS, "unmapped, it faults each time"))
        comment("%u times", stale);
    // The kernel's two interfaces return different errors; the library returns one.
    ok(!mach_dma_map(r->session, dma, at, 4 * PAGE, ram, MACH_DMA_READ | MACH_DMA_WRITE), "four pages are mapped");
    ok(mach_dma_map(r->session, dma, at + PAGE, PAGE, ram, MACH_DMA_READ) == -EEXIST, "an overlap is refused");
    ok(mach_dma_unmap(r->session, dma, at + PAGE, PAGE, &bytes) == -EINVAL && !bytes, "half an unmap is refused");
    ok(!mach_dma_unmap(r->session, dma, at - PAGE, PAGE, &bytes) && !bytes, "an unmap of nothing is none");
    ok(mach_dma_map(r->session, dma, at + 1, PAGE, ram, MACH_DMA_READ) == -EINVAL, "an unaligned one is refused");
    // The MSI doorbell: linux-6.12 drivers/iommu/arm/arm-smmu-v3, MSI_IOVA_BASE; Intel SDM volume 3, 11.11.
    struct mach_cfg_rec machine = mach_cfg_record(r->f, MACH_CFG_S_MACHINE, 0);
    uint64_t msi = mach_cfg_machine_arch(machine) == MACH_CFG_ARCH_X86_64 ? 0xfee00000 : 0x08000000;
    ok(mach_dma_map(r->session, dma, msi, PAGE, ram, MACH_DMA_READ) == -ERANGE, "the MSI window is refused");
    ok(moves(r, region, at, ram, at + 3 * PAGE, ram + 3 * PAGE, 9), "what was refused has changed nothing");
    ok(!mach_dma_unmap(r->session, dma, at, 4 * PAGE, &bytes) && bytes == 4 * PAGE, "all of it is unmapped");
    ok(!mach_dma_map(r->session, dma, at, PAGE, ram, MACH_DMA_READ), "a page is mapped to be read");
    ok(stopped(r, region, at, ram), "writing to it faults");
    // The end of the session removes this one.
}

// Devices of one group share a page table: a mapping for both is removed by the last unmap.
static void together(const struct rig *r, uint8_t *ram)
{
    uint32_t a = rig_device(r, "first"), b = rig_device(r, "second");
    uint32_t first = rig_region(r, a), second = rig_region(r, b), dma_a = rig_dma(r, a), dma_b = rig_dma(r, b);
    const unsigned rw = MACH_DMA_READ | MACH_DMA_WRITE;
    uint64_t bytes;
    ok(!mach_dma_map(r->session, dma_a, at, 2 * PAGE, ram, rw), "the first device of a group maps");
    ok(!mach_dma_map(r->session, dma_b, at, 2 * PAGE, ram, rw), "the second one maps the same");
    ok(mach_dma_map(r->session, dma_b, at, 2 * PAGE, ram + PAGE, rw) == -EEXIST, "and cannot map other memory there");
    ok(moves(r, first, at, ram, at + PAGE, ram + PAGE, 1), "the first reaches it");
    ok(moves(r, second, at, ram, at + PAGE, ram + PAGE, 2), "the second reaches it");
    ok(!mach_dma_unmap(r->session, dma_a, at, 2 * PAGE, &bytes), "the first unmaps");
    ok(moves(r, second, at, ram, at + PAGE, ram + PAGE, 3), "the second still reaches it");
    ok(!mach_dma_unmap(r->session, dma_b, at, 2 * PAGE, &bytes) && bytes == 2 * PAGE, "the second unmaps");
    ok(stopped(r, first, at, ram), "the first is stopped");
    ok(stopped(r, second, at, ram), "the second is stopped");
}

static void pair(const char *path, const char *backend)
{
    struct rig r;
    const struct mach_memory *m = NULL;
    if (!rig_start(&r, path, backend))
        return;
    m = mach_session_memory(r.session, 0);
    uint8_t *ram = (uint8_t *)m->at;
    uint32_t left = rig_region(&r, rig_device(&r, "left")), right = rig_region(&r, rig_device(&r, "right"));
    memcpy(ram, "from one device to another", 27);
    edu_load(&r, left, m->address, 27);
    edu_store(&r, left, m->address + PAGE, 27);
    edu_load(&r, right, m->address + PAGE, 27);
    edu_store(&r, right, m->address + m->size - 27, 27);
    ok(!strcmp((char *)ram + m->size - 27, "from one device to another"),
       "two devices of two groups reach the same memory");
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    char what[64];
    struct rig r;
    const struct mach_memory *m = NULL;
    if (argc != 4)
        return 2;
    snprintf(what, sizeof what, "mappings, %s", argv[3]);
    tap_begin("7", what);
    if (rig_start(&r, argv[1], argv[3])) {
        m = mach_session_memory(r.session, 0);
        alone(&r, (uint8_t *)m->at);
        together(&r, (uint8_t *)m->at);
        rig_stop(&r);
    }
    pair(argv[2], argv[3]);
    return tap_end();
}
