// SPDX-License-Identifier: MIT
// Runs inside a guest. Tests the alarm of the host's PL031 with the guest's own driver, and by its registers many times
// in a row.
//
// It sets the match register to the current time: the interrupt comes at once, and the driver acknowledges it. Each one
// requires that the previous one has ended everywhere: in the guest, at the irqfd's resampler, at VFIO.
#include <fcntl.h>
#include <linux/rtc.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BASE = 0x9010000, MANY = 300, SOON = 10 /* seconds, for what comes however busy the machine is */ };
enum { DR = 0, MR = 1, IMSC = 4, RIS = 5 }; // registers, in words: Arm DDI 0224

static int failures;

// The tests belong to point 2 of README.md, or to that of POINT in the environment.
static void test(int good, const char *name)
{
    const char *point = getenv("POINT");
    printf("%s - %s %s\n", good ? "ok" : "not ok", point ? point : "2", name);
    failures += !good;
}

// The kernel's count of interrupts of `name`.
static long interrupts(const char *name)
{
    char line[512];
    long n = -1;
    FILE *f = fopen("/proc/interrupts", "r");
    while (f && n < 0 && fgets(line, sizeof line, f)) {
        char *at = strchr(line, ':');
        if (!at || !strstr(line, name))
            continue;
        n = 0;
        at++;
        for (char *end;; at = end) {
            long k = strtol(at, &end, 10);
            if (end == at)
                break;
            n += k;
        }
    }
    if (f)
        fclose(f);
    return n;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Waits at most `seconds` for an interrupt after the first `n`.
static int wait_for(const char *name, long n, double seconds)
{
    for (double end = now() + seconds; now() < end; usleep(500))
        if (interrupts(name) > n)
            return 1;
    return 0;
}

// Uses the driver as any program of the guest would.
static int by_driver(int fd)
{
    struct rtc_time t;
    unsigned long data;
    if (ioctl(fd, RTC_RD_TIME, &t))
        return 0;
    struct tm tm = {.tm_sec = t.tm_sec,
                    .tm_min = t.tm_min,
                    .tm_hour = t.tm_hour,
                    .tm_mday = t.tm_mday,
                    .tm_mon = t.tm_mon,
                    .tm_year = t.tm_year};
    time_t then = timegm(&tm) + 2;
    gmtime_r(&then, &tm);
    struct rtc_wkalrm a = {.enabled = 1,
                           .time = {.tm_sec = tm.tm_sec,
                                    .tm_min = tm.tm_min,
                                    .tm_hour = tm.tm_hour,
                                    .tm_mday = tm.tm_mday,
                                    .tm_mon = tm.tm_mon,
                                    .tm_year = tm.tm_year}};
    if (ioctl(fd, RTC_WKALM_SET, &a))
        return 0;
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, SOON * 1000) == 1 && read(fd, &data, sizeof data) == sizeof data && data & RTC_AF;
}

// Waits until a register is 0: an interrupt is counted before its handler masks and acknowledges it.
static int is_zero(volatile uint32_t *reg)
{
    for (double end = now() + SOON; *reg && now() < end;)
        usleep(100);
    return !*reg;
}

int main(void)
{
    int rtc = open("/dev/rtc0", O_RDONLY), mem = open("/dev/mem", O_RDWR | O_SYNC);
    volatile uint32_t *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mem, BASE);
    if (rtc < 0 || r == MAP_FAILED) {
        perror("in-rtc");
        return 1;
    }
    long first = interrupts("rtc-pl031");
    printf("# interrupts before: %ld\n", first);
    test(by_driver(rtc), "rtc: its alarm comes, two seconds after it was set");
    int n = 0;
    while (n < MANY) {
        // The driver has set no alarm itself, and masks the interrupt after each one.
        if (!is_zero(&r[IMSC]))
            break;
        long before = interrupts("rtc-pl031");
        r[IMSC] = 1;
        uint32_t shown = r[DR];
        r[MR] = shown;
        if (r[DR] != shown && !wait_for("rtc-pl031", before, 0.1))
            continue; // the second ended in between, so the alarm was set to the past
        if (!wait_for("rtc-pl031", before, SOON))
            break;
        n++;
    }
    char name[80];
    snprintf(name, sizeof name, "rtc: %d level interrupts in a row, each resampled", MANY);
    test(n == MANY, name);
    printf("# %d of them came\n", n);
    test(is_zero(&r[RIS]), "rtc: acknowledged, its line is low");
    r[IMSC] = 0;
    return failures != 0;
}
