# SPDX-License-Identifier: MIT
# TAP for the tests inside. A name begins with the point of the list in README.md that it belongs to: "4 edu: ...".

count=0
BREAK=${BREAK:-none}

# The length of the kernel's log so far, and the lines since then.
said=0
mark() { said=$(dmesg | wc -l); }
since() { dmesg | tail -n +$((said + 1)); }

comment() { sed 's/^/#   /' | tail -n 15; }

# NAME COMMAND...: passes if the command succeeds.
t() {
    local name="$1" status
    shift
    mark
    count=$((count + 1))
    "$@" >/tmp/t.out 2>&1
    status=$?
    if [ $status = 0 ]; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        echo "#   $*: exit status $status"
        comment </tmp/t.out
        since | comment
    fi
}

# Tells whoever watches the console that something has happened: run.py ends a boot that is silent for too long.
alive() { echo "#" >/dev/console; }

# PID: it runs, and does not only wait to be waited for.
runs() { [ -n "$(readlink /proc/$1/exe)" ]; }

# SECONDS OUT ERR COMMAND...: runs a command, and ends it once it has printed nothing for so long. There is no limit to the
# whole, which takes any time on a busy machine.
patiently() {
    local seconds=$1 out=$2 err=$3 pid watcher status
    shift 3
    "$@" </dev/null >$out 2>$err &
    pid=$!
    (
        last=0 quiet=0
        while sleep 1 && runs $pid; do
            now=$(cat $out $err | wc -c)
            if [ $now != $last ]; then quiet=0 && alive; else quiet=$((quiet + 1)); fi
            last=$now
            [ $quiet -lt $seconds ] || kill $pid
        done
    ) 2>/dev/null &
    watcher=$!
    wait $pid 2>/dev/null
    status=$?
    kill $watcher 2>/dev/null
    wait $watcher 2>/dev/null
    return $status
}

# COMMAND...: runs a program that prints TAP itself. One more test: it has run tests, and exits with 0.
tap() {
    local status
    mark
    patiently 120 /tmp/tap.out /tmp/tap.err "$@"
    status=$?
    grep -v '^\(ok\|not ok\|#\) ' /tmp/tap.out >>/tmp/tap.err
    grep '^\(ok\|not ok\|#\) ' /tmp/tap.out
    count=$((count + $(grep -c '^\(ok\|not ok\) ' /tmp/tap.out)))
    if [ $status != 0 ] || grep -q '^not ok' /tmp/tap.out || ! grep -q '^ok ' /tmp/tap.out; then
        count=$((count + 1))
        echo "not ok - ${1##*/}: exit status $status"
        comment </tmp/tap.err
        since | comment
    fi
}

# NAME MACHINE GUEST [ARGUMENT...]: runs a guest, /rig/MACHINE.cfg with /rig/guests/GUEST.cpio. Its output goes to
# /tmp/NAME.out, that of machvm to /tmp/NAME.err, the exit status to /tmp/NAME.status.
run_guest() {
    local name="$1" machine="/rig/$2" initramfs="/rig/guests/$3.cpio"
    shift 3
    patiently ${GUEST_SECONDS:-100} /tmp/$name.out /tmp/$name.err \
        machvm -n -s -m 'at userspace' "$@" $machine.cfg $machine.dtb /rig/Image $initramfs
    echo $? >/tmp/$name.status
}

# NAME: reports the guest: its tests are adopted, and it must have ended in good order.
ended() { [ "$(cat /tmp/$1.status)" = 0 ] || { tail -n 30 /tmp/$1.status /tmp/$1.err /tmp/$1.out; return 1; }; }
tell_guest() {
    sed -n 's/\r//; /^\(ok\|not ok\|#\) /p' /tmp/$1.out
    count=$((count + $(grep -c '^\(ok\|not ok\) ' /tmp/$1.out)))
    sed -n 's/^machvm: \(".*libmachrt\)/#: \1/p' /tmp/$1.err
    t "1 $1: it has ended in good order" ended $1
}

# MACHINE GUEST [ARGUMENT...]: both, as `guest`.
guest() {
    mark
    run_guest guest "$@"
    tell_guest guest
}

# ADDRESS WORD: waits until a register or a word of memory has that value.
wait_word() {
    local n=0
    while [ "$(devmem $1)" != $2 ]; do
        n=$((n + 1))
        [ $n -lt 300 ] || { echo "$(devmem $1), not $2"; return 1; }
        usleep 100000
    done
}

# NAME FILE: sends a file over the console.
send() {
    echo "#<< $1"
    base64 "$2"
    echo "#>> $1"
}

# TEXT FILE: passes if the file contains the text.
says() {
    grep -q -e "$1" "$2" || { echo "nothing of \"$1\" in:"; cat "$2"; return 1; }
}

# COMMAND...: passes if the command fails.
refused() {
    if "$@"; then echo "it was not refused"; return 1; fi
}

# FILE: waits until it is there.
wait_for_file() {
    local n=0
    until [ -e $1 ]; do
        n=$((n + 1))
        [ $n -lt 300 ] || { echo "no $1"; return 1; }
        usleep 100000
    done
}

# SPI: how often that line of the GIC has fired, on all cpus, whoever has had it.
fired() {
    local irq
    for irq in /sys/kernel/irq/*; do
        case "$(cat $irq/chip_name $irq/hwirq | xargs)" in
        GIC*" $(($1 + 32))") echo $(($(tr , + <$irq/per_cpu_count))) ;;
        esac
    done
}

driver_of() { basename "$(readlink "/sys/bus/$1/devices/$2/driver")"; }

POOL=/sys/kernel/mm/hugepages/hugepages-2048kB
pages() { cat $POOL/$1_hugepages; }

# FOLDER/MACHINE RUNS [OPTION...]: runs its guest, in-disk, which has memory in so many runs of the pool, with a guard
# around it.
guarded() {
    local path=$1 name=${1##*/} want=$2 n=0
    shift 2
    rm -f /tmp/ready /tmp/done
    run_guest $name $path in-disk "$@" -v &
    while [ "$(grep "at host 0x" /tmp/$name.err 2>/dev/null | wc -l)" -lt $want ]; do
        n=$((n + 1))
        [ $n -lt 600 ] || break
        usleep 100000
    done
    pool-guard /tmp/ready /tmp/done $name /tmp/$name.err >/tmp/guard.out 2>&1 &
    guard=$!
    wait %1
    touch /tmp/done
    wait $guard
    tell_guest $name
    cat /tmp/guard.out
    count=$((count + $(grep -c '^\(ok\|not ok\) ' /tmp/guard.out)))
    t "15 $name: the guard has looked" grep -q '^ok .*no word\|^not ok .*no word' /tmp/guard.out
    t "15 $name: all pages are back in the pool" [ $(pages free) = $(pages nr) ]
}
