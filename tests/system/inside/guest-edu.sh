# SPDX-License-Identifier: MIT
# Tests a guest with edu: interrupts, and DMA through the SMMU.
zeros() { dd if=/dev/zero of=/dev/shm/$1 bs=64k count=1 2>/dev/null; }
zeros box
zeros next
# 32 pages, each full of its own number.
for page in $(seq 64 95); do
    dd if=/dev/zero bs=4k count=1 2>/dev/null | tr '\0' "\\$(printf %o $page)"
done >/dev/shm/frame
sha256sum /dev/shm/frame >/tmp/frame
echo 64 >$POOL/nr_hugepages
dmesg -c >/dev/null
mark
run_guest guest guest-edu/guest in-edu &
# By the time that it prints something, all its memory is there.
until [ -s /tmp/guest.out ] || [ -e /tmp/guest.status ]; do usleep 100000; done
during="$(pages nr) $(pages free)"
wait %1
tell_guest guest
huge() { echo "of the pool, and free: $during, then $(pages nr) $(pages free)"; [ "$during, $(pages nr) $(pages free)" = "64 0, 64 64" ]; }
t "20 host: the guest's memory is all of the 64 huge pages, which are back in the pool" huge
t "20 host: the file behind read-only memory is what it was" sha256sum -c /tmp/frame
# A permission or a translation: which of ten in five seconds the kernel logs depends on time.
faulted() { dmesg | grep -q 'arm-smmu-v3.*event 0x1[03]'; }
t "4 host: the SMMU has told of the faults" faulted
written() { [ "$(dd if=/dev/shm/box bs=16 count=1 2>/dev/null)" = BBBBBBBBBBBBBBBB ]; }
t "4 host: the guest's memory is the host's file" written
# The guest has tried to write to read-only memory, twice.
no_exits() { refused grep "exits at 0x50" /tmp/guest.err && says "exits elsewhere: 2" /tmp/guest.err; }
t "4 edu: none of its accesses has exited" no_exits
for backend in iommufd group; do
    tap told guest-edu/guest.cfg reset/reset.cfg $backend
done
