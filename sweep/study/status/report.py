"""The whole state of a study, for `status`, `--json`, the dashboard's note and reports."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import StudyError
from fieldsharp.objectives.frontier.frontier import Frontier, FrontierCurve
from fieldsharp.objectives.guard_table import GUARDS
from fieldsharp.objectives.per_variable import named
from fieldsharp.objectives.verdicts.verdict import Verdict
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.study_lock import study_lock_owner
from fieldsharp.sweep.configuration.ranges import Scalar, setting_path, value_at
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.candidates import candidates
from fieldsharp.sweep.study.confirmation.records import Confirmation, read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.frontier import StudyFrontier, excess_over
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.repeats import Repeats, read_repeats
from fieldsharp.sweep.study.shared_data import shared_mb
from fieldsharp.sweep.study.sharpening_records import best_reference
from fieldsharp.sweep.study.status.references import (
    BEFORE_SHARPENERS,
    Reference,
    SharpeningStatus,
    references,
    sharpening_status,
    why_no_references,
)
from fieldsharp.sweep.study.status.state import CoordinatorStatus, StudyState, study_state
from fieldsharp.sweep.study.trial_records import (
    FAILURE,
    TrialRecord,
    is_feasible,
    read_record,
    read_spec,
    trial_record,
    why_left_out,
)
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict import study_verdict


@dataclass(frozen=True)
class TrialStatus:
    """A complete trial with all that is stored of it; physical units, validation split.

    All its numbers are with its sharpener.

    Attributes:
        excess_over_frontier: Its RMSE above the frontier at its gradient; None if not known.
        crps: Fair CRPS of its members; None where they are not judged together.
        spread_over_error: Of its members; likewise.
    """

    trial: int
    score: float
    gradient: float
    peak: float
    rmse: float
    params: dict[str, Scalar]
    preset: str | None
    feasible: bool
    guards: dict[str, dict[str, float | bool | int | None]]
    warnings: list[str]
    metrics: dict[str, float]
    metrics_by_lead: dict[str, list[float]]
    sharpening: SharpeningStatus
    excess_over_frontier: float | None = None
    crps: float | None = None
    spread_over_error: float | None = None


@dataclass(frozen=True)
class VariableStatus:
    """A study in one of its predicted variables, as of a study that predicts no other.

    Attributes:
        verdict: On the trials so far, by this variable alone.
        best: The best trial of the study, whose score here is that of the variable.
        baseline: The trial with weight 0, as it is.
        references: The baseline under each sharpener.
        targets: Least gradient and peak; null before the baseline of a script whose truth they are
            taken from.
        observed: Observed gradient and peak on the validation split.
    """

    units: str
    verdict: Verdict
    targets: dict[str, float | None]
    observed: dict[str, float | None]
    best: TrialStatus | None
    baseline: TrialStatus | None
    references: list[Reference]


@dataclass(frozen=True)
class StudyStatus:
    """The state of a study.

    Of several predicted variables, scores are means over them, guards are those of all, and what is
    in units of a field is of the first.

    Attributes:
        states: Number of trials in each state.
        verdict: On the trials so far.
        best: The complete trial with the lowest score that breaks no guard.
        front: In the mode pareto, the feasible trials that no feasible trial dominates.
        infeasible: Number of complete trials that break a guard.
        guards_broken: How many complete trials break each guard.
        confirmation: Comparison with new seeds and test of the winner, None before confirm was run.
        repeats: What further seeds of the search tell of its leaders, None where it had none.
        baseline: The trial with weight 0, as it is.
        references: The baseline under each sharpener.
        references_note: Why there are none; None where there are.
        best_reference: The name of the best of them; None where there are none.
        frontier: The least RMSE at each sharpness, by the baseline; None if not known.
        targets: Least gradient and peak; null before the baseline of a script whose truth they are
            taken from.
        observed: Observed gradient and peak on the validation split; null where a script knows the
            data alone.
        why_not_confirm: Why ``confirm`` would be refused now; "" where it would not.
        trains_script: Whether the trials train a script.
        shared_data_mb: Size of the file from which all workers read the data; 0 where each holds
            them in memory.
        guards_not_taken: Guards that cannot be computed from the figures that a script prints.
        budget: Trials in all.
        eta_s: Seconds left at the pace of the finished trials; None where nothing runs.
        failures: Reason of each failed trial, by number.
        left_out: Why complete and pruned trials are not compared with the others, by number:
            another program added them, or wrote over their attributes.
        variables: Each predicted variable by itself, the first first; empty where there is one.
    """

    study: str
    coordinator: CoordinatorStatus
    states: dict[str, int]
    verdict: Verdict
    mode: str
    best: TrialStatus | None
    front: list[TrialStatus]
    infeasible: int
    guards_broken: dict[str, int]
    confirmation: Confirmation | None
    repeats: Repeats | None
    baseline: TrialStatus | None
    references: list[Reference]
    references_note: str | None
    best_reference: str | None
    frontier: Frontier | None
    targets: dict[str, float | None]
    observed: dict[str, float | None]
    guards_not_taken: list[str]
    trains_script: bool
    units: str
    variable: str
    budget: int
    eta_s: float | None
    failures: dict[int, str]
    left_out: dict[int, str]
    why_not_confirm: str
    area_weights: str = "none"
    gradient_per: str = "cell"
    grid_notes: tuple[str, ...] = ()
    shared_data_mb: float = 0.0
    variables: dict[str, VariableStatus] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        confirmation = self.confirmation
        tree = asdict(replace(self, variables={}))
        del tree["variables"]
        if self.variables:
            tree["variables"] = {
                name: {**asdict(one), "verdict": one.verdict.model_dump()}
                for name, one in self.variables.items()
            }
        return {
            **tree,
            "verdict": self.verdict.model_dump(),
            "confirmation": confirmation.model_dump(mode="json") if confirmation else None,
            **({"repeats": self.repeats.model_dump(mode="json")} if self.repeats else {}),
            "frontier": _frontier_as_json(self.frontier) if self.frontier else None,
        }

    @property
    def missing_references(self) -> str | None:
        """Why there are no references, where a user can learn something from it; None else."""
        is_old = self.references_note == BEFORE_SHARPENERS
        return None if is_old or self.baseline is None else self.references_note

    @property
    def reference(self) -> Reference | None:
        """The best of the references; None where there are none."""
        return next((one for one in self.references if one.name == self.best_reference), None)


def study_status(study: Study, url: str) -> StudyStatus:
    """Read the state of a study.

    Raises:
        StudyError: If it was not started by this program.
        StorageError: If the database cannot be read.
    """
    owner = study_lock_owner(url, study.study_name)
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
        config, facts = study_config(study), study_data_summary(study)
        confirmation, repeats = read_confirmation(study), read_repeats(study)
    verdict = study_verdict(study, trials, config, facts, confirmation)
    state = study_state(trials, config, verdict, owner=owner, url=url, name=study.study_name)
    is_pareto = config.objective.mode == "pareto"
    # Read once: the baseline has by far the longest record.
    baseline = trial_record(state.baseline) if state.baseline is not None else None
    bound = StudyFrontier.of(baseline)
    best_known = best_reference(baseline.references) if baseline is not None else None
    return StudyStatus(
        study=study.study_name,
        coordinator=state.coordinator,
        states=state.counts,
        verdict=verdict,
        mode=config.objective.mode,
        best=trial_status(state.best, bound) if state.best else None,
        front=[trial_status(t, bound) for t in front(state.complete)] if is_pareto else [],
        infeasible=sum(not is_feasible(trial) for trial in state.complete),
        guards_broken=_guards_broken(state.complete),
        confirmation=confirmation,
        repeats=repeats,
        baseline=trial_status(state.baseline, bound) if state.baseline else None,
        references=references(baseline, bound) if baseline is not None else [],
        references_note=why_no_references(config, baseline),
        best_reference=best_known.name if best_known is not None else None,
        frontier=bound.frontier if bound is not None else None,
        targets=facts.least,
        observed={"gradient": facts.gradient_observed, "peak": facts.peak_observed},
        guards_not_taken=_guards_not_taken(config, baseline),
        trains_script=config.trainer is not None,
        units=facts.units,
        variable=facts.variable,
        budget=config.budget.trials,
        eta_s=state.eta_s,
        failures={
            trial.number: str(trial.user_attrs.get(FAILURE, "no reason was kept"))
            for trial in trials
            if trial.state is TrialState.FAIL
        },
        left_out=left_out(trials),
        why_not_confirm=_why_not_confirm(study.study_name, trials, config, state.coordinator),
        area_weights=facts.measures.area_weights,
        gradient_per=facts.measures.per,
        grid_notes=facts.grid_notes,
        shared_data_mb=shared_mb(config, facts, url),
        variables={
            name: _variable_status(facts.of(name), one, state, baseline)
            for name, one in verdict.variables.items()
        },
    )


def _variable_status(
    facts: DataSummary, verdict: Verdict, state: StudyState, baseline: TrialRecord | None
) -> VariableStatus:
    name = facts.variable
    alone = None if baseline is None else baseline.of(name)
    bound = StudyFrontier.of(alone)
    return VariableStatus(
        units=facts.units,
        verdict=verdict,
        targets=facts.least,
        observed={"gradient": facts.gradient_observed, "peak": facts.peak_observed},
        best=trial_status(state.best, bound, name) if state.best else None,
        baseline=trial_status(state.baseline, bound, name) if state.baseline else None,
        references=references(alone, bound) if alone is not None else [],
    )


def _why_not_confirm(
    name: str, trials: list[FrozenTrial], config: SweepConfig, coordinator: CoordinatorStatus
) -> str:
    if config.trainer is not None:
        return "a script's seeds and test split are its own"
    if coordinator.alive:
        return "the study is being run"
    try:
        candidates(name, trials, top=1)
    except StudyError as error:
        reason = str(error).removeprefix(f"study {name!r} ")
        return f"it {reason.partition(':')[0].partition(',')[0]}"
    return ""


def left_out(trials: list[FrozenTrial]) -> dict[int, str]:
    """Return why complete and pruned trials are not compared with the others, by number."""
    ended = (t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED))
    return {trial.number: why for trial in ended if (why := why_left_out(trial))}


def trial_status(
    trial: FrozenTrial, bound: StudyFrontier | None = None, variable: str = ""
) -> TrialStatus:
    """Return a complete trial with all that is stored of it.

    Args:
        trial: Complete.
        bound: The frontier of its study; None if not known.
        variable: Of which alone it is wanted; "" for all.

    Raises:
        StudyError: If it was not run by this program, or by another version.
    """
    spec, record = read_spec(trial), read_record(trial)
    if spec is None or record is None or trial.state is not TrialState.COMPLETE:
        raise StudyError(
            f"trial {trial.number} has no record of its training: it is {trial.state.name} or was "
            "not run by this program; choose a complete trial"
        )
    if variable:
        record = record.of(variable)
    of_members = record.judgement.is_of_members
    return TrialStatus(
        trial=trial.number,
        score=record.score,
        gradient=record.metrics["gradient"],
        peak=record.metrics["peak"],
        rmse=record.metrics["rmse"],
        params=trained_values(trial, spec),
        preset=spec.preset,
        feasible=record.feasible,
        guards={guard.name: guard.as_json() for guard in record.guards},
        warnings=_warnings(record),
        metrics=record.metrics,
        metrics_by_lead=record.judgement.by_lead,
        sharpening=sharpening_status(record),
        excess_over_frontier=None if of_members else excess_over(bound, record.metrics),
        crps=record.judgement.crps if of_members else None,
        spread_over_error=record.metrics["spread_over_error"] if of_members else None,
    )


def _frontier_as_json(frontier: Frontier) -> dict[str, Any]:
    """Return a frontier as plain values, each curve with what it says of the baseline."""

    def curve(one: FrontierCurve) -> dict[str, Any]:
        said = {"diagnosis": one.diagnosis, "estimate_because": one.estimate_because}
        return {**one.model_dump(mode="json"), **said}

    return {
        "overall": curve(frontier.overall),
        "by_lead": [curve(one) for one in frontier.by_lead],
        "windows": frontier.windows,
        "blocks": frontier.blocks,
    }


def _warnings(record: TrialRecord) -> list[str]:
    """Return what is unusual about a trial, in each variable, although it breaks no guard."""
    said = []
    for name in record.variables or ("",):
        metrics = record.judgement.of(name).overall
        # A member of an honest ensemble has up to twice the square error of their mean.
        rmse = metrics.get("rmse_of_mean", metrics["rmse"])
        still = metrics.get("rmse_persistence", math.inf)
        if still < rmse <= metrics.get("rmse_climatology", math.inf):
            warning = (
                f"its RMSE, {rmse:.4g}, is above the {still:.4g} of the last known frame: as a "
                "sharp forecast's may be where little can be foretold, but look at it"
            )
            said.append(named(name, warning))
    return said


def front(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the Pareto front: feasible complete trials that no feasible trial dominates."""
    complete = (t for t in trials if t.state is TrialState.COMPLETE and not why_left_out(t))
    feasible = [trial for trial in complete if is_feasible(trial)]

    def dominates(ours: FrozenTrial, theirs: FrozenTrial) -> bool:
        pairs = zip(ours.values, theirs.values, strict=True)
        return ours.values != theirs.values and all(a <= b for a, b in pairs)

    return [t for t in feasible if not any(dominates(other, t) for other in feasible)]


def _guards_not_taken(config: SweepConfig, baseline: TrialRecord | None) -> list[str]:
    if config.trainer is None or baseline is None:
        return []
    taken = {guard.name for guard in baseline.guards}
    return [name for name in GUARDS if name not in taken]


def _guards_broken(trials: list[FrozenTrial]) -> dict[str, int]:
    names = [n for trial in trials for n, value in trial.constraints.items() if value > 0]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def trained_values(trial: FrozenTrial, spec: TrialSpec) -> dict[str, Scalar]:
    """Return the searched parameters with the values that were trained.

    For the baseline these are not the recorded ones: its weight, 0, lies outside its range.
    """
    tree = spec.run.model_dump()
    trained = {name: value_at(tree, setting_path(name)) for name in trial.params}
    return {name: value for name, value in trained.items() if value is not None}
