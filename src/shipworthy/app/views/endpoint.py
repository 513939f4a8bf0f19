"""An endpoint: traffic, latency, scores, value against the baseline over time, and its variants."""

from dataclasses import dataclass
from datetime import datetime

from shipworthy.app.views import words
from shipworthy.app.views.goal import GoalView, view_goal
from shipworthy.app.views.health import Health, Mark, data_mark, model_mark, service_mark, worst
from shipworthy.app.views.incident import IncidentRow, row_of
from shipworthy.app.views.project import Moment, moments_of
from shipworthy.app.views.reading import Part, Workspace, read_all
from shipworthy.app.views.story import Headline, plan_in_force
from shipworthy.app.views.windows import (
    Performance,
    WindowRow,
    newest_window,
    read_performance,
    read_windows,
    view_performance,
)
from shipworthy.core.errors import NotFound

__all__ = ["EndpointRow", "EndpointView", "PlanRow", "Totals", "VariantRow", "view_endpoint", "view_endpoints"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """One package behind the endpoint, with its share of the traffic."""

    name: str
    role: str
    package: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan that was ever in force."""

    number: int
    made_at: datetime | None
    why: str
    by: str
    approval: str
    variants: tuple[VariantRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the windows that are shown.

    Attributes:
        failed: Requests that got no answer.
        fallback: Requests that the baseline answered.
        invalid: Requests that broke the contract.
        p99_ms: The worst window's p99 latency, in ms.
        maturity: Share of predictions whose outcome is known.
        uplift: Value over the baseline, in the goal's unit.
    """

    requests: int
    failed: int
    fallback: int
    invalid: int
    p99_ms: float | None
    maturity: float | None
    uplift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """One endpoint in a list."""

    name: str
    project: str
    headline: Headline
    plan: int
    variants: tuple[VariantRow, ...]
    requests: int
    p99_ms: float | None
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """One endpoint over a range of time.

    Attributes:
        plans: Every plan, newest first; the first is in force.
        windows: The windows in the range, oldest first.
        first: Start of the oldest window there is, whatever the range.
        last: End of the newest one.
        moments: Plans and incidents to mark on pictures.
    """

    name: str
    project: str
    goal: GoalView
    headline: Headline
    marks: tuple[Mark, ...]
    plans: tuple[PlanRow, ...]
    windows: tuple[WindowRow, ...]
    totals: Totals
    first: datetime | None
    last: datetime | None
    performance: Performance
    moments: tuple[Moment, ...]
    incidents: tuple[IncidentRow, ...]


def view_endpoints(workspace: Workspace) -> tuple[EndpointRow, ...]:
    """Every endpoint, by name."""
    names = {Part(one.body).text("endpoint") for one in read_all(workspace, "plan")}
    names |= {Part(one.body).text("endpoint") for one in read_all(workspace, "project")}
    rows = []
    for name in sorted(names - {""}):
        view = view_endpoint(workspace, name)
        if view.plans or view.windows:
            rows.append(_row(view))
    return tuple(rows)


def view_endpoint(
    workspace: Workspace, name: str, start: datetime | None = None, end: datetime | None = None
) -> EndpointView:
    """Read one endpoint.

    Args:
        workspace: Where to look.
        name: The endpoint's name.
        start: Windows that begin from here on; None for all.
        end: Windows that begin before; None for all.

    Raises:
        NotFound: If no project and no plan names this endpoint.
    """
    plans = tuple(_plan(Part(one.body)) for one in read_all(workspace, "plan", endpoint=name))
    project = next((one for one in read_all(workspace, "project") if Part(one.body).text("endpoint") == name), None)
    if project is None and not plans:
        raise NotFound(
            f"there is no endpoint {name!r} in this workspace",
            remedy="look through the list of endpoints; `shipworthy serve` makes one",
            endpoint=name,
        )
    goal = view_goal(Part(project.body).part("goal") if project else Part(None))
    every = read_windows(workspace, name)
    windows = read_windows(workspace, name, start, end)
    measured, now = read_performance(workspace, name), workspace.clock.now()
    open_ones = read_all(workspace, "incident", endpoint=name, status="open")
    newest = newest_window(workspace, name)
    marks = (
        data_mark(newest, ()),
        model_mark(measured, incidents=len(open_ones)),
        service_mark(newest, budget_ms=goal.latency_ms, now=now),
    )
    performance = view_performance(measured)
    return EndpointView(
        name=name,
        project=project.id if project else "",
        goal=goal,
        headline=_headline(performance, goal, marks, serves=plan_in_force(workspace, name) is not None),
        marks=marks,
        plans=tuple(sorted(plans, key=lambda one: -one.number)),
        windows=windows,
        totals=_totals(windows),
        first=every[0].start if every else None,
        last=every[-1].end if every else None,
        performance=performance,
        moments=moments_of(workspace, name),
        incidents=tuple(row_of(one) for one in open_ones),
    )


def _row(view: EndpointView) -> EndpointRow:
    newest = view.plans[0] if view.plans else None
    return EndpointRow(
        name=view.name,
        project=view.project,
        headline=view.headline,
        plan=newest.number if newest else 0,
        variants=newest.variants if newest else (),
        requests=view.totals.requests,
        p99_ms=view.windows[-1].p99_ms if view.windows else None,
        last=view.last,
    )


def _plan(body: Part) -> PlanRow:
    plan = body.part("plan")
    return PlanRow(
        number=plan.whole("number"),
        made_at=body.instant("made_at"),
        why=body.text("why"),
        by=body.text("by"),
        approval=body.text("approval"),
        variants=tuple(
            VariantRow(
                name=one.text("name"),
                role=one.text("role"),
                package=one.text("package"),
                weight=one.number("weight") or 0.0,
            )
            for one in plan.parts("variants")
        ),
    )


def _totals(windows: tuple[WindowRow, ...]) -> Totals:
    predictions, labelled = sum(one.predictions for one in windows), sum(one.labelled for one in windows)
    latencies = [one.p99_ms for one in windows if one.p99_ms is not None]
    uplifts = [one.uplift for one in windows if one.uplift is not None]
    return Totals(
        requests=sum(one.requests for one in windows),
        failed=sum(one.failed for one in windows),
        fallback=sum(one.outcomes.get("fallback", 0) for one in windows),
        invalid=sum(one.outcomes.get("invalid", 0) for one in windows),
        p99_ms=max(latencies, default=None),
        maturity=min(labelled / predictions, 1.0) if predictions else None,
        uplift=sum(uplifts) if uplifts else None,
    )


def _headline(performance: Performance, goal: GoalView, marks: tuple[Mark, ...], *, serves: bool) -> Headline:
    if not serves:
        return Headline(health=Health.UNKNOWN, sentence="It has no plan yet, so it serves nothing.")
    health = worst(one.health for one in marks)
    troubled = [one for one in marks if one.health is health and health in {Health.BROKEN, Health.LOOK}]
    sentence = "It serves well." if health is Health.WELL else "It serves; not everything is known yet."
    if troubled:
        sentence = "; ".join(f"{one.about}: {one.text}" for one in troubled).capitalize() + "."
    uplift = performance.uplift
    interval = words.between(uplift.low, uplift.high, goal.per_1000, signed=True)
    return Headline(
        health=health,
        sentence=sentence,
        figure=words.amount(uplift.value, goal.per_1000, signed=True) if uplift.value is not None else "",
        note=f"over what is done today; 95 % interval {interval}" if interval else "",
        as_of=performance.as_of,
    )
