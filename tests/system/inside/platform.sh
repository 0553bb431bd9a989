# SPDX-License-Identifier: MIT
# Devices that are not on PCI, without a guest.

for backend in iommufd group; do
    tap platform platform/platform.cfg platform/clock.cfg $backend "$(cat /sys/class/rtc/rtc*/since_epoch)"
done
