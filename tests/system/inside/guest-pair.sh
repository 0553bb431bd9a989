# SPDX-License-Identifier: MIT
# Two guests at the same time.
dd if=/dev/zero of=/dev/shm/ring bs=64k count=1 2>/dev/null
run_guest left guest-pair/left in-left &
run_guest right guest-pair/right in-right &
wait
tell_guest left
tell_guest right
word() { [ "$(hexdump -s $1 -n 4 -e '"%x"' /dev/shm/ring)" = $2 ]; }
t "6 host: both have written to the file that is their memory" eval 'word 0 1ef7 && word 4 5167'
lost() { [ "$(sed -n 's/.*exits elsewhere: //p' /tmp/$1.err)" = $2 ]; }
t "6 left: its two accesses to right's GPIO have gone nowhere" lost left 2
t "6 right: its access to left's clock has gone nowhere" lost right 1
