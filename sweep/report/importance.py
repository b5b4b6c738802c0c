"""Importance of each searched setting by PED-ANOVA."""

import math
import warnings
from collections import Counter

from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.sweep.report.model import CommonChoice, Importance
from fieldsharp.sweep.study.sampling.study_view import (
    RungStudy,
    as_complete_at_rung,
)
from fieldsharp.sweep.study.trial_records import is_baseline, is_feasible, trial_score

MIN_TRIALS = 10
MIN_BEST = 5
BEST_SHARE = 0.1


def importance(study: Study, trials: list[FrozenTrial]) -> Importance:
    """Return the importance of each setting for reaching the best scores.

    By PED-ANOVA (arXiv:2304.10255): the distance between the values of the best tenth of the
    trials, at least five, and those of all. A trial that breaks a guard ranks below every other, as
    it does in the search. One that was stopped at a rung counts with its score there. The baseline
    is left out: its stored parameters are not those it was trained with.
    """
    views = [as_complete_at_rung(trial) for trial in trials]
    scored = [
        trial
        for trial in views
        if trial.state is TrialState.COMPLETE
        and not is_baseline(trial)
        and math.isfinite(trial_score(trial))
    ]
    feasible = sum(is_feasible(trial) for trial in scored)
    if len(scored) < MIN_TRIALS or feasible < MIN_BEST:
        why = (
            f"it takes at least {MIN_TRIALS} scored trials besides the baseline, of which "
            f"{MIN_BEST} break no guard; there are {len(scored)}, of which {feasible} break none"
        )
        return Importance({}, len(scored), 0, why)
    best = max(MIN_BEST, math.ceil(BEST_SHARE * len(scored)))
    worst = max(trial_score(trial) for trial in scored)
    known = {trial.number for trial in scored}

    def ranking_score(trial: FrozenTrial) -> float:
        if trial.number not in known:
            return math.inf  # left out
        return trial_score(trial) if is_feasible(trial) else worst + 1.0

    names = {name for trial in scored for name in trial.params}
    values = {name: {t.params[name] for t in scored if name in t.params} for name in names}
    constants = sorted(name for name in names if len(values[name]) < 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna warns that lower is better, as intended
        importances = PedAnovaImportanceEvaluator(target_quantile=best / len(scored)).evaluate(
            RungStudy(study), sorted(names - set(constants)), target=ranking_score
        )
    total = sum(importances.values())
    if not total > 0:
        why = "the best trials do not differ from the others in any setting"
        return Importance({}, len(scored), best, why, constants)
    first = sorted(scored, key=ranking_score)[:best]
    common = {n: c for n in sorted(names) if (c := _common(n, first, scored)) is not None}
    ranked = sorted(importances.items(), key=lambda item: (-item[1], item[0]))
    shares = {name: value / total for name, value in ranked}
    return Importance(shares, len(scored), best, constants=constants, common=common)


def _common(name: str, best: list[FrozenTrial], scored: list[FrozenTrial]) -> CommonChoice | None:
    """Return the choice that most of the best trials made, None for a numeric setting."""
    if not isinstance(scored[0].distributions.get(name), CategoricalDistribution):
        return None
    chosen = Counter(trial.params[name] for trial in best if name in trial.params)
    if not chosen:
        return None
    value, in_best = chosen.most_common(1)[0]
    return CommonChoice(value, in_best, sum(trial.params.get(name) == value for trial in scored))
