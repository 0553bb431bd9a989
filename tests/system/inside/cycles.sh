# SPDX-License-Identifier: MIT
# 200 sessions without a guest, of PCI and platform devices, leave nothing.

for backend in iommufd group; do
    tap cycles "200 sessions" 200 $backend edu/intx.cfg drivers/transport.cfg
done
