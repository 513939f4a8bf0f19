"""A console over a workspace that has lived, one over an empty one, and a client for each."""

import pytest
from support.asgi_client import AsgiClient
from support.seeded_workspace import SeedActions, SeedWorkspace, seeded

from shipworthy.console.pages import make_console


@pytest.fixture
def workspace(tmp_path):
    return seeded(tmp_path / "flights" / ".shipworthy")


@pytest.fixture
def actions(workspace):
    return SeedActions(workspace)


@pytest.fixture
def client(workspace, actions):
    return AsgiClient(make_console(workspace, actions))


@pytest.fixture
def empty(tmp_path):
    workspace = SeedWorkspace(tmp_path / "nothing" / ".shipworthy")
    return AsgiClient(make_console(workspace, SeedActions(workspace)))
