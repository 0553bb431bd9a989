# SPDX-License-Identifier: MIT
# A PC: edu behind VT-d.

t "10 x86: machrt check" machrt check --all pc/guest.cfg
tap edu-irq pc/intx.cfg pc/msi.cfg auto
tap edu-dma pc/window.cfg auto
tap guest-iommu pc/runtime.cfg pc/pair.cfg auto
tap x86-irqfd pc/guest.cfg
