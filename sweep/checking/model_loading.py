"""Saving and loading weights, and evaluation mode: both give the same forecast bit by bit."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError
from torch import nn

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.model.checkpoint import load_weights, save_weights
from fieldsharp.sweep.checking.context import CheckContext, Finding, descend_often, finding

Tensor = torch.Tensor
STEPS = 5
WINDOWS = 8
OTHER_SEED = 1


def check_weights(context: CheckContext) -> Finding:
    """Check that saved weights give a freshly built predictor the same forecast, bit by bit."""
    trained, again = _briefly_trained(context), context.predictor(OTHER_SEED)
    fix = (
        "keep all that the forecast depends on in parameters or persistent buffers, and build the "
        "same ones each time"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        try:
            save_weights(trained, path)
            load_weights(again, path)
        except (RuntimeError, ValueError, SafetensorError) as error:
            reason = " ".join(str(error).split())[:200]
            detail = f"the weights cannot be saved and loaded ({type(error).__name__}: {reason})"
            return Finding(ok=False, detail=detail, fix=fix)
    difference = _difference(_evaluated(context, trained), _evaluated(context, again))
    detail = (
        "saved and loaded weights give the same forecast, bit by bit"
        if difference == 0
        else f"with saved and loaded weights the forecast differs by up to {difference:.2g} of the "
        "training range"
    )
    return finding(detail, fix, ok=difference == 0)


def check_evaluation_mode(context: CheckContext) -> Finding:
    """Check that in evaluation mode the same history gives the same forecast twice."""
    predictor = _briefly_trained(context)
    difference = _difference(
        _evaluated(context, predictor, seed=0), _evaluated(context, predictor, seed=1)
    )
    detail = (
        "in evaluation mode two passes give the same forecast"
        if difference == 0
        else f"in evaluation mode two passes differ by up to {difference:.2g} of the training range"
    )
    fix = "let dropout, noise and batch statistics depend on self.training"
    return finding(detail, fix, ok=difference == 0)


def _briefly_trained(context: CheckContext) -> nn.Module:
    predictor = context.shaken_predictor()
    history_BTCHW, future_BTCHW = context.batch(WINDOWS)
    loss = context.loss()

    def value() -> Tensor:
        pred = context.forecast(predictor, history_BTCHW)
        return loss(pred, future_BTCHW, context.data.masks).total_B.mean()

    with suppress(TrainingFailed):  # the optimiser's check reports weights without effect
        descend_often(predictor, value, STEPS)
    return predictor


def _evaluated(context: CheckContext, predictor: nn.Module, seed: int = 0) -> Tensor:
    """Return the forecast in evaluation mode; any noise left in it depends on the seed."""
    history_BTCHW, _ = context.batch(WINDOWS)
    predictor.eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        forecast: Tensor = predictor(history_BTCHW)
    return forecast


def _difference(a_BTCHW: Tensor, b_BTCHW: Tensor) -> float:
    return 0.0 if torch.equal(a_BTCHW, b_BTCHW) else float((a_BTCHW - b_BTCHW).abs().max())
