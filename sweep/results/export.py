"""Writing a trial's configuration out, complete enough to train it again anywhere."""

import pprint
from pathlib import Path
from typing import Any, Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fields.errors import ConfigError, StudyError
from storage.database import database_errors
from sweep.configuration.config_file import dump_yaml
from sweep.study.records import PROVENANCE, best_trial, trial_record, trial_spec
from sweep.study.status import trial_status
from sweep.study.studies import study_config, study_facts

Format = Literal["yaml", "json", "py"]
PY_NAMES = {
    "loss.gradient_weight": "GRADIENT_LOSS_WEIGHT",
    "loss.variant": "LOSS_VARIANT",
    "loss.multi_step": "MULTI_STEP",
    "predictor.width": "HIDDEN_WIDTH",
}


def choose_trial(study: Study, number: int | None, url: str) -> FrozenTrial:
    """Return the trial to export: the one with this number, or the best.

    Raises:
        StudyError: If it does not exist or is not complete.
    """
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
    if number is None:
        best = best_trial(trials)
        if best is None:
            raise StudyError(
                f"study {study.study_name!r} has no complete trial yet; wait for one and look with "
                "the status command"
            )
        return best
    if not 0 <= number < len(trials):
        raise StudyError(
            f"study {study.study_name!r} has no trial {number}: it has {len(trials)} trials, "
            "numbered from 0"
        )
    chosen = trials[number]
    if chosen.state is not TrialState.COMPLETE:
        raise StudyError(f"trial {number} is {chosen.state.name}; choose a complete trial")
    return chosen


def export_tree(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """Return everything about a trial as plain values.

    The settings stand as in a configuration file; ``metrics`` are what the trial had on the
    validation split, ``exported`` is where it comes from.
    """
    config, facts = study_config(study), study_facts(study)
    status, spec, record = trial_status(trial), trial_spec(trial), trial_record(trial)
    assert spec is not None, "trial_status checked"
    assert record is not None, "trial_status checked"
    # The path as the study knows it now: the file may have moved since the trial ran.
    data = {**spec.run.data.model_dump(mode="json"), "path": config.data.path}
    return {
        **config.model_dump(mode="json"),
        **spec.run.model_dump(mode="json"),
        "data": data,
        "metrics": record.metrics,
        "exported": {
            "study": study.study_name,
            "trial": trial.number,
            "preset": spec.preset,
            "score": status.score,
            "score_parts": record.score_parts,
            "baseline_rmse": record.baseline_rmse,
            "targets": {"gradient": facts.gradient.low, "peak": facts.peak.low},
            "units": facts.units,
            "params": status.params,
            "seed": spec.run.training.seed,
            "device": record.device,
            "precision": record.precision,
            **trial.user_attrs.get(PROVENANCE, facts.provenance.model_dump(mode="json")),
        },
    }


def render(tree: dict[str, Any], form: Format) -> str:
    """Return the text of an export."""
    if form == "json":
        import json

        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
    about = tree["exported"]
    title = f"trial {about['trial']} of study {about['study']}, score {about['score']:.6g}"
    if form == "yaml":
        body = dump_yaml(tree)
        return f"# {title}; train it with: python run_sweep.py train THIS_FILE -o RUN_DIR\n{body}"
    return _as_python(tree, title)


def write(text: str, path: Path) -> None:
    """Write an export to a file.

    Raises:
        ConfigError: If it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); choose another place with -o"
        ) from error


def _as_python(tree: dict[str, Any], title: str) -> str:
    lines = [f'"""{title[0].upper()}{title[1:]}."""', ""]
    for section in ("loss", "training", "predictor", "data"):
        lines.append(f"# {section}")
        for name, value in tree[section].items():
            constant = PY_NAMES.get(f"{section}.{name}")
            if constant is None:
                constant = name.upper() if section == "training" else f"{section}_{name}".upper()
            lines.append(f"{constant} = {pprint.pformat(value, width=90)}")
        lines.append("")
    lines.append("# what it had on the validation split, and where it comes from")
    lines.append(f"METRICS = {pprint.pformat(tree['metrics'], width=90)}")
    lines.append(f"EXPORTED = {pprint.pformat(tree['exported'], width=90)}")
    rest = {k: tree[k] for k in ("study", "objective", "search", "budget", "workers")}
    lines.append(f"SWEEP = {pprint.pformat(rest, width=90)}")
    return "\n".join(lines) + "\n"
