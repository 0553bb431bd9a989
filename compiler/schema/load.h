// SPDX-License-Identifier: MIT
// What the parts of the loader share. Files are read one by one into lists of things; index.c then decides which count.
#ifndef MACHC_SCHEMA_LOAD_H
#define MACHC_SCHEMA_LOAD_H

#include "base/map.h"
#include "base/vec.h"
#include "schema/fields.h"

enum layer { LAYER_BUILTIN, LAYER_DIR };

/* An irqchip, class, platform, provider or VMM as a file describes it. */
struct thing {
    const char *name; // interned
    void *item;
    const struct jval *object;
    struct src at; // its name
    uint8_t layer;
};

/* A property of a rule, and its place. */
struct ref_entry {
    const char *property; // interned
    const struct ref_rule *rule;
    struct src at;
    uint8_t layer;
};

/* A rule names a provider: what `fixed` makes, or what keeps it. */
struct ref_fixed {
    const struct schema_provider **to; // of the rule
    const char *provider;
    struct src at;
};

/* Lines that name what a guest gets for them. */
struct lines_at {
    const char *provider;
    struct src at;
};

struct loader {
    struct machc *c;
    struct schemas *s;
    bool on_demand; // bodies are parsed when they are needed
    VEC(struct thing) irqchips, controllers, classes, platforms, providers, vmms;
    struct map refs; // property -> struct ref_entry: those by whole name
    VEC(struct ref_entry *) patterns, iommus;
    VEC(struct ref_fixed) fixed;
    VEC(struct schema_dma_id) dma_ids;
    VEC(struct lines_at) lines;
};

/* Handlers of the top-level keys: they read the value and add what it describes to the loader. */
bool load_references(struct load *l, const struct jval *v, void *unused);
bool load_dma_ids(struct load *l, const struct jval *v, void *unused);
bool load_descriptions(struct load *l, const struct jval *v, void *unused);
bool load_masters(struct load *l, const struct jval *v, void *unused);
bool load_delicate(struct load *l, const struct jval *v, void *unused);
bool load_providers(struct load *l, const struct jval *v, void *unused);
bool load_iommus(struct load *l, const struct jval *v, void *unused);
bool load_irqchip(struct load *l, const struct jval *v, void *unused);
bool load_controllers(struct load *l, const struct jval *v, void *unused);
bool load_class(struct load *l, const struct jval *v, void *unused);
bool load_classes(struct load *l, const struct jval *v, void *unused);
bool load_platform(struct load *l, const struct jval *v, void *unused);
bool load_vmm(struct load *l, const struct jval *v, void *unused);
bool load_needs(struct load *l, const struct jval *v, void *unused);
bool load_lines(struct load *l, const struct jval *v, void *unused);
bool load_linux(struct load *l, const struct jval *v, void *unused);

/* A region's table: irqchips and classes have the same. */
extern const struct table region_table;

/* False after a message for each region that has no size of its own. `list` is the value of "regions", or NULL. */
bool regions_sized(struct load *l, const struct jval *list, const struct schema_region *regions);

/* A message of a contradiction at v; false. */
bool load_contradiction(struct load *l, const struct jval *v, const char *what, const char *help);

/* The same thing described twice in one layer. */
void load_twice(struct machc *c, const char *what, const char *name, struct src at, struct src first);

/* Fills schemas from the lists: later layers win. Names are checked against each other when all files were read without
 * a mistake. */
void index_build(struct loader *ld, bool complete);

/* Adds what a built-in file describes that is read on demand. */
void index_more(struct loader *ld);

#endif
