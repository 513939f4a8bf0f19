"""Fixtures of the attacks: small packages and plans, as the tests of the data plane make them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_workspace import ENDPOINT, columns_package, write_plan

from shipworthy.serving.launch import launch


@pytest.fixture
def home(tmp_path):
    write_plan(tmp_path, columns_package(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workspace")
    write_plan(folder, columns_package(folder))
    with launch(folder, [ENDPOINT], options=["--simulated-time"]) as server:
        yield server
