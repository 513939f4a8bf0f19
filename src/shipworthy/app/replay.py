"""Replay: the months that were, as live traffic: every decision at its own time, every outcome as late as it was."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from shipworthy.app.asking import record_questions
from shipworthy.app.client import Question, ask_all
from shipworthy.core.clock import ManualClock
from shipworthy.core.digests import Json
from shipworthy.core.errors import InvalidData
from shipworthy.core.progress import Progress, silent
from shipworthy.data.frame import FeatureFrame

__all__ = ["Replayed", "replay"]

_DAY: Final = timedelta(days=1)
_LABELS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did.

    Attributes:
        days: Days that were lived through.
        asked: Requests that were sent.
        answered: Requests that were answered with a prediction (HTTP 200).
        labels: Outcomes that were sent back.
    """

    days: int
    asked: int
    answered: int
    labels: int


def replay(
    frame: FeatureFrame,
    url: str,
    clock: ManualClock,
    *,
    label_delay: timedelta,
    on_day: Callable[[datetime], None],
    recorded: Collection[str] = frozenset(),
    days: int | None = None,
    connections: int = 4,
    progress: Progress = silent,
) -> Replayed:
    """Live through the rows of ``frame`` day by day.

    Each row is asked at its decision time; its outcome is sent back on the day on which it became known. The clock
    moves to the end of each day before ``on_day`` is called, and on to the last outcome at the end.

    Args:
        frame: Decisions with their outcomes, in the order of decision time or not.
        url: Address of the endpoint, which has to run with simulated time.
        clock: The clock of everything else; moved forward.
        label_delay: How long after its event an outcome is known.
        on_day: Called with the end of each day.
        recorded: Keys that an earlier replay asked about already; they are not asked again.
        days: Live through so many days only; None for all.
        connections: How many are open at once.
        progress: Told after each day.

    Raises:
        InvalidData: If there is no row.
        BackendFailed: If the endpoint does not answer.
    """
    days_of_rows = _by_day(frame.decision_time.to_pylist())
    if not days_of_rows:
        raise InvalidData("there is nothing to replay", remedy="set data.until before the last row of the data")
    known = np.array([str(key) in recorded for key in frame.key.to_pylist()])
    first, last = min(days_of_rows), max(days_of_rows)
    count = min(days or (last - first).days + 1, (last - first).days + 1)
    pending = _Outcomes(frame, label_delay)
    asked = answered = labels = 0
    for number in range(count):
        day = first + number * _DAY
        rows = days_of_rows.get(day, np.empty(0, dtype=np.int64))
        pending.expect(rows)
        fresh = rows[~known[rows]]
        if len(rows) and not len(fresh):
            clock.move_to(_end_of(day))
            continue  # lived through already; its outcomes are sent again later, which changes nothing
        answers = asyncio.run(ask_all(url, _questions(frame.rows(fresh)), connections=connections))
        asked += len(answers)
        answered += sum(answer.status == 200 for answer in answers)
        clock.move_to(_end_of(day))
        labels += _send(url, pending.due(clock.now()))
        on_day(clock.now())
        progress(f"replaying {day}: {asked:,} requests, {labels:,} outcomes", done=(number + 1) / count)
    clock.move_to(clock.now() + label_delay + pending.longest_wait)
    labels += _send(url, pending.due(clock.now()))
    on_day(clock.now())
    return Replayed(days=count, asked=asked, answered=answered, labels=labels)


class _Outcomes:
    """Outcomes of decisions that were asked about, until they are known.

    Attributes:
        longest_wait: Longest time from a decision to its event.
    """

    def __init__(self, frame: FeatureFrame, label_delay: timedelta) -> None:
        self._keys = frame.key.to_pylist()
        self._known = [event + label_delay for event in frame.event_time.to_pylist()]
        self._outcomes = frame.target.to_pylist()
        decided = frame.decision_time.to_pylist()
        waits = [event - at for event, at in zip(frame.event_time.to_pylist(), decided, strict=True)]
        self.longest_wait = max(waits, default=timedelta(0))
        self._open: set[int] = set()

    def expect(self, rows: NDArray[np.int64]) -> None:
        """From now on these rows wait for their outcome."""
        self._open.update(int(row) for row in rows if self._outcomes[int(row)] is not None)

    def due(self, now: datetime) -> list[dict[str, Json]]:
        """What became known by ``now``, as statements of feedback; each is given once."""
        due = sorted(row for row in self._open if self._known[row] <= now)
        self._open.difference_update(due)
        return [
            {
                "request_id": str(self._keys[row]),
                "outcome": self._outcomes[row],
                "observed_at": self._known[row].isoformat(),
            }
            for row in due
        ]


def _end_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY


def _by_day(instants: Sequence[datetime]) -> Mapping[date, NDArray[np.int64]]:
    days: dict[date, list[int]] = {}
    for row, instant in enumerate(instants):
        days.setdefault(instant.date(), []).append(row)
    return {day: np.array(rows, dtype=np.int64) for day, rows in days.items()}


def _questions(frame: FeatureFrame) -> Iterator[Question]:
    headers = [
        {"X-Request-Id": str(key), "Shipworthy-Key": str(key), "Shipworthy-Time": instant.isoformat()}
        for key, instant in zip(frame.key.to_pylist(), frame.decision_time.to_pylist(), strict=True)
    ]
    return record_questions(frame.features, headers=headers)


def _send(url: str, statements: Sequence[Mapping[str, Json]]) -> int:
    parts = [statements[start : start + _LABELS_AT_ONCE] for start in range(0, len(statements), _LABELS_AT_ONCE)]
    questions = [Question(path="/feedback", body=msgspec.json.encode({"feedback": part})) for part in parts]
    answers = asyncio.run(ask_all(url, questions, connections=1)) if questions else []
    return sum(len(part) for part, answer in zip(parts, answers, strict=True) if answer.status == 200)
