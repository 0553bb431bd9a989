// SPDX-License-Identifier: MIT
// The order: config, VM, vcpus, session, kernel; then the guest runs; then the reverse.
#include "machvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: machvm [OPTION]... GUEST.CFG GUEST.DTB IMAGE [INITRAMFS]\n"
    "Runs the machine of GUEST.CFG with KVM. Its console is stdin and stdout; SIGTERM stops it cleanly.\n"
    "  -b BACKEND  iommufd, group or noiommu; default: the best one that the host has\n"
    "  -m TEXT     when the guest prints a line with TEXT, print the time since the start, and libmachrt's part of it\n"
    "  -n          when the guest resets, as after a panic, end instead of starting it again\n"
    "  -s          at the end, print the number of accesses that exited, by device\n"
    "  -v          print each step of libmachrt\n"
    "Exit status: 0 the guest powered off; 1 the machine did not start, or the guest crashed; 2 usage; 3 SIGTERM;\n"
    "4 with -n: the guest reset.\n";

int complain(int number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    flockfile(stderr);
    fputs("machvm: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, "%s%s\n", number ? ": " : "", number ? strerror(number) : "");
    funlockfile(stderr);
    va_end(args);
    return -1;
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void log_line(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "machvm: %s\n", line);
}

// What the guest must not do is told in any case.
static void log_refused(void *opaque, const char *line)
{
    if (!strncmp(line, "refused: ", 9))
        log_line(opaque, line);
}

static void finding(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    complain(0, "%s: %s", f->object, f->text);
}

static int failed(const struct mach_error *e)
{
    mach_error_print(e, "machvm", stderr);
    return -1;
}

/* ---- up and down ---- */

// Starts the machine, but does not run it.
static int up(struct vmm *v, const struct mach_options *options)
{
    struct mach_error e = MACH_ERROR_INIT;
    long type = arch_vm_type(v);
    v->vm = type < 0 ? -1 : ioctl(v->kvm, KVM_CREATE_VM, type);
    if (v->vm < 0)
        return type < 0 ? -1 : complain(errno, "KVM_CREATE_VM");
    // arm64: the vGIC is initialised for the existing vcpus, so they come first.
    if (machine_room(v) || vcpus_make(v))
        return -1;
    v->ops = (struct mach_kvm){
        .size = sizeof v->ops, .vm = v->vm, .own = &machine_ops, .own_opaque = v, .first_slot = PCI_MEMORY_SLOTS};
    double start = now();
    int r = mach_session_start(v->config, options, mach_kvm_ops(), &v->ops, &v->session, &e);
    v->in_library += now() - start;
    if (r)
        return failed(&e);
    return load(v) || arch_vcpu_boot(&v->vcpu[0]) ? -1 : 0;
}

static int down(struct vmm *v)
{
    struct mach_error e = MACH_ERROR_INIT;
    int r = mach_session_stop(v->session, &e) ? failed(&e) : 0;
    v->session = NULL;
    vcpus_free(v);
    machine_free(v);
    // KVM keeps the interrupt controller until the VM is closed; a machine that is started again gets a new VM.
    if (v->vm >= 0)
        close(v->vm);
    v->vm = -1;
    return r;
}

/* ---- while the guest runs ---- */

// Tells of the first device that is to go, or has failed.
static bool is_gone(const struct pollfd *device, uint32_t devices)
{
    uint32_t i = 0;
    while (i < devices && !device[i].revents)
        i++;
    if (i < devices)
        complain(0, "device %u is gone", i);
    return i < devices;
}

// Forwards stdin to the console until the guest ends, or one of its devices goes.
static void serve(struct vmm *v, int signals)
{
    enum { OVER, SIGNALS, INPUT, DEVICES };
    uint8_t byte;
    bool pending = false, input = v->uart != NULL;
    uint32_t devices = mach_cfg_count(mach_config_file(v->config), MACH_CFG_S_DEVICE);
    struct pollfd *p = (struct pollfd *)calloc(DEVICES + (size_t)devices, sizeof *p);
    for (uint32_t i = 0; p && i < devices; i++)
        p[DEVICES + i] = (struct pollfd){mach_session_gone_fd(v->session, i), POLLIN, 0};
    while (p && atomic_load(&v->why) == RUNNING) {
        p[OVER] = (struct pollfd){v->over, POLLIN, 0};
        p[SIGNALS] = (struct pollfd){signals, POLLIN, 0};
        p[INPUT] = (struct pollfd){input && !pending ? 0 : -1, POLLIN, 0};
        // If the UART is full, try again a little later.
        if (poll(p, DEVICES + (nfds_t)devices, pending ? 10 : -1) < 0 && errno != EINTR)
            break;
        if (p[SIGNALS].revents || is_gone(p + DEVICES, devices))
            break;
        if (p[INPUT].revents) {
            pending = read(STDIN_FILENO, &byte, 1) == 1;
            input = pending;
        }
        if (pending)
            pending = !uart_type(v->uart, byte);
    }
    free(p);
}

// Runs the machine once, from power on to power off or reset. Returns why it ended; -1: it failed.
static int once(struct vmm *v, const struct mach_options *options, int signals, bool statistics)
{
    int r = up(v, options);
    if (!r) {
        r = vcpus_start(v);
        if (!r)
            serve(v, signals);
        vcpus_stop(v);
        if (statistics)
            machine_statistics(v);
        r = r ? -1 : atomic_load(&v->why);
    }
    return down(v) ? -1 : r;
}

// After a reset, runs it again if `again`: libmachrt resets the devices, KVM makes a new VM, and nothing is left of the
// old guest.
static int run(struct vmm *v, const struct mach_options *options, bool statistics, bool again)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC), why = -1;
    v->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    v->over = eventfd(0, EFD_CLOEXEC);
    if (v->kvm < 0)
        complain(errno, "/dev/kvm");
    else if (signals < 0 || v->over < 0)
        complain(errno, "a file descriptor");
    else
        do {
            uint64_t count;
            why = once(v, options, signals, statistics);
            if (why == RESET && read(v->over, &count, sizeof count) < 0)
                why = -1;
        } while (why == RESET && again);
    switch (why) {
    case POWERED_OFF:
        return 0;
    case STOPPED:
        return 3;
    case RESET:
        return 4;
    default:
        return 1;
    }
}

static int backend(const char *name, enum mach_backend *b)
{
    static const enum mach_backend all[] = {MACH_BACKEND_IOMMUFD, MACH_BACKEND_GROUP, MACH_BACKEND_NOIOMMU};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(name, mach_backend_name(all[i]))) {
            *b = all[i];
            return 0;
        }
    return -1;
}

int main(int argc, char **argv)
{
    struct vmm v = {.kvm = -1, .vm = -1, .over = -1, .start = now()};
    struct mach_options options = {.size = sizeof options, .log = log_refused, .finding = finding};
    struct mach_error e = MACH_ERROR_INIT;
    bool statistics = false, again = true, good = true;
    for (int c; (c = getopt(argc, argv, "b:m:nsv")) != -1;) {
        good = good && c != '?' && (c != 'b' || !backend(optarg, &options.backend));
        if (c == 'm')
            v.mark = optarg;
        if (c == 'v')
            options.log = log_line;
        statistics = statistics || c == 's';
        again = again && c != 'n';
    }
    argc -= optind;
    argv += optind;
    if (!good || argc < 3 || argc > 4) {
        fputs(usage, stderr);
        return 2;
    }
    v.dtb = argv[1];
    v.kernel = argv[2];
    v.initramfs = argc > 3 ? argv[3] : NULL;
    if (mach_config_open(argv[0], &v.config, &e))
        return failed(&e), 1;
    v.in_library = now() - v.start;
    v.f = mach_config_file(v.config);
    if (!mach_cfg_count(v.f, MACH_CFG_S_CPU))
        return complain(0, "%s: the machine has no vcpus", argv[0]), 1;
    int status = run(&v, &options, statistics, again);
    mach_config_close(v.config);
    return status;
}
