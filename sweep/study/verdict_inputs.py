"""Trials as the verdict sees them."""

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.model.registry import loss_variant
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.contenders import Contender
from fieldsharp.objectives.guards import broken
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.study.trial_records import TrialRecord, trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec


def contender(spec: TrialSpec, record: TrialRecord, *, is_complete: bool = True) -> Contender:
    """Return what the verdict needs to know of a trial.

    Args:
        spec: What it trained.
        record: What it came to.
        is_complete: Whether that was its end.
    """
    return Contender(
        number=spec.number,
        score=record.score,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        broken=tuple((guard.name, guard.words) for guard in broken(record.guards)),
        # Of a script nobody knows what its losses can do.
        sharpens=can_sharpen(spec.run.loss) or spec.run.trainer is not None,
        is_baseline=spec.preset == BASELINE,
        skill=record.metrics.get("skill_persistence", 1.0),
        is_complete=is_complete,
    )


def contenders(trials: list[FrozenTrial]) -> list[Contender]:
    """Return the trials among these that are complete, or were given up on their way."""
    found = []
    for trial in trials:
        is_complete = trial.state is TrialState.COMPLETE
        if not is_complete and trial.state is not TrialState.PRUNED:
            continue
        spec, record = trial_spec(trial), trial_record(trial)
        if spec is not None and record is not None:
            found.append(contender(spec, record, is_complete=is_complete))
    return found


def can_sharpen(loss: LossSettings) -> bool:
    """Return whether any term of a loss can cure blur that comes from uncertainty."""
    by_gradient = loss.gradient_weight > 0 and loss_variant(loss.variant).sharpens
    by_peak = loss.peak_weight > 0 and loss_variant(loss.peak_variant).sharpens
    return by_gradient or by_peak or loss.base == "crps"
