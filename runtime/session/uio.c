// SPDX-License-Identifier: MIT
// Interrupts of /dev/uioN (Documentation/driver-api/uio-howto.rst): a read of 4 bytes returns when one has fired, a
// write of 1 enables the next. uio_pci_generic has no such write: it masks INTx in the function's command register, and
// user space clears that bit. Without a VMM the driver gets the file itself; a VMM needs an eventfd, which a thread
// signals.
#include "session/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

struct pump {
    struct mach_session *s;
    int uio, event, unmask, stop;
    bool control; // the driver has irqcontrol: a write enables the interrupt
    int config;   // else the configuration space of its PCI function, or -1
    pthread_t thread;
};

static int clear_intx_disable(const struct mach_session *s, int config)
{
    // Both bytes of the register, little-endian on all machines: QEMU 7.2 loses the line when the upper one is written
    // alone (hw/pci/pci.c, pci_default_write_config: it looks at INTx Disable only if the write covers the lower byte).
    uint8_t command[2];
    int r = machrt_check_transfer(s->sys.pread(s->sys.opaque, config, command, 2, PCI_COMMAND), 2);
    command[1] &= (uint8_t) ~(PCI_COMMAND_INTX_DISABLE >> 8);
    return r ? r : machrt_check_transfer(s->sys.pwrite(s->sys.opaque, config, command, 2, PCI_COMMAND), 2);
}

static int enable_uio_irq(const struct pump *p)
{
    int32_t one = 1;
    if (p->config >= 0)
        return clear_intx_disable(p->s, p->config);
    return p->control ? machrt_check_transfer(p->s->sys.write(p->s->sys.opaque, p->uio, &one, sizeof one), sizeof one)
                      : 0;
}

// For a driver without irqcontrol: opens the configuration space of its function. If it is none, it leaves its
// interrupt enabled.
static int open_config(struct mach_session *s, const struct irq *q, struct pump *p)
{
    char config[PATH_SIZE];
    struct mach_stat st;
    if (machrt_reserve_undo(s))
        return -1;
    int fd = s->sys.stat(s->sys.opaque, p->uio, &st);
    if (!fd)
        fd = machrt_sysfs_path(s, config, "dev/char/%u:%u/device/config", major(st.special), minor(st.special))
                 ? s->sys.open(s->sys.opaque, config, O_RDWR)
                 : -ENAMETOOLONG;
    else
        *config = '\0';
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return machrt_set_error(s, "irq", fd, machrt_irq_object(s, q),
                                "only %.300s can unmask it after an interrupt, and cannot be opened", config);
    p->config = fd;
    machrt_push_undo(s, machrt_undo_close, &p->config, 0, "close a configuration space");
    return 0;
}

int machrt_unmask_uio_irq(const struct irq *q)
{
    return enable_uio_irq(q->pump);
}

int machrt_open_uio_irq(struct mach_session *s, struct irq *q)
{
    char path[PATH_SIZE];
    struct pump *p = (struct pump *)machrt_session_alloc(s, 1, sizeof *p);
    if (!p || machrt_reserve_undo(s))
        return -1;
    *p = (struct pump){.s = s, .uio = -1, .event = -1, .unmask = -1, .stop = -1, .control = true, .config = -1};
    q->pump = p;
    int fd = machrt_file_path(s, path, machrt_string(s, mach_cfg_irq_file(q->rec)))
                 ? s->sys.open(s->sys.opaque, path, O_RDWR | O_NOCTTY)
                 : -ENAMETOOLONG;
    if (fd < 0)
        return machrt_set_error(s, "irq", fd, machrt_irq_object(s, q), "cannot open it");
    p->uio = fd;
    machrt_push_undo(s, machrt_undo_close, &p->uio, 0, "close a UIO file");
    q->fd = fd;
    struct claim c = {
        .step = "irq", .who = machrt_keep_object(s, "%s", machrt_irq_object(s, q)), .path = path, .fd = fd};
    if (!c.who || machrt_claim_line(s, &c))
        return -1;
    if (!s->has_ops)
        return 0;
    bool level = mach_cfg_irq_trigger(q->rec) == MACH_CFG_TRIGGER_LEVEL;
    if (machrt_make_irq_eventfd(s, q, &p->event) || machrt_make_irq_eventfd(s, q, &p->stop) ||
        (level && machrt_make_irq_eventfd(s, q, &p->unmask)))
        return -1;
    q->fd = p->event;
    q->unmask_fd = p->unmask;
    return 0;
}

// Forwards interrupts from the UIO file to the guest's eventfd, and the guest's unmask to the UIO file, until `stop`.
static void *forward_interrupts(void *arg)
{
    const struct pump *p = (const struct pump *)arg;
    const struct mach_sys *sys = &p->s->sys;
    struct pollfd fds[3] = {{p->stop, POLLIN, 0}, {p->uio, POLLIN, 0}, {p->unmask, POLLIN, 0}};
    for (;;) {
        int r = sys->poll(sys->opaque, fds, 3, -1);
        if (r == -EINTR)
            continue;
        if (r < 0 || fds[0].revents || fds[1].revents & (POLLERR | POLLNVAL))
            return NULL;
        uint64_t one = 1, ended;
        int32_t count;
        if (fds[1].revents & POLLIN && sys->read(sys->opaque, p->uio, &count, sizeof count) == sizeof count) {
            sys->write(sys->opaque, p->event, &one, sizeof one);
            // An edge has no unmask from the guest, but the UIO driver has disabled it all the same.
            if (p->unmask < 0)
                enable_uio_irq(p);
        }
        if (fds[2].revents & POLLIN && sys->read(sys->opaque, p->unmask, &ended, sizeof ended) == sizeof ended)
            enable_uio_irq(p);
    }
}

static int undo_thread(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    const struct pump *p = (const struct pump *)thing;
    uint64_t one = 1;
    int64_t n = s->sys.write(s->sys.opaque, p->stop, &one, sizeof one);
    // The thread waits in poll() and holds no resources, so it can be cancelled.
    if (n != sizeof one)
        pthread_cancel(p->thread);
    pthread_join(p->thread, NULL);
    return machrt_check_transfer(n, sizeof one);
}

int machrt_start_uio_irq(struct mach_session *s, struct irq *q)
{
    struct pump *p = q->pump;
    int r = enable_uio_irq(p);
    p->control = r != -ENOSYS;
    if (!p->control) {
        if (open_config(s, q, p))
            return -1;
        r = enable_uio_irq(p);
    }
    if (r)
        return machrt_set_error(s, "irq", r, machrt_irq_object(s, q), "cannot enable it");
    if (p->event < 0)
        return 0;
    if (machrt_reserve_undo(s))
        return -1;
    r = pthread_create(&p->thread, NULL, forward_interrupts, p);
    if (r)
        return machrt_set_error(s, "irq", r, machrt_irq_object(s, q), "cannot create a thread");
    machrt_push_undo(s, undo_thread, p, 0, "stop a thread");
    return 0;
}
