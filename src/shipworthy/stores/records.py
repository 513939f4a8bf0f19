"""Records: one prediction request as it happened, and the outcome that reality sent later; as bytes and back."""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from shipworthy.core.errors import InvalidData

__all__ = ["Entry", "Feedback", "Limits", "Outcome", "Record", "decode_entry", "encode_entry"]

Outcome = Literal["ok", "fallback", "invalid", "error", "rejected", "timeout"]


class Record(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False, tag="record"):
    """One request, whatever its outcome.

    Fields are only ever added, at the end and with a default, so that older records stay readable.

    Attributes:
        request_id: The id that the caller got, by which feedback finds this record.
        at_ns: Business time in ns since 1970 UTC; simulated when the server runs with simulated time.
        received_ns: Wall-clock time of arrival in ns since 1970 UTC.
        endpoint: The endpoint's name.
        variant: Name of the variant that answered, or was chosen to; empty if none was.
        package: Digest of that variant's package; empty if none was chosen.
        plan: Number of the plan in force; 0 if none was.
        route: The path that was asked for.
        protocol: The dialect, such as ``"oip"`` or ``"mlflow"``.
        status: The HTTP status of the reply.
        outcome: How it ended; ``fallback`` means that the baseline answered.
        rows: Rows asked for.
        input: The request's body as received, or after masking.
        content_type: What ``input`` is.
        probability: What was said, one fraction a row; empty when nothing was predicted.
        outputs: The reply's outputs for models that say something else than a probability.
        decision: What was decided, one a row; empty when the goal decides nothing.
        error_type: Class name of the exception; empty if none.
        error_message: Its message; empty if none.
        stack_digest: Digest of its traceback, so that equal failures group together.
        queue_us: Time waited for a run, in microseconds.
        run_us: Time in the model, in microseconds.
        total_us: From the last byte of the request to the first of the reply, in microseconds.
        fallback_reason: Why the baseline answered; empty if it did not.
        truncated: Whether ``input``, ``outputs`` or ``error_message`` was cut to the store's limits.
    """

    request_id: str
    at_ns: int
    received_ns: int
    endpoint: str
    variant: str = ""
    package: str = ""
    plan: int = 0
    route: str = ""
    protocol: str = ""
    status: int
    outcome: Outcome
    rows: int = 0
    input: bytes = b""
    content_type: str = ""
    probability: list[float] = msgspec.field(default_factory=list)
    outputs: bytes = b""
    decision: list[bool] = msgspec.field(default_factory=list)
    error_type: str = ""
    error_message: str = ""
    stack_digest: str = ""
    queue_us: int = 0
    run_us: int = 0
    total_us: int = 0
    fallback_reason: str = ""
    truncated: bool = False


class Feedback(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False, tag="feedback"):
    """What really happened to one row of a request; often late, sometimes corrected.

    Attributes:
        request_id: The id of the request.
        row: Which row of the request, from 0.
        outcome: What happened.
        observed_ns: When it was observed, in ns since 1970 UTC; the latest observation wins.
        received_ns: When it reached us, in ns since 1970 UTC.
        source: Who said so, such as a caller's name.
        feedback_id: The sender's own id for this statement; empty if it has none.
    """

    request_id: str
    row: int = 0
    outcome: bool | float
    observed_ns: int
    received_ns: int
    source: str = ""
    feedback_id: str = ""


Entry = Record | Feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of one request is kept.

    Attributes:
        input_bytes: Largest input kept, in bytes; a longer one is cut and marked.
        outputs_bytes: Largest opaque output kept, in bytes.
        message_chars: Longest error message kept, in characters.
    """

    input_bytes: int = 1 << 20
    outputs_bytes: int = 1 << 20
    message_chars: int = 2_000


_LIMITS: Final = Limits()
_encode = msgspec.msgpack.Encoder().encode
_decoder: Final[msgspec.msgpack.Decoder[Entry]] = msgspec.msgpack.Decoder(Entry)


def encode_entry(entry: Entry, limits: Limits = _LIMITS) -> bytes:
    """Write one entry as bytes (MessagePack); what is larger than ``limits`` is cut and marked.

    Text that UTF-8 cannot say (a lone surrogate from a hostile header) is written with backslash escapes:
    a record is never lost for its spelling.
    """
    if isinstance(entry, Record):
        entry = _bounded(entry, limits)
    try:
        return _encode(entry)
    except UnicodeEncodeError:
        return _encode(_spelled_out(entry))


def decode_entry(payload: bytes) -> Entry:
    """Read what :func:`encode_entry` wrote.

    Raises:
        InvalidData: If ``payload`` is no entry of a kind that this version knows.
    """
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise InvalidData(
            f"an entry of {len(payload)} bytes cannot be read: {error}",
            remedy="read these records with the version of Shipworthy that wrote them, or a newer one",
            bytes=len(payload),
        ) from error


def _bounded(record: Record, limits: Limits) -> Record:
    if (
        len(record.input) <= limits.input_bytes
        and len(record.outputs) <= limits.outputs_bytes
        and len(record.error_message) <= limits.message_chars
    ):
        return record
    return msgspec.structs.replace(
        record,
        input=record.input[: limits.input_bytes],
        outputs=record.outputs[: limits.outputs_bytes],
        error_message=record.error_message[: limits.message_chars],
        truncated=True,
    )


def _spelled_out(entry: Entry) -> Entry:
    texts = {name: value for name, value in msgspec.structs.asdict(entry).items() if isinstance(value, str)}
    spelled = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in texts.items()}
    return msgspec.structs.replace(entry, **spelled)
