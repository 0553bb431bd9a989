# SPDX-License-Identifier: MIT
# Inside the guest of guest-shared.mach.
export POINT=12
node() { hexdump -v -e '1/1 "%02x"' /proc/device-tree/$1/interrupts; }
t "12 guest: the slot's node and the clock's have the same line" \
    [ "$(node virtio@a003c00) $(node rtc@9010000)" = "000000000000000200000004 000000000000000200000004" ]
tap in-rtc
tap in-edu INTx /dev/uio0
# The first line is still alive.
tap in-rtc
