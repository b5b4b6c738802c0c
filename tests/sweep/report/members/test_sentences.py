"""Sentences on members, from figures worked by hand."""

from dataclasses import replace

import pytest

from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.sweep.report.members.sentences import (
    members_sentences,
    rank_sentence,
    reliability_sentence,
    spread_sentence,
)
from fieldsharp.sweep.report.members_comparison import MembersComparison
from tests.sweep.members_study import MembersStudy
from tests.sweep.pictures.ensembles import made_references, made_result, made_scores


@pytest.fixture
def found(members_study: MembersStudy) -> MembersComparison:
    """An ensemble whose CRPS is a fifth below the dressed baseline's."""
    own, baseline = members_study.ensemble, members_study.baseline
    metrics = {"gradient": 1.9, "gradient_observed": 2.0, "peak": 16.0, "peak_observed": 20.0}
    judgement = own.judgement.model_copy(update={"overall": metrics})
    of_baseline = baseline.judgement.model_copy(update={"overall": {"rmse": 3.0}})
    return MembersComparison(
        number=5,
        is_chosen=True,
        record=own.model_copy(
            update={"judgement": judgement, "members": {"none": made_result()}, "guards": []}
        ),
        baseline=baseline.model_copy(
            update={"judgement": of_baseline, "members": made_references()}
        ),
        targets=Targets(Band(1.9, 2.1), Band(19.0, 21.0, 10.0)),
    )


def test_three_sentences_say_which_how_good_and_how_honest(found: MembersComparison) -> None:
    assert members_sentences(found, "K") == [
        "Trial 5 was judged with 4 members of 60 windows of the validation split.",
        "Their fair CRPS is 2 K, 20.0 % below that of the dressed baseline (2.5 K); the "
        "climatology has 5 K.",
        "A member has 95 % of the observed gradient and 60 % of the peak's height above the mean. "
        "The mean of endless members has 1.20 times the baseline's RMSE, and the spread is 0.75 of "
        "the error of the mean, where 1 is honest.",
    ]


def test_an_ensemble_that_breaks_a_guard_is_said_not_to_win(
    found: MembersComparison, members_study: MembersStudy
) -> None:
    broken = [members_study.ensemble.guards[0].model_copy(update={"name": "copies", "ok": False})]
    shown = replace(
        found, is_chosen=False, record=found.record.model_copy(update={"guards": broken})
    )
    said = members_sentences(shown, "K")[0]
    assert said.endswith(
        "of the trials with members it is the best. It breaks copies, so it cannot win."
    )


def test_without_references_there_is_nothing_to_be_better_than(found: MembersComparison) -> None:
    alone = replace(found, baseline=found.baseline.model_copy(update={"members": {}}))
    assert members_sentences(alone, "K")[1] == (
        "Their fair CRPS is 2 K; there is no ensemble without training to compare it with."
    )


def test_captions_have_the_figures_of_the_record() -> None:
    scores = made_scores()
    assert rank_sentence(scores) == (
        "The truth is below all members in 30 % of the cells and above all in 40 %, where a flat "
        "histogram has 20 %: not flat by more than chance (chance 0.01)."
    )
    assert reliability_sentence(scores.events[0], "rain", "mm") == (
        "rain is above 70 mm in 9.7 % of the cells; in 5 % where no member is above and in 80 % "
        "where every member is."
    )
    assert spread_sentence(made_result().by_lead, ("1 h ahead", "2 h ahead")) == (
        "The spread is 0.38 of the error of the mean 1 h ahead and 0.75 of it 2 h ahead; above 1 "
        "the members are too unsure, below it too sure."
    )
