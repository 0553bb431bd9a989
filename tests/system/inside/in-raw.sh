# SPDX-License-Identifier: MIT
# Inside the guest of guest-raw.mach.
export POINT=14
t "14 edu: the guest has it" [ "$(cat /sys/class/uio/uio0/name)" = edu@50000000 ]
export WITHOUT_DMA=1
tap in-edu INTx /dev/uio0
