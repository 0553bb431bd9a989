# SPDX-License-Identifier: MIT
"""An initramfs: cpio's new ASCII format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""

DIRECTORY, PROGRAM, LINK, CONSOLE = 0o40755, 0o100755, 0o120777, 0o20600


class Archive:
    """Files by path. Creates parent directories; everything belongs to root, whichever user runs this."""

    def __init__(self):
        self.entries = {}
        self.add("dev/console", b"", CONSOLE, (5, 1))
        for name in ("proc", "sys", "tmp", "bin", "lib"):
            self.entries[name] = (DIRECTORY, b"", (0, 0))

    def add(self, path, data, mode=PROGRAM, device=(0, 0)):
        parts = path.split("/")
        for n in range(1, len(parts)):
            self.entries.setdefault("/".join(parts[:n]), (DIRECTORY, b"", (0, 0)))
        self.entries[path] = (mode, data, device)

    def link(self, path, target):
        self.add(path, target.encode(), LINK)

    def bytes(self):
        out = bytearray()
        for number, (path, (mode, data, device)) in enumerate([*self.entries.items(), ("TRAILER!!!", (0, b"", (0, 0)))]):
            name = path.encode() + b"\0"
            fields = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
            head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
            out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
        return bytes(out)
