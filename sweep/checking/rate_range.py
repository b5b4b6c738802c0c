"""The learning rate range test: at which rates the loss falls, and from which on it diverges.

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
"""Times the loss at the start: from there on the training does harm."""
LEAST_FALL = 1e-4
HOPELESS = 10.0
"""Times the loss at the start: no need to go on."""
WINDOWS_FOLLOWED = 16
SPAN = 8
"""Steps over which a fall is measured: half a power of ten."""


@dataclass(frozen=True)
class RateRange:
    """What a range test found.

    Attributes:
        steepest: Rate at which the loss falls fastest; None if it never falls.
        diverges: Lowest rate that diverges; None if none does.
    """

    steepest: float | None
    diverges: float | None


def range_test(subject: CheckContext) -> RateRange:
    """Run the test on the base loss, with the configured batch size, decay and clipping."""
    training, windows, mask_HW = subject.config.training, subject.data.train, subject.data.mask_HW
    predictor, loss = subject.predictor(), subject.loss()
    predictor.train()
    optimizer = torch.optim.AdamW(predictor.parameters(), weight_decay=training.weight_decay)
    shuffling = torch.Generator().manual_seed(training.seed)
    size = min(training.batch_size, len(windows))
    # Of one batch, always the same: the change from batch to batch would drown the curve.
    known_BTCHW, truth_BTCHW = subject.batch(WINDOWS_FOLLOWED)

    def followed() -> float:
        with torch.no_grad():
            pred = subject.forecast(predictor, known_BTCHW)
            return loss(pred, truth_BTCHW, mask_HW).total_B.mean().item()

    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)) for step in range(STEPS)]
    losses = [followed()]
    for rate in rates:
        which = torch.randperm(len(windows), generator=shuffling)[:size]
        history_BTCHW, future_BTCHW = windows.take(which.to(subject.hardware.device))
        for group in optimizer.param_groups:
            group["lr"] = rate
        pred = subject.forecast(predictor, history_BTCHW)
        value = loss(pred, future_BTCHW, mask_HW).total_B.mean()
        descend(predictor, optimizer, value, training.clip_norm)
        losses.append(followed())
        if not losses[-1] <= HOPELESS * losses[0]:
            break
    return read_curve(rates, losses)


def read_curve(rates: Sequence[float], losses: Sequence[float]) -> RateRange:
    """Read the result off the losses at rising rates.

    Args:
        rates: Of each step, rising.
        losses: At the start and after each step; may end early, in a value that is not finite.
    """
    if losses[0] == 0:
        return RateRange(None, None)
    smooth = _smoothed(losses)
    harmless = next(
        (step for step, value in enumerate(smooth) if not value <= DIVERGED * losses[0]),
        len(smooth),
    )
    steepest, deepest = None, LEAST_FALL * losses[0]
    if harmless > 0:
        lowest = min(range(harmless), key=smooth.__getitem__)
        for step in range(max(1, lowest - SPAN + 1)):
            ahead = min(step + SPAN, lowest)
            fall = smooth[step] - smooth[ahead]
            if fall > deepest:
                steepest, deepest = rates[(step + ahead) // 2], fall
    return RateRange(steepest, rates[harmless - 1] if harmless < len(smooth) else None)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return the exponential running mean, corrected for its start."""
    running, smooth = 0.0, []
    for count, value in enumerate(values, start=1):
        running = SMOOTHING * running + (1.0 - SMOOTHING) * value
        smooth.append(running / (1.0 - SMOOTHING**count))
    return smooth
