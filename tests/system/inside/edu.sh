# SPDX-License-Identifier: MIT
# edu without a guest, through both of VFIO's interfaces.

for backend in iommufd group; do
    tap edu-irq edu/intx.cfg edu/msi.cfg $backend
    tap edu-dma edu/window.cfg $backend
    tap guest-iommu edu/runtime.cfg edu/pair.cfg $backend
done
