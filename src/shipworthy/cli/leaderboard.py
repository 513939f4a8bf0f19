"""A run's candidates as lines: the proposal marked, and why it was proposed."""

from collections.abc import Mapping, Sequence
from typing import cast

from shipworthy.cli.output import table
from shipworthy.core.digests import Json

__all__ = ["leaderboard_lines"]

_HEAD = ("", "candidate", "uplift per 1,000", "95 % interval", "AUC", "ECE", "one row", "size", "took")


def leaderboard_lines(run: Mapping[str, Json]) -> list[str]:
    """The candidates of a ``run`` document, best value first.

    Args:
        run: Body of the document.
    """
    candidates = cast("Sequence[Mapping[str, Json]]", run["candidates"])
    rows = [_row(one) for one in sorted(candidates, key=_value, reverse=True)]
    return [*table(_HEAD, rows), "", str(run["sentence"])]


def _value(candidate: Mapping[str, Json]) -> float:
    return float(str(_metric(candidate, "value_per_1000").get("estimate") or 0.0))


def _row(candidate: Mapping[str, Json]) -> tuple[object, ...]:
    uplift = _metric(candidate, "uplift_per_1000")
    return (
        "->" if candidate["proposed"] else "",
        candidate["name"],
        _number(uplift.get("estimate"), "+,.0f"),
        f"{_number(uplift.get('low'), '+,.0f')} to {_number(uplift.get('high'), '+,.0f')}",
        _number(_metric(candidate, "auc").get("estimate"), ".3f"),
        _number(_metric(candidate, "calibration_error").get("estimate"), ".3f"),
        f"{_number(candidate.get('latency_us'), '.0f')} us",
        f"{_number(candidate.get('size_bytes'), ',.0f')} B",
        f"{_number(candidate.get('seconds'), '.1f')} s",
    )


def _metric(candidate: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    return cast("Mapping[str, Mapping[str, Json]]", candidate["metrics"]).get(name, {})


def _number(value: Json, form: str) -> str:
    return format(float(value), form) if isinstance(value, int | float) else "?"
