// SPDX-License-Identifier: MIT
// machrt on the real kernel, as an ordinary user: it ends by signals, shares files with nobody, and believes no link.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static uint64_t page;

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void write_cfg(const char *name, struct cfg *c)
{
    struct mach_config *config = cfg_open(c);
    mach_config_close(config);
    write_file(in_folder(name), c->bytes, c->size);
    cfg_free(c);
}

// A machine with a page of the file, from page `first` on, and memory of it, if `memory`.
static struct cfg *machine(const char *file, uint64_t first, bool memory)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_X86_64, MACH_CFG_IOMMU_AUTO);
    CFG_SET(c, machine, MACHINE, 0, host_page_size, page);
    cfg_chip(c, "", 32, MACH_CFG_NONE64, MACH_CFG_NONE64);
    if (memory) {
        uint32_t m = cfg_memory(c, "ram", MACH_CFG_BACKING_FILE, 0, page, first * page);
        CFG_SET(c, memory, MEMORY, m, path, cfg_string(c, file));
        return c;
    }
    cfg_device(c, "regs", MACH_CFG_DEVICE_RAW, "", 0);
    uint32_t r = cfg_region(c, MACH_CFG_REGION_MAP, MACH_CFG_NONE64, page, 0x40000000);
    CFG_SET(c, region, REGION, r, file, cfg_string(c, file));
    CFG_SET(c, region, REGION, r, offset, first * page);
    cfg_dma(c, MACH_CFG_DMA_NONE);
    return c;
}

struct child {
    pid_t pid;
    int out;
};

// Starts machrt run; its output can be read.
static struct child start(const char *cfg, const char *seconds, int ignored)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        // What these tests were started to ignore, in the background say, is not for machrt.
        for (int number = 1; number < SIGRTMIN; number++)
            signal(number, number == ignored ? SIG_IGN : SIG_DFL);
        execl(MACHRT, "machrt", "run", seconds, in_folder(cfg), (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return (struct child){pid, ends[0]};
}

// Waits until it says something: it has started, or has failed. Returns what it has said.
static const char *wait_for(struct child *c, const char *say)
{
    static char out[4096];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {c->out, POLLIN, 0};
        assert_true(poll(&p, 1, 60000) > 0);
        ssize_t got = read(c->out, out + n, sizeof out - 1 - n);
        n += got > 0 ? (size_t)got : 0;
        out[n] = '\0';
        if (got <= 0 || strstr(out, say))
            return out;
    }
}

static int wait_end(struct child *c)
{
    int status;
    char rest[256];
    // To its last word: a message is several writes with some C libraries, and the reader's end would be a SIGPIPE.
    while (read(c->out, rest, sizeof rest) > 0)
        ;
    close(c->out);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return status;
}

static void expect_fails(const char *cfg, const char *say)
{
    struct child c = start(cfg, "--seconds=0", 0);
    const char *out = wait_for(&c, say);
    if (!strstr(out, say))
        fail_msg("looked for `%s` in %s", say, out);
    int status = wait_end(&c);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void expect_starts(const char *cfg)
{
    struct child c = start(cfg, "--seconds=0", 0);
    const char *out = wait_for(&c, "started");
    if (!strstr(out, "started"))
        fail_msg("%s", out);
    int status = wait_end(&c);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static void test_signals(void **state)
{
    (void)state;
    needs_sysfs();
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1};
    write_cfg("one.cfg", machine(in_folder("file"), 0, false));
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct child c = start("one.cfg", "--seconds=1000", 0);
        assert_non_null(strstr(wait_for(&c, "regs: region 0"), "started"));
        assert_int_equal(kill(c.pid, signals[i]), 0);
        int status = wait_end(&c);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != signals[i])
            fail_msg("signal %d: status 0x%x", signals[i], status);
    }
    // One that it was started to ignore stays ignored, as by nohup.
    struct child c = start("one.cfg", "--seconds=1000", SIGHUP);
    wait_for(&c, "regs: region 0");
    assert_int_equal(kill(c.pid, SIGHUP), 0);
    struct pollfd p = {c.out, POLLIN, 0};
    assert_int_equal(poll(&p, 1, 100), 0);
    assert_int_equal(kill(c.pid, SIGTERM), 0);
    int status = wait_end(&c);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    // Nobody reads what it says.
    c = start("one.cfg", "--seconds=0", 0);
    close(c.out);
    c.out = open("/dev/null", O_RDONLY);
    status = wait_end(&c);
    assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) || WIFEXITED(status));
}

// Two processes, and one that is killed: nothing of its locks is left.
static void test_locks(void **state)
{
    (void)state;
    needs_sysfs();
    write_cfg("first.cfg", machine(in_folder("file"), 1, false));
    write_cfg("same.cfg", machine(in_folder("other-name"), 1, false));
    write_cfg("memory.cfg", machine(in_folder("link"), 1, true));
    write_cfg("apart.cfg", machine(in_folder("other-name"), 2, true));
    struct child c = start("first.cfg", "--seconds=1000", 0);
    assert_non_null(strstr(wait_for(&c, "regs: region 0"), "started"));
    expect_fails("same.cfg", "another session has them");
    expect_fails("memory.cfg", "another session has them");
    expect_starts("apart.cfg");
    assert_int_equal(kill(c.pid, SIGKILL), 0);
    int status = wait_end(&c);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    expect_starts("same.cfg");
    expect_starts("memory.cfg");
}

static void test_short_files(void **state)
{
    (void)state;
    needs_sysfs();
    write_cfg("end.cfg", machine(in_folder("file"), 3, true));
    expect_starts("end.cfg");
    write_cfg("beyond.cfg", machine(in_folder("file"), 4, true));
    expect_fails("beyond.cfg", "is beyond its end");
    write_cfg("beyond.cfg", machine(in_folder("file"), 4, false));
    expect_fails("beyond.cfg", "is beyond its end");
    write_cfg("folder.cfg", machine("/dev/null", 0, true));
    expect_fails("folder.cfg", "the kernel does not show the size of this device");
}

static void test_ordinary_irq_file(void **state)
{
    (void)state;
    needs_sysfs();
    struct cfg *c = machine(in_folder("file"), 0, false);
    uint32_t q = cfg_irq(c, MACH_CFG_IRQ_FILE, 10, false);
    CFG_SET(c, irq, IRQ, q, file, cfg_string(c, in_folder("victim")));
    write_file(in_folder("victim"), "precious", 8);
    write_cfg("irq.cfg", c);
    expect_fails("irq.cfg", "it is no UIO device");
    char text[16] = "";
    FILE *f = fopen(in_folder("victim"), "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text - 1, f), 8);
    fclose(f);
    assert_string_equal(text, "precious");
}

/* ---- the file of former drivers ---- */

static int run(const char *command, const char *state, const char *cfg, char *out, size_t size)
{
    char line[512];
    snprintf(line, sizeof line, "%s %s %s%s %s 2>&1", MACHRT, command, *state ? "--state=" : "", state, in_folder(cfg));
    FILE *p = popen(line, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, size - 1, p);
    out[n] = '\0';
    return WEXITSTATUS(pclose(p));
}

static void refused_state(const char *command, const char *say)
{
    char out[1024];
    int status = run(command, in_folder("state"), "dev.cfg", out, sizeof out);
    if (status != 2 || !strstr(out, say))
        fail_msg("%s: exit %d; looked for `%s` in %s", command, status, say, out);
}

static struct cfg *device(const char *name, const char *sysfs)
{
    struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    cfg_device(c, name, MACH_CFG_DEVICE_PLATFORM, sysfs, 0);
    cfg_dma(c, MACH_CFG_DMA_NONE);
    cfg_expect(c, MACH_CFG_EXPECT_SYSFS_NAME, 0, 0, sysfs, MACH_CFG_NONE64, MACH_CFG_NONE64);
    return c;
}

static void test_state_links(void **state)
{
    (void)state;
    static const char line[] = "platform 1af0000.nothing eth -\n";
    char out[1024], got[64] = "";
    write_cfg("dev.cfg", device("eth", "1af0000.nothing"));
    write_file(in_folder("victim"), line, sizeof line - 1);
    assert_int_equal(symlink(in_folder("victim"), in_folder("state")), 0);
    refused_state("bind", "it is a symbolic link");
    refused_state("unbind", "it is a symbolic link");
    FILE *f = fopen(in_folder("victim"), "r");
    assert_non_null(f);
    assert_non_null(fgets(got, sizeof got, f));
    fclose(f);
    assert_string_equal(got, line);
    assert_int_equal(unlink(in_folder("state")), 0);
    assert_int_equal(mkfifo(in_folder("state"), 0600), 0);
    refused_state("unbind", "not a regular file");
    assert_int_equal(unlink(in_folder("state")), 0);
    write_file(in_folder("state"), line, sizeof line - 1);
    assert_int_equal(chmod(in_folder("state"), 0666), 0);
    refused_state("bind", "others may write to it");
    refused_state("unbind", "others may write to it");
    // What lies at the names of its new file is neither followed nor taken.
    assert_int_equal(chmod(in_folder("state"), 0600), 0);
    write_file(in_folder("state"), "platform 1af0000.nothing eth -\npci 0000:77:00.0 nvme -\n", 55);
    assert_int_equal(symlink(in_folder("victim"), in_folder("state.new")), 0);
    assert_int_equal(run("unbind", in_folder("state"), "dev.cfg", out, sizeof out), 0);
    f = fopen(in_folder("victim"), "r");
    assert_non_null(f);
    assert_non_null(fgets(got, sizeof got, f));
    fclose(f);
    assert_string_equal(got, line);
    struct stat st;
    assert_int_equal(stat(in_folder("state"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 24);
    // bind makes the file, for its user alone.
    assert_int_equal(unlink(in_folder("state")), 0);
    assert_int_equal(run("bind", in_folder("state"), "dev.cfg", out, sizeof out), 1);
    assert_int_equal(stat(in_folder("state"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- what is printed ---- */

static void test_clean(void **state)
{
    (void)state;
    static const char *const commands[] = {"show",
                                           "check",
                                           "check --all",
                                           "plan",
                                           "plan --all --kvm --stop",
                                           "run --verbose --seconds=0",
                                           "bind --verbose",
                                           "unbind --verbose"};
    write_cfg("esc.cfg", device("\033[31mred\033]0;pwned\a", "nope\033[2J\302\233x\177"));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        static char out[1 << 16];
        run(commands[i], "", "esc.cfg", out, sizeof out);
        for (const unsigned char *p = (const unsigned char *)out; *p; p++)
            if ((*p < 0x20 && *p != '\n') || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
                fail_msg("machrt %s prints a control character: 0x%02x, before %.40s", commands[i], *p,
                         (const char *)p + 1);
        // Where there is no KVM, the plan ends before it names a device.
        bool names = strncmp(commands[i], "unbind", 6) && (HAVE_KVM || !strstr(commands[i], "--kvm"));
        if (names && !strstr(out, "nope"))
            fail_msg("machrt %s does not name the device: %s", commands[i], out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),     cmocka_unit_test(test_locks),
        cmocka_unit_test(test_short_files), cmocka_unit_test(test_ordinary_irq_file),
        cmocka_unit_test(test_state_links), cmocka_unit_test(test_clean),
    };
    page = mach_sys_linux()->page_size(NULL);
    snprintf(folder, sizeof folder, "/tmp/test-command-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int file = open(in_folder("file"), O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, (off_t)(4 * page)) || close(file) ||
        link(in_folder("file"), in_folder("other-name")) || symlink(in_folder("file"), in_folder("link")))
        return 1;
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) || r;
}
