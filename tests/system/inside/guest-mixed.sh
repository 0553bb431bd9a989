# SPDX-License-Identifier: MIT
# A guest with one device behind the SMMU and one that is behind none: only trust keeps the latter out of other memory.
dd if=/dev/zero of=/dev/shm/box bs=64k count=1 2>/dev/null
dd if=/dev/zero of=/dev/shm/next bs=64k count=1 2>/dev/null
grouped() { [ -e /sys/bus/$1/devices/$2/iommu_group ]; }
t "13 host: GPIO, whose driver has it, is behind the SMMU" grouped amba 9030000.pl061
t "13 host: the clock, whose driver has it, is not" refused grouped amba 9010000.pl031
t "13 host: it is not given while the kernel has the mode off" \
    refused sh -c 'machrt run --seconds=0 guest-mixed/guest.cfg 2>/tmp/err'
t "13 host: the message names the parameter" says enable_unsafe_noiommu_mode /tmp/err
t "13 host: the clock's driver has it again" [ "$(driver_of amba 9010000.pl031)" = rtc-pl031 ]
echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
t "13 host: nor is the PCI function without its SMMU" \
    refused sh -c 'machrt run --backend=noiommu --seconds=0 guest-mixed/guest.cfg 2>/tmp/err'
guest guest-mixed/guest in-mixed
