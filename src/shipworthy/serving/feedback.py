"""``POST /feedback``: what really happened, one statement or a batch, all taken or none."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import InvalidRequest
from shipworthy.serving.elements import malformed
from shipworthy.stores.records import Feedback

__all__ = ["decode_feedback", "nanoseconds"]

_MOST: Final = 10_000
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_TOLERANCE_NS: Final = 86_400 * 1_000_000_000
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Statement(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    request_id: _Name
    outcome: bool | Annotated[float, msgspec.Meta(ge=0, le=1)]
    row: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    observed_at: str | None = None
    feedback_id: Annotated[str, msgspec.Meta(max_length=128)] = ""
    source: Annotated[str, msgspec.Meta(max_length=128)] = ""


class _Batch(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    feedback: Annotated[list[_Statement], msgspec.Meta(min_length=1, max_length=_MOST)]


class _Either(msgspec.Struct, gc=False):
    feedback: msgspec.Raw = msgspec.Raw()


_either = msgspec.json.Decoder(_Either).decode
_batch = msgspec.json.Decoder(_Batch).decode
_statement = msgspec.json.Decoder(_Statement).decode


def decode_feedback(body: bytes, *, received_ns: int, now_ns: int) -> list[Feedback]:
    """Read one statement or a batch of at most 10,000.

    Args:
        body: The request's body.
        received_ns: Wall-clock time of arrival, ns since 1970 UTC.
        now_ns: When the outcome counts as observed if the statement does not say, ns since 1970 UTC.

    Raises:
        InvalidRequest: Naming the field and its place; nothing of the batch is taken.
    """
    try:
        statements = _batch(body).feedback if _either(body).feedback else [_statement(body)]
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"feedback: {error}",
            remedy='send {"request_id", "outcome", "row"?, "observed_at"?, "feedback_id"?} or {"feedback": [...]}',
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error
    return [_entry(index, one, received_ns, now_ns) for index, one in enumerate(statements)]


def nanoseconds(instant: datetime) -> int:
    """An aware instant in ns since 1970 UTC.

    Raises:
        OverflowError: If a record cannot hold it: before 1678 or after 2261.
    """
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise OverflowError(f"the year {instant.year} is out of range")
    return int(instant.timestamp()) * 1_000_000_000 + instant.microsecond * 1_000


def _entry(index: int, one: _Statement, received_ns: int, now_ns: int) -> Feedback:
    if one.outcome not in {0, 1}:
        raise InvalidRequest(
            f"feedback[{index}].outcome is {one.outcome}: it says neither yes nor no",
            remedy="send true or false (or 1 or 0): what happened to the question that was asked",
            field="outcome",
        )
    return Feedback(
        request_id=one.request_id,
        row=one.row,
        outcome=one.outcome,
        observed_ns=now_ns if one.observed_at is None else _observed(index, one.observed_at, received_ns),
        received_ns=received_ns,
        source=one.source,
        feedback_id=one.feedback_id,
    )


def _observed(index: int, text: str, received_ns: int) -> int:
    try:
        observed_ns = nanoseconds(parse_instant(text))
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"feedback {index}: observed_at {text[:40]!r} is no instant",
            remedy="send ISO 8601, such as 2013-10-01T14:05:00Z",
            field="observed_at",
        ) from error
    if observed_ns > received_ns + _TOLERANCE_NS:  # it would outweigh every correction that is still to come
        raise InvalidRequest(
            f"feedback {index}: observed_at {text[:40]!r} is in the future",
            remedy="send the instant at which the outcome was seen; look at both clocks",
            field="observed_at",
        )
    return observed_ns
