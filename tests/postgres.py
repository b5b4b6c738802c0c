"""A PostgreSQL server of Debian's, in a temporary folder, for the tests that need a real one.

It listens on loopback alone and asks for a password. It does not wait for the disk: what is tested
is what we make of its answers, not whether it keeps its word in a power cut.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = Path("/usr/lib/postgresql")
USER = "ann"
PASSWORD = "hunt%40er2"  # noqa: S105 - of a server that is gone with the test
DECODED = "hunt@er2"
UNPRIVILEGED = "postgres"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}


def database_of(url: str) -> str:
    """Return the name of the database in an address."""
    return url.partition("?")[0].rpartition("/")[2]


class Missing(Exception):
    """What is needed is not here; the message says what."""


def shows_password(text: str) -> bool:
    """Return whether the password can be read somewhere."""
    return PASSWORD in text or DECODED in text


@dataclass
class Server:
    """A server that is started and stopped at will."""

    programs: Path
    folder: Path
    port: int

    def address(self, database: str, *, user: str = USER, password: str | None = PASSWORD) -> str:
        login = user if password is None else f"{user}:{password}"
        return f"postgresql+psycopg://{login}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        settings = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 "
            f"-c unix_socket_directories={self.folder} -c fsync=off -c max_connections=50"
        )
        self._control("start", "-l", str(self.folder / "log"), "-o", settings)

    def stop(self, how: str = "fast") -> None:
        """Stop it as ``pg_ctl`` does: fast, or immediate, which is a crash."""
        self._control("stop", "-m", how)

    def make_database(self, *options: str) -> str:
        """Return the name of a new database."""
        name = f"test_{secrets.token_hex(4)}"
        self.run("createdb", *options, name)
        return name

    def say(self, statement: str, database: str = "postgres") -> str:
        """Return what the server answers to a statement of SQL."""
        return self.run("psql", "-v", "ON_ERROR_STOP=1", "-Atqc", statement, "-d", database)

    def run(self, program: str, *arguments: str) -> str:
        """Return what a program of the server's says."""
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        done = subprocess.run(
            [self.programs / program, *where, *arguments],
            env={**ENVIRONMENT, "PGPASSWORD": DECODED},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _control(self, *arguments: str) -> None:
        command = [self.programs / "pg_ctl", "-D", self.folder / "data", "-w", "-s", *arguments]
        _as_unprivileged([str(part) for part in command])


@contextmanager
def running_server() -> Iterator[Server]:
    """Make a server and run it for the block.

    Raises:
        Missing: If PostgreSQL, its driver or a user to run it as is not here.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise Missing("psycopg is not installed (make test-cluster installs it)")
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="fieldsharp-postgres-") as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text(f"{DECODED}\n", encoding="utf-8")
        if os.geteuid() == 0:  # the server refuses to run as root
            for path in (folder, password):
                shutil.chown(path, UNPRIVILEGED)
        server = Server(programs, folder, _free_port())
        _as_unprivileged(
            [
                *(str(programs / "initdb"), "-D", str(folder / "data"), "-A", "scram-sha-256"),
                *("-U", USER, f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"),
                "--no-sync",
            ]
        )
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def _programs() -> Path:
    found = sorted(PLACES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    on_the_path = shutil.which("initdb")
    if on_the_path is None:
        raise Missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return Path(on_the_path).resolve().parent


def _as_unprivileged(command: list[str]) -> None:
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            raise Missing("PostgreSQL does not run as root, and there is no runuser")
        command = ["runuser", "-u", UNPRIVILEGED, "--", *command]
    done = subprocess.run(
        # The server keeps what it is given open: a pipe would never end.
        command,
        env=ENVIRONMENT,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        text=True,
    )
    assert done.returncode == 0, f"{command} failed: {done.stderr}"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
