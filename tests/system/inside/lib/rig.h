// SPDX-License-Identifier: MIT
// What the test programs of the rig share: TAP, sessions, the kernel's log, and QEMU's edu device.
#ifndef RIG_H
#define RIG_H

#include <machrt.h>

#include <stdbool.h>
#include <string.h>

/* ---- TAP ---- */

// Every name printed from here on begins with `point` of README.md's list and `what`: "4 edu: ".
void tap_begin(const char *point, const char *what);
// One test. Returns `passed`.
bool ok(bool passed, const char *name, ...) __attribute__((format(printf, 2, 3)));
// A comment on the test before, when it failed.
void comment(const char *text, ...) __attribute__((format(printf, 1, 2)));
// The exit status: 1 when a test has failed.
int tap_end(void);

/* ---- sessions ---- */

struct rig {
    struct mach_config *config;
    const struct mach_cfg_file *f;
    struct mach_session *session;
    struct mach_error error;
};

// Opens `path` and starts it with the backend of that name, without a VMM. false: one test has failed, which says why.
bool rig_start(struct rig *r, const char *path, const char *backend);
// The same with a VMM's ops; they may be NULL.
bool rig_start_with(struct rig *r, const char *path, const char *backend, const struct mach_ops *ops, void *opaque);
// Stops and closes; that it went well is a test.
void rig_stop(struct rig *r);
// The record of the device of that name; the program ends when there is none.
uint32_t rig_device(const struct rig *r, const char *name);
// Its first records of these sections.
uint32_t rig_region(const struct rig *r, uint32_t device);
uint32_t rig_irq(const struct rig *r, uint32_t device);
uint32_t rig_dma(const struct rig *r, uint32_t device);
// How many times the interrupt fired, waited for at most `ms` milliseconds: 0 when it did not.
uint64_t rig_wait(const struct rig *r, uint32_t irq, int ms);
uint64_t wait_eventfd(int fd, int ms);

uint32_t get32(const struct rig *r, uint32_t region, uint64_t offset);
void put32(const struct rig *r, uint32_t region, uint64_t offset, uint32_t value);

/* ---- what the IOMMU stopped ---- */

// How many interrupts the IOMMUs of the host have raised so far because of faults.
uint64_t iommu_faults(void);
// More of them than `before`? Waits for it for half a second; for one that must not come, for 50 ms.
bool iommu_faulted(uint64_t before);
bool iommu_quiet(uint64_t before);
// Has the kernel ever said `text`? It tells of ten faults in five seconds at most.
bool kernel_said(const char *text);

/* ---- edu: docs/specs/edu.rst of QEMU ---- */

enum {
    EDU_ID = 0x00,
    EDU_LIVENESS = 0x04,
    EDU_FACTORIAL = 0x08,
    EDU_STATUS = 0x20,
    EDU_IRQ_STATUS = 0x24,
    EDU_IRQ_RAISE = 0x60,
    EDU_IRQ_ACK = 0x64,
    EDU_DMA_FROM = 0x80,
    EDU_DMA_TO = 0x88,
    EDU_DMA_COUNT = 0x90,
    EDU_DMA_COMMAND = 0x98,
    EDU_BUFFER = 0x40000, // 4096 bytes inside the device
    EDU_IDENTITY = 0x010000ed
};

// Moves `count` bytes by DMA from memory at `iova` into the device's buffer, and from there to memory.
void edu_load(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count);
void edu_store(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count);
// Clears what its interrupts are for.
void edu_ack(const struct rig *r, uint32_t region);

#endif
