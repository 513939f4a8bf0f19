"""What answers when the model cannot: the package's baseline, in the form of the package's own outputs."""

from typing import Any

import numpy as np

from shipworthy.packaging.baseline import RateTable
from shipworthy.packaging.signature import Signature
from shipworthy.serving.tensors import Rows

__all__ = ["Fallback"]


class Fallback:
    """Answers rows with the baseline's rate and the goal's decision.

    Args:
        table: The baseline.
        signature: The package's signature; its outputs have to be ``probability`` and ``decision`` (or one of them).
        threshold: Probability from which the decision is a yes.
    """

    def __init__(self, table: RateTable, signature: Signature, threshold: float) -> None:
        self._table = table
        self._fields = [field.name for field in signature.inputs]
        self._outputs = [field.name for field in signature.outputs]
        self._threshold = np.float32(threshold)

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Whether a rate says all that the package's outputs say."""
        return {field.name for field in signature.outputs} <= {"probability", "decision"}

    def answer(self, rows: Rows) -> list[list[Any]]:
        """Values of each output, row by row, in the signature's order."""
        columns = {
            name: values for name, values in zip(self._fields, rows.values, strict=True) if len(values) == rows.count
        }
        said = self._table.probability(columns or {"": [""] * rows.count}).astype(np.float32)
        decided = said >= self._threshold
        return [decided.tolist() if name == "decision" else said.tolist() for name in self._outputs]
