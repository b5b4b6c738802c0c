"""Every picture of a trial can be drawn and read, whatever the field is like."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from fieldsharp.sweep.pictures.image_export import drawing
from fieldsharp.sweep.pictures.source import PictureSource
from fieldsharp.sweep.pictures.style import DARK, LIGHT, Style
from fieldsharp.sweep.pictures.trial_pictures import DRAWINGS, can_be_drawn, draw
from fieldsharp.sweep.study.files.artifacts import PICTURES, Picture
from tests.sweep.pictures.sources import made_source

SOURCES = {
    "usual": made_source(),
    "large and thinned": made_source(shape=(30, 12), every=12, scale=1e6, feasible=False),
    "tiny values": made_source(shape=(22, 28), scale=1e-6, units="kg kg-1", number=1000),
    "flat, no number": made_source(
        shape=(9, 30), labels=("x [km]", "y [km]"), with_baseline=False, broken=True
    ),
    "constant, one lead, one epoch": made_source(leads=1, epochs=1, constant=True),
    "many epochs and leads, one row": made_source(shape=(1, 20), leads=12, epochs=200),
    "a name like a formula": made_source(variable="$x_{1}$ \u6c34\u8ff7 " + 60 * "w", units="$^"),
}
DIFFERS_IN_ALL = ("constant, one lead, one epoch", "many epochs and leads, one row")


@pytest.mark.parametrize("name", SOURCES)
def test_all_letters_are_large_enough_and_none_is_cut_off_or_covers_another(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Text] = []
    draw_text = Text.draw

    def noted(text: Text, renderer: RendererBase) -> None:
        drawn.append(text)
        draw_text(text, renderer)

    # Not those the figure holds: matplotlib keeps labels ready that it does not draw.
    monkeypatch.setattr(Text, "draw", noted)
    everything = [key for key in PICTURES if can_be_drawn(key, SOURCES[name])]
    # What differs between the others is in these.
    some = [key for key in everything if key.startswith("maps") or PICTURES[key].of_members]
    for key in everything if name in DIFFERS_IN_ALL else some:
        drawn.clear()
        with drawing():
            figure = DRAWINGS[key](SOURCES[name], LIGHT)
            FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
            there = [text for text in drawn if text.get_visible() and text.get_text().strip()]
            boxes = [(text.get_text(), text.get_window_extent()) for text in there]
        assert min(float(text.get_fontsize()) for text in there) >= 8.0
        for words, box in boxes:
            cut = min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1)
            assert cut > -1.0, f"{key}: {words!r} is cut off by {-cut:.0f} pixels"
        for (a, one), (b, other) in itertools.combinations(boxes, 2):
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            up = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(across, up) < 2.0, f"{key}: {a!r} covers {b!r}"


@pytest.mark.parametrize(
    ("key", "style"), [(key, DARK if index % 2 else LIGHT) for index, key in enumerate(PICTURES)]
)
def test_pictures_are_drawn_in_both_styles_and_not_blank(key: Picture, style: Style) -> None:
    content = draw(key, SOURCES["usual"], style)
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    paper = tuple(int(style.paper[i : i + 2], 16) for i in (1, 3, 5))
    assert tuple(image[0, 0]) == paper
    assert (image != paper).any(axis=-1).mean() > 0.02
    assert len(content) < 200_000


def test_every_picture_that_is_an_artifact_can_be_drawn() -> None:
    assert list(DRAWINGS) == list(PICTURES)
    assert all(can_be_drawn(key, made_source()) for key in PICTURES)


def test_without_a_forecast_or_a_second_lead_there_are_fewer() -> None:
    pruned, near = made_source(pruned=True), made_source(leads=1)
    assert [key for key in PICTURES if can_be_drawn(key, pruned)] == ["by-lead", "epochs"]
    far = ["maps-last-lead", "members-last-lead"]
    assert [key for key in PICTURES if not can_be_drawn(key, near)] == far


def test_a_single_forecast_has_no_pictures_of_members() -> None:
    single = made_source(with_members=False)
    of_members = [key for key, kind in PICTURES.items() if kind.of_members]
    assert [key for key in PICTURES if not can_be_drawn(key, single)] == of_members
    without_scores = replace(made_source(), members=None)
    assert not any(can_be_drawn(key, without_scores) for key in of_members)


def _said(source: PictureSource, key: Picture) -> str:
    with drawing():
        texts = DRAWINGS[key](source, LIGHT).findobj(Text)
    return " ".join(text.get_text() for text in texts if isinstance(text, Text))


def test_a_picture_says_which_trial_when_and_whether_it_can_win() -> None:
    said = _said(made_source(feasible=False, number=7, every=3), "maps-last-lead")

    assert "Trial 7" in said
    assert "4 h ahead, valid 2018-07-16 02:00" in said
    assert "breaks a guard" in said
    assert "every 3rd row and column" in said
    assert "hatched cells are masked" in said
    assert "predicted by the baseline" in said
    assert "breaks a guard" not in _said(made_source(), "epochs")


def test_a_baseline_of_another_grid_is_left_out() -> None:
    source = made_source()
    other = made_source(shape=(8, 8)).preview
    changed = PictureSource(**{**source.__dict__, "baseline": other})

    assert "baseline" not in _said(changed, "maps-first-lead")


def test_threads_get_the_same_picture_as_one_alone() -> None:
    source = SOURCES["usual"]
    alone = draw("by-lead", source, LIGHT)
    with ThreadPoolExecutor(3) as threads:
        drawn = list(threads.map(lambda _: draw("by-lead", source, LIGHT), range(3)))

    assert drawn == [alone] * 3
