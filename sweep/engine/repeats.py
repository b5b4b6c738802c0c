"""Trains the leaders of a search with further seeds, until these tell them apart."""

import logging

from optuna.study import Study

from fieldsharp.core.errors import FieldsharpError, StudyError
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.engine.seed_trainings import SeedTrainings
from fieldsharp.sweep.study.confirmation.candidates import (
    candidates,
    new_seeds,
    used_seeds,
    with_seed,
)
from fieldsharp.sweep.study.confirmation.comparison import ConfirmedForecasts
from fieldsharp.sweep.study.confirmation.seed_scoring import SeedScoring
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.formatting import describe
from fieldsharp.sweep.study.repeats import (
    FIRST_SEED,
    LEADERS,
    MOST_SEEDS,
    Repeats,
    in_words,
    leaders_compared,
    write_repeats,
)

logger = logging.getLogger(__name__)


def repeat_leaders(
    study: Study, url: str, config: SweepConfig, facts: DataSummary, trainings: SeedTrainings
) -> Repeats | None:
    """Train the baseline and the best trials with one further seed after the other.

    Trials that are told to be behind leave the comparison. Every training is stored as it ends and
    not repeated by a later call. They are passes of their trials, no trials of the budget: a trial
    keeps its number and its score.

    Args:
        study: Whose budget is used.
        url: Address of its database.
        config: Of the study.
        facts: Of the study.
        trainings: Runs them.

    Returns:
        What the seeds tell, which is stored; None where there are no two trials to be told apart.

    Raises:
        StoppedOnRequest: If it was asked to stop.
    """
    trials = study.get_trials(deepcopy=False)
    try:
        baseline, *leaders = candidates(study.study_name, trials, LEADERS)
    except StudyError:  # no trial beside the baseline is feasible
        return None
    if len(leaders) < 2:
        return None
    seeds = new_seeds(MOST_SEEDS, used_seeds(trials), FIRST_SEED)
    scoring = SeedScoring(config.objective, facts.targets, facts.variation)
    apart: list[int] = []
    found, specs = None, []
    for count, seed in enumerate(seeds, start=1):
        compared = [baseline, *(one for one in leaders if one.number not in apart)]
        new = [with_seed(one, seed, config, facts, "validation") for one in compared]
        specs += new
        runs = trainings.run(new, "repeat")
        try:
            forecasts = ConfirmedForecasts.of(
                {one.number: describe(one) for one in compared},
                seeds[:count],
                runs,
                scoring,
                config.search.seed,
            )
        except FieldsharpError as error:  # the baseline fails
            logger.warning("%s: the leaders cannot be compared: %s", study.study_name, error)
            break
        found = leaders_compared(forecasts, apart)
        apart += [lead.trial for lead in found.leads if lead.is_apart]
        is_clear = found.best is not None and not found.level and not found.broken
        if is_clear or found.is_hopeless:
            break
    trainings.remove_checkpoints(specs)
    if found is not None:
        found = found.model_copy(update={"sentence": in_words(found)})
        write_repeats(study, url, found)
        logger.info("%s: %s", study.study_name, found.sentence)
    return found
