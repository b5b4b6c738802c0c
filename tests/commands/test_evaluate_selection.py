"""What ``evaluate --select`` takes a typed value for."""

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.commands.evaluate import _dimension_and_value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("850", 850),
        ("0.5", 0.5),
        ("010", "010"),
        ("1_000", "1_000"),
        ("no", "no"),
        ("true", "true"),
        ("null", "null"),
        ("nan", "nan"),
        ("2020-01-01T00", "2020-01-01T00"),
        ("6 hours", "6 hours"),
        ("a=b", "a=b"),
    ],
)
def test_a_selected_value_is_a_plain_number_or_text(typed: str, value: int | float | str) -> None:
    found = _dimension_and_value(f"level={typed}")
    assert found == ("level", value)
    assert type(found[1]) is type(value)


def test_a_selection_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="'level' is no dimension=value, such as level=850"):
        _dimension_and_value("level")
