// SPDX-License-Identifier: MIT
// Runs a guest of a few instructions on KVM: a processor with local APIC, an I/O APIC and edu. The guest raises edu's
// interrupt a hundred times by writing to the device's own registers, and counts the interrupts. Then it lets the
// device copy a piece of its memory.
//
//     x86-irqfd GUEST.CFG
#include "lib/rig.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

// Shared by guest and host. The guest's part is in assembly below, with the same numbers.
enum {
    CODE = 0x1000,
    IDT = 0x2000,
    GDT = 0x2800,
    COUNT = 0x3000,
    EARLY = 0x3004,
    STACK = 0x8000,
    TIMES = 100,
    DONE = 0xf4
};
enum { SOURCE = 0x100000, TARGET = 0x200000 };

// Flat 32-bit protected mode. Intel SDM volume 3: local APIC 11.4, I/O APIC 82093AA data sheet 3.2. edu is at
// 0xd0000000, on line 10 of the I/O APIC; its vector is 0x40.
__asm__(".pushsection .rodata\n"
        ".code32\n"
        ".globl guest_code, guest_handler, guest_end\n"
        "guest_code:\n"
        "    mov $0xfee00000, %esi\n"
        "    mov $0xfec00000, %edi\n"
        "    mov $0xd0000000, %ebx\n"
        "    mov $0xff, %al\n" // disable the legacy interrupt controllers, on which KVM raises the line as well
        "    out %al, $0x21\n"
        "    out %al, $0xa1\n"
        "    movl $0x1ff, 0xf0(%esi)\n"  // local APIC on; spurious interrupts: vector 0xff
        "    movl $0x24, (%edi)\n"       // redirection entry 10, lower half
        "    movl $0x8040, 0x10(%edi)\n" // level, high, fixed, vector 0x40
        "    movl $0x25, (%edi)\n"       // upper half: destination processor 0
        "    movl $0, 0x10(%edi)\n"
        "    sti\n"
        "1:  cmpl $0, 0x3000\n" // the host raised the line before the first instruction
        "    je 1b\n"
        "    mov 0x3000, %eax\n"
        "    mov %eax, 0x3004\n"
        "    movl $0, 0x3000\n"
        "    mov $1, %edx\n"
        "3:  movl $1, 0x60(%ebx)\n" // edu raises its interrupt
        "4:  cmp %edx, 0x3000\n"
        "    jne 4b\n"
        "    inc %edx\n"
        "    cmp $101, %edx\n"
        "    jne 3b\n"
        "    movl $0x100000, 0x80(%ebx)\n" // 64 bytes from here
        "    movl $0, 0x84(%ebx)\n"
        "    movl $0x40000, 0x88(%ebx)\n" // into the device
        "    movl $0, 0x8c(%ebx)\n"
        "    movl $64, 0x90(%ebx)\n"
        "    movl $1, 0x98(%ebx)\n"
        "6:  testl $1, 0x98(%ebx)\n"
        "    jnz 6b\n"
        "    movl $0x40000, 0x80(%ebx)\n"
        "    movl $0x200000, 0x88(%ebx)\n" // destination
        "    movl $3, 0x98(%ebx)\n"
        "7:  testl $1, 0x98(%ebx)\n"
        "    jnz 7b\n"
        "    cli\n"
        "    out %al, $0xf4\n"
        "    hlt\n"
        "guest_handler:\n"
        "    push %eax\n"
        "    mov 0xd0000024, %eax\n" // edu: the cause
        "    mov %eax, 0xd0000064\n" // and that is enough
        "    incl 0x3000\n"
        "    movl $0, 0xfee000b0\n" // end of interrupt
        "    pop %eax\n"
        "    iret\n"
        "guest_end:\n"
        ".code64\n"
        ".popsection\n");
extern const uint8_t guest_code[], guest_handler[], guest_end[];

static void wake(int signal)
{
    (void)signal;
}

static uint32_t word(const uint8_t *ram, uint32_t at)
{
    uint32_t value;
    memcpy(&value, ram + at, sizeof value);
    return value;
}

// Interrupt gates (Intel SDM volume 3, 7.11) for every vector, all to the handler.
static void load(uint8_t *ram)
{
    // Null, code and data, the latter two 4G from 0.
    static const uint64_t gdt[3] = {0, UINT64_C(0x00cf9b000000ffff), UINT64_C(0x00cf93000000ffff)};
    memcpy(ram + GDT, gdt, sizeof gdt);
    uint32_t handler = CODE + (uint32_t)(guest_handler - guest_code);
    memcpy(ram + CODE, guest_code, (size_t)(guest_end - guest_code));
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t gate[2] = {8 << 16 | (handler & 0xffff), (handler & 0xffff0000) | 0x8e00};
        memcpy(ram + IDT + 8 * i, gate, sizeof gate);
    }
    for (uint32_t i = 0; i < 64; i++)
        ram[SOURCE + i] = (uint8_t)(7 * i + 3);
}

static bool set_up(int vcpu)
{
    struct kvm_sregs s;
    if (ioctl(vcpu, KVM_GET_SREGS, &s))
        return false;
    struct kvm_segment flat = {.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
    s.ds = s.es = s.fs = s.gs = s.ss = flat;
    s.cs = flat;
    s.cs.selector = 8;
    s.cs.type = 11;
    s.cr0 |= 1;
    s.idt.base = IDT;
    s.idt.limit = 256 * 8 - 1;
    s.gdt.base = GDT;
    s.gdt.limit = 3 * 8 - 1;
    struct kvm_regs r = {.rip = CODE, .rsp = STACK, .rflags = 2};
    return !ioctl(vcpu, KVM_SET_SREGS, &s) && !ioctl(vcpu, KVM_SET_REGS, &r);
}

// Runs until the guest reports that it is done, or has got no further for 20 seconds. Stores the number of exits in
// *exits; returns the last exit's reason.
static uint32_t run(int vcpu, struct kvm_run *state, const uint8_t *ram, uint32_t *exits)
{
    const struct itimerval often = {.it_interval = {.tv_sec = 20}, .it_value = {.tv_sec = 20}};
    uint32_t count = 0, early = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    for (;;) {
        if (!ioctl(vcpu, KVM_RUN, NULL)) {
            if (state->exit_reason != KVM_EXIT_MMIO)
                return state->exit_reason;
            ++*exits;
        } else if (word(ram, COUNT) == count && word(ram, EARLY) == early) {
            return KVM_EXIT_INTR;
        }
        count = word(ram, COUNT);
        early = word(ram, EARLY);
    }
}

int main(int argc, char **argv)
{
    static const struct mach_ops own = {.size = sizeof own};
    struct mach_kvm kvm = {.size = sizeof kvm, .own = &own};
    const struct mach_memory *m = NULL;
    struct rig r;
    int dev = open("/dev/kvm", O_RDWR);
    if (argc != 2)
        return 2;
    tap_begin("10", "x86, irqfd");
    kvm.vm = dev < 0 ? -1 : ioctl(dev, KVM_CREATE_VM, 0);
    if (!ok(kvm.vm >= 0, "there is KVM"))
        return tap_end();
    if (!rig_start_with(&r, argv[1], "auto", mach_kvm_ops(), &kvm))
        return tap_end();
    int vcpu = ioctl(kvm.vm, KVM_CREATE_VCPU, 0);
    long size = ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *state = (struct kvm_run *)mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    m = mach_session_memory(r.session, 0);
    uint8_t *ram = (uint8_t *)m->at;
    load(ram);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = wake}, NULL);
    if (ok(vcpu >= 0 && state != MAP_FAILED && set_up(vcpu), "the guest has a processor")) {
        uint32_t exits = 0;
        put32(&r, rig_region(&r, rig_device(&r, "edu")), EDU_IRQ_RAISE, 1);
        uint32_t why = run(vcpu, state, ram, &exits);
        if (!ok(why == KVM_EXIT_IO && state->io.port == DONE, "the guest comes to its end"))
            comment("KVM_EXIT %u", why);
        if (!ok(word(ram, EARLY) == 1, "a line that was up before the guest listened reaches it, once"))
            comment("%u times", word(ram, EARLY));
        if (!ok(word(ram, COUNT) == TIMES, "its interrupt comes %d times, level, each once", (int)TIMES))
            comment("%u came", word(ram, COUNT));
        ok(!exits, "no access to edu left the guest");
        ok(!memcmp(ram + SOURCE, ram + TARGET, 64), "edu copies 64 bytes by the guest's own addresses");
    }
    close(vcpu);
    rig_stop(&r);
    return tap_end();
}
