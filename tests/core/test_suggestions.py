from __future__ import annotations

from fieldsharp.core.suggestions import nearest, unknown


def test_a_slip_of_the_pen_finds_the_right_name() -> None:
    assert nearest("gradeint", ["peak", "gradient", "rmse"]) == "gradient"
    assert nearest("xyz", ["peak", "gradient"]) is None


def test_an_unknown_name_is_answered_with_the_nearest_and_all_there_are() -> None:
    assert unknown("metric", "peek", ["rmse", "peak"]) == (
        "unknown metric 'peek': did you mean 'peak'? choose one of peak, rmse"
    )


def test_without_a_near_name_none_is_guessed() -> None:
    assert unknown("loss", "xyz", ["mse"]) == "unknown loss 'xyz': choose one of mse"
    assert unknown("loss", "xyz", []) == "unknown loss 'xyz': choose one of (none there)"
