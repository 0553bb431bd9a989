// SPDX-License-Identifier: MIT
// The commands check, bind, unbind and run.
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- check ---- */

struct tally {
    bool all;
    unsigned of[3];
};

static void print_finding(void *opaque, const struct mach_finding *f)
{
    static const char *const words[] = {"holds", "FAILS", "unknown"};
    struct tally *t = (struct tally *)opaque;
    t->of[f->proof]++;
    if (f->proof != MACH_PROOF_HOLDS)
        printf("%-7s  %s: %s\n", words[f->proof], f->object, f->text);
    else if (t->all)
        printf("%-7s  %s\n", words[f->proof], f->object);
}

int command_check(const struct command *c)
{
    struct tally t = {.all = c->all};
    const struct mach_options o = {.size = sizeof o, .finding = print_finding, .opaque = &t};
    struct mach_error error = MACH_ERROR_INIT;
    int failed = mach_config_check(c->config, &o, &error);
    if (failed < 0)
        return report(&error);
    printf("%u hold, %u fail, %u can be checked only when the devices are open\n", t.of[0], t.of[1], t.of[2]);
    return failed ? FAILED : FINE;
}

/* ---- bind ---- */

static FILE *open_state(const struct command *c, const char *mode)
{
    FILE *f = fopen(c->state, mode);
    if (!f)
        fprintf(stderr, "machrt: %s: %s\n", c->state, strerror(errno));
    return f;
}

static int change_drivers(const struct command *c, const char *mode,
                          int (*f)(const struct mach_config *, const struct mach_options *, FILE *,
                                   struct mach_error *))
{
    const struct mach_options o = {.size = sizeof o, .log = c->verbose ? log_line : NULL};
    struct mach_error error = MACH_ERROR_INIT;
    FILE *state = c->state ? open_state(c, mode) : NULL;
    if (c->state && !state)
        return USAGE;
    int r = f(c->config, &o, state, &error);
    if (state)
        fclose(state);
    return r ? report(&error) : FINE;
}

int command_bind(const struct command *c)
{
    // Appends: a second bind finds the devices bound already, and must not forget their former drivers.
    return change_drivers(c, "a", mach_config_bind);
}

// Is a line of the state file ("BUS NAME ...") about a device of this config?
static bool is_ours(const struct device_names *names, const char *line)
{
    char name[256];
    return sscanf(line, "%*s %255s", name) == 1 && names_find(names, name) != MACH_CFG_NONE;
}

// Removes this config's devices from the state file, and the file when it is empty then.
static int remove_from_state(const struct command *c)
{
    char line[512], path[4096];
    struct device_names names;
    bool left = false;
    if (!names_make(&names, mach_config_file(c->config))) {
        fputs("machrt: out of memory\n", stderr);
        return USAGE;
    }
    int n = snprintf(path, sizeof path, "%s.new", c->state);
    FILE *in = open_state(c, "r"), *out = in && n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
    while (out && fgets(line, sizeof line, in))
        if (!is_ours(&names, line)) {
            fputs(line, out);
            left = true;
        }
    names_free(&names);
    if (in)
        fclose(in);
    bool written = out && !ferror(out);
    if ((out && fclose(out)) || !written || (left ? rename(path, c->state) : remove(path) || remove(c->state))) {
        fprintf(stderr, "machrt: %s: %s\n", c->state, strerror(errno));
        return USAGE;
    }
    return FINE;
}

int command_unbind(const struct command *c)
{
    int status = change_drivers(c, "r", mach_config_unbind);
    return status == FINE && c->state ? remove_from_state(c) : status;
}

/* ---- run ---- */

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
            printf("%s: region %u: 0x%" PRIx64 " bytes, %s\n", device_name(f, mach_cfg_region_device(r)),
                   mach_cfg_region_index(r), size, at ? "mapped" : "accessed through VFIO");
    }
}

// Prints and unmasks interrupts until the time is over.
static void wait_for_irqs(struct mach_session *s, const struct mach_cfg_file *f, unsigned seconds)
{
    uint32_t n = mach_cfg_count(f, MACH_CFG_S_IRQ);
    struct pollfd *fds = (struct pollfd *)calloc(n ? n : 1, sizeof *fds);
    for (uint32_t i = 0; fds && i < n; i++)
        fds[i] = (struct pollfd){mach_session_irq_fd(s, i), POLLIN, 0};
    time_t end = time(NULL) + (time_t)seconds;
    for (time_t now; fds && (now = time(NULL)) < end;) {
        if (poll(fds, n, (int)(end - now < 1000 ? (end - now) * 1000 : 1000000)) < 0 && errno != EINTR)
            break;
        for (uint32_t i = 0; i < n; i++) {
            struct mach_cfg_rec q = mach_cfg_record(f, MACH_CFG_S_IRQ, i);
            uint64_t count = 0;
            // A UIO file gives 4 bytes, an eventfd 8.
            ssize_t size = mach_cfg_irq_source(q) == MACH_CFG_IRQ_FILE ? 4 : 8;
            if (!(fds[i].revents & POLLIN) || read(fds[i].fd, &count, (size_t)size) != size)
                continue;
            printf("%s: interrupt %u\n", device_name(f, mach_cfg_irq_device(q)), mach_cfg_irq_index(q));
            fflush(stdout);
            mach_session_irq_unmask(s, i);
        }
    }
    free(fds);
}

static void print_failure(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    fprintf(stderr, "machrt: %s: %s\n", f->object, f->text);
}

int command_run(const struct command *c)
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
    wait_for_irqs(s, f, c->seconds);
    return mach_session_stop(s, &error) ? report(&error) : FINE;
}
