// SPDX-License-Identifier: MIT
// A driver in user space: QEMU's `edu` device computes a factorial and raises an interrupt when it is done; then it
// moves 64 bytes from memory into itself, and back to another place, by DMA.
//
//     machc -m inner -c inner.cfg examples/rig-virt.mach
//     edu inner.cfg edu 5
//
// The driver does not use VFIO itself: libmachrt finds, opens, maps and connects the device as the config says.
#include <machrt.h>

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Registers of edu: docs/specs/edu.rst of QEMU.
enum { ID = 0x00, FACTORIAL = 0x08, STATUS = 0x20, IRQ_STATUS = 0x24, IRQ_ACK = 0x64 };
enum { DMA_FROM = 0x80, DMA_TO = 0x88, DMA_COUNT = 0x90, DMA_COMMAND = 0x98 };
enum { STATUS_IRQ = 0x80, DMA_START = 1, DMA_TO_MEMORY = 2, BUFFER = 0x40000 };

static uint32_t get(struct mach_session *s, uint32_t region, uint64_t offset)
{
    uint32_t value = 0;
    int r = mach_region_read(s, region, offset, &value, sizeof value);
    if (r)
        fprintf(stderr, "edu: reading 0x%" PRIx64 ": %s\n", offset, strerror(-r));
    return value;
}

static void put(struct mach_session *s, uint32_t region, uint64_t offset, uint32_t value)
{
    int r = mach_region_write(s, region, offset, &value, sizeof value);
    if (r)
        fprintf(stderr, "edu: writing 0x%" PRIx64 ": %s\n", offset, strerror(-r));
}

// Waits for an interrupt of the device. -1: it did not come, or the device did not raise it.
static int wait_for(struct mach_session *s, uint32_t region, uint32_t irq)
{
    uint64_t count;
    struct pollfd p = {mach_session_irq_fd(s, irq), POLLIN, 0};
    if (poll(&p, 1, 1000) != 1 || read(p.fd, &count, sizeof count) != sizeof count)
        return -1;
    uint32_t why = get(s, region, IRQ_STATUS);
    put(s, region, IRQ_ACK, why);
    mach_session_irq_unmask(s, irq);
    return why ? 0 : -1;
}

// The device accepts 32-bit accesses to the low half of its 64-bit registers.
static void transfer(struct mach_session *s, uint32_t region, uint64_t from, uint64_t to, uint32_t command)
{
    put(s, region, DMA_FROM, (uint32_t)from);
    put(s, region, DMA_TO, (uint32_t)to);
    put(s, region, DMA_COUNT, 64);
    put(s, region, DMA_COMMAND, command | DMA_START);
    for (int i = 0; i < 1000 && get(s, region, DMA_COMMAND) & DMA_START; i++)
        usleep(1000);
}

// Moves bytes from the start of what the config maps, through the device, to the page after it.
static int move(struct mach_session *s, const struct mach_cfg_file *f, uint32_t dma, uint32_t region)
{
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DMA, dma);
    struct mach_cfg_rec map = mach_cfg_record(f, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(d));
    const struct mach_memory *m = mach_session_memory(s, mach_cfg_dma_map_memory(map));
    uint64_t iova = mach_cfg_dma_map_iova(map);
    if (!mach_cfg_dma_maps(d) || !m)
        return 0;
    if (iova > UINT32_MAX - 8192) {
        printf("no DMA: the device cannot address 0x%" PRIx64 "\n", iova);
        return 0;
    }
    uint8_t *at = (uint8_t *)m->at + mach_cfg_dma_map_offset(map);
    for (int i = 0; i < 64; i++)
        at[i] = (uint8_t)(3 * i + 1);
    memset(at + 4096, 0, 64);
    transfer(s, region, iova, BUFFER, 0);
    transfer(s, region, BUFFER, iova + 4096, DMA_TO_MEMORY);
    int same = !memcmp(at, at + 4096, 64);
    puts(same ? "64 bytes moved by DMA" : "edu: the bytes differ after the DMA");
    return !same;
}

static int drive(struct mach_session *s, const struct mach_cfg_file *f, uint32_t device, uint32_t n)
{
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DEVICE, device);
    uint32_t region = mach_cfg_device_first_region(d), irq = mach_cfg_device_first_irq(d);
    printf("id 0x%08" PRIx32 "\n", get(s, region, ID));
    if (mach_cfg_device_irqs(d))
        put(s, region, STATUS, STATUS_IRQ);
    put(s, region, FACTORIAL, n);
    if (mach_cfg_device_irqs(d) && wait_for(s, region, irq)) {
        fputs("edu: no interrupt\n", stderr);
        return 1;
    }
    printf("%" PRIu32 "! = %" PRIu32 "\n", n, get(s, region, FACTORIAL));
    return mach_cfg_device_dmas(d) ? move(s, f, mach_cfg_device_first_dma(d), region) : 0;
}

static int failed(const struct mach_error *e)
{
    mach_error_print(e, "edu", stderr);
    return 1;
}

int main(int argc, char **argv)
{
    struct mach_config *config;
    struct mach_session *session;
    struct mach_error e = MACH_ERROR_INIT;
    if (argc != 4) {
        fputs("usage: edu GUEST.CFG DEVICE NUMBER\n", stderr);
        return 2;
    }
    if (mach_config_open(argv[1], &config, &e))
        return failed(&e);
    const struct mach_cfg_file *f = mach_config_file(config);
    uint32_t device = mach_config_find_device(config, argv[2]);
    int status = 1;
    if (device == MACH_CFG_NONE)
        fprintf(stderr, "edu: %s has no device %s\n", argv[1], argv[2]);
    else if (mach_session_start(config, NULL, NULL, NULL, &session, &e))
        failed(&e);
    else {
        status = drive(session, f, device, (uint32_t)strtoul(argv[3], NULL, 0));
        if (mach_session_stop(session, &e))
            status = failed(&e);
    }
    mach_config_close(config);
    return status;
}
