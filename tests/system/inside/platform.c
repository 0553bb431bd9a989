// SPDX-License-Identifier: MIT
// Tests devices that are not on PCI, without a guest: a GPIO controller through vfio-amba, and a virtio-mmio transport
// through vfio-platform, eight of which share a page; both with their interrupts.
//
//     platform PLATFORM.CFG CLOCK.CFG BACKEND TIME
#include "lib/rig.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { TIMES = 200, SOON = 10000 /* ms, and longer than any busy machine takes */, NEVER = 50 };

// ARM PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual (DDI 0190), 3.2.
enum { SENSE = 0x404, EVENT = 0x40c, ENABLE = 0x410, RAW = 0x414, MASKED = 0x418, CLEAR = 0x41c, PERIPH_ID = 0xfe0 };

// A line that is low raises an interrupt if the active level is low, but not if it is high.
static void gpio(const struct rig *r)
{
    uint32_t d = rig_device(r, "gpio"), region = rig_region(r, d), irq = rig_irq(r, d), came = 0;
    uint64_t size;
    ok(mach_session_region_ptr(r->session, region, &size) && size == 4096, "pl061's registers are mapped");
    ok((get32(r, region, PERIPH_ID) & 0xff) == 0x61, "its peripheral id is read");
    ok(!rig_wait(r, irq, NEVER), "its interrupt does not fire by itself");
    put32(r, region, SENSE, 1);
    for (uint32_t i = 0; i < TIMES && came == i; i++) {
        put32(r, region, ENABLE, 1);
        came += rig_wait(r, irq, SOON) == 1 && get32(r, region, MASKED) == 1;
        put32(r, region, ENABLE, 0);
        mach_session_irq_unmask(r->session, irq);
    }
    if (!ok(came == TIMES, "its interrupt comes %u times, each once", (unsigned)TIMES))
        comment("%u came", came);
    put32(r, region, ENABLE, 1);
    ok(rig_wait(r, irq, SOON) == 1 && !rig_wait(r, irq, NEVER), "while it stays up it comes once");
    mach_session_irq_unmask(r->session, irq);
    ok(rig_wait(r, irq, SOON) == 1, "unmasked, it comes again");
    ok(!mach_session_rearm(r->session) && rig_wait(r, irq, SOON) == 1, "and when the session is armed anew");
    put32(r, region, ENABLE, 0);
    put32(r, region, SENSE, 0);
    put32(r, region, CLEAR, 1);
}

// Virtual I/O Device (VIRTIO) Version 1.2, 4.2.2.
enum { MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, QUEUE_SELECT = 0x030, QUEUE_MAX = 0x034, STATUS = 0x070 };
enum { ENTROPY = 4, TRIGGER_TIMES = 20 };

static void rng(const struct rig *r)
{
    uint32_t d = rig_device(r, "rng"), region = rig_region(r, d), irq = rig_irq(r, d), value = 0, came = 0;
    uint64_t size;
    uint8_t byte = 0;
    ok(!mach_session_region_ptr(r->session, region, &size) && size == 0x200,
       "0x200 bytes of virtio-mmio are not mapped");
    ok(get32(r, region, MAGIC) == 0x74726976, "they are read access by access");
    ok(get32(r, region, DEVICE_ID) == ENTROPY, "it is this device, and none of the seven others in its page");
    put32(r, region, STATUS, 0);
    put32(r, region, STATUS, 3);
    ok(get32(r, region, STATUS) == 3, "they are written access by access");
    put32(r, region, QUEUE_SELECT, 0);
    ok(get32(r, region, QUEUE_MAX) > 0, "and the device acts on it");
    put32(r, region, STATUS, 0);
    ok(!mach_region_read(r->session, region, 3, &byte, 1), "a byte is read");
    ok(mach_region_read(r->session, region, 0x1fe, &value, 4) < 0, "an access across the end is refused");
    ok(mach_region_read(r->session, region, 0x200, &value, 4) < 0, "so is one behind it");
    // The kernel can trigger the interrupt by hand; from there to the eventfd it takes the interrupt's usual path.
    struct vfio_irq_set pull = {
        .argsz = sizeof pull, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = 0, .count = 1};
    int fd = mach_session_device_fd(r->session, d);
    for (int i = 0; i < TRIGGER_TIMES; i++)
        came += !ioctl(fd, VFIO_DEVICE_SET_IRQS, &pull) && rig_wait(r, irq, SOON) == 1;
    if (!ok(came == TRIGGER_TIMES, "its interrupt, an edge, comes without being unmasked"))
        comment("%u of %u", came, (unsigned)TRIGGER_TIMES);
}

// ARM PrimeCell Real Time Clock (PL031) Technical Reference Manual (DDI 0224), 3.2.
enum { RTC_NOW = 0x00, RTC_MATCH = 0x04, RTC_MASK = 0x10, RTC_CLEAR = 0x1c };

// `when` is the time that the host's driver has just read.
static void rtc(const struct rig *r, uint32_t when)
{
    uint32_t d = rig_device(r, "rtc"), region = rig_region(r, d), irq = rig_irq(r, d);
    uint32_t now = get32(r, region, RTC_NOW);
    ok(now - when <= 120, "pl031 tells the time");
    put32(r, region, RTC_CLEAR, 1);
    put32(r, region, RTC_MASK, 1);
    put32(r, region, RTC_MATCH, now + 2);
    ok(rig_wait(r, irq, SOON) == 1 && get32(r, region, RTC_NOW) - now >= 2, "its alarm comes, and not before its time");
    put32(r, region, RTC_CLEAR, 1);
    put32(r, region, RTC_MASK, 0);
}

int main(int argc, char **argv)
{
    char what[64];
    struct rig r;
    if (argc != 5)
        return 2;
    snprintf(what, sizeof what, "platform, %s", argv[3]);
    tap_begin("3", what);
    if (rig_start(&r, argv[1], argv[3])) {
        gpio(&r);
        rng(&r);
        rig_stop(&r);
    }
    if (rig_start(&r, argv[2], argv[3])) {
        rtc(&r, (uint32_t)strtoul(argv[4], NULL, 10));
        rig_stop(&r);
    }
    return tap_end();
}
