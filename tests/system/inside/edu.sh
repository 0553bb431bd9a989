# SPDX-License-Identifier: MIT
# edu without a guest, through both of VFIO's interfaces.

for backend in iommufd group; do
    tap edu-irq edu/intx.cfg edu/msi.cfg $backend
    tap edu-dma edu/window.cfg $backend
    tap guest-iommu edu/runtime.cfg edu/pair.cfg $backend
done

# The driver of examples/userdrv with examples/rig-virt.mach, as they are.
t "9 userdrv: it drives edu" sh -c 'userdrv-edu rig-virt/inner.cfg edu 5 >/tmp/userdrv'
t "9 userdrv: the id" says '^id 0x010000ed$' /tmp/userdrv
t "9 userdrv: a factorial, told by an interrupt" says '^5! = 120$' /tmp/userdrv
t "9 userdrv: DMA" says '^64 bytes moved by DMA$' /tmp/userdrv
t "9 userdrv: the config that a VMM loads is the same one" machrt check rig-virt/inner.cfg

t "4 DMA: a window over the host's MSIs is refused" refused sh -c 'machrt run --seconds=0 edu/doorbell.cfg 2>/tmp/err'
t "4 DMA: the message names both" says '0x8000000-0x80fffff (msi)' /tmp/err
