# SPDX-License-Identifier: MIT
# Inside the guest of guest-edu.mach.
t "4 edu: at userspace, and UIO has the device" [ "$(cat /sys/class/uio/uio0/name)" = edu@50000000 ]
tap in-edu
