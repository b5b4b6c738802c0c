"""Learning rate by step: linear warm-up, then a cosine to a small share."""

import math


def rate_factor(step: int, total_steps: int, warmup_fraction: float, final: float) -> float:
    """Return the factor on the learning rate for a step.

    Args:
        step: From 0 to total_steps - 1.
        total_steps: Steps of the whole training.
        warmup_fraction: Share of the steps in which the factor rises linearly to 1.
        final: Factor at the last step.
    """
    warmup = min(round(total_steps * warmup_fraction), total_steps - 1)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, total_steps - warmup - 1)
    return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def forcing_probability(step: int, total_steps: int, fraction: float) -> float:
    """Return the probability of teacher forcing: 1 at the first step, 0 from ``fraction`` on.

    The decay is a share of the training and not a number per step: with a fixed rate per step, a
    short training would end before it ever met its own forecasts.
    """
    return max(0.0, 1.0 - step / (fraction * total_steps)) if fraction > 0 else 0.0
