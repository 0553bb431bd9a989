# SPDX-License-Identifier: MIT
# Inside the guest of guest-mixed.mach.
export POINT=13
tap in-rtc
tap in-edu INTx /dev/uio0
