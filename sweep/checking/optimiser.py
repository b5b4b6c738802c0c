"""Optimiser: weights move, the learning rate is in range, a short training beats persistence."""

import math

import torch
from torch import nn

from fieldsharp.fields.windows import Windows
from fieldsharp.model.training import Trainer
from fieldsharp.sweep.checking.context import CheckContext, Finding, finding
from fieldsharp.sweep.checking.rate_range import HIGHEST, range_test

Tensor = torch.Tensor
FEW_STEPS = 5
SHORT_TRAINING_STEPS = 200
WINDOWS_EVALUATED = 64
RATE = "training.learning_rate"


def check_movement(context: CheckContext) -> Finding:
    """Check that a few steps of the configured optimiser move the weights.

    Raises:
        TrainingFailed: If the training diverges.
    """
    predictor = context.shaken_predictor()
    before = [p.detach().clone() for p in predictor.parameters()]
    _train(context, predictor, FEW_STEPS, warmup_fraction=0.0)
    moved = sum(
        not torch.equal(old, new) for old, new in zip(before, predictor.parameters(), strict=True)
    )
    rate = context.config.training.learning_rate
    detail = (
        f"{moved} of {len(before)} tensors of weights moved in {FEW_STEPS} steps at the learning "
        f"rate {rate:g}"
    )
    fix = (
        f"set {RATE} above 0, such as 1e-3"
        if rate == 0
        else "let the forecast depend on every weight, and detach nothing on the way to it"
    )
    return finding(detail, fix, ok=2 * moved > len(before))


def check_learning_rate(context: CheckContext) -> Finding:
    """Check the configured and the searched learning rates against a range test.

    Raises:
        TrainingFailed: If the loss does not depend on the weights.
    """
    rates = [float(rate) for rate in context.config.searched_values(RATE)]
    lowest, highest = min(rates), max(rates)
    found = range_test(context)
    limit = HIGHEST if found.diverges is None else found.diverges
    used = f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"
    falls = f"falls fastest at {found.steepest:.1e}" if found.steepest else "falls nowhere"
    ends = f"diverges at {limit:.1e}" if found.diverges else f"does not diverge up to {limit:g}"
    detail = f"the loss {falls} and {ends}; configured: {used}"
    good = f", such as {found.steepest:.1e}" if found.steepest else ""
    fix = (
        f"set {RATE} above 0{good}"
        if lowest <= 0
        else f"keep {RATE} and its range in search.space below {limit:.1e}{good}"
    )
    beyond = found.diverges is not None and highest >= found.diverges
    return finding(detail, fix, ok=lowest > 0 and not beyond)


def check_short_training(context: CheckContext) -> Finding:
    """Check that a short training as configured gets below the loss of persistence.

    Raises:
        TrainingFailed: If the training diverges.
    """
    loss, masks = context.loss(), context.data.masks
    history_BTCHW, future_BTCHW = context.batch(WINDOWS_EVALUATED)
    still = loss(context.persistence(history_BTCHW), future_BTCHW, masks).total_B.mean().item()
    if still == 0:
        return Finding(ok=True, detail="persistence makes no error here: nothing can be learnt")
    predictor = context.predictor()
    steps = _train(context, predictor, SHORT_TRAINING_STEPS)
    predictor.eval()
    torch.manual_seed(context.config.training.seed)
    with torch.no_grad():
        pred = context.forecast(predictor, history_BTCHW)
        reached = loss(pred, future_BTCHW, masks).total_B.mean().item() / still
    rate = context.config.training.learning_rate
    detail = (
        f"after {steps} steps the {context.config.loss.base} loss on training windows is "
        f"{reached:.3g} times that of persistence"
    )
    fix = (
        f"set {RATE} above 0, such as 1e-3"
        if rate == 0
        else f"try another {RATE} (see the check of it), a wider predictor or a shorter lead"
    )
    return finding(detail, fix, ok=reached < 1)


def _train(context: CheckContext, predictor: nn.Module, steps: int, **changed: float) -> int:
    """Train as configured for at most so many steps; return the number of steps taken."""
    size = context.config.training.batch_size
    windows: Windows = context.some_windows(steps * size)
    an_epoch = math.ceil(len(windows) / size)
    short = {"epochs": max(1, steps // an_epoch), "least_steps": None, "epoch_windows": None}
    settings = context.config.training.model_copy(update={"length": "fixed", **short, **changed})
    context.require_dependence(predictor)
    trainer = Trainer(
        predictor, context.loss(), windows, context.data.masks, settings, context.hardware
    )
    for _ in trainer.epochs():
        pass
    return trainer.total_steps
