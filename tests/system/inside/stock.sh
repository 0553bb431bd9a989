# SPDX-License-Identifier: MIT
# Debian's own kernel: no iommufd, no device nodes, modules.

t "5 stock kernel: there is no /dev/iommu" [ ! -e /dev/iommu ]
t "5 stock kernel: a session takes groups by itself" sh -c 'machrt run --seconds=0 edu/intx.cfg >/tmp/out'
t "5 stock kernel: and says so" says 'started, with group' /tmp/out
t "5 stock kernel: iommufd by name is refused" \
    refused sh -c 'machrt run --backend=iommufd --seconds=0 edu/intx.cfg 2>/tmp/err'
t "5 stock kernel: the message says what is missing" says '/dev/iommu' /tmp/err
tap edu-irq edu/intx.cfg edu/msi.cfg auto
tap edu-dma edu/window.cfg auto
tap guest-iommu edu/runtime.cfg edu/pair.cfg auto
rmmod vfio-pci
t "5 stock kernel: without vfio-pci it is refused" refused sh -c 'machrt run --seconds=0 edu/intx.cfg 2>/tmp/err'
t "5 stock kernel: the message names the module" says 'modprobe vfio-pci' /tmp/err
