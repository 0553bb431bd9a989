// SPDX-License-Identifier: MIT
// guest.cfg: the reader and the document must agree, and every user must cope with what the reader accepts.
#include "audit.h"
#include "base.h"
#include "machrt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    uint32_t size;
};

static int accepted(struct machc *c, void *opaque)
{
    const struct input *in = opaque;
    check_config(c, in->data, in->size);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mach_config *config;
    struct mach_error e = MACH_ERROR_INIT;
    struct input in = {data, (uint32_t)size};
    int bad = mach_config_from_memory("guest.cfg", data, size, &config, &e);
    const char *rule = audit(data, size);
    if (!bad != !rule)
        finding("the reader says %s, docs/guest-cfg.md says %s", bad ? e.name : "fine", rule ? rule : "fine");
    if (bad)
        return 0;
    mach_config_close(config);
    if (machc_run(accepted, &in))
        finding("no memory");
    return 0;
}
