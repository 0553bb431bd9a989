# SPDX-License-Identifier: MIT
"""A guest.cfg as records with words as values, on top of tests/tools/readcfg.py."""

import functools
import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import readcfg  # noqa: E402

Refused = readcfg.Refused


@functools.lru_cache(maxsize=1)
def form():
    return readcfg.Format(readcfg.DOC)


class Record:
    """Fields by name: strings as text, none as None, enums as words, flags as a set of words."""

    def __init__(self, section, i):
        self.section, self.i = section, i

    def __repr__(self):
        return f"{self.section} {self.i}"


class Config:
    def __init__(self, data):
        self.raw = raw = readcfg.Config(data, form())
        for name, fields in form().sections.values():
            records = []
            for i, values in enumerate(raw.records[name]):
                record = Record(name, i)
                for f in fields:
                    if f.kind != "reserved":
                        setattr(record, f.name, self.value(f, values[f.name]))
                records.append(record)
            setattr(self, name, records)
        self.link()

    def value(self, f, v):
        if f.kind == "string":
            return self.text(v) if v else None
        if f.kind == "one":
            return self.raw.word(f.arg, v)
        if f.kind == "flags":
            return {word for bit, word in form().sets[f.arg].items() if v & bit}
        if f.kind in ("optional", "index", "owner") and v == (readcfg.NONE64 if f.size == 8 else readcfg.NONE):
            return None
        return v

    def text(self, offset):
        return self.raw.strings[offset:self.raw.strings.index(0, offset)].decode("utf-8", "surrogateescape")

    def link(self):
        """Resolves rows and indices to records."""
        for d in self.device:
            d.all_regions = self.region[d.first_region:d.first_region + d.regions]
            d.all_irqs = self.irq[d.first_irq:d.first_irq + d.irqs]
            d.domains = self.dma[d.first_dma:d.first_dma + d.dmas]
        for q in self.irq:
            q.specifier = tuple(c.value for c in self.cell[q.first_cell:q.first_cell + q.cells])
        for x in self.dma:
            x.mappings = self.dma_map[x.first_map:x.first_map + x.maps]
        for chip in self.irqchip:
            chip.parts = self.chip_region[chip.first_region:chip.first_region + chip.regions]

    def belongs_to(self, dtb):
        return len(dtb) == self.raw.h["dtb_size"] and hashlib.sha256(dtb).digest() == self.raw.digest
