#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks a guest.cfg and prints its JSON view, using only the words and tables of docs/guest-cfg.md.

    readcfg.py [--dtb GUEST.DTB] [--quiet] GUEST.CFG

An independent reader of the format: it shares no code with the compiler or the runtime. Exit: 0, or 1 with the mistake.
"""

import argparse
import hashlib
import pathlib
import re
import sys

DOC = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "guest-cfg.md"
MAGIC = bytes.fromhex("89 4d 41 43 48 0d 0a 1a")
MAJOR = 1
NONE = 0xFFFFFFFF
NONE64 = 0xFFFFFFFFFFFFFFFF
# Characters that the JSON view escapes: controls, and those that turn the direction of writing or end a line.
UNFIT = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Refused(Exception):
    def __init__(self, offset, text):
        super().__init__(f"at {offset:#x}: {text}")


class Field:
    def __init__(self, row):
        self.offset, self.size, self.name = int(row[0]), int(row[1]), row[2].strip("`")
        self.kind, _, self.arg = row[3].replace(" of ", " ", 1).partition(" ")

    def get(self, data, at, record_size):
        if self.offset + self.size > record_size:
            if self.kind not in ("optional", "index", "owner"):
                return 0
            return NONE64 if self.size == 8 else NONE
        return int.from_bytes(data[at + self.offset : at + self.offset + self.size], "little")


class Format:
    """The tables of the document."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        self.header = {f.name: f for f in self.fields(self.block(text, "header"))}
        self.entry = {f.name: f for f in self.fields(self.block(text, "entry"))}
        self.sections, self.sizes, self.sets = {}, {}, {}
        for part in self.block(text, "records").split("\n### ")[1:]:
            number, name, size = re.match(r"Section (\d+): `(\w+)`, (\d+) bytes", part).groups()
            self.sections[int(number)] = (name, self.fields(part))
            # Records of an older file end before the first field that they lack.
            later = [int(row[0]) for row in self.rows(part) if row[4].startswith("since ")]
            self.sizes[name] = min(later, default=int(size))
        for part in self.block(text, "sets").split("\n### ")[1:]:
            name = re.match(r"Set `(\w+)`", part).group(1)
            self.sets[name] = {int(row[0], 0): row[1].strip("`") for row in self.rows(part)}

    @staticmethod
    def block(text, name):
        return re.search(rf"<!-- begin {name} -->(.*?)<!-- end {name} -->", text, re.S).group(1)

    @staticmethod
    def rows(text):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
        return rows[2:]

    def fields(self, text):
        return [Field(row) for row in self.rows(text)]


def crc32c(data):
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Config:
    def __init__(self, data, form):
        self.data, self.form = data, form
        self.records = {name: [] for name, _ in form.sections.values()}
        self.places = {}
        self.strings = None
        self.read_header()
        self.read_sections()
        for name, fields in form.sections.values():
            for i, record in enumerate(self.records[name]):
                for field in fields:
                    self.check_field(name, i, field, record[field.name])
        for name, fields in form.sections.values():
            for k, field in enumerate(fields):
                if field.kind == "first":
                    self.check_rows(name, field, fields[k + 1])
        for name in self.records:
            check = getattr(self, "check_" + name, None)
            for i, record in enumerate(self.records[name] if check else ()):
                problem = check(i, record)
                if problem:
                    raise Refused(self.places[name, i], f"{name} {i}: {problem}")
        for check in (self.guest, self.host, self.files, self.once, self.lines, self.maps, self.expectations):
            check()

    # ---- frame ----

    def read_header(self):
        data, size = self.data, sum(f.size for f in self.form.header.values())
        if len(data) < size:
            raise Refused(len(data), "too short")
        self.h = {n: f.get(data, 0, size) for n, f in self.form.header.items() if f.kind != "bytes"}
        self.digest = data[self.form.header["dtb_sha256"].offset :][:32]
        h = self.h
        if data[:8] != MAGIC:
            raise Refused(0, "magic")
        if h["major"] != MAJOR:
            raise Refused(8, f"major version {h['major']}")
        if h["total_size"] != len(data):
            raise Refused(16, "total size")
        hole = self.form.header["checksum"].offset
        if h["checksum"] != crc32c(data[:hole] + bytes(4) + data[hole + 4 :]):
            raise Refused(hole, "checksum")
        if h["header_size"] < size or h["header_size"] % 8 or h["reserved0"] or h["reserved1"]:
            raise Refused(12, "header size or reserved fields")
        least = sum(f.size for f in self.form.entry.values())
        end = h["section_table"] + h["sections"] * h["entry_size"]
        if h["section_table"] % 8 or h["section_table"] < h["header_size"] or end > len(data):
            raise Refused(32, "section table")
        if h["entry_size"] < least or h["entry_size"] % 8:
            raise Refused(40, "entry size")
        self.check_zero(h["header_size"], h["section_table"])

    def check_zero(self, start, end):
        if any(self.data[start:end]):
            raise Refused(start, "padding is not 0")

    def read_sections(self):
        last, end = 0, self.h["section_table"] + self.h["sections"] * self.h["entry_size"]
        for i in range(self.h["sections"]):
            at = self.h["section_table"] + i * self.h["entry_size"]
            e = {n: f.get(self.data, at, self.h["entry_size"]) for n, f in self.form.entry.items()}
            known = e["type"] == 1 or e["type"] in self.form.sections
            if e["type"] <= last:
                raise Refused(at, "order of sections")
            if e["flags"] > 1 or (e["flags"] and not known):
                raise Refused(at, f"section {e['type']} is required and not known, or has unknown flags")
            if e["offset"] % 8 or e["offset"] < end or e["offset"] + e["size"] > len(self.data):
                raise Refused(at, "place of section")
            if e["size"] != e["record_size"] * e["count"]:
                raise Refused(at, "size of section")
            self.check_zero(end, e["offset"])
            last, end = e["type"], e["offset"] + e["size"]
            if e["type"] == 1:
                if e["record_size"] != 1:
                    raise Refused(at, "record size of the string table")
                self.strings = self.data[e["offset"] : end]
            elif known:
                self.read_records(at, e)
        self.check_zero(end, len(self.data))
        if not self.strings or self.strings[0] or self.strings[-1]:
            raise Refused(self.h["section_table"], "string table")
        if len(self.records["machine"]) != 1:
            raise Refused(self.h["section_table"], "not exactly one machine")

    def read_records(self, at, e):
        name, fields = self.form.sections[e["type"]]
        if e["record_size"] % 4 or e["record_size"] < self.form.sizes[name]:
            raise Refused(at, f"record size of {name}")
        for k in range(e["count"]):
            place = self.places[name, k] = e["offset"] + k * e["record_size"]
            self.records[name].append({f.name: f.get(self.data, place, e["record_size"]) for f in fields})

    # ---- contents ----

    def check_field(self, section, i, f, v):
        def refuse(what):
            raise Refused(self.places[section, i] + f.offset, f"{section} {i}: {f.name}: {what}")

        if f.kind == "string" and v and (v >= len(self.strings) or self.strings[v - 1]):
            refuse("not the start of a string")
        if f.kind in ("index", "owner") and v >= len(self.records[f.arg]) and not (f.kind == "index" and v == NONE):
            refuse("no such record")
        if f.kind == "one" and v not in self.form.sets[f.arg]:
            refuse("unknown value")
        if f.kind == "flags" and v & ~sum(self.form.sets[f.arg]):
            refuse("unknown flag")
        if f.kind == "reserved" and v:
            refuse("not 0")

    def check_rows(self, section, first, count):
        target = self.records[first.arg]
        fields = next(fields for name, fields in self.form.sections.values() if name == first.arg)
        owner = [f.name for f in fields if f.kind == "owner" and f.arg == section]
        following = 0
        for i, record in enumerate(self.records[section]):
            n = record[count.name]
            if record[first.name] != following or n > len(target) - following:
                raise Refused(self.places[section, i] + first.offset, f"{section} {i}: row of {first.arg}")
            if any(target[k][owner[0]] != i for k in range(following, following + n) if owner):
                raise Refused(self.places[section, i] + first.offset, f"{section} {i}: owners in row of {first.arg}")
            following += n
        if following != len(target):
            raise Refused(self.places[first.arg, following], f"{first.arg} {following} belongs to no row")

    @staticmethod
    def fits(start, size):
        return size > 0 and start + size <= 1 << 64

    def word(self, name, value):
        return self.form.sets[name][value]

    def flag(self, name, value, word):
        return any(value & bit for bit, w in self.form.sets[name].items() if w == word)

    def check_memory(self, _, r):
        backing = self.word("backing", r["backing"])
        if not (self.fits(r["address"], r["size"]) and self.fits(r["offset"], r["size"])):
            return "extent"
        if backing == "physical":
            return None if self.fits(r["physical"], r["size"]) else "extent"
        if backing not in ("contiguous", "heap"):
            return None
        end = r["limit"] or 1 << 64
        first = r["lowest"] if r["physical"] == NONE64 else r["physical"]
        return None if r["lowest"] <= first and first + r["size"] <= end and r["lowest"] + r["size"] <= end else "extent"

    def check_patch(self, _, r):
        if r["at"] % 4 or r["at"] < 40 or r["at"] + 8 > self.h["dtb_size"] or r["memory"] == NONE:
            return "contradiction"
        memory = self.records["memory"][r["memory"]]
        known = self.word("backing", memory["backing"]) in ("physical", "contiguous", "heap")
        return None if known and r["offset"] < memory["size"] else "contradiction"

    def check_chip_region(self, _, r):
        return None if self.fits(r["address"], r["size"]) else "extent"

    def check_irqchip(self, _, r):
        if not r["messages"]:
            return None
        last = self.records["chip_region"][r["first_region"] + r["regions"] - 1] if r["regions"] else {"size": 1}
        cpus = len(self.records["cpu"])
        return None if r["regions"] and cpus and last["size"] % cpus == 0 else "messages that the cpus do not share"

    def check_cpu(self, i, r):
        return "order" if i and self.records["cpu"][i - 1]["vcpu"] >= r["vcpu"] else None

    def check_device(self, i, r):
        if r["parent"] != NONE and r["parent"] >= i:
            return "parent behind it"
        if r["sysfs_name"] and self.kind(i) not in ("platform", "pci"):
            return "a name on a bus of the host"
        if r["vcpu"] != NONE and all(cpu["vcpu"] != r["vcpu"] for cpu in self.records["cpu"]):
            return "no such vcpu"
        return "bus without slot, or slot without bus" if bool(r["bus"]) != (r["slot"] != NONE) else None

    def check_region(self, i, r):
        return self.check_extents(r) or self.check_kind(r)

    def check_kind(self, r):
        kind, mode = self.kind(r["device"]), self.word("region_mode", r["mode"])
        if (r["file"] and kind != "raw") or (kind == "raw" and not r["file"] and mode != "drop"):
            return "only regions of raw devices are files"
        if kind == "emulated" and (mode == "map" or r["host"] != NONE64):
            return "an emulated device with registers on the host"
        return "dropped, but in the guest" if mode == "drop" and r["guest"] != NONE64 else None

    def check_extents(self, r):
        if self.word("region_mode", r["mode"]) == "drop":
            return self.check_shadow(r)
        if not r["size"]:
            return None if self.kind(r["device"]) == "pci" else "no size"
        known = [r["offset"]] + [r[name] for name in ("host", "guest") if r[name] != NONE64]
        return self.check_shadow(r) if all(self.fits(start, r["size"]) for start in known) else "extent"

    def check_shadow(self, r):
        shadow, big = (self.flag("region_flags", r["flags"], word) for word in ("shadow", "big-endian"))
        if not shadow:
            return "big-endian, and no shadow" if big else None
        raw = self.kind(r["device"]) == "raw"
        window = self.flag("region_flags", r["flags"], "window")
        if self.word("region_mode", r["mode"]) != "trap" or not r["file"] or window or not raw:
            return "a shadow that is not a trapped region of a raw device's file"
        whole = r["size"] % 4 == 0 and r["offset"] % 4 == 0
        return None if whole and r["size"] <= 16 << 20 else "size or offset of a shadow"

    def check_write(self, i, r):
        hiword, plain = (self.flag("write_flags", r["flags"], word) for word in ("hiword", "plain"))
        if plain and not hiword:
            return "plain, and nothing to select"
        if not 0 < r["mask"] < (1 << 16 if hiword else 1 << 32):
            return "mask"
        if r["region"] == NONE or r["offset"] % 4:
            return "no register"
        region = self.records["region"][r["region"]]
        if not self.flag("region_flags", region["flags"], "shadow") or r["offset"] + 4 > region["size"]:
            return "not in a shadow"
        before = self.records["write"][i - 1] if i else None
        if before and (before["region"], before["offset"]) >= (r["region"], r["offset"]):
            return "order"
        return None

    def check_irq(self, _, r):
        dropped = self.flag("irq_flags", r["flags"], "dropped")
        kind, source = self.kind(r["device"]), self.word("irq_source", r["source"])
        kinds = {"emulated": ("emulated",), "file": ("raw",)}.get(source, ("platform", "pci"))
        if kind not in kinds or (r["file"] and source != "file") or (not r["file"] and source == "file" and not dropped):
            return "source"
        if r["chip"] != NONE and r["number"] >= self.records["irqchip"][r["chip"]]["lines"]:
            return "number"
        if dropped != (r["chip"] == NONE) or dropped != (r["number"] == NONE):
            return "dropped and chip or number contradict"
        resample = self.flag("irq_flags", r["flags"], "resample")
        if self.flag("irq_flags", r["flags"], "shared") and (dropped or resample):
            return "shared, and dropped or resampled"
        level = self.word("trigger", r["trigger"]) == "level"
        return "resample without level" if resample and not level else None

    def check_dma(self, i, r):
        iommu = r["guest_iommu"]
        if (self.word("dma_mode", r["mode"]) == "guest-iommu") != (iommu != NONE):
            return "mode and guest_iommu contradict"
        if iommu != NONE and self.kind(iommu) != "emulated":
            return "guest_iommu is not emulated"
        if iommu == NONE and r["endpoint"] != NONE:
            return "an endpoint of no guest_iommu"
        if r["stash"] != NONE and self.records["stash"][r["stash"]]["dma"] != i:
            return "its stash names another dma"
        window = self.flag("dma_flags", r["flags"], "window")
        return "window" if window and not self.fits(r["window"], r["size"]) else None

    def check_dma_map(self, _, r):
        what = self.word("map_kind", r["what"])
        for name in ("memory", "region"):
            if (what == name) != (r[name] != NONE):
                return f"what and {name} contradict"
        if not self.fits(r["iova"], r["size"]):
            return "iova"
        if r["granted"] and (r["granted"] < r["size"] or not self.fits(r["iova"], r["granted"])):
            return "granted"
        if r["region"] != NONE and self.flag("region_flags", self.records["region"][r["region"]]["flags"], "shadow"):
            return "a shadow"
        for name in ("memory", "region"):
            if r[name] != NONE and r["offset"] + r["size"] > self.records[name][r[name]]["size"]:
                return f"past the end of its {name}"
        return self.check_domain(self.records["dma"][r["dma"]], r)

    def check_domain(self, dma, r):
        mode = self.word("dma_mode", dma["mode"])
        if mode not in ("all", "window") or self.flag("dma_flags", dma["flags"], "no-iommu"):
            return "mapped for a domain that maps nothing"
        if self.word("iommu", self.records["machine"][0]["iommu"]) == "none":
            return "mapped without an IOMMU"
        if self.flag("dma_flags", dma["flags"], "window"):
            if r["iova"] < dma["window"] or r["iova"] + (r["granted"] or r["size"]) > dma["window"] + dma["size"]:
                return "outside of the window"
        if r["memory"] == NONE:
            return None
        memory = self.records["memory"][r["memory"]]
        if self.flag("memory_flags", memory["flags"], "no-dma"):
            return "mapped, but no-dma"
        if self.flag("memory_flags", memory["flags"], "readonly") and not self.flag("map_flags", r["flags"], "readonly"):
            return "mapped for writes, but readonly"
        return None

    def check_stash(self, i, r):
        tph = self.word("stash_kind", r["kind"]) == "tph"
        if not tph and (r["st_index"] != NONE or self.word("memory_type", r["memory_type"]) != "volatile"):
            return "an entry or memory type of no tph"
        if r["st_index"] != NONE and r["st_index"] > 2047:
            return "st_index"
        cpus = [cpu for cpu in self.records["cpu"] if cpu["vcpu"] == r["vcpu"]]
        if r["vcpu"] != NONE and (not cpus or cpus[0]["host_cpu"] != r["host_cpu"]):
            return "not the cpu of its vcpu"
        return None if r["dma"] != NONE and self.records["dma"][r["dma"]]["stash"] == i else "its dma does not name it"

    # ---- records and records ----

    def kind(self, device):
        return self.word("device_kind", self.records["device"][device]["kind"])

    def raw(self, offset):
        return self.strings[offset : self.strings.index(0, offset)]

    def each(self, section):
        return enumerate(self.records[section])

    def refuse(self, section, i, what):
        raise Refused(self.places[section, i], f"{section} {i}: {what}")

    def apart(self, what, things, may_overlap=lambda a, b: False):
        """Of things (where, first, last, section, record, more), no two in one place overlap, or they may.

        Compares each with all that are still open, which is slow for files that nobody has."""
        open_things, where = [], None
        for thing in sorted(things, key=lambda t: t[:5]):
            if thing[0] != where:
                open_things, where = [], thing[0]
            open_things = [t for t in open_things if t[2] >= thing[1]]
            for other in open_things:
                if not may_overlap(other, thing):
                    self.refuse(thing[3], thing[4], f"{what}, with {other[3]} {other[4]}")
            # What takes the same and shares it in the same way stands for all of these.
            if not any(t[2] >= thing[2] and t[5] == thing[5] for t in open_things):
                open_things.append(thing)

    def dropped(self, r):
        return self.word("region_mode", r["mode"]) == "drop"

    def guest(self):
        page = self.records["machine"][0]["host_page_size"]
        if page == 0 or page & (page - 1):
            page = 1
        things = [(0, m["address"], m["address"] + m["size"] - 1, "memory", i, None) for i, m in self.each("memory")]
        for i, c in self.each("chip_region"):
            things.append((0, c["address"], c["address"] + c["size"] - 1, "chip_region", i, None))
        for i, r in self.each("region"):
            if self.dropped(r) or r["guest"] == NONE64 or not r["size"]:
                continue
            mode, first, last = self.word("region_mode", r["mode"]), r["guest"], r["guest"] + r["size"] - 1
            if mode == "map":
                first, last = first // page * page, last // page * page + page - 1
            same = None if r["host"] == NONE64 else (mode, (r["guest"] - r["host"]) % (1 << 64))
            things.append((0, first, last, "region", i, same))
        self.apart("in the guest at one address", things, lambda a, b: a[5] is not None and a[5] == b[5])

    def host(self):
        things = []
        for i, m in self.each("memory"):
            backing, first = self.word("backing", m["backing"]), m["physical"]
            if backing == "file" and self.raw(m["path"]) == b"/dev/mem":
                first = m["offset"]
            elif backing not in ("physical", "contiguous", "heap") or first == NONE64:
                continue
            share = ("share", self.raw(m["share"])) if m["share"] else None
            things.append((0, first, first + m["size"] - 1, "memory", i, share))
        for i, r in self.each("region"):
            first = r["offset"] if self.raw(r["file"]) == b"/dev/mem" else r["host"]
            if not self.dropped(r) and r["size"] and first != NONE64:
                things.append((0, first, first + r["size"] - 1, "region", i, ("registers",)))
        self.apart("on the host at one address", things, lambda a, b: a[5] is not None and a[5] == b[5])

    def files(self):
        things, irqs, users = [], {}, []
        for i, m in self.each("memory"):
            if self.word("backing", m["backing"]) == "file":
                path, share = self.raw(m["path"]), self.raw(m["share"]) or None
                users.append((path, "memory", i, None))
                if path:
                    things.append((path, m["offset"], m["offset"] + m["size"] - 1, "memory", i, share))
        for i, r in self.each("region"):
            path = self.raw(r["file"])
            if path and path != b"/dev/mem" and not self.dropped(r) and r["size"]:
                things.append((path, r["offset"], r["offset"] + r["size"] - 1, "region", i, None))
                users.append((path, "region", i, r["device"]))
        self.apart("one part of a file", things, lambda a, b: a[5] is not None and a[5] == b[5])
        for i, q in self.each("irq"):
            path = self.raw(q["file"])
            if path and not self.flag("irq_flags", q["flags"], "dropped"):
                if path in irqs:
                    self.refuse("irq", i, f"the file of irq {irqs[path]}")
                irqs[path] = i
        for path, section, i, device in users:
            if path in irqs and device != self.records["irq"][irqs[path]]["device"]:
                self.refuse(section, i, f"the file of irq {irqs[path]}")
        writes = {}
        for i, w in self.each("write"):
            r = self.records["region"][w["region"]]
            at = (self.raw(r["file"]), r["offset"] + w["offset"])
            way = (self.flag("write_flags", w["flags"], "hiword"), self.flag("region_flags", r["flags"], "big-endian"))
            if writes.setdefault(at, way) != way:
                self.refuse("write", i, "written in another way too")
        self.apart("one patch over another", [(0, p["at"], p["at"] + 7, "patch", i, None) for i, p in self.each("patch")])

    def once(self):
        def unique(section, keys, what):
            seen = {}
            for i, record in self.each(section):
                for key in keys(record):
                    if key in seen:
                        self.refuse(section, i, f"{what}, as {section} {seen[key]}")
                    seen[key] = i

        def streams(r):
            for flag, name in (("liodn-index", "liodn_index"), ("stream", "stream")):
                if self.flag("dma_flags", r["flags"], flag):
                    yield r["device"], flag, r[name]

        window = lambda r: self.flag("region_flags", r["flags"], "window")
        unique("device", lambda r: [self.raw(r["sysfs_name"])] if r["sysfs_name"] else [], "one device of the host")
        unique("device", lambda r: [(self.raw(r["bus"]), r["slot"])] if r["bus"] else [], "one slot")
        unique("region", lambda r: [(r["device"], window(r), r["index"])], "one index")
        unique("irq", lambda r: [(r["device"], r["source"], r["index"])], "one index")
        unique("dma", streams, "one stream")
        unique("dma", lambda r: [(r["guest_iommu"], r["endpoint"])] if r["endpoint"] != NONE else [], "one endpoint")
        for section in ("memory", "irqchip", "device"):
            unique(section, lambda r: [self.raw(r["name"])] if r["name"] else [], "one name")

    def lines(self):
        bound, gsis, links = {}, {}, []
        for i, q in self.each("irq"):
            if not self.flag("irq_flags", q["flags"], "dropped"):
                links.append((i, q, (q["chip"], self.raw(q["kind"]), q["number"])))
        for i, q, line in links:
            if not self.flag("irq_flags", q["flags"], "shared"):
                if line in bound or (q["gsi"] != NONE and q["gsi"] in gsis):
                    self.refuse("irq", i, "a line that is bound already")
                bound[line] = gsis[q["gsi"]] = q
        for i, q, line in links:
            if line not in bound or bound[line]["gsi"] != q["gsi"]:
                self.refuse("irq", i, "shares a line with none")

    def maps(self):
        things = [(m["dma"], m["iova"], m["iova"] + (m["granted"] or m["size"]) - 1, "dma_map", i, None) for i, m in self.each("dma_map")]
        self.apart("at one device address", things)

    def expectations(self):
        machine, known = self.records["machine"][0], {}
        for i, e in self.each("expect"):
            kind, device = self.word("expect_kind", e["kind"]), e["device"]
            text = self.raw(e["string"])
            of_device = ("sysfs-name", "compatible", "region", "irq-count", "irq-trigger", "group-member", "power-link")
            if kind not in ("file", "memory-free") and (kind in of_device) != (device != NONE):
                self.refuse("expect", i, "of a device and the host")
            wrong = False
            if kind == "page-size":
                wrong = e["a"] != machine["host_page_size"]
            elif kind == "host-compatible" and not e["index"]:
                wrong = text != self.raw(machine["host_compatible"])
            elif kind in ("sysfs-name", "compatible"):
                wrong = text != self.raw(self.records["device"][device][kind.replace("-", "_")])
            elif kind == "kvm-device":
                chips = self.records["irqchip"]
                wrong = e["index"] >= len(chips) or text != self.raw(chips[e["index"]]["kvm"])
            if wrong:
                self.refuse("expect", i, "contradicts its record")
            key = (kind, device, e["index"])
            value = text if kind == "host-compatible" else e["a"]
            if kind in ("host-compatible", "irq-count", "irq-trigger") and known.setdefault(key, [value]) != [value]:
                self.refuse("expect", i, "contradicts another one")
            if kind == "region":
                known.setdefault(key, []).append((e["a"], e["b"]))
            known.setdefault((kind, device) if kind != "host-compatible" else key[::2], [])
        self.needed(machine, known)

    def needed(self, machine, known):
        def need(key, section, i):
            if key not in known:
                self.refuse(section, i, f"lacks the expectation {key[0]}")

        for i, r in self.each("region"):
            device = self.records["device"][r["device"]]
            flag = lambda word: self.flag("region_flags", r["flags"], word)
            if flag("shadow") or (device["sysfs_name"] and r["size"] and not flag("window")):
                found = known.get(("region", r["device"], r["index"]), [])
                if not found or any(place != (r["host"], r["size"]) for place in found):
                    self.refuse("region", i, "is not expected where it is")
        if machine["host_page_size"]:
            need(("page-size", NONE), "machine", 0)
        if machine["host_compatible"]:
            need(("host-compatible", 0), "machine", 0)
        for i, d in self.each("device"):
            if d["sysfs_name"]:
                need(("sysfs-name", i), "device", i)
                if d["compatible"] and self.kind(i) == "platform":
                    need(("compatible", i), "device", i)

    # ---- JSON ----

    def text(self, offset):
        raw = self.strings[offset : self.strings.index(0, offset)]
        out = []
        for ch in raw.decode("utf-8", "surrogateescape"):
            if ch in '"\\':
                out.append("\\" + ch)
            elif ch < " " or "\udc80" <= ch <= "\udcff" or UNFIT.match(ch):
                out.append(f"\\u{ord(ch):04x}")
            else:
                out.append(ch)
        return '"' + "".join(out) + '"'

    def value(self, f, v):
        none = v == (NONE64 if f.size == 8 else NONE)
        if f.kind == "string":
            return self.text(v) if v else "null"
        if f.kind == "one":
            return f'"{self.word(f.arg, v)}"'
        if f.kind == "flags":
            return "[" + ", ".join(f'"{word}"' for bit, word in self.form.sets[f.arg].items() if v & bit) + "]"
        if f.kind in ("optional", "index") and none:
            return "null"
        return f'"{v:#x}"' if f.kind == "address" or (f.kind == "optional" and f.size == 8) else str(v)

    def json(self):
        members = [
            '  "format": "guest.cfg"',
            f'  "version": "{self.h["major"]}.{self.h["minor"]}"',
            f'  "dtb": {{"size": "{self.h["dtb_size"]:#x}", "sha256": "{self.digest.hex()}"}}',
        ]
        for name, fields in self.form.sections.values():
            lines = [
                "    {" + ", ".join(f'"{f.name}": {self.value(f, r[f.name])}' for f in fields if f.kind != "reserved") + "}"
                for r in self.records[name]
            ]
            members.append(f'  "{name}": [' + ("\n" + ",\n".join(lines) + "\n  ]" if lines else "]"))
        return "{\n" + ",\n".join(members) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description="Checks a guest.cfg and prints its JSON view.")
    parser.add_argument("--dtb", help="check that this is the guest.dtb that it belongs to")
    parser.add_argument("--quiet", action="store_true", help="check only")
    parser.add_argument("config")
    args = parser.parse_args()
    try:
        config = Config(pathlib.Path(args.config).read_bytes(), Format(DOC))
        if args.dtb:
            dtb = pathlib.Path(args.dtb).read_bytes()
            if len(dtb) != config.h["dtb_size"] or hashlib.sha256(dtb).digest() != config.digest:
                raise Refused(48, f"{args.dtb} is not the guest.dtb that this belongs to")
        if not args.quiet:
            sys.stdout.buffer.write(config.json().encode("utf-8"))
    except Refused as e:
        print(f"{args.config}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
