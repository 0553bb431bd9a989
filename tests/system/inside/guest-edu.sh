# SPDX-License-Identifier: MIT
# Tests a guest with edu: interrupts, and DMA through the SMMU.
zeros() { dd if=/dev/zero of=/dev/shm/$1 bs=64k count=1 2>/dev/null; }
zeros box
zeros next
dmesg -c >/dev/null
guest guest-edu/guest in-edu
faulted() { dmesg | grep -q 'arm-smmu-v3.*event 0x10'; }
t "4 host: the SMMU has told of the faults" faulted
written() { [ "$(dd if=/dev/shm/box bs=16 count=1 2>/dev/null)" = BBBBBBBBBBBBBBBB ]; }
t "4 host: the guest's memory is the host's file" written
no_exits() { refused grep "exits at 0x50" /tmp/guest.err && says "exits elsewhere: 0" /tmp/guest.err; }
t "4 edu: none of its accesses has exited" no_exits
