# SPDX-License-Identifier: MIT
# A guest on Debian's own kernel, with a PCI function that comes from sysfs and UIO.
FUNCTION=/sys/bus/pci/devices/0000:00:02.0
take() {
    echo uio_pci_generic >$FUNCTION/driver_override
    echo 0000:00:02.0 >/sys/bus/pci/drivers_probe
    [ "$(cat /sys/class/uio/uio0/name)" = uio_pci_generic ]
}
t "14 host: uio_pci_generic has the function" take
# Command register: memory on, bus master off.
command() { hexdump -v -s 4 -n 2 -e '1/2 "%04x"' $FUNCTION/config; }
no_master() { [ $((0x$(command) & 6)) = 2 ] || { command; return 1; }; }
guest guest-raw/guest in-raw
t "14 host: the function is no bus master" no_master
no_exits() { refused grep "exits at 0x50" /tmp/guest.err && says "exits elsewhere: 0" /tmp/guest.err; }
t "14 edu: none of its accesses has exited" no_exits
