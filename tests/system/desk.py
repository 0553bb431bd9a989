# SPDX-License-Identifier: MIT
"""Tests on this machine, with the files that a boot has sent. Each function returns [(passed, name, [problems])]."""

import hashlib
import json
import re
import subprocess

from harness import ENVIRONMENT

# The requests of linux/vfio.h and linux/iommufd.h: _IO(';', 100 + n) and _IO(';', 0x80 + n).
REQUESTS = {
    **{0x3b64 + number: f"VFIO_{name}" for number, name in [
        (0, "GET_API_VERSION"), (1, "CHECK_EXTENSION"), (2, "SET_IOMMU"), (4, "GROUP_SET_CONTAINER"),
        (6, "GROUP_GET_DEVICE_FD"), (7, "DEVICE_GET_INFO"), (8, "DEVICE_GET_REGION_INFO"), (9, "DEVICE_GET_IRQ_INFO"),
        (10, "DEVICE_SET_IRQS"), (11, "DEVICE_RESET"), (12, "IOMMU_GET_INFO"), (13, "IOMMU_MAP_DMA"),
        (14, "IOMMU_UNMAP_DMA"), (18, "DEVICE_BIND_IOMMUFD"), (19, "DEVICE_ATTACH_IOMMUFD_PT")]},
    **{0x3b80 + number: f"IOMMU_{name}" for number, name in [
        (1, "IOAS_ALLOC"), (4, "IOAS_IOVA_RANGES"), (5, "IOAS_MAP"), (6, "IOAS_UNMAP")]},
}
NAMES = {"openat": "open", "eventfd2": "eventfd", "pread64": "pread", "pwrite64": "pwrite"}


def traced(text):
    """The relevant calls in strace's output, without system files and without libc's memory."""
    calls = []
    for line in text.splitlines():
        found = re.match(r"(?:\d+ +)?(\w+)\((.*)", line)
        if not found:
            continue
        name, rest = NAMES.get(found[1], found[1]), found[2]
        words = rest.split(", ")
        if name == "ioctl":
            # Those of libc query terminals.
            if int(words[1], 16) in REQUESTS:
                calls.append(f"ioctl {REQUESTS[int(words[1], 16)]}")
        elif (name == "open" and '"/dev/' in rest or name == "mmap" and not words[4].startswith("-1") or
              name == "madvise" and "MADV_POPULATE_WRITE" in rest or
              name in ("memfd_create", "ftruncate", "eventfd", "pread", "pwrite")):
            calls.append(name)
    return calls


def planned(text):
    """The same from machrt plan: (calls of the start, calls of the end)."""
    parts = [[], []]
    for line in text.splitlines():
        if line.startswith("#"):
            parts[0], parts[1] = parts[1], parts[0]
            continue
        name, rest = line.split("(", 1)
        if name == "ioctl":
            parts[0].append(f"ioctl {re.split('[,)]', rest)[1].strip()}")
        elif name in ("open", "mmap", "madvise", "memfd_create", "ftruncate", "eventfd", "pread", "pwrite"):
            parts[0].append(name)
    return parts[1], parts[0]


# Numbers that docs/runtime.md states: (further devices, mapped regions, windows, level and edge interrupts, memories,
# checks). The checks are the info of each device and interrupt, the IOMMU info of each page table, three calls for a PCI
# function that does DMA, three for the events of one, and the info of trapped regions.
MACHINES = {
    "intx": (0, 1, 1, 1, 0, 1, 1 + 1 + 1 + 3 + 3),
    "transport": (0, 0, 0, 0, 1, 1, 1 + 1 + 1),
    "clock": (0, 1, 0, 1, 0, 1, 1 + 1),
}


def calls(run, _):
    """Compares docs/runtime.md's count of system calls, and machrt plan, with strace's output."""
    results = []
    for machine, (further, regions, windows, level, edge, memories, checks) in MACHINES.items():
        for backend in ("iommufd", "group"):
            name = f"5 calls, {machine}, {backend}"
            try:
                seen = traced(run.tap.files[f"{machine}.{backend}.strace"].decode("utf-8", "replace"))
                start, end = planned(run.tap.files[f"{machine}.{backend}.plan"].decode("utf-8", "replace"))
            except KeyError as missing:
                results.append((False, f"{name}: was sent", [str(missing)]))
                continue
            # Whether a device can be reset is known only after it is open, so the plan includes the reset. These cannot.
            start, end = ([call for call in part if call != "ioctl VFIO_DEVICE_RESET"] for part in (start, end))
            same = seen == start + end
            results.append((same, f"{name}: strace sees what machrt plan says",
                            [] if same else [f"plan: {' '.join(start + end)}", f"seen: {' '.join(seen)}"]))
            populate = seen.count("madvise")
            minimum = 6 + 3 * further + windows + 2 * regions + 5 * level + 2 * edge + 3 * memories + populate
            most = minimum + checks + (2 if backend == "group" else 0)
            count = len(seen) - len(end)
            results.append((count == most and populate >= windows,
                            f"{name}: {minimum} calls and {most - minimum} checks, as docs/runtime.md counts",
                            [f"{count} calls: {' '.join(seen[:count])}"]))
    return results


def facts(run, session):
    """facts.json is JSON that describes the board, and machc accepts it."""
    data = run.tap.files.get("facts.json")
    try:
        found = json.loads(data)
        members = {member["name"] for group in found["iommu_groups"] for member in group["devices"]}
        right = (found["format"] == "facts.json" and found["page_size"] == 4096 and found["cpus_online"] == "0-1" and
                 found["compatible"] == ["linux,dummy-virt"] and found["nodes"]["iommu"] and
                 {"9010000.pl031", "a003e00.virtio_mmio", "0000:00:03.1"} <= members)
    except (KeyError, TypeError, ValueError) as problem:
        return [(False, "0 facts: they are there", [str(problem)])]
    top = run.console.parent
    source = top / "facts.mach"
    source.write_text('host "../arm64.dtb" { facts "facts.json"; }\n'
                      "machine m : arm64-virt { cpus 1; memory ram size 64M;\n"
                      "    passthrough /pl031@9010000 { ref clocks fixed 24MHz; dma none; } }\n")
    done = subprocess.run([str(session.args.machc), "--check", str(source)], env=ENVIRONMENT, capture_output=True, text=True,
                          check=False)
    return [(right, "0 facts: they tell of the board", [data.decode("utf-8", "replace")[:2000]]),
            (done.returncode == 0, "0 facts: machc accepts them", done.stderr.splitlines())]


def disk(run, session):
    """What QEMU has of the disk: each guest has copied the first part to one of its own, byte by byte."""
    from board import DISK, PART  # board.py imports nothing from here
    data = (run.folder / DISK).read_bytes()
    first, tests = data[:PART], []
    for slot in range(1, len(run.boot.disks) + 1):
        part = data[slot * PART:(slot + 1) * PART]
        wrong = sum(a != b for a, b in zip(first, part))
        tests.append((part == first, f"15 desk: part {slot} of the disk is the first one", [f"{wrong} wrong bytes of {PART}"]))
    return tests


# Warnings of kernels that no tree can avoid: of the machine, of its load, of the configuration.
KNOWN = ["KASLR disabled due to lack of seed", "ITS: No ITS available", "hrtimer: interrupt took",
         "Kernel memory protection not selected by kernel config",
         "Spectre v2: firmware did not set auxiliary control register",
         # This cpu is known to Linux by its name, and the clock is the host's: QEMU's own tree lacks it as well.
         r"/cpus/cpu@\d missing clock-frequency property"]


def source(tree):
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=tree, check=True, stdout=subprocess.PIPE).stdout


def tree(memory, chip, lines):
    """Judges what a guest sees that QEMU boots with machc's tree: 2 cpus, `memory` MiB, and these lines of its interrupt
    controller `chip`, with the names of their handlers. The first one is the console's."""
    def judge(run, _):
        from board import guest_tree  # board.py imports nothing from here
        files = {key: data.decode("utf-8", "replace") for key, data in run.tap.files.items()}
        log, counts = files.get("dmesg", ""), {}
        for found in re.finditer(rf"^ *\d+:((?: +\d+)+) +{chip} +(\d+) .*?(\S+)$", files.get("interrupts", ""), re.M):
            counts[found[3], int(found[2])] = sum(map(int, found[1].split()))
        warnings = [line for line in log.splitlines() if re.match("<[0-4]>", line) and not re.search("|".join(KNOWN), line)]
        cpus = re.findall(r"^processor\s*: (\d+)", files.get("cpuinfo", ""), re.M)
        total = re.findall(r"Memory: \d+K/(\d+)K available", log)
        written, seen = source(guest_tree(run.console.parent).read_bytes()), source(run.tap.files["fdt"])
        return [(passed, f"16 {run.boot.name}: {what}", problems) for passed, what, problems in [
            (seen == written, "the kernel has the tree that machc wrote", []),
            (cpus == ["0", "1"], "its cpus", cpus),
            (total == [str(memory << 10)], "its memory", total),
            (set(lines) <= set(counts), "its lines are at their interrupt controller", [files.get("interrupts", "")]),
            # Not without end either, as a line that is never quiet.
            (0 < counts.get(lines[0], 0) < 10000, "the console's interrupts arrive", [str(counts)]),
            (bool(log) and not warnings, "no warning in the kernel's log", warnings),
            (run.ended == 0, "its reset ends QEMU", [f"exit status {run.ended}"]),
        ]]
    return judge


def vmm(run, _):
    """Judges a guest that the command line of --emit started: machc's tree is true of that VMM's machine."""
    files = {key: data.decode("utf-8", "replace") for key, data in run.tap.files.items()}
    log, counts = files.get("dmesg", ""), {}
    for found in re.finditer(r"^ *\d+:((?: +\d+)+) +GICv3 +(\d+) .*? (\S+)$", files.get("interrupts", ""), re.M):
        counts[found[3], int(found[2])] = sum(map(int, found[1].split()))
    cpus = re.findall(r"^processor\s*: (\d+)", files.get("cpuinfo", ""), re.M)
    total = re.findall(r"Memory: \d+K/(\d+)K available", log)
    return [(passed, f"22 {run.boot.name}: {what}", problems) for passed, what, problems in [
        (cpus == ["0", "1"] and total == [str(512 << 10)], "its cpus and its memory", [str(cpus), str(total)]),
        (counts.get(("uart-pl011", 33), 0) > 0, "the console's interrupts arrive", [str(counts)]),
        ("0000:00:0d.0: [8086:2922]" in log, "the function is in its slot", [line for line in log.splitlines() if "pci" in line]),
        (counts.get(("ahci[0000:00:0d.0]", 36), 0) > 0, "the function's INTx arrives at its line", [str(counts)]),
        ("[sda] Attached SCSI disk" in log, "its disk is there", [line for line in log.splitlines() if "ata" in line]),
    ]]


MB = 1 << 20
# What a guest of a SoC board reads from its devices: the file on this machine, and how much of it.
READ = {"tftp": ("tftp/file", None), "card": ("card.img", MB), "flash": ("flash.img", 4096)}


def devices(run, _):
    """What the guest of a SoC board has read is what this machine gave its devices, and the other way round."""
    point = {"versal": 17, "zcu102": 18}[run.boot.name]
    shown = dict(re.findall(r"^# sha256 (\w+) ([0-9a-f]{64})", run.console.read_text(), re.M))
    tests = []
    for device, (name, size) in READ.items():
        if name not in run.boot.media:
            continue
        data = (run.folder / name).read_bytes()[:size]
        right = hashlib.sha256(data).hexdigest()
        tests.append((shown.get(device) == right, f"{point} desk: the guest has all {len(data)} bytes of {name}",
                      [f"SHA-256 {right}, and in the guest {shown.get(device)}"]))
    card = (run.folder / "card.img").read_bytes()
    tests.append((card[MB:2 * MB] == card[:MB], f"{point} desk: the guest has copied the card's first MiB to the second", []))
    return tests
