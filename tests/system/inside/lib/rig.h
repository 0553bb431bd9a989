// SPDX-License-Identifier: MIT
// Shared by the test programs of the rig: TAP, sessions, the kernel's log, and QEMU's edu device.
#ifndef RIG_H
#define RIG_H

#include <machrt.h>

#include <stdbool.h>
#include <string.h>

/* ---- TAP ---- */

// From here on, test names begin with `point`, a point of the list in README.md, and `what`: "4 edu: ".
void tap_begin(const char *point, const char *what);
// Reports one test. Returns `passed`.
bool ok(bool passed, const char *name, ...) __attribute__((format(printf, 2, 3)));
// Prints a comment on the previous test if it failed.
void comment(const char *text, ...) __attribute__((format(printf, 1, 2)));
// Returns the exit status: 1 if a test has failed.
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
// Stops and closes the session; its success is a test.
void rig_stop(struct rig *r);
// Returns the record of the device with that name. Ends the program if there is none.
uint32_t rig_device(const struct rig *r, const char *name);
// Return its first record in these sections.
uint32_t rig_region(const struct rig *r, uint32_t device);
uint32_t rig_irq(const struct rig *r, uint32_t device);
uint32_t rig_dma(const struct rig *r, uint32_t device);
// Waits at most `ms` milliseconds for the interrupt. Returns how often it fired; 0: it did not.
uint64_t rig_wait(const struct rig *r, uint32_t irq, int ms);
uint64_t wait_eventfd(int fd, int ms);

uint32_t get32(const struct rig *r, uint32_t region, uint64_t offset);
void put32(const struct rig *r, uint32_t region, uint64_t offset, uint32_t value);

/* ---- accesses that the IOMMU stopped ---- */

// The number of fault interrupts that the host's IOMMUs have raised so far.
uint64_t iommu_faults(void);
// Are there more of them than `before`? Waits ten seconds for one; 50 ms for one that must not come.
bool iommu_faulted(uint64_t before);
bool iommu_quiet(uint64_t before);
// Has the kernel logged `text`? It logs at most ten faults in five seconds.
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
    EDU_BUFFER = 0x40000, // the device's buffer of 4096 bytes
    EDU_IDENTITY = 0x010000ed
};

// Moves `count` bytes by DMA from memory at `iova` into the device's buffer, and from there to memory.
void edu_load(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count);
void edu_store(const struct rig *r, uint32_t region, uint64_t iova, uint32_t count);
// Clears the causes of its interrupts.
void edu_ack(const struct rig *r, uint32_t region);

#endif
