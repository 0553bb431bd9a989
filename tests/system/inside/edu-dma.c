// SPDX-License-Identifier: MIT
// DMA of a PCI function without a guest: inside its window, at both ends, and one byte beyond.
//
//     edu-dma WINDOW.CFG BACKEND
//
// The config maps the first half of `ram` readable and writable, and its last page read-only. The memory after the
// window is therefore also memory of this process, and a device that reached it would change it.
#include "lib/rig.h"

#include <inttypes.h>
#include <stdlib.h>

// QEMU 7.2 exits on a transfer of the whole buffer: its check is off by one.
enum { MOST = 4095 };

// A byte that an IOMMU must stop.
static bool stopped(const struct rig *r, uint32_t region, uint64_t iova)
{
    uint64_t before = iommu_faults();
    edu_store(r, region, iova, 1);
    return iommu_faulted(before);
}

int main(int argc, char **argv)
{
    char what[64];
    struct rig r;
    if (argc != 3)
        return 2;
    snprintf(what, sizeof what, "DMA, %s", argv[2]);
    tap_begin("4", what);
    if (!rig_start(&r, argv[1], argv[2]))
        return tap_end();
    uint32_t d = rig_device(&r, "edu"), region = rig_region(&r, d);
    struct mach_cfg_rec dma = mach_cfg_record(r.f, MACH_CFG_S_DMA, rig_dma(&r, d));
    struct mach_cfg_rec map = mach_cfg_record(r.f, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(dma));
    const struct mach_memory *m = NULL;
    if (!ok(mach_cfg_dma_maps(dma) == 2 && (m = mach_session_memory(r.session, mach_cfg_dma_map_memory(map))),
            "the config has the two mappings"))
        return tap_end();
    uint8_t *ram = (uint8_t *)m->at;
    const uint64_t first = mach_cfg_dma_map_iova(map), size = mach_cfg_dma_map_size(map), end = first + size;
    struct mach_cfg_rec ro = mach_cfg_record(r.f, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(dma) + 1);
    uint8_t *readonly = ram + mach_cfg_dma_map_offset(ro);
    uint64_t before = iommu_faults();

    for (int i = 0; i < MOST; i++)
        ram[i] = (uint8_t)(i * 7 + i / 256);
    edu_load(&r, region, first, MOST);
    memset(ram + 4096, 0, MOST);
    edu_store(&r, region, first + 4096, MOST);
    ok(!memcmp(ram, ram + 4096, MOST), "%d bytes go into the device and come back", (int)MOST);

    memset(ram + size - 1, 0xa5, 2);
    ram[0] = 0x5a;
    edu_load(&r, region, first, 1);
    edu_store(&r, region, end - 1, 1);
    ok(ram[size - 1] == 0x5a && ram[size] == 0xa5, "the window's last byte can be written, and only it");
    memcpy(ram + size - 64, ram + 64, 64);
    memset(ram + 8192, 0, 64);
    edu_load(&r, region, end - 64, 64);
    edu_store(&r, region, first + 8192, 64);
    ok(!memcmp(ram + 8192, ram + 64, 64), "the window's last bytes can be read");
    ok(iommu_quiet(before), "no fault so far");

    memset(ram + size, 0xa5, 4096);
    ok(stopped(&r, region, end), "one byte after the window is stopped by the IOMMU");
    ok(ram[size] == 0xa5, "and not written");
    // Event F_TRANSLATION of an SMMUv3 (its architecture, 7.3); a DMA remapping fault of VT-d.
    ok(kernel_said("event 0x10 received") || kernel_said("DMAR: [DMA Write"), "and the host's kernel says so");
    edu_store(&r, region, end - 4, 8);
    bool same = true;
    for (int i = 0; i < 4096; i++)
        same = same && ram[size + (uint64_t)i] == 0xa5;
    ok(same, "of a transfer across the end nothing gets behind it");
    ok(stopped(&r, region, first - 1), "one byte before the window is stopped");
    // The address of the memory in this process is not valid for the device.
    ok(stopped(&r, region, (uintptr_t)(ram + 16384)), "so is this process's own address");

    // Write first: after a read has filled QEMU's cache of a PC's translations, a write is refused without a fault.
    memset(readonly, 0x77, 64);
    memset(ram + 8192, 0x11, 64);
    edu_load(&r, region, first + 8192, 64);
    ok(stopped(&r, region, mach_cfg_dma_map_iova(ro)) && readonly[0] == 0x77,
       "memory that is mapped readonly is not written");
    edu_load(&r, region, mach_cfg_dma_map_iova(ro), 64);
    edu_store(&r, region, first + 8192, 64);
    ok(!memcmp(ram + 8192, readonly, 64), "and can be read");

    edu_load(&r, region, first, 64);
    memset(ram + 4096, 0, 64);
    edu_store(&r, region, first + 4096, 64);
    ok(!memcmp(ram, ram + 4096, 64), "the device still works after all that");
    rig_stop(&r);
    return tap_end();
}
