// SPDX-License-Identifier: MIT
#include "scenes.h"

#include <errno.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { RW = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, RWM = RW | VFIO_REGION_INFO_FLAG_MMAP };
enum { LEVEL = 7, EDGE = 1, MSI = 9 };
enum { RESETS = VFIO_DEVICE_FLAGS_RESET, PCI = VFIO_DEVICE_FLAGS_PCI };

/* ---- a VMM ---- */

static int vmm_irqchip(void *o, const struct mach_cfg_file *f, uint32_t chip)
{
    (void)f;
    (void)chip;
    if (((struct scene *)o)->use_kvm)
        return -ENOSYS; // KVM makes it
    ((struct scene *)o)->chips++;
    return 0;
}
static void vmm_irqchip_undo(void *o, const struct mach_cfg_file *f, uint32_t chip)
{
    (void)f;
    (void)chip;
    ((struct scene *)o)->chips--;
}
static int vmm_emulated(void *o, const struct mach_cfg_file *f, uint32_t device)
{
    (void)f;
    (void)device;
    ((struct scene *)o)->emulated++;
    return 0;
}
static void vmm_emulated_undo(void *o, const struct mach_cfg_file *f, uint32_t device)
{
    (void)f;
    (void)device;
    ((struct scene *)o)->emulated--;
}
static int vmm_place(void *o, const struct mach_place *p)
{
    assert_non_null(p->at);
    if (((struct scene *)o)->use_kvm)
        return -ENOSYS;
    ((struct scene *)o)->placed++;
    return 0;
}
static void vmm_place_undo(void *o, const struct mach_place *p)
{
    (void)p;
    ((struct scene *)o)->placed--;
}
static int vmm_trap(void *o, struct mach_session *s, const struct mach_trap *t)
{
    (void)s;
    (void)t;
    ((struct scene *)o)->trapped++;
    return 0;
}
static void vmm_trap_undo(void *o, struct mach_session *s, const struct mach_trap *t)
{
    (void)s;
    (void)t;
    ((struct scene *)o)->trapped--;
}
static int vmm_connect(void *o, const struct mach_link *l)
{
    assert_true(l->fd >= 0);
    if (((struct scene *)o)->use_kvm && l->gsi != MACH_CFG_NONE)
        return -ENOSYS;
    ((struct scene *)o)->connected++;
    return 0;
}
static void vmm_disconnect(void *o, const struct mach_link *l)
{
    (void)l;
    ((struct scene *)o)->connected--;
}

// The VMM has memory of its own: huge pages. It frees them with the scene.
static int vmm_memory(void *o, struct mach_memory *m)
{
    struct scene *x = o;
    if (!x->given) {
        uint32_t fail_at = x->k->fail_at, calls = x->k->calls;
        x->k->fail_at = 0; // its own calls are none of the session's
        x->given = x->k->sys.memfd_create(x->k, "vmm", MFD_HUGETLB);
        x->k->file[x->given].vmms = true;
        x->k->sys.ftruncate(x->k, x->given, m->size);
        if (x->k->sys.mmap(x->k, &x->given_at, m->size, PROT_READ | PROT_WRITE, 0, x->given, 0))
            return -ENOMEM;
        x->k->sys.madvise(x->k, x->given_at, m->size, 0);
        x->k->fail_at = fail_at;
        x->k->calls = calls;
    }
    m->at = x->given_at;
    return 0;
}

static void log_line(void *o, const char *line)
{
    struct scene *x = o;
    size_t n = strlen(x->log);
    snprintf(x->log + n, sizeof x->log - n, "%s\n", line);
}

/* ---- devices ---- */

// A UART-like platform device: a page of registers, a region smaller than a page, a level and an edge interrupt.
static void platform(struct scene *x, const char *name, const char *sysfs, uint32_t group, uint64_t base)
{
    struct fake_device *d = fake_add(x->k, "platform", sysfs, "uart", group);
    fake_region(d, 0, 0x1000, RWM);
    fake_region(d, 1, 0x200, RW);
    fake_registers(x->k, "platform", sysfs, base, 0x1000, base + 0x1000, 0x200);
    d->flags = VFIO_DEVICE_FLAGS_PLATFORM | RESETS;
    d->nirqs = 2;
    d->irq_flags[0] = LEVEL;
    d->irq_flags[1] = EDGE;
    cfg_device(x->c, name, MACH_CFG_DEVICE_PLATFORM, sysfs, MACH_CFG_RESET_IF_POSSIBLE);
    cfg_region(x->c, MACH_CFG_REGION_MAP, base, 0x1000, base);
    cfg_region(x->c, MACH_CFG_REGION_MAP, base + 0x1000, 0x200, base + 0x1000);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 10 + group, true);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 20 + group, false);
}

// An AMBA device with a trapped region and a dropped interrupt, that does no DMA.
static void amba(struct scene *x, const char *name, const char *sysfs, uint32_t group, uint64_t base)
{
    struct fake_device *d = fake_add(x->k, "amba", sysfs, "", group);
    fake_region(d, 0, 0x1000, RWM);
    fake_registers(x->k, "amba", sysfs, base, 0x1000, 0, 0);
    d->flags = VFIO_DEVICE_FLAGS_AMBA;
    d->nirqs = 1;
    d->irq_flags[0] = LEVEL;
    d->group_after_probe = true;
    cfg_device(x->c, name, MACH_CFG_DEVICE_PLATFORM, sysfs, MACH_CFG_RESET_NEVER);
    cfg_region(x->c, MACH_CFG_REGION_TRAP, base, 0x1000, base);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, MACH_CFG_NONE, true);
    cfg_dma(x->c, MACH_CFG_DMA_NONE);
}

// A PCI function with a BAR with holes in what may be mapped, an absent BAR, INTx and MSI-X.
static struct fake_device *pci(struct scene *x, const char *name, const char *sysfs, uint32_t group, uint64_t base,
                               bool intx)
{
    struct fake_device *d = fake_add(x->k, "pci", sysfs, "nvme", group);
    struct fake_region *r = fake_region(d, 0, 0x8000, RWM);
    r->areas = 2;
    r->area[0][1] = 0x2000;
    r->area[1][0] = 0x4000;
    r->area[1][1] = 0x4000;
    fake_region(d, 1, 0, 0);
    d->nregions = 9;
    d->flags = PCI | RESETS;
    d->nirqs = 5;
    d->irq_flags[0] = LEVEL;
    d->irq_flags[1] = d->irq_flags[2] = MSI;
    d->vectors = 6;
    cfg_device(x->c, name, MACH_CFG_DEVICE_PCI, sysfs, MACH_CFG_RESET_REQUIRED);
    cfg_region(x->c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x8000, base);
    cfg_region(x->c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0, base + 0x10000);
    if (intx)
        cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 60 + group, true);
    return d;
}

static void memory(struct scene *x)
{
    // Two that lie one behind the other, and one that no device reaches.
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_ANONYMOUS, 0x80000000, 4 * MiB, 0);
    cfg_memory(x->c, "more", MACH_CFG_BACKING_HUGETLB, 0x90000000, 2 * MiB, 2 * MiB);
    cfg_memory(x->c, "private", MACH_CFG_BACKING_ANONYMOUS, 0xa0000000, MiB, 0);
}

static void reach_all(struct scene *x)
{
    cfg_dma(x->c, MACH_CFG_DMA_ALL);
    cfg_map(x->c, 0, 0, 4 * MiB, 0x80000000);
    cfg_map(x->c, 1, 0, 2 * MiB, 0x90000000);
}

// An object of a DPAA2 SoC: each has a portal for commands to the Management Complex, and edges (MSIs) alone.
static struct fake_device *object(struct scene *x, const char *name, const char *dprc, const char *natural)
{
    struct fake_device *d = fake_add(x->k, "fsl-mc", name, natural, 6);
    d->container = dprc;
    d->flags = VFIO_DEVICE_FLAGS_FSL_MC;
    fake_region(d, 0, 0x40, RW);
    d->nirqs = 1;
    d->irq_flags[0] = EDGE;
    return d;
}

static void dprc(struct scene *x)
{
    object(x, "dprc.2", NULL, "fsl_mc_dprc")->flags |= RESETS;
    cfg_device(x->c, "dprc", MACH_CFG_DEVICE_PLATFORM, "dprc.2", MACH_CFG_RESET_REQUIRED);
    cfg_region(x->c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x40, 0x80c000000);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 70, false);
    reach_all(x);
}

static void dpni(struct scene *x)
{
    object(x, "dpni.1", "dprc.2", "fsl_dpaa2_eth");
    cfg_device(x->c, "dpni", MACH_CFG_DEVICE_PLATFORM, "dpni.1", MACH_CFG_RESET_IF_POSSIBLE);
    cfg_region(x->c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x40, 0x80c010000);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 71, false);
    reach_all(x);
}

static void dpio(struct scene *x)
{
    // A portal of the queue manager: cached, and not.
    struct fake_device *d = object(x, "dpio.3", "dprc.2", "fsl_mc_dpio");
    fake_region(d, 0, 0x10000, RWM);
    fake_region(d, 1, 0x10000, RWM);
    cfg_device(x->c, "dpio", MACH_CFG_DEVICE_PLATFORM, "dpio.3", MACH_CFG_RESET_NEVER);
    cfg_region(x->c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x10000, 0x818000000);
    cfg_region(x->c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x10000, 0x81c000000);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 72, false);
    reach_all(x);
    object(x, "dpbp.1", "dprc.2", ""); // in the DPRC, so in the group, and of no use to the guest
}

static void emulated(struct scene *x)
{
    uint32_t uart = cfg_device(x->c, "uart", MACH_CFG_DEVICE_EMULATED, "", MACH_CFG_RESET_NEVER);
    CFG_SET(x->c, device, DEVICE, uart, class_name, cfg_string(x->c, "ns16550a"));
    cfg_region(x->c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x1000, 0x9000000);
    cfg_irq(x->c, MACH_CFG_IRQ_EMULATED, 32, true);
}

static void everything(struct scene *x)
{
    fake_text(x->k, "/dev/mem", "", 0);
    memory(x);
    emulated(x);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    reach_all(x);
    amba(x, "rtc", "9010000.pl031", 4, 0x9010000);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, true);
    reach_all(x);
    // The other function of the same card, without INTx: the same group and the same reach.
    pci(x, "edu1", "0000:00:02.1", 5, 0x50100000, false);
    reach_all(x);
}

/* ---- scenes ---- */

static struct scene *begin(uint32_t arch, uint32_t iommu, const char *kvm)
{
    struct scene *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->k = fake_new();
    x->c = cfg_new(arch, iommu);
    uint64_t second = !strncmp(kvm, "arm", 3) ? 0x80a0000 : MACH_CFG_NONE64;
    cfg_chip(x->c, kvm, 96, 0x8000000, second);
    x->ops = (struct mach_ops){
        .size = sizeof x->ops,
        .irqchip = vmm_irqchip,
        .irqchip_undo = vmm_irqchip_undo,
        .emulated = vmm_emulated,
        .emulated_undo = vmm_emulated_undo,
        .place = vmm_place,
        .place_undo = vmm_place_undo,
        .trap = vmm_trap,
        .trap_undo = vmm_trap_undo,
        .connect = vmm_connect,
        .disconnect = vmm_disconnect,
    };
    return x;
}

static struct scene *make_group(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    everything(x);
    return x;
}

static struct scene *make_iommufd(void)
{
    struct scene *x = make_group();
    x->k->has_iommufd = x->k->has_cdev = true;
    x->use_ops = true;
    return x;
}

static struct scene *make_kvm(void)
{
    struct scene *x = make_group();
    x->use_kvm = true;
    return x;
}

static struct scene *make_kvm_cdev(void)
{
    struct scene *x = make_kvm();
    x->k->has_iommufd = x->k->has_cdev = true;
    return x;
}

static struct scene *make_x86(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_X86_64, MACH_CFG_IOMMU_AUTO, "x86-ioapic");
    memory(x);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, false);
    cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 10, true);
    reach_all(x);
    x->use_kvm = true;
    return x;
}

static struct scene *make_mpic(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_PPC, MACH_CFG_IOMMU_AUTO, "fsl-mpic-42");
    memory(x);
    platform(x, "usb", "ffe210000.usb", 3, 0xe210000);
    reach_all(x);
    x->use_kvm = true;
    return x;
}

// Three cpus, and two devices whose interrupts are edges.
static struct scene *make_aia(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_RISCV64, MACH_CFG_IOMMU_AUTO, "riscv-aia");
    struct cfg *c = x->c;
    cfg_cpus(c, 3);
    CFG_SET(c, irqchip, IRQCHIP, 0, messages, 255);
    mach_cfg_store(((struct mach_cfg_chip_region *)cfg_add(c, MACH_CFG_S_CHIP_REGION))->address.b, 8, 0x8200000);
    CFG_SET(c, chip_region, CHIP_REGION, 1, size, 3 * 0x1000);
    CFG_SET(c, irqchip, IRQCHIP, 0, regions, 2);
    memory(x);
    platform(x, "dma", "10030000.dma", 3, 0x10030000);
    x->k->device[0].irq_flags[0] = EDGE;
    CFG_SET(c, irq, IRQ, 0, trigger, MACH_CFG_TRIGGER_EDGE);
    CFG_SET(c, irq, IRQ, 0, flags, 0);
    reach_all(x);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, false);
    reach_all(x);
    x->k->aia.max_ids = 256;
    x->k->aia.vcpus = 3;
    x->use_kvm = true;
    return x;
}

static struct scene *make_fsl_mc(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    memory(x);
    dprc(x);
    dpni(x);
    dpio(x);
    x->use_ops = true;
    return x;
}

// The DPRC takes what is in it away, and brings it back, when that is with VFIO already.
static struct scene *make_fsl_mc_late(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    memory(x);
    dpni(x);
    dprc(x);
    x->use_ops = true;
    return x;
}

static struct scene *make_fsl_mc_kvm(void)
{
    struct scene *x = make_fsl_mc();
    x->k->has_iommufd = x->k->has_cdev = true;
    x->use_kvm = true;
    return x;
}

// The kernel's own memory is elsewhere.
static void no_ram(struct scene *x)
{
    static const char ram[] = "100000000-1ffffffff : System RAM\n";
    fake_text(x->k, "/proc/iomem", ram, sizeof ram - 1);
}

static struct scene *make_raw(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_X86_64, MACH_CFG_IOMMU_AUTO, "x86-ioapic");
    no_ram(x);
    fake_text(x->k, "/dev/mem", "", 0);
    fake_text(x->k, "/dev/uio0", "", 0);
    cfg_device(x->c, "hpet", MACH_CFG_DEVICE_RAW, "", MACH_CFG_RESET_NEVER);
    uint32_t r = cfg_region(x->c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, 0x1000, 0x42232000);
    CFG_SET(x->c, region, REGION, r, file, cfg_string(x->c, "/dev/mem"));
    CFG_SET(x->c, region, REGION, r, offset, 0x23423000);
    r = cfg_region(x->c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x100, 0x42240000);
    CFG_SET(x->c, region, REGION, r, file, cfg_string(x->c, "/dev/mem"));
    CFG_SET(x->c, region, REGION, r, offset, 0x23424080);
    uint32_t q = cfg_irq(x->c, MACH_CFG_IRQ_FILE, 10, false);
    CFG_SET(x->c, irq, IRQ, q, file, cfg_string(x->c, "/dev/uio0"));
    cfg_dma(x->c, MACH_CFG_DMA_NONE);
    return x;
}

static struct scene *make_raw_vmm(void)
{
    struct scene *x = make_raw();
    x->use_ops = true;
    return x;
}

// A system controller of the host's: the guest reads it, and writes some bits of it.
static void shadow(struct scene *x, const char *name, const char *path, uint64_t address, uint64_t size, uint32_t flags)
{
    uint32_t d = cfg_device(x->c, name, MACH_CFG_DEVICE_RAW, "", MACH_CFG_RESET_NEVER);
    CFG_SET(x->c, device, DEVICE, d, host_path, cfg_string(x->c, path));
    CFG_SET(x->c, device, DEVICE, d, compatible, cfg_string(x->c, "acme,grf"));
    uint32_t r = cfg_region(x->c, MACH_CFG_REGION_TRAP, address, size, address);
    CFG_SET(x->c, region, REGION, r, flags, MACH_CFG_REGION_SHADOW | flags);
    CFG_SET(x->c, region, REGION, r, file, cfg_string(x->c, "/dev/mem"));
    CFG_SET(x->c, region, REGION, r, offset, address);
    cfg_expect(x->c, MACH_CFG_EXPECT_COMPATIBLE, d, 0, "acme,grf", MACH_CFG_NONE64, MACH_CFG_NONE64);
    cfg_expect(x->c, MACH_CFG_EXPECT_REGION, d, 0, "", address, size);
}

static struct scene *make_shadow(void)
{
    static const char one[] = {0, 0, 0, 1}, compatible[] = "acme,grf\0syscon";
    static const uint8_t grf[] = {0xff, 0x77, 0, 0, 0, 0, 0x10, 0}, scfg[] = {0, 1, 0, 0x40, 0, 0, 1, 0};
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    no_ram(x);
    fake_text(x->k, "/dev/mem", "", 0);
    fake_text(x->k, "/sys/firmware/devicetree/base/#address-cells", one, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/#size-cells", one, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/syscon@ff770000/compatible", compatible, sizeof compatible);
    fake_text(x->k, "/sys/firmware/devicetree/base/syscon@ff770000/reg", (const char *)grf, sizeof grf);
    fake_text(x->k, "/sys/firmware/devicetree/base/scfg@10040/compatible", compatible, sizeof compatible);
    fake_text(x->k, "/sys/firmware/devicetree/base/scfg@10040/reg", (const char *)scfg, sizeof scfg);
    shadow(x, "grf", "/syscon@ff770000", 0xff770000, 0x1000, 0);
    shadow(x, "scfg", "/scfg@10040", 0x10040, 0x100, MACH_CFG_REGION_BIG_ENDIAN);
    cfg_write(x->c, 0, 0x4, 0x3, 0);
    cfg_write(x->c, 0, 0x10, 0xffff, MACH_CFG_WRITE_HIWORD);
    cfg_write(x->c, 0, 0x14, 0x00f0, MACH_CFG_WRITE_HIWORD);
    cfg_write(x->c, 0, 0x20, 0xffffffff, 0);
    cfg_write(x->c, 0, 0x30, 0x0f00, MACH_CFG_WRITE_HIWORD | MACH_CFG_WRITE_PLAIN);
    cfg_write(x->c, 1, 0x8, 0x0f000000, 0);
    return x;
}

static struct scene *make_shadow_vmm(void)
{
    struct scene *x = make_shadow();
    x->use_ops = true;
    return x;
}

static struct scene *make_noiommu(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_NONE, "arm-vgic-v2");
    x->k->noiommu = true;
    fake_text(x->k, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n", 2);
    fake_text(x->k, "/dev/mem", "", 0);
    no_ram(x);
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_PHYSICAL, 0x80000000, 4 * MiB, 0x80000000);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_IDENTITY);
    amba(x, "rtc", "9010000.pl031", 4, 0x9010000);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, false);
    cfg_dma(x->c, MACH_CFG_DMA_NONE);
    x->options.backend = MACH_BACKEND_NOIOMMU;
    return x;
}

// A board without an IOMMU, with a pool of huge pages in pieces, and a device that does DMA.
static struct scene *begin_pool(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_NONE, "arm-vgic-v2");
    static const char ram[] = "40000000-1ffffffff : System RAM\n  90000000-90ffffff : reserved\n";
    x->k->noiommu = true;
    x->k->pages = x->k->surplus = 0;
    fake_text(x->k, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n", 2);
    fake_text(x->k, "/proc/iomem", ram, sizeof ram - 1);
    // What is added last is taken first.
    fake_pool(x->k, 0x140000000, 4); // beyond 4 GiB
    fake_pool(x->k, 0x80000000, 4);
    fake_pool(x->k, 0x60000000, 1); // too short
    fake_pool(x->k, 0x70000000, 1);
    x->options.backend = MACH_BACKEND_NOIOMMU;
    return x;
}

// At a stated address, which is the guest's, too.
static struct scene *make_pool(void)
{
    struct scene *x = begin_pool();
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_CONTIGUOUS, 0x80000000, 4 * MiB, 0x80000000);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_IDENTITY);
    x->use_kvm = true;
    return x;
}

// Wherever the host has it; other memory beside it, which the guest bounces.
static struct scene *make_pool_bus(void)
{
    struct scene *x = begin_pool();
    uint32_t ram = cfg_memory(x->c, "ram", MACH_CFG_BACKING_CONTIGUOUS, 0x40000000, 6 * MiB, MACH_CFG_NONE64);
    CFG_SET(x->c, memory, MEMORY, ram, limit, UINT64_C(1) << 32);
    cfg_memory(x->c, "more", MACH_CFG_BACKING_ANONYMOUS, 0x50000000, 4 * MiB, 0);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_BUS);
    cfg_patch(x->c, 40, ram, 0, UINT64_C(0xc0000000));
    cfg_patch(x->c, 52, ram, 2 * MiB, 0);
    x->use_ops = true;
    return x;
}

static struct scene *make_pool_udmabuf(void)
{
    struct scene *x = make_pool_bus();
    x->k->no_io_uring = true;
    fake_text(x->k, "/dev/udmabuf", "", 0);
    fake_text(x->k, "/proc/sys/kernel/io_uring_disabled", "2\n", 2);
    return x;
}

// Memory that the VMM has already: it happens to lie right.
static struct scene *make_pool_given(void)
{
    struct scene *x = begin_pool();
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_CONTIGUOUS, 0x80000000, 4 * MiB, 0x140000000);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_BUS);
    x->k->pages = 0;
    fake_pool(x->k, 0x140000000, 1);
    fake_pool(x->k, 0x140200000, 1);
    for (int i = 0; i < 2; i++) // lowest first, as vmm_memory() takes them
        x->k->page_list[i].host = 0x140000000 + (uint64_t)i * 2 * MiB;
    x->use_ops = true;
    x->ops.memory = vmm_memory;
    return x;
}

// A piece of a DMA heap, wherever that has it.
static struct scene *make_heap(void)
{
    struct scene *x = begin_pool();
    x->k->heap_at = 0x91000000;
    x->k->heap_size = 8 * MiB;
    uint32_t ram = cfg_memory(x->c, "ram", MACH_CFG_BACKING_HEAP, 0x40000000, 4 * MiB, 0);
    CFG_SET(x->c, memory, MEMORY, ram, limit, UINT64_C(1) << 32);
    CFG_SET(x->c, memory, MEMORY, ram, path, cfg_string(x->c, "guest"));
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_BUS);
    cfg_patch(x->c, 40, ram, 0, 0);
    x->use_ops = true;
    return x;
}

// Memory that the board's tree reserves, and /dev/mem maps.
static struct scene *make_reserved(void)
{
    struct scene *x = begin_pool();
    static const char two[] = {0, 0, 0, 2};
    static const uint8_t reg[] = {0, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    fake_text(x->k, "/dev/mem", "", 0);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/#address-cells", two, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/#size-cells", two, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/guest@90000000/reg", (const char *)reg, sizeof reg);
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_PHYSICAL, 0x90000000, 4 * MiB, 0x90000000);
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    cfg_dma(x->c, MACH_CFG_DMA_IDENTITY);
    x->use_kvm = true;
    return x;
}

static struct scene *make_pamu(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_PPC, MACH_CFG_IOMMU_PAMU, "fsl-mpic-42");
    x->k->vendor_pamu = true;
    x->k->hole[0] = 1;
    x->k->hole[1] = 0;
    fake_text(x->k, "/dev/mem", "", 0);
    no_ram(x);
    cfg_memory(x->c, "ram", MACH_CFG_BACKING_PHYSICAL, 0, 8 * MiB, 0x20000000);
    platform(x, "usb", "ffe210000.usb", 3, 0xe210000);
    uint32_t dma = cfg_dma(x->c, MACH_CFG_DMA_WINDOW);
    cfg_map(x->c, 0, 0, 8 * MiB, 0);
    uint32_t bank = cfg_map(x->c, 0, 0, 0x1000, 0x1000000);
    CFG_SET(x->c, dma_map, DMA_MAP, bank, what, MACH_CFG_MAP_MSI_BANK);
    CFG_SET(x->c, dma_map, DMA_MAP, bank, memory, MACH_CFG_NONE);
    CFG_SET(x->c, dma_map, DMA_MAP, bank, bank, 2);
    CFG_SET(x->c, dma, DMA, dma, flags, MACH_CFG_DMA_HAS_LIODN_INDEX | MACH_CFG_DMA_HAS_WINDOW);
    CFG_SET(x->c, dma, DMA, dma, size, 32 * MiB);
    CFG_SET(x->c, dma, DMA, dma, subwindows, 2);
    CFG_SET(x->c, dma, DMA, dma, whole_subwindows, 4);
    cfg_stash(x->c, MACH_CFG_STASH_L1, 0, 3);
    x->options.backend = MACH_BACKEND_PAMU;
    return x;
}

static struct scene *spapr(uint64_t iova)
{
    struct scene *x = begin(MACH_CFG_ARCH_PPC, MACH_CFG_IOMMU_SPAPR_TCE, "");
    x->k->spapr = true;
    x->k->hole[0] = 1;
    x->k->hole[1] = 0;
    memory(x);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, true);
    uint32_t dma = cfg_dma(x->c, MACH_CFG_DMA_WINDOW);
    cfg_map(x->c, 0, 0, 4 * MiB, iova);
    CFG_SET(x->c, dma, DMA, dma, flags, MACH_CFG_DMA_HAS_WINDOW);
    CFG_SET(x->c, dma, DMA, dma, size, iova * 2);
    CFG_SET(x->c, dma, DMA, dma, page_shift, 12);
    return x;
}

static struct scene *make_spapr(void)
{
    return spapr(0x10000000);
}

static struct scene *make_spapr_ddw(void)
{
    return spapr(UINT64_C(0x100000000));
}

static struct scene *make_guest_iommu(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    memory(x);
    uint32_t viommu = cfg_device(x->c, "viommu", MACH_CFG_DEVICE_EMULATED, "", MACH_CFG_RESET_NEVER);
    pci(x, "edu", "0000:00:02.0", 5, 0x50000000, false);
    uint32_t dma = cfg_dma(x->c, MACH_CFG_DMA_GUEST_IOMMU);
    CFG_SET(x->c, dma, DMA, dma, guest_iommu, viommu);
    pci(x, "edu1", "0000:00:03.0", 6, 0x50100000, false);
    dma = cfg_dma(x->c, MACH_CFG_DMA_GUEST_IOMMU);
    CFG_SET(x->c, dma, DMA, dma, guest_iommu, viommu);
    x->use_ops = true;
    return x;
}

// A device whose registers another one may write to: iommufd cannot, so the group interface is taken.
static struct scene *make_foreign(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    x->k->has_iommufd = x->k->has_cdev = true;
    memory(x);
    platform(x, "portal", "500020000.portal", 3, 0x20000);
    reach_all(x);
    cfg_map_region(x->c, 0, 0, 0x1000, 0x20000);
    return x;
}

static struct scene *make_files(void)
{
    struct scene *x = begin(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU, "arm-vgic-v3");
    fake_file_size(x->k, "/boot/blob", 0x1000 + MiB);
    fake_text(x->k, "/dev/mem", "", 0);
    no_ram(x);
    memory(x);
    uint32_t rom = cfg_memory(x->c, "rom", MACH_CFG_BACKING_FILE, 0xb0000000, MiB, 0x1000);
    CFG_SET(x->c, memory, MEMORY, rom, flags, MACH_CFG_MEMORY_READONLY);
    uint32_t shm = cfg_memory(x->c, "shm", MACH_CFG_BACKING_PHYSICAL, 0xc0000000, MiB, 0x60000000);
    CFG_SET(x->c, memory, MEMORY, shm, share, cfg_string(x->c, "shm")); // no guest runs in it
    platform(x, "eth", "1af0000.ethernet", 3, 0x1af0000);
    reach_all(x);
    uint32_t map = cfg_map(x->c, 3, 0, MiB, 0xb0000000);
    CFG_SET(x->c, dma_map, DMA_MAP, map, flags, MACH_CFG_MAP_READONLY);
    cfg_map(x->c, 4, 0, MiB, 0xc0000000);
    // A child that is no device to Linux, whose registers lie in its parent's; and a window of a bus.
    uint32_t parent = x->c->device;
    cfg_device(x->c, "phy", MACH_CFG_DEVICE_PLATFORM, "", MACH_CFG_RESET_NEVER);
    cfg_region(x->c, MACH_CFG_REGION_MAP, 0x1af0800, 0x100, 0x1af0800);
    CFG_SET(x->c, device, DEVICE, x->c->device, parent, parent);
    uint32_t r = cfg_region(x->c, MACH_CFG_REGION_MAP, 0x70000000, 0x2000, 0x70000000);
    CFG_SET(x->c, region, REGION, r, flags, MACH_CFG_REGION_WINDOW);
    CFG_SET(x->c, device, DEVICE, x->c->device, host_path, cfg_string(x->c, "/phy"));
    static const char three[] = {0, 0, 0, 3}, two[] = {0, 0, 0, 2};
    static const uint8_t ranges[] = {
        1, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0x6f, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0,    0, // I/O
        2, 0, 0, 0, 0, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0, 0, 0x70, 0,    0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0};
    fake_text(x->k, "/sys/firmware/devicetree/base/phy/#address-cells", three, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/phy/#size-cells", two, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/phy/ranges", (const char *)ranges, sizeof ranges);
    x->use_ops = true;
    return x;
}

#define NAME(name) #name,
const char *const scene_names[] = {SCENES_WITHOUT_KVM(NAME)
#ifdef MACHRT_HAVE_KVM
                                       SCENES_WITH_KVM(NAME)
#endif
                                           NULL};

struct scene *scene_new(const char *name)
{
    struct scene *x = NULL;
#define MAKE(n)                                                                                                        \
    if (!strcmp(name, #n))                                                                                             \
        x = make_##n();
    SCENES_WITH_KVM(MAKE)
    SCENES_WITHOUT_KVM(MAKE)
    assert_non_null(x);
    x->name = name;
    x->options.size = sizeof x->options;
    x->error.size = sizeof x->error;
    memset(x->after_error, 0x5a, sizeof x->after_error);
    x->options.sys = &x->k->sys;
    x->options.threads = 1;
    x->options.log = log_line;
    x->options.opaque = x;
    return x;
}

void scene_free(struct scene *x)
{

    mach_config_close(x->config);
    cfg_free(x->c);
    fake_free(x->k);
    free(x);
}

// What a function returns is what its error says.
static int checked(const struct scene *x, int r)
{
    for (size_t i = 0; i < sizeof x->after_error; i++)
        assert_int_equal(x->after_error[i], 0x5a);
    if (r > 0 || (r && x->error.number && r != -x->error.number))
        fail_msg("%s: returned %d, and the error has %d", x->name, r, x->error.number);
    if (r && !x->error.number)
        assert_int_equal(r, strcmp(x->error.step, "expect") ? -EINVAL : -ENODEV);
    return r ? -1 : 0;
}

int scene_start(struct scene *x)
{
    if (!x->config)
        x->config = cfg_open(x->c);
    fake_drivers(x->k, x->before, sizeof x->before);
    const struct mach_ops *ops = x->use_kvm ? mach_kvm_ops() : x->use_ops ? &x->ops : NULL;
    if (x->use_kvm)
        x->kvm = (struct mach_kvm){
            .size = sizeof x->kvm,
            .vm = x->k->vm ? x->k->vm : fake_vm(x->k),
            .sys = &x->k->sys,
            .own = &x->ops,
            .own_opaque = x,
        };
    int r = mach_session_start(x->config, &x->options, ops, x->use_kvm ? (void *)&x->kvm : (void *)x, &x->session,
                               &x->error);
    return checked(x, r);
}

int scene_stop(struct scene *x)
{
    int r = mach_session_stop(x->session, &x->error);
    x->session = NULL;
    return checked(x, r);
}

void scene_must_start(struct scene *x)
{
    if (scene_start(x))
        fail_msg("%s: %s: %s: %s (%d)\n%s", x->name, x->error.step, x->error.object, x->error.hint, x->error.number,
                 x->log);
    assert_string_equal(x->k->wrong, "");
}

void scene_must_end(struct scene *x)
{
    if (scene_stop(x))
        fail_msg("%s: %s: %s\n%s", x->name, x->error.object, x->error.hint, x->log);
    scene_clean(x);
    scene_free(x);
}

void scene_must_fail(struct scene *x, const char *step, const char *hint)
{
    if (!scene_start(x))
        fail_msg("%s: it starts; looked for %s: %s", x->name, step, hint);
    if (strcmp(x->error.step, step) || !strstr(x->error.hint, hint))
        fail_msg("%s: looked for %s: %s\nin %s: %s: %s", x->name, step, hint, x->error.step, x->error.object,
                 x->error.hint);
    scene_clean(x);
    scene_free(x);
}

void scene_clean(struct scene *x)
{
    char now[sizeof x->before];
    fake_drivers(x->k, now, sizeof now);
    assert_string_equal(now, x->before);
    assert_string_equal(fake_left(x->k), "");
    if (x->placed || x->trapped || x->connected || x->emulated || x->chips)
        fail_msg("%s: the VMM was not told: %u places, %u traps, %u links, %u devices, %u chips", x->name, x->placed,
                 x->trapped, x->connected, x->emulated, x->chips);
}
