# SPDX-License-Identifier: MIT
# Inside the guests of versal.mach and zcu102.mach: each device works with Linux's own driver.
case $BOARD in
versal) POINT=17 ETHERNET=ff0c0000.ethernet CARD=f1040000.mmc OTHERS="" ;;
zcu102) POINT=18 ETHERNET=ff0e0000.ethernet CARD=ff160000.mmc OTHERS="ff060000.can ff040000.spi" ;;
esac
export POINT

no_warnings() { refused sh -c "dmesg -r | grep '^<[0-4]>'"; }
t "$POINT guest: at userspace, with no warning in the kernel's log" no_warnings

# FILE COMMAND...: the digest of what the command prints, which the desk compares.
digest() {
    local name=$1
    shift
    echo "# sha256 $name $("$@" 2>/dev/null | sha256sum | cut -d' ' -f1)"
}

# ---- Ethernet ----
has_link() {
    local n=0
    until [ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ]; do
        n=$((n + 1))
        [ $n -lt 300 ] || { dmesg | grep -i 'macb\|eth0'; return 1; }
        usleep 100000
    done
}
t "$POINT ethernet: its driver has it" [ "$(driver_of platform $ETHERNET)" = macb ]
t "$POINT ethernet: two queues have one line, as the tree says" sh -c "hexdump -v -e '12/1 \"%02x\" \"\n\"' \
    /sys/bus/platform/devices/$ETHERNET/of_node/interrupts | uniq -c | grep -w 2"
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up 2>/dev/null
t "$POINT ethernet: it has a link" has_link
t "$POINT ethernet: the gateway answers each of five packets" sh -c 'ping -c 5 -W 5 10.0.2.2 | grep "5 packets received"'
# With memory elsewhere, the engines would take zeros for descriptors, and QEMU would follow them for ever.
grep -q '5 packets received' /tmp/t.out || return
t "$POINT ethernet: it fetches a file" tftp -g -r file -l /tmp/file 10.0.2.2
digest tftp cat /tmp/file

# ---- SD card ----
copy_card() {
    dd if=/dev/mmcblk0 of=/tmp/card bs=64k count=16 2>/dev/null &&
        dd if=/tmp/card of=/dev/mmcblk0 bs=64k seek=16 conv=notrunc,fsync 2>/dev/null || return 1
    echo 3 >/proc/sys/vm/drop_caches
    dd if=/dev/mmcblk0 bs=64k skip=16 count=16 2>/dev/null | cmp - /tmp/card
}
t "$POINT card: its driver has it" [ "$(driver_of platform $CARD)" = sdhci-arasan ]
t "$POINT card: the card is there" wait_for_file /dev/mmcblk0
t "$POINT card: it copies the first MiB to the second, and reads it again" copy_card
digest card cat /tmp/card

# ---- DMA engines: Linux's own test of all channels at once ----
test_engines() {
    local parameters=/sys/module/dmatest/parameters channel
    echo 200 >$parameters/iterations
    echo 4096 >$parameters/test_buf_size
    for channel in /sys/class/dma/*; do
        echo ${channel##*/} >$parameters/channel
    done
    echo 1 >$parameters/run
    cat $parameters/wait
    dmesg | sed -n 's/.*\(dma[0-9]*chan0\).*: summary 200 tests, 0 failures.*/\1 good/p' | sort >/tmp/engines
    [ "$(tr '\n' ' ' </tmp/engines)" = "dma0chan0 good dma1chan0 good " ] || { dmesg | grep dmatest; return 1; }
}
t "$POINT engines: each copies 200 buffers without a failure" test_engines

# ---- clock ----
t "$POINT clock: its driver has it" grep -q '^rtc_zynqmp ' /sys/class/rtc/rtc0/name
echo "# time $(cat /sys/class/rtc/rtc0/since_epoch)"

if [ $BOARD = zcu102 ]; then
    # ---- PHY, on the MDIO bus of the Ethernet controller ----
    t "18 ethernet: its PHY has a driver of its own" \
        [ "$(basename "$(readlink /sys/class/net/eth0/phydev/driver)")" = "Marvell 88E1111" ]
    t "18 ethernet: the PHY has negotiated the speed" [ "$(cat /sys/class/net/eth0/speed)" = 100 ]

    # ---- serial line, both ways ----
    talk() {
        stty -F /dev/ttyPS* 115200 raw -echo
        exec 3<>$(ls /dev/ttyPS*)
        echo "a line of the guest" >&3
        read -r -t 60 line <&3
        exec 3>&-
        echo "got: $line"
        [ "$line" = "answer to a line of the guest" ]
    }
    t "18 uart: a line goes out, and the answer comes in" talk

    # ---- flash ----
    t "18 flash: it is there" grep -q '^mtd0: 00100000 00010000 "spi0.0"' /proc/mtd
    # No more at once than its FIFO takes: longer transfers bring wrong bytes under QEMU, to the host's driver as well.
    digest flash dd if=/dev/mtd0 bs=64 count=64

    tap in-can can0 ask
fi

# ---- interrupts: the host compares. Drivers go first, for they end with commands to their devices. ----
ifconfig eth0 down
release() {
    local device
    for device in $ETHERNET $CARD ffa80000.dma-controller ffa90000.dma-controller $OTHERS; do
        echo $device >/sys/bus/platform/devices/$device/driver/unbind || return 1
    done
}
t "$POINT guest: its drivers let go of the devices" release
# The console, whose line is 32, is emulated.
for irq in /sys/kernel/irq/*; do
    line=$(($(cat $irq/hwirq) - 32)) n=$(($(tr , + <$irq/per_cpu_count)))
    [ $line -le 0 ] || [ $line = 32 ] || [ $n = 0 ] || echo "# fired $line $n"
done
