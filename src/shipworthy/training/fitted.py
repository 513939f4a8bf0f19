"""A fitted model and its graph side by side: the two answers that the parity gate compares."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.signature import Signature
from shipworthy.training.encode import CATEGORIES, DECISION, NUMBERS, PROBABILITY, Encoding
from shipworthy.training.graph import Graph
from shipworthy.training.learner import Model

__all__ = ["Fitted", "feed", "measure_latency_us", "seal"]

_WARM_UP = 20
_TIMED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A model ready to be packaged.

    Attributes:
        model_onnx: The one graph with all preprocessing inside, serialised.
        encoding: How rows become its matrix.
        model: The library's own model.
    """

    model_onnx: bytes
    encoding: Encoding
    model: Model

    @property
    def signature(self) -> Signature:
        """What the graph takes and gives."""
        return self.encoding.signature()

    def predict(self, frame: FeatureFrame) -> NDArray[np.float64]:
        """The training library's own probability, shape (n_rows,); the graph must say the same."""
        return self.model.probability(self.encoding.matrix(frame))

    def answer(self, frame: FeatureFrame) -> dict[str, NDArray[np.generic]]:
        """The graph's own outputs by name, each of shape (n_rows,)."""
        names = [PROBABILITY, DECISION]
        said = _session(self.model_onnx).run(names, feed(self.encoding, frame))
        return dict(zip(names, said, strict=True))


def seal(model: Model, encoding: Encoding, *, threshold: float, name: str) -> Fitted:
    """Draw a model as one graph that decides at ``threshold``, a probability."""
    graph = Graph(encoding)
    content = graph.finish(model.draw(graph), threshold=threshold, name=name)
    return Fitted(model_onnx=content, encoding=encoding, model=model)


def feed(encoding: Encoding, frame: FeatureFrame) -> dict[str, NDArray[np.generic]]:
    """The graph's inputs for the rows of ``frame``, as serving packs them."""
    tensors: dict[str, NDArray[np.generic]] = {}
    if encoding.numbers:
        tensors[NUMBERS] = np.ascontiguousarray(encoding.matrix(frame)[:, : len(encoding.numbers)])
    if encoding.levels:
        columns = [pc.fill_null(frame.features[one.name], "").to_pylist() for one in encoding.levels]
        tensors[CATEGORIES] = np.array(columns, dtype=object).T
    return tensors


def measure_latency_us(model_onnx: bytes, tensors: Mapping[str, NDArray[np.generic]]) -> float:
    """Median time of one run of the graph on one thread, in microseconds, without any server around it."""
    session = _session(model_onnx)
    took = np.empty(_TIMED)
    for index in range(-_WARM_UP, _TIMED):
        begun = time.perf_counter()
        session.run([PROBABILITY, DECISION], tensors)
        took[max(index, 0)] = time.perf_counter() - begun
    return float(np.median(took) * 1e6)


def _session(model_onnx: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model_onnx, options, providers=["CPUExecutionProvider"])
