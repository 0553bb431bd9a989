// SPDX-License-Identifier: MIT
// IOMMU groups: finds those of the devices, checks who else is in them, and which devices share a DMA context.
#include "session/steps.h"

#include <errno.h>

// A driver that may be bound to another member of the group: VFIO's own (mlx5_vfio_pci is one, too), and those that do
// no DMA (`driver_managed_dma` in drivers/pci/pcie/portdrv.c and drivers/pci/pci-stub.c, and in no others; Linux 6.12).
static bool is_harmless_driver(const char *driver)
{
    return strstr(driver, "vfio") || !strcmp(driver, "pcieport") || !strcmp(driver, "pci-stub");
}

struct members {
    struct mach_session *s;
    const struct device *d;
    uint32_t total, held;
    char text[600];
    int result;
};

// Adds the command that frees a member to the message.
static void add_holder_text(struct members *m, const char *name, const char *driver)
{
    size_t n = strlen(m->text);
    char path[PATH_SIZE], bus[32];
    m->held++;
    if (!machrt_sysfs_path(m->s, path, "kernel/iommu_groups/%u/devices/%.200s/subsystem", m->d->group, name) ||
        machrt_read_link_name(m->s, path, bus, sizeof bus))
        strcpy(bus, m->d->bus->name); // most likely
    snprintf(m->text + n, sizeof m->text - n,
             "%s%.64s is bound to %.64s (pass it through as well, or: echo %.64s > /sys/bus/%s/drivers/%.64s/unbind)",
             m->held > 1 ? "; " : "", name, driver, name, bus, driver);
}

static int check_member(void *arg, const char *name, int is_directory)
{
    (void)is_directory;
    struct members *m = (struct members *)arg;
    char path[PATH_SIZE], driver[64];
    if (!machrt_sysfs_path(m->s, path, "kernel/iommu_groups/%u/devices/%.200s/driver", m->d->group, name)) {
        m->result = -ENAMETOOLONG;
        return 1;
    }
    int r = machrt_read_link_name(m->s, path, driver, sizeof driver);
    m->total++;
    if (r == -ENOENT)
        return 0; // without a driver it does no DMA
    if (r) {
        m->result = r;
        return 1;
    }
    if (!is_harmless_driver(driver))
        add_holder_text(m, name, driver);
    return 0;
}

static int check_group(struct mach_session *s, const struct device *d)
{
    struct members m = {.s = s, .d = d};
    char path[PATH_SIZE];
    int r = machrt_sysfs_path(s, path, "kernel/iommu_groups/%u/devices", d->group)
                ? s->sys.list(s->sys.opaque, path, check_member, &m)
                : -ENAMETOOLONG;
    r = r ? r : m.result;
    if (r)
        return machrt_set_error(s, "group", r, machrt_object(s, "IOMMU group %u of %s", d->group, d->name),
                                "the kernel does not show its members");
    if (!m.held)
        return 0;
    return machrt_set_error(s, "group", EPERM, machrt_object(s, "IOMMU group %u of %s", d->group, d->name),
                            "all devices of a group must have one owner: of %u members, %s", m.total, m.text);
}

/* ---- contexts ---- */

static uint64_t mix_hash(uint64_t h, uint64_t v)
{
    h ^= v;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

struct maps {
    uint32_t dma, map; // the next one
    uint32_t dma_end;
};

static struct maps maps_of_device(const struct device *d)
{
    uint32_t first = mach_cfg_device_first_dma(d->rec);
    return (struct maps){first, 0, first + mach_cfg_device_dmas(d->rec)};
}

// Steps through the maps of all domains of a device. false: there are no more.
static bool next_map(const struct mach_session *s, struct maps *m, struct mach_cfg_rec *map)
{
    for (; m->dma < m->dma_end; m->dma++, m->map = 0) {
        struct mach_cfg_rec dma = mach_cfg_record(s->f, MACH_CFG_S_DMA, m->dma);
        if (m->map < mach_cfg_dma_maps(dma)) {
            *map = mach_cfg_record(s->f, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(dma) + m->map++);
            return true;
        }
    }
    return false;
}

static bool is_guest_owned(const struct mach_session *s, const struct device *d)
{
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++)
        if (mach_cfg_dma_mode(mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i)) ==
            MACH_CFG_DMA_GUEST_IOMMU)
            return true;
    return false;
}

// A hash of what a device reaches: equal for devices that reach the same.
static uint64_t hash_reach(const struct mach_session *s, const struct device *d)
{
    if (is_guest_owned(s, d))
        return mix_hash(UINT64_C(0x67756573), d->index); // the guest maps for each device, so no context is shared
    uint64_t h = 1;
    struct mach_cfg_rec r;
    for (struct maps m = maps_of_device(d); next_map(s, &m, &r);) {
        h = mix_hash(h, mach_cfg_dma_map_what(r) | (uint64_t)mach_cfg_dma_map_flags(r) << 32);
        h = mix_hash(h, mach_cfg_dma_map_memory(r) | (uint64_t)mach_cfg_dma_map_region(r) << 32);
        h = mix_hash(h, mach_cfg_dma_map_offset(r));
        h = mix_hash(h, mach_cfg_dma_map_size(r));
        h = mix_hash(h, mach_cfg_dma_map_iova(r));
    }
    // The window that the backend programs is part of what the device reaches.
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++) {
        struct mach_cfg_rec x = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i);
        h = mix_hash(h, mach_cfg_dma_window(x));
        h = mix_hash(h, mach_cfg_dma_size(x));
        h = mix_hash(h, mach_cfg_dma_whole_subwindows(x) | (uint64_t)mach_cfg_dma_page_shift(x) << 32);
    }
    return h;
}

static bool same_reach(const struct mach_session *s, const struct device *a, const struct device *b)
{
    if (a == b)
        return true;
    if (is_guest_owned(s, a) || is_guest_owned(s, b))
        return false;
    uint32_t n = mach_cfg_device_dmas(a->rec);
    if (n != mach_cfg_device_dmas(b->rec))
        return false;
    struct mach_cfg_rec x, y;
    for (uint32_t i = 0; i < n; i++) {
        x = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(a->rec) + i);
        y = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(b->rec) + i);
        if (mach_cfg_dma_window(x) != mach_cfg_dma_window(y) || mach_cfg_dma_size(x) != mach_cfg_dma_size(y) ||
            mach_cfg_dma_whole_subwindows(x) != mach_cfg_dma_whole_subwindows(y) ||
            mach_cfg_dma_page_shift(x) != mach_cfg_dma_page_shift(y) || mach_cfg_dma_maps(x) != mach_cfg_dma_maps(y))
            return false;
    }
    struct maps m = maps_of_device(a), k = maps_of_device(b);
    while (next_map(s, &m, &x) && next_map(s, &k, &y))
        if (mach_cfg_dma_map_what(x) != mach_cfg_dma_map_what(y) ||
            mach_cfg_dma_map_flags(x) != mach_cfg_dma_map_flags(y) ||
            mach_cfg_dma_map_memory(x) != mach_cfg_dma_map_memory(y) ||
            mach_cfg_dma_map_region(x) != mach_cfg_dma_map_region(y) ||
            mach_cfg_dma_map_bank(x) != mach_cfg_dma_map_bank(y) ||
            mach_cfg_dma_map_offset(x) != mach_cfg_dma_map_offset(y) ||
            mach_cfg_dma_map_size(x) != mach_cfg_dma_map_size(y) ||
            mach_cfg_dma_map_iova(x) != mach_cfg_dma_map_iova(y))
            return false;
    return true;
}

static struct context *find_or_add_context(struct mach_session *s, struct device *d, bool noiommu)
{
    uint64_t key = mix_hash(hash_reach(s, d), noiommu);
    for (uint32_t i = (uint32_t)key & s->table_mask;; i = (i + 1) & s->table_mask) {
        uint32_t at = s->context_table[i];
        if (at) {
            struct context *c = &s->context[at - 1];
            if (c->key == key && c->noiommu == noiommu && same_reach(s, c->first, d))
                return c;
            continue;
        }
        struct context *c = &s->context[s->contexts];
        *c = (struct context){.key = key,
                              .number = s->contexts,
                              .first = d,
                              .fd = -1,
                              .noiommu = noiommu,
                              .guest_owned = is_guest_owned(s, d)};
        s->context_table[i] = ++s->contexts;
        return c;
    }
}

// drivers/vfio/group.c, vfio_noiommu_group_alloc() names the group so.
static bool has_no_iommu(struct mach_session *s, const struct device *d)
{
    char path[PATH_SIZE], name[32];
    return machrt_sysfs_path(s, path, "kernel/iommu_groups/%u/name", d->group) &&
           !machrt_read_line(s, path, name, sizeof name) && !strcmp(name, "vfio-noiommu");
}

// A device without DMA records is described by those of the one above it.
static bool is_compiled_without_iommu(const struct mach_session *s, const struct device *d)
{
    struct mach_cfg_rec r = d->rec;
    while (!mach_cfg_device_dmas(r) && mach_cfg_device_parent(r) != MACH_CFG_NONE)
        r = s->device[mach_cfg_device_parent(r)].rec;
    uint32_t n = mach_cfg_device_dmas(r);
    for (uint32_t i = 0; i < n; i++)
        if (!(mach_cfg_dma_flags(mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(r) + i)) &
              MACH_CFG_DMA_NO_IOMMU))
            return false;
    return n > 0;
}

static int join_group(struct mach_session *s, struct device *d)
{
    for (uint32_t i = (uint32_t)mix_hash(7, d->group) & s->table_mask;; i = (i + 1) & s->table_mask) {
        uint32_t at = s->group_table[i];
        if (at && s->group[at - 1].number != d->group)
            continue;
        if (!at) {
            if (check_group(s, d))
                return -1;
            struct group *g = &s->group[s->groups];
            bool noiommu = has_no_iommu(s, d);
            if (noiommu && s->options.backend != MACH_BACKEND_NOIOMMU && !is_compiled_without_iommu(s, d))
                return machrt_set_error(
                    s, "group", EPERM, machrt_device_object(s, d),
                    "the kernel drives no IOMMU for it, and the config was compiled for a host with "
                    "one: nothing would restrict its DMA");
            *g = (struct group){.number = d->group,
                                .fd = -1,
                                .context = find_or_add_context(s, d, noiommu),
                                .first = d,
                                .noiommu = noiommu};
            s->group_table[i] = ++s->groups;
            at = s->groups;
        }
        d->g = &s->group[at - 1];
        break;
    }
    d->context = d->g->context;
    // All devices of a group use the same page tables.
    if (d != d->g->first && !(is_guest_owned(s, d) && is_guest_owned(s, d->g->first)) && !same_reach(s, d->g->first, d))
        return machrt_set_error(s, "group", EINVAL, machrt_object(s, "devices %s and %s", d->g->first->name, d->name),
                                "both are in IOMMU group %u and so reach the same memory, but the config gives them "
                                "different DMA domains: give both the same `dma`",
                                d->group);
    return 0;
}

int machrt_step_groups(struct mach_session *s)
{
    uint32_t n = 0, size = 4;
    for (uint32_t i = 0; i < s->devices; i++)
        n += s->device[i].vfio;
    while (size < 2 * n)
        size *= 2;
    s->group = (struct group *)machrt_session_alloc(s, n, sizeof *s->group);
    s->context = (struct context *)machrt_session_alloc(s, n, sizeof *s->context);
    s->group_table = (uint32_t *)machrt_session_alloc(s, size, sizeof(uint32_t));
    s->context_table = (uint32_t *)machrt_session_alloc(s, size, sizeof(uint32_t));
    if (!s->group || !s->context || !s->group_table || !s->context_table)
        return -1;
    s->table_mask = size - 1;
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (!d->vfio)
            continue;
        int r = machrt_find_group(s, d, &d->group);
        if (r == -ENOENT)
            return machrt_set_error(
                s, "group", r, machrt_device_object(s, d),
                "it has no IOMMU group, so it is not behind an IOMMU that the kernel drives. Without one, only `raw` "
                "with /dev/mem or the kernel's unsafe no-IOMMU mode can pass it through");
        if (r)
            return machrt_set_error(s, "group", r, machrt_device_object(s, d),
                                    "the kernel does not show its IOMMU group");
        if (join_group(s, d))
            return -1;
    }
    return machrt_prove_groups(s);
}
