# SPDX-License-Identifier: MIT
"""The match data of a compatible string: the object that a driver's table has beside it."""

import re

from absence import parts


class Data:
    """The match data of one compatible: the fields of an object and of those that it points to."""

    def __init__(self, prober, file, item, element=None, compatible=""):
        self.key = (file.path, item.name if item else "", element or "", compatible)
        self.fields, self.known, self.compatible = {}, set(), compatible
        self.kind = (file.path, item.head if item else "", compatible)
        if item is None:
            return
        body = item.body
        if element:
            found = [part for part in parts(body, ",") if re.match(rf"\s*\[\s*{re.escape(element)}\s*\]", part)]
            body = re.sub(r"^[^{]*\{", "", found[0]).rsplit("}", 1)[0] if found else ""
        self.add(prober, file, item, body, 0)

    def add(self, prober, file, item, body, depth):
        for name, text in fields(body):
            self.fields.setdefault(name, (file, text))
        kind = re.search(r"struct\s+(\w+)", item.head)
        if kind:
            self.known |= prober.field_names(file, kind[1])
        if depth < 3:
            for _, text in list(fields(body)):
                found = re.fullmatch(r"&?(\w+)", text.strip())
                if found:
                    where, inner = prober.object(file, found[1])
                    if inner is not None and inner is not item:
                        self.add(prober, where, inner, inner.body, depth + 1)


def fields(body):
    for part in parts(body, ","):
        found = re.match(r"\s*(?:\[[^\]]*\]\s*=\s*\{\s*)?\.\s*([\w.]+)\s*=\s*(.*)$", part, re.S)
        if found:
            yield found[1].split(".")[-1], found[2].strip()
            if found[2].lstrip().startswith("{"):
                yield from fields(found[2].strip()[1:-1])
