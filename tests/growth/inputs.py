# SPDX-License-Identifier: MIT
"""Inputs that grow in one dimension: each function takes n and returns {file name: text}. The file to compile is
`in.mach`. Where a function is listed in MACHRT, the config that is made of it is given to machrt as well."""

import json

DIMENSIONS = {}
MACHRT = {}  # name -> list of machrt's commands
OPTIONS = {}  # name -> machc's options in place of --check
STEPS = {}  # name -> n, where it is not the usual one


def dimension(function=None, *, machrt=(), options=None, n=None):
    def add(f):
        DIMENSIONS[f.__name__] = f
        MACHRT[f.__name__] = list(machrt)
        if options:
            OPTIONS[f.__name__] = options
        if n:
            STEPS[f.__name__] = n
        return f
    return add(function) if function else add


def lines(n, line):
    return "".join(line(i) + "\n" for i in range(n))


def machine(body, name="m", before=""):
    return {"in.mach": f"{before}machine {name} : arm64-virt {{ cpus 1; memory ram at 0x4000000000 size 16M;\n{body}}}\n"}


def cells(value):
    return f"{value >> 32:#x} {value & 0xffffffff:#x}"


# ---- statements ----

@dimension(machrt=["plan", "check", "show"])
def memories(n):
    return machine(lines(n, lambda i: f"memory r{i} size 4K;"))


@dimension
def memories_placed(n):
    return machine(lines(n, lambda i: f"memory r{i} at {(1 << 39) - i * 8192:#x} size 4K;"))


@dimension
def memories_physical(n):
    return machine(lines(n, lambda i: f"memory r{i} size 2M from physical {(1 << 33) + i * (4 << 20):#x};"))


@dimension
def memories_overlap(n):
    return machine(lines(n, lambda i: f"memory r{i} size 1G from physical {(1 << 33) + i * (2 << 20):#x};"))


@dimension(machrt=["plan"])
def memories_of_files(n):
    return machine(lines(n, lambda i: f'memory r{i} size 4K from file "/dev/shm/f{i}";'))


@dimension
def shares(n):
    return {"in.mach": lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram size 16M; memory s size 4K "
                                          f'from file "/f" share "s"; }}')}


@dimension
def emulated(n):
    return machine(lines(n, lambda i: f"device v{i} : virtio-mmio;"))


@dimension
def edits(n):
    return machine("device v : ns16550a {" + lines(n, lambda i: f"edit {{ p{i} = <{i}>; }};") + "}")


@dimension
def refused_edits(n):
    return machine("device v : ns16550a {" + lines(n, lambda i: f"edit {{ reg = <{i}>; }};") + "}")


@dimension
def refused_nodes(n):
    return machine(lines(n, lambda i: f"device v{i} : ns16550a at {0x10000000 + i * 0x1000:#x};")
                   + lines(n, lambda i: f"node /serial@{0x10000000 + i * 0x1000:x} {{ reg = <1>; }};"))


@dimension
def node_statements(n):
    return machine(lines(n, lambda i: f"node /a/n{i} {{ p; }};"))


@dimension
def node_properties(n):
    return machine(lines(n, lambda i: f"node /a {{ p{i}; }};"))


@dimension
def node_unit_addresses(n):
    return machine("node /a {" + lines(n, lambda i: f"dev@{i:x} {{ reg = <{i}>; }};") + "};")


@dimension
def deletions(n):
    return machine("node /a {" + lines(n, lambda i: f"d{i} {{ }};") + "}; node /a {"
                   + lines(n, lambda i: f"/delete-node/ d{i};") + "};")


@dimension
def labels(n):
    return machine("node /a {" + lines(n, lambda i: f"l{i}: x{i} {{ }};") + " p = <"
                   + lines(n, lambda i: f"&l{i}") + ">; };")


@dimension
def labels_of_a_node(n):
    return machine("node /a {" + lines(n, lambda i: f"l{i}:") + " x { }; };")


@dimension
def unknown_labels(n):
    return machine("node /a { x { }; " + lines(n, lambda i: f"y{i} {{ p = <&z{i}>; }};") + "};")


@dimension
def paths_in_a_property(n):
    return machine("node /a { l: x { }; p = " + ", ".join(["&l"] * n) + "; };")


@dimension
def omitted_nodes(n):
    return machine("node /a {" + lines(n, lambda i: f"/omit-if-no-ref/ l{i}: x{i} {{ p = <&l{i + 1}>; }};")
                   + f"l{n}: z {{ }}; }};")


@dimension
def values(n):
    return machine("node /a { p = " + ", ".join(f'"s{i}"' for i in range(n)) + "; };")


@dimension
def consts(n):
    return machine("node /a { p = <" + lines(n, lambda i: f"C{i}") + ">; };", before=lines(n, lambda i: f"const C{i} = {i};"))


@dimension
def consts_of_consts(n):
    return machine("", before=lines(n, lambda i: f"const C{i} = {'1' if i % 100 == 0 else f'(C{i - 1} + 1)'};"))


@dimension
def unknown_consts(n):
    return machine(lines(n, lambda i: f"memory r{i} size MISSING{i};"), before=lines(n, lambda i: f"const MOSSING{i} = 1;"))


@dimension
def templates(n):
    return machine(lines(n, lambda i: f"use t{i}(1);"), before=lines(n, lambda i: f"template t{i}(a) {{ memory v{i} size 4K; }}"))


@dimension
def unknown_templates(n):
    return machine(lines(n, lambda i: f"use u{i}(1);"), before=lines(n, lambda i: f"template t{i}(a) {{ }}"))


@dimension
def loops(n):
    return machine(f'for i in 1..{n} {{ memory "r{{i}}" size 4K; }}')


@dimension
def parts_of_a_string(n):
    return machine('model "' + "{1}" * (n * 4) + '";')


@dimension
def length_of_a_name(n):
    return machine(f"memory {'x' * n * 4} size 4K; assert m.{'x' * n * 4}.size == 4K; memory r{'y' * n * 4} size 17;")


@dimension
def length_of_a_line(n):
    return machine(lines(n, lambda i: f"memory r{i} size 17;").replace("\n", " "))


@dimension
def asserts(n):
    return machine(lines(n, lambda i: f"memory r{i} size 4K;") + lines(n, lambda i: f"assert m.r{i}.size == 4K;"))


@dimension
def asserts_of_sums(n):
    return machine(lines(n, lambda i: f"memory r{i} size 4K;") + lines(n, lambda i: "assert m.memory > 4K;"))


@dimension
def asserts_of_machines(n):
    return {"in.mach": lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram size 16M; }}")
            + lines(n, lambda i: f"assert m{i}.cpus == 1;")}


@dimension
def failing_asserts(n):
    return machine(lines(n, lambda i: f"memory r{i} size 4K;") + lines(n, lambda i: f"assert m.s{i}.size == 4K;"))


@dimension
def machines(n):
    return {"in.mach": lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram size 16M; }}")}


@dimension(n=100)
def cpus(n):
    return {"in.mach": f"machine m : arm64-virt {{ cpus {n}; memory ram size 16M; }}\n"}


@dimension
def irqchips(n):
    return machine(lines(n, lambda i: f"irqchip g{i} : gic-v2 at {0x5000000000 + i * 0x100000:#x};"))


@dimension
def errors(n):
    return machine(lines(n, lambda i: f"memory q{i} size 17;"))


@dimension
def one_error_often(n):
    return machine(f"for i in 1..{n} {{ memory q size 17; }}")


@dimension
def errors_of_syntax(n):
    return machine(lines(n, lambda i: f"bogus{i} 1;"))


@dimension
def unknown_classes(n):
    return machine(lines(n, lambda i: f"device d{i} : virtiommio{i};"))


@dimension
def names_twice(n):
    return machine(lines(n, lambda i: "memory x size 4K;"))


@dimension
def overlaps(n):
    return machine(lines(n, lambda i: f"memory x{i} at 0x5000000000 size 4K;"))


@dimension(options=["--check", "--max-errors=0", "--diagnostics=sarif"])
def errors_as_sarif(n):
    return errors(n)


@dimension(options=["--check", "--max-errors=0", "--diagnostics=json"])
def errors_as_json(n):
    return errors(n)


@dimension(options=["--check", "--max-errors=0", "--diagnostics=github"])
def errors_for_github(n):
    return errors_of_syntax(n)


@dimension
def includes(n):
    files = {f"i{i}.mach": f"const C{i} = {i};\n" for i in range(n)}
    return {**files, "in.mach": lines(n, lambda i: f'include "i{i}.mach";') + machine("")["in.mach"]}


@dimension
def incbins(n):
    return {"b": "xxxx", **machine("node /a {" + lines(n // 4, lambda i: f'p{i} = /incbin/("b");') + "};")}


# ---- devices without a node ----

@dimension(machrt=["plan", "check"])
def raw_regions(n):
    return machine("passthrough raw as r { dma none; "
                   + lines(n, lambda i: f'region {i} file "/dev/mem" offset {(1 << 34) + 8192 * i:#x} size 4K;') + "}")


@dimension(machrt=["plan", "check"])
def raw_devices(n):
    return machine(lines(n, lambda i: f'passthrough raw as r{i} {{ dma none; region 0 file "/dev/mem" offset '
                                      f'{(1 << 34) + 8192 * i:#x} size 4K; }}'))


@dimension
def raw_page(n):
    return machine(lines(n, lambda i: f'passthrough raw as r{i} {{ dma none; region 0 file "/dev/mem" offset '
                                      f'{(1 << 34) + 16 * i:#x} size 16 trap; }}'))


@dimension
def raw_files(n):
    return machine(lines(n, lambda i: f'passthrough raw as r{i} {{ dma none; region 0 file "/dev/f{i}" size 4K; }}'))


@dimension
def raw_irqs(n):
    return machine("passthrough raw as r { dma none; " + lines(n, lambda i: f"irq {i} drop;") + "}")


@dimension(machrt=["plan"])
def pci_functions(n):
    return machine(lines(n, lambda i: f"passthrough pci {i >> 13 & 0xffff:04x}:{i >> 5 & 0xff:02x}:{i & 31:02x}.0 as x{i} "
                                      "{ region 0 size 4K; irq intx drop; dma all; }"))


@dimension(machrt=["plan"])
def dma_maps(n):
    return machine("memory big at 0x8000000000 size 16G; passthrough pci 0000:01:00.0 as x { region 0 size 4K; irq intx "
                   "drop; dma w {" + lines(n, lambda i: f"map big offset {i * 8192} size 4K at {(1 << 38) + i * 8192:#x};")
                   + "} }")


@dimension
def machines_of_named_devices(n):
    host = board(lines(40, device))
    return {**host, "in.mach": 'host "host.dts";\n' + lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram "
                               f'size 16M; passthrough platform "nosuch{i}.dev" as x {{ dma none; region 0 size 4K; }} }}')}


# ---- the host's tree ----

GIC = """gic: ic@8000000 { compatible = "arm,gic-v3"; #interrupt-cells = <3>; #address-cells = <0>; interrupt-controller;
reg = <0 0x8000000 0 0x10000 0 0x80a0000 0 0x100000>; };
smmu: iommu@7000000 { compatible = "arm,smmu-v3"; reg = <0 0x7000000 0 0x20000>; #iommu-cells = <1>; };
clk: clk { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <1000>; };
"""


def board(body, before="", after=""):
    return {"host.dts": '/dts-v1/;\n/ { #address-cells = <2>; #size-cells = <2>; compatible = "board"; '
                        f'interrupt-parent = <&gic>;\n{before}{GIC}{body}}};\n{after}'}


BASE = 0x100000000


def device(i, more=None):
    at = BASE + i * 0x1000
    more = f"iommus = <&smmu {i}>;" if more is None else more
    return f'd{i}: dev@{at:x} {{ compatible = "a,b"; reg = <{cells(at)} 0 0x1000>; {more} }};'


def one_device(more):
    return device(0, "iommus = <&smmu 1>; " + more)


def on(host, body, before='host "host.dts";\n'):
    return {**host, **machine(body, before=before)}


@dimension(machrt=["check"])
def devices(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"passthrough &d{i};"))


KEEPERS = """ccm: ccm { compatible = "a,ccm"; #clock-cells = <1>; #power-domain-cells = <1>; };
gpio: gpio { compatible = "a,gpio"; #gpio-cells = <2>; };
vdd: vdd { compatible = "a,pmic"; };
"""


@dimension(options=["-w", "--emit=json"], machrt=["check", "show"])
def kept_devices(n):
    def kept(i):
        return device(i, f"iommus = <&smmu {i}>; clocks = <&ccm {i}>; power-domains = <&ccm {i}>, <&ccm {n}>; "
                         f"vdd-supply = <&vdd>; reset-gpios = <&gpio {i} 0>;")
    return on(board(KEEPERS + lines(n, kept)), lines(n, lambda i: f"passthrough &d{i} {{ ref * drop; }}"))


@dimension
def devices_by_path(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"passthrough /dev@{BASE + i * 0x1000:x} as x{i};"))


@dimension
def devices_by_tail(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"passthrough dev@{BASE + i * 0x1000:x} as x{i};"))


@dimension
def tails_of_one_name(n):
    return on(board(lines(n, lambda i: f"b{i} {{ x@1 {{ p; }}; }};")), lines(n, lambda i: f"passthrough b{i}/x@1 as y{i};"))


@dimension
def deep_tails(n):
    return on(board(lines(n, lambda i: f"b{i} {{ y {{ x@1 {{ p; }}; }}; }};")),
              lines(n, lambda i: f"passthrough b{i}/y/x as y{i};"))


@dimension
def ambiguous_tails(n):
    return on(board(lines(n, lambda i: f"b{i} {{ x@1 {{ p; }}; }};")), lines(n, lambda i: f"passthrough x@1 as y{i};"))


@dimension
def missing_tails(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"passthrough dew@{i:x} as y{i};"))


@dimension
def missing_labels(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"passthrough &e{i};"))


@dimension
def missing_paths(n):
    return on(board("bus {" + lines(n, lambda i: f"x{i} {{ }};") + "};"), lines(n, lambda i: f"passthrough /bus/y{i};"))


@dimension
def regions(n):
    reg = ", ".join(f"<{cells(BASE + i * 0x1000)} 0 0x1000>" for i in range(n))
    return on(board(f'd0: dev@{BASE:x} {{ compatible = "a,b"; reg = {reg}; iommus = <&smmu 1>; }};'),
              "passthrough &d0 {" + lines(n, lambda i: f"region {i} trap;") + "}")


@dimension(machrt=["plan", "check"])
def named_regions(n):
    reg = ", ".join(f"<{cells(BASE + i * 0x1000)} 0 0x1000>" for i in range(n))
    names = ", ".join(f'"n{i}"' for i in range(n))
    return on(board(f'd0: dev@{BASE:x} {{ compatible = "a,b"; reg = {reg}; reg-names = {names}; iommus = <&smmu 1>; }};'),
              "passthrough &d0 {" + lines(n, lambda i: f"region n{i} trap;") + "}"
              + lines(n, lambda i: f'assert m.d0.region["n{i}"].size == 4K;'))


@dimension
def interrupts(n):
    spec = ", ".join(f"<0 {i} 4>" for i in range(n))
    return on(board(one_device(f"interrupts = {spec};")), "passthrough &d0 {" + lines(n, lambda i: f"irq {i} drop;") + "}")


@dimension(machrt=["plan", "check"], n=200)
def linked_interrupts(n):
    spec = ", ".join(f"<0 {i} 4>" for i in range(n))
    return on(board(one_device(f"interrupts = {spec};")), "passthrough &d0;")


@dimension
def references(n):
    refs = ", ".join("<&clk>" for _ in range(n))
    return on(board(one_device(f"clocks = {refs};")), "passthrough &d0 {" + lines(n, lambda i: f"ref clocks[{i}] drop;") + "}")


@dimension
def open_references(n):
    return on(board(lines(n, lambda i: f'c{i}: clk{i} {{ compatible = "a,c"; #clock-cells = <0>; }};')
                    + lines(n, lambda i: device(i, f"iommus = <&smmu {i}>; clocks = <&c{i}>;"))),
              lines(n, lambda i: f"passthrough &d{i};"))


@dimension
def fixed_references(n):
    refs, names = ", ".join("<&clk>" for _ in range(n)), ", ".join(f'"c{i}"' for i in range(n))
    return on(board(one_device(f"clocks = {refs}; clock-names = {names};")), "passthrough &d0 { ref clocks fixed 1000; }")


@dimension
def assigned_chain(n):
    return on(board(one_device("clocks = <&c0>;")
                    + lines(n, lambda i: f'c{i}: clk{i} {{ compatible = "a,c"; #clock-cells = <0>; clocks = <&c{i + 1}>; }};')
                    + f"c{n}: clk{n} {{ #clock-cells = <0>; }};"), "passthrough &d0 { ref clocks assign; }")


@dimension
def copied_references(n):
    return on(board(lines(n, lambda i: f'c{i}: clk{i} {{ compatible = "fixed-clock"; #clock-cells = <0>; '
                                       "clock-frequency = <1000>; };")
                    + lines(n, lambda i: device(i, f"iommus = <&smmu {i}>; clocks = <&c{i}>;"))),
              lines(n, lambda i: f"passthrough &d{i};"))


BUS = '#address-cells = <2>; #size-cells = <2>;'


@dimension
def children(n):
    return on(board(f'b: bus@{BASE:x} {{ compatible = "a,b"; reg = <{cells(BASE)} 0 0x1000>; iommus = <&smmu 1>; '
                    + lines(n, lambda i: f"c{i} {{ p; }};") + "};"), "passthrough &b;")


@dimension
def child_regions(n):
    reg = ", ".join(f"<{cells(BASE + i * 0x1000)} 0 0x1000>" for i in range(n))
    kids = lines(n, lambda i: f"c@{BASE + i * 0x1000:x} {{ reg = <{cells(BASE + i * 0x1000)} 0 0x10>; }};")
    return on(board(f'b: bus@{BASE:x} {{ compatible = "a,b"; reg = {reg}; {BUS} ranges; iommus = <&smmu 1>; {kids} }};'),
              "passthrough &b;")


@dimension
def child_statements(n):
    return on(board(f'b: bus {{ compatible = "simple-bus"; {BUS} ranges; ' + lines(n, device) + "};"),
              "passthrough &b {" + lines(n, lambda i: f"child dev@{BASE + i * 0x1000:x} {{ region 0 trap; }}") + "dma none; }")


@dimension
def left_out(n):
    return on(board(f'b: bus {{ compatible = "simple-bus"; {BUS} ranges; ' + lines(2 * n, device) + "};"), "passthrough &b {"
              + lines(n, lambda i: f"without dev@{BASE + i * 0x1000:x};")
              + lines(n, lambda i: f"child dev@{BASE + (n + i) * 0x1000:x} {{ region 0 trap; }}") + "dma none; }")


@dimension
def ranges(n):
    rows = ", ".join(f"<{i} 0 {cells(BASE + i * 0x1000)} 0 0x1000>" for i in range(n))
    kids = lines(n, lambda i: f'd{i}: dev@{i:x}00000000 {{ compatible = "a,b"; reg = <{i} 0 0 0x1000>; }};')
    return on(board(f'bus@{BASE:x} {{ compatible = "simple-bus"; {BUS} ranges = {rows}; {kids} }};'),
              "passthrough &d0 { dma none; }")


@dimension
def interrupt_map(n):
    rows = ", ".join(f"<{i} 0 0 1 &gic 0 {i % 900} 4>" for i in range(n))
    return on(board(f'p: pcie@{BASE:x} {{ compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <{cells(BASE)} 0 '
                    '0x10000000>; #address-cells = <3>; #size-cells = <2>; ranges = <0x02000000 0 0x10000000 0 0x10000000 0 '
                    f"0x1000000>; #interrupt-cells = <1>; interrupt-map-mask = <0xffff 0 0 7>; interrupt-map = {rows}; "
                    "iommu-map = <0 &smmu 0 0x100>; };"), "passthrough &p { irq intx drop; dma all; }")


@dimension
def iommu_map(n):
    rows = ", ".join(f"<{i} &smmu {i} 1>" for i in range(n))
    return on(board(f'p: pcie@{BASE:x} {{ compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <{cells(BASE)} 0 '
                    f"0x1000000>; #address-cells = <3>; #size-cells = <2>; ranges; iommu-map = {rows}; }};"),
              "passthrough &p;")


@dimension
def streams(n):
    ids = ", ".join(f"<&smmu {i}>" for i in range(n))
    return on(board(device(0, f"iommus = {ids};")), "passthrough &d0;")


@dimension
def one_stream(n):
    return {**board(lines(n, lambda i: device(i, "iommus = <&smmu 5>;"))),
            "in.mach": 'host "host.dts";\n' + lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram size 16M; "
                                                                 f"passthrough &d{i}; }}")}


@dimension
def machines_of_a_board(n):
    return {**board(lines(n, device)),
            "in.mach": 'host "host.dts";\n' + lines(n, lambda i: f"machine m{i} : arm64-virt {{ cpus 1; memory ram size 16M; "
                                                                 f"passthrough &d{i}; }}")}


@dimension
def aliases(n):
    return on(board(one_device(""), "aliases {" + lines(n, lambda i: f'a{i} = "/dev@{BASE:x}";') + "};"), "passthrough &d0;")


@dimension
def keeps(n):
    return on(board(lines(n, device)), "", 'host "host.dts" {' + lines(n, lambda i: f"keep &d{i};") + "}\n")


@dimension
def nested_registers(n):
    return on(board(lines(n, lambda i: f'd{i}: dev@{BASE + i * 4096:x} {{ compatible = "a,b"; reg = <{cells(BASE + i * 4096)} '
                                       f"{cells((2 * n - 2 * i) * 4096)}>; iommus = <&smmu {i}>; }};")),
              lines(n, lambda i: f"passthrough &d{i};"))


@dimension
def same_registers(n):
    return on(board(lines(n, lambda i: f'd{i}: dev{i} {{ compatible = "a,b"; reg = <1 0 0 0x1000>; iommus = <&smmu {i}>; }};')),
              lines(n, lambda i: f"passthrough &d{i};"))


@dimension
def one_page(n):
    return on(board(lines(n, lambda i: f'd{i}: dev@{BASE + i * 4:x} {{ compatible = "a,b"; reg = <1 {i * 4} 0 4>; iommus = '
                                       f"<&smmu {i}>; }};")), lines(n, lambda i: f"passthrough &d{i};"))


@dimension
def reserved_memory(n):
    nodes = lines(n, lambda i: f"r@{BASE + i * 0x2000:x} {{ reg = <{cells(BASE + i * 0x2000)} 0 0x1000>; no-map; }};")
    return on(board(lines(n, lambda i: device(n * 4 + i)), f"reserved-memory {{ {BUS} ranges; {nodes} }};"),
              lines(n, lambda i: f"passthrough &d{n * 4 + i};"))


@dimension
def memory_nodes(n):
    return on(board(lines(n, lambda i: f'memory@{BASE + i * 0x400000:x} {{ device_type = "memory"; reg = '
                                       f"<{cells(BASE + i * 0x400000)} 0 0x200000>; }};")),
              lines(n, lambda i: f"memory x{i} size 2M from physical {BASE + i * 0x400000:#x};"))


@dimension
def host_properties(n):
    return on(board(one_device(lines(n, lambda i: f"p{i} = <{i}>;"))), "passthrough &d0;")


@dimension
def host_labels(n):
    return on(board(lines(n, lambda i: f"l{i}:") + one_device("")), "passthrough &d0;")


@dimension
def host_merges(n):
    return on(board(one_device(""), after=lines(n, lambda i: f"&d0 {{ p{i} = <{i}>; }};")), "passthrough &d0;")


@dimension
def host_deletions(n):
    return on(board(lines(n, device), after=lines(n, lambda i: f"/delete-node/ &d{i};")), "")


@dimension
def host_unknown_labels(n):
    return on(board(one_device(""), after=lines(n, lambda i: f"&nothing{i} {{ p; }};")), "")


@dimension(n=100)
def host_cpus(n):
    cpu = lines(n, lambda i: f'cpu@{i:x} {{ device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <{i}>; }};')
    return on(board("", f"cpus {{ #address-cells = <1>; #size-cells = <0>; {cpu} }};"), "", 'host "host.dts";\n')


@dimension(n=50)
def host_depth(n):
    return on(board("".join(f"n{i} {{ " for i in range(n)) + one_device("") + "};" * n), "")


@dimension
def overlays(n):
    part = lines(n, lambda i: f"&d{i} {{ x; }};")
    return {"o.dts": "/dts-v1/;\n/plugin/;\n" + part,
            **on(board(lines(n, device)), "", 'host "host.dts" { overlay "o.dts"; }\n')}


@dimension(n=500)
def overlay_files(n):
    return {**{f"o{i}.dts": f"/dts-v1/;\n/plugin/;\n&d0 {{ x{i}; }};\n" for i in range(n)},
            **on(board(one_device("")), "", 'host "host.dts" { overlay ' + ", ".join(f'"o{i}.dts"' for i in range(n)) + "; }\n")}


@dimension
def under_a_bus(n):
    return on(board(lines(n, device)), f"node /bus {{ {BUS} ranges; }};"
              + lines(n, lambda i: f"passthrough &d{i} {{ under /bus; }}"))


@dimension
def under_buses(n):
    return on(board(lines(n, device)), lines(n, lambda i: f"node /bus{i} {{ {BUS} ranges; }};")
              + lines(n, lambda i: f"passthrough &d{i} {{ under /bus{i}; }}"))


# ---- JSON ----

def with_facts(n, groups):
    facts = json.dumps({"format": "facts.json", "iommu_groups": groups})
    return {"f.json": facts, **on(board(lines(n, device)), lines(n, lambda i: f"passthrough &d{i};"),
                                  'host "host.dts" { facts "f.json"; }\n')}


def member(i):
    return {"name": f"{BASE + i * 0x1000:x}.dev", "driver": None}


@dimension
def facts_groups(n):
    return with_facts(n, [{"group": i, "devices": [member(i)], "reserved": []} for i in range(n)])


@dimension
def facts_one_group(n):
    return with_facts(n, [{"group": 1, "devices": [member(i) for i in range(n)], "reserved": []}])


@dimension
def facts_reserved(n):
    areas = [{"first": hex(k * 8192), "last": hex(k * 8192 + 1), "type": "msi"} for k in range(n)]
    return with_facts(n, [{"group": i, "devices": [member(i)], "reserved": areas if not i else []} for i in range(n)])


@dimension(options=["--check", "--schema-dir", "classes"])
def classes(n):
    one = {f"classes/c{i}.json": json.dumps({"class": f"c{i}", "compatible": [f"x,c{i}"]}) for i in range(n // 4)}
    return {**one, **machine("")}


# ---- outputs ----

for view in ("dts", "json", "plan", "map", "graph"):
    DIMENSIONS[f"devices_as_{view}"] = devices
    MACHRT[f"devices_as_{view}"] = []
    OPTIONS[f"devices_as_{view}"] = [f"--emit={view}"]
    DIMENSIONS[f"memories_as_{view}"] = memories
    MACHRT[f"memories_as_{view}"] = []
    OPTIONS[f"memories_as_{view}"] = [f"--emit={view}"]
# Beyond some thousand boxes the picture shows runs of them, and is much smaller.
STEPS["devices_as_map"] = STEPS["memories_as_map"] = 4000
