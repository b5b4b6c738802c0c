"""Nothing is answered to a request that was not let in, on any route."""

import json
import re
from collections.abc import Iterator
from typing import Any

import optuna
import optuna_dashboard
import pytest

from fieldsharp.sweep.dashboard.server import Dashboard
from tests.sweep.dashboard.serving import ask, place

PAGE = "text/html,application/xhtml+xml"


def _routes() -> Iterator[tuple[str, str]]:
    """Yield method and an example path of every route the dashboard has, in whatever version."""
    app: Any = optuna_dashboard.wsgi(optuna.storages.InMemoryStorage())
    for route in app.routes:
        path = re.sub(r"<[^<]*>", "1", re.sub(r"<:re:[^<]*>", "", route.rule))
        found, _ = app.router.match({"REQUEST_METHOD": route.method, "PATH_INFO": path})
        assert found is route, route.rule
        yield route.method, path


ROUTES = sorted(
    {
        *_routes(),
        *((method, "/nowhere") for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE", "ODD")),
        *((method, "/api/studies") for method in ("HEAD", "OPTIONS", "PATCH")),
        ("GET", "/static/bundle.js"),
        ("GET", "/dashboard/studies/1"),
        ("GET", "/static/%2e%2e/index.html"),
    }
)


def test_every_route_is_known() -> None:
    assert len(ROUTES) > 35
    assert {"/", "/dashboard", "/api/studies", "/artifacts/1/1/1"} <= {path for _, path in ROUTES}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_is_answered_without_the_token_or_to_another_name_or_origin(
    dashboard: Dashboard, method: str, path: str
) -> None:
    refused = ask(dashboard, path, method)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert ask(dashboard, f"{path}?token=wrong", method).status == 401
    assert ask(dashboard, path, method, token="wrong").status == 401  # noqa: S106
    assert (
        ask(dashboard, path, method, headers={"Cookie": _cookie_name(dashboard) + "=0"}).status
        == 401
    )
    for host in ("evil.example", f"evil.example:{place(dashboard)[1]}", "127.0.0.1", ""):
        assert (
            ask(dashboard, path, method, token=dashboard.token, headers={"Host": host}).status
            == 421
        )
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert (
            ask(dashboard, path, method, token=dashboard.token, headers={"Origin": origin}).status
            == 403
        )
    if method not in ("GET", "HEAD", "OPTIONS"):
        assert ask(dashboard, path, method, token=dashboard.token).status == 403


@pytest.mark.parametrize("path", ["/", "/dashboard", "/api/studies", "/favicon.ico"])
def test_with_the_token_a_script_gets_it(dashboard: Dashboard, path: str) -> None:
    reply = ask(dashboard, path, token=dashboard.token)
    assert reply.status == 200
    assert (
        ask(dashboard, path, headers={"Authorization": f"bearer  {dashboard.token}"}).status == 200
    )
    assert ask(dashboard, path, headers={"Authorization": f"Basic {dashboard.token}"}).status == 401


def test_the_link_is_changed_for_a_cookie_and_an_address_without_token(
    dashboard: Dashboard,
) -> None:
    reply = ask(dashboard, f"/dashboard/studies/1?a=b&token={dashboard.token}")
    assert reply.status == 303
    assert reply.headers["Location"] == "/dashboard/studies/1?a=b"
    cookie, *rules = reply.headers["Set-Cookie"].split("; ")
    assert rules == ["HttpOnly", "SameSite=Strict", "Path=/"]
    assert cookie.startswith(f"{_cookie_name(dashboard)}=")
    assert dashboard.token not in cookie
    # Among those of other programs of this host, which may be odd.
    assert (
        ask(dashboard, "/api/studies", headers={"Cookie": f"a={{; odd; {cookie}; b"}).status == 200
    )
    value = cookie.partition("=")[2]
    assert ask(dashboard, "/api/studies", token=value).status == 401
    assert ask(dashboard, f"/?token={value}").status == 401


def test_the_token_in_an_address_counts_for_pages_alone(dashboard: Dashboard) -> None:
    assert ask(dashboard, f"/api/studies?token={dashboard.token}").status == 401
    assert ask(dashboard, f"/?token={dashboard.token}", "POST").status == 401
    assert ask(dashboard, f"/?token={dashboard.token}", "HEAD").status == 401


def test_a_person_is_told_what_to_do_and_a_script_why(dashboard: Dashboard) -> None:
    page = ask(dashboard, "/dashboard", headers={"Accept": PAGE})
    assert page.status == 401
    assert b"Open the link" in page.body
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Bearer TOKEN" in json.loads(ask(dashboard, "/dashboard").body)["reason"]
    away = ask(dashboard, "/", headers={"Accept": PAGE, "Host": "evil.example"})
    assert b"evil.example" not in away.body
    assert b"--allow-host" in away.body


def test_another_page_may_link_here_but_ask_for_nothing(dashboard: Dashboard) -> None:
    token = dashboard.token
    for site in ("cross-site", "same-site"):  # the second is any other port of this machine
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        picture = {**link, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        assert ask(dashboard, "/dashboard", token=token, headers=link).status == 200
        assert ask(dashboard, "/api/studies", "POST", token=token, headers=link).status == 403
        link["Sec-Fetch-Dest"] = "iframe"
        assert ask(dashboard, "/dashboard", token=token, headers=link).status == 403
        assert ask(dashboard, "/api/studies", token=token, headers=picture).status == 403
        # A redirect would be sent without the cookie, being the other page's doing.
        link["Sec-Fetch-Dest"] = "document"
        first = ask(dashboard, f"/?token={token}&a=%22%3E", headers=link)
        assert first.status == 200
        assert b'content="0; url=/?a=%22%3E"' in first.body
        assert token.encode() not in first.body
        assert "Set-Cookie" in first.headers


def test_every_answer_has_the_headers_and_no_version(dashboard: Dashboard) -> None:
    for path in ("/", "/dashboard", "/api/studies", "/nowhere", "/static/bundle.js", "/csv/1"):
        for token in (None, dashboard.token):
            headers = ask(dashboard, path, token=token).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Server"] == "dashboard"
            kept = "private, no-cache" if token and "static" in path else "no-store"
            assert headers["Cache-Control"] == kept
            assert not [name for name in headers if name.startswith("Access-Control")]


def test_pages_keep_their_policy_and_get_the_rest_of_one(dashboard: Dashboard) -> None:
    policy = ask(dashboard, "/dashboard", token=dashboard.token).headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    data = ask(dashboard, "/api/studies", token=dashboard.token).headers
    assert data["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_a_table_is_saved_under_the_name_of_its_study(dashboard: Dashboard) -> None:
    headers = ask(dashboard, "/csv/1", token=dashboard.token).headers
    assert headers["Content-Disposition"] == 'attachment; filename="tiny.csv"'


def test_what_a_proxy_says_leads_nowhere(dashboard: Dashboard) -> None:
    port = place(dashboard)[1]
    cookie = ask(dashboard, f"/?token={dashboard.token}").headers["Set-Cookie"].split(";")[0]
    reply = ask(
        dashboard,
        "/",
        headers={
            "Cookie": cookie,
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "Host": f"localhost:{port}",
        },
    )
    assert (reply.status, reply.headers["Location"]) == (302, "/dashboard")


def test_no_token_is_logged(
    dashboard: Dashboard, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    ask(dashboard, f"/?token={dashboard.token}")
    ask(dashboard, f"/api/studies/999?token={dashboard.token}", token=dashboard.token)
    ask(dashboard, f"/api/studies/1?after=x&token={dashboard.token}", token=dashboard.token)
    ask(dashboard, f"/static/a%01?token={dashboard.token}", token=dashboard.token)
    assert dashboard.token not in caplog.text
    captured = capfd.readouterr()
    assert dashboard.token not in captured.out + captured.err


def _cookie_name(dashboard: Dashboard) -> str:
    return f"sweep-dashboard-{place(dashboard)[1]}"
