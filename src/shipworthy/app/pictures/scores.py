"""The distribution of scores now against the reference of training."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shipworthy.app.pictures import theme
from shipworthy.app.pictures.picture import Picture
from shipworthy.app.pictures.series import ordered
from shipworthy.app.views import words
from shipworthy.core.digests import Json
from shipworthy.stats.histogram import psi

__all__ = ["draw_scores"]

_A_CHANGE, _A_LARGE_CHANGE = 0.1, 0.2
_FEWEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counts:
    """Predictions by score, now and in training, on the same edges; ``training`` is None where it is not known."""

    edges: tuple[float, ...]
    now: NDArray[np.int64]
    training: NDArray[np.int64] | None

    @property
    def middle(self) -> list[float]:
        return [(low + high) / 2 for low, high in pairwise(self.edges)]

    @property
    def shares(self) -> tuple[list[float], list[float | None]]:
        """Shares now and in training."""
        now: list[float] = (self.now / self.now.sum()).tolist()
        if self.training is None:
            return now, [None] * len(now)
        return now, (self.training / self.training.sum()).tolist()


def draw_scores(windows: Iterable[Mapping[str, Json]], *, threshold: float | None = None) -> Picture | None:
    """Shares of predictions by score: bars for the windows given, a line for the training data.

    Args:
        windows: Bodies of documents of kind ``window``; those with the edges of the newest are summed.
        threshold: The probability from which is acted, a fraction; None for no line.

    Returns:
        None if no window has a score.
    """
    counts = _counts(windows)
    if counts is None:
        return None
    now, training = counts.shares
    over = [] if threshold is None else [theme.upright(threshold, f"acts from {threshold:g}")]
    if counts.training is not None:
        # On the flank of the distribution, where the plot is empty above the line.
        flank = int(np.flatnonzero(counts.training >= counts.training.max() / 3)[-1])
        over.append(
            theme.label(counts.middle[flank], training[flank] or 0.0, "&nbsp; grey line: training", anchor="left")
        )
    return Picture(
        name="scores",
        title=_title(counts),
        figure=theme.figure(
            _traces(counts, now, training),
            x=theme.axis("probability that was said", range=[counts.edges[0], counts.edges[-1]]),
            y=theme.axis("share of predictions", tickformat=".0%", rangemode="tozero"),
            over=over,
            bargap=0,
        ),
        columns=("from", "to", "predictions now", "share now", "share in training"),
        rows=tuple(
            (low, high, count, share, then)
            for (low, high), count, share, then in zip(
                pairwise(counts.edges), counts.now.tolist(), now, training, strict=True
            )
        ),
        note=f"Bars: {words.plural(int(counts.now.sum()), 'prediction')} in production. "
        "Grey line: rows held out in training.",
    )


def _counts(windows: Iterable[Mapping[str, Json]]) -> _Counts | None:
    scored = [one.part("scores") for one in ordered(windows) if sum(one.part("scores").numbers("counts"))]
    if not scored:
        return None
    edges, reference = scored[-1].numbers("edges"), scored[-1].numbers("reference")
    now = np.array([one.numbers("counts") for one in scored if one.numbers("edges") == edges]).sum(axis=0)
    training = np.array(reference, dtype=np.int64) if len(reference) == len(edges) - 1 and any(reference) else None
    return _Counts(edges=edges, now=now.astype(np.int64), training=training)


def _traces(counts: _Counts, now: list[float], training: list[float | None]) -> list[theme.Part]:
    bars: theme.Part = {
        "type": "bar",
        "x": list(counts.middle),
        "y": list(now),
        "width": [high - low for low, high in pairwise(counts.edges)],
        "name": "now",
        "marker": {"color": theme.ACCENT, "opacity": 0.55},
        "hovertemplate": "score %{x:.3f}<br>now %{y:.1%}<extra></extra>",
    }
    if counts.training is None:
        return [bars]
    step: theme.Part = {"color": theme.GREY, "width": 2, "shape": "hvh"}
    return [bars, theme.line(counts.middle, training, "training", line=step)]


def _title(counts: _Counts) -> str:
    said = words.plural(int(counts.now.sum()), "prediction")
    if counts.training is None:
        return f"Scores of {said}"
    if counts.now.sum() < _FEWEST:
        return f"{said}: too few to hold against training"
    distance = psi(counts.training, counts.now)
    verb = "much like" if distance < _A_CHANGE else "unlike" if distance < _A_LARGE_CHANGE else "quite unlike"
    return f"Scores are {verb} those of training (population stability index {words.number(distance, 2)})"
