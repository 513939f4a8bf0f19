"""Workspaces with small packages and plans, and a raw HTTP client, for the tests of the data plane."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from shipworthy.core.plan import Plan, Role, Variant
from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature
from shipworthy.packaging.write import Contents, write_package
from shipworthy.problem.goal import Bar, Goal, ValueMatrix

ENDPOINT = "flights"
GOAL = Goal(
    question="Will it be late?",
    decision="call the crew",
    why_ml="the rule earns next to nothing",
    target="late",
    value=ValueMatrix(true_positive=750, false_positive=-250, true_negative=0, false_negative=0),
    baseline="rate: carrier",
    good_enough=(Bar.parse("value_per_1000", ">= baseline + 1"),),
)
BASELINE = RateTable(keys=("carrier",), rates={("UA",): 0.125, ("AA",): 0.75}, default=0.5)
COLUMNS = Signature(
    inputs=(
        Field(name="hour", datatype=Datatype.FP64),
        Field(name="distance", datatype=Datatype.INT64, nullable=True),
        Field(name="weekend", datatype=Datatype.BOOL),
        Field(name="carrier", datatype=Datatype.BYTES, nullable=True),
    ),
    outputs=(
        Field(name="probability", datatype=Datatype.FP32),
        Field(name="decision", datatype=Datatype.BOOL),
    ),
    packing=(
        Packing(tensor="numbers", datatype=Datatype.FP32, fields=("hour", "distance", "weekend")),
        Packing(tensor="categories", datatype=Datatype.BYTES, fields=("carrier",)),
    ),
)
MATRIX = Signature(
    inputs=(Field(name="x", datatype=Datatype.FP32, shape=(-1, 4)),),
    outputs=(Field(name="probability", datatype=Datatype.FP32),),
    packing=(Packing(tensor="x", datatype=Datatype.FP32, fields=("x",)),),
)
CONTRACT = """apiVersion: v3.2.0
kind: DataContract
id: request
version: 1.0.0
status: active
schema:
  - name: request
    logicalType: object
    properties:
{properties}
customProperties:
  - property: shipworthy.onBreach
    value: {on_breach}
"""
_BOUND = """      - name: hour
        logicalType: number
        required: true
        logicalTypeOptions: {{minimum: {low}, maximum: {high}}}
      - name: distance
        logicalType: integer
      - name: weekend
        logicalType: boolean
      - name: carrier
        logicalType: string"""


def contract(on_breach: str = "block", *, low: float = -1e300, high: float = 1e300) -> str:
    """A request contract that bounds ``hour``; without arguments it binds nothing."""
    return CONTRACT.format(properties=_BOUND.format(low=low, high=high), on_breach=on_breach)


def columns_model(shift: float = 0.0) -> bytes:
    """probability = sigmoid(table[hour] + code(carrier) + shift): an hour beyond 0..23 makes the model fail."""
    table = np.linspace(-1, 1, 24, dtype=np.float32)
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([0], np.int64), "first"),
        numpy_helper.from_array(np.array(0.25, np.float32), "line"),
        numpy_helper.from_array(np.array(shift, np.float32), "shift"),
        numpy_helper.from_array(np.array([-1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Gather", ["numbers", "first"], ["hour"], axis=1),
        helper.make_node("Cast", ["hour"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["slope"]),
        helper.make_node(
            "LabelEncoder",
            ["categories"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["UA", "AA"],
            values_floats=[0.5, -0.5],
            default_float=0.0,
        ),
        helper.make_node("Add", ["slope", "code"], ["summed"]),
        helper.make_node("Add", ["summed", "shift"], ["shifted"]),
        helper.make_node("Sigmoid", ["shifted"], ["share"]),
        helper.make_node("Reshape", ["share", "flat"], ["probability"]),
        helper.make_node("GreaterOrEqual", ["probability", "line"], ["decision"]),
    ]
    inputs = [
        helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("categories", TensorProto.STRING, ["n", 1]),
    ]
    outputs = [
        helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("decision", TensorProto.BOOL, ["n"]),
    ]
    return _model(nodes, inputs, outputs, constants)


def matrix_model(*, power: int = 0) -> bytes:
    """probability = the row's first value; ``power`` large matrix products make it slow on purpose."""
    constants = [
        numpy_helper.from_array(np.array([0], np.int64), "first"),
        numpy_helper.from_array(np.array([-1], np.int64), "flat"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
    ]
    nodes = [helper.make_node("Gather", ["x", "first"], ["column"], axis=1)]
    last = "column"
    if power:
        shape = numpy_helper.from_array(np.array([700, 700], np.int64), "square")
        constants.append(shape)
        nodes += [
            helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
            helper.make_node("Expand", ["mean", "square"], ["m0"]),
        ]
        for step in range(power):
            nodes.append(helper.make_node("MatMul", [f"m{step}", f"m{step}"], [f"p{step}"]))
            nodes.append(helper.make_node("Tanh", [f"p{step}"], [f"m{step + 1}"]))
        nodes += [
            helper.make_node("ReduceMean", [f"m{power}"], ["late"], keepdims=0),
            helper.make_node("Mul", ["late", "zero"], ["nothing"]),
            helper.make_node("Add", ["column", "nothing"], ["kept"]),
        ]
        last = "kept"
    nodes.append(helper.make_node("Reshape", [last, "flat"], ["probability"]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"])]
    return _model(nodes, inputs, outputs, constants)


def _model(nodes, inputs, outputs, constants) -> bytes:
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializer=constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, ir_version=8, opset_imports=opsets).SerializeToString()


def columns_package(home: Path, *, shift: float = 0.0, text: str | None = None, baseline: bool = True) -> str:
    """Write a package of four columns into the workspace; returns its digest."""
    golden = pa.table({
        "hour": [1.0], "distance": [10], "weekend": [True], "carrier": ["UA"],
        "probability": pa.array([0.5], pa.float32()),
        "decision": [True],
    })  # fmt: skip
    return _write(home, columns_model(shift), COLUMNS, golden, text or contract(), BASELINE if baseline else None)


def matrix_package(home: Path, *, power: int = 0) -> str:
    """Write a package of one tensor into the workspace; returns its digest."""
    golden = pa.table(
        {"x": pa.array([[1.0, 2.0, 3.0, 4.0]], pa.list_(pa.float32())), "probability": pa.array([1.0], pa.float32())}
    )
    empty = CONTRACT.format(properties="      - {name: x, logicalType: number}", on_breach="block")
    return _write(home, matrix_model(power=power), MATRIX, golden, empty, None)


def _write(home: Path, model: bytes, signature: Signature, golden, text: str, baseline: RateTable | None) -> str:
    contents = Contents(
        model=model,
        signature=signature,
        contract=text,
        reference=b"",
        features={},
        golden=golden,
        environment_lock="",
        goal=GOAL,
        baseline=baseline,
        origin={"run": "run-1"},
    )
    return write_package(contents, home / "packages")


def write_plan(
    home: Path, packages: str | Sequence[tuple[str, float]], *, number: int = 1, endpoint: str = ENDPOINT, **more
) -> None:
    """Put a plan in force: one package, or several with their weights."""
    shares = [(packages, 1.0)] if isinstance(packages, str) else packages
    names = ["champion", *(f"challenger{index}" for index in range(1, len(shares)))]
    roles = [Role.CHAMPION] + [Role.CHALLENGER] * (len(shares) - 1)
    variants = tuple(
        Variant(name=name, role=role, package=digest, weight=weight)
        for name, role, (digest, weight) in zip(names, roles, shares, strict=True)
    )
    plan = Plan(endpoint=endpoint, number=number, variants=variants, **more)
    folder = home / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{endpoint}.draft"
    draft.write_text(json.dumps(plan.to_json()), encoding="utf-8")
    draft.replace(folder / f"{endpoint}.json")


def oip(request_id: str | None = None, **columns: Sequence[object]) -> dict[str, object]:
    """An OIP request with the four columns; each may be replaced."""
    rows = len(next(iter(columns.values()))) if columns else 1
    values = {"hour": [7.0] * rows, "distance": [100] * rows, "weekend": [False] * rows, "carrier": ["UA"] * rows}
    types = {"hour": "FP64", "distance": "INT64", "weekend": "BOOL", "carrier": "BYTES"}
    inputs = [
        {"name": name, "shape": [rows], "datatype": types[name], "data": list(columns.get(name, values[name]))}
        for name in types
    ]
    return {"inputs": inputs} | ({"id": request_id} if request_id else {})


def request_bytes(path: str, body: bytes, *, headers: Mapping[str, str] | None = None, method: str = "POST") -> bytes:
    """A raw HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawClient:
    """One TCP connection on which raw bytes go out and whole answers come back."""

    def __init__(self, host: str, port: int, *, timeout_s: float = 20.0) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self._rest = b""

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body. Raises ConnectionError at the end of the connection."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(lines[0].split()[1]), {name.lower(): value for name, value in headers.items()}, body

    def ask(self, path: str, body: object, **more) -> tuple[int, dict[str, str], bytes]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(request_bytes(path, content, **more))
        return self.answer()

    def _more(self) -> None:
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._rest += piece

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
