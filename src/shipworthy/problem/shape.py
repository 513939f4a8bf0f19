"""Shapes: what a file may hold, said once as data; reading it and its JSON Schema both follow from that.

A shape says structure: keys, types, forms of texts. What the values mean together (a goal that can be reached,
steps that rise) is for whoever builds the nouns from them.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from shipworthy.core.digests import Json
from shipworthy.core.errors import UserError
from shipworthy.problem.located import Located, lines_of, plain
from shipworthy.problem.nearest import nearest_name

__all__ = [
    "PLACEHOLDER",
    "Anything",
    "Choice",
    "Document",
    "Flag",
    "Items",
    "Key",
    "MapOf",
    "Number",
    "Shape",
    "Table",
    "Text",
    "read_document",
]

_Made = TypeVar("_Made")

PLACEHOLDER = "FILL IN"
"""A text that begins so is a question that ``shipworthy init`` could not answer; nothing reads it as a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that is not blank.

    Attributes:
        pattern: Regular expression that a part of it has to match (anchor it to mean all); None for any text.
        form: The pattern in words, for messages, such as ``"a duration such as 60s, 10m, 2h or 1d"``.
    """

    pattern: str | None = None
    form: str = "a text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number; with ``whole``, an integer."""

    minimum: float | None = None
    above: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, kept as it is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list of values of one shape."""

    of: "Shape"
    at_least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """Values of one shape by names that the writer chooses."""

    of: "Shape"
    name: Text = field(default_factory=Text)
    at_least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table: the shape of its value, whether it has to be there, and what it means."""

    of: "Shape"
    required: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Known keys, each with its shape; any other key is an error."""

    keys: Mapping[str, Key]
    at_least: int = 0


Shape = Text | Number | Flag | Anything | Choice | Items | MapOf | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that has its shape.

    Attributes:
        file: Name of the file, for messages.
        values: What it says.
        lines: Line of every dotted field.
        kind: Chooses the error for a field.
    """

    file: str
    values: Mapping[str, Json]
    lines: Mapping[str, int]
    kind: Callable[[str], type[UserError]]

    def error(self, where: str, problem: str, *, remedy: str) -> UserError:
        """An error that names file, line and field."""
        line = self.lines.get(where, 1)
        return self.kind(where)(
            f"{self.file}, line {line}: {problem}", remedy=remedy, file=self.file, line=line, field=where
        )

    def made(self, where: str, make: Callable[[], _Made]) -> _Made:
        """What ``make`` makes; what it refuses is told with file, line and field."""
        try:
            return make()
        except UserError as error:
            if "line" in error.facts:
                raise
            field = str(error.facts.get("field", where))
            raise self.error(field, error.problem, remedy=error.remedy) from error


def read_document(shape: Table, root: Located, *, file: str, kind: Callable[[str], type[UserError]]) -> Document:
    """Hold a parsed file against its shape.

    Args:
        shape: What the file may hold.
        root: The parsed file.
        file: Name of the file as messages should give it.
        kind: The error class for a dotted field.

    Raises:
        UserError: Naming file, line, field, and the nearest known key or the form that is expected.
    """
    walk = _Walk(file=file, kind=kind)
    walk.check(shape, root, "")
    values = plain(root)
    assert isinstance(values, Mapping)
    return Document(file=file, values=values, lines=dict(lines_of(root)), kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    file: str
    kind: Callable[[str], type[UserError]]

    def check(self, shape: Shape, node: Located, where: str) -> None:
        if isinstance(node.value, str) and node.value.startswith(PLACEHOLDER):
            asked = node.value.removeprefix(PLACEHOLDER).strip(" :")
            raise self.wrong(node, where, "is still to be filled in", remedy=asked or "replace it by your own answer")
        if isinstance(shape, Table):
            self._table(shape, node, where)
        elif isinstance(shape, MapOf):
            self._map(shape, node, where)
        elif isinstance(shape, Items):
            self._items(shape, node, where)
        else:
            self._scalar(shape, node, where)

    def _table(self, shape: Table, node: Located, where: str) -> None:
        entries = self._entries(node, where, at_least=shape.at_least, known=shape.keys)
        for name, inner in entries.items():
            if name not in shape.keys:
                raise self._unknown(name, inner, where, shape.keys)
            self.check(shape.keys[name].of, inner, _below(where, name))
        for name, key in shape.keys.items():
            if key.required and name not in entries:
                raise self.wrong(node, _below(where, name), "is missing", remedy=key.about or f"add {name}:")

    def _map(self, shape: MapOf, node: Located, where: str) -> None:
        for name, inner in self._entries(node, where, at_least=shape.at_least, known=()).items():
            if not _matches(shape.name, name):
                raise self.wrong(inner, _below(where, name), f"is named {name!r}", remedy=f"name it {shape.name.form}")
            self.check(shape.of, inner, _below(where, name))

    def _entries(self, node: Located, where: str, *, at_least: int, known: Iterable[str]) -> dict[str, Located]:
        if not isinstance(node.value, dict):
            remedy = f"write keys below it: {', '.join(known)}" if known else "write 'name: value' lines below it"
            raise self.wrong(node, where, f"is {_described(node)}, not a set of keys", remedy=remedy)
        if len(node.value) < at_least:
            names = f", such as {next(iter(known))}" if known else ""
            raise self.wrong(node, where, "is empty", remedy=f"give at least {at_least}{names}")
        return node.value

    def _items(self, shape: Items, node: Located, where: str) -> None:
        if not isinstance(node.value, list):
            raise self.wrong(node, where, f"is {_described(node)}, not a list", remedy="write [one, two]")
        if len(node.value) < shape.at_least:
            raise self.wrong(node, where, "is empty", remedy=f"give at least {shape.at_least}")
        for index, inner in enumerate(node.value):
            self.check(shape.of, inner, f"{where}[{index}]")

    def _scalar(self, shape: Text | Number | Flag | Anything | Choice, node: Located, where: str) -> None:
        if not _fits(shape, node.value):
            near = nearest_name(str(node.value), shape.texts) if isinstance(shape, Choice) else ""
            remedy = f"give {_expected(shape)}{near}"
            raise self.wrong(node, where, f"is {_described(node)}, not {_expected(shape)}", remedy=remedy)

    def _unknown(self, name: str, node: Located, where: str, known: Iterable[str]) -> UserError:
        near = nearest_name(name, known) or f"; known here: {', '.join(known)}"
        return self.wrong(node, _below(where, name), "is no known key", remedy=f"remove or correct {name!r}{near}")

    def wrong(self, node: Located, where: str, what: str, *, remedy: str) -> UserError:
        return self.kind(where)(
            f"{self.file}, line {node.key_line}: {where or 'the file'} {what}",
            remedy=remedy,
            file=self.file,
            line=node.key_line,
            field=where,
        )


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _fits(shape: Text | Number | Flag | Anything | Choice, value: object) -> bool:
    if isinstance(shape, Text):
        return isinstance(value, str) and _matches(shape, value)
    if isinstance(shape, Number):
        return _in_range(shape, value)
    if isinstance(shape, Flag):
        return isinstance(value, bool)
    return isinstance(shape, Anything) or value in shape.texts


def _in_range(shape: Number, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    whole = not shape.whole or float(value).is_integer()
    return whole and not (shape.minimum is not None and value < shape.minimum) and not _too_low(shape.above, value)


def _too_low(above: float | None, value: float) -> bool:
    return above is not None and value <= above


def _matches(shape: Text, value: str) -> bool:
    return bool(value.strip()) and (shape.pattern is None or re.search(shape.pattern, value) is not None)


def _described(node: Located) -> str:
    if isinstance(node.value, dict):
        return "a set of keys"
    if isinstance(node.value, list):
        return "a list"
    if node.value is None:
        return "empty"
    return str(node.value).lower() if isinstance(node.value, bool) else repr(node.value)


def _expected(shape: Text | Number | Flag | Anything | Choice) -> str:
    if isinstance(shape, Text):
        return shape.form
    if isinstance(shape, Choice):
        return " or ".join(shape.texts)
    if isinstance(shape, Number):
        kind = "a whole number" if shape.whole else "a number"
        low = f" of at least {shape.minimum:g}" if shape.minimum is not None else ""
        return kind + (f" above {shape.above:g}" if shape.above is not None else low)
    return "true or false"
