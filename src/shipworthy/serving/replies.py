"""Answers as bytes: which status an error is, how each dialect says it, and the head of an HTTP answer."""

import traceback
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from shipworthy.core.errors import BackendFailed, InvalidRequest, NotFound, Overloaded, Refused, ShipworthyError
from shipworthy.serving.exchange import Dialect, Exchange, Failure
from shipworthy.serving.mlflow import mlflow_error
from shipworthy.serving.oip import oip_error
from shipworthy.stores.records import Outcome

__all__ = ["STATUS_LINES", "error_body", "failure_of", "header_lines", "opening_of", "render", "status_of"]

STATUS_LINES: Final = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
_TABLE: Final[tuple[tuple[type[ShipworthyError], int, Outcome], ...]] = (
    (InvalidRequest, 400, "invalid"),
    (NotFound, 404, "invalid"),
    (Overloaded, 429, "rejected"),
    (Refused, 403, "rejected"),
    (BackendFailed, 500, "error"),
)
_LIMIT_STATUS: Final = {"body": 413, "rows": 413, "headers": 431, "time": 408, "type": 415, "method": 405, "drain": 503}


def status_of(error: Exception) -> tuple[int, Outcome]:
    """The HTTP status of an error, and how a record names the outcome.

    A request that breaks one of the limits (fact ``limit``) has that limit's own status.
    """
    if isinstance(error, ShipworthyError):
        limit = error.facts.get("limit")
        for kind, status, outcome in _TABLE:
            if isinstance(error, kind):
                return _LIMIT_STATUS.get(str(limit), status), "timeout" if limit == "time" else outcome
    return 500, "error"


def failure_of(error: Exception) -> Failure:
    """What a record keeps of an error; equal tracebacks have equal digests."""
    if isinstance(error, ShipworthyError):
        message = error.problem
        digest = _stack_digest(error) if isinstance(error, BackendFailed) and not isinstance(error, Overloaded) else ""
        return Failure(kind=type(error).__name__, message=message, stack_digest=digest)
    return Failure(kind=type(error).__name__, message=str(error), stack_digest=_stack_digest(error))


def _stack_digest(error: Exception) -> str:
    frames = [(one.filename, one.name, one.lineno) for one in traceback.extract_tb(error.__traceback__)]
    return sha256(repr((type(error).__qualname__, frames)).encode()).hexdigest()


def error_body(dialect: Dialect, status: int, error: Exception) -> bytes:
    """The body of an answer that is no success; what is not the caller's to mend is told without its innards."""
    if isinstance(error, ShipworthyError):
        text = f"{error.problem}; {error.remedy}"
    else:
        text = "the model could not answer this request; its record holds the exception"
    return mlflow_error(status, text) if dialect is Dialect.MLFLOW else oip_error(text)


def opening_of(lines: bytes) -> bytes:
    """What a plain 200 answer begins with, up to the request's id; ``lines`` say who answers."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%bshipworthy-request-id: " % lines


def render(exchange: Exchange, date: bytes, *, close: bool) -> bytes:
    """A whole HTTP answer.

    Args:
        exchange: Answered and recorded.
        date: The header line of the date, ending in CRLF.
        close: Whether the connection ends with it.
    """
    reply, origin = exchange.reply, exchange.origin
    if exchange.status == 200 and origin is not None and not (close or exchange.extra):
        values = (origin.opening, exchange.request_id.encode(), date, len(reply), reply)
        return b"%b%b\r\n%bcontent-length: %d\r\n\r\n%b" % values
    return b"%b%b%b%bcontent-length: %d\r\n\r\n%b" % (
        STATUS_LINES[exchange.status],
        date,
        _lines(exchange),
        b"connection: close\r\n" if close else b"",
        len(reply),
        reply,
    )


def header_lines(exchange: Exchange) -> list[tuple[bytes, bytes]]:
    """The same headers as pairs, for ASGI; the server adds date and length."""
    close = [(b"connection", b"close")] if exchange.close else []
    named = (line.split(b": ", 1) for line in _lines(exchange).splitlines())
    return [(name, value) for name, value in named] + close


def _lines(exchange: Exchange) -> bytes:
    origin = exchange.origin
    return b"content-type: application/json\r\n%b%b%bshipworthy-request-id: %b\r\n" % (
        origin.lines if origin is not None else b"",
        exchange.extra,
        b"retry-after: 1\r\n" if exchange.status in {429, 503} else b"",
        exchange.request_id.encode(),
    )
