"""Torture: real sweeps, hit by every fault there is, and what is lost by it: nothing, that is.

    python -m tests.chaos --short
    python -m tests.chaos --seed 7 --minutes 15

The long form has two sweeps: one in which 50 workers and 10 coordinators are killed, and one that
meets every fault in turn, as often as the minutes allow, while others read and write the database.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.chaos.forms import PARTS, long_form, short_form
from tests.chaos.place import in_mounts_of_our_own
from tests.chaos.saying import say


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the plan of faults; drawn if not given")
    parser.add_argument("--minutes", type=float, default=6.0, help="of the long form")
    parser.add_argument("--short", action="store_true", help="each of a few faults once")
    parser.add_argument("--part", choices=PARTS, help="one sweep of the long form alone")
    arguments = parser.parse_args()
    in_mounts_of_our_own()
    # Also where it is told to end: nothing of what it started is to be left over.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    seed = SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        if arguments.short:
            return short_form(Path(folder), seed)
        parts = PARTS if arguments.part is None else (arguments.part,)
        return long_form(Path(folder), seed, 60.0 * arguments.minutes, parts)


if __name__ == "__main__":
    sys.exit(main())
