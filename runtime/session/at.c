// SPDX-License-Identifier: MIT
// What is where in the guest's address space: memory, and registers whose accesses exit to the VMM.
#include "session/steps.h"

#include <errno.h>
#include <stdlib.h>

static int by_address(const void *a, const void *b)
{
    uint64_t x = ((const struct placed *)a)->address, y = ((const struct placed *)b)->address;
    return (x > y) - (x < y);
}

static void sort(struct placed *list, uint32_t n)
{
    if (n)
        qsort(list, n, sizeof *list, by_address);
}

// The index of the last one that does not begin behind the address; MACH_CFG_NONE: all do.
static uint32_t find(const struct placed *list, uint32_t n, uint64_t address)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? list[low - 1].index : MACH_CFG_NONE;
}

int machrt_step_addresses(struct mach_session *s)
{
    s->by_address = (struct placed *)machrt_session_alloc(s, s->memories, sizeof *s->by_address);
    if (!s->by_address)
        return -1;
    for (uint32_t i = 0; i < s->memories; i++)
        s->by_address[i] = (struct placed){s->memory[i].m.address, i};
    sort(s->by_address, s->memories);
    return 0;
}

int machrt_step_traps(struct mach_session *s)
{
    s->traps = (struct placed *)machrt_session_alloc(s, s->regions, sizeof *s->traps);
    if (!s->traps)
        return -1;
    for (uint32_t i = 0; i < s->regions; i++)
        if (s->region[i].trapped && s->region[i].trap.size)
            s->traps[s->trapped++] = (struct placed){s->region[i].trap.address, i};
    sort(s->traps, s->trapped);
    return 0;
}

void *mach_session_at(const struct mach_session *s, uint64_t address, uint64_t size, int write)
{
    uint32_t i = find(s->by_address, s->memories, address);
    const struct mach_memory *m = i == MACH_CFG_NONE ? NULL : &s->memory[i].m;
    if (!m || address - m->address >= m->size || size > m->size - (address - m->address) || (write && m->readonly))
        return NULL;
    return (char *)m->at + (address - m->address);
}

int mach_session_access(struct mach_session *s, uint64_t address, void *data, size_t size, int write)
{
    uint32_t i = find(s->traps, s->trapped, address);
    const struct mach_trap *t = i == MACH_CFG_NONE ? NULL : &s->region[i].trap;
    int r = -ENXIO;
    if (t && address - t->address < t->size) {
        uint64_t offset = t->offset + (address - t->address);
        r = write ? mach_region_write(s, t->region, offset, data, size)
                  : mach_region_read(s, t->region, offset, data, size);
    }
    if (r && !write)
        memset(data, 0xff, size);
    return r;
}

uint32_t mach_session_slots(const struct mach_session *s)
{
    return s->slots;
}
