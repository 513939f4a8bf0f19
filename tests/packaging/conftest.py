"""A small true package, made once: two numbers and one category through a hand-written graph."""

from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.golden import golden_table
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature
from shipworthy.packaging.write import Contents, write_package
from shipworthy.problem.goal import Bar, Goal, ValueMatrix


def small_model() -> bytes:
    """probability = sigmoid(sum of numbers); decision = probability >= 0.25."""
    nodes = [
        helper.make_node("ReduceSum", ["numbers", "axis"], ["score"], keepdims=0),
        helper.make_node("Sigmoid", ["score"], ["probability"]),
        helper.make_node("GreaterOrEqual", ["probability", "threshold"], ["decision"]),
    ]
    initial = [
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("threshold", TensorProto.FLOAT, [], [0.25]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("decision", TensorProto.BOOL, ["n"]),
        ],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


SIGNATURE = Signature(
    inputs=(
        Field(name="hour", datatype=Datatype.FP64, nullable=True),
        Field(name="wind", datatype=Datatype.FP64, nullable=True),
    ),
    outputs=(
        Field(name="probability", datatype=Datatype.FP32),
        Field(name="decision", datatype=Datatype.BOOL),
    ),
    packing=(Packing(tensor="numbers", datatype=Datatype.FP32, fields=("hour", "wind")),),
)

GOAL = Goal(
    question="Will it be late?",
    decision="protect it",
    why_ml="the rule earns nothing",
    target="late",
    value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
    baseline="rate: hour",
    good_enough=(Bar.parse("value_per_1000", ">= baseline + 10000"),),
)


@pytest.fixture(scope="session")
def contents() -> Contents:
    inputs = pa.table({"hour": [1.0, None, -3.0], "wind": [0.5, 2.0, 0.0]})
    probability = np.array([0.81757, np.nan, 0.04743], dtype=np.float32)
    outputs = {"probability": probability, "decision": probability >= 0.25}
    return Contents(
        model=small_model(),
        signature=SIGNATURE,
        contract="apiVersion: v3.2.0\nkind: DataContract\n",
        reference=b"ARROW1\x00\x00",
        features=[{"name": "hour"}, {"name": "wind"}],
        golden=golden_table(inputs, outputs),
        environment_lock="numpy==2.4.6 --hash=sha256:ab\nonnx==1.23.2 \\\n    --hash=sha256:cd\n# a remark\n",
        goal=GOAL,
        baseline=RateTable(keys=("hour",), rates={("7",): 0.1}, default=0.2),
        origin={"run": "run-1", "project": "late", "created_at": "2013-10-01T00:00:00+00:00", "versions": {}},
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "packages"


@pytest.fixture
def home(contents: Contents, store: Path) -> Path:
    """Folder of a package that was just written."""
    return store / write_package(contents, store)
