"""Finished trials against the same training left undisturbed: every metric, bit for bit."""

import optuna
import torch

from fieldsharp.fields.windows import load_forecast_data
from fieldsharp.model.device import find_hardware
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.study.lookup import load_study
from fieldsharp.sweep.study.trial_records import trial_record, trial_spec
from fieldsharp.sweep.trials.trial import Trial


def differences(url: str, compared: int) -> list[str]:
    """Return how some finished trials differ from an undisturbed training of the same spec.

    Args:
        url: Of the database.
        compared: How many: those that were handed out most often.
    """
    study = load_study(open_database(url, "read"), "torture")
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    wrong = []
    for found in sorted(complete, key=lambda t: -t.user_attrs["spec"]["attempt"])[:compared]:
        spec, record = trial_spec(found), trial_record(found)
        assert spec is not None, "it was handed out"
        assert record is not None, "it is complete"
        torch.set_num_threads(spec.run.training.threads)
        data = load_forecast_data(spec.run.data)
        trial = Trial(spec.run, data, find_hardware(spec.run.training))
        metrics = list(trial.epochs())[-1].judgement.overall
        wrong += [
            f"trial {found.number}: {name} is {record.metrics[name]!r}, undisturbed {value!r}"
            for name, value in metrics.items()
            if repr(record.metrics.get(name)) != repr(value)  # a NaN is no other NaN's equal
        ]
    return wrong
