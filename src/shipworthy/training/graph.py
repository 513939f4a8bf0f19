"""The ONNX graph: columns as they come in, a probability and a decision out, all preprocessing inside.

Every node is written here by hand: converters report success on graphs that answer differently.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from shipworthy.core.digests import canonical_json, digest_bytes
from shipworthy.training.encode import CATEGORIES, DECISION, NUMBERS, PROBABILITY, Encoding

__all__ = ["IR_VERSION", "OPSETS", "Graph"]

IR_VERSION = 8
OPSETS: Mapping[str, int] = {"": 18, "ai.onnx.ml": 3}
"""Pinned: old enough for every runtime of the last years; ``ai.onnx.ml`` 3 has the trees all of them run."""

_Attribute = int | float | str | Sequence[int] | Sequence[float] | Sequence[str]


class Graph:
    """A graph under construction, over the inputs of one encoding.

    Names are counted, so equal steps give equal bytes.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], *, domain: str = "", **attributes: _Attribute) -> str:
        """Add a node of one output and return the output's name."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        node = helper.make_node(operator, inputs, [output], name=output, domain=domain)
        node.attribute.extend(helper.make_attribute(key, attributes[key]) for key in sorted(attributes))
        self._nodes.append(node)
        return output

    def constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """Add a constant tensor and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def lookup(self, column: int, table: Mapping[str, float], *, default: float) -> str:
        """Each row's entry in ``table`` by the string column at place ``column``; shape (n_rows, 1)."""
        strings = self.add("Gather", [CATEGORIES, self.constant(np.array([column], dtype=np.int64))], axis=1)
        if not table:  # an encoder without keys is no valid node; any key that no one sends will do
            table = {"": default}
        return self.add(
            "LabelEncoder",
            [strings],
            domain="ai.onnx.ml",
            keys_strings=list(table),
            values_floats=[float(value) for value in table.values()],
            default_float=float(default),
        )

    def matrix(self) -> str:
        """The encoded rows, shape (n_rows, width): what :meth:`Encoding.matrix` gives."""
        codes = [
            self.lookup(place, levels.codes, default=levels.unseen) for place, levels in enumerate(self.encoding.levels)
        ]
        parts = ([NUMBERS] if self.encoding.numbers else []) + codes
        return self.add("Concat", parts, axis=1) if len(parts) > 1 else parts[0]

    def finish(self, log_odds: str, *, threshold: float, name: str) -> bytes:
        """Close the graph: log odds become ``probability``, and ``decision`` where it reaches the threshold.

        Args:
            log_odds: Name of the tensor of shape (n_rows, 1).
            threshold: The probability from which a decision is a yes, a fraction in (0, 1).
            name: Name of the model.

        Returns:
            The serialised model, the same bytes for the same graph.
        """
        last = self.add("Sigmoid", [log_odds])
        shape = self.constant(np.array([-1], dtype=np.int64))
        line = self.constant(np.array(threshold, dtype=np.float32))
        self._nodes.append(helper.make_node("Reshape", [last, shape], [PROBABILITY], name=PROBABILITY))
        self._nodes.append(helper.make_node("GreaterOrEqual", [PROBABILITY, line], [DECISION], name=DECISION))
        model = helper.make_model(self._graph(name), ir_version=IR_VERSION, producer_name="shipworthy")
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in OPSETS.items())
        _describe(model, name, self.encoding)
        checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _graph(self, name: str) -> GraphProto:
        widths = {NUMBERS: len(self.encoding.numbers), CATEGORIES: len(self.encoding.levels)}
        types = {NUMBERS: TensorProto.FLOAT, CATEGORIES: TensorProto.STRING}
        inputs = [
            helper.make_tensor_value_info(tensor, types[tensor], ["rows", width])
            for tensor, width in widths.items()
            if width
        ]
        outputs = [
            helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["rows"]),
            helper.make_tensor_value_info(DECISION, TensorProto.BOOL, ["rows"]),
        ]
        return helper.make_graph(self._nodes, name, inputs, outputs, initializer=self._constants)


def _describe(model: ModelProto, name: str, encoding: Encoding) -> None:
    """Name the model and its signature inside the file; digests of the whole package cannot stand in a part of it."""
    signature = digest_bytes(canonical_json(encoding.signature().to_json()))
    helper.set_model_props(model, {"shipworthy.model": name, "shipworthy.signature": signature})
