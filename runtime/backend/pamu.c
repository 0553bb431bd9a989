// SPDX-License-Identifier: MIT
// The Freescale PAMU, through VFIO of the vendor's SDK kernels. That driver accepts requests that it then mishandles:
// it drops the errors of its own calls, silently maps only whole windows, and never returns from an unmap of a part of
// a window. So every rule is checked here, and no request is made that breaks one. The rules are those of its sources:
// fsl_pamu.c, fsl_pamu_domain.c, vfio_iommu_fsl_pamu.c.
#include "backend/backend.h"

#include "uapi/pamu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <unistd.h>

enum { LEAST = 4096, MOST_WINDOWS = 256 };
static const uint64_t APERTURE_LIMIT = UINT64_C(1) << 36;

struct pamu {
    uint64_t start, size; // of the aperture
    uint64_t window;      // bytes in each part of it
    uint32_t windows, banks;
};

static int pamu_usable(struct mach_session *s, const char **why)
{
    char path[PATH_SIZE];
    *why = "this kernel has no PAMU driver: there is no /sys/bus/platform/drivers/fsl-of-pamu";
    if (mach_cfg_machine_iommu(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0)) != MACH_CFG_IOMMU_PAMU) {
        *why = "the config is not for a PAMU: compile it with `host { iommu pamu; }`";
        return -EINVAL;
    }
    int r = machrt_sysfs_path(s, path, "bus/platform/drivers/fsl-of-pamu") ? s->sys.access(s->sys.opaque, path, F_OK)
                                                                           : -ENAMETOOLONG;
    return r ? r : machrt_container_usable(s, why);
}

// Upstream, type 2 is sPAPR: a kernel with any of the later types is not the vendor's, whose types end with 3.
static int identify_vendor_kernel(struct mach_session *s, const struct context *c)
{
    static const unsigned upstream[] = {VFIO_DMA_CC_IOMMU, VFIO_EEH, VFIO_SPAPR_TCE_v2_IOMMU, VFIO_NOIOMMU_IOMMU,
                                        VFIO_UNMAP_ALL};
    for (size_t i = 0; i < sizeof upstream / sizeof upstream[0]; i++) {
        int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)upstream[i]);
        if (r)
            return machrt_set_error(s, "backend", r < 0 ? r : ENOTSUP, "backend pamu",
                                    "this is not a vendor kernel (it has VFIO extension %u), and the PAMU's requests "
                                    "mean other calls there",
                                    upstream[i]);
    }
    return 0;
}

static const struct container container = {
    .prefix = "", .type = PAMU_IOMMU, .module = "the vendor's vfio_iommu_fsl_pamu", .identify = identify_vendor_kernel};

/* ---- geometry ---- */

// Takes the geometry that the compiler chose (compiler/dma/pamu.c). The driver maps whole sub-windows only, so the
// number of sub-windows is the one at which all of them are filled. It gives all LIODNs of a device the same window.
static int choose_geometry(struct mach_session *s, const struct context *c, struct pamu *p)
{
    const struct device *d = c->first;
    struct mach_cfg_rec one = {0};
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i);
        if (!mach_cfg_dma_maps(r))
            continue;
        if (!(mach_cfg_dma_flags(r) & MACH_CFG_DMA_HAS_WINDOW))
            return machrt_set_error(s, "window", EINVAL, machrt_device_object(s, d),
                                    "the config has no window for it: compile with `iommu pamu`");
        if (one.at &&
            (mach_cfg_dma_window(one) != mach_cfg_dma_window(r) || mach_cfg_dma_size(one) != mach_cfg_dma_size(r) ||
             mach_cfg_dma_whole_subwindows(one) != mach_cfg_dma_whole_subwindows(r)))
            return machrt_set_error(
                s, "window", ENOTSUP, machrt_device_object(s, d),
                "its LIODNs have different windows, and the vendor's VFIO has only one window for all of them");
        if (!mach_cfg_dma_whole_subwindows(r))
            return machrt_set_error(s, "window", ENOTSUP, machrt_device_object(s, d),
                                    "the vendor's VFIO maps whole subwindows only, and these mappings fill no number "
                                    "of subwindows up to 256: make their sizes multiples of a larger power of two");
        one = r;
    }
    p->start = mach_cfg_dma_window(one);
    p->size = mach_cfg_dma_size(one);
    p->windows = mach_cfg_dma_whole_subwindows(one);
    p->window = p->size / p->windows;
    return 0;
}

static int check_geometry(struct mach_session *s, const struct context *c, const struct pamu *p, uint32_t most)
{
    const char *who = machrt_device_object(s, c->first);
    if (p->size < LEAST || p->size > APERTURE_LIMIT || p->size & (p->size - 1) || p->start % p->size)
        return machrt_set_error(s, "window", EINVAL, who,
                                "window 0x%" PRIx64 " of 0x%" PRIx64
                                " bytes: a PAMU's window is a power of two from 4 KiB to 64 GiB, aligned to its size",
                                p->start, p->size);
    if (!p->windows || p->windows & (p->windows - 1) || p->windows > MOST_WINDOWS)
        return machrt_set_error(s, "window", EINVAL, who, "%u subwindows: the number must be a power of two up to %u",
                                p->windows, MOST_WINDOWS);
    // The limit is 1 << (1 + PC3.MWCE) (fsl_pamu.h): above it the driver would drop the error and map nothing.
    if (p->windows > most)
        return machrt_set_error(
            s, "window", EINVAL, who,
            "the config has %u subwindows, and this PAMU supports %u: align memory to larger powers of two", p->windows,
            most);
    if (p->window < LEAST)
        return machrt_set_error(s, "window", EINVAL, who, "subwindows of 0x%" PRIx64 " bytes are less than 4 KiB",
                                p->window);
    return 0;
}

// Each window is one range of physical memory. Only huge pages, physical memory, and a single page are known to be one.
static bool is_contiguous(const struct mach_session *s, const struct mapping *m, uint64_t window)
{
    if (m->region)
        return true;
    for (uint32_t i = 0; i < s->memories; i++) {
        const struct memory *x = &s->memory[i];
        uintptr_t at = (uintptr_t)x->m.at, host = (uintptr_t)m->host;
        if (!x->m.at || host < at || host - at >= x->m.size)
            continue;
        if (x->m.host != MACH_CFG_NONE64)
            return !((x->m.host + (host - at)) % window);
        uint64_t page =
            mach_cfg_memory_backing(x->rec) == MACH_CFG_BACKING_HUGETLB ? mach_cfg_memory_page_size(x->rec) : s->page;
        return page >= window && !(host % window);
    }
    return false;
}

static int check_maps(struct mach_session *s, const struct context *c, const struct pamu *p)
{
    const char *who = machrt_device_object(s, c->first);
    for (uint32_t i = 0; i < c->maps; i++) {
        const struct mapping *m = &c->map[i];
        uint64_t at = m->iova - p->start;
        if (m->iova < p->start || at >= p->size || m->size > p->size - at || at % p->window)
            return machrt_set_error(s, "window", ERANGE, who,
                                    "0x%" PRIx64 " is not the start of one of the subwindows of 0x%" PRIx64
                                    " bytes from 0x%" PRIx64,
                                    m->iova, p->window, p->start);
        if (m->bank && (m->offset >= p->banks || m->size > p->window))
            return machrt_set_error(s, "window", EINVAL, who,
                                    "MSI bank %" PRIu64 ": there are %u banks, and each needs a subwindow", m->offset,
                                    p->banks);
        if (!m->bank && m->size % p->window)
            return machrt_set_error(s, "window", EINVAL, who,
                                    "0x%" PRIx64 " bytes at 0x%" PRIx64 " are not whole subwindows of 0x%" PRIx64
                                    " bytes: the rest would not be mapped",
                                    m->size, m->iova, p->window);
        if (!m->bank && !is_contiguous(s, m, p->window))
            return machrt_set_error(s, "window", EFAULT, who,
                                    "memory mapped at 0x%" PRIx64
                                    " must be physically contiguous in each subwindow of 0x%" PRIx64
                                    " bytes: use `from physical`, or huge pages of that size",
                                    m->iova, p->window);
    }
    if (p->windows == 1 && (c->maps != 1 || c->map[0].size & (c->map[0].size - 1)))
        return machrt_set_error(s, "window", EINVAL, who,
                                "a window without subwindows has one mapping, whose size is a power of two");
    return 0;
}

/* ---- attributes ---- */

static int get_attr(struct mach_session *s, const struct context *c, struct pamu_attr *a)
{
    a->argsz = sizeof *a;
    return s->sys.ioctl(s->sys.opaque, c->fd, PAMU_GET_ATTR, a);
}

static int set_attr(struct mach_session *s, const struct context *c, struct pamu_attr *a)
{
    a->argsz = sizeof *a;
    return s->sys.ioctl(s->sys.opaque, c->fd, PAMU_SET_ATTR, a);
}

static int read_pamu_ranges(struct mach_session *s, struct context *c)
{
    struct pamu *p = (struct pamu *)machrt_session_alloc(s, 1, sizeof *p);
    c->range = (struct mach_range *)machrt_session_alloc(s, 1, sizeof *c->range);
    if (!p || !c->range)
        return -1;
    if (c->guest_owned)
        return machrt_set_error(s, "window", ENOTSUP, machrt_device_object(s, c->first),
                                "a PAMU's windows are set once: no guest can own them");
    // Before a number is set, this is the limit of the hardware.
    struct pamu_attr a = {.attribute = PAMU_ATTR_WINDOWS};
    int r = get_attr(s, c, &a);
    if (r)
        return machrt_set_error(s, "window", r, "the PAMU", "cannot read its properties");
    int banks = s->sys.ioctl(s->sys.opaque, c->fd, PAMU_GET_MSI_BANK_COUNT, NULL);
    if (banks < 0)
        return machrt_set_error(s, "window", banks, "the PAMU", "cannot read the number of MSI banks");
    p->banks = (uint32_t)banks;
    if (choose_geometry(s, c, p) || check_geometry(s, c, p, a.u.windows) || check_maps(s, c, p))
        return -1;
    c->own = p;
    c->page = LEAST;
    c->available = p->windows;
    *c->range = (struct mach_range){p->start, p->start + (p->size - 1)};
    c->ranges = 1;
    return 0;
}

// The driver drops its errors, so what was set is read back.
static int set_geometry(struct mach_session *s, struct context *c)
{
    const struct pamu *p = (const struct pamu *)c->own;
    struct pamu_attr a = {.attribute = PAMU_ATTR_GEOMETRY, .u.geometry = {p->start, p->start + (p->size - 1)}};
    struct pamu_attr b = {.attribute = PAMU_ATTR_GEOMETRY};
    int r = set_attr(s, c, &a);
    r = r ? r : get_attr(s, c, &b);
    if (r || b.u.geometry.start != a.u.geometry.start || b.u.geometry.end != a.u.geometry.end)
        return machrt_set_error(s, "window", r ? r : EINVAL, machrt_device_object(s, c->first),
                                "the kernel refuses the window");
    a = (struct pamu_attr){.attribute = PAMU_ATTR_WINDOWS, .u.windows = p->windows};
    b = (struct pamu_attr){.attribute = PAMU_ATTR_WINDOWS};
    r = set_attr(s, c, &a);
    r = r ? r : get_attr(s, c, &b);
    if (r || b.u.windows != p->windows)
        return machrt_set_error(s, "window", r ? r : EINVAL, machrt_device_object(s, c->first),
                                "the kernel refuses %u subwindows: the PAMU's table of 2048 may be full", p->windows);
    return 0;
}

/* ---- mapping ---- */

// Does a mapping consist of whole windows? The driver does not return from calls for others.
static bool is_whole(const struct context *c, const struct mapping *m)
{
    const struct pamu *p = (const struct pamu *)c->own;
    return p && m->size && !(m->size % p->window) && m->iova >= p->start && !((m->iova - p->start) % p->window);
}

static int pamu_map(struct mach_session *s, struct context *c, const struct mapping *m)
{
    if (m->bank) {
        struct pamu_msi_map x = {.argsz = sizeof x, .bank = (uint32_t)m->offset, .iova = m->iova};
        return s->sys.ioctl(s->sys.opaque, c->fd, PAMU_MAP_MSI_BANK, &x);
    }
    return is_whole(c, m) ? machrt_map_dma(s, c, m) : -EINVAL;
}

static int pamu_unmap(struct mach_session *s, struct context *c, const struct mapping *m)
{
    if (m->bank) {
        struct pamu_msi_unmap x = {.argsz = sizeof x, .iova = m->iova};
        return s->sys.ioctl(s->sys.opaque, c->fd, PAMU_UNMAP_MSI_BANK, &x);
    }
    uint64_t unmapped;
    return is_whole(c, m) ? machrt_unmap_dma(s, c, m, &unmapped) : -EINVAL;
}

static const char *pamu_map_hint(int r)
{
    switch (-r) {
    case EBUSY:
        return "the window is mapped already";
    case EFAULT:
        return "its pages are not physically contiguous";
    default:
        return NULL;
    }
}

/* ---- stash targets ---- */

// The caches are numbered as in asm/fsl_pamu_stash.h: L1 1, L2 2, L3 3; the config numbers them the same way. Closing
// the container removes a stash target, so there is no undo.
static int set_stash(struct mach_session *s, struct mach_cfg_rec r, struct device *d)
{
    uint32_t cpu = mach_cfg_stash_host_cpu(r), kind = mach_cfg_stash_kind(r);
    if (!d->context || !d->context->own || cpu == MACH_CFG_NONE || kind < MACH_CFG_STASH_L1 || kind > MACH_CFG_STASH_L3)
        return -ENOTSUP;
    struct pamu_attr a = {.attribute = PAMU_ATTR_STASH, .u.stash = {cpu, kind}};
    return set_attr(s, d->context, &a);
}

const struct backend machrt_backend_pamu = {
    .id = MACH_BACKEND_PAMU,
    .name = "pamu",
    .maps = true,
    .container = &container,
    .usable = pamu_usable,
    .attach = machrt_attach_to_container,
    .ranges = read_pamu_ranges,
    .setup = set_geometry,
    .map = pamu_map,
    .unmap = pamu_unmap,
    .map_hint = pamu_map_hint,
    .stash = set_stash,
};
