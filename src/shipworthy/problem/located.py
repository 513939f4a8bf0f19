"""YAML in which every value knows its line: so that an error can say where it stands.

A small, strict YAML: one document, the types of JSON only (``yes`` and ``2013-10-01`` are texts), no key twice,
no anchors, no tags.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from shipworthy.core.digests import Json
from shipworthy.core.errors import UserError

__all__ = ["Located", "lines_of", "parse_yaml", "plain"]

_LIMIT_BYTES = 1 << 20
_LIMIT_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a YAML file.

    Attributes:
        value: A scalar, a list of located items, or a dict of located values by key.
        line: Line where the value begins, from 1.
        key_line: Line of the key in front of it; that of the value where there is no key.
    """

    value: "str | int | float | bool | list[Located] | dict[str, Located] | None"
    line: int
    key_line: int


class _Loader(yaml.SafeLoader):
    """PyYAML's loader with the scalar rules of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (as the base declares)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]{1,18}$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def parse_yaml(text: str | bytes, *, file: str, kind: type[UserError]) -> Located:
    """Read one YAML document.

    Args:
        text: The file's content; bytes are UTF-8.
        file: Name of the file as messages should give it.
        kind: The error to raise.

    Raises:
        UserError: Of ``kind``, naming file and line, if the text is no such YAML.
    """
    if len(text) > _LIMIT_BYTES:
        raise kind(f"{file} is larger than 1 MiB", remedy="give the file itself, not data", file=file)
    try:
        content = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        _screen(content, file, kind)
        root = yaml.compose(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _wrong(kind, file, mark.line + 1 if mark else 1, error.problem or "no YAML") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _wrong(kind, file, 1, f"no YAML in UTF-8 ({error})".replace("\n", " ")) from error
    if root is None:
        raise kind(f"{file} is empty", remedy="write the file, or let `shipworthy init` draft one", file=file)
    return _locate(root, file, kind, key_line=None)


def plain(node: Located) -> Json:
    """The value without its lines."""
    if isinstance(node.value, dict):
        return {key: plain(inner) for key, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


def lines_of(node: Located, field: str = "") -> Iterator[tuple[str, int]]:
    """Every dotted field below a node with the line of its key, such as ``("goal.value", 12)``."""
    if isinstance(node.value, dict):
        for key, inner in node.value.items():
            yield from lines_of(inner, f"{field}.{key}" if field else key)
    elif isinstance(node.value, list):
        for index, inner in enumerate(node.value):
            yield from lines_of(inner, f"{field}[{index}]")
    yield field, node.key_line


def _screen(content: str, file: str, kind: type[UserError]) -> None:
    """Refuse what would cost much before anything is built: deep nesting, and aliases that multiply."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(kind, file, line, "an alias (*name), which is not supported")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _LIMIT_DEPTH:
            raise _wrong(kind, file, line, "nested too deep")


def _locate(node: yaml.Node, file: str, kind: type[UserError], *, key_line: int | None) -> Located:
    line = node.start_mark.line + 1
    key_line = key_line or line
    if isinstance(node, yaml.MappingNode):
        return Located(_entries(node, file, kind), line, key_line)
    if isinstance(node, yaml.SequenceNode):
        items = [_locate(inner, file, kind, key_line=None) for inner in node.value]
        return Located(items, line, key_line)
    return Located(_scalar(node, file, kind), line, key_line)


def _entries(node: yaml.MappingNode, file: str, kind: type[UserError]) -> dict[str, Located]:
    entries: dict[str, Located] = {}
    for key, inner in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(kind, file, line, "a key that is no text")
        if key.value in entries:
            first = entries[key.value].key_line
            raise _wrong(kind, file, line, f"key {key.value!r} stands there twice, first in line {first}")
        entries[key.value] = _locate(inner, file, kind, key_line=line)
    return entries


_READERS: Mapping[str, "type[int] | type[float] | type[str]"] = {"int": int, "float": float, "str": str}


def _scalar(node: yaml.Node, file: str, kind: type[UserError]) -> str | int | float | bool | None:
    prefix, _, tag = node.tag.rpartition(":")
    text = str(node.value)
    if prefix != "tag:yaml.org,2002" or tag not in {"null", "bool", *_READERS}:
        raise _wrong(kind, file, node.start_mark.line + 1, f"a value with the tag {node.tag!r}, which is not supported")
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    try:
        return _READERS[tag](text)
    except ValueError as error:
        raise _wrong(kind, file, node.start_mark.line + 1, f"{text[:40]!r} is no number that can be read") from error


def _wrong(kind: type[UserError], file: str, line: int, what: str) -> UserError:
    return kind(f"{file}, line {line}: {what}", remedy="mend that line", file=file, line=line)
