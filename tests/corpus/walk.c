// SPDX-License-Identifier: MIT
#include "walk.h"

#include <libfdt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_CELLS, FORM_CELLS_IF_ANY, FORM_FIXED, FORM_FIRST, FORM_STRIDE };

struct reference {
    const char *name, *cells;
    uint8_t form, every, at; // with `fixed`, `every` is the number of arguments
};

static const struct reference references[] = {
#define CELLS(name, cells)        {name, cells, FORM_CELLS, 0, 0},
#define CELLS_IF_ANY(name, cells) {name, cells, FORM_CELLS_IF_ANY, 0, 0},
#define FIXED(name, args)         {name, NULL, FORM_FIXED, args, 0},
#define FIRST(name)               {name, NULL, FORM_FIRST, 0, 0},
#define STRIDE(name, every, at)   {name, NULL, FORM_STRIDE, every, at},
#include "references.inc"
};

enum { MAX_DEPTH = 128, NONE = -1 };

/* The current property. */
struct walk {
    const void *fdt;
    int *nodes; // by phandle
    uint32_t nphandles;
    int parents[MAX_DEPTH];
    int depth;
    int node;
    const char *name;
    const fdt32_t *cells;
    uint32_t ncells;
    char *problem;
    size_t size;
};

static bool wrong(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct walk *w, const char *fmt, ...)
{
    char path[1024];
    if (fdt_get_path(w->fdt, w->node, path, sizeof path))
        snprintf(path, sizeof path, "?");
    int n = snprintf(w->problem, w->size, "%s: %s: ", path, w->name);
    va_list ap;
    va_start(ap, fmt);
    if (n > 0 && (size_t)n < w->size)
        vsnprintf(w->problem + n, w->size - (size_t)n, fmt, ap);
    va_end(ap);
    return false;
}

static uint32_t cell(const struct walk *w, uint32_t i)
{
    return fdt32_to_cpu(w->cells[i]);
}

static int by_phandle(const struct walk *w, uint32_t phandle)
{
    return phandle < w->nphandles ? w->nodes[phandle] : NONE;
}

static bool is_hole(uint32_t phandle)
{
    return !phandle || phandle == UINT32_MAX;
}

static bool u32(const void *fdt, int node, const char *name, uint32_t *value)
{
    int len;
    const fdt32_t *p = fdt_getprop(fdt, node, name, &len);
    if (!p || len != 4)
        return false;
    *value = fdt32_to_cpu(*p);
    return true;
}

static bool dangles(struct walk *w, uint32_t at)
{
    return wrong(w, "cell %u is 0x%x, the phandle of no node", at, cell(w, at));
}

static bool check_list(struct walk *w, const struct reference *r)
{
    for (uint32_t i = 0; i < w->ncells;) {
        if (is_hole(cell(w, i))) {
            i++;
            continue;
        }
        int to = by_phandle(w, cell(w, i));
        uint32_t args = r->every;
        if (to == NONE)
            return dangles(w, i);
        if (r->form != FORM_FIXED && !u32(w->fdt, to, r->cells, &args)) {
            if (r->form == FORM_CELLS)
                return wrong(w, "cell %u leads to a node without %s", i, r->cells);
            args = 0;
        }
        if (args >= w->ncells - i)
            return wrong(w, "the entry at cell %u is cut off", i);
        i += args + 1;
    }
    return true;
}

static bool check_at(struct walk *w, uint32_t every, uint32_t first)
{
    for (uint32_t i = first; i < w->ncells; i += every)
        if (!is_hole(cell(w, i)) && by_phandle(w, cell(w, i)) == NONE)
            return dangles(w, i);
    return true;
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

static int by_name(const void *key, const void *member)
{
    return strcmp(key, ((const struct reference *)member)->name);
}

static bool check_reference(struct walk *w)
{
    static const struct reference gpios = {"", "#gpio-cells", FORM_CELLS, 0, 0};
    const struct reference *r =
        bsearch(w->name, references, sizeof references / sizeof *references, sizeof *references, by_name);
    bool gpio = !strcmp(w->name, "gpio") || !strcmp(w->name, "gpios");
    if (gpio && fdt_getprop(w->fdt, w->node, "gpio-hog", NULL))
        return true;
    if (!r && (ends_in(w->name, "-gpios") || ends_in(w->name, "-gpio")) && !ends_in(w->name, ",nr-gpios") &&
        !ends_in(w->name, "num-gpios"))
        r = &gpios;
    if (r && (r->form == FORM_CELLS || r->form == FORM_CELLS_IF_ANY || r->form == FORM_FIXED))
        return check_list(w, r);
    if (r && r->form == FORM_STRIDE)
        return check_at(w, r->every, r->at);
    if (r || ends_in(w->name, "-supply"))
        return check_at(w, UINT32_MAX / 2, 0);
    if (!strncmp(w->name, "pinctrl-", 8) && w->name[8] >= '0' && w->name[8] <= '9')
        return check_at(w, 1, 0);
    return true;
}

/* The controller or nexus that `interrupts` of the current node refers to. */
static int interrupt_parent(const struct walk *w)
{
    uint32_t phandle;
    for (int d = w->depth; d >= 0; d--) {
        int node = w->parents[d];
        if (d < w->depth && (fdt_getprop(w->fdt, node, "interrupt-controller", NULL) ||
                             fdt_getprop(w->fdt, node, "interrupt-map", NULL)))
            return node;
        if (u32(w->fdt, node, "interrupt-parent", &phandle))
            return by_phandle(w, phandle);
    }
    return NONE;
}

static bool is_controller(const struct walk *w, int node, uint32_t *ncells)
{
    return (fdt_getprop(w->fdt, node, "interrupt-controller", NULL) ||
            fdt_getprop(w->fdt, node, "interrupt-map", NULL)) &&
           u32(w->fdt, node, "#interrupt-cells", ncells) && *ncells;
}

static bool check_interrupts(struct walk *w)
{
    uint32_t n;
    int parent = interrupt_parent(w);
    if (parent == NONE)
        return wrong(w, "there is no interrupt parent");
    if (!is_controller(w, parent, &n))
        return wrong(w, "the interrupt parent is no controller");
    return !(w->ncells % n) || wrong(w, "%u cells, and an interrupt has %u", w->ncells, n);
}

static bool check_extended(struct walk *w)
{
    for (uint32_t i = 0, n; i < w->ncells; i += n + 1) {
        n = 0;
        if (is_hole(cell(w, i)))
            continue;
        int to = by_phandle(w, cell(w, i));
        if (to == NONE)
            return dangles(w, i);
        if (!is_controller(w, to, &n) || n >= w->ncells - i)
            return wrong(w, "cell %u leads to no controller, or is cut off", i);
    }
    return true;
}

static bool check_interrupt_map(struct walk *w)
{
    uint32_t na = 2, ni = 0;
    u32(w->fdt, w->node, "#address-cells", &na);
    if (!u32(w->fdt, w->node, "#interrupt-cells", &ni))
        return wrong(w, "the node has no #interrupt-cells");
    for (uint32_t i = 0; i < w->ncells;) {
        uint32_t pa = 0, pi;
        if (na + ni >= w->ncells - i)
            return wrong(w, "the entry at cell %u is cut off", i);
        int to = by_phandle(w, cell(w, i + na + ni));
        if (to == NONE)
            return dangles(w, i + na + ni);
        u32(w->fdt, to, "#address-cells", &pa);
        if (!is_controller(w, to, &pi))
            return wrong(w, "cell %u leads to no controller", i + na + ni);
        if ((uint64_t)na + ni + 1 + pa + pi > w->ncells - i)
            return wrong(w, "the entry at cell %u is cut off", i);
        i += na + ni + 1 + pa + pi;
    }
    return true;
}

static bool check_property(struct walk *w, int property)
{
    int len;
    w->cells = fdt_getprop_by_offset(w->fdt, property, &w->name, &len);
    if (!w->cells)
        return wrong(w, "it cannot be read");
    if (!len || len % 4)
        return true;
    w->ncells = (uint32_t)len / 4;
    if (!strcmp(w->name, "interrupts"))
        return fdt_getprop(w->fdt, w->node, "interrupts-extended", NULL) || check_interrupts(w);
    if (!strcmp(w->name, "interrupts-extended"))
        return check_extended(w);
    if (!strcmp(w->name, "interrupt-map"))
        return check_interrupt_map(w);
    if (!strcmp(w->name, "interrupt-parent"))
        return w->ncells == 1 && by_phandle(w, cell(w, 0)) != NONE ? true : dangles(w, 0);
    return check_reference(w);
}

static bool read_phandles(struct walk *w)
{
    uint32_t phandle, most = 0;
    for (int n = 0; n >= 0; n = fdt_next_node(w->fdt, n, NULL))
        if (u32(w->fdt, n, "phandle", &phandle) && phandle > most)
            most = phandle;
    w->node = 0;
    w->name = "phandle";
    if (most > 10000000)
        return wrong(w, "phandles are given out from 1 on, and one is 0x%x", most);
    w->nphandles = most + 1;
    w->nodes = malloc(w->nphandles * sizeof *w->nodes);
    if (!w->nodes)
        return wrong(w, "there is no memory for %u of them", most);
    for (uint32_t i = 0; i < w->nphandles; i++)
        w->nodes[i] = NONE;
    for (int n = 0; n >= 0; n = fdt_next_node(w->fdt, n, NULL)) {
        if (!u32(w->fdt, n, "phandle", &phandle))
            continue;
        w->node = n;
        if (is_hole(phandle) || w->nodes[phandle] != NONE)
            return wrong(w, "%u is no number for a node, or another's", phandle);
        w->nodes[phandle] = n;
    }
    return true;
}

static bool check_nodes(struct walk *w)
{
    for (w->node = 0, w->depth = 0; w->node >= 0; w->node = fdt_next_node(w->fdt, w->node, &w->depth)) {
        if (w->depth < 0)
            break;
        w->name = "";
        if (w->depth >= MAX_DEPTH)
            return wrong(w, "it is %d deep", w->depth);
        w->parents[w->depth] = w->node;
        const char *name = fdt_get_name(w->fdt, w->node, NULL);
        if (w->depth == 1 && name && (!strcmp(name, "aliases") || !strcmp(name, "chosen")))
            continue; // names that the user chooses
        int property;
        fdt_for_each_property_offset(property, w->fdt, w->node) if (!check_property(w, property)) return false;
    }
    return true;
}

bool walk_tree(const void *fdt, char *problem, size_t size)
{
    struct walk w = {.fdt = fdt, .problem = problem, .size = size};
    bool ok = read_phandles(&w) && check_nodes(&w);
    free(w.nodes);
    return ok;
}
