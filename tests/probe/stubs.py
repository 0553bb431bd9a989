# SPDX-License-Identifier: MIT
"""Providers for what a node refers to: devices whose drivers need no more than memory for registers."""

from linux_tree import number
from memory import PAGE, Supply, cells, node_text, strings, wide

HERTZ = 100_000_000
MICROVOLT = 3_300_000
STEER_LINES, STEER_OUTPUTS = 512, 8  # imx-irqsteer: 64 lines for each interrupt of its own
FIRST_SPI, SPIS = 80, 255  # those of the board's GIC that QEMU's own devices leave
GPIO_LINES, MAILBOXES, LOCKS, CHANNELS = 32, 32, 32, 24
# Modules of the drivers below, those that are not built in.
MODULES = ["fixed", "phy_fsl_imx8mq_usb", "phy_generic", "sun6i_dma", "qcom_apcs_ipc_mailbox", "pwm_rockchip",
           "qcom_hwspinlock", "nvmem_mtk_efuse"]


class Stubs:
    """`supply` is shared by all that is in a tree; `texts` are the nodes of the providers so far."""

    def __init__(self):
        self.supply = Supply()
        self.texts = []
        self.shared = {}
        self.free = {}
        self.spi = FIRST_SPI
        self.by_cells = {
            "#clock-cells": self.clock, "#reset-cells": self.reset, "#gpio-cells": self.gpio, "#phy-cells": self.phy,
            "#dma-cells": self.dma, "#mbox-cells": self.mailbox, "#pwm-cells": self.pwm, "#hwlock-cells": self.lock,
            "#nvmem-cell-cells": self.nvmem_cell,
        }

    def entry(self, reference, target, arguments):
        """The cells that stand for an entry: the phandle of a provider, and arguments in its own format."""
        if target is None:
            return cells(0)
        if reference.cells in self.by_cells:
            return self.by_cells[reference.cells](target, arguments)
        if reference.kind["kind"] == "regulator":
            return cells(self.regulator(target))
        if "usb-phy" in reference.name or "usbphy" in reference.name:
            return cells(self.usb_phy())
        return cells(self.registers(target), *arguments)

    def make(self, base, compatible, size=0, more=None):
        """A provider; returns its phandle."""
        phandle = self.supply.phandle()
        properties = {"compatible": strings(*compatible), "phandle": cells(phandle)}
        name = f"{base}-{phandle:x}"
        if size:
            address, size = self.supply.region(size)
            properties["reg"] = wide(address, size)
            name = f"{base}@{address:x}"
        self.texts.append(node_text(name, {**properties, **(more or {})}))
        return phandle

    def once(self, key, make):
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def one_of(self, kind, count, make):
        """(phandle, number) of something that a provider has `count` of."""
        phandle, taken = self.free.get(kind, (0, count))
        if taken == count:
            phandle, taken = make(), 0
        self.free[kind] = phandle, taken + 1
        return phandle, taken

    def fixed_clock(self, hertz):
        return self.once(("clock", hertz), lambda: self.make(
            "clock", ["fixed-clock"], more={"#clock-cells": cells(0), "clock-frequency": cells(hertz)}))

    def clock(self, target, _):
        rate = target.u32("clock-frequency") if "fixed-clock" in target.compatible() else None
        return cells(self.fixed_clock(rate or HERTZ))

    def any_reset(self):
        return cells(*self.one_of("reset", PAGE * 8, lambda: self.make(
            "reset-controller", ["snps,dw-high-reset"], PAGE, {"#reset-cells": cells(1)})))

    def reset(self, *_):
        return self.any_reset()

    def gpio(self, _, arguments):
        phandle, line = self.one_of("gpio", GPIO_LINES, lambda: self.make("gpio", ["wd,mbl-gpio"], 4, {
            "reg-names": strings("dat"), "gpio-controller": b"", "#gpio-cells": cells(2)}))
        return cells(phandle, line, arguments[-1] & 1 if arguments else 0)

    def phy(self, *_):
        return cells(self.once("phy", lambda: self.make("phy", ["fsl,imx8mq-usb-phy"], PAGE, {
            "#phy-cells": cells(0), "clocks": cells(self.fixed_clock(HERTZ)), "clock-names": strings("phy")})))

    def usb_phy(self):
        return self.once("usb-phy", lambda: self.make("usb-phy", ["usb-nop-xceiv"], more={"#phy-cells": cells(0)}))

    def dma(self, *_):
        phandle, channel = self.one_of("dma", CHANNELS, lambda: self.make(
            "dma-controller", ["allwinner,sun50i-a64-dma"], PAGE, {
                "#dma-cells": cells(1), "dma-channels": cells(8), "dma-requests": cells(27),
                "clocks": cells(self.fixed_clock(HERTZ)), "resets": self.any_reset(), **self.interrupts(1)}))
        return cells(phandle, channel + 1)

    def mailbox(self, *_):
        return cells(*self.one_of("mailbox", MAILBOXES, lambda: self.make(
            "mailbox", ["qcom,sdm660-apcs-hmss-global"], PAGE, {"#mbox-cells": cells(1)})))

    def pwm(self, *_):
        clock = self.fixed_clock(HERTZ)
        phandle = self.make("pwm", ["rockchip,rk3328-pwm"], PAGE, {
            "#pwm-cells": cells(3), "clocks": cells(clock, clock), "clock-names": strings("pwm", "pclk")})
        return cells(phandle, 0, 1_000_000, 0)

    def lock(self, *_):
        return cells(*self.one_of("lock", LOCKS, lambda: self.make(
            "hwlock", ["qcom,tcsr-mutex"], 0x20000, {"#hwlock-cells": cells(1)})))

    def nvmem_cell(self, target, arguments):
        """A cell of a memory of zeros, of the size that the board's has."""
        size = target.u32("reg") and int.from_bytes(target.props["reg"][-4:], "big") or 4
        bits = target.props.get("bits")

        def make():
            phandle = self.supply.phandle()
            cell = {"phandle": cells(phandle), "reg": cells(0, min(size, PAGE)), **({"bits": bits} if bits else {})}
            address, whole = self.supply.region(PAGE)
            self.texts.append(node_text(f"efuse@{address:x}", {
                "compatible": strings("mediatek,efuse"), "reg": wide(address, whole), "#address-cells": cells(1),
                "#size-cells": cells(1)}, [node_text("cell@0", cell)]))
            return phandle

        return cells(self.once(("nvmem", size, bits), make), *arguments)

    def regulator(self, target):
        volt = target.u32("regulator-max-microvolt") or target.u32("regulator-min-microvolt") or MICROVOLT
        return self.once(("regulator", volt), lambda: self.make("regulator", ["regulator-fixed"], more={
            "regulator-name": strings(f"fixed-{volt}"), "regulator-min-microvolt": cells(volt),
            "regulator-max-microvolt": cells(volt)}))

    def registers(self, target):
        """Nothing but registers, which a driver finds as a system controller, or by its phandle."""
        names = [name for name in target.strings("compatible") if name not in ("syscon", "simple-mfd", "simple-bus")]
        size = number([*map(int, target.props.get("reg", b"")[-4:])]) and 0x10000 or PAGE
        return self.once(("registers", *names), lambda: self.make("syscon", [*names, "syscon"], size))

    def interrupts(self, count):
        """The properties of a device with so many interrupts, each on a line of its own."""
        if count > STEER_LINES:
            raise OverflowError("a device has more interrupts than a controller")
        lines = [self.one_of("interrupt", STEER_LINES, self.irqsteer) for _ in range(count)]
        # One controller for all of them.
        if len({phandle for phandle, _ in lines}) > 1:
            return self.interrupts(count)
        return {"interrupt-parent": cells(lines[0][0]), "interrupts": cells(*(line for _, line in lines))}

    def irqsteer(self):
        first, self.spi = self.spi, self.spi + STEER_OUTPUTS
        if self.spi > SPIS:
            raise OverflowError("the tree has more interrupts than the board")
        outputs = [word for spi in range(first, self.spi) for word in (0, spi, 4)]
        return self.make("interrupt-controller", ["fsl,imx-irqsteer"], PAGE, {
            "interrupt-controller": b"", "#interrupt-cells": cells(1), "fsl,channel": cells(0),
            "fsl,num-irqs": cells(STEER_LINES), "interrupts": cells(*outputs),
            "clocks": cells(self.fixed_clock(HERTZ)), "clock-names": strings("ipg")})
