"""Fixtures of the data plane's tests: one server a module, one connection a test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from serving_workspace import ENDPOINT, RawClient, columns_package, write_plan

from shipworthy.serving.launch import Running, launch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    write_plan(folder, columns_package(folder))
    return folder


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Running]:
    with launch(home, [ENDPOINT], options=["--simulated-time"]) as server:
        yield server


@pytest.fixture
def client(running: Running) -> Iterator[RawClient]:
    with RawClient(running.host, running.port) as connection:
        yield connection
