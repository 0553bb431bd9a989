// SPDX-License-Identifier: MIT
// JSON as RFC 8259 defines it: what is read from a text, and where a mistake in one is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/diag_list.h"
#include "machc.h"
#include "schema/json.h"

#include <string.h>

struct text {
    const char *json;
    size_t n;
    void (*look)(struct machc *c, const struct jval *v);
    uint32_t error; // where the first message is; look is NULL
};

static int read_text(struct machc *c, void *opaque)
{
    const struct text *t = opaque;
    char *copy = arena_alloc(c->arena, t->n + 2);
    memcpy(copy, t->json, t->n);
    const struct jval *v = json_read(c, source_builtin(c->sources, "x.json", copy, (uint32_t)t->n));
    if (t->look) {
        assert_non_null(v);
        assert_int_equal(diags_errors(c->diags), 0);
        t->look(c, v);
        return 0;
    }
    assert_null(v);
    assert_int_equal(diags_errors(c->diags), 1);
    const struct diag *d = diags_sorted(c->diags)[0];
    if (d->at.loc.start != t->error)
        print_error("%s: at %u, not %u\n", t->json, d->at.loc.start, t->error);
    assert_int_equal(d->at.loc.start, t->error);
    return 0;
}

static void good(const char *json, void (*look)(struct machc *c, const struct jval *v))
{
    struct text t = {json, strlen(json), look, 0};
    assert_int_equal(machc_run(read_text, &t), 0);
}

static void is_text(const struct jval *v, const char *wanted, size_t n)
{
    assert_int_equal(v->type, JSON_STRING);
    assert_int_equal(v->n, n);
    assert_memory_equal(v->text, wanted, n);
}

static void strings(struct machc *c, const struct jval *v)
{
    (void)c;
    static const struct {
        const char *s;
        size_t n;
    } wanted[] = {
        {"", 0},
        {"plain", 5},
        {"\"\\/\b\f\n\r\t", 8},
        {"a\0b", 3},
        {"\x7f", 1},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xe0\xa0\x80", 3},
        {"\xe2\x82\xac", 3},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf0\x9f\x98\x80 caf\xc3\xa9", 10},
    };
    const struct jval *e = v->child;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++, e = e->next)
        is_text(e, wanted[i].s, wanted[i].n);
    assert_null(e);
}

static void integer(const struct jval *v, uint64_t magnitude, bool negative, bool too_large)
{
    assert_int_equal(v->type, JSON_INTEGER);
    assert_true(v->magnitude == magnitude);
    assert_int_equal(v->negative, negative);
    assert_int_equal(v->too_large, too_large);
}

static void numbers(struct machc *c, const struct jval *v)
{
    (void)c;
    const struct jval *e = v->child;
    integer(e, 0, false, false);
    integer(e = e->next, 0, true, false);
    integer(e = e->next, 1234567890, false, false);
    integer(e = e->next, 42, true, false);
    integer(e = e->next, UINT64_MAX, false, false);
    integer(e = e->next, UINT64_MAX, false, true);
    integer(e = e->next, UINT64_MAX, true, true);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal((e = e->next)->type, JSON_FRACTION);
    assert_null(e->next);
}

static void values(struct machc *c, const struct jval *v)
{
    assert_int_equal(v->type, JSON_OBJECT);
    assert_int_equal(v->n, 5);
    assert_int_equal(v->loc.start, 1);
    assert_int_equal(v->loc.end, 68);
    const struct jval *m = json_member(v, intern(c->names, "yes"));
    assert_true(m->type == JSON_BOOL && m->is_true);
    assert_int_equal(m->key_loc.start, 3);
    assert_int_equal(m->key_loc.end, 8);
    assert_int_equal(m->loc.start, 10);
    assert_int_equal(m->loc.end, 14);
    m = json_member(v, intern(c->names, "no"));
    assert_true(m->type == JSON_BOOL && !m->is_true);
    assert_int_equal(json_member(v, intern(c->names, "none"))->type, JSON_NULL);
    m = json_member(v, intern(c->names, "list"));
    assert_int_equal(m->type, JSON_ARRAY);
    assert_int_equal(m->n, 2);
    assert_int_equal(m->child->type, JSON_ARRAY);
    assert_null(m->child->child);
    assert_int_equal(m->child->next->type, JSON_OBJECT);
    assert_true(json_is_word(json_member(v, intern(c->names, "s")), "t"));
    assert_false(json_is_word(json_member(v, intern(c->names, "s")), "tt"));
    assert_null(json_member(v, intern(c->names, "t")));
}

static void test_values(void **state)
{
    (void)state;
    good("[\"\", \"plain\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"a\\u0000b\", \"\\u007F\", \"\\u0080\", \"\\u07ff\", "
         "\"\\u0800\", \"\\u20AC\", \"\\uFfFf\", \"\\uD800\\udc00\", \"\\uDBFF\\uDFFF\", "
         "\"\\ud83d\\ude00 caf\xc3\xa9\"]",
         strings);
    good("[0, -0, 1234567890, -42, 18446744073709551615, 18446744073709551616, -99999999999999999999, "
         "1.5, 1e3, 0.25E-7, -0.0, 2E+1]",
         numbers);
    good(" {\t\"yes\": true, \"no\":false, \"none\" : null,\r\n\"list\":[[],{}], \"s\":\"t\"}\n", values);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint32_t at;
    } bad[] = {
        {"", 0},
        {" ", 1},
        {"[", 1},
        {"[1", 2},
        {"[1,]", 3},
        {"[1 2]", 3},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{'a':1}", 1},
        {"[1]]", 3},
        {"[1] x", 4},
        {"nul", 0},
        {"nulll", 4},
        {"True", 0},
        {"NaN", 0},
        {"-", 0},
        {"-Infinity", 0},
        {"01", 0},
        {"-01", 1},
        {"1.", 2},
        {".5", 0},
        {"1e", 2},
        {"+1", 0},
        {"0x10", 1},
        {"// c\n1", 0},
        {"\"a", 2},
        {"\"a\\", 3},
        {"\"\\x41\"", 1},
        {"\"\\u12g4\"", 1},
        {"\"\\u123\"", 1},
        {"\"\\ud800\"", 1},
        {"\"\\ud800\\u0041\"", 1},
        {"\"\\udc00\\ud800\"", 1},
        {"\"a\nb\"", 2},
        {"\"\x1f\"", 1},
        {"\"a\xff\"", 2},
        {"\"\xc0\x80\"", 1},
        {"\"\xed\xa0\x80\"", 1},

        {"{\"\\u0061\":1}", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text t = {bad[i].json, strlen(bad[i].json), NULL, bad[i].at};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
    struct text nul = {"[\"a\0b\"]", 7, NULL, 3};
    assert_int_equal(machc_run(read_text, &nul), 0);
}

static void array(struct machc *c, const struct jval *v)
{
    (void)c;
    assert_int_equal(v->type, JSON_ARRAY);
}

static void test_depth(void **state)
{
    (void)state;
    for (uint32_t depth = 32; depth <= 33; depth++) {
        char json[80] = "";
        memset(json, '[', depth);
        memset(json + depth, ']', depth);
        struct text t = {json, 2U * depth, depth > 32 ? NULL : array, 32};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
