"""Checks whether a Ray cluster accepts connections; a program: ``python -P auth_probe.py ADDRESS``.

Ray reads its token when it is imported and never again, so only another process can check whether a
cluster accepts connections without one. It prints a line of JSON: ``answer``, and ``detail``.
"""

import json
import sys

ALIVE_TIMEOUT_S = 5
OPEN, REFUSED, SILENT = "open", "refused", "silent"
"""Answers: connected; a token was required, or another one; no reply of a Ray cluster."""


def probe(address: str) -> tuple[str, str]:
    """Return a cluster's answer, and its message if it refused the connection."""
    from ray._raylet import GcsClient
    from ray.exceptions import AuthenticationError

    try:
        GcsClient(address=address).check_alive([], timeout=ALIVE_TIMEOUT_S)
    except AuthenticationError as error:
        return REFUSED, str(error.message)
    except Exception as error:  # noqa: BLE001 - of Ray's own kinds, which change
        return SILENT, f"{type(error).__name__}: {error}"
    return OPEN, ""


if __name__ == "__main__":
    answer, detail = probe(sys.argv[1])
    sys.stdout.write(json.dumps({"answer": answer, "detail": detail}) + "\n")
