"""A project: its goal in the owner's words, the loop as a strip, and what it earned."""

from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.goal import GoalView
from shipworthy.app.views.health import Health, Mark, of_findings
from shipworthy.app.views.incident import IncidentRow, view_incidents
from shipworthy.app.views.reading import Part, Ref, Workspace, read_all
from shipworthy.app.views.run import RunView, run_of
from shipworthy.app.views.story import Headline, Story, headline_of, marks_of, read_story, waits_for
from shipworthy.app.views.windows import Performance, WindowRow, read_windows
from shipworthy.core.findings import Status

__all__ = ["Moment", "ProjectView", "Step", "view_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the loop.

    Attributes:
        health: ``unknown`` while it was not reached.
        text: What stands there, in a few words.
        ref: Where to read more; None when there is nothing yet.
    """

    name: str
    health: Health
    text: str
    ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision that belongs on a picture of time."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """One project.

    Attributes:
        steps: The loop from goal to verdict, in order.
        run: The newest run with its leaderboard; None before there is one.
        windows: Production by window, oldest first.
        total: Value over the baseline summed over everything that matured, in the goal's unit.
        moments: Plans and incidents to mark on pictures.
        waits_for: Who or what it waits for; empty when nobody.
    """

    name: str
    owner: str
    stage: str
    stage_since: datetime | None
    headline: Headline
    marks: tuple[Mark, ...]
    goal: GoalView
    steps: tuple[Step, ...]
    run: RunView | None
    endpoint: str
    performance: Performance
    windows: tuple[WindowRow, ...]
    total: float | None
    moments: tuple[Moment, ...]
    incidents: tuple[IncidentRow, ...]
    waits_for: str


def view_project(workspace: Workspace, name: str) -> ProjectView:
    """Read one project.

    Raises:
        NotFound: If there is no such project.
    """
    story = read_story(workspace, name)
    windows = read_windows(workspace, story.endpoint) if story.endpoint else ()
    marks = marks_of(story, workspace.clock.now())
    uplifts = [one.uplift for one in windows if one.uplift is not None]
    return ProjectView(
        name=story.name,
        owner=story.owner,
        stage=story.stage,
        stage_since=story.stage_since,
        headline=headline_of(story, marks),
        marks=marks,
        goal=story.goal,
        steps=_steps(workspace, story, windows),
        run=run_of(story.run, story.goal) if story.run else None,
        endpoint=story.endpoint,
        performance=story.performance,
        windows=windows,
        total=sum(uplifts) if uplifts else None,
        moments=moments_of(workspace, story.endpoint),
        incidents=view_incidents(workspace, project=name),
        waits_for=waits_for(story),
    )


def moments_of(workspace: Workspace, endpoint: str) -> tuple[Moment, ...]:
    """Plans and incidents of an endpoint, oldest first."""
    found = []
    for one in read_all(workspace, "plan", endpoint=endpoint):
        body = Part(one.body)
        made_at = body.instant("made_at")
        if made_at:
            found.append(Moment(at=made_at, text=f"plan {body.part('plan').whole('number')}"))
    for one in read_all(workspace, "incident", endpoint=endpoint):
        opened = Part(one.body).instant("opened_at")
        if opened:
            found.append(Moment(at=opened, text="incident"))
    return tuple(sorted(found, key=lambda one: one.at))


def _steps(workspace: Workspace, story: Story, windows: tuple[WindowRow, ...]) -> tuple[Step, ...]:
    return (
        Step(name="goal", health=Health.WELL, text=_bars(story.goal)),
        _contract(workspace, story),
        _feasibility(story),
        _training(story),
        _gate(story),
        _approval(story),
        _endpoint(story, windows),
        _labels(windows),
        _verdict(story),
    )


def _bars(goal: GoalView) -> str:
    first = goal.good_enough[0] if goal.good_enough else ""
    return f"good enough: {first}" if first else goal.question


def _contract(workspace: Workspace, story: Story) -> Step:
    sources = {
        Part(one.body).text("source"): Part(one.body).whole("rows")
        for one in reversed(read_all(workspace, "snapshot", project=story.name))
    }
    if not sources:
        return Step(name="contract", health=Health.UNKNOWN, text="no data seen yet")
    found = story.findings("contract")
    text = f"{words.plural(len(sources), 'source')}, {words.count(max(sources.values()))} rows"
    health = of_findings(found) if found else Health.WELL
    return Step(name="contract", health=health, text=text, ref=Ref(kind="data", id=story.name))


def _feasibility(story: Story) -> Step:
    found = story.findings("feasibility")
    if found:
        return Step(name="feasibility", health=of_findings(found), text=words.plural(len(found), "check"))
    if story.reached("feasibility") or story.run is not None:
        return Step(name="feasibility", health=Health.WELL, text="worth modelling")
    return Step(name="feasibility", health=Health.UNKNOWN, text="not looked at yet")


def _training(story: Story) -> Step:
    if story.run is None:
        return Step(name="training", health=Health.UNKNOWN, text="no run yet")
    body = Part(story.run.body)
    text = f"{words.plural(len(body.parts('candidates')), 'candidate')}, {body.text('proposal')} proposed"
    return Step(name="training", health=Health.WELL, text=text, ref=Ref(kind="run", id=story.run.id))


def _gate(story: Story) -> Step:
    if story.verdict is None or story.judged is None:
        return Step(name="gate", health=Health.UNKNOWN, text="not judged yet")
    failed = len(story.verdict.blocking())
    total = words.plural(len(story.verdict.findings), "check")
    warned = sum(one.status is Status.WARNED for one in story.verdict.findings)
    text = f"{failed} of {total} failed" if failed else f"{total}, {warned or 'none'} warned"
    return Step(
        name="gate", health=of_findings(story.verdict.findings), text=text, ref=Ref(kind="verdict", id=story.judged.id)
    )


def _approval(story: Story) -> Step:
    if story.approval is None or story.judged is None:
        text = "waits for a person" if story.verdict is not None and story.verdict.passed else "nothing to approve"
        health = Health.LOOK if story.verdict is not None and story.verdict.passed else Health.UNKNOWN
        return Step(name="approval", health=health, text=text)
    body = Part(story.approval.body)
    yes = body.text("decision") == "yes"
    return Step(
        name="approval",
        health=Health.WELL if yes else Health.BROKEN,
        text=f"{body.text('person')} said {body.text('decision')}",
        ref=Ref(kind="verdict", id=story.judged.id),
    )


def _endpoint(story: Story, windows: tuple[WindowRow, ...]) -> Step:
    if story.plan is None:
        return Step(name="endpoint", health=Health.UNKNOWN, text="serves nothing yet")
    number = Part(story.plan.body).part("plan").whole("number")
    requests = words.plural(sum(one.requests for one in windows), "request")
    health = Health.BROKEN if any(one.failed for one in windows[-1:]) else Health.WELL
    return Step(
        name="endpoint",
        health=health,
        text=f"plan {number}, {requests}",
        ref=Ref(kind="endpoint", id=story.endpoint),
    )


def _labels(windows: tuple[WindowRow, ...]) -> Step:
    predictions = sum(one.predictions for one in windows)
    labelled = sum(one.labelled for one in windows)
    if not labelled:
        return Step(name="labels", health=Health.UNKNOWN, text="no outcome known yet")
    known = labelled / max(predictions, labelled)
    return Step(name="labels", health=Health.WELL, text=f"{words.share(known)} of outcomes known")


def _verdict(story: Story) -> Step:
    reached = story.performance
    if not reached.labelled:
        return Step(name="verdict", health=Health.UNKNOWN, text="waits for outcomes")
    text = "under good enough" if reached.missed else "good enough"
    health = Health.BROKEN if reached.missed else Health.WELL
    return Step(name="verdict", health=health, text=text, ref=Ref(kind="endpoint", id=story.endpoint))
