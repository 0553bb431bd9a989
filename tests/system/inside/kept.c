// SPDX-License-Identifier: MIT
// Tests a device while it is open, without a guest: what the host keeps for it, its registers, and its interrupt.
//
//     kept GUEST.CFG BACKEND STATE
//
// STATE is what the program `state` prints then.
#include "lib/rig.h"

#include <stdio.h>

enum { SOON = 10000 /* ms, and longer than any busy machine takes */ };

// ARM PrimeCell Real Time Clock (PL031) Technical Reference Manual (DDI 0224), 3.2.
enum { NOW = 0x00, MATCH = 0x04, MASK = 0x10, CLEAR = 0x1c };

static void state(const char *wanted)
{
    char line[200] = "";
    FILE *f = popen("state", "r");
    if (f && fgets(line, sizeof line, f))
        line[strcspn(line, "\n")] = '\0';
    if (!ok(!strcmp(line, wanted), "while it is open: %s", wanted))
        comment("%s", line);
    if (f)
        pclose(f);
}

static void alarm_comes(const struct rig *r)
{
    uint32_t d = rig_device(r, "rtc"), region = rig_region(r, d), irq = rig_irq(r, d), now = get32(r, region, NOW);
    put32(r, region, CLEAR, 1);
    put32(r, region, MASK, 1);
    put32(r, region, MATCH, now + 1);
    ok(rig_wait(r, irq, SOON) == 1 && get32(r, region, NOW) > now, "its alarm comes");
    put32(r, region, CLEAR, 1);
    put32(r, region, MASK, 0);
}

int main(int argc, char **argv)
{
    char what[64];
    struct rig r;
    if (argc != 4)
        return 2;
    snprintf(what, sizeof what, "kept, %s", argv[2]);
    tap_begin("23", what);
    if (rig_start(&r, argv[1], argv[2])) {
        state(argv[3]);
        alarm_comes(&r);
        rig_stop(&r);
    }
    return tap_end();
}
