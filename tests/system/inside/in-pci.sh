# SPDX-License-Identifier: MIT
# Inside the guest of guest-pci.mach.
PCI=/sys/bus/pci/devices

found() { [ "$(ls $PCI | tr '\n' ' ')" = "0000:00:01.0 0000:00:09.0 " ] && [ "$(cat $PCI/*/device | uniq)" = 0x11e8 ]; }
t "4 PCI: at userspace, and the bus has both functions" found
no_warnings() { ! dmesg -r | grep '^<[0-4]>'; }
t "1 PCI: no warning in the kernel's log" no_warnings
# Each has a BAR of 1M in the bridge's window, at a place of its own.
bars() { [ "$(cut -d' ' -f1 $PCI/0000:00:01.0/resource | head -n 1)" != "$(cut -d' ' -f1 $PCI/0000:00:09.0/resource | head -n 1)" ]; }
t "4 PCI: their BARs are apart" bars
for device in 0000:00:01.0 0000:00:09.0; do
    echo vfio-pci >$PCI/$device/driver_override
    echo $device >/sys/bus/pci/drivers_probe
done
tap in-edu "PCI slot 1" 0000:00:01.0 /dev/vfio/noiommu-0
tap in-edu "PCI slot 9" 0000:00:09.0 /dev/vfio/noiommu-1
