# SPDX-License-Identifier: MIT
# Runs inside a guest that only has to run.
t "8 guest: at userspace" true
