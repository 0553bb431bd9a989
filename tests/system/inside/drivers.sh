# SPDX-License-Identifier: MIT
# Tests what happens to the drivers of devices, and to groups that are not available.

drivers() {
    local device bus name
    for device in amba/9010000.pl031 amba/9030000.pl061 platform/a003e00.virtio_mmio pci/0000:00:03.0 pci/0000:00:03.1; do
        bus=${device%/*} name=${device#*/}
        echo "$name $(driver_of $bus $name) $(cat /sys/bus/$bus/devices/$name/driver_override)"
    done
}
same() { drivers >/tmp/after; diff /tmp/before /tmp/after; }

drivers >/tmp/before
t "5 drivers: the board's own are there" says '9010000.pl031 rtc-pl031 (null)' /tmp/before
t "5 drivers: bind" sh -c '
    machrt bind --state=/tmp/state drivers/transport.cfg && machrt bind --state=/tmp/state drivers/clock.cfg'
drivers >/tmp/bound
t "5 drivers: bound, pl031 is with vfio-amba" says '9010000.pl031 vfio-amba vfio-amba' /tmp/bound
t "5 drivers: and virtio-mmio with vfio-platform" says 'a003e00.virtio_mmio vfio-platform vfio-platform' /tmp/bound
t "5 drivers: a session takes them as they are" machrt run --seconds=0 drivers/transport.cfg
drivers >/tmp/after
t "5 drivers: and leaves them so" diff /tmp/bound /tmp/after
t "5 drivers: unbind" sh -c '
    machrt unbind --state=/tmp/state drivers/transport.cfg && machrt unbind --state=/tmp/state drivers/clock.cfg'
t "5 drivers: and the file that remembered them has gone" [ ! -e /tmp/state ]
t "5 drivers: unbound, all is as it was" same
t "5 drivers: the clock's driver works again" sh -c 'cat /sys/class/rtc/rtc*/since_epoch | grep "^1"'
t "5 drivers: the random numbers' driver works again" grep virtio_rng /sys/class/misc/hw_random/rng_available

# COMMAND...: runs it while a session has the clock: in a longer one, if that ended before the command did.
during() {
    local seconds pid status
    for seconds in 2 10 60 120; do
        machrt run --seconds=$seconds drivers/clock.cfg >/tmp/session 2>&1 &
        pid=$!
        until grep -q '^started' /tmp/session; do
            runs $pid || { cat /tmp/session; return 1; }
            usleep 20000
        done
        "$@"
        status=$?
        if runs $pid; then
            wait $pid
            return $status
        fi
        wait $pid
    done
    return 1
}
shown() { drivers >/tmp/during; says '9010000.pl031 vfio-amba' /tmp/during; }
t "5 drivers: while a session runs the device is with VFIO" during shown
t "5 drivers: behind it all is as it was" same
t "5 drivers: a device in use is refused to a second session" during refused machrt run --seconds=0 drivers/clock.cfg
t "5 drivers: and the first ends as ever" same

echo rtc-pl031 >/sys/bus/amba/devices/9010000.pl031/driver_override
drivers >/tmp/before
t "5 drivers: with an override of the administrator's" machrt run --seconds=0 drivers/clock.cfg
t "5 drivers: the override stays" same
echo >/sys/bus/amba/devices/9010000.pl031/driver_override
drivers >/tmp/before

# Several devices of one machine, of three buses.
bound() { drivers >/tmp/bound; [ $(grep -c ' vfio-[a-z]* vfio-[a-z]*$' /tmp/bound) = 4 ] || { cat /tmp/bound; return 1; }; }
t "5 several: bind" machrt bind --state=/tmp/state several/several.cfg
t "5 several: all four are with VFIO" bound
t "5 several: unbind" machrt unbind --state=/tmp/state several/several.cfg
t "5 several: all is as it was" same
t "5 several: and the file that remembered them has gone" [ ! -e /tmp/state ]
t "5 several: with one that is not there, none is bound" \
    refused sh -c 'machrt bind --state=/tmp/state lacking/lacking.cfg 2>/tmp/err'
t "5 several: the message names it" says 0000:00:1e.0 /tmp/err
t "5 several: those before it are as they were" same
t "5 several: and nothing is remembered" [ ! -s /tmp/state ]
machrt bind --state=/tmp/state several/several.cfg
sed -i s/rtc-pl031/rtc-nobody/ /tmp/state
t "5 several: with one whose driver has gone, unbind says so" \
    refused sh -c 'machrt unbind --state=/tmp/state several/several.cfg 2>/tmp/err'
t "5 several: and names it" says 9010000.pl031 /tmp/err
others() { drivers >/tmp/after; diff /tmp/before /tmp/after | grep '^[<>]' | grep -v '9010000.pl031'; }
t "5 several: all others are as they were" refused others
t "5 several: the file that remembers them is still there" says "^amba 9010000.pl031 rtc-nobody" /tmp/state
rm /tmp/state
echo 9010000.pl031 >/sys/bus/amba/drivers/rtc-pl031/bind
t "5 several: by hand, it goes back to its driver" same

# Two functions share a group. The second one has a driver on the host.
for backend in iommufd group; do
    t "5 group, $backend: with a member in other hands it is refused" \
        refused sh -c "machrt run --backend=$backend --seconds=0 half/half.cfg 2>/tmp/err"
    t "5 group, $backend: the message names the member" says 0000:00:03.1 /tmp/err
    t "5 group, $backend: and its driver" says 'bound to virtio-pci' /tmp/err
    t "5 group, $backend: and how it is freed" says 'echo 0000:00:03.1 > /sys/bus/pci/drivers/virtio-pci/unbind' /tmp/err
    t "5 group, $backend: nothing has changed" same
    t "5 group, $backend: both members together are fine" machrt run --backend=$backend --seconds=0 whole/whole.cfg
    t "5 group, $backend: and go back" same
    # Do what the message says.
    sh -c "$(sed -n 's/.* or: \(echo [^)]*\)).*/\1/p' /tmp/err)"
    t "5 group, $backend: its advice works" machrt run --backend=$backend --seconds=0 half/half.cfg
    echo 0000:00:03.1 >/sys/bus/pci/drivers/virtio-pci/bind
done

# pl061's driver has chained its interrupt, which Linux then gives to no one else until the next boot.
t "5 drivers: an interrupt that a driver has split up is refused" \
    refused sh -c 'machrt run --seconds=0 drivers/gpio.cfg 2>/tmp/err'
t "5 drivers: the message says why" says 'does not release such a line until the next boot' /tmp/err
t "5 drivers: and all is as it was" same
