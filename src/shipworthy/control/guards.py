"""Guards of a rollout: evidence that the canary fails more, or answers more slowly, than the champion.

Both are e-processes: they may be looked at after every request. The false-alarm rate is split evenly between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shipworthy.core.digests import Json
from shipworthy.stats.eprocess import Evidence, mean_e_value

__all__ = ["LEVELS", "Guard", "Guards", "Seen"]

LEVELS: Final = (0.5, 0.9, 0.99)
"""The champion's latency quantiles beyond which an answer counts as slow."""

_GUARDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Traffic since the last look, while the canary's share was the same.

    Attributes:
        canary: Requests that the canary got.
        champion: Requests that the champion got.
        canary_errors: Those that ended in an error or a time-out.
        champion_errors: The same for the champion.
        canary_slow: Answers slower than the champion's reference p50, p90 and p99, in this order.
        champion_slow: The same for the champion.

    Raises:
        ValueError: If a count is negative or larger than the requests.
    """

    canary: int = 0
    champion: int = 0
    canary_errors: int = 0
    champion_errors: int = 0
    canary_slow: tuple[int, int, int] = (0, 0, 0)
    champion_slow: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        canary = (self.canary_errors, *self.canary_slow)
        champion = (self.champion_errors, *self.champion_slow)
        if not (all(0 <= one <= self.canary for one in canary) and all(0 <= one <= self.champion for one in champion)):
            raise ValueError(f"counts do not fit together: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One guard as it stands.

    Attributes:
        name: ``"errors"`` or ``"latency"``.
        e_value: The evidence against the canary so far, >= 0.
        line: From where on it is dismissed.
        crossed: Whether it ever was at the line or over it.
    """

    name: str
    e_value: float
    line: float
    crossed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """All evidence of one rollout; grows over all of its steps, and a crossing is never forgotten.

    Attributes:
        errors: Evidence on errors and time-outs.
        slow: Evidence on answers slower than the reference p50, p90 and p99.
        crossed: Names of the guards that ever crossed their line.
        alpha: Chance that an equally good canary is ever rolled back, a fraction in (0, 1).

    Source:
        The average of e-processes on three exceedances is Shipworthy's (false alarms .040 at alpha .05; 20 % slower
        everywhere is found after 146 canary requests at the median, METHODS 5); splitting alpha is Bonferroni's.
    """

    errors: Evidence = field(default_factory=Evidence)
    slow: tuple[Evidence, Evidence, Evidence] = (Evidence(), Evidence(), Evidence())
    crossed: frozenset[str] = frozenset()
    alpha: float = 0.05

    def add(self, seen: Seen, *, share: float) -> "Guards":
        """The guards after more traffic at the canary's share ``share``, a fraction in (0, 1)."""
        errors = self.errors.add(canary=seen.canary_errors, champion=seen.champion_errors, share=share)
        p50, p90, p99 = (
            evidence.add(canary=canary, champion=champion, share=share)
            for evidence, canary, champion in zip(self.slow, seen.canary_slow, seen.champion_slow, strict=True)
        )
        grown = Guards(errors=errors, slow=(p50, p90, p99), crossed=self.crossed, alpha=self.alpha)
        now = {one.name for one in grown.all() if one.e_value >= one.line}
        return Guards(errors=errors, slow=grown.slow, crossed=self.crossed | now, alpha=self.alpha)

    def all(self) -> tuple[Guard, ...]:
        """Every guard as it stands."""
        line = _GUARDS / self.alpha
        values = {"errors": self.errors.e_value, "latency": mean_e_value(*self.slow)}
        return tuple(
            Guard(name=name, e_value=value, line=line, crossed=name in self.crossed) for name, value in values.items()
        )

    def to_json(self) -> dict[str, Json]:
        """Plain JSON, from which :meth:`from_json` makes equal guards."""
        return {
            "alpha": self.alpha,
            "crossed": sorted(self.crossed),
            "errors": _write(self.errors),
            "slow": [_write(one) for one in self.slow],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Json]) -> "Guards":
        """Read what :meth:`to_json` wrote.

        Raises:
            TypeError: If a part of it is of another kind.
        """
        p50, p90, p99 = (_read(one) for one in _list(body["slow"]))
        return cls(
            alpha=float(str(body["alpha"])),
            crossed=frozenset(str(one) for one in _list(body["crossed"])),
            errors=_read(body["errors"]),
            slow=(p50, p90, p99),
        )


def _write(evidence: Evidence) -> dict[str, Json]:
    return {"log_bets": list(evidence.log_bets), "canary": evidence.canary, "champion": evidence.champion}


def _read(body: Json) -> Evidence:
    if not isinstance(body, Mapping):
        raise TypeError(f"{body!r} is no evidence")
    bets = tuple(float(str(one)) for one in _list(body["log_bets"]))
    return Evidence(log_bets=bets, canary=int(str(body["canary"])), champion=int(str(body["champion"])))


def _list(value: Json) -> Sequence[Json]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{value!r} is no list")
    return value
