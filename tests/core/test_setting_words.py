"""Values that a setting of another kind would convert without a word."""

from typing import Any, Literal

import pytest

from fieldsharp.core.setting_words import require_no_conversion


@pytest.mark.parametrize(
    ("given", "annotation", "said"),
    [
        ("yes", bool, "x must be true or false, found 'yes'; write true"),
        ("NO", bool | None, "x must be true or false, found 'NO'; write false"),
        ("false", bool, "x must be true or false, found 'false'; write false without quotes"),
        ("", bool, "x must be true or false, found ''"),
        (True, int, "x must be a number, found true"),
        (False, Literal["auto"] | float, "x must be a number, found false"),
        (True, int | str, "x must be text or a number, found true; where text is meant put it in"),
        ("010", int, "x must be a number, found '010', which is octal in some programs; write 10"),
        ("-007", float | None, "x must be a number, found '-007', which is octal in some"),
        ("1_000", int, "x must be a number, found '1_000'; write 1000"),
        ("1_0.5e3", Literal["auto"] | float, "x must be a number, found '1_0.5e3'; write 10.5e3"),
        ({"a": 1, "b": True}, dict[str, int | float | str], "x.b must be text or a number"),
        ({"b": "010"}, dict[str, float], "x.b must be a number, found '010'"),
        ([1.5, True], list[float], "x must be a number, found true"),
        (["1_0"], tuple[int, ...], "x must be a number, found '1_0'; write 10"),
    ],
)
def test_what_would_be_converted_is_refused(given: Any, annotation: Any, said: str) -> None:
    with pytest.raises(ValueError, match=r"^x") as caught:
        require_no_conversion("x", given, annotation)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("given", "annotation"),
    [
        (True, bool),
        (None, bool | None),
        ("yes", str),
        ("yes", bool | str),
        ("12", int),
        ("0", int),
        ("0.5", float),
        ("auto", Literal["auto"] | float),
        ("a_1", Literal["a_1"] | float),
        ("010", int | str),
        ({"m": "010"}, dict[str, int | float | str]),
        ({"m": True, "n": "010"}, dict[str, int | float | bool | str]),
        (["010"], list[str]),
        ("no list", list[int]),
        ({"a": {"b": True}}, dict[str, dict[str, float]]),
    ],
)
def test_what_is_of_its_own_kind_is_left_to_the_setting(given: Any, annotation: Any) -> None:
    require_no_conversion("x", given, annotation)
