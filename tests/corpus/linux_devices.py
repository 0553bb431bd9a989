# SPDX-License-Identifier: MIT
"""Which nodes Linux 6.12.117 makes platform or AMBA devices of: drivers/of/platform.c, and who calls it.

The walk is of_platform_default_populate_init(): of_platform_populate() with of_default_bus_match_table from the root, after
the nodes that reserved_mem_matches names, the children of /firmware, and the first framebuffer of /chosen. What runs before
it or in its place on some machines, and with another table, is in machine().
"""

import re

from linux_address import PCI, match_bus, register

DEFAULT = ("simple-bus", "simple-mfd", "isa", "arm,amba-bus")  # of_default_bus_match_table, with CONFIG_ARM_AMBA
NO_AMBA = DEFAULT[:3]
SKIPPED = "operating-points-v2"  # of_skipped_node_table
RESERVED = frozenset(("phram", "qcom,rmtfs-mem", "qcom,cmd-db", "qcom,smem", "ramoops", "nvmem-rmem", "google,open-dice"))

# arch/arm/mach-omap2/board-generic.c: the machines whose init_machine is omap_generic_init() or calls pdata_quirks_init()
OMAP = frozenset((
    "ti,omap2420", "ti,omap2430", "nokia,omap3-n900", "ti,omap3430", "ti,omap3", "ti,omap3630", "ti,omap36xx",
    "ti,omap3-beagle", "timll,omap3-devkit8000", "ti,am3517", "ti,dm8148", "ti,dm814", "ti,dm8168", "ti,dm816", "ti,am33xx",
    "ti,omap4460", "ti,omap4430", "ti,omap4", "ti,omap5432", "ti,omap5430", "ti,omap5", "ti,am4372", "ti,am43", "ti,dra762",
    "ti,am5728", "ti,am5726", "ti,dra742", "ti,dra7", "ti,am5718", "ti,am5716", "ti,dra722", "ti,dra718"))
UX500 = frozenset(("st-ericsson,u8500", "st-ericsson,u9500"))  # arch/arm/mach-ux500/cpu-db8500.c

# arch/powerpc/platforms/85xx/corenet_generic.c: of_device_ids, boards
CORENET_BUSES = frozenset((
    "simple-bus", "mdio-mux-gpio", "fsl,fpga-ngpixis", "fsl,fpga-qixis", "fsl,srio", "fsl,p4080-pcie", "fsl,qoriq-pcie-v2.2",
    "fsl,qoriq-pcie-v2.3", "fsl,qoriq-pcie-v2.4", "fsl,qoriq-pcie-v3.0", "fsl,qe", "name:hypervisor", "name:handles"))
CORENET = frozenset((
    "fsl,p2041rdb", "fsl,p3041ds", "fsl,oca4080", "fsl,p4080ds", "fsl,p5020ds", "fsl,p5040ds", "fsl,t2080qds", "fsl,t2080rdb",
    "fsl,t2081qds", "fsl,t4240qds", "fsl,t4240rdb", "fsl,b4860qds", "fsl,b4420qds", "fsl,b4220qds", "fsl,t1023rdb",
    "fsl,t1024qds", "fsl,t1024rdb", "fsl,t1040d4rdb", "fsl,t1042d4rdb", "fsl,t1040qds", "fsl,t1042qds", "fsl,t1040rdb",
    "fsl,t1042rdb", "fsl,t1042rdb_pi", "keymile,kmcent2", "keymile,kmcoge4", "varisys,cyrus"))
# arch/powerpc/platforms/85xx/common.c: mpc85xx_common_ids, and the machines that call mpc85xx_common_publish_devices()
MPC85XX_BUSES = frozenset((
    "soc", "simple-bus", "name:cpm", "name:localbus", "gianfar", "fsl,qe", "fsl,cpm2", "fsl,srio", "fsl,eloplus-dma",
    "fsl,mpc8548-guts", "gpio-leds", "fsl,mpc8540-pci", "fsl,mpc8548-pcie", "fsl,p1022-pcie", "fsl,p1010-pcie",
    "fsl,p1023-pcie", "fsl,p4080-pcie", "fsl,qoriq-pcie-v2.4", "fsl,qoriq-pcie-v2.3", "fsl,qoriq-pcie-v2.2", "fsl,fman",
    "fsl,ifc", "type:soc"))
MPC85XX = frozenset((
    "fsl,bsc9132qds", "fsl,bsc9131rdb", "fsl,c293pcie", "ge,imp3a", "emerson,ksi8560", "fsl,mpc8536ds", "mpc8544ds",
    "fsl,mpc8572ds", "mpc85xxmds", "fsl,mpc8569emds", "fsl,p1021mds", "fsl,p1020rdb", "fsl,p1021rdb-pc", "fsl,p1025rdb",
    "fsl,p1020mbg-pc", "fsl,p1020utm-pc", "fsl,p1020rdb-pc", "fsl,p1020rdb-pd", "fsl,p1024rdb", "artesyn,mvme2500",
    "fsl,p1010rdb", "fsl,p1010rdb-pb", "fsl,p1022ds", "fsl,p1022rdk", "fsl,p1023rdb", "fsl,qemu-e500", "abb,socrates",
    "stx,gp3-8560", "fsl,twr-p1025", "xes,mpc8572", "xes,mpc8548", "xes,mpc8540"))

# Buses whose children are clients of another kind, by the generic names of the Devicetree Specification and of Linux's
# bindings. A driver that is known to make platform devices comes first.
OTHER_BUS = re.compile(
    r"(i2c|i3c|spi|qspi|mdio|ssbi|spmi|slim|soundwire|dsi|dsi-host|w1|onewire|mmc|sdhci|sdio|mmcnr|serial|uart|usart|usb|"
    r"hub|aux-bus|can|mipi-dsi|sfc|[\w-]*-mdio|mdio-[\w-]*|i2c-[\w-]*|spi-[\w-]*)[\d-]*")
CLIENT = re.compile(r"(usb|pci)[0-9a-f]{1,4},[0-9a-f]{1,4}(\.[0-9a-f.]+)?")


class Driver:
    """How a driver makes platform devices of the children of its node.

    buses: True if it goes down into default buses below them (of_platform_default_populate()), False if not
    (of_platform_populate(np, NULL)), a list if it has a table of its own, None if nobody knows. children: those that it makes
    devices of, by compatible (mfd_add_devices()), or None for all. grandchildren: it makes devices of the children's children
    only.
    """

    def __init__(self, buses=None, children=None, grandchildren=False):
        self.buses = buses
        self.children = children
        self.grandchildren = grandchildren


class Data:
    """What --linux says, in one of two forms:

    {"populates": [COMPATIBLE ...], "early": [COMPATIBLE ...]}
    {"linux": {"populates": [{"compatible": [...], "buses": true or [...], "children": [...], "grandchildren": true} ...],
               "early": [{"compatible": [...], "table": "irqchip"} ...], "released": [the same]}}
                                                      schemas/linux/nodes.json; of several kernels the newest counts

    populates: nodes whose driver makes platform devices of what is below. early: nodes that are initialised, and marked
    OF_POPULATED, before the walk; those of the table irqchip (IRQCHIP_DECLARE) only with an `interrupt-controller` property, as
    of_irq_init() asks for it. released: the same, but the mark is removed again (CLK_OF_DECLARE_DRIVER). `unlisted` tells what
    the children are of a node that is in no list: "maybe" or "no-bus".
    """

    def __init__(self, data, unlisted):
        self.unlisted = unlisted
        self.drivers, self.early, self.irqchip = {}, {}, {}
        if "linux" not in data:
            self.drivers = {name: [Driver()] for name in lower(data.get("populates", ()))}
            self.early = {name: True for name in lower(data.get("early", ()))}
            return
        facts = data["linux"]
        for key in "populates", "early", "released":
            for entry in facts.get(key, ()):
                if "until" in entry:
                    continue
                for name in lower(entry["compatible"]):
                    if key == "populates":
                        children = frozenset(lower(entry.get("children", ()))) or None
                        buses = entry.get("buses", False)
                        buses = frozenset(lower(buses)) if isinstance(buses, list) else buses
                        driver = Driver(buses, children, entry.get("grandchildren", False))
                        self.drivers.setdefault(name, []).append(driver)
                    else:
                        (self.irqchip if entry["table"] == "irqchip" else self.early)[name] = key == "early"

    def is_early(self, node):
        """Whether OF_POPULATED is set before the walk. The most specific compatible that is listed counts, as it does for
        for_each_matching_node_and_match(); of_irq_init() and of_clk_init() ask for the node's own status only."""
        tables = (self.early, self.irqchip) if "interrupt-controller" in node.props else (self.early,)
        return node.available() and any(
            next((table[name] for name in node.compatible() if name in table), False) for table in tables)

    def driver(self, node):
        """What all drivers for `node` do together, or None. The most specific compatible that is listed counts."""
        drivers = next((self.drivers[name] for name in node.compatible() if name in self.drivers), ())
        if not drivers:
            return None
        whole = [driver for driver in drivers if driver.children is None]
        if not whole:
            return Driver(False, frozenset().union(*(driver.children for driver in drivers)))
        buses = {driver.buses for driver in whole}
        return Driver(buses.pop() if len(buses) == 1 else None, None, all(driver.grandchildren for driver in whole))


def lower(names):
    return [name.lower() for name in names]


def is_other_bus(node):
    """Whether children are clients of a bus that is not the platform's."""
    return match_bus(node) is PCI or OTHER_BUS.fullmatch(node.base()) is not None


class Machine:
    """How the tree is walked: `table` of buses, `strict` (nodes need a `compatible`), whether it is known at all."""

    def __init__(self, tree):
        machine = set(tree.root.compatible())
        self.amba = tree.arch != "powerpc"  # riscv: SOC_STARFIVE selects ARM_AMBA
        self.table, self.strict, self.known = frozenset(DEFAULT), True, True
        self.populated = {}  # nodes whose children were made before the walk came to them: their table
        if tree.arch == "powerpc":
            # of_platform_bus_probe(): below the root only what is a bus.
            self.strict = False
            plain = {name.removesuffix("-hv") for name in machine}
            p2020 = tree.find("/cpus/PowerPC,P2020@0") is not None
            self.known = bool(plain & CORENET or machine & MPC85XX or p2020)
            self.table = CORENET_BUSES if plain & CORENET else MPC85XX_BUSES
            return
        if machine & OMAP:
            self.table = frozenset(("simple-bus", "ti,omap-infra"))  # omap_dt_match_table
            for name in "prcm", "prm":  # pdata_quirks_init_clocks()
                node = next((node for node in tree.nodes if node.base() == name), None)
                if node is not None:
                    self.populated[node] = self.table
        elif machine & UX500:
            self.table = frozenset(("stericsson,db8500", "simple-bus"))  # u8500_local_bus_nodes
        firmware = tree.find("/firmware")
        if firmware is not None:
            self.populated[firmware] = frozenset(DEFAULT)


def framebuffer(tree):
    """of_get_compatible_child(of_chosen, "simple-framebuffer")"""
    chosen = tree.find("/chosen") or tree.find("/chosen@0")
    children = chosen.children if chosen is not None else ()
    return next((node for node in children if "simple-framebuffer" in node.compatible()), None)


class Below:
    """How the children of a node are found: `how` is one of

    bus     by the walk, which goes down into the buses of `table`; `strict`: what has no `compatible` is left out
    driver  by the driver of the node
    maybe   by the driver of the node, perhaps
    amba, other, none  not at all: below an AMBA device, on another bus, below what is no bus
    """

    def __init__(self, how, table=frozenset(), strict=True, driver=None):
        self.how = how
        self.table = table
        self.strict = strict
        self.driver = driver

    def finds(self, node):
        """of_match_node(): whether `node` is a bus of the table."""
        return (not self.table.isdisjoint(node.compatible()) or "name:" + node.base() in self.table
                or "type:" + node.type() in self.table)


MAYBE, AMBA, OTHER, NONE = (Below(how) for how in ("maybe", "amba", "other", "none"))
NOTHING_BELOW = frozenset("none:" + why for why in ("early", "skipped", "disabled", "no-bus", "no-amba", "no-reg"))


class Walk:
    """`kinds`: the kind of every node; `cells`: nodes of mfd_add_devices(), which gives its devices names of its own."""

    def __init__(self, tree, data):
        self.tree = tree
        self.data = data
        self.machine = Machine(tree)
        self.boot = set()
        if tree.arch != "powerpc":
            self.boot = {node for node in tree.nodes if not RESERVED.isdisjoint(node.compatible())}
            if (node := framebuffer(tree)) is not None:
                self.boot.add(node)
        self.kinds, self.cells = {tree.root: "none:no-bus"}, set()
        whole = Below("bus", self.machine.table, self.machine.strict) if self.machine.known else MAYBE
        dead, below = set(), {tree.root: whole}
        for node in tree.nodes[1:]:
            parent = node.parent
            if not node.available() or parent in dead and parent not in self.machine.populated:
                dead.add(node)
            self.kinds[node] = kind = self.kind(node, node in dead, below[parent])
            below[node] = self.below(node, kind, below[parent])
            if kind == "platform" and below[parent].driver and below[parent].driver.children:
                self.cells.add(node)

    def kind(self, node, dead, above):
        names = node.compatible()
        if node in self.boot and node.available():
            return "none:early" if self.data.is_early(node) else "platform"
        if dead:
            return "none:disabled"
        # of_platform_bus_probe() makes nothing of the root's children but what is a bus.
        passed = node.parent is self.tree.root and above.how == "bus" and not above.strict and not above.finds(node)
        if "compatible" not in node.props and (above.strict or passed):
            return "none:no-compatible"
        if SKIPPED in names or node in self.machine.populated:
            return "none:skipped"
        if self.data.is_early(node):
            return "none:early"
        if above.how == "amba":
            return "none:below-amba"
        if above.how == "other" or names and CLIENT.fullmatch(names[0]):
            return "none:not-platform"
        if above.how == "none" or passed:
            return "none:no-bus"
        maybe = "maybe-" if above.how == "maybe" else ""
        if above.driver and (above.driver.grandchildren or above.driver.children and above.driver.children.isdisjoint(names)):
            if above.driver.grandchildren or self.data.unlisted != "maybe":
                return "none:no-bus"
            maybe = "maybe-"
        if "arm,primecell" in names:
            if not self.machine.amba:
                return "none:no-amba"
            return "none:no-reg" if register(self.tree, node) is None else maybe + "amba"
        return maybe + "platform"

    def below(self, node, kind, above):
        if node in self.machine.populated:
            return Below("bus", self.machine.populated[node])
        if above.driver and above.driver.grandchildren and kind in ("none:no-bus", "none:no-compatible"):
            return Below("driver", driver=Driver(False))
        if kind in NOTHING_BELOW:
            return NONE
        if kind == "none:no-compatible":
            return OTHER if is_other_bus(node) else NONE
        is_default = not frozenset(DEFAULT).isdisjoint(node.compatible())
        if kind == "platform" and node not in self.boot and above.how == "bus" and above.finds(node):
            return Below("bus", above.table, above.strict)
        driver = self.data.driver(node)
        if driver is not None:
            if kind.startswith("maybe"):
                return MAYBE
            if driver.buses and driver.children is None and not driver.grandchildren:
                # With a table, the driver's walk is like the one from the root.
                return Below("bus", frozenset(DEFAULT) if driver.buses is True else driver.buses)
            return Below("driver", driver=driver)
        if is_default and node not in self.boot and (kind == "maybe-platform" or above.driver and above.driver.buses is None):
            return MAYBE
        if kind in ("amba", "maybe-amba"):
            return AMBA
        if is_other_bus(node):
            return OTHER
        if is_default and above.driver and above.driver.buses is False:
            return NONE
        return MAYBE if self.data.unlisted == "maybe" else NONE


def bus_id(tree, node):
    """of_device_make_bus_id(): the name of the device, on the platform's bus as on AMBA's."""
    name = ""
    while node.parent is not None:
        address = register(tree, node)
        after = ":" + name if name else ""
        if address is not None:
            mask = node.u32("mask")
            bit = "" if mask is None else f"{(mask & -mask).bit_length() - 1 & 0xFFFFFFFF:x}."
            return f"{address:x}.{bit}{node.base()}{after}"
        name = node.name + after
        node = node.parent
    return name
