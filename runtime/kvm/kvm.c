// SPDX-License-Identifier: MIT
// `ops` for KVM (Documentation/virt/kvm/api.rst, devices/vfio.rst). What KVM cannot do is passed on to the VMM's own
// ops.
#include "uapi/kvm.h"

#ifdef MACHRT_HAVE_KVM
#include "base/error.h"
#include "kvm/chips.h"

#include <errno.h>
#include <stdbool.h>

// KVM_DEV_VFIO_FILE* have these numbers; headers before 6.2 know them as GROUP only (a device file is meant too).
enum { VFIO_FILE = KVM_DEV_VFIO_GROUP, VFIO_FILE_ADD = KVM_DEV_VFIO_GROUP_ADD, VFIO_FILE_DEL = KVM_DEV_VFIO_GROUP_DEL };

static const struct mach_sys *sys_of_kvm(const struct mach_kvm *k)
{
    return k->sys ? k->sys : mach_sys_linux();
}

// The VMM's own function for a step; NULL: it has none, or was compiled with an older header that knows none.
#define OWN(k, member)                                                                                                 \
    ((k)->own && (k)->own->size >= MACHRT_SIZE_UP_TO(struct mach_ops, member) ? (k)->own->member : NULL)

// What the VMM's own function returns; -ENOSYS: it leaves the step to KVM.
#define ASK_OWN(k, member, ...) (OWN(k, member) ? (k)->own->member((k)->own_opaque, __VA_ARGS__) : -ENOSYS)

static int vm_ioctl(const struct mach_kvm *k, unsigned long request, void *arg)
{
    const struct mach_sys *sys = sys_of_kvm(k);
    return sys->ioctl(sys->opaque, k->vm, request, arg);
}

static const struct kvm_chip *find_chip(const struct mach_cfg_file *f, uint32_t chip)
{
    return machrt_find_kvm_chip(mach_cfg_string(f, mach_cfg_irqchip_kvm(mach_cfg_record(f, MACH_CFG_S_IRQCHIP, chip))));
}

static int kvm_prepare(void *opaque, const struct mach_cfg_file *f, const char **why)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    struct mach_kvm kvm;
    struct mach_ops own;
    struct mach_sys sys;
    int r = machrt_copy_struct(&kvm, sizeof kvm, MACHRT_SIZE_UP_TO(struct mach_kvm, files), k);
    *why = "struct mach_kvm has the wrong `size`, or members that this version of libmachrt does not know";
    if (r)
        return r;
    *why = "mach_kvm.own has the wrong `size`, or members that this version of libmachrt does not know";
    r = k->own ? machrt_copy_struct(&own, sizeof own, MACHRT_SIZE_UP_TO(struct mach_ops, disconnect), k->own) : 0;
    if (r)
        return r;
    *why = "mach_kvm.sys has the wrong `size`, or members that this version of libmachrt does not know";
    r = k->sys ? machrt_copy_struct(&sys, sizeof sys, MACHRT_SIZE_UP_TO(struct mach_sys, io_uring_register), k->sys)
               : 0;
    if (r)
        return r;
    *why = NULL;
    return OWN(k, prepare) ? k->own->prepare(k->own_opaque, f, why) : 0;
}

// KVM has one controller, so that few bits are enough.
static bool is_own_chip(const struct mach_kvm *k, uint32_t chip)
{
    return chip < 64 && k->size >= MACHRT_SIZE_UP_TO(struct mach_kvm, own_chips) && k->own_chips >> chip & 1;
}

static void set_own_chip(struct mach_kvm *k, uint32_t chip, bool own)
{
    if (chip < 64 && k->size >= MACHRT_SIZE_UP_TO(struct mach_kvm, own_chips))
        k->own_chips = (k->own_chips & ~(UINT64_C(1) << chip)) | (uint64_t)own << chip;
}

static int kvm_irqchip(void *opaque, const struct mach_cfg_file *f, uint32_t chip)
{
    struct mach_kvm *k = (struct mach_kvm *)opaque;
    const struct kvm_chip *c = find_chip(f, chip);
    int r = ASK_OWN(k, irqchip, f, chip);
    if (!r && c)
        set_own_chip(k, chip, true);
    if (r != -ENOSYS)
        return r;
    if (!c || k->has_irqchip)
        return 0;
    return machrt_make_kvm_chip(c, sys_of_kvm(k), k->vm, f, mach_cfg_record(f, MACH_CFG_S_IRQCHIP, chip), &k->irqchip);
}

static void kvm_irqchip_undo(void *opaque, const struct mach_cfg_file *f, uint32_t chip)
{
    struct mach_kvm *k = (struct mach_kvm *)opaque;
    if (!find_chip(f, chip) || is_own_chip(k, chip)) {
        if (OWN(k, irqchip_undo))
            k->own->irqchip_undo(k->own_opaque, f, chip);
        set_own_chip(k, chip, false);
        return;
    }
    if (k->irqchip > 0)
        sys_of_kvm(k)->close(sys_of_kvm(k)->opaque, k->irqchip);
    k->irqchip = -1;
}

static int kvm_routes(void *opaque, const struct mach_cfg_file *f)
{
    struct mach_kvm *k = (struct mach_kvm *)opaque;
    int r = ASK_OWN(k, routes, f);
    if (r != -ENOSYS)
        return r;
    r = 0;
    for (uint32_t i = 0; !r && i < mach_cfg_count(f, MACH_CFG_S_IRQCHIP); i++) {
        const struct kvm_chip *c = find_chip(f, i);
        r = c && c->routed ? machrt_route_kvm_chip(sys_of_kvm(k), k->vm, f, i) : 0;
    }
    return r;
}

/* ---- memory ---- */

static int set_slot(const struct mach_kvm *k, const struct mach_place *p, uint64_t size)
{
    struct kvm_userspace_memory_region r = {
        .slot = k->first_slot + p->slot,
        .flags = p->readonly ? (uint32_t)KVM_MEM_READONLY : 0,
        .guest_phys_addr = p->address,
        .memory_size = size,
        .userspace_addr = (uintptr_t)p->at,
    };
    return vm_ioctl(k, KVM_SET_USER_MEMORY_REGION, &r);
}

static int kvm_place(void *opaque, const struct mach_place *p)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    int r = ASK_OWN(k, place, p);
    ((struct mach_place *)p)->own = !r; // the struct is the session's
    return r == -ENOSYS ? set_slot(k, p, p->size) : r;
}

static void kvm_place_undo(void *opaque, const struct mach_place *p)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    if (!p->own)
        set_slot(k, p, 0);
    else if (OWN(k, place_undo))
        k->own->place_undo(k->own_opaque, p);
}

/* ---- VFIO files ---- */

static int own_vfio(const struct mach_kvm *k)
{
    return k->size >= MACHRT_SIZE_UP_TO(struct mach_kvm, own_vfio) ? k->own_vfio : 0;
}

static int set_file_attr(const struct mach_kvm *k, uint64_t attr, int fd)
{
    int32_t file = fd;
    struct kvm_device_attr a = {.group = VFIO_FILE, .attr = attr, .addr = (uintptr_t)&file};
    const struct mach_sys *sys = sys_of_kvm(k);
    return sys->ioctl(sys->opaque, own_vfio(k) > 0 ? own_vfio(k) : k->vfio, KVM_SET_DEVICE_ATTR, &a);
}

static void close_vfio(struct mach_kvm *k)
{
    if (k->vfio > 0)
        sys_of_kvm(k)->close(sys_of_kvm(k)->opaque, k->vfio);
    k->vfio = -1;
}

static int kvm_device_file(void *opaque, int fd)
{
    struct mach_kvm *k = (struct mach_kvm *)opaque;
    int r = ASK_OWN(k, device_file, fd);
    if (r != -ENOSYS)
        return r;
    if (k->vfio <= 0 && own_vfio(k) <= 0) {
        struct kvm_create_device c = {.type = KVM_DEV_TYPE_VFIO};
        r = vm_ioctl(k, KVM_CREATE_DEVICE, &c);
        if (r)
            return r;
        k->vfio = (int)c.fd;
    }
    r = set_file_attr(k, VFIO_FILE_ADD, fd);
    if (!r)
        k->files++;
    else if (!k->files)
        close_vfio(k);
    return r;
}

static void kvm_device_file_undo(void *opaque, int fd)
{
    struct mach_kvm *k = (struct mach_kvm *)opaque;
    if (!k->files) {
        if (OWN(k, device_file_undo))
            k->own->device_file_undo(k->own_opaque, fd);
        return;
    }
    set_file_attr(k, VFIO_FILE_DEL, fd);
    if (!--k->files)
        close_vfio(k);
}

/* ---- interrupts ---- */

static int set_irqfd(const struct mach_kvm *k, const struct mach_link *l, uint32_t flags)
{
    struct kvm_irqfd x = {.fd = (uint32_t)l->fd, .gsi = l->gsi, .flags = flags};
    if (flags & KVM_IRQFD_FLAG_RESAMPLE)
        x.resamplefd = (uint32_t)l->unmask_fd;
    return vm_ioctl(k, KVM_IRQFD, &x);
}

static int kvm_connect(void *opaque, const struct mach_link *l)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    int r = ASK_OWN(k, connect, l);
    ((struct mach_link *)l)->own = !r; // the struct is the session's
    if (r != -ENOSYS || l->gsi == MACH_CFG_NONE)
        return r;
    return set_irqfd(k, l, l->unmask_fd >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0);
}

static void kvm_disconnect(void *opaque, const struct mach_link *l)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    if (!l->own)
        set_irqfd(k, l, KVM_IRQFD_FLAG_DEASSIGN);
    else if (OWN(k, disconnect))
        k->own->disconnect(k->own_opaque, l);
}

/* ---- passed on ---- */

static int kvm_emulated(void *opaque, const struct mach_cfg_file *f, uint32_t device)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    return ASK_OWN(k, emulated, f, device);
}

static void kvm_emulated_undo(void *opaque, const struct mach_cfg_file *f, uint32_t device)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    if (OWN(k, emulated_undo))
        k->own->emulated_undo(k->own_opaque, f, device);
}

static int kvm_memory(void *opaque, struct mach_memory *m)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    return ASK_OWN(k, memory, m);
}

static int kvm_trap(void *opaque, struct mach_session *session, const struct mach_trap *t)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    return ASK_OWN(k, trap, session, t);
}

static void kvm_trap_undo(void *opaque, struct mach_session *session, const struct mach_trap *t)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    if (OWN(k, trap_undo))
        k->own->trap_undo(k->own_opaque, session, t);
}

static int kvm_irq_source(void *opaque, const struct mach_cfg_file *f, uint32_t irq, int *fd)
{
    const struct mach_kvm *k = (const struct mach_kvm *)opaque;
    return ASK_OWN(k, irq_source, f, irq, fd);
}

const struct mach_ops *mach_kvm_ops(void)
{
    static const struct mach_ops ops = {
        .size = sizeof ops,
        .prepare = kvm_prepare,
        .irqchip = kvm_irqchip,
        .irqchip_undo = kvm_irqchip_undo,
        .routes = kvm_routes,
        .emulated = kvm_emulated,
        .emulated_undo = kvm_emulated_undo,
        .memory = kvm_memory,
        .device_file = kvm_device_file,
        .device_file_undo = kvm_device_file_undo,
        .place = kvm_place,
        .place_undo = kvm_place_undo,
        .trap = kvm_trap,
        .trap_undo = kvm_trap_undo,
        .irq_source = kvm_irq_source,
        .connect = kvm_connect,
        .disconnect = kvm_disconnect,
    };
    return &ops;
}
#endif
