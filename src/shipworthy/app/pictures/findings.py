"""The picture of a finding, by the kind that its evidence names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from shipworthy.app.pictures.bars import draw_bars, draw_skill_gap
from shipworthy.app.pictures.calibration import draw_calibration
from shipworthy.app.pictures.features import draw_single_feature_auc
from shipworthy.app.pictures.latency import draw_latency_curve
from shipworthy.app.pictures.margin import draw_value_margin
from shipworthy.app.pictures.picture import Picture
from shipworthy.core.digests import Json

__all__ = ["DRAWN", "draw_finding"]

DRAWN: Final[Mapping[str, Callable[[Mapping[str, Json]], Picture | None]]] = {
    "bars": draw_bars,
    "calibration": draw_calibration,
    "latency": draw_latency_curve,
    "single_feature_auc": draw_single_feature_auc,
    "skill_gap": draw_skill_gap,
    "value_margin": draw_value_margin,
}


def draw_finding(finding: Mapping[str, Json]) -> Picture | None:
    """Draw what convinces in a finding; the picture has the name of its check.

    Args:
        finding: What ``Finding.to_json`` wrote.

    Returns:
        None if its evidence names no picture, names ``"table"`` (its rows speak for themselves), or holds no numbers.
    """
    evidence = finding.get("evidence")
    if not isinstance(evidence, Mapping):
        return None
    draw = DRAWN.get(str(evidence.get("picture")))
    drawn = draw(evidence) if draw else None
    return replace(drawn, name=str(finding["check"])) if drawn else None
