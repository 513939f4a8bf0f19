"""Pictures: valid figures, messages with numbers, and every number in the table too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go
import pytest
from pictures_cases import FINDINGS, START, UNIT, finding, make_run, make_windows

from shipworthy.app.pictures.findings import DRAWN, draw_finding
from shipworthy.app.pictures.latency import draw_latency
from shipworthy.app.pictures.leaderboard import draw_leaderboard
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.pictures.scores import draw_scores
from shipworthy.app.pictures.traffic import draw_traffic
from shipworthy.app.pictures.uplift import draw_uplift
from shipworthy.app.pictures.value import draw_value
from shipworthy.core.digests import canonical_json

LINES = ("value_per_1000 >= baseline + 10000", "calibration_error <= 0.03")


@dataclass(frozen=True)
class Happened:
    at: datetime
    text: str


MOMENTS = (
    Happened(START + timedelta(days=3), "plan 1"),
    Happened(START + timedelta(days=3, hours=2), "incident"),
    Happened(START + timedelta(days=4000), "plan 9"),
)


def all_pictures(days=92):
    bodies = make_windows(days, failures=(40,))
    return {
        "value": draw_value(bodies, unit=UNIT, good_enough=LINES, moments=MOMENTS),
        "uplift": draw_uplift(bodies, unit="USD", moments=MOMENTS),
        "scores": draw_scores(bodies, threshold=0.25),
        "traffic": draw_traffic(bodies, moments=MOMENTS),
        "latency": draw_latency(bodies, budget_ms=10, moments=MOMENTS),
        "leaderboard": draw_leaderboard(make_run(), unit=UNIT),
        **{f"finding {kind}": draw_finding(finding(kind)) for kind in FINDINGS},
    }


@pytest.mark.covers("M2", "P16", "V2")
@pytest.mark.parametrize("days", [1, 8, 92])
@pytest.mark.parametrize("name", list(all_pictures()))
def test_every_picture_is_a_valid_figure_with_named_axes_few_series_and_its_numbers(name, days):
    picture = all_pictures(days)[name]
    drawn = go.Figure(picture.figure)  # raises on any key or value that Plotly does not know
    canonical_json(picture.figure)  # plain JSON, no NaN
    assert any(drawn.layout[axis].title.text for axis in ("xaxis", "yaxis"))
    assert len({trace.name for trace in drawn.data if trace.name}) <= 5
    assert {trace.type for trace in drawn.data} <= {"scatter", "bar"}
    assert not any(key.startswith("yaxis") and key != "yaxis" for key in picture.figure["layout"])  # no dual axis
    assert any(character.isdigit() for character in picture.title)
    assert picture.rows
    assert all(len(row) == len(picture.columns) for row in picture.rows)


def test_every_kind_of_finding_that_has_a_picture_is_tested_here():
    assert set(FINDINGS) == set(DRAWN)


def test_without_documents_there_is_no_picture():
    assert draw_value([], unit=UNIT) is None
    assert draw_uplift(make_windows(5, labels=False), unit="USD") is None
    assert draw_scores([]) is None
    assert draw_traffic([]) is None
    assert draw_latency([]) is None
    assert draw_leaderboard({}, unit=UNIT) is None
    baseline_alone = {"candidates": make_run()["candidates"][:1]}
    assert draw_leaderboard(baseline_alone, unit=UNIT) is None


@pytest.mark.parametrize("kind", list(DRAWN))
def test_a_finding_without_its_numbers_has_no_picture(kind):
    assert draw_finding(finding(kind, note="no numbers")) is None


def test_findings_with_a_table_or_without_evidence_have_no_picture():
    assert draw_finding({"check": "parity", "evidence": {"picture": "table", "columns": [], "rows": []}}) is None
    assert draw_finding({"check": "contract", "evidence": {}}) is None
    assert draw_finding({"check": "contract"}) is None


def test_the_picture_of_a_finding_has_the_name_of_its_check():
    assert draw_finding(finding("bars")).name == "check.bars"


def test_the_titles_say_the_message():
    drawn = all_pictures()
    assert "above 'good enough' ($10.0k)" in drawn["value"].title
    assert drawn["uplift"].title.startswith("+$")
    assert "95 % interval" in drawn["uplift"].title
    assert drawn["traffic"].title.endswith("3 failed (0.004 %)")
    assert drawn["latency"].title.endswith("within the budget of 10 ms")
    assert drawn["leaderboard"].title == (
        "lightgbm-31 is proposed: $34.7k per 1,000 flights, the baseline earns $1.07k"
    )
    assert drawn["finding bars"].title == "Baseline $1.07k, model $34.7k, difference $33.6k"
    assert "feature_0 alone tells most" in drawn["finding single_feature_auc"].title
    assert "Under 'good enough' on 12 of 14 days" in drawn["finding value_margin"].title


def test_a_fall_under_the_line_and_a_budget_that_was_broken_are_told():
    bodies = [{**one, "value_total": one["baseline_value_total"] + one["labelled"]} for one in make_windows()]
    assert "under 'good enough'" in draw_value(bodies, unit=UNIT, good_enough=LINES).title
    slow = draw_latency(bodies, budget_ms=1)
    assert slow.title == "p99 was over its budget of 1.0 ms on 92 of 92 days"


def test_a_line_on_value_itself_draws_value_and_not_the_difference():
    drawn = draw_value(make_windows(), unit=UNIT, good_enough=("value_per_1000 >= 5000",))
    assert "over the baseline" not in drawn.title
    assert "above 'good enough'" in drawn.title


def test_the_moments_of_one_day_share_a_mark_and_others_are_left_out():
    texts = [one["text"].strip() for one in all_pictures()["value"].figure["layout"]["annotations"]]
    assert "plan 1, incident" in texts
    assert not any("plan 9" in text for text in texts)


def test_scores_without_a_reference_or_with_few_rows_claim_nothing():
    few = make_windows(1)
    assert "too few" in draw_scores(few).title
    (bare,) = few
    bare["scores"]["reference"] = []
    assert draw_scores([bare]).title.startswith("Scores of")


def test_the_cumulative_uplift_ends_at_the_sum_and_its_band_begins_at_the_seventh_day():
    bodies = make_windows(20)
    drawn = draw_uplift(bodies, unit="USD")
    total = sum(one["value_total"] - one["baseline_value_total"] for one in bodies)
    assert drawn.rows[-1][1] == pytest.approx(total)
    assert [row[2] is None for row in drawn.rows] == [True] * 6 + [False] * 14
    assert all(low <= middle <= high for _, middle, low, high in drawn.rows[6:])


def test_a_row_that_does_not_fit_its_columns_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        Picture(name="x", title="1", figure={}, columns=("a",), rows=((1, 2),))


def test_a_leaderboard_without_a_proposal_or_a_baseline_says_so():
    candidates = [{**one, "proposed": False} for one in make_run()["candidates"]]
    assert draw_leaderboard({"candidates": candidates}, unit=UNIT).title == "4 candidates, none is proposed"
    without = draw_leaderboard({"candidates": make_run()["candidates"][1:]}, unit=UNIT)
    assert without.title == "lightgbm-31 is proposed: $34.7k per 1,000 flights"
    unmeasured = {"candidates": [*candidates, {"name": "new", "kind": "linear"}]}
    assert len(draw_leaderboard(unmeasured, unit=UNIT).rows) == 5


def test_pictures_do_without_what_nobody_declared():
    bodies = make_windows()
    assert "good enough" not in draw_value(bodies, unit=UNIT, good_enough=("value_per_1000 is fine",)).title
    assert draw_latency(bodies).title.startswith("The worst day's p99 was")
    untimed = [{**one, "latency_ms": {}} for one in bodies]
    assert draw_latency(untimed).title == "No request was timed"
    bare = {key: value for key, value in FINDINGS["single_feature_auc"].items() if key == "features"}
    assert draw_finding(finding("single_feature_auc", **bare)).title.endswith("(AUC 0.950)")
    free = {**FINDINGS["calibration"], "threshold": None}
    assert len(draw_finding(finding("calibration", **free)).figure["layout"]["shapes"]) == 0
    alone = {"bars": [{"name": "worker", "value": 150.0}], "unit": "MB", "threshold": None}
    assert draw_finding(finding("bars", **alone)).title == "Worker 150 MB"
