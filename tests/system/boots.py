# SPDX-License-Identifier: MIT
"""The boots of the system tests: what is tested in which. Each has its tests in inside/NAME.sh."""

from board import Boot

BOOTS = [
    Boot("host", "the board's own tree, proven and probed", machines=["host"], programs=["machrt"]),
]
