// SPDX-License-Identifier: MIT
/*
 * The part of iommufd's interface that is used here, from include/uapi/linux/iommufd.h and vfio.h of Linux 6.6:
 * the headers of older distributions (6.1) lack it. The names are different, so that both can be included.
 */
#ifndef MACH_IOMMUFD_UAPI_H
#define MACH_IOMMUFD_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum {
    IOMMUFD_MAP_FIXED = 1, // IOMMU_IOAS_MAP_FIXED_IOVA
    IOMMUFD_MAP_WRITE = 2, // IOMMU_IOAS_MAP_WRITEABLE
    IOMMUFD_MAP_READ = 4   // IOMMU_IOAS_MAP_READABLE
};

#define IOMMUFD_IOAS_ALLOC  _IO(';', 0x81)
#define IOMMUFD_IOVA_RANGES _IO(';', 0x84)
#define IOMMUFD_IOAS_MAP    _IO(';', 0x85)
#define IOMMUFD_IOAS_UNMAP  _IO(';', 0x86)
#define IOMMUFD_BIND        _IO(';', 100 + 18) // VFIO_DEVICE_BIND_IOMMUFD
#define IOMMUFD_ATTACH      _IO(';', 100 + 19) // VFIO_DEVICE_ATTACH_IOMMUFD_PT

struct iommufd_ioas_alloc {
    __u32 size, flags, out_ioas_id;
};
struct iommufd_range {
    __aligned_u64 start, last;
};
struct iommufd_iova_ranges {
    __u32 size, ioas_id, num_iovas, reserved;
    __aligned_u64 allowed_iovas, out_iova_alignment;
};
struct iommufd_ioas_map {
    __u32 size, flags, ioas_id, reserved;
    __aligned_u64 user_va, length, iova;
};
struct iommufd_ioas_unmap {
    __u32 size, ioas_id;
    __aligned_u64 iova, length;
};
struct iommufd_bind {
    __u32 argsz, flags;
    __s32 iommufd;
    __u32 out_devid;
};
struct iommufd_attach {
    __u32 argsz, flags, pt_id;
};

#endif
