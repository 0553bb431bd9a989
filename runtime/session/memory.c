// SPDX-License-Identifier: MIT
// Guest memory: allocated here, or provided by the VMM.
#include "session/claims.h"
#include "session/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEMFD_HUGE_SHIFT = 26 /* MFD_HUGE_SHIFT, linux/memfd.h */ };
enum { SAID = 1 }; // the error is set

const char *machrt_memory_object(struct mach_session *s, const struct memory *m)
{
    return machrt_object(s, "memory %s", m->m.name);
}

/* ---- allocating ---- */

static int populate(struct mach_session *s, const struct memory *m)
{
    int r = machrt_populate(s, m->m.at, m->m.size, m->m.readonly);
    if (!r)
        return 0;
    return machrt_set_error(
        s, "memory", r, machrt_memory_object(s, m), "cannot allocate its %" PRIu64 " MiB%s", m->m.size >> 20,
        mach_cfg_memory_backing(m->rec) == MACH_CFG_BACKING_HUGETLB ? ": there are not enough huge pages" : "");
}

static int undo_munmap(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct memory *m = (struct memory *)thing;
    int r = s->sys.munmap(s->sys.opaque, m->m.at, m->m.size);
    m->m.at = NULL;
    return r;
}

static unsigned log2_of(uint64_t n)
{
    unsigned bits = 0;
    while (n >>= 1)
        bits++;
    return bits;
}

// Creates a memfd of the memory's size. 0 or -errno.
static int make_memfd(struct mach_session *s, struct memory *m)
{
    bool huge = mach_cfg_memory_backing(m->rec) == MACH_CFG_BACKING_HUGETLB;
    uint64_t page = mach_cfg_memory_page_size(m->rec);
    char name[64];
    snprintf(name, sizeof name, "mach-%.50s", m->m.name);
    if (huge && (page < s->page || page & (page - 1) || m->m.size % page))
        return -EINVAL;
    int fd = s->sys.memfd_create(s->sys.opaque, name, huge ? MFD_HUGETLB | log2_of(page) << MEMFD_HUGE_SHIFT : 0);
    if (fd < 0)
        return fd;
    m->m.fd = fd;
    return s->sys.ftruncate(s->sys.opaque, fd, m->m.size);
}

// Opens a file, and takes the part that the memory is. 0, -errno or SAID.
static int open_backing(struct mach_session *s, struct memory *m)
{
    char path[PATH_SIZE];
    uint32_t backing = mach_cfg_memory_backing(m->rec);
    const char *file =
        backing == MACH_CFG_BACKING_PHYSICAL ? "/dev/mem" : machrt_string(s, mach_cfg_memory_path(m->rec));
    m->m.offset =
        backing == MACH_CFG_BACKING_PHYSICAL ? mach_cfg_memory_physical(m->rec) : mach_cfg_memory_offset(m->rec);
    int fd = machrt_file_path(s, path, file) ? s->sys.open(s->sys.opaque, path, m->m.readonly ? O_RDONLY : O_RDWR)
                                             : -ENAMETOOLONG;
    if (fd < 0)
        return fd;
    m->m.fd = fd;
    struct claim c = {
        .step = "memory",
        .who = machrt_keep_object(s, "memory %s", m->m.name),
        .path = path,
        .fd = fd,
        .offset = m->m.offset,
        .size = m->m.size,
        .shared = m->m.readonly || *machrt_string(s, mach_cfg_memory_share(m->rec)),
        .memory = true,
    };
    return !c.who || machrt_claim(s, &c) ? SAID : 0;
}

static int report_backing_error(struct mach_session *s, const struct memory *m, int r)
{
    const char *who = machrt_memory_object(s, m);
    switch (mach_cfg_memory_backing(m->rec)) {
    case MACH_CFG_BACKING_HUGETLB:
        return machrt_set_error(s, "memory", r, who,
                                "the kernel does not have enough huge pages of %" PRIu64 " KiB for %" PRIu64 " MiB",
                                mach_cfg_memory_page_size(m->rec) >> 10, m->m.size >> 20);
    case MACH_CFG_BACKING_PHYSICAL:
        return machrt_set_error(
            s, "memory", r, who,
            "cannot map /dev/mem: this needs CAP_SYS_RAWIO and, for memory that the kernel has in its "
            "linear map, a kernel without CONFIG_STRICT_DEVMEM. Take huge pages: `from physical` "
            "without `by reserved`");
    case MACH_CFG_BACKING_FILE:
        return machrt_set_error(s, "memory", r, who, "cannot use %.300s",
                                machrt_string(s, mach_cfg_memory_path(m->rec)));
    default:
        return machrt_set_error(s, "memory", r, who, "cannot allocate %" PRIu64 " MiB", m->m.size >> 20);
    }
}

// Maps a file, or a memfd of its own. 0, or -1 after an error.
static int map_memory(struct mach_session *s, struct memory *m, bool named)
{
    if (machrt_reserve_undo(s))
        return -1;
    int r = named ? open_backing(s, m) : make_memfd(s, m);
    if (m->m.fd >= 0)
        machrt_push_undo(s, machrt_undo_close, &m->m.fd, 0, "close memory");
    if (r)
        return r == SAID ? -1 : report_backing_error(s, m, r);
    if (machrt_reserve_undo(s))
        return -1;
    r = s->sys.mmap(s->sys.opaque, &m->m.at, m->m.size, m->m.readonly ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
                    m->m.fd, m->m.offset);
    if (r)
        return report_backing_error(s, m, r);
    machrt_push_undo(s, undo_munmap, m, 0, "unmap memory");
    return 0;
}

static int allocate_memory(struct mach_session *s, struct memory *m)
{
    uint32_t backing = mach_cfg_memory_backing(m->rec);
    bool named = backing == MACH_CFG_BACKING_FILE || backing == MACH_CFG_BACKING_PHYSICAL;
    if (*machrt_string(s, mach_cfg_memory_share(m->rec)) && !named)
        return machrt_set_error(s, "memory", ENOTSUP, machrt_memory_object(s, m),
                                "memory that machines share needs `from physical ... by reserved` or `from file`, or a "
                                "VMM that provides it (ops->memory)");
    if (backing == MACH_CFG_BACKING_CONTIGUOUS)
        return machrt_take_contiguous(s, m);
    if (backing == MACH_CFG_BACKING_HEAP)
        return machrt_take_from_heap(s, m);
    if (backing == MACH_CFG_BACKING_PHYSICAL && machrt_prove_reserved(s, m))
        return -1;
    if (map_memory(s, m, named))
        return -1;
    // A mapping of /dev/mem is complete at once.
    if (backing == MACH_CFG_BACKING_PHYSICAL)
        m->m.host = mach_cfg_memory_physical(m->rec);
    else if (!(s->options.flags & MACH_NO_POPULATE) && (m->dma || backing == MACH_CFG_BACKING_HUGETLB) &&
             populate(s, m))
        return -1;
    return machrt_prove_taken(s, m);
}

static int get_memory(struct mach_session *s, struct memory *m)
{
    int r = s->ops.memory ? s->ops.memory(s->opaque, &m->m) : -ENOSYS;
    if (!r && !m->m.at)
        r = -EFAULT;
    if (r == -ENOSYS)
        return allocate_memory(s, m);
    m->m.host = MACH_CFG_NONE64; // the VMM's word is no proof
    return r ? machrt_set_error(s, "vmm", r, machrt_memory_object(s, m), "the VMM does not provide it")
             : machrt_prove_given(s, m);
}

// Without an IOMMU a device uses the guest's addresses on the bus.
static int check_identity(struct mach_session *s)
{
    uint32_t i = 0, n = s->f->section[MACH_CFG_S_DMA].count;
    while (i < n && mach_cfg_dma_mode(mach_cfg_record(s->f, MACH_CFG_S_DMA, i)) != MACH_CFG_DMA_IDENTITY)
        i++;
    for (uint32_t k = 0; i < n && k < s->memories; k++) {
        const struct memory *m = &s->memory[k];
        if (mach_cfg_memory_flags(m->rec) & MACH_CFG_MEMORY_NO_DMA)
            continue;
        if (!machrt_has_place(m) || mach_cfg_memory_physical(m->rec) != m->m.address)
            return machrt_set_error(
                s, "memory", EINVAL, machrt_memory_object(s, m),
                "a device has `dma identity`, so guest and host addresses must be equal: use `from physical 0x%" PRIx64
                "`",
                m->m.address);
    }
    return 0;
}

int machrt_step_memory(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_DMA_MAP].count; i++) {
        uint32_t m = mach_cfg_dma_map_memory(mach_cfg_record(s->f, MACH_CFG_S_DMA_MAP, i));
        if (m != MACH_CFG_NONE)
            s->memory[m].dma = true;
    }
    if (check_identity(s))
        return -1;
    for (uint32_t i = 0; i < s->memories; i++)
        if (get_memory(s, &s->memory[i]))
            return -1;
    return 0;
}

/* ---- mapping into the guest ---- */

static int undo_place(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    if (s->ops.place_undo)
        s->ops.place_undo(s->opaque, (const struct mach_place *)thing);
    return 0;
}

int machrt_map_to_guest(struct mach_session *s, struct mach_place *p, const char *who)
{
    p->slot = s->slots++;
    if (!s->ops.place)
        return machrt_set_error(s, "vmm", ENOSYS, who, "the VMM cannot map it into the guest (ops->place)");
    if (machrt_reserve_undo(s))
        return -1;
    int r = s->ops.place(s->opaque, p);
    // KVM: beyond the guest addresses that the VM was made for (arm64, KVM_VM_TYPE_ARM_IPA_SIZE).
    struct mach_vm vm = {.size = sizeof vm};
    if (r == -EFAULT && !mach_config_vm(s->config, &vm))
        return machrt_set_error(s, "vmm", r, who,
                                "the VMM does not map it into the guest at 0x%" PRIx64
                                ": the VM must have guest addresses of %" PRIu32 " bits for this config",
                                p->address, vm.address_bits);
    if (r)
        return machrt_set_error(s, "vmm", r, who, "the VMM does not map it into the guest at 0x%" PRIx64, p->address);
    machrt_push_undo(s, undo_place, p, 0, who);
    return 0;
}

int machrt_step_place(struct mach_session *s)
{
    for (uint32_t i = 0; s->has_ops && i < s->memories; i++) {
        struct memory *m = &s->memory[i];
        m->place = (struct mach_place){
            .address = m->m.address,
            .size = m->m.size,
            .at = m->m.at,
            .readonly = m->m.readonly,
            .is_memory = 1,
            .index = i,
        };
        if (machrt_map_to_guest(s, &m->place, m->m.name))
            return -1;
    }
    return 0;
}

const struct mach_memory *mach_session_memory(const struct mach_session *s, uint32_t memory)
{
    return memory < s->memories ? &s->memory[memory].m : NULL;
}
