# SPDX-License-Identifier: MIT
"""What dt-validate says of a board with the overlay that it does not say of the board alone.

It takes a minute for a whole board, so that each kind of change is shown to it once, whatever boards have it: a kind is a node's
name, compatible and properties, those that it gained, and the compatible of its parent. The tree that it sees is cut down to
such nodes with all that is below and above them; what they refer to is there with its compatible, its address and its `#...-cells`.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/corpus"))

from schema import schema, validate  # noqa: E402

# Bindings that have no place for a node of ours.
KNOWN = {
    "arm,vexpress-juno.yaml": "each bus at the root is one of the board's own",
    "allwinner,sun4i-a10-pinctrl.yaml": "no GPIO hogs",
}


def kind_of(node, gained):
    return (node.name.split("@")[0], node.props.get("compatible"), frozenset(node.props), gained,
            node.parent.props.get("compatible") if node.parent else None)


def words(value):
    return (int.from_bytes(value[i:i + 4], "big") for i in range(0, len(value) - 3, 4))


def belonging(tree, paths, before):
    """(paths of nodes that are shown whole, paths of those that are there because others refer to them)"""
    whole, stubs = {tree.root}, set()
    for path in paths:
        node = tree.by_path[path]
        whole.update(node.walk())
        while node:
            whole.add(node)
            node = node.parent
    for node in list(whole):
        for value in node.props.values():
            for word in words(value):
                target = tree.phandles.get(word)
                while target and target not in whole and target not in stubs:
                    (stubs if target.path in before.by_path else whole).add(target)
                    target = target.parent
    return {node.path for node in whole}, {node.path for node in stubs}


def cut(node, whole, stubs):
    """The source of the node, as far as it is in one of the sets."""
    props = node.props
    if node.path in stubs:
        props = {name: value for name, value in props.items() if re.fullmatch("phandle|reg|ranges|compatible|#.*-cells", name)}
    body = "".join(f"{name} = [{value.hex()}];" if value else f"{name};" for name, value in props.items())
    below = "".join(cut(child, whole, stubs) for child in node.children.values() if child.path in whole or child.path in stubs)
    return f"{node.name or '/'} {{{body}{below}}};"


class Bindings:
    def __init__(self, link):
        self.processed, self.link, self.lock = schema(False), link, threading.Lock()
        self.seen = set()
        self.devices = collections.Counter()  # linked devices by kind
        self.refused = {}  # kind -> the binding that does not know the link
        self.known = collections.Counter()  # messages by a binding of KNOWN
        # dt-schema allows states of pins everywhere but where a binding lists its own.
        self.listing = {s["$filename"].rsplit("/", 1)[-1] for s in json.loads(self.processed.read_text()).values()
                        if any(re.match(r"pinctrl-\d$", name) for name in s.get("properties", {}))}

    def check(self, before, after, folder):
        """Returns what is said of this board, as a list, but for what is counted: what KNOWN bindings say, and links that a
        binding refuses as it refuses all states but its own."""
        new, kinds = [], {}
        for node in after.root.walk():
            mine = before.by_path.get(node.path)
            gained = frozenset(node.props.keys() - (mine.props.keys() if mine else set()) - {"phandle"})
            if not gained:
                continue
            kind = kind_of(node, gained)
            kinds.setdefault(node.name, set()).add(kind)
            with self.lock:
                self.devices[kind] += self.link in gained
                if kind not in self.seen:
                    new.append(node.path)
                    self.seen.add(kind)
        if not new:
            return []
        said, shown = [], belonging(after, new, before)
        for name, tree in (("cut-before", before), ("cut-after", after)):
            path = folder / f"{name}.dtb"
            subprocess.run(["dtc", "-q", "-f", "-O", "dtb", "-o", path, "-"], input=("/dts-v1/;" + cut(tree.root, *shown)).encode(), check=True)
            said.append(collections.Counter(validate(self.processed, [str(path)])[str(path)]))
        more = []
        for message in said[1] - said[0]:
            name, binding = message.split(":")[0], message.rsplit("(", 1)[-1].rstrip(")")
            if f"'{self.link}'" in message and binding in self.listing and name in kinds:
                with self.lock:
                    self.refused.update({kind: binding for kind in kinds[name] if self.link in kind[3]})
            elif binding in KNOWN:
                with self.lock:
                    self.known[binding] += 1
            else:
                more.append(message)
        return more

    def summary(self):
        by_binding = collections.Counter()
        for kind, binding in self.refused.items():
            by_binding[binding] += self.devices[kind]
        return (f"dt-validate: {len(self.seen)} kinds of changes; {sum(by_binding.values())} of {sum(self.devices.values())} links are "
                f"refused by bindings that list states of pins: {', '.join(f'{n} {b}' for b, n in sorted(by_binding.items())) or 'none'}; "
                f"others: {', '.join(f'{n} {b} ({KNOWN[b]})' for b, n in sorted(self.known.items())) or 'none'}")
