"""A real browser for tests: Debian's Chromium without a window, driven by Playwright.

Take the fixture ``browser`` (one a test process, see ``conftest.py``) and visit pages with it:
visits share neither cookies nor caches.

    def test_the_page(browser: Browser) -> None:
        with visit(browser) as seen:
            seen.page.goto(address)
            ...
            assert seen.complaints == []
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox",  # containers have no user namespaces; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have 64 MB of it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 20_000
"""For every wait: a machine that is busy with other tests is slow, and not wrong."""


@dataclass(frozen=True)
class Visit:
    """One page in a context of its own, with everything that went wrong on it.

    Attributes:
        page: What is driven.
        complaints: Errors and warnings of the console, which has the violations of a content
            policy too, and exceptions that no script caught.
        requests: Every address the page asked for, in order.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser without a window; skip the test where there is no Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on this machine; .ci/run installs it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser,
    *,
    width: int = 1200,
    height: int = 800,
    dark: bool = False,
    java_script: bool = True,
    insecure: bool = False,
) -> Iterator[Visit]:
    """Yield an empty page of a new context, which knows no cookie yet.

    Args:
        browser: The fixture.
        width: Of the window, in CSS pixels.
        height: Of the window, in CSS pixels.
        dark: Whether the person prefers dark pages.
        java_script: Whether scripts run.
        insecure: Whether a certificate that nobody signed is good enough.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=java_script,
        ignore_https_errors=insecure,
    )
    context.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)  # its own, five seconds, is short for a first page
    try:
        seen = Visit(context.new_page())

        def note_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                seen.complaints.append(message.text)

        def note_request(request: Request) -> None:
            seen.requests.append(request.url)

        seen.page.on("console", note_console)
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("request", note_request)
        yield seen
    finally:
        context.close()
