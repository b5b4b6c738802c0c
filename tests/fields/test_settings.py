from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fieldsharp.fields.settings import DataSettings, SplitSettings


def test_settings_cannot_be_changed_once_made() -> None:
    data = DataSettings(path="f.nc")

    with pytest.raises(ValidationError, match="frozen"):
        data.history = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("histroy", 4),
        ("history", 0),
        ("history", 1001),
        ("horizon", 0),
        ("stride", 0),
        ("train_every", 0),
        ("score_every", 0),
        ("min_valid_share", 0.0),
        ("min_valid_share", 1.5),
        ("min_valid_share", float("nan")),
        ("max_filled_share", -0.1),
        ("max_filled_share", float("inf")),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        DataSettings.model_validate({"path": "f.nc", key: value})


def test_shares_must_make_a_whole() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1, found 1\.1"):
        SplitSettings(train=0.8, validation=0.15, test=0.15)


def test_shares_that_differ_from_a_whole_by_rounding_are_taken() -> None:
    thirds = SplitSettings(train=1 / 3, validation=1 / 3, test=0.3333333)

    assert thirds.test == 0.3333333


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_no_part_may_be_empty_or_everything(share: float) -> None:
    with pytest.raises(ValidationError, match="validation"):
        SplitSettings(train=0.5, validation=share, test=0.5 - share)


def test_settings_survive_being_stored_as_json() -> None:
    data = DataSettings(path="f.nc", select={"level": 850, "member": "r1", "height": 2.5})

    restored = DataSettings.model_validate_json(data.model_dump_json())

    assert restored == data
    assert [type(v) for v in restored.select.values()] == [int, str, float]


@pytest.mark.parametrize("model", [DataSettings, SplitSettings])
def test_every_setting_says_what_it_is(model: type[DataSettings] | type[SplitSettings]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
