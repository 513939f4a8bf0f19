import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipworthy.core.errors import InvalidFeatures
from shipworthy.packaging.signature import Datatype
from shipworthy.training.encode import fit_encoding, to_float32

DAY_US = 86_400_000_000


def strings(built, values, happened):
    table = pa.table({"word": pa.array(values, pa.string())})
    return built(table, np.array(happened, dtype=bool), np.arange(len(values)) * DAY_US)


def test_numbers_come_first_and_booleans_are_numbers(frame):
    encoding = fit_encoding(frame)
    assert encoding.numbers == ("wind", "hour", "delay", "wet")
    assert [levels.name for levels in encoding.levels] == ["carrier", "place"]
    matrix = encoding.matrix(frame)
    assert matrix.dtype == np.float32
    assert matrix.shape == (len(frame), 6)
    assert set(np.unique(matrix[:, 3])) == {0.0, 1.0}
    assert np.isnan(matrix[:, 0]).sum() == frame.features["wind"].null_count > 0


def test_codes_rise_with_the_rate_of_the_target(built):
    frame = strings(built, ["high"] * 40 + ["low"] * 40 + ["mid"] * 40, [1] * 40 + [0] * 40 + [1, 0] * 20)
    codes = fit_encoding(frame).levels[0].codes
    assert codes == {"low": 0.0, "mid": 1.0, "high": 2.0}


def test_null_and_unseen_have_their_own_codes_and_the_rare_share_that_of_the_unseen(built):
    frame = strings(built, ["a"] * 40 + ["b"] * 40 + [None] * 30 + ["rare"] * 5, [1] * 40 + [0] * 75)
    levels = fit_encoding(frame).levels[0]
    assert set(levels.codes) == {"a", "b", ""}
    coded = levels.encode(pa.chunked_array([pa.array(["a", "rare", "never", None, ""])]))
    assert coded.tolist() == [levels.codes["a"], levels.unseen, levels.unseen, levels.codes[""], levels.codes[""]]
    assert levels.unseen not in levels.codes.values()


def test_the_signature_follows_the_frame_and_takes_a_null_everywhere(frame):
    signature = fit_encoding(frame).signature()
    assert [one.name for one in signature.inputs] == list(frame.names)
    kinds = {one.name: (one.datatype, one.nullable) for one in signature.inputs}
    assert kinds["wind"] == kinds["hour"] == (Datatype.FP64, True)
    assert kinds["wet"] == (Datatype.BOOL, True)
    assert kinds["place"] == (Datatype.BYTES, True)


def test_a_frame_without_a_feature_of_the_encoding_is_refused_by_name(frame, built):
    encoding = fit_encoding(frame)
    other = built(frame.features.drop_columns(["wind"]), frame.truth, np.arange(len(frame)))
    with pytest.raises(InvalidFeatures, match="'wind'"):
        encoding.matrix(other)


def test_a_frame_without_features_is_refused(built):
    empty = built(pa.table({}), np.array([], dtype=bool), np.array([], dtype=np.int64))
    with pytest.raises(InvalidFeatures, match="no feature"):
        fit_encoding(empty)


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30))
def test_any_number_becomes_float32_without_a_warning(values):
    made = to_float32(pa.chunked_array([pa.array(values, pa.float64())]))
    assert made.dtype == np.float32
    assert np.isnan(made).tolist() == [value is None or np.isnan(value) for value in values]
