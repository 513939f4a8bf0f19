import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipworthy.core.digests import digest_json
from shipworthy.problem.value import decide
from shipworthy.training.boosted import Boosted
from shipworthy.training.encode import fit_encoding
from shipworthy.training.fitted import feed, seal
from shipworthy.training.graph import IR_VERSION, OPSETS
from shipworthy.training.learner import encode_rows
from shipworthy.training.linear import Linear

LEARNERS = (
    Boosted(name="plain", limit=40, threads=1),
    Boosted(name="extra", limit=40, threads=1, settings={"extra_trees": True, "num_leaves": 63}),
    Linear(),
)
LIMIT = 1e-5


def fit(learner, frame, threshold=0.25):
    encoding = fit_encoding(frame)
    model = learner.fit(encode_rows(encoding, frame), valid=None, rounds=None, go_on=lambda: True)
    return seal(model, encoding, threshold=threshold, name=learner.name)


def run(fitted, frame):
    session = ort.InferenceSession(fitted.model_onnx, providers=["CPUExecutionProvider"])
    return session.run(["probability", "decision"], feed(fitted.encoding, frame))


@pytest.fixture(scope="module", params=LEARNERS, ids=lambda one: one.name)
def fitted(request, frame):
    return fit(request.param, frame)


@pytest.mark.covers("L2", "L5", "T1")
def test_the_graph_says_what_the_library_says(fitted, frame):
    probability, decision = run(fitted, frame)
    assert probability.dtype == np.float32
    assert probability.shape == decision.shape == (len(frame),)
    assert np.abs(probability - fitted.predict(frame)).max() <= LIMIT


def test_the_decision_is_the_probability_held_against_the_threshold_as_everywhere_else(fitted, frame, project_of):
    probability, decision = run(fitted, frame)
    assert decision.dtype == bool
    assert 0 < decision.sum() < len(frame)
    assert np.array_equal(decision, decide(project_of().goal, probability))


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from(["UA", "AA", "never", "", "é\u4e16"])),
        st.one_of(st.none(), st.floats()),
        st.integers(-(2**53), 2**53),
        st.one_of(st.floats(allow_nan=False), st.floats(-5, 5)),
        st.booleans(),
        st.one_of(st.none(), st.text(max_size=3)),
    ),
    min_size=1,
    max_size=15,
)


@pytest.mark.covers("V6")
@settings(deadline=None)
@given(rows=ROWS)
def test_the_graph_says_what_the_library_says_on_nulls_unseen_categories_and_any_number(fitted, frame, built, rows):
    columns = [list(column) for column in zip(*rows, strict=True)]
    types = [field.type for field in frame.features.schema]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    table = pa.table(dict(zip(frame.names, arrays, strict=True)))
    strange = built(table, np.zeros(len(rows), dtype=bool), np.arange(len(rows)))
    assert np.abs(run(fitted, strange)[0] - fitted.predict(strange)).max() <= LIMIT


def test_the_graph_names_its_makers_its_signature_and_pinned_versions(fitted):
    model = onnx.load_from_string(fitted.model_onnx)
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "shipworthy"
    assert model.ir_version == IR_VERSION
    assert {one.domain: one.version for one in model.opset_import} == OPSETS
    properties = {one.key: one.value for one in model.metadata_props}
    assert properties["shipworthy.signature"] == digest_json(fitted.signature.to_json())
    assert properties["shipworthy.model"] in {"plain", "extra", "linear"}


@pytest.mark.covers("T12")
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: one.name)
def test_equal_fits_give_equal_bytes(learner, frame):
    assert fit(learner, frame).model_onnx == fit(learner, frame).model_onnx


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: one.name)
@pytest.mark.parametrize("names", [["wind", "delay"], ["carrier", "place"], ["hour"], ["carrier"]], ids="-".join)
def test_numbers_alone_and_categories_alone_make_a_graph(learner, names, frame, built):
    part = built(frame.features.select(names), frame.truth, np.arange(len(frame)))
    made = fit(learner, part)
    assert np.abs(run(made, part)[0] - made.predict(part)).max() <= LIMIT
    session = ort.InferenceSession(made.model_onnx)
    assert {one.name for one in session.get_inputs()} == {one.tensor for one in made.signature.packing}


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: one.name)
def test_features_that_say_nothing_make_a_graph_that_says_the_rate(learner, frame, built):
    nothing = {
        "constant": pa.array([3.5] * len(frame)),
        "empty": pa.nulls(len(frame), pa.float64()),
        "word": pa.array([f"w{i}" for i in range(len(frame))]),
    }
    part = built(pa.table(nothing), frame.truth, np.arange(len(frame)))
    made = fit(learner, part)
    probability = run(made, part)[0]
    assert np.abs(probability - made.predict(part)).max() <= LIMIT
    assert np.allclose(probability, frame.truth.mean(), atol=0.01)
