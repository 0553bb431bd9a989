# SPDX-License-Identifier: MIT
# Registers of a system controller, without a guest.

t "19 shadow: machrt check" sh -c 'machrt check --all shadow/shadow.cfg >/tmp/out'
t "19 shadow: the node is proven by the host's tree" says 'machc,control' /tmp/out
tap shadow shadow/shadow.cfg
