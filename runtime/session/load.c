// SPDX-License-Identifier: MIT
/*
 * Loads what a guest boots with into its memory. The kernel is at the start of the first memory that is the guest's
 * own, the tree at the end of it, and the initramfs where /chosen says. The rest of the initramfs's place is zeros,
 * which may follow a cpio archive: memory from a file still has the contents of the guest before.
 */
#include "base/error.h"
#include "session/steps.h"

#include <errno.h>
#include <inttypes.h>

enum { ALIGN = 2 << 20 }; // of the kernel, and of what holds the tree: arch/arm64/booting.rst, arch/riscv/boot.rst

struct piece {
    uint64_t first, end; // guest addresses; first == end: nothing
};

static bool overlap(struct piece a, struct piece b)
{
    return a.first < b.end && b.first < a.end;
}

/* ---- the tree: Devicetree Specification 0.4, chapter 5 ---- */

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9, FDT_MAGIC = (int)0xd00dfeed };

struct tree {
    const uint8_t *at;
    uint64_t size;
};

// A word of the tree; beyond its end the token FDT_END.
static uint32_t word(const struct tree *t, uint64_t offset)
{
    if (offset > t->size || t->size - offset < 4)
        return FDT_END;
    const uint8_t *p = t->at + offset;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// A string of the tree; "" if the offset is not one of a string.
static const char *string(const struct tree *t, uint64_t offset)
{
    return offset < t->size && memchr(t->at + offset, 0, (size_t)(t->size - offset)) ? (const char *)t->at + offset
                                                                                     : "";
}

// The number in a property of /chosen of one or two cells; 0: there is no such property.
static uint64_t chosen(const struct tree *t, const char *name)
{
    uint64_t at = word(t, 8), strings = word(t, 12); // off_dt_struct, off_dt_strings
    unsigned depth = 0;
    bool inside = false;
    for (;;) {
        uint32_t token = word(t, at), size = word(t, at + 4);
        at += 4;
        if (token == FDT_BEGIN_NODE) {
            const char *node = string(t, at);
            if (++depth == 2)
                inside = !strcmp(node, "chosen");
            at += (strlen(node) + 4) & ~(size_t)3;
        } else if (token == FDT_PROP) {
            if (inside && depth == 2 && (size == 4 || size == 8) && !strcmp(string(t, strings + word(t, at + 4)), name))
                return size == 4 ? word(t, at + 8) : (uint64_t)word(t, at + 8) << 32 | word(t, at + 12);
            at += 8 + (((uint64_t)size + 3) & ~UINT64_C(3));
        } else if (token == FDT_END_NODE) {
            depth--;
        } else if (token != FDT_NOP) {
            return 0; // the end
        }
    }
}

/* ---- kernel, tree, initramfs ---- */

// The magic number at byte 56 of an Image (Documentation/arch/arm64/booting.rst, arch/riscv/boot-image-header.rst).
static const char *image_magic(uint32_t arch)
{
    return arch == MACH_CFG_ARCH_ARM64 ? "ARMd" : arch == MACH_CFG_ARCH_RISCV64 ? "RSC\005" : NULL;
}

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static int load_kernel(const struct mach_session *s, const struct mach_memory *ram, struct mach_load *x,
                       struct piece *to, struct mach_error *error)
{
    const char *magic = image_magic(mach_cfg_machine_arch(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0)));
    const uint8_t *image = (const uint8_t *)x->kernel;
    if (!magic)
        return machrt_fill_error(error, "arguments", EINVAL, "the kernel", "%s",
                                 "it is known for arm64 and riscv64 only how a kernel is loaded");
    if (x->kernel_size < 64 || memcmp(image + 56, magic, 4))
        return machrt_fill_error(error, "arguments", EINVAL, "the kernel", "%s",
                                 "it is no Image for the guest's architecture; unpack a compressed one first");
    // The header has text_offset at 8, and image_size, which includes the kernel's bss, at 16.
    uint64_t base = (ram->address + ALIGN - 1) / ALIGN * ALIGN - ram->address, offset = load_le64(image + 8),
             size = load_le64(image + 16);
    size = size > x->kernel_size ? size : x->kernel_size;
    if (base > ram->size || offset > ram->size - base || size > ram->size - base - offset)
        return machrt_fill_error(error, "arguments", ENOSPC, "the kernel",
                                 "it needs 0x%" PRIx64 " bytes, and memory %s has 0x%" PRIx64, size, ram->name,
                                 ram->size);
    memcpy((uint8_t *)ram->at + base + offset, image, x->kernel_size);
    x->entry = ram->address + base + offset;
    *to = (struct piece){x->entry, x->entry + size};
    return 0;
}

static int load_tree(const struct mach_memory *ram, struct mach_load *x, const struct tree *t, struct piece *to,
                     struct mach_error *error)
{
    uint64_t end = ram->address + ram->size, at = ram->size < t->size ? 0 : (end - t->size) & ~(uint64_t)(ALIGN - 1);
    if (at < ram->address)
        return machrt_fill_error(error, "arguments", ENOSPC, "the tree", "memory %s is too small", ram->name);
    memcpy((uint8_t *)ram->at + (at - ram->address), t->at, (size_t)t->size);
    x->dtb = at;
    *to = (struct piece){at, at + t->size};
    return 0;
}

static int load_initramfs(const struct mach_session *s, const struct mach_load *x, const struct tree *t,
                          struct piece *to, struct mach_error *error)
{
    static const char who[] = "the initramfs";
    *to = (struct piece){chosen(t, "linux,initrd-start"), chosen(t, "linux,initrd-end")};
    if (to->first >= to->end) {
        *to = (struct piece){0, 0};
        return x->initramfs
                   ? machrt_fill_error(error, "arguments", EINVAL, who, "%s",
                                       "the tree has no place for it. Add to the description: node /chosen { "
                                       "linux,initrd-start = <0x0 ADDRESS>; linux,initrd-end = <0x0 ADDRESS>; };")
                   : 0;
    }
    uint64_t size = to->end - to->first;
    if (!x->initramfs)
        return machrt_fill_error(error, "arguments", EINVAL, who,
                                 "the tree has a place for it, at 0x%" PRIx64 ": give it as well", to->first);
    uint8_t *at = (uint8_t *)mach_session_at(s, to->first, size, 1);
    if (!at)
        return machrt_fill_error(error, "arguments", ENOSPC, who,
                                 "its place, 0x%" PRIx64 "-0x%" PRIx64 ", is not in the guest's memory", to->first,
                                 to->end);
    if (x->initramfs_size > size)
        return machrt_fill_error(error, "arguments", ENOSPC, who,
                                 "it has 0x%zx bytes, and its place in the tree 0x%" PRIx64, x->initramfs_size, size);
    memcpy(at, x->initramfs, x->initramfs_size);
    memset(at + x->initramfs_size, 0, (size_t)(size - x->initramfs_size));
    return 0;
}

// The first memory that is the guest's own: it cannot run in memory that is shared or read-only.
static const struct mach_memory *find_ram(const struct mach_session *s)
{
    for (uint32_t i = 0; i < s->memories; i++)
        if (!mach_cfg_memory_share(s->memory[i].rec) && !s->memory[i].m.readonly)
            return &s->memory[i].m;
    return NULL;
}

int mach_session_load(struct mach_session *s, struct mach_load *load, const void *tree, size_t size,
                      struct mach_error *error)
{
    const struct tree t = {(const uint8_t *)tree, size};
    const struct mach_memory *ram = find_ram(s);
    struct piece kernel = {0, 0}, dtb = {0, 0}, initramfs = {0, 0};
    struct mach_load to = {.size = sizeof to};
    int r = machrt_copy_struct(&to, sizeof to, MACHRT_SIZE_UP_TO(struct mach_load, dtb), load);
    if (r)
        return machrt_fill_error(error, "arguments", r, "struct mach_load", "%s", "it has the wrong `size`");
    if (s->options.flags & MACH_DRY_RUN)
        return machrt_fill_error(error, "arguments", EINVAL, "the session", "%s", "it only pretends: it has no memory");
    if (!ram)
        return machrt_fill_error(error, "arguments", ENOSPC, "the machine", "%s", "it has no memory of its own");
    if (word(&t, 0) != (uint32_t)FDT_MAGIC)
        return machrt_fill_error(error, "arguments", EINVAL, "the tree", "%s", "it is no device tree blob");
    // The kernel comes first, so that where it ends is known.
    r = load_kernel(s, ram, &to, &kernel, error);
    r = r ? r : load_tree(ram, &to, &t, &dtb, error);
    r = r ? r : load_initramfs(s, &to, &t, &initramfs, error);
    if (r)
        return r;
    if (overlap(kernel, dtb) || overlap(kernel, initramfs) || overlap(initramfs, dtb))
        return machrt_fill_error(
            error, "arguments", ENOSPC, "the machine",
            "kernel, 0x%" PRIx64 "-0x%" PRIx64 ", initramfs, 0x%" PRIx64 "-0x%" PRIx64 ", and tree, 0x%" PRIx64
            "-0x%" PRIx64 ", overlap: move the initramfs, or enlarge memory %s",
            kernel.first, kernel.end, initramfs.first, initramfs.end, dtb.first, dtb.end, ram->name);
    load->entry = to.entry;
    load->dtb = to.dtb;
    return 0;
}
