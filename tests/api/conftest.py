"""The API over a workspace that has lived."""

import pytest
from support.asgi_client import AsgiClient
from support.seeded_workspace import SeedActions, seeded

from shipworthy.api.routes import make_api


@pytest.fixture
def workspace(tmp_path):
    return seeded(tmp_path / "flights" / ".shipworthy")


@pytest.fixture
def actions(workspace):
    return SeedActions(workspace)


@pytest.fixture
def client(workspace, actions):
    return AsgiClient(make_api(workspace, actions))
