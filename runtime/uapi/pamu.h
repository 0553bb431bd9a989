// SPDX-License-Identifier: MIT
/*
 * What the vendor's SDK kernels add to VFIO for the Freescale PAMU (their include/uapi/linux/vfio.h; never merged
 * upstream). The numbers COLLIDE with upstream's: type 2 is sPAPR there, +15 to +19 are ENABLE, DISABLE, DIRTY_PAGES,
 * and sPAPR's. Make none of these calls before the kernel has been identified, see backend/pamu.c.
 */
#ifndef MACH_PAMU_UAPI_H
#define MACH_PAMU_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum { PAMU_IOMMU = 2 };
enum { PAMU_ATTR_GEOMETRY = 0, PAMU_ATTR_WINDOWS = 1, PAMU_ATTR_STASH = 2 };

#define PAMU_GET_ATTR           _IO(';', 100 + 15)
#define PAMU_SET_ATTR           _IO(';', 100 + 16)
#define PAMU_GET_MSI_BANK_COUNT _IO(';', 100 + 17)
#define PAMU_MAP_MSI_BANK       _IO(';', 100 + 18)
#define PAMU_UNMAP_MSI_BANK     _IO(';', 100 + 19)

struct pamu_attr {
    __u32 argsz, flags, attribute;
    union {
        struct {
            __u64 start, end; // the last address
        } geometry;
        __u32 windows;
        struct {
            __u32 cpu, cache;
        } stash;
    } u;
};
struct pamu_msi_map {
    __u32 argsz, flags, bank;
    __u64 iova;
};
struct pamu_msi_unmap {
    __u32 argsz, flags;
    __u64 iova;
};

#endif
