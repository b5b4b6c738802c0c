"""The parameters of a trial as trackers show them, and what identifies its training by them."""

import hashlib
import json

from fieldsharp.sweep.configuration.ranges import Scalar, setting_path, value_at
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.formatting import PROJECT
from fieldsharp.sweep.study.trial_spec import TrialSpec


def parameters(spec: TrialSpec, config: SweepConfig) -> dict[str, Scalar]:
    """Return the values that a trial trains with: what is searched, and what a script is given."""
    tree = spec.run.model_dump()
    found = {name: value_at(tree, setting_path(name)) for name in config.search.space}
    given = spec.run.trainer.given if spec.run.trainer is not None else {}
    of_script = {name: value for name, value in given.items() if PROJECT not in str(value)}
    searched = {setting_path(name).rpartition(".")[2] for name in found}
    return {
        **{name: value for name, value in found.items() if value is not None},
        **{
            name: ", ".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in of_script.items()
            if name not in searched
        },
    }


def parameters_key(spec: TrialSpec, config: SweepConfig) -> str:
    """Return what identifies the training of a trial in its study, also before its end is known."""
    trained = json.dumps([spec.preset, parameters(spec, config)], sort_keys=True)
    return hashlib.sha256(trained.encode()).hexdigest()[:16]
