// SPDX-License-Identifier: MIT
// A config as text for people: device by device.
#include "machcfg_file.h"
#include "machrt.h"

#include <inttypes.h>

struct view {
    const struct mach_cfg_file *file;
    FILE *out;
    uint32_t *writes; // records of section WRITE that are printed
};

static void print_text(const struct view *v, const char *s)
{
    for (unsigned n; *s; s += n) {
        n = mach_cfg_utf8(s);
        if (!n || mach_cfg_unfit(s, n))
            putc('?', v->out);
        else
            fwrite(s, 1, n, v->out);
        n = n ? n : 1;
    }
}

// Prints `before`, the string and `after`; nothing when there is no string.
static void print_string(const struct view *v, const char *before, uint32_t offset, const char *after)
{
    if (!offset)
        return;
    fputs(before, v->out);
    print_text(v, mach_cfg_string(v->file, offset));
    fputs(after, v->out);
}

// The word for a value.
static const char *find_word(const struct mach_cfg_word *words, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++)
        if (words[i].value == value)
            return words[i].word;
    return "?";
}
#define WORD(set, value) find_word(mach_cfg_words_##set, MACH_CFG_NWORDS_(set), (value))

static void print_span(const struct view *v, const char *before, uint64_t start, uint64_t size)
{
    fprintf(v->out, "%s0x%08" PRIx64, before, start);
    if (size)
        fprintf(v->out, "-0x%08" PRIx64, start + (size - 1));
}

static void print_optional(const struct view *v, const char *before, uint32_t value)
{
    if (value != MACH_CFG_NONE)
        fprintf(v->out, "%s%" PRIu32, before, value);
}

static struct mach_cfg_rec record(const struct view *v, uint32_t section, uint32_t i)
{
    return mach_cfg_record(v->file, section, i);
}

static void show_memory(const struct view *v, struct mach_cfg_rec r)
{
    print_string(v, "memory ", mach_cfg_memory_name(r), "");
    print_span(v, "  ", mach_cfg_memory_address(r), mach_cfg_memory_size(r));
    fprintf(v->out, "  %s", WORD(backing, mach_cfg_memory_backing(r)));
    if (mach_cfg_memory_page_size(r))
        fprintf(v->out, ", pages of 0x%" PRIx64, mach_cfg_memory_page_size(r));
    if (mach_cfg_memory_physical(r) != MACH_CFG_NONE64)
        print_span(v, " ", mach_cfg_memory_physical(r), mach_cfg_memory_size(r));
    print_string(v, " ", mach_cfg_memory_path(r), "");
    if (mach_cfg_memory_offset(r))
        fprintf(v->out, " + 0x%" PRIx64, mach_cfg_memory_offset(r));
    print_string(v, ", share ", mach_cfg_memory_share(r), "");
    fputs(mach_cfg_memory_flags(r) & MACH_CFG_MEMORY_READONLY ? ", readonly" : "", v->out);
    fputs(mach_cfg_memory_flags(r) & MACH_CFG_MEMORY_NO_DMA ? ", no-dma\n" : "\n", v->out);
}

static void show_irqchip(const struct view *v, struct mach_cfg_rec r)
{
    print_string(v, "irqchip ", mach_cfg_irqchip_name(r), "");
    print_string(v, "  ", mach_cfg_irqchip_class_name(r), "");
    print_string(v, ", KVM's ", mach_cfg_irqchip_kvm(r), "");
    fprintf(v->out, ", %" PRIu32 " lines", mach_cfg_irqchip_lines(r));
    if (mach_cfg_irqchip_messages(r))
        fprintf(v->out, " as messages of %" PRIu32, mach_cfg_irqchip_messages(r));
    for (uint32_t i = 0; i < mach_cfg_irqchip_regions(r); i++) {
        struct mach_cfg_rec c = record(v, MACH_CFG_S_CHIP_REGION, mach_cfg_irqchip_first_region(r) + i);
        print_span(v, ", ", mach_cfg_chip_region_address(c), mach_cfg_chip_region_size(c));
    }
    putc('\n', v->out);
}

static void show_region(const struct view *v, struct mach_cfg_rec r)
{
    int window = (mach_cfg_region_flags(r) & MACH_CFG_REGION_WINDOW) != 0;
    fprintf(v->out, "  %s %" PRIu32, window ? "window" : "region", mach_cfg_region_index(r));
    print_string(v, " ", mach_cfg_region_name(r), "");
    fprintf(v->out, "  %s", WORD(region_mode, mach_cfg_region_mode(r)));
    if (mach_cfg_region_guest(r) != MACH_CFG_NONE64)
        print_span(v, " at ", mach_cfg_region_guest(r), mach_cfg_region_size(r));
    if (mach_cfg_region_host(r) != MACH_CFG_NONE64)
        print_span(v, ", host ", mach_cfg_region_host(r), mach_cfg_region_size(r));
    print_string(v, ", file ", mach_cfg_region_file(r), "");
    if (mach_cfg_region_offset(r))
        fprintf(v->out, " + 0x%" PRIx64, mach_cfg_region_offset(r));
    fputs(mach_cfg_region_flags(r) & MACH_CFG_REGION_UNSAFE ? ", unsafe" : "", v->out);
    print_string(v, " \"", mach_cfg_region_reason(r), "\"");
    fputs(mach_cfg_region_flags(r) & MACH_CFG_REGION_SHADOW ? ", shadow" : "", v->out);
    fputs(mach_cfg_region_flags(r) & MACH_CFG_REGION_BIG_ENDIAN ? ", big-endian\n" : "\n", v->out);
}

// Those of all regions follow each other in the order of the regions: each is met once in a walk over the devices.
static void show_writes(const struct view *v, uint32_t region)
{
    for (; *v->writes < v->file->section[MACH_CFG_S_WRITE].count; ++*v->writes) {
        struct mach_cfg_rec w = record(v, MACH_CFG_S_WRITE, *v->writes);
        if (mach_cfg_write_region(w) != region)
            return;
        uint32_t flags = mach_cfg_write_flags(w);
        fprintf(v->out, "    write 0x%" PRIx32 " mask 0x%" PRIx32 "%s%s\n", mach_cfg_write_offset(w),
                mach_cfg_write_mask(w), flags & MACH_CFG_WRITE_HIWORD ? " hiword" : "",
                flags & MACH_CFG_WRITE_PLAIN ? " plain" : "");
    }
}

static void show_irq(const struct view *v, struct mach_cfg_rec r)
{
    struct mach_cfg_rec chip = record(v, MACH_CFG_S_IRQCHIP, mach_cfg_irq_chip(r));
    int entry = mach_cfg_irq_source(r) == MACH_CFG_IRQ_MAP_ENTRY;
    fprintf(v->out, "  %s %" PRIu32, entry ? "irq of map entry" : "irq", mach_cfg_irq_index(r));
    print_string(v, " ", mach_cfg_irq_name(r), "");
    print_string(v, "  from ", mach_cfg_irq_host(r), "");
    print_string(v, "  from ", mach_cfg_irq_file(r), "");
    if (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_DROPPED)
        fputs("  drop", v->out);
    print_string(v, "  to ", mach_cfg_irqchip_name(chip), "");
    print_string(v, " ", mach_cfg_irq_kind(r), "");
    print_optional(v, " ", mach_cfg_irq_number(r));
    print_string(v, " ", mach_cfg_irq_trigger_name(r), "");
    print_optional(v, ", GSI ", mach_cfg_irq_gsi(r));
    if (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_SHARED)
        fputs(", with another interrupt on the line", v->out);
    fputs(mach_cfg_irq_flags(r) & MACH_CFG_IRQ_RESAMPLE ? ", resample\n" : "\n", v->out);
}

static void show_map(const struct view *v, struct mach_cfg_rec r)
{
    print_span(v, "    ", mach_cfg_dma_map_iova(r), mach_cfg_dma_map_size(r));
    fprintf(v->out, "  %s", WORD(map_kind, mach_cfg_dma_map_what(r)));
    if (mach_cfg_dma_map_what(r) == MACH_CFG_MAP_MSI_BANK)
        fprintf(v->out, " %" PRIu32, mach_cfg_dma_map_bank(r));
    if (mach_cfg_dma_map_memory(r) != MACH_CFG_NONE)
        print_string(v, " ", mach_cfg_memory_name(record(v, MACH_CFG_S_MEMORY, mach_cfg_dma_map_memory(r))), "");
    if (mach_cfg_dma_map_region(r) != MACH_CFG_NONE)
        fprintf(v->out, " %" PRIu32, mach_cfg_region_index(record(v, MACH_CFG_S_REGION, mach_cfg_dma_map_region(r))));
    if (mach_cfg_dma_map_offset(r))
        fprintf(v->out, " + 0x%" PRIx64, mach_cfg_dma_map_offset(r));
    if (mach_cfg_dma_map_granted(r) > mach_cfg_dma_map_size(r))
        fprintf(v->out, ", 0x%" PRIx64 " more in reach", mach_cfg_dma_map_granted(r) - mach_cfg_dma_map_size(r));
    fputs(mach_cfg_dma_map_flags(r) & MACH_CFG_MAP_READONLY ? ", readonly\n" : "\n", v->out);
}

static void show_stash(const struct view *v, struct mach_cfg_rec r)
{
    fprintf(v->out, ", stash %s", WORD(stash_kind, mach_cfg_stash_kind(r)));
    print_optional(v, " of vcpu ", mach_cfg_stash_vcpu(r));
    print_optional(v, " (host cpu ", mach_cfg_stash_host_cpu(r));
    fputs(mach_cfg_stash_host_cpu(r) != MACH_CFG_NONE ? ")" : "", v->out);
    print_optional(v, ", cache id ", mach_cfg_stash_cache_id(r));
    if (mach_cfg_stash_kind(r) == MACH_CFG_STASH_TPH && mach_cfg_stash_memory_type(r) != MACH_CFG_MEMORY_VOLATILE)
        fprintf(v->out, ", %s memory", WORD(memory_type, mach_cfg_stash_memory_type(r)));
    print_optional(v, ", entry ", mach_cfg_stash_st_index(r));
    fputs(mach_cfg_stash_flags(r) & MACH_CFG_STASH_IF_POSSIBLE ? ", if possible" : "", v->out);
}

static void show_dma(const struct view *v, struct mach_cfg_rec r)
{
    uint32_t flags = mach_cfg_dma_flags(r);
    print_string(v, "  dma ", mach_cfg_dma_name(r), "");
    fprintf(v->out, "%s%s", mach_cfg_dma_name(r) ? "  " : "  dma  ", WORD(dma_mode, mach_cfg_dma_mode(r)));
    if (mach_cfg_dma_guest_iommu(r) != MACH_CFG_NONE)
        print_string(v, " ", mach_cfg_device_name(record(v, MACH_CFG_S_DEVICE, mach_cfg_dma_guest_iommu(r))), "");
    if (flags & MACH_CFG_DMA_HAS_WINDOW)
        print_span(v, " ", mach_cfg_dma_window(r), mach_cfg_dma_size(r));
    if (mach_cfg_dma_subwindows(r))
        fprintf(v->out, ", %" PRIu32 " subwindows", mach_cfg_dma_subwindows(r));
    if (mach_cfg_dma_subwindows(r) && mach_cfg_dma_whole_subwindows(r) != mach_cfg_dma_subwindows(r))
        fprintf(v->out, mach_cfg_dma_whole_subwindows(r) ? " (%" PRIu32 " whole ones)" : " (not as whole ones)",
                mach_cfg_dma_whole_subwindows(r));
    if (mach_cfg_dma_page_shift(r))
        fprintf(v->out, ", pages of up to 2^%" PRIu32 " bytes", mach_cfg_dma_page_shift(r));
    if (mach_cfg_dma_endpoint(r) != MACH_CFG_NONE)
        fprintf(v->out, ", endpoint 0x%" PRIx32, mach_cfg_dma_endpoint(r));
    if (flags & MACH_CFG_DMA_HAS_LIODN_INDEX)
        fprintf(v->out, ", LIODN index %" PRIu32, mach_cfg_dma_liodn_index(r));
    if (flags & MACH_CFG_DMA_HAS_STREAM)
        fprintf(v->out, ", stream %" PRIu32, mach_cfg_dma_stream(r));
    if (flags & MACH_CFG_DMA_HAS_OPERATION)
        fprintf(v->out, ", operation %" PRIu32, mach_cfg_dma_operation(r));
    if (flags & MACH_CFG_DMA_NO_IOMMU)
        fputs(", no IOMMU", v->out);
    if (mach_cfg_dma_stash(r) != MACH_CFG_NONE)
        show_stash(v, record(v, MACH_CFG_S_STASH, mach_cfg_dma_stash(r)));
    putc('\n', v->out);
    for (uint32_t i = 0; i < mach_cfg_dma_maps(r); i++)
        show_map(v, record(v, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(r) + i));
}

static void show_device(const struct view *v, struct mach_cfg_rec r)
{
    print_string(v, "\ndevice ", mach_cfg_device_name(r), "");
    fprintf(v->out, "  %s", WORD(device_kind, mach_cfg_device_kind(r)));
    print_string(v, " ", mach_cfg_device_sysfs_name(r), "");
    print_string(v, ", class ", mach_cfg_device_class_name(r), "");
    print_string(v, ", ", mach_cfg_device_compatible(r), "");
    print_optional(v, ", vcpu ", mach_cfg_device_vcpu(r));
    print_string(v, ", on ", mach_cfg_device_bus(r), "");
    print_optional(v, " slot ", mach_cfg_device_slot(r));
    putc('\n', v->out);
    print_string(v, "  guest ", mach_cfg_device_node(r), "\n");
    print_string(v, "  host ", mach_cfg_device_host_path(r), "\n");
    for (uint32_t i = 0; i < mach_cfg_device_regions(r); i++) {
        uint32_t region = mach_cfg_device_first_region(r) + i;
        show_region(v, record(v, MACH_CFG_S_REGION, region));
        show_writes(v, region);
    }
    for (uint32_t i = 0; i < mach_cfg_device_irqs(r); i++)
        show_irq(v, record(v, MACH_CFG_S_IRQ, mach_cfg_device_first_irq(r) + i));
    for (uint32_t i = 0; i < mach_cfg_device_dmas(r); i++)
        show_dma(v, record(v, MACH_CFG_S_DMA, mach_cfg_device_first_dma(r) + i));
}

static void show_expect(const struct view *v, struct mach_cfg_rec r)
{
    fprintf(v->out, "  %s", WORD(expect_kind, mach_cfg_expect_kind(r)));
    if (mach_cfg_expect_device(r) != MACH_CFG_NONE)
        print_string(v, " of ", mach_cfg_device_name(record(v, MACH_CFG_S_DEVICE, mach_cfg_expect_device(r))), "");
    // Only these kinds use the index.
    const uint32_t numbered = 1U << MACH_CFG_EXPECT_HOST_COMPATIBLE | 1U << MACH_CFG_EXPECT_CPU_ONLINE |
                              1U << MACH_CFG_EXPECT_REGION | 1U << MACH_CFG_EXPECT_IRQ_TRIGGER |
                              1U << MACH_CFG_EXPECT_CPU_ISOLATED;
    if (numbered >> mach_cfg_expect_kind(r) & 1)
        fprintf(v->out, " %" PRIu32, mach_cfg_expect_index(r));
    print_string(v, " ", mach_cfg_expect_string(r), "");
    if (mach_cfg_expect_a(r) != MACH_CFG_NONE64)
        fprintf(v->out, ", 0x%" PRIx64, mach_cfg_expect_a(r));
    if (mach_cfg_expect_b(r) != MACH_CFG_NONE64)
        fprintf(v->out, ", 0x%" PRIx64, mach_cfg_expect_b(r));
    putc('\n', v->out);
}

static void show_section(const struct view *v, uint32_t section, void (*show)(const struct view *, struct mach_cfg_rec))
{
    for (uint32_t i = 0; i < v->file->section[section].count; i++)
        show(v, record(v, section, i));
}

static void show_cpu(const struct view *v, struct mach_cfg_rec r)
{
    fprintf(v->out, "cpu %" PRIu32, mach_cfg_cpu_vcpu(r));
    print_optional(v, " on host cpu ", mach_cfg_cpu_host_cpu(r));
    putc('\n', v->out);
}

void mach_config_show(const struct mach_config *config, FILE *out)
{
    uint32_t writes = 0;
    const struct view v = {mach_config_file(config), out, &writes};
    struct mach_cfg_rec m = record(&v, MACH_CFG_S_MACHINE, 0);
    print_string(&v, "machine ", mach_cfg_machine_name(m), "");
    print_string(&v, " : ", mach_cfg_machine_platform(m), "");
    fprintf(out, "  %s, host pages of 0x%" PRIx64, WORD(arch, mach_cfg_machine_arch(m)),
            mach_cfg_machine_host_page_size(m));
    fprintf(out, ", IOMMU %s\n", WORD(iommu, mach_cfg_machine_iommu(m)));
    print_string(&v, "host model ", mach_cfg_machine_host_model(m), "\n");
    print_string(&v, "host tree ", mach_cfg_machine_host_file(m), "\n");
    show_section(&v, MACH_CFG_S_CPU, show_cpu);
    show_section(&v, MACH_CFG_S_MEMORY, show_memory);
    show_section(&v, MACH_CFG_S_IRQCHIP, show_irqchip);
    show_section(&v, MACH_CFG_S_DEVICE, show_device);
    fputs("\nexpected of the host\n", out);
    show_section(&v, MACH_CFG_S_EXPECT, show_expect);
}
