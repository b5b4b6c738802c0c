"""A report holds what it says, escapes what others named, and shows nothing from elsewhere."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from fieldsharp.sweep.report import formatting
from fieldsharp.sweep.report.charts.pareto import front
from fieldsharp.sweep.report.charts.score_history import best_so_far
from tests.sweep.report.conftest import Whole


class _Elements(HTMLParser):
    """Notes elements and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.fixture(scope="module")
def text(whole: Whole) -> str:
    return whole.path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def elements(text: str) -> _Elements:
    return _Elements(text)


def test_no_name_becomes_an_element_or_is_run(text: str, elements: _Elements, whole: Whole) -> None:
    assert not {tag for tag, _ in elements.found} & {"script", "b", "iframe", "object", "form"}
    assert not any(name.startswith("on") for _, attrs in elements.found for name in attrs)
    assert whole.report.study in "".join(elements.said)
    assert "{{" in text.split("</h1>")[0]
    assert "49" not in text.split("</h1>")[0].split("<h1>")[1]


def test_nothing_is_loaded_from_anywhere(elements: _Elements) -> None:
    policy = next(a["content"] for t, a in elements.found if t == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    for _, attributes in elements.found:
        for name in ("src", "srcset", "href", "action", "xlink:href"):
            assert re.match(r"data:image/png;base64,|#|$", attributes.get(name, ""))
    assert "@import" not in "".join(elements.said)
    assert not re.findall(r"url\((?!#)", "".join(elements.said))


def test_every_picture_says_what_it_shows_with_figures(elements: _Elements, whole: Whole) -> None:
    images = [attributes for tag, attributes in elements.found if tag == "img"]
    drawings = [attributes for tag, attributes in elements.found if tag == "svg"]
    assert len(images) >= 6
    assert len(images) + len(drawings) == whole.page.pictures
    assert all(re.search(r"\d", image["alt"]) for image in images)
    assert all(drawing["role"] == "img" for drawing in drawings)
    ids = {a["id"] for _, a in elements.found if "id" in a}
    assert {drawing["aria-labelledby"] for drawing in drawings} <= ids
    assert len([a for _, a in elements.found if "id" in a]) == len(ids)


def test_the_contents_lead_somewhere_and_headings_go_down_step_by_step(elements: _Elements) -> None:
    ids = {a["id"] for _, a in elements.found if "id" in a}
    links = [a["href"].removeprefix("#") for tag, a in elements.found if tag == "a"]
    assert links
    assert set(links) <= ids
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_it_says_the_verdict_the_figures_and_how_to_go_on(text: str, whole: Whole) -> None:
    report, said = whole.report, re.sub(r"\s+", " ", text)
    assert f'<p class="name">{report.verdict.name}</p>' in said
    score = report.validation.results["forecast"].score
    assert f"<td>{formatting.number(score)}</td>" in said
    assert f"trial {whole.best}" in said
    assert report.provenance.data_sha256 in said
    assert "python run_sweep.py train best.yaml -o run" in said
    assert "The study was not confirmed" in said
    assert "learning_rate:" in said


def test_the_best_so_far_only_falls_and_the_front_beats_all(whole: Whole) -> None:
    points = whole.report.trials
    scores = [score for _, score in best_so_far(points)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) == min(p.score for p in points if p.is_complete and p.feasible and p.score)
    there = front(points)
    for point in (p for p in points if p.is_complete and p.feasible):
        assert point.sharpness is not None
        assert point.rmse_share is not None
        assert any(
            (p.sharpness or 0) <= point.sharpness and (p.rmse_share or 0) <= point.rmse_share
            for p in there
        )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (formatting.number(-0.000123456), "\N{MINUS SIGN}0.0001235"),
        (formatting.number(None), "\N{EN DASH}"),
        (formatting.number(float("nan")), "\N{EN DASH}"),
        (formatting.percent(0.946), "95 %"),
        (formatting.count(1, "trial"), "1 trial"),
        (formatting.count(1200, "trial"), "1\u202f200 trials"),
        (formatting.duration(45.0), "45 s"),
        (formatting.duration(600.0), "10 min"),
        (formatting.duration(9000.0), "2.5 h"),
        (formatting.listed(["a", "b", "c"]), "a, b and c"),
        (formatting.listed([]), ""),
    ],
)
def test_numbers_are_written_for_people(said: str, meant: str) -> None:
    assert said == meant
