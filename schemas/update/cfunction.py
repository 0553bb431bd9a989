# SPDX-License-Identifier: MIT
"""A function of Linux's, with what is asked of it often: its labels, what is assigned to its variables, which properties these
tell the presence of."""

import collections
import re

import acquire
from absence import parts, squeezed
from cstatements import calls, statements

# I2C's and SPI's core look for the interrupt; 0 if there is none.
BUS_IRQ = re.compile(r"\b(?:client|i2c|i2c_client|spi)->irq\b")


class Function:
    """A definition with its statements, and what is asked of it often."""

    def __init__(self, file, item):
        self.file, self.item = file, item
        self.statements = statements(item.body)
        self.labels = {}
        self.index(self.statements, ())
        text = item.body
        self.rates = {}
        self.assigned = collections.defaultdict(list)
        for found in re.finditer(r"(?<![=!<>])\b([\w>.\[\]-]+)\s*=(?!=)\s*([^;]*?)(?=;|,\s*\*?\w+\s*=)", text):
            left, right = squeezed(found[1]), found[2].strip()
            self.assigned[left].append((found.start(), right))
            rate = re.match(r"(?:\(\w+\)\s*)?clk_get_rate\s*\((.*?)\)", right)
            if rate:
                self.rates[left] = squeezed(rate[1])
        kind = item.head.split(item.name)[0] if item.name in item.head else item.head
        self.pointer = "*" in kind
        self.void = not self.pointer and bool(re.search(r"\bvoid\b", kind))
        args = re.search(re.escape(item.name) + r"\s*\((.*)\)", item.head, re.S)
        self.parameters = [(re.findall(r"\w+", part) or [""])[-1] for part in parts(args[1], ",")] if args else []
        self.frequencies = set(re.findall(r'"clock-frequency",\s*&([\w>.-]+)', text))
        self.holds = dict(re.findall(r"\(\*\s*(\w+)\)\s*\([^;=]*=\s*[\w>.-]*(?:->|\.)(\w+)\s*;", text))
        for left, rights in self.assigned.items():
            member = re.fullmatch(r"[\w>.-]*(?:->|\.)(\w+)", squeezed(rights[-1][1]))
            if member and re.fullmatch(r"\w+", left):
                self.holds.setdefault(left, member[1])
        self.presence = {}
        for left, rights in self.assigned.items():
            for _, right in rights:
                for prop in presence(right):
                    self.presence[left] = prop

    def index(self, items, outer):
        for at, statement in enumerate(items):
            if statement.kind == "label":
                self.labels[statement.text] = [(items[at + 1:], False), *outer]
            rest = ((items[at + 1:], False), *outer)
            self.index(statement.body, rest)
            self.index(statement.other, rest)

    def last_error(self, name, at):
        """Whether the last value that was written to a variable is an error."""
        last = [right for place, right in self.assigned.get(name, ()) if place < at]
        return bool(last and re.match(r"-E[A-Z]|ERR_PTR|PTR_ERR\(|dev_err_probe", last[-1]))


def presence(text):
    """Properties that an expression asks the presence of."""
    if BUS_IRQ.search(text) and "request" not in text:
        yield "interrupts"
    for name, arguments, _, _ in calls(text):
        at = acquire.PRESENCE.get(name)
        if at is not None and len(arguments) > at and arguments[at].startswith('"'):
            yield arguments[at].strip('"')
        elif name in ("of_clk_get_parent_count", "platform_irq_count", "of_irq_count", "gpiod_count", "of_gpio_count"):
            yield acquire.find(name).prop if isinstance(acquire.find(name).prop, str) else "gpios"
