// SPDX-License-Identifier: MIT
// The command run: a session without a VMM.
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *device_name(const struct mach_cfg_file *f, uint32_t device)
{
    return mach_cfg_string(f, mach_cfg_device_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, device)));
}

static void list_regions(const struct mach_session *s, const struct mach_cfg_file *f)
{
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_REGION); i++) {
        struct mach_cfg_rec r = mach_cfg_record(f, MACH_CFG_S_REGION, i);
        uint64_t size;
        void *at = mach_session_region_ptr(s, i, &size);
        if (size)
            say(stdout, "%s: region %u: 0x%" PRIx64 " bytes, %s\n", device_name(f, mach_cfg_region_device(r)),
                mach_cfg_region_index(r), size, at ? "mapped" : "accessed through VFIO");
    }
}

// An interrupt has fired: prints and unmasks it.
static void take_irq(struct mach_session *s, const struct mach_cfg_file *f, uint32_t irq, int fd)
{
    struct mach_cfg_rec q = mach_cfg_record(f, MACH_CFG_S_IRQ, irq);
    uint64_t count = 0;
    // A UIO file gives 4 bytes, an eventfd 8.
    ssize_t size = mach_cfg_irq_source(q) == MACH_CFG_IRQ_FILE ? 4 : 8;
    if (read(fd, &count, (size_t)size) != size)
        return;
    say(stdout, "%s: interrupt %u\n", device_name(f, mach_cfg_irq_device(q)), mach_cfg_irq_index(q));
    fflush(stdout);
    mach_session_irq_unmask(s, irq);
}

// Is one of the devices gone? Tells of it.
static bool tell_gone(const struct mach_cfg_file *f, const struct pollfd *fds, uint32_t n)
{
    bool gone = false;
    for (uint32_t i = 0; i < n; i++) {
        if (fds[i].revents & POLLIN)
            say(stdout, "%s: the kernel wants it back, or it has failed\n", device_name(f, i));
        gone = gone || fds[i].revents & POLLIN;
    }
    return gone;
}

// Takes interrupts until the time is over, a signal has come or a device goes.
static void wait_for_irqs(struct mach_session *s, const struct mach_cfg_file *f, unsigned seconds, int signals)
{
    uint32_t n = mach_cfg_count(f, MACH_CFG_S_IRQ), devices = mach_cfg_count(f, MACH_CFG_S_DEVICE);
    struct pollfd *fds = (struct pollfd *)calloc((size_t)n + devices + 1, sizeof *fds), *gone = fds + n,
                  *signal = gone + devices;
    if (!fds)
        return;
    for (uint32_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){mach_session_irq_fd(s, i), POLLIN, 0};
    for (uint32_t i = 0; i < devices; i++)
        gone[i] = (struct pollfd){mach_session_gone_fd(s, i), POLLIN, 0};
    *signal = (struct pollfd){signals, POLLIN, 0};
    time_t end = time(NULL) + (time_t)seconds;
    for (time_t now; (now = time(NULL)) < end;) {
        if (poll(fds, (nfds_t)n + devices + 1, (int)(end - now < 1000 ? (end - now) * 1000 : 1000000)) < 0 &&
            errno != EINTR)
            break;
        if (signal->revents || tell_gone(f, gone, devices))
            break;
        for (uint32_t i = 0; i < n; i++)
            if (fds[i].revents & POLLIN)
                take_irq(s, f, i, fds[i].fd);
    }
    free(fds);
}

static void print_failure(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    say(stderr, "machrt: %s: %s\n", f->object, f->text);
}

static int run_session(const struct command *c, int signals)
{
    const struct mach_options o = {
        .size = sizeof o,
        .backend = c->backend,
        .log = c->verbose ? log_line : NULL,
        .finding = print_failure,
    };
    struct mach_session *s;
    struct mach_error error = MACH_ERROR_INIT;
    if (mach_session_start(c->config, &o, NULL, NULL, &s, &error))
        return report(&error);
    const struct mach_cfg_file *f = mach_config_file(c->config);
    printf("started, with %s\n", mach_backend_name(mach_session_backend(s)));
    list_regions(s, f);
    fflush(stdout);
    wait_for_irqs(s, f, c->seconds, signals);
    return mach_session_stop(s, &error) ? report(&error) : FINE;
}

int command_run(const struct command *c)
{
    struct signals held;
    int status = hold_signals(&held) ? run_session(c, held.fd) : USAGE;
    release_signals(&held);
    return status;
}
