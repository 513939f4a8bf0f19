"""An answered request as the bytes of its record."""

from typing import Any, Final

import msgspec

from shipworthy.serving.exchange import Exchange, Failure
from shipworthy.stores.records import Limits, Record, encode_entry

__all__ = ["encode_exchange"]

_NONE: Final = Failure(kind="", message="")
_LIMITS: Final = Limits()
_NO_VALUES: Final[list[Any]] = []
_encode = msgspec.msgpack.Encoder().encode


def encode_exchange(exchange: Exchange, now_ns: int, epoch_ns: int) -> bytes:
    """The bytes of the record of an answered request.

    They are those of :func:`~shipworthy.stores.records.encode_entry`, without making the ``Record`` where nothing
    has to be cut; this is done for every request, and a test holds the two together.

    Args:
        exchange: The request and its answer.
        now_ns: The performance counter, in ns.
        epoch_ns: What to add to the performance counter for ns since 1970.
    """
    origin, failure, asked = exchange.origin, exchange.failure or _NONE, exchange.asked
    arrived_ns, run = exchange.arrived_ns, exchange.run
    received_ns = arrived_ns + epoch_ns
    probability, decision, outputs = _said(exchange)
    # In the order of Record's fields, behind its tag.
    entry = (
        "record",
        exchange.request_id,
        exchange.at_ns or received_ns,
        received_ns,
        asked.endpoint,
        origin.variant if origin else "",
        origin.package if origin else "",
        origin.plan if origin else 0,
        asked.path,
        asked.protocol,
        exchange.status,
        exchange.outcome,
        exchange.rows.count if exchange.rows else 0,
        exchange.body,
        "application/json",
        probability,
        outputs,
        decision,
        failure.kind,
        failure.message,
        failure.stack_digest,
        (run.began_ns - arrived_ns) // 1_000 if run else 0,
        run.took_ns // 1_000 if run else 0,
        (now_ns - arrived_ns) // 1_000,
        exchange.fallback,
        False,
    )
    small = len(exchange.body) <= _LIMITS.input_bytes and len(outputs) <= _LIMITS.outputs_bytes
    if small and len(failure.message) <= _LIMITS.message_chars:
        try:
            return _encode(entry)
        except UnicodeEncodeError:
            pass  # a lone surrogate: the record knows how to spell it
    return encode_entry(Record(**dict(zip(Record.__struct_fields__, entry[1:], strict=True))))  # type: ignore[arg-type]


def _said(exchange: Exchange) -> tuple[list[Any], list[Any], bytes]:
    """Probability, decision, and outputs of other names as JSON."""
    origin, outputs = exchange.origin, exchange.outputs
    if origin is None or outputs is None:
        return _NO_VALUES, _NO_VALUES, b""
    if origin.outputs == ("probability", "decision"):
        return outputs[0], outputs[1], b""
    named = dict(zip(origin.outputs, outputs, strict=True))
    probability, decision = named.pop("probability", _NO_VALUES), named.pop("decision", _NO_VALUES)
    return probability, decision, msgspec.json.encode(named) if named else b""
