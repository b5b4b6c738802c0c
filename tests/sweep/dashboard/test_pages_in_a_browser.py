"""The door and what is behind it in Chromium."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib import image
from playwright.sync_api import Browser, expect

from fieldsharp.storage.database import open_database
from fieldsharp.sweep.dashboard.server import Dashboard, opened_in_browser
from fieldsharp.sweep.study.lookup import load_study
from tests.browser import visit
from tests.sweep.dashboard.serving import ask, serving
from tests.sweep.report.studies import failed

pytestmark = pytest.mark.outside

ATTACK = b"<script>document.title = 'ran'; fetch('/api/studies')</script><h1>shown</h1>"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def test_the_printed_link_leads_to_the_studies_and_is_not_kept(
    dashboard: Dashboard, browser: Browser
) -> None:
    with visit(browser) as seen:
        seen.page.goto(dashboard.link)
        expect(seen.page.get_by_text("tiny").first).to_be_visible()
        assert dashboard.token not in seen.page.url
        assert seen.page.evaluate("document.cookie") == ""  # it is there, and no script's to read
        (cookie,) = seen.page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        seen.page.goto(f"{dashboard.address}dashboard/studies/1")
        expect(seen.page.get_by_text("Hyperparameter Importance")).to_be_visible()
        expect(seen.page.locator(".js-plotly-plot").first).to_be_visible()
        assert seen.complaints == []
        assert all(asked.startswith(dashboard.address) for asked in seen.requests)
    with visit(browser, java_script=False) as seen:  # another person's browser
        reply = seen.page.goto(f"{dashboard.address}dashboard/studies/1")
        assert reply is not None
        assert reply.status == 401
        seen.page.get_by_label("Token").fill("wrong")
        seen.page.get_by_role("button").click()
        expect(seen.page.get_by_role("heading")).to_have_text("This dashboard is locked")
        seen.page.get_by_label("Token").fill(dashboard.token)
        seen.page.get_by_role("button").click()
        assert seen.page.url == f"{dashboard.address}dashboard/studies/1"
        assert seen.page.title() == "Optuna Dashboard"


def test_a_trial_shows_what_it_forecast_and_why_it_wins_or_not(
    own_url: str, browser: Browser
) -> None:
    with serving(own_url) as dashboard, visit(browser, height=2400) as seen:
        page = seen.page
        page.goto(dashboard.link)
        page.goto(f"{dashboard.address}dashboard/studies/1/trials?numbers=3")
        expect(page.get_by_text("Trained with")).to_be_visible()
        expect(page.get_by_role("cell", name="gradient [ug m-3 per cell]")).to_be_visible()
        page.wait_for_function(
            "[...document.images].filter(i => i.complete && i.naturalWidth > 300).length >= 6"
        )  # the maps in the note, and five artifacts
        shown = page.evaluate("[...document.images].map(i => new URL(i.src).origin)")
        assert set(shown) == {dashboard.address.rstrip("/")}
        maps = page.locator("img[alt*='observed']").first
        assert len(np.unique(_pixels(maps.screenshot()), axis=0)) > 50, "it is blank"
        page.goto(f"{dashboard.address}dashboard/studies/1/note")
        expect(page.get_by_role("heading", name="Verdict")).to_be_visible()
        assert seen.complaints == []


def test_a_reason_of_others_makes_no_link_and_no_picture(own_copy: str, browser: Browser) -> None:
    words = (
        "[x](https://example.org) ![y](https://example.org/y.png) www.example.org a@example.org "
        "https://example.org <img src='https://example.org/z.png'>"
    )
    study = load_study(open_database(own_copy, "write"), "tiny")
    study.add_trial(failed(study.get_trials()[1], words))
    with serving(own_copy) as dashboard, visit(browser) as seen:
        seen.page.goto(dashboard.link)
        seen.page.goto(f"{dashboard.address}dashboard/studies/1/trials?numbers=8")
        expect(seen.page.get_by_text("Failed:").first).to_be_visible()
        expect(seen.page.get_by_text("a@example.org").first).to_be_visible()
        led = seen.page.evaluate(
            "[...document.links].map(a => a.href).concat([...document.images].map(i => i.src))"
        )
        assert not [address for address in led if "example.org" in address]
        assert seen.complaints == []


def _pixels(png: bytes) -> npt.NDArray[np.float32]:
    pixels: npt.NDArray[np.float32] = image.imread(io.BytesIO(png))
    return pixels.reshape(-1, pixels.shape[-1])


def test_the_file_that_a_browser_is_started_with_leads_in(
    dashboard: Dashboard, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr("webbrowser.open", started.append)
    with opened_in_browser(dashboard.link), visit(browser) as seen:
        (file,) = started
        assert dashboard.token not in file
        path = Path(file.removeprefix("file://"))
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        seen.page.goto(file)
        expect(seen.page.get_by_text("tiny").first).to_be_visible()
        assert dashboard.token not in seen.page.url
        assert seen.complaints == []
    assert not path.parent.exists()


def test_an_uploaded_page_does_not_run_and_a_picture_is_shown(
    own_copy: str, browser: Browser
) -> None:
    with serving(own_copy, allow_write=True) as dashboard, visit(browser) as seen:
        seen.page.goto(dashboard.link)
        attack = f"artifacts/1/{_upload(dashboard, 'page.html', ATTACK)}"
        with seen.page.expect_download() as saved:
            seen.page.evaluate("path => { location.href = path }", f"/{attack}")
        assert Path(saved.value.path()).read_bytes() == ATTACK
        assert seen.page.title() == "Optuna Dashboard"
        # Nor as a script, nor in a frame, of the dashboard's own page.
        assert (
            seen.page.evaluate(
                """path => new Promise(done => {
                    const script = document.createElement('script');
                    script.onload = () => done('ran');
                    script.onerror = () => done('refused');
                    script.src = path;
                    document.body.append(script);
                })""",
                f"/{attack}",
            )
            == "refused"
        )
        seen.page.evaluate(
            "path => { const f = document.createElement('iframe'); f.src = path; "
            "document.body.append(f) }",
            f"/artifacts/1/{_upload(dashboard, 'x.svg', b'<svg onload=alert(1)></svg>')}",
        )
        picture = f"artifacts/1/{_upload(dashboard, 'map.png', PICTURE)}"
        width = """path => new Promise((done, failed) => {
            const image = new Image();
            image.onload = () => done(image.naturalWidth);
            image.onerror = failed;
            image.src = path;
        })"""
        assert seen.page.evaluate(width, f"/{picture}") == 1
        reply = seen.page.goto(f"{dashboard.address}{picture}")
        assert reply is not None
        assert reply.headers["content-type"] == "image/png"
        assert seen.page.evaluate("document.images[0].naturalWidth") == 1
        assert seen.page.evaluate("origin") == "null"  # what is opened has no origin of ours


def _upload(dashboard: Dashboard, name: str, content: bytes) -> str:
    file = f"data:text/html;base64,{base64.b64encode(content).decode()}"
    body = json.dumps({"file": file, "filename": name}).encode()
    reply = ask(dashboard, "/api/artifacts/1", "POST", token=dashboard.token, body=body)
    assert reply.status == 201
    return str(json.loads(reply.body)["artifact_id"])
