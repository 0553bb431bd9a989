# SPDX-License-Identifier: MIT
"""The boots of the system tests: what is tested in which. Each has its tests in inside/NAME.sh."""

import desk
from board import DEVICES, VIRTIO_MMIO, Boot

# A line that a driver of the host's once had as a cascade is never given away again (kernel/irq/chip.c: NOREQUEST
# stays), so the host's GPIO driver must not have been there.
NO_GPIO = "initcall_blacklist=pl061_gpio_driver_init"

BOOTS = [
    Boot("host", "the board's own tree, proven and probed", machines=["host"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO, desk=desk.facts),
    Boot("edu", "a PCI function without a guest", machines=["edu", "examples/rig-virt"],
         programs=["edu-irq", "edu-dma", "guest-iommu", "userdrv-edu", "machrt"]),
    Boot("platform", "devices that are not on PCI, without a guest", machines=["platform"], programs=["platform"],
         devices=DEVICES + VIRTIO_MMIO, append=NO_GPIO),
    Boot("drivers", "binding, and groups", machines=["drivers", "half", "whole"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO),
    Boot("guest", "a Linux guest with the board's clock, GPIO and a virtio-mmio slot", machines=["guest"],
         programs=["machvm"], guests={"in-linux": ["in-rtc"]}, append=NO_GPIO),
    Boot("guest-edu", "a guest with a device that does DMA", machines=["guest-edu"], programs=["machvm"],
         guests={"in-edu": ["in-edu"]}),
    Boot("noiommu", "a board without an IOMMU", board="arm64-noiommu", machines=["noiommu"],
         programs=["machrt", "edu-irq", "edu-noiommu"]),
    Boot("cycles", "200 sessions leave nothing", machines=["edu", "drivers"], programs=["cycles"],
         devices=DEVICES + VIRTIO_MMIO),
    Boot("guest-pair", "two guests of one file at the same time", machines=["guest-pair"], programs=["machvm"],
         guests={"in-left": [], "in-right": []}, append=NO_GPIO),
    Boot("guest-again", "starts and stops, in order and killed", machines=["guest-again"],
         programs=["machvm", "machrt", "again"], guests={"in-alive": []}, seconds=600),
    Boot("stock", "Debian's own kernel, which has groups and containers only", kernel="stock-arm64",
         modules=["vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"], machines=["edu"],
         programs=["machrt", "edu-irq", "edu-dma", "guest-iommu"], seconds=300),
    Boot("x86", "a PC with VT-d: Debian's kernel, and KVM", board="amd64", kernel="stock-amd64",
         modules=["irqbypass", "ccp", "kvm", "kvm-amd", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"],
         machines=["pc"], programs=["machrt", "edu-irq", "edu-dma", "guest-iommu", "x86-irqfd"], seconds=300),
    Boot("calls", "the system calls of a session", machines=["edu", "drivers"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO, strace=True, desk=desk.calls),
]
