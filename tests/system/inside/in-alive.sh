# SPDX-License-Identifier: MIT
# Inside of a guest of which no more is asked than that it runs.
t "8 guest: at userspace" true
