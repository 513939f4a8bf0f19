"""The goal that production is held against; property tests are judged by their answers, not by the clock."""

import pytest
from hypothesis import settings
from monitoring_cases import make_goal

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def goal():
    return make_goal()
