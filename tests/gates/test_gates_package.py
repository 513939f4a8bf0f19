"""The checks of the package and its server: golden, parity, latency and memory, each with a case on both sides."""

from dataclasses import replace

import gates_samples as made
import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from shipworthy.core.findings import Status
from shipworthy.gates.golden import check_golden
from shipworthy.gates.graph import run_graph
from shipworthy.gates.hard_rows import hard_rows
from shipworthy.gates.latency import check_latency
from shipworthy.gates.memory import check_memory
from shipworthy.gates.parity import check_parity


def packaged(evidence, package):
    return replace(evidence, package=package, served=made.ServedInMemory(package=package))


@pytest.mark.covers("V8")
def test_golden_rows_reproduce_through_the_graph_and_the_endpoint(evidence):
    onnx, http = check_golden(evidence)
    assert (onnx.status, http.status) == (Status.PASSED, Status.PASSED)
    assert "3 of 3 rows and refuses 0" in onnx.message
    assert onnx.measured < 1e-6


@pytest.mark.covers("V8")
def test_a_graph_that_answers_otherwise_than_its_golden_rows_is_refused(evidence, tmp_path):
    shifted = made.linear_graph(bias=made.BIAS + 0.2)
    package = made.write(tmp_path, model=shifted, golden_of=made.linear_graph())
    onnx, http = check_golden(packaged(evidence, package))
    assert (onnx.status, http.status) == (Status.FAILED, Status.FAILED)
    assert onnx.measured > 0.01
    assert len(onnx.evidence["rows"]) == 3


def test_an_endpoint_may_refuse_some_golden_rows_but_has_to_answer_a_third(evidence):
    for refuses, status in ((frozenset({1, 2}), Status.PASSED), (frozenset({0, 1, 2}), Status.FAILED)):
        served = made.ServedInMemory(package=evidence.package, refuses=refuses)
        _, http = check_golden(replace(evidence, served=served))
        assert (http.status, http.evidence["refused"]) == (status, len(refuses))


def test_an_endpoint_that_changes_a_golden_row_is_refused(evidence):
    for served in (
        made.ServedInMemory(package=evidence.package, off_by=-1e-4),
        made.ServedInMemory(package=evidence.package, off_by=1e-3),
    ):
        onnx, http = check_golden(replace(evidence, served=served))
        assert (onnx.status, http.status) == (Status.PASSED, Status.FAILED)


@pytest.mark.covers("V8", "V11")
def test_framework_graph_and_endpoint_agree_on_real_and_hard_rows(evidence):
    onnx, http = check_parity(evidence)
    assert (onnx.status, http.status) == (Status.PASSED, Status.PASSED)
    assert onnx.measured < 1e-5
    assert onnx.evidence["compared"] == evidence.rows.num_rows == 300


@pytest.mark.covers("V8", "V11")
def test_a_graph_with_a_shifted_bias_is_refused_and_the_flipped_decisions_are_counted(evidence, tmp_path):
    package = made.write(tmp_path, model=made.linear_graph(bias=made.BIAS + 0.5))
    onnx, http = check_parity(packaged(evidence, package))
    assert onnx.status is Status.FAILED
    assert onnx.measured > 0.05
    assert onnx.evidence["flipped"] > 0
    assert http.status is Status.PASSED


def stump_graph(threshold):
    """wind <= threshold gives 0.1, else 0.9."""
    tree = helper.make_node(
        "TreeEnsembleRegressor",
        ["numbers"],
        ["column"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[float(threshold), 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        nodes_missing_value_tracks_true=[1, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[0.1, 0.9],
    )
    nodes = [
        tree,
        helper.make_node("Squeeze", ["column", "axis"], ["probability"]),
        helper.make_node("GreaterOrEqual", ["probability", "line"], ["decision"]),
        helper.make_node("Identity", ["categories"], ["carrier_seen"]),
    ]
    initial = [
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("line", TensorProto.FLOAT, [], [made.GOAL.threshold]),
    ]
    also = [helper.make_tensor_value_info("carrier_seen", TensorProto.STRING, ["n", 1])]
    return made.graph_bytes(nodes, initial, also=also)


@pytest.mark.covers("V8", "V11")
def test_a_tree_whose_threshold_was_rounded_up_is_refused_and_one_rounded_down_passes(evidence, tmp_path):
    exact = 0.1
    rounded = np.float32(exact)
    floored = np.nextafter(rounded, np.float32(-np.inf))
    assert float(floored) < exact < float(rounded)
    wind = np.array([0.0, float(floored), float(rounded), 0.2])
    rows = pa.table({"wind": wind, "hour": np.ones(4), "carrier": ["AA"] * 4})
    framework = np.where(wind <= exact, 0.1, 0.9)
    asked = replace(evidence, rows=rows, framework=framework)
    outcomes = []
    for threshold in (rounded, floored):
        onnx, _ = check_parity(packaged(asked, made.write(tmp_path, model=stump_graph(threshold))))
        outcomes.append((onnx.status, onnx.evidence["flipped"]))
    assert outcomes == [(Status.FAILED, 1), (Status.PASSED, 0)]


def test_hard_rows_may_be_refused_by_the_server_and_real_rows_not(evidence):
    hard = made.ServedInMemory(package=evidence.package, refuses=frozenset(range(250, 300)))
    real = made.ServedInMemory(package=evidence.package, refuses=frozenset({7}))
    _, tolerated = check_parity(replace(evidence, served=hard))
    _, refused = check_parity(replace(evidence, served=real))
    assert (tolerated.status, refused.status) == (Status.PASSED, Status.FAILED)
    assert (tolerated.evidence["compared"], tolerated.evidence["refused"]) == (250, 50)
    assert refused.evidence["rows"][0][0] == 7
    assert "1 rows have no answer" in refused.message


def test_a_server_that_decodes_otherwise_is_refused(evidence):
    _, http = check_parity(replace(evidence, served=made.ServedInMemory(package=evidence.package, off_by=2e-4)))
    assert http.status is Status.FAILED
    assert http.measured == pytest.approx(2e-4, rel=1e-3)


def test_hard_rows_are_real_ones_first_then_gaps_and_far_and_neighbouring_numbers():
    table = pa.table(
        {
            "x": np.arange(100) / 7,
            "n": np.arange(100),
            "flag": [True, False] * 50,
            "word": ["a", None] * 50,
            "sure": np.ones(100),
        }
    )
    hard = hard_rows(table, nullable={"x", "n", "flag", "word"}, rows=150)
    assert hard.schema == table.schema
    assert hard.num_rows == 150
    assert hard.slice(0, 50)["x"].null_count == 0
    assert hard.slice(50, 50)["x"].null_count > 3
    assert "never seen before" in hard["word"].to_pylist()
    assert hard["sure"].null_count == 0
    moved = np.array(hard.slice(100)["x"].to_pylist())
    assert np.array_equal(moved.astype(np.float32).astype(float), moved)
    assert np.abs(moved).max() > 1e5
    assert hard_rows(table, nullable={"x", "n", "flag", "word"}, rows=150) == hard


def test_fewer_real_rows_than_asked_for_give_what_there_is():
    assert hard_rows(pa.table({"x": [1.5]}), nullable=(), rows=600).num_rows == 3


def test_the_graph_answers_more_rows_than_go_at_once(evidence):
    columns = {name: column * 40 for name, column in evidence.row_columns.items()}
    answers = run_graph(evidence.package, columns)
    assert len(answers.probability) == 12_000
    assert np.array_equal(answers.probability[:300], answers.probability[-300:])


@pytest.mark.covers("V7")
def test_a_server_within_its_latency_budget_passes_with_both_quantiles(evidence):
    (finding,) = check_latency(evidence)
    assert finding.status is Status.PASSED
    assert finding.evidence["p50"] < finding.measured <= 4.0
    assert finding.interval[0] <= finding.measured <= finding.interval[1]
    assert finding.evidence["sorted"] == sorted(finding.evidence["sorted"])
    assert len(finding.evidence["sorted"]) == 101


@pytest.mark.covers("V7")
def test_a_slow_tail_is_refused_and_too_few_requests_as_well(evidence):
    slow = np.concatenate([np.full(985, 1.0), np.full(15, 30.0)])
    (late,) = check_latency(replace(evidence, served=made.ServedInMemory(package=evidence.package, latencies_ms=slow)))
    few = made.ServedInMemory(package=evidence.package, latencies_ms=np.ones(199))
    (untold,) = check_latency(replace(evidence, served=few))
    assert (late.status, late.measured) == (Status.FAILED, 30.0)
    assert untold.status is Status.FAILED
    assert "199 requests" in untold.message


@pytest.mark.covers("V7")
def test_memory_is_held_against_its_budget_on_both_sides(evidence):
    (fine,) = check_memory(evidence)
    (fat,) = check_memory(replace(evidence, served=made.ServedInMemory(package=evidence.package, memory_mb=201)))
    assert (fine.status, fat.status) == (Status.PASSED, Status.FAILED)
    assert fine.unit == "MB"
