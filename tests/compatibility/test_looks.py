"""How what commands say is compared: rounding is let pass, another word or a lost key is not."""

import pytest

from tests.compatibility.looks import differences, missing_numbers


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"score": 1.0}, {"score": 1.00005, "newer": 3}),
        ({"gain": 0.0}, {"gain": 5e-5}),
        ({"bias": [0.1]}, {"bias": [0.104]}),
        (["gradient 7.445 (target 7.222)"], ["gradient 7.446  (target 7.222)"]),
    ],
)
def test_rounding_and_what_is_new_are_no_difference(wanted: object, found: object) -> None:
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"score": 1.0}, {"score": 1.001}),
        ({"score": 1.0}, {"points": 1.0}),
        ({"score": 1.0}, {"score": None}),
        ({"feasible": True}, {"feasible": 1}),
        ([1, 2], [1, 2, 3]),
        ("trial 2 wins", "trial 3 wins"),
        ("trial 2 wins", "trial 2 won"),
        ("two\nlines", "two"),
    ],
)
def test_another_value_word_or_number_is_a_difference(wanted: object, found: object) -> None:
    assert len(differences(wanted, found)) == 1


def test_a_number_that_is_gone_is_missing_in_whatever_words() -> None:
    assert missing_numbers("one 1\ntwo 2\n", "second: 2.001, first: 1, third: 3\n") == []
    assert missing_numbers("one 1\ntwo 2, 2\n", "two 2, 1.5\n") == [1.0, 2.0]
