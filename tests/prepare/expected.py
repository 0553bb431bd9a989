# SPDX-License-Identifier: MIT
"""What a config says that the start proves, against the tree that the host then has."""

from checker.dtb import cells


def number(value):
    return int.from_bytes(value, "big") if len(value) in (4, 8) else None


def wrong(before, after, config, link):
    """Why a config that was compiled against the board's own tree does not hold on the prepared one, or expects less than
    was added; None: neither. `link`: the property from a device to its buses."""
    links, added = set(), set()
    for e in config.expect:
        if e.kind == "power-link":
            device, bus = after.by_path.get(config.device[e.device].host_path), after.by_path.get(f"/{e.string}")
            if bus is None or bus.cell("phandle") not in cells(device.props.get(link, b"")):
                return f"{device.path} is not linked to {e.string}"
            if bus.path in before.by_path:
                return f"{e.string} is the board's own"
            links.add((device.path, bus.cell("phandle")))
        elif e.kind == "tree-property":
            path, name = e.string.rsplit("/", 1)
            node, old = after.by_path.get(path), before.by_path.get(path)
            if node is None or name not in node.props or e.a not in (None, number(node.props[name])):
                return f"{e.string} is not {e.a}"
            if old is None or name not in old.props:
                added.add(path)
    for node in after.root.walk():
        missing = {(node.path, phandle) for phandle in cells(node.props.get(link, b""))} - links
        old = before.by_path.get(node.path)
        if missing and (old is None or link not in old.props):
            return f"nobody looks for the buses of {node.path}"
        # Each start proves that memory is reserved, whatever the node is called (runtime/session/prove_memory.c).
        reserved = node.path.startswith("/reserved-memory/")
        mine = old is None and node.name.startswith("guest-") and not reserved
        if (mine or (old and "regulator-always-on" in node.props.keys() - old.props.keys())) and node.path not in added:
            return f"nobody looks for {node.path}"
    return None
