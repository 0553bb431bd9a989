# SPDX-License-Identifier: MIT
"""python3 -m checker DIR: checks DIR/*.dtb with DIR/*.cfg, all machines of one description. Run it in tests/."""

import pathlib
import sys

from .all import check, read

if len(sys.argv) != 2:
    sys.exit(__doc__)
problems, machines = check(read(pathlib.Path(sys.argv[1])))
for problem in problems:
    print(problem)
print(f"{len(machines)} machines, {len(problems)} problems")
sys.exit(1 if problems or not machines else 0)
