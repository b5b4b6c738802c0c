"""Chooses the configurations of a study to confirm, and the seeds."""

from collections.abc import Collection, Sequence
from itertools import count, islice

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import SharpeningSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.study.trial_records import (
    by_score,
    complete_baseline,
    is_feasible,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec

FIRST_SEED = 1001


def candidates(
    study: str, trials: Sequence[FrozenTrial], top: int, confirmed: Collection[int] = ()
) -> list[TrialSpec]:
    """Return the baseline, then the ``top`` best feasible trials of distinct configurations.

    Trials that are ``confirmed`` already, given by number, stay among them whatever their place: a
    later call with a smaller ``top`` forgets none.

    Each but the baseline names the sharpener that the search chose for it, so that two trials
    which differ in nothing else are distinct. The baseline, whose forecast is judged as it is and
    under every sharpener, keeps its setting.

    Raises:
        StudyError: If there is no complete baseline, or no feasible trial beside it.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    first = complete_baseline(complete)
    baseline = trial_spec(first) if first is not None else None
    if baseline is None:
        raise StudyError(
            f"study {study!r} has no complete baseline, and nothing can be compared without it; "
            "go on with the sweep first"
        )
    found = {what_is_trained(_sharpened_by(NO_SHARPENER, baseline.run)): baseline}
    for trial in by_score(complete):
        if len(found) > top and trial.number not in confirmed:
            continue
        spec, record = trial_spec(trial), trial_record(trial)
        if spec is not None and record is not None and is_feasible(trial):
            run = _sharpened_by(record.sharpener, spec.run)
            found.setdefault(what_is_trained(run), spec.model_copy(update={"run": run}))
    if len(found) == 1:
        raise StudyError(
            f"study {study!r} has no complete trial beside the baseline that breaks no guard: "
            "nothing beat the baseline, so there is nothing to confirm; search on, or use the "
            "baseline"
        )
    return list(found.values())


def _sharpened_by(name: str, run: RunSettings) -> RunSettings:
    return run.model_copy(update={"sharpening": SharpeningSettings(name=name)})


def new_seeds(how_many: int, used: Collection[int]) -> list[int]:
    """Return seeds that no training of the search used, the same at every call."""
    return list(islice((seed for seed in count(FIRST_SEED) if seed not in used), how_many))


def what_is_trained(run: RunSettings) -> str:
    """Return a configuration as text for comparison, without seed, path and plug-ins."""
    training = run.training.model_copy(update={"seed": 0})
    data = run.data.model_copy(update={"path": ""})
    alike = {"training": training, "data": data, "plugins": ()}
    return run.model_copy(update=alike).model_dump_json()
