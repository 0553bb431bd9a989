// SPDX-License-Identifier: MIT
// A program can use any names for its own functions: it links all of libmachrt.a, and no name clashes.
#include "machrt.h"

#include <errno.h>
#include <string.h>

// clang-format off
#define NAMES(X)                                                                                                       \
    X(fail) X(note) X(text) X(place) X(object) X(prove) X(read_line) X(find_bus) X(find_cap) X(find_group) X(in_list)  \
    X(link_name) X(dev_path) X(file_path) X(sysfs_path) X(device_path) X(device_object) X(session_new) X(session_end)  \
    X(session_alloc) X(undo_push) X(undo_room) X(undo_close) X(undo_bind) X(tell_vmm) X(container_attach)              \
    X(step_open) X(step_irqs) X(kvm_chip_find) X(kvm_chip_make) X(irq_unmask) X(of_reg) X(of_irqs) X(uio_irq)          \
    X(verify) X(refuse) X(sha256) X(report) X(stash_pamu) X(backend_group) X(copy_struct) X(set_error)
// clang-format on

static int called;

#define DEFINE(name)                                                                                                   \
    int name(void);                                                                                                    \
    int name(void)                                                                                                     \
    {                                                                                                                  \
        return ++called;                                                                                               \
    }
NAMES(DEFINE)

int main(void)
{
    struct mach_config *config;
    struct mach_error e = MACH_ERROR_INIT;
    int r = mach_config_open("/nowhere/guest.cfg", &config, &e);
    if (r != -ENOENT || config || strcmp(e.step, "open") || called)
        return 1;
    int n = 0;
#define CALL(name) n += name() > 0;
    NAMES(CALL)
    return n == called && n > 40 ? 0 : 1;
}
