// SPDX-License-Identifier: MIT
// Helpers for the tests of tree/ and host/: a compilation, trees from text, and its messages.
#ifndef TESTS_TREE_SAMPLE_H
#define TESTS_TREE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/host.h"
#include "machc.h"
#include "tree/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static jmp_buf on_oom;
static const struct src nowhere = {{0, 0, 0}, NULL};

static int setup(void **state)
{
    struct arena *a = arena_new(&on_oom, hash_key_random());
    struct machc *c = NEW(a, struct machc);
    c->arena = a;
    c->names = intern_new(a);
    c->sources = sources_new(a);
    c->diags = diags_new(a, c->sources);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    arena_free(((struct machc *)*state)->arena);
    return 0;
}

// All messages as text.
static inline const char *said(struct machc *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct diag_style style = {.max_errors = 0};
    diags_print(c->diags, f, &style);
    fclose(f);
    const char *copy = arena_strndup(c->arena, text, len);
    free(text);
    return copy;
}

#define assert_said(c, what)                                                                                           \
    do {                                                                                                               \
        if (!strstr(said(c), what))                                                                                    \
            fail_msg("\"%s\" was not said, but:\n%s", what, said(c));                                                  \
    } while (0)

#define assert_silent(c)                                                                                               \
    do {                                                                                                               \
        if (diags_errors((c)->diags) + diags_warnings((c)->diags))                                                     \
            fail_msg("said:\n%s", said(c));                                                                            \
    } while (0)

// Makes a source of a text, with the two NUL bytes at its end.
static inline struct source *text_source(struct machc *c, const char *name, const char *text)
{
    size_t len = strlen(text);
    char *copy = arena_alloc(c->arena, len + 2);
    memcpy(copy, text, len);
    return source_builtin(c->sources, name, copy, (uint32_t)len);
}

// The tree of a .dts that has this text inside `/dts-v1/; / { };`.
static inline struct dt_tree *tree_of_file(struct machc *c, const char *text)
{
    const struct source *s = text_source(c, "test.dts", arena_printf(c->arena, "/dts-v1/;\n%s", text));
    struct dts_file *f = dts_parse(c, s);
    return f ? dts_build(c, s, f) : NULL;
}

static inline struct dt_tree *tree_of(struct machc *c, const char *text)
{
    return tree_of_file(c, arena_printf(c->arena, "/ { %s };", text));
}

static inline struct source blob_source(const uint8_t *blob, uint32_t size)
{
    return (struct source){.name = "test.dtb", .text = (const char *)blob, .len = size};
}

// The same tree, written as a blob and read back.
static inline struct dt_tree *through_blob(struct machc *c, const struct dt_tree *t, bool symbols)
{
    uint32_t size = 0;
    const uint8_t *blob = dtb_write(c, t, symbols, &size);
    assert_non_null(blob);
    struct source *s = NEW(c->arena, struct source);
    *s = blob_source(blob, size);
    return dtb_read(c, s, nowhere);
}

static inline struct dt_prop *prop_at(const struct dt_tree *t, const char *path, const char *name)
{
    struct dt_node *n = dt_at(t, path);
    return n ? dt_prop(t, n, intern(t->names, name)) : NULL;
}

static inline void assert_cells(const struct dt_prop *p, uint32_t n, ...)
{
    assert_non_null(p);
    assert_int_equal(p->len, n * 4);
    va_list ap;
    va_start(ap, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(dt_cell(p, i), va_arg(ap, uint32_t));
    va_end(ap);
}

#endif
