# SPDX-License-Identifier: MIT
"""What a driver's probe asks of its node, and whether it goes on without: facts with a level.

A: asked always, and its absence ends the probe with an error. B: the same, but under a condition or in a loop. N: asked, and
done without. A function that is called is followed with its arguments, and through the pointers of the match data of one
compatible; how its error leaves the caller decides, too.
"""

import collections
import re

import acquire
from absence import FALSE_WITH_A_NODE, TRUE_WITH_A_NODE, VALUE, Absence, assignments, parts, squeezed, unwrapped
from cfunction import BUS_IRQ, Function, presence
from cstatements import calls
from matchdata import Data, fields

# `target` is (file, what a clock is written to), or None.
Fact = collections.namedtuple("Fact", "prop name level where target", defaults=[None])
PARENT = re.compile(r"\b(?:dev_get_drvdata|dev_get_regmap|platform_get_drvdata|syscon_node_to_regmap|dev_get_platdata|of_iomap|"
                    r"of_find_device_by_node)\s*\([^;]*\bparent\b|\bof_get_(?:next_)?parent\s*\(")
# The core's own functions: calls to them are asked for by name (acquire.py), or concern other nodes.
CORE = ("drivers/base/", "drivers/of/", "drivers/clk/clk", "drivers/reset/core.c", "drivers/phy/phy-core.c", "drivers/regulator/core.c",
        "drivers/gpio/gpiolib", "drivers/iio/inkern.c", "drivers/pwm/core.c", "drivers/mailbox/mailbox.c", "drivers/nvmem/core.c",
        "drivers/i2c/i2c-core", "drivers/spi/spi.c", "drivers/dma/of-dma.c", "drivers/dma/dmaengine.c", "drivers/mfd/syscon.c",
        "drivers/net/phy/", "drivers/net/mdio/", "drivers/pinctrl/core.c", "drivers/pinctrl/devicetree.c", "drivers/opp/",
        "drivers/pmdomain/core.c", "drivers/tty/serial/serial_core.c", "drivers/gpu/drm/drm_", "sound/soc/soc-", "drivers/iommu/",
        "drivers/input/input.c", "drivers/leds/led-c", "drivers/usb/core/", "drivers/usb/phy/phy.c", "drivers/thermal/thermal_",
        "drivers/media/v4l2-core/", "drivers/extcon/extcon.c", "drivers/interconnect/core.c", "drivers/soc/qcom/smem_state.c",
        "drivers/tty/tty", "drivers/irqchip/irq-gic-", "drivers/pci/of.c", "drivers/hwspinlock/hwspinlock_core.c", "drivers/devfreq/devfreq")
# No driver with a match table calls these.
ELSEWHERE = ("arch/", "drivers/gpu/drm/amd/", "drivers/gpu/drm/i915/", "drivers/gpu/drm/nouveau/", "drivers/gpu/drm/radeon/",
             "drivers/gpu/drm/xe/", "drivers/infiniband/", "drivers/scsi/", "drivers/net/wireless/", "drivers/staging/rtl",
             "drivers/acpi/", "drivers/net/ethernet/mellanox/", "drivers/net/ethernet/intel/", "drivers/media/dvb-frontends/")
DEPTH = 8
ORDER = {"A": 0, "B": 1, "N": 2}
OTHER_NODE = re.compile(
    r"of_get_(?:compatible_)?child|of_get_next|get_next_child|of_parse_phandle|of_find_(?!property)|of_get_parent|of_graph_|parent\b|"
    r"get_cpu_device|of_cpu_device|of_get_cpu_node|first_child|platform_device_(?:alloc|register)|fwnode_(?:get|find|graph)|"
    r"device_get_named_child|device_get_next|of_node_get\(child|of_root|bus_find_device|drm_of|for_each|pdev\[")
DATA = re.compile(r"(?:\.\s*data\s*=\s*(?:\([^)]*\)\s*)?|,\s*|\(\s*)&?\s*(\w+)(?:\[\s*(\w+)\s*\])?")
REQUESTS = re.compile(r"(?:devm_)?request_(?:threaded_|any_context_)?irq|(?:devm_)?regmap_add_irq_chip(?:_fwnode)?")
CLEANS_UP = re.compile("err|fail|out|free|disable|unmap|put|release|unreg|clean|remove|exit|destroy|undo|unwind")
GIVES_ERRORS = ("PTR_ERR", "ERR_PTR", "dev_err_probe", "ERR_CAST", "PTR_ERR_OR_ZERO", "dev_err_ptr_probe")
DOTS = re.compile(r"\s*(->|\.)\s*")


class Prober:
    """Follows the probes of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.functions, self.structs, self.memo, self.active = {}, {}, {}, set()
        self.names = None
        self.uses = 0  # how often match data gave an answer
        self.pointers, self.macro_tables = {}, {}

    # definitions

    def local(self, file, name, kind):
        table = getattr(file, "by_name", None)
        if table is None:
            table = file.by_name = {}
            for item in file.parse():
                table.setdefault((item.name, item.kind), item)
        return table.get((name, kind))

    def object(self, file, name):
        item = self.local(file, name, "object")
        return (file, item) if item else self.elsewhere(file, name, "object")

    def elsewhere(self, file, name, kind):
        """An exported definition: of the same folder rather than of another."""
        if self.names is None:
            self.names = collections.defaultdict(list)
            pattern = re.compile(r"^(?!static\b|typedef\b|return\b)(?:[A-Za-z_][\w \t*]*[\s*])?([A-Za-z_]\w*)"
                                 r"(?:\(|(?:\[\w*\])?\s*=\s*\{)", re.M)
            for path, other in self.kernel.files.items():
                if not path.startswith(ELSEWHERE):
                    for found in set(pattern.findall(other.raw)):
                        self.names[found].append(path)
        paths = [path for path in self.names.get(name, ()) if path != file.path]
        folder = file.path.rpartition("/")[0]
        paths.sort(key=lambda path: (path.rpartition("/")[0] != folder, path))
        for path in paths[:4]:
            item = self.local(self.kernel.files[path], name, kind)
            if item is not None and not item.static:
                return self.kernel.files[path], item
        return file, None

    def function(self, file, name):
        item = self.local(file, name, "function")
        if item is None:
            file, item = self.elsewhere(file, name, "function")
            if item is None or file.path.startswith(CORE):
                return None
        key = file.path, name
        if key not in self.functions:
            self.functions[key] = Function(file, item)
        return self.functions[key]

    def macros(self, file):
        """{name: (parameters, body)} of a file's macros with arguments, of one line."""
        if file.path not in self.macro_tables:
            found = re.findall(r"^#define[ \t]+(\w+)\(([^)\n]*)\)[ \t]+([^\n]*[^\\\n])$", file.text, re.M)
            self.macro_tables[file.path] = {name: ([parameter.strip() for parameter in parameters.split(",")], body)
                                            for name, parameters, body in found}
        return self.macro_tables[file.path]

    def field_names(self, file, kind):
        """Fields that any object of a struct in this file names."""
        key = file.path, kind
        if key not in self.structs:
            self.structs[key] = {name for item in file.parse() if item.kind == "object"
                                 and re.search(rf"struct\s+{kind}\b", item.head) for name, _ in fields(item.body)}
        return self.structs[key]

    def pointed(self, file, field, data):
        """(functions behind a pointer of that name, whether there can be others)"""
        self.uses += bool(data and (field in data.fields or field in data.known))
        if data and field in data.fields:
            where, text = data.fields[field]
            found = re.fullmatch(r"&?(\w+)", text)
            function = self.function(where, found[1]) if found else None
            return [function] if function else [], False
        if data and field in data.known:
            return [], False
        if (file.path, field) not in self.pointers:
            names = set()
            for item in file.parse():
                if item.kind == "object" and field in item.words and not re.search(r"_driver\b|_ops\b|_phy_ops", item.head):
                    names |= {text.strip("& ") for name, text in fields(item.body) if name == field}
            found = [self.function(file, name) for name in sorted(names)[:8] if re.fullmatch(r"\w+", name)]
            self.pointers[file.path, field] = [one for one in found if one], len(names) > 1
        return self.pointers[file.path, field]

    def data(self, file, entry, compatible):
        """The match data of an entry of a table of compatible strings."""
        asks = compatible if "of_device_is_compatible" in file.raw else ""
        for name, element in DATA.findall(entry):
            if not name.isdigit():
                where, item = self.object(file, name)
                if item is not None and "of_device_id" not in item.head:
                    return Data(self, where, item, element, asks)
        return Data(self, file, None, None, asks) if asks else None

    def probe(self, file, name, data):
        """The strongest fact for each (property, name) of a probe function."""
        function = self.function(file, name)
        return [fact for fact, _, _ in self.facts(function, data, {}, 0)] if function else []

    def facts(self, function, data, given, depth):
        """[(Fact, how the function ends, code)]"""
        about = function.file.path, function.item.name, tuple(sorted(given.items()))
        # A function that asks nothing of the match data is the same for all of its kind.
        key, common = (about, data.key if data else None), (about, data.kind if data else None)
        for known in key, common:
            if known in self.memo:
                self.uses += known is key and data is not None
                return self.memo[known]
        before = self.uses
        if key in self.active or depth > DEPTH or len(self.active) > 40:
            return []
        self.active.add(key)
        walk = Walk(self, function, data, given, depth)
        walk.items(function.statements, "A", [])
        if PARENT.search(function.item.body):
            walk.add("parent", None, "N", PARENT.search(function.item.body).start(), None, None)
        self.active.discard(key)
        best = {}
        for fact, end, code in walk.found:
            old = best.get((fact.prop, fact.name))
            if old is None or ORDER[fact.level] < ORDER[old[0].level]:
                best[fact.prop, fact.name] = (fact, end, code)
        made = list(best.values())
        self.memo[common if self.uses == before else key] = made
        if self.uses != before:
            self.uses += 1
        return made


class Walk:
    """One function, with what its caller gave to it."""

    def __init__(self, prober, function, data, given, depth):
        self.prober, self.function, self.data, self.given, self.depth = prober, function, data, given, depth
        self.found = []
        self.guards = set()
        self.seen_variable = {}
        self.leaves = False
        self.result = None

    # conditions about other things than what is absent

    def known(self, text):
        text = unwrapped(text)
        plain = squeezed(text)
        if TRUE_WITH_A_NODE.match(plain):
            return True
        if FALSE_WITH_A_NODE.match(plain):
            return False
        found = re.fullmatch(r"of_device_is_compatible\(\w[\w>.-]*,(\".*\"|\w+)\)", plain)
        if found and self.data and found[1].strip('"') == self.data.compatible:
            self.prober.uses += 1
            return True
        variable = self.function.assigned.get(plain)
        if variable and all(FALSE_WITH_A_NODE.match(squeezed(right)) for _, right in variable):
            return False
        if plain in self.function.frequencies:
            return False
        macro = re.fullmatch(r"(\w+)\((.*)\)", plain)
        if macro and macro[1] in self.prober.macros(self.function.file):
            parameters, body = self.prober.macros(self.function.file)[macro[1]]
            for parameter, argument in zip(parameters, parts(macro[2], ",")):
                body = re.sub(rf"\b{parameter}\b", lambda _, argument=argument: argument, body)
            plain = squeezed(unwrapped(body))
        if self.data:
            return self.of_data(plain)
        return None

    def of_data(self, plain):
        """What a condition about a field of the match data gives."""
        plain = re.sub(r"(?<!\w)\((\w+)\)", r"\1", plain)
        found = re.fullmatch(r"[\w>.\[\]-]+(?:->|\.)(\w+)(?:(==|!=|&)\(?([A-Za-z_]\w*|\d+)\)?)?", plain)
        if not found:
            return None
        field, operator, other = found[1], found[2], found[3]
        _, text = self.data.fields.get(field, (None, None))
        if text is None and field not in self.data.known:
            return None
        self.prober.uses += 1
        if operator == "&":
            if text is None:
                return False
            words = set(re.findall(r"[A-Za-z_]\w+", text))
            if other in words:
                return True
            prefix = other.split("_")[0]
            plain = all(word.split("_")[0] == prefix or word == "BIT" for word in words) and "|" in text
            return False if plain or text == "0" else None
        if operator:
            if text is None or not re.fullmatch(r"\w+", text):
                return None
            return (text == other) == (operator == "==")
        if text is None or text in ("0", "false", "NULL"):
            return False
        return True if re.fullmatch(r"true|&?\w+|\"[^\"]*\"|BIT\(.*\)", text) else None

    # strings and nodes

    def strings(self, text):
        """What a name's argument says: a list, empty if nobody knows; [None] for NULL."""
        text = squeezed(unwrapped(text))
        if text in ("NULL", "0"):
            return [None]
        if text.startswith('"'):
            value = self.prober.kernel.string(self.function.file, text)
            return [value] if value is not None else []
        if text in self.given:
            return list(self.given[text]) if isinstance(self.given[text], tuple) else []
        if re.fullmatch(r"[A-Z_0-9]+", text):
            value = self.prober.kernel.string(self.function.file, text)
            return [value] if value is not None else []
        base = re.fullmatch(r"(\w+)(?:\[\w+\])?", text)
        if base:
            _, item = self.prober.object(self.function.file, base[1])
            if item is not None:
                return re.findall(r'"([^"]*)"', item.body)
            values = self.function.assigned.get(base[1], ()) if "[" not in text else ()
            names = {right for _, right in values}
            if names and all(re.fullmatch(r'"[^"]*"', name) for name in names):
                return [next(iter(names)).strip('"')] if len(names) == 1 else []
        field = re.search(r"(?:->|\.)(\w+)(?:\[\w+\])?$", text)
        if field and self.data and field[1] in self.data.fields:
            where, value = self.data.fields[field[1]]
            self.prober.uses += 1
            found = re.findall(r'"([^"]*)"', value)
            if not found and re.fullmatch(r"&?\w+", value):
                _, item = self.prober.object(where, value.strip("&"))
                found = re.findall(r'"([^"]*)"', item.body) if item else []
            return found
        return []

    def table(self, text):
        """Names of a table of clk_bulk_data and the like."""
        found = self.strings(text)
        last = (re.findall(r"\w+", text) or [""])[-1]
        ids = re.findall(rf"\b{re.escape(last)}\s*\[[^\]]*\]\s*\.\s*id\s*=\s*([^;]+);", self.function.item.body)
        for right in ids:
            found += self.strings(right)
        return [name for name in found if name]

    def own(self, text):
        """Whether a device or a node is the driver's own."""
        text = squeezed(text)
        if "parent" in text or "child" in text:
            return False
        member = re.search(r"(?:->|\.)(\w+)$", text)
        if member and member[1] not in ("of_node", "dev", "np", "node", "pdev") and self.member_of_another(member[1]):
            return False
        base = re.match(r"&*\(?(\w+)", text)
        base = base[1] if base else ""
        if self.given.get(base) == "other":
            return False
        if base in self.seen_variable:
            return self.seen_variable[base]
        self.seen_variable[base] = True
        loops = re.search(rf"for_each\w*\([^;{{]*?\b{re.escape(base)}\b\s*[,)]", self.function.item.body)
        values = [right for _, right in self.function.assigned.get(base, ())]
        answer = True
        if loops and re.search(rf"for_each\w*\(\s*[^;{{]*,\s*{re.escape(base)}\b\s*[,)]", self.function.item.body):
            answer = False
        elif values:
            for right in values:
                plain = squeezed(right)
                if OTHER_NODE.search(plain):
                    answer = False
                elif not calls(right):
                    inner = re.match(r"&?(\w+)", plain)
                    if inner and inner[1] != base and not self.own(plain):
                        answer = False
        self.seen_variable[base] = answer
        return answer

    def member_of_another(self, name):
        """Whether a member holds another node: by what is written to it in the file."""
        values = re.findall(rf"(?:->|\.){name}\s*=\s*([^;]+);", self.function.file.text)
        return any(OTHER_NODE.search(value) for value in values) or bool(re.search(r"phy|port|child|mdio|slave", name))

    # walking

    def items(self, items, level, after):
        """Statements, of which each is followed by the rest and then by the frames in `after`."""
        skipped = None  # a label that a jump goes to
        saved = level
        for at, statement in enumerate(items):
            rest = [(items[at + 1:], False), *after]
            kind = statement.kind
            if kind == "label":
                if statement.text == skipped:
                    level, skipped = saved, None
                elif CLEANS_UP.search(statement.text):
                    return
            elif kind == "expr":
                self.expression(statement, level, rest)
            elif kind == "return":
                self.expression(statement, level, [])
                return
            elif kind == "goto":
                return
            elif kind == "block":
                self.items(statement.body, level, rest)
            elif kind == "loop":
                constant = re.search(r"<=?\s*(?:ARRAY_SIZE\s*\(|[A-Z][A-Z0-9_]+\s*;|\d+\s*;)", statement.text)
                number = re.search(r"<\s*([\w>.-]+)\s*;", statement.text)
                if number and not constant and self.data:
                    field = re.search(r"(?:->|\.)(\w+)$", number[1])
                    value = self.data.fields.get(field[1], (None, ""))[1] if field else ""
                    self.prober.uses += bool(value)
                    constant = re.match(r"[1-9]\d*$|ARRAY_SIZE|[A-Z_0-9]+$", value)
                other = "for_each" in statement.text.split("(")[0]
                inner = level if constant and not other else self.below(level)
                self.items(statement.body, inner, [([], True), *rest])
            elif kind == "switch":
                self.switch(statement, level, rest)
            elif kind == "if":
                level, skipped, saved, stop = self.branch(statement, level, rest, skipped, saved)
                if stop:
                    return

    def below(self, level):
        return "B" if level == "A" else level

    def switch(self, statement, level, rest):
        plain = squeezed(statement.text)
        field = re.search(r"(?:->|\.)(\w+)$", plain)
        value = self.data.fields.get(field[1], (None, None))[1] if self.data and field else None
        self.prober.uses += value is not None
        labels = [item for item in statement.body if item.kind == "case"]
        if value and any(item.text == value for item in labels):
            taken, on = [], False
            for item in statement.body:
                if item.kind == "case":
                    on = on or item.text == value
                elif on:
                    taken.append(item)
                    if item.kind in ("break", "return", "goto"):
                        break
            self.items(taken, level, [([], True), *rest])
        else:
            self.items(statement.body, self.below(level), [([], True), *rest])

    def branch(self, statement, level, rest, skipped, saved):
        self.expression(statement, level, rest)
        absence = Absence(self.function, self.known, {}, None)
        answer = absence.truth(statement.text)
        end = self.end(statement.body)
        if answer is True and end == "error":
            answer = None
        if answer is not None:
            taken = statement.body if answer else statement.other
            self.items(taken, level, rest)
            return level, skipped, saved, bool(taken) and self.end(taken) in ("fine", "error")
        asked = set(presence(statement.text))
        words = set(re.findall(r"[\w>.-]+", statement.text))
        asked |= {prop for name, prop in self.function.presence.items() if name in words}
        before = len(self.found)
        old = self.guards
        self.guards = old | asked
        self.items(statement.body, self.below(level), rest)
        first, before = self.found[before:], len(self.found)
        self.items(statement.other, self.below(level), rest)
        second = self.found[before:]
        self.guards = old
        if level == "A" and first and second:
            # Both branches ask for the property.
            for prop in {f.prop for f, _, _ in first if f.level == "B"} & {f.prop for f, _, _ in second if f.level == "B"}:
                fact, how, code = next(one for one in first if one[0].prop == prop and one[0].level == "B")
                self.found.append((fact._replace(name=None, level="A"), how, code))
        if end == "fine":
            self.guards = self.guards | asked
            return self.below(level), skipped, saved, False
        if end == "jump":
            label = next((item.text for item in statement.body if item.kind == "goto"), None)
            return self.below(level), label, level if skipped is None else saved, False
        if end == "error" and asked and re.match(r"\s*!|[^|&]*<=?\s*[01]\s*$", statement.text):
            for prop in asked:
                self.judge(prop, None, level, statement.at, "error", False, None)
        return level, skipped, saved, False

    def end(self, items):
        """How a branch ends: error, fine, jump (to where things go on), or on."""
        for statement in items:
            if statement.kind == "return":
                text = squeezed(statement.text)
                if text in ("0", "", "NULL", "true"):
                    return "fine"
                names = [name for name, _, _, _ in calls(statement.text)]
                return "fine" if names and names[0] not in GIVES_ERRORS else "error"
            if statement.kind == "goto":
                rest = self.function.labels.get(statement.text)
                absence = Absence(self.function, self.known, {}, None)
                for item in items:
                    if item.kind == "expr":
                        absence.expression(item.text)
                if rest and absence.tracked and absence.follow(rest) == "fine":
                    return "jump"
                if CLEANS_UP.search(statement.text) or "unlock" in statement.text:
                    return "error"
                return "jump"
        return "on"

    def expression(self, statement, level, rest):
        text = statement.text
        if "(" not in text:
            return
        for name, arguments, start, stop in calls(text):
            short = DOTS.split(name)[-1]
            call = acquire.find(name)
            if REQUESTS.fullmatch(name) and any(BUS_IRQ.fullmatch(squeezed(argument)) for argument in arguments):
                call = acquire.Call("interrupts", "neg", "EINVAL", node=len(arguments))
            if call:
                self.asked(call, name, arguments, statement, start, stop, level, rest)
            elif name == "component_add" and len(arguments) > 1:
                where, ops = self.prober.object(self.function.file, arguments[1].strip("& "))
                for field, value in fields(ops.body) if ops else ():
                    if field == "bind" and self.prober.function(where, value):
                        self.merge(self.prober.function(where, value), [], statement, None, None, level, None)
            else:
                functions, more = self.callees(name, short)
                for function in functions:
                    self.merge(function, arguments, statement, start, stop, self.below(level) if more else level, rest)

    def callees(self, name, short):
        """(functions that a call can mean, whether it is not certain)"""
        if name == short:
            function = self.prober.function(self.function.file, name)
            if function:
                return [function], False
            # A variable that holds a function.
            if name not in self.function.holds:
                return [], False
            short = self.function.holds[name]
        return self.prober.pointed(self.function.file, short, self.data)

    def asked(self, call, name, arguments, statement, start, stop, level, rest):
        if len(arguments) > call.node and not self.own(arguments[call.node]):
            return
        names = [None]
        if call.bulk is not None and len(arguments) > call.bulk:
            names = self.table(arguments[call.bulk]) or [None]
        elif call.name is not None and len(arguments) > call.name:
            names = self.strings(arguments[call.name])
            if not names and not isinstance(call.prop, str):
                return
            names = names or [None]
        if call.prop == "power-domains" and (call.bulk is not None and names == [None]):
            return
        for one in names:
            prop = call.prop if isinstance(call.prop, str) else call.prop(one)
            if not prop:
                continue
            entry = one if isinstance(call.prop, str) else None
            target = None
            if prop == "clocks" and statement.kind == "expr":
                target = next((left for left, right in assignments(statement.text) if name in right), "")
                target = target if call.bulk is None else squeezed(arguments[call.bulk])
                target = (self.function.file.path, self.function.item.name, target)
            if not call.fails:
                self.add(prop, entry, "N", statement.at, None, None, target)
                continue
            level = self.below(level) if self.leaves else level
            end, perhaps = self.without(call.fails, call.code, statement, start, stop, rest, prop)
            self.judge(prop, entry, level, statement.at, end, perhaps, self.result, target)
            if end not in ("error", "null") and isinstance(call.prop, str):
                def same(other, args, prop=prop):
                    again = acquire.find(other)
                    return again is not None and again.prop == prop
                end, perhaps = self.without(call.fails, call.code, statement, start, stop, rest, prop, same)
                if end in ("error", "null"):
                    self.judge(prop, None, level, statement.at, end, perhaps, self.result)

    def judge(self, prop, name, level, at, end, perhaps, code, target=None):
        if prop in self.guards:
            level = "N"
        elif end in ("error", "null"):
            pass
        elif perhaps:
            level, end = self.below(level), "error"
        else:
            level = "N"
        self.add(prop, name, level, at, end, code, target)

    def add(self, prop, name, level, at, end, code, target=None):
        if self.function.void:
            level = "N"
        file = self.function.file
        line = file.text.count("\n", 0, file.text.find(self.function.item.body) + at) + 1
        self.found.append((Fact(prop, name, level, f"{file.path}:{line}", target), end, code))

    def without(self, fails, code, statement, start, stop, rest, prop, same=None):
        """(how the function ends if the value is not there, whether that hangs on something unknown)"""
        text = statement.text[:start] + VALUE + statement.text[stop:]
        absence = Absence(self.function, self.known, {VALUE: fails}, code, prop, same)
        absence.start = statement.at
        replaced = type(statement)(statement.kind, statement.at, text, statement.body, statement.other)
        end = absence.follow([([replaced], False), *rest])
        self.result = absence.result
        # What comes after is asked only if this is there.
        self.leaves |= end == "fine" and absence.early and same is None
        return end, absence.perhaps

    def merge(self, function, arguments, statement, start, stop, level, rest):
        """Facts of a function that is called."""
        given = {}
        for parameter, argument in zip(function.parameters, arguments):
            name = argument.startswith('"') or re.fullmatch(r"[\w>.\[\]-]+", squeezed(argument))
            values = self.strings(argument) if name else []
            if values and values != [None]:
                given[parameter] = tuple(values)
            elif re.search(r"np|node|dev|parent|child", argument) and not self.own(argument):
                given[parameter] = "other"
        ends = {}
        for fact, end, code in self.prober.facts(function, self.data, given, self.depth + 1):
            if fact.level == "N" or rest is None:
                self.found.append((fact, end, code))
                continue
            fails = "err" if function.pointer and end == "error" else "neg" if end == "error" else "null"
            if (fails, code) not in ends:
                ends[fails, code] = *self.without(fails, code, statement, start, stop, rest, None), self.result
            left, perhaps, result_code = ends[fails, code]
            if fact.prop in self.guards or self.function.void or left == "fine" and not perhaps:
                result = "N"
            else:
                result = fact.level if left != "fine" else self.below(fact.level)
                result = max(result, self.below(level) if self.leaves else level, key=ORDER.get)
            self.found.append((fact._replace(level=result), left if left != "fine" else "error", result_code))
