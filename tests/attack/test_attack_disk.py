"""Disks that take no more, and patterns that take for ever."""

import json
import resource
import signal
import time

import pytest

from shipworthy.app.plan_file import write_plan
from shipworthy.core.errors import BackendFailed
from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.data.patterns import portable

CHAMPION = Variant(name="champion", role=Role.CHAMPION, package="0" * 64, weight=1.0)


@pytest.fixture
def no_room():
    """No file may grow beyond some bytes, as on a full disk; the signal that comes with it is ignored."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.covers("R9", "R5")
def test_a_plan_that_finds_no_room_leaves_the_old_one_and_nothing_else(tmp_path, request):
    path = write_plan(tmp_path, Plan(endpoint="flights", number=1, variants=(CHAMPION,)))
    request.getfixturevalue("no_room")
    for number in range(2, 12):
        with pytest.raises(BackendFailed, match="could not be written"):
            write_plan(tmp_path, Plan(endpoint="flights", number=number, variants=(CHAMPION,)))
    assert json.loads(path.read_text())["number"] == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.covers("S3", "D12")
@pytest.mark.parametrize("pattern", ["^(a+)+$", r"^(\w+\s?)*$", "((a*b?)+c?)*", "(x{2,}y?){1,}", "([ab]+|c)*$"])
def test_a_pattern_on_which_a_caller_could_make_a_worker_hang_is_refused(pattern):
    with pytest.raises(ValueError, match="a repeat within a repeat"):
        portable(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{2}$", "^(AA|UA)+$", r"^\w+@\w+\.[a-z]{2,}$", "^(a{2})+$", r"^\(a+\)+$", "[(+]+", "^([a-z]+)?-(b+){0,3}$"],
)
def test_a_pattern_that_repeats_one_thing_at_a_time_is_taken_and_quick(pattern):
    began_s = time.monotonic()
    portable(pattern).search("a" * 200 + "!")
    assert time.monotonic() - began_s < 1
