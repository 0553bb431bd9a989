// SPDX-License-Identifier: MIT
// KVM: memory slots, the kvm-vfio device, interrupt controllers, irqfds.
#include "fake.h"

#include "uapi/kvm.h"
#include "uapi/kvm_attrs.h"

#include <errno.h>

int fake_vm(struct fake *k)
{
    k->vm = fake_fd(k, 'v', 0);
    return k->vm;
}

#ifdef MACHRT_HAVE_KVM
static struct fake_file *kvm_device(struct fake *k, bool vfio)
{
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].kind == 'k' && (k->file[i].type == KVM_DEV_TYPE_VFIO) == vfio)
            return &k->file[i];
    return NULL;
}

static int device_attr(struct fake *k, int fd, const struct kvm_device_attr *a)
{
    struct fake_file *f = &k->file[fd];
    if (f->type == KVM_DEV_TYPE_VFIO) {
        int file = *(const int32_t *)(uintptr_t)a->addr;
        if (file < 0 || !k->file[file].open || (k->file[file].kind != 'g' && k->file[file].kind != 'd'))
            return -EINVAL;
        bool add = a->attr == KVM_DEV_VFIO_GROUP_ADD;
        if (k->file[file].initialised == add)
            return add ? -EEXIST : -ENOENT;
        k->file[file].initialised = add;
        return 0;
    }
    if (f->type == KVM_DEV_TYPE_FSL_MPIC_42)
        return 0;
    if (f->type == AIA_TYPE)
        return fake_aia_attr(k, f, a);
    if (f->initialised)
        return -EBUSY;
    if (a->group == VGIC_GRP_NR_IRQS) {
        uint32_t n = *(const uint32_t *)(uintptr_t)a->addr;
        return n % 32 || n < 64 || n > 992 ? -EINVAL : 0;
    }
    f->initialised = a->group == VGIC_GRP_CTRL && a->attr == VGIC_CTRL_INIT;
    return 0;
}

static int irqfd(struct fake *k, const struct kvm_irqfd *x)
{
    const struct fake_file *chip = kvm_device(k, false);
    if ((int)x->fd < 0 || !k->file[x->fd].open || k->file[x->fd].kind != 'e')
        return -EBADF;
    if (x->flags & KVM_IRQFD_FLAG_DEASSIGN) {
        if (!k->file[x->fd].has_irqfd)
            fake_wrong(k, "an irqfd is removed that is not there");
        k->file[x->fd].has_irqfd = false;
        k->irqfds--;
        return 0;
    }
    if (chip && chip->type != KVM_DEV_TYPE_FSL_MPIC_42 && !chip->initialised)
        return -EAGAIN;
    if (chip && chip->type == KVM_DEV_TYPE_FSL_MPIC_42 && !k->routes)
        fake_wrong(k, "an irqfd without a route");
    if (chip && chip->type == AIA_TYPE && x->flags & KVM_IRQFD_FLAG_RESAMPLE)
        fake_wrong(k, "GSI %u waits for an acknowledgement that KVM's AIA never gives", x->gsi);
    if (k->file[x->fd].has_irqfd)
        return -EBUSY;
    if (x->flags & KVM_IRQFD_FLAG_RESAMPLE && !k->file[x->resamplefd].open)
        return -EBADF;
    k->file[x->fd].has_irqfd = true;
    k->irqfds++;
    return 0;
}

// virt/kvm/kvm_main.c, __kvm_set_memory_region(): slots do not overlap, and one that is there keeps its size.
static int set_slot(struct fake *k, const struct kvm_userspace_memory_region *m)
{
    for (uint32_t i = 0; i < k->slots; i++) {
        struct fake_slot *s = &k->slot[i];
        if (s->slot == m->slot && !m->memory_size) {
            *s = k->slot[--k->slots];
            return 0;
        }
        if (s->slot == m->slot)
            return -EINVAL;
        if (m->memory_size && m->guest_phys_addr < s->address + s->size &&
            s->address < m->guest_phys_addr + m->memory_size)
            return -EEXIST;
    }
    if (!m->memory_size || k->slots == FAKE_SLOTS)
        return -EINVAL;
    k->slot[k->slots++] = (struct fake_slot){m->slot, m->guest_phys_addr, m->memory_size};
    return 0;
}

int fake_kvm_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    if (k->file[fd].kind == 'k' && request == KVM_SET_DEVICE_ATTR)
        return device_attr(k, fd, arg);
    if (request == KVM_CHECK_EXTENSION)
        return 1;
    if (request == KVM_CREATE_VM)
        return fake_fd(k, 'v', 0);
    if (request == KVM_CREATE_DEVICE) {
        struct kvm_create_device *c = arg;
        if (c->flags & KVM_CREATE_DEVICE_TEST)
            return c->type == k->no_kvm ? -ENODEV : 0;
        if (kvm_device(k, c->type == KVM_DEV_TYPE_VFIO))
            return -EBUSY;
        if (c->type == AIA_TYPE && !k->aia.max_ids)
            return -ENODEV;
        int r = fake_fd(k, 'k', 0);
        if (r < 0)
            return r;
        if (c->type == AIA_TYPE)
            fake_aia_new(&k->aia);
        k->file[r].type = c->type;
        c->fd = (uint32_t)r;
        return 0;
    }
    if (request == KVM_CREATE_IRQCHIP)
        return 0;
    if (request == KVM_SET_USER_MEMORY_REGION) {
        const struct kvm_userspace_memory_region *m = arg;
        if (m->guest_phys_addr % k->page || m->memory_size % k->page || m->userspace_addr % k->page)
            return -EINVAL;
        return set_slot(k, m);
    }
    if (request == KVM_SET_GSI_ROUTING) {
        k->routes++;
        return 0;
    }
    if (request == KVM_IRQFD)
        return irqfd(k, arg);
    fake_wrong(k, "request 0x%lx of KVM", request);
    return -ENOTTY;
}
#else
int fake_kvm_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    (void)fd;
    (void)arg;
    fake_wrong(k, "request 0x%lx of a KVM that this architecture does not have", request);
    return -ENOTTY;
}
#endif
