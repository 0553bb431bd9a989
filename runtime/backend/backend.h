// SPDX-License-Identifier: MIT
// One table for each way to VFIO. All functions return 0, or -1 after machrt_set_error(); those that say so return
// -errno.
#ifndef MACH_BACKEND_H
#define MACH_BACKEND_H

#include "core/session.h"

struct backend {
    enum mach_backend id;
    const char *name;
    bool maps;    // devices are given mappings
    bool foreign; // registers and memory that the kernel does not own can be mapped for DMA
    /* Can this host do it, for this config? 0, or -errno and *why. Opens nothing. */
    int (*usable)(struct mach_session *s, const char **why);
    /* Opens what all contexts need. May be NULL. */
    int (*open)(struct mach_session *s);
    /* Opens and attaches a device, and its group and context where they are not yet. d->fd is set. */
    int (*attach)(struct mach_session *s, struct device *d);
    /* Asks for the context's ranges, page sizes and how many mappings may be made. */
    int (*ranges)(struct mach_session *s, struct context *c);
    /* Prepares the context for its maps, which are known and checked against the ranges. May be NULL. */
    int (*setup)(struct mach_session *s, struct context *c);
    /* 0 or -errno. map: exactly one call. unmap: exactly a mapping that was made. */
    int (*map)(struct mach_session *s, struct context *c, const struct mapping *m);
    int (*unmap)(struct mach_session *s, struct context *c, const struct mapping *m);
    /* What -errno of map() means here; or NULL. */
    const char *(*map_hint)(int r);
    /* Sets the stash target of record `stash`: 0, or -errno, -ENOTSUP for one that it has no way to set. May be NULL.
     */
    int (*stash)(struct mach_session *s, struct mach_cfg_rec stash, struct device *d);
};

extern const struct backend machrt_backend_group, machrt_backend_iommufd, machrt_backend_noiommu, machrt_backend_spapr,
    machrt_backend_pamu;

/* ---- vfio.c: what the ones with groups share ---- */

struct container_kind {
    const char *prefix; // of the group's node: "", "noiommu-"
    unsigned type;      // VFIO_..._IOMMU
    const char *module; // that has it
    /* Is this the kernel that is meant? Asked once the container is open. May be NULL. */
    int (*identify)(struct mach_session *s, const struct context *c);
};

/*
 * Takes what is not yet open of: /dev/vfio/vfio, with its version and type checked; the group of d, put into it and
 * the VMM told; and then the device's fd.
 */
int machrt_attach_to_container(struct mach_session *s, struct device *d, const struct container_kind *kind);
/* Tells the VMM of a group's or a device's file. */
int machrt_tell_vmm(struct mach_session *s, int *fd);

#endif
