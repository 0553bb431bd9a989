// SPDX-License-Identifier: MIT
#include "config/rules.h"

#include <stdlib.h>

int machrt_verify(const struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    struct verify v = {.f = f, .fault = fault};
    int r = machrt_verify_fields(f, fault) || machrt_verify_rows(f, fault) || machrt_verify_records(&v) ||
                    machrt_verify_dma(&v) || machrt_verify_places(&v) || machrt_verify_twice(&v) ||
                    machrt_verify_expects(&v)
                ? -1
                : 0;
    free(v.thing);
    return r;
}

static const char *const error_names[] = {
#define NAME(name, text) #name,
    MACH_CFG_ERRORS(NAME)
#undef NAME
};

static const char *const error_texts[] = {
#define TEXT(name, text) text,
    MACH_CFG_ERRORS(TEXT)
#undef TEXT
};

const char *machrt_fault_name(enum mach_cfg_error error)
{
    return error_names[error];
}

const char *machrt_fault_text(enum mach_cfg_error error)
{
    return error_texts[error];
}
