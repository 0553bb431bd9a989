// SPDX-License-Identifier: MIT
#include "rig.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <unistd.h>

static const char *prefix_point = "", *prefix_what = "";
static int failures;

void tap_begin(const char *point, const char *what)
{
    prefix_point = point;
    prefix_what = what;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

bool ok(bool passed, const char *name, ...)
{
    va_list list;
    va_start(list, name);
    printf("%s - %s %s: ", passed ? "ok" : "not ok", prefix_point, prefix_what);
    vprintf(name, list);
    putchar('\n');
    va_end(list);
    failures += !passed;
    return passed;
}

void comment(const char *text, ...)
{
    va_list list;
    va_start(list, text);
    fputs("#   ", stdout);
    vprintf(text, list);
    putchar('\n');
    va_end(list);
}

int tap_end(void)
{
    return failures ? 1 : 0;
}

/* ---- sessions ---- */

static void print_line(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "%s\n", line);
}

static void print_finding(void *opaque, const struct mach_finding *finding)
{
    (void)opaque;
    fprintf(stderr, "%s: %s\n", finding->object, finding->text);
}

static void comment_error(const struct rig *r)
{
    char text[1500];
    mach_error_text(&r->error, text, sizeof text);
    comment("%s", text);
}

static bool failed(const struct rig *r, const char *what)
{
    ok(false, "%s", what);
    comment_error(r);
    return false;
}

bool rig_start_with(struct rig *r, const char *path, const char *backend, const struct mach_ops *ops, void *opaque)
{
    struct mach_options o = {
        .size = sizeof o, .log = print_line, .finding = print_finding, .flags = getenv("UNPROVEN") ? MACH_NO_PROOF : 0};
    *r = (struct rig){.error = MACH_ERROR_INIT};
    while (strcmp(mach_backend_name(o.backend), backend)) {
        if (o.backend == MACH_BACKEND_PAMU) {
            fprintf(stderr, "no backend %s\n", backend);
            exit(2);
        }
        o.backend = (enum mach_backend)(o.backend + 1);
    }
    if (mach_config_open(path, &r->config, &r->error))
        return failed(r, path);
    r->f = mach_config_file(r->config);
    if (!mach_session_start(r->config, &o, ops, opaque, &r->session, &r->error))
        return true;
    mach_config_close(r->config);
    return failed(r, "the session starts");
}

bool rig_start(struct rig *r, const char *path, const char *backend)
{
    return rig_start_with(r, path, backend, NULL, NULL);
}

void rig_stop(struct rig *r)
{
    if (!ok(!mach_session_stop(r->session, &r->error), "the session stops, and all is undone"))
        comment_error(r);
    mach_config_close(r->config);
}

static struct mach_cfg_rec device_record(const struct rig *r, uint32_t device)
{
    return mach_cfg_record(r->f, MACH_CFG_S_DEVICE, device);
}

uint32_t rig_device(const struct rig *r, const char *name)
{
    uint32_t device = mach_config_find_device(r->config, name);
    if (device != MACH_CFG_NONE)
        return device;
    fprintf(stderr, "no device %s\n", name);
    exit(2);
}

uint32_t rig_region(const struct rig *r, uint32_t device)
{
    return mach_cfg_device_first_region(device_record(r, device));
}

uint32_t rig_irq(const struct rig *r, uint32_t device)
{
    return mach_cfg_device_first_irq(device_record(r, device));
}

uint32_t rig_dma(const struct rig *r, uint32_t device)
{
    return mach_cfg_device_first_dma(device_record(r, device));
}

uint64_t wait_eventfd(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};
    uint64_t count;
    return poll(&p, 1, ms) == 1 && read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

uint64_t rig_wait(const struct rig *r, uint32_t irq, int ms)
{
    return wait_eventfd(mach_session_irq_fd(r->session, irq), ms);
}

uint32_t get32(const struct rig *r, uint32_t region, uint64_t offset)
{
    uint32_t value = 0;
    int e = mach_region_read(r->session, region, offset, &value, sizeof value);
    if (e)
        fprintf(stderr, "reading 0x%" PRIx64 ": %s\n", offset, strerror(-e));
    return value;
}

void put32(const struct rig *r, uint32_t region, uint64_t offset, uint32_t value)
{
    int e = mach_region_write(r->session, region, offset, &value, sizeof value);
    if (e)
        fprintf(stderr, "writing 0x%" PRIx64 ": %s\n", offset, strerror(-e));
}

/* ---- accesses that the IOMMU stopped ---- */

// Lines of /proc/interrupts: "arm-smmu-v3-evtq" of an SMMUv3, "dmar0" of VT-d, after one number for each cpu.
uint64_t iommu_faults(void)
{
    char line[1024];
    uint64_t sum = 0;
    FILE *f = fopen("/proc/interrupts", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *at = strchr(line, ':'), *end;
        if (!at || !(strstr(line, "evtq") || strstr(line, "dmar")))
            continue;
        for (at++;; at = end) {
            uint64_t n = strtoull(at, &end, 10);
            if (end == at || *end != ' ')
                break;
            sum += n;
        }
    }
    if (f)
        fclose(f);
    return sum;
}

bool iommu_faulted(uint64_t before)
{
    for (int tries = 0; tries < 1000; tries++) {
        if (iommu_faults() > before)
            return true;
        usleep(10000);
    }
    return false;
}

bool iommu_quiet(uint64_t before)
{
    usleep(50000);
    return iommu_faults() == before;
}

bool kernel_said(const char *text)
{
    int size = klogctl(10 /* SYSLOG_ACTION_SIZE_BUFFER */, NULL, 0);
    char *log = size > 0 ? (char *)malloc((size_t)size + 1) : NULL;
    bool said = false;
    if (log) {
        int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, size);
        log[n > 0 ? n : 0] = '\0';
        said = strstr(log, text) != NULL;
    }
    free(log);
    return said;
}

/* ---- edu ---- */

enum { START = 1, TO_MEMORY = 2 };

static void move(const struct rig *r, uint32_t region, uint64_t from, uint64_t to, uint32_t count, uint32_t command)
{
    mach_region_write(r->session, region, EDU_DMA_FROM, &from, sizeof from);
    mach_region_write(r->session, region, EDU_DMA_TO, &to, sizeof to);
    put32(r, region, EDU_DMA_COUNT, count);
    put32(r, region, EDU_DMA_COMMAND, command | START);
    // A transfer takes a tenth of a second, and longer on a busy machine.
    for (int i = 0; i < 20000 && get32(r, region, EDU_DMA_COMMAND) & START; i++)
        usleep(1000);
}

void edu_load(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count)
{
    move(r, region, iova, EDU_BUFFER, count, 0);
}

void edu_store(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count)
{
    move(r, region, EDU_BUFFER, iova, count, TO_MEMORY);
}

void edu_ack(const struct rig *r, uint32_t region)
{
    put32(r, region, EDU_IRQ_ACK, get32(r, region, EDU_IRQ_STATUS));
}
