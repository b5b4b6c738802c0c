"""Learning rate and teacher forcing by step: linear warm-up, then the schedule."""

import math
from typing import Literal

Schedule = Literal["cosine", "cooldown", "schedule_free"]
"""``cosine``: falls along half a cosine to the end. ``cooldown``: stays, then falls linearly over
the last steps (Hägele et al. 2024, arXiv 2405.18392). ``schedule_free``: stays, and the forecast is
made with a running mean of the weights (Defazio et al. 2024, arXiv 2405.15682)."""
COOLDOWN_SHARE = 0.2
"""Of all steps: what Hägele et al. found to match the cosine."""


def rate_factor(
    step: int,
    total_steps: int,
    warmup_fraction: float,
    final: float,
    schedule: Schedule = "cosine",
    warmup_of: int | None = None,
) -> float:
    """Return the factor on the learning rate for a step.

    Args:
        step: From 0 to total_steps - 1.
        total_steps: Steps of the whole training.
        warmup_fraction: Share of ``warmup_of`` in which the factor rises linearly to 1.
        final: Factor at the last step; ``schedule_free`` ignores it.
        schedule: Course of the factor after the warm-up.
        warmup_of: Steps that the warm-up is a share of, where it must not depend on the end; None
            for all steps, of which the last is then never part of it.
    """
    warmup = (
        min(round(total_steps * warmup_fraction), total_steps - 1)
        if warmup_of is None
        else round(warmup_of * warmup_fraction)
    )
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "schedule_free":
        return 1.0
    begins = warmup
    if schedule == "cooldown":
        begins = max(warmup, total_steps - 1 - round(total_steps * COOLDOWN_SHARE))
    progress = min(1.0, max(0, step - begins) / max(1, total_steps - begins - 1))
    if schedule == "cooldown":
        return final + (1.0 - final) * (1.0 - progress)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))


def forcing_probability(step: int, total_steps: int, fraction: float) -> float:
    """Return the probability of teacher forcing: 1 at the first step, 0 from ``fraction`` on.

    The decay is a share of the training and not a number per step: with a fixed rate per step, a
    short training would end before it ever met its own forecasts.
    """
    return max(0.0, 1.0 - step / (fraction * total_steps)) if fraction > 0 else 0.0
