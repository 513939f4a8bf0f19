"""A run: its leaderboard by value, and everything needed to repeat it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shipworthy.app.views import words
from shipworthy.app.views.goal import GoalView, view_goal
from shipworthy.app.views.reading import Estimate, Part, Workspace, read_all, read_one
from shipworthy.stores.documents import Document

__all__ = ["CandidateRow", "DataUsed", "FeatureRow", "RunRow", "RunView", "view_run", "view_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRow:
    """One line of the leaderboard.

    Attributes:
        kind: ``baseline``, ``linear`` or ``lightgbm``.
        proposed: Whether the run proposes this one.
        value: Value per 1,000 decisions, with its interval, in the goal's unit.
        uplift: The same over the baseline.
        metrics: Every metric, each in its own unit.
        latency_us: Time of one row, in microseconds.
        size_bytes: Size of its graph.
        seconds: Time to fit it.
        parameters: Its parameters as text.
    """

    name: str
    kind: str
    proposed: bool
    value: Estimate
    uplift: Estimate
    metrics: Mapping[str, Estimate]
    latency_us: float | None
    size_bytes: float | None
    seconds: float | None
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUsed:
    """One snapshot that a run was trained on."""

    source: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature, and why it may be known at decision time."""

    name: str
    type: str
    known_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One training in a list."""

    id: str
    project: str
    started_at: datetime | None
    took: timedelta | None
    candidates: int
    proposal: str
    sentence: str
    uplift: Estimate
    unit: str
    package: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One training in full.

    Attributes:
        sentence: Why this candidate is proposed.
        candidates: The leaderboard, best value first.
        validation: Rows, days and dates of training and validation, in words.
        commit: Git commit of the code; empty when it was not under version control.
        dirty: Whether files differed from that commit.
        environment: Digest of the environment lock.
        goal: The project's goal, for the units.
    """

    id: str
    project: str
    started_at: datetime | None
    finished_at: datetime | None
    sentence: str
    proposal: str
    candidates: tuple[CandidateRow, ...]
    validation: str
    commit: str
    dirty: bool
    data: tuple[DataUsed, ...]
    features: tuple[FeatureRow, ...]
    parameters: Mapping[str, str]
    seed: str
    environment: str
    budget_s: float | None
    package: str | None
    goal: GoalView


def view_runs(workspace: Workspace) -> tuple[RunRow, ...]:
    """Every run, newest first."""
    units = {one.id: view_goal(Part(one.body).part("goal")).per_1000 for one in read_all(workspace, "project")}
    return tuple(_row(one, units) for one in read_all(workspace, "run", 200))


def view_run(workspace: Workspace, name: str) -> RunView:
    """One run in full.

    Raises:
        NotFound: If there is no such run.
    """
    document = read_one(workspace, "run", name)
    body = Part(document.body)
    projects = (Part(one.body) for one in read_all(workspace, "project") if one.id == body.text("project"))
    goal = next((one.part("goal") for one in projects), Part(None))
    return run_of(document, view_goal(goal))


def run_of(document: Document, goal: GoalView) -> RunView:
    """Read one run's document."""
    body, code = Part(document.body), Part(document.body).part("code")
    return RunView(
        id=document.id,
        project=body.text("project"),
        started_at=body.instant("started_at"),
        finished_at=body.instant("finished_at"),
        sentence=body.text("sentence"),
        proposal=body.text("proposal"),
        candidates=_leaderboard(body),
        validation=_validation(body.part("validation")),
        commit=code.text("commit"),
        dirty=code.flag("dirty"),
        data=tuple(
            DataUsed(source=one.text("source"), digest=one.text("digest"), rows=one.whole("rows"))
            for one in body.parts("data")
        ),
        features=tuple(
            FeatureRow(name=one.text("name"), type=one.text("type"), known_at=one.text("known_at"))
            for one in body.parts("features")
        ),
        parameters={name: _plain(part) for name, part in body.part("parameters").items()},
        seed=body.text("seed"),
        environment=body.text("environment"),
        budget_s=body.number("budget_s"),
        package=body.text("package") or None,
        goal=goal,
    )


def _row(document: Document, units: Mapping[str, str]) -> RunRow:
    body = Part(document.body)
    started, finished = body.instant("started_at"), body.instant("finished_at")
    board = _leaderboard(body)
    proposed = next((one for one in board if one.proposed), None)
    return RunRow(
        id=document.id,
        project=body.text("project"),
        started_at=started,
        took=finished - started if started and finished else None,
        candidates=len(board),
        proposal=body.text("proposal"),
        sentence=body.text("sentence"),
        uplift=proposed.uplift if proposed else Estimate(value=None),
        unit=units.get(body.text("project"), ""),
        package=body.text("package") or None,
    )


def _leaderboard(body: Part) -> tuple[CandidateRow, ...]:
    rows = [_candidate(one, body.text("proposal")) for one in body.parts("candidates")]
    return tuple(sorted(rows, key=lambda one: -(one.value.value if one.value.value is not None else float("-inf"))))


def _candidate(body: Part, proposal: str) -> CandidateRow:
    metrics = body.part("metrics")
    return CandidateRow(
        name=body.text("name"),
        kind=body.text("kind"),
        proposed=body.flag("proposed") or body.text("name") == proposal,
        value=metrics.estimate("value_per_1000"),
        uplift=metrics.estimate("uplift_per_1000"),
        metrics={name: metrics.estimate(name) for name, _ in metrics.items()},
        latency_us=body.number("latency_us"),
        size_bytes=body.number("size_bytes"),
        seconds=body.number("seconds"),
        parameters={name: _plain(part) for name, part in body.part("parameters").items()},
    )


def _validation(body: Part) -> str:
    if not body:
        return ""
    trained = f"trained on {words.count(body.number('train_rows'))} rows"
    if body.get("train_from"):
        trained += f" of {body.text('train_from')[:10]} to {body.text('train_to')[:10]}"
    held = f"validated on the {words.count(body.number('rows'))} rows of the {words.count(body.number('blocks'))} days"
    return f"{trained}; {held} after it, {body.text('from')[:10]} to {body.text('to')[:10]}"


def _plain(part: Part) -> str:
    return words.exact(float(f"{part.body:.6g}")) if isinstance(part.body, float) else str(part.body)
