// SPDX-License-Identifier: MIT
// Checks what the compiler expected of the host, one expectation after the other, and changes nothing.
#include "session/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static void report_finding(struct mach_finding *f, void (*report)(void *opaque, const struct mach_finding *f),
                           void *opaque)
{
    mach_cfg_clean(f->object);
    mach_cfg_clean(f->text);
    if (report)
        report(opaque, f);
}

struct proof {
    struct mach_session *s;
    struct mach_cfg_rec e;
    struct device *d; // NULL: the host
    struct mach_finding *to;
    bool ask_kvm;
    bool later; // what is not known now, the session proves before the guest runs
};

static void set_finding(struct proof *p, enum mach_proof proof, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void set_finding(struct proof *p, enum mach_proof proof, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->to->text, sizeof p->to->text, format, args);
    va_end(args);
    p->to->proof = proof;
}

static void set_unknown(struct proof *p, int r)
{
    set_finding(p, MACH_PROOF_UNKNOWN, "the kernel does not show it: %s", strerror(-r));
}

static void prove_page_size(struct proof *p)
{
    uint64_t a = mach_cfg_expect_a(p->e);
    if (p->s->page != a)
        set_finding(p, MACH_PROOF_FAILS,
                    "its page size is %" PRIu64 " bytes, not %" PRIu64 ": compile with `host { page-size %" PRIu64
                    "; }` for this kernel",
                    p->s->page, a, p->s->page);
}

static void prove_host_compatible(struct proof *p)
{
    char path[PATH_SIZE], data[2048];
    const char *want = machrt_string(p->s, mach_cfg_expect_string(p->e)), *at = data;
    if (!machrt_sysfs_path(p->s, path, "firmware/devicetree/base/compatible"))
        return set_unknown(p, -ENAMETOOLONG);
    int64_t n = p->s->sys.read_file(p->s->sys.opaque, path, data, sizeof data - 1);
    if (n < 0)
        return set_finding(p, MACH_PROOF_FAILS, "the host has no device tree (%s: %s); expected a %s", path,
                           strerror((int)-n), want);
    data[n] = '\0';
    for (uint32_t i = mach_cfg_expect_index(p->e); i && at < data + n; i--)
        at += strlen(at) + 1;
    if (at >= data + n)
        set_finding(p, MACH_PROOF_FAILS, "the host's compatible has fewer strings; expected %s", want);
    else if (strcmp(at, want))
        set_finding(p, MACH_PROOF_FAILS, "this host is a %.200s, not a %.200s: the config is for another board", at,
                    want);
}

static void prove_cpu_online(struct proof *p)
{
    char path[PATH_SIZE], list[2048];
    uint32_t cpu = mach_cfg_expect_index(p->e);
    int r = machrt_sysfs_path(p->s, path, "devices/system/cpu/online") ? machrt_read_line(p->s, path, list, sizeof list)
                                                                       : -ENAMETOOLONG;
    if (r)
        return set_unknown(p, r);
    if (!machrt_list_contains(list, cpu))
        set_finding(p, MACH_PROOF_FAILS, "the cpus %.200s are online: echo 1 > /sys/devices/system/cpu/cpu%u/online",
                    list, cpu);
}

static void prove_huge_pages(struct proof *p)
{
    char path[PATH_SIZE], line[32];
    uint64_t size = mach_cfg_expect_a(p->e), need = mach_cfg_expect_b(p->e);
    int r = machrt_sysfs_path(p->s, path, "kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", size >> 10)
                ? machrt_read_line(p->s, path, line, sizeof line)
                : -ENAMETOOLONG;
    if (r == -ENOENT)
        return set_finding(p, MACH_PROOF_FAILS, "the kernel has no huge pages of %" PRIu64 " KiB", size >> 10);
    if (r)
        return set_unknown(p, r);
    uint64_t pages = size ? need / size : 0, there = strtoull(line, NULL, 10);
    if (there < pages)
        set_finding(p, MACH_PROOF_FAILS,
                    "%" PRIu64 " pages of %" PRIu64 " KiB are needed, %" PRIu64
                    " are free: raise /sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
                    pages, size >> 10, there, size >> 10);
}

/* Of configs before 1.5. What the record of the memory says is proven besides: check_memory.c, prove_memory.c. */
static void prove_memory_free(struct proof *p)
{
    uint64_t a = mach_cfg_expect_a(p->e), b = mach_cfg_expect_b(p->e);
    uint64_t last = b && a + (b - 1) >= a ? a + (b - 1) : UINT64_MAX;
    struct ram ram;
    int r = machrt_find_ram(&p->s->sys, a, last, &ram);
    if (r == -EACCES)
        return set_finding(p, MACH_PROOF_UNKNOWN, "only root can read addresses in %s/iomem", p->s->sys.proc);
    if (r)
        return set_unknown(p, r);
    if (ram.some)
        return set_finding(p, MACH_PROOF_FAILS,
                           "the kernel uses 0x%" PRIx64 "..0x%" PRIx64 " itself, which overlaps 0x%" PRIx64
                           "..0x%" PRIx64 ": reserve it with a /reserved-memory node with `no-map`, or with `mem=`",
                           ram.first, ram.last, a, last);
    char name[128];
    r = machrt_find_claimed(&p->s->sys, a, last, name, sizeof name);
    if (!r)
        set_finding(p, MACH_PROOF_FAILS, "the host has %s there", name);
    else if (r != -ENOENT)
        set_unknown(p, r);
}

static void prove_file(struct proof *p)
{
    const char *name = machrt_string(p->s, mach_cfg_expect_string(p->e));
    char path[PATH_SIZE];
    int r = machrt_file_path(p->s, path, name) ? p->s->sys.access(p->s->sys.opaque, path, R_OK | W_OK) : -ENAMETOOLONG;
    if (r)
        set_finding(p, MACH_PROOF_FAILS, "%.300s: %s", path, strerror(-r));
}

static void prove_sysfs_name(struct proof *p)
{
    if (p->d->bus) {
        char driver[64];
        const char *why = machrt_driver_stays(p->s, p->d, driver, sizeof driver);
        if (why)
            set_finding(p, MACH_PROOF_FAILS, "%s %s", driver, why);
        return;
    }
    bool pci = mach_cfg_device_kind(p->d->rec) == MACH_CFG_DEVICE_PCI;
    set_finding(p, MACH_PROOF_FAILS, "there is no %s/bus/%s/devices/%.200s: %s", p->s->sys.sysfs,
                pci ? "pci" : "platform", p->d->sysfs,
                pci ? "the function has another address, or is disabled"
                    : "its node is disabled, the host has another device tree, or the driver of a parent is missing");
}

static void prove_compatible(struct proof *p)
{
    char path[PATH_SIZE], data[256];
    const char *want = machrt_string(p->s, mach_cfg_expect_string(p->e));
    int64_t n;
    if (!*p->d->sysfs)
        n = machrt_read_of_property(p->s, p->d, "compatible", data, sizeof data - 1);
    else if (machrt_device_path(p->s, path, p->d, "of_node/compatible"))
        n = p->s->sys.read_file(p->s->sys.opaque, path, data, sizeof data - 1);
    else
        n = -ENAMETOOLONG;
    if (n == -ENOENT && !*p->d->sysfs)
        return set_finding(p, MACH_PROOF_FAILS, "the host's tree has no %.200s with a compatible; expected %.200s",
                           machrt_string(p->s, mach_cfg_device_host_path(p->d->rec)), want);
    if (n == -ENOENT)
        return set_finding(p, MACH_PROOF_FAILS, "it has no compatible; expected %.200s", want);
    if (n < 0)
        return set_unknown(p, (int)n);
    data[n] = '\0';
    if (strcmp(data, want))
        set_finding(p, MACH_PROOF_FAILS, "it is a %.200s, not a %.200s", data, want);
}

static void prove_region(struct proof *p)
{
    uint64_t a = mach_cfg_expect_a(p->e), b = mach_cfg_expect_b(p->e), address = 0, size = 0;
    bool ports;
    int r = machrt_find_registers(p->s, p->d, mach_cfg_expect_index(p->e), &address, &size, &ports);
    p->later = p->d->vfio && a == MACH_CFG_NONE64; // VFIO tells the size, and no address
    if (r)
        return set_unknown(p, r);
    if (a != MACH_CFG_NONE64 && a != address)
        set_finding(p, MACH_PROOF_FAILS, "it is at 0x%" PRIx64 ", not at 0x%" PRIx64, address, a);
    else if (size != b)
        set_finding(p, MACH_PROOF_FAILS, "it has 0x%" PRIx64 " bytes, not 0x%" PRIx64, size, b);
}

static void prove_irq_count(struct proof *p)
{
    uint32_t count = 0;
    int r = machrt_count_of_irqs(p->s, p->d, &count);
    p->later = p->d->vfio;
    if (r)
        return set_unknown(p, r);
    if (count != mach_cfg_expect_a(p->e))
        set_finding(p, MACH_PROOF_FAILS, "it has %u interrupts, not %" PRIu64, count, mach_cfg_expect_a(p->e));
}

static void prove_irq_trigger(struct proof *p)
{
    p->later = p->d->vfio;
    set_finding(p, MACH_PROOF_UNKNOWN, "the kernel reports it only for an open device");
}

static void prove_group_member(struct proof *p)
{
    char path[PATH_SIZE], link[PATH_SIZE];
    const char *member = machrt_string(p->s, mach_cfg_expect_string(p->e));
    if (strchr(member, '/'))
        return set_finding(p, MACH_PROOF_FAILS, "not a valid name of a device");
    if (!machrt_device_path(p->s, path, p->d, "iommu_group"))
        return set_unknown(p, -ENAMETOOLONG);
    int64_t n = p->s->sys.readlink(p->s->sys.opaque, path, link, sizeof link);
    p->later = n == -ENOENT && !p->s->groups;
    if (n == -ENOENT)
        return set_finding(p, MACH_PROOF_UNKNOWN,
                           "it has no IOMMU group yet: on arm64 a device gets one with its first driver");
    if (n < 0)
        return set_unknown(p, (int)n);
    size_t len = strlen(path);
    snprintf(path + len, sizeof path - len, "/devices/%.200s", member);
    n = p->s->sys.readlink(p->s->sys.opaque, path, link, sizeof link);
    if (n == -ENOENT)
        set_finding(p, MACH_PROOF_FAILS, "%.200s is not in its IOMMU group", member);
    else if (n < 0)
        set_unknown(p, (int)n);
}

/* A session leaves it to the VMM, which makes the device. */
static void prove_kvm_device(struct proof *p)
{
    const char *name = machrt_string(p->s, mach_cfg_expect_string(p->e));
    int r = p->ask_kvm ? machrt_try_kvm_device(p->s, name) : -ENOSYS;
    p->later = !p->ask_kvm;
    if (r == -ENODEV)
        set_finding(p, MACH_PROOF_FAILS,
                    "this host's KVM has no %.60s: compile with the tree of this host, or write another `irqchip`",
                    name);
    else if (r == -ENOSYS && !p->ask_kvm)
        set_finding(p, MACH_PROOF_UNKNOWN, "the VMM tries it");
    else if (r)
        set_finding(p, MACH_PROOF_UNKNOWN, "/dev/kvm: %s", strerror(-r));
}

static void prove_prepared(struct proof *p)
{
    p->to->proof = machrt_check_prepared(p->s, p->e, p->d, p->to->text, sizeof p->to->text, &p->later);
}

static void (*const proofs[])(struct proof *p) = {
    [MACH_CFG_EXPECT_PAGE_SIZE] = prove_page_size,
    [MACH_CFG_EXPECT_HOST_COMPATIBLE] = prove_host_compatible,
    [MACH_CFG_EXPECT_CPU_ONLINE] = prove_cpu_online,
    [MACH_CFG_EXPECT_HUGE_PAGES] = prove_huge_pages,
    [MACH_CFG_EXPECT_FILE] = prove_file,
    [MACH_CFG_EXPECT_SYSFS_NAME] = prove_sysfs_name,
    [MACH_CFG_EXPECT_COMPATIBLE] = prove_compatible,
    [MACH_CFG_EXPECT_REGION] = prove_region,
    [MACH_CFG_EXPECT_IRQ_COUNT] = prove_irq_count,
    [MACH_CFG_EXPECT_IRQ_TRIGGER] = prove_irq_trigger,
    [MACH_CFG_EXPECT_GROUP_MEMBER] = prove_group_member,
    [MACH_CFG_EXPECT_MEMORY_FREE] = prove_memory_free,
    [MACH_CFG_EXPECT_KVM_DEVICE] = prove_kvm_device,
    [MACH_CFG_EXPECT_POWER_LINK] = prove_prepared,
    [MACH_CFG_EXPECT_TREE_PROPERTY] = prove_prepared,
    [MACH_CFG_EXPECT_ARGUMENT] = prove_prepared,
    [MACH_CFG_EXPECT_CPU_ISOLATED] = prove_prepared,
};

static const char *kind_word(uint32_t kind)
{
    for (size_t i = 0; i < sizeof mach_cfg_words_expect_kind / sizeof mach_cfg_words_expect_kind[0]; i++)
        if (mach_cfg_words_expect_kind[i].value == kind)
            return mach_cfg_words_expect_kind[i].word;
    return "?";
}

static void name_finding(struct mach_session *s, struct mach_cfg_rec e, const struct device *d, struct mach_finding *to)
{
    uint32_t kind = mach_cfg_expect_kind(e);
    const char *string = machrt_string(s, mach_cfg_expect_string(e));
    int n = d ? snprintf(to->object, sizeof to->object, "device %.100s: ", d->name)
              : snprintf(to->object, sizeof to->object, "host: ");
    char *at = to->object + n;
    size_t left = sizeof to->object - (size_t)n;
    switch (kind) {
    case MACH_CFG_EXPECT_CPU_ONLINE:
    case MACH_CFG_EXPECT_CPU_ISOLATED:
    case MACH_CFG_EXPECT_REGION:
    case MACH_CFG_EXPECT_IRQ_TRIGGER:
        snprintf(at, left, "%s %u", kind_word(kind), mach_cfg_expect_index(e));
        break;
    default:
        snprintf(at, left, "%s%s%.100s", kind_word(kind), *string ? " " : "", string);
    }
}

// True: what is not known now, the session proves later.
static bool prove_expectation(struct mach_session *s, uint32_t i, bool ask_kvm, struct mach_finding *to)
{
    struct mach_cfg_rec e = mach_cfg_record(s->f, MACH_CFG_S_EXPECT, i);
    uint32_t device = mach_cfg_expect_device(e), kind = mach_cfg_expect_kind(e);
    struct proof p = {s, e, device == MACH_CFG_NONE ? NULL : &s->device[device], to, ask_kvm, false};
    memset(to, 0, sizeof *to);
    to->expect = i;
    name_finding(s, e, p.d, to);
    // Of a system controller, which no driver gives away, the host's tree says where it is.
    bool of_tree = p.d && !*p.d->sysfs && mach_cfg_device_host_path(p.d->rec) &&
                   (kind == MACH_CFG_EXPECT_COMPATIBLE || kind == MACH_CFG_EXPECT_REGION);
    bool needs_bus = (kind >= MACH_CFG_EXPECT_SYSFS_NAME && kind < MACH_CFG_EXPECT_MEMORY_FREE) ||
                     kind == MACH_CFG_EXPECT_POWER_LINK;
    if (!needs_bus || of_tree) {
        proofs[kind](&p);
    } else if (!p.d || !*p.d->sysfs) {
        set_finding(&p, MACH_PROOF_FAILS, "the config has no sysfs name for the device");
    } else if (!p.d->bus && machrt_find_bus(s, p.d) && kind != MACH_CFG_EXPECT_SYSFS_NAME) {
        p.later = p.d->vfio; // then it cannot be bound
        set_finding(&p, MACH_PROOF_UNKNOWN, "the host has no such device");
    } else {
        proofs[kind](&p);
    }
    return p.later;
}

// What follows from the records of memory. A session proves it when it has the memory.
static int check_memories(struct mach_session *s, void (*report)(void *opaque, const struct mach_finding *f),
                          void *opaque)
{
    int failed = 0;
    struct mach_finding f;
    for (uint32_t i = 0; i < s->memories; i++) {
        const struct memory *m = &s->memory[i];
        if (!machrt_has_place(m))
            continue;
        memset(&f, 0, sizeof f);
        f.expect = MACH_CFG_NONE;
        snprintf(f.object, sizeof f.object, "host: memory %.200s", m->m.name);
        f.proof = machrt_check_memory(s, m, f.text, sizeof f.text);
        failed += f.proof == MACH_PROOF_FAILS;
        report_finding(&f, report, opaque);
    }
    return failed;
}

static int prove_all(struct mach_session *s, bool start, void (*report)(void *opaque, const struct mach_finding *f),
                     void *opaque, struct mach_finding *first)
{
    int failed = 0;
    struct mach_finding f;
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_EXPECT].count; i++) {
        bool later = prove_expectation(s, i, !start, &f);
        // What nobody will have seen is not assumed.
        if (start && f.proof == MACH_PROOF_UNKNOWN && !later)
            f.proof = MACH_PROOF_FAILS;
        report_finding(&f, report, opaque);
        if (f.proof == MACH_PROOF_FAILS && !failed++ && first)
            *first = f;
    }
    return failed;
}

struct only_failures {
    struct mach_session *s;
};

static void report_failure(void *opaque, const struct mach_finding *f)
{
    struct mach_session *s = ((struct only_failures *)opaque)->s;
    if (f->proof != MACH_PROOF_FAILS)
        return;
    machrt_log(s, "expect: %s: %s", f->object, f->text);
    if (s->options.finding)
        s->options.finding(s->options.opaque, f);
}

int machrt_step_expect(struct mach_session *s)
{
    struct mach_finding first;
    if (s->options.flags & MACH_NO_PROOF)
        return 0;
    struct only_failures only = {s};
    int failed = prove_all(s, true, report_failure, &only, &first);
    if (!failed)
        return 0;
    return machrt_set_error(s, "expect", 0, first.object, failed == 1 ? "%s" : "%s (and %d more)", first.text,
                            failed - 1);
}

int machrt_prove_groups(struct mach_session *s)
{
    struct mach_finding f;
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_EXPECT].count && !(s->options.flags & MACH_NO_PROOF); i++) {
        if (mach_cfg_expect_kind(mach_cfg_record(s->f, MACH_CFG_S_EXPECT, i)) != MACH_CFG_EXPECT_GROUP_MEMBER)
            continue;
        prove_expectation(s, i, false, &f);
        if (f.proof != MACH_PROOF_HOLDS)
            return machrt_set_error(s, "expect", 0, f.object, "%s", f.text);
    }
    return 0;
}

int mach_config_check(const struct mach_config *config, const struct mach_options *options, struct mach_error *error)
{
    struct mach_session *s;
    struct mach_error why = MACH_ERROR_INIT;
    int r = machrt_session_new(config, options, NULL, NULL, &s, error ? error : &why);
    if (r)
        return r;
    int failed = prove_all(s, false, s->options.finding, s->options.opaque, NULL);
    failed += check_memories(s, s->options.finding, s->options.opaque);
    machrt_session_end(s, NULL);
    return failed;
}
