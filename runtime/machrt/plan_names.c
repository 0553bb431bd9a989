// SPDX-License-Identifier: MIT
// Prints ioctls in words, for `machrt plan`.
#include "command.h"

#include "uapi/iommufd.h"
#include "uapi/kvm.h"
#include "uapi/pamu.h"

#include <inttypes.h>
#include <linux/vfio.h>

#define HEX(x) (uint64_t)(x)

static void print_prot(FILE *out, uint32_t flags, uint32_t read, uint32_t write)
{
    fputs(flags & read ? "READ" : "", out);
    fputs(flags & read && flags & write ? "|" : "", out);
    fputs(flags & write ? "WRITE" : "", out);
}

static void print_nothing(FILE *out, const void *arg)
{
    (void)out;
    (void)arg;
}

static void print_number(FILE *out, const void *arg)
{
    fprintf(out, ", %u", (unsigned)(uintptr_t)arg);
}

static void print_fd(FILE *out, const void *arg)
{
    fprintf(out, ", &%d", *(const int *)arg);
}

static void print_name(FILE *out, const void *arg)
{
    say(out, ", \"%s\"", (const char *)arg);
}

static void print_map_dma(FILE *out, const void *arg)
{
    const struct vfio_iommu_type1_dma_map *m = (const struct vfio_iommu_type1_dma_map *)arg;
    fputs(", {flags=", out);
    print_prot(out, m->flags, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE);
    fprintf(out, ", vaddr=0x%" PRIx64 ", iova=0x%" PRIx64 ", size=0x%" PRIx64 "}", HEX(m->vaddr), HEX(m->iova),
            HEX(m->size));
}

static void print_unmap_dma(FILE *out, const void *arg)
{
    const struct vfio_iommu_type1_dma_unmap *m = (const struct vfio_iommu_type1_dma_unmap *)arg;
    fprintf(out, ", {iova=0x%" PRIx64 ", size=0x%" PRIx64 "}", HEX(m->iova), HEX(m->size));
}

static void print_region(FILE *out, const void *arg)
{
    fprintf(out, ", {index=%u}", ((const struct vfio_region_info *)arg)->index);
}

static void print_irq_info(FILE *out, const void *arg)
{
    fprintf(out, ", {index=%u}", ((const struct vfio_irq_info *)arg)->index);
}

static void print_set_irqs(FILE *out, const void *arg)
{
    const struct vfio_irq_set *s = (const struct vfio_irq_set *)arg;
    fprintf(out, ", {flags=%s|%s, index=%u, start=%u, count=%u",
            s->flags & VFIO_IRQ_SET_DATA_EVENTFD ? "DATA_EVENTFD" : "DATA_NONE",
            s->flags & VFIO_IRQ_SET_ACTION_TRIGGER ? "ACTION_TRIGGER" : "ACTION_UNMASK", s->index, s->start, s->count);
    for (uint32_t i = 0; s->flags & VFIO_IRQ_SET_DATA_EVENTFD && i < s->count; i++) {
        int32_t fd;
        memcpy(&fd, s->data + i * sizeof fd, sizeof fd);
        fprintf(out, "%s%d", i ? ", " : ", data=", fd);
    }
    fputs("}", out);
}

static void print_bind(FILE *out, const void *arg)
{
    fprintf(out, ", {iommufd=%d}", ((const struct iommufd_bind *)arg)->iommufd);
}

static void print_attach(FILE *out, const void *arg)
{
    fprintf(out, ", {pt_id=%u}", ((const struct iommufd_attach *)arg)->pt_id);
}

static void print_ranges(FILE *out, const void *arg)
{
    fprintf(out, ", {ioas_id=%u}", ((const struct iommufd_iova_ranges *)arg)->ioas_id);
}

static void print_ioas_map(FILE *out, const void *arg)
{
    const struct iommufd_ioas_map *m = (const struct iommufd_ioas_map *)arg;
    fputs(", {flags=FIXED_IOVA|", out);
    print_prot(out, m->flags, IOMMUFD_MAP_READ, IOMMUFD_MAP_WRITE);
    fprintf(out, ", ioas_id=%u, user_va=0x%" PRIx64 ", length=0x%" PRIx64 ", iova=0x%" PRIx64 "}", m->ioas_id,
            HEX(m->user_va), HEX(m->length), HEX(m->iova));
}

static void print_ioas_unmap(FILE *out, const void *arg)
{
    const struct iommufd_ioas_unmap *m = (const struct iommufd_ioas_unmap *)arg;
    fprintf(out, ", {ioas_id=%u, iova=0x%" PRIx64 ", length=0x%" PRIx64 "}", m->ioas_id, HEX(m->iova), HEX(m->length));
}

static void print_pamu_attr(FILE *out, const void *arg)
{
    const struct pamu_attr *a = (const struct pamu_attr *)arg;
    if (a->attribute == PAMU_ATTR_GEOMETRY)
        fprintf(out, ", {GEOMETRY, 0x%" PRIx64 ", 0x%" PRIx64 "}", HEX(a->u.geometry.start), HEX(a->u.geometry.end));
    else if (a->attribute == PAMU_ATTR_WINDOWS)
        fprintf(out, ", {WINDOWS, %u}", a->u.windows);
    else
        fprintf(out, ", {STASH, cpu=%u, cache=%u}", a->u.stash.cpu, a->u.stash.cache);
}

static void print_pamu_bank(FILE *out, const void *arg)
{
    const struct pamu_msi_map *m = (const struct pamu_msi_map *)arg;
    fprintf(out, ", {bank=%u, iova=0x%" PRIx64 "}", m->bank, HEX(m->iova));
}

#ifdef MACHRT_HAVE_KVM
static void print_create_device(FILE *out, const void *arg)
{
    fprintf(out, ", {type=%u}", ((const struct kvm_create_device *)arg)->type);
}

static void print_device_attr(FILE *out, const void *arg)
{
    const struct kvm_device_attr *a = (const struct kvm_device_attr *)arg;
    fprintf(out, ", {group=%u, attr=%u}", a->group, (unsigned)a->attr);
}

static void print_slot(FILE *out, const void *arg)
{
    const struct kvm_userspace_memory_region *m = (const struct kvm_userspace_memory_region *)arg;
    fprintf(out,
            ", {slot=%u, flags=%s, guest_phys_addr=0x%" PRIx64 ", memory_size=0x%" PRIx64 ", userspace_addr=0x%" PRIx64
            "}",
            m->slot, m->flags & KVM_MEM_READONLY ? "READONLY" : "0", HEX(m->guest_phys_addr), HEX(m->memory_size),
            HEX(m->userspace_addr));
}

static void print_irqfd(FILE *out, const void *arg)
{
    const struct kvm_irqfd *q = (const struct kvm_irqfd *)arg;
    fprintf(out, ", {fd=%u, gsi=%u", q->fd, q->gsi);
    if (q->flags & KVM_IRQFD_FLAG_RESAMPLE)
        fprintf(out, ", flags=RESAMPLE, resamplefd=%u", q->resamplefd);
    fputs(q->flags & KVM_IRQFD_FLAG_DEASSIGN ? ", flags=DEASSIGN}" : "}", out);
}

static void print_routing(FILE *out, const void *arg)
{
    fprintf(out, ", {nr=%u}", ((const struct kvm_irq_routing *)arg)->nr);
}
#endif

static void print_tce(FILE *out, const void *arg)
{
    const struct vfio_iommu_spapr_tce_create *t = (const struct vfio_iommu_spapr_tce_create *)arg;
    fprintf(out, ", {page_shift=%u, window_size=0x%" PRIx64 ", levels=%u}", t->page_shift, HEX(t->window_size),
            t->levels);
}

// The same number means different requests for different files: 'c' container, 'p' one of a PAMU, 's' of sPAPR, 'g'
// group, 'd' device, 'i' iommufd, 'v' VM, 'k' a device of KVM's.
static const struct {
    char kind;
    unsigned long request;
    const char *name;
    void (*print)(FILE *out, const void *arg);
} requests[] = {
    {'c', VFIO_GET_API_VERSION, "VFIO_GET_API_VERSION", print_nothing},
    {'c', VFIO_CHECK_EXTENSION, "VFIO_CHECK_EXTENSION", print_number},
    {'c', VFIO_SET_IOMMU, "VFIO_SET_IOMMU", print_number},
    {'c', VFIO_IOMMU_MAP_DMA, "VFIO_IOMMU_MAP_DMA", print_map_dma},
    {'c', VFIO_IOMMU_UNMAP_DMA, "VFIO_IOMMU_UNMAP_DMA", print_unmap_dma},
    {'s', VFIO_IOMMU_SPAPR_TCE_GET_INFO, "VFIO_IOMMU_SPAPR_TCE_GET_INFO", print_nothing},
    {'s', VFIO_IOMMU_SPAPR_TCE_REMOVE, "VFIO_IOMMU_SPAPR_TCE_REMOVE", print_nothing},
    {'s', VFIO_IOMMU_SPAPR_TCE_CREATE, "VFIO_IOMMU_SPAPR_TCE_CREATE", print_tce},
    {'s', VFIO_IOMMU_SPAPR_REGISTER_MEMORY, "VFIO_IOMMU_SPAPR_REGISTER_MEMORY", print_nothing},
    {'s', VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY", print_nothing},
    {'p', PAMU_GET_ATTR, "VFIO_IOMMU_PAMU_GET_ATTR", print_pamu_attr},
    {'p', PAMU_SET_ATTR, "VFIO_IOMMU_PAMU_SET_ATTR", print_pamu_attr},
    {'p', PAMU_GET_MSI_BANK_COUNT, "VFIO_IOMMU_PAMU_GET_MSI_BANK_COUNT", print_nothing},
    {'p', PAMU_MAP_MSI_BANK, "VFIO_IOMMU_PAMU_MAP_MSI_BANK", print_pamu_bank},
    {'p', PAMU_UNMAP_MSI_BANK, "VFIO_IOMMU_PAMU_UNMAP_MSI_BANK", print_nothing},
    {'c', VFIO_IOMMU_GET_INFO, "VFIO_IOMMU_GET_INFO", print_nothing},
    {'g', VFIO_GROUP_SET_CONTAINER, "VFIO_GROUP_SET_CONTAINER", print_fd},
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

void print_ioctl(FILE *out, char kind, int fd, unsigned long request, const void *arg)
{
    bool container = kind == 'p' || kind == 's';
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].request != request || (requests[i].kind != kind && !(container && requests[i].kind == 'c')))
            continue;
        fprintf(out, "ioctl(%d, %s", fd, requests[i].name);
        requests[i].print(out, arg);
        fputs(")", out);
        return;
    }
    fprintf(out, "ioctl(%d, 0x%lx)", fd, request);
}
