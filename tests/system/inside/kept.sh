# SPDX-License-Identifier: MIT
# What a host keeps for a guest's device, without a guest. CASE: the board is prepared for it; it is as it came; it is
# prepared, but makes no links.

# The kernel does not limit an interconnect before all of its users have a driver, and one of them, guest-hold, never has.
CLOSED="gates 0 0, domains off-0 off-0, lines 0x00000030, limited 0"
OPEN="gates 1 1, domains on on, lines 0x00000033, limited 0"
BARE="gates 0 0, domains off-0 off-0, lines 0x00000000, limited"

# STATE: waits until the board is in it.
comes() {
    local n=0
    until [ "$(state)" = "$1" ]; do
        n=$((n + 1))
        [ $n -lt 100 ] || { echo "it is: $(state)"; return 1; }
        usleep 100000
    done
}

board_kept() {
    t "23 kept: before the start, what is kept all the time is on, and the rest is off" comes "$CLOSED"
    t "23 kept: machrt check holds" sh -c 'machrt check --all kept/guest.cfg >/tmp/out'
    t "23 kept: and knows all of it" says ' 0 fail,' /tmp/out
    t "23 kept: a link is proven" says 'holds .*rtc: power-link bus@' /tmp/out
    for backend in iommufd group; do
        tap kept kept/guest.cfg $backend "$OPEN"
        t "23 kept, $backend: behind it all is as before" comes "$CLOSED"
    done
    touch /tmp/kills
    machrt run --seconds=100 kept/guest.cfg >/tmp/run 2>&1 &
    t "23 kept: a session runs" comes "$OPEN"
    kill -9 $!
    t "23 kept: after kill -9 all is as before" comes "$CLOSED"
    t "23 kept: a cpu that is not isolated is found out" refused sh -c 'machrt check pinned/guest.cfg >/tmp/out'
    t "23 kept: and what to boot with" says 'cpu-isolated 1: .*isolcpus=managed_irq,domain,1`, no cpu' /tmp/out
    t "23 kept: that alone" says ' 1 fail,' /tmp/out
}

board_unkept() {
    t "23 unkept: before the start, all is off" comes "$BARE 0"
    t "23 unkept: machrt check fails" refused sh -c 'machrt check kept/guest.cfg >/tmp/out'
    t "23 unkept: it names the links" says 'power-link bus@.*no such bus.*boot with arm64-kept.host.dtbo' /tmp/out
    t "23 unkept: and the regulator" says 'tree-property /supply/regulator-always-on: .*arm64-kept.host.dtbo' /tmp/out
    t "23 unkept: and the GPIO" says 'tree-property /pl061@9030000/guest-hog/gpios: .*arm64-kept.host.dtbo' /tmp/out
    t "23 unkept: and the interconnect" says 'tree-property /guest-hold/compatible: .*arm64-kept.host.dtbo' /tmp/out
    t "23 unkept: no session starts" refused sh -c 'machrt run --seconds=0 kept/guest.cfg 2>/tmp/err'
    t "23 unkept: and says why" says 'power-link bus@.*no such bus' /tmp/err
    # What the proofs are good for: VFIO opens the device, and nothing of it is on.
    UNPROVEN=1 tap kept kept/guest.cfg iommufd "$BARE 1"
}

board_unlinked() {
    t "23 unlinked: machrt check fails" refused sh -c 'machrt check kept/guest.cfg >/tmp/out'
    t "23 unlinked: it says what to boot with" says 'power-link bus@.*boot with `fw_devlink=rpm`, not with `fw_devlink=off`' /tmp/out
    t "23 unlinked: and for VFIO" says 'it is Y: boot with `vfio_platform.reset_required=0`' /tmp/out
    t "23 unlinked: the tree is right" refused says tree-property /tmp/out
    t "23 unlinked: no session starts" refused sh -c 'machrt run --seconds=0 kept/guest.cfg 2>/tmp/err'
    t "23 unlinked: and says why" says 'boot with `fw_devlink=rpm`' /tmp/err
}

board_$CASE
