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
    // The one message, if look is NULL:
    uint32_t error;
    enum msg code;
    const char *what;
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
    const char *colon = strstr(d->text, "JSON: ");
    const char *what = colon ? colon + strlen("JSON: ") : d->text;
    if (d->at.loc.start != t->error || strcmp(what, t->what) != 0)
        print_error("%s: at %u, not %u: %s\n", t->json, d->at.loc.start, t->error, what);
    assert_int_equal(d->at.loc.start, t->error);
    assert_int_equal(d->m, t->code);
    assert_string_equal(what, t->what);
    return 0;
}

static void good(const char *json, void (*look)(struct machc *c, const struct jval *v))
{
    struct text t = {json, strlen(json), look, 0, E0801, NULL};
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

static void integer(const struct jval *v, uint64_t magnitude, bool negative)
{
    assert_int_equal(v->type, JSON_INTEGER);
    assert_true(v->magnitude == magnitude);
    assert_int_equal(v->negative, negative);
}

static void numbers(struct machc *c, const struct jval *v)
{
    (void)c;
    const struct jval *e = v->child;
    integer(e, 0, false);
    integer(e = e->next, 0, false);
    integer(e = e->next, 1234567890, false);
    integer(e = e->next, 42, true);
    integer(e = e->next, INT64_MAX, false);
    integer(e = e->next, (uint64_t)INT64_MAX + 1, false);
    integer(e = e->next, UINT64_MAX, false);
    integer(e = e->next, (uint64_t)INT64_MAX + 1, true);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal((e = e->next)->type, JSON_FRACTION);
    assert_null(e->next);
}

static void values(struct machc *c, const struct jval *v)
{
    (void)c;
    assert_int_equal(v->type, JSON_OBJECT);
    assert_int_equal(v->n, 5);
    assert_int_equal(v->loc.start, 1);
    assert_int_equal(v->loc.end, 68);
    const struct jval *m = json_member(v, "yes");
    assert_true(m->type == JSON_BOOL && m->is_true);
    assert_int_equal(m->key_loc.start, 3);
    assert_int_equal(m->key_loc.end, 8);
    assert_int_equal(m->loc.start, 10);
    assert_int_equal(m->loc.end, 14);
    m = json_member(v, "no");
    assert_true(m->type == JSON_BOOL && !m->is_true);
    assert_int_equal(json_member(v, "none")->type, JSON_NULL);
    m = json_member(v, "list");
    assert_int_equal(m->type, JSON_ARRAY);
    assert_int_equal(m->n, 2);
    assert_int_equal(m->child->type, JSON_ARRAY);
    assert_null(m->child->child);
    assert_int_equal(m->child->next->type, JSON_OBJECT);
    assert_true(json_is_word(json_member(v, "s"), "t"));
    assert_false(json_is_word(json_member(v, "s"), "tt"));
    assert_null(json_member(v, "t"));
}

static void top_number(struct machc *c, const struct jval *v)
{
    (void)c;
    integer(v, 7, false);
    assert_int_equal(v->loc.end, 1);
}

static void top_null(struct machc *c, const struct jval *v)
{
    (void)c;
    assert_int_equal(v->type, JSON_NULL);
    assert_int_equal(v->loc.start, 1);
    assert_int_equal(v->loc.end, 5);
}

// json-c has read a copy of this text before, without the characters that are not ASCII.
static void not_ascii(struct machc *c, const struct jval *v)
{
    const struct jval *m = json_member(v, intern(c->names, "\xc3\xa9"));
    assert_non_null(m);
    is_text(m->child, "\xe2\x82\xac", 3);
    is_text(m->child->next, "\xe2\x82\xac\n\xe2\x82\xac", 7);
    assert_int_equal(m->child->next->loc.start, 15);
    assert_int_equal(m->child->next->loc.end, 25);
}

static void test_values(void **state)
{
    (void)state;
    good("[\"\", \"plain\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"a\\u0000b\", \"\\u007F\", \"\\u0080\", \"\\u07ff\", "
         "\"\\u0800\", \"\\u20AC\", \"\\uFfFf\", \"\\uD800\\udc00\", \"\\uDBFF\\uDFFF\", "
         "\"\\ud83d\\ude00 caf\xc3\xa9\"]",
         strings);
    good("[0, -0, 1234567890, -42, 9223372036854775807, 9223372036854775808, 18446744073709551615, "
         "-9223372036854775808, "
         "1.5, 1e3, 0.25E-7, -0.0, 2E+1, 1e05]",
         numbers);
    good("7", top_number);
    good("\tnull\n", top_null);
    good("{\"\xc3\xa9\": [\"\xe2\x82\xac\", \"\xe2\x82\xac\\n\xe2\x82\xac\"]}", not_ascii);
    good(" {\t\"yes\": true, \"no\":false, \"none\" : null,\r\n\"list\":[[],{}], \"s\":\"t\"}\n", values);
}

// The places and the words are the same with each version of json-c.
static void test_mistakes(void **state)
{
    (void)state;
    static const char unexpected[] = "this character is not expected here", early[] = "it ends too early",
                      no_value[] = "a value was expected", array_end[] = "a `,` or `]` was expected",
                      key[] = "a key in double quotes was expected", number[] = "this is not a number",
                      zero[] = "a number does not begin with 0", digit[] = "a digit was expected",
                      escape[] = "no such escape", half[] = "half of a surrogate pair",
                      control[] = "a control character in a string", utf8[] = "it is not UTF-8",
                      quotes[] = "a string is in double quotes";
    static const struct {
        const char *json;
        uint32_t at;
        const char *what;
    } bad[] = {
        {"", 0, early},
        {" ", 1, early},
        {"[", 1, early},
        {"[1", 2, early},
        {"[1,]", 3, unexpected},
        {"[,1]", 1, unexpected},
        {"[1 2]", 3, array_end},
        {"[1}", 2, array_end},
        {"{\"a\"}", 4, "a `:` was expected"},
        {"{\"a\":}", 5, unexpected},
        {"{\"a\":1,}", 7, unexpected},
        {"{\"a\":1]", 6, "a `,` or `}` was expected"},
        {"{a:1}", 1, key},
        {"{'a':1}", 1, quotes},
        {"['a']", 1, quotes},
        {"[1]]", 3, unexpected},
        {"[1] x", 4, unexpected},
        {"1 2", 2, unexpected},
        {"nul", 3, early},
        {"[nul]", 4, no_value},
        {"nulll", 4, unexpected},
        {"True", 0, no_value},
        {"[NaN]", 1, no_value},
        {"-", 0, no_value},
        {"[Infinity]", 1, no_value},
        {"-Infinity", 0, no_value},
        {"01", 0, zero},
        {"[00]", 1, zero},
        {"-01", 1, zero},
        {"[01.5]", 1, zero},
        {"1.", 2, early},
        {"[1.]", 3, digit},
        {"[1.e5]", 3, digit},
        {"[-.5]", 1, no_value},
        {".5", 0, unexpected},
        {"[1e]", 3, number},
        {"[1e+]", 4, number},
        {"+1", 0, unexpected},
        {"[0x10]", 2, number},
        {"// c\n1", 0, unexpected},
        {"\"a", 2, early},
        {"\"a\\", 3, early},
        {"\"\\ud8", 1, half},
        {"\"\\x41\"", 2, escape},
        {"\"\\u12g4\"", 5, escape},
        {"\"\\u123\"", 6, escape},
        {"\"\\ud800\"", 1, half},
        {"\"\\ud800\\u0041\"", 1, half},
        {"\"\\udc00\\ud800\"", 1, half},
        {"\"a\nb\"", 2, control},
        {"\"\x1f\"", 1, control},
        {"{\"a\tb\": 1}", 3, control},
        {"\"a\xff\"", 2, utf8},
        {"\"\xc0\x80\"", 1, utf8},
        {"\"\xed\xa0\x80\"", 1, utf8},
        {"[\xc3\xa9]", 1, unexpected},
        // Of two mistakes, the first one, whichever part of the reader finds it.
        {"[1,] \"\n\"", 3, unexpected},
        {"[\"\n\", 1,]", 2, control},
        {"[01 x]", 1, zero},
        {"[\"caf\xc3\xa9\", x]", 10, unexpected},
        {"[\"caf\xc3\xa9\", 00, x]", 10, zero},
        {"[x, 99999999999999999999]", 1, unexpected},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text t = {bad[i].json, strlen(bad[i].json), NULL, bad[i].at, E0801, bad[i].what};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
    struct text nul = {"[\"a\0b\"]", 7, NULL, 3, E0801, control};
    assert_int_equal(machc_run(read_text, &nul), 0);
    struct text after_nul = {"[1]\0x", 5, NULL, 3, E0801, "a NUL character"};
    assert_int_equal(machc_run(read_text, &after_nul), 0);
}

static void test_range(void **state)
{
    (void)state;
    static const struct {
        const char *json, *what;
    } bad[] = {
        {"[18446744073709551616]", "this number is too large"},
        {"[99999999999999999999, 00]", "this number is too large"},
        {"[-9223372036854775809]", "this number is too small"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text t = {bad[i].json, strlen(bad[i].json), NULL, 1, E0806, bad[i].what};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        uint32_t at;
        enum msg code;
        const char *what;
    } bad[] = {
        {"{\"\\u0061\":1}", 1, E0803, "a key with an escape in it"},
        {"{\"a\\\\\":1}", 1, E0803, "a key with an escape in it"},
        {"{\"a\":{\"x\":1}, \"b\":0, \"a\":2}", 21, E0802, "\"a\" is in this object twice"},
        {"[{\"a\":1}, {\"b\":{\"a\":{\"a\":0}, \"b\":[], \"b\":{}}}]", 37, E0802, "\"b\" is in this object twice"},
        {"{\"\xc3\xa9\":1, \"\xc3\xa9\":2}", 9, E0802, "\"\xc3\xa9\" is in this object twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text t = {bad[i].json, strlen(bad[i].json), NULL, bad[i].at, bad[i].code, bad[i].what};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
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
        struct text t = {json, 2U * depth, depth > 32 ? NULL : array, 32, E0801, "it is nested deeper than 32 levels"};
        assert_int_equal(machc_run(read_text, &t), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_mistakes), cmocka_unit_test(test_range),
        cmocka_unit_test(test_keys),   cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
