// SPDX-License-Identifier: MIT
#include "schema/load.h"

#include "schema/texts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIR_DEPTH = 16 };

bool load_contradiction(struct load *l, const struct jval *v, const char *what, const char *help)
{
    struct diag *d = diag(l->c->diags, E0813, src_at(v->key ? v->key_loc : v->loc), "%s", what);
    diag_help(d, "%s", help);
    return false;
}

void load_twice(struct machc *c, const char *what, const char *name, struct src at, struct src first)
{
    struct diag *d = diag(c->diags, E0810, at, "%s \"%s\" is described twice", what, name);
    diag_note(d, first, "the first one is here");
    diag_help(d, "remove one of them, or give it a name of its own");
}

static const struct field file_fields[] = {
    {.key = "SPDX-License-Identifier", .type = FIELD_REMARK},
    {.key = "$schema", .type = FIELD_REMARK},
    {.key = "references", .type = FIELD_CUSTOM, .set = load_references},
    {.key = "providers", .type = FIELD_CUSTOM, .set = load_providers},
    {.key = "dma-ids", .type = FIELD_CUSTOM, .set = load_dma_ids},
    {.key = "descriptions", .type = FIELD_CUSTOM, .set = load_descriptions},
    {.key = "masters", .type = FIELD_CUSTOM, .set = load_masters},
    {.key = "delicate", .type = FIELD_CUSTOM, .set = load_delicate},
    {.key = "lines", .type = FIELD_CUSTOM, .set = load_lines},
    {.key = "iommus", .type = FIELD_CUSTOM, .set = load_iommus},
    {.key = "irqchip", .type = FIELD_CUSTOM, .set = load_irqchip},
    {.key = "host-irqchips", .type = FIELD_CUSTOM, .set = load_controllers},
    {.key = "class", .type = FIELD_CUSTOM, .set = load_class},
    {.key = "classes", .type = FIELD_CUSTOM, .set = load_classes},
    {.key = "platform", .type = FIELD_CUSTOM, .set = load_platform},
    {.key = "vmm", .type = FIELD_CUSTOM, .set = load_vmm},
    {.key = "linux", .type = FIELD_CUSTOM, .set = load_linux},
    {.key = "needs", .type = FIELD_CUSTOM, .set = load_needs},
};

static bool check_file(struct load *l, const struct jval *object, void *unused)
{
    (void)unused;
    for (const struct jval *m = object->child; m; m = m->next) {
        if (m->key[0] != '$' && m->key[0] != 'S')
            return true;
    }
    struct loc brace = {object->loc.file, object->loc.start, object->loc.start + 1};
    struct diag *d = diag(l->c->diags, E0809, src_at(brace), "this file describes nothing");
    diag_help(d, "its top-level key says what it describes: \"references\", \"providers\", \"dma-ids\", "
                 "\"descriptions\", \"masters\", \"delicate\", \"lines\", \"iommus\", \"irqchip\", \"host-irqchips\", "
                 "\"class\", \"classes\", \"platform\", \"vmm\", \"linux\" or \"needs\"");
    return false;
}

static const struct table file_table = {"a schema file", file_fields, sizeof file_fields / sizeof *file_fields, 1,
                                        check_file};

static void load_source(struct loader *ld, const struct source *s, uint8_t layer)
{
    struct load l = {.c = ld->c, .loader = ld, .source = s, .layer = layer};
    const struct jval *top = json_read(ld->c, s);
    char unused = 0;
    if (!top)
        return;
    if (top->type == JSON_OBJECT) {
        fields_read(&l, &file_table, top, &unused);
    } else {
        struct diag *d =
            diag(ld->c->diags, E0805, src_at(top->loc), "a schema file is an object, not %s", field_type_name(top));
        diag_help(d, "write { \"class\": { ... } }, for example");
    }
}

static void load_file(struct loader *ld, const char *path)
{
    const char *why;
    int err;
    const struct source *s = source_read(ld->c->sources, path, false, &why, &err);
    if (!s) {
        struct diag *d =
            diag(ld->c->diags, err ? E0001 : E0801, (struct src){{0, 0, 0}, NULL}, "cannot read %s: %s", path, why);
        diag_help(d, "every *.json file of --schema-dir is read: correct it, or move it elsewhere");
        return;
    }
    load_source(ld, s, LAYER_DIR);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void bad_dir(struct loader *ld, const char *path, const char *why)
{
    struct diag *d =
        diag(ld->c->diags, E0814, (struct src){{0, 0, 0}, NULL}, "cannot read the directory %s: %s", path, why);
    diag_help(d, "--schema-dir takes a directory with *.json files, in it or at most %d levels below", DIR_DEPTH);
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

// In the order of the names' bytes, so that messages do not depend on the file system.
static void load_dir(struct loader *ld, const char *path, int depth)
{
    struct arena *a = ld->c->arena;
    VEC(const char *) names = {0};
    DIR *dir = opendir(path);
    if (!dir) {
        bad_dir(ld, path, strerror(errno));
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] != '.')
            vec_push(a, &names, arena_strndup(a, e->d_name, strlen(e->d_name)));
    }
    closedir(dir);
    if (names.n)
        qsort(names.at, names.n, sizeof *names.at, by_name);
    for (uint32_t i = 0; i < names.n; i++) {
        const char *below = arena_printf(a, "%s/%s", path, names.at[i]);
        struct stat st;
        if (lstat(below, &st) < 0) {
            bad_dir(ld, path, strerror(errno));
        } else if (S_ISDIR(st.st_mode)) { // links to directories are not followed: they may lead in circles
            if (depth == DIR_DEPTH)
                bad_dir(ld, below, "it is too deep");
            else
                load_dir(ld, below, depth + 1);
        } else if (ends_in(names.at[i], ".json") && !ends_in(names.at[i], ".schema.json")) {
            load_file(ld, below);
        }
    }
}

static void load_builtin(struct loader *ld, uint32_t i)
{
    const struct schema_text *t = &schema_texts[i];
    load_source(ld, source_builtin(ld->c->sources, schema_files[t->file], schema_pool + t->at, t->len), LAYER_BUILTIN);
}

const struct schemas *schemas_read(struct machc *c)
{
    struct loader ld = {.c = c, .s = NEW(c->arena, struct schemas)};
    uint32_t errors = diags_errors(c->diags);
    for (uint32_t i = 0; i < schema_ntexts; i++)
        load_builtin(&ld, i);
    if (c->schema_dir)
        load_dir(&ld, c->schema_dir, 0);
    index_build(&ld, diags_errors(c->diags) == errors);
    return diags_errors(c->diags) == errors ? ld.s : NULL;
}

/* ---- built-in files on demand ---- */

struct demand {
    struct machc *c;
    struct schemas *s;
    struct map names; // those that were looked for
    const struct schemas *whole;
    bool *loaded; // for each of schema_texts
};

const struct schemas *schemas_load(struct machc *c)
{
    if (c->schema_dir)
        return schemas_read(c);
    struct demand *d = NEW(c->arena, struct demand);
    *d = (struct demand){.c = c, .s = NEW(c->arena, struct schemas), .loaded = arena_alloc(c->arena, schema_ntexts)};
    d->s->demand = d;
    struct loader ld = {.c = c, .s = d->s, .on_demand = true};
    for (uint32_t i = 0; i < schema_ncommon; i++)
        load_builtin(&ld, i);
    index_build(&ld, false);
    return d->s;
}

// The first of schema_names that is not before `name`.
static uint32_t first_name(const char *name)
{
    uint32_t from = 0, to = schema_nnames;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (strcmp(schema_name_pool + schema_names[middle].name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool schemas_demand(const struct schemas *s, const char *name)
{
    struct demand *d = s->demand;
    uint64_t known = 1;
    if (!d || !map_add(d->c->arena, &d->names, (uintptr_t)name, 0, &known))
        return false;
    bool any = false;
    for (uint32_t i = first_name(name); i < schema_nnames && !strcmp(schema_name_pool + schema_names[i].name, name);
         i++) {
        uint32_t text = schema_names[i].text;
        if (d->loaded[text])
            continue;
        any = d->loaded[text] = true;
        struct loader ld = {.c = d->c, .s = d->s, .on_demand = true};
        load_builtin(&ld, text);
        index_more(&ld);
    }
    return any;
}

const struct schemas *schemas_whole(const struct schemas *s)
{
    struct demand *d = s->demand;
    if (!d)
        return s;
    if (!d->whole)
        d->whole = schemas_read(d->c);
    return d->whole;
}
