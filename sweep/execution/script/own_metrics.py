"""Metrics that a script reports beside those its trial is scored by: the same, or not."""

from collections.abc import Mapping

from fieldsharp.sweep.configuration.script_settings import NEEDED

TOLERANCE = 0.1
"""Share by which they may differ: a script may report its last epoch and write its best."""


def other_definition(reported: Mapping[str, float], computed: Mapping[str, float]) -> str:
    """Return a sentence on reported metrics that are not those of the result; "" if all are.

    Args:
        reported: What the script reports, by metric.
        computed: The metrics of its result: of its forecast, or what it wrote in the end.
    """
    differing = [
        f"{name} {reported[name]:.4g} where its result has {computed[name]:.4g}"
        for name in NEEDED
        if name in reported
        and name in computed
        and abs(reported[name] - computed[name]) > TOLERANCE * abs(computed[name])
    ]
    if not differing:
        return ""
    return (
        f"the script reports {', '.join(differing)}: another definition, other units or other "
        "frames; the score is of the result, and epochs are compared by what the script reports"
    )
