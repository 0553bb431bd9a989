# SPDX-License-Identifier: MIT
# The host of a SoC board's guest: the machine is as machc has written it, and all devices go back to the host's drivers.
GUEST_SECONDS=200
case $BOARD in
versal)
    POINT=17 ETHERNET=ff0c0000.ethernet FIRED=4
    DRIVERS="macb sdhci-arasan xilinx-zynqmp-dma xilinx-zynqmp-dma rtc_zynqmp"
    ;;
zcu102)
    POINT=18 ETHERNET=ff0e0000.ethernet FIRED=7
    DRIVERS="macb sdhci-arasan xilinx-zynqmp-dma xilinx-zynqmp-dma xilinx_can cdns-spi none rtc_zynqmp"
    ;;
esac
export POINT
machine=$BOARD/guest

devices=$(machrt show $machine.cfg | sed -n 's/^device .*  platform \([^,]*\),.*/\1/p')
lines=$(machrt show $machine.cfg | sed -n 's/.* from GIC SPI \([0-9]*\),.*/\1/p' | sort -u)
drivers() {
    local device driver
    for device in $devices; do
        driver=$(driver_of platform $device)
        echo "$device ${driver:-none}"
    done
}
# FILE: how often each line of the guest's devices has fired.
count_lines() {
    local line
    for line in $lines; do
        echo "$line $(fired $line)"
    done >$1
}

drivers >/tmp/before
epoch=$(cat /sys/class/rtc/rtc0/since_epoch) up=$(cut -d. -f1 /proc/uptime)
t "$POINT host: its own drivers have the devices" [ "$(cut -d' ' -f2 /tmp/before | xargs)" = "$DRIVERS" ]
t "$POINT host: check proves all that the config expects" machrt check --all $machine.cfg
t "$POINT host: the devices go to VFIO" machrt bind --state=/tmp/state $machine.cfg
if [ $BOARD = zcu102 ]; then
    in-can $(basename /sys/bus/platform/devices/ff070000.can/net/*) answer >/tmp/can.out &
    can=$!
fi
count_lines /tmp/fired
guest $machine in-soc -b noiommu -v

# ---- the same number of interrupts on both sides: none is lost, none comes twice ----
t "$POINT host: $FIRED lines of the board have fired in the guest" [ "$(grep -c '^# fired' /tmp/guest.out)" = $FIRED ]
count_lines /tmp/fired.after
# LINE COUNT
as_often() {
    local before=$(sed -n "s/^$1 //p" /tmp/fired) after=$(sed -n "s/^$1 //p" /tmp/fired.after)
    echo "$before on the host before, $after after; in the guest $2"
    [ $2 -gt 0 ] && [ $((after - before)) = $2 ]
}
sed -n 's/\r//; s/^# fired //p' /tmp/guest.out >/tmp/fired.guest
while read -r line n; do
    t "$POINT host: line $line has fired as often as in the guest" as_often $line $n
done </tmp/fired.guest

# The time is within the guest's run time.
same_time() {
    local shown=$(sed -n 's/^# time \([0-9]*\).*/\1/p' /tmp/guest.out) now=$(cut -d. -f1 /proc/uptime)
    echo "host: $epoch at $up s, guest: $shown, at most at $now s"
    [ "$shown" -ge $((epoch - 2)) ] && [ "$shown" -le $((epoch + now - up + 2)) ]
}
t "$POINT clock: the guest reads the board's time" same_time
if [ $BOARD = zcu102 ]; then
    exits() { [ "$(sed -n 's/.*exits at 0xffa60000 rtc: //p' /tmp/guest.err)" -ge 4 ]; }
    t "18 clock: registers smaller than a page have exited, and were forwarded" exits
    no_exits() { [ "$(grep -c 'exits at' /tmp/guest.err)" = 2 ] && says 'exits elsewhere: 0' /tmp/guest.err; }
    t "18 host: but for the console, no others have" no_exits
    kill $can 2>/dev/null # it has answered, or nobody has asked
    wait $can
    tap cat /tmp/can.out
fi

# ---- all goes back, and works ----
t "$POINT host: the devices go back" machrt unbind --state=/tmp/state $machine.cfg
same() { drivers >/tmp/after; diff /tmp/before /tmp/after; }
t "$POINT host: each to the driver that it had" same
works() {
    ifconfig $(basename /sys/bus/platform/devices/$ETHERNET/net/*) 10.0.2.15 netmask 255.255.255.0 up
    ping -c 8 -W 2 10.0.2.2 | grep '[1-8] packets received'
}
t "$POINT host: Ethernet works for its own driver" works
card() {
    wait_for_file /dev/mmcblk0 || return 1
    dd if=/dev/mmcblk0 of=/tmp/first bs=64k count=16 2>/dev/null
    dd if=/dev/mmcblk0 of=/tmp/second bs=64k skip=16 count=16 2>/dev/null
    [ -s /tmp/first ] && cmp /tmp/first /tmp/second
}
t "$POINT host: its own driver finds what the guest has copied on the card" card

if [ $BOARD = versal ]; then
    # The driver of the second serial line is built in, and has no `unbind`.
    t "17 kept: a driver that cannot be unbound is found by check" refused sh -c 'machrt check versal/kept.cfg >/tmp/err'
    t "17 kept: and refused by bind" refused sh -c 'machrt bind versal/kept.cfg 2>>/tmp/err'
    t "17 kept: the message says what helps" says 'no `unbind` in sysfs.*initcall_blacklist' /tmp/err
    t "17 kept: the driver still has it" [ "$(driver_of platform ff010000.uart)" = sbsa-uart ]
fi
