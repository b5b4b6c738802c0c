"""The report opened from disk: readable on a phone and a desk, by day and by night, offline."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import visit
from tests.sweep.report.conftest import Whole

pytestmark = pytest.mark.outside
LEAST_LETTER_PIXELS = 9.0


@pytest.mark.parametrize(("width", "dark"), [(400, True), (1400, False)])
def test_it_is_read_without_network_errors_or_scrolling_sideways(
    browser: Browser, whole: Whole, width: int, dark: bool
) -> None:
    with visit(browser, width=width, dark=dark) as seen:
        page = seen.page
        page.goto(whole.path.as_uri())

        assert page.title() == f"Sweep report: {whole.report.study}"
        assert whole.report.verdict.name in page.locator(".verdict").inner_text()
        scrolled = page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert scrolled[0] <= scrolled[1]
        brightness = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L")).mean()
        assert (brightness < 100) == dark

        pictures = page.locator("figure img, figure svg")
        assert pictures.count() == whole.page.pictures
        assert page.evaluate(SMALLEST_LETTER) >= LEAST_LETTER_PIXELS
        # Those of the pictures within it are no requests that leave it.
        assert [url for url in seen.requests if not url.startswith("data:")] == [
            whole.path.as_uri()
        ]
        assert seen.complaints == []
        if width > 1000:  # the same pictures, and the longest part of this test
            _require_all_pictures_drawn(page)


def _require_all_pictures_drawn(page: Page) -> None:
    whole_page = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    boxes = page.evaluate(BOXES)
    assert len(boxes) >= 6
    for box in boxes:
        part = np.asarray(whole_page.crop(tuple(box))).astype(int)
        assert part.size
        assert part.std(axis=(0, 1)).max() > 8.0, f"a picture at {box} is blank"


BOXES = """[...document.querySelectorAll("figure img, figure svg")].map(e => {
    const box = e.getBoundingClientRect(), up = window.scrollY;
    return [box.left, box.top + up, box.right, box.bottom + up].map(Math.round);
})"""
SMALLEST_LETTER = """Math.min(...[...document.querySelectorAll("figure svg")].map(e => {
    const zoom = e.getBoundingClientRect().width / e.viewBox.baseVal.width;
    const letters = [...e.querySelectorAll("text")].map(t => getComputedStyle(t).fontSize);
    return zoom * Math.min(...letters.map(parseFloat));
}))"""


def test_on_paper_it_is_light_and_no_picture_is_cut(browser: Browser, whole: Whole) -> None:
    with visit(browser, width=720, dark=True) as seen:
        seen.page.emulate_media(media="print", color_scheme="dark")
        seen.page.goto(whole.path.as_uri())
        paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        inside = seen.page.evaluate(
            'getComputedStyle(document.querySelector("figure")).breakInside'
        )
        assert inside == "avoid"
        shown = seen.page.evaluate('document.querySelector("figure img").currentSrc')
        assert shown == seen.page.locator("figure img").first.get_attribute("src")
