# SPDX-License-Identifier: MIT
"""What the devices of one machine can reach."""

TOP = 1 << 64
MSI_PAGE = 0x1000


def check_dma(machine):
    for d in machine.config.device:
        for x in d.domains:
            who = f"{d.name}: dma {x.name or x.mode}"
            check_domain(machine, x, who)
            check_window(machine, x, who)
            check_stash(machine, x, who)
        modes = {x.mode for x in d.domains}
        if len(modes) > 1 or (modes and modes != {"window"} and len(d.domains) > 1):
            machine.say(f"{d.name} has dma of several modes: {sorted(modes)}")
        for field in ("liodn_index", "stream"):
            given = [getattr(x, field) for x in d.domains if field.replace("_", "-") in x.flags]
            if len(set(given)) < len(given):
                machine.say(f"{d.name}: two dmas have {field} {given}")


def check_domain(machine, x, who):
    if x.mode in ("none", "identity", "guest-iommu") and x.mappings:
        machine.say(f"{who} has mappings")
    reached = []
    for m in x.mappings:
        if m.iova + m.size > TOP:
            machine.say(f"{who}: a mapping ends beyond the last address")
        reached.append((m.iova, m.iova + m.size))
        {"memory": check_memory, "region": check_region, "msi-bank": check_bank}[m.what](machine, x, m, who)
    reached.sort()
    for (_, end), (start, _) in zip(reached, reached[1:]):
        if start < end:
            machine.say(f"{who}: two mappings overlap at {start:#x}")
    if x.mode == "all":
        check_all(machine, x, who)
    if x.mode == "identity":
        for m in machine.config.memory:
            if "no-dma" not in m.flags and m.physical != m.address:
                machine.say(f"{who}: identity, and memory {m.name} is at {m.address:#x}, on the host at {m.physical}")


def check_memory(machine, x, m, who):
    memory = machine.config.memory[m.memory]
    if "no-dma" in memory.flags:
        machine.say(f"{who}: memory {memory.name} is no-dma")
    if "readonly" in memory.flags and "readonly" not in m.flags:
        machine.say(f"{who}: memory {memory.name} is readonly")
    for what in (m.offset, m.size, m.iova):
        if what % machine.page:
            machine.say(f"{who}: {what:#x} is not a multiple of a page")


def check_region(machine, x, m, who):
    region = machine.config.region[m.region]
    if region.device != x.device:
        machine.say(f"{who}: maps a region of another device")
    if region.host is not None and (region.host + m.offset - m.iova) % machine.page:
        machine.say(f"{who}: its region is at another place in its page")


def check_bank(machine, x, m, who):
    if m.size != MSI_PAGE or m.iova % MSI_PAGE or m.offset:
        machine.say(f"{who}: MSI bank {m.bank} is not one page")
    if [o.bank for o in x.mappings if o.what == "msi-bank"].count(m.bank) > 1:
        machine.say(f"{who}: MSI bank {m.bank} twice")


def check_all(machine, x, who):
    """Every byte of memory at its guest address, but for what is no-dma; nothing else."""
    granted = {}
    for m in x.mappings:
        if m.what != "memory":
            machine.say(f"{who}: maps a {m.what}")
        else:
            granted.setdefault(m.memory, []).append((m.offset, m.offset + m.size, m.iova, m.flags))
    for memory in machine.config.memory:
        if "no-dma" in memory.flags:
            continue
        at = 0
        for start, end, iova, flags in sorted(granted.get(memory.i, ()), key=lambda g: g[0]):
            if start != at or iova != memory.address + start or ("readonly" in flags) != ("readonly" in memory.flags):
                break
            at = end
        if at != memory.size:
            machine.say(f"{who}: memory {memory.name} is not what it reaches, from {at:#x} on")


def check_window(machine, x, who):
    if "window" not in x.flags:
        return
    for m in x.mappings:
        if m.iova < x.window or m.iova + m.size > x.window + x.size:
            machine.say(f"{who}: a mapping at {m.iova:#x} outside of the window")
    if x.mode != "window":
        machine.say(f"{who} has a window")


def check_stash(machine, x, who):
    s = None if x.stash is None else machine.config.stash[x.stash]
    if s is None:
        return
    if s.vcpu is not None:
        if s.vcpu >= len(machine.config.cpu):
            machine.say(f"{who}: stashes for vcpu {s.vcpu}, which is not there")
        elif machine.config.cpu[s.vcpu].host_cpu != s.host_cpu:
            machine.say(f"{who}: vcpu {s.vcpu} does not run on host cpu {s.host_cpu}")
    if s.kind in ("l1", "l2", "tph") and s.host_cpu is None and "if-possible" not in s.flags:
        machine.say(f"{who}: {s.kind} of no cpu")
