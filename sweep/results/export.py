"""Writing a trial's configuration out, complete enough to train it again anywhere."""

import errno
import pprint
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fields.errors import ConfigError, FieldsharpError, StudyError
from fields.visible import visible
from storage.database import database_errors
from sweep.configuration.safe_yaml import dump_yaml, escape_quoted
from sweep.configuration.trainer import TrainerSettings
from sweep.study.confirmation import read_confirmation
from sweep.study.records import PROVENANCE, best_trial, trial_record, trial_spec
from sweep.study.status import study_verdict, trial_status
from sweep.study.studies import study_config, study_facts

Format = Literal["yaml", "json", "py"]
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
PY_NAMES = {
    "loss.gradient_weight": "GRADIENT_LOSS_WEIGHT",
    "loss.variant": "LOSS_VARIANT",
    "loss.multi_step": "MULTI_STEP",
    "predictor.width": "HIDDEN_WIDTH",
}


def choose_trial(study: Study, number: int | None, url: str) -> FrozenTrial:
    """Return the trial to export: the one with this number, the confirmed winner, or the best.

    The confirmed winner stays preferred when newer trials score better: those saw a single seed.

    Raises:
        StudyError: If it does not exist or is not complete.
    """
    with database_errors(url):
        trials = study.get_trials(deepcopy=False)
        confirmation = read_confirmation(study)
    if number is None and confirmation is not None and confirmation.winner is not None:
        return trials[confirmation.winner]
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
    validation split, ``exported`` is where it comes from; its ``confirmed.newer_trials`` is how
    many trials finished after the study was confirmed.
    """
    config, facts = study_config(study), study_facts(study)
    trials = study.get_trials(deepcopy=False)
    verdict, confirmation = study_verdict(trials, config, facts), read_confirmation(study)
    confirmed = confirmation.for_trial(trial.number) if confirmation else None
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
            "feasible": record.feasible,
            "guards": {guard.name: guard.as_json() for guard in record.guards},
            "verdict": verdict.model_dump(),
            "confirmed": None
            if confirmation is None
            else {
                "winner": confirmation.winner,
                "is_winner": confirmation.winner == trial.number,
                "sentence": confirmation.sentence,
                "newer_trials": confirmation.newer_trials(trials),
                "on_test_split": confirmed.model_dump(mode="json", exclude={"outcomes"})
                if confirmed
                else None,
            },
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

        return escape_quoted(json.dumps(tree, indent=2, ensure_ascii=False)) + "\n"
    about = tree["exported"]
    # A study may be called anything: its name must end neither a comment nor a docstring.
    title = visible(f"trial {about['trial']} of study {about['study']}, {standing(about)}")
    if form == "yaml":
        body = dump_yaml(tree)
        how = (
            "run the script with the values under trainer.given"
            if tree.get("trainer")
            else "train it with: python run_sweep.py train THIS_FILE -o RUN_DIR"
        )
        return f"# {title}; {how}\n{body}"
    return _as_python(tree, title)


def standing(about: Mapping[str, Any]) -> str:
    """Return what an export's trial is worth, in a few words."""
    words = f"score {about['score']:.6g}"
    if about["confirmed"] is not None:
        words += f", {_confirmed_standing(about['confirmed'])}"
    broken = [name for name, guard in about["guards"].items() if not guard["ok"]]
    return words + (f", against the guards {', '.join(broken)}" if broken else "")


def _confirmed_standing(confirmed: Mapping[str, Any]) -> str:
    if confirmed["is_winner"]:
        words = "the confirmed winner on new seeds and the test split"
    elif confirmed["winner"] is not None:
        words = f"not trial {confirmed['winner']}, the confirmed winner"
    else:
        words = "the confirmation found no winner"
    newer = confirmed["newer_trials"]
    are = "trial is" if newer == 1 else "trials are"
    return words + (f", {newer} {are} newer than the confirmation" if newer else "")


def write(text: str, path: Path) -> None:
    """Write an export to a file.

    Raises:
        ConfigError: If it cannot be written there.
        FieldsharpError: If there is no room.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except BrokenPipeError:
        return  # a pipe such as /dev/stdout, whose reader has read enough
    except OSError as error:
        if error.errno in NO_ROOM:
            raise FieldsharpError(
                f"cannot write {path} ({error.strerror}); make room, or choose another place with "
                "-o"
            ) from error
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); choose another place with -o"
        ) from error


def _sections(tree: Mapping[str, Any]) -> tuple[str, ...]:
    return () if tree.get("trainer") else ("loss", "training", "predictor", "data")


def _as_python(tree: dict[str, Any], title: str) -> str:
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'"""{quoted[0].upper()}{quoted[1:]}."""', ""]
    for section in _sections(tree):
        lines.append(f"# {section}")
        for name, value in tree[section].items():
            constant = PY_NAMES.get(f"{section}.{name}")
            if constant is None:
                constant = name.upper() if section == "training" else f"{section}_{name}".upper()
            lines.append(f"{constant} = {pprint.pformat(value, width=90)}")
        lines.append("")
    if tree.get("trainer"):
        settings = TrainerSettings.model_validate(tree["trainer"])
        lines.append("# what the script is given")
        for name, value in settings.given.items():
            constant = re.sub(r"\W", "_", settings.called(name).rpartition(":")[2].lstrip("-"))
            lines.append(f"{constant.upper()} = {pprint.pformat(value, width=90)}")
        lines.append("")
    lines.append("# what it had on the validation split, and where it comes from")
    lines.append(f"METRICS = {pprint.pformat(tree['metrics'], width=90)}")
    lines.append(f"EXPORTED = {pprint.pformat(tree['exported'], width=90)}")
    rest = {k: tree[k] for k in ("study", "plugins", "objective", "search", "budget", "workers")}
    lines.append(f"SWEEP = {pprint.pformat(rest, width=90)}")
    return "\n".join(lines) + "\n"
