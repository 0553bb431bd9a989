// SPDX-License-Identifier: MIT
// Writes the configs of the runtime's test scenes as seeds: scenes DIR
#include "../runtime/scenes.h"

#include <stdio.h>

static int write_scene(const char *folder, const char *name)
{
    struct scene *x = scene_new(name);
    char path[4096];
    x->config = cfg_open(x->c);
    snprintf(path, sizeof path, "%s/scene-%s", folder, name);
    FILE *f = fopen(path, "wb");
    int failed = !f || fwrite(x->c->bytes, 1, x->c->size, f) != x->c->size;
    failed |= f && fclose(f);
    scene_free(x);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = argc != 2;
    for (const char *const *name = scene_names; !failed && *name; name++)
        failed = write_scene(argv[1], *name);
    return failed;
}
