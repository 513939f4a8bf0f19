"""What a page's address asks for, read with bounds: whatever cannot be meant is an error that names the parameter."""

from collections.abc import Collection
from datetime import datetime

from starlette.datastructures import QueryParams

from shipworthy.core.clock import parse_instant
from shipworthy.core.errors import InvalidRequest

__all__ = ["choice", "instant", "text", "whole"]

MOST_CHARACTERS = 200


def text(query: QueryParams, name: str) -> str:
    """The text of a parameter, without spaces around it; empty when it is missing.

    Raises:
        InvalidRequest: If it is longer than 200 characters, or has a control character.
    """
    value = query.get(name, "").strip()
    if len(value) > MOST_CHARACTERS:
        raise _invalid(name, f"is longer than {MOST_CHARACTERS} characters", "shorten it")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise _invalid(name, "has a control character", "take it out")
    return value


def choice(query: QueryParams, name: str, among: Collection[str]) -> str:
    """One of a few words; empty when it is missing.

    Raises:
        InvalidRequest: If it is none of them.
    """
    value = text(query, name)
    if value and value not in among:
        raise _invalid(name, f"is {value!r}", f"give one of {', '.join(sorted(among))}")
    return value


def instant(query: QueryParams, name: str) -> datetime | None:
    """An ISO 8601 date or time, UTC where it has no offset; None when it is missing.

    Raises:
        InvalidRequest: If it is no date or time.
    """
    value = text(query, name)
    if not value:
        return None
    try:
        # A plus sign in an address arrives as a space; behind a time it was the sign of an offset.
        return parse_instant(value.replace(" ", "+") if "T" in value else value)
    except (ValueError, OverflowError) as error:
        raise _invalid(name, f"is {value!r}", "give a date or time such as 2013-11-01T14:05") from error


def whole(query: QueryParams, name: str, default: int, *, low: int, high: int) -> int:
    """A whole number in ``[low, high]``.

    Raises:
        InvalidRequest: If it is none, or out of range.
    """
    value = text(query, name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit()) or not low <= int(value) <= high:
        raise _invalid(name, f"is {value!r}", f"give a whole number in {low}..{high}")
    return int(value)


def _invalid(name: str, what: str, remedy: str) -> InvalidRequest:
    return InvalidRequest(f"the parameter {name!r} {what}", remedy=remedy, parameter=name)
