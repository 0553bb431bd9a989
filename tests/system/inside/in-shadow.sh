# SPDX-License-Identifier: MIT
# Inside the guest of shadow.mach.
writes() { devmem $1 32 $2; [ "$(devmem $1)" = $3 ]; }
t "19 guest: its tree has the system controller" grep -q machc,control /proc/device-tree/pl061@9030000/compatible
t "19 guest: it reads what the host wrote" [ "$(devmem 0x9030400)" = 0x000000A0 ]
t "19 guest: it writes bits below the mask" writes 0x9030400 0xa5 0x000000A5
t "19 guest: and no others" writes 0x9030400 0x53 0x000000A3
t "19 guest: nor to a register without a mask" writes 0x9030404 0x22 0x00000011
t "19 guest: however often it tries" writes 0x9030404 0x44 0x00000011
