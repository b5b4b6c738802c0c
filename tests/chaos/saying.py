"""What the torture says, at once: whoever watches sees how far it is."""

import sys


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
