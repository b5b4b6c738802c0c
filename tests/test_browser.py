"""The browser the other tests lean on reports what goes wrong on a page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import visit

pytestmark = pytest.mark.outside


def test_a_page_is_shown_and_what_goes_wrong_on_it_is_told(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<meta http-equiv='Content-Security-Policy' content=\"img-src 'none'\"><h1>Fields</h1>"
        "<img src='https://example.org/x.png'><script>throw new Error('not caught')</script>",
        encoding="utf-8",
    )
    with visit(browser) as seen:
        seen.page.goto(page.as_uri())
        assert seen.page.get_by_role("heading").inner_text() == "Fields"
        assert any("not caught" in complaint for complaint in seen.complaints)
        assert any("Content Security Policy" in complaint for complaint in seen.complaints)
        assert seen.requests[0] == page.as_uri()


def test_visits_share_no_cookies_and_scripts_can_be_off(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>off</p><script>document.querySelector('p').textContent = 'on'</script>")
    for java_script, said in ((True, "on"), (False, "off")):
        with visit(browser, java_script=java_script, width=400, dark=True) as seen:
            seen.page.goto(page.as_uri())
            assert seen.page.locator("p").inner_text() == said
            assert seen.page.context.cookies() == []
