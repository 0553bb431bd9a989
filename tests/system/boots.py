# SPDX-License-Identifier: MIT
"""The boots of the system tests, and what each tests. The tests of a boot are in inside/NAME.sh."""

import desk
from board import HERE, DEVICES, DISK, PART, SLOTS, VFIO, VIRTIO_MMIO, Boot

# Linux never gives away a line that one of its drivers has used as a cascade (kernel/irq/chip.c: NOREQUEST stays set), so
# the host's GPIO driver must not be initialised.
NO_GPIO = "initcall_blacklist=pl061_gpio_driver_init"

# The first word of a test's name.
POINTS = {
    0: "the board's tree is the one that machc knew: check, probe",
    1: "a Linux guest boots with guest.dtb",
    2: "a device mapped into the guest, its level interrupt by irqfd, resampled",
    3: "vfio-amba and vfio-platform; a region smaller than a page, trapped",
    4: "PCI: MSI, INTx, DMA to the window's ends and not beyond",
    5: "both of VFIO's interfaces, no IOMMU, groups, drivers and back, system calls",
    6: "two guests at once that share memory, and no device",
    7: "DMA mappings that change at run time",
    8: "starts and stops by the hundred, and kill -9, leave nothing",
    9: "a driver in user space with the same config",
    10: "x86: VT-d and irqfd",
    11: "a GICv2 board: the guest's interrupt controller follows the host's",
    12: "two resampled lines, one of them shared by two devices",
    13: "one machine with a device behind an IOMMU and one without",
    14: "registers from a file and an interrupt from UIO, on Debian's kernel",
    15: "guests on a board without an IOMMU: memory that they run in and a device reaches",
    16: "every platform's tree boots without KVM, up to its emulated devices",
    17: "a guest with devices of a Versal SoC, and its host's GICv3",
    18: "a guest with eight devices of a ZCU102, and its host's GICv2",
    19: "registers of a system controller, which stays with the host",
    20: "guest memory as its text says: huge pages, a file's offset, read-only, not for devices",
    21: "KVM is told of VFIO's files, and a device is reset before it loses anything",
    22: "--emit=qemu: a VMM that takes no guest.cfg has the machine that the text describes",
    23: "what a host keeps for a device while it is open, with the overlay and the arguments that machc makes",
}

POOL_DISK = {DISK: (PART, (SLOTS - 1) * PART)}
CARD = {"tftp/file": (300001, 0), "card.img": (desk.MB, 15 * desk.MB)}
CARD_OPTIONS = ["-drive", "if=sd,index=0,format=raw,file={folder}/card.img"]
FLASH_OPTIONS = ["-drive", "if=mtd,index=0,format=raw,file={folder}/flash.img"]
TFTP = ["-nic", "user,ipv6=off,tftp={folder}/tftp"]  # no packets but those that are asked for

BOOTS = {boot.name: boot for boot in [
    Boot("host", "the board's own tree, proven and probed", machines=["host"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO, desk=desk.facts),
    Boot("edu", "a PCI function without a guest", machines=["edu", "examples/rig-virt"],
         programs=["edu-irq", "edu-dma", "guest-iommu", "userdrv-edu", "machrt"]),
    Boot("platform", "devices that are not on PCI, without a guest", machines=["platform"], programs=["platform"],
         devices=DEVICES + VIRTIO_MMIO, append=NO_GPIO),
    Boot("shadow", "a system controller of the board, for a program and a guest", board="arm64-syscon",
         machines=["shadow"], programs=["shadow", "machrt", "machvm"], guests={"in-shadow": []}),
    Boot("drivers", "binding, and groups", machines=["drivers", "half", "whole", "several", "lacking"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO),
    Boot("guest", "a Linux guest with the board's clock, GPIO and a virtio-mmio slot", machines=["guest"],
         programs=["machvm"], guests={"in-linux": ["in-rtc"]}, append=NO_GPIO),
    Boot("guest-edu", "a guest with a device that does DMA", machines=["guest-edu", "reset"], programs=["machvm", "told"],
         guests={"in-edu": ["in-edu"]}, devices=[*DEVICES, "-device", "nvme,serial=1,addr=b.0"]),
    Boot("guest-pci", "a guest with a PCI bus", machines=["guest-pci"], programs=["machvm"],
         guests={"in-pci": ["in-edu"]}),
    Boot("noiommu", "a board without an IOMMU", board="arm64-noiommu", machines=["noiommu"],
         programs=["machrt", "machvm", "edu-irq", "edu-noiommu"]),
    Boot("cycles", "200 sessions leave nothing", machines=["edu", "drivers"], programs=["cycles"],
         devices=DEVICES + VIRTIO_MMIO, seconds=400),
    Boot("guest-pair", "two guests of one file at the same time", machines=["guest-pair"], programs=["machvm"],
         guests={"in-left": [], "in-right": []}, append=NO_GPIO),
    Boot("guest-again", "starts and stops, in order and killed", machines=["guest-again"],
         programs=["machvm", "machrt", "again"], guests={"in-alive": []}, seconds=900),
    Boot("stock", "Debian's own kernel, which has groups and containers only", kernel="stock-arm64",
         modules=["vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"], machines=["edu"],
         programs=["machrt", "edu-irq", "edu-dma", "guest-iommu"], seconds=300),
    Boot("x86", "a PC with VT-d: Debian's kernel, and KVM", board="amd64", kernel="stock-amd64",
         modules=["irqbypass", "ccp", "kvm", "kvm-amd", "vfio", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci"],
         machines=["pc"], programs=["machrt", "edu-irq", "edu-dma", "guest-iommu", "x86-irqfd"], seconds=300),
    Boot("guest-gic2", "a guest on a GICv2 board", board="arm64-gic2", machines=["guest-gic2"],
         programs=["machvm", "machrt"], guests={"in-gic2": ["in-rtc"]}),
    Boot("guest-shared", "a guest with a line that two devices share", board="arm64-shared", machines=["guest-shared"],
         programs=["machvm"], guests={"in-shared": ["in-rtc", "in-edu"]}),
    Boot("guest-mixed", "a guest with a device behind the SMMU and one that is not", board="arm64-mixed",
         machines=["guest-mixed"], programs=["machvm", "machrt"], guests={"in-mixed": ["in-rtc", "in-edu"]}),
    Boot("guest-raw", "a guest on Debian's own kernel, with a function from sysfs and UIO", kernel="stock-arm64",
         modules=["uio", "uio_pci_generic"], machines=["guest-raw"], programs=["machvm"],
         guests={"in-raw": ["in-edu"]}, seconds=300),
    Boot("pool", "guests with a disk on a board without an IOMMU", board="arm64-pool", machines=["pool"],
         programs=["machvm", "machrt", "pool-guard", "pool-pin"], guests={"in-disk": [], "in-busy": []},
         devices=["-net", "none"], disks=("2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "9.0", "a.0"),
         media=POOL_DISK, desk=desk.disk, seconds=600),
    Boot("stock-pool", "guests with a disk on Debian's own kernel, on a board without an IOMMU", board="arm64-pool",
         kernel="stock-arm64", modules=["uio", "uio_pci_generic"], machines=["stock-pool"],
         programs=["machvm", "machrt", "pool-guard"],
         guests={"in-disk": []}, devices=["-net", "none"], disks=("2.0", "3.0", "4.0", "5.0"), media=POOL_DISK,
         desk=desk.disk, seconds=400),
    Boot("tree-arm", "arm-virt", board="tree-arm", kernel="stock-armhf", machines=["tree-arm"], programs=["in-tree"],
         desk=desk.tree(512, "GIC-0", [("uart-pl011", 33), ("rtc-pl031", 34)])),
    Boot("tree-gic2", "arm64-virt with a GICv2", board="tree-gic2", kernel="stock-arm64", machines=["tree-gic2"],
         programs=["in-tree"], desk=desk.tree(512, "GIC-0", [("uart-pl011", 33), ("rtc-pl031", 34)])),
    Boot("tree-gic3", "arm64-virt", board="tree-gic3", kernel="stock-arm64", machines=["tree-gic3"],
         programs=["in-tree"], desk=desk.tree(512, "GICv3", [("uart-pl011", 33), ("rtc-pl031", 34)])),
    Boot("tree-qemu", "arm64-virt, started by machc --emit=qemu", board="tree-qemu", kernel="own", machines=["tree-qemu"],
         programs=["in-tree"], desk=desk.vmm),
    Boot("tree-riscv64", "riscv64-virt", board="tree-riscv64", kernel="stock-riscv64", machines=["tree-riscv64"],
         programs=["in-tree"], desk=desk.tree(512, "SiFive PLIC", [("ttyS0", 10), ("101000.rtc", 11)])),
    Boot("tree-aia", "riscv64-aia", board="tree-aia", kernel="stock-riscv64", machines=["tree-aia"], programs=["in-tree"],
         desk=desk.tree(512, "APLIC-MSI-d000000.interrupt-controller", [("ttyS0", 10)])),
    Boot("tree-e500", "e500mc-kvm", board="tree-e500", kernel="own-powerpc", machines=["tree-e500"], programs=["in-tree"],
         desk=desk.tree(256, "OpenPIC", [("ttyS0", 42)])),
    Boot("versal", "a guest with devices of a Versal SoC", board="versal", script="soc", machines=["versal"],
         programs=["machvm", "machrt"], guests={"in-soc": []}, devices=[*TFTP, *CARD_OPTIONS], media=CARD,
         append="BOARD=versal", desk=desk.devices, seconds=400),
    # The fourth of its Ethernet controllers has the PHY that Linux looks for.
    Boot("zcu102", "a guest with eight devices of a ZCU102", board="zcu102", script="soc", machines=["zcu102"],
         programs=["machvm", "machrt", "in-can"], guests={"in-soc": ["in-can"]},
         devices=[*["-nic", "user"] * 3, *TFTP, *CARD_OPTIONS, *FLASH_OPTIONS], media={**CARD, "flash.img": (desk.MB, 0)},
         line=True, append="BOARD=zcu102", desk=desk.devices, seconds=400),
    *(Boot(name, about, board="arm64-kept", script="kept", machines=["kept", "pinned"], programs=["machrt", "kept"],
           files={"bin/state": HERE / "inside/state"}, append=f"CASE={name} {append}", prepared=prepared)
      for name, about, prepared, append in [
          ("kept", "a device whose clocks, power domains, regulator, reset and interconnect the host keeps", True, ""),
          ("unkept", "the same without the overlay", False, VFIO),
          ("unlinked", "the same with the overlay, and without links", True, "fw_devlink=off vfio_platform.reset_required=1")]),
    Boot("calls", "the system calls of a session", machines=["edu", "drivers"], programs=["machrt"],
         devices=DEVICES + VIRTIO_MMIO, strace=True, desk=desk.calls),
]}
