// SPDX-License-Identifier: MIT
// Chooses the backend, opens the devices, resets them, and makes PCI functions bus masters.
#include "session/steps.h"

#include "backend/backend.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

static const struct backend *const backends[] = {
    [MACH_BACKEND_IOMMUFD] = &machrt_backend_iommufd, [MACH_BACKEND_GROUP] = &machrt_backend_group,
    [MACH_BACKEND_SPAPR] = &machrt_backend_spapr,     [MACH_BACKEND_NOIOMMU] = &machrt_backend_noiommu,
    [MACH_BACKEND_PAMU] = &machrt_backend_pamu,
};

const char *mach_backend_name(enum mach_backend backend)
{
    static const char *const names[] = {
        [MACH_BACKEND_AUTO] = "auto",   [MACH_BACKEND_IOMMUFD] = "iommufd", [MACH_BACKEND_GROUP] = "group",
        [MACH_BACKEND_SPAPR] = "spapr", [MACH_BACKEND_NOIOMMU] = "noiommu", [MACH_BACKEND_PAMU] = "pamu",
    };
    return (size_t)backend < sizeof names / sizeof names[0] ? names[backend] : "?";
}

enum mach_backend mach_session_backend(const struct mach_session *s)
{
    return s->backend ? s->backend->id : MACH_BACKEND_AUTO;
}

// Does the config map registers or physical memory for DMA? iommufd cannot.
static bool maps_foreign(const struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_DMA_MAP].count; i++) {
        struct mach_cfg_rec m = mach_cfg_record(s->f, MACH_CFG_S_DMA_MAP, i);
        if (mach_cfg_dma_map_what(m) == MACH_CFG_MAP_REGION)
            return true;
        if (mach_cfg_dma_map_what(m) != MACH_CFG_MAP_MEMORY)
            continue;
        uint32_t backing =
            mach_cfg_memory_backing(mach_cfg_record(s->f, MACH_CFG_S_MEMORY, mach_cfg_dma_map_memory(m)));
        if (backing == MACH_CFG_BACKING_PHYSICAL || backing == MACH_CFG_BACKING_HEAP)
            return true;
    }
    return false;
}

// Is there a group with an IOMMU, or without?
static bool has_group(const struct mach_session *s, bool noiommu)
{
    for (uint32_t i = 0; i < s->groups; i++)
        if (s->group[i].noiommu == noiommu)
            return true;
    return false;
}

static int choose_named_backend(struct mach_session *s, enum mach_backend id)
{
    const char *why = "";
    const struct backend *b = (size_t)id < sizeof backends / sizeof backends[0] ? backends[id] : NULL;
    if (!b)
        return machrt_set_error(s, "backend", ENOSYS, machrt_object(s, "backend %s", mach_backend_name(id)),
                                "no such backend");
    int r = b->usable(s, &why);
    if (r)
        return machrt_set_error(s, "backend", r, machrt_object(s, "backend %s", b->name), "%s", why);
    s->backend = b;
    return 0;
}

static int choose_any_backend(struct mach_session *s)
{
    const char *first = "it cannot map registers or physical memory for DMA, which the config needs", *second = "";
    int r = -ENOTSUP;
    if (!maps_foreign(s)) {
        r = machrt_backend_iommufd.usable(s, &first);
        if (!r) {
            s->backend = &machrt_backend_iommufd;
            return 0;
        }
    }
    r = machrt_backend_group.usable(s, &second);
    if (r)
        return machrt_set_error(s, "backend", r, "VFIO", "iommufd: %s; group: %s", first, second);
    s->backend = &machrt_backend_group;
    return 0;
}

int machrt_step_backend(struct mach_session *s)
{
    enum mach_backend id = s->options.backend;
    if (!s->groups)
        return 0;
    uint32_t iommu = mach_cfg_machine_iommu(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0));
    if (id == MACH_BACKEND_AUTO && iommu == MACH_CFG_IOMMU_PAMU)
        return machrt_set_error(
            s, "backend", ENOTSUP, "VFIO",
            "the config is for a PAMU, which only vendor kernels drive: choose the backend `pamu` on such a kernel");
    if (id == MACH_BACKEND_AUTO && iommu == MACH_CFG_IOMMU_NONE)
        return machrt_set_error(s, "backend", ENOTSUP, "VFIO",
                                "the config is for a host without an IOMMU: choose the backend `noiommu` if you trust "
                                "its devices with all memory");
    // The config says which devices these are (groups.c), so that nobody loses an IOMMU unnoticed.
    if (id != MACH_BACKEND_NOIOMMU && has_group(s, true)) {
        const char *why = "";
        int r = machrt_backend_noiommu.usable(s, &why);
        if (r)
            return machrt_set_error(s, "backend", r, "backend noiommu", "%s", why);
        if (!has_group(s, false))
            id = MACH_BACKEND_NOIOMMU;
    }
    if (id == MACH_BACKEND_AUTO && iommu == MACH_CFG_IOMMU_SPAPR_TCE)
        id = MACH_BACKEND_SPAPR;
    int r = id == MACH_BACKEND_AUTO ? choose_any_backend(s) : choose_named_backend(s, id);
    if (!r)
        machrt_log(s, "backend %s", s->backend->name);
    return r;
}

/* ---- devices ---- */

static int read_device_info(struct mach_session *s, struct device *d)
{
    struct vfio_device_info info = {.argsz = sizeof info};
    int r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_GET_INFO, &info);
    if (r)
        return machrt_set_error(s, "open", r, machrt_device_object(s, d), "cannot read its properties");
    d->vfio_flags = info.flags;
    d->num_regions = info.num_regions;
    d->num_irqs = info.num_irqs;
    bool pci = (info.flags & VFIO_DEVICE_FLAGS_PCI) != 0;
    if (pci != (mach_cfg_device_kind(d->rec) == MACH_CFG_DEVICE_PCI))
        return machrt_set_error(s, "open", ENODEV, machrt_device_object(s, d), "it is %s PCI function",
                                pci ? "a" : "no");
    return 0;
}

static int reset_device(struct mach_session *s, struct device *d)
{
    uint32_t policy = mach_cfg_device_reset(d->rec);
    if (policy == MACH_CFG_RESET_NEVER)
        return 0;
    int r =
        d->vfio_flags & VFIO_DEVICE_FLAGS_RESET ? s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_RESET, NULL) : -ENOTTY;
    if (!r)
        return 0;
    if (policy != MACH_CFG_RESET_REQUIRED) {
        machrt_log(s, "reset %s: %s", d->name, r == -ENOTTY ? "the kernel cannot" : strerror(-r));
        return 0;
    }
    return machrt_set_error(s, "reset", r, machrt_device_object(s, d),
                            r == -ENOTTY ? "the kernel cannot reset it, and the config requires a reset: use `reset "
                                           "if-possible;` if its state does not matter"
                                         : "the reset failed");
}

// The kernel's number of interrupts proves the expectation irq-count.
static int check_irq_counts(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_EXPECT].count; i++) {
        struct mach_cfg_rec e = mach_cfg_record(s->f, MACH_CFG_S_EXPECT, i);
        uint32_t device = mach_cfg_expect_device(e);
        if (mach_cfg_expect_kind(e) != MACH_CFG_EXPECT_IRQ_COUNT || device == MACH_CFG_NONE || s->device[device].fd < 0)
            continue;
        if (s->device[device].num_irqs != mach_cfg_expect_a(e))
            return machrt_set_error(s, "expect", 0, machrt_device_object(s, &s->device[device]),
                                    "VFIO reports %u interrupts, not %" PRIu64, s->device[device].num_irqs,
                                    mach_cfg_expect_a(e));
    }
    return 0;
}

int machrt_step_open(struct mach_session *s)
{
    if (machrt_claim_devices(s) || (s->backend && s->backend->open && s->backend->open(s)))
        return -1;
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (d->vfio && (machrt_backend_of(s, d->context)->attach(s, d) || read_device_info(s, d) || reset_device(s, d)))
            return -1;
    }
    return check_irq_counts(s) || machrt_prove_links(s) ? -1 : 0;
}

static int undo_reset(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct device *d = (struct device *)thing;
    int r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_RESET, NULL);
    if (r)
        machrt_log(s, "reset %s: %s", d->name, strerror(-r));
    return mach_cfg_device_reset(d->rec) == MACH_CFG_RESET_REQUIRED ? machrt_unless_gone(s, d, r) : 0;
}

int machrt_step_quiesce(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (!d->vfio || mach_cfg_device_reset(d->rec) == MACH_CFG_RESET_NEVER ||
            !(d->vfio_flags & VFIO_DEVICE_FLAGS_RESET))
            continue;
        if (machrt_reserve_undo(s))
            return -1;
        machrt_push_undo(s, undo_reset, d, 0, d->name);
    }
    return 0;
}

/* ---- bus mastering ---- */

bool machrt_does_dma(const struct mach_session *s, const struct device *d)
{
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++)
        if (mach_cfg_dma_mode(mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i)) !=
            MACH_CFG_DMA_NONE)
            return true;
    return false;
}

enum { OURS = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER }; // bits of the command register; all others are the guest's

int machrt_enable_bus_master(struct mach_session *s, struct device *d)
{
    uint16_t command;
    int r = machrt_change_command(s, d, 0, OURS, &command);
    if (!d->saved)
        d->command = command;
    d->saved = d->saved || !r;
    d->master = !r;
    return r;
}

int machrt_disable_bus_master(struct mach_session *s, struct device *d)
{
    d->master = false;
    return machrt_change_command(s, d, PCI_COMMAND_MASTER, d->command & PCI_COMMAND_MASTER, NULL);
}

int machrt_restore_bus_master(struct mach_session *s, struct device *d)
{
    if (!d->saved)
        return 0;
    d->master = d->saved = false;
    return machrt_change_command(s, d, OURS, d->command & OURS, NULL);
}

static int undo_master(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct device *d = (struct device *)thing;
    return machrt_unless_gone(s, d, machrt_restore_bus_master(s, d));
}

int machrt_make_bus_master(struct mach_session *s, struct device *d)
{
    if (machrt_reserve_undo(s))
        return -1;
    int r = machrt_enable_bus_master(s, d);
    if (r)
        return machrt_set_error(s, "region", r, machrt_device_object(s, d),
                                "cannot make it a bus master: cannot access its configuration space");
    machrt_push_undo(s, undo_master, d, 0, d->name);
    return 0;
}

int machrt_step_master(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (d->vfio && d->vfio_flags & VFIO_DEVICE_FLAGS_PCI && !d->master && machrt_does_dma(s, d) &&
            machrt_make_bus_master(s, d))
            return -1;
    }
    return 0;
}
