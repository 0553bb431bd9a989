# SPDX-License-Identifier: MIT
# Inside the guest of guest-gic2.mach.
no_warnings() { refused sh -c "dmesg -r | grep '^<[0-4]>'"; }
t "11 guest: at userspace, with both vcpus" [ "$(grep -c ^processor /proc/cpuinfo)" = 2 ]
t "11 guest: no warning in the kernel's log" no_warnings
t "11 guest: its interrupt controller is a GICv2" grep -q 'GIC-0 .*arch_timer' /proc/interrupts
export POINT=11
tap in-rtc
