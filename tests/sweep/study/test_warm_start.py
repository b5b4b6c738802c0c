"""A sweep that begins with the best of an earlier one, on the really trained tiny study."""

import copy
import logging
from typing import Any

import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial

from fieldsharp.core.errors import StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.presets import BASELINE, presets
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import load_study, open_or_create_study
from fieldsharp.sweep.study.repository import StudyRepository
from fieldsharp.sweep.study.trial_records import (
    PRESET,
    SCORE,
    SPEC,
    TRAINED,
    VALUE,
    by_score,
    is_feasible,
    trial_score,
    trial_spec,
)
from fieldsharp.sweep.study.warm_start import MOST, WarmStart, choose
from fieldsharp.sweep.study.warm_start_source import choose_warm_start


def _earlier(url: str) -> tuple[Study, list[FrozenTrial]]:
    study = load_study(open_database(url, "read"), "tiny")
    return study, study.get_trials(deepcopy=False)


def _config(tiny_config: SweepConfig, **search: Any) -> SweepConfig:
    tree = tiny_config.model_dump()
    tree["study"] = "next"
    tree["search"] |= {"presets": "baseline", **search}
    return SweepConfig.model_validate(tree)


def _better(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """What beat the baseline, the best first."""
    limit = trial_score(trials[0])
    return by_score([t for t in trials[1:] if is_feasible(t) and trial_score(t) < limit])


def test_it_takes_the_best_that_beat_the_baseline_in_the_order_of_their_scores(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    start = choose(study, trials, _config(tiny_config)).start
    best = _better(trials)
    assert best, "or there is nothing to test"
    assert start.study == "tiny"
    assert len(start.trials) <= MOST
    assert start.trials[0].name == f"from tiny: trial {best[0].number}"
    spec = trial_spec(best[0])
    assert spec is not None
    values = start.trials[0].values
    assert values["loss.variant"] == spec.run.loss.variant
    assert values["training.learning_rate"] == spec.run.training.learning_rate
    assert len({str(trial.values) for trial in start.trials}) == len(start.trials), "distinct"


def test_a_raw_weight_of_the_plan_becomes_the_normalised_one_that_does_the_same(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    of_the_plan = {
        f"from tiny: trial {t.number}": t
        for t in trials
        if (spec := trial_spec(t)) is not None and spec.run.loss.normalise == "none"
    }
    start = choose(study, trials, _config(tiny_config)).start
    taken = [trial for trial in start.trials if trial.name in of_the_plan]
    assert taken, "the best of the tiny study are rounds of the plan"
    for trial in taken:
        recorded = of_the_plan[trial.name].params["gradient_weight"]
        assert trial.values["loss.gradient_weight"] == recorded


def test_they_come_right_after_the_baseline_and_are_trained_as_they_were(
    finished_url: str, storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary
) -> None:
    config = _config(tiny_config, presets="plan")
    start = choose(*_earlier(finished_url), config).start
    study = open_or_create_study(open_database(storage_url, "write"), config, tiny_facts, start)
    repository = StudyRepository(study, config, storage_url, tiny_facts)
    repository.prepare()
    names = [trial.user_attrs[PRESET] for trial in study.get_trials()]
    assert names[: 1 + len(start.trials)] == [BASELINE, *(trial.name for trial in start.trials)]
    assert names[-1].startswith("plan")
    repository.ask()
    spec = repository.ask()
    values = start.trials[0].values
    assert spec.preset == start.trials[0].name
    assert spec.run.loss.gradient_weight == values["loss.gradient_weight"]
    attributes = study.get_trials()[1].user_attrs
    assert f"loss.variant {values['loss.variant']}" in attributes[TRAINED]
    assert not [t for t in study.get_trials() if t.values], "no score is taken over"


def test_what_a_study_began_with_stands(
    finished_url: str,
    storage_url: str,
    tiny_config: SweepConfig,
    tiny_facts: DataSummary,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = _config(tiny_config)
    start = choose(*_earlier(finished_url), config).start
    names = [BASELINE, *(trial.name for trial in start.trials)]
    other = WarmStart(study="other", trials=[])
    with caplog.at_level(logging.INFO):
        for warm_start_of in (start, None, other):
            storage = open_database(storage_url, "write")
            study = open_or_create_study(storage, config, tiny_facts, warm_start_of)
            StudyRepository(study, config, storage_url, tiny_facts).prepare()
            assert [trial.user_attrs[PRESET] for trial in study.get_trials()] == names
    assert caplog.text.count("it began with from tiny: trial") == 1


def test_numbers_outside_the_new_ranges_are_clipped_and_that_is_said(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    space = {
        **tiny_config.model_dump()["search"]["space"],
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    }
    study, trials = _earlier(finished_url)
    (fast,) = [t for t in trials[1:] if t.params["learning_rate"] == 3e-3 and is_feasible(t)][:1]
    chosen = choose(study, [trials[0], fast], _config(tiny_config, space=space))
    assert chosen.start.trials[0].values["training.learning_rate"] == 1e-3
    assert "learning_rate 0.003 lies outside its range, 0.001 is trained" in chosen.sentences[0]


def test_what_is_no_choice_any_more_is_left_out_and_an_empty_rest_is_an_error(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    space = dict(tiny_config.model_dump()["search"]["space"])
    space["loss_variant"] = {"choices": ["gdl2", "amse_mix"]}
    with pytest.raises(
        StudyError,
        match=r"no configuration of study 'tiny' fits the search of 'next': trial \d+ of tiny is "
        r"left out: its loss_variant is \w+, and the choices are gdl2, amse_mix; search what",
    ):
        choose(study, trials, _config(tiny_config, space=space))


def test_a_weight_tuned_for_another_term_does_not_fit(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    tree = _config(tiny_config).model_dump()
    tree["loss"]["variant"] = "ssim"
    del tree["search"]["space"]["loss_variant"]
    with pytest.raises(StudyError, match=r"its loss\.variant is \w+ and here it is ssim"):
        choose(*_earlier(finished_url), SweepConfig.model_validate(tree))


def test_what_the_presets_train_anyway_is_not_queued_twice(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    config = _config(tiny_config, presets="sharpeners")
    best = copy.deepcopy(_better(trials)[0])
    spec = trial_spec(best)
    assert spec is not None
    sharpener = next(preset for preset in presets(config) if preset.name == "sharpener: sorted 1")
    spec = spec.model_copy(update={"run": sharpener.run(config)})
    best.user_attrs[SPEC] = spec.model_dump(mode="json")
    chosen = choose(study, [trials[0], best], config)
    assert chosen.start.trials == []
    said = f"trial {best.number} of tiny is the preset 'sharpener: sorted 1'"
    assert list(chosen.sentences) == [said]


def test_where_nothing_beat_the_baseline_the_best_is_tried_alone(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    limit = trial_score(trials[0])
    worse = [copy.deepcopy(trial) for trial in trials[1:] if is_feasible(trial)]
    assert len(worse) > 1, "or there is nothing to test"
    for trial in worse:
        trial.user_attrs[SCORE] = trial.user_attrs[VALUE] = limit + 0.01 * trial.number
    start = choose(study, [trials[0], *worse], _config(tiny_config)).start
    best = min(worse, key=trial_score)
    assert [trial.name for trial in start.trials] == [f"from tiny: trial {best.number}"]


def test_a_study_without_a_complete_baseline_is_refused(
    finished_url: str, tiny_config: SweepConfig
) -> None:
    study, trials = _earlier(finished_url)
    with pytest.raises(StudyError, match="has no complete baseline, so nothing in it was judged"):
        choose(study, trials[1:], _config(tiny_config))
    with pytest.raises(
        StudyError, match="has no complete trial beside the baseline that breaks no"
    ):
        choose(study, trials[:1], _config(tiny_config))


def test_a_name_that_is_none_is_met_with_the_nearest(
    finished_url: str, storage_url: str, tiny_config: SweepConfig
) -> None:
    config = _config(tiny_config)
    with pytest.raises(StudyError, match="there is no study 'tinny': did you mean 'tiny'"):
        choose_warm_start("tinny", finished_url, config, storage_url)
    with pytest.raises(StudyError, match="--from names 'next', the study that is to be started"):
        choose_warm_start("next", storage_url, config, storage_url)


def test_it_is_said_that_weights_carry_over(
    finished_url: str, storage_url: str, tiny_config: SweepConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        choose_warm_start("tiny", finished_url, _config(tiny_config), storage_url)
    assert "next: right after the baseline: from tiny: trial" in caplog.text
    assert "their weights are in units of the base loss and carry over" in caplog.text
