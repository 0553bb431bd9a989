// SPDX-License-Identifier: MIT
// Starts a kernel at KERNEL with the tree at TREE, as a VMM does (Linux Documentation/arch/arm64/booting.rst, arm/booting.rst,
// riscv/boot.rst): QEMU would change the tree.
#ifdef __arm__
    .arm
#endif
    .globl _start
_start:
#if defined __aarch64__
    ldr x0, =TREE
    mov x1, xzr
    mov x2, xzr
    mov x3, xzr
    ldr x4, =KERNEL
    br x4
#elif defined __arm__
    mov r0, #0
    mvn r1, #0
    ldr r2, =TREE
    ldr r3, =KERNEL
    bx r3
#elif defined __riscv
    li a1, TREE // a0: the number of this cpu, from the firmware
    li t0, KERNEL
    jr t0
#endif
