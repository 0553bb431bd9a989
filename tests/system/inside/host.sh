# SPDX-License-Identifier: MIT
# The board runs the host tree that machc compiled against: the expectations of the config are true here.

t "0 host: machrt check" sh -c 'machrt check --all host/right.cfg >/tmp/out'
t "0 host: no expectation fails" says ', 0 fail,' /tmp/out
t "0 host: it starts" machrt run --seconds=0 host/right.cfg
t "0 host: a device that is not there is found out" refused sh -c 'machrt check host/absent.cfg >/tmp/out'
t "0 host: and named" says '0000:00:1e.0' /tmp/out
t "0 host: so is it by a session" refused machrt run --seconds=0 host/absent.cfg
t "0 host: a region of another size is found out" refused sh -c 'machrt check host/wrong.cfg >/tmp/out'
t "0 host: and both sizes are told" says '0x200000' /tmp/out
t "0 host: a file that is damaged is refused" sh -c '
    sed "s/edu/eda/" host/right.cfg >/tmp/bad.cfg; machrt check /tmp/bad.cfg 2>&1 | grep checksum'
t "0 host: machrt probe" sh -c 'machrt probe >/tmp/facts.json'
send facts.json /tmp/facts.json
