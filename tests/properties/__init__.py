# SPDX-License-Identifier: MIT
"""Random boards and random machines on them: rules that hold for every description must hold for these.

hosts.py makes a board and records its facts. wants.py makes a description and records what it asks for, with outside.py for
devices that no tree describes and reach.py for what devices reach. text.py writes the description, mistakes.py adds
mistakes. contested.py and contest.py put things on the board that more than one can want, and give some of them to two on
purpose. holds.py compares the description with the outputs, in addition to tests/checker. oracle.py, with board.py, finds what
two owners have; known.py holds the oracle. cases.py runs everything.
"""
