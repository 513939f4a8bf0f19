"""Counters and histograms in a file mapped into memory: they outlive ``kill -9``, and any worker can sum them all.

The file is a table of series of fixed size: a key (kind, name, labels as JSON), then 32 doubles. One process
writes a file; any process reads it. Bounds are OpenTelemetry's for durations, in seconds.
"""

import bisect
import math
import mmap
import os
import threading
from collections import Counter as Counting
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from shipworthy.core.errors import BackendFailed

__all__ = ["BOUNDS_S", "Counter", "Histogram", "Metrics", "read_series", "render"]

BOUNDS_S: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
_KEY_BYTES: Final = 512
_DOUBLES: Final = 32
_SERIES_BYTES: Final = _KEY_BYTES + 8 * _DOUBLES
_MOST_SERIES: Final = 1_024
_MOST_GATHERED: Final = 1_000
_SUM: Final = _DOUBLES - 1
_HELP: Final = {
    "shipworthy_requests_total": "Requests that were answered, by outcome.",
    "shipworthy_request_duration_seconds": "Time from the last byte of a request to its answer.",
    "shipworthy_requests_seen_total": "Requests that belong into the records.",
    "shipworthy_log_records_total": "What became of them: seen = written + sampled_out + dropped.",
    "shipworthy_recording_failures_total": "Commits of records that the disk refused.",
    "shipworthy_feedback_total": "Statements of feedback taken.",
    "shipworthy_fallbacks_total": "Answers that the baseline gave, by reason.",
    "shipworthy_contract_violations_total": "Breaches of the request's contract, by rule and action.",
    "shipworthy_queue_delay_seconds": "Time that requests waited for the model.",
    "shipworthy_batches_total": "Runs of the model.",
    "shipworthy_batch_rows_total": "Rows of all runs of the model.",
    "shipworthy_requests_in_flight": "Requests that wait for an answer.",
    "shipworthy_plan_number": "Number of the plan that is served.",
    "shipworthy_plan_failures_total": "Plans that could not be taken over; the old one goes on.",
    "shipworthy_model_load_seconds": "Time that the newest package took to load.",
    "shipworthy_model_info": "1 for each package that is served.",
    "shipworthy_recording_failed": "1 while the disk refuses records.",
    "shipworthy_worker_heartbeat_seconds": "When the worker's loop last turned, on the machine's monotonic clock.",
}


class Counter:
    """A number that one process counts up, or sets."""

    __slots__ = ("_at", "_view")

    def __init__(self, view: "memoryview[float]", at: int) -> None:
        self._view = view
        self._at = at

    def add(self, amount: float = 1.0) -> None:
        """Count up."""
        self._view[self._at] += amount

    def set(self, value: float) -> None:
        """Set a gauge."""
        self._view[self._at] = value

    @property
    def value(self) -> float:
        """The number as it stands."""
        return float(self._view[self._at])


class Histogram:
    """Counts of durations by bound, and their sum in seconds.

    Durations are gathered and counted together, at the latest when the file is flushed: half a second of them may
    be lost with the process.
    """

    __slots__ = ("_at", "_gathered", "_view")

    def __init__(self, view: "memoryview[float]", at: int) -> None:
        self._view = view
        self._at = at
        self._gathered: list[float] = []

    def observe(self, seconds: list[float]) -> None:
        """Count some durations."""
        self._gathered += seconds
        if len(self._gathered) > _MOST_GATHERED:
            self.flush()

    def flush(self) -> None:
        """Bring what was gathered into the file."""
        gathered, self._gathered = self._gathered, []
        counts = Counting(bisect.bisect_left(BOUNDS_S, one) for one in gathered)
        for place, count in counts.items():
            self._view[self._at + place] += count
        self._view[self._at + _SUM] += sum(gathered)


class Metrics:
    """The series of one process.

    Args:
        path: File to map; series that it holds already go on counting.

    Raises:
        BackendFailed: If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
            try:
                os.ftruncate(descriptor, _SERIES_BYTES * _MOST_SERIES)
                self._map = mmap.mmap(descriptor, 0)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise BackendFailed(
                f"no metrics file: {error}", remedy="make its folder writable", path=str(path)
            ) from error
        self._doubles: memoryview[float] = memoryview(self._map).cast("d")
        self._histograms: list[Histogram] = []
        self._lock = threading.Lock()
        self._known = {key: index for index, (key, _) in enumerate(_parse(self._map))}

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of that name and labels; made when first asked for."""
        return Counter(self._doubles, self._place(_key("counter", name, labels)))

    def gauge(self, name: str, **labels: str) -> Counter:
        """A number that is set; workers' gauges are summed."""
        return Counter(self._doubles, self._place(_key("gauge", name, labels)))

    def largest(self, name: str, **labels: str) -> Counter:
        """A number that is set; of workers' the largest is shown."""
        return Counter(self._doubles, self._place(_key("max", name, labels)))

    def histogram(self, name: str, **labels: str) -> Histogram:
        """The histogram of durations in seconds of that name and labels."""
        made = Histogram(self._doubles, self._place(_key("histogram", name, labels)))
        self._histograms.append(made)
        return made

    def flush(self) -> None:
        """Bring what the histograms have gathered into the file."""
        for histogram in self._histograms:
            histogram.flush()

    def _place(self, key: bytes) -> int:
        """Where the doubles of ``key`` begin. Beyond the table's size all new series share the last one."""
        with self._lock:
            index = self._known.get(key)
            if index is None:
                index = min(len(self._known), _MOST_SERIES - 1)
                start = index * _SERIES_BYTES
                if len(key) <= _KEY_BYTES and index < _MOST_SERIES - 1:
                    self._map[start : start + len(key)] = key
                    self._known[key] = index
            return (index * _SERIES_BYTES + _KEY_BYTES) // 8


def read_series(folder: Path, *, slot: int | None = None) -> dict[bytes, list[float]]:
    """The series of all workers that count in ``folder`` (or of one), summed, or the largest for the kind ``max``."""
    total: dict[bytes, list[float]] = {}
    for path in sorted(folder.glob("*.metrics" if slot is None else f"{slot}.metrics")):
        for key, doubles in _parse(path.read_bytes()):
            if key not in total:
                total[key] = doubles
            elif key.startswith(b'["max"'):
                total[key] = [max(pair) for pair in zip(total[key], doubles, strict=True)]
            else:
                total[key] = [sum(pair) for pair in zip(total[key], doubles, strict=True)]
    return total


def render(series: dict[bytes, list[float]]) -> str:
    """Prometheus text format 0.0.4 of ``series``."""
    lines: list[str] = []
    last = ""
    for key, doubles in sorted(series.items(), key=lambda one: msgspec.json.decode(one[0])[1:]):
        kind, name, labels = msgspec.json.decode(key)
        if name != last:
            shown = "gauge" if kind == "max" else kind
            lines += (f"# HELP {name} {_HELP.get(name, name)}", f"# TYPE {name} {shown}")
            last = name
        lines += _histogram_lines(name, labels, doubles) if kind == "histogram" else [_line(name, labels, doubles[0])]
    return "\n".join(lines) + "\n"


def _histogram_lines(name: str, labels: list[list[str]], doubles: list[float]) -> Iterable[str]:
    total = 0.0
    for bound, count in zip((*BOUNDS_S, math.inf), doubles, strict=False):
        total += count
        text = "+Inf" if math.isinf(bound) else f"{bound:g}"
        yield _line(f"{name}_bucket", [*labels, ["le", text]], total)
    yield _line(f"{name}_sum", labels, doubles[_SUM])
    yield _line(f"{name}_count", labels, total)


def _line(name: str, labels: list[list[str]], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    number = str(int(value)) if value.is_integer() else repr(value)
    return f"{name}{{{inside}}} {number}" if inside else f"{name} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _key(kind: str, name: str, labels: dict[str, str]) -> bytes:
    return msgspec.json.encode([kind, name, sorted(labels.items())])


def _parse(content: bytes | mmap.mmap) -> Iterable[tuple[bytes, list[float]]]:
    for start in range(0, len(content) - _SERIES_BYTES + 1, _SERIES_BYTES):
        key = content[start : start + _KEY_BYTES].rstrip(b"\0")
        if not key.endswith(b"]"):  # the end of the table, or a key that its writer is just writing
            return
        doubles = memoryview(content[start + _KEY_BYTES : start + _SERIES_BYTES]).cast("d")
        yield key, list(doubles)
