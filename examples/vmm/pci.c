// SPDX-License-Identifier: MIT
/*
 * A PCI host bridge (ECAM) with functions of the host on it. VFIO virtualises the configuration space of each function;
 * the VMM has to map its registers where the guest places the BARs.
 */
#include "machvm.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { BARS = 6, SLOTS = 32 };
_Static_assert(PCI_MEMORY_SLOTS == SLOTS * BARS, "one memory slot for each BAR");

struct bar {
    uint32_t region;  // record; MACH_CFG_NONE: the config has none
    uint64_t address; // where it is in the guest; 0: nowhere
    uint64_t size;    // 0: there is none
    void *at;         // in this process; NULL: accesses exit
};

struct function {
    uint32_t device; // record; MACH_CFG_NONE: an empty slot
    struct bar bar[BARS];
};

struct pci {
    struct vmm *vmm;
    const char *name;
    uint64_t window, window_size; // of BARs
    pthread_mutex_t lock;
    struct function slot[SLOTS];
};

static void take_function(struct pci *p, uint32_t device, struct mach_cfg_rec rec)
{
    struct function *f = &p->slot[mach_cfg_device_slot(rec) % SLOTS];
    f->device = device;
    for (uint32_t i = 0; i < mach_cfg_device_regions(rec); i++) {
        uint32_t region = mach_cfg_device_first_region(rec) + i;
        uint32_t index = mach_cfg_region_index(mach_cfg_record(p->vmm->f, MACH_CFG_S_REGION, region));
        if (index < BARS)
            f->bar[index].region = region;
    }
}

struct pci *pci_new(struct vmm *v, struct mach_cfg_rec bridge)
{
    struct pci *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    struct mach_cfg_rec window = mach_cfg_record(v->f, MACH_CFG_S_REGION, mach_cfg_device_first_region(bridge) + 1);
    p->vmm = v;
    p->name = mach_cfg_string(v->f, mach_cfg_device_name(bridge));
    p->window = mach_cfg_region_guest(window);
    p->window_size = mach_cfg_region_size(window);
    pthread_mutex_init(&p->lock, NULL);
    for (int i = 0; i < SLOTS; i++) {
        p->slot[i].device = MACH_CFG_NONE;
        for (int k = 0; k < BARS; k++)
            p->slot[i].bar[k].region = MACH_CFG_NONE;
    }
    for (uint32_t i = 0; i < mach_cfg_count(v->f, MACH_CFG_S_DEVICE); i++) {
        struct mach_cfg_rec d = mach_cfg_record(v->f, MACH_CFG_S_DEVICE, i);
        if (!strcmp(mach_cfg_string(v->f, mach_cfg_device_bus(d)), p->name))
            take_function(p, i, d);
    }
    return p;
}

void pci_free(struct pci *p)
{
    if (p)
        pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- BARs ---- */

// The first memory slots are for BARs (mach_kvm.first_slot).
static int set_slot(const struct pci *p, const struct function *f, const struct bar *b, uint64_t size)
{
    struct kvm_userspace_memory_region r = {
        .slot = (uint32_t)((f - p->slot) * BARS + (b - f->bar)),
        .guest_phys_addr = b->address,
        .memory_size = size,
        .userspace_addr = (uintptr_t)b->at,
    };
    return ioctl(p->vmm->vm, KVM_SET_USER_MEMORY_REGION, &r);
}

static void move(struct pci *p, const struct function *f, struct bar *b, uint64_t address)
{
    b->at = mach_session_region_ptr(p->vmm->session, b->region, &b->size);
    // A bridge forwards only what is in its window.
    if (!b->size || address < p->window || address - p->window > p->window_size - b->size)
        address = 0;
    if (address == b->address)
        return;
    if (b->at && b->address && set_slot(p, f, b, 0))
        complain(errno, "a BAR of slot %d", (int)(f - p->slot));
    b->address = address;
    if (b->at && address && set_slot(p, f, b, b->size))
        complain(errno, "a BAR of slot %d at 0x%" PRIx64, (int)(f - p->slot), address);
}

static uint32_t get(const struct pci *p, const struct function *f, uint32_t offset, uint32_t size)
{
    uint32_t value = UINT32_MAX;
    mach_pci_read(p->vmm->session, f->device, offset, size, &value);
    return value;
}

static void follow(struct pci *p, struct function *f)
{
    bool on = get(p, f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
    for (uint32_t i = 0; i < BARS; i++) {
        struct bar *b = &f->bar[i];
        uint32_t low = get(p, f, PCI_BASE_ADDRESS_0 + 4 * i, 4);
        bool io = low & PCI_BASE_ADDRESS_SPACE_IO;
        bool wide = !io && (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
        uint64_t address = low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
        if (wide && i + 1 < BARS)
            address |= (uint64_t)get(p, f, PCI_BASE_ADDRESS_0 + 4 * ++i, 4) << 32;
        if (!io && b->region != MACH_CFG_NONE)
            move(p, f, b, on ? address : 0);
    }
}

/* ---- accesses that exit ---- */

// ECAM: bus, device, function and register are in the address (PCI Express Base Specification, 7.2.2).
void pci_config_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write)
{
    struct pci *p = opaque;
    uint32_t where = offset & 0xfff, value = 0;
    struct function *f = offset >> 20 || offset >> 12 & 7 ? NULL : &p->slot[offset >> 15 & (SLOTS - 1)];
    if (!f || f->device == MACH_CFG_NONE || size > 4) {
        if (!write)
            memset(data, 0xff, size); // no such function
        return;
    }
    pthread_mutex_lock(&p->lock);
    if (write) {
        memcpy(&value, data, size);
        mach_pci_write(p->vmm->session, f->device, where, size, value);
        if (where == PCI_COMMAND || (where >= PCI_BASE_ADDRESS_0 && where <= PCI_BASE_ADDRESS_5))
            follow(p, f);
    } else {
        value = get(p, f, where, size);
        memcpy(data, &value, size);
    }
    pthread_mutex_unlock(&p->lock);
}

// Accesses to BARs that cannot be mapped; no other address responds.
void pci_window_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write)
{
    struct pci *p = opaque;
    uint64_t address = p->window + offset;
    int r = -ENXIO;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < SLOTS * BARS && r == -ENXIO; i++) {
        const struct bar *b = &p->slot[i / BARS].bar[i % BARS];
        if (!b->address || address < b->address || address - b->address >= b->size)
            continue;
        r = write ? mach_region_write(p->vmm->session, b->region, address - b->address, data, size)
                  : mach_region_read(p->vmm->session, b->region, address - b->address, data, size);
    }
    pthread_mutex_unlock(&p->lock);
    if (r && !write)
        memset(data, 0xff, size);
}
