"""A drawing in a page takes the page's colours and letters, and brings nothing foreign along."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from fieldsharp.sweep.pictures.image_export import as_svg
from fieldsharp.sweep.pictures.leads import one_by_lead
from fieldsharp.sweep.pictures.style import PAGE, ROLES
from tests.sweep.pictures.sources import made_source


@pytest.fixture(scope="module")
def drawn() -> str:
    source = made_source(units="<b>&")
    lines = {"observed": source.by_lead["peak_observed"], "forecast": source.by_lead["peak"]}
    figure = one_by_lead("peak", lines, source.targets.peak, source.observed, PAGE)
    return as_svg(figure, "peaks", 'a "title" <script>&')


def test_colours_are_the_pages_own(drawn: str) -> None:
    assert "var(--forecast)" in drawn
    assert "var(--ink)" in drawn
    assert not any(getattr(PAGE, role) in drawn for role in ROLES)
    fixed = set(re.findall(r"#[0-9a-f]{6}\b", drawn))
    assert not fixed, "another page may be dark"


def test_letters_are_text_that_can_be_read_aloud_and_searched(drawn: str) -> None:
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Mean peak by lead" in texts
    assert "peak [<b>&]" in texts
    assert root.get("role") == "img"
    assert root[0].tag.endswith("title")
    assert root[0].text == 'a "title" <script>&'
    assert root.get("width") is None


def test_ids_are_the_drawings_own_and_every_reference_leads_to_one(drawn: str) -> None:
    ids = re.findall(r' id="([^"]+)"', drawn)
    assert ids
    assert all(name.startswith("peaks-") for name in ids)
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawn))
    assert wanted | {"peaks-title"} == set(ids)


def test_it_names_no_address_but_that_of_its_language(drawn: str) -> None:
    assert set(re.findall(r"https?://[^\"' <]+", drawn)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
