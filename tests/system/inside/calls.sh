# SPDX-License-Identifier: MIT
# Records the system calls of sessions; desk.py counts them.

for backend in iommufd group; do
    for machine in edu/intx drivers/transport drivers/clock; do
        name=${machine#*/}.$backend
        # Run once before, so that the IOMMU groups exist.
        machrt run --seconds=0 $machine.cfg >/dev/null 2>&1
        t "5 calls, ${machine#*/}, $backend: under strace" \
            strace -f -e raw=ioctl -o /tmp/$name.strace machrt run --backend=$backend --seconds=0 $machine.cfg
        t "5 calls, ${machine#*/}, $backend: machrt plan" \
            sh -c "machrt plan --host --all --stop --backend=$backend $machine.cfg >/tmp/$name.plan"
        send $name.strace /tmp/$name.strace
        send $name.plan /tmp/$name.plan
    done
done
