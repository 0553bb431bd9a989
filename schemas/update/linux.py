#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes schemas/linux/nodes.json: what Linux does with nodes that have a given compatible string, read from its sources.

    schemas/update/linux.py [--source DIR ...] [--output FILE] [--explain COMPATIBLE ...]

Without --source, it downloads the linux-source packages of KERNELS from Debian and keeps them in ~/.cache/machc. The same
sources always give the same bytes. --explain prints where each fact about a compatible string comes from.

tests/harness/linux_facts.py checks the result against facts, and against a sample that was judged by hand.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import csource  # noqa: E402
from csource import AMBA, COMPATIBLE, ROOT, WORD, download, entry, is_driver, merge  # noqa: E402

# Calls that make platform devices of child nodes (drivers/of/platform.c). A few drivers set dev.of_node of a device that they
# allocate themselves, for children without registers of their own (mv643xx_eth.c, imx/gpc.c, qcom-ngd-ctrl.c): not read.
POPULATE = ("of_platform_populate", "of_platform_default_populate", "devm_of_platform_populate",
            "of_platform_device_create", "of_platform_bus_probe")
# Calls that make one for each cell of a table, with the child that has the cell's of_compatible (drivers/mfd/mfd-core.c).
MFD = ("mfd_add_devices", "devm_mfd_add_devices", "mfd_add_hotplug_devices")

# Calls that give a driver the stream id of its device (include/linux/iommu.h).
STREAM_ID = ("tegra_dev_iommu_get_stream_id", "dev_iommu_fwspec_get")

# Files whose calls say nothing about the compatible of the node above. A key that ends in / is a folder.
NOT_OF_A_DRIVER = {
    "drivers/of/": "the calls themselves, and tests of them",
    "arch/": "calls for the root of the tree by machine code; on arm64 it is of_platform_default_populate_init()",
    "drivers/pci/bus.c": "pci_bus_add_device(): children of a PCI function's node",
    "drivers/mtd/mtdpart.c": "parse_mtd_partitions(): partitions of any flash, which have no registers",
    "drivers/macintosh/": "nodes that are found by path or type",
    "drivers/misc/cxl/base.c": "cxl_base_init(): every node of one type, wherever it is",
    "drivers/usb/misc/": "onboard_dev_create_pdevs(): hubs below any USB host controller",
    "drivers/phy/tegra/xusb.c": "tegra_xusb_usb2_port_probe(): children of a port, which is not the driver's node",
}

# Drivers that make devices of their node's grandchildren only: a child is a chip select without a device of its own.
GRANDCHILDREN = {"drivers/bus/arm-integrator-lm.c", "drivers/memory/pl172.c", "drivers/memory/ti-aemif.c"}

# (file, function, driver, bus, compatibles): no table in C links these drivers to a compatible.
WITHOUT_TABLE = [
    ("drivers/bus/vexpress-config.c", "vexpress_syscfg_probe", "vexpress-syscfg", "platform", ["arm,vexpress,config-bus"]),
    # An I2C driver also matches the compatible without its vendor by name: i2c_of_match_device().
    ("drivers/mfd/twl-core.c", "twl_probe", "twl", "i2c", ["ti,twl4030", "ti,twl6030", "ti,twl6032"]),
]

# How the driver of an entry of of_irq_imap_abusers (drivers/of/irq.c) reads its interrupt-map. `cells` are the cells of an
# entry before the parent's specifier, `parent` is the one that holds the parent's phandle; the specifier has
# #interrupt-cells of the parent, and the parent's #address-cells is not read.
MAPS = {
    "fsl,ls1021a-extirq": ("drivers/irqchip/irq-ls-extirq.c", "ls_extirq_parse_map", 3, 2),
    "fsl,ls1043a-extirq": ("drivers/irqchip/irq-ls-extirq.c", "ls_extirq_parse_map", 3, 2),
    "fsl,ls1088a-extirq": ("drivers/irqchip/irq-ls-extirq.c", "ls_extirq_parse_map", 3, 2),
    "renesas,rza1-irqc": ("drivers/irqchip/irq-renesas-rza1.c", "rza1_irqc_parse_map", 3, 2),
}

DECLARE = re.compile(r"\b(IRQCHIP_DECLARE|CLK_OF_DECLARE_DRIVER|CLK_OF_DECLARE|TIMER_OF_DECLARE)\s*\(([^;{}]*?)\)\s*(?:;|$)", re.M)


class Kernel(csource.Kernel):
    # populates

    def reached(self, calls, files, below=""):
        """Definitions that lead to one of these calls, {(path, name)}: callers, objects that hold a pointer to one, users of
        those, in other files too."""
        seen, todo = set(), collections.deque()

        def add(file, item):
            if (file.path, item.name) not in seen and not is_driver(item):
                seen.add((file.path, item.name))
                todo.append((file, item))

        for file in files:
            for item in file.parse():
                if item.kind == "function" and item.words & set(calls):
                    add(file, item)
        while todo:
            names = set()
            while todo:
                file, item = todo.popleft()
                for user in file.parse():
                    if item.name in user.words and user.name != item.name:
                        add(file, user)
                if not item.static:
                    # A header's macro adds THIS_MODULE: fpga_bridge_register() is __fpga_bridge_register().
                    names |= {item.name, item.name.lstrip("_")}
            if names:
                for file in self.files.values():
                    if file.path.startswith(below) and not excluded(file.path) and any(name in file.raw for name in names):
                        for user in file.parse():
                            if user.words & names and user.name not in names:
                                add(file, user)
        return seen

    def probing(self, seen, below=""):
        """(file, bus, driver's name, compatible) for each table entry whose probe is in `seen`."""
        exported = {name for path, name in seen if not any(i.name == name and i.static for i in self.files[path].parse())}
        exported |= {name.lstrip("_") for name in exported}
        paths = {path for path, _ in seen}
        for path, file in sorted(self.files.items()):
            if excluded(path) or not path.startswith(below) or "_driver" not in file.raw:
                continue
            if path not in paths and not any(name in file.raw for name in exported):
                continue
            local = exported | {name for where, name in seen if where == path}
            for item, bus, name, where, table in self.drivers(file):
                if table is None and bus != "amba":
                    continue
                probes = re.findall(r"\.probe(?:_new)?\s*=\s*&?(\w+)", item.body)
                probes += re.findall(r"platform_driver_probe\s*\(\s*&?" + item.name + r"\s*,\s*(\w+)", file.plain)
                own = any(probe in local for probe in probes)
                if bus == "amba" and own:
                    yield from ((path, bus, name, compatible) for compatible in AMBA.get(name, []))
                if table is None:
                    continue
                theirs = exported | {n for w, n in seen if w == where.path}
                for compatible, entry in self.entries(where, table.body):
                    words = set(WORD.findall(re.sub(r'"[^"]*"', "", entry)))
                    # drivers/bus/simple-pm-bus.c, simple_pm_bus_probe(): buses that the core goes down into are left alone.
                    if (own or words & theirs) and "ONLY_BUS" not in words:
                        yield path, bus, name, compatible

    def populates(self):
        found = collections.defaultdict(set)
        files = [file for file in self.holding(*POPULATE) if not excluded(file.path)]
        seen = self.reached(POPULATE, files)
        deep = set(self.probing(self.reached(("of_platform_default_populate",), files)))
        for entry in self.probing(seen):
            path, bus, name, compatible = entry
            self.note(found, (name, bus, entry in deep, path in GRANDCHILDREN, ()), compatible, "populates", path)
        for path, function, name, bus, compatibles in WITHOUT_TABLE:
            if path not in self.files:
                continue
            if (path, function) not in seen:
                raise SystemExit(f"{self.version}: {function}() of {path} makes no devices: see WITHOUT_TABLE")
            for compatible in compatibles:
                self.note(found, (name, bus, False, False, ()), compatible, "populates", path)
        for file in self.holding("mfd_add_devices"):
            cells = self.cells(file) if "of_compatible" in file.raw or "MFD_CELL_OF" in file.raw else ()
            folder = file.path.rpartition("/")[0] + "/"
            if cells and not excluded(file.path):
                for path, bus, name, compatible in self.probing(self.reached(MFD, [file], folder), folder):
                    if not any(key[:2] == (name, bus) and not key[4] and compatible in names for key, names in found.items()):
                        self.note(found, (name, bus, False, False, cells), compatible, "populates (cells)", path)
        return found

    def cells(self, file):
        """The children that mfd_add_device() (drivers/mfd/mfd-core.c) looks for: the of_compatible of a file's cells."""
        cells = set()
        for item in file.parse():
            if item.kind == "function" or "mfd_cell" in item.head:
                cells |= {self.string(file, token) for token in re.findall(r'(?:\.|->)of_compatible\s*=\s*("[^"]*"|\w+)', item.body)}
                for arguments in re.findall(r"\bMFD_CELL_OF(?:_REG)?\s*\(((?:[^()]|\([^()]*\))*)\)", item.body):
                    strings = re.findall(r'"([^"\n]*)"', arguments)
                    cells |= set(strings[1:] if arguments.lstrip().startswith('"') else strings)
        return tuple(sorted(cell for cell in cells if cell and re.fullmatch(COMPATIBLE, cell)))

    # early

    def declared(self):
        """(macro, compatible, function, file) for each *_OF_DECLARE and IRQCHIP_DECLARE."""
        for path, file in sorted(self.files.items()):
            if not path.endswith(".c") or not re.search(r"IRQCHIP_DECLARE|CLK_OF_DECLARE|TIMER_OF_DECLARE", file.raw):
                continue
            file.parse()
            text = file.plain
            for name, parameters, body in re.findall(r"^#define[ \t]+(\w+)\(([^)\n]*)\)((?:[^\n]*\\\n)*[^\n]*)", file.text, re.M):
                if "_DECLARE" not in body:
                    continue
                for arguments in re.findall(rf"^{name}\(([^;]*?)\);", file.plain, re.M):
                    text += "\n" + expand(body, parameters, arguments) + ";\n"
            for macro, arguments in DECLARE.findall(text):
                parts = [part.strip() for part in arguments.split(",")]
                # A compatible holds commas, too.
                compatible = self.string(file, ",".join(parts[1:-1]))
                if compatible:
                    yield macro, compatible, parts[-1], file

    def early(self):
        """{(table, has a device all the same): {compatible}}. The order is the one of init_IRQ() and time_init() of an
        architecture: irqchip_init(), of_clk_init(), timer_probe(). The last one that sets or clears OF_POPULATED wins."""
        state = {}
        for wanted in ("IRQCHIP", "CLK", "TIMER"):
            for macro, compatible, function, file in self.declared():
                if not macro.startswith(wanted):
                    continue
                flags = self.flags(file, function)
                if macro == "TIMER_OF_DECLARE" and not flags:
                    continue
                if wanted == "TIMER" and "set" not in flags and compatible not in state:
                    continue
                cleared = "clear" in flags or macro == "CLK_OF_DECLARE_DRIVER"
                state[compatible] = (wanted.lower(), cleared)
                self.reasons[compatible].append(f"{self.version}: early: {file.path}: {macro}{' cleared' if cleared else ''}")
        found = collections.defaultdict(set)
        for compatible, key in state.items():
            found[key].add(compatible)
        return found

    def flags(self, file, function):
        """What a function, or what it calls in its file, does to OF_POPULATED on success."""
        bodies = {item.name: item for item in file.parse() if item.kind == "function"}
        todo, seen, flags = [function], set(), set()
        while todo:
            name = todo.pop()
            if name in bodies and name not in seen:
                seen.add(name)
                todo += bodies[name].words & bodies.keys()
                # drivers/clk/clk-fixed-factor.c clears the flag only where it fails.
                body = re.sub(r"if \(IS_ERR\([^{}]*?\{.*?\n\t\}", "", bodies[name].body, flags=re.S)
                flags |= set(re.findall(r"of_node_(set|clear)_flag\s*\(\w+,\s*OF_POPULATED\)", body))
        return flags

    # bound

    def bound(self):
        """{(driver's name, bus, config): {compatible}}"""
        found = collections.defaultdict(set)
        for path, file in sorted(self.files.items()):
            if not path.endswith(".c") or not re.search(r"suppress_bind_attrs|platform_driver_probe|IRQCHIP_PLATFORM_DRIVER", file.raw):
                continue
            for item, bus, name, where, table in self.drivers(file):
                if bus not in ("platform", "amba"):
                    continue
                value = re.search(r"\.suppress_bind_attrs\s*=\s*([^,\n}]+)", item.body)
                value = value[1].strip() if value else ""
                # __platform_driver_probe() (drivers/base/platform.c) sets it.
                if re.search(r"platform_driver_probe\s*\(\s*&?" + item.name + r"\s*,", file.plain):
                    value = "true"
                config = re.fullmatch(r"IS_BUILTIN\((CONFIG_\w+)\)", value)
                if value != "true" and not config:
                    continue
                compatibles = [c for c, _ in self.entries(where, table.body)] if table else []
                if bus == "amba":
                    compatibles += AMBA.get(name, [])
                for compatible in compatibles:
                    self.note(found, (name, bus, config[1] if config else None), compatible, "bound", path)
            # IRQCHIP_PLATFORM_DRIVER_END() (include/linux/irqchip.h) makes a driver with suppress_bind_attrs.
            for name, body in re.findall(r"IRQCHIP_PLATFORM_DRIVER_BEGIN\((\w+)\)(.*?)IRQCHIP_PLATFORM_DRIVER_END", file.plain, re.S):
                for compatible in re.findall(r'IRQCHIP_MATCH\(\s*"([^"]+)"', body):
                    self.note(found, (name, "platform", None), compatible, "bound", path)
        return found

    # streams

    def streams(self):
        """{driver's name: {compatible}} of drivers that read their stream id, which they do to write it into a register."""
        found = collections.defaultdict(set)
        files = [file for file in self.holding(*STREAM_ID) if not file.path.startswith(("drivers/iommu/", "drivers/acpi/"))]
        for path, bus, name, compatible in self.probing(self.reached(STREAM_ID, files)):
            if bus == "platform":
                self.note(found, name, compatible, "streams", path)
        for file in files:  # probe does not lead to it where the device is started later
            for _, bus, name, where, table in self.drivers(file):
                for compatible, _ in self.entries(where, table.body) if table and bus == "platform" else ():
                    self.note(found, name, compatible, "streams", file.path)
        return found

    # architectures

    def vfio_platform(self):
        """Those that VFIO's platform devices depend on, by the config format's words."""
        depends = re.search(r"^\s+depends on (.*ARM64.*)$", self.read("drivers/vfio/platform/Kconfig"), re.M)
        words = {"ARM": "arm", "ARM64": "arm64", "RISCV": "riscv64", "PPC": "ppc", "X86_64": "x86-64"}
        return [words[word] for word in re.findall(r"\w+", depends[1]) if word in words] if depends else []

    # lists

    def lists(self):
        platform, irq = self.read("drivers/of/platform.c"), self.read("drivers/of/irq.c")

        def names(text, table):
            found = re.search(rf"\b{table}\[\]\s*=\s*\{{(.*?)^\}};", text, re.M | re.S)
            return set(re.findall(r'"([^"]+)"', found[1])) if found else set()

        return {"buses": names(platform, "of_default_bus_match_table"), "skipped": names(platform, "of_skipped_node_table"),
                "amba": set(re.findall(r'of_device_is_compatible\(bus, "([^"]+)"\)', platform)),
                "reserved-memory": names(platform, "reserved_mem_matches"), "maps": names(irq, "of_irq_imap_abusers")}


def excluded(path):
    return any(path.startswith(key) if key.endswith("/") else path == key for key in NOT_OF_A_DRIVER)


def expand(body, parameters, arguments):
    """A function-like macro's body with its arguments in place."""
    body = body.replace("\\\n", "\n")
    for parameter, argument in zip((p.strip() for p in parameters.split(",")), (a.strip() for a in split(arguments))):
        body = re.sub(rf"(?<!#)#\s*{parameter}\b", '"' + argument + '"', body)
        body = re.sub(rf"\b{parameter}\b|(?<=##){parameter}\b", lambda m: argument, body)
    return body.replace("##", "")


def split(arguments):
    """Arguments of a macro; a comma in a string does not separate."""
    return re.findall(r'(?:"[^"]*"|[^,"])+', arguments)


def distil(kernels):
    lists = {}
    for name in ("buses", "amba", "skipped", "reserved-memory"):
        lists[name] = [entry(since, until, names) for _, since, until, names in
                       merge(kernels, lambda kernel, name=name: {None: kernel.lists()[name]})]
    maps = []
    for compatible, since, until, _ in merge(kernels, lambda kernel: {name: {name} for name in kernel.lists()["maps"]}):
        made = entry(since, until, [compatible])
        if compatible in MAPS:
            file, function, before, parent = MAPS[compatible]
            for kernel in kernels:
                body = kernel.read(file)
                if function not in body or f"map + {parent})" not in body or f"map += {before};" not in body:
                    raise SystemExit(f"{kernel.version}: {function}() of {file} reads another format: see MAPS")
            made |= {"before": before, "parent": parent, "source": f"{file}, {function}()"}
        maps.append(made)
    early = merge(kernels, Kernel.early)
    return {
        "kernels": [kernel.version for kernel in kernels],
        "vfio-platform": [{"arch": kernels[-1].vfio_platform()}],
        **lists,
        "interrupt-maps": ordered(maps),
        "populates": ordered(entry(since, until, names, driver=driver, bus=bus if bus != "platform" else None, buses=deep,
                                   grandchildren=nested, children=list(cells))
                             for (driver, bus, deep, nested, cells), since, until, names in merge(kernels, Kernel.populates)),
        "early": ordered(entry(since, until, names, table=table) for (table, cleared), since, until, names in early if not cleared),
        "released": ordered(entry(since, until, names, table=table) for (table, cleared), since, until, names in early if cleared),
        "streams": ordered(entry(since, until, names, driver=driver)
                           for driver, since, until, names in merge(kernels, Kernel.streams)),
        "bound": ordered(entry(since, until, names, driver=driver, bus=bus if bus != "platform" else None, config=config)
                         for (driver, bus, config), since, until, names in merge(kernels, Kernel.bound)),
    }


def ordered(entries):
    return sorted(entries, key=lambda entry: (entry.get("driver", ""), entry["compatible"], json.dumps(entry)))


def text(facts):
    """One line per entry, so that a diff of two versions can be read."""
    out = ['{', '  "SPDX-License-Identifier": "MIT",', '  "$schema": "../json/linux.schema.json",', '  "linux": {',
           f'    "kernels": {json.dumps(facts["kernels"])},']
    parts = []
    for name, entries in facts.items():
        if name != "kernels":
            lines = ",\n".join("      " + json.dumps(entry) for entry in entries)
            parts.append(f'    "{name}": [\n{lines}\n    ]' if entries else f'    "{name}": []')
    return "\n".join(out) + "\n" + ",\n".join(parts) + "\n  }\n}\n"


def main():
    parser = argparse.ArgumentParser(description="Distils schemas/linux/nodes.json from Linux's sources.")
    parser.add_argument("--source", action="append", metavar="DIR", help="an unpacked kernel; given once for each kernel")
    parser.add_argument("--output", default=ROOT / "schemas" / "linux" / "nodes.json", type=pathlib.Path)
    parser.add_argument("--explain", action="append", default=[], metavar="COMPATIBLE")
    args = parser.parse_args()
    kernels = sorted((Kernel(tree) for tree in args.source or download()),
                     key=lambda kernel: [int(part) for part in kernel.version.split(".")])
    facts = distil(kernels)
    args.output.write_text(text(facts))
    for kernel in kernels:
        for compatible in args.explain:
            for reason in sorted(set(kernel.reasons[compatible])):
                print(f"{compatible}: {reason}")
    for name, entries in facts.items():
        if name not in ("kernels", "vfio-platform"):
            print(f"{name}: {len(entries)} entries, {sum(len(entry['compatible']) for entry in entries)} compatibles")


if __name__ == "__main__":
    main()
