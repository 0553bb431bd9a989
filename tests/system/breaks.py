# SPDX-License-Identifier: MIT
"""Things to break, at least one for each point, to prove that its tests notice."""

import dataclasses


@dataclasses.dataclass
class Break:
    name: str   # value of BREAK on the board; sabotage.c implements it
    point: int  # the point that it belongs to
    test: str | tuple  # part of the name of a test of that point, which must fail; several: of a test for each
    boot: str
    about: str
    tree: str = ""  # alternative: device tree source that is added to the board's tree without machc's knowledge
    told: str = ""  # alternative: the same, added to what machc gets only
    text: str = ""  # alternative: text that is added to the last machine's description
    swap: tuple = ()  # alternative: text of the description, and what it is replaced with
    append: str = ""  # alternative: more arguments of the board's kernel
    problem: str = ""  # instead of a test that fails: part of what is then wrong with the boot itself

    def noticed(self, tests):
        """The first failed test for each part of a name that must fail, or None if there is none yet."""
        failed = [name for passed, name, _ in tests if not passed and name.startswith(f"{self.point} ")]
        return {part: next((name for name in failed if part in name), None)
                for part in ([self.test] if isinstance(self.test, str) else self.test)}


BREAKS = {broken.name: broken for broken in [
    Break("other-tree", 0, "machrt check", "host", "the board boots with another tree: pl031 is disabled",
          '&{/pl031@9010000} { status = "disabled"; };'),
    Break("other-place", 1, "ended in good order", "guest", "guest memory is 2 MB off in KVM"),
    # Cells that differ from those of the root: Linux ignores the node, and logs a warning.
    Break("odd-tree", 1, "no warning in the kernel's log", "guest", "something in the guest's tree that Linux complains of",
          text="node / { reserved-memory { #address-cells = <1>; #size-cells = <1>; }; };"),
    Break("no-resample", 2, "alarm", "guest", "irqfds without resampling: a level line is never unmasked again"),
    Break("no-line", 2, "asserted before the guest listened", "guest", "KVM is told of no interrupt"),
    Break("no-mmap", 2, "none of its accesses has exited", "guest", "the kernel allows no region to be mapped"),
    Break("other-slot", 3, "registers smaller than a page", "guest", "trapped reads are 4 bytes off"),
    Break("other-register", 3, "read access by access", "platform", "trapped reads are 4 bytes off"),
    Break("wide-window", 4, "one byte after the window", "edu", "a DMA mapping is a page too long"),
    Break("no-unmask", 4, "INTx fires 200 times", "edu", "a level interrupt is never unmasked"),
    Break("no-map-clauses", 4, ("mapped readonly is not written", "and can be read"), "edu",
          "DMA mappings are writable, and begin at the memory's first byte"),
    Break("reached", 4, "it cannot read the memory that Linux runs in", "guest-edu", "devices reach memory that they should not",
          swap=("hugetlb 2M no-dma", "hugetlb 2M")),
    Break("no-master", 4, "bytes go into the device", "edu", "PCI functions are no bus masters"),
    Break("guest-shifted", 4, "up to the window's last byte", "guest-edu", "a guest's DMA mappings are a page off"),
    Break("guest-wide", 4, "one byte beyond the window", "guest-edu", "what lies behind a guest's DMA window is mapped, too"),
    Break("one-rebind", 5, "several: all is as it was", "drivers", "of several devices one goes back to its driver"),
    Break("no-rebind", 5, "all is as it was", "drivers", "devices do not go back to the driver that they had"),
    Break("one-more-call", 5, "as docs/runtime.md counts", "calls", "each device's info is asked for twice"),
    Break("private", 6, "have written to the file", "guest-pair", "shared memory is a private copy"),
    Break("neighbour", 6, "left: nothing of right's GPIO", "guest-pair", "a guest has the page of a device that is not its own"),
    Break("no-unmap", 7, "unmapped, it faults", "edu", "DMA mappings are not removed"),
    Break("no-close", 8, "open files", "cycles", "eventfds are never closed"),
    Break("guest-no-close", 8, "as many file descriptors", "guest-again", "eventfds are never closed"),
    Break("orphan", 8, "the next start has all devices", "guest-again", "a child of the VMM keeps the devices open"),
    Break("shifted-window", 9, "DMA", "edu", "DMA mappings are 1 MB off"),
    Break("no-vgic", 11, "check proves", "guest-gic2", "KVM says that it has no GICv2"),
    Break("shared-no-resample", 12, "alarm", "guest-shared", "irqfds without resampling"),
    Break("first-resample", 12, "and then no more", "guest-shared", "of two level lines one is resampled"),
    Break("mixed-wide", 13, "one byte beyond the window", "guest-mixed", "what lies behind the DMA window is mapped, too"),
    Break("uio-masked", 14, "interrupts in a row", "guest-raw", "an interrupt that UIO has masked stays so"),
    Break("pool-shifted", 15, "no word of the memory around", "pool", "the kernel's answer to where memory lies is 96 MB off"),
    Break("pool-unpatched", 15, "has found the disk", "pool", "guest.dtb lacks what the start writes into it"),
    Break("pool-lowered", 15, "has left the pool", "pool", "the pool is lowered while a guest has its pages"),
    Break("no-pin", 15, "none of the guest's memory", "pool", "memory is not pinned"),
    Break("circle", 16, "", "tree-riscv64", "the cpus' interrupt controllers inherit the root's parent",
          text="node /cpus/cpu@0/interrupt-controller { /delete-property/ interrupt-parent; }; "
               "node /cpus/cpu@1/interrupt-controller { /delete-property/ interrupt-parent; };",
          problem="No interrupt controller found"),
    Break("aia-circle", 16, "", "tree-aia", "the same with an APLIC",
          text="node /cpus/cpu@0/interrupt-controller { /delete-property/ interrupt-parent; }; "
               "node /cpus/cpu@1/interrupt-controller { /delete-property/ interrupt-parent; };",
          problem="No interrupt controller found"),
    Break("no-bus", 16, "", "tree-e500", "the UART is at the root, not on the platform's bus",
          swap=("irq 42;", "irq 42 under /;"), problem="ended before its tests did"),
    Break("other-line", 16, "interrupts arrive", "tree-arm", "the UART is at another line", swap=("irq spi 1;", "irq spi 3;")),
    Break("no-redistributors", 16, "", "tree-gic3", "the redistributors are where QEMU has none",
          swap=("{ region 1 at 0x080a0000; }", ";"), problem="Attempted to kill the idle task"),
    Break("other-bus", 22, "the function is in its slot", "tree-qemu", "the tree has the PCI bus where QEMU has none",
          swap=("pci-host at 0x3f000000", "pci-host at 0x3e000000")),
    Break("less-memory", 16, "its memory", "tree-gic2", "the guest has less memory than it should", swap=("512M", "511M")),
    Break("no-map", 17, "check proves", "versal", "the board's tree keeps the guest's memory out of the kernel's",
          "&{/reserved-memory/guest@50000000} { no-map; };"),
    Break("one-entry", 17, "ethernet: its driver has it", "versal", "one of two equal interrupts is not in the guest's tree"),
    Break("elsewhere", 18, "ethernet: the gateway answers", "zcu102", "guest memory is not where its addresses say"),
    Break("other-gic", 18, "check proves", "zcu102", "machc is told of a GICv3, which the board does not have",
          told='&{/axi/interrupt-controller@f9010000} { compatible = "arm,gic-v3"; };'),
    Break("other-page", 19, "reads what the host reads", "shadow", "/dev/mem is mapped at the clock instead"),
    Break("full-mask", 19, ("of a write to other bits, these alone do", "the host has what the guest wrote below the mask"),
          "shadow", "the mask of a register that is written is ignored", swap=("mask 0x0f;", "mask 0xffffffff;")),
    Break("no-syscon", 19, "machrt check", "shadow", "the board boots with another tree: the node has another compatible",
          '&{/pl061@9030000} { compatible = "machc,other", "syscon"; };'),
    Break("no-clauses", 20, ("huge pages", "what lies at the offset", "the device cannot write it", "nor can the guest"),
          "guest-edu", "memory is of small pages; a file's is writable, and begins at its first byte"),
    Break("one-off", 20, "what lies at the offset", "guest-edu", "read-only memory is a page off, and each line is the next one"),
    Break("untold", 21, ("KVM knows the files", "the session's end resets"), "guest-edu",
          "KVM is not told of VFIO's files, and no device is reset"),
    Break("no-runtime-pm", 23, "machrt check holds", "kept", "links do not run what they lead to", append="fw_devlink=on"),
    Break("no-clocks", 23, "while it is open", "kept", "nothing keeps the clocks",
          swap=("host.dtb\" {", 'host.dtb" { ready clocks "nobody";')),
    Break("no-hold", 23, "while it is open", "kept", "nothing holds the interconnect, whose only user is with VFIO",
          swap=("host.dtb\" {", 'host.dtb" { ready interconnects "nobody";')),
    Break("kept-open", 23, "after kill -9", "kept", "a child of the killed program keeps the device open"),
    Break("ready-anyway", 23, "machrt check fails", "unkept", "the config expects nothing of the host",
          swap=("host.dtb\" {", "host.dtb\" { " + "".join(f'ready {what} "nobody"; ' for what in [
              "clocks", "power-domains", "vdd-supply", "reset-gpios", "interconnects"]))),
    Break("linked-anyway", 23, "it says what to boot with", "unlinked", "the board makes links", append="fw_devlink=rpm"),
    Break("no-irqfd", 10, "its interrupt comes", "x86", "KVM is told of no interrupt"),
]}
