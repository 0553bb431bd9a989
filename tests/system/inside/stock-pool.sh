# SPDX-License-Identifier: MIT
# Guests on a board without an IOMMU, on Debian's own kernel. VFIO has no part in it: Debian's has no mode without an IOMMU.
t "15 reserved: Debian's kernel does not hand it out" refused sh -c 'machrt run --seconds=0 stock-pool/reserved.cfg 2>/tmp/err'
t "15 reserved: the message says which option of the kernel it is" says CONFIG_STRICT_DEVMEM /tmp/err
echo 760 >$POOL/nr_hugepages
echo "#: pool: $(pages nr) pages"
# SLOT: uio_pci_generic has the function, and it is a bus master.
take() {
    local function=/sys/bus/pci/devices/0000:00:0$1.0
    echo uio_pci_generic >$function/driver_override
    echo 0000:00:0$1.0 >/sys/bus/pci/drivers_probe
    printf '\6' | dd of=$function/config bs=1 seek=4 conv=notrunc 2>/dev/null
    [ "$(cat /sys/class/uio/uio$(($1 - 2))/name)" = uio_pci_generic ]
}
for slot in 2 3 4 5; do
    t "15 host: uio_pci_generic has function $slot" take $slot
done
for machine in stated found low; do
    guarded stock-pool/$machine 1
done
guarded stock-pool/runs 2
