"""Names of ensembles that need no training, for a reader."""

from fieldsharp.objectives.members.result import CLIMATOLOGY, DRESSED

ENSEMBLE_NAMES = {DRESSED: "dressed baseline", CLIMATOLOGY: "climatology"}
"""By their names in records."""


def reference_name(name: str) -> str:
    """Return the name of what needs no training: an ensemble, or the baseline with a sharpener."""
    return ENSEMBLE_NAMES.get(name, f"baseline + {name}")


def ensemble_name(name: str) -> str:
    """Return the name of an ensemble that needs no training."""
    return ENSEMBLE_NAMES.get(name, name)
