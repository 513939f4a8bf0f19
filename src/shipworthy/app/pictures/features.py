"""How much each feature tells alone, against what the whole model tells."""

from collections.abc import Mapping

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.views import words
from shipworthy.app.views.reading import Part
from shipworthy.core.digests import Json

__all__ = ["draw_single_feature_auc"]


def draw_single_feature_auc(evidence: Mapping[str, Json]) -> Picture | None:
    """AUC of each feature alone; one beyond the limit knows what it cannot know.

    Args:
        evidence: ``{"features": [{"name", "auc"}], "model", "limit"}`` of the check ``leakage.single_feature``.

    Returns:
        None if there is no feature.
    """
    part = Part(evidence)
    known = [(one.text("name"), value) for one in part.parts("features") if (value := one.number("auc")) is not None]
    if not known:
        return None
    ranked = sorted(known, key=lambda one: one[1])
    limit, model = part.number("limit"), part.number("model")
    colours = [theme.WARM if limit is not None and value >= limit else theme.GREY for _, value in ranked]
    bars: theme.Part = {
        "type": "bar",
        "orientation": "h",
        "x": [value for _, value in ranked],
        "y": [name for name, _ in ranked],
        "marker": {"color": list(colours), "opacity": 0.8},
        "hovertemplate": "%{y} alone: AUC %{x:.3f}<extra></extra>",
    }
    # The limit is labelled at the foot, the model at the middle: the longest bars are at the top.
    over = [] if limit is None else [theme.upright(limit, f"certain leak {limit:g}", top=0.12)]
    if model is not None:
        over.append(theme.upright(model, f"model {words.number(model)}", colour=theme.ACCENT, top=0.24, anchor="right"))
    name, best = ranked[-1]
    return Picture(
        name="single_feature_auc",
        title=f"{name} alone tells most (AUC {words.number(best)})"
        + (f"; the whole model reaches {words.number(model)}" if model is not None else ""),
        figure=theme.figure(
            [bars],
            x=theme.axis("AUC of the feature alone (0.5 tells nothing)", range=[0.5, 1.0]),
            y=theme.axis("", type="category", tickmode="linear", dtick=1),
            over=over,
            height=max(220, 90 + 22 * len(ranked)),
        ),
        columns=("feature", "AUC alone"),
        rows=tuple(reversed(ranked)),
        note="Ranked by a shallow tree on one feature; no feature should rival the model that has all of them.",
    )
