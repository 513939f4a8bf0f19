"""Databases to test against: SQLite in a file, and a real PostgreSQL of our own on a free port."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from shipworthy.stores.database import Database

_BIN = next((path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
_NUMBER = count()


class PostgresServer:
    """A server on loopback with its own data, run by a user who is not root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = "postgres" if os.geteuid() == 0 else None
        self.port = _free_port()
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "-D", folder / "data", "-U", "ship", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(_BIN / program), *map(str, arguments)]
        subprocess.run(
            command, check=True, user=self._user, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120
        )

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", self._folder / "data", "-m", mode, "-w", "stop")

    def new_database(self) -> str:
        name = f"ship{next(_NUMBER)}"
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "ship", name)
        return f"postgresql+psycopg://ship@127.0.0.1:{self.port}/{name}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if _BIN is None:
        pytest.skip("no PostgreSQL server programs under /usr/lib/postgresql on this machine")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed: pip install 'shipworthy[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="shipworthy-pg-"))
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    database = Database.at(tmp_path / "workspace.db")
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[Database]:
    database = Database.open(postgres.new_database())
    yield database
    database.close()
