# SPDX-License-Identifier: MIT
# Guests on a board without an IOMMU: memory that they run in, and that a device reaches.
echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
# Not out of the pool: before it has all memory.
case "$BREAK" in
none)
    for machine in plain heap; do
        run_guest $machine pool/$machine in-disk -b noiommu -v
        tell_guest $machine
    done
    ;;
esac
# A pool of most of the board's memory: whichever end the kernel takes it from, the stated addresses are in it.
echo 760 >$POOL/nr_hugepages
echo "#: pool: $(pages nr) pages"
t "15 host: check finds the stated address in the pool" sh -c 'machrt check --all pool/same.cfg >/tmp/err; grep -q "^holds .*memory ram" /tmp/err'
t "15 host: check finds a run" sh -c 'machrt check --all pool/found.cfg >/tmp/err; grep -q "^holds .*memory ram" /tmp/err'
t "15 host: check finds none of 4 GiB" refused sh -c 'machrt check pool/large.cfg >/tmp/err'
t "15 host: it says what the pool has" says "memory ram: there are no 4096 MiB of huge pages side by side where they are needed: free are 0x" /tmp/err

# What is broken on purpose shows with one guest; the others would take their time to give up.
case "$BREAK" in
none)
    for machine in same stated found low boxed bus; do
        guarded pool/$machine 1 -b noiommu
    done
    guarded pool/runs 2 -b noiommu
    ;;
pool-shifted | pool-unpatched)
    guarded pool/found 1 -b noiommu
    return
    ;;
esac
tap pool-pin pool/found.cfg

# ---- kill -9: the pages stay in the pool ----
seed=$(hexdump -n 4 -e '"%u"' /dev/urandom)
echo "#: kill -9: seed $seed"
all=$(pages nr)
kept() {
    local n=0
    while [ $(pages free) != $all ]; do
        n=$((n + 1))
        [ $n -lt 100 ] || break
        usleep 100000
    done
    [ $(pages nr) = $all ] && [ $(pages free) = $all ] && [ $(pages surplus) = 0 ] ||
        { echo "$all pages before, $(pages nr) now, $(pages free) free, $(pages surplus) surplus"; return 1; }
}
for round in 1 2 3 4; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    run_guest killed pool/found in-busy -b noiommu -v &
    usleep $((seed % 12000000 + 1000000))
    [ "$BREAK" = pool-lowered ] && echo 1 >$POOL/nr_hugepages
    killall -9 machvm
    wait
    t "15 kill -9: no page of the guest's has left the pool, round $round" kept
done
refused_without_pin() {
    echo 2 >/proc/sys/kernel/io_uring_disabled
    chmod 000 /dev/udmabuf
    mv /dev/udmabuf /dev/not-udmabuf
    machrt run --backend=noiommu --seconds=0 pool/found.cfg 2>/tmp/err
    local status=$?
    mv /dev/not-udmabuf /dev/udmabuf
    return $status
}
t "15 pin: without a way to pin, a session refuses" refused refused_without_pin
t "15 pin: and says what helps" says "Set the sysctl kernel.io_uring_disabled to 0, or load the module udmabuf" /tmp/err
t "15 pin: udmabuf is the second way" machrt run --backend=noiommu --seconds=0 pool/found.cfg
echo 0 >/proc/sys/kernel/io_uring_disabled
