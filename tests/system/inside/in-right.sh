# SPDX-License-Identifier: MIT
# Inside the guest `right` of guest-pair.mach.
RING=0xa0000000

t "6 right: at userspace" true
t "6 right: its own GPIO is there" [ "$(devmem 0x9030fe0 8)" = 0x61 ]
t "6 right: what left has written to the memory that both see" wait_word $RING 0x00001EF7
devmem $((RING + 4)) 32 0x5167
t "6 right: nothing of left's clock" [ "$(devmem 0x9010fe0 8)" = 0xFF ]
t "6 right: left is done" wait_word $((RING + 8)) 0x00000D0E
t "6 right: left's write to where its GPIO is has not reached it" [ "$(devmem 0x9030400 8)" = 0x00 ]
