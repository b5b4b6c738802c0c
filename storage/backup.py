"""Copies of the database."""

from pathlib import Path


def back_up(url: str, keep: int) -> Path:  # noqa: ARG001
    """Return where the copy is."""
    return Path()
