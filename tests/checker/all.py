# SPDX-License-Identifier: MIT
"""The whole check, for one description."""

from .across import check_across
from .config import Refused
from .dtb import Bad
from .machine import Machine


def check(pairs):
    """Takes [(guest.dtb, guest.cfg)], the bytes of all machines of one description. Returns the problems and the machines.

    A machine that has already been checked can replace its bytes.
    """
    machines, problems = [], []
    for pair in pairs:
        try:
            machine = pair if isinstance(pair, Machine) else Machine(*pair)
        except (Bad, Refused, ValueError) as bad:
            problems.append(f"cannot be read: {bad}")
            continue
        machines.append(machine)
        problems += machine.problems
    return problems + check_across(machines), machines


def read(folder):
    """The outputs of `machc -O folder`."""
    return [(path.read_bytes(), path.with_suffix(".cfg").read_bytes()) for path in sorted(folder.glob("*.dtb"))]
