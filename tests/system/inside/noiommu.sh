# SPDX-License-Identifier: MIT
# Tests a board without an IOMMU: devices are passed through only if that is requested explicitly, twice.

t "5 no IOMMU: a session does not take it by itself" refused sh -c 'machrt run --seconds=0 noiommu/intx.cfg 2>/tmp/err'
t "5 no IOMMU: the message says what to choose" says noiommu /tmp/err
t "5 no IOMMU: nor does it while the kernel has the mode off" \
    refused sh -c 'machrt run --backend=noiommu --seconds=0 noiommu/intx.cfg 2>/tmp/err'
t "5 no IOMMU: the message names the parameter" says enable_unsafe_noiommu_mode /tmp/err
t "5 no IOMMU: the driver is as it was" [ ! -e /sys/bus/pci/devices/0000:00:02.0/driver ]
echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
tap edu-irq noiommu/intx.cfg noiommu/msi.cfg noiommu
tap edu-noiommu noiommu/identity.cfg
t "0 memory that mem=1G keeps from the kernel is none that a guest runs in" refused sh -c 'machrt check noiommu/identity.cfg >/tmp/err'
t "0 the message says why" says "memory ram: KVM maps what is not the kernel's own memory as device memory" /tmp/err
t "0 nor does one start there" refused sh -c 'machvm noiommu/guest.cfg noiommu/guest.dtb /bin/busybox /bin/busybox 2>/tmp/err'
t "0 and machvm says why" says "memory ram: KVM maps what is not the kernel's own memory as device memory" /tmp/err
t "0 memory that the kernel uses is not free" refused sh -c 'machrt check noiommu/kernels.cfg >/tmp/err'
t "0 the message says where the kernel's memory lies" says "memory ram: the kernel uses 0x40000000..0x7fffffff itself" /tmp/err
t "0 a session does not start in it" refused sh -c 'machrt run --backend=noiommu --seconds=0 noiommu/kernels.cfg 2>/tmp/err'
t "0 and says why" says "memory ram: the kernel uses" /tmp/err
