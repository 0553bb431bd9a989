# SPDX-License-Identifier: MIT
"""properties: random machines on random boards. Accepted outputs pass all checks of tests/checker and tests/properties,
and are the same on every run. Valid descriptions are accepted. Refused ones are refused with a message. Nothing that was
accepted has a second owner, says an oracle that is itself held by boards and views made by hand.

MACHC_SEED and MACHC_CASES select other cases than the default. A failure prints the command to reproduce and reduce it:

    cd tests && python3 -m properties.cases --seed SEED --from NUMBER --count 1 --keep /tmp/smaller
"""

import os

from properties import cases, known

from . import Result

EVERY_DAY = 150
LEAST = 40  # percentage that must be accepted for a meaningful test, of those without two owners on purpose


def run_all(context):
    result = Result()
    for what, problem in known.misjudged():
        result.add(f"oracle: {what}", problem)
    seed = os.environ.get("MACHC_SEED", "every day")
    count = int(os.environ.get("MACHC_CASES", EVERY_DAY))
    total = cases.Sum()

    def one(number):
        made = cases.Made(seed, number)
        return made, cases.try_case(context.machc, made)

    for number, (made, outcome) in context.each(one, range(count), lambda number: f"{seed}/{number}"):
        total.add(outcome)
        problem = None
        if outcome.problems:
            again = f"python3 -m properties.cases --seed '{seed}' --from {number} --count 1 --keep /tmp/smaller"
            problem = "\n".join([made.what, *outcome.problems, f"again, in tests/: {again}"])
        result.add(f"{seed}/{number}", problem)
    print(f"properties: seed '{seed}': {total.text()}")
    if not context.wanted:
        result.add("enough is accepted", total.few(LEAST) and total.text())
    return result
