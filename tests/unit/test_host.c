// SPDX-License-Identifier: MIT
// Tests of the host's index: addresses through buses, interrupts to controllers, names.
#include "tree_sample.h"

#include "host/refs.h"

// Two hand-made classes of controllers: one with kinds, one whose lines have parts.
static const struct irq_kind gic_kinds[] = {{.name = "spi", .value = 0}, {.name = "ppi", .value = 1}};
static const struct irq_kind pic_kinds[] = {{.name = "", .value = 0}};
static const struct irq_trigger triggers[] = {
    {.name = "edge-rising", .value = 1},
    {.name = "level-high", .value = 4, .level = true},
    {.name = "level-low", .value = 8, .level = true},
};
static const struct irqchip_class gic = {
    .name = "gic",
    .describe = "GIC",
    .cells = {IRQ_CELL_KIND, IRQ_CELL_NUMBER, IRQ_CELL_TRIGGER},
    .ncells = 3,
    .kinds = gic_kinds,
    .nkinds = 2,
    .triggers = triggers,
    .ntriggers = 3,
    .trigger_mask = 15,
};
static const struct irqchip_class pic = {
    .name = "pic",
    .cells = {IRQ_CELL_NUMBER, IRQ_CELL_TRIGGER, IRQ_CELL_SUB, IRQ_CELL_SUB},
    .ncells = 4,
    .kinds = pic_kinds,
    .nkinds = 1,
    .triggers = triggers,
    .ntriggers = 3,
    .trigger_mask = 15,
    .sub = true,
};

static struct host *host_of(struct machc *c, const char *text)
{
    struct schemas *s = NEW(c->arena, struct schemas);
    map_putp(c->arena, &s->irqchips_by_compatible, intern(c->names, "acme,gic"), NULL, &gic);
    map_putp(c->arena, &s->irqchips_by_compatible, intern(c->names, "acme,pic"), NULL, &pic);
    struct dt_tree *t = tree_of(c, text);
    if (!t)
        fail_msg("%s", said(c));
    return host_index(c, s, through_blob(c, t, true), "board.dtb", nowhere);
}

static const struct host_region *region(const struct host *h, const char *path, uint32_t i)
{
    const struct dt_node *n = dt_at(h->tree, path);
    assert_non_null(n);
    assert_true(i < h->nodes[n->id].nregions);
    return &h->regions[h->nodes[n->id].first_region + i];
}

static const struct host_irq *irq(const struct host *h, const char *path, uint32_t i)
{
    const struct dt_node *n = dt_at(h->tree, path);
    assert_non_null(n);
    assert_true(i < h->nodes[n->id].nirqs);
    return &h->irqs[h->nodes[n->id].first_irq + i];
}

static void assert_region(const struct host_region *r, bool translated, uint64_t address, uint64_t size)
{
    assert_int_equal(r->translated, translated);
    if (translated)
        assert_int_equal(r->address, address);
    assert_int_equal(r->size, size);
}

// ---- addresses ----

static void regions_go_through_buses(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(
        c, "#address-cells = <2>; #size-cells = <2>;"
           "memory@0 { reg = <0 0 1 0>; };"
           "soc@f0000000 { #address-cells = <1>; #size-cells = <1>;"
           "  ranges = <0 0xf 0x20000000 0x100000  0x800000 0xf 0x30000000 0x1000>;"
           "  uart@500 { reg = <0x500 0x10>, <0x800010 0x20>; reg-names = \"ctrl\", \"fifo\"; };"
           "  outside@200000 { reg = <0x200000 0x10>; };"
           "  beyond@fff00 { reg = <0xfff00 0x200>; };"
           "  same { #address-cells = <1>; #size-cells = <1>; ranges; dev@600 { reg = <0x600 1>; }; };"
           "  i2c@700 { reg = <0x700 0x10>; #address-cells = <1>; #size-cells = <0>; eeprom@50 { reg = <0x50>; }; };"
           "  local@2000 { #address-cells = <2>; #size-cells = <1>; ranges = <1 0 0x3000 0x100>;"
           "    flash@1,10 { reg = <1 0x10 0x20>; }; flash@2,10 { reg = <2 0x10 0x20>; }; }; };");
    assert_silent(c);
    assert_region(region(h, "/memory", 0), true, 0, 0x100000000);
    const struct host_region *r = region(h, "/soc/uart", 0);
    assert_region(r, true, 0xf20000500, 0x10);
    assert_string_equal(r->name, "ctrl");
    assert_int_equal(r->bus, 0x500);
    r = region(h, "/soc/uart", 1);
    assert_region(r, true, 0xf30000010, 0x20);
    assert_string_equal(r->name, "fifo");
    assert_int_equal(r->index, 1);
    assert_region(region(h, "/soc/outside", 0), false, 0, 0x10);
    assert_region(region(h, "/soc/beyond", 0), false, 0, 0x200);
    assert_region(region(h, "/soc/same/dev", 0), true, 0xf20000600, 1);
    assert_region(region(h, "/soc/i2c/eeprom", 0), false, 0, 0);
    assert_int_equal(region(h, "/soc/i2c/eeprom", 0)->bus, 0x50);
    assert_region(region(h, "/soc/local/flash@1,10", 0), true, 0xf20003010, 0x20);
    assert_region(region(h, "/soc/local/flash@2,10", 0), false, 0, 0x20);

    const struct dt_node *blocked;
    uint64_t to;
    const uint32_t at = 0xffff0;
    assert_true(host_translate(h, dt_at(h->tree, "/soc"), &at, 1, 0x10, &to, &blocked));
    assert_int_equal(to, 0xf200ffff0);
    assert_false(host_translate(h, dt_at(h->tree, "/soc/i2c"), &at, 1, 0x10, &to, &blocked));
    assert_ptr_equal(blocked, dt_at(h->tree, "/soc/i2c"));
    const uint32_t two[] = {0x1234, 0x5678};
    assert_true(host_translate(h, h->tree->root, two, 2, 0x10, &to, &blocked));
    assert_int_equal(to, 0x123400005678);
    const uint32_t top[] = {UINT32_MAX, UINT32_MAX};
    assert_false(host_translate(h, h->tree->root, top, 2, 2, &to, &blocked));
    assert_int_equal(host_address_cells(h, dt_at(h->tree, "/soc/uart")), 2);
    assert_int_equal(host_size_cells(h, dt_at(h->tree, "/soc/uart")), 1);
}

static void a_region_may_lie_in_two_ranges_that_continue_each_other(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "#address-cells = <1>; #size-cells = <1>;"
                                "soc { #address-cells = <1>; #size-cells = <1>;"
                                "  ranges = <0 0x10000 0x100>, <0x100 0x10100 0x100>, <0x200 0x90000 0x100>;"
                                "  a@80 { reg = <0x80 0x100>; }; b@180 { reg = <0x180 0x100>; }; };");
    assert_region(region(h, "/soc/a", 0), true, 0x10080, 0x100);
    assert_region(region(h, "/soc/b", 0), false, 0, 0x100);
}

static void many_ranges(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = tree_of(c, "#address-cells = <1>; #size-cells = <1>; b { #address-cells = <1>; };");
    struct dt_node *bus = dt_at(t, "/b");
    enum { N = 50000 };
    uint32_t *cells = arena_array(c->arena, N * 3, 4);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t at = (i * 7919 % N) * 0x1000; // unordered
        cells[i * 3] = at;
        cells[i * 3 + 1] = 0x80000000 - at - 0x1000;
        cells[i * 3 + 2] = 0x800;
        struct dt_node *n = dt_add_child(t, bus, intern(c->names, arena_printf(c->arena, "d@%x", i * 0x1000)));
        const uint32_t reg[] = {i * 0x1000 + 4, i % 2 ? 0x7fc : 0x800};
        dt_set_cells(t, n, "reg", reg, 2, NULL);
    }
    dt_set_cells(t, bus, "ranges", cells, N * 3, NULL);
    struct host *h = host_index(c, NULL, t, "many.dtb", nowhere);
    assert_int_equal(h->nregions, N);
    for (uint32_t i = 0; i < N; i++)
        assert_region(&h->regions[i], i % 2, 0x80000000 - i * 0x1000 - 0xffc, i % 2 ? 0x7fc : 0x800);
    assert_silent(c);
}

static void pci_has_spaces(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(
        c, "#address-cells = <2>; #size-cells = <2>;"
           "pcie@1 { device_type = \"pci\"; reg = <0 1 0 1>; #address-cells = <3>; #size-cells = <2>;"
           "  ranges = <0x02000000 0 0x80000000  0xc 0 0 0x20000000>, <0x01000000 0 0  0xf 0xf8000000 0 0x10000>;"
           "  dev@0 { reg = <0x800 0 0 0 0>, <0x02000810 0 0 0 0x1000>; #address-cells = <3>; #size-cells = <2>;"
           "    device_type = \"pci\"; ranges = <0x02000000 0 0x80000000 0x02000000 0 0x80000000 0 0x20000000>,"
           "                                    <0x01000000 0 0 0x01000000 0 0 0 0x10000>;"
           "    isa@0 { reg = <0x1000 0 0 0 0>; #address-cells = <2>; #size-cells = <1>;"
           "      ranges = <1 0 0x01000000 0 0 0x1000>; rtc@1,70 { reg = <1 0x70 2>; }; }; }; };");
    assert_silent(c);
    assert_region(region(h, "/pcie", 0), true, 1, 1);
    assert_region(region(h, "/pcie/dev", 0), false, 0, 0);
    assert_region(region(h, "/pcie/dev", 1), false, 0, 0x1000);
    assert_region(region(h, "/pcie/dev/isa/rtc", 0), true, 0xff8000070, 2);

    const struct dt_node *bus = dt_at(h->tree, "/pcie"), *blocked;
    uint64_t to;
    const uint32_t mem[] = {0x02000000, 0, 0x80001000}, mem64[] = {0x43000000, 0, 0x80001000};
    const uint32_t io[] = {0x01000000, 0, 0x10}, config[] = {0x800, 0, 0}, far[] = {0x01000000, 0, 0x80001000};
    assert_true(host_translate(h, bus, mem, 3, 0x1000, &to, &blocked));
    assert_int_equal(to, 0xc00001000);
    assert_true(host_translate(h, bus, mem64, 3, 0x1000, &to, &blocked));
    assert_int_equal(to, 0xc00001000);
    assert_true(host_translate(h, dt_at(h->tree, "/pcie/dev"), io, 3, 1, &to, &blocked));
    assert_int_equal(to, 0xff8000010);
    assert_false(host_translate(h, bus, config, 3, 1, &to, &blocked));
    assert_ptr_equal(blocked, bus);
    assert_false(host_translate(h, bus, far, 3, 1, &to, &blocked));
}

static void odd_addresses_give_warnings(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "#address-cells = <2>; #size-cells = <2>;"
                                "a@0 { reg = <0 0 0>; }; b@0 { reg = <0 0 0 0x10 0>; };"
                                "c@0 { reg = <0xffffffff 0xfffff000 0 0x2000>; };"
                                "d { #address-cells = <9>; x@0 { reg = <0 0>; }; };"
                                "e { ranges = <1 2 3>; #address-cells = <1>; y@1 { reg = <1 1>; }; };"
                                "f { #address-cells = <1>; ranges = <0 0xffffffff 0xffffffff 5>; };"
                                "g { #address-cells = <0>; #size-cells = <0>; z@0 { reg = <0>; }; };");
    assert_said(c, "`reg` of /a@0 has 12 bytes; an entry has 16");
    assert_said(c, "/ has #address-cells 2 and #size-cells 2");
    assert_said(c, "region 0 of /c@0 goes beyond 64 bits");
    assert_said(c, "`#address-cells` of /d is 9");
    assert_said(c, "`ranges` of /e has 12 bytes; an entry has 16");
    assert_said(c, "entry 0 of `ranges` of /f goes beyond 64 bits");
    assert_said(c, "`reg` of /g/z@0 has 4 bytes; an entry has 0");
    assert_region(region(h, "/b", 0), true, 0, 0x10);
    assert_region(region(h, "/c", 0), false, 0, 0x2000);
    assert_region(region(h, "/e/y", 0), false, 0, 1);
    assert_int_equal(diags_errors(c->diags), 0);
}

static void not_too_many_warnings(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t = dt_tree_new(c->arena, c->names);
    for (uint32_t i = 0; i < 100; i++)
        dt_set_str(t, dt_add_child(t, t->root, intern(c->names, arena_printf(c->arena, "d%u", i))), "reg", "", NULL);
    host_index(c, NULL, t, "b.dtb", nowhere);
    assert_int_equal(diags_warnings(c->diags), 6);
    assert_said(c, "b.dtb: 95 more like this");
}

struct seen {
    uint64_t at[64];
    uint32_t n, most;
};

static bool see(void *opaque, const struct host_region *r)
{
    struct seen *s = opaque;
    s->at[s->n++] = r->address;
    return s->n < s->most;
}

static void overlaps_are_found(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "#address-cells = <1>; #size-cells = <1>;"
                                "all@0 { reg = <0 0xffffffff>; }; b@3000 { reg = <0x3000 0x1000>; };"
                                "a@1000 { reg = <0x1000 0x1000>; }; nil@1800 { reg = <0x1800 0>; };"
                                "c@4000 { reg = <0x4000 0x1000>; }; last@ffffffff { reg = <0xffffffff 1>; };");
    struct seen s = {.most = 64};
    host_overlaps(h, 0x1fff, 0x2001, see, &s);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.at[0], 0);
    assert_int_equal(s.at[1], 0x1000);
    assert_int_equal(s.at[2], 0x3000);
    s = (struct seen){.most = 64};
    host_overlaps(h, 0x2000, 0x1000, see, &s);
    assert_int_equal(s.n, 1);
    s = (struct seen){.most = 64};
    host_overlaps(h, 0xffffffff, UINT64_MAX, see, &s);
    assert_int_equal(s.n, 1);
    s = (struct seen){.most = 64};
    host_overlaps(h, 0x1000, 0, see, &s);
    assert_int_equal(s.n, 0);
    s = (struct seen){.most = 2};
    host_overlaps(h, 0, UINT64_MAX, see, &s);
    assert_int_equal(s.n, 2);
}

/* Groups of test: by the size of the region. */
static const char group_name[8];

static const void *group_of_size(void *opaque, const struct host_region *r)
{
    (void)opaque;
    return r->size % 8 ? &group_name[r->size % 8] : NULL;
}

struct found {
    const struct host *h;
    bool is[400];
    uint32_t n, looked;
};

static bool mark(void *opaque, const struct host_region *r)
{
    struct found *f = opaque;
    f->looked++;
    f->n += !f->is[r - f->h->regions];
    f->is[r - f->h->regions] = true;
    return true;
}

// A number below n.
static uint32_t draw(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 8) % n;
}

// Against each region looked at: intervals of all kinds, in groups of which one is left out.
static void overlaps_of_other_groups_are_found(void **state)
{
    struct machc *c = *state;
    uint32_t seed = 12345;
    for (int round = 0; round < 40; round++) {
        enum { N = 60 };
        struct dt_tree *t = dt_tree_new(c->arena, c->names);
        static const uint32_t one[] = {1};
        dt_set_cells(t, t->root, "#address-cells", one, 1, NULL);
        dt_set_cells(t, t->root, "#size-cells", one, 1, NULL);
        uint32_t groups = 1 + draw(&seed, 5), most = 1U << draw(&seed, 9);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t address = draw(&seed, 1000), size = 8 * draw(&seed, most);
            const uint32_t reg[] = {address, size + draw(&seed, groups + 1)};
            struct dt_node *n = dt_add_child(t, t->root, intern(c->names, arena_printf(c->arena, "d%u", i)));
            dt_set_cells(t, n, "reg", reg, 2, NULL);
        }
        struct host *h = host_index(c, NULL, t, "random.dtb", nowhere);
        const struct host_groups *g = host_group_regions(c->arena, h, group_of_size, NULL);
        for (int question = 0; question < 60; question++) {
            uint64_t first = draw(&seed, 1100), size = 1 + draw(&seed, question % 2 ? 40 : 1500),
                     last = first + (size - 1);
            const void *but = &group_name[draw(&seed, 7)];
            struct found f = {.h = h};
            host_overlaps_but(h, g, but, first, size, mark, &f);
            for (uint32_t i = 0; i < h->nregions; i++) {
                const struct host_region *r = &h->regions[i];
                const void *group = group_of_size(NULL, r);
                bool meets = r->size && r->address <= last && r->address + (r->size - 1) >= first;
                assert_int_equal(f.is[i], meets && group && group != but);
            }
            assert_int_equal(f.looked, f.n); // each once
        }
    }
}

// ---- interrupts ----

#define GIC "gic: gic@1 { compatible = \"x\", \"acme,gic\"; interrupt-controller; #interrupt-cells = <3>; };"

static void interrupts_are_inherited(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "interrupt-parent = <&gic>; " GIC
                                "a { interrupts = <0 5 4>, <1 9 0xf08>; interrupt-names = \"tx\", \"rx\"; };"
                                "b { x { y { interrupts = <0 5 1>; }; }; };"
                                "c { interrupts-extended = <&gic 0 6 4>, <0>, <&gic 0 7 0>; interrupts = <0 99 4>; };");
    assert_silent(c);
    const struct host_irq *i = irq(h, "/a", 0);
    assert_ptr_equal(i->chip, dt_at(h->tree, "/gic"));
    assert_ptr_equal(i->class, &gic);
    assert_string_equal(i->name, "tx");
    assert_int_equal(i->number, 5);
    assert_string_equal(host_irq_text(c, i), "GIC SPI 5, level-high");
    assert_string_equal(host_irq_text(c, irq(h, "/a", 1)), "GIC PPI 9, level-low");
    assert_string_equal(irq(h, "/a", 1)->name, "rx");

    // The same line, whatever the trigger, in document order.
    const struct host_irq *user = host_irq_users(h, irq(h, "/b/x/y", 0));
    assert_ptr_equal(user, i);
    user = host_irq_next(h, user);
    assert_ptr_equal(user, irq(h, "/b/x/y", 0));
    assert_null(host_irq_next(h, user));

    assert_int_equal(irq(h, "/c", 0)->number, 6);
    assert_null(irq(h, "/c", 1)->chip);
    assert_non_null(irq(h, "/c", 1)->problem);
    assert_null(host_irq_users(h, irq(h, "/c", 1)));
    assert_int_equal(irq(h, "/c", 2)->number, 7);
    assert_string_equal(host_irq_text(c, irq(h, "/c", 2)), "GIC SPI 7");
    assert_int_equal(h->nodes[dt_at(h->tree, "/c")->id].nirqs, 3);
}

static void parts_of_a_line_differ(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(
        c, "interrupt-parent = <&p>; p: p { compatible = \"acme,pic\"; interrupt-controller; #interrupt-cells = <4>; };"
           "a { interrupts = <16 8 1 3>, <16 8 1 4>, <43 8 0 0>; }; b { interrupts = <16 8 1 3>, <43 4 0 0>; };");
    assert_silent(c);
    assert_string_equal(host_irq_text(c, irq(h, "/a", 2)), "pic 43, level-low");
    assert_string_equal(host_irq_text(c, irq(h, "/a", 0)), "pic 16.1.3, level-low");
    assert_true(irq(h, "/a", 0)->identity == irq(h, "/b", 0)->identity);
    assert_true(irq(h, "/a", 0)->identity != irq(h, "/a", 1)->identity);
    assert_true(irq(h, "/a", 2)->identity == irq(h, "/b", 1)->identity);
}

static void unknown_and_cascaded_controllers(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "interrupt-parent = <&gic>; " GIC
                                "gpio: gpio { interrupt-controller; #interrupt-cells = <2>; interrupts = <0 8 4>; };"
                                "a { interrupt-parent = <&gpio>; interrupts = <3 1>; };"
                                "b { interrupts-extended = <&gpio 3 1>; }; d { interrupts-extended = <&gpio 3 2>; };"
                                "e { interrupts = <7 8 4>; };");
    assert_silent(c);
    const struct host_irq *i = irq(h, "/a", 0);
    assert_ptr_equal(i->chip, dt_at(h->tree, "/gpio"));
    assert_null(i->class);
    assert_string_equal(host_irq_text(c, i), "<3 1> of /gpio");
    assert_ptr_equal(host_irq_next(h, i), irq(h, "/b", 0));
    assert_true(irq(h, "/d", 0)->identity != i->identity);
    assert_ptr_equal(irq(h, "/gpio", 0)->class, &gic);
    assert_null(irq(h, "/e", 0)->class); // a kind that the class does not have
    assert_string_equal(host_irq_text(c, irq(h, "/e", 0)), "<7 8 4> of /gic@1");
}

static void interrupt_maps_are_followed(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(
        c, "#address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>; " GIC
           "its: its { #address-cells = <2>; interrupt-controller; #interrupt-cells = <1>; };"
           "pcie@0 { #address-cells = <3>; #size-cells = <2>; #interrupt-cells = <1>; interrupts = <0 1 4>;"
           "  interrupt-map-mask = <0xf800 0 0 7>;"
           "  interrupt-map = <0 0 0 1 &gic 0 10 4>, <0 0 0 2 &its 7 7 5>, <0x800 0 0 1 &nexus 0 11>,"
           "                  <0 0 0 1 &gic 0 99 4>;"
           "  a@0 { reg = <0x10000 0 0 0 0>; interrupts = <1>; };"
           "  b@1 { reg = <0x10800 0 0 0 0>; interrupts = <1>, <3>; };"
           "  c { interrupts = <1>; }; };"
           "nexus: nexus { #interrupt-cells = <2>; #address-cells = <0>; interrupt-map = <0 11 &gic 0 40 4>; };");
    assert_silent(c);
    assert_string_equal(host_irq_text(c, irq(h, "/pcie/a", 0)), "GIC SPI 10, level-high"); // the first of two
    assert_string_equal(host_irq_text(c, irq(h, "/pcie/b", 0)), "GIC SPI 40, level-high"); // through two maps
    assert_non_null(strstr(irq(h, "/pcie/b", 1)->problem, "has no entry for it"));
    assert_non_null(strstr(irq(h, "/pcie/c", 0)->problem, "it has no `reg`"));
    const struct dt_node *pcie = dt_at(h->tree, "/pcie");
    assert_int_equal(h->nodes[pcie->id].nirqs, 5);
    assert_int_equal(h->nodes[pcie->id].nmap_irqs, 4);
    assert_false(irq(h, "/pcie", 0)->from_map);
    const struct host_irq *i = irq(h, "/pcie", 2);
    assert_true(i->from_map);
    assert_int_equal(i->index, 1);
    assert_ptr_equal(i->chip, dt_at(h->tree, "/its"));
    assert_int_equal(i->cells[0], 5);
    assert_int_equal(irq(h, "/pcie", 3)->number, 40);
}

static void loops_end(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "a: a { #interrupt-cells = <1>; #address-cells = <0>; interrupt-map = <1 &b 1>; };"
                                "b: b { #interrupt-cells = <1>; #address-cells = <0>; interrupt-map = <1 &a 1>; };"
                                "d { interrupt-parent = <&a>; interrupts = <1>; };"
                                "e: e { interrupt-parent = <&f>; }; f: f { interrupt-parent = <&e>; };"
                                "g { interrupt-parent = <&e>; interrupts = <1>; };");
    assert_non_null(strstr(irq(h, "/d", 0)->problem, "loop"));
    assert_non_null(irq(h, "/g", 0)->problem);
}

static void odd_interrupts_give_warnings(void **state)
{
    struct machc *c = *state;
    struct host *h =
        host_of(c, GIC "a { interrupt-parent = <&gic>; interrupts = <0 5 4 0>; };"
                       "b { interrupts = <1>; }; c { interrupt-parent = <77>; interrupts = <1>; };"
                       "d { interrupts-extended = <&gic 0 5 4>, <55 1>; };"
                       "e { interrupts-extended = <&gic 0 5>; };"
                       "f { #interrupt-cells = <1>; #address-cells = <0>; interrupt-map = <1 &gic 0 5>; };"
                       "g { #interrupt-cells = <1>; interrupt-map = <1>; };"
                       "z: z { #interrupt-cells = <0>; }; y { interrupt-parent = <&z>; interrupts = <1>; };");
    assert_int_equal(irq(h, "/a", 0)->number, 5);
    assert_int_equal(h->nodes[dt_at(h->tree, "/a")->id].nirqs, 1);
    assert_said(c, "`interrupts` of /a cannot be read: it has 16 bytes; a specifier of /gic@1 has 12");
    assert_non_null(strstr(irq(h, "/b", 0)->problem, "it has no interrupt parent"));
    assert_non_null(strstr(irq(h, "/c", 0)->problem, "0x4d"));
    assert_int_equal(irq(h, "/d", 0)->number, 5);
    assert_said(c, "`interrupts-extended` of /d cannot be read: entry 1: it goes to the phandle 0x37");
    assert_said(c, "`interrupts-extended` of /e cannot be read: entry 0: its specifier is cut off");
    assert_said(c, "the interrupt-map of /f cannot be read: entry 0 is cut off");
    assert_said(c, "the interrupt-map of /g cannot be read: entry 0 is cut off");
    assert_non_null(strstr(irq(h, "/y", 0)->problem, "#interrupt-cells of /z is 0"));
    assert_int_equal(diags_errors(c->diags), 0);
}

// ---- names ----

static struct dt_node *find(struct machc *c, const struct host *h, uint8_t kind, const char *s)
{
    struct text t = {.s = intern(c->names, s), .kind = kind};
    return host_find(c, h, &t, s, nowhere);
}

#define TREE                                                                                                           \
    "aliases { serial0 = \"/soc@1/uart@10\"; };"                                                                       \
    "soc@1 { ua: uart@10 { }; uart@20 { }; i2c0: i2c@30 { eeprom@50 { }; }; bus { can@1 { }; }; timer { }; };"         \
    "soc@2 { i2c@40 { eeprom@50 { }; }; timer@5 { }; };"

static void nodes_are_named(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, TREE);
    const struct dt_node *ua = dt_at(h->tree, "/soc@1/uart@10");
    assert_ptr_equal(find(c, h, TEXT_PATH, "/soc@1/uart@10"), ua);
    assert_ptr_equal(find(c, h, TEXT_LABEL, "ua"), ua);
    assert_ptr_equal(find(c, h, TEXT_LABEL, "serial0"), ua);
    assert_ptr_equal(find(c, h, TEXT_STRING, "&ua"), ua);
    assert_ptr_equal(find(c, h, TEXT_REFPATH, "/soc@1/uart@10"), ua);
    assert_ptr_equal(find(c, h, TEXT_STRING, "&{/soc@1/uart@10}"), ua);
    assert_ptr_equal(find(c, h, TEXT_REFPATH, "i2c0/eeprom"), dt_at(h->tree, "/soc@1/i2c/eeprom"));
    assert_ptr_equal(find(c, h, TEXT_WORD, "uart@10"), ua);
    assert_ptr_equal(find(c, h, TEXT_WORD, "can"), dt_at(h->tree, "/soc@1/bus/can"));
    assert_ptr_equal(find(c, h, TEXT_WORD, "i2c@30/eeprom"), dt_at(h->tree, "/soc@1/i2c/eeprom"));
    assert_ptr_equal(find(c, h, TEXT_WORD, "soc@2/i2c/eeprom@50"), dt_at(h->tree, "/soc@2/i2c/eeprom"));
    assert_ptr_equal(find(c, h, TEXT_WORD, "timer"), dt_at(h->tree, "/soc@1/timer"));
    assert_ptr_equal(find(c, h, TEXT_PATH, "/soc@1/i2c/eeprom"), dt_at(h->tree, "/soc@1/i2c/eeprom"));
    assert_ptr_equal(find(c, h, TEXT_PATH, "/"), h->tree->root);
    // Tails of one last name, with and without unit addresses, in any order, and once more.
    const struct dt_node *can = dt_at(h->tree, "/soc@1/bus/can");
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(find(c, h, TEXT_WORD, "bus/can"), can);
        assert_ptr_equal(find(c, h, TEXT_WORD, "bus/can@1"), can);
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc@1/bus/can@1"), can);
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc/bus/can"), can);
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc@1//bus//can@1"), can);
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc/i2c@40/eeprom"), dt_at(h->tree, "/soc@2/i2c/eeprom"));
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc@1/timer"), dt_at(h->tree, "/soc@1/timer"));
        assert_ptr_equal(find(c, h, TEXT_WORD, "soc@2/timer"), dt_at(h->tree, "/soc@2/timer@5"));
    }
    assert_silent(c);
}

static void ambiguous_names_list_what_fits(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, TREE);
    assert_null(find(c, h, TEXT_WORD, "eeprom@50"));
    assert_said(c, "`eeprom@50` matches 2 nodes of board.dtb");
    assert_said(c, "/soc@1/i2c@30/eeprom@50");
    assert_said(c, "/soc@2/i2c@40/eeprom@50");
    assert_null(find(c, h, TEXT_WORD, "i2c/eeprom"));
    assert_said(c, "`i2c/eeprom` matches 2 nodes");
    assert_null(find(c, h, TEXT_WORD, "i2c/eeprom"));
    assert_null(find(c, h, TEXT_WORD, "soc/i2c/eeprom@50"));
    assert_said(c, "`soc/i2c/eeprom@50` matches 2 nodes");
    assert_null(find(c, h, TEXT_WORD, "x/soc@1/i2c/eeprom@50")); // longer than the path
    assert_said(c, "has no node `x/soc@1/i2c/eeprom@50`");
    assert_null(find(c, h, TEXT_WORD, "bus@1/can"));
    assert_said(c, "has no node `bus@1/can`");
    assert_null(find(c, h, TEXT_PATH, "/soc/timer"));
    assert_said(c, "`/soc/timer` matches 2 nodes");
    assert_null(find(c, h, TEXT_WORD, "uart"));
    assert_said(c, "board.dtb: /soc@1/uart@10 (ua)");
}

static void wrong_names_get_suggestions(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, TREE);
    assert_null(find(c, h, TEXT_PATH, "/soc@1/i2c@300/eeprom@50"));
    assert_said(c, "there is no `i2c@300` in /soc@1");
    assert_said(c, "did you mean `/soc@1/i2c@30`?");
    assert_null(find(c, h, TEXT_PATH, "/soc@1/bus/spi@7"));
    assert_said(c, "there is no `spi@7` in /soc@1/bus");
    assert_null(find(c, h, TEXT_LABEL, "i2c1"));
    assert_said(c, "did you mean `&i2c0`?");
    assert_null(find(c, h, TEXT_LABEL, "serail0"));
    assert_said(c, "did you mean `&serial0`?");
    assert_null(find(c, h, TEXT_WORD, "ua"));
    assert_said(c, "a label or alias is written with `&`: `&ua`");
    assert_null(find(c, h, TEXT_WORD, "uart@11"));
    assert_said(c, "did you mean `/soc@1/uart@10`?");
    assert_int_equal(diags_errors(c->diags), 6);
}

static void platform_devices_are_named_as_linux_does(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "#address-cells = <2>; #size-cells = <2>;"
                                "soc@f0000000 { #address-cells = <1>; #size-cells = <1>; ranges = <0 0xf 0 0x100000>;"
                                "  serial@4500 { reg = <0x4500 0x100>; }; timer { }; bus@1000 { reg = <0x1000 0x10>;"
                                "    child@1 { reg = <1>; }; }; masked@20 { reg = <0x20 4>; mask = <0x10>; };"
                                "  long@fff00 { reg = <0xfff00 0x1000>; }; };"
                                "psci { }; fw { x@1 { }; };");
    const char *const names[][2] = {
        {"/soc/serial", "f00004500.serial"},
        {"/soc/timer", "soc@f0000000:timer"},
        {"/soc/bus", "f00001000.bus"},
        {"/soc/bus/child@1", "f00001000.bus:child@1"},
        {"/psci", "psci"},
        {"/fw/x", "fw:x@1"},
        {"/soc/masked", "f00000020.4.masked"},
        {"/soc/long", "f000fff00.long"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(host_sysfs_name(c, h, dt_at(h->tree, names[i][0])), names[i][1]);
}

static void status_is_read(void **state)
{
    struct machc *c = *state;
    struct host *h = host_of(c, "a { }; b { status = \"okay\"; }; c { status = \"ok\"; }; d { status = \"disabled\"; };"
                                "e { status = \"fail-x\"; };");
    assert_false(host_disabled(h, dt_at(h->tree, "/a")));
    assert_false(host_disabled(h, dt_at(h->tree, "/b")));
    assert_false(host_disabled(h, dt_at(h->tree, "/c")));
    assert_true(host_disabled(h, dt_at(h->tree, "/d")));
    assert_true(host_disabled(h, dt_at(h->tree, "/e")));
}

static void a_live_tree_says_what_it_does_not_hold(void **state)
{
    static const char *const names[2][3] = {{"/a/x", "nobody", "lost"}, {"/a/y", "somebody", "found"}};
    static const char *const reminder = "overlays that were put on since then are not in it";
    struct machc *c = *state;
    struct host *h = host_of(c, "a { };");
    for (int live = 0; live < 2; live++) {
        h->live = live;
        for (size_t i = 0; i < 3; i++) {
            struct text t = {.s = intern(c->names, names[live][i]), .kind = i == 2 ? TEXT_LABEL : TEXT_PATH};
            assert_null(host_find(c, h, &t, NULL, nowhere));
        }
        uint32_t n = 0;
        for (const char *s = said(c); (s = strstr(s, reminder)); s++)
            n++;
        assert_int_equal(n, live ? 3 : 0);
    }
}

// ---- references ----

/* The host of a blob, in which all references are numbers. */
static struct host *blob_host(struct machc *c, const char *text)
{
    struct dt_tree *t = tree_of(c, text);
    if (!t)
        fail_msg("%s", said(c));
    return host_index(c, schemas_load(c), through_blob(c, t, false), "board.dtb", nowhere);
}

static const struct dt_ref *suspects(struct machc *c, const struct host *h, const char *path, const char *name)
{
    return host_suspects(c, h, dt_prop(h->tree, dt_at(h->tree, path), intern(c->names, name)));
}

static void references_are_found_by_elimination(void **state)
{
    struct machc *c = *state;
    struct host *h = blob_host(c, "clk: clk { #clock-cells = <0>; };"
                                  "a { clocks = <&clk>; acme,first = <&one>; acme,n = <1>; };"
                                  "b { acme,list = <7 &two &one>; };"
                                  "d { clocks = <&last>; }; last: last { #clock-cells = <0>; };"
                                  "c { acme,list = <9 1 1>; acme,n = <3>; };"
                                  "one: one { }; two: two { };");
    // clk, one, two and last have the phandles 1 to 4.
    assert_int_equal(dt_at(h->tree, "/two")->phandle, 3);
    assert_ptr_equal(suspects(c, h, "/a", "acme,first")->target, dt_at(h->tree, "/one"));
    assert_null(suspects(c, h, "/a", "acme,n")); // clk is known from `clocks`
    const struct dt_ref *list = suspects(c, h, "/b", "acme,list");
    assert_int_equal(list->offset, 4);
    assert_ptr_equal(list->target, dt_at(h->tree, "/two"));
    assert_int_equal(list->next->offset, 8); // dtc may have given out the number of `one` here or in a
    assert_null(list->next->next);
    // The cells of acme,list are references in b, so they are here: only they, not the first cell.
    list = suspects(c, h, "/c", "acme,list");
    assert_int_equal(list->offset, 4);
    assert_ptr_equal(list->target, dt_at(h->tree, "/clk"));
    assert_null(list->next->next);
    // dtc gave out 3 before this property.
    assert_null(suspects(c, h, "/c", "acme,n"));
}

static void labels_explain_phandles(void **state)
{
    struct machc *c = *state;
    struct dt_tree *t =
        tree_of(c, "a { acme,n = <1>; acme,m = <2>; }; one: one { }; two: two { }; three { phandle = <2>; };");
    dt_assign_phandles(t, true);
    struct host *h = host_index(c, schemas_load(c), through_blob(c, t, true), "board.dtb", nowhere);
    assert_int_equal(dt_at(h->tree, "/one")->phandle, 1);
    assert_null(suspects(c, h, "/a", "acme,n"));
    assert_ptr_equal(suspects(c, h, "/a", "acme,m")->target, dt_at(h->tree, "/three"));
}

static void entries_may_hold_children(void **state)
{
    struct machc *c = *state;
    struct host *h = blob_host(c, "box: box { #mbox-cells = <1>; ch: channel { }; }; other: other { };"
                                  "a { mboxes = <&box &ch>, <&box 3>; };"
                                  "b { mboxes = <&box &other>; };");
    struct ref_entries e = {0};
    const struct dt_node *n = dt_at(h->tree, "/a");
    const struct dt_prop *prop = dt_prop(h->tree, n, intern(c->names, "mboxes"));
    assert_null(host_read_refs(c, h, prop, host_ref_rule(h, n, prop), &e));
    assert_int_equal(e.n, 2);
    assert_ptr_equal(e.at[0].target, dt_at(h->tree, "/box"));
    assert_ptr_equal(e.at[0].child, dt_at(h->tree, "/box/channel"));
    assert_int_equal(e.at[0].child_cell, 1);
    // 3 is the phandle of /other, which is not below the mailbox.
    assert_null(e.at[1].child);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(regions_go_through_buses),
        T(a_region_may_lie_in_two_ranges_that_continue_each_other),
        T(many_ranges),
        T(pci_has_spaces),
        T(odd_addresses_give_warnings),
        T(not_too_many_warnings),
        T(overlaps_are_found),
        T(overlaps_of_other_groups_are_found),
        T(interrupts_are_inherited),
        T(parts_of_a_line_differ),
        T(unknown_and_cascaded_controllers),
        T(interrupt_maps_are_followed),
        T(loops_end),
        T(odd_interrupts_give_warnings),
        T(nodes_are_named),
        T(ambiguous_names_list_what_fits),
        T(wrong_names_get_suggestions),
        T(platform_devices_are_named_as_linux_does),
        T(status_is_read),
        T(a_live_tree_says_what_it_does_not_hold),
        T(references_are_found_by_elimination),
        T(labels_explain_phandles),
        T(entries_may_hold_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
