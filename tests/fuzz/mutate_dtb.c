// SPDX-License-Identifier: MIT
/*
 * Mutates blobs as trees with libfdt: sets properties to the values of others and to boundary values, adds and removes
 * nodes. libFuzzer mutates the bytes of a third of the blobs.
 */
#include "base.h"

#include "tree/tree.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { ROOM = 4096, LONGEST = 1024 };

static uint32_t below(unsigned *seed, size_t n)
{
    *seed = *seed * 1664525U + 1013904223U;
    return n ? (uint32_t)((uint64_t)*seed * n >> 32) : 0;
}

/* A random node, or -1. */
static int some_node(const void *fdt, unsigned *seed)
{
    int n = 0, at = 0, depth = 0;
    for (at = 0; at >= 0 && depth >= 0; at = fdt_next_node(fdt, at, &depth))
        n++;
    at = depth = 0;
    for (int i = (int)below(seed, (size_t)n); i > 0 && at >= 0; i--)
        at = fdt_next_node(fdt, at, &depth);
    return at;
}

/* A random property of a node, or -1. */
static int some_property(const void *fdt, int node, unsigned *seed)
{
    int n = 0, at;
    fdt_for_each_property_offset(at, fdt, node) n++;
    n = (int)below(seed, (size_t)n);
    fdt_for_each_property_offset(at, fdt, node) if (!n--) return at;
    return -1;
}

static void set_cell(uint8_t *p, int len, unsigned *seed)
{
    static const uint32_t values[] = {0,      1,          2,          3,          4,          16,
                                      0x1000, 0x7fffffff, 0x80000000, 0xfffff000, 0xfffffffe, 0xffffffff};
    uint32_t v = values[below(seed, sizeof values / sizeof *values)];
    uint8_t *at = p + 4 * below(seed, (size_t)len / 4);
    if (!below(seed, 3))
        v = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    v += below(seed, 4) ? 0 : 1 - 2 * below(seed, 2);
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Writes the value of one property, changed, to another one or back to itself. */
static void change_value(void *fdt, unsigned *seed)
{
    uint8_t value[LONGEST + 8] = {0};
    int node = some_node(fdt, seed), from = node < 0 ? -1 : some_property(fdt, node, seed), len;
    const char *name;
    const void *old = from < 0 ? NULL : fdt_getprop_by_offset(fdt, from, &name, &len);
    if (!old || len > LONGEST)
        return;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", name);
    memcpy(value, old, (size_t)len);
    switch (below(seed, 6)) {
    case 0:
        len = (int)LLVMFuzzerMutate(value, (size_t)len, LONGEST);
        break;
    case 1:
        len += 4;
        break;
    case 2:
        len -= len >= 4 ? 4 : 0;
        break;
    default:
        if (len >= 4)
            set_cell(value, len, seed);
        break;
    }
    if (!below(seed, 3))
        node = some_node(fdt, seed);
    if (node >= 0)
        fdt_setprop(fdt, node, copy, value, len);
}

/* Copies a node with its properties below another one. */
static void copy_node(void *fdt, unsigned *seed)
{
    int node = some_node(fdt, seed), to = some_node(fdt, seed), at;
    if (node < 0 || to < 0)
        return;
    char name[64];
    snprintf(name, sizeof name, "%.40s%x", fdt_get_name(fdt, node, NULL), below(seed, 16));
    int made = fdt_add_subnode(fdt, to, name);
    if (made < 0)
        return;
    // Offsets have moved. This copies what is there now, which serves as well.
    uint8_t value[LONGEST];
    for (int i = 0; i < 16; i++) {
        const char *prop;
        int len;
        at = some_property(fdt, node, seed);
        const void *old = at < 0 ? NULL : fdt_getprop_by_offset(fdt, at, &prop, &len);
        if (!old || len > LONGEST)
            continue;
        char copy[256];
        snprintf(copy, sizeof copy, "%s", prop);
        memcpy(value, old, (size_t)len);
        fdt_setprop(fdt, made, copy, value, len);
    }
}

static void change(void *fdt, unsigned *seed)
{
    int node = some_node(fdt, seed), at;
    switch (below(seed, 10)) {
    case 0:
        if (node > 0)
            fdt_del_node(fdt, node);
        break;
    case 1:
        at = node < 0 ? -1 : some_property(fdt, node, seed);
        if (at >= 0) {
            const char *name;
            if (fdt_getprop_by_offset(fdt, at, &name, NULL))
                fdt_delprop(fdt, node, name);
        }
        break;
    case 2:
        copy_node(fdt, seed);
        break;
    default:
        change_value(fdt, seed);
        break;
    }
}

struct blob {
    const uint8_t *data;
    size_t size;
    uint8_t *work; // opened, with extra room; NULL: it cannot be read
    size_t room;
};

/* Written by machc, because libfdt 1.6.1 is not safe on a damaged blob. */
static int open_tree(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    struct blob *b = opaque;
    uint32_t n = 0;
    struct dt_tree *t = dtb_read(c, base_source(c, "mutated.dtb", b->data, b->size), nowhere);
    const uint8_t *dtb = t ? dtb_write(c, t, false, &n) : NULL;
    if (!dtb)
        return 0;
    b->room = n + ROOM;
    b->work = malloc(b->room);
    if (!b->work || fdt_open_into(dtb, b->work, (int)b->room))
        abort();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    struct blob b = {.data = data, .size = size};
    if (below(&seed, 3))
        base_run(open_tree, &b);
    if (!b.work)
        return LLVMFuzzerMutate(data, size, max);
    for (uint32_t n = 1 + below(&seed, 4); n; n--)
        change(b.work, &seed);
    fdt_pack(b.work);
    if (fdt_totalsize(b.work) <= max) {
        size = fdt_totalsize(b.work);
        memcpy(data, b.work, size);
    }
    free(b.work);
    return size;
}
