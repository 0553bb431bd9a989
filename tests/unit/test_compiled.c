// SPDX-License-Identifier: MIT
// What the schemas were compiled to is what is read from their texts, in every byte of every struct.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machc.h"
#include "schema/compile/members.h"

#include <string.h>

static uint32_t things; // structs that were compared

static const void *pointer_at(const void *p)
{
    const void *to;
    memcpy(&to, p, sizeof to);
    return to;
}

static void same_names(const char *const *a, const char *const *b)
{
    assert_true(!a == !b);
    while (a && *a)
        assert_ptr_equal(*a++, *b++);
    assert_true(!b || !*b);
}

static void same(const struct type *t, const char *a, const char *b, uint32_t n);

static void same_items(const struct type *t, const void *const *a, const void *const *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        same(t, a[i], b[i], 1);
}

static void same_table(const struct type *t, const struct names *a, const struct names *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->room, b->room);
    for (uint32_t i = 0; i < a->room; i++) {
        assert_ptr_equal(a->slots[i].name, b->slots[i].name);
        if (a->slots[i].name)
            same(t, a->slots[i].item, b->slots[i].item, 1);
    }
}

// False: the bytes of the member itself are to be compared.
static bool same_pointer(const struct member *m, const char *a, const char *b)
{
    const void *pa = m->size == sizeof pa ? pointer_at(a + m->offset) : a + m->offset;
    const void *pb = m->size == sizeof pb ? pointer_at(b + m->offset) : b + m->offset;
    uint32_t n = 0;
    if (m->count)
        memcpy(&n, a + m->count, sizeof n); // the same in both, or that is found
    switch ((enum member_kind)m->kind) {
    case MEMBER_TEXT:
        assert_string_equal(pa, pb);
        break;
    case MEMBER_NAMES:
        same_names(pa, pb);
        break;
    case MEMBER_ITEM:
        assert_true(!pa == !pb);
        same(m->of, pa, pb, pa != NULL);
        break;
    case MEMBER_LIST:
        same(m->of, pa, pb, n);
        break;
    case MEMBER_ITEMS:
        same_items(m->of, pa, pb, n);
        break;
    case MEMBER_TABLE:
        same_table(m->of, (const void *)(a + m->offset), (const void *)(b + m->offset));
        break;
    case MEMBER_NOT_KEPT:
        break;
    default:
        return false;
    }
    return true;
}

static void same(const struct type *t, const char *a, const char *b, uint32_t n)
{
    bool compared[512] = {false};
    assert_true(t->size <= sizeof compared);
    for (uint32_t i = 0; i < n; i++, a += t->size, b += t->size, things++) {
        for (size_t m = 0; m < t->n; m++) {
            if (same_pointer(&t->members[m], a, b))
                memset(compared + t->members[m].offset, true, t->members[m].size);
        }
        for (size_t at = 0; at < t->size; at++) {
            if (!compared[at] && a[at] != b[at])
                fail_msg("%s is not the same at byte %zu", t->name, at);
        }
    }
}

static int compare(struct machc *c, void *unused)
{
    (void)unused;
    const struct schemas *read = schemas_read(c);
    assert_non_null(read);
    assert_ptr_equal(schemas_load(c), &schemas_compiled);
    same(&type_schemas, (const char *)read, (const char *)&schemas_compiled, 1);
    return 0;
}

static void test_same(void **state)
{
    (void)state;
    assert_int_equal(machc_run(compare, NULL), 0);
    assert_true(things > 1000); // rules alone are 400
}

// Names that are compiled in are the same in every table, and no other name is taken for one of them.
static int names(struct machc *c, void *unused)
{
    (void)unused;
    const char *clocks = intern(c->names, "clocks");
    assert_ptr_equal(intern_n(c->names, "clocks!", 6), clocks);
    assert_ptr_equal(intern(intern_new(c->arena), "clocks"), clocks);
    assert_ptr_not_equal(intern(c->names, "clock5"), intern(intern_new(c->arena), "clock5"));
    assert_int_equal(intern_len(clocks), 6);
    assert_int_equal(intern_hash(clocks), hash_bytes("clocks", 6));
    // As it is on every machine; else what is compiled on one is not found on another.
    assert_int_equal(hash_bytes("clocks", 6), 0x8c0d9d92);
    assert_int_equal(hash_bytes("interrupt-parent", 16), 0x64b6eeea);
    assert_int_equal(hash_bytes("reg", 3), 0x5299a69c);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(machc_run(names, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
