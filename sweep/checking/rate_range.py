"""The learning rate range test: rates at which the loss falls, and at which it diverges.

The rate rises exponentially from step to step of one short training. Smith 2017, arXiv 1506.01186.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fieldsharp.sweep.checking.context import CheckContext, descend

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 90
SMOOTHING = 0.7
DIVERGED = 1.2
"""Multiple of the initial loss from which on a training counts as diverged."""
LEAST_FALL = 1e-4
HOPELESS = 10.0
"""Multiple of the initial loss at which the test ends."""
WINDOWS_FOLLOWED = 16
SPAN = 8
"""Steps over which a fall is measured: half a power of ten."""


@dataclass(frozen=True)
class RateRange:
    """Result of a range test.

    Attributes:
        steepest: Rate at which the loss falls fastest; None if it never falls.
        diverges: Lowest rate that diverges; None if none does.
    """

    steepest: float | None
    diverges: float | None


def range_test(context: CheckContext) -> RateRange:
    """Run the test on the base loss, with the configured batch size, decay and clipping."""
    training, windows, masks = context.config.training, context.data.train, context.data.masks
    predictor, loss = context.predictor(), context.loss()
    predictor.train()
    optimizer = torch.optim.AdamW(predictor.parameters(), weight_decay=training.weight_decay)
    shuffling = torch.Generator().manual_seed(training.seed)
    size = min(training.batch_size, len(windows))
    # Always of the same batch: the variance between batches would hide the curve.
    fixed_BTCHW, truth_BTCHW = context.batch(WINDOWS_FOLLOWED)

    def batch_loss() -> float:
        with torch.no_grad():
            pred = context.forecast(predictor, fixed_BTCHW)
            return loss(pred, truth_BTCHW, masks).total_B.mean().item()

    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)) for step in range(STEPS)]
    losses = [batch_loss()]
    for rate in rates:
        which = torch.randperm(len(windows), generator=shuffling)[:size]
        history_BTCHW, future_BTCHW = windows.take(which.to(context.hardware.device))
        for group in optimizer.param_groups:
            group["lr"] = rate
        pred = context.forecast(predictor, history_BTCHW)
        value = loss(pred, future_BTCHW, masks).total_B.mean()
        descend(predictor, optimizer, value, training.clip_norm)
        losses.append(batch_loss())
        if not losses[-1] <= HOPELESS * losses[0]:
            break
    return read_curve(rates, losses)


def read_curve(rates: Sequence[float], losses: Sequence[float]) -> RateRange:
    """Derive the result from the losses at rising rates.

    Args:
        rates: Of each step, rising.
        losses: At the start and after each step; may end early, in a value that is not finite.
    """
    if losses[0] == 0:
        return RateRange(None, None)
    smooth = _smoothed(losses)
    stable = next(
        (step for step, value in enumerate(smooth) if not value <= DIVERGED * losses[0]),
        len(smooth),
    )
    steepest, deepest = None, LEAST_FALL * losses[0]
    if stable > 0:
        lowest = min(range(stable), key=smooth.__getitem__)
        for step in range(max(1, lowest - SPAN + 1)):
            ahead = min(step + SPAN, lowest)
            fall = smooth[step] - smooth[ahead]
            if fall > deepest:
                steepest, deepest = rates[(step + ahead) // 2], fall
    return RateRange(steepest, rates[stable - 1] if stable < len(smooth) else None)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return the exponential running mean, corrected for its start."""
    running, smooth = 0.0, []
    for count, value in enumerate(values, start=1):
        running = SMOOTHING * running + (1.0 - SMOOTHING) * value
        smooth.append(running / (1.0 - SMOOTHING**count))
    return smooth
