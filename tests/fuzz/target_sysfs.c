// SPDX-License-Identifier: MIT
/*
 * Runs the walk of `machrt check` over a small tree of files that the input describes: sysfs with the host's device
 * tree, /proc/iomem, /dev. Each line of the input is a file, which replaces one of the board below:
 *
 *     PATH <HEX          bytes
 *     PATH "TEXT         a text, in which `|` stands for a NUL and `;` for the end of a line
 *     PATH >TARGET       a symbolic link
 *
 * Whatever it says: the walk ends after so many calls, each finding has a text that a terminal can show, and what was
 * opened is closed.
 */
#include "base.h"

// The config is made as the runtime's tests make theirs; the compiler, which base.c uses, has a function of that name.
#define cfg_add cfg_add_record
#include "../runtime/cfg.c"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTRIES = 512, LINKS = 8, CALLS = 1 << 20 };

static const char board[] =
    "/sys/firmware/devicetree/base/compatible \"acme,board|acme,soc|\n"
    "/sys/firmware/devicetree/base/#address-cells <00000002\n"
    "/sys/firmware/devicetree/base/#size-cells <00000002\n"
    "/sys/firmware/devicetree/base/interrupt-parent <00000007\n"
    "/sys/firmware/devicetree/base/gic/phandle <00000007\n"
    "/sys/firmware/devicetree/base/gic/#interrupt-cells <00000003\n"
    "/sys/firmware/devicetree/base/soc/gpio/phandle <00000008\n"
    "/sys/firmware/devicetree/base/soc/gpio/#interrupt-cells <00000002\n"
    "/sys/firmware/devicetree/base/soc/#address-cells <00000001\n"
    "/sys/firmware/devicetree/base/soc/#size-cells <00000001\n"
    "/sys/firmware/devicetree/base/soc/ranges <00000000000000050000000010000000\n"
    "/sys/firmware/devicetree/base/soc/bus/#address-cells <00000001\n"
    "/sys/firmware/devicetree/base/soc/bus/#size-cells <00000001\n"
    "/sys/firmware/devicetree/base/soc/bus/ranges <\n"
    "/sys/firmware/devicetree/base/soc/bus/eth/compatible \"acme,eth|\n"
    "/sys/firmware/devicetree/base/soc/bus/eth/reg <0218000000010000\n"
    "/sys/firmware/devicetree/base/soc/bus/eth/interrupts <000000000000003800000004\n"
    "/sys/firmware/devicetree/base/soc/rtc/interrupts-extended <000000080000000100000004\n"
    "/sys/firmware/devicetree/base/reserved-memory/#address-cells <00000002\n"
    "/sys/firmware/devicetree/base/reserved-memory/#size-cells <00000002\n"
    "/sys/firmware/devicetree/base/reserved-memory/guest/reg <00000000400000000000000010000000\n"
    "/sys/bus/platform/devices/2180000.eth >../../../devices/2180000.eth\n"
    "/sys/bus/platform/devices/2180000.eth/of_node >../../firmware/devicetree/base/soc/bus/eth\n"
    "/sys/bus/amba/devices/9010000.rtc >../../../devices/9010000.rtc\n"
    "/sys/bus/amba/devices/9010000.rtc/of_node >../../firmware/devicetree/base/soc/rtc\n"
    "/sys/bus/amba/devices/9010000.rtc/resource \"9010000 9010fff 200;\n"
    "/sys/bus/pci/devices/0000:00:02.0 >../../../devices/0000:00:02.0\n"
    "/sys/bus/pci/devices/0000:00:02.0/resource \"0x10000000 0x100fffff 0x200;\n"
    "/sys/bus/pci/devices/0000:00:02.0/iommu_group >../../kernel/iommu_groups/5\n"
    "/sys/devices/system/cpu/online \"0-1,3;\n"
    "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages \"16;\n"
    "/proc/iomem \"00000000-3fffffff : System RAM;40000000-7fffffff : reserved;\n"
    "/dev/uio0 \"\n";

struct entry {
    const char *path, *value;
    uint32_t path_length, length;
};

struct tree {
    struct entry entry[ENTRIES];
    uint32_t n, calls;
    int open;
};

/* A walk that does not end is a finding before libFuzzer's clock says so. */
static void count_call(struct tree *t)
{
    if (++t->calls > CALLS)
        finding("the walk makes more than %d calls", CALLS);
}

static void read_lines(struct tree *t, const char *text, size_t size)
{
    for (const char *end = text + size, *next; text < end; text = next) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        line_end = line_end ? line_end : end;
        next = line_end + (line_end < end);
        const char *blank = memchr(text, ' ', (size_t)(line_end - text));
        if (!blank || blank == text || line_end - blank < 2)
            continue;
        struct entry e = {text, blank + 1, (uint32_t)(blank - text), (uint32_t)(line_end - blank - 1)};
        uint32_t i = 0;
        while (i < t->n &&
               (t->entry[i].path_length != e.path_length || memcmp(t->entry[i].path, e.path, e.path_length) != 0))
            i++;
        if (i < ENTRIES)
            t->entry[i] = e;
        t->n = i == t->n && i < ENTRIES ? i + 1 : t->n;
    }
}

static const struct entry *find(const struct tree *t, const char *path)
{
    size_t n = strlen(path);
    for (uint32_t i = 0; i < t->n; i++)
        if (t->entry[i].path_length == n && !memcmp(t->entry[i].path, path, n))
            return &t->entry[i];
    return NULL;
}

/* The bytes of a file, as many as there is room for. */
static size_t decode(const struct entry *e, uint8_t *to, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    if (*e->value == '<') {
        for (uint32_t i = 1; i + 1 < e->length && n < room; i += 2) {
            const char *high = strchr(digits, e->value[i]), *low = strchr(digits, e->value[i + 1]);
            to[n++] = (uint8_t)((high ? (size_t)(high - digits) : 0) << 4 | (low ? (size_t)(low - digits) : 0));
        }
        return n;
    }
    for (uint32_t i = 1; i < e->length && n < room; i++)
        to[n++] = (uint8_t)(e->value[i] == '|' ? '\0' : e->value[i] == ';' ? '\n' : e->value[i]);
    return n;
}

/* Follows the link of a device to its node, which is all that the runtime has the kernel follow. */
static bool resolve(const struct tree *t, const char *path, char *to, size_t size)
{
    snprintf(to, size, "%s", path);
    for (int i = 0; i < LINKS; i++) {
        char *at = strstr(to, "/of_node/"), rest[512];
        if (!at)
            return true;
        snprintf(rest, sizeof rest, "%s", at + strlen("/of_node"));
        at[strlen("/of_node")] = '\0';
        const struct entry *e = find(t, to);
        const char *base = e && *e->value == '>' ? memmem(e->value, e->length, "firmware", strlen("firmware")) : NULL;
        if (!base)
            return false;
        snprintf(to, size, "/sys/%.*s%s", (int)(e->value + e->length - base), base, rest);
    }
    return false;
}

static int64_t tree_read_file(void *o, const char *path, void *buffer, size_t size)
{
    char real[1024];
    count_call(o);
    const struct entry *e = resolve(o, path, real, sizeof real) ? find(o, real) : NULL;
    return e && *e->value != '>' ? (int64_t)decode(e, buffer, size) : -ENOENT;
}

static int64_t tree_readlink(void *o, const char *path, char *buffer, size_t size)
{
    count_call(o);
    const struct entry *e = find(o, path);
    if (!e || *e->value != '>')
        return -ENOENT;
    return snprintf(buffer, size, "%.*s", (int)e->length - 1, e->value + 1) < (int)size ? e->length - 1
                                                                                        : (int64_t)size - 1;
}

/* Names that directories have in the tree; one that appears twice is listed twice, as no kernel does. */
static int tree_list(void *o, const char *path, int (*each)(void *arg, const char *name, int is_directory), void *arg)
{
    struct tree *t = o;
    size_t n = strlen(path);
    bool any = false;
    count_call(t);
    for (uint32_t i = 0, stop = 0; i < t->n && !stop; i++) {
        const struct entry *e = &t->entry[i];
        if (e->path_length <= n + 1 || memcmp(e->path, path, n) != 0 || e->path[n] != '/')
            continue;
        char name[256];
        const char *rest = e->path + n + 1, *slash = memchr(rest, '/', e->path_length - n - 1);
        size_t len = slash ? (size_t)(slash - rest) : e->path_length - n - 1;
        bool seen = len >= sizeof name;
        for (uint32_t k = 0; slash && k < i && !seen; k++) // a directory once, whatever is in it
            seen = t->entry[k].path_length > n + 1 + len && !memcmp(t->entry[k].path, e->path, n + 1 + len + 1);
        if (seen || !len)
            continue;
        any = true;
        snprintf(name, sizeof name, "%.*s", (int)len, rest);
        stop = (uint32_t)each(arg, name, slash != NULL);
    }
    return any ? 0 : -ENOENT;
}

static int tree_access(void *o, const char *path, int mode)
{
    const struct tree *t = o;
    size_t n = strlen(path);
    (void)mode;
    count_call(o);
    for (uint32_t i = 0; i < t->n; i++)
        if (t->entry[i].path_length >= n && !memcmp(t->entry[i].path, path, n) &&
            (t->entry[i].path_length == n || t->entry[i].path[n] == '/'))
            return 0;
    return -ENOENT;
}

static int tree_open(void *o, const char *path, int flags)
{
    count_call(o);
    if (!find(o, path) || (flags & O_ACCMODE) != O_RDONLY)
        return -ENOENT;
    ((struct tree *)o)->open++;
    return 100;
}

static int tree_close(void *o, int fd)
{
    (void)fd;
    ((struct tree *)o)->open--;
    return 0;
}

static int64_t tree_pread(void *o, int fd, void *buffer, size_t size, uint64_t offset)
{
    (void)fd, (void)offset;
    count_call(o);
    memset(buffer, 0, size);
    return (int64_t)size;
}

static int no_ioctl(void *o, int fd, unsigned long request, void *arg)
{
    (void)o, (void)fd, (void)request, (void)arg;
    return -ENOTTY;
}

static void check_finding(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    if (!*f->object || (f->proof != MACH_PROOF_HOLDS && !*f->text))
        finding("a finding without a text");
    for (const char *s = f->text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            finding("a finding with the byte 0x%02x", (unsigned)(unsigned char)*s);
}

static struct mach_config *make_config(void)
{
    const uint64_t none = MACH_CFG_NONE64;
    const uint32_t host = MACH_CFG_NONE;
    static struct cfg *c; // holds the bytes
    c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    cfg_chip(c, "arm-vgic-v3", 96, 0x8000000, 0x80a0000);
    cfg_memory(c, "ram", MACH_CFG_BACKING_PHYSICAL, 0x80000000, 0x1000000, 0x40000000);
    cfg_device(c, "eth", MACH_CFG_DEVICE_PLATFORM, "2180000.eth", 0);
    cfg_device(c, "rtc", MACH_CFG_DEVICE_PLATFORM, "9010000.rtc", 0);
    cfg_device(c, "edu", MACH_CFG_DEVICE_PCI, "0000:00:02.0", 0);
    cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, host, 1, "acme,soc", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_CPU_ONLINE, host, 3, "", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_HUGE_PAGES, host, 0, "", 2 << 20, 32 << 20);
    cfg_expect(c, MACH_CFG_EXPECT_MEMORY_FREE, host, 0, "ram", 0x40000000, 0x1000000);
    cfg_expect(c, MACH_CFG_EXPECT_FILE, host, 0, "/dev/uio0", none, none);
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const names[] = {"2180000.eth", "9010000.rtc", "0000:00:02.0"};
        cfg_expect(c, MACH_CFG_EXPECT_SYSFS_NAME, i, 0, names[i], none, none);
        CFG_SET(c, device, DEVICE, i, compatible, cfg_string(c, "acme,eth"));
        cfg_expect(c, MACH_CFG_EXPECT_COMPATIBLE, i, 0, "acme,eth", none, none);
        cfg_expect(c, MACH_CFG_EXPECT_REGION, i, 0, "", 0x502180000, 0x10000);
        cfg_expect(c, MACH_CFG_EXPECT_REGION, i, 1, "", none, 0x10000);
        cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, i, 0, "", 1, none);
        cfg_expect(c, MACH_CFG_EXPECT_GROUP_MEMBER, i, 0, "0000:00:02.1", none, none);
    }
    return cfg_open(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mach_config *config; // the same for every input
    static struct tree t;
    config = config ? config : make_config();
    memset(&t, 0, sizeof t);
    read_lines(&t, board, sizeof board - 1);
    read_lines(&t, (const char *)data, size);
    struct mach_sys sys = *mach_sys_linux();
    sys.opaque = &t;
    sys.read_file = tree_read_file;
    sys.readlink = tree_readlink;
    sys.list = tree_list;
    sys.access = tree_access;
    sys.open = tree_open;
    sys.close = tree_close;
    sys.pread = tree_pread;
    sys.ioctl = no_ioctl;
    const struct mach_options o = {.size = sizeof o, .sys = &sys, .finding = check_finding};
    struct mach_error e = MACH_ERROR_INIT;
    if (mach_config_check(config, &o, &e) < 0 && (!e.step || !*e.hint))
        finding("an error without a text");
    if (t.open)
        finding("%d files are left open", t.open);
    return 0;
}
