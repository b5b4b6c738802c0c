"""Exports a trial's configuration, complete enough to repeat its training anywhere."""

import errno
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.core.errors import ConfigError, FieldsharpError, StudyError
from fieldsharp.core.printable import printable
from fieldsharp.core.program_name import program_elsewhere
from fieldsharp.model.registry import BEST_SHARPENER, NO_SHARPENER
from fieldsharp.objectives.members.result import best_crps
from fieldsharp.objectives.score import score_values
from fieldsharp.objectives.verdicts.verdict import NOT_CONFIRMED, SHARPEN
from fieldsharp.storage.durable_files.atomic import write_to_send_on
from fieldsharp.storage.errors.mapping import database_errors
from fieldsharp.sweep.configuration.presets import BASELINE
from fieldsharp.sweep.configuration.safe_yaml import (
    dump_yaml,
    escape_quoted,
    first_difference,
    not_finite,
)
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.results.confirmation_facts import confirmation_facts, confirmed_standing
from fieldsharp.sweep.results.exportable import (
    Requirement,
    exported_parts,
    no_complete_trial,
    require_exportable,
)
from fieldsharp.sweep.results.exported_search import exported_search
from fieldsharp.sweep.results.python_constants import python_constants
from fieldsharp.sweep.study.confirmation.records import read_confirmation
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import study_config, study_data_summary
from fieldsharp.sweep.study.sharpening_records import Sharpening
from fieldsharp.sweep.study.status.references import sharpening_status
from fieldsharp.sweep.study.status.report import trained_values
from fieldsharp.sweep.study.trial_records import PROVENANCE, TrialRecord, best_trial, state_name
from fieldsharp.sweep.study.trial_spec import TrialSpec
from fieldsharp.sweep.study.verdict import study_verdict

Format = Literal["yaml", "json", "py"]
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def choose_trial(
    study: Study, number: int | None, url: str, require: Requirement = require_exportable
) -> FrozenTrial:
    """Return the trial to export: the one with this number, or what the verdict advises.

    That is the baseline under the verdict ``sharpen``, else the confirmed winner, else the best.
    The confirmed winner stays preferred over newer trials with a better score of a single seed.

    Raises:
        StudyError: If it does not exist, or is refused by ``require``.
    """
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
        confirmation = read_confirmation(study)
    if number is None:
        config, facts = study_config(study), study_data_summary(study)
        verdict = study_verdict(study, trials, config, facts, confirmation)
        if verdict.name == SHARPEN and verdict.trial is not None and config.trainer is None:
            return trials[verdict.trial]
    if number is None and confirmation is not None and confirmation.winner is not None:
        return trials[confirmation.winner]
    if number is None:
        best = best_trial(trials)
        if best is None:
            raise no_complete_trial(study.study_name, trials)
        return best
    if not 0 <= number < len(trials):
        raise StudyError(
            f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, "
            "numbered from 0"
        )
    require(trials[number], trials)
    return trials[number]


def export_tree(study: Study, trial: FrozenTrial, *, as_advised: bool = False) -> dict[str, Any]:
    """Return the settings, metrics and provenance of a trial as plain values.

    The settings have the form of a configuration file; ``metrics`` are those on the validation
    split; ``exported`` is the provenance, in which ``confirmed.newer_trials`` counts the trials
    that finished after the study was confirmed. Of a trial that was not trained to its end
    ``metrics`` is empty, since a training of the export ends with others: those it had after
    ``exported.epochs``, in ``exported.state``, are in ``exported.early_metrics``.

    Args:
        study: Of the trial.
        trial: What is exported.
        as_advised: Whether the baseline is exported with the sharpener that the verdict
            ``sharpen`` names.

    Raises:
        StudyError: If it cannot be exported.
    """
    config, facts = study_config(study), study_data_summary(study)
    trials = study.get_trials(deepcopy=False)
    confirmation = read_confirmation(study)
    verdict = study_verdict(study, trials, config, facts, confirmation)
    spec, record = exported_parts(trial)
    if as_advised and verdict.name == SHARPEN and verdict.trial == trial.number and record:
        record = _under(verdict.sharpening, record, config, facts)
    is_complete = trial.state is TrialState.COMPLETE
    # The current path of the study: the file may have moved since the trial ran.
    stored = config.data.model_dump(mode="json")
    data = {**spec.run.data.model_dump(mode="json"), "path": stored["path"]}
    return {
        **config.model_dump(mode="json"),
        **spec.run.model_dump(mode="json"),
        "data": data,
        "search": exported_search(config, spec.run),
        "sharpening": {"name": _sharpener(spec, record)},
        "metrics": record.metrics if record and is_complete else {},
        "exported": {
            "study": study.study_name,
            "trial": trial.number,
            **({} if is_complete else _so_far(trial, record)),
            "preset": spec.preset,
            "score": record.score if record else None,
            "score_parts": record.score_parts if record else None,
            "feasible": record.feasible if record else None,
            "sharpening": asdict(sharpening_status(record)) if record else None,
            "guards": {guard.name: guard.as_json() for guard in (record.guards if record else ())},
            "verdict": verdict.model_dump(),
            "confirmed": None
            if confirmation is None
            else confirmation_facts(confirmation, trials, trial.number, _sharpener(spec, record)),
            "baseline_rmse": record.baseline_rmse if record else None,
            "targets": facts.least,
            "units": facts.units,
            **_by_variable(record, facts),
            "params": trained_values(trial, spec),
            "seed": spec.run.training.seed,
            "steps": record.steps if record else None,
            "device": record.device if record else None,
            "precision": record.precision if record else None,
            **trial.user_attrs.get(PROVENANCE, facts.provenance.model_dump(mode="json")),
        },
    }


def _under(
    sharpener: str | None, baseline: TrialRecord, config: SweepConfig, facts: DataSummary
) -> TrialRecord:
    """Return the record of the baseline with the metrics that it has under a sharpener."""
    found = next((one for one in baseline.references if one.name == sharpener), None)
    if found is None:
        return baseline
    score = score_values(
        found.judgement,
        facts.targets,
        baseline.judgement,
        config.objective,
        best_crps(baseline.member_references, facts.targets.by_variable),
    )
    variables = {
        name: baseline.variables[name].model_copy(
            update={"score": one.total, "score_parts": one.parts}
        )
        for name, one in score.by_variable.items()
    }
    return baseline.model_copy(
        update={
            "judgement": found.judgement,
            "score": found.score,
            "score_parts": score.parts,
            "guards": found.guards,
            "sharpening": Sharpening(name=found.name, without=baseline.unsharpened),
            "variables": variables,
        }
    )


def _by_variable(record: TrialRecord | None, facts: DataSummary) -> dict[str, Any]:
    """Return each of several predicted variables by itself; nothing where there is one."""
    if record is None or not facts.others:
        return {}
    variables = {}
    for name in facts.variables:
        own, alone = facts.of(name), record.of(name)
        variables[name] = {
            "score": alone.score,
            "score_parts": alone.score_parts,
            "baseline_rmse": alone.baseline_rmse,
            "targets": own.least,
            "units": own.units,
        }
    return {"variables": variables}


def _so_far(trial: FrozenTrial, record: TrialRecord | None) -> dict[str, Any]:
    """Return how far a trial that is not complete was trained, and its metrics then."""
    return {
        "state": state_name(trial),
        "epochs": record.epochs if record else None,
        "early_metrics": record.metrics if record else {},
    }


def _sharpener(spec: TrialSpec, record: TrialRecord | None) -> str:
    """Return the sharpener that was chosen for a trial; none before one was."""
    if record is not None:
        return record.sharpener
    name = spec.run.sharpening.name
    return NO_SHARPENER if name == BEST_SHARPENER else name


def render(tree: dict[str, Any], form: Format) -> str:
    """Return the text of an export, verified by reading it back.

    Raises:
        StudyError: If a value or a name cannot be written in this format.
        ConfigError: If a value cannot be written as YAML.
    """
    about = tree["exported"]
    title = printable(f"trial {about['trial']} of study {about['study']}, {standing(about)}")
    if form == "json":
        return _as_json(tree)
    if form == "py":
        return python_constants(tree, title)
    how = (
        "run the script with the values under trainer.given"
        if tree.get("trainer")
        else f"train it with: {program_elsewhere()} train THIS_FILE -o RUN_DIR"
    )
    return dump_yaml(tree, f"{title}; {how}")


def standing(about: Mapping[str, Any]) -> str:
    """Return score, confirmation and broken guards of an exported trial in one phrase."""
    phrase = "no score" if about["score"] is None else f"score {about['score']:.6g}"
    if "state" in about:  # it is not complete
        phrase += f", {about['state'].lower()}"
        phrase += f" after epoch {about['epochs']}" if about["epochs"] is not None else ""
    verdict, under = about["verdict"], (about["sharpening"] or {}).get("name")
    advised = (verdict["name"], verdict["trial"], verdict["sharpening"])
    if advised == (SHARPEN, about["trial"], under):
        phrase += f", the baseline under {under} as the verdict advises"
    elif about["confirmed"] is not None:
        phrase += f", {confirmed_standing(about['confirmed'])}"
        if about["confirmed"]["is_winner"] and verdict["name"] == NOT_CONFIRMED:
            phrase += (
                ", since nothing that was trained against blur held: the verdict is not confirmed"
                if about["preset"] == BASELINE
                else ", but the verdict is not confirmed: do not use it"
            )
    broken = [name for name, guard in about["guards"].items() if not guard["ok"]]
    return phrase + (f", against the guards {', '.join(broken)}" if broken else "")


def write(text: str, path: Path) -> None:
    """Write an export to a file atomically.

    Raises:
        ConfigError: If it cannot be written there.
        FieldsharpError: If the disk is full.
    """
    try:
        write_to_send_on(path, text.encode("utf-8"))
    except BrokenPipeError:
        return  # a pipe such as /dev/stdout whose reader has ended
    except OSError as error:
        if error.errno in DISK_FULL:
            raise FieldsharpError(
                f"cannot write {path} ({error.strerror}); make room, or choose another place with "
                "-o"
            ) from error
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); choose another place with -o"
        ) from error


def _as_json(tree: dict[str, Any]) -> str:
    import json

    where = not_finite(tree)
    if where is not None:
        raise StudyError(
            f"{where} is infinite or nan, which JSON has no number for; export it as YAML "
            "(-o best.yaml, or --format yaml)"
        )
    text = escape_quoted(json.dumps(tree, indent=2, ensure_ascii=False)) + "\n"
    difference = first_difference(tree, json.loads(text))
    if difference is not None:
        raise StudyError(
            f"JSON cannot hold this trial ({printable(difference)}); export it as YAML "
            "(-o best.yaml, or --format yaml)"
        )
    return text
