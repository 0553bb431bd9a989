// SPDX-License-Identifier: MIT
// What is where in the guest's address space: memory, and registers whose accesses exit to the VMM.
#include "session/steps.h"

#include <errno.h>
#include <stdlib.h>

static int by_address(const void *a, const void *b)
{
    uint64_t x = (*(struct memory *const *)a)->m.address, y = (*(struct memory *const *)b)->m.address;
    return (x > y) - (x < y);
}

int machrt_step_addresses(struct mach_session *s)
{
    s->by_address = (struct memory **)machrt_session_alloc(s, s->memories, sizeof(struct memory *));
    if (!s->by_address)
        return -1;
    for (uint32_t i = 0; i < s->memories; i++)
        s->by_address[i] = &s->memory[i];
    if (s->memories)
        qsort(s->by_address, s->memories, sizeof *s->by_address, by_address);
    return 0;
}

static int by_trap(const void *a, const void *b)
{
    uint64_t x = (*(struct region *const *)a)->trap.address, y = (*(struct region *const *)b)->trap.address;
    return (x > y) - (x < y);
}

int machrt_step_traps(struct mach_session *s)
{
    s->traps = (struct region **)machrt_session_alloc(s, s->regions, sizeof(struct region *));
    if (!s->traps)
        return -1;
    for (uint32_t i = 0; i < s->regions; i++)
        if (s->region[i].trapped && s->region[i].trap.size)
            s->traps[s->trapped++] = &s->region[i];
    if (s->trapped)
        qsort(s->traps, s->trapped, sizeof *s->traps, by_trap);
    return 0;
}

void *mach_session_at(const struct mach_session *s, uint64_t address, uint64_t size, int write)
{
    uint32_t low = 0, high = s->memories;
    while (low < high) { // the last one that does not begin behind the address
        uint32_t middle = low + (high - low) / 2;
        if (s->by_address[middle]->m.address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct mach_memory *m = low ? &s->by_address[low - 1]->m : NULL;
    if (!m || address - m->address >= m->size || size > m->size - (address - m->address) || (write && m->readonly))
        return NULL;
    return (char *)m->at + (address - m->address);
}

int mach_session_access(struct mach_session *s, uint64_t address, void *data, size_t size, int write)
{
    uint32_t low = 0, high = s->trapped;
    int r = -ENXIO;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->traps[middle]->trap.address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct mach_trap *t = low ? &s->traps[low - 1]->trap : NULL;
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
