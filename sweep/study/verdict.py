"""The verdict on a study: computed from its trials, and whether further trials could change it."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.model.registry import loss_variant
from fieldsharp.model.settings import LossSettings
from fieldsharp.objectives.contenders import Contender
from fieldsharp.objectives.guards import broken
from fieldsharp.objectives.targets import Targets
from fieldsharp.objectives.verdict import (
    GAMED,
    NOTHING_TO_FIX,
    PROMISING,
    STUCK,
    SUCCESS,
    Verdict,
    reach_verdict,
    succeeds,
)
from fieldsharp.sweep.configuration.execution import BudgetSettings
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.run_settings import RunSettings
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.narrowed_search import narrowed_search
from fieldsharp.sweep.study.trial_records import TrialRecord, counted, trial_record, trial_spec
from fieldsharp.sweep.study.trial_spec import TrialSpec

NO_MORE = "no more trials are started; to go on anyway"
NEXT_FOR_SCRIPTS = {
    SUCCESS: "run the script by hand with these values and other seeds, and look at a period that "
    "was not searched on, before they are believed",
    PROMISING: "keep tuning: start the narrowed search in next.yaml, written where the sweep was "
    "started, or by export STUDY --next -o next.yaml",
    STUCK: "search something larger: another loss of the script's, a wider range, its architecture",
    GAMED: "do not use it; lower the range of the weight, or search another loss",
    NOTHING_TO_FIX: "use the baseline; if you expected blur, train it longer, look at a longer "
    "lead, or set higher objective.targets",
}
"""Advice by verdict that can be followed where the losses are those of a script."""
WITHOUT_NARROWING = (
    "keep tuning: give the sweep more trials with resume STUDY --trials, or search more settings "
    "in a new study; its best trials leave no narrowed search to start"
)


def contender(spec: TrialSpec, record: TrialRecord, *, is_complete: bool = True) -> Contender:
    """Return a trial, which may not have run all its epochs, as the verdict compares it."""
    return Contender(
        number=spec.number,
        score=record.score,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        broken=tuple((guard.name, guard.words) for guard in broken(record.guards)),
        sharpens=may_sharpen(spec.run),
        is_baseline=spec.preset == BASELINE,
        rmse=record.metrics["rmse"],
        value=record.value,
        skill=record.metrics.get("skill_persistence", 1.0),
        is_complete=is_complete,
    )


def contenders(trials: list[FrozenTrial]) -> list[Contender]:
    """Return the complete and the pruned trials among these that have an outcome."""
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


def may_sharpen(run: RunSettings) -> bool:
    """Return whether a training may cure blur that comes from uncertainty.

    The losses of a script are unknown, so that any of its trainings may.
    """
    return can_sharpen(run.loss) or run.trainer is not None


def as_script_verdict(config: SweepConfig, verdict: Verdict) -> Verdict:
    """Return a verdict with advice that can be followed where a script is trained."""
    if config.trainer is None or verdict.name not in NEXT_FOR_SCRIPTS:
        return verdict
    return verdict.model_copy(update={"next": NEXT_FOR_SCRIPTS[verdict.name]})


def study_verdict(trials: list[FrozenTrial], config: SweepConfig, facts: DataSummary) -> Verdict:
    """Return the verdict on all trials of a study."""
    to_come = max(0, config.budget.trials - counted(trials))
    reached = reach_verdict(contenders(trials), facts.targets, facts.units, to_come)
    verdict = as_script_verdict(config, reached)
    if verdict.name != PROMISING:
        return verdict
    try:
        narrowed_search(config.study, config, trials)
    except StudyError:  # then no next.yaml is written either
        return verdict.model_copy(update={"next": WITHOUT_NARROWING})
    return verdict


def settled_verdict(
    verdict: Verdict | None, budget: BudgetSettings, trials: Sequence[FrozenTrial], targets: Targets
) -> str:
    """Return why no further trial is needed and how to go on nevertheless, "" where one is needed.

    The budget names the verdicts that end a sweep; trials are counted whichever process ran them.
    """
    if verdict is None:
        return ""
    if verdict.name == NOTHING_TO_FIX and budget.stop_on_nothing_to_fix:
        return f"nothing to fix, {NO_MORE} set budget.stop_on_nothing_to_fix to false"
    if verdict.name != SUCCESS or not budget.stop_on_success:
        return ""
    if ended_since_success(trials, targets) < budget.success_trials:
        return ""
    return (
        f"success, which {budget.success_trials} further trials left as it is, {NO_MORE} resume "
        "with --trials or set budget.stop_on_success to false"
    )


def ended_since_success(trials: Sequence[FrozenTrial], targets: Targets) -> int:
    """Return how many trials ended after the first success; 0 before the first.

    Failed trials are not counted. A trial that ended before the baseline is a success only from
    the end of the baseline on, which it is compared with.
    """
    ended = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    candidates = contenders(ended)
    sharp = {one.number for one in candidates if one.is_complete and succeeds(one, targets)}
    baselines = {one.number for one in candidates if one.is_baseline}
    order = sorted(
        ended, key=lambda t: (t.datetime_complete is None, t.datetime_complete, t.number)
    )
    places = {trial.number: place for place, trial in enumerate(order)}
    if not sharp or not baselines:
        return 0
    first = max(min(places[n] for n in sharp), min(places[n] for n in baselines))
    return len(order) - 1 - first
