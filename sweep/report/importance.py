"""How much each searched setting tells the best trials from the rest."""

import math
import warnings
from collections import Counter

from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from fieldsharp.sweep.report.model import Common, Importance
from fieldsharp.sweep.study.sampling.study_view import RungStudy, as_complete_at_rung
from fieldsharp.sweep.study.trial_records import is_baseline, is_feasible, trial_score

LEAST_TRIALS = 10
LEAST_BEST = 5
BEST_SHARE = 0.1


def importance(study: Study, trials: list[FrozenTrial]) -> Importance:
    """Return the importance of each setting for reaching the best scores.

    By PED-ANOVA (arXiv:2304.10255): how far the values of the best tenth of the trials, at least
    five, are from those of all. A trial that breaks a guard counts as worse than every other, as
    it does in the search. One that was given up at a rung counts with what it came to there. The
    baseline is left out: what is recorded for it is not what it trained.
    """
    seen = [as_complete_at_rung(trial) for trial in trials]
    scored = [
        trial
        for trial in seen
        if trial.state is TrialState.COMPLETE
        and not is_baseline(trial)
        and math.isfinite(trial_score(trial))
    ]
    feasible = sum(is_feasible(trial) for trial in scored)
    if len(scored) < LEAST_TRIALS or feasible < LEAST_BEST:
        why = (
            f"it takes at least {LEAST_TRIALS} scored trials beside the baseline, of which "
            f"{LEAST_BEST} break no guard; there are {len(scored)}, of which {feasible} break none"
        )
        return Importance({}, len(scored), 0, why)
    best = max(LEAST_BEST, math.ceil(BEST_SHARE * len(scored)))
    worst = max(trial_score(trial) for trial in scored)
    known = {trial.number for trial in scored}

    def held(trial: FrozenTrial) -> float:
        if trial.number not in known:
            return math.inf  # is left out
        return trial_score(trial) if is_feasible(trial) else worst + 1.0

    names = {name for trial in scored for name in trial.params}
    values = {name: {t.params[name] for t in scored if name in t.params} for name in names}
    constants = sorted(name for name in names if len(values[name]) < 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that lower is better, which is meant
        found = PedAnovaImportanceEvaluator(target_quantile=best / len(scored)).evaluate(
            RungStudy(study), sorted(names - set(constants)), target=held
        )
    total = sum(found.values())
    if not total > 0:
        why = "the best trials do not differ from the others in any setting"
        return Importance({}, len(scored), best, why, constants)
    first = sorted(scored, key=held)[:best]
    common = {n: c for n in sorted(names) if (c := _common(n, first, scored)) is not None}
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shares = {name: value / total for name, value in ranked}
    return Importance(shares, len(scored), best, constants=constants, common=common)


def _common(name: str, best: list[FrozenTrial], scored: list[FrozenTrial]) -> Common | None:
    """Return the choice that most of the best trials made, None for a number."""
    if not isinstance(scored[0].distributions.get(name), CategoricalDistribution):
        return None
    chosen = Counter(trial.params[name] for trial in best if name in trial.params)
    if not chosen:
        return None
    value, in_best = chosen.most_common(1)[0]
    return Common(value, in_best, sum(trial.params.get(name) == value for trial in scored))
