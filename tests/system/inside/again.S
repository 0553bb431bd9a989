// SPDX-License-Identifier: MIT
// A kernel that counts its starts in the first word at 0x90000000 and resets the machine, until the count is what the second
// word says; then it powers off. Header: Linux, Documentation/arch/arm64/booting.rst; calls: Arm DEN 0022, PSCI.
        b       start
        .long   0
        .quad   0               // text_offset
        .quad   0x1000          // image_size
        .quad   0, 0, 0, 0
        .ascii  "ARMd"
        .long   0
start:  mov     x1, #0x90000000
        ldr     w2, [x1]
        add     w2, w2, #1
        str     w2, [x1]
        ldr     w3, [x1, #4]
        movz    w0, #0x8400, lsl #16
        movk    w0, #0x0009     // SYSTEM_RESET
        movz    w4, #0x8400, lsl #16
        movk    w4, #0x0008     // SYSTEM_OFF
        cmp     w2, w3
        csel    w0, w0, w4, lo
        hvc     #0
        b       .
