"""Which host names the dashboard answers to."""

import pytest

from fieldsharp.core.errors import ConfigError
from fieldsharp.sweep.dashboard.security.host_and_origin import AllowedHosts


def _answers(hosts: AllowedHosts, name: str) -> bool:
    return hosts.check({"HTTP_HOST": name}) is None


@pytest.mark.parametrize("name", ["127.0.0.1:81", "localhost:81", "LOCALHOST:81", "[::1]:81"])
def test_loopback_with_the_port_is_answered(name: str) -> None:
    assert _answers(AllowedHosts("http", "127.0.0.1", 81), name)


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "127.0.0.1:82",
        "127.0.0.2:81",
        "localhost.:81",
        "localhost:81.evil.example",
        "2130706433:81",
        "::1:81",
        "[::ffff:127.0.0.1]:81",
        "",
    ],
)
def test_nothing_else_is(name: str) -> None:
    assert not _answers(AllowedHosts("http", "127.0.0.1", 81), name)


def test_the_usual_port_is_left_out_by_browsers() -> None:
    assert _answers(AllowedHosts("https", "192.168.1.5", 443), "192.168.1.5")
    assert not _answers(AllowedHosts("http", "127.0.0.1", 443), "127.0.0.1")


def test_a_bound_host_and_allowed_ones_are_answered() -> None:
    hosts = AllowedHosts(
        "https", "fe80::1", 81, ["Sweeps.example.org", "localhost:9000", "[fe80::2]:5"]
    )
    for name in ("[fe80::1]:81", "sweeps.example.org", "sweeps.example.org:81", "localhost:9000"):
        assert _answers(hosts, name)
    for name in ("localhost", "sweeps.example.org:82", "[fe80::2]"):
        assert not _answers(hosts, name)


@pytest.mark.parametrize("name", ["", "*", "http://a.org", "a.org/", "a b", "a:b", "a:123456"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"--allow-host .* is not the name of a host; give it as"):
        AllowedHosts("http", "127.0.0.1", 81, [name])
