// SPDX-License-Identifier: MIT
// Configs whose records contradict each other are refused by the name of what is wrong, with both records; beside each
// stands the near miss, which is accepted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define MiB (UINT64_C(1) << 20)
enum { RAM, MORE, ROM, PRIVATE, SHM, BLOB, POOL };                              // memory
enum { UART, ETH, PHY, EDU, UIO, GRF, VIOMMU, NIC };                            // devices
enum { UART_REGS, ETH0, ETH1, ETH2, PHY_WINDOW, BAR0, BAR1, UIO0, UIO1, GRF0 }; // regions
enum { UART_IRQ, ETH_IRQ0, ETH_IRQ1, ETH_IRQ2, EDU_IRQ, UIO_IRQ };              // interrupts
enum { ETH_DMA, ETH_STREAM, EDU_DMA, NIC_DMA };                                 // domains

#define SET(name, NAME, i, field, value) CFG_SET(c, name, NAME, i, field, value)
#define TEXT(name, NAME, i, field, s)    CFG_SET(c, name, NAME, i, field, cfg_string(c, s))

static void memories(struct cfg *c)
{
    cfg_memory(c, "ram", MACH_CFG_BACKING_ANONYMOUS, 0x80000000, 4 * MiB, 0);
    cfg_memory(c, "more", MACH_CFG_BACKING_ANONYMOUS, 0x90000000, 4 * MiB, 0);
    cfg_memory(c, "rom", MACH_CFG_BACKING_FILE, 0xa0000000, MiB, 0);
    SET(memory, MEMORY, ROM, flags, MACH_CFG_MEMORY_READONLY);
    cfg_memory(c, "private", MACH_CFG_BACKING_ANONYMOUS, 0xb0000000, MiB, 0);
    SET(memory, MEMORY, PRIVATE, flags, MACH_CFG_MEMORY_NO_DMA);
    cfg_memory(c, "shm", MACH_CFG_BACKING_PHYSICAL, 0xc0000000, MiB, 0x60000000);
    cfg_memory(c, "blob", MACH_CFG_BACKING_FILE, 0xd0000000, MiB, MiB);
    cfg_memory(c, "pool", MACH_CFG_BACKING_CONTIGUOUS, 0xe0000000, 2 * MiB, 0x70000000);
}

static void uio(struct cfg *c)
{
    cfg_device(c, "uio", MACH_CFG_DEVICE_RAW, "", 0);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t r = cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x1000, 0x40000000 + i * 0x1000);
        TEXT(region, REGION, r, file, "/dev/uio0");
        SET(region, REGION, r, offset, i * UINT64_C(0x1000));
    }
    uint32_t q = cfg_irq(c, MACH_CFG_IRQ_FILE, 50, false);
    TEXT(irq, IRQ, q, file, "/dev/uio0");
}

static struct cfg *board(void)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    TEXT(machine, MACHINE, 0, host_compatible, "acme,board");
    cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, 0, "acme,board", MACH_CFG_NONE64, MACH_CFG_NONE64);
    cfg_cpus(c, 2);
    SET(cpu, CPU, 0, host_cpu, 2);
    SET(cpu, CPU, 1, host_cpu, 3);
    cfg_chip(c, "arm-vgic-v3", 96, 0x8000000, 0x80a0000);
    memories(c);
    cfg_device(c, "uart", MACH_CFG_DEVICE_EMULATED, "", 0);
    cfg_region(c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x100, 0x9000000);
    cfg_irq(c, MACH_CFG_IRQ_EMULATED, 32, true);
    cfg_device(c, "eth", MACH_CFG_DEVICE_PLATFORM, "1af0000.eth", 0);
    TEXT(device, DEVICE, ETH, compatible, "acme,eth");
    cfg_region(c, MACH_CFG_REGION_MAP, 0x1af0000, 0x2000, 0x1af0000);
    cfg_region(c, MACH_CFG_REGION_TRAP, 0x1af2000, 0x100, 0x1af2000);
    cfg_region(c, MACH_CFG_REGION_DROP, 0x1af4000, 0x1000, MACH_CFG_NONE64);
    for (uint32_t i = 0; i < 3; i++)
        cfg_irq(c, MACH_CFG_IRQ_DEVICE, 40 + i, true);
    cfg_dma(c, MACH_CFG_DMA_WINDOW);
    SET(dma, DMA, ETH_DMA, flags, MACH_CFG_DMA_HAS_WINDOW | MACH_CFG_DMA_HAS_STREAM);
    SET(dma, DMA, ETH_DMA, window, MiB);
    SET(dma, DMA, ETH_DMA, size, 4 * MiB);
    cfg_map(c, RAM, 0, MiB, MiB);
    cfg_map(c, MORE, 0, MiB, 4 * MiB);
    cfg_dma(c, MACH_CFG_DMA_ALL);
    SET(dma, DMA, ETH_STREAM, flags, MACH_CFG_DMA_HAS_STREAM);
    SET(dma, DMA, ETH_STREAM, stream, 1);
    cfg_map(c, RAM, MiB, MiB, 0x80000000 + MiB);
    cfg_stash(c, MACH_CFG_STASH_L1, 0, 3);
    SET(stash, STASH, 0, vcpu, 1);
    // Below it: a part of its registers, and a window.
    cfg_device(c, "phy", MACH_CFG_DEVICE_PLATFORM, "", 0);
    SET(device, DEVICE, PHY, parent, ETH);
    cfg_region(c, MACH_CFG_REGION_MAP, 0x1af1000, 0x100, 0x1af1000);
    SET(region, REGION, PHY_WINDOW, flags, MACH_CFG_REGION_WINDOW);
    cfg_device(c, "edu", MACH_CFG_DEVICE_PCI, "0000:01:00.0", 0);
    TEXT(device, DEVICE, EDU, bus, "pci0");
    SET(device, DEVICE, EDU, slot, 3);
    cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x1000, MACH_CFG_NONE64);
    cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0, MACH_CFG_NONE64);
    cfg_irq(c, MACH_CFG_IRQ_DEVICE, 60, true);
    cfg_dma(c, MACH_CFG_DMA_NONE);
    uio(c);
    cfg_device(c, "grf", MACH_CFG_DEVICE_RAW, "", 0);
    cfg_region(c, MACH_CFG_REGION_TRAP, 0xff770000, 0x1000, 0x2000000);
    SET(region, REGION, GRF0, flags, MACH_CFG_REGION_SHADOW);
    TEXT(region, REGION, GRF0, file, "/dev/mem");
    SET(region, REGION, GRF0, offset, 0xff770000);
    cfg_write(c, GRF0, 8, 1, 0);
    cfg_device(c, "viommu", MACH_CFG_DEVICE_EMULATED, "", 0);
    cfg_device(c, "nic", MACH_CFG_DEVICE_PCI, "0000:02:00.0", 0);
    TEXT(device, DEVICE, NIC, bus, "pci0");
    SET(device, DEVICE, NIC, slot, 4);
    cfg_dma(c, MACH_CFG_DMA_GUEST_IOMMU);
    SET(dma, DMA, NIC_DMA, guest_iommu, VIOMMU);
    cfg_patch(c, 40, POOL, 0, 0);
    cfg_patch(c, 48, SHM, 0, 0);
    return c;
}

static uint32_t expectation(const struct cfg *c, uint32_t kind, uint32_t device)
{
    for (uint32_t i = 0; i < c->count[MACH_CFG_S_EXPECT]; i++) {
        const struct mach_cfg_expect *e =
            &((const struct mach_cfg_expect *)(const void *)c->records[MACH_CFG_S_EXPECT])[i];
        if (mach_cfg_load(e->kind.b, 4) == kind && mach_cfg_load(e->device.b, 4) == device)
            return i;
    }
    fail_msg("no expectation %u of device %u", kind, device);
    return 0;
}
// Makes an expectation one of another kind, which says nothing about identity.
static void forget(struct cfg *c, uint32_t kind, uint32_t device)
{
    SET(expect, EXPECT, expectation(c, kind, device), kind, MACH_CFG_EXPECT_FILE);
}

#define CHANGES(X)                                                                                                     \
    X(nothing, NULL, "", (void)c)                                                                                      \
    /* maps and their domains */                                                                                       \
    X(map_of_none, "MAP_OF_NONE", "dma_map 0", SET(dma, DMA, ETH_DMA, mode, MACH_CFG_DMA_NONE))                        \
    X(map_of_identity, "MAP_OF_NONE", "dma_map 2", SET(dma, DMA, ETH_STREAM, mode, MACH_CFG_DMA_IDENTITY))             \
    X(map_of_bus, "MAP_OF_NONE", "dma_map 2", SET(dma, DMA, ETH_STREAM, mode, MACH_CFG_DMA_BUS))                       \
    X(none_without_maps, NULL, "", SET(dma, DMA, EDU_DMA, flags, MACH_CFG_DMA_NO_IOMMU))                               \
    X(no_iommu, "MAP_OF_NONE", "dma_map 2",                                                                            \
      SET(dma, DMA, ETH_STREAM, flags, MACH_CFG_DMA_HAS_STREAM | MACH_CFG_DMA_NO_IOMMU))                               \
    X(no_iommu_at_all, "MAP_OF_NONE", "dma_map 0", SET(machine, MACHINE, 0, iommu, MACH_CFG_IOMMU_NONE))               \
    X(another_iommu, NULL, "", SET(machine, MACHINE, 0, iommu, MACH_CFG_IOMMU_AUTO))                                   \
    X(map_of_no_dma, "MAP_NO_DMA", "dma_map 1", SET(dma_map, DMA_MAP, 1, memory, PRIVATE))                             \
    X(map_of_rom, "MAP_WRITES", "dma_map 1", SET(dma_map, DMA_MAP, 1, memory, ROM))                                    \
    X(map_reads_rom, NULL, "", SET(dma_map, DMA_MAP, 1, memory, ROM);                                                  \
      SET(dma_map, DMA_MAP, 1, flags, MACH_CFG_MAP_READONLY))                                                          \
    X(below_window, "MAP_WINDOW", "dma_map 0", SET(dma_map, DMA_MAP, 0, iova, MiB - 0x1000))                           \
    X(above_window, "MAP_WINDOW", "dma_map 1", SET(dma_map, DMA_MAP, 1, iova, 4 * MiB + 0x1000))                       \
    X(granted_above_window, "MAP_WINDOW", "dma_map 1", SET(dma_map, DMA_MAP, 1, granted, MiB + 0x1000))                \
    X(far_above_window, "MAP_WINDOW", "dma_map 1", SET(dma_map, DMA_MAP, 1, iova, UINT64_MAX - MiB))                   \
    X(granted_in_window, NULL, "", SET(dma_map, DMA_MAP, 0, granted, 3 * MiB))                                         \
    X(granted_overlaps, "MAP_OVERLAP", "dma_map 1 and dma_map 0", SET(dma_map, DMA_MAP, 0, granted, 3 * MiB + 0x1000)) \
    X(maps_overlap, "MAP_OVERLAP", "dma_map 1 and dma_map 0", SET(dma_map, DMA_MAP, 1, iova, 2 * MiB - 0x1000))        \
    X(maps_touch, NULL, "", SET(dma_map, DMA_MAP, 1, iova, 2 * MiB))                                                   \
    X(window_elsewhere, NULL, "", SET(dma_map, DMA_MAP, 2, iova, 0x80000000);                                          \
      SET(dma, DMA, ETH_STREAM, mode, MACH_CFG_DMA_WINDOW))                                                            \
    X(stream_twice, "STREAM_TWICE", "dma 1 and dma 0", SET(dma, DMA, ETH_STREAM, stream, 0))                           \
    X(endpoint_twice, "ENDPOINT_TWICE", "dma 3 and dma 2", SET(dma, DMA, EDU_DMA, mode, MACH_CFG_DMA_GUEST_IOMMU);     \
      SET(dma, DMA, EDU_DMA, guest_iommu, VIOMMU); SET(dma, DMA, EDU_DMA, endpoint, 24);                               \
      SET(dma, DMA, NIC_DMA, endpoint, 24))                                                                            \
    X(endpoint_0_twice, "ENDPOINT_TWICE", "dma 3 and dma 2", SET(dma, DMA, EDU_DMA, mode, MACH_CFG_DMA_GUEST_IOMMU);   \
      SET(dma, DMA, EDU_DMA, guest_iommu, VIOMMU); SET(dma, DMA, EDU_DMA, endpoint, 0);                                \
      SET(dma, DMA, NIC_DMA, endpoint, 0))                                                                             \
    X(other_endpoint, NULL, "", SET(dma, DMA, EDU_DMA, mode, MACH_CFG_DMA_GUEST_IOMMU);                                \
      SET(dma, DMA, EDU_DMA, guest_iommu, VIOMMU); SET(dma, DMA, EDU_DMA, endpoint, 24);                               \
      SET(dma, DMA, NIC_DMA, endpoint, 25))                                                                            \
    X(endpoint_elsewhere, NULL, "", SET(dma, DMA, EDU_DMA, mode, MACH_CFG_DMA_GUEST_IOMMU);                            \
      SET(dma, DMA, EDU_DMA, guest_iommu, UART); SET(dma, DMA, EDU_DMA, endpoint, 24);                                 \
      SET(dma, DMA, NIC_DMA, endpoint, 24))                                                                            \
    X(no_endpoints, NULL, "", SET(dma, DMA, EDU_DMA, mode, MACH_CFG_DMA_GUEST_IOMMU);                                  \
      SET(dma, DMA, EDU_DMA, guest_iommu, VIOMMU))                                                                     \
    X(liodn_and_stream, NULL, "", SET(dma, DMA, ETH_STREAM, stream, 0);                                                \
      SET(dma, DMA, ETH_STREAM, flags, MACH_CFG_DMA_HAS_LIODN_INDEX))                                                  \
    X(stash_of_no_vcpu, "CONTRADICTION", "stash 0", SET(stash, STASH, 0, vcpu, 2))                                     \
    X(stash_of_other_cpu, "CONTRADICTION", "stash 0", SET(stash, STASH, 0, vcpu, 0))                                   \
    X(stash_of_first, NULL, "", SET(stash, STASH, 0, vcpu, 0); SET(stash, STASH, 0, host_cpu, 2))                      \
    X(cpu_twice, "CONTRADICTION", "cpu 1", SET(cpu, CPU, 1, vcpu, 0))                                                  \
    X(device_of_no_vcpu, "CONTRADICTION", "device 1", SET(device, DEVICE, ETH, vcpu, 2))                               \
    X(device_of_vcpu, NULL, "", SET(device, DEVICE, ETH, vcpu, 1))                                                     \
    /* the guest's addresses */                                                                                        \
    X(memory_over_memory, "GUEST_OVERLAP", "memory 1 and memory 0",                                                    \
      SET(memory, MEMORY, MORE, address, 0x80000000 + 4 * MiB - 0x1000))                                               \
    X(memory_beside_memory, NULL, "", SET(memory, MEMORY, MORE, address, 0x80000000 + 4 * MiB))                        \
    X(memory_over_chip, "GUEST_OVERLAP", "chip_region 1 and memory 1",                                                 \
      SET(memory, MEMORY, MORE, address, 0x80a0000 - 4 * MiB + 0x1000);                                                \
      SET(chip_region, CHIP_REGION, 0, address, 0x7000000))                                                            \
    X(memory_over_region, "GUEST_OVERLAP", "region 0 and memory 1", SET(memory, MEMORY, MORE, address, 0x8e00000))     \
    X(memory_in_mapped_page, "GUEST_OVERLAP", "region 8 and memory 1", SET(memory, MEMORY, MORE, address, 0x40001800); \
      SET(region, REGION, UIO1, size, 0x800))                                                                          \
    X(memory_beside_trapped, NULL, "", SET(memory, MEMORY, MORE, address, 0x9000100))                                  \
    X(chips_overlap, "GUEST_OVERLAP", "chip_region 1 and chip_region 0",                                               \
      SET(chip_region, CHIP_REGION, 1, address, 0x8000000))                                                            \
    X(region_hides_region, "GUEST_OVERLAP", "region 7 and region 0", SET(region, REGION, UIO0, guest, 0x9000000))      \
    X(one_mapping_moved, "GUEST_OVERLAP", "region 4 and region 1", SET(region, REGION, PHY_WINDOW, host, 0x1af5000))   \
    X(one_mapping_trapped, "GUEST_OVERLAP", "region 4 and region 1",                                                   \
      SET(region, REGION, PHY_WINDOW, mode, MACH_CFG_REGION_TRAP))                                                     \
    X(hidden_by_a_third, "GUEST_OVERLAP", "region 8 and region 1", SET(region, REGION, UIO1, guest, 0x1af1000))        \
    X(trapped_in_mapped_page, "GUEST_OVERLAP", "region 2 and region 1", SET(region, REGION, ETH1, guest, 0x1af1f00))   \
    X(dropped_anywhere, NULL, "", SET(region, REGION, UIO1, mode, MACH_CFG_REGION_DROP);                               \
      SET(region, REGION, UIO1, guest, MACH_CFG_NONE64))                                                               \
    X(dropped_in_guest, "CONTRADICTION", "region 3", SET(region, REGION, ETH2, guest, 0x1af4000))                      \
    /* the host's memory, and files */                                                                                 \
    X(physical_twice, "HOST_OVERLAP", "memory 6 and memory 4", SET(memory, MEMORY, POOL, physical, 0x60000000))        \
    X(physical_beside, NULL, "", SET(memory, MEMORY, POOL, physical, 0x60000000 + MiB))                                \
    X(physical_anywhere, NULL, "", SET(memory, MEMORY, POOL, physical, MACH_CFG_NONE64))                               \
    X(physical_over_registers, "HOST_OVERLAP", "region 1 and memory 4", SET(memory, MEMORY, SHM, physical, 0x1a00000)) \
    X(physical_over_raw, "HOST_OVERLAP", "region 9 and memory 4", SET(memory, MEMORY, SHM, physical, 0xff700000))      \
    X(physical_shared, NULL, "", SET(memory, MEMORY, POOL, physical, 0x60000000);                                      \
      TEXT(memory, MEMORY, POOL, share, "both"); TEXT(memory, MEMORY, SHM, share, "both"))                             \
    X(physical_shared_apart, "HOST_OVERLAP", "memory 6 and memory 4", SET(memory, MEMORY, POOL, physical, 0x60000000); \
      TEXT(memory, MEMORY, POOL, share, "one"); TEXT(memory, MEMORY, SHM, share, "other"))                             \
    X(dev_mem_as_file, "HOST_OVERLAP", "memory 5 and memory 4", TEXT(memory, MEMORY, BLOB, path, "/dev/mem");          \
      SET(memory, MEMORY, BLOB, offset, 0x60000000 + MiB - 0x1000))                                                    \
    X(file_twice, "FILE_OVERLAP", "memory 5 and memory 2", SET(memory, MEMORY, BLOB, offset, MiB - 0x1000))            \
    X(files_differ, NULL, "", SET(memory, MEMORY, BLOB, offset, 0); TEXT(memory, MEMORY, BLOB, path, "/boot/blob2"))   \
    X(file_shared, NULL, "", SET(memory, MEMORY, BLOB, offset, 0); TEXT(memory, MEMORY, BLOB, share, "both");          \
      TEXT(memory, MEMORY, ROM, share, "both"))                                                                        \
    X(regions_in_file, "FILE_OVERLAP", "region 8 and region 7", SET(region, REGION, UIO1, offset, 0x800))              \
    X(region_in_memory_file, "FILE_OVERLAP", "region 8 and memory 2", TEXT(region, REGION, UIO1, file, "/boot/blob"))  \
    X(irq_of_memory_file, "FILE_OVERLAP", "irq 5 and memory 2", TEXT(irq, IRQ, UIO_IRQ, file, "/boot/blob"))           \
    X(irq_of_other_device, "FILE_OVERLAP", "irq 5 and region 9", TEXT(region, REGION, GRF0, file, "/dev/uio0"))        \
    X(irq_of_file_of_its_own, NULL, "", TEXT(irq, IRQ, UIO_IRQ, file, "/dev/uio1"))                                    \
    /* what is there once */                                                                                           \
    X(function_twice, "DEVICE_TWICE", "device 7 and device 3", TEXT(device, DEVICE, NIC, sysfs_name, "0000:01:00.0"))  \
    X(other_function, NULL, "", TEXT(device, DEVICE, NIC, sysfs_name, "0000:01:00.1");                                 \
      TEXT(expect, EXPECT, expectation(c, MACH_CFG_EXPECT_SYSFS_NAME, NIC), string, "0000:01:00.1"))                   \
    X(slot_twice, "SLOT_TWICE", "device 7 and device 3", SET(device, DEVICE, NIC, slot, 3))                            \
    X(slot_of_other_bus, NULL, "", SET(device, DEVICE, NIC, slot, 3); TEXT(device, DEVICE, NIC, bus, "pci1"))          \
    X(slot_of_no_bus, "CONTRADICTION", "device 7", SET(device, DEVICE, NIC, bus, 0))                                   \
    X(name_of_emulated, "CONTRADICTION", "device 0", TEXT(device, DEVICE, UART, sysfs_name, "9000000.uart"))           \
    X(memory_name_twice, "NAME_TWICE", "memory 1 and memory 0", TEXT(memory, MEMORY, MORE, name, "ram"))               \
    X(device_name_twice, "NAME_TWICE", "device 2 and device 1", TEXT(device, DEVICE, PHY, name, "eth"))                \
    X(names_of_two_kinds, NULL, "", TEXT(memory, MEMORY, MORE, name, "eth"))                                           \
    X(irq_index_twice, "INDEX_TWICE", "irq 2 and irq 1", SET(irq, IRQ, ETH_IRQ1, index, 0))                            \
    X(irq_index_of_dropped, "INDEX_TWICE", "irq 2 and irq 1", SET(irq, IRQ, ETH_IRQ1, index, 0);                       \
      SET(irq, IRQ, ETH_IRQ1, flags, MACH_CFG_IRQ_DROPPED); SET(irq, IRQ, ETH_IRQ1, chip, MACH_CFG_NONE);              \
      SET(irq, IRQ, ETH_IRQ1, number, MACH_CFG_NONE))                                                                  \
    X(irq_index_of_map, NULL, "", SET(irq, IRQ, ETH_IRQ1, index, 0);                                                   \
      SET(irq, IRQ, ETH_IRQ1, source, MACH_CFG_IRQ_MAP_ENTRY))                                                         \
    X(region_index_twice, "INDEX_TWICE", "region 8 and region 7", SET(region, REGION, UIO1, index, 0))                 \
    X(region_index_of_window, NULL, "", SET(region, REGION, UIO1, index, 0);                                           \
      SET(region, REGION, UIO1, flags, MACH_CFG_REGION_WINDOW))                                                        \
    X(line_twice, "LINE_TWICE", "irq 4 and irq 1", SET(irq, IRQ, EDU_IRQ, number, 40))                                 \
    X(line_of_other_kind, NULL, "", SET(irq, IRQ, EDU_IRQ, number, 40); TEXT(irq, IRQ, EDU_IRQ, kind, "ppi"))          \
    X(gsi_twice, "LINE_TWICE", "irq 4 and irq 1", SET(irq, IRQ, EDU_IRQ, gsi, 40))                                     \
    X(no_gsi_twice, NULL, "", SET(irq, IRQ, EDU_IRQ, gsi, MACH_CFG_NONE); SET(irq, IRQ, ETH_IRQ0, gsi, MACH_CFG_NONE)) \
    X(line_shared, NULL, "", SET(irq, IRQ, EDU_IRQ, number, 40); SET(irq, IRQ, EDU_IRQ, gsi, 40);                      \
      SET(irq, IRQ, EDU_IRQ, flags, MACH_CFG_IRQ_SHARED))                                                              \
    X(line_shared_with_none, "LINE_TWICE", "irq 4", SET(irq, IRQ, EDU_IRQ, flags, MACH_CFG_IRQ_SHARED))                \
    X(line_shared_by_other_gsi, "LINE_TWICE", "irq 4 and irq 1", SET(irq, IRQ, EDU_IRQ, number, 40);                   \
      SET(irq, IRQ, EDU_IRQ, flags, MACH_CFG_IRQ_SHARED))                                                              \
    X(line_beyond_chip, "CONTRADICTION", "irq 4", SET(irq, IRQ, EDU_IRQ, number, 96))                                  \
    X(last_line_of_chip, NULL, "", SET(irq, IRQ, EDU_IRQ, number, 95))                                                 \
    X(source_of_other_kind, "CONTRADICTION", "irq 0", SET(irq, IRQ, UART_IRQ, source, MACH_CFG_IRQ_DEVICE))            \
    X(file_of_device_irq, "CONTRADICTION", "irq 1", TEXT(irq, IRQ, ETH_IRQ0, file, "/dev/uio7"))                       \
    X(file_of_device_region, "CONTRADICTION", "region 1", TEXT(region, REGION, ETH0, file, "/dev/mem"))                \
    X(raw_without_file, "CONTRADICTION", "region 8", SET(region, REGION, UIO1, file, 0))                               \
    X(emulated_is_mapped, "CONTRADICTION", "region 0", SET(region, REGION, UART_REGS, mode, MACH_CFG_REGION_MAP))      \
    X(emulated_on_host, "CONTRADICTION", "region 0", SET(region, REGION, UART_REGS, host, 0x9000000))                  \
    /* patches and shadows */                                                                                          \
    X(patch_of_header, "CONTRADICTION", "patch 0", SET(patch, PATCH, 0, at, 36))                                       \
    X(patch_past_the_end, "CONTRADICTION", "patch 1", SET(patch, PATCH, 1, at, CFG_DTB_SIZE - 4))                      \
    X(patch_at_the_end, NULL, "", SET(patch, PATCH, 1, at, CFG_DTB_SIZE - 8))                                          \
    X(patches_overlap, "PATCH_OVERLAP", "patch 1 and patch 0", SET(patch, PATCH, 1, at, 44))                           \
    /* expectations */                                                                                                 \
    X(other_page_size, "EXPECTATION", "expect", SET(machine, MACHINE, 0, host_page_size, 2048))                        \
    X(other_host, "EXPECTATION", "expect 0", TEXT(machine, MACHINE, 0, host_compatible, "acme,other"))                 \
    X(other_compatible, "EXPECTATION", "expect", TEXT(device, DEVICE, ETH, compatible, "acme,uart"))                   \
    X(other_place, "EXPECTATION", "and region 2", SET(region, REGION, ETH1, host, 0x1af2800))                          \
    X(other_size, "EXPECTATION", "and region 2", SET(region, REGION, ETH1, size, 0x80))                                \
    X(place_of_window, NULL, "", SET(region, REGION, PHY_WINDOW, host, 0x1af1000))                                     \
    X(host_said_twice, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, 0, "acme,board", 0, 0)) \
    X(count_twice, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 3, 0);                               \
      cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 3, 0))                                                      \
    X(two_counts, "EXPECTATION", "expect", cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 3, 0);                 \
      cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 4, 0))                                                      \
    X(second_compatible, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, 1, "acme,soc", 0, 0)) \
    X(two_second_compatibles, "EXPECTATION", "expect",                                                                 \
      cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, 1, "acme,soc", 0, 0);                              \
      cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, 1, "acme,other", 0, 0))                            \
    X(chip_of_other_name, "EXPECTATION", "expect",                                                                     \
      cfg_expect(c, MACH_CFG_EXPECT_KVM_DEVICE, MACH_CFG_NONE, 0, "arm-vgic-v2", 0, 0))                                \
    X(chip_beyond, "EXPECTATION", "expect",                                                                            \
      cfg_expect(c, MACH_CFG_EXPECT_KVM_DEVICE, MACH_CFG_NONE, 1, "arm-vgic-v3", 0, 0))                                \
    X(chip_as_it_is, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_KVM_DEVICE, MACH_CFG_NONE, 0, "arm-vgic-v3", 0, 0))       \
    X(page_size_of_device, "EXPECTATION", "expect", cfg_expect(c, MACH_CFG_EXPECT_PAGE_SIZE, ETH, 0, "", 4096, 0))     \
    X(count_of_host, "EXPECTATION", "expect", cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, MACH_CFG_NONE, 0, "", 4, 0))    \
    X(link_of_host, "EXPECTATION", "expect",                                                                           \
      cfg_expect(c, MACH_CFG_EXPECT_POWER_LINK, MACH_CFG_NONE, 0, "bus@1000", 0, 0))                                   \
    X(links_of_device, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_POWER_LINK, ETH, 0, "bus@1000", 0, 0);                  \
      cfg_expect(c, MACH_CFG_EXPECT_POWER_LINK, ETH, 0, "bus@1001", 0, 0))                                             \
    X(property_of_device, "EXPECTATION", "expect",                                                                     \
      cfg_expect(c, MACH_CFG_EXPECT_TREE_PROPERTY, ETH, 0, "/rail/on", 0, 0))                                          \
    X(argument_of_device, "EXPECTATION", "expect", cfg_expect(c, MACH_CFG_EXPECT_ARGUMENT, ETH, 0, "a=b", 0, 0))       \
    X(isolated_of_device, "EXPECTATION", "expect", cfg_expect(c, MACH_CFG_EXPECT_CPU_ISOLATED, ETH, 0, "", 0, 0))      \
    X(prepared_host, NULL, "", cfg_expect(c, MACH_CFG_EXPECT_TREE_PROPERTY, MACH_CFG_NONE, 0, "/rail/on", 1, 0);       \
      cfg_expect(c, MACH_CFG_EXPECT_ARGUMENT, MACH_CFG_NONE, 0, "a=b", 0, 0);                                          \
      cfg_expect(c, MACH_CFG_EXPECT_CPU_ISOLATED, MACH_CFG_NONE, 3, "", 0, 0))                                         \
    X(no_page_size, "NO_EXPECTATION", "machine 0", forget(c, MACH_CFG_EXPECT_PAGE_SIZE, MACH_CFG_NONE))                \
    X(no_host, "NO_EXPECTATION", "machine 0", SET(expect, EXPECT, 0, index, 5))                                        \
    X(no_name, "NO_EXPECTATION", "device 3", forget(c, MACH_CFG_EXPECT_SYSFS_NAME, EDU))                               \
    X(no_compatible, "NO_EXPECTATION", "device 1", forget(c, MACH_CFG_EXPECT_COMPATIBLE, ETH))                         \
    X(no_region, "NO_EXPECTATION", "region 5", forget(c, MACH_CFG_EXPECT_REGION, EDU))                                 \
    X(no_shadow, "NO_EXPECTATION", "region 9", forget(c, MACH_CFG_EXPECT_REGION, GRF))

#define CHANGE(name, error, object, ...)                                                                               \
    static void name(struct cfg *c)                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }
CHANGES(CHANGE)

static const struct change {
    const char *what;
    void (*make)(struct cfg *c);
    const char *error, *object; // error NULL: accepted
} changes[] = {
#define ROW(name, error, object, ...) {#name, name, error, object},
    CHANGES(ROW)};

static void verify(const struct change *x, struct cfg *c)
{
    struct mach_config *config = NULL;
    struct mach_error e = MACH_ERROR_INIT;
    cfg_seal(c);
    int r = mach_config_from_memory("test.cfg", c->bytes, c->size, &config, &e);
    if (r != (x->error ? -EBADMSG : 0))
        fail_msg("%s: %d, %s, %s", x->what, r, r ? e.object : "", r ? e.name : "");
    if (r && (strcmp(e.name, x->error) || !strstr(e.object, x->object)))
        fail_msg("%s: %s of %s, not %s of %s", x->what, e.name, e.object, x->error, x->object);
    if (r)
        assert_string_equal(e.step, "verify");
    mach_config_close(config);
}

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct cfg *c = board();
        cfg_complete(c); // what a change contradicts is there
        c->bare = true;
        changes[i].make(c);
        verify(&changes[i], c);
        cfg_free(c);
    }
}

// Two shadows of one register agree on how it is written.
static void test_two_shadows(void **state)
{
    (void)state;
    static const struct {
        struct change change;
        uint32_t at, write_flags, region_flags;
    } pairs[] = {
        {{"the same", NULL, NULL, ""}, 8, 0, 0},
        {{"hiword", NULL, "WRITE_TWICE", "write 1 and write 0"}, 8, MACH_CFG_WRITE_HIWORD, 0},
        {{"another register", NULL, NULL, ""}, 12, MACH_CFG_WRITE_HIWORD, 0},
        {{"big-endian", NULL, "WRITE_TWICE", "write 1 and write 0"}, 8, 0, MACH_CFG_REGION_BIG_ENDIAN},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct cfg *c = board();
        cfg_device(c, "other", MACH_CFG_DEVICE_RAW, "", 0);
        uint32_t r = cfg_region(c, MACH_CFG_REGION_TRAP, 0xff770000, 0x1000, 0x3000000);
        SET(region, REGION, r, flags, MACH_CFG_REGION_SHADOW | pairs[i].region_flags);
        TEXT(region, REGION, r, file, "/dev/mem");
        SET(region, REGION, r, offset, 0xff770000);
        cfg_write(c, r, pairs[i].at, 2, pairs[i].write_flags);
        verify(&pairs[i].change, c);
        cfg_free(c);
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// How long a config with `n` of everything takes that two long names are referred to by all of.
static double verify_many(uint32_t n, const char *one, const char *other)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    struct mach_config *config = NULL;
    struct mach_error e = MACH_ERROR_INIT;
    uint32_t name[2] = {cfg_string(c, one), cfg_string(c, other)};
    cfg_device(c, "raw", MACH_CFG_DEVICE_RAW, "", 0);
    for (uint32_t i = 0; i < n; i++) {
        // From both ends, so that nothing is in order.
        uint64_t k = i % 2 ? i : n + (n & 1) - i;
        uint32_t r = cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x1000, k << 13);
        SET(region, REGION, r, file, name[i % 2]);
        SET(region, REGION, r, offset, k << 13);
        SET(region, REGION, r, index, i);
    }
    cfg_seal(c);
    double start = seconds();
    assert_int_equal(mach_config_from_memory("many.cfg", c->bytes, c->size, &config, &e), 0);
    double took = seconds() - start;
    mach_config_close(config);
    cfg_free(c);
    return took;
}

static void test_growth(void **state)
{
    (void)state;
    static char one[30000], other[30000];
    memset(one, 'x', sizeof one - 1);
    memcpy(other, one, sizeof one);
    one[sizeof one - 2] = 'y';
    other[sizeof other - 2] = 'z';
    double few = verify_many(2000, one, other), many = verify_many(64000, one, other);
    // 32 times as many; n * n would be 1024 times as long.
    if (many > 0.05 && many > 200 * few)
        fail_msg("2000: %.4f s, 64000: %.4f s", few, many);
    // Names would be compared a million times, 30 KB each.
    assert_true(many < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_two_shadows),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
