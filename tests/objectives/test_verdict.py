"""What a sweep comes to, from trials made by hand; figures from the plan."""

from __future__ import annotations

import dataclasses
from itertools import permutations
from typing import Any

import pytest

from fieldsharp.model.registry import LOSS_VARIANTS
from fieldsharp.objectives.frontier.frontier import Frontier
from fieldsharp.objectives.leads.lead import Lead, MembersLead
from fieldsharp.objectives.metric_values import MetricValues
from fieldsharp.objectives.score import score_forecast
from fieldsharp.objectives.targets import Band, Targets
from fieldsharp.objectives.verdicts import verdict as rules
from fieldsharp.objectives.verdicts.confirmed import ConfirmedForecast, ConfirmedResult
from fieldsharp.objectives.verdicts.contender import Contender, ReferenceForecast
from fieldsharp.objectives.verdicts.contenders import Contenders
from fieldsharp.objectives.verdicts.reach import LeadOutOfReach, leads_out_of_reach
from fieldsharp.objectives.verdicts.reasons import CURES
from fieldsharp.objectives.verdicts.training_signs import SimpleForecast, TrainingSigns
from fieldsharp.objectives.verdicts.verdict import (
    FEW_TRIALS,
    GAMED,
    NOT_CONFIRMED,
    NOTHING_TO_FIX,
    PROMISING,
    RULES,
    SHARPEN,
    STUCK,
    SUCCESS,
    TOO_EARLY,
    TRAIN_LONGER,
    Verdict,
)
from tests.objectives.test_frontier import curve as frontier_curve

TARGETS = Targets(gradient=Band(3.0, 3.3), peak=Band(140.0, 154.0))
BLURRED = (2.133, 112.34)
NOISE = ("forward_sobel", "neighbouring cells jump as in noise or a checkerboard")
STILL = ("change", "it stays too near to the last known frame, which is sharp but old")
RMSE = ("rmse", "its error is too much larger than the baseline's")


def reach_verdict(
    trials: list[Contender] | tuple[Contender, ...],
    targets: Targets,
    units: str = "",
    to_come: int = 0,
    **more: Any,
) -> Verdict:
    return rules.reach_verdict(Contenders(trials, targets, units, to_come, **more))


def trial(
    number: int,
    gradient: float,
    peak: float,
    *broken: tuple[str, str],
    rmse: float = 1.0,
    sharpens: bool = True,
) -> Contender:
    """Return a trial with the score its figures come to; the RMSE as a multiple of baseline's."""
    metrics = {"gradient": gradient, "peak": peak, "rmse": rmse}
    score = score_forecast(metrics, TARGETS, baseline_rmse=1.0, rmse_weight=0.25).total
    return Contender(number, score, gradient, peak, broken, sharpens, is_baseline=False)


def baseline(gradient: float, peak: float, *broken: tuple[str, str]) -> Contender:
    score = score_forecast(
        {"gradient": gradient, "peak": peak, "rmse": 1.0}, TARGETS, 1.0, 0.25
    ).total
    return Contender(0, score, gradient, peak, broken, sharpens=False, is_baseline=True)


BASELINE = baseline(*BLURRED)
USELESS = ("climatology", "its error is larger than that of each cell's mean")
BLUNT = trial(1, 2.2, 115.0, sharpens=False)


# --- The plan's table -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient", "peak", "name"),
    [
        (3.05, 141.0, SUCCESS),
        (3.0, 140.0, SUCCESS),
        (3.05, 139.0, PROMISING),
        (2.9, 141.0, PROMISING),
        (2.55, 125.0, PROMISING),
        (2.5, 120.0, PROMISING),
        (2.45, 120.0, STUCK),
        (2.2, 115.0, STUCK),
        (2.1, 112.0, STUCK),
    ],
)
def test_gradient_and_peak_decide_as_in_the_plan(gradient: float, peak: float, name: str) -> None:
    assert reach_verdict([BASELINE, trial(1, gradient, peak)], TARGETS).name == name


def test_success_gives_the_figures_and_the_way_on() -> None:
    verdict = reach_verdict([BASELINE, trial(7, 3.05, 141.0)], TARGETS, "ug m-3")

    assert verdict.reason == (
        "trial 7 reaches both targets and breaks no guard: gradient 3.05 (target 3), peak 141 "
        "ug m-3 (target 140)"
    )
    assert "confirm" in verdict.next
    assert "multi-scale" in verdict.next


def test_promising_says_how_far_the_trial_has_come() -> None:
    verdict = reach_verdict([BASELINE, trial(3, 2.55, 125.0)], TARGETS)

    # ln(2.55 / 2.133) / ln(3 / 2.133) = 0.1786 / 0.3411
    assert verdict.reason.startswith("trial 3 comes 52% of the way from the baseline")
    assert "weight and learning rate" in verdict.next


def test_stuck_without_a_sharpening_loss_asks_for_one_first() -> None:
    verdict = reach_verdict([BASELINE, trial(1, 2.2, 115.0, sharpens=False)], TARGETS)

    assert verdict.name == STUCK
    assert verdict.reason.endswith("no loss that was tried can cure blur from uncertainty")
    assert verdict.next.startswith("change the loss class")


def test_stuck_with_a_sharpening_loss_asks_for_another_architecture() -> None:
    trials = [BASELINE, trial(1, 2.2, 115.0, sharpens=False), trial(2, 2.15, 113.0)]
    few = reach_verdict(trials, TARGETS)
    verdict = reach_verdict(trials + [trial(n, 2.15, 113.0) for n in range(3, 7)], TARGETS)

    assert few.name == STUCK
    assert few.next.startswith("give it more with --trials: only 1 so far had a loss that can")
    assert verdict.name == STUCK
    assert "trial 1" in verdict.reason
    assert "can cure" not in verdict.reason
    assert verdict.next.startswith("change the architecture")


def test_nothing_is_ruled_out_while_trials_are_to_come() -> None:
    for others in ([trial(1, 2.2, 115.0)], [trial(1, 3.1, 145.0, NOISE)]):
        running = reach_verdict([BASELINE, *others], TARGETS, to_come=3)
        assert running.name == TOO_EARLY
        assert "3 are to come" in running.reason
    good = [trial(1, 3.05, 141.0)]
    assert reach_verdict([BASELINE, *good], TARGETS, to_come=3).name == SUCCESS


def test_a_baseline_above_the_band_is_not_blurred() -> None:
    above = baseline(3.6, 160.0)
    assert reach_verdict([above, trial(1, 3.7, 160.0)], TARGETS).name == NOTHING_TO_FIX
    assert "above the ceiling" in reach_verdict([above], TARGETS).reason

    rough = reach_verdict([baseline(3.6, 160.0, NOISE), trial(1, 3.7, 160.0)], TARGETS)
    assert rough.name == STUCK
    assert "rougher than the field already" in rough.reason
    assert "guard forward_sobel" in rough.reason
    assert "more epochs" in rough.next


def test_a_baseline_that_is_not_trained_is_said_to_be() -> None:
    useless = ("climatology", "its error is larger than that of each cell's mean")
    verdict = reach_verdict([baseline(2.1, 100.0, useless), trial(1, 3.05, 141.0)], TARGETS)
    assert verdict.name == SUCCESS, "a trial that breaks no guard is as good as ever"
    verdict = reach_verdict([baseline(2.1, 100.0, useless), trial(1, 2.2, 101.0)], TARGETS)
    assert (verdict.name, "is not trained well enough" in verdict.reason) == (TRAIN_LONGER, True)
    assert "training.length to auto" in verdict.next


def test_sharpness_without_skill_is_said_to_be_the_last_frame() -> None:
    still = dataclasses.replace(baseline(3.1, 145.0), skill=0.0)
    verdict = reach_verdict([still], TARGETS)
    assert verdict.name == NOTHING_TO_FIX
    assert "a net that only repeats that frame is always sharp" in verdict.reason
    assert "training.epochs" in verdict.next


def test_a_gradient_far_beyond_the_ceiling_is_no_progress() -> None:
    assert reach_verdict([BASELINE, trial(1, 6.0, 141.0)], TARGETS).name == STUCK


def test_on_the_way_but_at_a_worse_score_than_the_baseline_is_not_promising() -> None:
    worse = trial(1, 2.55, 60.0)

    assert worse.score > BASELINE.score
    assert reach_verdict([BASELINE, worse], TARGETS).name == STUCK


# --- Too early, or nothing to do ------------------------------------------------------------------


@pytest.mark.parametrize("trials", [[], [trial(1, 3.05, 141.0)]], ids=["none", "no baseline"])
def test_without_the_baseline_it_is_too_early(trials: list[Contender]) -> None:
    verdict = reach_verdict(trials, TARGETS)

    assert verdict.name == TOO_EARLY
    assert "baseline" in verdict.reason


def test_with_the_baseline_alone_it_is_too_early_too() -> None:
    verdict = reach_verdict([BASELINE], TARGETS)

    assert verdict.name == TOO_EARLY
    assert "2.133" in verdict.reason
    assert "112.3" in verdict.reason


def test_a_sharp_baseline_leaves_nothing_to_fix() -> None:
    sharp = baseline(3.1, 145.0)

    assert reach_verdict([sharp], TARGETS).name == NOTHING_TO_FIX
    assert reach_verdict([sharp, trial(1, 3.05, 141.0)], TARGETS).name == NOTHING_TO_FIX


def test_a_baseline_inside_the_band_that_is_too_rough_is_not_called_sharp() -> None:
    rough = baseline(3.1, 145.0, NOISE)

    assert "no trial but the baseline" in reach_verdict([rough], TARGETS).reason
    assert reach_verdict([rough, trial(1, 2.2, 115.0)], TARGETS).name == STUCK
    assert reach_verdict([rough, trial(1, 3.05, 141.0)], TARGETS).name == SUCCESS


def test_a_baseline_inside_the_band_may_break_a_guard_of_error() -> None:
    """What little moves may be beyond foretelling: that is not mended by sharpening."""
    still = baseline(3.1, 145.0, STILL)

    alone = reach_verdict([still], TARGETS)
    assert alone.name == NOTHING_TO_FIX
    assert "it breaks the guard change" in alone.reason


def test_a_cheat_that_overshoots_is_a_cheat() -> None:
    noisy = trial(1, 8.0, 300.0, NOISE)

    assert reach_verdict([baseline(2.133, 112.34), noisy], TARGETS).name == GAMED


# --- The peak alone -------------------------------------------------------------------------------


@pytest.mark.parametrize(("peak", "name"), [(141.0, SUCCESS), (130.0, PROMISING), (115.0, STUCK)])
def test_where_the_gradient_is_reached_already_the_peak_decides(peak: float, name: str) -> None:
    steep = baseline(3.05, 112.34)

    assert reach_verdict([steep, trial(1, 3.05, peak)], TARGETS).name == name


# --- Guards ---------------------------------------------------------------------------------------


def test_a_trial_that_breaks_a_guard_never_wins() -> None:
    cheat = trial(1, 3.05, 141.0, NOISE)

    verdict = reach_verdict([BASELINE, cheat, trial(2, 2.2, 115.0)], TARGETS)

    assert verdict.name == GAMED
    assert "trial 1 is sharp enough" in verdict.reason
    assert "(guard forward_sobel)" in verdict.reason
    assert "do not use it" in verdict.next


def test_a_cheat_does_not_spoil_an_honest_success() -> None:
    cheat, honest = trial(1, 3.1, 145.0, NOISE), trial(2, 3.05, 141.0, rmse=1.2)

    assert cheat.score < honest.score
    verdict = reach_verdict([BASELINE, cheat, honest], TARGETS)
    assert verdict.name == SUCCESS
    assert "trial 2" in verdict.reason


def test_promising_mentions_the_cheats_that_went_further() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0, NOISE), trial(2, 2.55, 125.0)]
    verdict = reach_verdict(trials, TARGETS)

    assert verdict.name == PROMISING
    assert "trial 2" in verdict.reason
    assert "1 more reached the targets, but wrongly (first by guard forward_sobel" in verdict.reason


def test_gamed_counts_the_guards_and_names_the_most_broken() -> None:
    cheat = trial(1, 3.05, 141.0, RMSE, NOISE)

    reason = reach_verdict([BASELINE, cheat], TARGETS).reason

    assert "(guard rmse) (2 guards in all)" in reason


def test_a_cheat_half_way_is_not_called_sharp_enough() -> None:
    verdict = reach_verdict([BASELINE, trial(1, 2.6, 125.0, NOISE)], TARGETS)

    assert verdict.name == GAMED
    assert "trial 1 is much sharper than the baseline, gradient 2.6" in verdict.reason


def test_a_blurred_trial_that_breaks_a_guard_is_no_cheat() -> None:
    assert reach_verdict([BASELINE, trial(1, 2.1, 112.0, RMSE)], TARGETS).name == STUCK


def test_where_every_trial_breaks_a_guard_none_is_called_the_best() -> None:
    broken_baseline = baseline(*BLURRED, RMSE)
    verdict = reach_verdict([broken_baseline, trial(1, 2.2, 115.0, RMSE)], TARGETS)

    assert verdict.name == STUCK
    assert verdict.reason.startswith("every trial breaks a guard")


# --- Which trial is named -------------------------------------------------------------------------


def test_of_two_as_good_the_first_is_named() -> None:
    trials = [trial(5, 3.1, 145.0), BASELINE, trial(2, 3.05, 141.0)]

    assert "trial 2 reaches" in reach_verdict(trials, TARGETS).reason


def test_the_order_of_the_trials_does_not_matter() -> None:
    trials = [BASELINE, trial(1, 2.55, 125.0), trial(2, 2.9, 120.0), trial(3, 3.05, 141.0, NOISE)]

    verdicts = {reach_verdict(order, TARGETS).reason for order in permutations(trials)}

    assert len(verdicts) == 1


def test_a_success_is_one_though_a_near_miss_scores_better() -> None:
    near, there = trial(1, 2.99, 145.0), trial(2, 3.05, 141.0, rmse=1.1)

    assert near.score < there.score
    verdict = reach_verdict([BASELINE, near, there], TARGETS)
    assert verdict.name == SUCCESS
    assert "trial 2" in verdict.reason


def test_a_gradient_on_its_way_counts_though_a_better_peak_scores_better() -> None:
    peaked, steeper = trial(1, 2.3, 141.0), trial(2, 2.6, 116.0)

    assert peaked.score < steeper.score < BASELINE.score
    verdict = reach_verdict([BASELINE, peaked, steeper], TARGETS)
    assert verdict.name == PROMISING
    assert "trial 2" in verdict.reason


# --- Beside what needs no training ----------------------------------------------------------------

REFERENCE = ReferenceForecast("spectral", 0.01, 3.05, 141.0, 1.04)
SHORT_REFERENCE = ReferenceForecast("spectral", 0.05, 2.9, 141.0, 1.04)


def lead(number: int, chance: float | None, score: float = 0.03, blocks: int = 34) -> Lead:
    return Lead(
        trial=number,
        reference="spectral",
        score=score,
        rmse=0.01,
        score_chance=chance,
        rmse_chance=chance,
        blocks=blocks,
        compared=6,
    )


def test_success_is_ahead_of_the_best_reference_by_more_than_chance() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0), trial(2, 3.05, 141.0, rmse=1.1)]
    ahead = {1: lead(1, 0.3), 2: lead(2, 0.01)}

    verdict = reach_verdict(trials, TARGETS, reference=REFERENCE, leads=ahead)

    assert (verdict.name, verdict.trial) == (SUCCESS, 2)
    assert ahead[2].words in verdict.reason


def test_a_lead_that_may_be_chance_leaves_the_reference() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0)]
    for leads in ({}, {1: lead(1, 0.3)}, {1: lead(1, None, 0.01, 7)}):
        verdict = reach_verdict(trials, TARGETS, reference=REFERENCE, leads=leads)
        assert (verdict.name, verdict.trial, verdict.sharpening) == (SHARPEN, 0, "spectral")
        assert "without any further training, reaches both targets" in verdict.reason
        assert "export" in verdict.next


def test_a_lead_on_few_windows_is_provisional() -> None:
    few = lead(1, None, 0.03, 7)
    verdict = reach_verdict(
        [BASELINE, trial(1, 3.05, 141.0)], TARGETS, reference=REFERENCE, leads={1: few}
    )
    assert verdict.name == SUCCESS
    assert few.provisional


def test_a_sharp_trial_within_chance_of_a_reference_that_is_not_sharp_is_promising() -> None:
    verdict = reach_verdict(
        [BASELINE, trial(1, 3.05, 141.0)],
        TARGETS,
        reference=SHORT_REFERENCE,
        leads={1: lead(1, 0.3)},
    )
    assert verdict.name == PROMISING
    assert "reaches both targets" in verdict.reason
    assert "may be chance" in verdict.reason
    assert "confirm" in verdict.next


def test_the_sharpener_of_the_trial_is_named() -> None:
    sharpened = dataclasses.replace(trial(1, 3.05, 141.0), sharpener="quantile")
    assert reach_verdict([BASELINE, sharpened], TARGETS).sharpening == "quantile"
    assert reach_verdict([BASELINE, trial(1, 3.05, 141.0)], TARGETS).sharpening is None


# --- Trained too briefly --------------------------------------------------------------------------

LINEAR = SimpleForecast("a fitted linear forecast", 0.9, 1.9, -0.5)


@pytest.mark.parametrize(
    ("signs", "words"),
    [
        (TrainingSigns(1.0, 0.95, [LINEAR]), "above that of each cell's mean"),
        (TrainingSigns(1.0, 2.0, [LINEAR]), "above the 0.9 of a fitted linear forecast"),
        (TrainingSigns(1.0, 2.0, improving=True), "still falling"),
        (
            TrainingSigns(0.8, 2.0, [LINEAR], power_large_db=-2.5),
            "-2.5 dB of the truth's power, where a forecast without a net has -0.5 dB",
        ),
    ],
)
def test_a_net_that_was_trained_too_briefly_is_to_be_trained_longer(
    signs: TrainingSigns, words: str
) -> None:
    trials = [BASELINE, trial(1, 2.55, 125.0)]
    verdict = reach_verdict(trials, TARGETS, training=signs)

    assert (verdict.name, verdict.trial) == (TRAIN_LONGER, 0)
    assert words in verdict.reason
    won = reach_verdict([*trials, trial(2, 3.05, 141.0)], TARGETS, training=signs)
    assert won.name == SUCCESS


def test_a_net_behind_a_linear_forecast_is_trained_before_it_is_sharpened() -> None:
    trials = [BASELINE, trial(1, 2.2, 115.0)]
    behind = TrainingSigns(1.0, 2.0, [LINEAR])
    improving = TrainingSigns(0.9, 2.0, [LINEAR], improving=True)

    for signs, name in ((behind, TRAIN_LONGER), (improving, SHARPEN)):
        found = reach_verdict(trials, TARGETS, reference=REFERENCE, training=signs)
        assert found.name == name


def test_a_net_behind_a_linear_forecast_is_sharpened_where_no_longer_training_helps() -> None:
    trials = [BASELINE, trial(1, 2.2, 115.0)]
    signs = TrainingSigns(1.0, 2.0, [LINEAR], length_was_searched=True)
    found = reach_verdict(trials, TARGETS, reference=REFERENCE, training=signs)

    assert found.name == SHARPEN
    assert (
        f"it could be better: its RMSE, 1, is above the {LINEAR.rmse:.4g} of {LINEAR.name}"
        in found.reason
    )

    still = dataclasses.replace(signs, simple=[SimpleForecast("the last known frame", 0.9, 3.1)])
    assert reach_verdict(trials, TARGETS, reference=REFERENCE, training=still).name == TRAIN_LONGER


def test_a_net_that_is_trained_well_is_judged_by_its_trials() -> None:
    signs = TrainingSigns(0.8, 2.0, [LINEAR], power_large_db=-1.2)
    trials = [BASELINE, trial(1, 2.55, 125.0)]
    assert reach_verdict(trials, TARGETS, training=signs).name == PROMISING


def test_where_a_better_forecast_is_not_blurred_there_is_no_blur_to_cure() -> None:
    still = SimpleForecast("the last known frame", 0.9, 3.1)
    verdict = reach_verdict(
        [BASELINE, trial(1, 2.2, 115.0)], TARGETS, training=TrainingSigns(1.0, 2.0, [still])
    )
    assert verdict.name == TRAIN_LONGER
    assert verdict.reason.endswith("so there is no blur to cure")


def test_a_training_that_ended_by_itself_needs_something_else() -> None:
    signs = TrainingSigns(1.0, 0.95, [LINEAR], length_was_searched=True)
    verdict = reach_verdict([BASELINE, trial(1, 2.2, 115.0)], TARGETS, training=signs)
    assert "will not help" in verdict.next


@pytest.mark.parametrize(
    ("searched", "advice"),
    [(True, "raise training.most_steps"), (False, "set training.length to auto")],
)
def test_a_longer_training_is_asked_for_by_the_setting_that_ends_it(
    searched: bool, advice: str
) -> None:
    signs = TrainingSigns(1.0, 2.0, improving=True, length_was_searched=searched)
    verdict = reach_verdict([BASELINE, trial(1, 2.2, 115.0)], TARGETS, training=signs)
    assert verdict.next.startswith(f"train longer before any search: {advice}, and start")


def test_a_net_that_no_longer_training_helps_is_judged_by_a_trial_on_its_way() -> None:
    trials = [BASELINE, trial(1, 2.55, 125.0)]
    signs = TrainingSigns(1.0, 2.0, [LINEAR], length_was_searched=True)
    verdict = reach_verdict(trials, TARGETS, training=signs)

    assert (verdict.name, verdict.trial) == (PROMISING, 1)
    assert "the baseline could be better: its RMSE, 1, is above the 0.9" in verdict.reason
    for worse in (
        dataclasses.replace(signs, improving=True),
        dataclasses.replace(signs, simple=[SimpleForecast("the last known frame", 0.9, 3.1)]),
    ):
        assert reach_verdict(trials, TARGETS, training=worse).name == TRAIN_LONGER


@pytest.mark.parametrize(("peak", "advice"), [(137.0, "confirm it"), (130.0, "keep tuning")])
def test_a_trial_that_misses_by_what_splits_differ_by_is_to_be_confirmed(
    peak: float, advice: str
) -> None:
    verdict = reach_verdict([BASELINE, trial(1, 2.95, peak)], TARGETS)

    assert verdict.name == PROMISING
    assert verdict.next.startswith(advice)


# --- With new seeds -------------------------------------------------------------------------------

BROKE = ("breaks region (lead 3, 1.71, limit 1.6) with 2 of 3 seeds",)


def confirmed(*ranking: ConfirmedForecast) -> ConfirmedResult:
    return ConfirmedResult(ranking, "the sentence of the confirmation")


FAILED = ConfirmedForecast(1, "", is_reference=False, score=0.3, faults=BROKE, gains=False)
HELD = ConfirmedForecast(1, "", is_reference=False, score=0.01)
FAILED_REFERENCE = ConfirmedForecast(
    0, "spectral", is_reference=True, score=0.2, faults=("its peak, 120, is short of 140",)
)
HELD_REFERENCE = ConfirmedForecast(0, "spectral", is_reference=True, score=0.02)


def test_what_did_not_hold_with_new_seeds_is_not_confirmed() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0)]
    verdict = reach_verdict(trials, TARGETS, confirmed=confirmed(FAILED_REFERENCE, FAILED))

    assert (verdict.name, verdict.trial) == (NOT_CONFIRMED, 1)
    assert BROKE[0] in verdict.reason
    assert "do not use it" in verdict.next


def test_a_better_unconfirmed_trial_is_a_success_again() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0, rmse=1.1), trial(2, 3.05, 141.0)]
    verdict = reach_verdict(trials, TARGETS, confirmed=confirmed(FAILED))

    assert (verdict.name, verdict.trial) == (SUCCESS, 2)
    assert "confirm it" in verdict.next


def test_a_worse_unconfirmed_trial_is_no_success_after_a_confirmation_that_failed() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0), trial(2, 3.05, 141.0, rmse=1.1)]
    verdict = reach_verdict(trials, TARGETS, confirmed=confirmed(FAILED))

    assert (verdict.name, verdict.trial) == (NOT_CONFIRMED, 1)
    assert "confirm more of its trials with --top" in verdict.next


def test_new_seeds_decide_where_a_lead_may_be_chance() -> None:
    trials = [BASELINE, trial(1, 3.05, 141.0)]
    chance: dict[str, Any] = {"reference": REFERENCE, "leads": {1: lead(1, 0.3)}}
    ahead = reach_verdict(trials, TARGETS, confirmed=confirmed(HELD, HELD_REFERENCE), **chance)
    behind = reach_verdict(trials, TARGETS, confirmed=confirmed(HELD_REFERENCE, HELD), **chance)

    assert (ahead.name, ahead.trial) == (SUCCESS, 1)
    assert "with any new seed on the test split" in ahead.reason
    assert (behind.name, behind.trial, behind.sharpening) == (SHARPEN, 0, "spectral")


def test_a_reference_that_held_is_left_where_the_trial_failed() -> None:
    verdict = reach_verdict(
        [BASELINE, trial(1, 3.05, 141.0)],
        TARGETS,
        reference=REFERENCE,
        leads={1: lead(1, 0.01)},
        confirmed=confirmed(HELD_REFERENCE, FAILED),
    )
    assert (verdict.name, verdict.sharpening) == (SHARPEN, "spectral")
    assert BROKE[0] in verdict.reason


def test_a_trial_that_new_seeds_left_behind_is_not_promising_any_more() -> None:
    trials = [BASELINE, trial(1, 2.9, 139.0), trial(2, 2.55, 125.0)]
    gained = dataclasses.replace(HELD, trial=2, faults=("its peak, 125, is short of 140",))
    verdict = reach_verdict(trials, TARGETS, confirmed=confirmed(gained, FAILED))

    assert (verdict.name, verdict.trial) == (PROMISING, 2)


def test_a_sharp_reference_that_failed_is_not_confirmed() -> None:
    unsharp = trial(1, 2.2, 115.0)
    verdict = reach_verdict(
        [BASELINE, unsharp],
        TARGETS,
        reference=REFERENCE,
        confirmed=confirmed(dataclasses.replace(HELD, faults=("short",)), FAILED_REFERENCE),
    )
    assert verdict.name == NOT_CONFIRMED


def test_a_promising_trial_that_gains_but_is_not_sharp_stays_promising() -> None:
    short = dataclasses.replace(HELD, faults=("its peak, 125, is short of 140",))
    gained = reach_verdict([BASELINE, trial(1, 2.55, 125.0)], TARGETS, confirmed=confirmed(short))
    lost = reach_verdict([BASELINE, trial(1, 2.55, 125.0)], TARGETS, confirmed=confirmed(FAILED))

    assert (gained.name, lost.name) == (PROMISING, NOT_CONFIRMED)


def test_a_baseline_that_suffices_is_not_called_unconfirmed() -> None:
    verdict = reach_verdict([baseline(3.1, 145.0)], TARGETS, confirmed=confirmed(FAILED))
    assert verdict.name == NOTHING_TO_FIX


# --- Given up at a rung, and what to try next -----------------------------------------------------


def given_up(number: int, gradient: float, peak: float) -> Contender:
    return dataclasses.replace(trial(number, gradient, peak), is_complete=False, epochs=3)


def test_a_trial_that_was_given_up_on_its_way_is_promising() -> None:
    cheat = trial(1, 3.05, 141.0, NOISE)
    verdict = reach_verdict([BASELINE, cheat, given_up(2, 2.9, 139.0)], TARGETS)

    assert (verdict.name, verdict.trial) == (PROMISING, 2)
    assert "it was given up after epoch 3" in verdict.reason
    assert "--trial 2" in verdict.next


def test_a_complete_trial_on_its_way_comes_before_one_that_was_given_up() -> None:
    trials = [BASELINE, trial(1, 2.55, 125.0), given_up(2, 2.9, 139.0)]
    assert reach_verdict(trials, TARGETS).trial == 1


def test_a_trial_that_was_given_up_for_noise_is_weighed_too() -> None:
    noisy = dataclasses.replace(
        given_up(2, 3.05, 141.0), broken=(NOISE,), sharpens=True, variants=("gdl2",)
    )
    verdict = reach_verdict([BASELINE, BLUNT, noisy], TARGETS)

    assert (verdict.name, verdict.trial) == (GAMED, 2)
    assert "trial 2 is sharp enough when it was given up after epoch 3, gradient 3.05" in (
        verdict.reason
    )
    assert "lower the range of gradient_weight of gdl2" in verdict.next


def test_an_error_that_might_have_fallen_is_no_cheat() -> None:
    young = dataclasses.replace(given_up(2, 3.05, 141.0), broken=(RMSE, USELESS))
    assert reach_verdict([BASELINE, BLUNT, young], TARGETS).name == STUCK


def test_a_loss_that_was_refused_is_not_advised() -> None:
    refused = [
        dataclasses.replace(trial(n, 3.05, 141.0, NOISE), variants=(name,))
        for n, name in enumerate(("sorted", "amse_mix"), start=1)
    ]
    advice = reach_verdict([BASELINE, *refused], TARGETS).next

    assert advice == (
        "do not use it; lower the range of gradient_weight of amse_mix and sorted, or search "
        "another loss_variant, such as sorted_gradients, gdl2 or gradient_magnitude"
    )


def test_only_terms_that_can_sharpen_are_called_a_cure() -> None:
    assert all(LOSS_VARIANTS[name].sharpens for name in CURES)


# --- Leads that are out of reach ------------------------------------------------------------------

FAR = (LeadOutOfReach(3, "at lead 3 that cannot be had"), LeadOutOfReach(4, "nor at lead 4"))


def test_where_sharpness_costs_too_much_a_nearer_lead_is_advised() -> None:
    costly = reach_verdict([BASELINE, trial(1, 3.05, 141.0, USELESS)], TARGETS, out_of_reach=FAR)
    noisy = reach_verdict([BASELINE, trial(1, 3.05, 141.0, NOISE)], TARGETS, out_of_reach=FAR)
    first = reach_verdict(
        [BASELINE, BLUNT], TARGETS, out_of_reach=(LeadOutOfReach(1, "nor there"),)
    )

    assert (costly.name, noisy.name, first.name) == (STUCK, GAMED, STUCK)
    assert "at lead 3 that cannot be had (likewise at lead 4)" in costly.reason
    assert "its error is larger than that of each cell's mean (guard climatology)" in costly.reason
    assert costly.next == "forecast leads 1 to 2 alone (data.horizon=2)"
    assert first.next == "look at a shorter lead (data.stride)"


def test_where_members_can_be_had_a_lead_out_of_reach_leads_to_them() -> None:
    stuck = reach_verdict([BASELINE, BLUNT], TARGETS, out_of_reach=FAR, members_next=True)
    promising = reach_verdict(
        [BASELINE, trial(1, 2.55, 125.0)], TARGETS, out_of_reach=FAR[:1], members_next=True
    )
    within = reach_verdict([BASELINE, trial(1, 2.55, 125.0)], TARGETS, members_next=True)

    assert (stuck.name, promising.name) == (STUCK, PROMISING)
    assert stuck.next == (
        "no single forecast of leads 3 and 4 can be this sharp, and members can: start "
        "members.yaml, written where the sweep was started, or by export STUDY --members -o "
        "members.yaml; or forecast leads 1 to 2 alone (data.horizon=2)"
    )
    assert promising.next.startswith("no single forecast of lead 3 can be this sharp, and members")
    assert promising.next.endswith("by export STUDY --next -o next.yaml")
    assert "members" not in within.next


# --- Members --------------------------------------------------------------------------------------


def members_lead(number: int, crps: float, variogram: float, chance: float | None) -> Lead:
    return Lead(
        trial=number,
        reference="dressed",
        score=0.1,
        rmse=crps,
        score_chance=chance,
        rmse_chance=chance,
        blocks=20 if chance is not None else 4,
        compared=3,
        members=MembersLead(crps=crps, variogram=variogram),
    )


@pytest.mark.parametrize(
    ("lead", "name"),
    [
        (members_lead(1, 0.1, 0.2, 0.01), SUCCESS),
        (members_lead(1, 0.1, 0.2, 0.2), PROMISING),
        (members_lead(1, 0.1, -0.2, 0.01), PROMISING),
        (members_lead(1, 0.1, 0.2, None), SUCCESS),  # provisionally
        (members_lead(1, 0.1, 0.01, None), PROMISING),
        (None, PROMISING),
    ],
)
def test_members_win_where_both_scores_are_ahead_beyond_chance(
    lead: Lead | None, name: str
) -> None:
    verdict = reach_verdict(
        [BASELINE, trial(1, 3.05, 141.0)],
        TARGETS,
        leads={} if lead is None else {1: lead},
        of_members=True,
    )

    assert verdict.name == name
    if name == SUCCESS:
        assert verdict.next.endswith("predict --members writes its members")


def test_members_that_are_behind_are_not_sent_to_be_confirmed() -> None:
    behind = members_lead(1, -0.034, 0.02, 1.0)
    verdict = reach_verdict(
        [BASELINE, trial(1, 3.05, 141.0)], TARGETS, leads={1: behind}, of_members=True
    )

    assert verdict.reason.endswith(
        "is behind the best ensemble without training by 3.4 % in CRPS (chance 1) and ahead of "
        "every ensemble without training by 2.0 % in variogram score (chance 1)"
    )
    assert verdict.next.startswith("keep tuning: give training.fine_tuning more")


def test_where_no_members_come_near_what_they_differ_by_is_to_be_changed() -> None:
    trials = [trial(n, 2.2, 115.0) for n in range(1, 7)]

    assert (
        "predictor.options.dropout"
        in reach_verdict([BASELINE, *trials], TARGETS, of_members=True).next
    )
    assert (
        "export STUDY --members"
        in reach_verdict([BASELINE, *trials], TARGETS, members_next=True).next
    )
    assert "members" not in reach_verdict([BASELINE, *trials], TARGETS).next


def test_a_trial_on_its_way_is_said_to_have_a_lead_out_of_reach() -> None:
    verdict = reach_verdict([BASELINE, trial(1, 2.55, 125.0)], TARGETS, out_of_reach=FAR[:1])
    assert verdict.name == PROMISING
    assert verdict.reason.endswith("; at lead 3 that cannot be had")


def test_a_lead_is_out_of_reach_where_sharpness_costs_more_than_each_cell_s_mean() -> None:
    near = frontier_curve(rmse=[1.0, 1.1, 1.2])
    frontier = Frontier(overall=near, by_lead=[near, frontier_curve()], windows=40, blocks=4)
    metrics = {"rmse_climatology": [2.5, 2.4]}
    values = MetricValues(overall={"rmse_climatology": 2.45}, by_lead=metrics)

    (found,) = leads_out_of_reach(frontier, values, 0.95)

    assert found.lead == 2
    assert found.words.startswith(
        "at lead 2, where each cell's mean has an RMSE of 2.4, a deterministic forecast reaches "
        "0.90 of the observed gradient at most"
    )
    assert leads_out_of_reach(frontier, values, 0.85) == ()
    unknown = MetricValues(overall={}, by_lead={"rmse": [1.0, 1.0]})
    assert leads_out_of_reach(frontier, unknown, 0.95) == ()


# --- All rules, in order --------------------------------------------------------------------------

NOISE_SIGNS = TrainingSigns(1.0, 0.97, [SimpleForecast("a fitted linear forecast", 0.98, 0.1)])
SIGNS = TrainingSigns(1.0, 2.0, improving=True)
BY_RULE: list[tuple[str, list[Contender], int | None, str, dict[str, Any]]] = [
    (TOO_EARLY, [trial(1, 3.05, 141.0)], None, "is not complete yet", {}),
    (
        NOT_CONFIRMED,
        [BASELINE, trial(1, 3.05, 141.0)],
        1,
        "does not hold with new seeds",
        {"confirmed": confirmed(FAILED)},
    ),
    (NOTHING_TO_FIX, [baseline(3.1, 145.0), BLUNT], 0, "as sharp as is asked for", {}),
    (TOO_EARLY, [BASELINE], None, "no trial but the baseline is complete", {}),
    (SUCCESS, [BASELINE, BLUNT, trial(2, 3.05, 141.0)], 2, "trial 2 reaches both targets", {}),
    (SHARPEN, [BASELINE, BLUNT], 0, "the baseline under spectral", {"reference": REFERENCE}),
    (STUCK, [baseline(3.6, 160.0, NOISE), BLUNT], None, "rougher than the field already", {}),
    (STUCK, [BASELINE, BLUNT], None, "better than each cell's mean", {"training": NOISE_SIGNS}),
    (TRAIN_LONGER, [BASELINE, BLUNT], 0, "is not trained well enough", {"training": SIGNS}),
    (PROMISING, [BASELINE, BLUNT, trial(2, 2.55, 125.0)], 2, "trial 2 comes 52% of the way", {}),
    (TOO_EARLY, [BASELINE, BLUNT], None, "3 are to come", {"to_come": 3}),
    (
        STUCK,
        [BASELINE, BLUNT, trial(2, 3.05, 141.0, USELESS)],
        None,
        "at lead 3 that cannot be had",
        {"out_of_reach": FAR},
    ),
    (GAMED, [BASELINE, BLUNT, trial(2, 3.05, 141.0, NOISE)], 2, "trial 2 is sharp enough", {}),
    (STUCK, [BASELINE, BLUNT], None, "no loss that was tried can cure blur", {}),
    (STUCK, [BASELINE, trial(1, 2.2, 115.0)], None, "trial 1, is no sharper than", {}),
    (
        STUCK,
        [BASELINE, *(trial(n, 2.2, 115.0) for n in range(1, 1 + FEW_TRIALS))],
        None,
        "trial 1",
        {},
    ),
]


@pytest.mark.parametrize(
    ("number", "name", "trials", "about", "reason", "more"),
    [(number, *case) for number, case in enumerate(BY_RULE)],
)
def test_every_rule_is_the_first_that_applies_to_some_trials(
    number: int,
    name: str,
    trials: list[Contender],
    about: int | None,
    reason: str,
    more: dict[str, Any],
) -> None:
    results = Contenders(trials, TARGETS, **more)

    assert [rule.applies(results) for rule in RULES[: number + 1]] == [False] * number + [True]
    verdict = rules.reach_verdict(results)
    assert (verdict.name, verdict.trial) == (name, about)
    assert reason in verdict.reason
    assert verdict.next


def test_there_are_trials_for_every_rule_above() -> None:
    assert [rule.verdict for rule in RULES] == [name for name, *_ in BY_RULE]
