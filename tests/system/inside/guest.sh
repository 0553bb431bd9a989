# SPDX-License-Identifier: MIT
# Tests a Linux guest that has the board's clock, GPIO and a virtio-mmio slot.

RTC=9010000.pl031
amba() { echo $RTC >/sys/bus/amba/drivers/rtc-pl031/$1; }

# Asserts the alarm line before anything listens: match register set to the current time, interrupt enabled.
t "2 host: it has the clock itself" [ "$(cat /sys/class/rtc/rtc0/name)" = "rtc-pl031 $RTC" ]
epoch=$(cat /sys/class/rtc/rtc0/since_epoch)
up=$(cut -d. -f1 /proc/uptime)
amba unbind
raise() {
    local n
    for n in 1 2 3; do
        devmem 0x9010010 32 1
        devmem 0x9010004 32 $(devmem 0x9010000)
        [ $(devmem 0x9010018) = 0x00000001 ] && return 0
    done
    return 1
}
t "2 host: the clock asserts its line" raise

guest guest/guest in-linux

same_tree() { says "^# tree $(sha256sum <guest/guest.dtb | cut -d' ' -f1)" /tmp/guest.out; }
t "1 guest: it has guest.dtb to the byte" same_tree

# The time must be within the guest's run time, plus a second on either side.
same_time() {
    local shown="$(sed -n 's/^# time \([0-9]*\).*/\1/p' /tmp/guest.out)" now="$(cut -d. -f1 /proc/uptime)"
    echo "host: $epoch at $up s, guest: $shown, at most at $now s"
    [ "$shown" -ge $((epoch - 1)) ] && [ "$shown" -le $((epoch + now - up + 1)) ]
}
t "2 rtc: the guest reads the board's time" same_time
early() { says '^# interrupts before: [1-9]' /tmp/guest.out; }
t "2 rtc: an interrupt that was asserted before the guest listened has come" early

no_exits() { refused grep "exits at 0x9010000 " /tmp/guest.err; }
t "2 rtc: none of its accesses has exited" no_exits
exits() { [ "$(sed -n "s/.*exits at $1 [a-z0-9]*: //p" /tmp/guest.err)" -ge $2 ]; }
t "3 gpio: its accesses have exited, and were forwarded" exits 0x9030000 8
t "3 slot: its accesses have exited, and were forwarded" exits 0xa003c00 2
lost() { [ "$(sed -n 's/.*exits elsewhere: //p' /tmp/guest.err)" = 1 ]; }
t "3 slot: the one beside it has gone nowhere" lost
gpio() { [ "$(devmem 0x9030400 8)" = 0x21 ]; }
t "3 gpio: the board's own registers have what the guest wrote" gpio

back() { amba bind; [ "$(cat /sys/class/rtc/rtc*/name)" = "rtc-pl031 $RTC" ]; }
t "2 host: the clock is its own again" back
