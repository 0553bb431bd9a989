// SPDX-License-Identifier: MIT
// Runs inside a guest. Tests edu's registers and interrupt (UIO, or the guest's own VFIO without an IOMMU), and DMA at
// the guest's own addresses, up to the last byte that guest-edu.mach maps and beyond it.
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// Registers of edu: QEMU, docs/specs/edu.rst.
enum { ID = 0x00, LIVE = 0x04, FACTORIAL = 0x08, STATUS = 0x20, WHY = 0x24, RAISE = 0x60, ACK = 0x64 };
enum { DMA_FROM = 0x80, DMA_TO = 0x88, DMA_COUNT = 0x90, DMA_COMMAND = 0x98 };
enum { STATUS_IRQ = 0x80, START = 1, TO_MEMORY = 2, BUFFER = 0x40000 };
static const uint64_t BOX = 0x90000000, SIZE = 0x10000, RAM = 0x80000000, FRAME = 0x91000000;
enum { MANY = 50, MOST = 4088, PAGE = 4096 };    // QEMU 7.2 exits on a transfer of all 4096 bytes of the device
enum { SOON = 10000, QUIET = 10, SLOW = 20000 }; // milliseconds: what comes ends them, however busy the machine is

static volatile uint32_t *edu;
static volatile uint8_t *box, *next;  // this kernel does not treat it as memory: access it byte by byte
static const volatile uint8_t *image; // the beginning of the kernel
static const char *kind;              // kind of its interrupts
static int file, failures;            // the UIO device, or the eventfd of VFIO's interrupt
static int vfio = -1;                 // the VFIO device; -1: UIO is used
static uint64_t came;                 // so many interrupts

static void test_of(const char *point, bool good, const char *name)
{
    printf("%s - %s edu, %s: %s\n", good ? "ok" : "not ok", point, kind, name);
    failures += !good;
}

// The tests belong to point 4 of README.md, or to that of POINT in the environment.
static void test(bool good, const char *name)
{
    const char *point = getenv("POINT");
    test_of(point ? point : "4", good, name);
}

static uint32_t read_reg(unsigned offset)
{
    return edu[offset / 4];
}

static void write_reg(unsigned offset, uint32_t value)
{
    edu[offset / 4] = value;
}

/* ---- interrupts ---- */

static bool wait_irq(int milliseconds)
{
    static uint32_t last; // UIO tells how many there have been, an eventfd how many are new
    struct pollfd p = {file, POLLIN, 0};
    uint64_t count = 0;
    size_t size = vfio < 0 ? sizeof last : sizeof count;
    if (poll(&p, 1, milliseconds) != 1 || read(file, &count, size) != (ssize_t)size)
        return false;
    came += vfio < 0 ? (uint32_t)count - last : count;
    last = (uint32_t)count;
    return true;
}

static bool enable_irq(void)
{
    uint32_t one = 1;
    struct vfio_irq_set unmask = {.argsz = sizeof unmask,
                                  .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
                                  .index = VFIO_PCI_INTX_IRQ_INDEX,
                                  .count = 1};
    return vfio < 0 ? write(file, &one, sizeof one) == sizeof one : !ioctl(vfio, VFIO_DEVICE_SET_IRQS, &unmask);
}

// Takes what still comes. UIO masks a line without ending it, so that up to two more come of each; on a busy machine
// they are late, so that only their sum is limited.
static void settle(void)
{
    while (came <= 3 * MANY && wait_irq(QUIET))
        enable_irq();
}

// Raises an interrupt, checks its reason and ends it. None that is late may stand for the next one.
static bool one_irq(uint32_t why)
{
    write_reg(RAISE, why);
    if (!wait_irq(SOON) || read_reg(WHY) != why)
        return false;
    write_reg(ACK, why);
    if (read_reg(WHY) || !enable_irq())
        return false;
    settle();
    return true;
}

static void interrupts(void)
{
    char name[80];
    int n = 0;
    write_reg(FACTORIAL, 5);
    while (read_reg(STATUS) & 1)
        ;
    test(read_reg(FACTORIAL) == 120, "5! is 120");
    enable_irq();
    while (wait_irq(0)) // from before
        enable_irq();
    came = 0;
    while (n < MANY && one_irq((uint32_t)n + 1))
        n++;
    snprintf(name, sizeof name, "%d interrupts in a row, each with its reason, each ended", MANY);
    test(n == MANY, name);
    printf("# %d of them came\n", n);
    test(came <= 3 * MANY, "and then no more");
    printf("# %llu came\n", (unsigned long long)came);
    write_reg(STATUS, STATUS_IRQ);
    write_reg(FACTORIAL, 6);
    test(n == MANY && wait_irq(SOON) && read_reg(WHY) == 1 && read_reg(FACTORIAL) == 720,
         "it tells by an interrupt that 6! is done");
    write_reg(STATUS, 0);
    write_reg(ACK, read_reg(WHY));
    enable_irq();
}

/* ---- DMA ---- */

static void set64(unsigned offset, uint64_t value)
{
    write_reg(offset, (uint32_t)value);
    write_reg(offset + 4, (uint32_t)(value >> 32));
}

static bool transfer(uint64_t from, uint64_t to, uint32_t count, uint32_t direction)
{
    set64(DMA_FROM, from);
    set64(DMA_TO, to);
    write_reg(DMA_COUNT, count);
    write_reg(DMA_COMMAND, direction | START);
    for (int i = 0; i < SLOW; i++) {
        if (!(read_reg(DMA_COMMAND) & START))
            return true;
        usleep(1000);
    }
    return false;
}

static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i * 7 + 3);
}

static bool holds(volatile uint8_t *at, uint32_t n, uint8_t value)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] != value)
            return false;
    return true;
}

static bool same(const volatile uint8_t *a, const volatile uint8_t *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static void fill(volatile uint8_t *at, uint32_t n, uint8_t value)
{
    for (uint32_t i = 0; i < n; i++)
        at[i] = value;
}

// Moves data into the device and out again, to box + to.
static bool there_and_back(uint64_t to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        box[i] = pattern(i);
    fill(box + to, n, 0);
    if (!transfer(BOX, BUFFER, n, 0) || !transfer(BUFFER, BOX + to, n, TO_MEMORY))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (box[to + i] != pattern(i))
            return false;
    return true;
}

static void dma(void)
{
    test(there_and_back(0x2ffc, MOST), "DMA across a page's end, at the guest's own addresses");
    test(there_and_back(SIZE - 64, 64), "up to the window's last byte");

    // The device's buffer holds bytes 0 to 63 of the pattern. A byte beyond the window must not arrive, whatever
    // happens to the bytes before it.
    fill(box + SIZE - 63, 63, 0xaa);
    fill(next, MOST, 0x55);
    bool over = transfer(BUFFER, BOX + SIZE - 63, 64, TO_MEMORY);
    test(over && holds(next, MOST, 0x55), "one byte beyond the window the guest's memory is untouched");
    over = transfer(BUFFER, BOX + SIZE, 64, TO_MEMORY);
    test(over && holds(next, MOST, 0x55), "nor is the memory after it reached from its beginning");

    // What the device reads instead is not defined.
    fill(box, 64, 0x11);
    over = transfer(RAM, BUFFER, 64, 0) && transfer(BUFFER, BOX, 64, TO_MEMORY);
    test(over && !holds(box, 64, 0x11) && !same(box, image, 64) &&
             same(image + 56, (const volatile uint8_t *)"ARMd", 4),
         "it cannot read the memory that Linux runs in");
    test(there_and_back(0x3000, 256), "and goes on to work");
    fill(box, 16, 0x42); // report to the host
}

/* ---- memory that is only read ---- */

// Every page of the file behind `frame` is full of its own number, from 0x40 on; `frame` begins at the 16th.
static uint8_t byte_of(unsigned page)
{
    return (uint8_t)(0x40 + 16 + page);
}

// The device reaches a page of it at `iova`.
static void readonly(int mem, uint64_t iova, unsigned page)
{
    volatile uint8_t *frame = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, (off_t)FRAME);
    if (frame == MAP_FAILED) {
        test_of("20", false, "the memory is mapped");
        return;
    }
    bool right = true;
    for (unsigned i = 0; i < SIZE / PAGE; i++)
        right = right && frame[i * PAGE] == byte_of(i) && frame[(i + 1) * PAGE - 1] == byte_of(i);
    test_of("20", right, "memory of a file is what lies at the offset");
    fill(box, 64, 0);
    bool over = transfer(iova, BUFFER, 64, 0) && transfer(BUFFER, BOX, 64, TO_MEMORY);
    test_of("20", over && holds(box, 64, byte_of(page)),
            "the device reads read-only memory, the page that it is to have");
    uint8_t before = frame[page * PAGE];
    fill(box, 64, (uint8_t)~before);
    over = transfer(BOX, BUFFER, 64, 0) && transfer(BUFFER, iova, 64, TO_MEMORY);
    test_of("20", over && holds(frame + page * PAGE, 64, before), "the device cannot write it");
    frame[page * PAGE] = (uint8_t)~before;
    test_of("20", frame[page * PAGE] == before, "nor can the guest");
}

/* ---- access to the device ---- */

// Opens the device by its PCI address in the guest, through the guest's VFIO in its no-IOMMU mode.
static bool open_vfio(const char *name, const char *group_path)
{
    int container = open("/dev/vfio/vfio", O_RDWR), group = open(group_path, O_RDWR);
    struct vfio_region_info bar = {.argsz = sizeof bar, .index = VFIO_PCI_BAR0_REGION_INDEX};
    struct vfio_region_info config = {.argsz = sizeof config, .index = VFIO_PCI_CONFIG_REGION_INDEX};
    struct {
        struct vfio_irq_set set;
        int32_t fd;
    } irq = {.set = {.argsz = sizeof irq,
                     .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                     .index = VFIO_PCI_INTX_IRQ_INDEX,
                     .count = 1}};
    const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER; // little-endian, like this machine
    if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
        ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU))
        return false;
    vfio = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
    file = irq.fd = eventfd(0, 0);
    if (vfio < 0 || file < 0 || ioctl(vfio, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
        ioctl(vfio, VFIO_DEVICE_GET_REGION_INFO, &config) ||
        pwrite(vfio, &command, sizeof command, (off_t)config.offset + PCI_COMMAND) != sizeof command ||
        ioctl(vfio, VFIO_DEVICE_SET_IRQS, &irq))
        return false;
    edu = mmap(NULL, 0x100000, PROT_READ | PROT_WRITE, MAP_SHARED, vfio, (off_t)bar.offset);
    return true;
}

static bool open_uio(const char *path)
{
    file = open(path, O_RDWR);
    edu = mmap(NULL, 0x100000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return file >= 0;
}

// in-edu KIND UIO, or in-edu KIND PCI-ADDRESS VFIO-GROUP. In the environment: WITHOUT_DMA, interrupts only; FRAME, the
// device address of a page of read-only memory, and its number.
int main(int argc, char **argv)
{
    const char *shown = getenv("FRAME");
    char *end;
    int mem = open("/dev/mem", O_RDWR | O_SYNC);
    if (argc < 3)
        return 2;
    kind = argv[1];
    bool open_well = argc > 3 ? open_vfio(argv[2], argv[3]) : open_uio(argv[2]);
    box = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, (off_t)BOX);
    next = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, mem, (off_t)(BOX + SIZE));
    image = mmap(NULL, 4096, PROT_READ, MAP_SHARED, mem, (off_t)RAM);
    if (!open_well || mem < 0 || edu == MAP_FAILED || box == MAP_FAILED || next == MAP_FAILED || image == MAP_FAILED) {
        perror("in-edu");
        return 1;
    }
    write_reg(LIVE, 0x12345678);
    test(read_reg(ID) == 0x010000ed && read_reg(LIVE) == ~UINT32_C(0x12345678), "it is there, and alive");
    interrupts();
    if (shown) {
        uint64_t iova = strtoull(shown, &end, 0);
        readonly(mem, iova, (unsigned)strtoul(end, NULL, 0));
    }
    if (!getenv("WITHOUT_DMA"))
        dma();
    return failures != 0;
}
