// SPDX-License-Identifier: MIT
// sysfs: devices, drivers and groups are made from the model; everything else is what a test put there.
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

struct fake_device *fake_find(struct fake *k, const char *bus, const char *name)
{
    for (uint32_t i = 0; i < k->devices; i++)
        if (!k->device[i].gone && !strcmp(k->device[i].bus, bus) && !strcmp(k->device[i].name, name))
            return &k->device[i];
    return NULL;
}

void fake_registers(struct fake *k, const char *bus, const char *name, uint64_t first, uint64_t size, uint64_t second,
                    uint64_t second_size)
{
    static const char two[] = {0, 0, 0, 2};
    const uint64_t numbers[] = {first, size, second, second_size};
    char path[160], target[160], reg[32];
    for (size_t i = 0; i < sizeof reg; i++)
        reg[i] = (char)(numbers[i / 8] >> 8 * (7 - i % 8));
    snprintf(path, sizeof path, "/sys/bus/%s/devices/%s/of_node", bus, name);
    snprintf(target, sizeof target, "../../../firmware/devicetree/base/%s", name);
    fake_link(k, path, target);
    snprintf(path, sizeof path, "/sys/firmware/devicetree/base/%s/reg", name);
    fake_text(k, path, reg, second_size ? 32 : 16);
    fake_text(k, "/sys/firmware/devicetree/base/#address-cells", two, 4);
    fake_text(k, "/sys/firmware/devicetree/base/#size-cells", two, 4);
}

// /sys/bus/BUS/devices/NAME/REST
static struct fake_device *device_of(struct fake *k, const char *path, char *rest)
{
    char bus[16], name[64];
    *rest = '\0';
    if (sscanf(path, "/sys/bus/%15[^/]/devices/%63[^/]/%79s", bus, name, rest) < 2)
        return NULL;
    return fake_find(k, bus, name);
}

// /sys/kernel/iommu_groups/N/devices/NAME/REST
static struct fake_device *member_of(struct fake *k, const char *path, char *rest)
{
    unsigned group;
    char name[64];
    *rest = '\0';
    if (sscanf(path, "/sys/kernel/iommu_groups/%u/devices/%63[^/]/%79s", &group, name, rest) < 2)
        return NULL;
    for (uint32_t i = 0; i < k->devices; i++)
        if (!k->device[i].gone && k->device[i].group == group && !strcmp(k->device[i].name, name))
            return &k->device[i];
    return NULL;
}

static const struct fake_text *text_at(const struct fake *k, const char *path)
{
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, path))
            return &k->text[i];
    return NULL;
}

static bool has_group(const struct fake_device *d)
{
    return !d->no_group && (!d->group_after_probe || d->probed_once);
}

int fake_sysfs_readlink(struct fake *k, const char *path, char *out, size_t size)
{
    char rest[80];
    struct fake_device *d = device_of(k, path, rest);
    const struct fake_text *t = text_at(k, path);
    int n = -1;
    if (t && t->denied)
        return -EACCES;
    if (fake_char_link(k, path, out, size))
        return (int)strlen(out);
    if (!d && (d = member_of(k, path, rest)) && !*rest)
        return 0;
    if (d && !strcmp(rest, "subsystem"))
        return snprintf(out, size, "../../../bus/%s", d->bus);
    if (t && t->link)
        n = snprintf(out, size, "%s", t->data);
    else if (d && !*rest)
        n = snprintf(out, size, "../../../devices/x/%s", d->name);
    else if (d && !strcmp(rest, "driver") && *d->driver)
        n = snprintf(out, size, "../../bus/%s/drivers/%s", d->bus, d->driver);
    else if (d && !strcmp(rest, "iommu_group") && has_group(d))
        n = snprintf(out, size, "../../kernel/iommu_groups/%u", d->group);
    else if (d && !strncmp(rest, "iommu_group/devices/", 20) && has_group(d))
        for (uint32_t i = 0; i < k->devices; i++)
            if (!k->device[i].gone && k->device[i].group == d->group && !strcmp(k->device[i].name, rest + 20))
                n = snprintf(out, size, "x");
    return n < 0 ? -ENOENT : n;
}

// Through a device's link to its node.
static const struct fake_text *through_node(const struct fake *k, const char *path)
{
    char link[160], node[320];
    const char *at = strstr(path, "/of_node/");
    if (!at)
        return text_at(k, path);
    snprintf(link, sizeof link, "%.*s/of_node", (int)(at - path), path);
    const struct fake_text *t = text_at(k, link);
    if (!t)
        return NULL;
    snprintf(node, sizeof node, "/sys/%s/%s", strstr(t->data, "firmware"), at + strlen("/of_node/"));
    return text_at(k, node);
}

int64_t fake_sysfs_read(struct fake *k, const char *path, void *out, size_t size)
{
    char rest[80], line[64];
    const struct fake_device *d = device_of(k, path, rest);
    const struct fake_text *t = through_node(k, path);
    const char *data = t && !t->link ? t->data : NULL;
    if (t && t->denied)
        return -EACCES;
    size_t n = t ? t->size : 0;
    if (d && !strcmp(rest, "driver_override")) {
        n = (size_t)snprintf(line, sizeof line, "%s\n", *d->override ? d->override : "(null)");
        data = line;
    }
    if (!data && fake_pool_read(k, path, line, sizeof line)) {
        n = strlen(line);
        data = line;
    }
    if (!data)
        return -ENOENT;
    n = n < size ? n : size;
    memcpy(out, data, n);
    return (int64_t)n;
}

static const char *vfio_driver(const char *bus)
{
    return !strcmp(bus, "pci")      ? "vfio-pci"
           : !strcmp(bus, "amba")   ? "vfio-amba"
           : !strcmp(bus, "fsl-mc") ? "vfio-fsl-mc"
                                    : "vfio-platform";
}

static bool matches(const struct fake *k, const struct fake_device *d, const char *driver)
{
    if (*d->override && strcmp(d->override, driver))
        return false;
    if (!strncmp(driver, "vfio", 4))
        return !strcmp(driver, vfio_driver(d->bus)) && *d->override && !d->refuses && !k->no_driver;
    return !strcmp(driver, d->natural);
}

// A DPRC's driver finds the objects in it: Linux's own hands them to their drivers, vfio-fsl-mc keeps them
// (drivers/bus/fsl-mc/dprc-driver.c; drivers/vfio/fsl-mc/vfio_fsl_mc.c, vfio_fsl_mc_bus_notifier()). Without one they
// go.
static void scan(struct fake *k, const struct fake_device *dprc)
{
    bool vfio = !strncmp(dprc->driver, "vfio", 4);
    for (uint32_t i = 0; i < k->devices; i++) {
        struct fake_device *d = &k->device[i];
        if (!d->container || strcmp(d->container, dprc->name))
            continue;
        if (d->fd >= 0)
            fake_wrong(k, "%s goes away while it is open", d->name);
        d->gone = !*dprc->driver;
        snprintf(d->override, sizeof d->override, "%s", vfio ? dprc->driver : "");
        snprintf(d->driver, sizeof d->driver, "%s", d->gone ? "" : vfio ? dprc->driver : d->natural);
    }
}

static int bound(struct fake *k, struct fake_device *d, const char *driver)
{
    snprintf(d->driver, sizeof d->driver, "%s", driver);
    d->probed_once = true;
    scan(k, d);
    return 0;
}

static int probe(struct fake *k, const char *bus, const char *name)
{
    struct fake_device *d = fake_find(k, bus, name);
    if (!d)
        return -ENODEV;
    if (*d->driver)
        return 0;
    const char *driver = *d->override ? d->override : d->natural;
    return *driver && matches(k, d, driver) ? bound(k, d, driver) : 0;
}

int fake_sysfs_write(struct fake *k, const char *path, const char *text)
{
    char rest[80], bus[16], driver[32], what[16];
    struct fake_device *d = device_of(k, path, rest);
    if (d && !strcmp(rest, "driver_override")) {
        snprintf(d->override, sizeof d->override, "%s", *text == '\n' ? "" : text);
        return 0;
    }
    if (sscanf(path, "/sys/bus/%15[^/]/drivers/%31[^/]/%15s", bus, driver, what) == 3) {
        d = fake_find(k, bus, text);
        if (!d)
            return -ENODEV;
        if (!strcmp(what, "unbind")) {
            if (k->stays && !strcmp(driver, k->stays))
                return -ENOENT;
            if (strcmp(d->driver, driver))
                return -ENODEV;
            if (d->fd >= 0)
                fake_wrong(k, "%s is taken from its driver while it is open", d->name);
            *d->driver = '\0';
            scan(k, d);
            return 0;
        }
        return *d->driver ? -EBUSY : matches(k, d, driver) ? bound(k, d, driver) : -ENODEV;
    }
    if (sscanf(path, "/sys/bus/%15[^/]/%15s", bus, what) == 2 && !strcmp(what, "drivers_probe"))
        return probe(k, bus, text);
    return -ENOENT;
}

static int list_texts(struct fake *k, const char *path, int (*each)(void *, const char *, int), void *arg)
{
    size_t n = strlen(path);
    bool any = false;
    char seen[64][48];
    uint32_t names = 0;
    for (uint32_t i = 0; i < k->texts; i++) {
        if (strncmp(k->text[i].path, path, n) || k->text[i].path[n] != '/')
            continue;
        const char *name = k->text[i].path + n + 1, *slash = strchr(name, '/');
        char one[48];
        snprintf(one, sizeof one, "%.*s", slash ? (int)(slash - name) : 47, name);
        any = true;
        uint32_t m = 0;
        while (m < names && strcmp(seen[m], one))
            m++;
        if (m < names || names == 64)
            continue;
        strcpy(seen[names++], one);
        if (each(arg, one, slash != NULL))
            return 0;
    }
    return any ? 0 : -ENOENT;
}

int fake_sysfs_list(struct fake *k, const char *path, int (*each)(void *, const char *, int), void *arg)
{
    char rest[80], node[16];
    unsigned group;
    const struct fake_device *d = device_of(k, path, rest);
    if (!d)
        d = member_of(k, path, rest);
    if (d && !strcmp(rest, "vfio-dev")) {
        if (!k->has_cdev || strncmp(d->driver, "vfio", 4))
            return -ENOENT;
        snprintf(node, sizeof node, "vfio%u", (unsigned)(d - k->device));
        each(arg, node, 1);
        return 0;
    }
    if (sscanf(path, "/sys/kernel/iommu_groups/%u/devices", &group) == 1) {
        for (uint32_t i = 0; i < k->devices; i++)
            if (!k->device[i].gone && k->device[i].group == group && each(arg, k->device[i].name, 0))
                break;
        return 0;
    }
    if (!strcmp(path, "/sys/kernel/iommu_groups")) {
        for (unsigned g = 0; g < 64; g++) {
            snprintf(node, sizeof node, "%u", g);
            for (uint32_t i = 0; i < k->devices; i++)
                if (k->device[i].group == g && has_group(&k->device[i])) {
                    if (each(arg, node, 1))
                        return 0;
                    break;
                }
        }
        return 0;
    }
    if (!strcmp(path, "/sys/kernel/mm/hugepages") && k->pages) {
        each(arg, "hugepages-2048kB", 1);
        list_texts(k, path, each, arg); // and pools of other sizes
        return 0;
    }
    return list_texts(k, path, each, arg);
}

int fake_sysfs_access(struct fake *k, const char *path)
{
    char bus[16], driver[32];
    size_t n = strlen(path);
    const struct fake_text *t = text_at(k, path);
    if (t && t->denied)
        return -EACCES;
    if (!strcmp(path, "/dev/vfio/vfio"))
        return k->has_group ? 0 : -ENOENT;
    if (!strcmp(path, "/dev/iommu"))
        return k->has_iommufd ? 0 : -ENOENT;
    if (sscanf(path, "/sys/bus/%15[^/]/drivers/%31[^/]", bus, driver) == 2) {
        if (n > 7 && !strcmp(path + n - 7, "/unbind"))
            return k->stays && !strcmp(driver, k->stays) ? -ENOENT : 0;
        if (!strcmp(driver, "fsl-of-pamu"))
            return k->vendor_pamu ? 0 : -ENOENT;
        return k->no_driver ? -ENOENT : 0;
    }
    char line[64];
    if (fake_pool_read(k, path, line, sizeof line))
        return 0;
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strncmp(k->text[i].path, path, n) && (!k->text[i].path[n] || k->text[i].path[n] == '/'))
            return 0;
    return -ENOENT;
}
