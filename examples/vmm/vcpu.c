// SPDX-License-Identifier: MIT
// A thread for each vcpu, pinned to the host cpu of the config, until the guest ends.
#include "machvm.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- making them ---- */

static int make(struct vmm *v, struct vcpu *c, int run_size)
{
    c->fd = ioctl(v->vm, KVM_CREATE_VCPU, (unsigned long)mach_cfg_cpu_vcpu(c->rec));
    if (c->fd < 0)
        return complain(errno, "vcpu %" PRIu32, c->index);
    c->run_size = (size_t)run_size;
    c->run = mmap(NULL, c->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (c->run == MAP_FAILED) {
        c->run = NULL;
        return complain(errno, "vcpu %" PRIu32, c->index);
    }
    return arch_vcpu_init(c);
}

int vcpus_make(struct vmm *v)
{
    uint32_t n = mach_cfg_count(v->f, MACH_CFG_S_CPU);
    int run_size = ioctl(v->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
    v->vcpu = calloc(n ? n : 1, sizeof *v->vcpu);
    if (run_size < 0 || !v->vcpu)
        return complain(errno, "the vcpus");
    for (v->vcpus = 0; v->vcpus < n; v->vcpus++)
        v->vcpu[v->vcpus] = (struct vcpu){
            .vmm = v, .index = v->vcpus, .rec = mach_cfg_record(v->f, MACH_CFG_S_CPU, v->vcpus), .fd = -1};
    for (uint32_t i = 0; i < n; i++)
        if (make(v, &v->vcpu[i], run_size))
            return -1;
    return 0;
}

void vcpus_free(struct vmm *v)
{
    for (uint32_t i = 0; i < v->vcpus; i++) {
        if (v->vcpu[i].run)
            munmap(v->vcpu[i].run, v->vcpu[i].run_size);
        if (v->vcpu[i].fd >= 0)
            close(v->vcpu[i].fd);
    }
    free(v->vcpu);
    v->vcpu = NULL;
    v->vcpus = 0;
}

/* ---- running ---- */

void vmm_over(struct vmm *v, int why)
{
    int running = RUNNING;
    uint64_t one = 1;
    if (atomic_compare_exchange_strong(&v->why, &running, why) && write(v->over, &one, sizeof one) < 0)
        complain(errno, "eventfd");
}

static int system_event(const struct kvm_run *run)
{
    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        return POWERED_OFF;
    case KVM_SYSTEM_EVENT_RESET:
        return RESET;
    default:
        complain(0, "the guest has crashed (system event %" PRIu32 ")", run->system_event.type);
        return CRASHED;
    }
}

// Handles an exit from KVM_RUN. Returns RUNNING, or why the guest ends.
static int handle(struct vcpu *c)
{
    struct kvm_run *run = c->run;
    switch (run->exit_reason) {
    case KVM_EXIT_MMIO:
        machine_access(c->vmm, run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write);
        return RUNNING;
    case KVM_EXIT_SYSTEM_EVENT: // PSCI, SBI: KVM leaves only the end of the machine to us
        return system_event(run);
    case KVM_EXIT_INTR:
        return RUNNING;
    case KVM_EXIT_FAIL_ENTRY:
        complain(0, "vcpu %" PRIu32 ": entry failed, reason 0x%llx", c->index,
                 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        return CRASHED;
    default:
        complain(0, "vcpu %" PRIu32 ": machvm does not handle exit %" PRIu32, c->index, run->exit_reason);
        return CRASHED;
    }
}

static void *run(void *arg)
{
    struct vcpu *c = arg;
    int why = RUNNING;
    int e = mach_config_pin(c->vmm->config, c->index);
    if (e)
        complain(-e, "vcpu %" PRIu32 ": cannot pin it to its host cpu", c->index);
    while (why == RUNNING && atomic_load(&c->vmm->why) == RUNNING) {
        if (!ioctl(c->fd, KVM_RUN, NULL)) {
            why = handle(c);
        } else if (errno != EINTR && errno != EAGAIN) {
            complain(errno, "vcpu %" PRIu32 ": KVM_RUN", c->index);
            why = CRASHED;
        }
    }
    if (why != RUNNING)
        vmm_over(c->vmm, why);
    return NULL;
}

// The signal handler only makes KVM_RUN return.
static void kick(int signal)
{
    (void)signal;
}

int vcpus_start(struct vmm *v)
{
    struct sigaction a = {.sa_handler = kick};
    sigaction(SIGUSR1, &a, NULL);
    atomic_store(&v->why, RUNNING);
    for (uint32_t i = 0; i < v->vcpus; i++) {
        struct vcpu *c = &v->vcpu[i];
        int e = pthread_create(&c->thread, NULL, run, c);
        if (e)
            return complain(e, "vcpu %" PRIu32, i);
        c->running = true;
    }
    return 0;
}

void vcpus_stop(struct vmm *v)
{
    vmm_over(v, STOPPED);
    for (uint32_t i = 0; i < v->vcpus; i++) {
        struct vcpu *c = &v->vcpu[i];
        if (!c->running)
            continue;
        // The next KVM_RUN returns at once; the signal ends the current one.
        c->run->immediate_exit = 1;
        pthread_kill(c->thread, SIGUSR1);
        pthread_join(c->thread, NULL);
        c->running = false;
    }
}
