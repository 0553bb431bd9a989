# SPDX-License-Identifier: MIT
# Starts and stops guests, regularly and by kill -9: they must leave nothing behind.

# ---- 200 times in one process: the kernel resets the machine, and machvm starts again ----
CYCLES=200
machine="/rig/guest-again/guest.cfg /rig/guest-again/guest.dtb"
initramfs=/rig/guests/in-alive.cpio
word() { hexdump -s $1 -n 4 -e '"%u"' /dev/shm/count; }
{ printf '\0\0\0\0'; printf "\\$(printf %o $CYCLES)\0\0\0"; dd if=/dev/zero bs=4088 count=1 2>/dev/null; } >/dev/shm/count

# Peak values while the count is below a limit: file descriptors, and kilobytes of VmRSS and VmPin.
most() {
    local files=0 rss=0 pin=0 n told=0
    while [ "$(word 0)" -lt $1 ] && [ -d /proc/$pid/fd ]; do
        n=$(($(word 0) / 10))
        [ $n = $told ] || alive
        told=$n
        n=$(ls /proc/$pid/fd 2>/dev/null | wc -l)
        [ $n -gt $files ] && files=$n
        n=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status 2>/dev/null)
        [ ${n:-0} -gt $rss ] && rss=$n
        n=$(sed -n 's/^VmPin:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status 2>/dev/null)
        [ ${n:-0} -gt $pin ] && pin=$n
        usleep 10000
    done
    echo $files $rss $pin
}
available() { sed -n 's/^MemAvailable:[^0-9]*\([0-9]*\).*/\1/p' /proc/meminfo; }

# Run once before, for everything that the kernel creates only once.
cp /dev/shm/count /tmp/count
{ printf '\0\0\0\0\3\0\0\0'; dd if=/dev/zero bs=4088 count=1 2>/dev/null; } >/dev/shm/count

t "8 again: three times" machvm $machine /bin/again $initramfs
# With -n it is not started again: one of the three times, and the exit status that says why.
{ printf '\0\0\0\0\3\0\0\0'; dd if=/dev/zero bs=4088 count=1 2>/dev/null; } >/dev/shm/count
once() { machvm -n $machine /bin/again $initramfs; [ "$? $(word 0)" = "4 1" ]; }
t "8 again: with -n, a reset ends it" once
cat /tmp/count >/dev/shm/count
before=$(available)
machvm $machine /bin/again $initramfs </dev/null >/tmp/again.out 2>/tmp/again.err &
pid=$!
first=$(most 60)
most 140 >/dev/null
last=$(most $CYCLES)
wait $pid
ended=$?
good() { [ $ended = 0 ] && [ "$(word 0)" = $CYCLES ] || { echo "exit status $ended, count $(word 0)"; tail -n 20 /tmp/again.err; return 1; }; }
t "8 again: $CYCLES starts and stops in one process" good
bound() {
    set -- $first $last
    echo "most of file descriptors, VmRSS, VmPin in the beginning: $1, $2 KB, $3 KB; at the end: $4, $5 KB, $6 KB"
    [ $1 -gt 10 ] && [ $4 -le $(($1 + 2)) ] && [ $5 -le $(($2 + 1024)) ] && [ $6 -le $3 ]
}
t "8 again: as many file descriptors, as much memory, as much of it pinned at the end as in the beginning" bound
echo "#: $(bound)"
# The kernel releases the resources of a process asynchronously, which can take seconds.
kept() {
    local n=0
    while [ $(available) -lt $((before - 8192)) ]; do
        n=$((n + 1))
        [ $n -lt 300 ] || { echo "$before KB before, $(available) KB after"; return 1; }
        usleep 100000
    done
}
t "8 again: the kernel has its memory back" kept

echo "#: $CYCLES starts and stops at $(cut -d' ' -f1 /proc/uptime) s"

# ---- killed 50 times, at any moment ----
KILLS=50
early=0 late=0
# The lifetime of a guest on this machine, in ms: kills fall anywhere in it, however busy the machine is.
uptime_ms() { tr -d . </proc/uptime | cut -d' ' -f1 | sed 's/$/0/'; }
life=$(uptime_ms)
guest guest-again/guest in-alive
life=$(($(uptime_ms) - life))
: >/tmp/kills
kill_one() {
    local at=$(((RANDOM * 32768 + RANDOM) % life))
    machvm $machine /rig/Image $initramfs </dev/null >/tmp/killed.out 2>/tmp/killed.err &
    pid=$!
    usleep $((at * 1000))
    kill -9 $pid
    wait $pid 2>/dev/null
    if [ -s /tmp/killed.out ]; then late=$((late + 1)); else early=$((early + 1)); fi
    # The devices must be free at once: the next start needs them all.
    machrt run --seconds=0 /rig/guest-again/guest.cfg || { echo "killed after $at ms"; return 1; }
}
killed() {
    local n=0
    while [ $n -lt $KILLS ]; do
        kill_one || return 1
        alive
        n=$((n + 1))
    done
}
before=$(available)
t "8 kill: $KILLS times kill -9, and each time the next start has all devices" killed
echo "#: $early of $KILLS were killed before the guest said anything, $late after"
t "8 kill: the kernel has its memory back" kept
guest guest-again/guest in-alive
given_back() { machrt unbind /rig/guest-again/guest.cfg && [ "$(cat /sys/class/rtc/rtc*/name)" = "rtc-pl031 9010000.pl031" ]; }
t "8 kill: the clock goes back to its driver" given_back
