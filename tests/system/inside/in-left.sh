# SPDX-License-Identifier: MIT
# Inside the guest `left` of guest-pair.mach.
RING=0x90000000

t "6 left: at userspace" true
devmem $RING 32 0x1ef7
t "6 left: its own clock is there" [ "$(devmem 0x9010fe0 8)" = 0x31 ]
t "6 left: what right has written to the memory that both see" wait_word $((RING + 4)) 0x00005167
t "6 left: nothing of right's GPIO" [ "$(devmem 0x9030fe0 8)" = 0xFF ]
t "6 left: and it cannot be written to" devmem 0x9030400 8 0xff
devmem $((RING + 8)) 32 0xd0e
