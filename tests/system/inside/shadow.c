// SPDX-License-Identifier: MIT
// Tests a shadow without a guest, on registers that keep what is written: those of a GPIO controller that the board's
// tree calls a system controller. What the host sees is looked at through another mapping of /dev/mem.
//
//     shadow GUEST.CFG
#include "lib/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

// ARM PrimeCell General Purpose Input/Output (PL061) Technical Reference Manual (DDI 0190), 3.2; all of 8 bits.
enum { DIRECTION = 0x400, SENSE = 0x404, EVENT = 0x40c, PERIPH_ID = 0xfe0 };
enum { BASE = 0x9030000, SIZE = 0x1000 };

static int write32(const struct rig *r, uint32_t region, uint64_t offset, uint32_t value)
{
    return mach_region_write(r->session, region, offset, &value, sizeof value);
}

static void shadow(const struct rig *r, volatile uint32_t *host)
{
    uint32_t region = rig_region(r, rig_device(r, "pl061@9030000"));
    uint64_t size;
    host[DIRECTION / 4] = 0xa0;
    host[SENSE / 4] = 0x11;
    host[EVENT / 4] = 0;
    ok(get32(r, region, PERIPH_ID) == host[PERIPH_ID / 4] && (host[PERIPH_ID / 4] & 0xff) == 0x61 &&
           get32(r, region, DIRECTION) == 0xa0 && get32(r, region, SENSE) == 0x11,
       "the guest reads what the host reads");
    ok(!mach_session_region_ptr(r->session, region, &size) && size == SIZE, "its registers are not mapped for the VMM");
    ok(!write32(r, region, DIRECTION, 0xa5) && host[DIRECTION / 4] == 0xa5, "bits below the mask reach the register");
    ok(write32(r, region, DIRECTION, 0x53) == -EACCES && host[DIRECTION / 4] == 0xa3,
       "of a write to other bits, these alone do");
    ok(!write32(r, region, EVENT, 0xff) && host[EVENT / 4] == 0xff, "a register with a full mask is written");
    ok(write32(r, region, SENSE, 0x22) == -EACCES && host[SENSE / 4] == 0x11, "a register without a mask is not");
    host[DIRECTION / 4] = 0x03;
    ok(get32(r, region, DIRECTION) == 0x03 && !write32(r, region, DIRECTION, 0x0c) && host[DIRECTION / 4] == 0x0c,
       "what the host has changed since is kept");
}

int main(int argc, char **argv)
{
    struct rig r;
    if (argc != 2)
        return 2;
    tap_begin("19", "shadow");
    if (rig_start(&r, argv[1], "iommufd")) {
        int mem = open("/dev/mem", O_RDWR | O_SYNC);
        void *host = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, BASE);
        if (ok(host != MAP_FAILED, "/dev/mem is mapped once more"))
            shadow(&r, (volatile uint32_t *)host);
        rig_stop(&r);
    }
    return tap_end();
}
