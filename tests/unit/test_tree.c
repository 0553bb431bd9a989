// SPDX-License-Identifier: MIT
// Tests of device trees: nodes and properties; reading and writing blobs; building, merging and writing source.
#include "tree_sample.h"

#include <libfdt.h>

static void nodes_are_found_by_name(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    struct dt_node *soc = dt_add_child(t, t->root, intern(c->names, "soc@1000"));
    struct dt_node *a = dt_add_child(t, soc, intern(c->names, "i2c@10"));
    struct dt_node *b = dt_add_child(t, soc, intern(c->names, "uart@20"));
    assert_ptr_equal(dt_child(t, soc, intern(c->names, "i2c@10")), a);
    assert_null(dt_child(t, t->root, intern(c->names, "i2c@10")));
    assert_string_equal(dt_path(c->arena, b), "/soc@1000/uart@20");
    assert_string_equal(dt_path(c->arena, t->root), "/");
    assert_ptr_equal(dt_at(t, "/"), t->root);
    assert_ptr_equal(dt_at(t, "/soc/uart"), b);
    assert_ptr_equal(dt_at(t, "/soc@1000/i2c@10"), a);
    assert_null(dt_at(t, "/soc/i2c@11"));
    assert_null(dt_at(t, "soc"));
    assert_true(dt_is_below(soc, b) && dt_is_below(b, b) && !dt_is_below(a, b));

    // A name without unit address works while it is unambiguous; the index follows every change.
    struct dt_node *a2 = dt_add_child(t, soc, intern(c->names, "i2c@11"));
    assert_null(dt_at(t, "/soc/i2c"));
    dt_remove(t, a2);
    assert_ptr_equal(dt_at(t, "/soc/i2c"), a);
    assert_true(a2->deleted);
    dt_rename(t, a, intern(c->names, "spi@10"));
    assert_null(dt_at(t, "/soc/i2c"));
    assert_ptr_equal(dt_at(t, "/soc/spi"), a);
    dt_add_child(t, soc, intern(c->names, "spi"));
    assert_string_equal(dt_at(t, "/soc/spi")->name, "spi");
    assert_ptr_equal(dt_next(a, soc), b);
    assert_ptr_equal(dt_next(b, soc)->prev, b);
    assert_null(dt_next(soc->last, soc));
}

static void removing_takes_labels_along(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "a: a { b: b { }; }; c { };");
    assert_non_null(t);
    struct dt_node *n = dt_at(t, "/c");
    assert_false(dt_add_label(t, n, intern(c->names, "b"), (struct loc){0}));
    dt_remove(t, dt_at(t, "/a"));
    assert_true(dt_add_label(t, n, intern(c->names, "b"), (struct loc){0}));
    assert_true(dt_add_label(t, n, intern(c->names, "b"), (struct loc){0}));
    assert_true(dt_add_label(t, n, intern(c->names, "z"), (struct loc){0}));
    assert_string_equal(n->labels->name, "b");
    assert_string_equal(n->labels->next->name, "z");
    assert_null(n->labels->next->next);
    assert_ptr_equal(t->root->child, n);
}

static void properties_few_and_many(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    enum { N = 50000 };
    const char **names = arena_array(c->arena, N, sizeof *names);
    for (uint32_t i = 0; i < N; i++) {
        names[i] = intern(c->names, arena_printf(c->arena, "p%u", i));
        dt_set(t, t->root, names[i], "1234", 4, NULL);
    }
    assert_int_equal(t->root->nprops, N);
    for (uint32_t i = 0; i < N; i++)
        assert_ptr_equal(dt_prop(t, t->root, names[i])->name, names[i]);
    for (uint32_t i = N; i-- > 10;) // from the end, where a search would be longest
        assert_true(dt_del(t, t->root, names[i]));
    assert_false(dt_del(t, t->root, names[20]));
    assert_int_equal(t->root->nprops, 10);
    // Above the limit again: properties deleted below it must not reappear.
    assert_true(dt_del(t, t->root, names[3]));
    for (uint32_t i = 100; i < 120; i++)
        dt_set(t, t->root, names[i], NULL, 0, NULL);
    assert_null(dt_prop(t, t->root, names[3]));
    assert_null(dt_prop(t, t->root, names[20]));
    assert_non_null(dt_prop(t, t->root, names[4]));
    uint32_t seen = 0;
    for (const struct dt_prop *p = t->root->props; p; p = p->next)
        seen++;
    assert_int_equal(seen, t->root->nprops);
    // A property that is set again keeps its position.
    dt_set(t, t->root, names[0], "x", 2, NULL);
    assert_ptr_equal(t->root->props->name, names[0]);
    assert_int_equal(t->root->props->len, 2);
}

static void values_are_read(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    const uint32_t cells[] = {1, 0xdeadbeef};
    assert_cells(dt_set_cells(t, t->root, "x", cells, 2, NULL), 2, 1, 0xdeadbeef);
    assert_int_equal(dt_u32(t, t->root, intern(c->names, "x"), 7), 7);
    dt_set_cells(t, t->root, "x", cells, 1, NULL);
    assert_int_equal(dt_u32(t, t->root, intern(c->names, "x"), 7), 1);
    assert_int_equal(dt_u32(t, t->root, intern(c->names, "y"), 9), 9);
    struct dt_prop *p = dt_set(t, t->root, intern(c->names, "s"), "one\0two", 8, NULL);
    assert_string_equal(dt_string(p, 1), "two");
    assert_null(dt_string(p, 2));
    assert_int_equal(dt_string_index(p, "two"), 1);
    assert_int_equal(dt_string_index(p, "three"), -1);
    p->len = 7; // no NUL at the end
    assert_null(dt_string(p, 1));
    assert_int_equal(dt_string_index(p, "two"), -1);
    assert_null(dt_string(dt_set_flag(t, t->root, "f", NULL), 0));
}

static void fifty_thousand_siblings(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    for (uint32_t i = 0; i < 50000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/d%u", i); // a new name each time, also without unit address
        assert_null(dt_at(t, path));
        dt_add_child(t, t->root, intern(c->names, path + 1));
        snprintf(path, sizeof path, "d%u@0", i);
        dt_add_child(t, t->root, intern(c->names, path));
    }
    struct dt_tree *back = through_blob(c, t, false);
    assert_int_equal(back->nnodes, 100001);
    assert_silent(c);
}

// ---- blobs ----

static const char sample[] = "/memreserve/ 0x1000 0x2000;\n"
                             "/ { #address-cells = <1>; model = \"a\", \"b\"; empty; bytes = [01 02 03];"
                             "  gic: chip@0 { reg = <0>; };"
                             "  bus { dev: dev@1 { clocks = <&clk 1 &gic>; parent = &gic; }; };"
                             "  clk: clock { #clock-cells = <1>; }; };";

static void blobs_are_written_and_read_back(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of_file(c, sample);
    assert_non_null(t);
    t->boot_cpuid = 3;
    uint32_t size = 0, again = 0;
    const uint8_t *blob = dtb_write(c, t, false, &size);
    assert_int_equal(fdt_check_full(blob, size), 0);
    assert_int_equal(fdt_boot_cpuid_phys(blob), 3);
    assert_int_equal(fdt_num_mem_rsv(blob), 1);

    // An independent reader finds what was meant.
    int dev = fdt_path_offset(blob, "/bus/dev@1"), len;
    const fdt32_t *clocks = fdt_getprop(blob, dev, "clocks", &len);
    assert_int_equal(len, 12);
    assert_int_equal(fdt32_to_cpu(clocks[0]), fdt_get_phandle(blob, fdt_path_offset(blob, "/clock")));
    assert_int_equal(fdt32_to_cpu(clocks[2]), fdt_get_phandle(blob, fdt_path_offset(blob, "/chip@0")));
    assert_int_equal(fdt_get_phandle(blob, dev), 0);
    assert_string_equal(fdt_getprop(blob, dev, "parent", &len), "/chip@0");

    struct dt_tree *back = through_blob(c, t, false);
    assert_non_null(back);
    assert_int_equal(back->reserves[0].size, 0x2000);
    const uint8_t *second = dtb_write(c, back, false, &again);
    assert_int_equal(size, again);
    assert_memory_equal(blob, second, size);
    assert_silent(c);
}

static void labels_go_through_symbols(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of_file(c, sample);
    dt_assign_phandles(t, true);
    struct dt_tree *back = through_blob(c, t, true);
    assert_non_null(back);
    struct dt_node *dev = dt_at(back, "/bus/dev@1");
    assert_string_equal(dev->labels->name, "dev");
    assert_int_not_equal(dev->phandle, 0); // an overlay needs a label
    assert_ptr_equal(map_getp(&back->labels, intern(c->names, "gic"), NULL), dt_at(back, "/chip@0"));
    assert_null(dt_at(back, "/__symbols__")); // it has become the labels
    assert_silent(c);
}

// Builds a blob piece by piece, so that it can be invalid.
static struct source made(struct machc *c, void (*fill)(void *fdt))
{
    uint8_t *blob = arena_alloc(c->arena, 4096);
    assert_int_equal(fdt_create(blob, 4096), 0);
    assert_int_equal(fdt_finish_reservemap(blob), 0);
    assert_int_equal(fdt_begin_node(blob, ""), 0);
    fill(blob);
    assert_int_equal(fdt_end_node(blob), 0);
    assert_int_equal(fdt_finish(blob), 0);
    return blob_source(blob, fdt_totalsize(blob));
}

static void odd(void *fdt)
{
    fdt_property_u32(fdt, "x", 1);
    fdt_property_u32(fdt, "x", 2);
    fdt_begin_node(fdt, "twin");
    fdt_property_u32(fdt, "phandle", 5);
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "twin");
    fdt_property_u32(fdt, "phandle", 9);
    fdt_begin_node(fdt, "lost");
    fdt_end_node(fdt);
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "od d\n");
    fdt_property_u32(fdt, "linux,phandle", 5);
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "nil");
    fdt_property_u32(fdt, "phandle", 0);
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "minus");
    fdt_property_u32(fdt, "phandle", UINT32_MAX);
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "__symbols__");
    fdt_property_string(fdt, "here", "/twin");
    fdt_property_string(fdt, "gone", "/no/where");
    fdt_end_node(fdt);
}

static void odd_blobs_give_warnings(void **state)
{
    struct machc *c = *state;
    struct source s = made(c, odd);
    struct dt_tree *t = dtb_read(c, &s, nowhere);
    assert_non_null(t);
    assert_int_equal(diags_errors(c->diags), 0);
    assert_cells(prop_at(t, "/", "x"), 1, 1);
    assert_int_equal(dt_at(t, "/twin")->phandle, 5);
    assert_null(dt_at(t, "/twin/lost"));
    assert_int_equal(dt_at(t, "/nil")->phandle, 0);
    assert_string_equal(dt_at(t, "/twin")->labels->name, "here");
    assert_said(c, "W0701");
    assert_said(c, "W0702");
    assert_said(c, "/od d\\x0a");
    assert_said(c, "/twin and /od d\\x0a both have the phandle 0x5");
    assert_said(c, "the phandle of /minus is 0xffffffff");
    assert_said(c, "`gone`");
}

static void deep(void *fdt)
{
    for (int i = 0; i < 257; i++)
        fdt_begin_node(fdt, "d");
    for (int i = 0; i < 257; i++)
        fdt_end_node(fdt);
}

static void plain(void *fdt)
{
    fdt_property_u32(fdt, "x", 1);
}

static void bad_blobs_are_refused(void **state)
{
    struct machc *c = *state;
    struct source s = made(c, deep);
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "E0703");

    s = made(c, plain);
    s.len -= 1;
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "the blob is cut off: ");

    s = made(c, plain);
    uint8_t *blob = (uint8_t *)(uintptr_t)s.text;
    fdt_set_version(blob, 15);
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "version 15");

    s = made(c, plain);
    blob = (uint8_t *)(uintptr_t)s.text;
    memset(blob + fdt_off_dt_struct(blob) + 8, 0xff, 4); // the property's token
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "the structure block is damaged at offset 8");

    s = made(c, plain);
    blob = (uint8_t *)(uintptr_t)s.text;
    memset(blob + fdt_off_dt_struct(blob) + 16, 0xff, 4); // where its name is
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "has no proper name");

    s = blob_source((const uint8_t *)"\x7f"
                                     "ELF....",
                    8);
    assert_null(dtb_read(c, &s, nowhere));
    assert_said(c, "E0701");
}

static void every_shorter_blob_is_refused(void **state)
{
    struct machc *c = *state;
    uint32_t size;
    const uint8_t *blob = dtb_write(c, tree_of_file(c, sample), true, &size);
    for (uint32_t len = 0; len < size; len++) {
        uint8_t *copy = malloc(len + 1); // exactly that size, for the sanitizer
        memcpy(copy, blob, len);
        struct source s = blob_source(copy, len);
        assert_null(dtb_read(c, &s, nowhere));
        free(copy);
    }
}

// ---- source ----

static void source_is_built_with_dtc_meaning(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of_file(c, "/ { a: a@1 { x = <1>; y = <2>; z; sub { }; }; b { }; };\n"
                                        "&a { y = \"new\"; w; sub { deep: deep { }; }; /delete-property/ z; };\n"
                                        "/ { b { more = [00]; }; /delete-node/ nothing; };\n"
                                        "second: &{/b} { };\n"
                                        "/delete-node/ &deep;\n");
    assert_silent(c);
    assert_non_null(t);
    const struct dt_node *a = dt_at(t, "/a@1");
    assert_string_equal(a->props->name, "x");
    assert_string_equal(a->props->next->name, "y"); // in its old position
    assert_string_equal(dt_string(a->props->next, 0), "new");
    assert_string_equal(a->props->next->next->name, "w");
    assert_null(a->props->next->next->next);
    assert_null(dt_at(t, "/a/sub/deep"));
    assert_string_equal(dt_at(t, "/b")->labels->name, "second");
}

static void phandles_are_given_where_needed(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "one: one { phandle = <1>; }; user { r = <&two &one &three>; };"
                                   "two: two { }; three: three { phandle = <&three>; }; four: four { };");
    assert_silent(c);
    assert_int_equal(dt_at(t, "/two")->phandle, 2); // 1 is in use
    assert_int_equal(dt_at(t, "/three")->phandle, 3);
    assert_int_equal(dt_at(t, "/four")->phandle, 0);
    assert_cells(prop_at(t, "/user", "r"), 3, 2, 1, 3);
    assert_cells(prop_at(t, "/three", "phandle"), 1, 3);
    assert_null(prop_at(t, "/two", "phandle"));
    struct dt_tree *back = through_blob(c, t, false);
    assert_cells(prop_at(back, "/two", "phandle"), 1, 2);
    assert_silent(c);
}

static void paths_are_filled_in(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "a: a@1 { }; u { p = &a; q = \"x\", &a, &{/u}; r = <&a>, \"s\"; };");
    assert_silent(c);
    assert_string_equal(dt_string(prop_at(t, "/u", "p"), 0), "/a@1");
    const struct dt_prop *q = prop_at(t, "/u", "q");
    assert_int_equal(q->len, 2 + 5 + 3);
    assert_string_equal(dt_string(q, 1), "/a@1");
    assert_string_equal(dt_string(q, 2), "/u");
    dt_assign_phandles(t, false); // doing it again changes nothing
    assert_int_equal(prop_at(t, "/u", "q")->len, 2 + 5 + 3);
}

static void source_mistakes_are_told(void **state)
{
    struct machc *c = *state;
    assert_null(tree_of(c, "gpio0: a { }; gpio1: b { }; c { x = <&gpio00>; y = &{/nowhere}; z = <&qqqqqq>; };"));
    assert_int_equal(diags_errors(c->diags), 3);
    assert_said(c, "did you mean `&gpio0`?");
    assert_said(c, "there is no node `&{/nowhere}`");
    assert_said(c, "`qqqqqq`");
}

static void duplicate_labels_are_told(void **state)
{
    struct machc *c = *state;
    assert_null(tree_of(c, "x: a { };\n x: b { };"));
    assert_said(c, "the label `x` names two nodes: /a and /b");
    assert_said(c, "the label is given to /a here");
}

static void a_tree_needs_a_root(void **state)
{
    struct machc *c = *state;
    assert_null(tree_of_file(c, ""));
    assert_said(c, "E0710");
}

// ---- edits ----

static bool eval_to_5g(void *opaque, const struct expr *e, uint64_t *value)
{
    (void)e;
    *value = *(const uint64_t *)opaque;
    return true;
}

static bool edit(struct machc *c, struct dt_tree *t, const char *path, const char *text, uint64_t value)
{
    const struct source *s = text_source(c, "board.mach", text);
    struct dts_op *ops = dts_parse_body(c, s);
    return dts_merge(c, t, dt_at(t, path), ops, ORIGIN_WRITTEN, "edit", NULL, eval_to_5g, &value);
}

static void edits_merge_and_delete(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "eth { phy-handle = <1>; keep; mdio@1 { }; };");
    assert_true(edit(c, t, "/eth",
                     "/delete-property/ phy-handle; keep = <3>; fixed-link { speed = <1000>; lab: x { }; };"
                     "link = <&lab 7>; /delete-node/ mdio@1;",
                     0));
    assert_silent(c);
    assert_null(prop_at(t, "/eth", "phy-handle"));
    assert_null(dt_at(t, "/eth/mdio"));
    assert_cells(prop_at(t, "/eth/fixed-link", "speed"), 1, 1000);
    struct dt_prop *link = prop_at(t, "/eth", "link");
    assert_int_equal(link->origin->kind, ORIGIN_WRITTEN);
    assert_int_equal(dt_at(t, "/eth/fixed-link")->origin->kind, ORIGIN_WRITTEN);
    assert_string_equal(link->refs->name->text.s, "lab");
    assert_int_equal(link->refs->offset, 0);
    assert_null(link->refs->target);
    link->refs->target = map_getp(&t->labels, intern(c->names, "lab"), NULL);
    const uint8_t *before = link->data;
    dt_assign_phandles(t, false);
    assert_cells(link, 2, 1, 7);
    assert_int_equal(before[3], 0); // filled in a copy
    assert_int_equal(dt_at(t, "/eth/fixed-link/x")->phandle, 1);
}

static void deleting_nothing_is_an_error(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "eth { phy-handle = <1>; mdio@1 { }; };");
    assert_false(edit(c, t, "/eth", "/delete-property/ phy-handel; /delete-node/ mdio;", 0));
    assert_said(c, "there is no property `phy-handel` to delete in /eth");
    assert_said(c, "did you mean `/delete-property/ phy-handle;`?");
    assert_said(c, "did you mean `/delete-node/ mdio@1;`?");
    assert_non_null(dt_at(t, "/eth/mdio@1"));
}

static void expressions_are_evaluated(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "a { };");
    assert_true(edit(c, t, "/a", "x = <1 (N) 2>; y = /bits/ 64 <(N)>;", 0xfffffffffffffffeULL));
    assert_cells(prop_at(t, "/a", "x"), 3, 1, 0xfffffffe, 2);
    assert_cells(prop_at(t, "/a", "y"), 2, 0xffffffff, 0xfffffffe);
    assert_silent(c);
    assert_false(edit(c, t, "/a", "x = <(N)>;", 0x140000000ULL));
    assert_said(c, "0x140000000 does not fit into a cell of 32 bits");
}

static void written_phandles_are_checked(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    assert_true(edit(c, t, "/", "a { phandle = <7>; }; b { phandle = <7>; }; c { phandle = <0>; }; d { };", 0));
    assert_false(dt_take_phandles(c, t, NULL, nowhere));
    assert_said(c, "/a and /b both have the phandle 0x7");
    assert_said(c, "the phandle of /c is 0, which");
    assert_int_equal(dt_at(t, "/a")->phandle, 7);
}

// ---- source out ----

static void source_is_written_and_read_back(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of_file(
        c, "/memreserve/ 0x100000000 0x2000;\n"
           "/ { #address-cells = <0x41424300>; s = \"a\\\\b\", \"q\\\"q\\n\"; b = [ff 00 01]; e; z = \"\"; n = \"a\", "
           "\"\";"
           " l: m: dev@1 { r = <0x41424300 &l>; p = &l; odd = [00], <&l>; }; un { r = <&{/un/x}>; x { }; }; };");
    assert_silent(c);
    const char *text = dts_write(c, t, false);
    assert_non_null(strstr(text, "\tl: m: dev@1 {\n"));
    assert_non_null(strstr(text, "r = <0x41424300 &l>;"));
    assert_non_null(strstr(text, "r = <&{/un/x}>;"));
    assert_non_null(strstr(text, "s = \"a\\\\b\", \"q\\\"q\\n\";"));
    assert_non_null(strstr(text, "b = [ff 00 01];"));
    const struct source *s = text_source(c, "again.dts", text);
    struct dt_tree *again = dts_build(c, s, dts_parse(c, s));
    assert_silent(c);
    uint32_t size, size2;
    const uint8_t *one = dtb_write(c, t, false, &size), *two = dtb_write(c, again, false, &size2);
    assert_int_equal(size, size2);
    assert_memory_equal(one, two, size);
}

static void source_says_where_things_come_from(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names), *host = tree_of(c, "soc { uart@1 { }; };");
    struct dt_node *n = dt_add_child(t, t->root, intern(c->names, "uart@9"));
    n->source = dt_at(host, "/soc/uart@1");
    static const struct origin from_host = {ORIGIN_HOST, {{0, 0, 0}, NULL}, NULL};
    static const struct origin schema = {ORIGIN_SCHEMA, {{0, 0, 0}, NULL}, "gic-v3"};
    static const struct origin evil = {ORIGIN_COMPUTED, {{0, 0, 0}, NULL}, "a*/b"};
    dt_set_flag(t, n, "h", &from_host);
    dt_set_flag(t, n, "s", &schema);
    dt_set_flag(t, n, "c", &evil);
    assert_true(edit(c, t, "/uart@9", "\n\nw;", 0));
    const char *text = dts_write(c, t, true);
    assert_non_null(strstr(text, "h; /* from host: /soc/uart@1 */\n"));
    assert_non_null(strstr(text, "s; /* gic-v3 */\n"));
    assert_non_null(strstr(text, "c; /* a* /b */\n"));
    assert_non_null(strstr(text, "w; /* edit: board.mach:3 */\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nodes_are_found_by_name),
        T(removing_takes_labels_along),
        T(properties_few_and_many),
        T(values_are_read),
        T(fifty_thousand_siblings),
        T(blobs_are_written_and_read_back),
        T(labels_go_through_symbols),
        T(odd_blobs_give_warnings),
        T(bad_blobs_are_refused),
        T(every_shorter_blob_is_refused),
        T(source_is_built_with_dtc_meaning),
        T(phandles_are_given_where_needed),
        T(paths_are_filled_in),
        T(source_mistakes_are_told),
        T(duplicate_labels_are_told),
        T(a_tree_needs_a_root),
        T(edits_merge_and_delete),
        T(deleting_nothing_is_an_error),
        T(expressions_are_evaluated),
        T(written_phandles_are_checked),
        T(source_is_written_and_read_back),
        T(source_says_where_things_come_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
