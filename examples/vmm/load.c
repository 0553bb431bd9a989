// SPDX-License-Identifier: MIT
/*
 * Loads kernel, initramfs and device tree into guest memory:
 *
 *   kernel       at the start of the first memory that is the guest's own
 *   device tree  at the end of it, as the config's digest says, and completed by the session: where no IOMMU
 * translates, it has device addresses that are known only now initramfs    at /chosen linux,initrd-start to
 * linux,initrd-end of the tree: the description decides about it, as about every other address. The rest of its place
 * is zeros, which may follow a cpio archive
 */
#include "machvm.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { ALIGN = 2 << 20 }; // of the kernel, and of what holds the tree: arch/arm64/booting.rst, arch/riscv/boot.rst

struct span {
    uint64_t first, end; // guest addresses; first == end: nothing
};

static bool overlap(struct span a, struct span b)
{
    return a.first < b.end && b.first < a.end;
}

/* ---- files ---- */

// Reads a file of at most `size` bytes. Returns its size; -1 after a message: it is larger, or cannot be read.
static int64_t read_into(const char *path, void *at, uint64_t size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return complain(errno, "%s", path);
    size_t n = fread(at, 1, (size_t)size, f);
    bool more = getc(f) != EOF, bad = ferror(f);
    fclose(f);
    if (bad)
        return complain(EIO, "%s", path);
    return more ? complain(0, "%s: the file is larger than the 0x%" PRIx64 " bytes of its place", path, size)
                : (int64_t)n;
}

/* ---- the tree: Devicetree Specification 0.4, chapter 5 ---- */

enum { FDT_BEGIN_NODE = 1, FDT_END_NODE = 2, FDT_PROP = 3, FDT_NOP = 4, FDT_END = 9, FDT_MAX = 2 << 20 };

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

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static int load_kernel(struct vmm *v, const struct mach_memory *ram, struct span *to)
{
    uint64_t base = (ram->address + ALIGN - 1) / ALIGN * ALIGN - ram->address; // in the memory
    uint8_t *at = (uint8_t *)ram->at + base;
    int64_t n = base < ram->size ? read_into(v->kernel, at, ram->size - base) : 0;
    if (n < 0)
        return -1;
    if (n < 64 || memcmp(at + 56, arch_image_magic, sizeof arch_image_magic))
        return complain(0, "%s: not a kernel Image for this architecture; unpack a compressed one first", v->kernel);
    // The header has text_offset at 8, and image_size, which includes the kernel's bss, at 16.
    uint64_t offset = load_le64(at + 8), size = load_le64(at + 16);
    size = size > (uint64_t)n ? size : (uint64_t)n;
    if (offset > ram->size - base || size > ram->size - base - offset)
        return complain(0, "%s: it needs 0x%" PRIx64 " bytes, and memory %s has 0x%" PRIx64, v->kernel, offset + size,
                        ram->name, ram->size);
    if (offset) {
        memmove(at + offset, at, (size_t)n);
        memset(at, 0, (size_t)offset);
    }
    v->entry = ram->address + base + offset;
    *to = (struct span){v->entry, v->entry + size};
    return 0;
}

static int load_dtb(struct vmm *v, const struct mach_memory *ram, const struct tree *t, struct span *to)
{
    uint64_t size = t->size;
    uint64_t at = ram->size < size ? 0 : (ram->size - size) & ~(uint64_t)(ALIGN - 1);
    if (!at)
        return complain(0, "memory %s is too small for a kernel", ram->name);
    memcpy((uint8_t *)ram->at + at, t->at, (size_t)size);
    v->dtb_address = ram->address + at;
    *to = (struct span){v->dtb_address, v->dtb_address + size};
    return 0;
}

static int load_initramfs(struct vmm *v, const struct mach_memory *ram, const struct tree *t, struct span *to)
{
    *to = (struct span){chosen(t, "linux,initrd-start"), chosen(t, "linux,initrd-end")};
    if (to->first >= to->end)
        return v->initramfs
                   ? complain(0,
                              "%s: the tree has no place for an initramfs. Add to the description: node /chosen { "
                              "linux,initrd-start = <0x0 ADDRESS>; linux,initrd-end = <0x0 ADDRESS>; };",
                              v->initramfs)
                   : 0;
    if (!v->initramfs)
        return complain(0, "the tree has a place for an initramfs at 0x%" PRIx64 ": give its file as well", to->first);
    if (to->first < ram->address || to->end - ram->address > ram->size)
        return complain(0, "the place of the initramfs, 0x%" PRIx64 "-0x%" PRIx64 ", is not in memory %s", to->first,
                        to->end, ram->name);
    uint8_t *at = (uint8_t *)ram->at + (to->first - ram->address);
    int64_t n = read_into(v->initramfs, at, to->end - to->first);
    if (n < 0)
        return -1;
    // Memory from a file still has the contents of the previous guest.
    memset(at + n, 0, (size_t)(to->end - to->first - (uint64_t)n));
    return 0;
}

// The first memory that is the guest's own: it cannot run in memory that is shared or read-only. NULL after a message.
static const struct mach_memory *find_ram(const struct vmm *v)
{
    for (uint32_t i = 0; i < mach_cfg_count(v->f, MACH_CFG_S_MEMORY); i++) {
        struct mach_cfg_rec m = mach_cfg_record(v->f, MACH_CFG_S_MEMORY, i);
        if (!mach_cfg_memory_share(m) && !(mach_cfg_memory_flags(m) & MACH_CFG_MEMORY_READONLY))
            return mach_session_memory(v->session, i);
    }
    complain(0, "the machine has no memory of its own");
    return NULL;
}

static int load_all(struct vmm *v, const struct tree *t)
{
    const struct mach_memory *ram = find_ram(v);
    struct span kernel = {0, 0}, tree = {0, 0}, initramfs = {0, 0};
    // The kernel comes first: the place where it ends is known only after its file is read.
    if (!ram || load_kernel(v, ram, &kernel) || load_dtb(v, ram, t, &tree) || load_initramfs(v, ram, t, &initramfs))
        return -1;
    if (!overlap(kernel, tree) && !overlap(kernel, initramfs) && !overlap(initramfs, tree))
        return 0;
    return complain(0,
                    "the kernel, 0x%" PRIx64 "-0x%" PRIx64 ", the initramfs, 0x%" PRIx64 "-0x%" PRIx64
                    ", and the tree, 0x%" PRIx64 "-0x%" PRIx64 ", overlap: move the initramfs, or enlarge memory %s",
                    kernel.first, kernel.end, initramfs.first, initramfs.end, tree.first, tree.end, ram->name);
}

int load(struct vmm *v)
{
    struct mach_error e = MACH_ERROR_INIT;
    uint8_t *dtb = malloc(FDT_MAX);
    int64_t n = dtb ? read_into(v->dtb, dtb, FDT_MAX) : complain(ENOMEM, "%s", v->dtb);
    int r = n < 0 ? -1 : 0;
    if (!r && mach_session_dtb(v->session, dtb, (size_t)n, &e))
        r = complain(0, "%s: %s", v->dtb, e.hint);
    if (!r)
        r = load_all(v, &(struct tree){dtb, (uint64_t)n});
    free(dtb);
    return r;
}
