// SPDX-License-Identifier: MIT
/*
 * Which nodes of the host Linux makes platform and AMBA devices of, as of_platform_default_populate() walks on arm,
 * arm64 and riscv. On PowerPC each board has a table of buses, which is not known here.
 */
#ifndef MACHC_HOST_LINUX_H
#define MACHC_HOST_LINUX_H

#include "host/host.h"

/* How Linux makes a platform or AMBA device of a node, or why it makes none. */
enum linux_how {
    LINUX_BY_CORE,       // it walks down to the node from the root
    LINUX_BY_DRIVER,     // the driver of a node above makes it
    LINUX_MAYBE,         // a node above is no bus, and no driver for it is known that makes devices of its children
    LINUX_NOT_BY_DRIVER, // the driver of a node above makes devices of other children only
    LINUX_NAMELESS,      // the node or one above has no `compatible`
    LINUX_DISABLED,      // the node or one above is disabled
    LINUX_SKIPPED,       // the node or one above is of a kind that is left out
    LINUX_TAKEN_EARLY    // the node or one above is initialised before devices are made
};
struct linux_device {
    uint8_t how;              // enum linux_how
    const struct dt_node *at; // the node that the reason is true of
    const char *driver;       // that makes the device, or does not; or NULL
};

/* What has been found of a host. Its schemas are read on demand: one thread at a time uses it. */
struct linux_view {
    struct machc *c;
    const struct host *host;
    struct map below; // private to linux.c, in the draft arena
};

/* What Linux makes of a node other than the root. Drivers are those of schemas/linux. */
struct linux_device linux_device_of(struct linux_view *v, const struct dt_node *n);

/* What is known of the first compatible string of the node that has one of the flags (enum linux_flags); NULL: nothing.
 */
const struct linux_node *linux_facts(const struct linux_view *v, const struct dt_node *n, uint32_t flags);

/* What is known of a driver that binds the device of `n` and has no `unbind`; NULL: nothing. Drivers of AMBA's bus bind
 * AMBA's devices, and no others. */
const struct linux_node *linux_driver_that_stays(const struct linux_view *v, const struct dt_node *n);

/* Whether `n` is a bus: Linux's core makes devices of its children, whoever drives it. */
bool linux_is_bus(const struct linux_view *v, const struct dt_node *n);

#endif
