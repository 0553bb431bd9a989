# SPDX-License-Identifier: MIT
# Registers of a system controller, without a guest and with one.

t "19 shadow: machrt check" sh -c 'machrt check --all shadow/guest.cfg >/tmp/out'
t "19 shadow: the node is proven by the host's tree" says 'machc,control' /tmp/out
tap shadow shadow/guest.cfg

# Direction and sense of the GPIO controller's lines.
devmem 0x9030400 32 0xa0
devmem 0x9030404 32 0x11
guest shadow/guest in-shadow
t "19 shadow: the host has what the guest wrote below the mask" [ "$(devmem 0x9030400)" = 0x000000A3 ]
t "19 shadow: and nothing of what it wrote elsewhere" [ "$(devmem 0x9030404)" = 0x00000011 ]
t "19 shadow: machvm tells of the bits" says 'refused: .*register 0x400: .* bits 0xf0' /tmp/guest.err
t "19 shadow: once" [ "$(grep -c 'refused: .*register 0x404' /tmp/guest.err)" = 1 ]
