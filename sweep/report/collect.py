"""Gathering what a report says from the study, its database and the files beside it."""

import shlex
from datetime import datetime
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.report.importance import importance
from fieldsharp.sweep.report.model import Chosen, Kind, Report
from fieldsharp.sweep.report.split_results import Nets, test_split, validation_split
from fieldsharp.sweep.report.trial_rows import (
    Trials,
    cost,
    distributions,
    guard_rows,
    trial_rows,
    variant_rows,
)
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, standing
from fieldsharp.sweep.study.confirmation.records import read_runs
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.lookup import (
    load_study,
    study_config,
    study_data_summary,
    study_identity,
)
from fieldsharp.sweep.study.status.report import StudyStatus, study_status, trial_status
from fieldsharp.sweep.study.trial_records import TrialRecord, is_baseline, trial_spec


def collect_report(name: str, url: str, number: int | None = None) -> Report:
    """Return what there is to say of a study; only reads.

    Args:
        name: Of the study.
        url: Address of its database.
        number: Another trial than the best.

    Raises:
        StudyError: If there is no such study, or the trial asked for is not complete.
        StorageError: If the database cannot be read.
    """
    study = load_study(open_database(url, "read"), name)
    # First: a sweep that runs may have finished it just now, and it must be among those read next.
    chosen = _chosen_trial(study, number, url)
    with database_errors(url):
        trials = Trials(study.get_trials(deepcopy=False))
        config, facts = study_config(study), study_data_summary(study)
        status = study_status(study, url)
        runs = read_runs(study, url)
    files = StudyWorkspace(url, study_identity(study))
    nets, records = _compared(trials, chosen)
    validation = validation_split(facts, records, nets, files)
    test, why_no_test = None, "no trial is complete yet"
    if "baseline" in nets:
        test, why_no_test = test_split(config, facts, nets, files)
    points = trial_rows(trials, facts)
    confirmation = status.confirmation
    return Report(
        study=name,
        made=datetime.now().astimezone(),
        variable=facts.variable,
        units=facts.units,
        mode=config.objective.mode,
        verdict=status.verdict,
        running="" if status.coordinator.note == "finished" else status.coordinator.note,
        budget=status.budget,
        chosen=_chosen(study, chosen, number, status) if chosen is not None else None,
        commands=_commands(name, url, chosen, number),
        confirm_command=f"python run_sweep.py confirm {shlex.quote(name)}{as_option(url)}",
        validation=validation,
        test=test,
        why_no_test=why_no_test,
        points=points,
        importance=importance(study, trials.all),
        distributions=distributions(trials),
        variants=variant_rows(points),
        guards=guard_rows(points, validation.rows),
        confirmation=confirmation,
        newer_trials=confirmation.newer_trials(trials.all) if confirmation else 0,
        cost=cost(trials, runs),
        failures={
            **status.failures,
            **{number: f"left out: {reason}" for number, reason in status.left_out.items()},
        },
        provenance=facts.provenance,
        data_file=Path(config.data.path).name,
        windows=facts.windows,
        config=dump_yaml(config.model_dump(mode="json")),
    )


def _chosen_trial(study: Study, number: int | None, url: str) -> FrozenTrial | None:
    try:
        return choose_trial(study, number, url)
    except StudyError:
        if number is not None:
            raise
        return None  # none is complete yet, of which there is something to say as well


def _compared(trials: Trials, chosen: FrozenTrial | None) -> tuple[Nets, dict[Kind, TrialRecord]]:
    """Return what is compared: the baseline, and the trial the report is about beside it."""
    there: dict[Kind, FrozenTrial | None] = {"baseline": trials.baseline}
    if chosen is not None and not is_baseline(chosen):
        there["forecast"] = chosen
    nets: Nets = {}
    records: dict[Kind, TrialRecord] = {}
    for kind, trial in there.items():
        if trial is not None and trial.number in trials.specs and trial.number in trials.records:
            nets[kind] = trials.specs[trial.number]
            records[kind] = trials.records[trial.number]
    return nets, records


def _chosen(study: Study, trial: FrozenTrial, number: int | None, status: StudyStatus) -> Chosen:
    tree = export_tree(study, trial)
    shown = trial_status(trial)
    return Chosen(
        number=trial.number,
        why=_why(trial.number, number, status),
        words=standing(tree["exported"]),
        is_baseline=is_baseline(trial),
        params=shown.params,
        preset=shown.preset,
        export=render(tree, "yaml"),
        warnings=shown.warnings,
    )


def _why(chosen: int, asked_for: int | None, status: StudyStatus) -> str:
    if asked_for is not None:
        return "asked for by its number"
    winner = status.confirmation.winner if status.confirmation is not None else None
    if winner == chosen:
        return "the confirmed winner on new seeds and the test split"
    if status.baseline is not None and chosen == status.baseline.trial:
        if status.best is not None and status.best.feasible:
            return "the baseline: no trial that breaks no guard has a lower score"
        return "the baseline: every trial breaks a guard"
    return "the lowest score among the trials that break no guard"


def _commands(name: str, url: str, chosen: FrozenTrial | None, number: int | None) -> list[str]:
    """Return what to type to train the trial again and to go on."""
    study, storage = shlex.quote(name), as_option(url)
    spec = trial_spec(chosen) if chosen is not None else None
    if chosen is None or spec is None:
        return [f"python run_sweep.py status {study}{storage}"]
    named = f" --trial {chosen.number}" if number is not None else ""
    export = f"python run_sweep.py export {study}{storage}{named} -o best.yaml"
    if spec.run.trainer is not None:
        return [export]
    return [
        export,
        "python run_sweep.py train best.yaml -o run",
        f"python run_sweep.py predict run --steps {spec.run.data.horizon} -o forecast.nc",
    ]
