"""What a project's headline, marks and loop say at each stage of its way."""

from datetime import UTC, datetime, timedelta

import pytest
from support.seeded_findings import failed_findings
from support.seeded_workspace import (
    DAYS,
    PACKAGE,
    PROJECT,
    SeedActions,
    SeedWorkspace,
    add_plans,
    add_production,
    add_project,
    add_training,
    add_verdict,
    performance_body,
    seeded,
)

from shipworthy.app.views.endpoint import view_endpoint, view_endpoints
from shipworthy.app.views.gate import gate_of_package, gate_of_project, view_gate, view_packages
from shipworthy.app.views.health import Health, data_mark, model_mark, service_mark, worst
from shipworthy.app.views.history import HistoryFilter, view_history, what_served
from shipworthy.app.views.incident import view_incident, view_incidents
from shipworthy.app.views.overview import view_overview
from shipworthy.app.views.pictures import find_picture
from shipworthy.app.views.project import view_project
from shipworthy.app.views.reading import Part
from shipworthy.app.views.records import RecordFilter, newest_records, view_records
from shipworthy.app.views.run import view_run
from shipworthy.app.views.search import view_search
from shipworthy.core.errors import InvalidRequest, NotFound

NOON = datetime(2013, 10, 2, 12, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path):
    return SeedWorkspace(tmp_path / ".shipworthy")


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return seeded(tmp_path_factory.mktemp("lived") / ".shipworthy")


def steps(workspace):
    return {one.name: one for one in view_project(workspace, PROJECT).steps}


@pytest.mark.covers("P9")
def test_the_headline_follows_the_project_on_its_way(workspace):
    def said():
        return view_project(workspace, PROJECT).headline.sentence

    add_project(workspace)
    assert "no model yet" in said()
    workspace.documents._kept.clear()
    add_training(workspace)
    assert "waits for the gate" in said()
    digest = add_verdict(workspace)
    assert "waits for a person" in said()
    assert steps(workspace)["approval"].text == "waits for a person"
    workspace.clock.advance(timedelta(minutes=1))
    SeedActions(workspace).approve(PACKAGE, digest, "")
    assert "approved and waits for its endpoint" in said()
    add_plans(workspace)
    assert "known when outcomes arrive" in said()
    add_production(workspace)
    assert said().startswith("It earns $27.9k per 1,000 flights more than what is done today")
    assert {one.health for one in steps(workspace).values()} == {Health.WELL, Health.LOOK}


@pytest.mark.covers("V1", "R12")
def test_a_gate_that_refuses_is_the_headline_and_the_author_is_waited_for(workspace):
    add_training(workspace)
    digest = add_verdict(workspace, failed_findings())
    view = view_project(workspace, PROJECT)
    assert view.headline.health is Health.BROKEN
    assert view.headline.figure == "2 failed checks"
    assert view.waits_for == "ops-analytics@example.com: mend 2 failed checks"
    gate = view_gate(workspace, digest)
    assert [one.name for one in gate.groups] == ["failed", "passed", "skipped"]
    assert not gate.may_approve
    assert not gate.may_refuse


def test_value_under_the_line_is_broken_even_while_it_earns(workspace):
    add_training(workspace)
    add_plans(workspace)
    add_production(workspace)
    kept = workspace.documents.get("performance", PROJECT)
    body = performance_body(workspace.clock.now(), 50_000, 4_000.0, calibration=0.05)
    workspace.documents.revise("performance", PROJECT, body, revision=kept.revision)
    view = view_overview(workspace)
    assert view.projects[0].headline.health is Health.BROKEN
    assert "misses good enough on value, calibration error" in view.projects[0].headline.sentence
    assert view.headline.sentence == "1 project of 1 needs a look: flight-disruption."


def test_a_loss_is_told_as_a_loss(workspace):
    add_training(workspace)
    body = performance_body(workspace.clock.now(), 50_000, -4_000.0)
    workspace.documents.add("performance", PROJECT, body)
    said = view_project(workspace, PROJECT).headline
    assert said.sentence.startswith("It loses $4.00k per 1,000 flights against what is done today")
    assert said.figure == "−$4.00k per 1,000 flights"


@pytest.mark.parametrize(
    ("invalid", "health"),
    [(0, Health.WELL), (9, Health.WELL), (10, Health.LOOK), (99, Health.LOOK), (100, Health.BROKEN)],
)
def test_data_is_judged_by_the_share_of_requests_that_broke_the_contract(invalid, health):
    window = Part({"requests": 1000, "outcomes": {"ok": 1000 - invalid, "invalid": invalid}})
    assert data_mark(window, ()).health is health


@pytest.mark.parametrize(
    ("outcomes", "p99", "health"),
    [
        ({"ok": 1000}, 4.0, Health.WELL),
        ({"ok": 1000}, 12.0, Health.LOOK),
        ({"ok": 999, "error": 1}, 4.0, Health.LOOK),
        ({"ok": 980, "error": 5, "timeout": 5, "rejected": 10}, 4.0, Health.BROKEN),
        ({"fallback": 1000}, 4.0, Health.WELL),
    ],
)
def test_service_is_judged_by_failures_and_latency(outcomes, p99, health):
    window = {"requests": 1000, "outcomes": outcomes, "latency_ms": {"p50": 1, "p99": p99}}
    window |= {"start": "2013-10-01T00:00:00Z", "end": "2013-10-02T00:00:00Z"}
    assert service_mark(Part(window), budget_ms=10.0, now=NOON).health is health


def test_a_service_without_a_new_window_wants_a_look():
    window = Part({"requests": 1, "start": "2013-09-28T00:00:00Z", "end": "2013-09-29T00:00:00Z"})
    mark = service_mark(window, budget_ms=None, now=NOON)
    assert (mark.health, mark.text) == (Health.LOOK, "the last window ended 4 d ago")


def test_no_headline_hides_a_service_that_is_not_well(workspace):
    add_training(workspace)
    add_plans(workspace)
    add_production(workspace)
    workspace.clock.advance(timedelta(days=9))
    headline = view_project(workspace, PROJECT).headline
    assert headline.health is Health.LOOK
    assert headline.sentence.endswith("good enough on every line. Service: the last window ended 9 d ago.")
    assert view_overview(workspace).headline.health is Health.LOOK


def test_what_nobody_measured_is_unknown_and_never_well():
    nothing = Part(None)
    assert data_mark(nothing, ()).health is Health.UNKNOWN
    assert model_mark(nothing, incidents=3).health is Health.UNKNOWN
    assert service_mark(nothing, budget_ms=1, now=NOON).health is Health.UNKNOWN
    assert worst([]) is Health.UNKNOWN
    assert worst([Health.WELL, Health.UNKNOWN]) is Health.UNKNOWN


def test_the_spark_is_a_mean_of_seven_days_inside_its_interval(lived):
    spark = view_overview(lived).projects[0].spark
    assert len(spark.days) == len(spark.values) == len(spark.lows) == 60 - 6
    assert all(low < value < high for low, value, high in zip(spark.lows, spark.values, spark.highs, strict=True))


def test_windows_in_a_range_are_summed_over_that_range_only(lived):
    whole, week = view_endpoint(lived, PROJECT), view_endpoint(lived, PROJECT, datetime(2013, 11, 25, tzinfo=UTC))
    assert (len(whole.windows), len(week.windows)) == (DAYS, 7)
    assert week.totals.requests == sum(one.requests for one in whole.windows[-7:])
    assert whole.totals.failed == 3
    assert view_endpoints(lived)[0].plan == 2


def test_the_leaderboard_is_ranked_by_value(lived):
    view = view_run(lived, "run-20130930-120000-7k2m")
    values = [one.value.value for one in view.candidates]
    assert values == sorted(values, reverse=True)
    assert [one.name for one in view.candidates if one.proposed] == ["lightgbm-63"]
    assert "31,204 rows of the 35 days" in view.validation


def test_packages_know_their_verdict_decision_and_endpoint(lived):
    new, old = sorted(view_packages(lived), key=lambda one: one.passed is None)
    assert (new.passed, new.decision.yes, new.serves) == (True, True, (PROJECT,))
    assert (old.passed, old.decision, old.serves) == (None, None, ())
    assert gate_of_package(lived, old.digest) is None
    assert gate_of_project(lived, PROJECT).digest == new.verdict


@pytest.mark.covers("V7")
def test_history_is_filtered_paged_and_verified(lived):
    whole = view_history(lived, HistoryFilter())
    assert whole.tampered is None
    assert [one.seq for one in whole.events] == sorted((one.seq for one in whole.events), reverse=True)
    plans = view_history(lived, HistoryFilter(kind="plan.published"))
    assert plans.total == 2
    second = view_history(lived, HistoryFilter(size=4, page=2))
    assert [one.seq for one in second.events] == [
        whole.length - 4,
        whole.length - 5,
        whole.length - 6,
        whole.length - 7,
    ]
    assert view_history(lived, HistoryFilter(actor="grace", text="LIGHTGBM")).total == 1
    assert view_history(lived, HistoryFilter(until=datetime(2013, 9, 30, 12, tzinfo=UTC))).total == 4


def test_what_served_is_the_plan_in_force_then(lived):
    assert what_served(lived, datetime(2013, 9, 30, 12, tzinfo=UTC)) == ()
    first = what_served(lived, datetime(2013, 9, 30, 13, tzinfo=UTC))[0]
    last = what_served(lived, datetime(2013, 12, 1, tzinfo=UTC))[0]
    assert (first.plan, last.plan, last.until) == (1, 2, None)
    assert first.until == last.since
    assert last.variants[0].package == PACKAGE


@pytest.mark.covers("M1")
def test_records_come_newest_first_in_whole_pages(lived):
    pages = [view_records(lived, PROJECT, RecordFilter(size=50, page=page)) for page in (1, 2, 3, 4, 5)]
    assert [len(one.records) for one in pages] == [50, 50, 50, 10, 0]
    assert {one.total for one in pages} == {160}
    assert pages[0].variants == ("champion",)
    newest = newest_records(lived, PROJECT, 15)
    assert newest == pages[0].records[:15]
    labelled = [one for page in pages for one in page.records if one.label is not None]
    assert 80 <= len(labelled) <= 90


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(InvalidRequest, match="before it begins"):
        RecordFilter(start=NOON, end=NOON - timedelta(days=1))


def test_incidents_come_open_first_with_what_changed_before(lived):
    rows = view_incidents(lived)
    assert [one.open for one in rows] == [True, False]
    assert len(view_incidents(lived, status="closed")) == 1
    assert view_incident(lived, rows[0].id).headline.note == "open, since 23 d ago"
    assert view_incident(lived, rows[0].id).may_close


def test_search_finds_names_digests_and_events(lived):
    kinds = {one.ref.kind for one in view_search(lived, "FLIGHT")}
    assert {"endpoint", "project", "subject"} <= kinds
    assert view_search(lived, PACKAGE[:9])[0].ref.id == PACKAGE
    assert view_search(lived, "  ") == ()


@pytest.mark.parametrize("kind", ["project", "run", "verdict", "endpoint", "incident", "moon"])
def test_a_picture_that_is_not_there_is_named(lived, kind):
    ids = {"run": "run-20130930-120000-7k2m", "incident": "incident-20131109-000500-x9"}
    ids["verdict"] = lived.documents.find("verdict")[0].id
    with pytest.raises(NotFound, match="has no picture 'nothing'"):
        find_picture(lived, kind, ids.get(kind, PROJECT), "nothing")
