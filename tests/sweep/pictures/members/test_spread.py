"""Lines by lead are those of the record."""

import numpy as np
import pytest

from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.members.spread import draw_spread
from fieldsharp.sweep.pictures.style import LIGHT
from tests.sweep.pictures.sources import made_source


def test_spread_error_and_crps_are_those_of_the_record_in_its_units() -> None:
    source = made_source(leads=3, number=5, scale=1e-6)
    with drawing():
        figure = draw_spread(source, LIGHT)

    spread, crps = (
        {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in axes.lines}
        for axes in figure.axes
    )
    assert spread == {"error of the mean": [4.0, 4.0, 4.0], "spread": [1.5, 3.0, 4.5]}
    assert list(crps) == ["dressed", "climatology", "trial 5"]
    # In millionths of the unit, as the axis says.
    assert crps["trial 5"] == pytest.approx([1.0, 2.0, 3.0])
    assert crps["dressed"] == pytest.approx([1.25, 2.5, 3.75])
    assert crps["climatology"] == pytest.approx([2.5, 5.0, 7.5])
    assert figure.axes[1].get_ylabel() == "CRPS [10\u207b\u2076 ug m-3]"
    assert all(axes.get_ylim()[0] == 0.0 for axes in figure.axes)
    assert figure.axes[0].get_xlabel() == "lead (1: 2 h ahead, 3: 6 h ahead)"
