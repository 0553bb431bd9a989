// SPDX-License-Identifier: MIT
// Tests of arena, vector, map and names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>

static jmp_buf on_oom;

static int setup(void **state)
{
    *state = arena_new(&on_oom, hash_key_random());
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void arena_gives_zeroed_aligned_memory(void **state)
{
    struct arena *a = *state;
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        unsigned char *p = arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 8, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, size);
    }
    assert_true(arena_used(a) > 100000);
    *NEW(a, uint64_t) = 1;
}

static void arena_jumps_when_out_of_memory(void **state)
{
    struct arena *a = *state;
    volatile int jumps = 0;
    if (setjmp(on_oom) == 0)
        arena_alloc(a, SIZE_MAX - 3);
    else
        jumps++;
    if (setjmp(on_oom) == 0)
        arena_alloc(a, SIZE_MAX / 2);
    else
        jumps++;
    if (setjmp(on_oom) == 0)
        arena_array(a, SIZE_MAX / 8, 16);
    else
        jumps++;
    assert_int_equal(jumps, 3);
    // The arena is still usable afterwards.
    assert_string_equal(arena_printf(a, "%s", "fine"), "fine");
}

static void texts_fill_blocks_and_leave_zeros(void **state)
{
    struct arena *a = *state;
    char text[4096];
    // Strings of all lengths, across the ends of many blocks. Memory after each is still zero.
    for (int n = 0; n < 4000; n += 7) {
        memset(text, 'a' + n % 26, sizeof text);
        const char *s = arena_printf(a, "%.*s|", n, text);
        assert_int_equal(strlen(s), (size_t)n + 1);
        assert_memory_equal(s, text, (size_t)n);
        const unsigned char *p = arena_alloc(a, 16);
        for (size_t i = 0; i < 16; i++)
            assert_int_equal(p[i], 0);
    }
}

// Blocks of all sizes are allocated and freed in turns, beyond the size of a large input. Each must be zero when
// allocated, and keep what is written to it.
static void arena_reuses_freed_memory(void **state)
{
    enum { N = 64, ROUNDS = 2000, LEAST = 100, FACTOR = 40000 };
    struct arena *a = *state;
    struct {
        unsigned char *p;
        size_t size;
    } had[N] = {0};
    uint32_t random = 1;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t at = random >> 26;
        for (size_t k = 0; k < had[at].size; k += 997)
            assert_int_equal(had[at].p[k], at + 1);
        arena_release(a, had[at].p, had[at].size);
        // Sizes from 100 bytes to 4 MB, small ones more often.
        uint32_t bits = (random >> 8) % 16;
        had[at].size = LEAST + ((random >> 12) % FACTOR * 100 >> bits);
        had[at].p = arena_alloc(a, had[at].size);
        assert_int_equal((uintptr_t)had[at].p % 8, 0);
        for (size_t k = 0; k < had[at].size; k++) {
            if (had[at].p[k])
                fail_msg("byte %zu of %zu is not zero", k, had[at].size);
            had[at].p[k] = (unsigned char)(at + 1);
        }
    }
}

static void arena_copies_text(void **state)
{
    struct arena *a = *state;
    assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(a, NULL, 0), "");
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    char *s = arena_printf(a, "%*s", 100000, "");
    assert_int_equal(strlen(s), 100000);
}

static void arena_free_takes_null(void **state)
{
    (void)state;
    arena_free(NULL);
}

static void vec_grows(void **state)
{
    struct arena *a = *state;
    VEC(uint32_t) v = {0};
    for (uint32_t i = 0; i < 100000; i++)
        vec_push(a, &v, i * 3);
    assert_int_equal(v.n, 100000);
    for (uint32_t i = 0; i < v.n; i++)
        assert_int_equal(v.at[i], i * 3);
    assert_int_equal(*vec_add(a, &v), 0);
}

static void map_keeps_all(void **state)
{
    struct arena *a = *state;
    struct map m = {0};
    uint64_t value = 99;
    assert_false(map_get(&m, 1, 2, &value));
    assert_false(map_del(&m, 1, 2));
    assert_int_equal(value, 99);
    enum { N = 50000 };
    for (uint64_t i = 0; i < N; i++)
        map_put(a, &m, i << 32, i % 7, i);
    for (uint64_t i = 0; i < N; i++) {
        assert_true(map_get(&m, i << 32, i % 7, &value));
        assert_int_equal(value, i);
        assert_false(map_get(&m, i << 32, 8, &value));
    }
}

static void map_replaces_and_deletes(void **state)
{
    struct arena *a = *state;
    struct map m = {0};
    uint64_t value;
    map_put(a, &m, 1, 0, 10);
    map_put(a, &m, 1, 0, 11);
    assert_true(map_get(&m, 1, 0, &value));
    assert_int_equal(value, 11);
    assert_true(map_del(&m, 1, 0));
    assert_false(map_get(&m, 1, 0, &value));
    assert_false(map_del(&m, 1, 0));
    // After many insertions and deletions, an empty slot must remain for a search to stop at.
    for (uint64_t i = 0; i < 10000; i++) {
        map_put(a, &m, i, i, i);
        assert_true(map_del(&m, i, i));
    }
    assert_false(map_get(&m, 5, 5, &value));
    map_put(a, &m, 1, 0, 12);
    assert_true(map_get(&m, 1, 0, &value));
    assert_int_equal(value, 12);
}

static void map_takes_pointers(void **state)
{
    struct arena *a = *state;
    struct map m = {0};
    int x = 0, y = 0;
    map_putp(a, &m, &x, NULL, &y);
    assert_ptr_equal(map_getp(&m, &x, NULL), &y);
    assert_null(map_getp(&m, &y, NULL));
}

static void hashes_are_siphash(void **state)
{
    (void)state;
    // Of the bytes 0, 1, 2 ... under the key of the same bytes, as in the paper's appendix, with rounds 1 and 3.
    static const struct {
        size_t n;
        uint64_t hash;
    } wanted[] = {
        {0, 0xabac0158050fc4dc}, {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
        {8, 0x369095118d299a8e}, {15, 0xd320d86d2a519956}, {33, 0x4d54b9e57a8ff9bf},
    };
    uint8_t bytes[64];
    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_true(hash_bytes(key, bytes, wanted[i].n) == wanted[i].hash);
    assert_true(hash_bytes((struct hash_key){0, 0}, "compatible", 10) == 0x294058d5b2b569f2); // Python's, too
}

/* Of what falls into one slot of 256 under a key: the most that another key puts together. */
static uint32_t crowd(const uint32_t *all, uint32_t n, uint64_t (*slot)(struct hash_key key, uint32_t i))
{
    uint32_t most = 0, slots[256] = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t many = ++slots[slot((struct hash_key){0x5851f42d4c957f2d, 0x14057b7ef767814f}, all[i]) % 256];
        most = many > most ? many : most;
    }
    return most;
}

static uint64_t slot_of_name(struct hash_key key, uint32_t i)
{
    char name[16];
    return hash_bytes(key, name, (size_t)snprintf(name, sizeof name, "node@%x", i));
}

static uint64_t slot_of_number(struct hash_key key, uint32_t i)
{
    return hash_pair(key, i, 0);
}

static uint64_t slot_of_pair(struct hash_key key, uint32_t i)
{
    return hash_pair(key, i % 1000, (uint64_t)(i / 1000) << 32);
}

// Whoever has found what collides under one key has found nothing about another one.
static void collisions_are_of_one_key(void **state)
{
    (void)state;
    uint64_t (*const slots[])(struct hash_key, uint32_t) = {slot_of_name, slot_of_number, slot_of_pair};
    enum { N = 512 };
    for (size_t kind = 0; kind < sizeof slots / sizeof *slots; kind++) {
        uint32_t all[N], n = 0;
        for (uint32_t i = 0; n < N; i++)
            if (slots[kind]((struct hash_key){0x2545f4914f6cdd1d, 0x9fb21c651e98df25}, i) % 256 == 7)
                all[n++] = i;
        // Two to a slot on average.
        assert_true(crowd(all, N, slots[kind]) < 20);
    }
    const struct hash_key a = hash_key_random(), b = hash_key_random();
    assert_true(a.k0 != b.k0 && a.k1 != b.k1 && a.k0 != a.k1);
}

static void names_are_stored_once(void **state)
{
    struct arena *a = *state;
    struct intern *t = intern_new(a);
    const char *reg = intern(t, "reg");
    assert_string_equal(reg, "reg");
    assert_ptr_equal(intern_n(t, "registers", 3), reg);
    assert_ptr_not_equal(intern(t, "regs"), reg);
    assert_int_equal(intern_len(reg), 3);
    assert_int_equal(intern_len(intern(t, "")), 0);
    enum { N = 20000 };
    const char **all = arena_array(a, N, sizeof *all);
    char name[32];
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "node@%x", i);
        all[i] = intern(t, name);
    }
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "node@%x", i);
        assert_ptr_equal(intern(t, name), all[i]);
    }
    assert_ptr_equal(intern(t, "reg"), reg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arena_gives_zeroed_aligned_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(arena_jumps_when_out_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_fill_blocks_and_leave_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(arena_reuses_freed_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(arena_copies_text, setup, teardown),
        cmocka_unit_test(arena_free_takes_null),
        cmocka_unit_test_setup_teardown(vec_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(map_keeps_all, setup, teardown),
        cmocka_unit_test_setup_teardown(map_replaces_and_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(map_takes_pointers, setup, teardown),
        cmocka_unit_test(hashes_are_siphash),
        cmocka_unit_test(collisions_are_of_one_key),
        cmocka_unit_test_setup_teardown(names_are_stored_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
