// SPDX-License-Identifier: MIT
// Capability chains of VFIO's info structs (linux/vfio.h, struct vfio_info_cap_header).
#include "core/session.h"

#include <linux/vfio.h>

const void *machrt_find_capability(const void *info, size_t size, uint32_t first, uint16_t id, size_t need,
                                   size_t *left)
{
    // Each header takes 8 bytes, so a chain without a loop has fewer links than that.
    size_t links = size / sizeof(struct vfio_info_cap_header);
    for (uint32_t at = first; at && links; links--) {
        struct vfio_info_cap_header h;
        if (at > size || size - at < sizeof h)
            return NULL;
        memcpy(&h, (const char *)info + at, sizeof h);
        if (h.id == id) {
            if (size - at < need)
                return NULL;
            *left = size - at;
            return (const char *)info + at;
        }
        at = h.next;
    }
    return NULL;
}
