import json
import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidRequest
from shipworthy.stores.labels import Inputs, join_labels, list_predictions
from shipworthy.stores.records import Feedback, Record
from shipworthy.stores.tables import feedback_table, records_table

START = datetime(2013, 10, 1, tzinfo=UTC)
S = 1_000_000_000
START_NS = int(START.timestamp()) * S


def a_record(name, probability=(0.25,), decision=None, at_s=0, **changes):
    plain = {
        "request_id": name,
        "at_ns": START_NS + at_s * S,
        "received_ns": START_NS + at_s * S,
        "endpoint": "e",
        "variant": "champion",
        "status": 200,
        "outcome": "ok",
        "probability": list(probability),
        "decision": [one >= 0.25 for one in probability] if decision is None else decision,
    }
    return Record(**{**plain, **changes})


def said(name, outcome, observed_s=100, received_s=200, row=0, feedback_id=""):
    return Feedback(
        request_id=name,
        row=row,
        outcome=outcome,
        observed_ns=START_NS + observed_s * S,
        received_ns=START_NS + received_s * S,
        source="ops",
        feedback_id=feedback_id,
    )


def join(records, feedback):
    return join_labels(records_table(records), feedback_table(feedback))


def labels(joined):
    rows = joined.table.to_pylist()
    return {(row["request_id"], row["row"]): row["label"] for row in rows}


def test_a_request_of_many_rows_becomes_many_predictions():
    records = [
        a_record("one", (0.1,)),
        a_record("bad", (), outcome="invalid", status=400),
        a_record("two", (0.2, 0.3)),
        a_record("old", (0.4,), decision=[], outcome="fallback"),
    ]
    table = list_predictions(records_table(records))
    columns = [table[name].to_pylist() for name in ("request_id", "row", "probability", "decision", "outcome")]
    assert list(zip(*columns, strict=True)) == [
        ("one", 0, 0.1, False, "ok"),
        ("two", 0, 0.2, False, "ok"),
        ("two", 1, 0.3, True, "ok"),
        ("old", 0, 0.4, None, "fallback"),
    ]


def test_a_sliced_table_is_read_as_what_it_shows():
    whole = records_table([a_record("a", (0.1, 0.2)), a_record("b", (0.3,)), a_record("c", (0.4, 0.5))])
    table = list_predictions(whole.slice(1))
    assert table["probability"].to_pylist() == [0.3, 0.4, 0.5]
    assert table["row"].to_pylist() == [0, 0, 1]


def test_no_records_make_no_predictions():
    joined = join([], [said("stray", outcome=True)])
    assert (len(joined.table), joined.unknown) == (0, 1)
    assert joined.table.column_names[-4:] == ["label", "observed", "labelled", "said"]


@pytest.mark.covers("D10", "M5")
def test_labels_find_their_rows_and_what_nobody_said_is_open():
    joined = join(
        [a_record("one"), a_record("two", (0.2, 0.3)), a_record("open")],
        [said("two", outcome=True, row=1), said("one", outcome=False), said("two", 0.5, row=0)],
    )
    assert labels(joined) == {("one", 0): 0.0, ("two", 0): 0.5, ("two", 1): 1.0, ("open", 0): None}
    first = joined.table.to_pylist()[0]
    assert (first["observed"], first["labelled"]) == (START + timedelta(seconds=100), START + timedelta(seconds=200))
    assert joined.table["said"].to_pylist() == [1, 1, 1, 0]


@pytest.mark.covers("TRUST-R15")
def test_labels_that_come_thrice_out_of_order_and_30_days_late_count_once():
    records = [a_record(f"r{number}", at_s=number) for number in range(50)]
    once = [said(f"r{number}", outcome=number % 3 == 0, observed_s=100 + number) for number in range(40)]
    late = [
        said(f"r{number}", outcome=number % 3 == 0, observed_s=100 + number, received_s=30 * 86_400)
        for number in range(40)
    ]
    replayed = once + late + once + [said("stray", outcome=True), said("r1", outcome=True, row=7)]
    random.Random(1).shuffle(replayed)
    expected, joined = join(records, once), join(records, replayed)
    assert joined.table.equals(expected.table)
    assert (joined.duplicates, joined.conflicts, joined.unknown) == (80, 0, 2)
    assert (expected.duplicates, expected.conflicts, expected.unknown) == (0, 0, 0)


@pytest.mark.covers("TRUST-R16")
def test_of_conflicting_labels_the_latest_observed_wins_and_both_are_counted():
    feedback = [
        said("one", outcome=True, observed_s=300, received_s=400),
        said("one", outcome=False, observed_s=100, received_s=900),
    ]
    joined = join([a_record("one")], feedback)
    assert labels(joined) == {("one", 0): 1.0}
    assert joined.conflicts == 1
    assert joined.table["said"].to_pylist() == [2]


@pytest.mark.covers("TRUST-R16")
def test_of_labels_observed_at_once_the_latest_received_wins_and_a_repeat_of_the_older_does_not():
    older = said("one", outcome=True, received_s=200)
    newer = said("one", outcome=False, received_s=300)
    repeat = said("one", outcome=True, received_s=400)
    joined = join([a_record("one")], [older, newer, repeat])
    assert labels(joined) == {("one", 0): 0.0}
    assert (joined.duplicates, joined.conflicts) == (1, 1)


def test_a_correction_to_the_same_outcome_is_no_conflict():
    joined = join([a_record("one")], [said("one", outcome=True), said("one", outcome=True, observed_s=150)])
    assert (labels(joined), joined.conflicts, joined.duplicates) == ({("one", 0): 1.0}, 0, 0)


def test_of_two_answers_under_one_id_the_newer_gets_the_label():
    joined = join([a_record("one", (0.1,), at_s=0), a_record("one", (0.9,), at_s=5)], [said("one", outcome=True)])
    assert list(zip(joined.table["probability"].to_pylist(), joined.table["label"].to_pylist(), strict=True)) == [
        (0.1, None),
        (0.9, 1.0),
    ]


statements = st.lists(
    st.builds(
        said,
        st.sampled_from(["a", "b", "stray"]),
        st.booleans(),
        observed_s=st.integers(0, 3),
        received_s=st.integers(0, 3),
        row=st.integers(0, 1),
        feedback_id=st.sampled_from(["", "f"]),
    ),
    max_size=8,
)


@pytest.mark.covers("TRUST-R15")
@settings(deadline=None, max_examples=40)
@given(statements, st.randoms())
def test_neither_the_order_nor_a_repetition_of_feedback_changes_any_label(feedback, shuffler):
    records = [a_record("a", (0.1, 0.2)), a_record("b", (0.3, 0.4), at_s=1)]
    again = feedback * 3
    shuffler.shuffle(again)
    assert join(records, again).table.equals(join(records, feedback).table)


def test_features_are_decoded_beside_the_predictions_and_what_cannot_be_read_is_null():
    def decode(body, content_type, protocol):
        assert (content_type, protocol) == ("application/json", "oip")
        if body == b"garbled":
            raise InvalidRequest("not JSON", remedy="send JSON")
        return json.loads(body)

    common = {"content_type": "application/json", "protocol": "oip"}
    records = [
        a_record("one", (0.1, 0.2), input=b'{"x": [1.5, 2.5], "c": ["UA", "AA"]}', **common),
        a_record("bad", (), outcome="invalid", input=b"garbled", **common),
        a_record("odd", (0.3,), input=b"garbled", **common),
        a_record("cut", (0.4,), input=b'{"x": [', truncated=True, **common),
        a_record("few", (0.5, 0.6), input=b'{"x": [1.0]}', **common),
    ]
    fields = pa.schema([("x", pa.float64()), ("c", pa.string())])
    table = list_predictions(records_table(records), Inputs(fields=fields, decode=decode))
    assert table["x"].to_pylist() == [1.5, 2.5, None, None, None, None]
    assert table["c"].to_pylist() == ["UA", "AA", None, None, None, None]
