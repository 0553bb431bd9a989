# SPDX-License-Identifier: MIT
# Inside a guest of pool.mach: copies the first part of the disk to another one, whose number is in the machine's model. All
# memory of the guest is in use while it does, so that buffers lie everywhere.
SLOT=$(tr -d '\0' </proc/device-tree/model | sed 's/.*slot //')
NAME=$(tr -d '\0' </proc/device-tree/model | sed 's/ .*//')
MB=2
wait_disk() {
    local n=0
    while [ ! -e /dev/sda ]; do
        n=$((n + 1))
        [ $n -lt 200 ] || { dmesg | tail -n 20; return 1; }
        usleep 100000
    done
}
t "15 $NAME: the guest's driver has found the disk" wait_disk
free_mb() { sed -n 's/^MemAvailable: *\([0-9]*\)...[0-9].*/\1/p' /proc/meminfo; }
# Half of what is left, twice: before the copy and after it, buffers of the kernel come from what is between.
fill() { dd if=/dev/zero of=/dev/shm/fill$1 bs=1M count=$(($(free_mb) / 3)) 2>/dev/null; }
copy() {
    fill 1
    dd if=/dev/sda of=/tmp/part bs=64k count=$((MB * 16)) 2>/dev/null &&
        dd if=/tmp/part of=/dev/sda bs=64k seek=$((MB * 16 * SLOT)) conv=notrunc,fsync 2>/dev/null || return 1
    rm /dev/shm/fill1
    echo 3 >/proc/sys/vm/drop_caches
    dd if=/dev/sda bs=64k skip=$((MB * 16 * SLOT)) count=$((MB * 16)) 2>/dev/null | cmp - /tmp/part
}
t "15 $NAME: it copies $MB MiB of the disk, and reads them again" copy
no_errors() { ! dmesg | grep -i 'ata[0-9].*\(exception\|error\|failed\)\|DMA.*overflow\|swiotlb.*full'; }
t "15 $NAME: no error of the disk in the kernel's log" no_errors
echo "#: $NAME: $(dmesg | sed -n 's/.*\] *\(DMA  *\[mem.*\)/\1/p' | head -n 1), $(dmesg | sed -n 's/.*\(software IO TLB: mapped.*\)/\1/p')"
