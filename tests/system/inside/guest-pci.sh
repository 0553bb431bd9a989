# SPDX-License-Identifier: MIT
# A guest with a PCI bus of its own.
zeros() { dd if=/dev/zero of=/dev/shm/$1 bs=64k count=1 2>/dev/null; }
zeros box
zeros next
dmesg -c >/dev/null
guest guest-pci/guest in-pci
faulted() { dmesg | grep -q 'arm-smmu-v3.*event 0x10'; }
t "4 host: the SMMU has told of the faults" faulted
window() { [ "$(sed -n 's/.*exits at 0x10000000 pci0: //p' /tmp/guest.err)" = 0 ] && says "exits elsewhere: 0" /tmp/guest.err; }
t "4 PCI: none of the accesses to BARs has exited" window
