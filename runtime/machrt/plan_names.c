// SPDX-License-Identifier: MIT
// Prints flags and ioctls in words, for `machrt plan`: every value that is passed.
#include "plan_names.h"

#include "command.h"

#include "uapi/iommufd.h"
#include "uapi/kvm.h"
#include "uapi/pamu.h"
#ifdef MACHRT_HAVE_KVM
#include "uapi/kvm_attrs.h"
#endif

#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define HEX(x) (uint64_t)(x)

struct flag {
    uint32_t bit;
    const char *name;
};

// Flags as a C programmer would write them; bits without a name as a number. `none` stands for no flag at all.
static const char *print_flags(char to[static WORDS], uint32_t flags, const struct flag *list, const char *none)
{
    size_t n = 0;
    *to = '\0';
    for (; list->bit; list++) {
        if (!(flags & list->bit))
            continue;
        n += (size_t)snprintf(to + n, WORDS - n, "%s%s", n ? "|" : "", list->name);
        flags &= ~list->bit;
    }
    if (flags)
        snprintf(to + n, WORDS - n, "%s0x%x", n ? "|" : "", flags);
    else if (!n)
        snprintf(to, WORDS, "%s", none);
    return to;
}

const char *print_open_flags(char to[static WORDS], int flags)
{
    static const struct flag list[] = {{O_NONBLOCK, "O_NONBLOCK"}, {O_SYNC, "O_SYNC"}, {O_EXCL, "O_EXCL"}, {0}};
    static const char *const access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    char more[WORDS];
    uint32_t rest = (uint32_t)flags & ~(uint32_t)(O_ACCMODE | O_CLOEXEC);
    int n = snprintf(to, WORDS, "%s", access[flags & O_ACCMODE]);
    if (rest)
        snprintf(to + n, WORDS - (size_t)n, "|%.80s", print_flags(more, rest, list, ""));
    return to;
}

const char *print_mmap_prot(char to[static WORDS], int prot)
{
    static const struct flag list[] = {
        {PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}, {0}};
    return print_flags(to, (uint32_t)prot, list, "PROT_NONE");
}

const char *print_mmap_flags(char to[static WORDS], int flags)
{
    static const struct flag list[] = {{MAP_SHARED, "MAP_SHARED"},
                                       {MAP_PRIVATE, "MAP_PRIVATE"},
                                       {MAP_FIXED, "MAP_FIXED"},
                                       {MAP_ANONYMOUS, "MAP_ANONYMOUS"},
                                       {MAP_NORESERVE, "MAP_NORESERVE"},
                                       {MAP_POPULATE, "MAP_POPULATE"},
                                       {0}};
    return print_flags(to, (uint32_t)flags, list, "0");
}

const char *print_memfd_flags(char to[static WORDS], unsigned flags)
{
    enum { HUGE_SHIFT = 26 }; // MFD_HUGE_SHIFT, linux/memfd.h: the logarithm of the size of huge pages
    static const struct flag list[] = {
        {MFD_CLOEXEC, "MFD_CLOEXEC"}, {MFD_ALLOW_SEALING, "MFD_ALLOW_SEALING"}, {MFD_HUGETLB, "MFD_HUGETLB"}, {0}};
    char names[WORDS];
    print_flags(names, flags & ((1U << HUGE_SHIFT) - 1), list, "0");
    snprintf(to, WORDS, flags >> HUGE_SHIFT ? "%.80s|%u<<MFD_HUGE_SHIFT" : "%.80s", names, flags >> HUGE_SHIFT);
    return to;
}

static void print_prot(const struct words *w, uint32_t flags, uint32_t read, uint32_t write)
{
    fputs(flags & read ? "READ" : "", w->out);
    fputs(flags & read && flags & write ? "|" : "", w->out);
    fputs(flags & write ? "WRITE" : "", w->out);
}

static void print_nothing(const struct words *w, const void *arg)
{
    (void)w;
    (void)arg;
}

static void print_number(const struct words *w, const void *arg)
{
    fprintf(w->out, ", %u", (unsigned)(uintptr_t)arg);
}

static void print_fd(const struct words *w, int fd)
{
    fprintf(w->out, fd < 0 ? "%d" : "%d<%s>", fd, fd < 0 ? "" : w->name_of(w->opaque, fd));
}

static void print_container(const struct words *w, const void *arg)
{
    fputs(", &", w->out);
    print_fd(w, *(const int *)arg);
}

static void print_name(const struct words *w, const void *arg)
{
    say(w->out, ", \"%s\"", (const char *)arg);
}

static void print_map_dma(const struct words *w, const void *arg)
{
    const struct vfio_iommu_type1_dma_map *m = (const struct vfio_iommu_type1_dma_map *)arg;
    fputs(", {flags=", w->out);
    print_prot(w, m->flags, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE);
    fprintf(w->out, ", vaddr=0x%" PRIx64 ", iova=0x%" PRIx64 ", size=0x%" PRIx64 "}", HEX(m->vaddr), HEX(m->iova),
            HEX(m->size));
}

static void print_unmap_dma(const struct words *w, const void *arg)
{
    const struct vfio_iommu_type1_dma_unmap *m = (const struct vfio_iommu_type1_dma_unmap *)arg;
    fprintf(w->out, ", {iova=0x%" PRIx64 ", size=0x%" PRIx64 "}", HEX(m->iova), HEX(m->size));
}

static void print_region(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {index=%u}", ((const struct vfio_region_info *)arg)->index);
}

static void print_irq_info(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {index=%u}", ((const struct vfio_irq_info *)arg)->index);
}

static void print_set_irqs(const struct words *w, const void *arg)
{
    const struct vfio_irq_set *s = (const struct vfio_irq_set *)arg;
    fprintf(w->out, ", {flags=%s|%s, index=%u, start=%u, count=%u",
            s->flags & VFIO_IRQ_SET_DATA_EVENTFD ? "DATA_EVENTFD" : "DATA_NONE",
            s->flags & VFIO_IRQ_SET_ACTION_TRIGGER ? "ACTION_TRIGGER" : "ACTION_UNMASK", s->index, s->start, s->count);
    for (uint32_t i = 0; s->flags & VFIO_IRQ_SET_DATA_EVENTFD && i < s->count; i++) {
        int32_t fd;
        memcpy(&fd, s->data + i * sizeof fd, sizeof fd);
        fputs(i ? ", " : ", data=", w->out);
        print_fd(w, fd);
    }
    fputs("}", w->out);
}

static void print_bind(const struct words *w, const void *arg)
{
    fputs(", {iommufd=", w->out);
    print_fd(w, ((const struct iommufd_bind *)arg)->iommufd);
    fputs("}", w->out);
}

static void print_attach(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {pt_id=%u}", ((const struct iommufd_attach *)arg)->pt_id);
}

static void print_ranges(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {ioas_id=%u}", ((const struct iommufd_iova_ranges *)arg)->ioas_id);
}

static void print_ioas_map(const struct words *w, const void *arg)
{
    const struct iommufd_ioas_map *m = (const struct iommufd_ioas_map *)arg;
    fputs(", {flags=FIXED_IOVA|", w->out);
    print_prot(w, m->flags, IOMMUFD_MAP_READ, IOMMUFD_MAP_WRITE);
    fprintf(w->out, ", ioas_id=%u, user_va=0x%" PRIx64 ", length=0x%" PRIx64 ", iova=0x%" PRIx64 "}", m->ioas_id,
            HEX(m->user_va), HEX(m->length), HEX(m->iova));
}

static void print_ioas_unmap(const struct words *w, const void *arg)
{
    const struct iommufd_ioas_unmap *m = (const struct iommufd_ioas_unmap *)arg;
    fprintf(w->out, ", {ioas_id=%u, iova=0x%" PRIx64 ", length=0x%" PRIx64 "}", m->ioas_id, HEX(m->iova),
            HEX(m->length));
}

static void print_pamu_attr(const struct words *w, const void *arg)
{
    const struct pamu_attr *a = (const struct pamu_attr *)arg;
    if (a->attribute == PAMU_ATTR_GEOMETRY)
        fprintf(w->out, ", {GEOMETRY, 0x%" PRIx64 ", 0x%" PRIx64 "}", HEX(a->u.geometry.start), HEX(a->u.geometry.end));
    else if (a->attribute == PAMU_ATTR_WINDOWS)
        fprintf(w->out, ", {WINDOWS, %u}", a->u.windows);
    else
        fprintf(w->out, ", {STASH, cpu=%u, cache=%u}", a->u.stash.cpu, a->u.stash.cache);
}

static void print_pamu_bank(const struct words *w, const void *arg)
{
    const struct pamu_msi_map *m = (const struct pamu_msi_map *)arg;
    fprintf(w->out, ", {bank=%u, iova=0x%" PRIx64 "}", m->bank, HEX(m->iova));
}

static void print_pamu_unbank(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {iova=0x%" PRIx64 "}", HEX(((const struct pamu_msi_unmap *)arg)->iova));
}

#ifdef MACHRT_HAVE_KVM
static void print_create_device(const struct words *w, const void *arg)
{
    fprintf(w->out, ", {type=%u}", ((const struct kvm_create_device *)arg)->type);
}

// How many bytes a KVM device's attribute has: addresses have 64 bits, all else is a number of 32, or nothing.
static size_t attr_size(uint32_t type, const struct kvm_device_attr *a)
{
    if (!a->addr)
        return 0;
    bool vgic = type == KVM_DEV_TYPE_ARM_VGIC_V2 || type == KVM_DEV_TYPE_ARM_VGIC_V3;
    bool mpic = type == KVM_DEV_TYPE_FSL_MPIC_20 || type == KVM_DEV_TYPE_FSL_MPIC_42;
    return mpic || (vgic && a->group == VGIC_GRP_ADDR) || (type == AIA_TYPE && a->group == AIA_GRP_ADDR) ? 8 : 4;
}

static void print_device_attr(const struct words *w, const void *arg)
{
    const struct kvm_device_attr *a = (const struct kvm_device_attr *)arg;
    size_t size = attr_size(w->type, a);
    fprintf(w->out, ", {group=%u, attr=%u", a->group, (unsigned)a->attr);
    if (size)
        fputs(w->type == KVM_DEV_TYPE_VFIO ? ", file=" : ", value=", w->out);
    if (size && w->type == KVM_DEV_TYPE_VFIO)
        print_fd(w, *(const int32_t *)(uintptr_t)a->addr);
    else if (size)
        fprintf(w->out, "0x%" PRIx64,
                size == 8 ? *(const uint64_t *)(uintptr_t)a->addr : *(const uint32_t *)(uintptr_t)a->addr);
    fputs("}", w->out);
}

static void print_slot(const struct words *w, const void *arg)
{
    const struct kvm_userspace_memory_region *m = (const struct kvm_userspace_memory_region *)arg;
    fprintf(w->out,
            ", {slot=%u, flags=%s, guest_phys_addr=0x%" PRIx64 ", memory_size=0x%" PRIx64 ", userspace_addr=0x%" PRIx64
            "}",
            m->slot, m->flags & KVM_MEM_READONLY ? "READONLY" : "0", HEX(m->guest_phys_addr), HEX(m->memory_size),
            HEX(m->userspace_addr));
}

static void print_irqfd(const struct words *w, const void *arg)
{
    const struct kvm_irqfd *q = (const struct kvm_irqfd *)arg;
    fputs(", {fd=", w->out);
    print_fd(w, (int)q->fd);
    fprintf(w->out, ", gsi=%u", q->gsi);
    if (q->flags & KVM_IRQFD_FLAG_RESAMPLE) {
        fputs(", flags=RESAMPLE, resamplefd=", w->out);
        print_fd(w, (int)q->resamplefd);
    }
    fputs(q->flags & KVM_IRQFD_FLAG_DEASSIGN ? ", flags=DEASSIGN}" : "}", w->out);
}

static void print_routing(const struct words *w, const void *arg)
{
    const struct kvm_irq_routing *r = (const struct kvm_irq_routing *)arg;
    fprintf(w->out, ", {nr=%u", r->nr);
    for (uint32_t i = 0; i < r->nr; i++)
        fprintf(w->out, ", {gsi=%u, irqchip=%u, pin=%u}", r->entries[i].gsi, r->entries[i].u.irqchip.irqchip,
                r->entries[i].u.irqchip.pin);
    fputs("}", w->out);
}
#endif

static void print_tce(const struct words *w, const void *arg)
{
    const struct vfio_iommu_spapr_tce_create *t = (const struct vfio_iommu_spapr_tce_create *)arg;
    fprintf(w->out, ", {page_shift=%u, window_size=0x%" PRIx64 ", levels=%u}", t->page_shift, HEX(t->window_size),
            t->levels);
}

static void print_register(const struct words *w, const void *arg)
{
    const struct vfio_iommu_spapr_register_memory *m = (const struct vfio_iommu_spapr_register_memory *)arg;
    fprintf(w->out, ", {vaddr=0x%" PRIx64 ", size=0x%" PRIx64 "}", HEX(m->vaddr), HEX(m->size));
}

static void print_remove(const struct words *w, const void *arg)
{
    const struct vfio_iommu_spapr_tce_remove *t = (const struct vfio_iommu_spapr_tce_remove *)arg;
    fprintf(w->out, ", {start_addr=0x%" PRIx64 "}", HEX(t->start_addr));
}

// The same number means different requests for different files: 'c' container, 'p' one of a PAMU, 's' of sPAPR, 'g'
// group, 'd' device, 'i' iommufd, 'v' VM, 'k' a device of KVM's.
static const struct {
    char kind;
    unsigned long request;
    const char *name;
    void (*print)(const struct words *w, const void *arg);
} requests[] = {
    {'c', VFIO_GET_API_VERSION, "VFIO_GET_API_VERSION", print_nothing},
    {'c', VFIO_CHECK_EXTENSION, "VFIO_CHECK_EXTENSION", print_number},
    {'c', VFIO_SET_IOMMU, "VFIO_SET_IOMMU", print_number},
    {'c', VFIO_IOMMU_MAP_DMA, "VFIO_IOMMU_MAP_DMA", print_map_dma},
    {'c', VFIO_IOMMU_UNMAP_DMA, "VFIO_IOMMU_UNMAP_DMA", print_unmap_dma},
    {'s', VFIO_IOMMU_SPAPR_TCE_GET_INFO, "VFIO_IOMMU_SPAPR_TCE_GET_INFO", print_nothing},
    {'s', VFIO_IOMMU_SPAPR_TCE_REMOVE, "VFIO_IOMMU_SPAPR_TCE_REMOVE", print_remove},
    {'s', VFIO_IOMMU_SPAPR_TCE_CREATE, "VFIO_IOMMU_SPAPR_TCE_CREATE", print_tce},
    {'s', VFIO_IOMMU_SPAPR_REGISTER_MEMORY, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY", print_register},
    {'s', VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY", print_register},
    {'p', PAMU_GET_ATTR, "VFIO_IOMMU_PAMU_GET_ATTR", print_pamu_attr},
    {'p', PAMU_SET_ATTR, "VFIO_IOMMU_PAMU_SET_ATTR", print_pamu_attr},
    {'p', PAMU_GET_MSI_BANK_COUNT, "VFIO_IOMMU_PAMU_GET_MSI_BANK_COUNT", print_nothing},
    {'p', PAMU_MAP_MSI_BANK, "VFIO_IOMMU_PAMU_MAP_MSI_BANK", print_pamu_bank},
    {'p', PAMU_UNMAP_MSI_BANK, "VFIO_IOMMU_PAMU_UNMAP_MSI_BANK", print_pamu_unbank},
    {'c', VFIO_IOMMU_GET_INFO, "VFIO_IOMMU_GET_INFO", print_nothing},
    {'g', VFIO_GROUP_SET_CONTAINER, "VFIO_GROUP_SET_CONTAINER", print_container},
    {'g', VFIO_GROUP_GET_DEVICE_FD, "VFIO_GROUP_GET_DEVICE_FD", print_name},
    {'d', VFIO_DEVICE_GET_INFO, "VFIO_DEVICE_GET_INFO", print_nothing},
    {'d', VFIO_DEVICE_GET_REGION_INFO, "VFIO_DEVICE_GET_REGION_INFO", print_region},
    {'d', VFIO_DEVICE_GET_IRQ_INFO, "VFIO_DEVICE_GET_IRQ_INFO", print_irq_info},
    {'d', VFIO_DEVICE_SET_IRQS, "VFIO_DEVICE_SET_IRQS", print_set_irqs},
    {'d', VFIO_DEVICE_RESET, "VFIO_DEVICE_RESET", print_nothing},
    {'d', IOMMUFD_BIND, "VFIO_DEVICE_BIND_IOMMUFD", print_bind},
    {'d', IOMMUFD_ATTACH, "VFIO_DEVICE_ATTACH_IOMMUFD_PT", print_attach},
    {'i', IOMMUFD_IOAS_ALLOC, "IOMMU_IOAS_ALLOC", print_nothing},
    {'i', IOMMUFD_IOVA_RANGES, "IOMMU_IOAS_IOVA_RANGES", print_ranges},
    {'i', IOMMUFD_IOAS_MAP, "IOMMU_IOAS_MAP", print_ioas_map},
    {'i', IOMMUFD_IOAS_UNMAP, "IOMMU_IOAS_UNMAP", print_ioas_unmap},
#ifdef MACHRT_HAVE_KVM
    {'v', KVM_CREATE_DEVICE, "KVM_CREATE_DEVICE", print_create_device},
    {'v', KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP", print_nothing},
    {'v', KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", print_slot},
    {'v', KVM_SET_GSI_ROUTING, "KVM_SET_GSI_ROUTING", print_routing},
    {'v', KVM_IRQFD, "KVM_IRQFD", print_irqfd},
    {'k', KVM_SET_DEVICE_ATTR, "KVM_SET_DEVICE_ATTR", print_device_attr},
#endif
};

void print_ioctl(const struct words *w, char kind, int fd, unsigned long request, const void *arg)
{
    bool container = kind == 'p' || kind == 's';
    fputs("ioctl(", w->out);
    print_fd(w, fd);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].request != request || (requests[i].kind != kind && !(container && requests[i].kind == 'c')))
            continue;
        fprintf(w->out, ", %s", requests[i].name);
        requests[i].print(w, arg);
        fputs(")", w->out);
        return;
    }
    fprintf(w->out, ", 0x%lx)", request);
}
