"""An error as a face tells it: RFC 9457 problem details, mapped from the one tree of errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from shipworthy.core.errors import (
    BackendFailed,
    InvalidRequest,
    NotFound,
    Overloaded,
    Refused,
    ShipworthyError,
    UserError,
)

__all__ = ["Problem", "problem_of", "status_of"]

# From the special to the general: the first class that fits decides.
_STATUSES: tuple[tuple[type[ShipworthyError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (InvalidRequest, HTTPStatus.BAD_REQUEST),
    (UserError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Refused, HTTPStatus.FORBIDDEN),
    (Overloaded, HTTPStatus.TOO_MANY_REQUESTS),
    (BackendFailed, HTTPStatus.SERVICE_UNAVAILABLE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Problem details.

    Attributes:
        type: A URI reference that names the kind of problem: the error's code.
        title: The kind of problem in words.
        status: HTTP status, 400..599.
        detail: What happened, in one sentence.
        remedy: What the reader can do about it (an extension member).
        code: The error's stable code (an extension member).
        facts: The same as data (an extension member).

    Source:
        M. Nottingham, E. Wilde, S. Dalal (2023), Problem details for HTTP APIs, RFC 9457.
    """

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    code: str
    facts: Mapping[str, str]


def status_of(error: ShipworthyError) -> int:
    """The HTTP status that says the same.

    >>> status_of(NotFound("no run 'x'", remedy="look at the list"))
    404
    """
    return next((int(status) for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_of(error: ShipworthyError) -> Problem:
    """Problem details of one of our errors."""
    status = status_of(error)
    return Problem(
        type=f"urn:shipworthy:problem:{error.code}",
        title=(type(error).__doc__ or HTTPStatus(status).phrase).split("\n")[0].rstrip("."),
        status=status,
        detail=error.problem,
        remedy=error.remedy,
        code=error.code,
        facts={name: str(value) for name, value in error.facts.items()},
    )
