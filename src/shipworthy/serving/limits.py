"""The bound on every size and every time: nothing that a caller sends may grow without end."""

import dataclasses
from dataclasses import dataclass

from shipworthy.core.errors import InvalidConfig

__all__ = ["Limits", "parse_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker takes upon itself.

    Attributes:
        body_bytes: Largest body of one request, in bytes; beyond it 413.
        rows: Most rows of one request; beyond it 413.
        header_bytes: Largest request line and headers together, in bytes; beyond it 431.
        headers: Most header lines; beyond it 431.
        id_length: Longest request id or sticky key that a caller may give, in characters.
        request_s: Longest time for one request to arrive whole, or for its answer to be taken, in seconds.
        keep_alive_s: How long an idle connection is kept, in seconds.
        connections: Most connections of one worker; beyond it a connection is closed at once with 503.
        pipelined: Most unanswered requests on one connection; beyond it the connection is not read.
        queue_requests: Most requests that wait for one model; beyond it 429.
        queue_delay_s: Longest time a request may expect to wait for a model, in seconds; beyond it 429.
        inline_s: Longest expected run of a model on the event loop, in seconds; longer ones run in a thread.
        batch_rows: Most rows gathered into one run (a single larger request runs alone).
        drain_s: Longest time for requests in flight to finish after SIGTERM, in seconds.
        segment_s: Age from which a segment of records is sealed, so that it can become Parquet, in seconds.
        record_share: Share of successful requests that is recorded, a fraction in [0, 1]; failures always are.

    Raises:
        InvalidConfig: If a limit is not positive, or ``record_share`` is no fraction.
    """

    body_bytes: int = 10_000_000
    rows: int = 100_000
    header_bytes: int = 32_768
    headers: int = 100
    id_length: int = 128
    request_s: float = 20.0
    keep_alive_s: float = 75.0
    connections: int = 4_096
    pipelined: int = 64
    queue_requests: int = 2_048
    queue_delay_s: float = 0.25
    inline_s: float = 0.001
    batch_rows: int = 1_024
    drain_s: float = 25.0
    segment_s: float = 600.0
    record_share: float = 1.0

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            value = getattr(self, one.name)
            if one.name == "record_share" and not 0 <= value <= 1:
                raise InvalidConfig(f"limit record_share is {value}", remedy="give a fraction in [0, 1]", key=one.name)
            if one.name != "record_share" and not value > 0:
                raise InvalidConfig(f"limit {one.name} is {value}", remedy="give a positive number", key=one.name)


def parse_limits(settings: tuple[str, ...]) -> Limits:
    """Read ``NAME=VALUE`` texts over the defaults.

    Raises:
        InvalidConfig: If a name is unknown or a value is no number in range.

    >>> parse_limits(("rows=10", "request_s=2.5")).rows
    10
    """
    known = {one.name: type(one.default) for one in dataclasses.fields(Limits)}
    changed: dict[str, float] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in known:
            raise InvalidConfig(f"limit {name!r} is unknown", remedy=f"known limits: {', '.join(known)}", key=name)
        try:
            changed[name] = float(text) if known[name] is float else int(text)
        except ValueError as error:
            raise InvalidConfig(f"limit {name} is {text!r}", remedy="give a number", key=name) from error
    return dataclasses.replace(Limits(), **changed)  # type: ignore[arg-type]
