# SPDX-License-Identifier: MIT
"""The ownership oracle: finds what two owners have, from the JSON views of all machines of a board and the host's tree alone.

It shares no code and no order of steps with machc: everything that is owned is a claim, all claims of a space are compared
in pairs, and what a pair is allowed is written in may(), next to the reason. It has to be right before it is fast.
"""

import posixpath
import re

from .board import Board, below

BDF = r"([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])"
BAR = re.compile(rf"/sys/(?:bus/pci/devices|devices/(?:.*/)?pci[^/]*(?:/.*)?)/{BDF}/resource([0-5])(?:_wc)?")
IDLE_DRIVERS = re.compile(r"vfio-.*|pcieport|pci-stub")


class Claim:
    """Something that an owner has: [first, end) of a space. `owner` is a machine's name, or None for the host."""

    def __init__(self, owner, first, end, what, kind, node=None, tags=(), share=None):
        self.owner, self.first, self.end, self.what, self.kind = owner, first, end, what, kind
        self.node, self.tags, self.share = node, set(tags), share

    def __str__(self):
        return f"{self.owner or 'the host'}: {self.what}"


def n(value):
    return None if value is None else int(value, 0) if isinstance(value, str) else value


def plain(path):
    """A file's name without detours. What links lead to is known at the start only, but for those that the kernel and udev
    have on every machine: a process's root, and /dev/char by numbers."""
    path = re.sub(r"^/+", "/", posixpath.normpath(path))
    path = re.sub(r"^(/proc/(self|thread-self|[0-9]+)(/task/[0-9]+)?/root)+(?=/)", "", path)
    return "/dev/mem" if path == "/dev/char/1:1" else path


def pairs(claims):
    """Every two claims that overlap. All that are still open are kept."""
    open_ = []
    for claim in sorted(claims, key=lambda c: (c.first, c.end)):
        open_ = [c for c in open_ if c.end > claim.first]
        for other in open_:
            yield other, claim
        open_.append(claim)


class View:
    """One machine's JSON view."""

    def __init__(self, json):
        self.json = json
        self.name = json["machine"][0]["name"]
        self.page = n(json["machine"][0]["host_page_size"])
        self.devices = json["device"]
        self.regions = {i: [] for i in range(len(self.devices))}
        for i, r in enumerate(json["region"]):
            self.regions[r["device"]].append((i, r))
        # A shadow has a node of the host, and does not own it.
        self.owned = [(i, d) for i, d in enumerate(self.devices) if d["kind"] != "emulated" and not any(
            "shadow" in r["flags"] for _, r in self.regions[i])]
        self.free = [(n(e["a"]), n(e["a"]) + n(e["b"])) for e in json["expect"] if e["kind"] == "memory-free"]

    def proven_free(self, first, end):
        """The start proves that the host's kernel does not use it."""
        for a, b in sorted(self.free):
            if a <= first < b:
                first = b
        return first >= end

    def irqs(self, i):
        return [q for q in self.json["irq"] if q["device"] == i]


class Oracle:
    def __init__(self, views, tree=None, keep=(), facts=None):
        self.views, self.board = [View(v) for v in views], Board(tree)
        self.keep, self.facts = list(keep), facts
        self.found = []
        self.given = {}  # path of a node -> name of the machine that has it
        self.give()
        for look in (self.physical, self.files, self.functions, self.lines, self.streams, self.liodns, self.cpus, self.groups,
                     self.bits):
            look()

    def say(self, kind, a, b, where):
        text = f"{kind}: {a} and {b}: {where}"
        if text not in self.found:
            self.found.append(text)

    # ---- nodes ----

    def kept(self, path):
        return any(below(path, kept) for kept in self.keep)

    def path(self, d):
        """The node of a device; one that is given by its name on the platform bus has one as well."""
        if d["host_path"] is not None:
            return d["host_path"]
        return self.board.by_linux_name.get(d["sysfs_name"]) if d["kind"] == "platform" else None

    def give(self):
        names = {}
        for v in self.views:
            for _, d in v.owned:
                path = self.path(d)
                for what in {path, d["sysfs_name"]} - {None}:
                    other = names.setdefault(what, (v.name, d["name"]))
                    if other[0] != v.name:
                        self.say("device", other[0], v.name, what)
                if path is None:
                    continue
                self.given[path] = v.name
                for kept in self.keep:
                    if below(path, kept):
                        self.say("keep", "the host", v.name, f"{path}, and {kept} is kept")

    def owner(self, node):
        """(whether anyone has it, the machine or None for the host)"""
        if node.path in self.given:
            return True, self.given[node.path]
        if node.path in self.keep:
            return True, None
        if node.path not in self.board.enabled:
            return False, None
        # A part without registers and interrupts is no device of the config, and goes along with the whole.
        if not self.board.registers(node) and not {"interrupts", "interrupts-extended"} & set(node.props):
            at = node
            while at is not None:
                if at.path in self.given:
                    return True, self.given[at.path]
                at = at.parent
        return True, None

    # ---- physical addresses ----

    def claims(self):
        for v in self.views:
            yield from self.memory(v)
            for i, d in enumerate(v.devices):
                yield from self.registers_of(v, i, d)
        for node in self.board.nodes:
            has, owner = self.owner(node)
            if not has or owner is not None:
                continue
            for k, a, size in self.board.registers(node):
                yield Claim(None, a, a + size, f"registers {k} of {node.path}", "registers", node.path)
            if node in self.board.bridges:
                for a, size in self.board.pci_windows(node):
                    yield Claim(None, a, a + size, f"a window of {node.path}", "window", node.path)
        for path, a, size in self.board.ram():
            yield Claim(None, a, a + size, path, "ram")
        for node, a, size in self.board.reserved():
            tags = {self.owner(user)[1] for user in self.board.users(node)}
            if {"compatible", "reusable"} & set(node.props) or self.kept(node.path):
                tags.add(None)
            yield Claim(None, a, a + size, node.path, "reserved", node.path, tags)

    @staticmethod
    def memory(v):
        for x in v.json["memory"]:
            at, offset = n(x["physical"]), n(x["offset"])
            if x["backing"] == "file" and plain(x["path"]) == "/dev/mem":
                at = offset
            if at is not None:
                yield Claim(v.name, at, at + n(x["size"]), f"memory {x['name']}", "memory", None,
                            {x["backing"]}, x["share"])

    def registers_of(self, v, i, d):
        """What the view lists, and what the tree gives the device besides."""
        listed, path = set(), self.path(d)
        for _, r in v.regions[i]:
            at, size = n(r["host"]), n(r["size"])
            if r["file"] is not None:
                at = n(r["offset"]) if plain(r["file"]) == "/dev/mem" else None
            if "window" not in r["flags"]:
                listed.add(r["index"])
            if at is None or not size:
                continue
            kind = "shadow" if "shadow" in r["flags"] else "raw" if path is None else "registers"
            yield Claim(v.name, at, at + size, f"region {r['index']} of {d['name']}", kind, path, {r["mode"], *r["flags"]})
        if path is None or path not in self.given or d["kind"] == "emulated":
            return
        node = self.board.tree.by_path[path]
        for k, a, size in self.board.registers(node):
            if k not in listed:
                yield Claim(v.name, a, a + size, f"registers {k} of {path}", "registers", path, {"drop"})
        if node in self.board.bridges:
            for a, size in self.board.pci_windows(node):
                yield Claim(v.name, a, a + size, f"a window of {path}", "window", path, {"map", "window"})

    def physical(self):
        claims = list(self.claims())
        for a, b in pairs(claims):
            if a.owner != b.owner and not self.may(a, b) and not self.may(b, a):
                self.say("physical", a, b, f"{max(a.first, b.first):#x}")
        # Whole pages are mapped: other registers in them are the guest's, too.
        page = max([v.page for v in self.views], default=0x1000)
        mapped = [Claim(c.owner, c.first // page * page, -(-c.end // page) * page, c.what + ", its pages", c.kind, c.node,
                        c.tags | {"pages"}, c.share)
                  for c in claims if c.owner and "map" in c.tags and not {"window", "unsafe"} & c.tags]
        for a, b in pairs(mapped + [c for c in claims if c.kind in ("registers", "raw")]):
            if ("pages" in a.tags) != ("pages" in b.tags) and a.owner != b.owner and not self.may(a, b) and not self.may(b, a):
                self.say("page", a, b, f"{max(a.first, b.first):#x}")

    def view(self, name):
        return next(v for v in self.views if v.name == name)

    def may(self, a, b):
        """Whether `a`, which a machine has, may be over `b` of another owner."""
        if a.owner is None:
            return False
        # Both machines know of it.
        if a.kind == b.kind == "memory" and a.share is not None and a.share == b.share:
            return True
        # The text says why, about this region.
        if "unsafe" in a.tags and b.kind == "registers":
            return True
        # A few registers inside the bank of a node above, which keeps the rest.
        if b.owner is None and a.node and b.node and a.node != b.node and below(a.node, b.node):
            return True
        # The same for a few trapped registers of a bank, whosever they are.
        if b.owner is None and b.kind == "registers" and "trap" in a.tags and a.end - a.first < b.end - b.first and (
                b.first <= a.first and a.end <= b.end) and not self.kept(b.node):
            return True
        # The text settles that two nodes describe the same registers by not using them here.
        if "drop" in a.tags and b.kind == "registers":
            return True
        # The bits are compared instead; a shadow is of something that the host keeps.
        if a.kind == "shadow" and (b.owner is None or b.kind == "shadow"):
            return True
        if b.kind == "ram":
            # The kernel gives what is in its pools, and each start proves of memory without one that the kernel does not use
            # it (docs/runtime.md). Files need an expectation of their own.
            first, end = max(a.first, b.first), min(a.end, b.end)
            return bool({"contiguous", "heap", "physical"} & a.tags) or self.view(a.owner).proven_free(first, end)
        if b.kind == "reserved":
            # For nobody else, or the heap's own.
            return b.tags <= {a.owner} or "heap" in a.tags
        return False

    # ---- files ----

    def files(self):
        claims = {}
        for v in self.views:
            for x in v.json["memory"]:
                if x["backing"] == "file":
                    self.file(claims, v, x["path"], n(x["offset"]), n(x["size"]), f"memory {x['name']}", share=x["share"])
            for i, d in enumerate(v.devices):
                for _, r in v.regions[i]:
                    if r["file"] is not None and "shadow" not in r["flags"]:
                        self.file(claims, v, r["file"], n(r["offset"]), n(r["size"]), f"region {r['index']} of {d['name']}")
                for q in v.irqs(i):
                    if q["file"] is not None and "shared" not in q["flags"]:
                        self.file(claims, v, q["file"], 0, 0, f"interrupt {q['index']} of {d['name']}")
                if d["kind"] == "pci":
                    for bar in range(6):
                        claims.setdefault((d["sysfs_name"], str(bar)), []).append(
                            Claim(v.name, 0, 1 << 64, f"BAR {bar} of {d['name']}", "bar"))
        for name, of_one in claims.items():
            for a, b in pairs(of_one):
                # A read takes an interrupt away from all other readers, also those of the same machine.
                if (a.owner != b.owner or a.kind == b.kind == "irq") and (a.share is None or a.share != b.share):
                    self.say("file", a, b, f"{max(a.first, b.first):#x} of {name}")

    @staticmethod
    def file(claims, v, path, offset, size, what, share=None):
        path = plain(path)
        if path == "/dev/mem" and size:
            return  # physical addresses
        bar = BAR.fullmatch(path)
        # Whoever waits for a UIO device's interrupt has the device.
        claims.setdefault(bar.groups() if bar else path, []).append(
            Claim(v.name, offset, offset + size if size else 1 << 64, what, "part" if size else "irq", share=share))

    # ---- PCI ----

    def functions(self):
        for v in self.views:
            for i, d in v.owned:
                used = [d["sysfs_name"]] if d["kind"] == "pci" else [
                    bar.group(1) for _, r in v.regions[i] if r["file"] for bar in [BAR.fullmatch(plain(r["file"]))] if bar]
                for bdf in used:
                    bridge = self.board.bridge_of(bdf)
                    if bridge is None:
                        continue
                    has, owner = self.owner(bridge)
                    if owner is not None and owner != v.name:
                        self.say("function", f"{v.name}: {bdf}", f"{owner}: {bridge.path}", "its bridge")
                    for node in self.board.nodes_of_function(bdf):
                        if self.kept(node.path):
                            self.say("keep", "the host", v.name, f"{bdf}, and {node.path} is kept")

    # ---- interrupts ----

    def lines(self):
        takers = {}
        for v in self.views:
            for i, d in v.owned:
                path = self.path(d)
                if path is None:
                    continue
                lines = self.board.lines(self.board.tree.by_path[path])
                listed = {q["index"]: q for q in v.irqs(i) if q["source"] == "device"}
                for k, line in enumerate(lines):
                    if k in listed and "dropped" not in listed[k]["flags"]:
                        takers.setdefault(line, {})[v.name] = f"{v.name}: interrupt {k} of {d['name']}"
        for node in self.board.nodes:
            has, owner = self.owner(node)
            if has and owner is None and {"interrupts", "interrupts-extended"} & set(node.props):
                for line in self.board.lines(node):
                    if line in takers:
                        takers[line].setdefault(None, f"the host: {node.path}")
        for (chip, line), who in takers.items():
            first, *rest = who.values()
            for other in rest:
                self.say("line", first, other, f"{line} of {chip}")
            owner = self.given.get(chip)
            for machine in who:
                if owner is not None and machine is not None and machine != owner:
                    self.say("line", who[machine], f"{owner} has its controller", f"{line} of {chip}")

    # ---- ids at IOMMUs ----

    def ids(self):
        """[(owner, what, stream)]"""
        for node in self.board.nodes:
            has, owner = self.owner(node)
            if has:
                for s in self.board.streams(node):
                    yield owner, node.path, s
                # What functions below a bridge of the host there are, no tree tells; a guest's bus may have any.
                for s in self.board.bus_streams(node) if node in self.board.bridges and owner is not None else []:
                    yield owner, "a function below " + node.path, s
        for v in self.views:
            for _, d in v.owned:
                if d["kind"] == "pci":
                    for s in self.board.function_streams(d["sysfs_name"]):
                        yield v.name, d["sysfs_name"], s

    def streams(self):
        ids = list(self.ids())
        for k, (owner, what, s) in enumerate(ids):
            for other, there, t in ids[:k]:
                # A function and its bridge are compared as such.
                if owner != other and s.meets(t) and not self.one_bus(what, there):
                    self.say("stream", f"{other or 'the host'}: {there}", f"{owner or 'the host'}: {what}", f"{s}")

    @staticmethod
    def one_bus(a, b):
        return a.startswith("a function below") and re.fullmatch(BDF, b) or re.fullmatch(BDF, a) and b.startswith("a function")

    def liodns(self):
        owners = {}
        for node in self.board.nodes:
            has, owner = self.owner(node)
            for liodn in self.board.liodns(node) if has else []:
                first, there = owners.setdefault(liodn, (owner, node.path))
                if first != owner:
                    self.say("liodn", f"{first or 'the host'}: {there}", f"{owner or 'the host'}: {node.path}", f"{liodn:#x}")

    # ---- the rest ----

    def cpus(self):
        owners = {}
        for v in self.views:
            for c in v.json["cpu"]:
                if c["host_cpu"] is not None and owners.setdefault(c["host_cpu"], v.name) != v.name:
                    self.say("cpu", owners[c["host_cpu"]], v.name, c["host_cpu"])

    def groups(self):
        owners = {d["sysfs_name"]: v.name for v in self.views for _, d in v.owned if d["sysfs_name"] is not None}
        for group in (self.facts or {}).get("iommu_groups", []):
            there = [(owners[m["name"]], m["name"]) for m in group["devices"] if m["name"] in owners]
            there += [(None, m["name"]) for m in group["devices"] if m["name"] not in owners and m["driver"] is not None
                      and not IDLE_DRIVERS.fullmatch(m["driver"])] if there else []
            for owner, name in there[1:]:
                if owner != there[0][0]:
                    self.say("group", f"{there[0][0]}: {there[0][1]}", f"{owner or 'the host'}: {name}", group["group"])

    def bits(self):
        owners = {}
        for v in self.views:
            for w in v.json["write"]:
                r = v.json["region"][w["region"]]
                at, mask = n(r["host"]) + n(w["offset"]), n(w["mask"])
                for bit in range(32):
                    if mask >> bit & 1 and owners.setdefault((at, bit), v.name) != v.name:
                        self.say("bit", owners[at, bit], v.name, f"bit {bit} at {at:#x}")


def second_owners(views, tree=None, keep=(), facts=None):
    """What two owners have, as text that begins with its kind; empty if there is none.

    views: the JSON views of all machines of one board, parsed. tree: the host's (checker.dtb.Tree), or None. keep: paths of
    the nodes that the text keeps. facts: the snapshot that the text names, parsed.
    """
    return Oracle(views, tree, keep, facts).found
