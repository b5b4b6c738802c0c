"""The narrowed search that follows a promising sweep."""

import os
from pathlib import Path

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldsharp.core.errors import ConfigError, StudyError
from fieldsharp.storage.database import open_database
from fieldsharp.sweep.configuration.config_file import load_config
from fieldsharp.sweep.configuration.ranges import Choices, NumberRange
from fieldsharp.sweep.configuration.settings import SweepConfig
from fieldsharp.sweep.configuration.space import distributions
from fieldsharp.sweep.results.narrowed_search import (
    MARK,
    OPTION,
    render_narrowed_search,
    write_follow_up,
)
from fieldsharp.sweep.study.data_summary import DataSummary
from fieldsharp.sweep.study.lookup import open_or_create_study, study_config
from fieldsharp.sweep.study.narrowed_search import narrowed_search
from fieldsharp.sweep.study.trial_records import PRESET, SCORE

VARIANTS = ("gradient", "sobel", "laplacian", "sorted")


@pytest.fixture
def study(storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary) -> Study:
    return open_or_create_study(open_database(storage_url, "write"), tiny_config, tiny_facts)


def _trial(
    score: float,
    weight: float,
    variant: str,
    rate: float,
    *,
    preset: str | None = None,
    violation: float = -1.0,
) -> FrozenTrial:
    distributions: dict[str, BaseDistribution] = {
        "gradient_weight": FloatDistribution(0.01, 10.0, log=True),
        "loss_variant": CategoricalDistribution(VARIANTS),
        "multi_step": CategoricalDistribution(("last", "all")),
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "warmup_fraction": FloatDistribution(0.0, 0.15),
    }
    return create_trial(
        state=TrialState.COMPLETE,
        value=score,
        params={
            "gradient_weight": weight,
            "loss_variant": variant,
            "multi_step": "all",
            "learning_rate": rate,
            "warmup_fraction": 0.1,
        },
        distributions=distributions,
        user_attrs={SCORE: score, **({PRESET: preset} if preset else {})},
        system_attrs={"constraints:rmse": violation},
    )


def _trials() -> list[FrozenTrial]:
    """Of twelve that break no guard, the best three: weights 0.5 to 2, rates 1e-3 to 3e-3."""
    good = [
        _trial(0.02, 1.0, "sorted", 1e-3),
        _trial(0.03, 2.0, "sorted", 3e-3),
        _trial(0.04, 0.5, "gradient", 2e-3),
    ]
    others = [_trial(0.1 + 0.01 * i, 0.05, "sobel", 1e-4) for i in range(9)]
    cheats = [_trial(0.0, 10.0, "laplacian", 1e-2, violation=0.5)]
    return [_trial(0.2, 0.01, "sobel", 1e-3, preset="baseline"), *cheats, *others, *good]


def test_ranges_are_those_of_the_best_quarter_with_a_margin(study: Study) -> None:
    config = narrowed_search("tiny", study_config(study), _trials())
    space = config.search.space
    weight = space["gradient_weight"]
    assert isinstance(weight, NumberRange)
    # On the logarithm, an eighth of the range (three decades) on either side: a factor of 2.37.
    margin = 1000 ** (0.25 / 2)
    assert weight.low == pytest.approx(0.5 / margin, rel=5e-3)
    assert weight.high == pytest.approx(2.0 * margin, rel=5e-3)
    assert weight.log
    rate = space["learning_rate"]
    assert isinstance(rate, NumberRange)
    assert 1e-4 < rate.low < 1e-3
    assert 3e-3 < rate.high < 1e-2
    warmup = space["warmup_fraction"]
    assert isinstance(warmup, NumberRange)
    assert 0.0 <= warmup.low < 0.1 < warmup.high <= 0.15


def test_choices_are_those_of_the_best_and_one_they_agree_on_is_fixed(study: Study) -> None:
    config = narrowed_search("tiny", study_config(study), _trials())
    variants = config.search.space["loss_variant"]
    assert isinstance(variants, Choices)
    assert variants.choices == ("gradient", "sorted")
    assert "multi_step" not in config.search.space
    assert config.loss.multi_step == "all"


def test_it_is_another_study_that_begins_with_its_own_baseline(study: Study) -> None:
    config = narrowed_search("tiny", study_config(study), _trials())
    assert config.study == "tiny-next"
    assert config.search.presets == "baseline"


def test_no_trial_without_a_broken_guard_leaves_nothing_to_narrow(study: Study) -> None:
    cheats = [_trial(0.0, 1.0, "sorted", 1e-3, violation=0.5)]
    with pytest.raises(StudyError, match="no complete trial beside the baseline that breaks no"):
        narrowed_search(
            "tiny",
            study_config(study),
            [*cheats, _trial(0.2, 0.01, "sobel", 1e-3, preset="baseline")],
        )


def test_the_file_is_a_configuration_that_can_be_started(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "next.yaml"
    write_follow_up(render_narrowed_search(study, _trials()), path, OPTION)
    assert load_config(path).config == narrowed_search("tiny", study_config(study), _trials())


def test_a_name_that_yaml_cannot_hold_in_a_comment_leaves_a_file_that_loads(
    storage_url: str, tiny_config: SweepConfig, tiny_facts: DataSummary, tmp_path: Path
) -> None:
    config = tiny_config.model_copy(update={"study": "odd\ufffe\ufeff"})
    study = open_or_create_study(open_database(storage_url, "write"), config, tiny_facts)
    path = tmp_path / "next.yaml"
    write_follow_up(render_narrowed_search(study, _trials()), path, OPTION)
    assert load_config(path).config.study == "odd\ufffe\ufeff-next"


def test_an_earlier_follow_up_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "next.yaml"
    write_follow_up(f"{MARK} a\n", path, OPTION)
    write_follow_up(f"{MARK} b\n", path, OPTION)
    assert path.read_text() == f"{MARK} b\n"
    path.write_text("my own notes\n")
    with pytest.raises(ConfigError, match=r"next.yaml exists and is no follow-up of a sweep"):
        write_follow_up(f"{MARK} c\n", path, OPTION)
    assert path.read_text() == "my own notes\n"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*; choose another place with export"):
        write_follow_up(f"{MARK} a\n", tmp_path / "nowhere" / "next.yaml", OPTION)


@pytest.mark.parametrize("target", ["there", "not there"])
def test_a_name_that_nobody_gave_is_not_followed_if_it_is_a_link(
    target: str, tmp_path: Path
) -> None:
    path, elsewhere = tmp_path / "next.yaml", tmp_path / "elsewhere"
    if target == "there":
        elsewhere.write_text(f"{MARK} a\n")
    path.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match=r"next.yaml is a link, .* remove it, or write the"):
        write_follow_up(f"{MARK} b\n", path, OPTION, named=False)
    assert elsewhere.exists() == (target == "there")
    write_follow_up(f"{MARK} c\n", path, OPTION)
    assert (path.is_symlink(), elsewhere.read_text()) == (True, f"{MARK} c\n")


def test_it_can_be_written_to_a_pipe() -> None:
    reading, writing = os.pipe()
    write_follow_up(f"{MARK} a\n", Path(f"/dev/fd/{writing}"), OPTION)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == f"{MARK} a\n"


@pytest.mark.parametrize(("start", "fine_tunes"), [("fresh", False), ("baseline", True)])
def test_a_start_the_best_agree_on_is_fixed(
    tiny_config: SweepConfig, start: str, fine_tunes: bool
) -> None:
    tree = tiny_config.model_dump()
    tree["loss"]["variant"] = "sorted"
    shares = {"low": 0.1, "high": 0.5}
    tree["search"]["space"] = {
        "gradient_weight": {"low": 0.01, "high": 10.0, "log": True},
        "training.fine_tuning": shares,
        "training.start": {"choices": ["fresh", "baseline"]},
    }
    config = SweepConfig.model_validate(tree)
    trials = [
        create_trial(
            value=0.1,
            params={
                "gradient_weight": weight,
                "training.fine_tuning": 0.2,
                "training.start": start,
            },
            distributions=distributions(config.search),
            user_attrs={SCORE: 0.1},
        )
        for weight in (0.5, 1.0, 2.0)
    ]
    found = narrowed_search("tiny", config, trials)
    assert found.training.start == start
    assert found.training.epochs == config.training.epochs
    assert ("training.fine_tuning" in found.search.space) is fine_tunes
