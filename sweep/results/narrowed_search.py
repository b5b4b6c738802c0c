"""A follow-up configuration whose search space is narrowed to the best trials of a study."""

import math
from collections.abc import Sequence
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.core.partial_file import USUAL_MODE
from fieldsharp.storage.durable_files.atomic import write_durably, write_to_send_on
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, setting_path
from fieldsharp.sweep.configuration.safe_yaml import dump_yaml
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.lookup import study_config
from fieldsharp.sweep.study.trial_records import PRESET, by_score, is_baseline, is_feasible

FILE = "next.yaml"
MARK = "# Follow-up of study"
SHARE_KEPT = 0.25
LEAST_KEPT = 3
MARGIN = 0.25
"""The range of the best trials is widened at both ends by this share of the whole range."""


def narrowed_search(study: Study, trials: Sequence[FrozenTrial]) -> SweepConfig:
    """Return the configuration of the narrowed search.

    Choices are those of the best quarter of the trials that break no guard, at least three; numbers
    range over theirs, with a margin. A choice the best agree on is fixed.

    Raises:
        StudyError: If all trials but the baseline break a guard, or nothing is left to search.
    """
    config = study_config(study)
    good = by_score(
        [
            t
            for t in trials
            if t.state is TrialState.COMPLETE
            and is_feasible(t)
            and not is_baseline(t)
            and config.search.space.keys() <= t.params.keys()  # not if another program added it
        ]
    )
    if not good:
        raise StudyError(
            f"study {study.study_name!r} has no complete trial beside the baseline that breaks no "
            "guard, so there is nothing to narrow its search to; run more trials"
        )
    best = good[: max(LEAST_KEPT, math.ceil(SHARE_KEPT * len(good)))]
    space = {
        name: _narrowed(searched, [trial.params[name] for trial in best])
        for name, searched in config.search.space.items()
    }
    choices = {n: s.choices for n, s in space.items() if isinstance(s, Choices)}
    fixed = {name: values[0] for name, values in choices.items() if len(values) == 1}
    if len(fixed) == len(space):
        raise StudyError(
            f"the best trials of study {study.study_name!r} agree in all that was searched, so "
            "there is nothing left to narrow; search more settings"
        )
    space = {name: searched for name, searched in space.items() if name not in fixed}
    run = config.run_with({setting_path(name): value for name, value in fixed.items()})
    search = config.search.model_copy(update={"space": space, "presets": "baseline"})
    try:
        return SweepConfig.model_validate(
            {
                **config.model_dump(),
                **run.model_dump(),
                "search": search.model_dump(),
                "study": f"{config.study}-next",
            }
        )
    except ValidationError as error:  # such as a searched weight of a term that is fixed to none
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise StudyError(
            f"the best trials of study {study.study_name!r} leave no search to narrow ({reason}); "
            "write the next configuration by hand"
        ) from error


def render_narrowed_search(study: Study, trials: Sequence[FrozenTrial]) -> str:
    """Return the text of the file.

    Raises:
        StudyError: If there is nothing to narrow, see ``narrowed_search``.
        ConfigError: If a value cannot be written as YAML.
    """
    tree = narrowed_search(study, trials).model_dump(mode="json")
    used = sum(trial.user_attrs.get(PRESET) is None for trial in trials)
    comment = (
        f"{MARK} {study.study_name}, narrowed to the best of its trials ({used} were the "
        "sampler's); start it with: python run_sweep.py start THIS_FILE"
    )
    return dump_yaml(tree, comment.removeprefix("# "))


def write_narrowed_search(text: str, path: Path, *, named: bool = True) -> None:
    """Write the file; only an earlier follow-up is replaced.

    A link is followed only if the user named the path.

    Raises:
        ConfigError: If there is another file of that name, or it cannot be written.
    """
    try:
        if not named and path.is_symlink():
            raise ConfigError(
                f"{path} is a link, and only a file given with -o is written through a link; "
                "remove it, or write the follow-up with export STUDY --next -o FILE"
            )
        if path.is_file() and not path.read_text(encoding="utf-8").startswith(MARK):
            raise ConfigError(
                f"{path} exists and is no follow-up of a sweep; move it, or write the follow-up "
                "elsewhere with export STUDY --next -o FILE"
            )
        content = text.encode("utf-8")
        if named:
            write_to_send_on(path, content)
        else:
            write_durably(path, content, USUAL_MODE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot write {path} ({error}); choose another place with export STUDY --next -o FILE"
        ) from error


def _narrowed(
    searched: NumberRange | Choices, values: Sequence[int | float | bool | str]
) -> NumberRange | Choices:
    if isinstance(searched, Choices):
        return Choices(choices=tuple(c for c in searched.choices if c in values))
    numbers = [float(value) for value in values]
    if isinstance(searched.low, int) and isinstance(searched.high, int):
        margin = MARGIN * (searched.high - searched.low)
        low = max(searched.low, math.floor(min(numbers) - margin))
        high = min(searched.high, math.ceil(max(numbers) + margin))
        return NumberRange(low=low, high=max(high, low + 1), log=searched.log)
    to, back = (math.log, math.exp) if searched.log else (float, float)
    first, last = to(searched.low), to(searched.high)
    margin = MARGIN * (last - first) / 2
    # Rounding must not widen the old range, and not empty the new one.
    least = max(_rounded(back(max(first, to(min(numbers)) - margin))), float(searched.low))
    most = min(_rounded(back(min(last, to(max(numbers)) + margin))), float(searched.high))
    return NumberRange(low=least, high=most, log=searched.log) if least < most else searched


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
