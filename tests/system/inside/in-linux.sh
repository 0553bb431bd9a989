# SPDX-License-Identifier: MIT
# Inside the guest of guest.mach.

# The kernel's log may have informational lines; its list of warnings and errors must be empty.
no_warnings() {
    dmesg -r | grep '^<[0-4]>' && return 1
    dmesg | grep -iwE 'invalid|malformed|ignoring|duplicate|missing|bad' && return 1
    return 0
}

t "1 guest: at userspace, with both vcpus" [ "$(grep -c ^processor /proc/cpuinfo)" = 2 ]
echo "# tree $(sha256sum /sys/firmware/fdt | cut -d' ' -f1)"
t "1 guest: no warning in the kernel's log" no_warnings
t "1 guest: memory is what the description says" grep -q '^80000000-87ffffff : System RAM' /proc/iomem

is_rtc() { [ "$(cat /sys/class/rtc/rtc0/name)" = "rtc-pl031 9010000.rtc" ]; }
t "2 rtc: the guest's own driver has it" is_rtc
echo "# time $(cat /sys/class/rtc/rtc0/since_epoch)"
tap in-rtc

# The PrimeCell id of a PL061, read through the VMM, and the driver, which was matched by this id.
gpio() {
    [ "$(devmem 0x9030fe0 8)" = 0x61 ] || return 1
    local base line
    base=$(cat /sys/class/gpio/gpiochip*/base | head -n 1)
    for line in 0 5; do
        echo $((base + line)) >/sys/class/gpio/export
        echo high >/sys/class/gpio/gpio$((base + line))/direction
    done
    [ "$(devmem 0x9030400 8)" = 0x21 ]
}
t "3 gpio: the guest's own driver works through a trapped region" gpio

# virtio 1.2, 4.2.2: "virt", and device 0 for an empty slot. Registers from 0x200 belong to another slot, and are absent.
slot() {
    [ "$(devmem 0xa003c00)" = 0x74726976 ] && [ "$(devmem 0xa003c08)" = 0x00000000 ] && [ "$(devmem 0xa003e00)" = 0xFFFFFFFF ]
}
t "3 slot: registers smaller than a page, and not its neighbour's" slot
