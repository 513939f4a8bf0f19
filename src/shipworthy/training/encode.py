"""Columns become numbers: one fitted encoding that training, the ONNX graph and the signature share."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.core.errors import InvalidFeatures
from shipworthy.data.frame import FeatureFrame
from shipworthy.packaging.signature import Datatype, Field, Packing, Signature

__all__ = ["CATEGORIES", "DECISION", "NUMBERS", "PROBABILITY", "Encoding", "Levels", "fit_encoding", "to_float32"]

NUMBERS = "numbers"
CATEGORIES = "categories"
PROBABILITY = "probability"
DECISION = "decision"

_PRIOR_ROWS = 20
"""How many rows of the overall rate each category is given before its own rows count."""

_LEAST_ROWS = 20
"""Categories of fewer rows share the code of the unseen, so that this code is trained and no rate is one row's luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The categories of one string column.

    Attributes:
        name: The column.
        codes: Code by category, whole numbers that rise with the training rate of the target. A null is the
            empty string, as on the wire.
        unseen: Code of every other category: half a step, at the place of the overall rate.
    """

    name: str
    codes: Mapping[str, float]
    unseen: float

    def encode(self, column: pa.ChunkedArray) -> NDArray[np.float32]:
        """The code of every row, shape (n_rows,)."""
        coded = pc.fill_null(column.combine_chunks(), "").dictionary_encode()
        table = [self.codes.get(category, self.unseen) for category in coded.dictionary.to_pylist()]
        codes: NDArray[np.float32] = np.array(table, dtype=np.float32)[coded.indices.to_numpy()]
        return codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the features of a frame become a matrix: numbers first, then categories, each in the frame's order.

    Attributes:
        inputs: Every feature with its type on the wire, in the frame's order.
        numbers: Names of the numbers and booleans.
        levels: The string columns.
    """

    inputs: tuple[Field, ...]
    numbers: tuple[str, ...]
    levels: tuple[Levels, ...]

    @property
    def width(self) -> int:
        """How many columns the matrix has."""
        return len(self.numbers) + len(self.levels)

    def matrix(self, frame: FeatureFrame) -> NDArray[np.float32]:
        """The rows as numbers, float32, shape (n_rows, width); a null number is NaN, a boolean 0 or 1.

        Raises:
            InvalidFeatures: If the frame lacks a feature that the encoding was fitted on.
        """
        absent = [one.name for one in self.inputs if one.name not in frame.features.column_names]
        if absent:
            raise InvalidFeatures(
                f"the rows have no feature {absent[0]!r}",
                remedy="build them with the features that the model was trained with",
                absent=absent,
            )
        matrix = np.empty((len(frame), self.width), dtype=np.float32)
        for place, name in enumerate(self.numbers):
            matrix[:, place] = to_float32(frame.features[name])
        for place, levels in enumerate(self.levels, start=len(self.numbers)):
            matrix[:, place] = levels.encode(frame.features[levels.name])
        return matrix

    def signature(self) -> Signature:
        """What a package with this encoding takes and gives."""
        packing = (
            Packing(tensor=NUMBERS, datatype=Datatype.FP32, fields=self.numbers),
            Packing(tensor=CATEGORIES, datatype=Datatype.BYTES, fields=tuple(one.name for one in self.levels)),
        )
        return Signature(
            inputs=self.inputs,
            outputs=(Field(name=PROBABILITY, datatype=Datatype.FP32), Field(name=DECISION, datatype=Datatype.BOOL)),
            packing=tuple(one for one in packing if one.fields),
        )


def fit_encoding(frame: FeatureFrame) -> Encoding:
    """Learn the categories of each string column, ordered by how often the target was true.

    Args:
        frame: Training rows; every target known.

    Raises:
        InvalidFeatures: If the frame has no feature.

    Source:
        D. Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical attributes, for the
        smoothing; W. D. Fisher (1958), On grouping for maximum homogeneity, for why splits on categories
        ordered by rate lose nothing.
    """
    names = frame.names
    if not names:
        raise InvalidFeatures("there is no feature to learn from", remedy="select at least one column in the features")
    truth = frame.truth
    strings = [name for name in names if frame.features.schema.field(name).type == pa.string()]
    return Encoding(
        inputs=tuple(_field(name, frame.features[name]) for name in names),
        numbers=tuple(name for name in names if name not in strings),
        levels=tuple(_fit_levels(name, frame.features[name], truth) for name in strings),
    )


def to_float32(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """A column of numbers or booleans as float32, shape (n_rows,); null becomes NaN, what is too large infinity."""
    wide: NDArray[np.float64] = column.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):  # serving does the same to a value beyond float32: it is larger than any threshold
        return wide.astype(np.float32)


def _fit_levels(name: str, column: pa.ChunkedArray, truth: NDArray[np.bool_]) -> Levels:
    coded = pc.fill_null(column.combine_chunks(), "").dictionary_encode()
    place = coded.indices.to_numpy()
    categories = coded.dictionary.to_pylist()
    rows = np.bincount(place, minlength=len(categories))
    hits = np.bincount(place, weights=truth, minlength=len(categories))
    prior = float(truth.mean()) if len(truth) else 0.0
    rate = (hits + prior * _PRIOR_ROWS) / (rows + _PRIOR_ROWS)
    kept = [index for index, category in enumerate(categories) if rows[index] >= _LEAST_ROWS or category == ""]
    ranked = sorted(kept, key=lambda index: (rate[index], categories[index]))
    codes = {categories[index]: float(code) for code, index in enumerate(ranked)}
    below = sum(rate[index] < prior for index in kept)
    return Levels(name=name, codes=codes, unseen=float(below) - 0.5)


def _field(name: str, column: pa.ChunkedArray) -> Field:
    """A field takes nulls whatever training saw: the graph answers them, and the contract says if one may come."""
    if column.type == pa.string():
        return Field(name=name, datatype=Datatype.BYTES, nullable=True)
    datatype = Datatype.BOOL if column.type == pa.bool_() else Datatype.FP64
    return Field(name=name, datatype=datatype, nullable=True)
