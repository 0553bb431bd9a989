# SPDX-License-Identifier: MIT
"""Boards and views made by hand, which the ownership oracle must judge as written here: every kind of second owner is found,
and next to each stands what is no second owner."""

from checker.dtb import Tree
from harness import run

from .oracle import second_owners

BOARD = """/dts-v1/;
/ {
    #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&gic>;
    gic: gic@1000000 { reg = <0x1000000 0x10000>; interrupt-controller; #interrupt-cells = <3>; };
    smmu: iommu@2000000 { compatible = "arm,mmu-500"; reg = <0x2000000 0x10000>; #iommu-cells = <2>; };
    narrow: iommu@2100000 { compatible = "arm,mmu-500"; reg = <0x2100000 0x10000>; #iommu-cells = <1>;
        stream-match-mask = <0x7f80>; };
    memory@80000000 { device_type = "memory"; reg = <0x80000000 0x40000000>; };
    reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
        free@90000000 { reg = <0x90000000 0x1000000>; no-map; };
        used: used@91000000 { reg = <0x91000000 0x1000000>; no-map; };
        driver@92000000 { reg = <0x92000000 0x1000000>; no-map; compatible = "acme,log"; };
    };
    dev@3000000 { reg = <0x3000000 0x1000>, <0x3002000 0x800>; };
    dev@3010000 { reg = <0x3010000 0x1000>; memory-region = <&used>; };
    dev@3020000 { reg = <0x3020000 0x800>; };
    dev@3020800 { reg = <0x3020800 0x800>; };
    off@3040000 { reg = <0x3040000 0x1000>; status = "disabled"; };
    line@5000000 { reg = <0x5000000 0x1000>; interrupts = <0 1 4>, <0 2 4>; };
    line@5010000 { reg = <0x5010000 0x1000>; interrupts-extended = <&gic 0 2 4>; };
    line@5020000 { reg = <0x5020000 0x1000>; interrupts = <0 3 4>; };
    line@5030000 { reg = <0x5030000 0x1000>; interrupts = <0 3 4>; status = "disabled"; };
    mask@6000000 { reg = <0x6000000 0x1000>; iommus = <&smmu 0x10 0xf>; };
    mask@6010000 { reg = <0x6010000 0x1000>; iommus = <&smmu 0x40 0>, <&smmu 0x13 0>; };
    mask@6020000 { reg = <0x6020000 0x1000>; iommus = <&smmu 0x20 0xf>; };
    few@6030000 { reg = <0x6030000 0x1000>; iommus = <&narrow 0x11>; };
    few@6040000 { reg = <0x6040000 0x1000>; iommus = <&narrow 0x91>; };
    few@6050000 { reg = <0x6050000 0x1000>; iommus = <&narrow 0x12>; status = "disabled"; };
    few@6060000 { reg = <0x6060000 0x1000>; iommus = <&narrow 0x112>; };
    id@6070000 { reg = <0x6070000 0x1000>; iommus = <&smmu 0x10a 0>; };
    id@7000000 { reg = <0x7000000 0x1000>; fsl,liodn = <7>; };
    id@7010000 { reg = <0x7010000 0x1000>; part { fsl,liodn = <8 7>; }; };
    id@7020000 { reg = <0x7020000 0x1000>; fsl,liodn = <9>; };
    top: top@3050000 { reg = <0x3050000 0x10000>; #address-cells = <1>; #size-cells = <1>; ranges = <0 0x3050000 0x10000>;
        part@1000 { reg = <0x1000 0x1000>; };
        twin@1000 { reg = <0x1000 0x1000>; status = "disabled"; };
    };
    syscon@3060000 { reg = <0x3060000 0x1000>; };
    pcie@4000000 { device_type = "pci"; reg = <0x4000000 0x100000>;
        #address-cells = <3>; #size-cells = <2>; linux,pci-domain = <0>;
        ranges = <0x02000000 0 0x10000000 0x10000000 0 0x10000000>, <0x01000000 0 0 0x4200000 0 0x10000>;
        bus-range = <0 0xf>; iommu-map = <0x100 &smmu 0x200 0x100>;
        nic@1,0 { reg = <0x800 0 0 0 0>; };
        port@2,0 { reg = <0x1000 0 0 0 0>; #address-cells = <3>; #size-cells = <2>; ranges; bus-range = <1 2>;
            wifi@2,3 { reg = <0x1300 0 0 0 0>; };
        };
    };
    pcie@4400000 { device_type = "pci"; reg = <0x4400000 0x100000>;
        #address-cells = <3>; #size-cells = <2>; linux,pci-domain = <1>;
        ranges = <0x02000000 0 0x20000000 0x20000000 0 0x10000000>; bus-range = <0 1>; iommu-map = <0x8 &smmu 0x108 0x8>; };
};
"""

SHADOW = ("trap", "shadow")
NOT_OF_THE_HOST = ("/gic@1000000", "/iommu@2000000", "/iommu@2100000")


class Machine:
    """A JSON view with what the oracle reads in it."""

    def __init__(self, name, on=()):
        self.json = {"machine": [{"name": name, "host_page_size": "0x1000"}], "memory": [], "device": [], "region": [],
                     "irq": [], "expect": [], "write": [], "cpu": [{"vcpu": k, "host_cpu": c} for k, c in enumerate(on)]}

    def memory(self, backing="physical", at=None, size=0x200000, path=None, share=None, offset=0):
        self.json["memory"].append({"name": "ram", "backing": backing, "path": path, "share": share, "size": hex(size),
                                    "offset": hex(offset), "physical": None if at is None else hex(at)})
        return self

    def free(self, first, size):
        self.json["expect"].append({"kind": "memory-free", "a": hex(first), "b": hex(size)})
        return self

    def device(self, kind="platform", path=None, sysfs=None, regions=(), irqs=()):
        """regions: (host, size, mode, flag...) or (file, offset, size, mode); irqs: index, or a file."""
        k = len(self.json["device"])
        self.json["device"].append({"name": f"d{k}", "kind": kind, "host_path": path, "sysfs_name": sysfs})
        for i, (where, *rest) in enumerate(regions):
            file, offset = (where, rest.pop(0)) if isinstance(where, str) else (None, 0)
            size, mode, *flags = rest
            self.json["region"].append({"device": k, "index": i, "mode": mode, "flags": flags, "file": file, "size": hex(size),
                                        "host": None if file else hex(where), "offset": hex(offset)})
        for i in irqs:
            file = i if isinstance(i, str) else None
            self.json["irq"].append({"device": k, "index": 0 if file else i, "source": "file" if file else "device",
                                     "file": file, "flags": []})
        return self

    def tree(self, path, *regions, irqs=()):
        return self.device("platform", path, None, regions, irqs)

    def raw(self, *regions, irqs=()):
        return self.device("raw", None, None, regions, irqs)

    def shadow(self, offset, mask):
        self.device("raw", "/syscon@3060000", None, [(0x3060000, 0x1000, *SHADOW)])
        if mask:
            self.json["write"].append({"region": len(self.json["region"]) - 1, "offset": hex(offset), "mask": hex(mask)})
        return self


def one(*on):
    return Machine("one", on)


def two(*on):
    return Machine("two", on)


A, B = ("/dev@3000000", (0x3000000, 0x1000, "map"), (0x3002000, 0x800, "trap")), ("/dev@3010000", (0x3010000, 0x1000, "map"))
C, D = ("/dev@3020000", (0x3020000, 0x800, "trap")), ("/dev@3020800", (0x3020800, 0x800, "trap"))
WHOLE = ("/top@3050000", (0x3050000, 0x10000, "map"))
UNSAFE = ("/top@3050000", (0x3050000, 0x10000, "map", "unsafe"))
PART, TWIN = ("/top@3050000/part@1000", (0x3051000, 0x1000, "map")), ("/top@3050000/twin@1000", (0x3051000, 0x1000, "map"))
BRIDGE = ("/pcie@4000000", (0x4000000, 0x100000, "map"), (0x10000000, 0x10000000, "map", "window"))
FUNCTION = {"kind": "pci", "sysfs": "0000:01:02.3"}
BAR0 = "/sys/bus/pci/devices/0000:01:02.3/resource0"


def at(path):
    """A device with one page of registers, where its name says."""
    return path, (int(path.split("@")[1], 16), 0x1000, "map")


def group(*members):
    return {"iommu_groups": [{"group": 4, "devices": [{"name": name, "driver": driver} for name, driver in members]}]}


# (what it shows, the kinds that are found, machines, further arguments)
CASES = (
    ("a function", {"device", "file", "stream"}, (one().device(**FUNCTION), two().device(**FUNCTION)), {}),
    ("functions of two domains", set(),
     (one().device("pci", sysfs="0002:02:00.0"), two().device("pci", sysfs="0003:02:00.0")), {}),
    ("a node, and the device of its name", {"device"}, (one().tree(*B), two().device("platform", sysfs="3010000.dev")), {}),
    ("keep", {"keep"}, (one().tree(*PART),), {"keep": ["/top@3050000"]}),
    ("keep of something else", set(), (one().tree(*PART),), {"keep": ["/dev@3000000", "/top@3"]}),

    ("memory twice", {"physical"}, (one().memory(at=0xa0000000), two().memory(at=0xa01ff000)), {}),
    ("memory after memory", set(), (one().memory(at=0xa0000000), two().memory(at=0xa0200000)), {}),
    ("shared memory", set(), (one().memory(at=0xa0000000, share="x"), two().memory(at=0xa0000000, share="x")), {}),
    ("two shares", {"physical"}, (one().memory(at=0xa0000000, share="x"), two().memory(at=0xa0000000, share="y")), {}),
    ("memory of the pool", set(), (one().memory("contiguous", at=0xa0000000),), {}),
    ("/dev/mem as a file", {"physical"}, (one().memory("file", path="/dev/./mem", offset=0xa0000000),), {}),
    ("/dev/mem of which half is proven free", {"physical"}, (
        one().memory("file", path="/dev/mem", offset=0xa0000000, size=0x2000).free(0xa0000000, 0x1000),), {}),
    ("reserved memory of nobody", set(), (one().memory(at=0x90000000),), {}),
    ("reserved memory of a device of the host", {"physical"}, (one().memory(at=0x91000000),), {}),
    ("reserved memory of another machine's device", {"physical"}, (one().memory(at=0x91000000), two().tree(*B)), {}),
    ("reserved memory of its own device", set(), (one().memory(at=0x91000000).tree(*B),), {}),
    ("reserved memory of a driver", {"physical"}, (one().memory(at=0x92000000),), {}),
    ("reserved memory that is kept", {"physical"}, (one().memory(at=0x90000000),),
     {"keep": ["/reserved-memory/free@90000000"]}),
    ("memory over registers", {"physical"}, (one().memory(at=0x3040000, size=0x1000), two().tree(*at("/off@3040000"))), {}),
    ("memory over registers of the host", {"physical"}, (one().memory(at=0x3000000, size=0x1000),), {}),
    ("memory over registers that are not in use", set(), (one().memory(at=0x3040000, size=0x1000),), {}),
    ("the same, which are kept", {"physical"}, (one().memory(at=0x3040000, size=0x1000),), {"keep": ["/off@3040000"]}),
    ("memory over a window of the host", {"physical"}, (one().memory(at=0x10000000),), {}),
    ("memory over a window of another machine", {"physical"}, (one().memory(at=0x1fe00000), two().tree(*BRIDGE)), {}),
    ("memory after all windows", set(), (one().memory(at=0x30000000), two().tree(*BRIDGE)), {}),
    ("raw over an I/O window", {"physical"}, (one().raw(("/dev/mem", 0x4200000, 0x1000, "map")), two().tree(*BRIDGE)), {}),
    ("raw over registers of the host", {"physical"}, (one().raw(("//dev/mem", 0x3060000, 0x1000, "trap")),), {}),
    ("and by udev's name", {"physical"}, (one().raw(("/proc/self/root/dev//char/1:1", 0x3060000, 0x1000, "trap")),), {}),
    ("another device of udev's", set(), (one().raw(("/dev/char/1:11", 0x3060000, 0x1000, "trap")),), {}),
    ("a few of them, trapped", set(), (one().raw(("/dev/mem", 0x3060000, 4, "trap")),), {}),
    ("a few of them, mapped", {"physical", "page"}, (one().raw(("/dev/mem", 0x3000000, 0x800, "map")),), {}),
    ("a few of what is kept, trapped", {"physical"},
     (one().raw(("/dev/mem", 0x3060000, 4, "trap")),), {"keep": ["/syscon@3060000"]}),
    ("a few across an end, trapped", {"physical"}, (one().raw(("/dev/mem", 0x3002400, 0x800, "trap")),), {}),
    ("raw over RAM", {"physical"}, (one().raw(("/dev/mem", 0xa0000000, 0x1000, "map")),), {}),
    ("raw over RAM that is proven free", set(),
     (one().raw(("/dev/mem", 0xa0000000, 0x1000, "map")).free(0xa0000000, 0x1000),), {}),
    ("raw over nothing", set(), (one().raw(("/dev/mem", 0x3070000, 0x1000, "map")),), {}),
    ("raw over a dropped region", {"physical"}, (one().raw(("/dev/x/../mem", 0x3002000, 4, "trap")),
                                               two().tree(A[0], A[1], (0x3002000, 0x800, "drop"))), {}),
    ("raw over a region that the view does not list", {"physical"}, (
        one().raw(("/dev/mem", 0x3002000, 4, "trap")), two().tree(*A[:2])), {}),
    ("raw in the page of another machine", {"page"}, (one().raw(("/dev/mem", 0x3002800, 0x800, "trap")),
                                                    two().tree(A[0], A[1], (0x3002000, 0x800, "map"))), {}),
    ("the same, trapped", set(), (one().raw(("/dev/mem", 0x3002800, 0x800, "trap")), two().tree(*A)), {}),
    ("registers of the host in a page", {"page"}, (one().tree(C[0], (0x3020000, 0x800, "map")),), {}),
    ("which the text calls unsafe", set(), (one().tree(C[0], (0x3020000, 0x800, "map", "unsafe")),), {}),
    ("two in one page, trapped", set(), (one().tree(*C), two().tree(*D)), {}),
    ("two in one page, mapped", {"page"}, (one().tree(C[0], (0x3020000, 0x800, "map")), two().tree(*D)), {}),
    ("both of one machine", set(), (one().tree(C[0], (0x3020000, 0x800, "map")).tree(D[0], (0x3020800, 0x800, "map")),), {}),
    ("a whole with a part that the host keeps", {"physical", "page"}, (one().tree(*WHOLE),), {}),
    ("a part of what the host keeps", set(), (one().tree(*PART),), {}),
    ("two below a third, exempt one", {"physical", "page"},
     (Machine("three").tree(*UNSAFE), one().tree(*PART), two().tree(*TWIN)), {}),
    ("one below an exempt one", set(), (Machine("three").tree(*UNSAFE), one().tree(*PART)), {}),

    ("a file under two names", {"file"}, (
        one().memory("file", path="/dev/shm/x"), two().memory("file", path="/dev/shm//./y/../x")), {}),
    ("two parts of a file", set(), (
        one().memory("file", path="/dev/shm/x"), two().memory("file", path="/dev/shm/x", offset=0x200000)), {}),
    ("a shared file", set(), (one().memory("file", path="/a", share="s"), two().memory("file", path="/a", share="s")), {}),
    ("a region of memory's file", {"file"}, (
        one().memory("file", path="/dev/shm/x"), two().raw(("/dev/shm/x", 0x1ff000, 0x1000, "map"))), {}),
    ("an interrupt's file twice", {"file"}, (one().raw(irqs=["/dev/uio0"]), two().raw(irqs=["/dev//uio0"])), {}),
    ("an interrupt's file twice in one machine", {"file"}, (one().raw(irqs=["/dev/uio0"]).raw(irqs=["/dev/uio0"]),), {}),
    ("a UIO device's registers and its interrupt", {"file"}, (
        one().raw(("/dev/uio0", 0x1000, 0x1000, "map")), two().raw(irqs=["/dev/uio0"])), {}),
    ("both of one machine", set(), (one().raw(("/dev/uio0", 0x1000, 0x1000, "map"), irqs=["/dev/uio0"]),), {}),
    ("two interrupts' files", set(), (one().raw(irqs=["/dev/uio0"]), two().raw(irqs=["/dev/uio1"])), {}),
    ("a BAR as a file", {"file"}, (one().raw((BAR0, 0, 0x1000, "map")), two().device(**FUNCTION)), {}),
    ("a BAR by the device's place", {"file"}, (
        one().raw(("/sys/devices/pci0000:00/0000:00:01.0/0000:01:02.3/resource0_wc", 0, 0x1000, "map")),
        two().device(**FUNCTION)), {}),
    ("a BAR of another function", set(),
     (one().raw((BAR0.replace(".3", ".2"), 0, 0x1000, "map")), two().device(**FUNCTION)), {}),

    ("a function and its bridge", {"function"}, (one().device("pci", sysfs="0000:00:02.3"), two().tree(*BRIDGE)), {}),
    ("a function's BAR and its bridge", {"function"}, (one().raw((BAR0, 0, 0x1000, "map")), two().tree(*BRIDGE)), {}),
    ("a function of another domain and a bridge", set(), (one().device("pci", sysfs="0001:01:02.3"), two().tree(*BRIDGE)), {}),
    ("a function of a bridge that is kept", {"keep"}, (one().device(**FUNCTION),), {"keep": ["/pcie@4000000"]}),

    ("a function whose node is kept", {"keep"},
     (one().device("pci", sysfs="0000:00:01.0"),), {"keep": ["/pcie@4000000/nic@1,0"]}),
    ("another function of it", set(), (one().device("pci", sysfs="0000:00:01.1"),), {"keep": ["/pcie@4000000/nic@1,0"]}),
    ("a function whose port is kept", {"keep"},
     (one().device("pci", sysfs="0000:02:09.0"),), {"keep": ["/pcie@4000000/port@2,0"]}),
    ("a function whose node below a port is kept", {"keep"}, (one().device(**FUNCTION),),
     {"keep": ["/pcie@4000000/port@2,0/wifi@2,3"]}),
    ("a function on another bus", set(), (one().device("pci", sysfs="0000:03:09.0"),), {"keep": ["/pcie@4000000/port@2,0"]}),

    ("a line", {"line"}, (one().tree(*at("/line@5000000"), irqs=[1]), two().tree(*at("/line@5010000"), irqs=[0])), {}),
    ("a line of a device of the host", {"line"}, (one().tree(*at("/line@5010000"), irqs=[0]),), {}),
    ("a line that one does not link", set(),
     (one().tree(*at("/line@5000000"), irqs=[0]), two().tree(*at("/line@5010000"), irqs=[0])), {}),
    ("a line of a device that is off", set(), (one().tree(*at("/line@5020000"), irqs=[0]),), {}),

    ("stream ids with masks", {"stream"}, (one().tree(*at("/mask@6000000")), two().tree(*at("/mask@6010000"))), {}),
    ("a stream id of the host", {"stream"}, (one().tree(*at("/mask@6010000")),), {}),
    ("stream ids that differ outside of a mask", set(), (one().tree(*at("/mask@6020000")),), {}),
    ("stream ids that an IOMMU does not tell apart", {"stream"},
     (one().tree(*at("/few@6030000")), two().tree(*at("/few@6040000"))), {}),
    ("a stream id of a device that is off", set(), (one().tree(*at("/few@6060000")),), {}),
    ("a function's stream id", {"stream"}, (one().device("pci", sysfs="0001:00:01.2"), two().tree(*at("/id@6070000"))), {}),
    ("a bridge of another machine with such a function", {"stream"},
     (one().tree(*at("/id@6070000")), two().tree(*at("/pcie@4400000"))), {}),
    ("a bridge with a function that has an id of the host", {"stream"}, (one().tree(*at("/pcie@4400000")),), {}),
    ("a bridge of the host that may have such a function", set(), (one().tree(*at("/id@6070000")),), {}),
    ("a LIODN of a part", {"liodn"}, (one().tree(*at("/id@7000000")), two().tree(*at("/id@7010000"))), {}),
    ("a LIODN of nobody else", set(), (one().tree(*at("/id@7020000")),), {}),
    ("a host cpu", {"cpu"}, (one(0, 1), two(2, 1)), {}),
    ("host cpus", set(), (one(0, 1, 1), two(2, None)), {}),

    ("a group", {"group"}, (one().device("pci", sysfs="0001:00:03.0"), two().device("pci", sysfs="0001:00:03.1")),
     {"facts": group(("0001:00:03.0", None), ("0001:00:03.1", "vfio-pci"))}),
    ("a group with a driver of the host", {"group"}, (one().device("pci", sysfs="0001:00:03.0"),),
     {"facts": group(("0001:00:03.0", None), ("0001:00:03.1", "e1000e"))}),
    ("a group with a port of the host", set(), (one().device("pci", sysfs="0001:00:03.0"),),
     {"facts": group(("0001:00:03.0", None), ("0001:00:03.1", "pcieport"))}),
    ("a group of others", set(), (one().device("pci", sysfs="0001:00:02.0"),),
     {"facts": group(("0001:00:03.0", "e1000e"), ("0001:00:03.1", "igb"))}),

    ("a bit", {"bit"}, (one().shadow(0x10, 0x30), two().shadow(0x10, 0x60)), {}),
    ("bits", set(), (one().shadow(0x10, 0x30), two().shadow(0x10, 0x40)), {}),
    ("a shadow of what another machine has", {"physical"}, (one().shadow(0x10, 0), two().tree(*at("/syscon@3060000"))), {}),
)


def blob(source):
    done = run("dtc", "-q", "-f", "-I", "dts", "-O", "dtb", "-", stdin=source.encode())
    if done.status != 0:
        raise ValueError(done.err)
    return Tree(done.out)


def misjudged():
    """[(what, problem or None)] of every case."""
    tree = blob(BOARD)
    for what, kinds, machines, more in CASES:
        said = second_owners([m.json for m in machines], tree, **more)
        found = {text.split(":")[0] for text in said}
        yield what, None if found == kinds else "\n".join([f"found {sorted(found)}, not {sorted(kinds)}", *said])
