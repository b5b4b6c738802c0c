"""Chooses the configurations of a study to confirm, and the seeds."""

from collections.abc import Collection, Sequence
from itertools import count, islice

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import NO_SHARPENER
from fieldsharp.model.settings import SharpeningSettings
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.trial_records import (
    by_score,
    complete_baseline,
    is_feasible,
    trial_record,
    trial_spec,
)
from fieldsharp.sweep.study.trial_spec import Part, TrialSpec

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


def new_seeds(how_many: int, used: Collection[int], first: int = FIRST_SEED) -> list[int]:
    """Return seeds from a first one on that were not used, the same at every call."""
    return list(islice((seed for seed in count(first) if seed not in used), how_many))


def used_seeds(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the seeds of the trainings of a search."""
    return {spec.run.training.seed for trial in trials if (spec := trial_spec(trial))}


def with_seed(
    spec: TrialSpec, seed: int, config: SweepConfig, facts: DataSummary, part: Part
) -> TrialSpec:
    """Return the training of a trial with another seed, judged after its last epoch alone.

    Args:
        spec: Of the trial.
        seed: Of the training, and of the baseline where it goes on from that.
        config: Of the study.
        facts: Of the study.
        part: The split that it is judged on.
    """
    start = spec.run.start_from
    if start is not None:
        first = start.training.model_copy(update={"seed": seed})
        start = start.model_copy(update={"training": first})
    run = spec.run.model_copy(
        update={
            # The path as the study knows it now: the file may have moved since the trial ran.
            "data": spec.run.data.model_copy(update={"path": config.data.path}),
            "training": spec.run.training.model_copy(update={"seed": seed}),
            "start_from": start,
        }
    )
    return TrialSpec(
        number=spec.number,
        preset=spec.preset,
        run=run,
        data_sha256=facts.provenance.data_sha256,
        judged_on=part,
        judged_at_end=True,
        measures=config.objective.measures,
        members=config.objective.members_judged,
        starts_with=spec.starts_with,
    )


def what_is_trained(run: RunSettings) -> str:
    """Return a configuration as text for comparison, without seed, path and plug-ins."""
    training = run.training.model_copy(update={"seed": 0})
    data = run.data.model_copy(update={"path": ""})
    alike = {"training": training, "data": data, "plugins": ()}
    return run.model_copy(update=alike).model_dump_json()
