"""The model that all contenders of a benchmark serve: LightGBM, 100 trees, 20 floats, as one ONNX graph."""

import json
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.data.contract import Contract, write_contract
from shipworthy.data.properties import Property
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature
from shipworthy.packaging.write import Contents, write_package
from shipworthy.problem.goal import Bar, Goal, ValueMatrix
from shipworthy.training.encode import Encoding
from shipworthy.training.forest import Forest
from shipworthy.training.graph import Graph

WIDTH = 20
ENDPOINT = "bench"
SIGNATURE = Signature(
    inputs=(Field(name="x", datatype=Datatype.FP32, shape=(-1, WIDTH)),),
    outputs=(
        Field(name="probability", datatype=Datatype.FP32),
        Field(name="decision", datatype=Datatype.BOOL),
    ),
    packing=(Packing(tensor="numbers", datatype=Datatype.FP32, fields=("x",)),),
)


def forest_onnx(*, trees: int = 100, leaves: int = 31) -> bytes:
    """The ONNX graph: input ``numbers`` float32 [n, 20], outputs ``probability`` and ``decision``."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(20_000, WIDTH)).astype(np.float32)
    truth = rows[:, 0] * rows[:, 1] + rows[:, 2] + random.normal(size=len(rows)) > 0
    settings = {"objective": "binary", "num_leaves": leaves, "verbosity": -1, "num_threads": 1, "seed": 7}
    booster = lgb.train(settings, lgb.Dataset(rows, label=truth), num_boost_round=trees)
    fields = tuple(Field(name=f"x{index}", datatype=Datatype.FP64) for index in range(WIDTH))
    graph = Graph(Encoding(inputs=fields, numbers=tuple(field.name for field in fields), levels=()))
    summed = Forest.read(booster, rounds=trees).draw(graph, graph.matrix())
    return graph.finish(summed, threshold=0.25, name="bench")


def workspace(home: Path, model: bytes) -> None:
    """A workspace folder that serves ``model`` under the endpoint ``bench``."""
    contents = Contents(
        model=model,
        signature=SIGNATURE,
        contract=write_contract(_contract()),
        reference=b"",
        features={},
        golden=pa.table(
            {
                "x": pa.array([[0.0] * WIDTH], pa.list_(pa.float32())),
                "probability": pa.array([0.5], pa.float32()),
                "decision": [True],
            }
        ),
        environment_lock="",
        goal=Goal(
            question="bench?",
            decision="bench",
            why_ml="bench",
            target="y",
            value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
            baseline="constant",
            good_enough=(Bar.parse("auc", ">= 0.5"),),
        ),
        baseline=None,
        origin={},
    )
    digest = write_package(contents, home / "packages")
    variant = Variant(name="champion", role=Role.CHAMPION, package=digest, weight=1.0)
    (home / "plans").mkdir(parents=True, exist_ok=True)
    plan = Plan(endpoint=ENDPOINT, number=1, variants=(variant,))
    (home / "plans" / f"{ENDPOINT}.json").write_text(json.dumps(plan.to_json()))


def _contract() -> Contract:
    one = Property(name="x", logical_type="number")
    return Contract(id="bench", version="1.0.0", name="request", properties=(one,))
