# SPDX-License-Identifier: MIT
"""Random boards and random machines on them: what holds for every description has to hold for these.

hosts.py makes a board and remembers what it made; wants.py a description, and remembers what it asks for (outside.py the
devices that no tree has, reach.py what devices reach); text.py writes it, mistakes.py spoils it; holds.py compares it with
the outputs, beside what tests/checker says of them; cases.py runs it all.
"""
