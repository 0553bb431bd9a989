// SPDX-License-Identifier: MIT
// Interrupts of a PCI function without a guest: INTx, level-triggered, through one config, and MSI through another.
//
//     edu-irq INTX.CFG MSI.CFG BACKEND
#include "lib/rig.h"

#include <errno.h>

enum { TIMES = 200, SOON = 10000 /* ms, and longer than any busy machine takes */, NEVER = 50 };

static void intx(const char *path, const char *backend)
{
    struct rig r;
    if (!rig_start(&r, path, backend))
        return;
    uint32_t d = rig_device(&r, "edu"), region = rig_region(&r, d), irq = rig_irq(&r, d), came = 0, once = 0, asked = 0;
    uint64_t size;
    ok(get32(&r, region, EDU_ID) == EDU_IDENTITY, "its id is read");
    ok(mach_session_region_ptr(r.session, region, &size) && size == 0x100000, "its registers are mapped, all of them");
    put32(&r, region, EDU_LIVENESS, 0x12345678);
    ok(get32(&r, region, EDU_LIVENESS) == ~UINT32_C(0x12345678), "they take what is written");
    ok(!rig_wait(&r, irq, NEVER), "INTx does not fire by itself");
    for (uint32_t i = 0; i < TIMES && came == i; i++) {
        put32(&r, region, EDU_IRQ_RAISE, 1 + i);
        uint64_t n = rig_wait(&r, irq, SOON);
        came += n != 0;
        once += n == 1;
        asked += get32(&r, region, EDU_IRQ_STATUS) == 1 + i;
        edu_ack(&r, region);
        mach_session_irq_unmask(r.session, irq);
    }
    if (!ok(came == TIMES && once == TIMES && asked == TIMES, "INTx fires %u times, each once", (unsigned)TIMES)) {
        comment("%u came, %u once, %u for what was asked", came, once, asked);
        rig_stop(&r);
        return; // each further wait would take its time
    }
    put32(&r, region, EDU_IRQ_RAISE, 1);
    ok(rig_wait(&r, irq, SOON) == 1, "INTx fires");
    ok(!rig_wait(&r, irq, NEVER), "a line that stays up fires once until it is unmasked");
    mach_session_irq_unmask(r.session, irq);
    ok(rig_wait(&r, irq, SOON) == 1, "and again when it is unmasked");
    edu_ack(&r, region);
    mach_session_irq_unmask(r.session, irq);
    ok(!rig_wait(&r, irq, NEVER), "and no more when the device is content");
    ok(mach_session_msi_enable(r.session, d, 0, 1, (int[1]){-1}, &(uint32_t){0}) != 0,
       "MSI is refused while INTx is on");
    rig_stop(&r);
}

static void msi(const char *path, const char *backend)
{
    struct rig r;
    if (!rig_start(&r, path, backend))
        return;
    uint32_t d = rig_device(&r, "edu"), region = rig_region(&r, d), granted = 0, came = 0;
    int fds[4] = {-1, -1, -1, -1};
    // edu has one vector: docs/specs/edu.rst.
    ok(mach_session_msi_enable(r.session, d, 0, 4, fds, &granted) == -ENOSPC && granted == 1,
       "four MSI vectors are refused, and one is offered");
    int e = mach_session_msi_enable(r.session, d, 0, granted, fds, &granted);
    if (!ok(!e, "one MSI vector is had"))
        comment("%s", strerror(-e));
    for (uint32_t i = 0; !e && i < TIMES && came == i; i++) {
        put32(&r, region, EDU_IRQ_RAISE, 1 + i);
        came += wait_eventfd(fds[0], SOON) == 1 && get32(&r, region, EDU_IRQ_STATUS) == 1 + i;
        edu_ack(&r, region);
    }
    if (!ok(came == TIMES, "an MSI fires %u times", (unsigned)TIMES))
        comment("%u came", came);
    ok(!wait_eventfd(fds[0], NEVER), "and no more");
    ok(!mach_session_msi_disable(r.session, d), "MSI is switched off");
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    char what[64];
    if (argc != 4)
        return 2;
    snprintf(what, sizeof what, "edu, %s", argv[3]);
    tap_begin("4", what);
    intx(argv[1], argv[3]);
    msi(argv[2], argv[3]);
    return tap_end();
}
