# SPDX-License-Identifier: MIT
# Tests edu without a guest, through both of VFIO's interfaces.

for backend in iommufd group; do
    tap edu-irq edu/intx.cfg edu/msi.cfg $backend
    tap edu-dma edu/window.cfg $backend
    tap guest-iommu edu/runtime.cfg edu/pair.cfg $backend
done

# The driver of examples/userdrv with examples/rig-virt.mach, both unchanged.
t "9 userdrv: it drives edu" sh -c 'userdrv-edu rig-virt/inner.cfg edu 5 >/tmp/userdrv'
t "9 userdrv: the id" says '^id 0x010000ed$' /tmp/userdrv
t "9 userdrv: a factorial, told by an interrupt" says '^5! = 120$' /tmp/userdrv
t "9 userdrv: DMA" says '^64 bytes moved by DMA$' /tmp/userdrv
t "9 userdrv: the config that a VMM loads is the same one" machrt check rig-virt/inner.cfg

t "4 DMA: a window that the IOMMU cannot reach is refused" refused sh -c 'machrt run --seconds=0 edu/far.cfg 2>/tmp/err'
t "4 DMA: the message says what it can" says 'outside what the IOMMU can translate: 0x0-0xffffffffffff' /tmp/err
