"""The whole way on a small project: a question becomes a recorded endpoint, labels come late, value is shown."""

import html
import json
import sqlite3
import urllib.request
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.small_project import CONTRACT, PROJECT, UNTIL, parcels, write_project

from shipworthy.app.approve import approve
from shipworthy.app.gate import judge_run
from shipworthy.app.history import history, served_then, verify_ledger
from shipworthy.app.incidents import list_incidents
from shipworthy.app.opened import open_project
from shipworthy.app.plans import newest_plan
from shipworthy.app.records import export_records, list_records
from shipworthy.app.release import release
from shipworthy.app.report import draw_project, write_report
from shipworthy.app.ship import ship
from shipworthy.app.status import status
from shipworthy.app.train import train
from shipworthy.app.up import Up
from shipworthy.core.errors import NotFound, Refused

pytestmark = [pytest.mark.server]


def no_site(workspace, actions):
    async def site(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return site


def opened_at(folder):
    return open_project(folder, flags={"endpoint_port": 0, "console_port": 0})


@pytest.mark.covers("P2", "P4", "P5", "P7", "P17", "S3", "M1", "M2", "M5", "A1", "A6", "T14", "V3", "V9", "R12")
def test_a_question_becomes_a_recorded_endpoint_whose_value_is_shown(tmp_path):
    opened = opened_at(write_project(tmp_path / "project"))
    with pytest.raises(Refused, match="nobody has approved"):
        ship(opened)
    shipped = ship(opened, yes=True, reason="it earns more than the rule")
    assert shipped.judged.verdict.passed
    assert ship(opened).plan == shipped.plan  # nothing changed, so nothing is done again

    with Up.start(opened, site=no_site, replaying=True) as up:
        result = up.replay(days=20)
        again = up.replay(days=20)
        metrics = urllib.request.urlopen(f"{up.endpoint_url}/metrics").read().decode()
    assert (result.replayed.asked, result.replayed.answered, result.replayed.labels) == (1200, 1200, 1200)
    assert again.replayed.asked == 0
    assert result.performance["labelled"] == 1200
    uplift = result.performance["metrics"]["uplift_per_1000"]
    assert uplift["low"] < uplift["estimate"] < uplift["high"]
    assert "95 % interval by day" in "\n".join(result.lines())
    told = {line.split(" ")[0]: float(line.split(" ")[1]) for line in metrics.splitlines() if line[0] != "#"}
    written = sum(
        value for name, value in told.items() if name.startswith("shipworthy_log_records_total") and "written" in name
    )
    assert written >= 1200

    opened = opened_at(opened.folder)
    records = list_records(opened, limit=2000)
    assert len(records) == 1200
    assert all(one["outcome"] == "ok" and len(one["labels"]) == 1 for one in records)
    assert export_records(opened, tmp_path / "records.parquet") == 1200
    assert pq.read_table(tmp_path / "records.parquet")["plan"].to_pylist() == [1] * 1200
    assert status(opened)["package"] == shipped.judged.package
    kinds = [one["kind"] for one in history(opened, limit=100)]
    assert kinds[:5] == ["project.opened", "run.finished", "gate.judged", "approval.yes", "plan.published"]
    then = served_then(opened, (UNTIL + timedelta(days=3)).isoformat())
    assert (then["number"], then["package"]) == (1, shipped.judged.package)
    assert verify_ledger(opened) == len(history(opened, limit=1000))
    assert isinstance(list_incidents(opened, everything=True), list)


@pytest.mark.covers("R2", "R3", "R10", "R12", "TRUST-S13", "TRUST-S17")
def test_nothing_serves_without_an_approval_of_exactly_this_package_by_somebody_who_may(tmp_path):
    folder = write_project(tmp_path / "project")
    (folder / ".shipworthy").mkdir()
    settings = folder / ".shipworthy" / "workspace.toml"
    settings.write_text('person = "ada"\napprove_own = false\n[people]\nada = "owner"\nbob = "owner"\neve = "reader"\n')
    opened = opened_at(folder)
    judged = judge_run(opened, run=train(opened).run)
    package = opened.workspace.documents.get("package", judged.package)
    with pytest.raises(Refused, match="ada made this package"):
        approve(opened)
    settings.write_text(settings.read_text().replace('person = "ada"', 'person = "eve"'))
    with pytest.raises(Refused, match="eve is reader"):
        approve(opened_at(folder))
    with pytest.raises(Refused, match="nobody has approved"):
        release(opened, package, why="now")
    settings.write_text(settings.read_text().replace('person = "eve"', 'person = "bob"'))
    bob = opened_at(folder)
    assert approve(bob, package=judged.package[:10], reason="fine")["decision"] == "yes"
    assert release(bob, package, why="now").champion.package == judged.package
    assert approve(bob, package=judged.package, yes=False, reason="second thoughts")["decision"] == "no"
    with pytest.raises(Refused, match="bob refused"):
        release(bob, package, why="again")
    assert newest_plan(bob).number == 1


@pytest.mark.covers("R8", "A9", "TRUST-S10")
def test_tampering_with_the_ledger_is_found_and_named(tmp_path):
    opened = opened_at(write_project(tmp_path / "project"))
    ship(opened, yes=True)
    database = sqlite3.connect(opened.workspace.folder / "workspace.db")
    (number, body) = database.execute("SELECT number, body FROM journal WHERE body LIKE '%approval.yes%'").fetchone()
    database.execute(
        "UPDATE journal SET body = ? WHERE number = ?", (body.replace("approval.yes", "approval.no"), number)
    )
    database.commit()
    with pytest.raises(Refused, match=f"event {number} is not what it was"):
        verify_ledger(opened_at(opened.folder))


@pytest.mark.covers("D12", "D16", "D17")
def test_data_that_breaks_its_contract_stops_before_any_model(tmp_path):
    rows = parcels().to_pydict()
    rows["load"][5] = -3.0
    folder = write_project(tmp_path / "project", rows=pa.table(rows))
    with pytest.raises(Refused, match=r"contract\.minimum") as caught:
        ship(opened_at(folder), yes=True)
    assert "load" in caught.value.problem
    assert not list((folder / ".shipworthy").glob("packages/*"))


@pytest.mark.covers("V1", "T7")
def test_a_target_that_leaks_into_a_feature_is_refused_by_name(tmp_path):
    rows = parcels()
    leaking = rows.append_column("minutes_late", rows["late"].cast("float64"))
    folder = write_project(
        tmp_path / "project",
        rows=leaking,
        contract=CONTRACT + "      - {name: minutes_late, logicalType: number}\n",
    )
    with pytest.raises(Refused, match="leakage") as caught:
        ship(opened_at(folder), yes=True)
    assert "minutes_late" in caught.value.problem
    known_late = CONTRACT + (
        "      - name: minutes_late\n        logicalType: number\n"
        "        customProperties: [{property: shipworthy.knownAt, value: promised_at}]\n"
    )
    (folder / "parcels.odcs.yaml").write_text(known_late)
    shipped = ship(opened_at(folder), yes=True)
    assert "minutes_late" not in json.dumps([one["name"] for one in shipped.run_body["features"]])


@pytest.mark.covers("P6")
def test_a_model_that_earns_no_more_than_the_baseline_is_not_shipped(tmp_path):
    hopeless = PROJECT.replace('">= baseline + 100"', '">= baseline + 100000"')
    with pytest.raises(Refused, match=r"good_enough\.value_per_1000"):
        ship(opened_at(write_project(tmp_path / "project", project=hopeless)), yes=True)


@pytest.mark.covers("S10", "S12", "A5", "TRUST-R18")
def test_a_second_package_climbs_as_a_canary_and_becomes_the_champion_on_evidence(tmp_path):
    canary = PROJECT.replace("{strategy: direct}", "{strategy: canary, steps: [50%, 100%], guards: standard}")
    folder = write_project(tmp_path / "project", project=canary)
    first = ship(opened_at(folder), yes=True)
    (folder / "shipworthy.yaml").write_text(canary.replace("budget: 5s", "budget: 6s"))
    second = ship(opened_at(folder), yes=True)
    assert [(one.role.value, one.weight) for one in second.plan.variants] == [("champion", 0.5), ("challenger", 0.5)]
    with Up.start(opened_at(folder), site=no_site, replaying=True) as up:
        result = up.replay(days=12)
    assert result.replayed.answered == result.replayed.asked
    opened = opened_at(folder)
    plan = newest_plan(opened)
    assert (plan.number, plan.champion.package, len(plan.variants)) == (3, second.judged.package, 1)
    assert first.judged.package != second.judged.package
    variants = {one["variant"] for one in list_records(opened, limit=5000)}
    assert variants == {"champion", "challenger"}
    assert "rollout.finish" in [one["kind"] for one in history(opened, limit=1000)]
    assert ship(opened_at(folder), yes=True, direct=True).plan.number == 3


@pytest.mark.covers("P16", "R1", "N7")
def test_the_report_is_one_page_that_needs_no_server_and_the_pictures_draw_themselves_in_a_notebook(tmp_path):
    opened = opened_at(write_project(tmp_path / "project"))
    with pytest.raises(NotFound, match="no run to report on"):
        write_report(opened, tmp_path / "early.html")
    ship(opened, yes=True)
    page = write_report(opened, tmp_path / "report.html").read_text()
    assert "leakage.single_feature" in page
    assert "src=" not in page.split("<body>")[1]
    for picture in draw_project(opened):
        shown = picture._repr_mimebundle_()
        assert shown["application/vnd.plotly.v1+json"]["data"]
        assert picture.title.split("'")[0] in html.unescape(page)
