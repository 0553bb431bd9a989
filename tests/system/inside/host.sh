# SPDX-License-Identifier: MIT
# The host's tree is the running one.

t "0 host: machrt check proves every expectation" machrt check --all /rig/host/edu.cfg
t "0 host: machrt probe" sh -c 'machrt probe >/tmp/facts.json'
send facts.json /tmp/facts.json
t "0 start" machrt run --seconds=0 /rig/host/edu.cfg
