"""Writing YAML that people go on editing: block style, keys in the order given, a comment beside a value."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from shipworthy.core.digests import Json

__all__ = ["render_yaml"]

# What reads back as a text without quotes: words of plain characters that are no other YAML type, not even in 1.1.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
_OTHER_TYPES = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# JSON is YAML, except for characters that YAML wants spelt.
_SPELT = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}


def render_yaml(value: Mapping[str, Json], *, comments: Mapping[str, str] | None = None) -> str:
    """A YAML document that :func:`~shipworthy.problem.located.parse_yaml` reads back as ``value``.

    Args:
        value: What to write.
        comments: For a dotted field, such as ``"schema[0].name"``, the comment behind it; one line each.

    >>> print(render_yaml({"a": {"b": [1, "x y"]}}, comments={"a.b[1]": "confirm"}), end="")
    a:
      b:
        - 1
        - x y  # confirm
    """
    return "\n".join(_mapping(value, "", 0, comments or {})) + "\n"


def _mapping(value: Mapping[str, Json], where: str, depth: int, comments: Mapping[str, str]) -> Iterator[str]:
    for key, inner in value.items():
        field = f"{where}.{key}" if where else key
        yield from _entry(f"{'  ' * depth}{_scalar(key)}:", inner, field, depth + 1, comments)


def _sequence(value: Sequence[Json], where: str, depth: int, comments: Mapping[str, str]) -> Iterator[str]:
    for index, inner in enumerate(value):
        field = f"{where}[{index}]"
        if isinstance(inner, Mapping) and inner:
            # The first key stands behind the dash, the others below it.
            lines = list(_mapping(inner, field, depth + 1, comments))
            yield f"{'  ' * depth}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield from _entry(f"{'  ' * depth}-", inner, field, depth + 1, comments)


def _entry(head: str, value: Json, where: str, depth: int, comments: Mapping[str, str]) -> Iterator[str]:
    comment = f"  # {comments[where]}" if where in comments else ""
    if isinstance(value, Mapping) and value:
        yield head + comment
        yield from _mapping(value, where, depth, comments)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head + comment
        yield from _sequence(value, where, depth, comments)
    else:
        yield f"{head} {_scalar(value)}{comment}"


def _scalar(value: Json) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _OTHER_TYPES:
        return value
    return json.dumps(value, ensure_ascii=False).translate(_SPELT)
