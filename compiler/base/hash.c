// SPDX-License-Identifier: MIT
#include "base/hash.h"

#include <endian.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

struct hash_key hash_key_random(void)
{
    struct hash_key key = {0, 0};
    if (getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key)
        return key;
    // A kernel without the call: the 16 bytes that it gives to every process.
    const void *bytes = (const void *)getauxval(AT_RANDOM); // NOLINT: that is how the address comes
    if (bytes)
        memcpy(&key, bytes, sizeof key);
    return key;
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

// The last bytes of a text, fewer than eight, and its length above them.
static uint64_t last_word(const uint8_t *rest, size_t n)
{
    uint64_t word = (uint64_t)n << 56;
    for (size_t i = 0; i < (n & 7); i++)
        word |= (uint64_t)rest[i] << 8 * i;
    return word;
}

uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t n)
{
    uint64_t v[4] = {key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d, key.k0 ^ 0x6c7967656e657261,
                     key.k1 ^ 0x7465646279746573};
    const uint8_t *at = bytes;
    for (size_t left = n; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        sip_word(v, le64toh(word));
    }
    sip_word(v, last_word(at, n));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
