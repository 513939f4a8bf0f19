"""Runs a package's ONNX graph on plain columns: a second, slow and simple reading of the signature.

The server has its own fast one; that both agree is what the parity check proves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from shipworthy.packaging.package import Package
from shipworthy.packaging.signature import Datatype, Packing

__all__ = ["Answers", "run_graph"]

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What the graph says.

    Attributes:
        probability: Shape (n_rows,), float64.
        decision: Whether to act, shape (n_rows,).
    """

    probability: NDArray[np.float64]
    decision: NDArray[np.bool_]


def run_graph(package: Package, columns: Mapping[str, Sequence[object]]) -> Answers:
    """The graph's own answer to these rows.

    Args:
        package: Holds the graph and the signature.
        columns: A column per input of the signature, equal lengths; None is null.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(package.model, options, providers=["CPUExecutionProvider"])
    tensors = {one.tensor: _pack(one, columns) for one in package.signature.packing}
    rows = len(next(iter(tensors.values())))
    said = [_run(session, tensors, start) for start in range(0, rows, _ROWS_AT_ONCE)]
    probability, decision = (np.concatenate(parts) for parts in zip(*said, strict=True))
    return Answers(probability=probability.astype(np.float64), decision=decision.astype(np.bool_))


def _run(
    session: ort.InferenceSession, tensors: Mapping[str, NDArray[np.generic]], start: int
) -> tuple[NDArray[np.generic], ...]:
    some = {name: tensor[start : start + _ROWS_AT_ONCE] for name, tensor in tensors.items()}
    probability, decision = session.run(["probability", "decision"], some)
    return np.ravel(probability), np.ravel(decision)


def _pack(packing: Packing, columns: Mapping[str, Sequence[object]]) -> NDArray[np.generic]:
    picked = [columns[name] for name in packing.fields]
    if packing.datatype is Datatype.BYTES:
        return np.array([["" if value is None else value for value in column] for column in picked], dtype=object).T
    # A single matrix field arrives as rows of numbers and passes through as it is.
    numbers = [np.array(column, dtype=np.float64).astype(np.float32) for column in picked]
    return numbers[0] if numbers[0].ndim == 2 else np.column_stack(numbers)
