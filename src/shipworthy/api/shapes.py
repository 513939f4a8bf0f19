"""Models of the views, for answers and for the OpenAPI document: made from the same dataclasses, field by field."""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, create_model

from shipworthy.core.digests import Json

__all__ = ["shape_of"]

# Plain JSON refers to itself, which the library cannot resolve; for its readers it is any JSON.
_JSON = {Json: Any, Mapping[str, Json]: dict[str, Any], Sequence[Json]: list[Any]}


@cache
def shape_of(view: type) -> type[BaseModel]:
    """The model that describes and writes a view.

    >>> from shipworthy.app.views.reading import Estimate
    >>> sorted(shape_of(Estimate).model_json_schema()["properties"])
    ['high', 'low', 'value']
    """
    fields = {one.name: (_typed(one.type), ...) for one in dataclasses.fields(view)}
    made = create_model(  # type: ignore[call-overload]
        view.__name__,
        __config__=ConfigDict(from_attributes=True),
        __doc__=(view.__doc__ or "").split("\n", maxsplit=1)[0],
        **fields,
    )
    return cast("type[BaseModel]", made)


def _typed(given: object) -> Any:  # noqa: ANN401 - a type expression has no type of its own
    for known, stand_in in _JSON.items():
        if given == known:
            return stand_in
    if isinstance(given, type) and dataclasses.is_dataclass(given):
        return shape_of(given)
    origin, inner = get_origin(given), get_args(given)
    if origin is None or not inner:
        return given
    parts = tuple(one if one is Ellipsis else _typed(one) for one in inner)
    if origin in {Union, types.UnionType}:
        return Union[parts]  # noqa: UP007 - the members are known only now
    if origin is Mapping:
        return dict[parts]  # type: ignore[valid-type, misc]
    return list[parts] if origin is Sequence else origin[parts]  # type: ignore[valid-type]
