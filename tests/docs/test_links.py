"""Every link and picture of the documentation leads somewhere."""

from pathlib import Path

import pytest

from fieldsharp.core.checkout import PROJECT
from tests.docs.pages import DOCS, anchors, links

PAGES = [
    *(PROJECT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md")),
    *sorted(DOCS.rglob("*.md")),
]
LARGEST_PICTURE = 200_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} is not there"
        assert target.is_relative_to(PROJECT), f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_picture_is_shown_and_small() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    for picture in (DOCS / "images").iterdir():
        assert picture.resolve() in shown, f"{picture.name} is shown nowhere"
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name
