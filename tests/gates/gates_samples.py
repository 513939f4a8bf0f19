"""Synthetic flights, clustered by day, and a package of the model that made them: evidence that passes every check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray
from onnx import TensorProto, helper

from shipworthy.gates.graph import run_graph
from shipworthy.packaging.golden import golden_table
from shipworthy.packaging.package import Package, open_package
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature
from shipworthy.packaging.write import Contents, write_package
from shipworthy.problem.goal import Bar, Budgets, Goal, ValueMatrix
from shipworthy.problem.value import decide
from shipworthy.stats.scores import Scores

WEIGHTS, BIAS = (1.2, 0.12), -3.6

GOAL = Goal(
    question="Will it be late?",
    decision="protect it",
    why_ml="the rule earns nothing",
    target="late",
    value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
    baseline="constant",
    good_enough=(Bar.parse("value_per_1000", ">= baseline + 5000"), Bar.parse("calibration_error", "<= 0.05")),
    budgets=Budgets(latency_p99_ms=10, memory_mb=200),
    each="flight",
)

SIGNATURE = Signature(
    inputs=(
        Field(name="wind", datatype=Datatype.FP64, nullable=True),
        Field(name="hour", datatype=Datatype.FP64, nullable=True),
        Field(name="carrier", datatype=Datatype.BYTES, nullable=True),
    ),
    outputs=(Field(name="probability", datatype=Datatype.FP32), Field(name="decision", datatype=Datatype.BOOL)),
    packing=(
        Packing(tensor="numbers", datatype=Datatype.FP32, fields=("wind", "hour")),
        Packing(tensor="categories", datatype=Datatype.BYTES, fields=("carrier",)),
    ),
)


def said(numbers: NDArray[np.float64], *, bias: float = BIAS) -> NDArray[np.float64]:
    """What the framework itself answers to wind and hour, shape (n, 2)."""
    logit = np.nan_to_num(numbers) @ np.array(WEIGHTS) + bias
    return 1 / (1 + np.exp(-np.clip(logit, -60, 60)))


def linear_graph(*, bias: float = BIAS) -> bytes:
    """The same model as a graph; a carrier counts nothing, but has to be sent."""
    nodes = [
        helper.make_node("IsNaN", ["numbers"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "numbers"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["weighed"]),
        helper.make_node("Add", ["weighed", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
        helper.make_node("GreaterOrEqual", ["probability", "line"], ["decision"]),
        helper.make_node("Identity", ["categories"], ["carrier_seen"]),
    ]
    tensors = {"zero": ([], [0.0]), "weights": ([2], WEIGHTS), "bias": ([], [bias]), "line": ([], [GOAL.threshold])}
    initial = [helper.make_tensor(name, TensorProto.FLOAT, *shaped) for name, shaped in tensors.items()]
    return graph_bytes(
        nodes, initial, also=[helper.make_tensor_value_info("carrier_seen", TensorProto.STRING, ["n", 1])]
    )


def graph_bytes(nodes, initial, *, also=()) -> bytes:
    graph = helper.make_graph(
        nodes,
        "model",
        [
            helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("categories", TensorProto.STRING, ["n", 1]),
        ],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("decision", TensorProto.BOOL, ["n"]),
            *also,
        ],
        initial,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@dataclass(frozen=True, kw_only=True)
class ServedInMemory:
    """The package behind no socket at all; rows it refuses are NaN, as the promise says."""

    package: Package
    latencies_ms: NDArray[np.float64] = field(default_factory=lambda: np.linspace(0.4, 4.0, 500))
    memory_mb: float = 90.0
    refuses: frozenset[int] = frozenset()
    off_by: float = 0.0

    def predict(self, columns: Mapping[str, Sequence[object]]) -> NDArray[np.float64]:
        answers = run_graph(self.package, columns).probability + self.off_by
        refused = np.isin(np.arange(len(answers)), list(self.refuses))
        return np.where(refused, np.nan, answers)


def days(first: int, count: int, *, seed: int, rows_a_day: int = 60) -> tuple[pa.Table, Scores]:
    """Flights of some days: storms hit whole days, so rows of one day depend on each other."""
    random = np.random.default_rng(seed)
    block = np.repeat(np.arange(first, first + count), rows_a_day)
    storm = np.repeat(random.gamma(1.2, 0.8, count), rows_a_day)
    wind = storm + random.normal(0, 0.3, len(block))
    hour = random.integers(5, 22, len(block)).astype(float)
    carrier = random.choice(["AA", "UA", "YV"], len(block))
    probability = said(np.column_stack([wind, hour]))
    truth = random.random(len(block)) < probability
    table = pa.table({"wind": wind, "hour": hour, "carrier": carrier})
    return table, Scores(truth=truth, probability=probability, block=block.astype(np.int64))


def write(store: Path, *, model: bytes, golden_of: bytes | None = None, goal: Goal = GOAL) -> Package:
    """A package of this graph, its golden rows answered by ``golden_of`` or by the graph itself."""
    rows = pa.table({"wind": [0.5, 3.0, None], "hour": [7.0, None, 20.0], "carrier": ["AA", None, "never seen"]})
    numbers = np.column_stack([np.asarray(rows[name].to_pylist(), dtype=float) for name in ("wind", "hour")])
    probability = said(numbers).astype(np.float32)
    contents = Contents(
        model=golden_of or model,
        signature=SIGNATURE,
        contract="kind: DataContract\n",
        reference=b"",
        features=[],
        golden=golden_table(rows, {"probability": probability, "decision": decide(goal, probability)}),
        environment_lock="",
        goal=goal,
        baseline=None,
        origin={},
    )
    if golden_of is None:
        first = open_package(store / write_package(contents, store))
        answers = run_graph(first, {name: rows[name].to_pylist() for name in rows.column_names})
        outputs = {"probability": answers.probability.astype(np.float32), "decision": answers.decision}
        contents = replace(contents, golden=golden_table(rows, outputs))
    return open_package(store / write_package(replace(contents, model=model), store))
