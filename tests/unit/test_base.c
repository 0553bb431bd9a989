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
    *state = arena_new(&on_oom);
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
        cmocka_unit_test_setup_teardown(names_are_stored_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
