"""Collects the data of a report from the database of the study and its files."""

import shlex
from dataclasses import replace
from datetime import datetime

from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.fields.files.data_files import DataFiles
from fieldsharp.objectives.verdicts.verdict import GAMED, SHARPEN
from fieldsharp.storage.database import open_database
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.storage.location.url import as_option
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.report.importance import importance
from fieldsharp.sweep.report.measured import measured_split, why_not_tested
from fieldsharp.sweep.report.members.collect import compare_members
from fieldsharp.sweep.report.model import Chosen, Kind, Report
from fieldsharp.sweep.report.split_results import Specs, accused_trial, validation_split
from fieldsharp.sweep.report.trial_rows import (
    ParsedTrials,
    cost,
    distributions,
    guard_rows,
    trial_rows,
    variant_rows,
)
from fieldsharp.sweep.report.without_training import without_training
from fieldsharp.sweep.results.confirmation_facts import WINNER_IN_WORDS
from fieldsharp.sweep.results.export import choose_trial, export_tree, render, standing
from fieldsharp.sweep.results.exportable import require_complete
from fieldsharp.sweep.study.confirmation.runs import Runs, read_runs
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.files.workspace import StudyWorkspace
from fieldsharp.sweep.study.frontier import StudyFrontier
from fieldsharp.sweep.study.lookup import (
    load_study,
    study_config,
    study_data_summary,
    study_identity,
)
from fieldsharp.sweep.study.status.report import StudyStatus, study_status, trial_status
from fieldsharp.sweep.study.trial_records import TrialRecord, is_baseline, trial_spec


def collect_report(name: str, url: str, number: int | None = None) -> Report:
    """Return the data of a report; only reads.

    Raises:
        StudyError: If there is no such study, or the trial asked for is not complete.
        StorageError: If the database cannot be read.
    """
    study = load_study(open_database(url, "read"), name)
    # Before the trials are read: a running sweep may just have finished it, and it must be in them.
    chosen = _chosen_trial(study, number, url)
    with database_errors(url):
        trials = ParsedTrials(study.get_trials(deepcopy=False))
        config, summary = study_config(study), study_data_summary(study)
        status = study_status(study, url)
        compared_runs, tested_runs = (
            read_runs(study, url, part) for part in ("validation", "test")
        )
    files = StudyWorkspace(url, study_identity(study))
    specs, records = _compared(trials, chosen)
    validation = validation_split(summary, records, specs, files)
    rows = trial_rows(trials, summary)
    confirmation = status.confirmation
    report = Report(
        study=name,
        made=datetime.now().astimezone(),
        variable=summary.variable,
        units=summary.units,
        per=summary.per,
        grid_notes=summary.grid_notes,
        mode=config.objective.mode,
        verdict=status.verdict,
        running="" if status.coordinator.note == "finished" else status.coordinator.note,
        budget=status.budget,
        chosen=_chosen(study, chosen, number, status) if chosen is not None else None,
        commands=_commands(name, url, chosen, number),
        confirm_command=""
        if status.why_not_confirm
        else f"{program_elsewhere()} confirm {shlex.quote(name)}{as_option(url)}",
        why_not_confirm=status.why_not_confirm,
        validation=validation,
        tested=measured_split(confirmation, tested_runs),
        why_not_tested=why_not_tested(confirmation, tested_runs),
        trials=rows,
        importance=importance(study, trials.all),
        distributions=distributions(trials),
        variants=variant_rows(rows),
        guards=guard_rows(rows, validation.results),
        confirmation=confirmation,
        newer_trials=confirmation.newer_trials(trials.all) if confirmation else 0,
        # What was tested had been trained to be compared, and its seconds contain that.
        cost=cost(trials, list({**compared_runs, **tested_runs}.values())),
        failures={
            **status.failures,
            **{number: f"left out: {reason}" for number, reason in status.left_out.items()},
        },
        provenance=summary.provenance,
        data_file=DataFiles.of(config.data.path).name,
        windows=summary.windows,
        config=dump_yaml(config.model_dump(mode="json")),
        without_training=without_training(records, summary.targets, status.missing_references),
        frontier=StudyFrontier.of(records.get("baseline")),
        accused=accused_trial(status.verdict.trial, specs, files)
        if status.verdict.name == GAMED and status.verdict.trial is not None
        else None,
        members=compare_members(
            trials, chosen.number if chosen is not None else None, summary.targets, files
        ),
    )
    of_each = (
        _in_variable(report, trials, records, summary.of(name), status, tested_runs)
        for name in (summary.variables if summary.others else ())
    )
    return replace(report, variables=tuple(of_each))


def _in_variable(
    report: Report,
    trials: ParsedTrials,
    records: dict[Kind, TrialRecord],
    summary: DataSummary,
    status: StudyStatus,
    tested_runs: Runs,
) -> Report:
    """Return the report on one of several predicted variables."""
    name = summary.variable
    own = {kind: record.of(name) for kind, record in records.items()}
    validation = report.validation.of(name)
    rows = trial_rows(trials, summary, name)
    compared = without_training(own, summary.targets, status.missing_references)
    if compared is not None and report.without_training is not None:
        # A sharpener is chosen by all variables at once.
        of_all = report.without_training
        compared = replace(compared, best=of_all.best, best_sharpener=of_all.best_sharpener)
    return replace(
        report,
        variable=name,
        units=summary.units,
        verdict=status.verdict.variables.get(name, status.verdict),
        validation=validation,
        tested=measured_split(report.confirmation, tested_runs, name),
        trials=rows,
        variants=variant_rows(rows),
        guards=guard_rows(rows, validation.results),
        without_training=compared,
        frontier=StudyFrontier.of(own.get("baseline")),
        accused=None,
        members=report.members.of(name) if report.members is not None else None,
        names_of_charts=f"variable-{list(status.variables).index(name)}-",
    )


def _chosen_trial(study: Study, number: int | None, url: str) -> FrozenTrial | None:
    try:
        return choose_trial(study, number, url, require_complete)
    except StudyError:
        if number is not None:
            raise
        return None  # no trial is complete yet: the report says so


def _compared(
    trials: ParsedTrials, chosen: FrozenTrial | None
) -> tuple[Specs, dict[Kind, TrialRecord]]:
    """Return specs and records of the baseline and the chosen trial, as far as they are known."""
    compared: dict[Kind, FrozenTrial | None] = {"baseline": trials.baseline}
    if chosen is not None and not is_baseline(chosen):
        compared["forecast"] = chosen
    specs: Specs = {}
    records: dict[Kind, TrialRecord] = {}
    for kind, trial in compared.items():
        if trial is not None and trial.number in trials.specs and trial.number in trials.records:
            specs[kind] = trials.specs[trial.number]
            records[kind] = trials.records[trial.number]
    return specs, records


def _chosen(study: Study, trial: FrozenTrial, number: int | None, status: StudyStatus) -> Chosen:
    tree = export_tree(study, trial, as_advised=number is None)
    trial_state = trial_status(trial)
    return Chosen(
        number=trial.number,
        why=_why(trial.number, number, status),
        standing=standing(tree["exported"]),
        is_baseline=is_baseline(trial),
        params=trial_state.params,
        preset=trial_state.preset,
        export=render(tree, "yaml"),
        warnings=trial_state.warnings,
    )


def _why(chosen: int, asked_for: int | None, status: StudyStatus) -> str:
    if asked_for is not None:
        return "asked for by its number"
    verdict = status.verdict
    if verdict.name == SHARPEN and chosen == verdict.trial:
        return f"the baseline with the last step {verdict.sharpening}, as the verdict advises"
    confirmation = status.confirmation
    if confirmation is not None and confirmation.winner == chosen:
        return WINNER_IN_WORDS[confirmation.part]
    if status.baseline is not None and chosen == status.baseline.trial:
        if status.best is not None and status.best.feasible:
            return "the baseline: no trial that breaks no guard has a lower score"
        return "the baseline: every trial breaks a guard"
    return "the lowest score among the trials that break no guard"


def _commands(name: str, url: str, chosen: FrozenTrial | None, number: int | None) -> list[str]:
    """Return the commands to train the chosen trial again and to forecast with it."""
    study, storage = shlex.quote(name), as_option(url)
    spec = trial_spec(chosen) if chosen is not None else None
    if chosen is None or spec is None:
        return [f"{program_elsewhere()} status {study}{storage}"]
    trial = f" --trial {chosen.number}" if number is not None else ""
    export = f"{program_elsewhere()} export {study}{storage}{trial} -o best.yaml"
    if spec.run.trainer is not None:
        return [export]
    return [
        export,
        f"{program_elsewhere()} train best.yaml -o run",
        f"{program_elsewhere()} predict run --steps {spec.run.data.horizon} -o forecast.nc",
    ]
