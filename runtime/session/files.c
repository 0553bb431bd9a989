// SPDX-License-Identifier: MIT
// Registers that are mapped from a file: /dev/mem, /dev/uioN, or one that the description names.
#include "session/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <sys/mman.h>

int machrt_undo_map_area(struct mach_session *s, void *thing, uint64_t arg)
{
    struct area *a = (struct area *)thing;
    void *start = (void *)((uintptr_t)a->at & ~(uintptr_t)(s->page - 1));
    a->at = NULL;
    return s->sys.munmap(s->sys.opaque, start, arg);
}

static int report_file_error(struct mach_session *s, const struct region *r, const char *path, int e)
{
    const char *who = machrt_object(s, "device %s, region %u", r->device->name, mach_cfg_region_index(r->rec));
    if (e == -EPERM || e == -EACCES)
        return machrt_set_error(s, "region", e, who,
                                "cannot map %.300s: /dev/mem needs CAP_SYS_RAWIO and, with CONFIG_IO_STRICT_DEVMEM, a "
                                "range that no driver has claimed",
                                path);
    return machrt_set_error(s, "region", e, who, "cannot map %.300s", path);
}

int machrt_map_file_region(struct mach_session *s, struct region *r, const char *file, uint64_t offset)
{
    char path[PATH_SIZE];
    uint64_t size = mach_cfg_region_size(r->rec), pad = offset % s->page;
    if (!size || offset == MACH_CFG_NONE64 || size > UINT64_MAX - pad - s->page || offset > UINT64_MAX - size)
        return machrt_set_error(
            s, "region", EINVAL,
            machrt_object(s, "device %s, region %u", r->device->name, mach_cfg_region_index(r->rec)),
            "the config has no valid address for it");
    uint64_t whole = (pad + size + s->page - 1) / s->page * s->page;
    struct claim c = {.step = "region",
                      .who =
                          machrt_keep_object(s, "device %s, region %u", r->device->name, mach_cfg_region_index(r->rec)),
                      .path = path,
                      .offset = offset,
                      .size = size,
                      .shadow = mach_cfg_region_flags(r->rec) & MACH_CFG_REGION_SHADOW ? r : NULL};
    r->area = (struct area *)machrt_session_alloc(s, 1, sizeof *r->area);
    if (!c.who || !r->area)
        return -1;
    // O_SYNC: an uncached mapping of /dev/mem.
    int fd = machrt_file_path(s, path, file) ? s->sys.open(s->sys.opaque, path, O_RDWR | O_SYNC) : -ENAMETOOLONG;
    if (fd < 0)
        return report_file_error(s, r, path, fd);
    void *at = NULL;
    c.fd = fd;
    if (machrt_claim(s, &c) || machrt_reserve_undo(s)) {
        s->sys.close(s->sys.opaque, fd);
        return -1;
    }
    int e = s->sys.mmap(s->sys.opaque, &at, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset - pad);
    int closed = s->sys.close(s->sys.opaque, fd); // the mapping holds the file, and its locks
    if (e)
        return report_file_error(s, r, path, e);
    *r->area = (struct area){.size = size, .at = (char *)at + pad};
    machrt_push_undo(s, machrt_undo_map_area, r->area, whole, "unmap a region");
    r->areas = 1;
    r->size = size;
    r->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    return closed ? report_file_error(s, r, path, closed) : 0;
}
