# SPDX-License-Identifier: MIT
# Inside a guest of pool.mach that is to be killed: copies for ever.
echo "at userspace"
while [ ! -e /dev/sda ]; do usleep 100000; done
while true; do
    dd if=/dev/sda of=/tmp/part bs=64k count=32 2>/dev/null
    dd if=/tmp/part of=/dev/sda bs=64k seek=224 conv=notrunc,fsync 2>/dev/null
done
