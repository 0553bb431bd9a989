// SPDX-License-Identifier: MIT
// DMA without an IOMMU, to memory that has the same address for the device, the guest and the host.
//
//     edu-noiommu IDENTITY.CFG
#include "lib/rig.h"

int main(int argc, char **argv)
{
    struct rig r;
    const struct mach_memory *m;
    if (argc != 2)
        return 2;
    tap_begin("5", "no IOMMU, identity");
    if (!rig_start(&r, argv[1], "noiommu"))
        return tap_end();
    uint32_t region = rig_region(&r, rig_device(&r, "edu"));
    m = mach_session_memory(r.session, 0);
    ok(m && m->address == 0x90000000, "memory is where the config says");
    uint8_t *ram = (uint8_t *)m->at;
    for (int i = 0; i < 512; i++)
        ram[i] = (uint8_t)(5 * i + 2);
    memset(ram + m->size - 512, 0, 512);
    edu_load(&r, region, m->address, 512);
    edu_store(&r, region, m->address + m->size - 512, 512);
    ok(!memcmp(ram, ram + m->size - 512, 512), "512 bytes move from its start to its end");
    rig_stop(&r);
    return tap_end();
}
