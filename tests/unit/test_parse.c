// SPDX-License-Identifier: MIT
// Tests the parser on valid texts: shape of the tree, places, values, sizes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machc.h"
#include "parse_dump.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void no_messages(struct machc *c)
{
    if (diags_errors(c->diags) + diags_warnings(c->diags)) {
        diags_print(c->diags, stderr, &(struct diag_style){.max_errors = 0});
        fail_msg("there are messages");
    }
}

static void check(struct machc *c, const char *text, const char *expected)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    dump_ast(f, mach_parse(c, source(c, text, strlen(text))));
    fclose(f);
    no_messages(c);
    assert_string_equal(out, expected);
    free(out);
}

// The content of a node, in a .dts and in a .mach.
static void check_body(struct machc *c, const char *text, const char *expected)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    dump_ops(f, dts_parse_body(c, source(c, text, strlen(text))));
    fclose(f);
    no_messages(c);
    assert_string_equal(out, expected);
    free(out);

    char *in_mach = arena_printf(c->arena, "edit { %s }", text);
    const struct ast *a = mach_parse(c, source(c, in_mach, strlen(in_mach)));
    no_messages(c);
    assert_non_null(a);
    f = open_memstream(&out, &size);
    dump_ops(f, a->dts);
    fclose(f);
    assert_string_equal(out, expected);
    free(out);
}

#define CHECK(text, expected) check(*state, text, expected)
#define BODY(text, expected)  check_body(*state, text, expected)

static void top_level(void **state)
{
    CHECK("", "");
    CHECK("\xef\xbb\xbf// only a comment", "");
    CHECK("include \"a.mach\";", "(include \"a.mach\")");
    CHECK("const A = 64M; const B = \"x\"; const C = (1 + 2); const D = A; const size = 1;",
          "(const A 67108864) (const B \"x\") (const C (1+2)) (const D A) (const size 1)");
    CHECK("host \"x.dtb\";", "(host \"x.dtb\")");
    CHECK("host live { page-size 64K; iommu spapr-tce; facts \"f.json\"; keep &a, /soc/b@1,0, c@2, \"d\", &{/e}; };",
          "(host live (page-size 65536) (iommu spapr-tce) (facts \"f.json\") (keep <&a /soc/b@1,0 c@2 \"d\" &{/e}>))");
    CHECK("host \"x\" iommu pamu page-size 4K;", "(host \"x\" (iommu pamu) (page-size 4096))");
    CHECK("template T { } template U() { cpus 1; } template V(a, at) { use T; }",
          "(template T) (template U (cpus 1)) (template V <a at> (use T))");
    CHECK("use T; use T(); use T(1, \"x\", a + 1); use qman-portal(2, 1);",
          "(use T) (use T) (use T <1 \"x\" (a+1)>) (use qman-portal <2 1>)");
    CHECK("assert a.b.size == 1, \"text\"; assert memory.at < 2;",
          "(assert \"text\" (a.b.size==1)) (assert (memory.at<2))");
    CHECK("for n in 1..4 { cpus n; } for n in (a + 1)..b { }", "(for n 1 .. 4 (cpus n)) (for n (a+1) .. b)");
    CHECK("if a == 1 { cpus 1; } else if (b) { cpus 2; } else { cpus 3; cpus 4; }",
          "(if (a==1) (cpus 1) else (if b (cpus 2) else (cpus 3) (cpus 4)))");
    CHECK("if a { } if b { };;", "(if a) (if b)");
}

static void machines(void **state)
{
    CHECK("machine a; machine b : t; machine \"c{n}\" : t(1, x) { }",
          "(machine a) (machine b : t) (machine \"c$n$\" : t <1 x>)");
    CHECK("machine a model \"m\" { compatible \"x\", \"y\"; bootargs \"z\"; }",
          "(machine a (model \"m\") (compatible <\"x\" \"y\">) (bootargs \"z\"))");
    CHECK("cpus 2 on 2..3, 5, n; cpus 1 { on a..b; }", "(cpus 2 (on <2..3 5 n>)) (cpus 1 (on <a..b>))");
    CHECK("memory ram at 0x80000000 size 512M from hugetlb 2M;",
          "(memory ram (at 2147483648) (size 536870912) (from hugetlb 2097152))");
    CHECK("memory a from file \"p\" offset 4K share \"s\" no-dma readonly { size 1; at 2 from anonymous; }",
          "(memory a (from file : \"p\") (offset 4096) (share \"s\") (no-dma) (readonly) (size 1) (at 2) (from "
          "anonymous))");
    CHECK("memory memory from physical 0xf8000000;", "(memory memory (from physical 4160749568))");
    CHECK("irqchip gic : gic-v3 at 0x08000000;", "(irqchip gic : gic-v3 (at 134217728))");
    CHECK("device uart0 : ns16550a; device d : fsl,etsec2 at 1 irq spi 33 level-high size 4K { edit { a; } }",
          "(device uart0 : ns16550a) (device d : fsl,etsec2 (at 1) (irq <spi 33 level-high>) (size 4096) (edit [a]))");
    CHECK("node /chosen { stdout-path = \"x\"; }; node / { a; }", "(node /chosen [stdout-path = 0:7800]) (node / [a])");
}

static void passthroughs(void **state)
{
    CHECK(
        "passthrough &i2c0; passthrough &{/a/b}; passthrough /soc@f/i2c@1; passthrough i2c@118000; passthrough a@1/b;",
        "(passthrough &i2c0) (passthrough &{/a/b}) (passthrough /soc@f/i2c@1) (passthrough i2c@118000) "
        "(passthrough a@1/b)");
    CHECK("passthrough \"/q@{n * 0x4000:x}\" as \"p{n}\" vcpu v;",
          "(passthrough \"/q@$(n*16384)$x\" (as \"p$n$\") (vcpu v))");
    CHECK("passthrough platform \"f.eth\"; passthrough pci 0000:01:00.0 on pci0 slot 3; passthrough raw as hpet;",
          "(passthrough#1 \"f.eth\") (passthrough#2 0000:01:00.0 (on pci0 <pci0>) (slot 3)) (passthrough#3 (as hpet))");
    CHECK("passthrough &a only under &bus dma none without child@0, mdio, a@1/b, \"x\";",
          "(passthrough &a (only) (under &bus) (dma none) (without <child@0 mdio a@1/b \"x\">))");
    CHECK("passthrough &a { under /crypto; dma all; child pcie@0 { irq 0 drop; } }",
          "(passthrough &a (under /crypto) (dma all) (child pcie@0 (irq <0> (drop))))");
    CHECK("passthrough &a as memory { on &pci; }", "(passthrough &a (as memory) (on &pci))");
}

static void regions(void **state)
{
    CHECK("region 0 at 0xffe118000; region \"ctrl\" trap; region ctrl drop; region (n + 1) map;",
          "(region 0 (at 68687069184)) (region \"ctrl\" (trap)) (region ctrl (drop)) (region (n+1) (map))");
    CHECK("region 0 map unsafe \"why\" at 1; region 0 { map unsafe \"why\"; at 1; } region 0 { map at 1; }",
          "(region 0 (map (unsafe \"why\")) (at 1)) (region 0 (map (unsafe \"why\")) (at 1)) (region 0 (map) (at 1))");
    CHECK("region 0 file \"/dev/mem\" offset 0x1000 size 4K at 0x2000;",
          "(region 0 (file \"/dev/mem\") (offset 4096) (size 4096) (at 8192))");
    CHECK("region map at 1; region at at 1;", "(region map (at 1)) (region at (at 1))");
}

static void interrupts(void **state)
{
    CHECK("irq 0 to mpic 43 level-low; irq tx to gic spi 40 level-high; irq \"tx\" { to 4; } irq intx drop;",
          "(irq <0> (to <mpic 43 level-low>)) (irq <tx> (to <gic spi 40 level-high>)) (irq <\"tx\"> (to <4>)) "
          "(irq <intx> (drop))");
    CHECK("irq 0 to &gic <0 40 (n + 4) &x>; irq 0 to &gic; irq 0 file \"/dev/uio0\" to ioapic 10 edge;",
          "(irq <0> (to &gic 32:00000000000000280000000000000000@8(n+4)@12&x)) (irq <0> (to &gic)) "
          "(irq <0> (file \"/dev/uio0\") (to <ioapic 10 edge>))");
    CHECK("irq 0 to gic spi (n * 2);", "(irq <0> (to <gic spi (n*2)>))");
}

static void references(void **state)
{
    CHECK("ref clocks[0] fixed 24MHz; ref phy-handle drop; ref * keep; ref fsl,fman-ports assign; ref \"a b\" copy;",
          "(ref clocks 0 (fixed 24000000)) (ref phy-handle (drop)) (ref * (keep)) (ref fsl,fman-ports (assign)) "
          "(ref \"a b\" (copy))");
    CHECK("ref clocks[n] to &clk <1 2>; ref reg to &{/x}; ref #clock-cells keep; ref a.b+c?d drop;",
          "(ref clocks n (to &clk 32:0000000100000002)) (ref reg (to &{/x})) (ref #clock-cells (keep)) "
          "(ref a.b+c?d (drop))");
    CHECK("ref clocks { drop; }", "(ref clocks (drop))");
}

static void dma(void **state)
{
    CHECK("dma none; dma all; dma identity unsafe; dma guest-iommu viommu0; dma identity { unsafe; }",
          "(dma none) (dma all) (dma identity (unsafe)) (dma guest-iommu : viommu0) (dma identity (unsafe))");
    CHECK("dma main { map ram; map shm0 readonly; map ram offset 1M size 64K at 0x1000; map msi-bank 0; map region 0; "
          "map region \"r\"; }",
          "(dma main (map ram) (map shm0 (readonly)) (map ram (offset 1048576) (size 65536) (at 4096)) (map#2 0) "
          "(map#1 0) (map#1 \"r\"))");
    CHECK("dma d liodn-index 0 window 0 size 16K operation qman stash l1 of vcpu 1 if-possible { map region 0; }",
          "(dma d (liodn-index 0) (window 0) (size 16384) (operation qman) (stash l1 .. 1 (if-possible)) (map#1 0))");
    CHECK("dma d { window 0 size 4G subwindows 8 stash l3; stash id 7; stash tph of vcpu v persistent if-possible "
          "entry 2; operation 3; "
          "stream 2; }",
          "(dma d (window 0) (size 4294967296) (subwindows 8) (stash l3) (stash id 7) (stash tph .. v (persistent) "
          "(if-possible) (entry 2)) "
          "(operation 3) (stream 2))");
    CHECK("passthrough &a dma identity unsafe;", "(passthrough &a (dma identity (unsafe)))");
}

static void expressions(void **state)
{
    CHECK("at (1 + 2 * 3 - -4);", "(at ((1+(2*3))-(-4)))");
    CHECK("at (a || b && c | d ^ e & f == g < h << i + j * k);", "(at (a||(b&&(c|(d^(e&(f==(g<(h<<(i+(j*k)))))))))))");
    CHECK("at (a ? b : c ? d : e);", "(at (a?b:(c?d:e)))");
    CHECK("at (~!a >= 1 != 2 >> 3 <= 4 % 5 > 6);", "(at (((~(!a))>=1)!=(((2>>3)<=(4%5))>6)))");
    CHECK("at (n-1); at (n - 1); at (n -1); at (memory.size / at);",
          "(at n-1) (at (n-1)) (at (n-1)) (at (memory.size/at))");
    CHECK("at 0x10; at 010; at 10; at 'a'; at '\\n'; at 0; at 1T; at 3kHz; at 2GHz; at 1Hz; at 0xffffffffffffffff;",
          "(at 16) (at 8) (at 10) (at 97) (at 10) (at 0) (at 1099511627776) (at 3000) (at 2000000000) (at 1) "
          "(at 18446744073709551615)");
    CHECK("at (1UL << 3ull);", "(at (1<<3))");
    CHECK("at(/*x*/1 // y\n);", "(at 1)");
}

static void strings(void **state)
{
    CHECK("as \"a\\n\\t\\\"\\\\\\x41\\101\";", "(as \"a\n\t\"\\AA\")");
    CHECK("as \"{{n}}\"; as \"}\"; as \"\xc3\xa4\";", "(as \"{n}}\") (as \"}\") (as \"\xc3\xa4\")");
    CHECK("as \"{n}\"; as \"a{n}b{m:x}c\"; as \"{ n + 1 :x}\";", "(as \"$n$\") (as \"a$n$b$m$xc\") (as \"$(n+1)$x\")");
    CHECK("as \"{a ? b : c}\"; as \"{a ? b : c:x}\"; as \"{a.b}\"; as \"{{{n}\";",
          "(as \"$(a?b:c)$\") (as \"$(a?b:c)$x\") (as \"$a.b$\") (as \"{$n$\")");
    CHECK("edit { a = \"{n}\"; }", "(edit [a = 0:7b6e7d00])");
}

static void dts_bodies(void **state)
{
    BODY("", "");
    BODY("a; b,c.d_e+f*g#h?i@j-k; #size-cells = <0>;", " [a] [b,c.d_e+f*g#h?i@j-k] [#size-cells = 32:00000000]");
    BODY("a: b: p = <1>; c: n@1,0 { d: q; m { }; };", " [a: b: p = 32:00000001] [c: n@1,0 { [d: q] [m { }] }]");
    BODY("p = <1 0x2 010 'a' (1 + 2) 0xffffffff (-1) 3UL>;",
         " [p = 32:0000000100000002000000080000006100000003ffffffffffffffff00000003]");
    BODY("p = <&a 1 &{/b/c} &{d/e}>;", " [p = 32:00000000000000010000000000000000@0&a@8&{/b/c}@12&{d/e}]");
    BODY("p = <(n) (n + 1) (2 ? 3 : 4)>;", " [p = 32:000000000000000000000003@0n@4(n+1)]");
    BODY("p = /bits/ 8 <1 0xff (-1)>, /bits/ 16 <0x1234 (n)>, /bits/ 64 <0x123456789abcdef0 (1 << 63)>;",
         " [p = 8:01ffff 16:12340000@2n 64:123456789abcdef08000000000000000]");
    BODY("p = [00 11 2233aB], [], <>, \"\", \"a\\0b\", \"\\x41\\101\\q\";",
         " [p = 0:00112233ab 0: 32: 0:00 0:61006200 0:41417100]");
    BODY("p = &a, &{/b}, \"x\";", " [p = &a &{/b} 0:7800]");
    BODY("p = a: <b: 1 c: 2 d:> e:, f: [g: 00 h: 01] i:, j: \"x\" k:;", " [p = 32:0000000100000002 0:0001 0:7800]");
    BODY("/delete-property/ a; /delete-node/ b@1; /delete-node/ &c; /omit-if-no-ref/ d: e { };",
         " [/delete-property/ a] [/delete-node/ b@1] [/delete-node/ &c] [d: e { }]");
    BODY("n { }; p; /* properties may come last */ // and so on\n q = <1>;", " [n { }] [p] [q = 32:00000001]");
    BODY("p = <(1 << 64) (2 / 3) (5 % 3) (~0 == 0xffffffffffffffff) (1 < 2 && 2 > 1) (0 || 0) (!3)>;",
         " [p = 32:00000000000000000000000200000001000000010000000000000000]");
}

static void dts_files(void **state)
{
    struct machc *c = *state;
    static const char text[] =
        "/dts-v1/;\n# 12 \"board.dts\" 2\n#line 3\n/memreserve/ 0x1000 (4 * 4); m: /memreserve/ 1 2;\n"
        "l: / { a; };\n/ { b { }; };\n&c { d; }; x: &{/b} { };\n/delete-node/ &e;\n"
        "/delete-node/ &{/f};\n/omit-if-no-ref/ &g;\n";
    const struct dts_file *file = dts_parse(c, source(c, text, sizeof text - 1));
    no_messages(c);
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    dump_ops(f, file->ops);
    fclose(f);
    assert_string_equal(out, " [l: / { [a] }] [/ { [b { }] }] [&c { [d] }] [x: &{/b} { }] [/delete-node/ &e] "
                             "[/delete-node/ &{/f}] [/omit-if-no-ref/ &g]");
    free(out);
    assert_int_equal(file->plugin.file, 0);
    assert_int_equal(file->reserves->address, 0x1000);
    assert_int_equal(file->reserves->size, 16);
    assert_int_equal(file->reserves->next->size, 2);
    assert_null(file->reserves->next->next);
}

static char *write_bytes(struct machc *c, const char *dir, const char *name, const char *text, size_t len)
{
    char *path = arena_printf(c->arena, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(text, 1, len, f);
    fclose(f);
    return path;
}

// Files named in a text are looked for next to it, then in the -I directories.
static void included_files(void **state)
{
    struct machc *c = *state;
    char dir[] = "/tmp/machc-parse-XXXXXX", other[] = "/tmp/machc-parse-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_non_null(mkdtemp(other));
    const char *const dirs[] = {other};
    c->include_dirs = dirs;
    c->ninclude_dirs = 1;
#define WRITE(dir, name, text) write_bytes(c, dir, name, text, sizeof text - 1)
    char *top =
        WRITE(dir, "top.dts", "/include/ \"soc.dtsi\"\n/ { p = /incbin/(\"b.bin\", 1, 2), /incbin/(\"b.bin\"); };");
    char *soc = WRITE(other, "soc.dtsi", "/ { soc { }; };");
    char *bin = WRITE(dir, "b.bin", "\0\1\2\3");
    const char *why;
    int err;
    const struct source *s = source_read(c->sources, top, false, &why, &err);
    assert_non_null(s);
    const struct dts_file *file = dts_parse(c, s);
    unlink(top);
    unlink(soc);
    unlink(bin);
    rmdir(dir);
    rmdir(other);
    no_messages(c);
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);
    dump_ops(f, file->ops);
    fclose(f);
    assert_string_equal(out, " [/ { [soc { }] }] [/ { [p = 0:0102 0:00010203] }]");
    free(out);
    // Places refer to the included file.
    assert_int_not_equal(file->ops->ops->loc.file, s->id);
    assert_int_equal(file->ops->ops->loc.start, 4);
    assert_int_equal(file->ops->next->loc.file, s->id);
    assert_int_equal(file->ops->next->loc.start, 21);
    assert_int_equal(source_get(c->sources, file->ops->ops->loc.file)->included_from.file, s->id);
}

static void is_at(const struct source *s, struct loc loc, const char *text)
{
    assert_int_equal(loc.file, s->id);
    assert_int_equal(loc.end - loc.start, strlen(text));
    assert_memory_equal(s->text + loc.start, text, strlen(text));
}

static void places(void **state)
{
    struct machc *c = *state;
    static const char text[] =
        "/* x */ memory ram at (1 +\n 2) size 512M from hugetlb 2M { share \"{n + 1}\"; }\n"
        "passthrough /soc/a@1 as x { irq 0 to &gic <1 (n)>; ref clocks[2] drop; edit { l: p = \"a\", <&q>; }; }";
    const struct source *s = source(c, text, sizeof text - 1);
    const struct ast *a = mach_parse(c, s);
    no_messages(c);
    is_at(s, a->loc, "memory ram");
    is_at(s, a->name.loc, "ram");
    const struct ast *b = a->body;
    is_at(s, b->loc, "at (1 +\n 2)");
    is_at(s, b->e->loc, "1 +\n 2");
    is_at(s, b->e->b->loc, "2");
    b = b->next;
    is_at(s, b->loc, "size 512M");
    is_at(s, b->e->loc, "512M");
    b = b->next;
    is_at(s, b->loc, "from hugetlb 2M");
    is_at(s, b->name.loc, "hugetlb");
    b = b->next;
    is_at(s, b->loc, "share \"{n + 1}\"");
    is_at(s, b->name.loc, "\"{n + 1}\"");
    is_at(s, b->name.parts->e->loc, "n + 1");
    is_at(s, b->name.parts->e->b->loc, "1");
    a = a->next;
    is_at(s, a->loc, "passthrough /soc/a@1");
    is_at(s, a->name.loc, "/soc/a@1");
    b = a->body;
    is_at(s, b->loc, "as x");
    b = b->next;
    is_at(s, b->loc, "irq 0");
    is_at(s, b->items->loc, "0");
    is_at(s, b->body->loc, "to &gic <1 (n)>");
    is_at(s, b->body->name.loc, "&gic");
    is_at(s, b->body->dts_cells->loc, "<1 (n)>");
    is_at(s, b->body->dts_cells->fixups->loc, "(n)");
    b = b->next;
    is_at(s, b->loc, "ref clocks[2]");
    is_at(s, b->name.loc, "clocks");
    b = b->next;
    is_at(s, b->loc, "edit");
    is_at(s, b->dts->loc, "p");
    is_at(s, b->dts->labels->loc, "l");
    is_at(s, b->dts->value->loc, "\"a\"");
    is_at(s, b->dts->value->next->loc, "<&q>");
    is_at(s, b->dts->value->next->fixups->loc, "&q");
}

static void every_kind_has_a_keyword(void **state)
{
    (void)state;
    for (int k = 0; k < AST_KIND_COUNT; k++)
        assert_non_null(ast_keyword((enum ast_kind)k));
}

// A text with CRLF lines yields the same tree.
static void line_ends(void **state)
{
    CHECK("cpus 1;\r\nedit {\r\n a = <1\r\n2>;\r\n}\r\n", "(cpus 1) (edit [a = 32:0000000100000002])");
}

static void deep_enough(void **state)
{
    struct machc *c = *state;
    size_t n = MACH_MAX_NESTING;
    char *text = arena_alloc(c->arena, 10 * n + 10);
    for (size_t i = 0; i < n; i++)
        strcat(text, "if 1{");
    for (size_t i = 0; i < n; i++)
        strcat(text, "}");
    mach_parse(c, source(c, text, strlen(text)));
    no_messages(c);
    text[0] = 0;
    strcat(text, "at (");
    for (size_t i = 1; i < n; i++)
        strcat(text, "(");
    strcat(text, "1");
    for (size_t i = 0; i < n; i++)
        strcat(text, ")");
    strcat(text, ";");
    mach_parse(c, source(c, text, strlen(text)));
    no_messages(c);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double time_statements(int n)
{
    void *state = NULL;
    setup(&state);
    struct machc *c = state;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    for (int i = 0; i < n; i++)
        fprintf(f, "passthrough /soc/dev@%x as d%d { region 0 at 0x%x; irq 0 to gic spi %d level-high; dma none; }\n",
                i, i, i, i);
    fclose(f);
    const struct source *s = source(c, text, size);
    free(text);
    double start = now();
    const struct ast *a = mach_parse(c, s);
    double spent = now() - start;
    no_messages(c);
    int count = 0;
    for (; a; a = a->next)
        count++;
    assert_int_equal(count, n);
    teardown(&state);
    return spent;
}

static void many_statements(void **state)
{
    (void)state;
    double few = time_statements(10000), many = time_statements(100000);
    assert_true(many < 40 * few + 0.5);
}

static void many_cells(void **state)
{
    struct machc *c = *state;
    enum { N = 1000000 };
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fputs("p = <", f);
    for (int i = 0; i < N; i++)
        fprintf(f, "0x%x%c", i, i % 8 ? ' ' : '\n');
    fputs(">;", f);
    fclose(f);
    const struct source *s = source(c, text, size);
    free(text);
    size_t before = arena_used(c->arena);
    const struct dts_op *op = dts_parse_body(c, s);
    no_messages(c);
    assert_int_equal(op->value->len, 4 * N);
    assert_null(op->value->fixups);
    for (uint32_t i = 0; i < N; i += 4097) {
        const uint8_t *b = op->value->data + 4 * i;
        assert_int_equal((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3], i);
    }
    // Counts bytes, not nodes: the copy of the text, growing buffers and the result.
    assert_true(arena_used(c->arena) - before < size + 16 * N);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(top_level),   TEST(machines),   TEST(passthroughs),    TEST(regions),   TEST(interrupts),
        TEST(references),  TEST(dma),        TEST(expressions),     TEST(strings),   TEST(dts_bodies),
        TEST(dts_files),   TEST(places),     TEST(included_files),  TEST(line_ends), TEST(every_kind_has_a_keyword),
        TEST(deep_enough), TEST(many_cells), TEST(many_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
