"""The search space of a study, narrowed to its best trials."""

import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange, setting_path
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.trial_records import by_score, is_baseline, is_feasible

SHARE_KEPT = 0.25
LEAST_KEPT = 3
MARGIN = 0.25
"""The range of the best trials is widened at both ends by this share of the whole range."""


def narrowed_search(name: str, config: SweepConfig, trials: Sequence[FrozenTrial]) -> SweepConfig:
    """Return the configuration of the narrowed search of a study, called ``name`` in errors.

    Choices are those of the best quarter of the trials that break no guard, at least three; numbers
    range over theirs, with a margin. A choice the best agree on is fixed.

    Raises:
        StudyError: If all trials but the baseline break a guard, or nothing is left to search.
    """
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
            f"study {name!r} has no complete trial beside the baseline that breaks no "
            "guard, so there is nothing to narrow its search to; run more trials"
        )
    best = good[: max(LEAST_KEPT, math.ceil(SHARE_KEPT * len(good)))]
    space = {
        setting: _narrowed(searched, [trial.params[setting] for trial in best])
        for setting, searched in config.search.space.items()
    }
    choices = {n: s.choices for n, s in space.items() if isinstance(s, Choices)}
    fixed = {setting: values[0] for setting, values in choices.items() if len(values) == 1}
    if len(fixed) == len(space):
        raise StudyError(
            f"the best trials of study {name!r} agree in all that was searched, so "
            "there is nothing left to narrow; search more settings"
        )
    space = {setting: searched for setting, searched in space.items() if setting not in fixed}
    if fixed.get("training.start") == "fresh":  # then it has no effect
        space.pop("training.fine_tuning", None)
    run = config.run_with({setting_path(setting): value for setting, value in fixed.items()})
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
            f"the best trials of study {name!r} leave no search to narrow ({reason}); "
            "write the next configuration by hand"
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
