"""Splits of time: what is validated lies after what is trained on, with a gap in which labels were still open."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidData
from shipworthy.data.frame import FeatureFrame

__all__ = ["Split", "split_days_at_random", "split_forward"]

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Positions of rows; every row stands in exactly one of the three.

    Attributes:
        train: Rows to learn from, rising, int64.
        valid: Rows to judge by, rising, int64.
        gap: Rows left out, because their target was not known yet when validation begins, rising, int64.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    gap: NDArray[np.int64]

    def to_json(self, frame: FeatureFrame) -> dict[str, Json]:
        """Periods and sizes, for the record of the run; ``frame`` is the frame that was split."""
        instants = _instants(frame)
        return {
            "from": _iso(instants[self.valid].min()),
            "to": _iso(instants[self.valid].max()),
            "rows": len(self.valid),
            "blocks": len(np.unique(instants[self.valid] // _DAY_US)),
            "train_from": _iso(instants[self.train].min()),
            "train_to": _iso(instants[self.train].max()),
            "train_rows": len(self.train),
            "gap_rows": len(self.gap),
        }


def split_forward(frame: FeatureFrame, *, label_delay: timedelta, share: float = 0.1, least_blocks: int = 30) -> Split:
    """Validate on the last ``share`` of time, at least ``least_blocks`` days; train on what was known before.

    Where there are fewer than twice ``least_blocks`` days, validation gets the later half of the days.

    Args:
        frame: Rows in any order.
        label_delay: How long after its event a target is known: a row trains only if its target was known when
            the first validated event happened.
        share: Share of the time span to validate on, a fraction in (0, 1).
        least_blocks: Fewest days with events to validate on: intervals rest on days, not on rows.

    Raises:
        InvalidData: If no day, or no row, is left to train on.
    """
    instants = _instants(frame)
    cut_day = _first_valid_day(np.unique(instants // _DAY_US), share, least_blocks)
    is_valid = instants // _DAY_US >= cut_day
    starts = int(instants[is_valid].min())
    is_train = ~is_valid & (instants <= starts - label_delay // timedelta(microseconds=1))
    if not is_train.any():
        raise InvalidData(
            f"no row is left to train on: no target of an event before {_iso(starts)} was known by then "
            f"(label_delay {label_delay})",
            remedy="bring more history, or correct data.label_delay",
            field="data.label_delay",
        )
    return Split(
        train=np.flatnonzero(is_train), valid=np.flatnonzero(is_valid), gap=np.flatnonzero(~is_train & ~is_valid)
    )


def split_days_at_random(frame: FeatureFrame, *, share: float = 0.1, seed: int = 0) -> Split:
    """Whole days at random, for diagnosis: how much a forward split loses to it is what a new season costs.

    Args:
        frame: Rows in any order, of at least two days.
        share: Share of the days to validate on, a fraction in (0, 1); at least one day on each side.
        seed: Seed of the draw.

    Raises:
        InvalidData: If there are fewer than two days.
    """
    day = _instants(frame) // _DAY_US
    days = np.unique(day)
    _need_two_days(days)
    count = min(max(round(share * len(days)), 1), len(days) - 1)
    picked = np.random.default_rng(seed).choice(days, size=count, replace=False)
    is_valid = np.isin(day, picked)
    return Split(train=np.flatnonzero(~is_valid), valid=np.flatnonzero(is_valid), gap=np.empty(0, dtype=np.int64))


def _first_valid_day(days: NDArray[np.int64], share: float, least_blocks: int) -> int:
    _need_two_days(days)
    span = int(days[-1] - days[0]) + 1
    by_share = int(days[-1]) - int(np.ceil(share * span)) + 1
    by_blocks = int(days[max(len(days) - least_blocks, 0)])
    middle = int(days[(len(days) + 1) // 2])
    return max(min(by_share, by_blocks), middle)


def _need_two_days(days: NDArray[np.int64]) -> None:
    if len(days) < 2:
        raise InvalidData(
            f"the rows span {len(days)} day(s): nothing can be validated forward in time",
            remedy="bring rows of at least 60 days, so that 30 days validate what the days before have taught",
        )


def _instants(frame: FeatureFrame) -> NDArray[np.int64]:
    instants: NDArray[np.int64] = frame.event_time.cast(pa.int64()).to_numpy()
    return instants


def _iso(instant_us: np.int64 | int) -> str:
    return datetime.fromtimestamp(int(instant_us) / 1e6, tz=UTC).isoformat()
