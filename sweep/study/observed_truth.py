"""What a script's trials say of the truth: targets from it, and whether all have the same."""

import math
from collections.abc import Mapping

from fieldsharp.core.errors import ConfigError, DataError
from fieldsharp.objectives.settings import ObjectiveSettings
from fieldsharp.objectives.targets import resolve_targets
from fieldsharp.sweep.study.data_summary import BandSummary, DataSummary

OBSERVED = ("gradient_observed", "peak_observed", "mean_observed")
TOLERANCE = 1e-4
"""Share by which sums of the same numbers in another order may differ; far above that of any."""


def with_observed(
    facts: DataSummary, objective: ObjectiveSettings, values: Mapping[str, float]
) -> DataSummary:
    """Return the summary with what was observed, and the targets that follow from it.

    Args:
        facts: Of a study whose data only its script reads.
        objective: Of the study.
        values: The metrics of any forecast beside the truth.

    Raises:
        ConfigError: If a target cannot be used with this truth.
        DataError: If the truth has no gradient, or is not known.
    """
    found = {name: values.get(name, math.nan) for name in OBSERVED}
    if not all(math.isfinite(value) for value in found.values()):
        raise DataError(
            "the gradient and peak of the truth are not known, from which the targets are taken; "
            "check what the script writes to trainer.truth, or give objective.targets numbers"
        )
    for name in ("gradient", "peak"):
        above = found[f"{name}_observed"] - (found["mean_observed"] if name == "peak" else 0.0)
        if not above > 0:
            raise DataError(
                f"the truth has no {name}: it is the same in every cell; check what the script "
                "writes to trainer.truth"
            )
    targets = resolve_targets(objective, found)
    return facts.model_copy(
        update={
            **found,
            "gradient": BandSummary.of(targets.gradient),
            "peak": BandSummary.of(targets.peak),
        }
    )


def require_same_truth(values: Mapping[str, float], before: Mapping[str, float]) -> None:
    """Check that a trial was judged beside the truth of the study.

    Args:
        values: The metrics of the trial.
        before: What was observed before it; what is not known is not compared.

    Raises:
        ConfigError: If it was another truth.
    """
    of_gradient, *of_values = (abs(before.get(name, math.nan)) for name in OBSERVED)
    for name, scale in zip(OBSERVED, (of_gradient, *[max(of_values)] * 2), strict=True):
        ours, theirs = values.get(name, math.nan), before.get(name, math.nan)
        if abs(ours - theirs) > TOLERANCE * scale:  # never of NaN
            raise ConfigError(
                f"its truth is not that of the study: the observed {name.partition('_')[0]} is "
                f"{ours:.6g} in place of {theirs:.6g}, and all trials are compared on one truth; "
                "have the script write the same frames in every trial, whatever its seed"
            )
