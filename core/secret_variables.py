"""Environment variables that hold secrets, and the environment of child processes without them."""

import os
from collections.abc import Collection

STORAGE_VARIABLE = "SWEEP_STORAGE"
TOKEN_VARIABLE = "SWEEP_DASHBOARD_TOKEN"  # noqa: S105 - the name of one
SECRET_VARIABLES = (STORAGE_VARIABLE, TOKEN_VARIABLE, "PGPASSWORD", "RAY_AUTH_TOKEN")
"""Credentials of databases, dashboards and clusters, which child processes do not inherit."""


def environment_without_secrets(keep: Collection[str] = ()) -> dict[str, str]:
    """Return the environment for a child process, with the secrets it needs (``keep``)."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in SECRET_VARIABLES or name in keep
    }


def forget_secrets(keep: Collection[str] = ()) -> None:
    """Remove the secrets from this process but those it needs: its further code is the user's."""
    for name in SECRET_VARIABLES:
        if name not in keep:
            os.environ.pop(name, None)
