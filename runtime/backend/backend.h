// SPDX-License-Identifier: MIT
// A table for each interface of VFIO. Functions return 0, or -1 after machrt_set_error(), unless a comment says -errno.
#ifndef MACHRT_BACKEND_BACKEND_H
#define MACHRT_BACKEND_BACKEND_H

#include "core/session.h"

struct container;

struct backend {
    enum mach_backend id;
    const char *name;
    bool maps;                         // devices are given mappings
    const struct container *container; // for those with groups; else NULL
    /* Does this host have it, and can it run this config? 0, or -errno and *why. Opens nothing. */
    int (*usable)(struct mach_session *s, const char **why);
    /* Opens what all contexts need. May be NULL. */
    int (*open)(struct mach_session *s);
    /* Opens and attaches a device, and its group and context where they are not open yet. Sets d->fd. */
    int (*attach)(struct mach_session *s, struct device *d);
    /* Asks for the context's ranges, page size and number of mappings. */
    int (*ranges)(struct mach_session *s, struct context *c);
    /* Prepares the context for its maps, which have been checked against the ranges. May be NULL. */
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

/* The backend of a context: groups without an IOMMU have one of their own, beside that of the session. */
const struct backend *machrt_backend_of(const struct mach_session *s, const struct context *c);

/* ---- vfio.c: what the backends with groups share ---- */

struct container {
    const char *prefix; // of the group's node: "", "noiommu-"
    unsigned type;      // VFIO_..._IOMMU
    const char *module; // the kernel module that has this type
    /* Is this the kernel that is meant? Called once the container is open. May be NULL. */
    int (*identify)(struct mach_session *s, const struct context *c);
};

/* backend.usable: is there a /dev/vfio/vfio? */
int machrt_container_usable(struct mach_session *s, const char **why);
/*
 * backend.attach: opens what is not open yet of /dev/vfio/vfio, with its version and type checked, and the device's
 * group, which is put into it; then the device.
 */
int machrt_attach_to_container(struct mach_session *s, struct device *d);
/* backend.map and backend.unmap of type 1. *unmapped: how many bytes the kernel says that it has unmapped. */
int machrt_map_dma(struct mach_session *s, struct context *c, const struct mapping *m);
int machrt_unmap_dma(struct mach_session *s, const struct context *c, const struct mapping *m, uint64_t *unmapped);
/* Tells the VMM of a group's or a device's file, and at the end that it goes. */
int machrt_tell_vmm(struct mach_session *s, int *fd);

#endif
