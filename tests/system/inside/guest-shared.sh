# SPDX-License-Identifier: MIT
# A guest with two resampled lines, one of them shared by two devices.
dd if=/dev/zero of=/dev/shm/box bs=64k count=1 2>/dev/null
dd if=/dev/zero of=/dev/shm/next bs=64k count=1 2>/dev/null
guest guest-shared/guest in-shared
