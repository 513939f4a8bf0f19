"""The project file as a JSON Schema, for editors: derived from the shape that the reader follows."""

from shipworthy.core.digests import Json
from shipworthy.problem.project_shape import PROJECT_SHAPE
from shipworthy.problem.shape import PLACEHOLDER, Choice, Flag, Items, Key, MapOf, Number, Shape, Table, Text

__all__ = ["json_schema", "project_schema"]


def project_schema() -> dict[str, Json]:
    """JSON Schema (draft 2020-12) of ``shipworthy.yaml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "shipworthy.yaml",
        "description": "One business question with its data and its way to production.",
        **json_schema(PROJECT_SHAPE),
    }


def json_schema(shape: Shape) -> dict[str, Json]:
    """JSON Schema that accepts exactly the values that have ``shape``.

    >>> json_schema(Choice(("direct", "canary")))
    {'enum': ['direct', 'canary']}
    """
    if isinstance(shape, Table):
        return _of_table(shape)
    if isinstance(shape, MapOf):
        names = json_schema(shape.name)
        below = json_schema(shape.of)
        return {
            "type": "object",
            "minProperties": shape.at_least,
            "propertyNames": names,
            "additionalProperties": below,
        }
    if isinstance(shape, Items):
        return {"type": "array", "minItems": shape.at_least, "items": json_schema(shape.of)}
    return _of_scalar(shape)


def _of_table(shape: Table) -> dict[str, Json]:
    schema: dict[str, Json] = {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, key in shape.keys.items() if key.required],
        "properties": {name: _of_key(key) for name, key in shape.keys.items()},
    }
    return schema | {"minProperties": shape.at_least} if shape.at_least else schema


def _of_key(key: Key) -> dict[str, Json]:
    return ({"description": key.about} if key.about else {}) | json_schema(key.of)


def _of_scalar(shape: Shape) -> dict[str, Json]:
    if isinstance(shape, Text):
        base: dict[str, Json] = {"type": "string", "pattern": rf"^(?!{PLACEHOLDER})[\s\S]*\S"}
        return base | {"allOf": [{"pattern": shape.pattern}]} if shape.pattern else base
    if isinstance(shape, Choice):
        return {"enum": list(shape.texts)}
    if isinstance(shape, Flag):
        return {"type": "boolean"}
    if isinstance(shape, Number):
        limits: dict[str, Json] = {}
        if shape.minimum is not None:
            limits["minimum"] = shape.minimum
        if shape.above is not None:
            limits["exclusiveMinimum"] = shape.above
        return {"type": "integer" if shape.whole else "number", **limits}
    return {}
