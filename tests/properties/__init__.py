# SPDX-License-Identifier: MIT
"""Random boards and random machines on them: what holds for every description has to hold for these.

hosts.py makes a board and remembers what it made; wants.py a description, and remembers what it asks for; holds.py
compares this with the outputs, beside what tests/checker says of them; cases.py runs it all.
"""
