"""Injects faults into real sweeps and checks that no result is lost.

    python -m tests.chaos --short
    python -m tests.chaos --seed 7 --minutes 15
    python -m tests.chaos --tracker-kills 20

The long form runs two sweeps: in one, 50 workers and 10 coordinators are killed; the other gets
every fault in turn, as often as time allows, while other processes read and write its database.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.chaos.forms import PARTS, long_form, short_form
from tests.chaos.tally import say
from tests.chaos.workspace import enter_private_mounts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the plan of faults; drawn if not given")
    parser.add_argument("--minutes", type=float, default=6.0, help="of the long form")
    parser.add_argument("--short", action="store_true", help="each of a few faults once")
    parser.add_argument("--part", choices=PARTS, help="one sweep of the long form alone")
    parser.add_argument("--tracker-kills", type=int, help="this many kills of a sweep's trackers")
    arguments = parser.parse_args()
    enter_private_mounts()
    # On a signal too, the context managers must end all processes that were started.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    seed = SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        if arguments.tracker_kills:
            # Imported here: the trackers' packages are not needed by the other forms.
            from tests.chaos.tracker_kills import tracker_kills

            return tracker_kills(Path(folder) / "trackers", seed, arguments.tracker_kills)
        if arguments.short:
            return short_form(Path(folder), seed)
        parts = PARTS if arguments.part is None else (arguments.part,)
        return long_form(Path(folder), seed, 60.0 * arguments.minutes, parts)


if __name__ == "__main__":
    sys.exit(main())
