"""The overview: a row per project, and whether every model earns what it should."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import stdev

from shipworthy.app.views import words
from shipworthy.app.views.health import Health, Mark, rank, worst
from shipworthy.app.views.reading import Estimate, Workspace, read_all
from shipworthy.app.views.story import Headline, Story, headline_of, marks_of, read_story, waits_for
from shipworthy.app.views.windows import read_windows

__all__ = ["Overview", "ProjectRow", "Spark", "view_overview"]

SPARK_WINDOWS = 60
WEEK = 7
T_OF_SIX = 2.447  # 97.5th percentile of Student's t with six degrees of freedom


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Value over the baseline per 1,000 decisions, a point per window, oldest first.

    Attributes:
        days: Start of each window.
        values: The mean of the seven windows up to it, because single days swing.
        lows: Lower end of the mean's 95 % interval, from the spread of the seven.
        highs: Upper end of it.
    """

    days: tuple[datetime, ...]
    values: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """One project at a glance.

    Attributes:
        age: How long it stands at this stage; None when that cannot be told.
        uplift: Value over the baseline per 1,000 decisions.
        total: The same, summed over everything that matured, in the goal's unit.
        marks: Health of data, model and service.
        waits_for: Who or what it waits for; empty when nobody.
    """

    name: str
    owner: str
    question: str
    stage: str
    stage_since: datetime | None
    age: timedelta | None
    endpoint: str
    headline: Headline
    uplift: Estimate
    total: float | None
    unit: str
    per_1000: str
    spark: Spark
    marks: tuple[Mark, ...]
    incidents: int
    waits_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every project of the workspace, those that need a look first."""

    headline: Headline
    projects: tuple[ProjectRow, ...]


def view_overview(workspace: Workspace) -> Overview:
    """Read every project."""
    rows = [_row(workspace, read_story(workspace, one.id)) for one in read_all(workspace, "project")]
    rows.sort(key=lambda one: (rank(one.headline.health), one.name))
    return Overview(headline=_headline(rows), projects=tuple(rows))


def _row(workspace: Workspace, story: Story) -> ProjectRow:
    now = workspace.clock.now()
    windows = read_windows(workspace, story.endpoint) if story.endpoint else ()
    marks = marks_of(story, now)
    known = [one for one in windows if one.uplift is not None and one.labelled]
    return ProjectRow(
        name=story.name,
        owner=story.owner,
        question=story.goal.question,
        stage=story.stage,
        stage_since=story.stage_since,
        age=now - story.stage_since if story.stage_since and story.stage_since <= now else None,
        endpoint=story.endpoint,
        headline=headline_of(story, marks),
        uplift=story.performance.uplift,
        total=sum(one.uplift or 0 for one in known) if known else None,
        unit=story.goal.unit,
        per_1000=story.goal.per_1000,
        spark=_spark([(one.start, one.uplift_per_1000 or 0, one.labelled) for one in known[-SPARK_WINDOWS:]]),
        marks=marks,
        incidents=len(story.incidents),
        waits_for=waits_for(story),
    )


def _spark(points: list[tuple[datetime, float, int]]) -> Spark:
    weeks = [points[end - WEEK : end] for end in range(WEEK, len(points) + 1)]
    means = tuple(sum(v * n for _, v, n in week) / sum(n for _, _, n in week) for week in weeks)
    halves = tuple(T_OF_SIX * stdev(v for _, v, _ in week) / math.sqrt(WEEK) for week in weeks)
    return Spark(
        days=tuple(week[-1][0] for week in weeks),
        values=means,
        lows=tuple(mean - half for mean, half in zip(means, halves, strict=True)),
        highs=tuple(mean + half for mean, half in zip(means, halves, strict=True)),
    )


def _headline(rows: list[ProjectRow]) -> Headline:
    if not rows:
        return Headline(health=Health.UNKNOWN, sentence="There is no project in this workspace yet.")
    health = worst(one.headline.health for one in rows)
    troubled = [one for one in rows if one.headline.health in {Health.BROKEN, Health.LOOK}]
    if troubled:
        names = ", ".join(one.name for one in troubled[:3])
        needs = "needs" if len(troubled) == 1 else "need"
        sentence = f"{words.plural(len(troubled), 'project')} of {len(rows)} {needs} a look: {names}."
    elif health is Health.WELL:
        sentence = "Every model earns what it should." if len(rows) > 1 else "The model earns what it should."
    else:
        sentence = f"{words.plural(len(rows), 'project')} on the way; nothing needs a look."
    units = {one.unit for one in rows if one.total is not None}
    if len(units) != 1:  # different units cannot be added
        return Headline(health=health, sentence=sentence)
    figure = words.amount(sum(one.total or 0 for one in rows), units.pop(), signed=True)
    return Headline(health=health, sentence=sentence, figure=figure, note="realised over what is done today")
