// SPDX-License-Identifier: MIT
// The command as it is installed, and the real kernel: as far as an ordinary user, without devices, can.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cfg.h"

#include "uapi/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MiB = 1 << 20 };

static char cfg_path[64], file_path[64], policy_path[64];
static uint64_t page;

// Runs machrt; its output, both streams, to `out`. Returns the exit status.
static int run(char *out, size_t size, const char *arguments)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s 2>&1", MACHRT, arguments);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, size - 1, p);
    out[n] = '\0';
    char rest[4096];
    while (fread(rest, 1, sizeof rest, p))
        ;
    int status = pclose(p);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_run(int status, const char *arguments, const char *say)
{
    static char out[1 << 18];
    int got = run(out, sizeof out, arguments);
    if (got != status || !strstr(out, say))
        fail_msg("machrt %s: exit %d, not %d; looked for `%s` in\n%.2000s", arguments, got, status, say, out);
}

static void write_cfg(struct cfg *c)
{
    struct mach_config *config = cfg_open(c);
    mach_config_close(config);
    FILE *f = fopen(cfg_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(c->bytes, 1, c->size, f), c->size);
    assert_int_equal(fclose(f), 0);
}

// Memory of the real kernel's, and a "device" whose registers are a file.
static struct cfg *plain(void)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_X86_64, MACH_CFG_IOMMU_AUTO);
    CFG_SET(c, machine, MACHINE, 0, host_page_size, page);
    cfg_chip(c, "", 32, MACH_CFG_NONE64, MACH_CFG_NONE64);
    cfg_memory(c, "ram", MACH_CFG_BACKING_ANONYMOUS, 0, 4 * MiB, 0);
    cfg_device(c, "regs", MACH_CFG_DEVICE_RAW, "", 0);
    uint32_t r = cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, page, 0x40000000);
    CFG_SET(c, region, REGION, r, file, cfg_string(c, file_path));
    CFG_SET(c, region, REGION, r, offset, page);
    r = cfg_region(c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x10, 0x40010000);
    CFG_SET(c, region, REGION, r, file, cfg_string(c, file_path));
    CFG_SET(c, region, REGION, r, offset, 2 * page + 0x20);
    cfg_dma(c, MACH_CFG_DMA_NONE);
    cfg_expect(c, MACH_CFG_EXPECT_PAGE_SIZE, MACH_CFG_NONE, 0, "", page, MACH_CFG_NONE64);
    cfg_expect(c, MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, 0, "", MACH_CFG_NONE64, MACH_CFG_NONE64);
    cfg_expect(c, MACH_CFG_EXPECT_FILE, 0, 0, file_path, MACH_CFG_NONE64, MACH_CFG_NONE64);
    return c;
}

static struct cfg *devices(void)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    cfg_chip(c, "arm-vgic-v3", 96, 0x8000000, 0x80a0000);
    cfg_memory(c, "ram", MACH_CFG_BACKING_ANONYMOUS, 0x80000000, 4 * MiB, 0);
    cfg_device(c, "eth", MACH_CFG_DEVICE_PLATFORM, "1af0000.nothing", 0);
    cfg_region(c, MACH_CFG_REGION_MAP, 0x1af0000, 0x1000, 0x1af0000);
    cfg_irq(c, MACH_CFG_IRQ_DEVICE, 40, true);
    cfg_dma(c, MACH_CFG_DMA_ALL);
    cfg_map(c, 0, 0, 4 * MiB, 0x80000000);
    cfg_device(c, "edu", MACH_CFG_DEVICE_PCI, "00ff:ff:1f.7", MACH_CFG_RESET_REQUIRED);
    cfg_region(c, MACH_CFG_REGION_TRAP, MACH_CFG_NONE64, 0x1000, 0x50000000);
    cfg_irq(c, MACH_CFG_IRQ_DEVICE, 60, true);
    cfg_dma(c, MACH_CFG_DMA_ALL);
    cfg_map(c, 0, 0, 4 * MiB, 0x80000000);
    cfg_expect(c, MACH_CFG_EXPECT_SYSFS_NAME, 0, 0, "1af0000.nothing", MACH_CFG_NONE64, MACH_CFG_NONE64);
    return c;
}

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

// Four bytes of the file that the registers are.
static uint32_t read_file(uint64_t offset)
{
    uint32_t value = 0;
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &value, sizeof value, (off_t)offset), sizeof value);
    close(fd);
    return value;
}

static void test_real_session(void **state)
{
    (void)state;
    needs_sysfs();
    struct cfg *c = plain();
    struct mach_config *config = cfg_open(c);
    struct mach_session *s;
    struct mach_error e = MACH_ERROR_INIT;
    int before = open_fds();
    if (mach_session_start(config, NULL, NULL, NULL, &s, &e))
        fail_msg("%s: %s: %s", e.step, e.object, e.hint);
    const struct mach_memory *m = mach_session_memory(s, 0);
    memset(m->at, 0x5a, (size_t)m->size);
    uint32_t value = 0x12345678, got = 0;
    uint64_t size;
    uint8_t *p = mach_session_region_ptr(s, 0, &size);
    assert_non_null(p);
    assert_int_equal(size, page);
    assert_int_equal(mach_region_write(s, 0, 0x10, &value, 4), 0);
    assert_int_equal(read_file(page + 0x10), value);
    // The second region lies 0x20 bytes behind the start of its page.
    assert_int_equal(mach_region_write(s, 1, 4, &value, 4), 0);
    assert_int_equal(read_file(2 * page + 0x24), value);
    assert_int_equal(mach_region_read(s, 1, 4, &got, 4), 0);
    assert_int_equal(got, value);
    assert_int_equal(mach_session_stop(s, &e), 0);
    assert_int_equal(open_fds(), before);
    mach_config_close(config);
    // What is not there is told by its name.
    CFG_SET(c, region, REGION, 1, file, cfg_string(c, "/nowhere/at/all"));
    config = cfg_open(c);
    assert_int_equal(mach_session_start(config, NULL, NULL, NULL, &s, &e), -ENOENT);
    assert_string_equal(e.step, "region");
    assert_int_equal(e.number, ENOENT);
    assert_int_equal(open_fds(), before);
    mach_config_close(config);
    cfg_free(c);
}

static void test_usage(void **state)
{
    (void)state;
    expect_run(0, "--version", "machrt " MACHRT_VERSION "\n");
    char a[128];
    expect_run(0, "--help", "exit status");
    expect_run(0, "plan --help", "--backend=NAME");
    expect_run(2, "", "usage");
    expect_run(2, "dance x", "usage");
    expect_run(2, "show", "usage");
    expect_run(2, "probe x", "usage");
    expect_run(2, "show /nowhere/x.cfg", "cannot open it");
    snprintf(a, sizeof a, "show --backend=group %s", cfg_path);
    expect_run(2, a, "unknown option or argument");
    snprintf(a, sizeof a, "plan --backend=magic %s", cfg_path);
    expect_run(2, a, "unknown option or argument");
    snprintf(a, sizeof a, "run --seconds=-1 %s", cfg_path);
    expect_run(2, a, "unknown option or argument");
    snprintf(a, sizeof a, "show %s", file_path);
    expect_run(1, a, "not a guest.cfg");
}

static void test_commands(void **state)
{
    (void)state;
    needs_sysfs();
    char a[256];
    struct cfg *c = plain();
    write_cfg(c);
    snprintf(a, sizeof a, "show %s", cfg_path);
    expect_run(0, a, "device regs  raw");
    snprintf(a, sizeof a, "show --json %s", cfg_path);
    expect_run(0, a, "\"format\": \"guest.cfg\"");
    snprintf(a, sizeof a, "check --all %s", cfg_path);
    expect_run(0, a, " hold, 0 fail");
    snprintf(a, sizeof a, "run --seconds=0 --verbose %s", cfg_path);
    expect_run(0, a, "regs: region 1: 0x10 bytes, mapped");
    cfg_free(c);
    c = devices();
    write_cfg(c);
    snprintf(a, sizeof a, "check %s", cfg_path);
    expect_run(1, a, "FAILS    device eth: sysfs-name");
    snprintf(a, sizeof a, "run --seconds=0 %s", cfg_path);
    expect_run(1, a, "there is no /sys/bus/platform/devices/1af0000.nothing");
    snprintf(a, sizeof a, "bind %s", cfg_path);
    expect_run(1, a, "the host has no such device");
    snprintf(a, sizeof a, "bind --state=/nowhere/x %s", cfg_path);
    expect_run(2, a, "/nowhere/x");
    snprintf(a, sizeof a, "unbind %s", cfg_path);
    expect_run(0, a, "");
    cfg_free(c);
    expect_run(0, "probe", "\"page_size\"");
}

static void write_policy(const char *text, const char *more)
{
    FILE *f = fopen(policy_path, "wb");
    assert_non_null(f);
    fprintf(f, "%s%s", text, more);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(policy_path, 0644), 0);
}

// What is printed is enough for each command; without a line of it, none does anything.
static void test_policy(void **state)
{
    (void)state;
    needs_sysfs();
    static const char *const with[] = {"check", "plan", "run --seconds=0", "policy"};
    char a[400], text[4096], say[400];
    struct cfg *c = plain();
    write_cfg(c);
    cfg_free(c);
    snprintf(a, sizeof a, "policy %s", cfg_path);
    assert_int_equal(run(text, sizeof text, a), 0);
    snprintf(say, sizeof say, "file %s ", file_path);
    assert_non_null(strstr(text, say));
    assert_non_null(strstr(text, "memory 4M "));
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
        write_policy(text, "");
        snprintf(a, sizeof a, "%s --policy=%s %s", with[i], policy_path, cfg_path);
        expect_run(0, a, "");
        write_policy("memory 4095K\n", "");
        snprintf(say, sizeof say, "policy: device regs, region 0: %s has no line that allows it: `file %s`\n",
                 policy_path, file_path);
        expect_run(1, a, say);
        expect_run(1, a, "policy: memory: ");
        static char out[4096];
        run(out, sizeof out, a);
        assert_null(strstr(out, "open")); // and no more is done
        write_policy(text, "memory lots\n");
        snprintf(say, sizeof say, "%s:", policy_path);
        expect_run(2, a, say);
        snprintf(a, sizeof a, "%s --policy=/nowhere/x %s", with[i], cfg_path);
        expect_run(2, a, "policy: /nowhere/x: cannot open it");
    }
    c = devices();
    write_cfg(c);
    cfg_free(c);
    write_policy("device 1af0000.nothing\nmemory 4M\n", "");
    snprintf(a, sizeof a, "bind --policy=%s %s", policy_path, cfg_path);
    expect_run(1, a, "policy: device edu: ");
    write_policy("device *\nmemory 4M\n", "");
    expect_run(1, a, "the host has no such device");
    snprintf(a, sizeof a, "show --policy=%s %s", policy_path, cfg_path);
    expect_run(2, a, "unknown option or argument");
    remove(policy_path);
}

// Two configs share a state file: what one of them has no device of stays in it.
static void test_state_file(void **state)
{
    (void)state;
    char a[256], line[128] = "";
    struct cfg *c = devices();
    write_cfg(c);
    FILE *f = fopen(file_path, "w");
    assert_non_null(f);
    fputs("platform 1af0000.nothing eth -\npci 0000:77:00.0 nvme -\n", f);
    assert_int_equal(fclose(f), 0);
    snprintf(a, sizeof a, "unbind --state=%s %s", file_path, cfg_path);
    expect_run(0, a, "");
    f = fopen(file_path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(line, "pci 0000:77:00.0 nvme -\n");
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    // And with the last line the file goes.
    f = fopen(file_path, "w");
    assert_non_null(f);
    fputs("platform 1af0000.nothing eth -\n", f);
    assert_int_equal(fclose(f), 0);
    expect_run(0, a, "");
    assert_int_equal(access(file_path, F_OK), -1);
    cfg_free(c);
}

// A plan with a KVM guest; on an architecture without KVM it is refused.
static void expect_kvm(const char *arguments, const char *text)
{
#ifdef MACHRT_HAVE_KVM
    expect_run(0, arguments, text);
#else
    (void)text;
    expect_run(1, arguments, "built for an architecture that has no KVM");
#endif
}

static void test_plan(void **state)
{
    (void)state;
    char a[256];
    struct cfg *c = devices();
    write_cfg(c);
    snprintf(a, sizeof a, "plan %s", cfg_path);
    expect_run(0, a, "VFIO_IOMMU_MAP_DMA, {flags=READ|WRITE, vaddr=0x10000000, iova=0x80000000, size=0x400000}");
    expect_run(0, a, "write(\"/sys/bus/pci/devices/00ff:ff:1f.7/driver_override\", \"vfio-pci\")");
    snprintf(a, sizeof a, "plan --kvm --stop --all %s", cfg_path);
    expect_kvm(a, "KVM_IRQFD, {fd=");
    expect_kvm(a, ", gsi=40, flags=DEASSIGN}");
    expect_kvm(a, "# the VMM forwards accesses to 0x50000000, 0x1000 bytes");
    snprintf(a, sizeof a, "plan --backend=iommufd %s", cfg_path);
    expect_run(0, a, "IOMMU_IOAS_MAP, {flags=FIXED_IOVA|READ|WRITE, ioas_id=1");
    snprintf(a, sizeof a, "plan --backend=spapr %s", cfg_path);
    expect_run(1, a, "the config has no window for it");
    snprintf(a, sizeof a, "plan --backend=noiommu %s", cfg_path);
    expect_run(1, a, "which needs an IOMMU");
    for (uint32_t i = 0; i < c->count[MACH_CFG_S_DMA]; i++) {
        CFG_SET(c, dma, DMA, i, flags, MACH_CFG_DMA_HAS_WINDOW);
        CFG_SET(c, dma, DMA, i, size, UINT64_C(1) << 32);
        CFG_SET(c, dma, DMA, i, page_shift, 16);
    }
    write_cfg(c);
    snprintf(a, sizeof a, "plan --backend=spapr %s", cfg_path);
    expect_run(0, a, "VFIO_IOMMU_SPAPR_TCE_CREATE, {page_shift=16, window_size=0x100000000");
    cfg_free(c);
    c = cfg_new(MACH_CFG_ARCH_PPC, MACH_CFG_IOMMU_PAMU);
    cfg_chip(c, "fsl-mpic-42", 128, 0xe0040000, MACH_CFG_NONE64);
    cfg_memory(c, "ram", MACH_CFG_BACKING_PHYSICAL, 0, 4 * MiB, 0x20000000);
    cfg_device(c, "usb", MACH_CFG_DEVICE_PLATFORM, "ffe210000.usb", 0);
    cfg_region(c, MACH_CFG_REGION_MAP, 0xe210000, 0x1000, 0xe210000);
    cfg_irq(c, MACH_CFG_IRQ_DEVICE, 44, true);
    cfg_dma(c, MACH_CFG_DMA_ALL);
    CFG_SET(c, dma, DMA, 0, flags, MACH_CFG_DMA_HAS_WINDOW);
    CFG_SET(c, dma, DMA, 0, size, 4 * MiB);
    CFG_SET(c, dma, DMA, 0, whole_subwindows, 1);
    cfg_map(c, 0, 0, 4 * MiB, 0);
    cfg_stash(c, MACH_CFG_STASH_L1, 0, 1);
    uint32_t bank = cfg_map(c, 0, 0, 0x1000, 0x1000000);
    CFG_SET(c, dma_map, DMA_MAP, bank, what, MACH_CFG_MAP_MSI_BANK);
    CFG_SET(c, dma_map, DMA_MAP, bank, memory, MACH_CFG_NONE);
    CFG_SET(c, dma_map, DMA_MAP, bank, bank, 2);
    CFG_SET(c, dma, DMA, 0, size, 32 * MiB);
    CFG_SET(c, dma, DMA, 0, whole_subwindows, 8);
    write_cfg(c);
    snprintf(a, sizeof a, "plan --kvm --stop %s", cfg_path);
    expect_kvm(a, "VFIO_IOMMU_PAMU_SET_ATTR, {STASH, cpu=1, cache=1}");
    expect_kvm(a, "VFIO_IOMMU_PAMU_MAP_MSI_BANK, {bank=2, iova=0x1000000}");
    expect_kvm(a, "VFIO_IOMMU_PAMU_UNMAP_MSI_BANK, {iova=0x1000000}");
    expect_kvm(a, "KVM_SET_GSI_ROUTING, {nr=1, {gsi=44, irqchip=0, pin=44}}");
    cfg_free(c);
}

// Programs in Rust read a config, and start sessions on the fake kernel.
static void test_rust(void **state)
{
    (void)state;
#ifdef RUST_DEVICES
    struct cfg *c = devices();
    write_cfg(c);
    cfg_free(c);
    char command[256], out[512];
    snprintf(command, sizeof command, "%s %s", RUST_DEVICES, cfg_path);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, sizeof out - 1, p);
    out[n] = '\0';
    assert_int_equal(pclose(p), 0);
    assert_string_equal(out, "eth platform\n  0x1af0000 0x1000\nedu pci\n  0x50000000 0x1000\n");
    snprintf(command, sizeof command, "%s /nowhere/guest.cfg 2>&1", RUST_DEVICES);
    p = popen(command, "r");
    assert_non_null(p);
    n = fread(out, 1, sizeof out - 1, p);
    out[n] = '\0';
    assert_int_equal(WEXITSTATUS(pclose(p)), 1);
    assert_string_equal(out, "devices: open: /nowhere/guest.cfg: cannot open it: No such file or directory\n");
    p = popen(RUST_SESSION " 2>&1", "r");
    assert_non_null(p);
    n = fread(out, 1, sizeof out - 1, p);
    out[n] = '\0';
    int status = pclose(p);
    if (status || strcmp(out, "sessions in Rust: fine\n") != 0)
        fail_msg("exit status %d: %s", WEXITSTATUS(status), out);
#else
    puts("no rustc for this build");
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_session), cmocka_unit_test(test_usage), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_rust),         cmocka_unit_test(test_plan),  cmocka_unit_test(test_policy),
        cmocka_unit_test(test_state_file),
    };
    page = mach_sys_linux()->page_size(NULL);
    snprintf(cfg_path, sizeof cfg_path, "/tmp/test-machrt-%d.cfg", (int)getpid());
    snprintf(file_path, sizeof file_path, "/tmp/test-machrt-%d.bin", (int)getpid());
    snprintf(policy_path, sizeof policy_path, "/tmp/test-machrt-%d.policy", (int)getpid());
    FILE *f = fopen(file_path, "wb");
    if (!f || fseek(f, (long)(4 * page), SEEK_SET) || putc(0, f) == EOF || fclose(f))
        return 1;
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    remove(cfg_path);
    remove(file_path);
    return r;
}
