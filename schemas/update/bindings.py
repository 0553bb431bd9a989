# SPDX-License-Identifier: MIT
"""What Linux's bindings require of a node, by compatible string: only names of properties and of entries are taken.

An `if` counts where its answer hangs on one compatible string alone.
"""

import collections

import yaml

from acquire import NAMES

LISTS = {names: prop for prop, names in NAMES.items()}
DEPTH = 12


def strings(schema, depth=0):
    """Every compatible string that a schema of `compatible` names."""
    if depth > DEPTH:
        return
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "const" and isinstance(value, str):
                yield value
            elif key == "enum" and isinstance(value, list):
                yield from (text for text in value if isinstance(text, str))
            elif key in ("items", "oneOf", "anyOf", "allOf", "contains", "additionalItems"):
                yield from strings(value, depth + 1)
    elif isinstance(schema, list):
        for part in schema:
            yield from strings(part, depth + 1)


def together(schema):
    """(string, those that follow it in a list) for each list that a schema of `compatible` allows."""
    if isinstance(schema, dict):
        items = schema.get("items")
        if isinstance(items, list):
            for at, item in enumerate(items):
                rest = set(strings(items[at + 1:]))
                for text in strings(item):
                    yield text, rest
        for key in ("oneOf", "anyOf", "allOf"):
            for part in schema.get(key) or ():
                yield from together(part)


def holds(condition, compatible, others):
    """Whether an `if` holds for nodes with that string first and some of `others`: True, False, or None if more decides."""
    if not isinstance(condition, dict):
        return None
    answers = []
    for key, value in condition.items():
        if key == "not":
            answer = holds(value, compatible, others)
            answers.append(None if answer is None else not answer)
        elif key in ("allOf", "anyOf", "oneOf") and isinstance(value, list):
            inner = [holds(part, compatible, others) for part in value]
            if key == "allOf":
                answers.append(False if False in inner else None if None in inner else True)
            else:
                answers.append(True if True in inner else None if None in inner else False)
        elif key == "properties" and isinstance(value, dict):
            for name, schema in value.items():
                answers.append(of_compatible(schema, compatible, others) if name == "compatible" else None)
        elif key == "required":
            answers.extend(None for name in value if name != "compatible")
        elif key not in ("description", "$comment"):
            answers.append(None)
    return False if False in answers else None if None in answers or not answers else True


def of_compatible(schema, compatible, others):
    if not isinstance(schema, dict):
        return None
    if set(schema) == {"contains"}:
        inner = schema["contains"]
        named = set(strings(inner))
        if isinstance(inner, dict) and set(inner) <= {"const", "enum", "anyOf", "oneOf"}:
            return True if compatible in named else None if named & others else False
        return None
    if "not" in schema and len(schema) == 1:
        answer = of_compatible(schema["not"], compatible, others)
        return None if answer is None else not answer
    # The whole list: a node with the string may have another list.
    named = set(strings(schema))
    return False if named and compatible not in named else None


class Bindings:
    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        self.by_compatible = collections.defaultdict(list)
        self.others = collections.defaultdict(set)
        for path in sorted(folder.rglob("*.yaml")):
            schema = self.load(path)
            properties = schema.get("properties")
            if isinstance(properties, dict) and schema.get("select") is not False:
                for compatible in set(strings(properties.get("compatible"))):
                    self.by_compatible[compatible].append(path)
                for first, rest in together(properties.get("compatible")):
                    self.others[first] |= rest

    def load(self, path):
        if path not in self.files:
            try:
                made = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            except (OSError, yaml.YAMLError):
                made = None
            self.files[path] = made if isinstance(made, dict) else {}
        return self.files[path]

    def required(self, compatible):
        """{property: names that are required in it} by every schema of the string."""
        found = collections.defaultdict(set)
        for path in self.by_compatible.get(compatible, ()):
            self.collect(self.load(path), path, compatible, found, set(), 0)
        return {name: found[name] for name in found if not name.startswith("?")}

    def collect(self, schema, path, compatible, found, seen, depth):
        if depth > DEPTH or not isinstance(schema, dict):
            return
        for name in schema.get("required") or ():
            if isinstance(name, str):
                found[LISTS.get(name, name)]  # noqa: B018: a set, which can stay empty
        properties = schema.get("properties")
        for name, value in properties.items() if isinstance(properties, dict) else ():
            if name in LISTS and isinstance(value, dict) and "minItems" not in value:
                items = value.get("items")
                if isinstance(items, list) and items and all(isinstance(item, dict) and "const" in item for item in items):
                    found["?" + LISTS[name]] |= {item["const"] for item in items}
        for part in schema.get("allOf") or ():
            self.part(part, path, compatible, found, seen, depth)
        if "if" in schema:
            part = {key: schema[key] for key in ("if", "then", "else") if key in schema}
            self.part(part, path, compatible, found, seen, depth)
        if isinstance(schema.get("$ref"), str):
            self.follow(schema["$ref"], path, compatible, found, seen, depth)
        for name in [name for name in found if "?" + name in found]:
            found[name] |= found["?" + name]

    def part(self, part, path, compatible, found, seen, depth):
        if not isinstance(part, dict):
            return
        if "if" in part:
            answer = holds(part["if"], compatible, self.others.get(compatible, set()))
            if answer is not None:
                self.collect(part.get("then" if answer else "else"), path, compatible, found, seen, depth + 1)
        else:
            self.collect(part, path, compatible, found, seen, depth + 1)

    def follow(self, name, path, compatible, found, seen, depth):
        name = name.split("#")[0]
        if not name or (path, name) in seen:
            return
        seen.add((path, name))
        target = self.folder / name[len("/schemas/"):] if name.startswith("/schemas/") else (path.parent / name)
        target = target.resolve() if target.exists() else target
        self.collect(self.load(target), target, compatible, found, seen, depth + 1)
