// SPDX-License-Identifier: MIT
// Several compilations share one host and the schemas; each must produce what it would produce alone. Run from the top
// directory of the project.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "emit/emit.h"
#include "machc.h"
#include "order/order.h"

#include <stdlib.h>
#include <string.h>

#define HOST            "tests/hosts/controllers.dts"
#define MACHINE(device) "machine m : arm64-virt { cpus 1; memory ram size 64M; passthrough " device " { dma none; } }"

static const char *const texts[] = {
    MACHINE("&front"), MACHINE("/soc/serial@2002000"), MACHINE("engine@4000000"), MACHINE("&no-such-label"),
    MACHINE("&gpc"),   MACHINE("engine@4000000"),      MACHINE("&front")};
enum { TEXTS = sizeof texts / sizeof *texts };

struct made {
    const char *text;
    uint8_t *dtb;
    uint32_t size, errors;
};

static int compile(struct machc *c, void *opaque)
{
    struct made *m = opaque;
    size_t n = strlen(m->text);
    char *text = arena_alloc(c->arena, n + 2);
    memcpy(text, m->text, n);
    const struct source *top = source_builtin(c->sources, "text.mach", text, (uint32_t)n);
    struct model *model = model_build(c, &top, 1);
    const struct plan *p = model ? plan_make(c, model) : NULL;
    m->errors = diags_errors(c->diags);
    if (!p || m->errors)
        return 0;
    const uint8_t *dtb = dtb_write(c, p->machines.at[0]->tree, false, &m->size);
    assert_non_null(dtb);
    m->dtb = malloc(m->size);
    assert_non_null(m->dtb);
    memcpy(m->dtb, dtb, m->size);
    return 0;
}

static int alone(struct machc *c, void *opaque)
{
    c->host_file = HOST;
    return compile(c, opaque);
}

static int shared(struct machc *c, void *opaque)
{
    struct made *all = opaque;
    const char *why;
    int err;
    c->schemas = schemas_load(c);
    assert_non_null(c->schemas);
    const struct source *s = source_read(c->sources, HOST, false, &why, &err);
    assert_non_null(s);
    struct dts_file *f = dts_parse(c, s);
    struct dt_tree *t = f ? dts_build(c, s, f) : NULL;
    assert_non_null(t);
    c->host = host_index(c, c->schemas, t, "controllers.dts", (struct src){{0, 0, 0}, NULL});
    assert_non_null(c->host);
    for (uint32_t i = 0; i < TEXTS; i++) {
        all[i].text = texts[i];
        assert_int_equal(machc_again(c, compile, &all[i]), 0);
    }
    // Each compilation has its own messages.
    assert_int_equal(diags_errors(c->diags), 0);
    return 0;
}

static void test_shared(void **state)
{
    (void)state;
    struct made all[TEXTS] = {{0}};
    assert_int_equal(machc_run(shared, all), 0);
    for (uint32_t i = 0; i < TEXTS; i++) {
        struct made one = {.text = texts[i]};
        assert_int_equal(machc_run(alone, &one), 0);
        assert_int_equal(all[i].errors, one.errors);
        assert_int_equal(all[i].size, one.size);
        assert_int_equal(!all[i].dtb, !one.dtb);
        if (one.dtb)
            assert_memory_equal(all[i].dtb, one.dtb, one.size);
        free(one.dtb);
        free(all[i].dtb);
    }
    assert_int_equal(all[3].errors, 1);
    assert_int_equal(all[4].errors, 1);
    assert_true(all[0].size && all[5].size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
