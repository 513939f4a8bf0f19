"""The project file is read whole or refused with its file, line, field and a way out."""

import copy
import re
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.digests import canonical_json
from shipworthy.core.errors import InvalidGoal, InvalidProject, NotFound, UserError
from shipworthy.problem.located import parse_yaml, plain
from shipworthy.problem.project import DecisionTime, Project
from shipworthy.problem.project_shape import PROJECT_SHAPE
from shipworthy.problem.reader import parse_project, read_project
from shipworthy.problem.schema import project_schema
from shipworthy.problem.shape import read_document
from shipworthy.problem.units import format_duration, parse_decision_time, parse_duration, parse_share

FLIGHTS = """\
apiVersion: shipworthy/v1
project: flight-disruption
owner: ops-analytics@example.com

goal:
  question: Two hours before departure, will this flight be over 30 minutes late, cancelled or diverted?
  decision: protect tight connections and put a standby crew on call
  why_ml: the carrier-and-hour rule in use today earns next to nothing
  target: disrupted
  value: {true_positive: 750, false_positive: -250, true_negative: 0, false_negative: 0}   # USD per flight
  baseline: rules:carrier_hour_rate
  good_enough: {value_per_1000: ">= baseline + 10000", calibration_error: "<= 0.03"}
  budgets: {latency_p99_ms: 10, memory_mb: 200}

data:
  sources:
    flights: {location: data/flights.parquet, contract: contracts/flights.odcs.yaml}
    weather: {location: data/weather.parquet, contract: contracts/weather.odcs.yaml}
    planes: {location: data/planes.parquet, contract: contracts/planes.odcs.yaml}
  key: flight_id
  event_time: scheduled_departure
  decision_time: scheduled_departure - 2h      # nothing known later may be used; enforced by as-of joins
  label_delay: 1d
  features: features.sql                        # one SELECT over the sources, the same offline and online

training: {search: auto, budget: 60s, validate: time}
gate: standard
serving: {mode: http, endpoint: flight-disruption, fallback: baseline}
rollout: {strategy: canary, steps: [1%, 10%, 50%, 100%], guards: standard}
monitoring: {every: 1d, alert: [console]}
retraining: {when: [decay, drift, schedule 30d], promote: if_better}
"""


def edited(old: str, new: str) -> str:
    assert old in FLIGHTS
    return FLIGHTS.replace(old, new, 1)


@pytest.mark.covers("P2", "P3", "P4", "P5", "R2")
def test_the_whole_project_of_the_design_reads():
    project = parse_project(FLIGHTS)
    assert isinstance(project, Project)
    assert project.goal.value.true_positive == 750
    assert project.goal.threshold == 0.25
    assert [str(bar) for bar in project.goal.good_enough] == [">= baseline + 10000", "<= 0.03"]
    assert project.goal.budgets.latency_p99_ms == 10
    assert project.data.primary.name == "flights"
    assert list(project.data.sources) == ["flights", "weather", "planes"]
    assert project.data.decision_time == DecisionTime(column="scheduled_departure", offset=-timedelta(hours=2))
    assert project.data.label_delay == timedelta(days=1)
    assert project.data.until is None
    assert project.training.budget_s == 60
    assert project.rollout.steps == (0.01, 0.1, 0.5, 1.0)
    assert project.monitoring.every == timedelta(days=1)
    assert project.retraining.when == ("decay", "drift", "schedule 30d")


def test_a_folder_is_read_by_its_project_file(tmp_path):
    (tmp_path / "shipworthy.yaml").write_text(FLIGHTS)
    assert read_project(tmp_path) == read_project(tmp_path / "shipworthy.yaml") == parse_project(FLIGHTS)


def test_a_missing_project_says_how_to_start_one(tmp_path):
    with pytest.raises(NotFound, match="shipworthy init"):
        read_project(tmp_path)


def test_what_may_be_left_out_has_its_default():
    short = FLIGHTS[: FLIGHTS.index("training:")] + "serving: {endpoint: e}\n"
    project = parse_project(short)
    assert project.training.budget_s == 60
    assert project.rollout.strategy == "direct"
    assert project.serving.fallback == "baseline"
    assert project.retraining.when == ()


@pytest.mark.parametrize(
    ("text", "instant"),
    [("2013-10-01", datetime(2013, 10, 1, tzinfo=UTC)), ("2013-10-01T02:00+02:00", datetime(2013, 10, 1, tzinfo=UTC))],
)
def test_until_is_an_instant(text, instant):
    assert parse_project(edited("  key: flight_id", f"  until: {text}\n  key: flight_id")).data.until == instant


BAD = [
    # What is replaced, by what; then the error, its line, its field, and words of it.
    ("  key: flight_id", "  kye: flight_id", InvalidProject, 20, "data.kye", "did you mean 'key'"),
    ("training: {search: auto", "training: {serach: auto", InvalidProject, 26, "training.serach", "'search'"),
    ("owner: ops-analytics@example.com\n", "", InvalidProject, 1, "owner", "is missing"),
    ("  target: disrupted\n", "", InvalidGoal, 5, "goal.target", "is missing"),
    ("goal:", "gaol:", InvalidProject, 5, "gaol", "did you mean 'goal'"),
    ("question: Two", "qestion: Two", InvalidGoal, 6, "goal.qestion", "did you mean 'question'"),
    ("true_positive: 750", "true_positive: much", InvalidGoal, 10, "goal.value.true_positive", "not a number"),
    ("true_positive: 750", "true_positive: .nan", InvalidGoal, 10, "goal.value.true_positive", "not a number"),
    ("true_positive: 750", "true_positive: 1e999", InvalidGoal, 10, "goal.value.true_positive", "not a number"),
    ("true_positive: 750", "true_positive: true", InvalidGoal, 10, "goal.value.true_positive", "is true"),
    ("true_positive: 750", "true_positive: -750", InvalidGoal, 10, "goal.value", "acting has to pay"),
    ("false_positive: -250", "false_positive: 5", InvalidGoal, 10, "goal.value", "acting has to pay"),
    (">= baseline + 10000", ">= baseline +", InvalidGoal, 12, "goal.good_enough.value_per_1000", "a line to clear"),
    (">= baseline + 10000", "<= 4", InvalidGoal, 12, "goal.good_enough.value_per_1000", "a worse model"),
    ('"<= 0.03"', '"<= 3"', InvalidGoal, 12, "goal.good_enough.calibration_error", "fraction"),
    ("calibration_error:", "accuracy:", InvalidGoal, 12, "goal.good_enough.accuracy", "known here"),
    ("{value_per_1000: \">= baseline + 10000\", calibration_error: \"<= 0.03\"}", "{}", InvalidGoal, 12,
     "goal.good_enough", "at least 1"),
    ("latency_p99_ms: 10", "latency_p99_ms: 0", InvalidGoal, 13, "goal.budgets.latency_p99_ms", "above 0"),
    ("baseline: rules:carrier_hour_rate", "baseline: a guess", InvalidGoal, 11, "goal.baseline", "module:function"),
    ("target: disrupted", "target: ''", InvalidGoal, 9, "goal.target", "a text"),
    ("target: disrupted", "target:", InvalidGoal, 9, "goal.target", "is empty"),
    ("target: disrupted", "target: FILL IN the column", InvalidGoal, 9, "goal.target", "still to be filled in"),
    ("v1", "v2", InvalidProject, 1, "apiVersion", "shipworthy/v1"),
    ("flights: {location", "fli ghts: {location", InvalidProject, 17, "data.sources.fli ghts", "for SQL"),
    ("departure - 2h", "departure - 2 hours", InvalidProject, 22, "data.decision_time", "departure - 2h"),
    ("label_delay: 1d", "label_delay: 1", InvalidProject, 23, "data.label_delay", "60s, 10m, 2h or 1d"),
    ("label_delay: 1d", "label_delay: 1d\n  until: 2013-02-31", InvalidProject, 24, "data.until", "calendar"),
    ("budget: 60s", "budget: 0s", InvalidProject, 26, "training.budget", "more than zero"),
    ("gate: standard", "gate: lax", InvalidProject, 27, "gate", "standard"),
    ("mode: http", "mode: htp", InvalidProject, 28, "serving.mode", "did you mean 'http'"),
    ("endpoint: flight-disruption", "endpoint: ../up", InvalidProject, 28, "serving.endpoint", "letters"),
    ("[1%, 10%, 50%, 100%]", "[10%, 1%, 100%]", InvalidProject, 29, "rollout.steps", "rise to 100%"),
    ("[1%, 10%, 50%, 100%]", "[1%, 50%]", InvalidProject, 29, "rollout.steps", "rise to 100%"),
    ("[1%, 10%, 50%, 100%]", "[1, 2]", InvalidProject, 29, "rollout.steps[0]", "share such as 10%"),
    ("[1%, 10%, 50%, 100%]", "1%", InvalidProject, 29, "rollout.steps", "not a list"),
    ("every: 1d", "every: 0d", InvalidProject, 30, "monitoring.every", "more than zero"),
    ("alert: [console]", "alert: [pager]", InvalidProject, 30, "monitoring.alert[0]", "console"),
    ("schedule 30d", "schedule weekly", InvalidProject, 31, "retraining.when[2]", "schedule 30d"),
    ("gate: standard", "gate: standard\ngate: standard", InvalidProject, 28, None, "stands there twice"),
    ("gate: standard", "gate: &a standard\nx: *a", InvalidProject, 28, None, "alias"),
    ("gate: standard", "gate: !!python/name:os.system x", InvalidProject, 27, None, "tag"),
    ("gate: standard", "gate: !!int abc", InvalidProject, 27, None, "no number that can be read"),
    ("gate: standard", "gate: [standard", InvalidProject, 28, None, "line"),
    ("gate: standard", "? [a]\n: b", InvalidProject, 27, None, "a key that is no text"),
]  # fmt: skip


@pytest.mark.covers("P1", "P2")
@pytest.mark.parametrize(("old", "new", "kind", "line", "field", "words"), BAD)
def test_a_faulty_project_names_file_line_field_and_a_way_out(old, new, kind, line, field, words):
    with pytest.raises(kind, match=re.escape(words)) as caught:
        parse_project(edited(old, new), file="there/shipworthy.yaml")
    error = caught.value
    assert error.facts["file"] == "there/shipworthy.yaml"
    assert error.facts["line"] == line
    assert f"there/shipworthy.yaml, line {line}: " in error.problem
    assert error.facts.get("field") == field
    assert error.remedy


@pytest.mark.parametrize(
    "content",
    ["", "# nothing\n", "just text", "[1, 2]", "a: 1\n---\nb: 2\n", b"\xff\xfe", "\0", "[" * 200_000,
     "a: " + "x" * 2**20, "a: " + "[" * 60 + "]" * 60],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_project_at_all_is_refused(content):
    with pytest.raises(InvalidProject):
        parse_project(content)


@given(st.text(max_size=300))
def test_no_text_ends_in_anything_but_a_project_or_our_error(text):
    with pytest.raises(UserError):
        parse_project(text)


@given(st.text(max_size=30), st.integers(0, FLIGHTS.count("\n") - 1))
def test_no_line_ends_in_anything_but_a_project_or_our_error(text, where):
    lines = FLIGHTS.splitlines()
    lines[where] = text
    try:
        parse_project("\n".join(lines))
    except UserError:
        return


# ---- The JSON Schema says the same as the reader.

VALID = plain(parse_yaml(FLIGHTS, file="x", kind=InvalidProject))
SCHEMA = jsonschema.Draft202012Validator(project_schema())
WRONG = [None, True, 0, -1, 1.5, "", " ", "x", "60s", "1%", "auto", "FILL IN this", [], ["x"], {}, {"x": 1}, "a - 2h"]


def reader_accepts(value) -> bool:
    text = canonical_json(value).decode()
    root = parse_yaml(text, file="x", kind=InvalidProject)
    try:
        read_document(PROJECT_SHAPE, root, file="x", kind=lambda _: InvalidProject)
    except InvalidProject:
        return False
    return True


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(path, change):
    value = copy.deepcopy(VALID)
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    change(inner, path[-1])
    return value


def mutations():
    for path in list(places(VALID))[1:]:
        yield changed(path, lambda inner, step: inner.pop(step))
        for wrong in WRONG:
            yield changed(path, lambda inner, step, wrong=wrong: inner.__setitem__(step, wrong))
        if isinstance(path[-1], str):
            yield changed(path, lambda inner, step: inner.__setitem__("un known", inner.pop(step)))


def test_the_schema_is_a_schema_and_accepts_the_example():
    jsonschema.Draft202012Validator.check_schema(project_schema())
    SCHEMA.validate(VALID)


def test_schema_and_reader_agree_on_every_mutation():
    mutants = list(mutations())
    assert len(mutants) > 1000
    verdicts = [(reader_accepts(value), SCHEMA.is_valid(value)) for value in mutants]
    assert [value for value, (ours, theirs) in zip(mutants, verdicts, strict=True) if ours != theirs] == []
    assert {ours for ours, _ in verdicts} == {True, False}


def test_every_key_of_the_schema_is_described():
    undescribed = []

    def walk(schema, path):
        for name, inner in schema.get("properties", {}).items():
            if "description" not in inner:
                undescribed.append(f"{path}.{name}")
            walk(inner, f"{path}.{name}")

    walk(project_schema(), "")
    assert undescribed == []


# ---- Units.


@given(st.integers(0, 10**6 - 1), st.sampled_from("smhd"))
def test_durations_are_written_as_they_are_read(amount, unit):
    duration = parse_duration(f"{amount}{unit}")
    if duration.total_seconds() < 10**6:
        assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "1", "1x", "-1d", "1 d", "d", "1d ", "1d\n", "1234567d"])
def test_other_texts_are_no_durations_and_no_shares(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
    with pytest.raises(ValueError, match="share"):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "column", "offset"),
    [("at", "at", timedelta(0)), ("at-2h", "at", -timedelta(hours=2)), ("Local time + 1d", "Local time", timedelta(1))],
)
def test_a_decision_time_is_a_column_and_a_step(text, column, offset):
    assert parse_decision_time(text) == DecisionTime(column=column, offset=offset)


def test_yaml_texts_stay_texts():
    text = "{a: yes, b: 2013-10-01, c: 010, d: 1_000, e: 1:30, f: 0x10, g: null, h: 1e3, i: TRUE}"
    assert plain(yaml_of(text)) == {
        "a": "yes", "b": "2013-10-01", "c": 10, "d": "1_000", "e": "1:30", "f": "0x10", "g": None, "h": 1000.0,
        "i": True,
    }  # fmt: skip


def yaml_of(text):
    return parse_yaml(text, file="x", kind=InvalidProject)


def test_every_plain_value_survives_json():
    assert plain(yaml_of(canonical_json(VALID))) == VALID == plain(yaml_of(yaml.safe_dump(VALID)))
