"""One request from its last byte to its answer, whichever face it came through."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from shipworthy.serving.tensors import Rows
from shipworthy.stores.records import Feedback, Outcome

__all__ = ["Asked", "Dialect", "Exchange", "Failure", "Noted", "Origin", "Run", "Sink"]

Noted = dict[bytes, bytes]


class Dialect(StrEnum):
    """What a route speaks; records carry it as ``protocol``."""

    OIP = "oip"
    MLFLOW = "mlflow"
    FEEDBACK = "feedback"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is about.

    Attributes:
        path: The path that was asked for.
        dialect: What is spoken there.
        endpoint: Name of the endpoint meant; empty if none is known by that path.
        protocol: The dialect as plain text, for records.
    """

    path: str
    dialect: Dialect
    endpoint: str = ""
    protocol: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "protocol", self.dialect.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who answered, for records and headers.

    Attributes:
        endpoint: Name of the endpoint.
        variant: Name of the variant.
        package: Digest of its package.
        plan: Number of the plan.
        outputs: Names of the package's outputs, in order.
        lines: The header lines that say so, each ending in CRLF.
        opening: What a plain 200 answer begins with, up to the request's id.
    """

    endpoint: str
    variant: str
    package: str
    plan: int
    outputs: tuple[str, ...]
    lines: bytes
    opening: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, for the record.

    Attributes:
        kind: Class name of the exception.
        message: Its message.
        stack_digest: Digest of its traceback; empty for a refusal that is the caller's to mend.
    """

    kind: str
    message: str
    stack_digest: str = ""


@dataclass(slots=True)
class Run:
    """One run of a model, shared by the requests that it answered.

    Attributes:
        began_ns: When it began, on the performance counter, in ns.
        took_ns: How long it took, in ns.
    """

    began_ns: int
    took_ns: int


class Sink(Protocol):
    """Who waits for the answer."""

    def deliver(self, exchange: "Exchange") -> None:
        """Send the answer, which is whole and recorded now; called once, on the event loop."""
        ...


class Exchange:
    """One request and, in the end, its answer.

    Attributes:
        sink: Who waits for the answer.
        asked: What was asked for.
        body: The request's body.
        noted: The headers that mean something to us, by lower-case name.
        arrived_ns: When its last byte arrived, on the performance counter, in ns.
        origin: Who answers, once chosen.
        rows: The decoded input, once decoded.
        request_id: Its id, once known.
        status: HTTP status of the answer; 0 until there is one.
        outcome: How it ended.
        reply: Body of the answer.
        extra: More header lines of the answer, each ending in CRLF.
        outputs: Values of each output.
        failure: What went wrong, if anything.
        fallback: Why the baseline answered; empty if it did not.
        run: The run of the model that answered; None if none did.
        at_ns: Business time that the caller gave, in ns since 1970; 0 if it gave none.
        feedback: Statements to write instead of a record.
        close: Whether the connection ends with the answer.
        is_delivered: Whether the answer may leave, as soon as those before it have left.
    """

    # Defaults live in the class: an exchange sets only what differs, which is most of its cost.
    origin: Origin | None = None
    rows: Rows | None = None
    request_id: str = ""
    status: int = 0
    outcome: Outcome = "ok"
    reply: bytes = b""
    extra: bytes = b""
    outputs: list[list[Any]] | None = None
    failure: Failure | None = None
    fallback: str = ""
    run: Run | None = None
    at_ns: int = 0
    feedback: list[Feedback] | None = None
    close: bool = False
    is_delivered: bool = False

    def __init__(self, sink: Sink, asked: Asked, body: bytes, noted: Noted, arrived_ns: int) -> None:
        self.sink = sink
        self.asked = asked
        self.body = body
        self.noted = noted
        self.arrived_ns = arrived_ns
