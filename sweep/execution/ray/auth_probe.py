"""Asks a Ray cluster who it lets in: a program of its own, run as ``python -P asking.py ADDRESS``.

Ray reads its token when it is loaded and never again, so whether a cluster lets in somebody without
one can only be asked by another process. It prints one line of JSON: ``answer``, and ``found``.
"""

import json
import sys

ALIVE_S = 5
OPEN, REFUSED, SILENT = "open", "refused", "silent"
"""It let us in; it asked for a token, or for another one; it said nothing that is Ray's."""


def ask(address: str) -> tuple[str, str]:
    """Return what a cluster answers, and its words where it did not let us in."""
    from ray._raylet import GcsClient
    from ray.exceptions import AuthenticationError

    try:
        GcsClient(address=address).check_alive([], timeout=ALIVE_S)
    except AuthenticationError as error:
        return REFUSED, str(error.message)
    except Exception as error:  # noqa: BLE001 - of Ray's own kinds, which change
        return SILENT, f"{type(error).__name__}: {error}"
    return OPEN, ""


if __name__ == "__main__":
    answer, found = ask(sys.argv[1])
    sys.stdout.write(json.dumps({"answer": answer, "found": found}) + "\n")
