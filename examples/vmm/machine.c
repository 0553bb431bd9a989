// SPDX-License-Identifier: MIT
// Accesses that exit: to registers of the host, or to an emulated device.
#include "machvm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int machine_room(struct vmm *v)
{
    // A trapped region or a region of an emulated device is one range.
    uint32_t room = mach_cfg_count(v->f, MACH_CFG_S_REGION);
    v->range = calloc(room ? room : 1, sizeof *v->range);
    v->ranges = 0;
    return v->range ? 0 : complain(ENOMEM, "the machine");
}

struct range *machine_range(struct vmm *v, uint64_t address, uint64_t size, const char *name)
{
    struct range *r = &v->range[v->ranges++];
    r->address = address;
    r->size = size;
    r->name = name;
    return r;
}

/* ---- called by libmachrt ---- */

static const char *device_name(const struct vmm *v, uint32_t device)
{
    return mach_cfg_string(v->f, mach_cfg_device_name(mach_cfg_record(v->f, MACH_CFG_S_DEVICE, device)));
}

static int trap(void *opaque, struct mach_session *session, const struct mach_trap *t)
{
    struct vmm *v = opaque;
    (void)session;
    uint32_t device = mach_cfg_region_device(mach_cfg_record(v->f, MACH_CFG_S_REGION, t->region));
    struct range *r = machine_range(v, t->address, t->size, device_name(v, device));
    r->region = t->region;
    r->region_offset = t->offset;
    return 0;
}

// Region `index` of an emulated device.
static void add(struct vmm *v, struct mach_cfg_rec device, uint32_t index,
                void (*access)(void *, uint64_t, uint8_t *, uint32_t, bool), void *opaque)
{
    struct mach_cfg_rec region = mach_cfg_record(v->f, MACH_CFG_S_REGION, mach_cfg_device_first_region(device) + index);
    struct range *r = machine_range(v, mach_cfg_region_guest(region), mach_cfg_region_size(region),
                                    mach_cfg_string(v->f, mach_cfg_device_name(device)));
    r->access = access;
    r->opaque = opaque;
}

static int make_uart(struct vmm *v, struct mach_cfg_rec device)
{
    v->uart = uart_new(v, mach_cfg_device_irqs(device) ? mach_cfg_device_first_irq(device) : MACH_CFG_NONE);
    if (!v->uart)
        return -ENOMEM;
    add(v, device, 0, uart_access, v->uart);
    return 0;
}

static int make_pci(struct vmm *v, struct mach_cfg_rec device)
{
    v->pci = pci_new(v, device);
    if (!v->pci)
        return -ENOMEM;
    add(v, device, 0, pci_config_access, v->pci);
    add(v, device, 1, pci_window_access, v->pci);
    return 0;
}

static int emulated(void *opaque, const struct mach_cfg_file *f, uint32_t device)
{
    struct vmm *v = opaque;
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DEVICE, device);
    const char *class_name = mach_cfg_string(f, mach_cfg_device_class_name(d));
    // The class determines the device, and so which regions and interrupts its record has.
    if (!strcmp(class_name, "ns16550a") && !v->uart)
        return make_uart(v, d);
    if (!strcmp(class_name, "pci-host") && !v->pci)
        return make_pci(v, d);
    complain(0, "device %s: machvm emulates one ns16550a and one pci-host, but not this device (%s)",
             device_name(v, device), class_name);
    return -ENOTSUP;
}

const struct mach_ops machine_ops = {.size = sizeof machine_ops, .trap = trap, .emulated = emulated};

/* ---- while the guest runs ---- */

void machine_access(struct vmm *v, uint64_t address, uint8_t *data, uint32_t size, bool write)
{
    // A machine has only a few ranges, so a list is fast enough.
    for (uint32_t i = 0; i < v->ranges; i++) {
        struct range *r = &v->range[i];
        if (address < r->address || address - r->address >= r->size)
            continue;
        uint64_t offset = address - r->address;
        atomic_fetch_add(&r->exits, 1);
        if (r->access) {
            r->access(r->opaque, offset, data, size, write);
            return;
        }
        int e = write ? mach_region_write(v->session, r->region, r->region_offset + offset, data, size)
                      : mach_region_read(v->session, r->region, r->region_offset + offset, data, size);
        if (e && !write)
            memset(data, 0xff, size);
        if (e && e != -EACCES) // which the library tells of, once
            complain(-e, "device %s: %s of %" PRIu32 " bytes at offset 0x%" PRIx64, r->name, write ? "write" : "read",
                     size, offset);
        return;
    }
    // Reads return all ones, as on a bus where no device responds.
    if (!write)
        memset(data, 0xff, size);
    if (!atomic_fetch_add(&v->lost, 1))
        complain(0, "the guest %s 0x%" PRIx64 ", an unused address; further such accesses are not reported",
                 write ? "writes to" : "reads from", address);
}

void machine_statistics(const struct vmm *v)
{
    for (uint32_t i = 0; i < v->ranges; i++)
        fprintf(stderr, "machvm: exits at 0x%" PRIx64 " %s: %lu\n", v->range[i].address, v->range[i].name,
                atomic_load(&v->range[i].exits));
    fprintf(stderr, "machvm: exits elsewhere: %lu\n", atomic_load(&v->lost));
}

void machine_free(struct vmm *v)
{
    uart_free(v->uart);
    pci_free(v->pci);
    free(v->range);
    v->uart = NULL;
    v->pci = NULL;
    v->range = NULL;
    v->ranges = 0;
}
