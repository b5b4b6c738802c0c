"""Which configurations are confirmed, and with which seeds."""

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.core.errors import StudyError
from fieldsharp.sweep.configuration.ranges import Scalar
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.study.confirmation.candidates import candidates, new_seeds
from fieldsharp.sweep.study.trial_spec import TrialSpec
from tests.sweep.empty_record import empty_record, sharpened_by


class Trials:
    """Trials in the order they are added."""

    def __init__(self, config: SweepConfig) -> None:
        self.config = config
        self.all: list[FrozenTrial] = []

    def add(
        self,
        score: float,
        *,
        weight: float = 0.0,
        ok: bool = True,
        baseline: bool | None = None,
        setting: str = "auto",
        chosen: str | None = None,
        **training: Scalar,
    ) -> None:
        values: dict[str, Scalar] = {f"training.{name}": v for name, v in training.items()}
        values["sharpening.name"] = setting
        variant = "sobel" if weight else "none"
        run = self.config.run_with(
            {"loss.variant": variant, "loss.gradient_weight": weight, **values}
        )
        preset = "baseline" if (not weight if baseline is None else baseline) else None
        record = empty_record(score)
        if chosen is not None:
            record = record.model_copy(update={"sharpening": sharpened_by(chosen)})
        spec = TrialSpec(number=len(self.all), preset=preset, run=run)
        trial = create_trial(
            value=score,
            user_attrs={
                "spec": spec.model_dump(mode="json"),
                "record": record.model_dump(mode="json"),
                "preset": preset,
                "score": score,
            },
            constraints={"rmse": -0.1 if ok else 0.1},
        )
        trial.number = len(self.all)
        self.all.append(trial)

    def chosen(self, top: int) -> list[int]:
        return [spec.number for spec in candidates("tiny", self.all, top)]

    def sharpeners(self, top: int) -> dict[int, str]:
        chosen = candidates("tiny", self.all, top)
        return {spec.number: spec.run.sharpening.name for spec in chosen}


@pytest.fixture
def trials(tiny_config: SweepConfig) -> Trials:
    return Trials(tiny_config)


def test_the_baseline_comes_first_and_then_the_best_that_break_no_guard(trials: Trials) -> None:
    trials.add(0.4, weight=0.1)
    trials.add(0.5, ok=False)  # the baseline is there whatever it breaks
    trials.add(0.1, weight=0.2, ok=False)
    trials.add(0.2, weight=0.3)
    trials.add(0.3, weight=0.4)
    assert trials.chosen(2) == [1, 3, 4]
    assert trials.chosen(9) == [1, 3, 4, 0]


def test_equal_configurations_are_confirmed_once(trials: Trials) -> None:
    trials.add(0.5)
    trials.add(0.3, weight=0.2)
    trials.add(0.2, weight=0.2, seed=5)
    trials.add(0.4, weight=0.2, learning_rate=1e-3)
    assert trials.chosen(3) == [0, 2, 3]


def test_a_trial_is_confirmed_with_the_sharpener_that_the_search_chose(trials: Trials) -> None:
    trials.add(0.5, chosen="none")
    trials.add(0.2, weight=0.2, chosen="unsharp")
    trials.add(0.3, weight=0.3, chosen="none")
    trials.add(0.4, weight=0.4)  # of an earlier version
    assert trials.sharpeners(3) == {0: "auto", 1: "unsharp", 2: "none", 3: "none"}


def test_trials_that_differ_in_their_sharpener_alone_are_distinct(trials: Trials) -> None:
    trials.add(0.5, chosen="none")
    trials.add(0.2, weight=0.2, seed=1, chosen="unsharp")
    trials.add(0.25, weight=0.2, seed=2, chosen="inflate")
    trials.add(0.3, weight=0.2, seed=3, chosen="unsharp")
    trials.add(0.35, weight=0.2, setting="inflate", chosen="inflate")
    assert trials.sharpeners(9) == {0: "auto", 1: "unsharp", 2: "inflate"}


def test_what_the_baseline_trains_is_confirmed_again_under_a_sharpener_alone(
    trials: Trials,
) -> None:
    trials.add(0.5, chosen="none")
    trials.add(0.3, baseline=False, chosen="none")
    trials.add(0.4, baseline=False, chosen="unsharp")
    assert trials.sharpeners(9) == {0: "auto", 2: "unsharp"}


def test_only_complete_trials_count(trials: Trials) -> None:
    trials.add(0.5)
    trials.add(0.3, weight=0.2)
    trials.add(0.2, weight=0.3)
    trials.all[2].state = TrialState.PRUNED
    assert trials.chosen(3) == [0, 1]


def test_without_a_baseline_there_is_nothing_to_compare_with(trials: Trials) -> None:
    trials.add(0.3, weight=0.2)
    with pytest.raises(StudyError, match="study 'tiny' has no complete baseline"):
        trials.chosen(3)


def test_a_baseline_alone_needs_no_confirmation(trials: Trials) -> None:
    trials.add(0.5)
    trials.add(0.3, weight=0.2, ok=False)
    with pytest.raises(StudyError, match="nothing beat the baseline, so there is nothing to conf"):
        trials.chosen(3)


def test_seeds_are_always_the_same_and_never_those_of_the_sweep() -> None:
    assert new_seeds(3, {0}) == [1001, 1002, 1003]
    assert new_seeds(3, {1002, 7}) == [1001, 1003, 1004]
