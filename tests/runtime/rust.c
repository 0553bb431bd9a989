// SPDX-License-Identifier: MIT
// Scenes for runtime/rust/examples/session.rs: the fake kernel, and the configs that fit it, for another language.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

struct scene *rust_scene(const char *name);
const struct mach_sys *rust_sys(struct scene *x);
const uint8_t *rust_config(struct scene *x, size_t *size);
int rust_vm(struct scene *x);
uint32_t rust_slots(const struct scene *x);
uint32_t rust_irqfds(const struct scene *x);
uint32_t rust_routes(const struct scene *x);
const char *rust_wrong(struct scene *x);

struct scene *rust_scene(const char *name)
{
    return scene_new(name);
}

const struct mach_sys *rust_sys(struct scene *x)
{
    return &x->k->sys;
}

const uint8_t *rust_config(struct scene *x, size_t *size)
{
    mach_config_close(cfg_open(x->c)); // it is sealed, and valid
    *size = x->c->size;
    return x->c->bytes;
}

int rust_vm(struct scene *x)
{
    return fake_vm(x->k);
}

uint32_t rust_slots(const struct scene *x)
{
    return x->k->slots;
}

uint32_t rust_irqfds(const struct scene *x)
{
    return x->k->irqfds;
}

uint32_t rust_routes(const struct scene *x)
{
    return x->k->routes;
}

// What was called in a wrong way, and what is left behind; "": all is as it was.
const char *rust_wrong(struct scene *x)
{
    return *x->k->wrong ? x->k->wrong : fake_left(x->k);
}
