"""Maps of members: what is in each, and on which scale."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.members.maps import draw_members, member_panels
from fieldsharp.sweep.pictures.style import LIGHT
from tests.sweep.pictures.sources import made_source

TITLES = ["observed", "member 1", "member 2", "member 3", "mean of all 4", "spread of all 4"]


@pytest.mark.parametrize("lead", [0, -1])
def test_every_map_has_the_values_of_the_preview_and_one_scale_but_the_spread(lead: int) -> None:
    source = made_source()
    assert source.forecast is not None
    members = source.forecast.members
    assert members is not None
    with drawing():
        figure = draw_members(source, LIGHT, lead)

    maps = {axes.get_title(loc="left"): _image(axes) for axes in figure.axes if axes.images}
    assert list(maps) == TITLES
    fields = [source.observed.values_LHW, *members.shown_MLHW, members.mean_LHW, members.spread_LHW]
    inside = source.observed.mask_HW
    for image, field_LHW in zip(maps.values(), fields, strict=True):
        drawn_HW = image.get_array()
        assert drawn_HW is not None
        assert np.asarray(drawn_HW)[inside] == pytest.approx(field_LHW[lead][inside], rel=1e-6)
        assert np.ma.getmaskarray(drawn_HW)[~inside].all()
    limits = [image.get_clim() for image in maps.values()]
    assert len(set(limits[:-1])) == 1
    assert limits[-1][0] == 0.0
    assert limits[-1][1] == pytest.approx(np.percentile(members.spread_LHW[lead][inside], 99.5))


def _image(axes: Axes) -> AxesImage:
    (image,) = axes.images
    return image


def test_the_scale_of_the_fields_is_that_of_the_truth_and_all_that_was_predicted() -> None:
    source = made_source()
    assert source.forecast is not None
    assert source.forecast.members is not None
    panels = member_panels(source.observed, source.forecast.members, 0)
    lowest = min(float(np.nanmin(panel.values_HW)) for panel in list(panels.values())[:-1])
    observed_HW = panels["observed"].values_HW
    assert panels["observed"].scale.low <= np.nanmin(observed_HW)
    assert panels["observed"].scale.high >= np.nanmax(observed_HW)
    assert panels["observed"].scale.low == pytest.approx(lowest, abs=5.0)
