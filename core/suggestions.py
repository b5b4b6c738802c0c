"""Suggests the nearest known name for an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice most like ``name``, or None when none is near."""
    matches = get_close_matches(name, list(choices), n=1, cutoff=0.5)
    return matches[0] if matches else None


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return the message about an unknown name of some kind, such as ``"variable"``."""
    known = sorted(choices)
    guess = nearest(name, known)
    hint = f"did you mean {guess!r}? " if guess else ""
    return f"unknown {kind} {name!r}: {hint}choose one of {', '.join(known) or '(none there)'}"
