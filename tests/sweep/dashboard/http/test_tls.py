"""Serving by TLS, with certificates made here."""

import http.client
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.dashboard.http.tls import load_tls
from fieldsharp.sweep.dashboard.server import Dashboard
from tests.sweep.dashboard.serving import serving


def _make(folder: Path, *more: str) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl on this machine; .ci/run installs it")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2"
    files = ["-keyout", str(key), "-out", str(certificate)]
    rest = ["-subj", "/CN=sweeps", "-addext", names, *files, *(more or ("-nodes",))]
    subprocess.run([*command.split(), *rest], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return _make(tmp_path_factory.mktemp("pair"))


def test_the_link_is_https_and_the_cookie_goes_nowhere_else(
    finished_url: str, pair: tuple[Path, Path]
) -> None:
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    with serving(finished_url, tls=load_tls(*pair)) as dashboard:
        assert dashboard.link.startswith("https://127.0.0.1:")
        parts = urlsplit(dashboard.link)
        assert parts.hostname is not None
        assert parts.port is not None
        # One that connects and says nothing keeps nobody out; nor does one that speaks no TLS.
        with socket.create_connection((parts.hostname, parts.port)):
            with socket.create_connection((parts.hostname, parts.port), timeout=60) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert b"HTTP/1.1 2" not in plain.recv(100)
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, context=trusting, timeout=60
            )
            for path, status in ((f"/?{parts.query}", 303), ("/api/meta", 401)):
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                assert response.status == status
                assert response.getheader("Set-Cookie", "Secure").endswith("Secure")
            connection.close()


def test_every_address_may_be_listened_on_under_a_name(
    finished_url: str, pair: tuple[Path, Path]
) -> None:
    tls = load_tls(*pair)
    assert tls is not None
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(ConfigError, match="give the name that the certificate is for by --allow"):
        Dashboard(finished_url, "::", 0, allow_write=False, tls=tls)


def test_files_that_cannot_be_used_are_refused_in_a_sentence(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    assert load_tls(None, None) is None
    other = _make(tmp_path)
    locked = tmp_path / "locked"
    locked.mkdir()
    with_password = _make(locked, "-passout", "pass:secret")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for certificate, key, said in (
        (pair[0], None, "give --keyfile too"),
        (None, pair[1], "give --certfile too"),
        (tmp_path / "nowhere", pair[1], "--certfile .*nowhere is no file"),
        (pair[0], tmp_path, "--keyfile .* is no file"),
        (pair[0], other[1], "key.pem is not the key of --certfile .*cert.pem; give"),
        (text, pair[1], "cannot be used for TLS; give a certificate and its own key"),
        (pair[0], text, "cannot be used for TLS; give a certificate and its own key"),
        (*with_password, "is protected by a password"),
    ):
        with pytest.raises(ConfigError, match=said) as raised:
            load_tls(certificate, key)
        assert "\n" not in str(raised.value)
