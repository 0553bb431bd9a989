// SPDX-License-Identifier: MIT
// Connects libFuzzer with mutate_cfg.c. libFuzzer itself mutates one file in eight; its checksum is repaired
// afterwards.
#include "audit.h"
#include "mutate_cfg.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    struct rng r = {seed};
    if (rng_below(&r, 8))
        return cfg_mutate(&r, data, size, max);
    size = LLVMFuzzerMutate(data, size, max);
    audit_seal(data, size);
    return size;
}
