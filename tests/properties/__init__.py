# SPDX-License-Identifier: MIT
"""Random boards and random machines on them: rules that hold for every description must hold for these.

hosts.py makes a board and records its facts. wants.py makes a description and records what it asks for, with outside.py for
devices that no tree describes and reach.py for what devices reach. text.py writes the description, mistakes.py adds
mistakes. holds.py compares the description with the outputs, in addition to tests/checker. cases.py runs everything.
"""
