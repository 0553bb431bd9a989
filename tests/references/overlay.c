// SPDX-License-Identifier: MIT
/*
 * Reads a tree, from blob or source, and puts overlays onto a tree as `host "BASE" { overlay ...; }` does, and writes
 * the result as a blob.
 *
 *     overlay [-I FOLDER] BASE OVERLAY ... > MERGED.dtb
 *
 * Files are blobs, or source if their names end in .dts or .dtso.
 */
#include "machc.h"
#include "tree/tree.h"

#include <string.h>

static struct dt_tree *tree(struct machc *c, const char *path)
{
    static const struct src nowhere;
    const char *why, *dot = strrchr(path, '.');
    int err;
    bool text = dot && !strncmp(dot, ".dts", 4);
    const struct source *s = source_read(c->sources, path, !text, &why, &err);
    if (!s)
        return NULL;
    struct dts_file *f = text ? dts_parse(c, s) : NULL;
    if (text)
        return f && !diags_errors(c->diags) ? dts_build(c, s, f) : NULL;
    return dtb_read(c, s, nowhere);
}

static int merge(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    char *const *files = opaque;
    const char *folder = NULL;
    if (!strcmp(files[0], "-I")) {
        folder = files[1];
        files += 2;
        c->include_dirs = &folder;
        c->ninclude_dirs = 1;
    }
    struct dt_tree *t = tree(c, files[0]);
    bool ok = t;
    for (char *const *f = files + 1; *f && ok; f++) {
        struct dt_tree *overlay = tree(c, *f);
        ok = overlay && dt_is_overlay(overlay) && dt_apply_overlay(c, t, files[0], overlay, *f, nowhere);
    }
    uint32_t size = 0;
    const uint8_t *blob = ok ? dtb_write(c, t, true, &size) : NULL;
    if (!blob) {
        diags_print(c->diags, stderr, &(struct diag_style){0});
        return 1;
    }
    fwrite(blob, 1, size, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    return argc < 2 ? 2 : machc_run(merge, argv + 1);
}
