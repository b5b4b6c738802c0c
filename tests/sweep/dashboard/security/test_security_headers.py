"""What the browser may do with what the application sends."""

from typing import Any

import pytest

from fieldsharp.sweep.dashboard.security.security_headers import contained


def _sent(
    path: str, headers: list[tuple[str, str]], status: str = "200 OK"
) -> tuple[str, dict[str, str]]:
    found: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        found.append((status, headers))

    contained({"PATH_INFO": path}, start)(status, headers)
    names = [name.lower() for name, _ in found[0][1]]
    assert len(names) == len(set(names))
    return found[0][0], dict(found[0][1])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("text/html", "application/octet-stream"),
        ("Text/HTML; charset=utf-8", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("application/javascript", "application/octet-stream"),
        ("text/xml", "application/octet-stream"),
        ("application/pdf", "application/octet-stream"),
        ("image/png, text/html", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("text/csv", "text/csv"),
        ("application/json", "application/json"),
        ("video/mp4", "video/mp4"),
    ],
)
def test_a_file_that_is_no_picture_is_saved_and_not_opened(given: str, sent: str) -> None:
    headers = _sent(
        "/artifacts/1/2/ab-cd", [("Content-Type", given), ("Access-Control-Allow-Origin", "*")]
    )[1]
    assert headers["Content-Type"] == sent
    assert headers["Content-Disposition"] == 'attachment; filename="ab-cd"'
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_a_picture_is_shown_and_kept(kind: str) -> None:
    headers = _sent("/artifacts/1/2/ab", [("content-type", kind)])[1]
    assert headers["content-type"] == kind
    assert "Content-Disposition" not in headers
    assert headers["Content-Security-Policy"].startswith("sandbox; ")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, max-age=3600"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("attachment; filename=a.csv", 'filename="a.csv"'),
        ('attachment; filename="a b.csv"', "filename=\"a_b.csv\"; filename*=UTF-8''a%20b.csv"),
        ('inline; filename="../../.bashrc"', 'filename="_.._.bashrc"'),
        ("attachment; filename=a.csv; b=c\r\nX: y", 'filename="a.csv'),
        (
            "attachment; filename=潮.csv".encode().decode("latin-1"),
            "filename=\"_.csv\"; filename*=UTF-8''%E6%BD%AE.csv",
        ),
        ("attachment; filename*=UTF-8''%E6%BD%AE.csv", "filename*=UTF-8''%E6%BD%AE.csv"),
        ("attachment", 'filename="1"'),
    ],
)
def test_the_name_of_a_saved_file_is_a_name_and_nothing_else(said: str, sent: str) -> None:
    given = [("Content-Type", "text/csv"), ("Content-Disposition", said)]
    disposition = _sent("/csv/1", given)[1]["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert sent in disposition
    assert disposition.isascii()
    assert disposition.isprintable()


def test_an_address_to_go_on_to_stays_here() -> None:
    for given, sent in (
        ("http://127.0.0.1:8080/dashboard?a=b", "/dashboard?a=b"),
        ("https://evil.example//evil.example/x", "/evil.example/x"),
        ("/dashboard", "/dashboard"),
    ):
        assert _sent("/", [("Location", given)], "302 Found")[1]["Location"] == sent


def test_a_page_without_a_policy_gets_a_whole_one() -> None:
    policy = _sent("/dashboard", [("Content-Type", "text/html")])[1]["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; ")


def test_errors_of_the_application_are_shown_without_rights() -> None:
    headers = _sent("/nowhere", [("Content-Type", "text/html")], "404 Not Found")[1]
    assert headers["Content-Security-Policy"].startswith("sandbox; ")
