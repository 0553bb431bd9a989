// SPDX-License-Identifier: MIT
// The built-in schemas load and say what they should; every mistake in a file of --schema-dir is found where it is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machc.h"
#include "schema/json.h"
#include "schema/schema.h"
#include "schema/texts.h"
#include "tree/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a directory of schema files, and what the loader says to it ---- */

static char dir[64];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/test_schema.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_bytes(const char *name, const char *text, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

struct run {
    const char *schema_dir;
    void (*look)(struct machc *c, const struct schemas *s);
    char *shown; // messages
    bool loaded;
};

static int load(struct machc *c, void *opaque)
{
    struct run *r = opaque;
    c->schema_dir = r->schema_dir;
    const struct schemas *s = schemas_load(c);
    r->loaded = s != NULL;
    size_t n = 0;
    FILE *f = open_memstream(&r->shown, &n);
    struct diag_style style = {0};
    diags_print(c->diags, f, &style);
    fclose(f);
    assert_int_equal(r->loaded, diags_errors(c->diags) == 0);
    if (s && r->look)
        r->look(c, s);
    return 0;
}

static void look_at(const char *schema_dir, void (*look)(struct machc *c, const struct schemas *s))
{
    struct run r = {.schema_dir = schema_dir, .look = look};
    assert_int_equal(machc_run(load, &r), 0);
    if (!r.loaded || (r.shown && *r.shown))
        print_error("%s", r.shown);
    assert_true(r.loaded);
    assert_string_equal(r.shown, "");
    free(r.shown);
}

// The messages must have this one: code, and "file:line:column" or NULL.
static void expect(const char *code, const char *place)
{
    struct run r = {.schema_dir = dir};
    assert_int_equal(machc_run(load, &r), 0);
    char wanted[200], end[16];
    snprintf(end, sizeof end, "[%s]", code);
    snprintf(wanted, sizeof wanted, "%s/%s: error: ", dir, place ? place : "");
    bool ok = false;
    for (char *line = r.shown; line && *line && !ok;) {
        char *next = strchr(line, '\n');
        if (next)
            *next = 0;
        ok = strstr(line, end) && (!place || !strncmp(line, wanted, strlen(wanted)));
        if (next)
            *next = '\n';
        line = next ? next + 1 : NULL;
    }
    if (!ok || r.loaded)
        print_error("wanted %s at %s, got:\n%s", code, place ? place : "any place", r.shown);
    assert_true(ok);
    assert_false(r.loaded);
    free(r.shown);
}

/* ---- the built-in schemas ---- */

#define NAME(s) intern(c->names, s)

static void builtin(struct machc *c, const struct schemas *s)
{
    static const char *const chips[] = {"aia", "aplic", "gic-v2", "gic-v3", "ioapic", "mpic", "plic"};
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++)
        assert_non_null(schema_irqchip(s, NAME(chips[i])));
    static const char *const classes[] = {"ns16550a", "pl011", "pl031", "pl061", "virtio-mmio", "pci-host"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const struct dev_class *d = schema_class(s, NAME(classes[i]));
        assert_non_null(d);
        assert_true(d->emulated);
        assert_non_null(d->body);
        assert_true(d->nregions > 0);
    }
    static const char *const platforms[] = {"arm-virt",    "arm64-virt",   "e500mc-kvm",
                                            "riscv64-aia", "riscv64-virt", "x86-64"};
    uint32_t n = 0;
    s = schemas_whole(s);
    for (const char *const *name = s->platform_names; *name; name++, n++) {
        assert_string_equal(*name, platforms[n]);
        const struct platform *p = schema_platform(s, *name);
        assert_non_null(p);
        assert_ptr_equal(p->name, *name);
        assert_non_null(schema_irqchip(s, p->irqchip_class));
        assert_non_null(p->root);
        assert_non_null(p->cpu);
        assert_true(p->mmio_base < p->mmio_end);
        assert_true(p->irqchip_at < p->mmio_base || p->irqchip_at >= p->mmio_end);
    }
    assert_int_equal(n, sizeof platforms / sizeof *platforms);
    for (const char *const *name = s->class_names; name[0] && name[1]; name++)
        assert_true(strcmp(name[0], name[1]) < 0);
}

static void test_builtin(void **state)
{
    (void)state;
    look_at(NULL, builtin);
}

/* ---- a file is read when something in it is looked up, and this makes no difference ---- */

static struct dt_prop strings(const char *s, size_t n)
{
    return (struct dt_prop){.data = (const uint8_t *)s, .len = (uint32_t)n};
}

static void same_name(const char *a, const char *b)
{
    assert_true(!a == !b);
    if (a)
        assert_string_equal(a, b);
}

static void same_rule(const struct schemas *s, const struct schemas *whole, const char *property)
{
    const struct ref_rule *rule = schema_ref(s, property), *rule2 = schema_ref(whole, property);
    same_name(rule ? rule->why : NULL, rule2 ? rule2->why : NULL);
    if (rule)
        same_name(rule->provider ? rule->provider->name : NULL, rule2->provider ? rule2->provider->name : NULL);
}

static void same_look_ups(struct machc *c, const struct schemas *s, const struct schemas *whole, const struct jval *v)
{
    const char *name = intern_n(c->names, v->text, v->n);
    const struct irqchip_class *chip = schema_irqchip(s, name), *chip2 = schema_irqchip(whole, name);
    same_name(chip ? chip->name : NULL, chip2 ? chip2->name : NULL);
    const struct dev_class *class = schema_class(s, name), *class2 = schema_class(whole, name);
    same_name(class ? class->name : NULL, class2 ? class2->name : NULL);
    const struct platform *platform = schema_platform(s, name), *platform2 = schema_platform(whole, name);
    same_name(platform ? platform->name : NULL, platform2 ? platform2->name : NULL);
    same_rule(s, whole, name);
    same_rule(s, whole, NAME(arena_printf(c->arena, "x%s", name))); // where it is a suffix
    same_rule(s, whole, NAME(arena_printf(c->arena, "%s0", name))); // where a number follows
    const struct dt_prop compatible = strings(name, strlen(name) + 1);
    chip = schema_irqchip_of(c, s, &compatible);
    chip2 = schema_irqchip_of(c, whole, &compatible);
    same_name(chip ? chip->name : NULL, chip2 ? chip2->name : NULL);
}

static uint32_t every_string(struct machc *c, const struct schemas *s, const struct schemas *whole,
                             const struct jval *v)
{
    uint32_t n = v->type == JSON_STRING;
    if (n)
        same_look_ups(c, s, whole, v);
    for (const struct jval *child = v->child; child; child = child->next)
        n += every_string(c, s, whole, child);
    return n;
}

static void on_demand(struct machc *c, const struct schemas *s)
{
    assert_null(map_getp(&s->platforms, NAME("x86-64"), NULL));
    assert_non_null(schema_platform(s, NAME("x86-64")));
    assert_null(map_getp(&s->platforms, NAME("arm64-virt"), NULL));
    const struct schemas *whole = schemas_whole(s);
    assert_ptr_equal(schemas_whole(s), whole);
    assert_ptr_equal(schemas_whole(whole), whole);
    // What is not looked up by a name is all there from the start.
    assert_int_equal(s->npatterns, whole->npatterns);
    assert_int_equal(s->niommus, whole->niommus);
    assert_int_equal(s->ndma_ids, whole->ndma_ids);
    assert_non_null(map_getp(&s->delicate, NAME("syscon"), NULL));
    uint32_t n = 0;
    for (uint32_t i = 0; i < schema_ntexts; i++) {
        const struct schema_text *t = &schema_texts[i];
        const struct jval *v =
            json_read(c, source_builtin(c->sources, schema_files[t->file], schema_pool + t->at, t->len));
        assert_non_null(v);
        n += every_string(c, s, whole, v);
    }
    assert_true(n > 1000);
    uint32_t some = 0, all = 0;
    for (const struct iommu_class *k = s->iommu_classes; k; k = k->next)
        some++;
    for (const struct iommu_class *k = whole->iommu_classes; k; k = k->next)
        all++;
    assert_int_equal(some, all);
}

static void test_on_demand(void **state)
{
    (void)state;
    look_at(NULL, on_demand);
}

static void irqchips(struct machc *c, const struct schemas *s)
{
    const struct irqchip_class *gic = schema_irqchip(s, NAME("gic-v3"));
    assert_int_equal(gic->ncells, 3);
    assert_int_equal(gic->cells[0], IRQ_CELL_KIND);
    assert_int_equal(gic->cells[1], IRQ_CELL_NUMBER);
    assert_int_equal(gic->cells[2], IRQ_CELL_TRIGGER);
    assert_string_equal(gic->kinds[gic->default_kind].name, "spi");
    assert_int_equal(gic->kinds[0].max, 987);
    assert_int_equal(gic->kinds[0].guest_max, 959);
    assert_int_equal(gic->kinds[0].gsi, 0);
    assert_int_equal(gic->kinds[1].gsi, INT32_MIN);
    assert_string_equal(gic->triggers[gic->default_trigger].name, "level-high");
    assert_int_equal(gic->triggers[gic->default_trigger].value, 4);
    assert_string_equal(gic->triggers[0].aliases[0], "edge");
    assert_int_equal(gic->regions[1].per_cpu, 0x20000);
    assert_int_equal(gic->regions[1].align, 0x10000);
    assert_int_equal(gic->regions[0].align, 0x10000); // the size

    const struct irqchip_class *mpic = schema_irqchip(s, NAME("mpic"));
    assert_int_equal(mpic->ncells, 4);
    assert_true(mpic->sub);
    assert_string_equal(mpic->kinds[0].name, "");
    assert_int_equal(mpic->kinds[1].value, 1);
    assert_int_equal(mpic->triggers[1].value, 1);
    assert_string_equal(mpic->triggers[1].name, "level-low");
    assert_string_equal(mpic->kvm, "fsl-mpic-42");

    const struct irqchip_class *plic = schema_irqchip(s, NAME("plic"));
    assert_int_equal(plic->ncpu_irqs, 2);
    assert_int_equal(plic->cpu_irqs[0], 11);
    assert_int_equal(plic->cpu_irqs[1], 9);
    assert_null(plic->kvm);
    assert_string_equal(schema_platform(s, NAME("riscv64-virt"))->cpu_intc, "interrupt-controller");
    assert_null(schema_platform(s, NAME("riscv64-virt"))->bus_name);

    const struct platform *e500 = schema_platform(s, NAME("e500mc-kvm"));
    assert_string_equal(e500->bus_name, "soc");
    assert_non_null(e500->bus);
    assert_string_equal(e500->bus_copy[0], "bus-frequency");
    assert_null(e500->bus_copy[1]);

    // The first string that is known counts; a property that is not a list of strings finds nothing.
    static const char compatible[] = "acme,gic\0arm,gic-v3\0arm,gic-400";
    struct dt_prop p = {.data = (const uint8_t *)compatible, .len = sizeof compatible};
    assert_ptr_equal(schema_irqchip_of(c, s, &p), gic);
    p.len = 19;
    assert_null(schema_irqchip_of(c, s, &p)); // cut off before its NUL
    p.len = 0;
    assert_null(schema_irqchip_of(c, s, &p));
    assert_null(schema_irqchip_of(c, s, NULL));
    assert_null(schema_irqchip(s, NAME("gic-v5")));
}

static void test_irqchips(void **state)
{
    (void)state;
    look_at(NULL, irqchips);
}

static const struct ref_rule *ref(struct machc *c, const struct schemas *s, const char *property)
{
    return schema_ref(s, NAME(property));
}

static void references(struct machc *c, const struct schemas *s)
{
    const struct ref_rule *r = ref(c, s, "clocks");
    assert_string_equal(r->cells, "#clock-cells");
    assert_string_equal(r->names, "clock-names");
    assert_string_equal(r->kind, "clock");
    assert_int_equal(r->fate, FATE_ERROR);
    assert_int_equal(r->layout, REF_CELLS);
    assert_int_equal(r->group, 1);
    assert_string_equal(r->provider->values[0], "clock-frequency");
    assert_non_null(r->provider->body);
    assert_null(ref(c, s, "resets")->provider);
    assert_string_equal(ref(c, s, "assigned-clocks")->along[0].property, "assigned-clock-rates");

    r = ref(c, s, "vdd-cpu-supply");
    assert_string_equal(schema_ref_pattern(s, intern(c->names, "vdd-cpu-supply")), "-supply");
    assert_null(schema_ref_pattern(s, intern(c->names, "clocks")));
    assert_null(schema_ref_pattern(s, intern(c->names, "supply")));
    assert_string_equal(r->provider->name_property, "regulator-name");
    assert_null(ref(c, s, "-supply")); // nothing in front of it
    assert_null(ref(c, s, "supply"));

    assert_string_equal(ref(c, s, "cs-gpios")->cells, "#gpio-cells");
    assert_string_equal(ref(c, s, "reset-gpio")->cells, "#gpio-cells");
    assert_string_equal(ref(c, s, "gpios")->unless, "gpio-hog");
    assert_null(ref(c, s, "snps,nr-gpios"));

    r = ref(c, s, "pinctrl-12");
    assert_int_equal(r->match, REF_MATCH_NUMBERED);
    assert_int_equal(r->fate, FATE_DROP);
    assert_null(ref(c, s, "pinctrl-"));
    assert_null(ref(c, s, "pinctrl-names"));
    assert_null(ref(c, s, "pinctrl-1a"));
    assert_null(ref(c, s, "pinctr"));

    r = ref(c, s, "rockchip,pins");
    assert_int_equal(r->layout, REF_STRIDE);
    assert_int_equal(r->fixed, 4);
    assert_int_equal(r->at, 3);
    assert_int_equal(ref(c, s, "iommu-map")->fixed, 4);
    assert_int_equal(ref(c, s, "iommu-map")->at, 1);
    assert_int_equal(ref(c, s, "gpio-ranges")->fixed, 3);
    assert_int_equal(ref(c, s, "interconnects")->group, 2);
    assert_true(ref(c, s, "dma-masters")->numbers);
    assert_true(ref(c, s, "msi-parent")->cells_optional);
    assert_int_equal(ref(c, s, "msi-ranges")->layout, REF_MAP);
    assert_int_equal(ref(c, s, "interrupt-map")->layout, REF_INTERRUPT_MAP);
    assert_int_equal(ref(c, s, "interrupts-extended")->layout, REF_INTERRUPT);
    assert_int_equal(ref(c, s, "remote-endpoint")->layout, REF_GRAPH);

    static const char *const dropped[] = {"iommus",        "iommu-map",     "interconnects",  "fsl,liodn-reg",
                                          "pinctrl-0",     "wakeup-parent", "cooling-device", "fsl,iommu-parent",
                                          "required-opps", "msi-parent"};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        assert_int_equal(ref(c, s, dropped[i])->fate, FATE_DROP);
    static const char *const asked[] = {"resets",        "power-domains",  "phys",       "phy-handle",
                                        "memory-region", "fsl,fman-ports", "tbi-handle", "ptp-timer",
                                        "dmas",          "remote-endpoint"};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        assert_int_equal(ref(c, s, asked[i])->fate, FATE_ERROR);
    assert_null(ref(c, s, "reg"));
    assert_null(ref(c, s, "compatible"));
}

static void test_references(void **state)
{
    (void)state;
    look_at(NULL, references);
}

static void classes(struct machc *c, const struct schemas *s)
{
    const struct dev_class *uart = schema_class(s, NAME("pl011"));
    assert_int_equal(uart->nclocks, 2);
    assert_string_equal(uart->clocks[1].name, "apb_pclk");
    assert_int_equal(uart->clocks[1].rate, 24000000);
    assert_true(uart->console);
    assert_string_equal(uart->alias, "serial");

    static const char compatible[] = "fsl,qman-portal-1.2.0\0fsl,qman-portal";
    struct dt_prop p = {.data = (const uint8_t *)compatible, .len = sizeof compatible};
    const struct dev_class *portal = schema_class_of(c, s, &p);
    assert_string_equal(portal->vcpu_property, "cpu-handle");
    assert_string_equal(portal->dma_operation, "qman");
    assert_int_equal(portal->nregions, 2);
    assert_false(portal->emulated);
    assert_ptr_equal(schema_class(s, NAME("fsl,qman-portal")), portal);
    assert_int_equal(schema_class(s, NAME("qemu,edu"))->regions[0].size, 1 << 20);
    // What the host has is never taken for what the VMM makes.
    assert_false(schema_class(s, NAME("arm,pl011"))->emulated);
    assert_int_equal(schema_class(s, NAME("pci-host"))->regions[1].range, 0x02000000);
}

static void test_classes(void **state)
{
    (void)state;
    look_at(NULL, classes);
}

/* ---- --schema-dir ---- */

#define PIC                                                                                                            \
    "\"compatible\": [\"acme,pic\"], \"describe\": \"PIC\", \"node-name\": \"interrupt-controller\", \"body\": [], "   \
    "\"regions\": [{\"size\": \"4K\"}]"

static void replaced(struct machc *c, const struct schemas *s)
{
    const struct dev_class *d = schema_class(s, NAME("pl031"));
    assert_false(d->emulated);
    assert_ptr_equal(schema_class(s, NAME("acme,rtc")), d);
    assert_string_equal(schema_class(s, NAME("gem"))->node_name, "gem"); // and its compatible strings are gone
    assert_null(schema_class(s, NAME("cdns,gem")));
    assert_ptr_equal(schema_class(s, NAME("arm,pl061")), schema_class(s, NAME("acme,gpio"))); // the later one has it
    assert_int_equal(ref(c, s, "clocks")->fate, FATE_DROP);
    assert_null(ref(c, s, "clocks")->provider);
    assert_string_equal(ref(c, s, "vdd-supply")->kind, "rail");
    assert_string_equal(ref(c, s, "acme,x-gpios")->kind, "acme line"); // tried before "-gpios"
    assert_string_equal(ref(c, s, "a-gpios")->kind, "GPIO");
    assert_int_equal(ref(c, s, "acme,link")->layout, REF_SINGLE);
    const struct irqchip_class *pic = schema_irqchip(s, NAME("acme-pic"));
    assert_int_equal(pic->default_trigger, -1);
    assert_int_equal(pic->kinds[0].gsi, -32);
    assert_int_equal(pic->kinds[0].guest_max, 63);
    assert_int_equal(pic->kinds[0].first, 4);
    assert_int_equal(pic->regions[0].size, 0x1000);
    const struct platform *p = schema_platform(s, NAME("acme-virt"));
    assert_int_equal(p->mmio_end, UINT64_MAX);
    assert_int_equal(p->irqchip_at, 3ULL << 40);
}

static void test_replace(void **state)
{
    (void)state;
    char path[100];
    snprintf(path, sizeof path, "%s/deeper", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/loop", dir);
    assert_int_equal(symlink(dir, path), 0);
    put("deeper/rtc.json",
        "{\"classes\": [{\"name\": \"pl031\", \"compatible\": [\"acme,rtc\"]},\n"
        "{\"name\": \"gem\", \"node-name\": \"gem\"}, {\"compatible\": [\"acme,gpio\", \"arm,pl061\"]}]}");
    put("refs.json",
        "{\"$schema\": \"x\", \"references\": ["
        "{\"kind\": \"clock\", \"why\": \"w\", \"default\": \"drop\", \"cells\": \"#clock-cells\", \"properties\": "
        "[\"clocks\"]},"
        "{\"kind\": \"rail\", \"why\": \"w\", \"default\": \"drop\", \"layout\": \"single\", \"match\": \"suffix\","
        " \"properties\": [\"-supply\"]},"
        "{\"kind\": \"acme line\", \"why\": \"w\", \"default\": \"drop\", \"layout\": \"single\", \"match\": "
        "\"suffix\","
        " \"properties\": [\"x-gpios\"]},"
        "{\"kind\": \"link\", \"why\": \"w\", \"default\": \"keep\", \"layout\": \"single\", \"properties\": "
        "[\"acme,link\"]}]}");
    put("pic.json", "{\"irqchip\": {\"name\": \"acme-pic\", " PIC ", \"cells\": [\"number\"],"
                    "\"kinds\": [{\"min\": 4, \"max\": 63, \"gsi\": -32}]}}");
    put("virt.json",
        "{\"platform\": {\"name\": \"acme-virt\", \"arch\": \"arm64\", \"root\": [], \"cpu\": [], \"cpu-name\": "
        "\"cpu\", \"cpu-address-cells\": 1, \"max-cpus\": 4, \"irqchip\": {\"name\": \"pic\", \"class\": "
        "\"acme-pic\", \"at\": \"3T\"}, \"memory\": 0, \"mmio\": {\"base\": 0, \"end\": \"0xffffffffffffffff\"}}}");
    put(".hidden.json", "not JSON");
    put("x.schema.json", "not JSON");
    put("notes.txt", "not JSON");
    look_at(dir, replaced);
}

static void test_twice(void **state)
{
    (void)state;
    put("a.json", "{\"class\": {\"name\": \"acme,a\"}}");
    put("b.json", "{\"classes\": [\n  {\"name\": \"acme,a\"}]}");
    expect("E0810", "b.json:2:12");
    put("b.json", "{\"classes\": [{\"name\": \"b\", \"compatible\": [\"acme,c\"]},\n{\"name\": \"c\", \"compatible\": "
                  "[\"x\", \"acme,c\"]}]}");
    expect("E0810", "b.json:2:35");
    put("b.json", "{\"references\": [{\"kind\": \"k\", \"why\": \"w\", \"default\": \"drop\", \"layout\": \"single\",\n"
                  "\"properties\": [\"acme,p\", \"acme,q\", \"acme,p\"]}]}");
    expect("E0810", "b.json:2:36");
    put("b.json", "{\"references\": [{\"kind\": \"k\", \"why\": \"w\", \"default\": \"drop\", \"layout\": \"single\",\n"
                  "\"match\": \"suffix\", \"properties\": [\"-p\", \"-p\"]}]}");
    expect("E0810", "b.json:2:41");
}

/* ---- mistakes ---- */

#define GROUP "{\"references\": [{\"kind\": \"k\", \"why\": \"w\", \"default\": \"drop\", \"properties\": [\"p\"],\n"
#define CHIP  "{\"irqchip\": {\"name\": \"p\", " PIC ",\n"
#define KIND  "\"kinds\": [{\"min\": 0, \"max\": 9}],\n"
#define MSI   "\"node-name\": \"m\", \"body\": [], \"parent\": \"msi-parent\", \"ids\": 63, \"ids-property\": \"n\", "
#define PLATFORM                                                                                                       \
    "{\"platform\": {\"name\": \"p\", \"arch\": \"arm64\", \"root\": [], \"cpu\": [], \"cpu-name\": \"cpu\", "         \
    "\"cpu-address-cells\": 1, \"max-cpus\": 4,\n"

static const struct {
    const char *text, *place, *code;
} mistakes[] = {
    // not JSON
    {"", "1:1", "E0801"},
    {"{\"class\": {\n\"name\": \"a\",\n}}", "3:1", "E0801"},
    {"{\"class\": {\"name\": \"a\"}}\nx", "2:1", "E0801"},
    {"{\"class\":\n {\"name\": \"a\"}", "2:15", "E0801"},
    {"{\"class\":\n {'name': \"a\"}}", "2:3", "E0801"},
    {"{\"class\": {\"name\":\n \"a\", \"emulated\": NaN}}", "2:19", "E0801"},
    {"{\"class\": {\"emulated\":\n -Infinity}}", "2:2", "E0801"},
    {"{\"class\": // no\n {}}", "1:11", "E0801"},
    {"{\"class\": {\"name\": \"\xff\"}}", "1:21", "E0801"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL, "E0801"},
    // keys
    {"{\"class\": {\"name\": \"a\",\n  \"name\": \"b\"}}", "2:3", "E0802"},
    {"{\"class\": {\"name\": \"a\"}, \"class\": {\"name\": \"b\"}}", "1:26", "E0802"},
    {"{\"class\": {\"name\": \"a\",\n  \"nam\\u0065\": \"b\"}}", "2:3", "E0803"},
    {"{\"class\": {\"name\": \"a\",\n  \"compatibel\": []}}", "2:3", "E0803"},
    {"{\"name\": \"a\"}", "1:2", "E0803"},
    {"{\"class\": {\"name\": \"a\", \"irqs\": [{}, {\"level\": true}]}}", "1:39", "E0803"},
    {"{\"irqchip\":\n {\"name\": \"a\"}}", "2:2", "E0804"},
    {"{\"class\": {\"name\": \"a\", \"emulated\": true, \"node-name\": \"x\",\n\"regions\": [{\"size\": 1}, {}]}}",
     "2:26", "E0804"},
    // types
    {"[]", "1:1", "E0805"},
    {"{\"class\": 1}", "1:11", "E0805"},
    {"{\"classes\": {}}", "1:13", "E0805"},
    {"{\"references\": {}}", "1:16", "E0805"},
    {"{\"class\": {\"name\": 1}}", "1:20", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"compatible\": \"acme,a\"}}", "1:39", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"compatible\": [\"acme,a\", null]}}", "1:50", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"emulated\": 1}}", "1:37", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [[]]}}", "1:37", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": 1.0}]}}", "1:46", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"body\": \"x;\"}}", "1:33", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"body\": [\"x;\", 1]}}", "1:40", "E0805"},
    {"{\"class\": {\"name\": \"a\", \"source\": [1]}}", "1:35", "E0805"},
    {CHIP KIND "\"cells\": \"number\"}}", "3:10", "E0805"},
    {CHIP "\"cells\": [\"number\"], \"kinds\": [{\"min\": 0, \"max\": 9, \"gsi\": \"0\"}]}}", "2:60", "E0805"},
    // numbers
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"align\": 3}]}}", "1:47", "E0806"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": -1}]}}", "1:46", "E0806"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"range\": \"4G\"}]}}", "1:47", "E0806"},
    {"{\"class\": {\"name\": \"a\", \"fates\": [{\"property\": \"p\", \"fate\": \"fixed\", \"fixed\": "
     "99999999999999999999}]}}",
     "1:79", "E0806"},
    {CHIP "\"cells\": [\"number\"], \"kinds\": [{\"min\": 5, \"max\": 4}]}}", "2:50", "E0806"},
    {CHIP "\"cells\": [\"number\"], \"kinds\": [{\"min\": 5, \"max\": 7, \"first\": 8}]}}", "2:62", "E0806"},
    {CHIP "\"cells\": [\"number\"], \"kinds\": [{\"min\": 5, \"max\": 7, \"guest-max\": 8}]}}", "2:66", "E0806"},
    {CHIP "\"cells\": [\"number\"], \"kinds\": [{\"min\": 5, \"max\": 7, \"gsi\": 65537}]}}", "2:60", "E0806"},
    {CHIP KIND "\"cells\": []}}", "3:10", "E0806"},
    {PLATFORM "\"irqchip\": {\"name\": \"g\", \"class\": \"gic-v3\", \"at\": 0}, \"memory\": 0, \"mmio\": {\"base\": "
              "5, \"end\": 5}}}",
     "2:95", "E0806"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"64 K\"}]}}", "1:46", "E0807"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"\"}]}}", "1:46", "E0807"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"0x\"}]}}", "1:46", "E0807"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"K\"}]}}", "1:46", "E0807"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"16777216T\"}]}}", "1:46", "E0807"},
    {"{\"class\": {\"name\": \"a\", \"regions\": [{\"size\": \"0x10000000000000000\"}]}}", "1:46", "E0807"},
    // words and names
    {GROUP "\"layout\": \"list\"}]}", "2:11", "E0808"},
    {"{\"class\": {\"name\": \"a\", \"fates\": [{\"property\": \"p\", \"fate\": \"dorp\"}]}}", "1:61", "E0808"},
    {CHIP KIND "\"cells\": [\"number\", \"flags\"]}}", "3:21", "E0808"},
    {"{}", "1:1", "E0809"},
    {"{\"$schema\": \"x\"}", "1:1", "E0809"},
    {"{\"class\": {\"name\": \"a\", \"irqs\": [{\"kind\": \"lpi\"}]}}", "1:43", "E0811"},
    {"{\"class\": {\"name\": \"a\", \"irqs\": [{\"trigger\": \"level-hihg\"}]}}", "1:46", "E0811"},
    {CHIP KIND "\"cells\": [\"number\"], \"default-kind\": \"spi\"}}", "3:38", "E0811"},
    {CHIP KIND "\"cells\": [\"number\"], \"default-trigger\": \"edge\"}}", "3:41", "E0811"},
    {PLATFORM "\"irqchip\": {\"name\": \"g\", \"class\": \"gic-v9\", \"at\": 0}, \"memory\": 0, \"mmio\": {\"base\": "
              "5, \"end\": 6}}}",
     "2:35", "E0811"},
    {GROUP "\"layout\": \"single\", \"fixed\": \"fixed-clok\"}]}", "2:30", "E0811"},
    {"{\"class\": {\"name\": \"a b\"}}", "1:20", "E0812"},
    {"{\"class\": {\"name\": \"\"}}", "1:20", "E0812"},
    {"{\"class\": {\"name\": \"a\\u0000b\"}}", "1:20", "E0812"},
    {"{\"class\": {\"name\": \"a\", \"body\": [\"\\u0000\"]}}", "1:33", "E0812"},
    {CHIP "\"describe\": \"\"}}", "2:1", "E0802"},
    {"{\"irqchip\": {\"describe\": \"\"}}", "1:26", "E0812"},
    // contradictions
    {GROUP "\"group\": 1}]}", "1:17", "E0813"},
    {GROUP "\"layout\": \"single\",\n\"cells\": \"#x-cells\"}]}", "3:1", "E0813"},
    {GROUP "\"layout\": \"stride\", \"every\": 4}]}", "1:17", "E0813"},
    {GROUP "\"layout\": \"stride\", \"every\": 4,\n\"at\": 4}]}", "3:1", "E0813"},
    {GROUP "\"layout\": \"map\", \"cells\": \"#x-cells\", \"before\": 1}]}", "1:17", "E0813"},
    {GROUP "\"layout\": \"single\",\n\"except\": [\"x\"]}]}", "3:1", "E0813"},
    {"{\"references\": [{\"kind\": \"k\", \"why\": \"w\", \"layout\": \"single\", \"properties\": "
     "[\"p\"],\n\"default\": "
     "\"fixed\"}]}",
     "2:1", "E0813"},
    {"{\"class\":\n{}}", "1:2", "E0813"},
    {"{\"class\": {\"name\": \"a\",\n\"console\": true}}", "2:1", "E0813"},
    {"{\"class\":\n{\"name\": \"a\", \"emulated\": true}}", "1:2", "E0813"},
    {"{\"class\": {\"name\": \"a\", \"fates\": [{\"property\": \"p\", \"fate\": \"fixed\"}]}}", "1:35", "E0813"},
    {"{\"class\": {\"name\": \"a\", \"fates\": [{\"property\": \"p\", \"fate\": \"drop\",\n\"fixed\": 5}]}}", "2:1",
     "E0813"},
    {CHIP KIND "\"cells\": [\"trigger\"]}}", "3:1", "E0813"},
    {CHIP KIND "\"cells\": [\"number\", \"number\"]}}", "3:21", "E0813"},
    {CHIP KIND "\"cells\": [\"number\", \"trigger\"]}}", "3:1", "E0813"},
    {CHIP "\"kinds\": [], \"cells\": [\"number\"]}}", "2:1", "E0813"},
    {CHIP "\"kinds\": [{\"min\": 0, \"max\": 9}, {\"name\": \"x\", \"value\": 1, \"min\": 0, \"max\": 9}],\n\"cells\": "
          "[\"number\"]}}",
     "2:1", "E0813"},
    {CHIP "\"kinds\": [{\"min\": 0, \"max\": 9}, {\"name\": \"x\", \"min\": 0, \"max\": 9}],\n\"cells\": [\"number\", "
          "\"kind\"]}}",
     "2:33", "E0813"},
    {CHIP KIND
     "\"cells\": [\"number\", \"trigger\"],\n\"triggers\": [{\"name\": \"a\", \"value\": 2, \"level\": true}], "
     "\"trigger-mask\": 1}}",
     "4:14", "E0813"},
    {CHIP KIND "\"cells\": [\"number\"],\n\"triggers\": [{\"name\": \"a\", \"value\": 0, \"level\": true, \"aliases\": "
               "[\"a\"]}]}}",
     "4:14", "E0813"},
    {CHIP KIND "\"cells\": [\"number\"],\n\"never-acks\": true}}", "4:1", "E0813"},
    {CHIP KIND "\"cells\": [\"number\"],\n\"msi-controller\": {" MSI "\"region\": {\"per-cpu\": 4096}}}}", "4:1",
     "E0813"},
    {CHIP KIND "\"cells\": [\"number\"], \"cpu-interrupts\": [9], \"msi-controller\": {" MSI
               "\n\"region\": {\"size\": 4096}}}}",
     "4:1", "E0813"},
    {CHIP KIND "\"cells\": [\"number\"], \"cpu-interrupts\": [9], \"msi-controller\": {" MSI
               "\n\"region\": {\"size\": 4096, \"per-cpu\": 4096}}}}",
     "4:1", "E0813"},
    {PLATFORM "\"irqchip\": {\"name\": \"g\", \"class\": \"plic\", \"at\": 0}, \"memory\": 0, \"mmio\": {\"base\": 5, "
              "\"end\": 6}}}",
     "2:35", "E0813"},
    // controllers that only hosts have
    {"{\"host-irqchips\": {}}", "1:19", "E0805"},
    {"{\"host-irqchips\": [{}]}", "1:20", "E0804"},
    {"{\"host-irqchips\": [\n{\"name\": \"a\", \"forwards\": true}]}", "2:1", "E0813"},
    {"{\"host-irqchips\": [{\"name\": \"a\", \"compatible\": [\"b\"], \"forwards\": true,\n\"cells\": [\"number\"]}]}",
     "2:1", "E0813"},
    {"{\"host-irqchips\": [\n{\"name\": \"a\", \"compatible\": [\"b\"]}]}", "2:1", "E0813"},
    {"{\"host-irqchips\": [{\"name\": \"a\", \"property\": \"b\", \"describe\": \"c\",\n\"cells\": [\"trigger\"]}]}",
     "2:1", "E0813"},
    {"{\"host-irqchips\": [{\"name\": \"a\", \"property\": \"b\", \"describe\": \"c\", \"cells\": [\"number\"],\n"
     "\"default-trigger\": \"d\"}]}",
     "2:20", "E0811"},
    {"{\"host-irqchips\": [{\"name\": \"a\", \"compatible\": [\"arm,gic-v3\"], \"forwards\": true},\n"
     "{\"name\": \"b\", \"compatible\": [\"arm,gic-v3\"], \"forwards\": true}]}",
     "2:30", "E0810"},
    {"{\"host-irqchips\": [{\"name\": \"a\", \"compatible\": [\"x\"], \"forwards\": true},\n"
     "{\"name\": \"a\", \"compatible\": [\"y\"], \"forwards\": true}]}",
     "2:10", "E0810"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        char place[40];
        put("x.json", mistakes[i].text);
        snprintf(place, sizeof place, "x.json:%s", mistakes[i].place ? mistakes[i].place : "");
        expect(mistakes[i].code, mistakes[i].place ? place : NULL);
    }
}

// A mistake in a body is shown in the body's own text.
static void test_body(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"{\"class\": {\"name\": \"a\", \"body\": [\n  \"acme,a = <1>;\",\n  \"acme,b = <2>\",\n  \"acme,c;\"]}}",
         "/x.json#body:2:13: error: "},
        {"{\"classes\": [{\"name\": \"b\"}, {\"name\": \"a\", \"body\": [\"acme,a = <1>\"]}]}",
         "/x.json#classes[1].body:"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct run r = {.schema_dir = dir};
        put("x.json", files[i][0]);
        assert_int_equal(machc_run(load, &r), 0);
        assert_false(r.loaded);
        assert_non_null(strstr(r.shown, files[i][1]));
        free(r.shown);
    }
}

static void test_unreadable(void **state)
{
    (void)state;
    struct run r = {.schema_dir = "/nonexistent/schemas"};
    assert_int_equal(machc_run(load, &r), 0);
    assert_false(r.loaded);
    assert_non_null(strstr(r.shown, "[E0814]"));
    free(r.shown);
    put_bytes("x.json", "{\"class\": {\0}}", 14);
    expect("E0801", NULL);
    char path[200];
    snprintf(path, sizeof path, "%s/x.json", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    expect("E0001", NULL);
    assert_int_equal(unlink(path), 0);
    size_t n = strlen(dir);
    snprintf(path, sizeof path, "%s", dir);
    for (int i = 0; i < 18; i++) {
        snprintf(path + n, sizeof path - n, "/d");
        n += 2;
        assert_int_equal(mkdir(path, 0755), 0);
    }
    expect("E0814", NULL);
}

// How many files of test_hostile() there are.
struct hostile {
    uint32_t files;
};

static void put_hostile(struct hostile *h, const char *bytes, size_t n)
{
    char name[32];
    snprintf(name, sizeof name, "hostile-%u.json", h->files++);
    put_bytes(name, bytes, n);
}

// Cut off and mutilated files give messages, and nothing worse (run with SAN=1). One run reads them all: with a folder
// of schemas, machc reads everything that is built in as well.
static void test_hostile(void **state)
{
    (void)state;
    static const char text[] =
        "{\"irqchip\": {\"name\": \"a\\\\\\\"\", \"kinds\": [{\"min\": -0, \"max\": 1e3, \"gsi\": null}], "
        "\"regions\": [{\"size\": \"0x\"}], \"cells\": [\"number\"], \"body\": [\"a;\"]}}";
    struct run r = {.schema_dir = dir};
    struct hostile h = {0};
    for (size_t n = 0; n < sizeof text; n++)
        put_hostile(&h, text, n);
    char copy[sizeof text], name[32];
    for (size_t n = 0; n + 1 < sizeof text; n++) {
        for (const char *with = "\"\\{}[],:\x80 "; *with; with++) {
            memcpy(copy, text, sizeof text);
            copy[n] = *with;
            put_hostile(&h, copy, sizeof text - 1);
        }
    }
    assert_int_equal(machc_run(load, &r), 0);
    assert_false(r.loaded);
    for (uint32_t i = 0; i < h.files; i++) {
        snprintf(name, sizeof name, "/hostile-%u.json", i);
        if (!strstr(r.shown, name))
            fail_msg("nothing is said of %s", name);
    }
    free(r.shown);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin),
        cmocka_unit_test(test_on_demand),
        cmocka_unit_test(test_irqchips),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_classes),
        TEST(test_replace),
        TEST(test_twice),
        TEST(test_mistakes),
        TEST(test_body),
        TEST(test_unreadable),
        TEST(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
