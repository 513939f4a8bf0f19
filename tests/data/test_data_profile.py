"""A profile says what a table holds, survives Arrow, and merges as if the tables had been one."""

import math
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidData
from shipworthy.data.profile import ColumnProfile, Profile, count_on, merge_profiles, profile_table

TABLE = pa.table(
    {
        "delay": [1.0, 2.0, None, math.nan, 4.0, math.inf],
        "seats": [1, 2, 2, 2, 3, None],
        "carrier": ["AA", "UA", "AA", None, "AA", "DL"],
        "night": [True, False, None, True, True, True],
        "at": pa.array([datetime(1970, 1, 2, tzinfo=UTC)] * 6, pa.timestamp("us", "UTC")),
        "gone": pa.array([None] * 6, pa.float64()),
    }
)


@pytest.mark.covers("D14")
def test_a_profile_counts_what_is_there():
    profile = profile_table(TABLE)
    assert profile.rows == 6
    delay = profile.column("delay")
    assert (delay.nulls, delay.infinite, delay.known) == (2, 1, 3)
    assert (delay.minimum, delay.maximum, delay.mean) == (1, 4, pytest.approx(7 / 3))
    assert delay.deviation == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert delay.null_share == pytest.approx(1 / 3)
    assert sum(delay.counts) == 3
    carrier = profile.column("carrier")
    assert (carrier.values, carrier.value_counts, carrier.nulls) == (("AA", "DL", "UA"), (3, 1, 1), 1)
    assert profile.column("night").values == ("true", "false")
    assert (profile.column("at").kind, profile.column("at").mean) == ("moment", 86_400)
    assert (profile.column("gone").known, profile.column("gone").edges) == (0, ())
    with pytest.raises(KeyError):
        profile.column("none")


def test_an_outlier_does_not_blind_the_bins():
    values = np.concatenate([np.arange(1000.0), [1e9]])
    column = profile_table(pa.table({"x": values})).columns[0]
    assert len(column.counts) == 20
    assert max(column.counts) < 60


def test_new_data_are_counted_on_the_reference_edges():
    reference = profile_table(pa.table({"x": np.arange(100.0), "s": ["a"] * 100}))
    now = count_on(reference, pa.table({"s": ["b", None], "x": [-5.0, 1e6]}))
    assert now.column("x").edges == reference.column("x").edges
    assert now.column("x").counts == (1, *([0] * 18), 1)
    assert now.column("s").values == ("b",)


@pytest.mark.parametrize(
    ("table", "says"), [({"s": ["a"]}, "'x' of the reference"), ({"x": ["a"]}, "was a number and is a text")]
)
def test_other_columns_are_refused_by_name(table, says):
    with pytest.raises(InvalidData, match=says):
        count_on(profile_table(pa.table({"x": [1.0]})), pa.table(table))


def same(one, other, *, loosely=False):
    if isinstance(one, float):
        return (
            one == other
            or (math.isnan(one) and math.isnan(other))
            or (loosely and math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6))
        )
    return one == other


def assert_same(one, other, *, loosely=False):
    assert len(one.columns) == len(other.columns)
    for a, b in zip(one.columns, other.columns, strict=True):
        for field in fields(ColumnProfile):
            assert same(getattr(a, field.name), getattr(b, field.name), loosely=loosely), field.name


numbers = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, 0.0])


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 15))

    def column(values):
        return draw(st.lists(st.none() | values, min_size=rows, max_size=rows))

    return pa.table(
        {
            "n": pa.array(column(numbers), pa.float64(), from_pandas=False),
            "i": pa.array(column(st.integers(-9, 9)), pa.int64()),
            "s": pa.array(column(st.sampled_from("abc")), pa.string()),
            "f": pa.array(column(st.booleans()), pa.bool_()),
        }
    )


@given(tables(), tables(), tables())
def test_parts_merge_into_the_profile_of_the_whole(reference, first, second):
    edges = profile_table(reference)
    whole = count_on(edges, pa.concat_tables([first, second]))
    merged = merge_profiles(count_on(edges, first), count_on(edges, second))
    assert_same(merged, whole, loosely=True)
    assert_same(merge_profiles(count_on(edges, second), count_on(edges, first)), merged, loosely=True)


@given(tables())
def test_the_order_of_rows_does_not_matter(table):
    backwards = table.take(pa.array(range(len(table))[::-1], pa.int64()))
    assert_same(profile_table(table), profile_table(backwards), loosely=True)


@given(tables())
def test_a_profile_survives_arrow(table):
    profile = profile_table(table)
    assert_same(Profile.from_arrow(profile.to_arrow()), profile)


def test_many_texts_are_cut_and_the_rest_counted():
    texts = [f"t{i}" for i in range(1500)] + ["often"] * 3
    column = profile_table(pa.table({"s": texts})).columns[0]
    assert (len(column.values), column.values[0], column.others) == (1000, "often", 501)
    both = merge_profiles(Profile(columns=(column,)), Profile(columns=(column,))).columns[0]
    assert sum(both.value_counts) + both.others == both.rows == 3006


def test_profiles_on_other_edges_do_not_merge():
    one, other = (profile_table(pa.table({"x": [1.0, high]})) for high in (2.0, 3.0))
    with pytest.raises(ValueError, match="same edges"):
        merge_profiles(one, other)
    with pytest.raises(ValueError, match="same columns"):
        merge_profiles(one, profile_table(pa.table({"y": [1.0]})))


def test_bytes_of_another_kind_or_format_are_refused():
    with pytest.raises(InvalidData, match="no profile"):
        Profile.from_arrow(b"nonsense")
    content = profile_table(TABLE).to_arrow()
    with pytest.raises(InvalidData, match="format 9, and this version reads 1"):
        Profile.from_arrow(content.replace(b"\x01\x00\x00\x001\x00", b"\x01\x00\x00\x009\x00"))


def test_profiles_need_no_engine():
    code = "import sys, shipworthy.data.profile; print({'duckdb', 'sqlglot', 'sqlalchemy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
