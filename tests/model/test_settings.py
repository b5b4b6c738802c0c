from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from fieldsharp.core.checkout import PROJECT
from fieldsharp.fields.settings import Settings
from fieldsharp.model.registry import LOSS_VARIANTS, PREDICTORS
from fieldsharp.model.settings import LossSettings, PredictorSettings, TrainingSettings

ALL = [PredictorSettings, LossSettings, TrainingSettings]


def test_settings_are_read_without_loading_torch() -> None:
    command = "import sys, fieldsharp.model.settings; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", command], cwd=PROJECT).returncode == 0


@pytest.mark.parametrize("settings", ALL)
def test_defaults_are_whole_and_can_be_stored(settings: type[Settings]) -> None:
    default = settings()

    assert settings.model_validate_json(default.model_dump_json()) == default


@pytest.mark.parametrize("settings", ALL)
def test_every_field_says_what_it_is(settings: type[Settings]) -> None:
    assert [name for name, field in settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("settings", ALL)
def test_unknown_keys_are_refused(settings: type[Settings]) -> None:
    with pytest.raises(ValidationError, match="no_such_key"):
        settings.model_validate({"no_such_key": 1})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainingSettings().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", [*PREDICTORS, "package.module:Class"])
def test_known_predictors_and_paths_are_accepted(name: str) -> None:
    assert PredictorSettings(name=name).name == name


def test_an_unknown_predictor_names_the_nearest_and_the_way_to_ones_own() -> None:
    with pytest.raises(ValidationError) as refusal:
        PredictorSettings(name="convltsm")

    assert "unknown predictor 'convltsm': did you mean 'convlstm'?" in str(refusal.value)
    assert "package.module:Class" in str(refusal.value)


@pytest.mark.parametrize("name", LOSS_VARIANTS)
def test_every_variant_is_accepted_for_either_term(name: str) -> None:
    settings = LossSettings(variant=name, peak_variant=name)

    assert settings.variant == settings.peak_variant == name


@pytest.mark.parametrize("field", ["variant", "peak_variant"])
def test_an_unknown_variant_names_the_nearest(field: str) -> None:
    with pytest.raises(ValidationError, match="unknown loss variant 'sobol': did you mean 'sobel'"):
        LossSettings.model_validate({field: "sobol"})


def test_the_variants_to_choose_from_are_listed() -> None:
    description = LossSettings.model_fields["variant"].description

    assert description is not None
    assert all(name in description for name in LOSS_VARIANTS)


def test_the_base_loss_stands_alone_unless_terms_are_asked_for() -> None:
    settings = LossSettings()

    assert (settings.base, settings.variant, settings.normalise) == ("mse", "none", "persistence")
    assert (settings.gradient_weight, settings.peak_weight) == (0.0, 0.0)


def test_a_weight_on_no_peak_term_is_refused() -> None:
    with pytest.raises(ValueError, match=r"peak_weight is 0\.5 and peak_variant none"):
        LossSettings(peak_weight=0.5, peak_variant="none")


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        (PredictorSettings, "width", 0),
        (PredictorSettings, "width", 4097),
        (LossSettings, "base", "huber"),
        (LossSettings, "gradient_weight", -0.1),
        (LossSettings, "gradient_weight", float("nan")),
        (LossSettings, "gradient_weight", float("inf")),
        (LossSettings, "peak_weight", -0.1),
        (LossSettings, "peak_weight", float("nan")),
        (LossSettings, "peak_weight", 1e7),
        (LossSettings, "multi_step", "first"),
        (LossSettings, "normalise", "climatology"),
        (TrainingSettings, "epochs", 0),
        (TrainingSettings, "batch_size", 0),
        (TrainingSettings, "learning_rate", -1e-3),
        (TrainingSettings, "learning_rate", 11.0),
        (TrainingSettings, "learning_rate", float("nan")),
        (TrainingSettings, "warmup_fraction", 1.0),
        (TrainingSettings, "final_rate_fraction", 1.5),
        (TrainingSettings, "weight_decay", -1.0),
        (TrainingSettings, "clip_norm", -1.0),
        (TrainingSettings, "teacher_forcing_fraction", 1.1),
        (TrainingSettings, "seed", -1),
        (TrainingSettings, "seed", 2**31),
        (TrainingSettings, "device", "tpu"),
        (TrainingSettings, "precision", "float16"),
        (TrainingSettings, "threads", 0),
    ],
)
def test_values_out_of_range_are_refused(
    settings: type[Settings], field: str, value: object
) -> None:
    with pytest.raises(ValidationError, match=field):
        settings.model_validate({field: value})
