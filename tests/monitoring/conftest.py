"""The goal that production is held against."""

import pytest
from monitoring_cases import make_goal


@pytest.fixture
def goal():
    return make_goal()
