# SPDX-License-Identifier: MIT
# TAP for the tests inside. A name begins with the point of the list in README.md that it belongs to: "4 edu: ...".

count=0
BREAK=${BREAK:-none}

# How much the kernel has said so far, and what it has said since.
said=0
mark() { said=$(dmesg | wc -l); }
since() { dmesg | tail -n +$((said + 1)); }

comment() { sed 's/^/#   /' | tail -n 15; }

# NAME COMMAND...: passes when the command does, within a minute.
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

# COMMAND...: a program that writes TAP itself, one line for each test; that it ends well is one more.
tap() {
    local status
    mark
    timeout 120 "$@" >/tmp/tap.out 2>/tmp/tap.err
    status=$?
    grep -v '^\(ok\|not ok\|#\) ' /tmp/tap.out >>/tmp/tap.err
    grep '^\(ok\|not ok\|#\) ' /tmp/tap.out
    count=$((count + $(grep -c '^\(ok\|not ok\) ' /tmp/tap.out)))
    if [ $status != 0 ] || grep -q '^not ok' /tmp/tap.out; then
        count=$((count + 1))
        echo "not ok - ${1##*/}: exit status $status"
        comment </tmp/tap.err
        since | comment
    fi
}

# MACHINE GUEST [ARGUMENT...]: boots a guest, /rig/MACHINE.cfg with /rig/guests/GUEST.cpio; its tests are ours. What it says is in
# /tmp/guest.out, what machvm says in /tmp/guest.err. It has to end in good order.
guest() {
    local machine="/rig/$1" initramfs="/rig/guests/$2.cpio" status
    shift 2
    mark
    timeout ${SECONDS_FOR_GUEST:-100} machvm -s -m 'at userspace' "$@" $machine.cfg $machine.dtb /rig/Image $initramfs \
        </dev/null >/tmp/guest.out 2>/tmp/guest.err
    status=$?
    sed -n 's/\r//; /^\(ok\|not ok\|#\) /p' /tmp/guest.out
    count=$((count + $(grep -c '^\(ok\|not ok\) ' /tmp/guest.out)))
    sed -n 's/^machvm: \(".*libmachrt\)/#: \1/p' /tmp/guest.err
    t "1 guest: it has ended in good order" sh -c "[ $status = 0 ] || { echo exit status $status; tail -n 40 /tmp/guest.err /tmp/guest.out; false; }"
}

# NAME FILE: brings a file out, over the console.
send() {
    echo "#<< $1"
    base64 "$2"
    echo "#>> $1"
}

# TEXT FILE: the file says so.
says() {
    grep -q -e "$1" "$2" || { echo "nothing of \"$1\" in:"; cat "$2"; return 1; }
}

# COMMAND...: passes when the command fails.
refused() {
    if "$@"; then echo "it was not refused"; return 1; fi
}

driver_of() { basename "$(readlink "/sys/bus/$1/devices/$2/driver")"; }
