"""Every page answers, says whether it is well, and every link on it leads somewhere."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest
from support.seeded_findings import failed_findings
from support.seeded_workspace import PACKAGE, PROJECT, add_verdict

from shipworthy.core.errors import BackendFailed

PAGES = [
    "/",
    "/projects",
    f"/projects/{PROJECT}",
    f"/projects/{PROJECT}/gate",
    f"/packages/{PACKAGE}",
    "/data",
    "/runs",
    "/runs/run-20130930-120000-7k2m",
    "/packages",
    "/endpoints",
    f"/endpoints/{PROJECT}",
    f"/endpoints/{PROJECT}?from=2013-11-20T00:00:00Z",
    f"/endpoints/{PROJECT}/records",
    "/incidents",
    "/incidents/incident-20131109-000500-x9",
    "/ledger",
    "/ledger?at=2013-10-01T00:00",
    "/people",
    "/search?q=flight",
]


def texts(html):
    """What a reader sees: no markup, no data of pictures, single spaces."""
    bare = re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(bare))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_with_one_heading_and_no_empty_place(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1
    assert "<html lang=" in answer.text
    seen = texts(answer.text)
    assert "None" not in seen.replace("None of", "")
    assert "nan" not in seen.split()


@pytest.mark.covers("P9", "R12")
def test_every_link_on_every_page_leads_somewhere(client):
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("/api/", "/static/")):
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            links = {unescape(one) for one in re.findall(r'(?:href|action)="([^"#]+)"', answer.text)}
            forms = {unescape(one) for one in re.findall(r'method="post" action="([^"]+)"', answer.text)}
            assert not any(urlsplit(one).netloc for one in links)
            records = [one for one in links if "/records/" in one]
            waiting += sorted(links - forms - set(records[3:]))
    assert len(seen) > 40


@pytest.mark.covers("P9", "P12", "M5")
def test_the_overview_says_stage_value_with_interval_health_and_who_is_waited_for(client):
    seen = texts(client.get("/").text)
    for wanted in (
        "serving for 63 d",
        "+$27.9k",
        "+$21.2k to +$35.3k",
        "no failure, 3.7 ms p99",
        "1 open incident",
        "waits for ops-analytics@example.com",
    ):
        assert wanted in seen


@pytest.mark.covers("P2", "P3", "P4", "P5")
def test_the_project_repeats_the_goal_and_shows_the_loop_and_the_leaderboard(client):
    seen = texts(client.get(f"/projects/{PROJECT}").text)
    for step in ("goal", "contract", "feasibility", "training", "gate", "approval", "endpoint", "labels", "verdict"):
        assert step in seen
    assert "Two hours before departure" in seen
    assert "calibration_error <= 0.03" in seen
    assert "lightgbm-63 proposed" in seen
    assert "0.790 0.778 to 0.801" in seen


@pytest.mark.covers("R12", "V1")
def test_failed_findings_stand_open_with_their_remedy_and_leave_nothing_to_approve(workspace, client):
    digest = add_verdict(workspace, failed_findings(), package="77" * 32)
    html = client.get(f"/verdicts/{digest}").text
    assert re.search(r'<details class="finding" id="finding-leakage.single_feature-0" open>', html)
    assert re.search(r'<details class="finding" id="finding-contract-2">', html)
    seen = texts(html)
    assert "Leave dep_delay out of features.sql" in seen
    assert "Not fit to ship: 2 checks failed" in seen
    assert "dep_delay 0.952" in seen.replace("0.95200", "0.952")
    assert "<form method" not in html


@pytest.mark.covers("M1", "M2")
def test_records_are_filtered_by_outcome_text_and_time(client):
    place = f"/endpoints/{PROJECT}/records"
    assert "160 records" in texts(client.get(place).text)
    errors = texts(client.get(f"{place}?outcome=error").text)
    assert "2 records fit the filter" in errors
    assert "RuntimeException" in errors
    assert "2 records fit" in texts(client.get(f"{place}?text=ONNXRUNTIME").text)
    assert "1 record fit" in texts(client.get(f"{place}?outcome=error&from=2013-12-01T20:00").text)
    assert "No record fits the filter" in texts(client.get(f"{place}?to=2012-01-01").text)


@pytest.mark.covers("M1")
def test_one_record_tells_input_output_label_and_lineage(client):
    csv = client.get(f"/endpoints/{PROJECT}/records.csv?outcome=ok").text.splitlines()
    header = csv[0].split(",")
    row = dict(zip(header, csv[-1].split(","), strict=True))
    seen = texts(client.get(f"/endpoints/{PROJECT}/records/{row['request_id']}").text)
    assert "origin_late_share_180" in seen
    assert "run-20130930-120000-7k2m" in seen
    assert "acts from 0.250 on" in seen
    assert "row 0: it was" in seen


@pytest.mark.covers("M1")
def test_a_failed_record_shows_its_exception(client):
    html = client.get(f"/endpoints/{PROJECT}/records?outcome=error").text
    place = re.search(rf"/endpoints/{PROJECT}/records/[0-9a-f]+", html)[0]
    seen = texts(client.get(place).text)
    assert "[ONNXRuntimeError]" in seen
    assert "No prediction was made" in seen


@pytest.mark.covers("V7")
def test_what_served_at_a_time_is_told_by_the_ledger(client):
    before = texts(client.get("/ledger?at=2013-09-30T12:00").text)
    first = texts(client.get("/ledger?at=2013-09-30T13:00").text)
    second = texts(client.get("/ledger?at=2013-11-11T11:11").text)
    assert "Nothing served at 2013-09-30 12:00:00 UTC" in before
    assert "17a0b4c8d2e6 first release" in first
    assert "8f3c9a7e51d0 ships lightgbm-63" in second
    assert "still" in second


def test_a_changed_history_is_told_by_the_ledger_page(workspace, client):
    links = workspace.ledger._journal._links
    body = {**links[4].body, "actor": "mallory"}
    links[4] = type(links[4])(number=links[4].number, body=body, digest=links[4].digest)
    seen = texts(client.get("/ledger").text)
    assert "Event 5 does not fit the chain" in seen


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/", "shipworthy init"),
        ("/projects", "shipworthy init"),
        ("/data", "shipworthy check"),
        ("/runs", "shipworthy train"),
        ("/packages", "shipworthy ship"),
        ("/endpoints", "shipworthy up"),
        ("/incidents", "shipworthy up"),
        ("/ledger", "shipworthy train"),
    ],
)
def test_an_empty_page_says_what_fills_it_and_the_command_that_does(empty, path, command):
    answer = empty.get(path)
    assert answer.status_code == 200
    assert command in texts(answer.text)


def test_pictures_have_their_numbers_as_a_table_as_csv_and_in_words(client):
    html = client.get(f"/endpoints/{PROJECT}").text
    names = re.findall(rf"/pictures/endpoint/{PROJECT}/([a-z_]+)\.csv", html)
    assert {"value", "uplift", "traffic", "latency", "scores"} <= set(names)
    assert html.count('role="img" aria-label=') >= len(names)
    assert html.count('<div class="numbers"') == len(names)
    csv = client.get(f"/pictures/endpoint/{PROJECT}/traffic.csv?from=2013-11-25")
    assert csv.headers["content-type"].startswith("text/csv")
    assert len(csv.text.splitlines()) == 8


def test_every_number_of_a_headline_carries_unit_interval_and_age(client):
    html = client.get(f"/projects/{PROJECT}").text
    headline = html[html.index('<div class="headline') : html.index('<div data-part="marks"')]
    seen = texts(headline)
    assert "per 1,000 flights" in seen
    assert "95 % interval +$21.2k to +$35.3k, over 53,581 flights with a known outcome in 61 days" in seen
    assert re.search(r'<time datetime="2013-12-02T00:05:00\+00:00" title="2013-12-02 00:05:00 UTC">', headline)


def test_an_unknown_address_is_a_page_with_a_remedy(client):
    for path in ("/nowhere", "/runs/run-none", f"/endpoints/{PROJECT}/records/none", "/projects/none/gate"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "What to do" in answer.text


def test_a_broken_database_is_told_without_asking_it_again(workspace, client, monkeypatch):
    def fail(*_args, **_options):
        raise BackendFailed("the database is gone", remedy="bring it back")

    monkeypatch.setattr(workspace.documents, "find", fail)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The database is gone" in texts(answer.text)
