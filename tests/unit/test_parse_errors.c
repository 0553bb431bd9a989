// SPDX-License-Identifier: MIT
// Tests the parser on mistakes: one message for each, at the right place, and the rest of the text is still read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diag/diag_list.h"
#include "machc.h"
#include "parse_dump.h"

#include <stdlib.h>
#include <string.h>

static jmp_buf on_oom;

static int setup(void **state)
{
    struct machc *c = calloc(1, sizeof *c);
    *state = c;
    c->arena = arena_new(&on_oom, hash_key_random());
    c->names = intern_new(c->arena);
    c->sources = sources_new(c->arena);
    c->diags = diags_new(c->arena, c->sources);
    return 0;
}

static int teardown(void **state)
{
    struct machc *c = *state;
    arena_free(c->arena);
    free(c);
    return 0;
}

static const struct source *source(struct machc *c, const char *text, size_t len)
{
    char *copy = arena_alloc(c->arena, len + 2);
    memcpy(copy, text, len);
    return source_builtin(c->sources, "test", copy, (uint32_t)len);
}

enum { MACH, DTS, BODY };

/*
 * Parses a text in which each ^ marks the place of a message, before the underlined text; the ^ are removed before
 * parsing. `expected` lists the codes ("E0102 E0101") in the order of the places.
 */
static struct ast *check(struct machc *c, int what, const char *marked, const char *expected)
{
    char text[8192];
    uint32_t places[64], n = 0, len = 0;
    for (const char *p = marked; *p; p++) {
        if (*p == '^')
            places[n++] = len;
        else
            text[len++] = *p;
    }
    c->diags = diags_new(c->arena, c->sources);
    const struct source *s = source(c, text, len);
    struct ast *a = NULL;
    if (what == MACH)
        a = mach_parse(c, s);
    else if (what == DTS)
        dts_parse(c, s);
    else
        dts_parse_body(c, s);
    char found[1024] = "", wanted[1024] = "";
    struct diag *const *all = diags_sorted(c->diags);
    for (uint32_t i = 0; i < c->diags->all.n; i++) {
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s@%u ", msg_infos[all[i]->m].code,
                 all[i]->at.loc.start);
        assert_true(all[i]->at.loc.start <= all[i]->at.loc.end && all[i]->at.loc.end <= len);
        assert_non_null(all[i]->parts); // every message has a help line
        assert_null(strstr(all[i]->text, "RESUME"));
    }
    const char *code = expected;
    for (uint32_t i = 0; i < n; i++, code += 6) {
        assert_true(strlen(code) >= 5);
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%.5s@%u ", code, places[i]);
    }
    if (strcmp(found, wanted)) {
        fprintf(stderr, "%s\n", text);
        diags_print(c->diags, stderr, &(struct diag_style){.max_errors = 0});
    }
    assert_string_equal(found, wanted);
    return a;
}

#define CHECK(marked, expected)      check(*state, MACH, marked, expected)
#define CHECK_BODY(marked, expected) check(*state, BODY, marked, expected)
#define CHECK_DTS(marked, expected)  check(*state, DTS, marked, expected)

static const char *help_of(struct machc *c)
{
    for (const struct diag_part *p = diags_sorted(c->diags)[0]->parts; p; p = p->next) {
        if (p->kind == PART_HELP)
            return p->text;
    }
    return "";
}

#define HELP(marked, expected, help)                                                                                   \
    do {                                                                                                               \
        CHECK(marked, expected);                                                                                       \
        assert_string_equal(help_of(*state), help);                                                                    \
    } while (0)

static void unknown_words(void **state)
{
    HELP("^memroy ram at 0;", "E0103", "did you mean `memory`?");
    HELP("machine m { ^passthrouhg &x { edit { #a = <1>; b { c = \"}\"; }; }; } cpus 1; }", "E0103",
         "did you mean `passthrough`?");
    HELP("memory ram ^sise 4K at 0;", "E0104", "did you mean `size`?");
    HELP("memory ram at 0 ^trp;", "E0104",
         "`memory` takes `at`, `size`, `from`, `below`, `runs`, `by`, `offset`, `share`, `no-dma` or `readonly`");
    HELP("region 0 at 0 ^memory;", "E0104",
         "`region` takes `at`, `size`, `map`, `trap`, `drop`, `file`, `offset` or `unsafe`");
    HELP("edit { ^/delete-proprty/ a; }", "E0128", "did you mean `/delete-property/`?");
    // Two mistakes in one statement are two messages, and so are those in its braces.
    CHECK("passthrough &a ^foo { region 0 ^trapp at 1; ^bar { x; } ref a ^dropp; }", "E0104 E0104 E0103 E0104");
    CHECK("^foo ( [ < ) } ; cpus 1;", "E0103");
    CHECK("^foo { { } ( { } } cpus 1;", "E0103");
    CHECK("if a ^for \ncpus;", "E0101"); // where parsing goes on there may be a mistake that comes of the first
}

static void missing_semicolons(void **state)
{
    HELP("cpus 2^\nmemory ram at 0;", "E0102", "write `;` here");
    CHECK("machine m { cpus 2^ }", "E0102");
    CHECK("cpus 2^", "E0102");
    CHECK("host \"x\"^ // comment\nmachine m { memory ram^\n  cpus 1;\n}", "E0102 E0102");
    CHECK("memory ram\n    at 0\n    size 4K;\nregion 0 trap^\nirq 0 drop;", "E0102");
    CHECK_BODY("a = \"x\"^\nb = <1>;\nc^\nd { e; }^\nf { }^ g; h = <1>^", "E0102 E0102 E0102 E0102 E0102");
    CHECK_DTS("/ { a { }; }^\n/ { }^ &b { };", "E0102 E0102");
    CHECK("edit { a { }^ }", "E0102");
    // A statement that lacks only its `;` is read.
    struct ast *a = CHECK("cpus 2^\ncpus 3^\ncpus 4;", "E0102 E0102");
    assert_non_null(a);
}

static void brackets(void **state)
{
    CHECK("use t(1, 2^;\nat (1 + (2^;\ncpus 1;", "E0130 E0130");
    CHECK_BODY("a = <1 2^; b = <1^\nc = <2>; d = [00 11^;", "E0130 E0130 E0130");
    CHECK("machine m { cpus 1;\n^", "E0114");
    CHECK("machine m {\n    passthrough &a {\n        region 0 at 1^", "E0114");
    CHECK("machine m { } ^} cpus 1; }", "E0115"); // once, because what follows is in disorder
    CHECK("at 1^); at 2^]; at (1 ^2);", "E0101 E0101 E0101");
    CHECK("ref clocks[0 ^drop; ref clocks[^] drop;", "E0101 E0101");
    // The missing brace is found from the indentation: a } further to the left closes an outer block.
    CHECK("machine m {\n    passthrough &a {\n        region 0 at 1;\n}\ncpus 1;\n^", "E0114");
    struct machc *c = *state;
    const struct diag *d = diags_sorted(c->diags)[0];
    assert_int_equal(d->parts->at.loc.start, 31);
}

static void values(void **state)
{
    HELP("at ^-1;", "E0101", "write arithmetic in parentheses: `(-1)`");
    HELP("at 1 ^+ 1;", "E0101", "write arithmetic in parentheses: `(1 + ...)`");
    HELP("const size = 4; region 0 size ^size;", "E0105", "a const or parameter of that name is written `(size)`");
    HELP("memory ^at 0x1000;", "E0105", "write the name first: `memory NAME at ...`");
    HELP("at ^5kb;", "E0109", "write `5K`: suffixes are K, M, G and T (powers of 1024)");
    HELP("at ^5k;", "E0109", "did you mean `5K`?");
    HELP("at ^09;", "E0109", "a number that begins with 0 is octal and has no digit `9`; remove the 0 for decimal");
    CHECK("at ^0xg; at ^1mhz; at ^12foo; at ^1_000;", "E0109 E0109 E0109 E0109");
    CHECK("at ^18446744073709551616; at 18446744073709551615; at ^16777216T; at ^0x10000000000000000;",
          "E0110 E0110 E0110");
    CHECK("at ^'ab'; at ^''; at ^'\\q'; at 'a';", "E0119 E0119 E0116");
    CHECK("passthrough pci ^01:00.0;", "E0123");
    CHECK("at ^; size ^{ }", "E0101 E0101");
    CHECK("for n ^1..2 { cpus ^; } if a == ^{ cpus 1; } else { ^foo; }", "E0101 E0101 E0101 E0103");
    CHECK("^else { }", "E0101");
    CHECK("assert 1 == 1 ^\"x\";", "E0101");
}

static void strings(void **state)
{
    CHECK("as ^\"abc;\ncpus 1;", "E0106");
    CHECK("use t(1, ^\"abc);\ncpus 1;", "E0106");
    CHECK("machine ^\"abc {\n cpus 1; }", "E0106");
    CHECK_BODY("a = ^\"abc;\nb = <1>;", "E0106");
    CHECK("as \"a^\\qb\"; as \"^\\777\"; as \"a^\\0b\";", "E0116 E0116 E0118");
    CHECK("as \"a^{}\"; as \"^{\"; as \"{n^:d}\"; as \"{n +^ }\"; as \"{^+}\";", "E0117 E0117 E0117 E0101 E0101");
    CHECK("as \"{a ^b}\"; as \"{(a^}\"; cpus 1;", "E0101 E0130");
    CHECK("cpus 1; ^/* abc", "E0107");
    CHECK("cpus 1; // \"abc\n /* \" */ as \"/*\"; as \"//\";", "");
}

static void characters(void **state)
{
    CHECK("memory ram^\xc2\xa0"
          "at 0;",
          "E0108");
    CHECK("memory ^\xd0\xb0"
          "b at 0;",
          "E0108");
    CHECK("as ^\xe2\x80\x9cx\xe2\x80\x9d; cpus 1;", "E0108");
    CHECK("cpus^\x01 1; cpus^\x7f 1;", "E0108 E0108");
    CHECK("cpus 1; ^\xff", "E0108");
    CHECK("as \"a^\xff\"; as \"^\xc0\x80\"; as \"^\xed\xa0\x80\"; as \"\xf0\x9f\x98\x80\";", "E0108 E0108 E0108");
    CHECK("as \"a^\x01\";", "E0108");
    CHECK("// \xff\x01\n", "");
}

static void wrong_place(void **state)
{
    HELP("passthrough &a { ^status = \"okay\"; }", "E0129", "put it into `edit { ... }`");
    HELP("machine m { ^#address-cells = <1>; }", "E0129",
         "put it into `node /PATH { ... }`, or into `edit { ... }` of a device");
    CHECK("passthrough &a { ^l: foo { a = <1>; }; ^/delete-property/ b; compatible ^= \"x\"; }", "E0129 E0129 E0129");
    HELP("^&uart0 { status = \"okay\"; };", "E0101",
         "write `passthrough &uart0;` for a device of the host, `node &uart0 { ... }` for a node of the guest");
    CHECK("^#include \"x.h\"\ncpus 1;\n#define A \\\n 1\n", "E0124");
    CHECK_DTS("/dts-v1/;\n^#include <x.h>\n#define A 1\n/ { };", "E0124");
    CHECK_DTS("/dts-v1/;\n/plugin/;\n/ { };", "");
    CHECK_DTS("^/include/ \"no-such-file.dtsi\"\n/ { };", "E0126");
    CHECK_DTS("&a^;\n/ { };", "E0101");
}

static void cells(void **state)
{
    CHECK_BODY("a = <1 ^BASE 2>; b = <1 ^-1>; c = <^4K>; d = <(1 + 1)>;", "E0112 E0112 E0109");
    CHECK_BODY("a = <^0x100000000 ^4294967296 0xffffffff (-1) ^(1 << 32)>; b = /bits/ 8 <^256 255 (-128)>;",
               "E0111 E0111 E0111 E0111");
    CHECK_BODY("a = /bits/ ^24 <1>; b = /bits/ 16 <^&a>; c = /bits/ ^0 <1>;", "E0120 E0120 E0120");
    CHECK_BODY("a = [00 ^1 22]; b = [^xy]; c = [^abc];", "E0121 E0121 E0121");
    CHECK_BODY("a = <^09 ^99999999999999999999 ^1ULU>;", "E0109 E0110 E0109");
    CHECK_BODY("a = ^5; b = ^okay; c = <1> ^<2>; d = ^; e;", "E0101 E0101 E0101 E0101");
    CHECK_BODY("a = <(^1 / 0) (^2 % (1 - 1))>;", "E0131 E0131");
    CHECK_BODY("a = /incbin/(^\"no-such-file\"); b;", "E0122");
    CHECK_BODY("^= <1>; a; ^\"x\"; b;", "E0101 E0101");
}

// One file with many mistakes: each is reported, and the valid parts are read.
static void recovery(void **state)
{
    struct ast *a = CHECK("host \"x.dtb\" { iommu pamu^ }\n"
                          "^memroy ram at 0 { size 4; }\n"
                          "machine m : arm64-virt {\n"
                          "    cpus 2^\n"
                          "    memory ram at 0x80000000 ^sise 512M;\n"
                          "    device uart0 ^ns16550a;\n"
                          "    passthrough &i2c0 ^bogus {\n"
                          "        region 0 at 0x1000 ^trapp;\n"
                          "        irq 0 to gic spi 4 level-high^, foo;\n"
                          "        ^status = \"okay\";\n"
                          "        edit {\n"
                          "            reg = <0x0 ^4K>;\n"
                          "            compatible = \"a\"^\n"
                          "            reg = <1>;\n"
                          "            foo { }^\n"
                          "            bar { x = <1 2 3^; };\n"
                          "        }\n"
                          "    }\n"
                          "    use foo(1, 2^;\n"
                          "    node /x { a; };\n"
                          "}\n"
                          "const A = ^;\n"
                          "const B = 4K;\n",
                          "E0102 E0103 E0102 E0104 E0101 E0104 E0104 E0101 E0129 E0109 E0102 E0102 E0130 E0130 E0101");
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    dump_ast(f, a);
    fclose(f);
    assert_string_equal(out, "(host \"x.dtb\" (iommu pamu)) (lost) (machine m : arm64-virt (cpus 2) "
                             "(memory ram (at 2147483648) (lost)) (lost) "
                             "(passthrough &i2c0 (lost) (region 0 (at 4096) (lost)) (irq <0> (lost)) (lost) "
                             "(edit#1 [reg = 32:00000001] [foo { }] [bar { }])) (lost) (node /x [a])) "
                             "(const A bad) (const B 4096)");
    free(out);
}

static char *repeat(struct machc *c, const char *before, const char *s, int n, const char *after)
{
    size_t len = strlen(s);
    char *text = arena_alloc(c->arena, strlen(before) + len * (size_t)n + strlen(after) + 1), *to = text;
    to = stpcpy(to, before);
    for (int i = 0; i < n; i++)
        to = stpcpy(to, s);
    stpcpy(to, after);
    return text;
}

static void too_deep(void **state)
{
    struct machc *c = *state;
    static const struct {
        const char *before, *again, *after;
    } texts[] = {
        {"", "machine m {", ""},          {"", "if 1 {", ""},      {"at ", "(", ";"},         {"edit { ", "a {", ""},
        {"edit { a = <", "(", ""},        {"at (", "-", "1);"},    {"at (", "a+", "1);"},     {"at (", "a?b:", "1);"},
        {"if 1 {} ", "else if 1 {}", ""}, {"as \"{", "(", "}\";"}, {"as \"{", "a+", "1}\";"}, {"at (a", ".b", ");"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = repeat(c, texts[i].before, texts[i].again, 200000, texts[i].after);
        c->diags = diags_new(c->arena, c->sources);
        mach_parse(c, source(c, text, strlen(text)));
        assert_int_equal(diags_errors(c->diags), 1);
        assert_int_equal(diags_sorted(c->diags)[0]->m, E0113);
    }
    // A long text is not a deep one.
    const char *text = repeat(c, "edit { a = <(1", " | 2", 100000, ")>; }");
    c->diags = diags_new(c->arena, c->sources);
    mach_parse(c, source(c, text, strlen(text)));
    assert_int_equal(diags_errors(c->diags), 0);
}

// No input may crash or take long: tries every prefix of a text, and the text with each byte changed.
static void any_input(void **state)
{
    (void)state;
    static const char text[] =
        "host \"a\" { keep &b; } template t(a, b) { use u(a + 1, \"x{a:x}\"); }\n"
        "machine m : v { passthrough /a@1 as b { region 0 map unsafe \"y\" at 0x10; ref c[2] "
        "to &d <1 (2)>; edit { l: e = <1 &f (a ? 1 : 2)>, \"g\", [00 11], /bits/ 8 <1>; h { }; };"
        " dma i { map j; } } if a == 1 { } else { for k in 1..2 { } } } assert a.b == 'c', \"d\";";
    static const char replace[] = "{}();<>[]\"'/*&:.,=#\\\n\x80\x01 a0-";
    size_t len = sizeof text - 1;
    char copy[sizeof text];
    for (size_t i = 0; i < len; i++) {
        void *s = NULL;
        setup(&s);
        struct machc *c = s;
        mach_parse(c, source(c, text, i));
        dts_parse(c, source(c, text, i));
        for (size_t k = 0; k < sizeof replace - 1; k++) {
            memcpy(copy, text, len);
            copy[i] = replace[k];
            mach_parse(c, source(c, copy, len));
            if (k % 5 == 0) {
                dts_parse_body(c, source(c, copy, len));
                mach_parse(c, source(c, copy + i, len - i));
            }
        }
        teardown(&s);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(unknown_words), TEST(missing_semicolons), TEST(brackets),    TEST(values),
        TEST(strings),       TEST(characters),         TEST(wrong_place), TEST(cells),
        TEST(recovery),      TEST(too_deep),           TEST(any_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
