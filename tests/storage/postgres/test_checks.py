"""Faults of a database on a server before a sweep: one sentence each, without the password."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import optuna
import pytest

from fieldsharp.core.checkout import PROJECT
from fieldsharp.core.errors import ConfigError, FieldsharpError, StorageUnavailable
from fieldsharp.storage.database import check_storage, open_database
from fieldsharp.storage.study_lock import StudyLock
from fieldsharp.sweep.command_line import main
from tests.postgres import PASSWORD, Server, database_of, shows_password

pytestmark = pytest.mark.cluster


def _said(url: str, mode: Literal["read", "write"] = "write") -> str:
    """Return the sentence that refuses an address."""
    with pytest.raises(FieldsharpError) as caught:
        check_storage(url, mode)
    said = str(caught.value)
    assert "\n" not in said
    assert not shows_password(said)
    if "does not answer" not in said:
        assert isinstance(caught.value, ConfigError)
    return said


def test_a_sound_database_is_let_through_and_left_as_it_is(
    postgres_server: Server, postgres_url: str
) -> None:
    check_storage(postgres_url, "write")
    tables = postgres_server.say(
        "SELECT count(*) FROM pg_tables WHERE schemaname='public'", database_of(postgres_url)
    )
    assert tables == "0"


def test_a_wrong_password(postgres_server: Server) -> None:
    url = postgres_server.address("postgres", password="wrong%40er2")  # noqa: S106
    assert 'does not let this user in (password authentication failed for user "ann"); correct' in (
        _said(url)
    )


def test_no_password(postgres_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    said = _said(postgres_server.address("postgres", password=None))
    assert "no password supplied" in said
    assert said.endswith("in the environment variable SWEEP_STORAGE or in ~/.pgpass")


def test_a_user_the_server_does_not_know(postgres_server: Server) -> None:
    assert 'for user "bob")' in _said(postgres_server.address("postgres", user="bob"))


def test_a_database_that_is_not_there(postgres_server: Server) -> None:
    said = _said(postgres_server.address("nowhere"))
    assert "there is no such database on the server of postgresql+psycopg://ann:***@" in said
    assert '(database "nowhere" does not exist); have it made with createdb' in said


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_server_that_is_away(mode: Literal["read", "write"]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"postgresql+psycopg://ann:{PASSWORD}@127.0.0.1:{reserved.getsockname()[1]}/x"
        with pytest.raises(
            StorageUnavailable, match=r"Connection refused\); see that its"
        ) as caught:
            check_storage(url, mode)
    assert not shows_password(str(caught.value))


def test_a_host_that_has_no_address() -> None:
    with pytest.raises(StorageUnavailable, match="failed to resolve host 'nowhere"):
        check_storage("postgresql+psycopg://ann@nowhere.invalid/x", "read")


@pytest.mark.parametrize("address", ["postgresql+psycopg://h:port/db", "postgresql+psycopg://h:x/"])
def test_an_address_that_is_none(address: str) -> None:
    assert "is no database address; write it as postgresql+psycopg://ann@db.example/" in (
        _said(address)
    )


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("nonsense=1", 'invalid connection option "nonsense"'),
        ("sslmode=foo", 'invalid sslmode value: "foo"'),
        ("sslmode=require", "server does not support SSL, but SSL was required"),
        ("connect_timeout=soon", "bad value for connect_timeout: 'soon'"),
        ("keepalives_idle=x", 'invalid integer value "x" for connection option "keepalives_idle"'),
        ("target_session_attrs=x", 'invalid target_session_attrs value: "x"'),
    ],
)
def test_a_parameter_that_cannot_be_used(postgres_url: str, parameter: str, said: str) -> None:
    assert _said(f"{postgres_url}&{parameter}").endswith(
        f"&{parameter} cannot be reached in this way ({said}); correct the parameters in the "
        "address"
    )


def test_a_database_without_studies_has_none_to_read(postgres_url: str) -> None:
    assert "there are no studies in" in _said(postgres_url, "read")
    with pytest.raises(ConfigError, match="start a sweep first"):
        check_storage(postgres_url, "write", must_exist=True)


def test_a_user_who_may_make_no_tables(postgres_server: Server, postgres_url: str) -> None:
    with _user(postgres_server, "guest") as guest:
        said = _said(postgres_url.replace("ann:", f"{guest}:"))
    assert "this user may make no tables in" in said
    assert "GRANT CREATE ON SCHEMA public TO this user" in said


def test_a_user_who_may_not_use_the_tables_of_another(
    postgres_server: Server, postgres_url: str
) -> None:
    optuna.create_study(study_name="s", storage=open_database(postgres_url, "write"))
    with StudyLock(postgres_url, "s"):  # makes its table
        pass
    database = database_of(postgres_url)
    with _user(postgres_server, "guest") as guest:
        url = postgres_url.replace("ann:", f"{guest}:")
        for mode in ("read", "write"):
            assert "this user may not read the studies in" in _said(url, mode)
        postgres_server.say("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", database)
        check_storage(url, "read")
        assert [study.study_name for study in open_database(url, "read").get_all_studies()] == ["s"]
        assert "this user may only read the studies in" in _said(url)
        postgres_server.say(
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO guest;"
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest;",
            database,
        )
        with StudyLock(url, "s") as lock:
            open_database(url, "write", lock=lock)
        postgres_server.say("REVOKE ALL ON fieldsharp_coordinators FROM guest", database)
        assert "this user may not read the studies in" in _said(url, "read")
        postgres_server.say("DROP OWNED BY guest", database)


def test_a_database_that_can_only_be_read(postgres_server: Server, postgres_url: str) -> None:
    postgres_server.say(
        f"ALTER DATABASE {database_of(postgres_url)} SET default_transaction_read_only = on"
    )
    assert "can only be read, as on a standby server; name its primary" in _said(postgres_url)
    assert "there are no studies" in _said(postgres_url, "read")


def test_a_database_of_another_encoding(postgres_server: Server) -> None:
    name = postgres_server.make_database("-E", "SQL_ASCII", "-T", "template0", "--locale=C")
    said = _said(postgres_server.address(name))
    assert "is encoded as SQL_ASCII, and UTF8 is needed; make one with createdb --enc" in said


def test_tables_of_a_newer_version(postgres_server: Server, postgres_url: str) -> None:
    open_database(postgres_url, "write")
    postgres_server.say(
        "UPDATE alembic_version SET version_num = 'v9.0.0.a'", database_of(postgres_url)
    )
    with pytest.raises(
        FieldsharpError, match=r"ann:\*\*\*@.* was made by a newer version; use the"
    ):
        open_database(postgres_url, "read")


def test_commands_say_what_a_server_does_itself(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    optuna.create_study(study_name="s", storage=open_database(postgres_url, "write"))
    for command in ("backup", "restore"):
        monkeypatch.setenv("SWEEP_STORAGE", postgres_url)
        done = subprocess.run(
            [sys.executable, "run_sweep.py", "storage", command],
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "is on a server and in no file; back it up with pg_dump, and put" in done.stderr
        assert not shows_password(done.stderr)


def test_an_inspection_tells_studies_and_who_runs_them(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = optuna.create_study(study_name="s", storage=open_database(postgres_url, "write"))
    study.ask()
    with StudyLock(postgres_url, "s"):
        monkeypatch.setenv("SWEEP_STORAGE", postgres_url)
        assert main(["storage", "check"]) == 0
    assert "study s: 1 running; it is being run" in capsys.readouterr().out
    monkeypatch.setenv("SWEEP_STORAGE", postgres_url)
    assert main(["storage", "check"]) == 0
    said = capsys.readouterr().out
    assert "nobody runs it: the next start goes on" in said
    assert "backups: its server's to make, with pg_dump" in said


@contextmanager
def _user(server: Server, name: str) -> Iterator[str]:
    server.say(f"CREATE USER {name} PASSWORD 'hunt@er2'")
    try:
        yield name
    finally:
        server.say(f"DROP USER {name}")
