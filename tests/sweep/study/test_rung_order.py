"""An order at a rung that results are added to is that of all results at once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsharp.sweep.study.rung_order import RungOrder
from fieldsharp.sweep.study.rung_results import RungResult, ranked

scores = st.sampled_from([0.0, 0.0005, 0.001, 0.3, math.inf])
distances = st.sampled_from([0.0, 0.1, 0.2, 0.3])
violations = st.sampled_from([-1.0, 0.0, 0.0, 0.2, 0.5])


@pytest.mark.parametrize("values", [(scores,), (distances,) * 3], ids=["score", "fronts"])
@given(data=st.data())
def test_each_result_gives_the_order_of_all_at_once(
    values: tuple[st.SearchStrategy[float], ...], data: st.DataObject
) -> None:
    one = st.tuples(st.tuples(*values), violations, st.sampled_from([1.0, 2.0, math.inf]))
    order = RungOrder()
    results: dict[int, RungResult] = {}
    numbers = data.draw(st.permutations(range(12)))
    for number, (found, violation, rmse) in zip(
        numbers, data.draw(st.lists(one, max_size=12)), strict=False
    ):
        results[number] = RungResult(epochs=1, values=found, violation=violation, rmse=rmse)
        order.add(number, results[number])
        assert list(order.numbers) == ranked(results)
