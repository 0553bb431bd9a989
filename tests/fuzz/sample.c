// SPDX-License-Identifier: MIT
// Writes the unit tests' guest.cfg, which has one of everything, as a seed: sample FILE.cfg
#include "../unit/config_sample.h"

static int write_sample(struct machc *c, void *opaque)
{
    static const uint8_t dtb[] = "a device tree";
    struct sample *s = sample_new(c);
    uint32_t size = 0;
    const uint8_t *config = config_bytes(c, s->plan, s->m, dtb, sizeof dtb, &size);
    FILE *f = fopen(opaque, "wb");
    int failed = !f || fwrite(config, 1, size, f) != size;
    return (f && fclose(f)) || failed;
}

int main(int argc, char **argv)
{
    return argc == 2 ? machc_run(write_sample, argv[1]) : 2;
}
