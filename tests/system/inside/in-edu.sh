# SPDX-License-Identifier: MIT
# Inside the guest of guest-edu.mach.
both() { [ "$(cat /sys/class/uio/uio0/name /sys/class/uio/uio1/name | tr '\n' ' ')" = "edu@50000000 edu@50100000 " ]; }
t "4 edu: at userspace, and UIO has both" both
# The device address of a page of `frame`, and which page that is.
FRAME="0xa0000000 8" tap in-edu INTx /dev/uio0
FRAME="0x91000000 0" tap in-edu MSI /dev/uio1
