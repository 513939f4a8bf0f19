"""The plan of an endpoint: its desired state, immutable and numbered; the data plane follows the newest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shipworthy.core.digests import Json

__all__ = ["Plan", "Role", "Variant"]

_MOST = 1 << 53
_Made = TypeVar("_Made", "Plan", "Variant")


class Role(StrEnum):
    """What a variant is there for."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A package behind an endpoint.

    Attributes:
        name: Short name that records carry, such as ``"champion"``.
        role: What it is there for.
        package: Digest of the package; 64 hex characters.
        weight: Share of the traffic that it answers, a fraction in [0, 1]; 0 for shadows.
    """

    name: str
    role: Role
    package: str
    weight: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"variant {self.name!r}: weight {self.weight} is no fraction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Desired state of one endpoint.

    Attributes:
        endpoint: Stable name that callers use.
        number: Counts up from 1 with each change.
        variants: At least one; the weights sum to 1.
        fallback: Whether the package's baseline answers when a model cannot.
        approved: Whether a person approved every variant; False only for ``serve PATH`` on loopback.
        salt: Enters the sticky assignment of callers to variants.
    """

    endpoint: str
    number: int
    variants: tuple[Variant, ...]
    fallback: bool = True
    approved: bool = True
    salt: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.number < _MOST:
            raise ValueError(f"plan {self.number} of {self.endpoint!r}: the number counts up from 1")
        total = sum(variant.weight for variant in self.variants)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"plan {self.number} of {self.endpoint!r}: weights sum to {total}, not 1")
        champions = sum(variant.role is Role.CHAMPION for variant in self.variants)
        if champions != 1 or len({variant.name for variant in self.variants}) < len(self.variants):
            raise ValueError(f"plan {self.number} of {self.endpoint!r}: it needs one champion, and names that differ")

    @property
    def champion(self) -> Variant:
        """The variant that carries the endpoint."""
        return next(variant for variant in self.variants if variant.role is Role.CHAMPION)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes an equal plan."""
        return {
            "endpoint": self.endpoint,
            "number": self.number,
            "fallback": self.fallback,
            "approved": self.approved,
            "salt": self.salt,
            "variants": [
                {"name": one.name, "role": one.role.value, "package": one.package, "weight": one.weight}
                for one in self.variants
            ],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "Plan":
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: If a value is out of range, or an attribute is unknown or of another type.
            TypeError: If ``body`` or its variants have another form, or an attribute is missing.
            KeyError: If it has no variants.
        """
        known = dict(body)
        variants = known.pop("variants")
        if not isinstance(variants, Sequence) or isinstance(variants, str):
            raise TypeError("variants is no list")
        made = tuple(_made(Variant, one) for one in variants)
        return _made(cls, {**known, "variants": made})


_FORMS: Mapping[str, type | tuple[type, ...]] = {
    "endpoint": str,
    "number": int,
    "variants": tuple,
    "fallback": bool,
    "approved": bool,
    "salt": str,
    "name": str,
    "role": str,
    "package": str,
    "weight": (int, float),
}


def _made(kind: "type[_Made]", body: object) -> "_Made":
    """An object of ``kind`` from its attributes, each of the type that it should have.

    Raises:
        ValueError: If one is unknown or of another type.
        TypeError: If ``body`` is no object, or one is missing.
    """
    if not isinstance(body, Mapping):
        raise TypeError(f"{body!r:.80} is no {kind.__name__.lower()}")
    for name, value in body.items():
        fits = isinstance(value, _FORMS.get(name, ())) and (isinstance(value, bool) is (_FORMS[name] is bool))
        if not fits or name not in kind.__slots__:
            raise ValueError(f"{name!r:.80} is unknown or has another form: {value!r:.80}")
    return kind(**({**body, "role": Role(body["role"])} if "role" in body else body))
