# SPDX-License-Identifier: MIT
# A GICv2 board: the guest's interrupt controller is one that its KVM has.
check() { machrt check --all guest-gic2/guest.cfg >/tmp/check; }
t "11 host: check proves all that the config expects" check
t "11 host: with the GICv2 of its KVM" says '^holds .*kvm-device arm-vgic-v2' /tmp/check
guest guest-gic2/guest in-gic2
