"""The weights of the baseline that a training goes on from: kept ones, or of a training of its own.

Both are the same to the last bit on one machine, since the baseline is trained with the same seed
and its length is fixed by then.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from fieldsharp.core.errors import TrainingFailed
from fieldsharp.fields.forecast_data import ForecastData
from fieldsharp.model.checkpoint import decode
from fieldsharp.model.device import Hardware
from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER, SHARPENERS
from fieldsharp.model.settings import SharpeningSettings
from fieldsharp.storage.trial_files.checkpoints import checkpoints, trial_folder
from fieldsharp.sweep.configuration.baseline_start import trained_first
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.trials.evaluator import Evaluator
from fieldsharp.sweep.trials.sharpening import SharpeningPlan
from fieldsharp.sweep.trials.trial import Trial

Weights = Mapping[str, torch.Tensor]


def kept_weights(folder: Path | None, spec: TrialSpec) -> Weights | None:
    """Return the weights in the kept checkpoint of the baseline that a trial goes on from.

    Args:
        folder: Of the checkpoints of the trial, or of one seed of it in a folder of the trial;
            those of other trials lie beside it.
        spec: Of the trial.

    Returns:
        None where there is no whole checkpoint of just that training.
    """
    if folder is None or spec.starts_with is None:
        return None
    first = spec.of_its_start
    # The weights do not depend on the sharpener, which is part of a fingerprint.
    names = {first.run.sharpening.name, BEST_SHARPENER, NO_SHARPENER, *SHARPENERS}
    fitting = {_under(name, first).fingerprint for name in names}
    for content in checkpoints(_beside(folder, spec.starts_with)):
        try:
            checkpoint = decode(content)
        except TrainingFailed:  # of another version
            continue
        state = checkpoint.trainer
        is_whole = state.get("epochs_done") == first.run.training.epochs
        if checkpoint.fingerprint in fitting and is_whole:
            weights: Weights = state["predictor"]
            return weights
    return None


def _under(sharpener: str, spec: TrialSpec) -> TrialSpec:
    sharpening = SharpeningSettings(name=sharpener)
    return spec.model_copy(update={"run": spec.run.model_copy(update={"sharpening": sharpening})})


def _beside(folder: Path, number: int) -> Path:
    """Return the folder of another trial, with the same seed where it is that of a seed."""
    if folder.name.isdecimal():
        return trial_folder(folder.parent, number)
    return trial_folder(folder.parent.parent, number) / folder.name


def baseline_training(
    run: RunSettings,
    data: ForecastData,
    hardware: Hardware,
    evaluator: Evaluator | None = None,
    micro_batches: int = 1,
) -> Trial:
    """Return the training whose weights a training with these settings goes on from."""
    return Trial(
        trained_first(run),
        data,
        hardware,
        evaluator,
        sharpening=SharpeningPlan(()),
        micro_batches=micro_batches,
    )


def weights_of(trained: Trial) -> Weights:
    """Return a copy of the weights that a trained baseline makes its forecasts with."""
    return {name: one.detach().clone() for name, one in trained.predictor.state_dict().items()}
