"""What one feature alone tells: its values or bins, and how often each went with a true outcome."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shipworthy.gates.evidence import Evidence
from shipworthy.stats.metrics import auc
from shipworthy.stats.scores import Scores

__all__ = ["Coded", "code_features", "single_auc"]

_BINS = 20
_MOST_VALUES = 50
_MOST_STRINGS = 200
_PRIOR_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coded:
    """One feature as small integers.

    Attributes:
        name: The feature.
        values: What each code stands for; None for null. Empty where codes are bins of a number with many values,
            in which case 0 is null.
        train: Codes of the training rows, shape (n_train,).
        valid: Codes of the later rows in the same coding, shape (n_valid,).
    """

    name: str
    values: tuple[str | None, ...]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]

    @property
    def slices(self) -> Iterator[tuple[int, str]]:
        """Codes that stand for one value or for null, with their words."""
        named = enumerate(self.values) if self.values else [(0, None)]
        return ((code, "null" if value is None else f"{value!r}") for code, value in named)


def code_features(evidence: Evidence) -> Iterator[Coded]:
    """Every feature in turn, coded by what was seen in training."""
    for name in evidence.train_features.column_names:
        yield _code(name, evidence.train_features.column(name), evidence.valid_features.column(name))


def single_auc(coded: Coded, train: Scores, valid: Scores) -> float:
    """AUC on later rows of the rates that this feature's values had in training, a fraction in [0, 1].

    Rates are pulled to the mean by 20 rows' weight, so that rare values do not shine; 0.5 if there is nothing to rank.
    """
    rows = np.bincount(coded.train, minlength=coded.valid.max(initial=0) + 1)
    hits = np.bincount(coded.train, weights=train.truth, minlength=len(rows))
    rate = (hits + _PRIOR_ROWS * train.truth.mean()) / (rows + _PRIOR_ROWS)
    found = auc(Scores(truth=valid.truth, probability=np.clip(rate[coded.valid], 0, 1), block=valid.block))
    return 0.5 if np.isnan(found) else found


def _code(name: str, train: pa.ChunkedArray, valid: pa.ChunkedArray) -> Coded:
    if train.type != pa.string():
        numbers = _numbers(train)
        if len(np.unique(numbers[~np.isnan(numbers)])) > _MOST_VALUES:
            return _binned(name, numbers, _numbers(valid))
    counted = pc.value_counts(train.drop_null()).to_pylist()
    common = sorted(counted, key=lambda one: (-one["counts"], str(one["values"])))[:_MOST_STRINGS]
    known = pa.array([one["values"] for one in common], type=train.type)
    values = (None, *(str(one["values"]) for one in common))
    return Coded(name=name, values=values, train=_places(train, known), valid=_places(valid, known))


def _places(column: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    """0 for null, 1 + place for a known value, one more for any other."""
    place = pc.fill_null(pc.index_in(column, value_set=known), len(known)).to_numpy().astype(np.int64) + 1
    return np.where(column.is_null().to_numpy(), 0, place)


def _binned(name: str, train: NDArray[np.float64], valid: NDArray[np.float64]) -> Coded:
    edges = np.unique(np.quantile(train[~np.isnan(train)], np.linspace(0, 1, _BINS + 1)[1:-1]))
    codes = (np.where(np.isnan(one), 0, np.searchsorted(edges, one, side="right") + 1) for one in (train, valid))
    in_train, in_valid = codes
    return Coded(name=name, values=(), train=in_train.astype(np.int64), valid=in_valid.astype(np.int64))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return numbers
